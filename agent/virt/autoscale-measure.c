/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "autoscale.h"
#include "io/client.h"

#define LOOK_MSEC 1000 /* how soon another's decision is seen */
#define LEAST_MSEC 250 /* between two rounds, whatever a guest sends */
#define USEC_PER_MSEC 1000
/* Thresholds that moved by less are left as they are. */
#define THRESHOLD_SHARE 8

/* --- the host's account */

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* What the host has promised, be it that QEMU or the guest still works on it. */
static uint64_t given_by(const struct capacity_device *device)
{
	switch (device->model) {
	case CAPACITY_DIMM:
		return device->size;
	case CAPACITY_VIRTIO_MEM:
		return larger(device->requested, device->current);
	default:
		return 0;
	}
}

static bool can_go(const struct capacity_device *device)
{
	return device->removable == CAPACITY_REMOVABLE_YES ||
	       device->verdict == CAPACITY_ABSENT;
}

/* DIMMs and virtio-mem are never taken for one wish. */
static uint64_t removable_of(const struct capacity *capacity, enum capacity_model model)
{
	uint64_t dimms = 0, vmem = 0;
	size_t i;

	for (i = 0; i < capacity->count; i++) {
		const struct capacity_device *device = &capacity->devices[i];

		if (device->model == CAPACITY_DIMM && model != CAPACITY_VIRTIO_MEM &&
		    can_go(device))
			dimms += device->size;
		if (device->model == CAPACITY_VIRTIO_MEM && model != CAPACITY_DIMM &&
		    device->requested > vmem)
			vmem = device->requested;
	}
	return larger(dimms, vmem);
}

static void account(struct keeper *keeper, struct scale_facts *facts)
{
	const struct capacity *capacity = &keeper->target.domain.capacity;
	uint64_t ballooned = capacity_ballooned(capacity);
	size_t i;

	facts->given = capacity_boot(capacity);
	for (i = 0; i < capacity->count; i++)
		facts->given += given_by(&capacity->devices[i]);
	facts->confirmed = capacity_boot(capacity) + capacity_online(capacity);
	facts->confirmed -= ballooned < facts->confirmed ? ballooned : facts->confirmed;
	facts->removable = removable_of(capacity, keeper->model);
}

/* --- the rules, as far as they are the domain's own */

static uint64_t most_of(const struct capacity *capacity, enum capacity_model model)
{
	uint64_t most = capacity_boot(capacity);
	size_t i;

	if (model != CAPACITY_VIRTIO_MEM)
		return capacity->max;
	for (i = 0; i < capacity->count; i++)
		if (capacity->devices[i].model == CAPACITY_DIMM ||
		    capacity->devices[i].model == CAPACITY_VIRTIO_MEM)
			most += capacity->devices[i].size;
	return most;
}

static uint64_t least_step(const struct capacity *capacity)
{
	uint64_t block = capacity->block;
	size_t i;

	for (i = 0; i < capacity->count; i++)
		if (capacity->devices[i].model == CAPACITY_VIRTIO_MEM)
			block = larger(block, capacity->devices[i].block);
	return block;
}

/* Of the rules as they are now. */
static void take_rules(struct keeper *keeper)
{
	const struct capacity *capacity = &keeper->target.domain.capacity;
	struct scale_rules rules;
	uint64_t most;
	uint64_t block = least_step(capacity);

	pthread_mutex_lock(&keeper->scaler->mutex);
	keeper->model = keeper->choice.model;
	rules = keeper->choice.rules;
	most = most_of(capacity, keeper->model);
	if (!rules.min)
		rules.min = capacity_boot(capacity);
	if (!rules.max || rules.max > most)
		rules.max = most;
	if (rules.min > rules.max)
		rules.min = rules.max;
	if (block)
		rules.step = (rules.step + block - 1) / block * block;
	keeper->guest->rules = rules;
	keeper->record.min = rules.min;
	keeper->record.max = rules.max;
	pthread_mutex_unlock(&keeper->scaler->mutex);
}

/* --- the guest */

static bool has_moved(uint64_t from, uint64_t to)
{
	uint64_t moved = from > to ? from - to : to - from;

	return moved > from / THRESHOLD_SHARE;
}

static bool has_subscribed(const struct keeper *keeper,
			   const struct pressure_thresholds *wanted)
{
	return keeper->session == keeper->target.sessions &&
	       !has_moved(keeper->thresholds.available, wanted->available) &&
	       !has_moved(keeper->thresholds.stall_usec, wanted->stall_usec);
}

static unsigned signal_of(const char *name)
{
	unsigned i;

	for (i = 0; i < PRESSURE_SIGNALS; i++)
		if (strcmp(pressure_signal_text((enum pressure_signal)i), name) == 0)
			return 1u << i;
	return 0;
}

/* An older memonlined does not know it: then it is asked now and then. */
static int subscribe(struct keeper *keeper, const struct scale_facts *facts)
{
	struct guest *guest = keeper->target.guest;
	struct pressure_thresholds wanted;
	struct protocol_request request;
	int r;

	scale_thresholds(&keeper->guest->rules, facts, &wanted);
	if (!guest_has_events(guest) || has_subscribed(keeper, &wanted))
		return 0;
	protocol_request_init(&request, PROTOCOL_SUBSCRIBE_PRESSURE);
	request.thresholds = wanted;
	r = guest_request(guest, &request, NULL, NULL,
			  target_answer_until(&keeper->target));
	if (r < 0 && r != -EREMOTEIO)
		return r;
	keeper->session = keeper->target.sessions;
	keeper->thresholds = wanted;
	return 0;
}

