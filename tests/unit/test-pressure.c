/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "core/pressure.h"

#define SECOND 1000000ull
#define MIB (1024ull * 1024)
#define BIT(signal) (1u << PRESSURE_##signal)

static const struct pressure_thresholds all = { 100 * MIB, 50 * MIB, 200000 };

/* A guest with plenty of everything. */
static struct stats calm(void)
{
	struct stats stats;

	stats_init(&stats);
	stats.available = 16384 * MIB;
	stats.kernel.free = 8192 * MIB;
	stats.some.total_usec = 0;
	stats.oom_kills = 7;
	return stats;
}

static struct pressure begin(const struct pressure_thresholds *thresholds,
			     const struct stats *stats)
{
	struct pressure pressure;

	pressure_begin(&pressure, thresholds, stats, 1);
	return pressure;
}

/* --- what goes wrong */

static void what_is_unknown_is_no_pressure(void **state)
{
	struct pressure pressure;
	struct stats stats;
	unsigned i;

	(void)state;
	stats_init(&stats);
	pressure = begin(&all, &stats);
	for (i = 1; i < 10; i++)
		assert_int_equal(pressure_step(&pressure, &stats, false, i * SECOND), 0);
	assert_int_equal(pressure_pressed(&pressure), 0);
}

static void no_threshold_no_signal(void **state)
{
	static const struct pressure_thresholds none;
	struct stats stats = calm();
	struct pressure pressure = begin(&none, &stats);

	(void)state;
	stats.available = stats.kernel.free = 0;
	stats.some.total_usec = 5 * SECOND;
	stats.oom_kills = 99;
	assert_int_equal(pressure_step(&pressure, &stats, true, 5 * SECOND), 0);
}

/* The guest's memory was put back, or its clock is odd. */
static void counters_that_go_back_are_no_pressure(void **state)
{
	struct stats stats = calm();
	struct pressure pressure;

	(void)state;
	stats.some.total_usec = 100 * SECOND;
	pressure = begin(&all, &stats);
	stats.some.total_usec = 5;
	stats.oom_kills = 0;
	assert_int_equal(pressure_step(&pressure, &stats, false, 2 * SECOND), 0);
	assert_int_equal(pressure_step(&pressure, &stats, false, 2 * SECOND), 0);
	stats.some.total_usec = UINT64_MAX - 1;
	assert_int_equal(pressure_step(&pressure, &stats, false, UINT64_MAX - 5),
			 BIT(STALL));
}

static void huge_thresholds_do_not_wrap(void **state)
{
	struct pressure_thresholds thresholds = { UINT64_MAX, UINT64_MAX, 0 };
	struct stats stats = calm();
	struct pressure pressure = begin(&thresholds, &stats);

	(void)state;
	assert_int_equal(pressure_pressed(&pressure), BIT(AVAILABLE) | BIT(KERNEL_FREE));
	stats.available = stats.kernel.free = UINT64_MAX - 1;
	assert_int_equal(pressure_step(&pressure, &stats, false, SECOND), 0);
	assert_int_equal(pressure_pressed(&pressure), BIT(AVAILABLE) | BIT(KERNEL_FREE));
}

/* Free memory is used up by caches in any guest that has run for a while. */
static void cached_files_give_way_to_the_kernel(void **state)
{
	struct stats stats = calm();
	struct pressure pressure;

	(void)state;
	stats.kernel.free = 20 * MIB;
	stats.kernel.file = 30 * MIB;
	pressure = begin(&all, &stats);
	assert_int_equal(pressure_pressed(&pressure), 0);
	stats.kernel.file--;
	assert_int_equal(pressure_step(&pressure, &stats, false, SECOND),
			 BIT(KERNEL_FREE));
}

/* --- crossing, each way, and near the threshold */

