/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "core/stats.h"
#include "core/text.h"
#include "wire/json-scan.h"
#include "wire/message.h"

#define KIB 1024ull
#define PAGE 4096ull
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static const struct stats *take(void (*fn)(struct stats *stats, const char *text),
				const char *text)
{
	static struct stats stats;

	stats_init(&stats);
	fn(&stats, text);
	return &stats;
}

static void take_vmstat(struct stats *stats, const char *text)
{
	stats_take_vmstat(stats, text, PAGE);
}

static void take_zoneinfo(struct stats *stats, const char *text)
{
	stats_take_zoneinfo(stats, text, PAGE);
}

/* --- what goes wrong */

static bool all_unknown(const struct stats *stats)
{
	struct stats unknown;

	stats_init(&unknown);
	return memcmp(stats, &unknown, sizeof(unknown)) == 0;
}

static void knows_nothing_of_garbage(void **state)
{
	static const char *const texts[] = {
		"",
		"\n\n\n",
		"MemTotal",
		"MemTotal:",
		"MemTotal: kB\n",
		"MemTotal: -5 kB\n",
		"MemTotal: 99999999999999999999999999 kB\n",
		"MemTotal: 18014398509481985 kB\n", /* no 64 bits of bytes */
		"xMemTotal: 5 kB\n",
		"pswpin 99999999999999999999\n",
		"pgmajfault\n",
		"pgmajfaultx 5\n",
		"Node 0, zone Normal",
		"Node 0, zone Normal\n  pages free x\n  low -1\n",
		"  pages free 5\n  present 7\n", /* of no zone */
		"Node 0, zone Device\n  pages free 5\n  present 7\n",
		"some",
		"some avg10=0.00 avg60=0.00 avg300=0.00\n",
		"some avg10=0.00 avg60=0.00 avg300=0.00 total=\n",
		"some avg10=0.00 avg60=0.00 avg300=0.00 total=1x\n",
		"some avg10=0.0 avg60=0.00 avg300=0.00 total=1\n",
		"some avg10=101.00 avg60=0.00 avg300=0.00 total=1\n",
		"some avg60=0.00 avg10=0.00 avg300=0.00 total=1\n",
		"some avg10=0.00\navg60=0.00 avg300=0.00 total=1\n",
		"some avg10=",
		"some avg10=1",
		"some avg10=1.",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		assert_true(all_unknown(take(stats_take_meminfo, texts[i])));
		assert_true(all_unknown(take(take_vmstat, texts[i])));
		assert_true(all_unknown(take(take_zoneinfo, texts[i])));
		assert_true(all_unknown(take(stats_take_pressure, texts[i])));
	}
}

static void a_sum_does_not_wrap(void **state)
{
	const struct stats *stats = take(stats_take_meminfo,
					 "Active(file): 18014398509481983 kB\n"
					 "Inactive(file): 18014398509481983 kB\n");

	(void)state;
	assert_true(stats->file == UINT64_MAX - 1);
}

static void one_bad_line_spoils_no_other(void **state)
{
	const struct stats *stats = take(
		stats_take_pressure, "some avg10=x\n"
				     "full avg10=0.01 avg60=0.20 avg300=3.00 total=40\n");

	(void)state;
	assert_true(stats->some.total_usec == STATS_UNKNOWN);
	assert_int_equal(stats->full.avg10, 1);
	assert_int_equal(stats->full.avg60, 20);
	assert_int_equal(stats->full.avg300, 300);
	assert_int_equal(stats->full.total_usec, 40);
}

/* --- what kernels say */

static void an_old_kernel_tells_less(void **state)
{
	const struct stats *stats = take(stats_take_meminfo,
					 "MemTotal:        1550124 kB\n"
					 "MemFree:         1524568 kB\n"
					 "Cached:               72 kB\n"
					 "Active(file):          4 kB\n"
					 "Inactive(file):       68 kB\n"
					 "SReclaimable:       3016 kB\n");

	(void)state;
	assert_true(stats->available == STATS_UNKNOWN);
	assert_true(stats->oom_kills == STATS_UNKNOWN);
	assert_true(stats->swap_total == STATS_UNKNOWN);
	assert_int_equal(stats->total, 1550124 * KIB);
	assert_int_equal(stats->free, 1524568 * KIB);
	assert_int_equal(stats->file, 72 * KIB);
	assert_int_equal(stats->reclaimable, 3016 * KIB);
}

