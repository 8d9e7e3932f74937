/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/reconcile.h"

#include <string.h>

/* Describing a page takes 64 bytes of 4096. */
#define PAGE_MAP_SHARE 64

const char *reconcile_state_text(enum reconcile_state state)
{
	static const char *const texts[] = {
		[RECONCILE_COMPLETE] = "complete",
		[RECONCILE_PARTIAL] = "partial",
		[RECONCILE_ABSENT] = "absent",
	};

	return texts[state];
}

const char *reconcile_removable_text(enum reconcile_removable removable)
{
	static const char *const texts[] = {
		[RECONCILE_REMOVABLE_YES] = "yes",
		[RECONCILE_REMOVABLE_NO] = "no",
		[RECONCILE_REMOVABLE_UNKNOWN] = "unknown",
		[RECONCILE_REMOVABLE_NEVER] = "never",
	};

	return texts[removable];
}

/* [start, end) */
struct extent {
	uint64_t start, end;
};

static uint64_t end_of(uint64_t start, uint64_t size)
{
	return size > UINT64_MAX - start ? UINT64_MAX : start + size;
}

static struct extent common(struct extent a, struct extent b)
{
	struct extent both = { a.start > b.start ? a.start : b.start,
			       a.end < b.end ? a.end : b.end };

	if (both.end < both.start)
		both.end = both.start;
	return both;
}

static uint64_t length(struct extent extent)
{
	return extent.end - extent.start;
}

static struct extent block_extent(const struct snapshot *snapshot,
				  const struct block *block)
{
	uint64_t unit = snapshot->block_size_bytes;
	struct extent none = { 0, 0 }, extent;

	if (!unit || block->index > UINT64_MAX / unit - 1)
		return none;
	extent.start = block->index * unit;
	extent.end = extent.start + unit;
	return extent;
}

/* The first block that ends behind `start`, count where there is none. */
static size_t first_block(const struct snapshot *snapshot, uint64_t start)
{
	uint64_t unit = snapshot->block_size_bytes;

	return snapshot_count_below(snapshot, unit ? start / unit : 0);
}

/* How much of `extent` is memory that the kernel shows; all of it if it shows none. */
static uint64_t known_bytes(const struct snapshot *snapshot, struct extent extent)
{
	size_t low = 0, high = snapshot->resource_count;
	uint64_t bytes = 0;

	if (!snapshot->resource_count)
		return length(extent);
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct snapshot_resource *at = &snapshot->resources[middle];

		if (end_of(at->start, at->size) <= extent.start)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < snapshot->resource_count; low++) {
		const struct snapshot_resource *at = &snapshot->resources[low];
		struct extent all = { at->start, end_of(at->start, at->size) };

		if (at->start >= extent.end)
			break;
		bytes += length(common(all, extent));
	}
	return bytes;
}

static void add_missing(struct reconcile_verdict *verdict, enum block_state state,
			enum reason reason, uint64_t size)
{
	struct reconcile_missing *missing = verdict->missing;
	size_t i;

	for (i = 0; i < verdict->missing_count; i++)
		if (missing[i].state == state && missing[i].reason == reason)
			break;
	if (i == RECONCILE_MISSING_MAX)
		i--;
	if (i == verdict->missing_count) {
		missing[i].state = state;
		missing[i].reason = reason;
		missing[i].size = 0;
		verdict->missing_count++;
	}
	missing[i].size += size;
}

/* --- why the kernel has no block for a part of it */

static bool is_virtio_mem(const struct device *device)
{
	return strcmp(device->type, "virtio-mem") == 0;
}

static bool is_ram(const struct device *device)
{
	return device->has_range && (device_is_dimm(device) || is_virtio_mem(device));
}

/* The newest failure that can be this device's, or NULL. */
static const struct kernel_log_failure *find_failure(const struct kernel_log *log,
						     const struct device *device)
{
	size_t i;

	for (i = log->count; i-- > 0;) {
		const struct kernel_log_failure *failure = &log->failures[i];

		if (failure->has_start
			    ? failure->start == device->start
			    : failure->slot < 0 || failure->slot == device->slot)
			return failure;
	}
	return NULL;
}

static enum reason absent_reason(const struct reconcile_facts *facts,
				 const struct device *device, const char **line)
{
	const struct kernel_log_failure *failure = find_failure(facts->log, device);
	uint64_t unit = facts->snapshot->block_size_bytes;

	if (!is_ram(device))
		return REASON_NOT_RAM;
	if (failure)
		*line = failure->line;
	if (failure && failure->reason != REASON_ADD_FAILED)
		return failure->reason;
	if (unit && device_is_dimm(device) &&
	    (device->start % unit || device->size % unit))
		return REASON_UNALIGNED;
	if (device->size / PAGE_MAP_SHARE > facts->free_bytes)
		return REASON_MEMORY_SHORT;
	if (end_of(device->start, device->size) > facts->memory_limit)
		return REASON_MEMORY_LIMIT;
	return failure ? REASON_ADD_FAILED : REASON_NOT_ADDED;
}

