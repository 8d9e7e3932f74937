/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/pressure.h"

#include <string.h>

#define SECOND 1000000ull
#define MIB (1024ull * 1024)
/* Above the threshold by an eighth of it, or below half the stall: eased. */
#define EASED_ABOVE(threshold) ((threshold) / 8)
#define EASED_BELOW(stall) ((stall) / 2)

/*
 * How much memory a guest may use up in a second before that is noticed, and how often it
 * is measured.
 */
#define RATE (128 * MIB)
#define WAIT_MIN_USEC (1 * SECOND)
#define WAIT_TRIGGER_USEC (30 * SECOND)
#define WAIT_TIMER_USEC (5 * SECOND)
#define WAIT_PRESSED_USEC (2 * SECOND)

static const char *const names[PRESSURE_SIGNALS] = {
#define PRESSURE_NAME(id, name) [PRESSURE_##id] = (name),
	PRESSURE_SIGNAL_LIST(PRESSURE_NAME)
#undef PRESSURE_NAME
};

const char *pressure_signal_text(enum pressure_signal signal)
{
	return signal < PRESSURE_SIGNALS ? names[signal] : "unknown";
}

/* --- what a sample says of a signal */

enum level { EASED, BETWEEN, OVER };

static enum level level_of(uint64_t value, uint64_t threshold)
{
	if (value < threshold)
		return OVER;
	return value != STATS_UNKNOWN && value - threshold < EASED_ABOVE(threshold)
		       ? BETWEEN
		       : EASED;
}

/* Kernels before 3.14 do not estimate it: then it is what is free or can be dropped. */
static uint64_t available(const struct stats *stats)
{
	if (stats->available != STATS_UNKNOWN || stats->free == STATS_UNKNOWN ||
	    stats->file == STATS_UNKNOWN)
		return stats->available;
	return stats->free + stats->file;
}

/* What the kernel can use for itself: cached files give way. */
static uint64_t kernel_free(const struct stats *stats)
{
	const struct stats_zone *kernel = &stats->kernel;

	if (kernel->free == STATS_UNKNOWN || kernel->file == STATS_UNKNOWN)
		return kernel->free;
	return kernel->free + kernel->file;
}

/* The stall within a window, as the last two samples have it. */
static uint64_t stall_of(const struct pressure *pressure, const struct stats *stats,
			 uint64_t now_usec)
{
	uint64_t elapsed = now_usec - pressure->sampled_usec;
	uint64_t stalled = stats->some.total_usec - pressure->stalled_usec;

	if (stats->some.total_usec == STATS_UNKNOWN ||
	    pressure->stalled_usec == STATS_UNKNOWN || !elapsed ||
	    stats->some.total_usec < pressure->stalled_usec)
		return 0;
	/* No task can have waited for longer than that. */
	if (stalled >= elapsed)
		return PRESSURE_WINDOW_USEC;
	return elapsed > UINT64_MAX / PRESSURE_WINDOW_USEC
		       ? 0
		       : stalled * PRESSURE_WINDOW_USEC / elapsed;
}

static enum level stall_level(const struct pressure *pressure, const struct stats *stats,
			      bool triggered, uint64_t now_usec)
{
	uint64_t threshold = pressure->thresholds.stall_usec;
	uint64_t stall = stall_of(pressure, stats, now_usec);

	if (triggered || stall >= threshold)
		return OVER;
	return stall < EASED_BELOW(threshold) ? EASED : BETWEEN;
}

static enum level oom_level(const struct pressure *pressure, const struct stats *stats)
{
	return stats->oom_kills != STATS_UNKNOWN &&
			       pressure->oom_kills != STATS_UNKNOWN &&
			       stats->oom_kills > pressure->oom_kills
		       ? OVER
		       : EASED;
}

static enum level sample(const struct pressure *pressure, enum pressure_signal signal,
			 const struct stats *stats, bool triggered, uint64_t now_usec)
{
	switch (signal) {
	case PRESSURE_AVAILABLE:
		return level_of(available(stats), pressure->thresholds.available);
	case PRESSURE_KERNEL_FREE:
		return level_of(kernel_free(stats), pressure->thresholds.kernel_free);
	case PRESSURE_STALL:
		return stall_level(pressure, stats, triggered, now_usec);
	case PRESSURE_OOM_KILL:
		return oom_level(pressure, stats);
	case PRESSURE_SIGNALS:
		break;
	}
	return EASED;
}

