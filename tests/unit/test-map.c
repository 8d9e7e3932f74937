/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/map.h"

#define UNIT ((uint64_t)0x8000000)

static char drawn[4096];

static void put(const char *text)
{
	size_t len = strlen(drawn);

	assert_true(len + strlen(text) < sizeof(drawn));
	snprintf(drawn + len, sizeof(drawn) - len, "%s", text);
}

static void row(uint64_t start, void *data)
{
	char text[32];

	(void)data;
	snprintf(text, sizeof(text), "/%" PRIu64 ":", start / UNIT);
	put(text);
}

static void cell(enum map_mark mark, bool edge, void *data)
{
	const char one[] = { ".KMO?*"[mark], '\0' };

	(void)data;
	if (edge)
		put("|");
	put(one);
}

static void hole(uint64_t start, uint64_t size, void *data)
{
	char text[48];

	(void)data;
	snprintf(text, sizeof(text), "/hole %" PRIu64 "+%" PRIu64, start / UNIT,
		 size / UNIT);
	put(text);
}

static const char *draw(const struct map_range *ranges, size_t count, uint64_t scale,
			unsigned width)
{
	const struct map_pen pen = { row, cell, hole, NULL };

	drawn[0] = '\0';
	map_draw(ranges, count, scale * UNIT, width, &pen);
	return drawn;
}

/* 1 GiB of boot memory, a hole, two DIMMs side by side: one half movable, one offline. */
static const struct map_range guest[] = {
	{ 0, UNIT, MAP_ONLINE, 0, false },
	{ UNIT, 7 * UNIT, MAP_KERNEL, 0, false },
	{ 32 * UNIT, 2 * UNIT, MAP_MOVABLE, 32 * UNIT, true },
	{ 34 * UNIT, 2 * UNIT, MAP_KERNEL, 32 * UNIT, true },
	{ 36 * UNIT, 3 * UNIT, MAP_OFFLINE, 36 * UNIT, true },
};
#define GUEST (sizeof(guest) / sizeof(guest[0]))

static void nothing_is_drawn_of_nothing(void **state)
{
	(void)state;
	assert_string_equal(draw(guest, 0, 1, 8), "");
	assert_int_equal(map_scale(guest, 0, UNIT, 1), 1);
}

static void shows_holes_edges_and_rows(void **state)
{
	(void)state;
	assert_string_equal(draw(guest, GUEST, 1, 64),
			    "/0:OKKKKKKK/hole 8+24/32:MMKK|...");
	assert_string_equal(draw(guest, GUEST, 1, 4),
			    "/0:OKKK/4:KKKK/hole 8+24/32:MMKK/36:|...");
	assert_string_equal(draw(guest + 2, 3, 1, 64), "/hole 0+32/32:MMKK|...");
}

/* Boot memory ends where a DIMM begins, and has no marks of its own. */
static void boot_memory_is_not_a_dimm(void **state)
{
	const struct map_range ranges[] = {
		{ 0, UNIT, MAP_ONLINE, 0, false },
		{ UNIT, 3 * UNIT, MAP_KERNEL, 0, false },
		{ 4 * UNIT, 2 * UNIT, MAP_MOVABLE, 4 * UNIT, true },
		{ 6 * UNIT, UNIT, MAP_KERNEL, 0, false },
	};

	(void)state;
	assert_string_equal(draw(ranges, 4, 1, 64), "/0:OKKK|MM|K");
}

static void a_cell_of_several_tells_that_they_differ(void **state)
{
	const struct map_range two[] = {
		{ 0, 3 * UNIT, MAP_MOVABLE, 0, true },
		{ 3 * UNIT, 3 * UNIT, MAP_OFFLINE, 3 * UNIT, true },
	};

	(void)state;
	assert_string_equal(draw(guest, GUEST, 2, 64), "/0:*KKK/hole 8+24/32:MK|..");
	assert_string_equal(draw(guest, GUEST, 4, 64), "/0:*K/hole 8+24/32:*|.");
	/* A DIMM that begins within a cell has its mark after the cell. */
	assert_string_equal(draw(guest, GUEST, 8, 64), "/0:*/hole 8+24/32:*");
	assert_string_equal(draw(two, 2, 2, 64), "/0:M*|.");
}

static void scales_until_it_fits(void **state)
{
	const struct map_range huge = { 0, INT64_MAX, MAP_OFFLINE, 0, false };

	(void)state;
	assert_int_equal(map_scale(guest, GUEST, UNIT, 15), 1);
	assert_int_equal(map_scale(guest, GUEST, UNIT, 14), 2);
	assert_int_equal(map_scale(guest, GUEST, UNIT, 8), 2);
	assert_int_equal(map_scale(guest, GUEST, UNIT, 7), 4);
	/* Two areas never fit into one cell: it ends all the same. */
	assert_true(map_scale(guest, GUEST, UNIT, 1) > 4);
	assert_true(map_scale(&huge, 1, 1, 1024) >= (uint64_t)1 << 52);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_drawn_of_nothing),
		cmocka_unit_test(shows_holes_edges_and_rows),
		cmocka_unit_test(boot_memory_is_not_a_dimm),
		cmocka_unit_test(a_cell_of_several_tells_that_they_differ),
		cmocka_unit_test(scales_until_it_fits),
	};

	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
