/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/plot-private.h"

#include <string.h>

#define LABEL 8 /* columns of the numbers at the left, with a blank */
#define ROWS 10
#define STALL_ROWS 2
#define STEPS 8 /* heights of a bar within a row */

/* Bars by their height in steps, the line of the size, the axes. */
struct alphabet {
	const char *bars[STEPS + 1];
	const char *line, *upright, *corner, *along;
};

static const struct alphabet ascii = {
	{ " ", " ", " ", ".", ".", ":", ":", "#", "#" }, "-", "|", "+", "-"
};
static const struct alphabet blocks = {
	{ " ", "\xe2\x96\x81", "\xe2\x96\x82", "\xe2\x96\x83", "\xe2\x96\x84",
	  "\xe2\x96\x85", "\xe2\x96\x86", "\xe2\x96\x87", "\xe2\x96\x88" },
	"\xe2\x96\x94",
	"\xe2\x94\x82",
	"\xe2\x94\x94",
	"\xe2\x94\x80"
};

/* --- rows, counted from below */

/* 0 to STEPS: how much of this row a bar of this value fills. */
static unsigned steps_in(uint64_t value, uint64_t top, unsigned rows, unsigned row)
{
	unsigned steps = (unsigned)((double)value / (double)top * rows * STEPS + 0.5);

	if (steps <= row * STEPS)
		return 0;
	steps -= row * STEPS;
	return steps < STEPS ? steps : STEPS;
}

/* The row that the upper end of the size is in. */
static bool is_line(const struct plot *plot, uint64_t given, unsigned row)
{
	double height = (double)given / (double)plot->top * ROWS;

	return height > row && height <= row + 1;
}

typedef const char *(*cell_fn)(const struct plot *plot, const struct alphabet *alphabet,
			       const struct plot_column *column, unsigned row);

static const char *size_cell(const struct plot *plot, const struct alphabet *alphabet,
			     const struct plot_column *column, unsigned row)
{
	unsigned steps = 0;

	if (!column->is_known)
		return " ";
	if (column->used != STATS_UNKNOWN)
		steps = steps_in(column->used, plot->top, ROWS, row);
	if (steps < STEPS && is_line(plot, column->given, row))
		return alphabet->line;
	return alphabet->bars[steps];
}

static const char *stall_cell(const struct plot *plot, const struct alphabet *alphabet,
			      const struct plot_column *column, unsigned row)
{
	if (column->stall == STATS_UNKNOWN)
		return " ";
	return alphabet->bars[steps_in(column->stall, plot->top_stall, STALL_ROWS, row)];
}

static const char *kill_cell(const struct plot *plot, const struct alphabet *alphabet,
			     const struct plot_column *column, unsigned row)
{
	(void)plot;
	(void)alphabet;
	(void)row;
	return column->is_killed ? "!" : " ";
}

/* --- lines */

/* Right-aligned, with the axis behind it. */
static void put_label(struct text *out, const struct text *label,
		      const struct alphabet *alphabet)
{
	size_t len;

	for (len = label->len; len + 1 < LABEL; len++)
		text_puts(out, " ");
	if (label->len)
		text_append(out, label->data, label->len);
	text_printf(out, " %s", alphabet->upright);
}

/* Without the blanks at its end, which begin at this length. */
static void end_line(struct text *out, size_t len)
{
	while (out->len > len && out->data[out->len - 1] == ' ')
		out->data[--out->len] = '\0';
	text_puts(out, "\n");
}

/* One that `cell` draws; `label` is freed. */
static void put_line(struct text *out, const struct plot *plot,
		     const struct alphabet *alphabet, struct text *label, cell_fn cell,
		     unsigned row)
{
	size_t len;
	unsigned i;

	put_label(out, label, alphabet);
	text_free(label);
	len = out->len;
	for (i = 0; i < plot->count; i++)
		text_puts(out, cell(plot, alphabet, &plot->columns[i], row));
	end_line(out, len);
}

static void put_row(struct text *out, const struct plot *plot,
		    const struct alphabet *alphabet, unsigned row)
{
	struct text label = TEXT_INIT;

	if (row == ROWS - 1)
		plot_put_size(&label, plot->top);
	else if (row == ROWS / 2 - 1)
		plot_put_size(&label, plot->top / 2);
	put_line(out, plot, alphabet, &label, size_cell, row);
}

static void put_stall_row(struct text *out, const struct plot *plot,
			  const struct alphabet *alphabet, unsigned row)
{
	struct text label = TEXT_INIT;

	if (row == STALL_ROWS - 1)
		plot_put_percent(&label, plot->top_stall);
	else
		text_puts(&label, "stall");
	put_line(out, plot, alphabet, &label, stall_cell, row);
}

static void put_kills(struct text *out, const struct plot *plot,
		      const struct alphabet *alphabet)
{
	struct text label = TEXT_INIT;

	text_puts(&label, "killed");
	put_line(out, plot, alphabet, &label, kill_cell, 0);
}

static void put_axis(struct text *out, const struct plot *plot,
		     const struct alphabet *alphabet, const char *at_left)
{
	size_t len;
	unsigned i;

	for (len = strlen(at_left); len + 1 < LABEL; len++)
		text_puts(out, " ");
	text_printf(out, "%s %s", at_left, alphabet->corner);
	for (i = 0; i < plot->count; i++)
		text_puts(out, alphabet->along);
	text_puts(out, "\n");
}

/* "-1h 40m" below the left end, "0" below the right one. */
static void put_times(struct text *out, const struct plot *plot)
{
	size_t begin, end;

	text_printf(out, "%*s-", LABEL + 1, "");
	begin = out->len - 1;
	plot_put_duration(out, plot->span_usec);
	for (end = out->len; end < begin + plot->count - 1; end++)
		text_puts(out, " ");
	text_puts(out, "0\n");
}

void plot_put_text(struct text *out, const char *title, const struct samples *samples,
		   unsigned width, bool utf8)
{
	const struct alphabet *alphabet = utf8 ? &blocks : &ascii;
	struct plot plot;
	unsigned row;

	if (width < PLOT_WIDTH_MIN)
		width = PLOT_WIDTH_MIN;
	if (width > PLOT_WIDTH_MAX)
		width = PLOT_WIDTH_MAX;
	plot.count = width - LABEL - 1;
	plot_fill(&plot, samples);
	text_printf(out, "%s\n", title);
	for (row = ROWS; row-- > 0;)
		put_row(out, &plot, alphabet, row);
	put_axis(out, &plot, alphabet, "0");
	if (plot.has_stall) {
		for (row = STALL_ROWS; row-- > 0;)
			put_stall_row(out, &plot, alphabet, row);
		if (plot.has_kills)
			put_kills(out, &plot, alphabet);
		put_axis(out, &plot, alphabet, "0");
	} else if (plot.has_kills) {
		put_kills(out, &plot, alphabet);
	}
	put_times(out, &plot);
	text_printf(out, "%*s%s used  %s size%s\n", LABEL + 1, "", alphabet->bars[STEPS],
		    alphabet->line,
		    plot.has_stall ? "  stall: time that tasks waited for memory" : "");
}
