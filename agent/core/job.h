/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_JOB_H
#define MEMONLINE_JOB_H

/*
 * A command that names blocks: to bring them online or take them offline, one after the
 * other, and what to do when the kernel refuses one. Pure: it returns the next write, and
 * receives the result.
 */

#include "core/contract.h"
#include "core/plan.h"
#include "core/probe.h"

enum job_kind {
	JOB_SET, /* guest-set-memory-blocks: each for itself, in the order given */
	JOB_ONLINE, /* memonline-online: each for itself */
	JOB_OFFLINE, /* memonline-offline: all or nothing */
	JOB_PROBE /* memonline-probe: no items, only the result for each device */
};

/* qemu-ga's GuestMemoryBlockResponseType, and two more. */
enum job_response {
	JOB_PENDING,
	JOB_SUCCESS,
	JOB_NOT_FOUND,
	JOB_NOT_SUPPORTED,
	JOB_FAILED,
	JOB_ROLLED_BACK, /* was offline, is online again since another one refused */
	JOB_NOT_TRIED
};
/* "success", "not-found", "operation-not-supported", "operation-failed", "rolled-back",
 * "not-tried" */
const char *job_response_text(enum job_response response);

struct job_item {
	uint64_t index; /* of the block */
	enum online_type word; /* the requested state */
	enum online_type undo; /* what brings it back */
	enum job_response response;
	int error; /* errno, 0 where there is none */
	enum reason reason;
	enum block_state state; /* as last read; only set once there is a response */
	bool written; /* by this job, and not by another program that was faster */
	bool fell_back; /* from the zone of the policy to any */
	size_t position; /* in the answer: as asked for, ascending in a range */
};

struct job {
	enum job_kind kind;
	bool can_offline; /* false: trying may end in a panic (EL6) */
	enum reason reason; /* why: job_init sets REASON_ASKED */
	/* A zone that the kernel refuses (EINVAL) is followed by plain `online`. */
	bool falls_back;
	uint64_t timeout_msec; /* for the whole job; 0: a default for each block */
	struct job_item *items; /* owned */
	size_t count;
	size_t next;
	bool undoing;
	/* JOB_PROBE; the caller owns them. */
	const struct probe_result *probed;
	size_t probed_count;
	int probe_error; /* negative errno: nobody could name anything */
};

/* Room for `count` items, all zero. 0 or -ENOMEM. */
int job_init(struct job *job, enum job_kind kind, size_t count) _must_check_ _nonnull_(1);
void job_free(struct job *job);
/*
 * Every block of [start, start + size), for JOB_ONLINE and JOB_OFFLINE: the latter from
 * the highest down, so that an EL7 kernel can bring them back into ZONE_MOVABLE, the
 * former from the highest down, too, if that zone grows only downwards (before 4.13).
 * Elsewhere the second block of many is the last to come and the first to go, see
 * plan_leave_gaps: the kernel walks the zone both ways. -EINVAL if the range is empty,
 * cuts a block or wraps, -ENOENT if the snapshot has no block in it, or -ENOMEM.
 */
int job_init_range(struct job *job, enum job_kind kind, const struct snapshot *snapshot,
		   uint64_t start, uint64_t size, enum online_type word) _must_check_
	_nonnull_(1);

/* A list in any order from the highest block down: for ZONE_MOVABLE before 4.13. */
void job_sort_from_top(struct job *job) _nonnull_(1);
/* Once it is over: the order of the answer. */
void job_restore_order(struct job *job) _nonnull_(1);

/*
 * The next write, or false at the end: then every item has its response and its state. Needs the
 * snapshot as it is now.
 */
bool job_next(struct job *job, const struct snapshot *snapshot, struct plan_write *write)
	_nonnull_(1);
/* Its result: `error` 0 or negative errno, `after` the block as it reads now. */
void job_result(struct job *job, int error, const struct block *after) _nonnull_(1);
/* Whether everything asked for is as asked. */
bool job_succeeded(const struct job *job) _nonnull_(1);

#endif
