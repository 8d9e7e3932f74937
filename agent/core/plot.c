/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/plot-private.h"

#include <inttypes.h>
#include <string.h>

#include "core/number.h"

#define SECOND 1000000ull
/* Nobody measured for so long: there is a gap, which begins a minute after the last sample. */
#define GAP_USEC (300 * SECOND)
#define HOLDS_USEC (60 * SECOND)
#define PERCENT 100

/* --- columns */

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* Of two, of which either may be unknown. */
static uint64_t most(uint64_t a, uint64_t b)
{
	if (a == STATS_UNKNOWN || b == STATS_UNKNOWN)
		return a == STATS_UNKNOWN ? b : a;
	return larger(a, b);
}

static uint64_t used_of(const struct sample *sample)
{
	if (sample->available == STATS_UNKNOWN)
		return STATS_UNKNOWN;
	return sample->available < sample->online ? sample->online - sample->available
						  : 0;
}

/* Which column a time is in that is so long after the first sample. */
static unsigned column_of(const struct plot *plot, uint64_t usec)
{
	return (unsigned)((double)usec * (plot->count - 1) / (double)plot->span_usec);
}

static void take_sample(struct plot *plot, const struct sample *sample, uint64_t from,
			uint64_t to)
{
	unsigned column, last = column_of(plot, to);

	if (!sample->given)
		return;
	for (column = column_of(plot, from); column <= last; column++) {
		struct plot_column *at = &plot->columns[column];

		at->is_known = true;
		at->given = most(at->given, sample->given);
		at->used = most(at->used, used_of(sample));
		plot->top = larger(plot->top, at->given);
		if (at->used != STATS_UNKNOWN)
			plot->top = larger(plot->top, at->used);
	}
}

/* What the counters of two samples say of the time between them. */
static void take_pair(struct plot *plot, const struct sample *before,
		      const struct sample *after, uint64_t from, uint64_t to)
{
	uint64_t stall = samples_stall(before, after);
	unsigned last = column_of(plot, to);

	if (stall != STATS_UNKNOWN) {
		unsigned column;

		plot->has_stall = true;
		plot->top_stall = larger(plot->top_stall, stall);
		for (column = column_of(plot, from); column <= last; column++)
			plot->columns[column].stall =
				most(plot->columns[column].stall, stall);
	}
	if (before->oom_kills != STATS_UNKNOWN && after->oom_kills != STATS_UNKNOWN &&
	    after->oom_kills > before->oom_kills)
		plot->has_kills = plot->columns[last].is_killed = true;
}

static void clear(struct plot *plot)
{
	unsigned i;

	memset(plot->columns, 0, sizeof(plot->columns));
	for (i = 0; i < PLOT_WIDTH_MAX; i++)
		plot->columns[i].given = plot->columns[i].used = plot->columns[i].stall =
			STATS_UNKNOWN;
	plot->has_stall = plot->has_kills = false;
	plot->top = 1;
	plot->top_stall = PERCENT;
}

void plot_fill(struct plot *plot, const struct samples *samples)
{
	uint64_t begin;
	size_t i;

	clear(plot);
	plot->span_usec = 0;
	if (!samples->count)
		return;
	begin = samples_at(samples, 0)->time_usec;
	plot->span_usec = samples_at(samples, samples->count - 1)->time_usec - begin;
	if (!plot->span_usec)
		plot->span_usec = 1;
	for (i = 0; i < samples->count; i++) {
		const struct sample *sample = samples_at(samples, i);
		const struct sample *next =
			i + 1 < samples->count ? samples_at(samples, i + 1) : sample;
		uint64_t from = sample->time_usec - begin;
		uint64_t to = next->time_usec - begin;

		if (to - from <= GAP_USEC)
			take_pair(plot, sample, next, from, to);
		else
			to = from + HOLDS_USEC;
		take_sample(plot, sample, from, to);
	}
}

/* --- texts */

void plot_put_size(struct text *out, uint64_t bytes)
{
	unsigned power = 0;
	uint64_t tenths;

	while (power + 1 < NUMBER_UNITS && bytes >> (10 * (power + 1)))
		power++;
	tenths = (bytes >> (10 * power)) * 10;
	if (power)
		tenths += ((bytes >> (10 * (power - 1)) & 1023) * 10 + 512) / 1024;
	text_putu(out, tenths / 10);
	if (tenths % 10)
		text_printf(out, ".%" PRIu64, tenths % 10);
	text_printf(out, "%c", number_unit(power));
}

void plot_put_percent(struct text *out, uint64_t hundredths)
{
	text_printf(out, "%" PRIu64 ".%02" PRIu64 "%%", hundredths / PERCENT,
		    hundredths % PERCENT);
}

void plot_put_duration(struct text *out, uint64_t usec)
{
	uint64_t seconds = usec / SECOND;

	if (seconds < 60)
		text_printf(out, "%" PRIu64 "s", seconds);
	else if (seconds < 3600)
		text_printf(out, "%" PRIu64 "m", seconds / 60);
	else
		text_printf(out, "%" PRIu64 "h %" PRIu64 "m", seconds / 3600,
			    seconds / 60 % 60);
}