static void a_new_kernel_tells_all(void **state)
{
	const struct stats *stats = take(stats_take_meminfo,
					 "MemAvailable:     813036 kB\n"
					 "SwapTotal:       1000 kB\nSwapFree:  900 kB\n"
					 "AnonPages:           112 kB\n"
					 "Shmem:              2564 kB\n"
					 "KReclaimable:       9300 kB\n"
					 "SReclaimable:       9212 kB\n"
					 "HugePages_Total:       3\n"
					 "HugePages_Free:        2\n"
					 "HugePages_Rsvd:        1\n"
					 "Hugepagesize:       2048 kB\n");

	(void)state;
	assert_int_equal(stats->available, 813036 * KIB);
	assert_int_equal(stats->swap_total, 1000 * KIB);
	assert_int_equal(stats->swap_free, 900 * KIB);
	assert_int_equal(stats->anonymous, 112 * KIB);
	assert_int_equal(stats->shared, 2564 * KIB);
	assert_int_equal(stats->reclaimable, 9300 * KIB);
	assert_int_equal(stats->hugepage_size, 2048 * KIB);
	assert_int_equal(stats->hugepages_total, 3);
	assert_int_equal(stats->hugepages_free, 2);
}

static void counts_pages_in_bytes(void **state)
{
	const struct stats *stats = take(take_vmstat,
					 "pgfault 9\npgmajfault 1766\npswpin 2\n"
					 "pswpout 3\noom_kill 4\nworkingset_refault 5\n");

	(void)state;
	assert_int_equal(stats->major_faults, 1766);
	assert_int_equal(stats->swapped_in, 2 * PAGE);
	assert_int_equal(stats->swapped_out, 3 * PAGE);
	assert_int_equal(stats->oom_kills, 4);
}

static void sums_zones_by_kind(void **state)
{
	const struct stats *stats = take(take_zoneinfo, "Node 0, zone      DMA\n"
							"  per-node stats\n"
							"      nr_inactive_file 182\n"
							"  pages free     10\n"
							"        min      1\n"
							"        low      2\n"
							"        spanned  4095\n"
							"        present  3998\n"
							"        managed  3977\n"
							"      nr_zone_inactive_file 5\n"
							"      nr_zone_active_file 6\n"
							"  pagesets\n"
							"              high:  0\n"
							"Node 1, zone   Normal\n"
							"  pages free     20\n"
							"        low      3\n"
							"        present  100\n"
							"Node 1, zone  Movable\n"
							"  pages free     30\n"
							"        low      4\n"
							"        managed  50\n"
							"Node 1, zone   Device\n"
							"  pages free     7\n"
							"        managed  9\n");

	(void)state;
	assert_int_equal(stats->kernel.total, (3977 + 100) * PAGE);
	assert_int_equal(stats->kernel.free, 30 * PAGE);
	assert_int_equal(stats->kernel.low, 5 * PAGE);
	assert_int_equal(stats->kernel.file, 11 * PAGE);
	assert_true(stats->movable.file == STATS_UNKNOWN);
	assert_int_equal(stats->movable.total, 50 * PAGE);
	assert_int_equal(stats->movable.free, 30 * PAGE);
	assert_int_equal(stats->movable.low, 4 * PAGE);
}

/* Before 4.8 each zone counted its own. */
static void an_old_zone_has_its_own_files(void **state)
{
	const struct stats *stats = take(take_zoneinfo, "Node 0, zone   Normal\n"
							"  pages free     20\n"
							"    nr_active_file 3\n"
							"    nr_inactive_file 4\n");

	(void)state;
	assert_int_equal(stats->kernel.file, 7 * PAGE);
}

static void no_movable_zone_is_an_empty_one(void **state)
{
	const struct stats *stats = take(take_zoneinfo, "Node 0, zone   Normal\n"
							"  pages free     20\n"
							"        present  100\n");

	(void)state;
	assert_int_equal(stats->kernel.total, 100 * PAGE);
	assert_true(stats->kernel.low == STATS_UNKNOWN);
	assert_int_equal(stats->movable.total, 0);
	assert_int_equal(stats->movable.free, 0);
}

