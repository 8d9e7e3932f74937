/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "plug.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/client.h"

#define ASK_MSEC 500 /* how often the guest is asked while it is at it */
#define HOPELESS_TIMES \
	3 /* in a row: what the kernel says of a device at once may change */

/* --- checks */

static void fill_wish(const struct virt *virt, uint64_t size, struct capacity_wish *wish)
{
	memset(wish, 0, sizeof(*wish));
	wish->size = size;
	wish->device = virt->options.device;
	wish->model = virt->options.model;
	wish->node = virt->options.node;
	wish->dimm = virt->options.dimm_bytes;
	wish->force = virt->options.force;
}

static bool check_persistent(const struct target *target)
{
	if (!target->virt->options.persistent || target->persistent)
		return true;
	virt_fail(target->virt, VIRT_FAILED,
		  "domain %s has no persistent configuration, as --persistent needs",
		  target->name);
	return false;
}

/* --- doing */

/* The domain as it is. false: it no longer runs. */
static bool refresh(struct target *target, struct outcome *outcome)
{
	if (target_refresh(target) != -ENOENT)
		return true;
	outcome->code = VIRT_FAILED;
	snprintf(outcome->why, sizeof(outcome->why), "the domain no longer runs");
	return false;
}

static uint64_t plugged_bytes(const struct change *change)
{
	return change->step.kind == CAPACITY_ATTACH ? change->step.size
						    : change->step.size - change->before;
}

static enum capacity_progress progress_of(const struct target *target,
					  const struct change *change)
{
	const struct capacity_device *device = target_device(target, change->alias);

	if (!device || !target->told)
		return CAPACITY_WAITING;
	/* Another may have changed it since. */
	if (change->step.kind == CAPACITY_RESIZE && device->current < change->step.size)
		return CAPACITY_WAITING;
	return capacity_progress(device);
}

/* All DONE, or one that is HOPELESS, or WAITING; outcome->done is what is online. */
static enum capacity_progress progress(const struct target *target,
				       struct outcome *outcome)
{
	enum capacity_progress all = CAPACITY_DONE;
	size_t i;

	outcome->done = 0;
	for (i = 0; i < outcome->count; i++) {
		const struct change *change = &outcome->changes[i];
		enum capacity_progress one = progress_of(target, change);

		if (one == CAPACITY_DONE)
			outcome->done += plugged_bytes(change);
		else if (all != CAPACITY_HOPELESS)
			all = one;
	}
	return all;
}

static void say_why_not(const struct target *target, struct outcome *outcome,
			const char *how)
{
	size_t i;

	for (i = 0; i < outcome->count; i++) {
		const struct change *change = &outcome->changes[i];
		const struct capacity_device *device =
			target_device(target, change->alias);

		if (progress_of(target, change) == CAPACITY_DONE)
			continue;
		snprintf(outcome->why, sizeof(outcome->why), "%s: %s: %s", change->alias,
			 how,
			 !target->told ? guest_state_text(target->fault.error)
			 : device      ? device->cause
				       : "no longer there");
		return;
	}
}

/* Until the guest has all of it online. false: it has not, and outcome->why says so. */
static bool wait_online(struct target *target, struct outcome *outcome)
{
	unsigned hopeless = 0;

	for (;;) {
		struct host_event event;
		uint64_t now;
		enum capacity_progress all;

		if (!refresh(target, outcome))
			return false;
		all = progress(target, outcome);
		if (all == CAPACITY_DONE)
			return true;
		hopeless = all == CAPACITY_HOPELESS ? hopeless + 1 : 0;
		now = client_now_msec();
		if (hopeless >= HOPELESS_TIMES || now >= target->until_msec) {
			outcome->code = VIRT_UNKNOWN;
			say_why_not(target, outcome,
				    hopeless ? "the guest's kernel refused it"
					     : "not online in time");
			return false;
		}
		target_show_progress(target);
		target_next_event(target, now + ASK_MSEC, &event);
	}
}

bool plug_begin(struct target *target, const struct capacity_plan *plan,
		struct outcome *outcome)
{
	size_t i;

	for (i = 0; i < plan->count; i++) {
		struct change *change = &outcome->changes[outcome->count++];

		change_init(target, &plan->steps[i], change);
		change_plug(target, change);
		if (change->end != CHANGE_DONE) {
			outcome_blame(outcome, change);
			return false;
		}
		if (target_reread(target) == -ENOENT) {
			change->end = CHANGE_GONE;
			outcome_blame(outcome, change);
			return false;
		}
	}
	return true;
}

