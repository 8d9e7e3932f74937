/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/capacity.h"

#include <string.h>

#include "core/capacity-private.h"

#define PAGE_MAP_SHARE 64 /* 64 bytes of struct page for each 4096 */

/* --- texts */

static const struct {
	const char *text, *help;
} reasons[] = {
	[CAPACITY_OK] = { "none", "" },
	[CAPACITY_NO_SIZE] = { "no-size", "the size is 0" },
	[CAPACITY_NO_MAXIMUM] = { "no-maximum",
				  "the domain has no <maxMemory>: nothing can be plugged" },
	[CAPACITY_NO_CELLS] = { "no-numa-cell",
				"the domain has no NUMA cell, which memory hot-plug needs" },
	[CAPACITY_NO_SUCH_NODE] = { "no-such-node", "the domain has no such NUMA cell" },
	[CAPACITY_NO_SUCH_DEVICE] = { "no-such-device",
				      "the domain has no such memory device" },
	[CAPACITY_NO_BLOCK_SIZE] = { "no-block-size",
				     "the guest does not tell the size of its blocks" },
	[CAPACITY_UNALIGNED] = { "unaligned",
				 "the size is no multiple of the guest's memory block, or "
				 "of the virtio-mem device's" },
	[CAPACITY_CROOKED] = { "crooked",
			       "a DIMM ends within a memory block of the guest: what is "
			       "plugged behind it is lost" },
	[CAPACITY_NO_SLOT] = { "no-slot", "the domain has too few free memory slots" },
	[CAPACITY_BEYOND_MAXIMUM] = { "beyond-maximum",
				      "it is more than the domain's <maxMemory>" },
	[CAPACITY_DEVICE_FULL] = { "device-full",
				   "no virtio-mem device has room for that much" },
	[CAPACITY_GUEST_SHORT] = { "guest-memory-short",
				   "the guest has too little free memory for the map of it, "
				   "1/64 of the size" },
	[CAPACITY_HOST_SHORT] = { "host-memory-short",
				  "the host has too little free memory" },
	[CAPACITY_KERNEL_ZONE] = { "kernel-zone",
				   "it is in a kernel zone of the guest and cannot be "
				   "emptied" },
	[CAPACITY_NO_HOT_REMOVE] = { "no-hot-remove",
				     "the guest's kernel cannot give memory back" },
	[CAPACITY_NOT_A_DIMM] = { "not-a-dimm", "that kind of device is left alone" },
	[CAPACITY_ZONE_UNKNOWN] = { "zone-unknown",
				    "the guest does not tell whether it can be emptied" },
	[CAPACITY_NO_SUCH_SUM] = { "no-such-sum",
				   "no DIMMs that can be taken out have that size "
				   "together" },
	[CAPACITY_NOTHING_GIVEN] = { "nothing-given",
				     "the domain has been given no memory" },
	[CAPACITY_TOO_MANY] = { "too-many", "it would take too many devices" },
};

const char *capacity_reason_text(enum capacity_reason reason)
{
	return reasons[reason].text;
}

const char *capacity_reason_help(enum capacity_reason reason)
{
	return reasons[reason].help;
}

/* --- sums */

bool capacity_is_vmem(const struct capacity_device *device)
{
	return device->model == CAPACITY_VIRTIO_MEM;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t devices_size(const struct capacity *capacity)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < capacity->count; i++)
		sum += capacity->devices[i].size;
	return sum;
}

uint64_t capacity_boot(const struct capacity *capacity)
{
	return less(capacity->memory, devices_size(capacity));
}

uint64_t capacity_given(const struct capacity *capacity)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < capacity->count; i++)
		if (capacity->devices[i].model != CAPACITY_OTHER)
			sum += capacity->devices[i].current;
	return sum;
}

uint64_t capacity_online(const struct capacity *capacity)
{
	uint64_t sum = 0;
	size_t i;

	for (i = 0; i < capacity->count; i++)
		sum += capacity->devices[i].online;
	return sum;
}

