/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_PLOT_PRIVATE_H
#define MEMONLINE_PLOT_PRIVATE_H

/* What both drawings are made of. */

#include "core/plot.h"

/* All samples of a stretch of time together: the most of each. */
struct plot_column {
	bool is_known; /* there was a sample, or one shortly before */
	bool is_killed; /* the OOM killer was at work */
	uint64_t given, used; /* bytes; STATS_UNKNOWN */
	uint64_t stall; /* hundredths of a percent; STATS_UNKNOWN */
};

struct plot {
	struct plot_column columns[PLOT_WIDTH_MAX];
	unsigned count; /* of them: set by the caller */
	uint64_t span_usec; /* of all together */
	uint64_t top; /* bytes: as high as anything is */
	uint64_t top_stall; /* hundredths of a percent, a whole one at least */
	bool has_stall, has_kills;
};

void plot_fill(struct plot *plot, const struct samples *samples) _nonnull_(1, 2);
/* "1.5G" */
void plot_put_size(struct text *out, uint64_t bytes) _nonnull_(1);
/* "12.34%" */
void plot_put_percent(struct text *out, uint64_t hundredths) _nonnull_(1);
/* "1h 40m", "12m", "45s" */
void plot_put_duration(struct text *out, uint64_t usec) _nonnull_(1);

#endif
