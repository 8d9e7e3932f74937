/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define REPORT_RANGES_MAX 64 /* of one report; a DIMM in more pieces gets several */
#define RECALL_BLOCKS_MAX (1u << 20) /* 128 TiB in blocks of 128 MiB */

int report_builder_init(struct report_builder *builder, size_t entries)
{
	builder->entries = calloc(entries, sizeof(*builder->entries));
	if (!builder->entries)
		return -ENOMEM;
	builder->count = 0;
	builder->capacity = entries;
	return 0;
}

void report_builder_free(struct report_builder *builder)
{
	free(builder->entries);
	memset(builder, 0, sizeof(*builder));
}

static bool merge(struct report_builder_entry *last,
		  const struct report_builder_entry *next)
{
	if (last->held != next->held || last->dimm != next->dimm ||
	    last->round != next->round ||
	    !report_range_continues(&last->range, &next->range))
		return false;
	last->range.size += next->range.size;
	if (next->begun_usec < last->begun_usec)
		last->begun_usec = next->begun_usec;
	if (next->done_usec > last->done_usec)
		last->done_usec = next->done_usec;
	return true;
}

static bool overlap(const struct report_range *a, const struct report_range *b)
{
	return a->start < b->start + b->size && b->start < a->start + a->size;
}

static uint64_t end_of(const struct report_range *range)
{
	return range->start + range->size;
}

/* Takes the blocks of `next` out of entry i, and what is left above them to a place of its own. */
static void cut_out(struct report_builder *builder, size_t i,
		    const struct report_range *next)
{
	struct report_builder_entry *old = &builder->entries[i];
	struct report_builder_entry above = *old;

	if (end_of(next) < end_of(&old->range)) {
		above.range.start = end_of(next);
		above.range.size = end_of(&old->range) - end_of(next);
		builder->entries[builder->count++] = above;
	}
	if (next->start > old->range.start) {
		old->range.size = next->start - old->range.start;
		return;
	}
	builder->count--;
	memmove(old, old + 1, (builder->count - i) * sizeof(*old));
}

/* false: no room for what a cut leaves above. */
static bool replace_refusals(struct report_builder *builder,
			     struct report_builder_entry *entry)
{
	size_t i = builder->count;

	while (i--) {
		const struct report_builder_entry *old = &builder->entries[i];

		if (old->range.result != REPORT_FAILED ||
		    old->range.from != old->range.to || old->dimm != entry->dimm ||
		    !overlap(&old->range, &entry->range))
			continue;
		if (builder->count == builder->capacity)
			return false;
		if (old->begun_usec < entry->begun_usec)
			entry->begun_usec = old->begun_usec;
		cut_out(builder, i, &entry->range);
	}
	return true;
}

/* false: one of its blocks was another DIMM's. */
static bool find_round(const struct report_builder *builder,
		       struct report_builder_entry *entry)
{
	size_t i;

	entry->round = 0;
	for (i = 0; i < builder->count; i++) {
		const struct report_builder_entry *old = &builder->entries[i];

		if (!overlap(&old->range, &entry->range))
			continue;
		if (old->dimm != entry->dimm)
			return false;
		if (old->round >= entry->round)
			entry->round = old->round + 1;
	}
	return true;
}

bool report_builder_add(struct report_builder *builder, uint64_t dimm,
			const struct report_range *range, uint64_t begun_usec,
			uint64_t done_usec)
{
	struct report_builder_entry entry = { *range,	 dimm, begun_usec,
					      done_usec, 0,    false };

	if (!replace_refusals(builder, &entry) || !find_round(builder, &entry))
		return false;
	if (builder->count && merge(&builder->entries[builder->count - 1], &entry))
		return true;
	if (builder->count == builder->capacity)
		return false;
	builder->entries[builder->count++] = entry;
	return true;
}

