/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "core/plot.h"

#define SECOND 1000000ull
#define MIB (1024ull * 1024)
#define BEGIN (1700000000 * SECOND)
#define ROWS(rows) (sizeof(rows) / sizeof((rows)[0]))

/* One for each minute: MiB, milliseconds of stalls in all, OOM kills in all. */
struct row {
	unsigned given, online, available, stalled_msec, kills;
};

static const struct row growth[] = {
	{ 1024, 1024, 900, 0, 0 },	{ 1024, 1024, 600, 0, 0 },
	{ 1024, 1024, 100, 1200, 0 },	{ 1536, 1024, 10, 9000, 1 },
	{ 2048, 1536, 200, 12000, 1 },	{ 3072, 2048, 300, 13000, 1 },
	{ 3072, 3072, 1000, 13000, 1 }, { 3072, 3072, 2500, 13000, 1 },
	{ 2048, 2048, 1500, 13000, 1 }, { 1024, 1024, 600, 13000, 1 },
};

static void fill(struct samples *samples, const struct row *rows, size_t count)
{
	size_t i;

	memset(samples, 0, sizeof(*samples));
	for (i = 0; i < count; i++) {
		struct sample sample = {
			BEGIN + i * 60 * SECOND,	rows[i].given * MIB,
			rows[i].online * MIB,		rows[i].available * MIB,
			rows[i].stalled_msec * 1000ull, rows[i].kills
		};

		assert_true(samples_add(samples, &sample));
	}
}

static const char *text_of(const struct samples *samples, unsigned width, bool utf8)
{
	static struct text out;

	text_clear(&out);
	plot_put_text(&out, "web", samples, width, utf8);
	assert_false(out.failed);
	return out.data;
}

static const char *svg_of(const struct samples *samples, const char *title)
{
	static struct text out;

	text_clear(&out);
	plot_put_svg(&out, title, samples);
	assert_false(out.failed);
	return out.data;
}

static void in_ascii(void **state)
{
	struct samples samples;

	(void)state;
	fill(&samples, growth, ROWS(growth));
	assert_string_equal(
		text_of(&samples, 60, false),
		"web\n"
		"     3G |                           ------------------\n"
		"        |\n"
		"        |\n"
		"        |                      -----      ::::::      ------\n"
		"        |                           ::::::######\n"
		"   1.5G |                ------.....############\n"
		"        |----------------      #################\n"
		"        |           ############################\n"
		"        |     ......##################################::::::\n"
		"        |.....##############################################\n"
		"      0 +---------------------------------------------------\n"
		" 13.00% |           ######\n"
		"  stall |           ######::::::\n"
		" killed |                !\n"
		"      0 +---------------------------------------------------\n"
		"         -9m                                               0\n"
		"         # used  - size  stall: time that tasks waited for memory\n");
}

static void in_blocks(void **state)
{
	struct samples samples;

	(void)state;
	fill(&samples, growth, ROWS(growth));
	assert_string_equal(
		text_of(&samples, 60, true),
		"web\n"
		"     3G │                           ▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔\n"
		"        │\n"
		"        │\n"
		"        │                      ▔▔▔▔▔      ▆▆▆▆▆▆      ▔▔▔▔▔▔\n"
		"        │                           ▆▆▆▆▆▆██████\n"
		"   1.5G │                ▔▔▔▔▔▔▃▃▃▃▃████████████\n"
		"        │▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▔▂▂▂▂▂▂█████████████████\n"
		"        │           ████████████████████████████\n"
		"        │     ▃▃▃▃▃▃████████████████████████████▇▇▇▇▇▇▆▆▆▆▆▆\n"
		"        │▃▃▃▃▃██████████████████████████████████████████████\n"
		"      0 └───────────────────────────────────────────────────\n"
		" 13.00% │           ██████\n"
		"  stall │     ▂▂▂▂▂▂██████▆▆▆▆▆▆▂▂▂▂▂\n"
		" killed │                !\n"
		"      0 └───────────────────────────────────────────────────\n"
		"         -9m                                               0\n"
		"         █ used  ▔ size  stall: time that tasks waited for memory\n");
}

/* Without stalls, kills and what is available there is the size alone. */
static void what_is_not_known_is_not_drawn(void **state)
{
	struct samples samples;
	struct sample sample = { BEGIN,		512 * MIB,     512 * MIB,
				 STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN };

	(void)state;
	memset(&samples, 0, sizeof(samples));
	assert_true(samples_add(&samples, &sample));
	sample.time_usec += 240 * SECOND;
	assert_true(samples_add(&samples, &sample));
	assert_null(strstr(text_of(&samples, 40, false), "stall"));
	assert_null(strstr(text_of(&samples, 40, false), "killed"));
	assert_non_null(strstr(text_of(&samples, 40, false),
			       "   512M |-------------------------------\n"));
	assert_null(strstr(svg_of(&samples, ""), "class=\"stall\""));
}

