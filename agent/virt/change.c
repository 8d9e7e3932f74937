/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "change.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <string.h>

#include "io/client.h"

#define ALIAS_TRIES 8 /* of others who plug at the same time */
#define LOOK_MSEC 1000 /* how often the XML is read while no event comes */
#define STALLED_MSEC 10000 /* virtio-mem moves about once a second */
#define GUEST_SEC_MAX 3600 /* the limit of memonlined */

static const char *const ends[] = {
	[CHANGE_NONE] = "not-begun",	      [CHANGE_DONE] = "done",
	[CHANGE_FAILED] = "failed",	      [CHANGE_BUSY] = "busy",
	[CHANGE_PARTLY] = "partly",	      [CHANGE_UNKNOWN] = "unknown",
	[CHANGE_PENDING] = "pending",	      [CHANGE_FORGOTTEN] = "forgotten",
	[CHANGE_GONE] = "domain-not-running",
};

const char *change_end_text(enum change_end end)
{
	return ends[end];
}

static void set_why(struct change *change, const char *why)
{
	snprintf(change->why, sizeof(change->why), "%s", why);
}

void change_init(struct target *target, const struct capacity_step *step,
		 struct change *change)
{
	const struct capacity_device *device =
		&target->domain.capacity.devices[step->device];

	memset(change, 0, sizeof(*change));
	change->step = *step;
	if (step->kind == CAPACITY_ATTACH) {
		snprintf(change->alias, sizeof(change->alias), CAPACITY_ALIAS "%u",
			 target_free_alias(target));
		return;
	}
	memcpy(change->alias, device->alias, sizeof(change->alias));
	change->before = device->requested;
}

/* What a failed call of libvirt's means. */
static enum change_end end_of_error(struct target *target, struct change *change, int r)
{
	set_why(change, r == -ECOMM ? target->error.message : strerror(-r));
	if (r == -ETIMEDOUT || target_is_cut_off(target))
		return CHANGE_UNKNOWN;
	if (r == -ECOMM && target->error.code == VIR_ERR_OPERATION_TIMEOUT)
		return CHANGE_BUSY;
	return CHANGE_FAILED;
}

static unsigned flags_for(struct target *target, const struct change *change)
{
	bool both = target->virt->options.persistent &&
		    (change->step.kind == CAPACITY_ATTACH ||
		     target_is_configured(target, change->alias));

	return VIR_DOMAIN_AFFECT_LIVE | (both ? VIR_DOMAIN_AFFECT_CONFIG : 0u);
}

/* --- attach */

static int attach(struct target *target, const struct change *change)
{
	struct text xml = TEXT_INIT;
	int r = -ENOMEM;

	domain_put_dimm(&xml, change->alias, change->step.size, change->step.node);
	if (!xml.failed)
		r = host_attach(target->pointer, xml.data, flags_for(target, change),
				target->until_msec, &target->error);
	text_free(&xml);
	return r;
}

/* Another operator may have taken the alias in between. */
static bool take_next_alias(struct target *target, struct change *change)
{
	if (target->error.code != VIR_ERR_CONFIG_UNSUPPORTED ||
	    !strstr(target->error.message, "alias") || target_reread(target) < 0)
		return false;
	snprintf(change->alias, sizeof(change->alias), CAPACITY_ALIAS "%u",
		 target_free_alias(target));
	return true;
}

/* It may have been done all the same: the XML knows. */
static void look_for(struct target *target, struct change *change)
{
	int r = target_reread(target);

	if (r == -ENOENT)
		change->end = CHANGE_GONE;
	else if (r == 0 && target_device(target, change->alias))
		change->end = CHANGE_DONE;
}

static void plug_dimm(struct target *target, struct change *change)
{
	unsigned tries = ALIAS_TRIES;
	int r;

	do {
		r = attach(target, change);
	} while (r == -ECOMM && --tries > 0 && take_next_alias(target, change));
	change->end = r == 0 ? CHANGE_DONE : end_of_error(target, change, r);
	if (change->end == CHANGE_UNKNOWN)
		look_for(target, change);
}

/* --- resize */

static int request(struct target *target, struct change *change, uint64_t bytes)
{
	struct text xml = TEXT_INIT;
	int r = target_reread(target);

	if (r == 0)
		r = domain_put_request(&xml, target->xml, change->alias, bytes);
	if (r == 0)
		r = host_update(target->pointer, xml.data, flags_for(target, change),
				target->until_msec, &target->error);
	text_free(&xml);
	return r;
}

