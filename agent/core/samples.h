/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SAMPLES_H
#define MEMONLINE_SAMPLES_H

/*
 * How large a guest was over the last hours, and how it used that: a ring of samples, and each as a
 * line of a file. Numbers that nobody knows are STATS_UNKNOWN, "-" in the line.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/contract.h"
#include "core/stats.h"
#include "core/text.h"

#define SAMPLES_MAX 480
/* Samples that follow sooner are left out, unless the host gives another size. */
#define SAMPLES_APART_USEC 15000000ull
#define SAMPLES_NAME_SIZE 37 /* whose they are: a UUID with its NUL */
#define SAMPLES_LINE_MAX 256

struct sample {
	uint64_t time_usec; /* since 1970 */
	uint64_t given, online; /* bytes: of the host, and of that in use by the guest */
	uint64_t available; /* bytes, for new work */
	uint64_t
		stalled_usec; /* tasks waited for memory so long, since the guest's boot */
	uint64_t oom_kills; /* since the guest's boot */
};

struct samples {
	struct sample ring[SAMPLES_MAX];
	size_t first, count;
};

/* The oldest is 0. */
const struct sample *samples_at(const struct samples *samples, size_t at) _nonnull_(1);
/* In place of the oldest one where there is no room. false: left out, being too soon or in the past. */
bool samples_add(struct samples *samples, const struct sample *sample) _nonnull_(1, 2);
/*
 * Share of the time between two samples that tasks waited for memory, in hundredths of a percent;
 * STATS_UNKNOWN.
 */
uint64_t samples_stall(const struct sample *before, const struct sample *after)
	_nonnull_(1, 2);
/* The line with its newline. */
void samples_put_line(struct text *out, const char *name, const struct sample *sample)
	_nonnull_(1, 2, 3);
/* A line without its newline; false: it is damaged. */
bool samples_take_line(const char *line, char name[SAMPLES_NAME_SIZE],
		       struct sample *sample) _must_check_ _nonnull_(1, 2, 3);

#endif