/* What does not go is left, and what may still come by a call that was not answered is said. */
void plug_take_back(struct target *target, struct outcome *outcome)
{
	bool left = false, unknown = false;
	size_t i;

	target->until_msec = client_now_msec() + target->virt->options.timeout_sec * 1000;
	for (i = outcome->count; i-- > 0;) {
		struct change *change = &outcome->changes[i];

		unknown = unknown || change->end == CHANGE_UNKNOWN;
		if (change->end != CHANGE_DONE || target_refresh(target) == -ENOENT)
			continue;
		change_undo(target, change);
		if (change->end == CHANGE_DONE)
			change->end = CHANGE_FAILED;
		else if (change->end != CHANGE_GONE && change->end != CHANGE_UNKNOWN)
			left = true;
		unknown = unknown || change->end == CHANGE_UNKNOWN;
	}
	if (target_refresh(target) == 0)
		progress(target, outcome);
	outcome->code = unknown ? VIRT_UNKNOWN : left ? VIRT_PARTLY : VIRT_FAILED;
	if (!left && !unknown)
		outcome->done = 0;
}

static void do_plug(struct target *target, const struct capacity_plan *plan,
		    struct outcome *outcome)
{
	bool done;

	outcome->asked = plan->bytes;
	done = plug_begin(target, plan, outcome);
	if (done)
		done = wait_online(target, outcome);
	else if (refresh(target, outcome))
		progress(target, outcome);
	if (done) {
		outcome->code = VIRT_DONE;
		return;
	}
	if (outcome->code == VIRT_FAILED && outcome->count == 1 &&
	    outcome->changes[0].end == CHANGE_FAILED)
		return; /* nothing was done */
	if (target->virt->options.keep)
		outcome->code = VIRT_PARTLY;
	else
		plug_take_back(target, outcome);
}

int plug_bytes(struct target *target, uint64_t size)
{
	struct capacity_wish wish;
	struct capacity_plan *plan = calloc(1, sizeof(*plan));
	struct outcome *outcome = calloc(1, sizeof(*outcome));
	int code = VIRT_FAILED;

	if (!plan || !outcome) {
		code = virt_fail(target->virt, VIRT_FAILED, "out of memory");
	} else if (check_persistent(target)) {
		enum capacity_reason reason;

		fill_wish(target->virt, size, &wish);
		target->domain.capacity.host_free = connection_free_memory(
			target->virt->connection, target_answer_until(target));
		reason = capacity_plug(&target->domain.capacity, &wish, plan);
		if (reason != CAPACITY_OK) {
			code = outcome_refuse(target, reason, plan);
		} else if (target->virt->options.dry_run) {
			code = outcome_print_plan(target, plan);
		} else {
			do_plug(target, plan, outcome);
			code = outcome_print(target, outcome);
		}
	}
	free(plan);
	free(outcome);
	return code;
}

/* --- unplug */

void unplug_do(struct target *target, const struct capacity_plan *plan,
	       struct outcome *outcome)
{
	size_t i;

	outcome->asked = plan->bytes;
	for (i = 0; i < plan->count; i++)
		change_init(target, &plan->steps[i], &outcome->changes[outcome->count++]);
	for (i = 0; i < plan->count; i++) {
		struct change *change = &outcome->changes[i];

		change_unplug(target, change);
		if (change->end == CHANGE_PARTLY) {
			const struct capacity_device *device =
				target_device(target, change->alias);

			outcome->done += device && device->current < change->before
						 ? change->before - device->current
						 : 0;
			change_settle(target, change);
		}
		if (change->end != CHANGE_DONE) {
			outcome_blame(outcome, change);
			break;
		}
		outcome->done += change->step.kind == CAPACITY_DETACH
					 ? change->step.size
					 : change->before - change->step.size;
		target_refresh(target);
	}
	target_refresh(target);
	if (i < plan->count && outcome->done > 0 && outcome->code == VIRT_FAILED)
		outcome->code = VIRT_PARTLY;
}

static int unplug(struct target *target, const struct capacity_wish *wish)
{
	struct capacity_plan *plan = calloc(1, sizeof(*plan));
	struct outcome *outcome = calloc(1, sizeof(*outcome));
	int code;

	if (!plan || !outcome) {
		code = virt_fail(target->virt, VIRT_FAILED, "out of memory");
	} else {
		enum capacity_reason reason =
			capacity_unplug(&target->domain.capacity, wish, plan);

		if (reason != CAPACITY_OK) {
			code = outcome_refuse(target, reason, plan);
		} else if (target->virt->options.dry_run) {
			code = outcome_print_plan(target, plan);
		} else {
			unplug_do(target, plan, outcome);
			code = outcome_print(target, outcome);
		}
	}
	free(plan);
	free(outcome);
	return code;
}

int unplug_bytes(struct target *target, uint64_t size)
{
	struct capacity_wish wish;

	fill_wish(target->virt, size, &wish);
	return unplug(target, &wish);
}

int unplug_device(struct target *target, const char *alias)
{
	struct capacity_wish wish;

	fill_wish(target->virt, 0, &wish);
	wish.device = alias;
	return unplug(target, &wish);
}