static void resize(struct target *target, struct change *change, uint64_t bytes)
{
	const struct capacity_device *device;
	int r = request(target, change, bytes);

	if (r == -ENOENT) {
		change->end = CHANGE_GONE;
		return;
	}
	change->end = r == 0 ? CHANGE_DONE : end_of_error(target, change, r);
	if (change->end != CHANGE_UNKNOWN || target_reread(target) < 0)
		return;
	device = target_device(target, change->alias);
	if (device && device->requested == bytes)
		change->end = CHANGE_DONE;
}

/* Until what is plugged is what is asked for, or has moved and stopped; a busy guest begins late. */
static void follow_resize(struct target *target, struct change *change)
{
	uint64_t moved_msec = 0, last = change->before;

	for (;;) {
		const struct capacity_device *device;
		struct host_event event;
		uint64_t now = client_now_msec();

		if (target_reread(target) == -ENOENT) {
			change->end = CHANGE_GONE;
			return;
		}
		device = target_device(target, change->alias);
		if (device && device->current == change->step.size) {
			change->end = CHANGE_DONE;
			return;
		}
		if (device && device->current != last) {
			last = device->current;
			moved_msec = now;
		}
		if (now >= target->until_msec ||
		    (moved_msec && now - moved_msec >= STALLED_MSEC)) {
			change->end = CHANGE_PARTLY;
			return;
		}
		target_show_progress(target);
		target_next_event(target, now + LOOK_MSEC, &event);
	}
}

void change_settle(struct target *target, struct change *change)
{
	const struct capacity_device *device;

	if (target_reread(target) < 0)
		return;
	device = target_device(target, change->alias);
	if (!device || device->current == device->requested)
		return;
	request(target, change, device->current);
	if (device->current == change->before && target_reread(target) == 0)
		change->end = CHANGE_FAILED;
}

/* --- detach */

/* -EAGAIN: not yet known. */
static enum change_end judge_event(const struct change *change,
				   const struct host_event *event)
{
	switch (event->kind) {
	case HOST_REMOVED:
		return strcmp(event->alias, change->alias) == 0 ? CHANGE_DONE
								: CHANGE_NONE;
	case HOST_REMOVAL_FAILED:
		return strcmp(event->alias, change->alias) == 0 ? CHANGE_FAILED
								: CHANGE_NONE;
	case HOST_STOPPED:
		return CHANGE_GONE;
	case HOST_REBOOT:
		return CHANGE_FORGOTTEN;
	default:
		return CHANGE_NONE;
	}
}

/* Events may be lost with the connection, and a removal may come while nobody listens. */
static enum change_end judge_xml(struct target *target, const struct change *change)
{
	int r = target_reread(target);

	if (r == -ENOENT)
		return CHANGE_GONE;
	return r == 0 && !target_device(target, change->alias) ? CHANGE_DONE
							       : CHANGE_NONE;
}

static void follow_detach(struct target *target, struct change *change)
{
	enum change_end end = CHANGE_NONE;

	while (end == CHANGE_NONE) {
		struct host_event event;
		uint64_t now = client_now_msec(), look = now + LOOK_MSEC;

		if (now >= target->until_msec) {
			change->end = CHANGE_PENDING;
			return;
		}
		if (target_next_event(
			    target, look < target->until_msec ? look : target->until_msec,
			    &event) == 0)
			end = judge_event(change, &event);
		else
			end = judge_xml(target, change);
		if (end == CHANGE_NONE && connection_is_lost(target->virt->connection))
			end = judge_xml(target, change);
	}
	change->end = end;
}

static void detach(struct target *target, struct change *change)
{
	int r = host_detach(target->pointer, change->alias, flags_for(target, change),
			    target->until_msec, &target->error);

	change->end = CHANGE_NONE;
	if (r == 0) {
		follow_detach(target, change);
		if (change->end == CHANGE_FAILED)
			set_why(change, "the guest has refused to give it back");
		return;
	}
	change->end = end_of_error(target, change, r);
	if (change->end == CHANGE_FAILED || change->end == CHANGE_UNKNOWN) {
		enum change_end seen = judge_xml(target, change);

		if (seen != CHANGE_NONE)
			change->end = seen;
	}
}

/* --- the guest's part of a detach */

static int act(struct target *target, const struct capacity_device *device,
	       enum protocol_command command, uint64_t deadline_msec,
	       struct message_act *acted)
{
	struct protocol_request asked;
	uint64_t now = client_now_msec();
	uint64_t left = target->until_msec > now ? (target->until_msec - now) / 1000 : 0;
	int r;

	if (!target->guest)
		return -ENOTCONN;
	protocol_request_init(&asked, command);
	asked.start = device->base;
	asked.size = device->size;
	if (command == PROTOCOL_OFFLINE)
		asked.timeout_sec = left < 1		   ? 1
				    : left > GUEST_SEC_MAX ? GUEST_SEC_MAX
							   : left;
	else
		asked.word = ONLINE_TYPE_ONLINE_MOVABLE;
	r = guest_request(target->guest, &asked, NULL, NULL, deadline_msec);
	if (r == 0)
		r = protocol_answer_read(guest_answer(target->guest), &message_act,
					 acted);
	return r;
}