/* Nobody measured for longer than five minutes: a minute is drawn, and a gap. */
static void a_pause_is_a_gap(void **state)
{
	struct samples samples;
	struct sample sample = { BEGIN, 512 * MIB, 512 * MIB, 512 * MIB, 0, 0 };

	(void)state;
	memset(&samples, 0, sizeof(samples));
	assert_true(samples_add(&samples, &sample));
	sample.time_usec += 600 * SECOND;
	/* Of another boot: no kill is seen there. */
	sample.oom_kills = 7;
	assert_true(samples_add(&samples, &sample));
	assert_non_null(strstr(text_of(&samples, 40, false),
			       "   512M |----                          -\n"));
	assert_null(strstr(text_of(&samples, 40, false), "!"));
	assert_non_null(strstr(svg_of(&samples, ""),
			       "<path class=\"size\" d=\"M70 50H148M838 50H840\"/>"));
}

/* One that has gone has no size; none at all is drawn as well. */
static void without_memory_nothing_is_drawn(void **state)
{
	static const struct row gone[] = { { 512, 512, 0, 0, 0 },
					   { 0, 0, 0, 0, 0 },
					   { 0, 0, 0, 0, 0 } };
	struct samples samples;

	(void)state;
	fill(&samples, gone, ROWS(gone));
	assert_non_null(
		strstr(text_of(&samples, 40, false), "   512M |################\n"));
	memset(&samples, 0, sizeof(samples));
	assert_non_null(strstr(text_of(&samples, 40, false), "-0s"));
	assert_non_null(strstr(svg_of(&samples, ""), "</svg>\n"));
}

/* Whatever is asked for and whatever a guest says. */
static void widths_have_bounds(void **state)
{
	static const struct row lies[] = { { 1, 4095, 0, 0, 5 },
					   { 1, 1, 4095, 4000000, 1 } };
	struct samples samples;
	const char *line;

	(void)state;
	fill(&samples, lies, ROWS(lies));
	samples.ring[1].online = samples.ring[1].stalled_usec = UINT64_MAX - 1;
	samples.ring[1].given = UINT64_MAX - 1;
	line = strstr(text_of(&samples, 0, false), "+---");
	assert_int_equal(strspn(line, "+-"), PLOT_WIDTH_MIN - 8);
	line = strstr(text_of(&samples, 100000, false), "+---");
	assert_int_equal(strspn(line, "+-"), PLOT_WIDTH_MAX - 8);
	assert_non_null(strstr(text_of(&samples, 100000, false), "100.00% |"));
	assert_non_null(strstr(svg_of(&samples, ""), "</svg>\n"));
}

static void as_an_image(void **state)
{
	struct samples samples;
	const char *svg;

	(void)state;
	fill(&samples, growth, ROWS(growth));
	svg = svg_of(&samples, "<web> & \x1b\xff");
	assert_non_null(strstr(svg, ">&lt;web> &amp; ?"
				    "?</text>\n"));
	assert_non_null(strstr(
		svg,
		"<path class=\"use\" d=\"M70 290V280H154V257H240V218H326V211H410V186H496V153H582V128H668V245H754V247H840V290Z\"/>\n"
		"<path class=\"size\" d=\"M70 210H326V170H410V130H496V50H754V130H840\"/>\n"
		"<path class=\"kill\" d=\"M326 50V290\"/>\n"
		"<path class=\"stall\" d=\"M70 380V380H154V371H240V320H328V357H412V372H498V380H840V380Z\"/>\n"
		"<text class=\"label\" x=\"64\" y=\"324\">13.00%</text>\n"
		"<path class=\"axis\" d=\"M70 320V380H840\"/>\n"
		"<text class=\"label\" x=\"64\" y=\"54\">3G</text>\n"
		"<text class=\"label\" x=\"64\" y=\"174\">1.5G</text>\n"
		"<text class=\"label\" x=\"64\" y=\"294\">0B</text>\n"
		"<path class=\"axis\" d=\"M70 50V290H840\"/>\n"
		"<text x=\"70\" y=\"400\">-9m</text>\n"
		"<text class=\"label\" x=\"840\" y=\"400\">0</text>\n"
		"</svg>\n"));
}

/* As everywhere: to the next tenth. */
static void sizes_are_rounded(void **state)
{
	struct samples samples;
	struct row row = { 1280, 1280, 1280, 0, 0 };

	(void)state;
	fill(&samples, &row, 1);
	assert_non_null(strstr(text_of(&samples, 40, false), "   1.3G |"));
	assert_non_null(strstr(text_of(&samples, 40, false), "   640M |"));
	row.given = 2047;
	fill(&samples, &row, 1);
	assert_non_null(strstr(text_of(&samples, 40, false), "     2G |"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_ascii),
		cmocka_unit_test(in_blocks),
		cmocka_unit_test(what_is_not_known_is_not_drawn),
		cmocka_unit_test(a_pause_is_a_gap),
		cmocka_unit_test(without_memory_nothing_is_drawn),
		cmocka_unit_test(widths_have_bounds),
		cmocka_unit_test(sizes_are_rounded),
		cmocka_unit_test(as_an_image),
	};

	return cmocka_run_group_tests_name("plot", tests, NULL, NULL);
}
