/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_PRESSURE_H
#define MEMONLINE_PRESSURE_H

/*
 * Whether a guest is short of memory, by thresholds that a host has set. One machine for
 * each signal, with hysteresis in level and in time, so that a guest near a threshold is
 * not reported again and again:
 *
 *            crosses the threshold                     has eased
 *   CALM ─────────────────────────► PRESSED ◄────────────────────────► EASING ──► CALM
 *              reported                        not reported, either way       reported, once it has
 *                                                                             stayed so for a while
 */

#include <stdbool.h>

#include "core/contract.h"
#include "core/stats.h"

/* Each with its name on the wire. */
#define PRESSURE_SIGNAL_LIST(X)                                            \
	X(AVAILABLE, "available") /* too little memory for new work */     \
	X(KERNEL_FREE, "kernel-free") /* the kernel's own zones run dry */ \
	X(STALL, "stall") /* tasks wait for memory */                      \
	X(OOM_KILL, "oom-kill") /* the OOM killer has ended a process */

enum pressure_signal {
#define PRESSURE_ENUM(id, name) PRESSURE_##id,
	PRESSURE_SIGNAL_LIST(PRESSURE_ENUM)
#undef PRESSURE_ENUM
		PRESSURE_SIGNALS
};

enum pressure_state { PRESSURE_OFF, PRESSURE_CALM, PRESSURE_PRESSED, PRESSURE_EASING };

/* The window of a stall. Kernels take any multiple of two seconds from anybody (6.4). */
#define PRESSURE_WINDOW_USEC 2000000ull
#define PRESSURE_STALL_MIN_USEC 10000ull
/* Has to last before an end is reported. */
#define PRESSURE_EASE_USEC 10000000ull

/* 0: the signal is off. Bytes, and microseconds within PRESSURE_WINDOW_USEC. */
struct pressure_thresholds {
	uint64_t available;
	uint64_t kernel_free;
	uint64_t stall_usec;
};

struct pressure {
	struct pressure_thresholds thresholds;
	enum pressure_state states[PRESSURE_SIGNALS];
	uint64_t since_usec[PRESSURE_SIGNALS]; /* of EASING */
	/* The last sample. */
	uint64_t sampled_usec;
	uint64_t stalled_usec; /* in all */
	uint64_t oom_kills;
	uint64_t margin; /* bytes above the nearest threshold; UINT64_MAX: none is set */
};

/* "available" and so on. */
const char *pressure_signal_text(enum pressure_signal signal);

/*
 * Begins with a first sample; signals that are over their threshold are PRESSED at once. Times are
 * of any clock that never goes back.
 */
void pressure_begin(struct pressure *pressure,
		    const struct pressure_thresholds *thresholds,
		    const struct stats *stats, uint64_t now_usec) _nonnull_(1);
/*
 * Another sample; `triggered`: the kernel says that the stall was reached. Returns the signals that
 * are to be reported, 1 << signal: pressed, where they are so now, or eased.
 */
unsigned pressure_step(struct pressure *pressure, const struct stats *stats,
		       bool triggered, uint64_t now_usec) _nonnull_(1);
/* Those that are pressed, or not yet reported as eased: 1 << signal. */
unsigned pressure_pressed(const struct pressure *pressure) _nonnull_(1);
/*
 * How long the next sample can wait. `has_trigger`: the kernel wakes us when tasks stall, so that
 * far from all thresholds once in half a minute will do.
 */
uint64_t pressure_wait_usec(const struct pressure *pressure, bool has_trigger)
	_nonnull_(1);

#endif