static void a_crossing_is_reported_once(void **state)
{
	struct stats stats = calm();
	struct pressure pressure = begin(&all, &stats);

	(void)state;
	stats.available = 100 * MIB;
	assert_int_equal(pressure_step(&pressure, &stats, false, SECOND), 0);
	stats.available = 100 * MIB - 1;
	assert_int_equal(pressure_step(&pressure, &stats, false, 2 * SECOND),
			 BIT(AVAILABLE));
	stats.available = 1;
	assert_int_equal(pressure_step(&pressure, &stats, false, 3 * SECOND), 0);
	stats.kernel.free = 50 * MIB - 1;
	assert_int_equal(pressure_step(&pressure, &stats, false, 4 * SECOND),
			 BIT(KERNEL_FREE));
	assert_int_equal(pressure_pressed(&pressure), BIT(AVAILABLE) | BIT(KERNEL_FREE));
}

static void at_the_edge_nothing_is_repeated(void **state)
{
	struct stats stats = calm();
	struct pressure pressure = begin(&all, &stats);
	unsigned i, reports = 0;

	(void)state;
	for (i = 1; i < 600; i++) {
		stats.available = (i & 1 ? 99 : 101) * MIB;
		reports += pressure_step(&pressure, &stats, false, i * SECOND) != 0;
	}
	assert_int_equal(reports, 1);
	/* Nor where it eases for less than ten seconds at a time. */
	for (; i < 1200; i++) {
		stats.available = (i % 10 ? 4096 : 99) * MIB;
		reports += pressure_step(&pressure, &stats, false, i * SECOND) != 0;
	}
	assert_int_equal(reports, 1);
}

static void an_end_is_reported_once_it_has_lasted(void **state)
{
	struct stats stats = calm();
	struct pressure pressure;

	(void)state;
	stats.available = 1;
	pressure = begin(&all, &stats);
	assert_int_equal(pressure_pressed(&pressure), BIT(AVAILABLE));
	stats.available = 112 * MIB; /* less than an eighth above */
	assert_int_equal(pressure_step(&pressure, &stats, false, 20 * SECOND), 0);
	assert_int_equal(pressure_step(&pressure, &stats, false, 40 * SECOND), 0);
	stats.available = 113 * MIB;
	assert_int_equal(pressure_step(&pressure, &stats, false, 60 * SECOND), 0);
	assert_int_equal(pressure_step(&pressure, &stats, false, 69 * SECOND), 0);
	assert_int_equal(pressure_pressed(&pressure), BIT(AVAILABLE));
	assert_int_equal(pressure_step(&pressure, &stats, false, 70 * SECOND),
			 BIT(AVAILABLE));
	assert_int_equal(pressure_pressed(&pressure), 0);
	stats.available = 99 * MIB;
	assert_int_equal(pressure_step(&pressure, &stats, false, 71 * SECOND),
			 BIT(AVAILABLE));
}

static void a_stall_is_measured_between_samples(void **state)
{
	struct stats stats = calm();
	struct pressure pressure = begin(&all, &stats);

	(void)state;
	/* A tenth of the time is the threshold. */
	stats.some.total_usec = 499999;
	assert_int_equal(pressure_step(&pressure, &stats, false, 5 * SECOND + 1), 0);
	stats.some.total_usec += 500000;
	assert_int_equal(pressure_step(&pressure, &stats, false, 10 * SECOND + 1),
			 BIT(STALL));
	/* Half of it is not eased yet, less is. */
	stats.some.total_usec += 1000000;
	assert_int_equal(pressure_step(&pressure, &stats, false, 30 * SECOND + 1), 0);
	stats.some.total_usec += 999999;
	assert_int_equal(pressure_step(&pressure, &stats, false, 50 * SECOND + 1), 0);
	assert_int_equal(pressure_step(&pressure, &stats, false, 60 * SECOND + 1),
			 BIT(STALL));
	assert_int_equal(pressure_pressed(&pressure), 0);
}

static void a_counter_that_goes_and_comes_is_no_stall(void **state)
{
	struct stats stats = calm();
	struct pressure pressure = begin(&all, &stats);

	(void)state;
	stats.some.total_usec = STATS_UNKNOWN;
	assert_int_equal(pressure_step(&pressure, &stats, false, 5 * SECOND), 0);
	stats.some.total_usec = 5 * SECOND;
	assert_int_equal(pressure_step(&pressure, &stats, false, 10 * SECOND), 0);
}

