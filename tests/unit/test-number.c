/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "core/number.h"

#define UNTOUCHED 0x5a

static void takes_digits_and_stops_behind_them(void **state)
{
	static const struct {
		const char *text;
		unsigned base;
		uint64_t number;
		const char *rest;
	} rows[] = {
		{ "0", 10, 0, "" },
		{ "0064 kB", 10, 64, " kB" },
		{ "755", 8, 0755, "" },
		{ "78", 8, 7, "8" },
		{ "aFg", 16, 0xaf, "g" },
		{ "0x1", 16, 0, "x1" },
		{ "18446744073709551615", 10, UINT64_MAX, "" },
		{ "ffffffffffffffff-", 16, UINT64_MAX, "-" },
		{ "1777777777777777777777", 8, UINT64_MAX, "" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *at = rows[i].text;
		uint64_t number;

		assert_true(number_take(&at, at + strlen(at), rows[i].base, &number));
		assert_true(number == rows[i].number);
		assert_string_equal(at, rows[i].rest);
	}
}

static void refuses_what_is_not_a_number(void **state)
{
	static const struct {
		const char *text;
		unsigned base;
	} rows[] = {
		{ "", 10 },
		{ " 1", 10 },
		{ "-1", 10 },
		{ "+1", 10 },
		{ "x", 16 },
		{ "8", 8 },
		{ "a", 10 },
		{ "18446744073709551616", 10 },
		{ "99999999999999999999999", 10 },
		{ "10000000000000000", 16 },
		{ "2000000000000000000000", 8 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *at = rows[i].text;
		uint64_t number = UNTOUCHED;

		assert_false(number_take(&at, at + strlen(at), rows[i].base, &number));
		assert_false(number_parse(rows[i].text, rows[i].base, &number));
		assert_ptr_equal(at, rows[i].text);
		assert_int_equal(number, UNTOUCHED);
	}
}

static void reads_no_further_than_the_end(void **state)
{
	const char *text = "0x12345", *at = text;
	uint64_t number;

	(void)state;
	assert_false(number_take(&at, text, 10, &number));
	assert_true(number_take_any(&at, text + 4, &number));
	assert_int_equal(number, 0x12);
	assert_ptr_equal(at, text + 4);
	/* Without a digit behind it the 0 is one itself. */
	at = text;
	assert_true(number_take_any(&at, text + 2, &number));
	assert_int_equal(number, 0);
	assert_ptr_equal(at, text + 1);
}

static void sizes_have_a_unit(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} rows[] = {
		{ "0", 0 },
		{ "17", 17 },
		{ "010K", 10240 },
		{ "512M", UINT64_C(512) << 20 },
		{ "1G", UINT64_C(1) << 30 },
		{ "3T", UINT64_C(3) << 40 },
		{ "16777215T", UINT64_C(16777215) << 40 },
	};
	static const char *const refused[] = { "",     "K",   "1KB",	   "1k",
					       "1P",   "1 M", "-1M",	   "1.5G",
					       "0x10", "0xg", "16777216T", "1MM" };
	uint64_t bytes;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_true(number_parse_size(rows[i].text, &bytes));
		assert_true(bytes == rows[i].bytes);
	}
	bytes = UNTOUCHED;
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (number_parse_size(refused[i], &bytes) || bytes != UNTOUCHED)
			fail_msg("taken: %s", refused[i]);
}

static void ranges_are_whole(void **state)
{
	static const char *const refused[] = {
		"",	  "4G",	   "4G+",      "+1G",	 "4G+0",
		"4G+1G ", "4G-5G", "4G+1G+1G", "0x1+-1", "0xffffffffffffffff+2"
	};
	uint64_t start = UNTOUCHED, size = UNTOUCHED;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (number_parse_range(refused[i], strlen(refused[i]), &start, &size) ||
		    start != UNTOUCHED || size != UNTOUCHED)
			fail_msg("taken: %s", refused[i]);
	assert_true(number_parse_range("0xffffffffffffffff+1", 20, &start, &size));
	assert_true(start == UINT64_MAX && size == 1);
	assert_true(number_parse_range("4G+0X20", 7, &start, &size));
	assert_true(start == UINT64_C(4) << 30 && size == 0x20);
	assert_true(number_parse_range("0x100000000+512M, more", 16, &start, &size));
	assert_true(start == UINT64_C(1) << 32 && size == UINT64_C(512) << 20);
}

static void labels_and_words(void **state)
{
	uint64_t number = UNTOUCHED;

	(void)state;
	assert_true(number_behind("SigPnd:\t0000000000000100\n", "SigPnd", 16, &number));
	assert_int_equal(number, 0x100);
	assert_true(number_behind("        present  4095", "present", 10, &number));
	assert_int_equal(number, 4095);
	assert_false(number_behind("present", "present", 10, &number));
	assert_false(number_behind("spanned 1", "present", 10, &number));
	assert_false(number_behind("present -1", "present", 10, &number));
	assert_int_equal(number, 4095);
	assert_string_equal(number_skip_words("  1: FLOCK  ADVISORY", 2), "ADVISORY");
	assert_string_equal(number_skip_words("one\n", 1), "\n");
	assert_string_equal(number_skip_words("one two", 5), "");
}

static void units(void **state)
{
	char letters[NUMBER_UNITS + 1] = "";
	unsigned power;

	(void)state;
	for (power = 0; power < NUMBER_UNITS; power++)
		letters[power] = number_unit(power);
	assert_string_equal(letters, "BKMGTPE");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(takes_digits_and_stops_behind_them),
		cmocka_unit_test(refuses_what_is_not_a_number),
		cmocka_unit_test(reads_no_further_than_the_end),
		cmocka_unit_test(sizes_have_a_unit),
		cmocka_unit_test(ranges_are_whole),
		cmocka_unit_test(labels_and_words),
		cmocka_unit_test(units),
	};

	return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
