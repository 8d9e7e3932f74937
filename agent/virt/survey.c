/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "survey.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* --- the request: devices as query-memory-devices has them */

static bool is_vmem(const struct capacity_device *device)
{
	return device->model == CAPACITY_VIRTIO_MEM;
}

/*
 * libvirt before 9.4 does not show the address of a virtio-mem device: the guest's ranges
 * do.
 */
static bool is_asked_about(const struct capacity_device *device)
{
	return device->model != CAPACITY_OTHER && device->base != CAPACITY_UNKNOWN;
}

static void put_device(struct text *out, const struct capacity_device *device)
{
	text_printf(out, "{\"type\": \"%s\", \"data\": {\"id\": ",
		    is_vmem(device) ? "virtio-mem" : "dimm");
	json_put_string(out, device->alias, strlen(device->alias));
	text_printf(out, ", \"%s\": %" PRIu64 ", \"size\": %" PRIu64,
		    is_vmem(device) ? "memaddr" : "addr", device->base, device->current);
	if (is_vmem(device))
		text_printf(out,
			    ", \"requested-size\": %" PRIu64 ", \"max-size\": %" PRIu64,
			    device->requested, device->size);
	if (device->slot >= 0)
		text_printf(out, ", \"slot\": %d", (int)device->slot);
	if (device->node >= 0)
		text_printf(out, ", \"node\": %d", (int)device->node);
	text_puts(out, "}}");
}

static size_t put_devices(struct text *out, const struct capacity *capacity)
{
	size_t i, count = 0;

	text_puts(out, "[");
	for (i = 0; i < capacity->count; i++) {
		if (!is_asked_about(&capacity->devices[i]))
			continue;
		text_puts(out, count++ ? ", " : "");
		put_device(out, &capacity->devices[i]);
	}
	text_puts(out, "]");
	return count;
}

/* --- the answer: in the order of the question */

struct taking {
	struct capacity *capacity;
	size_t next; /* the device that the next element is about */
};

static const struct {
	const char *word;
	enum capacity_verdict verdict;
} verdicts[] = {
	{ "complete", CAPACITY_COMPLETE },
	{ "partial", CAPACITY_PARTIAL },
	{ "absent", CAPACITY_ABSENT },
};

static const struct {
	const char *word;
	enum capacity_removable removable;
} removables[] = {
	{ "yes", CAPACITY_REMOVABLE_YES },
	{ "no", CAPACITY_REMOVABLE_NO },
	{ "never", CAPACITY_REMOVABLE_NEVER },
};

static void fill(struct capacity_device *device, const struct message_device *said)
{
	size_t i;

	device->verdict = CAPACITY_PARTIAL; /* an unknown value promises nothing */
	for (i = 0; i < sizeof(verdicts) / sizeof(verdicts[0]); i++)
		if (strcmp(said->verdict, verdicts[i].word) == 0)
			device->verdict = verdicts[i].verdict;
	device->removable = CAPACITY_REMOVABLE_UNKNOWN;
	for (i = 0; i < sizeof(removables) / sizeof(removables[0]); i++)
		if (strcmp(said->removable, removables[i].word) == 0)
			device->removable = removables[i].removable;
	/* More than there is of it cannot be online. */
	device->online = said->online < device->current ? said->online : device->current;
	if (device->verdict == CAPACITY_COMPLETE && device->online < device->current)
		device->verdict = CAPACITY_PARTIAL;
	snprintf(device->cause, sizeof(device->cause), "%s", said->cause);
}

static int take_device(struct protocol_answer *element, void *data)
{
	struct taking *taking = data;
	struct capacity *capacity = taking->capacity;
	struct message_device said;
	int r;

	if (*element->list)
		return 0;
	while (taking->next < capacity->count &&
	       !is_asked_about(&capacity->devices[taking->next]))
		taking->next++;
	if (taking->next == capacity->count)
		return -EBADMSG; /* more than was asked for */
	r = protocol_answer_device(element, &said);
	if (r == 0)
		fill(&capacity->devices[taking->next++], &said);
	return r;
}

static int ask_devices(struct guest *guest, struct capacity *capacity,
		       uint64_t deadline_msec)
{
	struct taking taking = { capacity, 0 };
	struct text devices = TEXT_INIT, line = TEXT_INIT, desc = TEXT_INIT;
	struct protocol_request request;
	size_t count = put_devices(&devices, capacity);
	int r = devices.failed ? -ENOMEM : 0;

	protocol_request_init(&request, PROTOCOL_RECONCILE);
	if (r == 0 && count)
		r = protocol_ask_devices(&line, &request, devices.data, devices.len,
					 &desc);
	text_free(&devices);
	text_free(&desc);
	if (r < 0 || !count)
		return r;
	return guest_ask(guest, &line, take_device, &taking, deadline_msec);
}

/* --- virtio-mem without a base: memory that is neither a DIMM's nor boot memory */

struct ranges {
	const struct capacity *capacity;
	uint64_t online;
};

