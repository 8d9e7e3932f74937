/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/plot-private.h"

#define COLUMNS 385
#define STEP 2 /* pixels of a column */
#define LEFT 70
#define RIGHT (LEFT + COLUMNS * STEP)
/* The two panels. */
#define TOP 50
#define BASE 290
#define STALL_TOP 320
#define STALL_BASE 380

/* A series of columns: false where it has no value. */
typedef bool (*series)(const struct plot *plot, const struct plot_column *column,
		       double *share);

static bool size_of(const struct plot *plot, const struct plot_column *column,
		    double *share)
{
	*share = (double)column->given / (double)plot->top;
	return column->is_known;
}

static bool use_of(const struct plot *plot, const struct plot_column *column,
		   double *share)
{
	*share = (double)column->used / (double)plot->top;
	return column->is_known && column->used != STATS_UNKNOWN;
}

static bool stall_of(const struct plot *plot, const struct plot_column *column,
		     double *share)
{
	*share = (double)column->stall / (double)plot->top_stall;
	return column->stall != STATS_UNKNOWN;
}

static void put_title(struct text *out, const char *title)
{
	for (; *title; title++) {
		if (*title == '&')
			text_puts(out, "&amp;");
		else if (*title == '<')
			text_puts(out, "&lt;");
		else
			text_append(out, *title >= ' ' && *title <= '~' ? title : "?", 1);
	}
}

static void begin_stair(struct text *out, unsigned x, int y, int base, bool closes)
{
	if (closes)
		text_printf(out, "M%u %dV%d", x, base, y);
	else
		text_printf(out, "M%u %d", x, y);
}

/* To the end of the columns before `x`; `closes`: and around the area. */
static void end_stair(struct text *out, unsigned x, int base, bool closes)
{
	text_printf(out, "H%u", x);
	if (closes)
		text_printf(out, "V%dZ", base);
}

/* `closes`: the area below it, too. */
static void put_path(struct text *out, const struct plot *plot, const char *class,
		     series of, int top, int base, bool closes)
{
	bool is_open = false;
	int last = 0;
	unsigned i;

	text_printf(out, "<path class=\"%s\" d=\"", class);
	for (i = 0; i < plot->count; i++) {
		unsigned x = LEFT + i * STEP;
		double share;
		bool has = of(plot, &plot->columns[i], &share);
		int y = has ? base - (int)(share * (base - top) + 0.5) : base;

		if (is_open && !has)
			end_stair(out, x, base, closes);
		else if (is_open && y != last)
			text_printf(out, "H%uV%d", x, y);
		else if (!is_open && has)
			begin_stair(out, x, y, base, closes);
		is_open = has;
		last = y;
	}
	if (is_open)
		end_stair(out, RIGHT, base, closes);
	text_puts(out, "\"/>\n");
}

static void put_kills(struct text *out, const struct plot *plot)
{
	unsigned i;

	for (i = 0; i < plot->count; i++)
		if (plot->columns[i].is_killed)
			text_printf(out, "<path class=\"kill\" d=\"M%u %dV%d\"/>\n",
				    LEFT + i * STEP, TOP, BASE);
}

static void open_label(struct text *out, int y)
{
	text_printf(out, "<text class=\"label\" x=\"%d\" y=\"%d\">", LEFT - 6, y);
}

static void put_size_label(struct text *out, int y, uint64_t bytes)
{
	open_label(out, y);
	plot_put_size(out, bytes);
	text_puts(out, "</text>\n");
}

static void put_axes(struct text *out, const struct plot *plot)
{
	put_size_label(out, TOP + 4, plot->top);
	put_size_label(out, (TOP + BASE) / 2 + 4, plot->top / 2);
	put_size_label(out, BASE + 4, 0);
	text_printf(out, "<path class=\"axis\" d=\"M%d %dV%dH%d\"/>\n", LEFT, TOP, BASE,
		    RIGHT);
	text_printf(out, "<text x=\"%d\" y=\"%d\">-", LEFT, STALL_BASE + 20);
	plot_put_duration(out, plot->span_usec);
	text_printf(out, "</text>\n<text class=\"label\" x=\"%d\" y=\"%d\">0</text>\n",
		    RIGHT, STALL_BASE + 20);
}

static void put_stall(struct text *out, const struct plot *plot)
{
	if (!plot->has_stall)
		return;
	put_path(out, plot, "stall", stall_of, STALL_TOP, STALL_BASE, true);
	open_label(out, STALL_TOP + 4);
	plot_put_percent(out, plot->top_stall);
	text_puts(out, "</text>\n");
	text_printf(out, "<path class=\"axis\" d=\"M%d %dV%dH%d\"/>\n", LEFT, STALL_TOP,
		    STALL_BASE, RIGHT);
}

static void put_legend(struct text *out, const struct plot *plot)
{
	text_printf(out,
		    "<text x=\"%d\" y=\"40\"><tspan class=\"size-name\">size</tspan> "
		    "<tspan class=\"use-name\">used</tspan>%s%s</text>\n",
		    LEFT,
		    plot->has_stall ? " <tspan class=\"stall-name\">stall: time that "
				      "tasks waited for memory</tspan>"
				    : "",
		    plot->has_kills ? " <tspan class=\"kill-name\">OOM kill</tspan>"
				    : "");
}

void plot_put_svg(struct text *out, const char *title, const struct samples *samples)
{
	struct plot plot;

	plot.count = COLUMNS;
	plot_fill(&plot, samples);
	text_puts(out,
		  "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 860 420\" "
		  "width=\"860\" height=\"420\">\n"
		  "<style>text{font:13px sans-serif}.label{text-anchor:end}"
		  ".axis{fill:none;stroke:#888}.size{fill:none;stroke:#06c;"
		  "stroke-width:2}.use{fill:#9bd}.stall{fill:#e90}.kill{stroke:#c00;"
		  "stroke-width:2}.size-name{fill:#06c}.use-name{fill:#479}"
		  ".stall-name{fill:#a60}.kill-name{fill:#c00}</style>\n"
		  "<rect width=\"860\" height=\"420\" fill=\"#fff\"/>\n");
	text_printf(out, "<text x=\"%d\" y=\"22\">", LEFT);
	put_title(out, title);
	text_puts(out, "</text>\n");
	put_legend(out, &plot);
	put_path(out, &plot, "use", use_of, TOP, BASE, true);
	put_path(out, &plot, "size", size_of, TOP, BASE, false);
	put_kills(out, &plot);
	put_stall(out, &plot);
	put_axes(out, &plot);
	text_puts(out, "</svg>\n");
}