static void the_kernels_trigger_is_believed(void **state)
{
	struct stats stats = calm();
	struct pressure pressure = begin(&all, &stats);

	(void)state;
	assert_int_equal(pressure_step(&pressure, &stats, true, 30 * SECOND), BIT(STALL));
}

static void an_oom_kill_is_reported(void **state)
{
	struct stats stats = calm();
	struct pressure pressure = begin(&all, &stats);

	(void)state;
	stats.oom_kills++;
	assert_int_equal(pressure_step(&pressure, &stats, false, SECOND), BIT(OOM_KILL));
	stats.oom_kills++;
	assert_int_equal(pressure_step(&pressure, &stats, false, 2 * SECOND), 0);
	assert_int_equal(pressure_step(&pressure, &stats, false, 3 * SECOND), 0);
	assert_int_equal(pressure_step(&pressure, &stats, false, 13 * SECOND),
			 BIT(OOM_KILL));
	assert_int_equal(pressure_pressed(&pressure), 0);
}

static void an_old_kernel_has_an_estimate_of_ours(void **state)
{
	struct stats stats = calm();
	struct pressure pressure;

	(void)state;
	stats.available = STATS_UNKNOWN;
	stats.free = 60 * MIB;
	stats.file = 60 * MIB;
	pressure = begin(&all, &stats);
	assert_int_equal(pressure_pressed(&pressure), 0);
	stats.file = 30 * MIB;
	assert_int_equal(pressure_step(&pressure, &stats, false, SECOND), BIT(AVAILABLE));
}

/* --- how often it is measured */

static void it_looks_more_often_near_a_threshold(void **state)
{
	struct stats stats = calm();
	struct pressure pressure = begin(&all, &stats);

	(void)state;
	assert_int_equal(pressure_wait_usec(&pressure, true), 30 * SECOND);
	assert_int_equal(pressure_wait_usec(&pressure, false), 5 * SECOND);
	stats.kernel.free = (50 + 64) * MIB;
	pressure_step(&pressure, &stats, false, SECOND);
	assert_int_equal(pressure_wait_usec(&pressure, true), SECOND);
	stats.kernel.free = (50 + 3 * 128) * MIB;
	pressure_step(&pressure, &stats, false, SECOND);
	assert_int_equal(pressure_wait_usec(&pressure, true), 3 * SECOND);
	assert_int_equal(pressure_wait_usec(&pressure, false), 3 * SECOND);
	stats.kernel.free = 51 * MIB;
	pressure_step(&pressure, &stats, false, 2 * SECOND);
	assert_int_equal(pressure_wait_usec(&pressure, true), SECOND);
	stats.kernel.free = 1;
	pressure_step(&pressure, &stats, false, 3 * SECOND);
	assert_int_equal(pressure_wait_usec(&pressure, true), 2 * SECOND);
}

static void signals_have_names(void **state)
{
	(void)state;
	assert_string_equal(pressure_signal_text(PRESSURE_KERNEL_FREE), "kernel-free");
	assert_string_equal(pressure_signal_text(PRESSURE_SIGNALS), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_unknown_is_no_pressure),
		cmocka_unit_test(no_threshold_no_signal),
		cmocka_unit_test(counters_that_go_back_are_no_pressure),
		cmocka_unit_test(huge_thresholds_do_not_wrap),
		cmocka_unit_test(cached_files_give_way_to_the_kernel),
		cmocka_unit_test(a_crossing_is_reported_once),
		cmocka_unit_test(at_the_edge_nothing_is_repeated),
		cmocka_unit_test(an_end_is_reported_once_it_has_lasted),
		cmocka_unit_test(a_stall_is_measured_between_samples),
		cmocka_unit_test(a_counter_that_goes_and_comes_is_no_stall),
		cmocka_unit_test(the_kernels_trigger_is_believed),
		cmocka_unit_test(an_oom_kill_is_reported),
		cmocka_unit_test(an_old_kernel_has_an_estimate_of_ours),
		cmocka_unit_test(it_looks_more_often_near_a_threshold),
		cmocka_unit_test(signals_have_names),
	};

	return cmocka_run_group_tests_name("pressure", tests, NULL, NULL);
}
