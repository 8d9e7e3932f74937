/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/job.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *job_response_text(enum job_response response)
{
	static const char *const texts[] = {
		"pending",	    "success",	   "not-found", "operation-not-supported",
		"operation-failed", "rolled-back", "not-tried"
	};

	return texts[response];
}

int job_init(struct job *job, enum job_kind kind, size_t count)
{
	size_t i;

	memset(job, 0, sizeof(*job));
	job->kind = kind;
	job->can_offline = true;
	job->reason = REASON_ASKED;
	job->items = calloc(count ? count : 1, sizeof(*job->items));
	if (!job->items)
		return -ENOMEM;
	job->count = count;
	for (i = 0; i < count; i++)
		job->items[i].position = i;
	return 0;
}

void job_free(struct job *job)
{
	free(job->items);
	memset(job, 0, sizeof(*job));
}

static bool is_within(const struct snapshot *snapshot, const struct block *block,
		      uint64_t start, uint64_t size)
{
	uint64_t first = start / snapshot->block_size_bytes;

	return block->state != BLOCK_ABSENT && block->index >= first &&
	       block->index - first < size / snapshot->block_size_bytes;
}

static size_t count_within(const struct snapshot *snapshot, uint64_t start, uint64_t size)
{
	size_t count = 0, i;

	for (i = 0; i < snapshot->count; i++)
		count += is_within(snapshot, &snapshot->blocks[i], start, size);
	return count;
}

static void put_second_last(struct job *job)
{
	struct job_item second = job->items[1];

	memmove(&job->items[1], &job->items[2], (job->count - 2) * sizeof(second));
	job->items[job->count - 1] = second;
}

static void turn_round(struct job *job)
{
	size_t i;

	for (i = 0; i < job->count / 2; i++) {
		struct job_item *low = &job->items[i];
		struct job_item *high = &job->items[job->count - 1 - i];
		struct job_item item = *low;

		*low = *high;
		*high = item;
	}
}

/* Ascending so far. What goes offline gets its gap first, what comes online last. */
static void order_range(struct job *job, const struct machine *machine)
{
	if (!kernel_has(&machine->kernel, KERNEL_MOVABLE_FROM_TOP) &&
	    job->count >= PLAN_LONG_RUN)
		put_second_last(job);
	if (kernel_has(&machine->kernel, KERNEL_MOVABLE_FROM_TOP) ||
	    job->kind == JOB_OFFLINE)
		turn_round(job);
}

int job_init_range(struct job *job, enum job_kind kind, const struct snapshot *snapshot,
		   uint64_t start, uint64_t size, enum online_type word)
{
	uint64_t unit = snapshot->block_size_bytes;
	size_t count, taken = 0, i;
	int r;

	if (!unit || !size || start % unit || size % unit || start + size - 1 < start)
		return -EINVAL;
	count = count_within(snapshot, start, size);
	if (!count)
		return -ENOENT;
	r = job_init(job, kind, count);
	for (i = 0; r == 0 && i < snapshot->count; i++) {
		const struct block *block = &snapshot->blocks[i];
		struct job_item *item;

		if (!is_within(snapshot, block, start, size))
			continue;
		item = &job->items[taken++];
		item->index = block->index;
		item->word = word;
	}
	if (r == 0)
		order_range(job, &snapshot->machine);
	return r;
}

static int compare_from_top(const void *left, const void *right)
{
	const struct job_item *a = left, *b = right;

	if (a->index != b->index)
		return a->index < b->index ? 1 : -1;
	return a->position < b->position ? -1 : 1;
}

static int compare_positions(const void *left, const void *right)
{
	const struct job_item *a = left, *b = right;

	return a->position < b->position ? -1 : 1;
}

void job_sort_from_top(struct job *job)
{
	if (job->count)
		qsort(job->items, job->count, sizeof(*job->items), compare_from_top);
}

void job_restore_order(struct job *job)
{
	if (job->count)
		qsort(job->items, job->count, sizeof(*job->items), compare_positions);
}

/* The online type that brings an online block back to its zone. */
static enum online_type word_back(const struct block *block)
{
	switch (block_zone_now(block)) {
	case BLOCK_ZONE_MOVABLE:
		return ONLINE_TYPE_ONLINE_MOVABLE;
	case BLOCK_ZONE_UNKNOWN:
	case BLOCK_ZONE_DEVICE:
	case BLOCK_ZONES:
		return ONLINE_TYPE_ONLINE;
	case BLOCK_ZONE_DMA:
	case BLOCK_ZONE_DMA32:
	case BLOCK_ZONE_NORMAL:
	case BLOCK_ZONE_HIGHMEM:
		break;
	}
	return ONLINE_TYPE_ONLINE_KERNEL;
}

static void answer(struct job_item *item, enum job_response response, int error,
		   enum reason reason)
{
	item->response = response;
	item->error = error;
	item->reason = reason;
}

/* What needs no write is answered here. true: it needs one. */
static bool needs_write(const struct job *job, const struct snapshot *snapshot,
			struct job_item *item)
{
	const struct block *block = snapshot_find(snapshot, item->index);

