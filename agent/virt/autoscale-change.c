/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "autoscale.h"
#include "io/client.h"
#include "plug.h"

/* libvirt itself gives up waiting for another's job after 30 s. */
#define RESOLVE_USEC 45000000ull

/* --- the result */

static void end(struct keeper *keeper, enum scale_change result)
{
	keeper->result = result;
	keeper->unknown_usec = 0;
}

static void say(struct keeper *keeper, const struct scale_decision *decision,
		const char *what)
{
	char size[VIRT_SIZE_MAX];

	virt_say(&keeper->virt, "domain %s: %s %s: %s", keeper->target.name,
		 scale_action_text(decision->action),
		 virt_size(&keeper->virt, decision->bytes, size), what);
}

static void refuse(struct keeper *keeper, const struct scale_decision *decision,
		   enum capacity_reason reason)
{
	char what[512];

	snprintf(what, sizeof(what), "%s: %s", capacity_reason_text(reason),
		 capacity_reason_help(reason));
	say(keeper, decision, what);
	end(keeper, SCALE_REFUSED);
}

/* What was not answered is known when the host's account says so. */
static void end_by(struct keeper *keeper, const struct scale_decision *decision,
		   const struct outcome *outcome, enum scale_change result)
{
	say(keeper, decision, *outcome->why ? outcome->why : "done");
	if (outcome->code == VIRT_UNKNOWN)
		keeper->unknown_usec = autoscale_now_usec(keeper->scaler);
	else
		end(keeper, result);
}

/* --- plans: those of the verbs plug and unplug */

static void fill_wish(const struct keeper *keeper, uint64_t bytes,
		      struct capacity_wish *wish)
{
	memset(wish, 0, sizeof(*wish));
	wish->size = bytes;
	wish->model = keeper->model;
	wish->node = -1;
}

/*
 * DIMMs of a step each can go one by one; but slots may be few. A guest that needs memory has little
 * or none available: whether its kernel can describe more, core/scale has judged by what cached
 * files can give way (kernel-short).
 */
static enum capacity_reason plan_growth(struct keeper *keeper, uint64_t bytes,
					struct capacity_plan *plan)
{
	struct capacity *capacity = &keeper->target.domain.capacity;
	enum capacity_reason reason;
	struct capacity_wish wish;

	capacity->guest_free = CAPACITY_UNKNOWN;
	fill_wish(keeper, bytes, &wish);
	wish.dimm = keeper->guest->rules.step;
	reason = capacity_plug(capacity, &wish, plan);
	if (reason != CAPACITY_NO_SLOT)
		return reason;
	wish.dimm = 0;
	return capacity_plug(capacity, &wish, plan);
}

static void grow(struct keeper *keeper, const struct scale_decision *decision,
		 struct capacity_plan *plan, struct outcome *outcome)
{
	struct target *target = &keeper->target;
	enum capacity_reason reason = plan_growth(keeper, decision->bytes, plan);

	if (reason != CAPACITY_OK) {
		refuse(keeper, decision, reason);
		return;
	}
	if (plug_begin(target, plan, outcome)) {
		end_by(keeper, decision, outcome, SCALE_DONE);
		return;
	}
	if (outcome->code != VIRT_UNKNOWN)
		plug_take_back(target, outcome);
	end_by(keeper, decision, outcome, SCALE_REFUSED);
}

static void shrink(struct keeper *keeper, const struct scale_decision *decision,
		   struct capacity_plan *plan, struct outcome *outcome)
{
	struct capacity_wish wish;
	enum capacity_reason reason;

	fill_wish(keeper, decision->bytes, &wish);
	reason = capacity_unplug(&keeper->target.domain.capacity, &wish, plan);
	if (reason != CAPACITY_OK) {
		refuse(keeper, decision, reason);
		return;
	}
	unplug_do(&keeper->target, plan, outcome);
	end_by(keeper, decision, outcome, SCALE_DONE);
}

/* --- what the guest does not use */