static bool is_of_dimm(const struct capacity *capacity, uint64_t start)
{
	size_t i;

	for (i = 0; i < capacity->count; i++) {
		const struct capacity_device *device = &capacity->devices[i];

		if (device->base != CAPACITY_UNKNOWN && start >= device->base &&
		    start - device->base < device->size)
			return true;
	}
	return false;
}

static int take_range(struct protocol_answer *element, void *data)
{
	struct ranges *ranges = data;
	struct message_range range;
	int r;

	if (*element->list)
		return 0;
	r = protocol_answer_range(element, &range);
	if (r < 0)
		return r;
	if (range.dimm == MESSAGE_NO_ADDRESS || strcmp(range.state, "online") != 0 ||
	    is_of_dimm(ranges->capacity, range.start))
		return 0;
	if (ranges->online <= INT64_MAX) /* each size is below 2^63 */
		ranges->online += range.size;
	return 0;
}

static void fill_vmem(struct capacity_device *device, uint64_t *online)
{
	device->online = *online < device->current ? *online : device->current;
	*online -= device->online;
	device->removable = CAPACITY_REMOVABLE_UNKNOWN;
	if (device->online < device->current)
		snprintf(device->cause, sizeof(device->cause), "not-online");
	else if (device->current < device->requested)
		snprintf(device->cause, sizeof(device->cause), "not-added");
	else if (device->current > device->requested)
		snprintf(device->cause, sizeof(device->cause), "not-given-back");
	else
		snprintf(device->cause, sizeof(device->cause), "none");
	device->verdict = strcmp(device->cause, "none") == 0 ? CAPACITY_COMPLETE
							     : CAPACITY_PARTIAL;
	if (!device->online && device->verdict != CAPACITY_COMPLETE)
		device->verdict = CAPACITY_ABSENT;
}

static int ask_ranges(struct guest *guest, struct capacity *capacity,
		      uint64_t deadline_msec)
{
	struct ranges ranges = { capacity, 0 };
	struct protocol_request request;
	size_t i;
	int r;

	protocol_request_init(&request, PROTOCOL_GET_RANGES);
	r = guest_request(guest, &request, take_range, &ranges, deadline_msec);
	for (i = 0; r == 0 && i < capacity->count; i++)
		if (is_vmem(&capacity->devices[i]) &&
		    !is_asked_about(&capacity->devices[i]))
			fill_vmem(&capacity->devices[i], &ranges.online);
	return r;
}

/* --- all of it */

static int ask_status(struct guest *guest, struct capacity *capacity,
		      uint64_t deadline_msec)
{
	struct message_status status = { .block_size_bytes = 0 };
	struct protocol_request request;
	int r;

	protocol_request_init(&request, PROTOCOL_STATUS);
	r = guest_request(guest, &request, NULL, NULL, deadline_msec);
	if (r == 0)
		r = protocol_answer_read(guest_answer(guest), &message_status, &status);
	if (r < 0)
		return r;
	/* A block is a power of two, at least 1 MiB; all else would spoil what is reckoned. */
	capacity->block = status.block_size_bytes;
	if (capacity->block < (1u << 20) || (capacity->block & (capacity->block - 1)))
		return -EBADMSG;
	return 0;
}

/*
 * Memory for the map of new memory: free in the kernel's zones, or page cache that can be
 * dropped. Unknown if memonlined is older.
 */
static int ask_free(struct guest *guest, struct capacity *capacity,
		    uint64_t deadline_msec)
{
	struct protocol_request request;
	struct stats stats;
	uint64_t made;
	int r;

	protocol_request_init(&request, PROTOCOL_STATS);
	capacity->guest_free = CAPACITY_UNKNOWN;
	r = guest_request(guest, &request, NULL, NULL, deadline_msec);
	if (r < 0)
		return r == -EREMOTEIO ? 0 : r;
	r = protocol_answer_read(guest_answer(guest), &message_stats, &stats);
	if (r < 0)
		return r;
	capacity->guest_free = stats.available != STATS_UNKNOWN ? stats.available
								: stats.free;
	if (stats.kernel.free == STATS_UNKNOWN || stats.file == STATS_UNKNOWN ||
	    stats.kernel.free > INT64_MAX || stats.file > INT64_MAX)
		return 0;
	made = stats.kernel.free + stats.file;
	if (made < capacity->guest_free)
		capacity->guest_free = made;
	return 0;
}

static void forget(struct capacity *capacity)
{
	size_t i;

	for (i = 0; i < capacity->count; i++) {
		capacity->devices[i].verdict = CAPACITY_NOT_TOLD;
		capacity->devices[i].online = 0;
	}
}

int survey(struct guest *guest, struct domain *domain, uint64_t deadline_msec)
{
	struct capacity *capacity = &domain->capacity;
	int r = ask_status(guest, capacity, deadline_msec);

	if (r == 0)
		r = ask_free(guest, capacity, deadline_msec);
	if (r == 0)
		r = ask_devices(guest, capacity, deadline_msec);
	if (r == 0 && !domain->has_vmem_base)
		r = ask_ranges(guest, capacity, deadline_msec);
	if (r < 0)
		forget(capacity);
	return r;
}
