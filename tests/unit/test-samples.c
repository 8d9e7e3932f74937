/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "core/samples.h"

#define SECOND 1000000ull
#define NAME "4dea22b3-1d52-d8f3-2516-782e98ab3fa0"

static bool add(struct samples *samples, uint64_t sec, uint64_t given)
{
	struct sample sample = { sec * SECOND, given, given, STATS_UNKNOWN, 0, 0 };

	return samples_add(samples, &sample);
}

static void what_comes_too_soon_is_left_out(void **state)
{
	struct samples *samples = test_alloc(sizeof(*samples));

	(void)state;
	assert_true(add(samples, 100, 1));
	assert_false(add(samples, 100, 1));
	assert_false(add(samples, 114, 1));
	assert_true(add(samples, 115, 1));
	/* Another size is never left out, and the past always is. */
	assert_true(add(samples, 116, 2));
	assert_false(add(samples, 50, 3));
	assert_int_equal(samples->count, 3);
	free(samples);
}

static void the_oldest_give_way(void **state)
{
	struct samples *samples = test_alloc(sizeof(*samples));
	unsigned i;

	(void)state;
	for (i = 0; i < SAMPLES_MAX + 7; i++)
		assert_true(add(samples, 1000 + i * 15, i));
	assert_int_equal(samples->count, SAMPLES_MAX);
	assert_int_equal(samples_at(samples, 0)->given, 7);
	assert_int_equal(samples_at(samples, SAMPLES_MAX - 1)->given, SAMPLES_MAX + 6);
	free(samples);
}

static uint64_t stall(uint64_t before, uint64_t after)
{
	struct sample one = { 10 * SECOND, 1, 1, 0, before, 0 };
	struct sample two = { 20 * SECOND, 1, 1, 0, after, 0 };

	return samples_stall(&one, &two);
}

static void stalls_stay_within_their_time(void **state)
{
	(void)state;
	assert_int_equal(stall(0, 0), 0);
	assert_int_equal(stall(500, 500 + SECOND), 1000);
	assert_int_equal(stall(0, UINT64_MAX - 1), 10000);
	assert_int_equal(stall(7, 6), 0);
	assert_true(stall(STATS_UNKNOWN, 6) == STATS_UNKNOWN);
	assert_true(stall(6, STATS_UNKNOWN) == STATS_UNKNOWN);
}

static void a_line_comes_back(void **state)
{
	const struct sample sample = { 1, 2, 3, STATS_UNKNOWN, UINT64_MAX - 1, 0 };
	char name[SAMPLES_NAME_SIZE];
	struct text line = TEXT_INIT;
	struct sample read;

	(void)state;
	samples_put_line(&line, NAME, &sample);
	assert_string_equal(line.data, NAME " 1 2 3 - 18446744073709551614 0\n");
	assert_true(line.len < SAMPLES_LINE_MAX);
	line.data[line.len - 1] = '\0';
	assert_true(samples_take_line(line.data, name, &read));
	assert_string_equal(name, NAME);
	assert_memory_equal(&read, &sample, sizeof(read));
	text_free(&line);
}

static void damage_is_seen(void **state)
{
	static const char *const damaged[] = {
		"",
		" ",
		"a",
		"a 1 2 3 4 5",
		"a 1 2 3 4 5 ",
		"a 1 2 3 4 5 6 ",
		"a 1 2 3 4 5 6 7",
		"a 1 2 3 4 5 6x",
		"a 1  2 3 4 5 6",
		"a - 2 3 4 5 6",
		"a 1 - 3 4 5 6",
		"a 1 2 - 4 5 6",
		"a 1 2 3 4 -5 6",
		"a 1 2 3 4 5 99999999999999999999",
		"4dea22b3-1d52-d8f3-2516-782e98ab3fa00 1 2 3 4 5 6",
		" 1 2 3 4 5 6 7",
	};
	char name[SAMPLES_NAME_SIZE];
	struct sample sample;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(damaged) / sizeof(damaged[0]); i++)
		assert_false(samples_take_line(damaged[i], name, &sample));
	assert_true(samples_take_line("a 1 2 3 - - -", name, &sample));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_too_soon_is_left_out),
		cmocka_unit_test(the_oldest_give_way),
		cmocka_unit_test(stalls_stay_within_their_time),
		cmocka_unit_test(a_line_comes_back),
		cmocka_unit_test(damage_is_seen),
	};

	return cmocka_run_group_tests_name("samples", tests, NULL, NULL);
}