static enum reason observed_reason(const struct report_range *range)
{
	switch ((enum block_state)range->to) {
	case BLOCK_ONLINE:
		return REASON_ONLINED_ELSEWHERE;
	case BLOCK_OFFLINE:
		return range->from == BLOCK_ABSENT ? REASON_NONE
						   : REASON_OFFLINED_ELSEWHERE;
	case BLOCK_ABSENT:
		return REASON_REMOVED;
	case BLOCK_GOING_OFFLINE:
	case BLOCK_UNREADABLE:
	case BLOCK_STATES:
		break;
	}
	return REASON_STATE_UNREADABLE;
}

/* NULL: no such block. */
static uint8_t reported(const struct block *block)
{
	return (uint8_t)block_state_reported(block ? (enum block_state)block->state
						   : BLOCK_ABSENT);
}

void report_observe(const struct snapshot_change *change, uint64_t block_size_bytes,
		    struct report_range *range)
{
	const struct block *before = change->before, *after = change->after;
	const struct block *known = after ? after : before;

	memset(range, 0, sizeof(*range));
	range->start = known->index * block_size_bytes;
	range->size = block_size_bytes;
	range->node = known->node;
	range->from = reported(before);
	range->to = reported(after);
	range->zone = (uint8_t)(after ? block_zone_now(after) : BLOCK_ZONE_UNKNOWN);
	range->result = REPORT_SUCCESS;
	range->reason = (uint8_t)observed_reason(range);
}

static bool is_partial(const struct snapshot *snapshot, const struct report_range *range)
{
	const struct block *block;

	if (range->to == BLOCK_ABSENT || !snapshot->block_size_bytes)
		return false;
	block = snapshot_find(snapshot, range->start / snapshot->block_size_bytes);
	return block && snapshot_hot_added(snapshot, block) &&
	       !snapshot_dimm_is_whole(snapshot, block);
}

static bool any_ready(const struct report_builder *builder, uint64_t dimm)
{
	size_t i;

	for (i = 0; i < builder->count; i++)
		if (builder->entries[i].dimm == dimm && !builder->entries[i].held)
			return true;
	return false;
}

uint64_t report_builder_hold(struct report_builder *builder,
			     const struct snapshot *snapshot, uint64_t since_usec)
{
	struct report_builder_entry *entry, *end = builder->entries + builder->count;
	uint64_t oldest_usec = 0;

	for (entry = builder->entries; entry < end; entry++)
		entry->held = entry->begun_usec > since_usec &&
			      is_partial(snapshot, &entry->range);
	for (entry = builder->entries; entry < end; entry++) {
		/* All of a DIMM or nothing: what happened to a block stays in its order. */
		if (!entry->held || any_ready(builder, entry->dimm))
			entry->held = false;
		else if (!oldest_usec || entry->begun_usec < oldest_usec)
			oldest_usec = entry->begun_usec;
	}
	return oldest_usec;
}

bool report_builder_has(const struct report_builder *builder, uint64_t start)
{
	size_t i;

	for (i = 0; i < builder->count; i++) {
		const struct report_range *range = &builder->entries[i].range;

		if (start >= range->start && start - range->start < range->size)
			return true;
	}
	return false;
}

static int compare_entries(const void *left, const void *right)
{
	const struct report_builder_entry *a = left, *b = right;

	if (a->held != b->held)
		return a->held ? 1 : -1;
	if (a->dimm != b->dimm)
		return a->dimm < b->dimm ? -1 : 1;
	/* The same block twice: in the order it happened. */
	if (a->round != b->round)
		return a->round < b->round ? -1 : 1;
	return a->range.start < b->range.start ? -1 : a->range.start > b->range.start;
}

/* Blocks may have been seen over several rounds: only now are neighbours side by side. */
static void merge_sorted(struct report_builder *builder)
{
	size_t i, kept = 0;

	for (i = 1; i < builder->count; i++)
		if (!merge(&builder->entries[kept], &builder->entries[i]))
			builder->entries[++kept] = builder->entries[i];
	builder->count = kept + 1;
}

static bool same_report(const struct report_builder_entry *last,
			const struct report_builder_entry *next)
{
	if (last->dimm != next->dimm)
		return false;
	return last->dimm != REPORT_NO_DIMM ||
	       last->range.start + last->range.size >= next->range.start;
}