uint64_t capacity_ballooned(const struct capacity *capacity)
{
	uint64_t unplugged = 0;
	size_t i;

	for (i = 0; i < capacity->count; i++)
		if (capacity_is_vmem(&capacity->devices[i]))
			unplugged += less(capacity->devices[i].size,
					  capacity->devices[i].current);
	return less(less(capacity->memory, unplugged), capacity->current);
}

unsigned capacity_free_slots(const struct capacity *capacity)
{
	unsigned used = 0;
	size_t i;

	for (i = 0; i < capacity->count; i++)
		if (!capacity_is_vmem(&capacity->devices[i]))
			used++;
	return capacity->slots > used ? capacity->slots - used : 0;
}

enum capacity_verdict capacity_verdict(const struct capacity *capacity,
				       const char **cause)
{
	enum capacity_verdict verdict = CAPACITY_COMPLETE;
	size_t i;

	*cause = "none";
	for (i = 0; i < capacity->count; i++) {
		const struct capacity_device *device = &capacity->devices[i];

		if (device->model == CAPACITY_OTHER)
			continue;
		if (device->verdict == CAPACITY_NOT_TOLD) {
			*cause = "none";
			return CAPACITY_NOT_TOLD;
		}
		if (device->verdict != CAPACITY_COMPLETE &&
		    verdict == CAPACITY_COMPLETE) {
			verdict = device->verdict;
			*cause = device->cause;
		}
	}
	return verdict;
}

/* --- what both plans do */

enum capacity_reason capacity_refuse(struct capacity_plan *plan,
				     enum capacity_reason reason, uint64_t possible)
{
	plan->count = 0;
	plan->bytes = 0;
	plan->possible = possible;
	return reason;
}

void capacity_add_step(struct capacity_plan *plan, int kind, size_t device, uint64_t size,
		       int32_t node)
{
	struct capacity_step *step = &plan->steps[plan->count++];

	memset(step, 0, sizeof(*step));
	if (kind == CAPACITY_ATTACH)
		step->kind = CAPACITY_ATTACH;
	else if (kind == CAPACITY_RESIZE)
		step->kind = CAPACITY_RESIZE;
	else
		step->kind = CAPACITY_DETACH;
	step->device = device;
	step->size = size;
	step->node = node;
}

size_t capacity_find(const struct capacity *capacity, const char *alias)
{
	size_t i;

	for (i = 0; i < capacity->count; i++)
		if (strcmp(capacity->devices[i].alias, alias) == 0)
			break;
	return i;
}

static bool has_vmem(const struct capacity *capacity)
{
	size_t i;

	for (i = 0; i < capacity->count; i++)
		if (capacity_is_vmem(&capacity->devices[i]))
			return true;
	return false;
}

bool capacity_wants_vmem(const struct capacity *capacity,
			 const struct capacity_wish *wish)
{
	size_t device;

	if (!wish->device)
		return wish->model == CAPACITY_VIRTIO_MEM ||
		       (wish->model == CAPACITY_ANY && has_vmem(capacity));
	device = capacity_find(capacity, wish->device);
	return device < capacity->count && capacity_is_vmem(&capacity->devices[device]);
}

bool capacity_may_be_dimms(const struct capacity_wish *wish)
{
	return !wish->device && wish->model == CAPACITY_ANY;
}

/* --- plug */

static enum capacity_reason check_memory(const struct capacity *capacity,
					 const struct capacity_wish *wish,
					 uint64_t *possible)
{
	uint64_t guest = capacity->guest_free, host = capacity->host_free;

	*possible = CAPACITY_UNKNOWN;
	if (wish->force)
		return CAPACITY_OK;
	if (guest != CAPACITY_UNKNOWN && wish->size / PAGE_MAP_SHARE > guest) {
		*possible = guest < UINT64_MAX / PAGE_MAP_SHARE ? guest * PAGE_MAP_SHARE
								: UINT64_MAX;
		return CAPACITY_GUEST_SHORT;
	}
	if (host != CAPACITY_UNKNOWN && wish->size > host) {
		*possible = host;
		return CAPACITY_HOST_SHORT;
	}
	return CAPACITY_OK;
}