/* The next device that is not all in use; NULL: none. */
static const struct capacity_device *find_unused(const struct capacity *capacity,
						 uint64_t bytes)
{
	size_t i = capacity->count;

	while (i-- > 0) {
		const struct capacity_device *device = &capacity->devices[i];

		if (device->verdict == CAPACITY_COMPLETE ||
		    device->verdict == CAPACITY_NOT_TOLD)
			continue;
		if (device->model == CAPACITY_VIRTIO_MEM ||
		    (device->model == CAPACITY_DIMM && device->size <= bytes))
			return device;
	}
	return NULL;
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* How much of the device is taken out; 0: that was refused. */
static uint64_t take_out_of(struct keeper *keeper, const struct capacity_device *device,
			    uint64_t bytes, struct capacity_plan *plan,
			    struct outcome *outcome)
{
	char alias[CAPACITY_ALIAS_SIZE];
	struct capacity_wish wish;

	memcpy(alias, device->alias, sizeof(alias));
	fill_wish(keeper, 0, &wish);
	wish.device = alias;
	wish.model = device->model;
	if (device->model == CAPACITY_VIRTIO_MEM)
		wish.size = smaller(bytes, device->requested - smaller(device->requested,
								       device->online));
	if (device->model == CAPACITY_VIRTIO_MEM && !wish.size)
		return 0;
	if (capacity_unplug(&keeper->target.domain.capacity, &wish, plan) != CAPACITY_OK)
		return 0;
	memset(outcome, 0, sizeof(*outcome));
	unplug_do(&keeper->target, plan, outcome);
	return outcome->code == VIRT_DONE ? plan->bytes : 0;
}

static void take_out(struct keeper *keeper, const struct scale_decision *decision,
		     struct capacity_plan *plan, struct outcome *outcome)
{
	uint64_t left = decision->bytes;

	while (left > 0) {
		const struct capacity_device *device =
			find_unused(&keeper->target.domain.capacity, left);
		uint64_t taken = device ? take_out_of(keeper, device, left, plan, outcome)
					: 0;

		if (!taken)
			break;
		left -= smaller(taken, left);
	}
	if (left && !*outcome->why)
		snprintf(outcome->why, sizeof(outcome->why), "nothing of it can go");
	end_by(keeper, decision, outcome, left ? SCALE_REFUSED : SCALE_DONE);
}

void autoscale_change(struct keeper *keeper, const struct scale_decision *decision)
{
	struct capacity_plan *plan = calloc(1, sizeof(*plan));
	struct outcome *outcome = calloc(1, sizeof(*outcome));

	keeper->target.until_msec =
		client_now_msec() + keeper->virt.options.timeout_sec * 1000;
	if (!plan || !outcome) {
		say(keeper, decision, "out of memory");
		end(keeper, SCALE_REFUSED);
	} else if (decision->action == SCALE_GROW) {
		grow(keeper, decision, plan, outcome);
	} else if (decision->action == SCALE_SHRINK) {
		shrink(keeper, decision, plan, outcome);
	} else {
		take_out(keeper, decision, plan, outcome);
	}
	free(plan);
	free(outcome);
}

/* --- by the account */

/* PENDING: it can still be done. */
static enum scale_change judge(const struct scale_memory *memory, uint64_t given,
			       bool late)
{
	switch (memory->stage) {
	case SCALE_ASKED:
		if (given >= memory->given + memory->bytes)
			return SCALE_DONE;
		return late ? SCALE_REFUSED : SCALE_PENDING;
	case SCALE_ASKED_BACK:
		/* How much that was, core/scale sees by itself. */
		if (given + memory->bytes <= memory->given || late)
			return SCALE_DONE;
		return SCALE_PENDING;
	case SCALE_TAKING_OUT:
		if (given + memory->bytes <= memory->given)
			return SCALE_DONE;
		return late ? SCALE_REFUSED : SCALE_PENDING;
	case SCALE_NONE:
	case SCALE_IN_PLACE:
		break;
	}
	return SCALE_PENDING;
}

void autoscale_resolve(struct keeper *keeper, const struct scale_facts *facts)
{
	uint64_t now = autoscale_now_usec(keeper->scaler);
	enum scale_change result;

	if (!keeper->unknown_usec || facts->presence != SCALE_PRESENT)
		return;
	pthread_mutex_lock(&keeper->scaler->mutex);
	result = judge(&keeper->guest->memory, facts->given,
		       now - keeper->unknown_usec > RESOLVE_USEC);
	pthread_mutex_unlock(&keeper->scaler->mutex);
	if (result == SCALE_PENDING)
		return;
	virt_say(&keeper->virt,
		 "domain %s: the last change was %s, by the host's account",
		 keeper->target.name, result == SCALE_DONE ? "done" : "not done");
	end(keeper, result);
}