static void online_again(struct target *target, const struct capacity_device *device)
{
	struct message_act acted;

	/* What was taken is given back though the time is up. */
	act(target, device, PROTOCOL_ONLINE, virt_answer_until(target->virt), &acted);
}

/* Until the guest answers, after a moment. A channel that was closed is opened again. */
static bool reach_again(struct target *target, struct change *change)
{
	while (client_now_msec() < target->until_msec) {
		struct host_event event;

		target_next_event(target, client_now_msec() + LOOK_MSEC, &event);
		if (target_refresh(target) == -ENOENT) {
			change->end = CHANGE_GONE;
			return false;
		}
		if (target->told)
			return true;
	}
	return false;
}

static bool is_other_change(const struct target *target, int r)
{
	return r == -EREMOTEIO && target->guest &&
	       strcmp(guest_fault(target->guest)->message, PROTOCOL_OTHER_CHANGE) == 0;
}

/*
 * Asks again where no answer comes: libvirtd or the agent may have been restarted, and QEMU does not
 * say that an agent has ended. An offline that is asked for twice is done once; the first may still
 * be in progress. The whole time the guest has to do it is that of the verb.
 */
static int ask_offline(struct target *target, const struct capacity_device *device,
		       struct change *change, struct message_act *acted)
{
	bool unanswered = false;
	int r;

	do {
		uint64_t until = client_now_msec() + STALLED_MSEC;

		r = act(target, device, PROTOCOL_OFFLINE,
			until < target->until_msec ? until : target->until_msec, acted);
		if (r == -ETIMEDOUT || r == -EPIPE || r == -ENOTCONN) {
			unanswered = unanswered || r != -ENOTCONN;
			target_forget_guest(target);
		} else if (!is_other_change(target, r)) {
			return r;
		}
	} while (reach_again(target, change));
	return unanswered ? -ETIMEDOUT : r;
}

static enum change_end end_of_refusal(const struct target *target, int r)
{
	if (is_other_change(target, r))
		return CHANGE_BUSY;
	/* A missing answer is not a refusal: memonlined may still be working. */
	return r == -EREMOTEIO ? CHANGE_FAILED : CHANGE_UNKNOWN;
}

/* Whether all of it is offline. memonlined does all or nothing. */
static bool take_offline(struct target *target, const struct capacity_device *device,
			 struct change *change)
{
	struct message_act acted;
	int r;

	change->end = CHANGE_NONE;
	r = ask_offline(target, device, change, &acted);
	if (r == 0 && strcmp(acted.result, "done") == 0)
		return true;
	if (change->end == CHANGE_GONE)
		return false;
	if (r == 0) {
		snprintf(change->why, sizeof(change->why),
			 "the guest cannot take it offline: %.64s", acted.result);
		change->end = CHANGE_FAILED;
		return false;
	}
	change->end = end_of_refusal(target, r);
	set_why(change, r == -EREMOTEIO && target->guest
				? guest_fault(target->guest)->message
				: "the agent has not answered");
	return false;
}

static void unplug_dimm(struct target *target, struct change *change)
{
	const struct capacity_device *found = target_device(target, change->alias);
	struct capacity_device device;

	if (!found) {
		change->end = CHANGE_DONE;
		return;
	}
	device = *found; /* which a new XML replaces */
	if (device.online > 0 && !take_offline(target, &device, change))
		return;
	detach(target, change);
	if (device.online > 0 &&
	    (change->end == CHANGE_FAILED || change->end == CHANGE_BUSY))
		online_again(target, &device);
}

/* --- what others call */

void change_plug(struct target *target, struct change *change)
{
	if (change->step.kind == CAPACITY_ATTACH)
		plug_dimm(target, change);
	else
		resize(target, change, change->step.size);
}

void change_unplug(struct target *target, struct change *change)
{
	if (change->step.kind == CAPACITY_DETACH) {
		unplug_dimm(target, change);
		return;
	}
	resize(target, change, change->step.size);
	if (change->end == CHANGE_DONE)
		follow_resize(target, change);
}

void change_undo(struct target *target, struct change *change)
{
	uint64_t size = change->step.size;

	if (change->step.kind == CAPACITY_ATTACH) {
		unplug_dimm(target, change);
		return;
	}
	resize(target, change, change->before);
	change->step.size = change->before;
	if (change->end == CHANGE_DONE)
		follow_resize(target, change);
	change->step.size = size;
}