/* QEMU puts the next DIMM where the one before ends. */
static bool is_crooked(const struct capacity *capacity)
{
	size_t i;

	for (i = 0; i < capacity->count; i++) {
		const struct capacity_device *device = &capacity->devices[i];

		if (!capacity_is_vmem(device) && device->base != CAPACITY_UNKNOWN &&
		    (device->base + device->size) % capacity->block)
			return true;
	}
	return false;
}

static enum capacity_reason check_sizes(const struct capacity *capacity,
					const struct capacity_wish *wish)
{
	if (capacity->max == 0)
		return CAPACITY_NO_MAXIMUM;
	if (capacity->cells == 0)
		return CAPACITY_NO_CELLS;
	if (wish->node >= 0 && (uint32_t)wish->node >= capacity->cells)
		return CAPACITY_NO_SUCH_NODE;
	if (capacity->block == 0)
		return CAPACITY_NO_BLOCK_SIZE;
	if (wish->size % capacity->block || wish->dimm % capacity->block)
		return CAPACITY_UNALIGNED;
	return is_crooked(capacity) ? CAPACITY_CROOKED : CAPACITY_OK;
}

static enum capacity_reason plug_dimms(const struct capacity *capacity,
				       const struct capacity_wish *wish,
				       struct capacity_plan *plan)
{
	uint64_t each = wish->dimm && wish->dimm < wish->size ? wish->dimm : wish->size;
	uint64_t left = wish->size, possible;
	uint64_t room = less(capacity->max, capacity->memory);
	enum capacity_reason reason = check_sizes(capacity, wish);

	if (each == 0)
		return capacity_refuse(plan, CAPACITY_NO_SIZE, CAPACITY_UNKNOWN);
	if (reason != CAPACITY_OK)
		return capacity_refuse(plan, reason, CAPACITY_UNKNOWN);
	if (wish->size > room)
		return capacity_refuse(plan, CAPACITY_BEYOND_MAXIMUM,
				       room - room % capacity->block);
	if ((wish->size - 1) / each + 1 > capacity_free_slots(capacity))
		return capacity_refuse(plan, CAPACITY_NO_SLOT,
				       capacity_free_slots(capacity) * each);
	if ((wish->size - 1) / each + 1 > CAPACITY_STEPS_MAX)
		return capacity_refuse(plan, CAPACITY_TOO_MANY,
				       CAPACITY_STEPS_MAX * each);
	reason = check_memory(capacity, wish, &possible);
	if (reason != CAPACITY_OK)
		return capacity_refuse(plan, reason,
				       possible - possible % capacity->block);
	for (; left > 0; left -= plan->steps[plan->count - 1].size)
		capacity_add_step(plan, CAPACITY_ATTACH, 0, left < each ? left : each,
				  wish->node < 0 ? 0 : wish->node);
	plan->bytes = wish->size;
	return CAPACITY_OK;
}

/* What could be added to a virtio-mem device, or taken from it. */
static uint64_t vmem_room(const struct capacity_device *device, bool grow)
{
	return grow ? less(device->size, device->requested) : device->requested;
}

/* The device of a wish: the one that is named, or the first with room; else the roomiest. */
static enum capacity_reason choose_vmem(const struct capacity *capacity,
					const struct capacity_wish *wish, bool grow,
					size_t *chosen)
{
	size_t i, best = capacity->count;

	for (i = 0; i < capacity->count; i++) {
		const struct capacity_device *device = &capacity->devices[i];

		if (!capacity_is_vmem(device) ||
		    (wish->device && strcmp(device->alias, wish->device) != 0) ||
		    (grow && wish->node >= 0 && device->node != wish->node))
			continue;
		if (best == capacity->count ||
		    (vmem_room(&capacity->devices[best], grow) < wish->size &&
		     vmem_room(device, grow) > vmem_room(&capacity->devices[best], grow)))
			best = i;
	}
	*chosen = best;
	return best == capacity->count ? CAPACITY_NO_SUCH_DEVICE : CAPACITY_OK;
}