static int ask_stats(struct keeper *keeper, struct scale_facts *facts)
{
	struct protocol_request request;
	int r;

	protocol_request_init(&request, PROTOCOL_STATS);
	r = guest_request(keeper->target.guest, &request, NULL, NULL,
			  target_answer_until(&keeper->target));
	if (r == 0)
		r = protocol_answer_read(guest_answer(keeper->target.guest),
					 &message_stats, &facts->stats);
	if (r == 0)
		facts->sampled_usec = autoscale_now_usec(keeper->scaler);
	return r;
}

static void measure_guest(struct keeper *keeper, struct scale_facts *facts)
{
	int r;

	target_ask(&keeper->target);
	if (!keeper->target.told)
		return;
	account(keeper, facts);
	r = ask_stats(keeper, facts);
	if (r == 0)
		r = subscribe(keeper, facts);
	if (r < 0) {
		target_forget_guest(&keeper->target);
		return;
	}
	facts->presence = SCALE_PRESENT;
	facts->pressed = keeper->pressed;
	keeper->pressed = 0;
}

/* --- all of it */

static enum scale_presence presence_of(enum host_activity activity)
{
	switch (activity) {
	case HOST_IS_PAUSED:
		return SCALE_IS_PAUSED;
	case HOST_MIGRATES:
		return SCALE_IS_MIGRATING;
	case HOST_IS_COPIED:
		return SCALE_IS_SNAPSHOT;
	case HOST_LEAVES:
		return SCALE_IS_SHUTTING_DOWN;
	case HOST_RUNS:
		break;
	}
	return SCALE_IS_SILENT;
}

bool autoscale_measure(struct keeper *keeper, struct scale_facts *facts)
{
	struct target *target = &keeper->target;
	enum host_activity activity = HOST_RUNS;
	int r;

	memset(facts, 0, sizeof(*facts));
	stats_init(&facts->stats);
	facts->presence = SCALE_IS_SILENT;
	target->until_msec = client_now_msec() + keeper->virt.options.timeout_sec * 1000;
	r = target_reread(target);
	if (r == -ENOENT)
		return false;
	if (r == 0)
		r = host_activity(target->pointer, target_answer_until(target), &activity,
				  &target->error);
	take_rules(keeper);
	/* Without libvirt: as large as it was when that answered last. */
	account(keeper, facts);
	if (r < 0)
		return true;
	facts->presence = presence_of(activity);
	if (activity == HOST_RUNS)
		measure_guest(keeper, facts);
	take_rules(
		keeper); /* once more, as the guest may have said how large its blocks are */
	return true;
}

/* --- until something happens */

static bool is_wanted(struct keeper *keeper)
{
	bool wanted;

	pthread_mutex_lock(&keeper->scaler->mutex);
	wanted = keeper->has_job || keeper->dismissed || keeper->scaler->ends;
	pthread_mutex_unlock(&keeper->scaler->mutex);
	return wanted;
}

/* Whether it is about memory. */
static bool take_event(struct keeper *keeper)
{
	struct protocol_answer *answer = guest_answer(keeper->target.guest);
	const char *name = protocol_answer_event(answer);
	struct message_pressure pressure;

	memset(&pressure, 0, sizeof(pressure));
	if (!name || strcmp(name, PROTOCOL_PRESSURE) != 0 ||
	    protocol_answer_read(answer, &message_pressure, &pressure) < 0)
		return name && strcmp(name, PROTOCOL_REPORT) == 0;
	if (pressure.pressed)
		keeper->pressed |= signal_of(pressure.signal);
	return true;
}

static bool take_host_events(struct keeper *keeper, uint64_t deadline_msec)
{
	struct host_event event;
	bool any = false;

	while (connection_queue_next(keeper->target.events, any ? 0 : deadline_msec,
				     &event) == 0) {
		any = true;
		if (event.kind == HOST_STOPPED || event.kind == HOST_STARTED)
			keeper->restarted = true;
	}
	return any;
}

/* Whether something came. */
static bool listen_until(struct keeper *keeper, uint64_t deadline_msec)
{
	struct target *target = &keeper->target;
	int r;

	if (!target->guest || !guest_has_events(target->guest))
		return take_host_events(keeper, deadline_msec);
	r = guest_next_event(target->guest, deadline_msec);
	if (r == 0 && take_event(keeper))
		return true;
	if (r < 0 && r != -ETIMEDOUT) {
		target_forget_guest(target);
		return true;
	}
	return take_host_events(keeper, 0);
}

/* A round costs calls of libvirt and a new state file: no guest has them without end. */
static void rest(struct keeper *keeper, uint64_t until)
{
	while (client_now_msec() < until && !is_wanted(keeper))
		take_host_events(keeper, until);
}

void autoscale_wait(struct keeper *keeper, uint64_t until_usec)
{
	uint64_t now_usec = autoscale_now_usec(keeper->scaler);
	uint64_t until = client_now_msec(), least = until + LEAST_MSEC;

	until += until_usec > now_usec ? (until_usec - now_usec) / USEC_PER_MSEC : 0;
	while (!is_wanted(keeper)) {
		uint64_t now = client_now_msec();

		if (now >= until ||
		    listen_until(keeper,
				 now + LOOK_MSEC < until ? now + LOOK_MSEC : until))
			break;
	}
	rest(keeper, least);
}
