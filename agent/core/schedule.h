/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SCHEDULE_H
#define MEMONLINE_SCHEDULE_H

/*
 * The daemon's state machine: one state, one function that alone changes it and says what to do
 * next, one time to wake up. Pure: the time is an argument, monotonic, in microseconds and never
 * 0; a time of 0 is none.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/contract.h"

enum schedule_state {
	SCHEDULE_IDLE, /* everything is done and reported */
	SCHEDULE_SCANNING,
	SCHEDULE_ANNOUNCING, /* a scan waits: the kernel is just making a DIMM's blocks */
	SCHEDULE_WRITING, /* the plan, or a write that the kernel holds up */
	SCHEDULE_SETTLING, /* nothing is done until the events have ended */
	SCHEDULE_JOB, /* what somebody asked for by name */
	SCHEDULE_PROBING,
	SCHEDULE_REPORTING,
	SCHEDULE_RESCAN, /* idle until a block that could not be read is read again */
	SCHEDULE_RETRYING, /* idle until refused writes are tried again */
	SCHEDULE_HOLDING, /* idle until the rest of a DIMM comes, or is no longer waited for */
	SCHEDULE_STATES
};

enum schedule_action {
	SCHEDULE_WAIT, /* until an event, or until the step's wake_usec */
	SCHEDULE_SCAN, /* read all blocks and decide about each */
	SCHEDULE_ADVANCE, /* read the newcomer alone and decide about it, if it is whole */
	SCHEDULE_WRITE, /* the plan's next */
	SCHEDULE_WRITE_AHEAD, /* hand the plan's next over behind the write in hand */
	SCHEDULE_TAKE_RESULT, /* wait for the write in hand as long as a step may take */
	SCHEDULE_STEP_JOB,
	SCHEDULE_STEP_PROBE,
	SCHEDULE_REPORT, /* write the reports, then schedule_reported */
	SCHEDULE_PUSH, /* reports are in the journal that nobody has been called about */
	SCHEDULE_RETRY, /* let refused writes have another try */
	SCHEDULE_READ_BACKUP, /* the backup source */
	SCHEDULE_NOTICE_HELD_UP, /* the write in hand has been held up for another second */
	SCHEDULE_ACTIONS
};

/* What the daemon sees at the time of a step. */
struct schedule_facts {
	bool is_offlining; /* a worker takes a block offline */
	bool is_writing; /* a write is in progress */
	bool is_left; /* and nobody waits for it: its end is an event */
	bool may_write_ahead; /* for SCHEDULE_WRITE_AHEAD */
	bool may_scan; /* also while the write is in progress */
	bool has_plan; /* writes are left in the plan */
	bool only_gaps; /* those only close gaps (plan_is_late) */
	bool has_newcomer; /* a new block was announced that no other block decides about */
	bool has_nodes; /* a block shows when it is whole: it is linked to its node then */
	bool has_job;
	bool has_probe;
	bool has_pushable; /* for SCHEDULE_PUSH */
	uint64_t
		seqnum; /* the kernel's latest event, where schedule_needs_seqnum; else 0 */
};

struct schedule {
	enum schedule_state state;
	bool has_timer; /* false: nobody would wake up; no pause is made then */
	bool scan_wanted;
	bool has_written; /* since the last scan: others may have been at it too */
	bool is_reported; /* nothing has been done since */
	uint64_t begun_usec; /* when the first of the present events came */
	/* Each is one of the reasons to wake up. */
	uint64_t rescan_usec, announced_usec, retry_usec, settled_usec, backup_usec,
		held_up_usec, rest_usec;
	unsigned rescan_tries; /* so far */
	bool is_undecided; /* the last decision failed for lack of memory */
	unsigned undecided_tries; /* pauses since one succeeded */
	uint64_t announce_max_usec; /* how long a scan may wait; 0: 250 ms */
	uint64_t announce_until_usec; /* scan then at the latest; 0: no need to wait */
	uint64_t announce_seqnum; /* the kernel's latest, when it was last asked */
	bool may_advance; /* the newcomer may be whole by now */
	bool is_whole; /* its DIMM is: the scan need not wait */
	unsigned retry_attempt; /* so far */
	bool is_refused; /* a write was refused, and retry_usec is not set yet */
	bool is_unsettled; /* something changed, and the events have not ended since */
	bool has_moved; /* something changed since settled_usec was set */
	uint64_t unsettled_usec; /* when that began */
};