/* Appends one report from entries[*from] on and moves *from behind what it took. */
static void report_one(const struct report_builder *builder, size_t end, size_t *from,
		       struct journal *journal, struct report *report)
{
	struct report_range ranges[REPORT_RANGES_MAX];
	const struct report_builder_entry *entry = &builder->entries[*from];
	uint64_t begun_usec = entry->begun_usec, done_usec = entry->done_usec;
	size_t count = 0;

	do {
		ranges[count++] = entry->range;
		if (entry->begun_usec < begun_usec)
			begun_usec = entry->begun_usec;
		if (entry->done_usec > done_usec)
			done_usec = entry->done_usec;
		entry++;
	} while (*from + count < end && count < REPORT_RANGES_MAX &&
		 same_report(entry - 1, entry));
	*from += count;
	report->elapsed_usec = done_usec - begun_usec;
	journal_append(journal, report, ranges, count);
}

/* Sorted: held ones come after all others. */
static size_t count_ready(const struct report_builder *builder)
{
	size_t ready = builder->count;

	while (ready && builder->entries[ready - 1].held)
		ready--;
	return ready;
}

static void keep_held(struct report_builder *builder, size_t first)
{
	size_t i;

	builder->count -= first;
	memmove(builder->entries, builder->entries + first,
		builder->count * sizeof(*builder->entries));
	for (i = 0; i < builder->count; i++)
		builder->entries[i].held = false;
}

void report_builder_flush(struct report_builder *builder, struct journal *journal,
			  int64_t time_sec, int32_t time_usec)
{
	struct report report = { .time_sec = time_sec, .time_usec = time_usec };
	size_t from = 0, end;

	if (!builder->count)
		return;
	qsort(builder->entries, builder->count, sizeof(*builder->entries),
	      compare_entries);
	merge_sorted(builder);
	end = count_ready(builder);
	while (from < end)
		report_one(builder, end, &from, journal, &report);
	keep_held(builder, end);
}

/* Room for each block of the range; most often they come in ascending order. */
static int make_places(const struct report_range *range, uint64_t unit,
		       struct snapshot *told)
{
	size_t known = told->count;
	bool is_sorted = true;
	uint64_t index;

	for (index = range->start / unit; index < (range->start + range->size) / unit;
	     index++) {
		struct snapshot sorted = { .blocks = told->blocks, .count = known };
		struct block block = { .index = index };
		int r;

		if (snapshot_find(&sorted, index))
			continue;
		is_sorted = is_sorted &&
			    (!told->count || told->blocks[told->count - 1].index < index);
		r = snapshot_add_block(told, &block);
		if (r < 0)
			return r;
	}
	if (!is_sorted)
		snapshot_sort(told);
	return 0;
}

static int recall(const struct report_range *range, uint64_t unit, struct snapshot *told)
{
	uint64_t left = range->size / unit;
	struct block *block;
	int r;

	/*
	 * The numbers come from a file: they are bounded, so that they cannot fill the
	 * machine's memory.
	 */
	if (told->count + left > RECALL_BLOCKS_MAX ||
	    range->start + range->size < range->start)
		return 0;
	r = make_places(range, unit, told);
	if (r < 0)
		return r;
	for (block = snapshot_find(told, range->start / unit); left; block++, left--) {
		block->node = range->node;
		block->state = range->to;
		block->reason = range->reason;
		block->zones[0] = range->zone;
		block->zone_count = range->zone != BLOCK_ZONE_UNKNOWN;
	}
	return 0;
}

int report_recall(const struct journal *journal, uint64_t block_size_bytes,
		  struct snapshot *told)
{
	const struct report *report = NULL;
	size_t i;
	int r = 0;

	while (r == 0 && (report = journal_after(journal, report ? report->seq : 0))) {
		const struct report_range *ranges = journal_ranges(journal, report);

		for (i = 0; i < report->count && r == 0; i++)
			r = recall(&ranges[i], block_size_bytes, told);
	}
	return r;
}
