/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_PLAN_H
#define MEMONLINE_PLAN_H

/* From verdicts to an ordered list of writes. One sequential writer executes it. */

#include "core/contract.h"
#include "core/journal.h"
#include "core/policy.h"

#define PLAN_LONG_RUN 16 /* blocks: of fewer the square is small beside the rest */

struct plan_write {
	uint64_t index; /* of the block */
	enum online_type word;
	enum reason reason;
	bool late; /* plan_leave_gaps put it off */
};

struct plan {
	struct plan_write *writes; /* owned */
	size_t count;
	size_t capacity;
	size_t next; /* the first write not yet done */
};

#define PLAN_INIT             \
	{                     \
		NULL, 0, 0, 0 \
	}

void plan_free(struct plan *plan);
void plan_clear(struct plan *plan);
/* Allocates room for `writes` writes in advance. 0 or -ENOMEM. */
int plan_reserve(struct plan *plan, size_t writes) _must_check_ _nonnull_(1);
/*
 * Writes are appended in ascending order of block. An online type of NONE adds nothing. 0
 * or -ENOMEM.
 */
int plan_add(struct plan *plan, uint64_t index,
	     const struct policy_verdict *verdict) _must_check_ _nonnull_(1);
/*
 * Those that go to ZONE_MOVABLE from the highest block down: before 4.13 that zone grows only
 * downwards. Others go first, and stay ascending.
 */
void plan_movable_from_top(struct plan *plan) _nonnull_(1);
/* After plan_movable_from_top: all that go there are left out. */
void plan_drop_movable(struct plan *plan) _nonnull_(1);
/*
 * Whenever a zone grows, the kernel checks whether it has a hole: pageblock by pageblock,
 * from its start to the first hole (set_zone_contiguous in mm/mm_init.c, before 6.5 in
 * mm/page_alloc.c, called by move_pfn_range_to_zone; from 4.13 on). For a DIMM in
 * ascending order that work grows with the square of its blocks: it was two thirds of the
 * time for 512 blocks (6.1). So the plan keeps a hole as long as possible: it defers the
 * second block of each long run, and shorter runs below one, which an earlier plan may
 * have left; the lowest comes last.
 */
void plan_leave_gaps(struct plan *plan) _nonnull_(1);
/* Whether only what closes gaps is left. */
bool plan_is_late(const struct plan *plan) _nonnull_(1);
/* The next write, or NULL at the end. */
const struct plan_write *plan_take(struct plan *plan) _nonnull_(1);
/*
 * Up to `max` of the next writes into `writes`, for one who does not wait for the result of each; how
 * many. Those that close gaps not together with others: a scan may be wanted before them.
 */
size_t plan_take_several(struct plan *plan, struct plan_write *writes, size_t max)
	_nonnull_(1, 2);
/* The writes that were taken last, so many, were not made: they are the next again. */
void plan_put_back(struct plan *plan, size_t count) _nonnull_(1);

/*
 * The result of a write: `error` is what the write returned (0 or negative errno),
 * `before` and `after` the block as it was and as it reads now. The state read decides,
 * not the write: a block that someone else brought online first is a success, a write
 * that changed nothing is not.
 */
void plan_judge(const struct plan_write *write, int error, const struct block *before,
		const struct block *after, uint64_t block_size_bytes,
		struct report_range *result) _nonnull_(1);
/*
 * Back-off. Whether a refusal with this errno may pass by itself: EBUSY (isolation,
 * reserved pages), ENOMEM, EAGAIN, EINTR. EINVAL (online type, state, zone) does not.
 */
bool plan_may_pass(int error);
/* The pause before try number `attempt` + 1, from 0: 100 ms, doubling to 30 s. */
uint64_t plan_retry_pause_msec(unsigned attempt);

/* Why a write did not change the block: `error` is what it returned, -ETIMEDOUT where it was given
 * up when its time was over. */
enum reason plan_failure_reason(int error);

/* Whether the block is in the state and zone of the online type. */
bool plan_reached(enum online_type word, const struct block *block);

/* What a mark that was left behind and the block as it reads now say together. */
void plan_resume(const struct journal_mark *mark, const struct block *block,
		 uint64_t block_size_bytes, struct report_range *result) _nonnull_(1);

#endif
