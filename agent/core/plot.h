/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_PLOT_H
#define MEMONLINE_PLOT_H

/* A guest's samples over time, drawn: its size, what it uses of that, and its pressure. */

#include <stdbool.h>

#include "core/contract.h"
#include "core/samples.h"
#include "core/text.h"

#define PLOT_WIDTH_MIN 40
#define PLOT_WIDTH_MAX 400

/*
 * For a terminal of `width` columns, which is taken as PLOT_WIDTH_MIN at least and PLOT_WIDTH_MAX
 * at most: bars for what is used, a line for the size, bars for the share of the time that tasks
 * waited, '!' where the OOM killer was at work. `utf8`: with block characters, else ASCII alone.
 */
void plot_put_text(struct text *out, const char *title, const struct samples *samples,
		   unsigned width, bool utf8) _nonnull_(1, 2, 3);
/* The same as an SVG image of 860 by 420 pixels. The title may be any text. */
void plot_put_svg(struct text *out, const char *title, const struct samples *samples)
	_nonnull_(1, 2, 3);

#endif
