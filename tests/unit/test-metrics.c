/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "core/metrics.h"

static struct stats unknown(void)
{
	struct stats stats;

	stats_init(&stats);
	return stats;
}

static char *put(enum metrics_format format, const struct metrics_source *sources,
		 size_t count)
{
	static struct text out;

	text_clear(&out);
	text_puts(&out, "");
	metrics_put_stats(&out, format, sources, count);
	metrics_end(&out, format);
	return out.data;
}

static void labels_are_escaped(void **state)
{
	struct text labels = TEXT_INIT;

	(void)state;
	metrics_put_label(&labels, "domain", "a\"b\\c\nd\x1b[2J\xff");
	metrics_put_label(&labels, "node", "");
	assert_string_equal(labels.data, "domain=\"a\\\"b\\\\c\\nd?[2J?\",node=\"\"");
	text_free(&labels);
}

static void what_is_unknown_is_left_out(void **state)
{
	struct stats stats = unknown();
	struct metrics_source source = { "", &stats };

	(void)state;
	assert_string_equal(put(METRICS_OPEN, &source, 1), "# EOF\n");
	assert_string_equal(put(METRICS_TEXTFILE, &source, 1), "");
	assert_string_equal(put(METRICS_OPEN, NULL, 0), "# EOF\n");
	stats.movable.free = 7;
	assert_string_equal(
		put(METRICS_TEXTFILE, &source, 1),
		"# HELP memonline_guest_zone_free_bytes Free memory of the zones of this "
		"kind.\n"
		"# TYPE memonline_guest_zone_free_bytes gauge\n"
		"memonline_guest_zone_free_bytes{kind=\"movable\"} 7\n");
}

/* The second of two rows has the help where the first has no value. */
static void a_heading_always_has_help(void **state)
{
	struct stats stats = unknown();
	struct metrics_source source = { "", &stats };

	(void)state;
	stats.full.total_usec = 1500001;
	assert_string_equal(put(METRICS_TEXTFILE, &source, 1),
			    "# HELP memonline_guest_stall_seconds_total Time that tasks "
			    "waited for memory since boot.\n"
			    "# TYPE memonline_guest_stall_seconds_total counter\n"
			    "memonline_guest_stall_seconds_total{tasks=\"full\"} "
			    "1.500001\n");
}

static void a_counter_is_named_as_the_format_wants(void **state)
{
	struct stats stats = unknown();
	struct metrics_source source = { "", &stats };

	(void)state;
	stats.oom_kills = 3;
	assert_non_null(strstr(put(METRICS_OPEN, &source, 1),
			       "# TYPE memonline_guest_oom_kills counter\n"
			       "memonline_guest_oom_kills_total 3\n# EOF\n"));
	assert_non_null(strstr(put(METRICS_TEXTFILE, &source, 1),
			       "# TYPE memonline_guest_oom_kills_total counter\n"
			       "memonline_guest_oom_kills_total 3\n"));
}

static void samples_of_all_guests_stand_together(void **state)
{
	struct stats one = unknown(), two = unknown();
	struct metrics_source sources[] = { { "domain=\"a\"", &one },
					    { "domain=\"b\"", &two } };
	const char *text;

	(void)state;
	one.total = 1;
	two.total = 2;
	two.available = 3;
	one.some.avg10 = 22;
	text = put(METRICS_OPEN, sources, 2);
	assert_non_null(strstr(text, "memonline_guest_memory_bytes{domain=\"a\"} 1\n"
				     "memonline_guest_memory_bytes{domain=\"b\"} 2\n"));
	assert_non_null(strstr(text, "gauge\nmemonline_guest_available_bytes{"
				     "domain=\"b\"} 3\n"));
	assert_non_null(strstr(text, "memonline_guest_stall_ratio{domain=\"a\","
				     "tasks=\"some\",window=\"10s\"} 0.0022\n"));
}

static void blocks_have_their_labels(void **state)
{
	struct metrics_memory memory = { "", -1, "online", "Mov\"able", 5 };
	struct text out = TEXT_INIT;

	(void)state;
	metrics_put_memory_heading(&out);
	metrics_put_memory(&out, &memory);
	memory.labels = "domain=\"a\"";
	memory.node = 0;
	metrics_put_memory(&out, &memory);
	assert_string_equal(out.data,
			    "# HELP memonline_guest_blocks_bytes Memory blocks by node, "
			    "state and zone.\n"
			    "# TYPE memonline_guest_blocks_bytes gauge\n"
			    "memonline_guest_blocks_bytes{node=\"unknown\",state="
			    "\"online\",zone=\"Mov\\\"able\"} 5\n"
			    "memonline_guest_blocks_bytes{domain=\"a\",node=\"0\",state="
			    "\"online\",zone=\"Mov\\\"able\"} 5\n");
	text_free(&out);
}

static void what_memonlined_knows(void **state)
{
	struct metrics_agent agent = {
		1 << 27, 2, 0, 7, STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN
	};
	struct text out = TEXT_INIT;

	(void)state;
	metrics_put_agent(&out, METRICS_TEXTFILE, &agent);
	assert_non_null(strstr(out.data, "memonline_guest_block_size_bytes 134217728\n"));
	assert_non_null(strstr(out.data, "# TYPE memonline_guest_failed_blocks gauge\n"
					 "memonline_guest_failed_blocks 2\n"));
	assert_non_null(strstr(out.data, "# TYPE memonline_guest_reports_total counter\n"
					 "memonline_guest_reports_total 7\n"));
	assert_null(strstr(out.data, "last_report"));
	agent.report_sec = 1700000000;
	agent.succeeded_bytes = 1 << 28;
	agent.failed_bytes = 0;
	text_clear(&out);
	metrics_put_agent(&out, METRICS_OPEN, &agent);
	assert_non_null(strstr(out.data, "# TYPE memonline_guest_reports counter\n"
					 "memonline_guest_reports_total 7\n"));
	assert_non_null(strstr(
		out.data,
		"memonline_guest_last_report_timestamp_seconds 1700000000\n"
		"# HELP memonline_guest_last_report_bytes Memory of the last report by "
		"its result.\n"
		"# TYPE memonline_guest_last_report_bytes gauge\n"
		"memonline_guest_last_report_bytes{result=\"success\"} 268435456\n"
		"memonline_guest_last_report_bytes{result=\"failed\"} 0\n"));
	text_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(what_is_unknown_is_left_out),
		cmocka_unit_test(a_heading_always_has_help),
		cmocka_unit_test(a_counter_is_named_as_the_format_wants),
		cmocka_unit_test(samples_of_all_guests_stand_together),
		cmocka_unit_test(blocks_have_their_labels),
		cmocka_unit_test(what_memonlined_knows),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
