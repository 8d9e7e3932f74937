/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/plan.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void plan_free(struct plan *plan)
{
	free(plan->writes);
	memset(plan, 0, sizeof(*plan));
}

void plan_clear(struct plan *plan)
{
	plan->count = 0;
	plan->next = 0;
}

int plan_reserve(struct plan *plan, size_t writes)
{
	struct plan_write *grown;

	if (writes <= plan->capacity)
		return 0;
	if (writes > SIZE_MAX / sizeof(*grown))
		return -ENOMEM;
	grown = realloc(plan->writes, writes * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	plan->writes = grown;
	plan->capacity = writes;
	return 0;
}

int plan_add(struct plan *plan, uint64_t index, const struct policy_verdict *verdict)
{
	struct plan_write *write;
	int r = 0;

	if (verdict->word == ONLINE_TYPE_NONE)
		return 0;
	if (plan->count == plan->capacity)
		r = plan_reserve(plan, plan->capacity ? plan->capacity * 2 : 64);
	if (r < 0)
		return r;
	write = &plan->writes[plan->count++];
	write->index = index;
	write->word = verdict->word;
	write->reason = verdict->reason;
	write->late = false;
	return 0;
}

static int compare_from_top(const void *left, const void *right)
{
	const struct plan_write *a = left, *b = right;
	bool movable = a->word == ONLINE_TYPE_ONLINE_MOVABLE;

	if (movable != (b->word == ONLINE_TYPE_ONLINE_MOVABLE))
		return movable ? 1 : -1;
	if (a->index == b->index)
		return 0;
	return (a->index < b->index) != movable ? -1 : 1;
}

void plan_movable_from_top(struct plan *plan)
{
	if (plan->count)
		qsort(plan->writes, plan->count, sizeof(*plan->writes), compare_from_top);
}

void plan_drop_movable(struct plan *plan)
{
	while (plan->count &&
	       plan->writes[plan->count - 1].word == ONLINE_TYPE_ONLINE_MOVABLE)
		plan->count--;
}

static int compare_late_last(const void *left, const void *right)
{
	const struct plan_write *a = left, *b = right;

	if (a->late != b->late)
		return a->late ? 1 : -1;
	if (a->index == b->index)
		return 0;
	return (a->index < b->index) != a->late ? -1 : 1;
}

/* The first of the neighbours before `end` that get the same online type. */
static size_t start_of_run(const struct plan *plan, size_t end)
{
	const struct plan_write *writes = plan->writes;
	size_t first = end - 1;

	while (first && writes[first - 1].word == writes[first].word &&
	       writes[first - 1].index + 1 == writes[first].index)
		first--;
	return first;
}

void plan_leave_gaps(struct plan *plan)
{
	bool is_above[ONLINE_TYPES] = { false }; /* a long run */
	bool any = false;
	size_t first, end, i;

	for (end = plan->count; end; end = first) {
		struct plan_write *run;

		first = start_of_run(plan, end);
		run = &plan->writes[first];
		if (end - first >= PLAN_LONG_RUN) {
			is_above[run->word] = any = true;
			run[1].late = true;
			continue;
		}
		for (i = 0; i < end - first; i++)
			run[i].late = is_above[run->word];
	}
	if (any)
		qsort(plan->writes, plan->count, sizeof(*plan->writes),
		      compare_late_last);
}

bool plan_is_late(const struct plan *plan)
{
	return plan->next < plan->count && plan->writes[plan->next].late;
}

const struct plan_write *plan_take(struct plan *plan)
{
	return plan->next < plan->count ? &plan->writes[plan->next++] : NULL;
}

size_t plan_take_several(struct plan *plan, struct plan_write *writes, size_t max)
{
	bool is_late = plan_is_late(plan);
	size_t count = 0;

	while (count < max && plan->next < plan->count &&
	       plan->writes[plan->next].late == is_late)
		writes[count++] = plan->writes[plan->next++];
	return count;
}

void plan_put_back(struct plan *plan, size_t count)
{
	plan->next -= count < plan->next ? count : plan->next;
}

#define RETRY_FIRST_MSEC 100
#define RETRY_LAST_MSEC 30000

bool plan_may_pass(int error)
{
	return error == EBUSY || error == ENOMEM || error == EAGAIN || error == EINTR;
}

uint64_t plan_retry_pause_msec(unsigned attempt)
{
	uint64_t pause_msec = RETRY_FIRST_MSEC;

	while (attempt-- && pause_msec < RETRY_LAST_MSEC)
		pause_msec *= 2;
	return pause_msec < RETRY_LAST_MSEC ? pause_msec : RETRY_LAST_MSEC;
}

bool plan_reached(enum online_type word, const struct block *block)
{
	return block_state_reported((enum block_state)block->state) ==
	       (word == ONLINE_TYPE_OFFLINE ? BLOCK_OFFLINE : BLOCK_ONLINE);
}

enum reason plan_failure_reason(int error)
{
	if (!error)
		return REASON_UNCHANGED;
	return error == -ETIMEDOUT ? REASON_TIMED_OUT : REASON_REFUSED;
}

static enum reason success_reason(const struct plan_write *write, int error,
				  const struct report_range *result)
{
	if (!block_zone_suits(write->word, (enum block_zone)result->zone))
		return REASON_ZONE_DIFFERS;
	if (error == 0)
		return write->reason;
	return write->word == ONLINE_TYPE_OFFLINE ? REASON_OFFLINED_ELSEWHERE
						  : REASON_ONLINED_ELSEWHERE;
}

void plan_judge(const struct plan_write *write, int error, const struct block *before,
		const struct block *after, uint64_t block_size_bytes,
		struct report_range *result)
{
	memset(result, 0, sizeof(*result));
	result->start = write->index * block_size_bytes;
	result->size = block_size_bytes;
	result->node = before->node;
	result->from = (uint8_t)block_state_reported((enum block_state)before->state);
	result->to = (uint8_t)block_state_reported((enum block_state)after->state);
	result->requested = (uint8_t)write->word;
	result->zone = (uint8_t)block_zone_now(after);
	if (plan_reached(write->word, after)) {
		result->result = REPORT_SUCCESS;
		result->reason = (uint8_t)success_reason(write, error, result);
		return;
	}
	result->result = REPORT_FAILED;
	result->error = -error;
	result->reason = (uint8_t)(after->state == BLOCK_ABSENT
					   ? REASON_REMOVED
					   : plan_failure_reason(error));
}

void plan_resume(const struct journal_mark *mark, const struct block *block,
		 uint64_t block_size_bytes, struct report_range *result)
{
	const struct plan_write write = { mark->index, (enum online_type)mark->word,
					  REASON_RESUMED, false };
	struct block before = *block;

	before.state = mark->from;
	plan_judge(&write, 0, &before, block, block_size_bytes, result);
}
