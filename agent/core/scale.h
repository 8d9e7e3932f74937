/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SCALE_H
#define MEMONLINE_SCALE_H

/*
 * How large each guest of a host shall be. Facts about the guests and the host go in, at
 * most one change for each guest comes out, with its reason; the caller makes the
 * changes, and has their results in the next facts.
 *
 *                 needs more               in place             the guest has it online
 *   STEADY ──────────────────► GROWING ──────────► CONFIRMING ──────────────────► STEADY
 *     │  ▲                        │ refused             │ not in time: taken out again
 *     │  │                        ▼                     ▼
 *     │  └─────────────────── BACKING_OFF ◄──────── SHRINKING ◄──────────┐
 *     │ has more than it needs    │ again and again                      │ calm for long enough
 *     └──────────────► CALM ──────┼──────────────────────────────────────┘
 *                                 ▼
 *                               STUCK: left out, and named          AWAY: paused, migrating, silent…
 *
 * A guest's numbers are not trusted: it moves that guest's size between its own minimum
 * and maximum, and nothing else.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/contract.h"
#include "core/pressure.h"
#include "core/stats.h"

/* Each with its name in logs and in --status. */
#define SCALE_STATE_LIST(X)                                                          \
	X(STEADY, "steady") /* as large as it should be, or waiting for room */      \
	X(GROWING, "growing") /* the host is giving it memory */                     \
	X(CONFIRMING, "confirming") /* the guest has not said yet that it uses it */ \
	X(CALM, "calm") /* it has had more than it needs, for a while */             \
	X(SHRINKING, "shrinking") /* memory is being taken out */                    \
	X(BACKING_OFF, "backing-off") /* a change failed; none for some time */      \
	X(STUCK, "stuck") /* changes fail again and again: left out */               \
	X(AWAY, "away") /* not there to be changed */

enum scale_state {
#define SCALE_STATE_ENUM(id, word) SCALE_##id,
	SCALE_STATE_LIST(SCALE_STATE_ENUM)
#undef SCALE_STATE_ENUM
		SCALE_STATES
};

/* Why something is done, or nothing. */
#define SCALE_REASON_LIST(X)                                                  \
	X(ENOUGH, "enough")                                                   \
	X(AVAILABLE, "available") /* too little is available */               \
	X(STALL, "stall") /* tasks wait for memory */                         \
	X(OOM_KILL, "oom-kill") /* a process was killed */                    \
	X(SPARE, "spare") /* it can do without */                             \
	X(BELOW_MINIMUM, "below-minimum")                                     \
	X(NOT_CONFIRMED, "not-confirmed") /* did not come online in time */   \
	X(IN_FLIGHT, "in-flight") /* one change at a time */                  \
	X(COOL_DOWN, "cool-down")                                             \
	X(NOT_CALM, "not-calm") /* spare, but not for long enough */          \
	X(LAST_GROWTH, "last-growth") /* it has just been given */            \
	X(NEEDED_BEFORE, "needed-before") /* it stalled with less */          \
	X(AT_MAXIMUM, "at-maximum")                                           \
	X(AT_MINIMUM, "at-minimum")                                           \
	X(NOT_REMOVABLE, "not-removable") /* nothing that it has can go */    \
	X(KERNEL_SHORT, "kernel-short") /* no room for the memmap */          \
	X(RATIO, "ratio") /* too much ZONE_MOVABLE beside its kernel zones */ \
	X(HOST_SHORT, "host-short") /* the host's reserve */                  \
	X(STALE, "stale") /* what is known about it is too old */             \
	X(REFUSED, "refused")                                                 \
	X(NO_PROGRESS, "no-progress")                                         \
	X(PAUSED, "paused")                                                   \
	X(MIGRATING, "migrating")                                             \
	X(SHUTTING_DOWN, "shutting-down")                                     \
	X(SNAPSHOT, "snapshot")                                               \
	X(SILENT, "silent") /* no agent answers */

enum scale_reason {
#define SCALE_REASON_ENUM(id, word) SCALE_BY_##id,
	SCALE_REASON_LIST(SCALE_REASON_ENUM)
#undef SCALE_REASON_ENUM
		SCALE_REASONS
};

/* --- what an administrator says of a guest; bytes and microseconds */

struct scale_rules {
	uint64_t min, max;
	uint64_t
		step; /* changes are multiples of it; at least the guest's memory block */
	unsigned headroom_percent; /* of what it uses, to be available beside that */
	uint64_t headroom_min;
	unsigned movable_ratio; /* percent of kernel memory; 0: not bounded */
	unsigned priority; /* its share where the host is short; at least 1 */
	uint64_t grow_cooldown_usec; /* between two growths, unless it is urgent */
	uint64_t shrink_cooldown_usec; /* between two shrinks */
	uint64_t calm_usec; /* how long it must have had too much */
	uint64_t keep_usec; /* nothing is taken for so long after a growth */
	uint64_t confirm_usec; /* for the guest to bring it online */
};