enum capacity_reason capacity_resize(const struct capacity *capacity,
				     const struct capacity_wish *wish, bool grow,
				     struct capacity_plan *plan)
{
	const struct capacity_device *device;
	uint64_t size = wish->size, possible;
	enum capacity_reason reason;
	size_t chosen;

	reason = choose_vmem(capacity, wish, grow, &chosen);
	if (reason != CAPACITY_OK)
		return capacity_refuse(plan, reason, CAPACITY_UNKNOWN);
	device = &capacity->devices[chosen];
	if (size == 0 && !grow && wish->device)
		size = device->requested;
	if (size == 0)
		return capacity_refuse(
			plan, grow ? CAPACITY_NO_SIZE : CAPACITY_NOTHING_GIVEN, 0);
	if (device->block && size % device->block)
		return capacity_refuse(plan, CAPACITY_UNALIGNED, CAPACITY_UNKNOWN);
	if (size > vmem_room(device, grow))
		return capacity_refuse(plan,
				       grow ? CAPACITY_DEVICE_FULL : CAPACITY_NO_SUCH_SUM,
				       vmem_room(device, grow));
	reason = grow ? check_memory(capacity, wish, &possible) : CAPACITY_OK;
	if (reason != CAPACITY_OK)
		return capacity_refuse(plan, reason, possible);
	capacity_add_step(plan, CAPACITY_RESIZE, chosen,
			  grow ? device->requested + size : device->requested - size,
			  device->node);
	plan->bytes = size;
	return CAPACITY_OK;
}

enum capacity_reason capacity_plug(const struct capacity *capacity,
				   const struct capacity_wish *wish,
				   struct capacity_plan *plan)
{
	memset(plan, 0, sizeof(*plan));
	plan->possible = CAPACITY_UNKNOWN;
	if (wish->device && capacity_find(capacity, wish->device) == capacity->count)
		return capacity_refuse(plan, CAPACITY_NO_SUCH_DEVICE, CAPACITY_UNKNOWN);
	if (capacity_wants_vmem(capacity, wish)) {
		enum capacity_reason reason = capacity_resize(capacity, wish, true, plan);

		if (reason != CAPACITY_DEVICE_FULL || !capacity_may_be_dimms(wish))
			return reason;
		if (plug_dimms(capacity, wish, plan) == CAPACITY_OK)
			return CAPACITY_OK;
		return capacity_resize(capacity, wish, true, plan);
	}
	if (wish->device) /* a DIMM has its size */
		return capacity_refuse(plan, CAPACITY_DEVICE_FULL, 0);
	return plug_dimms(capacity, wish, plan);
}

/* --- progress */

/* What the guest's kernel says once and for all: memory-short among them, it does not try again. */
static const char *const final_causes[] = {
	"memory-short", "unaligned", "add-failed", "memory-limit", "no-driver", "not-ram",
};

enum capacity_progress capacity_progress(const struct capacity_device *device)
{
	size_t i;

	if (device->verdict == CAPACITY_COMPLETE)
		return CAPACITY_DONE;
	if (device->verdict == CAPACITY_NOT_TOLD)
		return CAPACITY_WAITING;
	for (i = 0; i < sizeof(final_causes) / sizeof(final_causes[0]); i++)
		if (!capacity_is_vmem(device) &&
		    strcmp(device->cause, final_causes[i]) == 0)
			return CAPACITY_HOPELESS;
	return CAPACITY_WAITING;
}