/* Why a virtio-mem device has `lacking` bytes less plugged than the host asked for. */
static enum reason unplugged_reason(const struct reconcile_facts *facts,
				    const struct device *device, uint64_t lacking)
{
	uint64_t unit = facts->snapshot->block_size_bytes;

	if (facts->no_virtio_mem)
		return REASON_NO_DRIVER;
	if (lacking / PAGE_MAP_SHARE > facts->free_bytes)
		return REASON_MEMORY_SHORT;
	/* Drivers take whole blocks, or parts that may be larger than what was asked for. */
	if (unit && lacking < unit)
		return REASON_UNALIGNED;
	if (end_of(device->start, device->requested) > facts->memory_limit)
		return REASON_MEMORY_LIMIT;
	return REASON_NOT_ADDED;
}

/* --- the verdict */

static void add_remark(struct reconcile_verdict *verdict, enum reason reason)
{
	size_t i;

	for (i = 0; i < verdict->remark_count; i++)
		if (verdict->remarks[i] == reason)
			return;
	verdict->remarks[verdict->remark_count++] = reason;
}

static void add_node(const struct device *device, const struct block *block,
		     bool is_first, struct reconcile_verdict *verdict)
{
	if (is_first)
		verdict->node = block->node;
	else if (verdict->node != block->node)
		verdict->node = BLOCK_NODE_UNKNOWN;
	if (device->node >= 0 && block->node != BLOCK_NODE_UNKNOWN &&
	    block->node != device->node)
		add_remark(verdict, REASON_NODE_DIFFERS);
}

static void add_block(struct reconcile_verdict *verdict, const struct block *block,
		      uint64_t bytes)
{
	if (block->state != BLOCK_ONLINE) {
		add_missing(verdict, (enum block_state)block->state,
			    (enum reason)block->reason, bytes);
		return;
	}
	verdict->online += bytes;
	verdict->zones |= 1u << block_zone_now(block);
}

/* Bytes of the device that lie in blocks. */
static uint64_t add_blocks(const struct snapshot *snapshot, const struct device *device,
			   struct reconcile_verdict *verdict)
{
	struct extent whole = { device->start, end_of(device->start, device->span) };
	uint64_t found = 0;
	size_t i;

	for (i = first_block(snapshot, whole.start); i < snapshot->count; i++) {
		const struct block *block = &snapshot->blocks[i];
		struct extent extent = block_extent(snapshot, block);
		uint64_t bytes;

		if (extent.start >= whole.end)
			break;
		bytes = block->state == BLOCK_ABSENT
				? 0
				: known_bytes(snapshot, common(extent, whole));
		if (bytes) {
			add_node(device, block, found == 0, verdict);
			add_block(verdict, block, bytes);
		}
		found += bytes;
	}
	return found;
}

/* Of what is not there nothing is known. */
static enum reconcile_removable removable(const struct reconcile_facts *facts,
					  unsigned zones, uint64_t found)
{
	const unsigned fine = 1u << BLOCK_ZONE_MOVABLE, untold = 1u << BLOCK_ZONE_UNKNOWN;

	if (kernel_has(&facts->snapshot->machine.kernel, KERNEL_NO_HOT_REMOVE))
		return RECONCILE_REMOVABLE_NEVER;
	if (zones & ~(fine | untold))
		return RECONCILE_REMOVABLE_NO;
	return (zones & untold) || !found ? RECONCILE_REMOVABLE_UNKNOWN
					  : RECONCILE_REMOVABLE_YES;
}

/* What was plugged: of a virtio-mem device it lies anywhere in its span, block by block or less. */
static void judge_size(const struct reconcile_facts *facts, const struct device *device,
		       uint64_t found, struct reconcile_verdict *verdict)
{
	if (device->has_range && verdict->online >= device->size) {
		verdict->online = device->size;
		verdict->missing_count = 0;
	} else if (found < device->size || !found) {
		add_missing(verdict, BLOCK_ABSENT,
			    absent_reason(facts, device, &verdict->log),
			    device->size - (found < device->size ? found : device->size));
	}
}

/* What was asked for: only of virtio-mem can that be something else. */
static void judge_request(const struct reconcile_facts *facts,
			  const struct device *device, struct reconcile_verdict *verdict)
{
	uint64_t lacking;

	if (!device->has_range || !is_virtio_mem(device))
		return;
	if (device->requested < device->size)
		add_remark(verdict, REASON_NOT_GIVEN_BACK);
	if (device->requested <= device->size)
		return;
	lacking = device->requested - device->size;
	add_missing(verdict, BLOCK_ABSENT, unplugged_reason(facts, device, lacking),
		    lacking);
}

void reconcile_device(const struct reconcile_facts *facts, const struct device *device,
		      struct reconcile_verdict *verdict)
{
	uint64_t found = 0;

	memset(verdict, 0, sizeof(*verdict));
	verdict->node = BLOCK_NODE_UNKNOWN;
	verdict->cause = REASON_NONE;
	if (device->has_range)
		found = add_blocks(facts->snapshot, device, verdict);
	verdict->removable = removable(facts, verdict->zones, found);
	judge_size(facts, device, found, verdict);
	judge_request(facts, device, verdict);
	if (!verdict->missing_count)
		return;
	verdict->state = found ? RECONCILE_PARTIAL : RECONCILE_ABSENT;
	verdict->cause = verdict->missing[0].reason;
}