void scale_rules_defaults(struct scale_rules *rules) _nonnull_(1);

/* --- what is known now */

enum scale_presence {
	SCALE_PRESENT,
	SCALE_IS_PAUSED,
	SCALE_IS_MIGRATING,
	SCALE_IS_SHUTTING_DOWN,
	SCALE_IS_SNAPSHOT,
	SCALE_IS_SILENT
};

/* The result of the last change. */
enum scale_change {
	SCALE_PENDING, /* not known yet, be it that the call ran out of time */
	SCALE_DONE, /* a shrink may have given back less: see `given` */
	SCALE_REFUSED
};

struct scale_facts {
	enum scale_presence presence;
	uint64_t given; /* by the host's own account: at boot, and by devices */
	uint64_t confirmed; /* of it, what the guest says it uses */
	uint64_t removable; /* of it, what could be taken out */
	struct stats stats; /* the guest's */
	uint64_t sampled_usec; /* when these were taken; 0: never */
	unsigned
		pressed; /* signals by event since the last decision: 1 << enum pressure_signal */
	enum scale_change
		change; /* of the change in flight; scale_decide sets PENDING as one begins */
};

struct scale_host {
	uint64_t capacity; /* for all guests together */
	uint64_t
		available; /* MemAvailable of the host; STATS_UNKNOWN: only the account counts */
	uint64_t
		reserve_soft; /* not given but in need: to guests that are killed or stand still */
	uint64_t reserve_hard; /* never given */
};

/* --- what is remembered of a guest: all of it outlives the program by its state file */

/* Of the change in flight. */
enum scale_stage {
	SCALE_NONE,
	SCALE_ASKED, /* the host is to give memory */
	SCALE_IN_PLACE, /* it has; the guest has not said that it uses it */
	SCALE_ASKED_BACK, /* the host is to take memory that the guest can spare */
	SCALE_TAKING_OUT /* … that the guest does not use */
};

struct scale_memory {
	enum scale_state state;
	enum scale_reason reason; /* of the state */
	enum scale_stage stage;
	uint64_t bytes; /* of the change in flight */
	uint64_t given, confirmed; /* before it */
	uint64_t deadline_usec; /* of its stage */
	bool by_stall; /* it is for tasks that wait, not for what is available */
	uint64_t grown_usec, shrunk_usec; /* when each was last done; 0: never */
	uint64_t shrunk_from; /* how large it was before the last shrink */
	uint64_t hold_grow_usec, hold_shrink_usec; /* not before */
	unsigned failures, shrink_failures; /* in a row */
	unsigned streak; /* growths in a row */
	uint64_t calm_usec; /* since when it has had too much; 0: it has not */
	uint64_t floor; /* not below this … */
	uint64_t floor_usec; /* … until then */
	uint64_t regret_usec; /* how long that was the last time */
	unsigned
		pressed; /* by event, and when: what may still be true though it was not heeded yet */
	uint64_t pressed_usec;
	/* The last sample; 0: there was none. */
	uint64_t sampled_usec;
	uint64_t used;
	uint64_t rate; /* bytes per second that it grew by */
	uint64_t some_usec, full_usec; /* stalls in all */
	uint64_t oom_kills;
};

void scale_memory_init(struct scale_memory *memory) _nonnull_(1);

/* --- decisions */

enum scale_action { SCALE_NOTHING, SCALE_GROW, SCALE_SHRINK, SCALE_TAKE_OUT };

struct scale_decision {
	enum scale_action action;
	uint64_t bytes;
	enum scale_reason reason;
	bool urgent;
	uint64_t
		next_usec; /* decide again then, if nothing happens before; UINT64_MAX: not */
};

/* A change that a guest would like, or why it would not: between the parts of scale_decide. */
struct scale_wish {
	uint64_t bytes; /* 0: none */
	uint64_t granted; /* of them */
	enum scale_reason reason; /* for it, or against it */
	bool urgent; /* it is killed or stands still, or soon will */
	bool by_stall;
};

struct scale_guest {
	struct scale_rules rules;
	struct scale_facts facts; /* scale_decide bounds what the guest says in them */
	struct scale_memory memory;
	struct scale_wish wish;
	struct scale_decision decision; /* what comes out */
};

/*
 * One decision for each guest, and its memory brought up to date. `now_usec` is not 0 and never goes
 * back. TAKE_OUT is a shrink of what the guest does not use.
 */
void scale_decide(const struct scale_host *host, struct scale_guest *guests, size_t count,
		  uint64_t now_usec) _nonnull_(1);

/* What to subscribe to in this guest, so that it is heard of in time. */
void scale_thresholds(const struct scale_rules *rules, const struct scale_facts *facts,
		      struct pressure_thresholds *thresholds) _nonnull_(1);

const char *scale_state_text(enum scale_state state);
const char *scale_reason_text(enum scale_reason reason);

#endif