/* --- the machine */

/* true: to be reported. */
static bool turn(struct pressure *pressure, enum pressure_signal signal, enum level level,
		 uint64_t now_usec)
{
	enum pressure_state *state = &pressure->states[signal];
	enum pressure_state from = *state;

	switch (from) {
	case PRESSURE_OFF:
		return false;
	case PRESSURE_CALM:
		if (level == OVER)
			*state = PRESSURE_PRESSED;
		return level == OVER;
	case PRESSURE_PRESSED:
		if (level == EASED) {
			*state = PRESSURE_EASING;
			pressure->since_usec[signal] = now_usec;
		}
		return false;
	case PRESSURE_EASING:
		if (level != EASED)
			*state = PRESSURE_PRESSED;
		else if (now_usec - pressure->since_usec[signal] >= PRESSURE_EASE_USEC)
			*state = PRESSURE_CALM;
		break;
	}
	return *state == PRESSURE_CALM;
}

static uint64_t above(uint64_t value, uint64_t threshold)
{
	if (!threshold || value == STATS_UNKNOWN)
		return UINT64_MAX;
	return value > threshold ? value - threshold : 0;
}

static void keep_sample(struct pressure *pressure, const struct stats *stats,
			uint64_t now_usec)
{
	uint64_t margin = above(available(stats), pressure->thresholds.available);
	uint64_t kernel = above(kernel_free(stats), pressure->thresholds.kernel_free);

	pressure->margin = kernel < margin ? kernel : margin;
	pressure->sampled_usec = now_usec;
	pressure->stalled_usec = stats->some.total_usec;
	pressure->oom_kills = stats->oom_kills;
}

void pressure_begin(struct pressure *pressure,
		    const struct pressure_thresholds *thresholds,
		    const struct stats *stats, uint64_t now_usec)
{
	memset(pressure, 0, sizeof(*pressure));
	pressure->thresholds = *thresholds;
	if (thresholds->available)
		pressure->states[PRESSURE_AVAILABLE] = PRESSURE_CALM;
	if (thresholds->kernel_free)
		pressure->states[PRESSURE_KERNEL_FREE] = PRESSURE_CALM;
	if (thresholds->stall_usec)
		pressure->states[PRESSURE_STALL] = PRESSURE_CALM;
	if (thresholds->available || thresholds->kernel_free || thresholds->stall_usec)
		pressure->states[PRESSURE_OOM_KILL] = PRESSURE_CALM;
	keep_sample(pressure, stats, now_usec);
	/* Nothing has stalled and nobody was killed since. */
	pressure_step(pressure, stats, false, now_usec);
}

unsigned pressure_step(struct pressure *pressure, const struct stats *stats,
		       bool triggered, uint64_t now_usec)
{
	unsigned reported = 0, i;

	for (i = 0; i < PRESSURE_SIGNALS; i++) {
		enum pressure_signal signal = (enum pressure_signal)i;
		enum level level = sample(pressure, signal, stats, triggered, now_usec);

		if (turn(pressure, signal, level, now_usec))
			reported |= 1u << i;
	}
	keep_sample(pressure, stats, now_usec);
	return reported;
}

unsigned pressure_pressed(const struct pressure *pressure)
{
	unsigned pressed = 0, i;

	for (i = 0; i < PRESSURE_SIGNALS; i++)
		if (pressure->states[i] == PRESSURE_PRESSED ||
		    pressure->states[i] == PRESSURE_EASING)
			pressed |= 1u << i;
	return pressed;
}

uint64_t pressure_wait_usec(const struct pressure *pressure, bool has_trigger)
{
	uint64_t most = has_trigger ? WAIT_TRIGGER_USEC : WAIT_TIMER_USEC;
	uint64_t wait;

	if (pressure_pressed(pressure))
		return WAIT_PRESSED_USEC;
	if (pressure->margin / RATE >= most / SECOND)
		return most;
	wait = pressure->margin * SECOND / RATE;
	return wait < WAIT_MIN_USEC ? WAIT_MIN_USEC : wait;
}