	item->state = block ? (enum block_state)block->state : BLOCK_ABSENT;
	if (item->state == BLOCK_ABSENT) {
		answer(item, JOB_NOT_FOUND, ENOENT, REASON_REMOVED);
		return false;
	}
	/* One that is going offline is to be online once it is off. */
	if (item->state != BLOCK_GOING_OFFLINE && plan_reached(item->word, block)) {
		answer(item, JOB_SUCCESS, 0, REASON_ASKED);
		return false;
	}
	if (item->word == ONLINE_TYPE_OFFLINE && !job->can_offline) {
		answer(item, JOB_NOT_SUPPORTED, 0, REASON_NO_HOT_REMOVE);
		return false;
	}
	item->undo = word_back(block);
	return true;
}

/* A DIMM may go while its blocks are being brought back. */
static bool still_there(const struct snapshot *snapshot, struct job_item *item)
{
	const struct block *block = snapshot_find(snapshot, item->index);

	if (block && block->state != BLOCK_ABSENT)
		return true;
	item->state = BLOCK_ABSENT;
	answer(item, JOB_NOT_FOUND, ENOENT, REASON_REMOVED);
	return false;
}

/* From here on backwards: the last block that went offline is the first to come back. */
static bool next_undo(struct job *job, const struct snapshot *snapshot,
		      struct plan_write *write)
{
	while (job->next > 0) {
		struct job_item *item = &job->items[job->next - 1];

		if (item->written && item->response == JOB_SUCCESS &&
		    still_there(snapshot, item)) {
			write->index = item->index;
			write->word = item->undo;
			write->reason = REASON_ROLLED_BACK;
			return true;
		}
		job->next--;
	}
	return false;
}

static void start_undoing(struct job *job)
{
	size_t i;

	for (i = job->next; i < job->count; i++)
		if (job->items[i].response == JOB_PENDING)
			answer(&job->items[i], JOB_NOT_TRIED, 0, REASON_NONE);
	job->undoing = true;
}

static bool next_write(struct job *job, const struct snapshot *snapshot,
		       struct plan_write *write)
{
	while (!job->undoing && job->next < job->count) {
		struct job_item *item = &job->items[job->next];

		if (needs_write(job, snapshot, item)) {
			write->index = item->index;
			write->word = item->word;
			write->reason = item->fell_back ? REASON_ZONE_FIXED : job->reason;
			return true;
		}
		job->next++;
		if (job->kind == JOB_OFFLINE && item->response != JOB_SUCCESS)
			start_undoing(job);
	}
	return job->undoing && next_undo(job, snapshot, write);
}

/* What was not tried is as it is, and no state is the one of zero. */
static void read_untried(struct job *job, const struct snapshot *snapshot)
{
	size_t i;

	for (i = 0; i < job->count; i++) {
		struct job_item *item = &job->items[i];
		const struct block *block = snapshot_find(snapshot, item->index);

		if (item->response == JOB_NOT_TRIED)
			item->state = block ? (enum block_state)block->state
					    : BLOCK_ABSENT;
	}
}

bool job_next(struct job *job, const struct snapshot *snapshot, struct plan_write *write)
{
	if (next_write(job, snapshot, write))
		return true;
	read_untried(job, snapshot);
	return false;
}

static void undo_result(struct job *job, int error, const struct block *after)
{
	struct job_item *item = &job->items[--job->next];

	item->state = (enum block_state)after->state;
	if (plan_reached(item->undo, after))
		answer(item, JOB_ROLLED_BACK, 0, REASON_ROLLED_BACK);
	else
		answer(item, JOB_FAILED, -error, plan_failure_reason(error));
}

/* Whether the item is written once more, for any zone. */
static bool fall_back(const struct job *job, struct job_item *item, int error)
{
	if (!job->falls_back || error != -EINVAL || item->state != BLOCK_OFFLINE ||
	    (item->word != ONLINE_TYPE_ONLINE_MOVABLE &&
	     item->word != ONLINE_TYPE_ONLINE_KERNEL))
		return false;
	item->word = ONLINE_TYPE_ONLINE;
	item->fell_back = true;
	return true;
}

void job_result(struct job *job, int error, const struct block *after)
{
	struct job_item *item;

	if (job->undoing) {
		undo_result(job, error, after);
		return;
	}
	item = &job->items[job->next];
	item->state = (enum block_state)after->state;
	/* Refused: if it is as wanted all the same, another program made it so. */
	item->written = error == 0 || error == -ETIMEDOUT;
	if (fall_back(job, item, error))
		return;
	job->next++;
	if (plan_reached(item->word, after)) {
		answer(item, JOB_SUCCESS, 0,
		       item->fell_back ? REASON_ZONE_FIXED : REASON_ASKED);
		return;
	}
	answer(item, JOB_FAILED, -error, plan_failure_reason(error));
	if (job->kind == JOB_OFFLINE)
		start_undoing(job);
}

bool job_succeeded(const struct job *job)
{
	size_t i;

	for (i = 0; i < job->count; i++)
		if (job->items[i].response != JOB_SUCCESS)
			return false;
	return true;
}