static void reads_stalls(void **state)
{
	const struct stats *stats =
		take(stats_take_pressure,
		     "some avg10=0.22 avg60=100.00 avg300=1.11 total=58761459\n"
		     "full avg10=0.00 avg60=0.16 avg300=1.08 total=58464525");

	(void)state;
	assert_int_equal(stats->some.avg10, 22);
	assert_int_equal(stats->some.avg60, 10000);
	assert_int_equal(stats->some.avg300, 111);
	assert_int_equal(stats->some.total_usec, 58761459);
	assert_int_equal(stats->full.avg60, 16);
	assert_int_equal(stats->full.total_usec, 58464525);
}

/* --- on the wire */

static const struct json_scan_limits limits = {
	.bytes = 65536,
	.token = 1024,
	.kept = 65536,
	.values = 256,
	.depth = 4,
	.elements = 16,
	.members = 64,
};

static bool read_back(const char *json, struct stats *stats)
{
	struct json_scan *scan = json_scan_new(&limits);
	struct field_fault fault;
	size_t len = strlen(json);
	struct json_value value;
	bool good;

	assert_non_null(scan);
	assert_int_equal(json_scan_feed(scan, &json, &len), JSON_SCAN_OBJECT);
	value = json_scan_value(scan);
	good = field_read(&message_stats, &value, stats, &fault);
	json_scan_free(scan);
	return good;
}

static void what_is_unknown_is_null(void **state)
{
	struct text out = TEXT_INIT;
	struct stats stats, again;

	(void)state;
	stats_init(&stats);
	stats.total = 5;
	stats.some.total_usec = 0;
	field_put(&out, &message_stats, &stats);
	assert_non_null(strstr(out.data, "{\"total\": 5, \"available\": null, "));
	assert_non_null(strstr(out.data, "\"movable-zones\": {\"total\": null, \"free\": "
					 "null, \"file\": null, \"low\": null}"));
	assert_non_null(strstr(out.data,
			       "\"pressure-some\": {\"avg10\": null, \"avg60\": "
			       "null, \"avg300\": null, \"total-usec\": 0}"));
	assert_true(read_back(out.data, &again));
	assert_memory_equal(&again, &stats, sizeof(stats));
	text_free(&out);
}

/* `json` with its first `from` replaced by `to`. */
static bool reads_with(const char *json, const char *from, const char *to)
{
	struct text text = TEXT_INIT;
	const char *at = strstr(json, from);
	struct stats stats;
	bool good;

	assert_non_null(at);
	text_append(&text, json, (size_t)(at - json));
	text_puts(&text, to);
	text_puts(&text, at + strlen(from));
	good = read_back(text.data, &stats);
	text_free(&text);
	return good;
}

static void what_is_missing_or_no_number_is_refused(void **state)
{
	struct text out = TEXT_INIT;
	struct stats stats;

	(void)state;
	memset(&stats, 0, sizeof(stats));
	field_put(&out, &message_stats, &stats);
	assert_true(reads_with(out.data, "\"total\": 0", "\"total\": 5"));
	assert_true(reads_with(out.data, "\"total\": 0", "\"total\": null"));
	assert_true(reads_with(out.data, "{", "{\"more\": 1, "));
	assert_false(reads_with(out.data, "\"total\": 0", "\"total\": \"5\""));
	assert_false(reads_with(out.data, "\"total\": 0", "\"total\": -1"));
	assert_false(reads_with(out.data, "\"total\": 0", "\"total\": false"));
	assert_false(reads_with(out.data, "\"total\": 0, ", ""));
	assert_false(reads_with(out.data, "\"low\": 0", "\"low\": 0.5"));
	assert_false(reads_with(out.data, ", \"low\": 0", ""));
	assert_false(reads_with(out.data,
				"{\"total\": 0, \"free\": 0, \"file\": 0, \"low\": 0}",
				"null"));
	text_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(knows_nothing_of_garbage),
		cmocka_unit_test(a_sum_does_not_wrap),
		cmocka_unit_test(one_bad_line_spoils_no_other),
		cmocka_unit_test(an_old_kernel_tells_less),
		cmocka_unit_test(a_new_kernel_tells_all),
		cmocka_unit_test(counts_pages_in_bytes),
		cmocka_unit_test(sums_zones_by_kind),
		cmocka_unit_test(an_old_zone_has_its_own_files),
		cmocka_unit_test(no_movable_zone_is_an_empty_one),
		cmocka_unit_test(reads_stalls),
		cmocka_unit_test(what_is_unknown_is_null),
		cmocka_unit_test(what_is_missing_or_no_number_is_refused),
	};

	return cmocka_run_group_tests_name("stats", tests, NULL, NULL);
}