struct schedule_step {
	enum schedule_action action;
	uint64_t wake_usec; /* of SCHEDULE_WAIT */
	enum schedule_state
		from; /* the state before, equal to the new one where it stays */
	const char *why; /* of the new state */
};

const char *schedule_state_text(enum schedule_state state);

/* The transition: fires what is due, moves to the state that follows, and says what to do. */
struct schedule_step schedule_next(struct schedule *schedule,
				   const struct schedule_facts *facts, uint64_t now_usec)
	_nonnull_(1);
/* Whether a step at that time needs facts.seqnum. */
bool schedule_needs_seqnum(const struct schedule *schedule, uint64_t now_usec)
	_nonnull_(1);

/* --- what happens between two steps */

/* A series of events begins here, unless one is going on. */
void schedule_begin(struct schedule *schedule, uint64_t now_usec) _nonnull_(1);
void schedule_want_scan(struct schedule *schedule, uint64_t now_usec) _nonnull_(1);
/* An event has asked for a scan: the rest of its DIMM may be about to come. */
void schedule_expect_more(struct schedule *schedule, uint64_t now_usec) _nonnull_(1);
/*
 * SCHEDULE_ADVANCE has found the newcomer linked to its node, on a kernel that does so once all blocks
 * of the DIMM are made.
 */
void schedule_dimm_whole(struct schedule *schedule) _nonnull_(1);
/*
 * A block of a scan cannot be read: another scan, while schedule_may_rescan. Nothing where one
 * that comes as early is waited for already.
 */
void schedule_rescan(struct schedule *schedule, uint64_t now_usec) _nonnull_(1);
/* The same of a scan that failed, as for lack of memory: until one succeeds. */
void schedule_scan_failed(struct schedule *schedule, uint64_t now_usec) _nonnull_(1);
/*
 * There was not enough memory to decide about what a scan found: another scan, after longer and longer
 * pauses, up to 1.28 s, until a decision succeeds (schedule_decided).
 */
void schedule_undecided(struct schedule *schedule, uint64_t now_usec) _nonnull_(1);
void schedule_decided(struct schedule *schedule) _nonnull_(1);
/* Whether another scan may still find what this one did not. */
bool schedule_may_rescan(const struct schedule *schedule) _nonnull_(1);
/*
 * A block is unreadable for the first time, or none is: the time for retries begins
 * again.
 */
void schedule_reset_rescan(struct schedule *schedule) _nonnull_(1);
/* A write was refused, and will be tried again. */
void schedule_refused(struct schedule *schedule) _nonnull_(1);
/* SCHEDULE_REPORT is done. `any_retrying`: blocks wait for another try. */
void schedule_reported(struct schedule *schedule, bool any_retrying, uint64_t now_usec)
	_nonnull_(1);
/* Reports of DIMMs that have not come whole are held back until then; 0: there are none. */
void schedule_hold(struct schedule *schedule, uint64_t until_usec) _nonnull_(1);
/* Something has changed: the series of events goes on. */
void schedule_unsettle(struct schedule *schedule, uint64_t now_usec) _nonnull_(1);
/*
 * Whether what was decided has to wait until the events have ended, if that matters: `matters`. No
 * longer than a minute: something may always change.
 */
bool schedule_has_to_settle(const struct schedule *schedule, bool matters,
			    uint64_t now_usec) _nonnull_(1);
/* The same after a decision; true: waits so long without a change, the plan is to be dropped. */
bool schedule_settle(struct schedule *schedule, bool matters, unsigned msec,
		     uint64_t now_usec) _nonnull_(1);
/* The backup source has something; it is read once, so much later. */
void schedule_backup(struct schedule *schedule, unsigned msec, uint64_t now_usec)
	_nonnull_(1);
/* Nobody waits any longer for the write in hand; its end: schedule_write_over. */
void schedule_leave_write(struct schedule *schedule, uint64_t now_usec) _nonnull_(1);
void schedule_write_over(struct schedule *schedule) _nonnull_(1);

#endif
