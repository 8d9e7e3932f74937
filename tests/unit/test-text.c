/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/text.h"

static void refuses_what_no_memory_can_hold(void **state)
{
	struct text text = TEXT_INIT;

	(void)state;
	text_puts(&text, "kept");
	assert_int_equal(text_reserve(&text, SIZE_MAX), -ENOMEM);
	assert_true(text.failed);
	assert_string_equal(text.data, "kept");
	text_clear(&text);
	assert_int_equal(text_reserve(&text, SIZE_MAX - 2), -ENOMEM);
	text_free(&text);
}

static void does_nothing_after_a_failure(void **state)
{
	struct text text = TEXT_INIT;

	(void)state;
	text_puts(&text, "kept");
	text.failed = true;
	text_append(&text, "x", 1);
	text_puts(&text, "y");
	text_putu(&text, 1);
	text_putc(&text, 'z');
	text_printf(&text, "%d", 2);
	assert_null(text_extend(&text, 1));
	assert_int_equal(text_reserve(&text, 1), -ENOMEM);
	assert_int_equal(text.len, 4);
	assert_string_equal(text.data, "kept");
	text_clear(&text);
	text_puts(&text, "again");
	assert_string_equal(text.data, "again");
	text_free(&text);
}

static void consumes_no_more_than_is_there(void **state)
{
	struct text text = TEXT_INIT;

	(void)state;
	text_consume(&text, 5);
	assert_int_equal(text.len, 0);
	text_puts(&text, "abcdef");
	text_consume(&text, 2);
	assert_string_equal(text.data, "cdef");
	assert_int_equal(text.len, 4);
	text_consume(&text, 100);
	assert_int_equal(text.len, 0);
	assert_string_equal(text.data, "");
	text_free(&text);
	text_free(&text);
}

static void keeps_bytes_and_ends_in_nul(void **state)
{
	struct text text = TEXT_INIT;

	(void)state;
	text_append(&text, NULL, 0);
	assert_string_equal(text.data, "");
	text_append(&text, "a\0b", 3);
	text_putc(&text, '\xff');
	assert_int_equal(text.len, 4);
	assert_memory_equal(text.data, "a\0b\xff", 5);
	text_free(&text);
	assert_null(text.data);
	assert_int_equal(text.capacity, 0);
}

static void grows_by_doubling(void **state)
{
	struct text text = TEXT_INIT;
	size_t i, growths = 0, capacity = 0;

	(void)state;
	for (i = 0; i < 100000; i++) {
		text_append(&text, "0123456789", 10);
		growths += text.capacity != capacity;
		capacity = text.capacity;
	}
	assert_int_equal(text.len, 1000000);
	assert_memory_equal(text.data + 999990, "0123456789", 11);
	assert_in_range(growths, 2, 16);
	text_clear(&text);
	assert_int_equal(text.capacity, capacity);
	assert_string_equal(text.data, "");
	text_free(&text);
}

static void reserves_what_is_then_written_directly(void **state)
{
	struct text text = TEXT_INIT;
	size_t capacity;

	(void)state;
	assert_int_equal(text_reserve(&text, 1000), 0);
	assert_true(text.capacity > 1000);
	capacity = text.capacity;
	memset(text.data, 'x', 1000);
	text.len = 1000;
	text_append(&text, "", 0);
	assert_int_equal(text.capacity, capacity);
	assert_int_equal(strlen(text.data), 1000);
	text_free(&text);
}

static void is_extended_for_what_is_then_written(void **state)
{
	struct text text = TEXT_INIT;
	char *at = text_extend(&text, 100);

	(void)state;
	assert_ptr_equal(at, text.data);
	memset(at, 'x', 100);
	at = text_extend(&text, 1);
	*at = 'y';
	assert_int_equal(text.len, 101);
	assert_string_equal(text.data + 99, "xy");
	/* None, also where there is nothing yet. */
	text_free(&text);
	assert_non_null(text_extend(&text, 0));
	assert_string_equal(text.data, "");
	text_free(&text);
}

static void shrinks_to_what_is_kept(void **state)
{
	struct text text = TEXT_INIT;

	(void)state;
	text_shrink(&text, 64);
	assert_null(text.data);
	assert_int_equal(text_reserve(&text, 1000), 0);
	text_puts(&text, "abc");
	text_shrink(&text, 100);
	assert_int_equal(text.capacity, 100);
	assert_int_equal(text.len, 0);
	assert_string_equal(text.data, "");
	/* That much is there without any more memory. */
	assert_int_equal(text_reserve(&text, 99), 0);
	assert_int_equal(text.capacity, 100);
	/* It does not grow by that, and a failure is forgotten. */
	text.failed = true;
	text_shrink(&text, 1000);
	assert_int_equal(text.capacity, 100);
	assert_false(text.failed);
	text_free(&text);
}

static void writes_numbers(void **state)
{
	struct text text = TEXT_INIT;

	(void)state;
	text_putu(&text, 0);
	text_puts(&text, " ");
	text_putu(&text, 10);
	text_puts(&text, " ");
	text_putu(&text, UINT64_MAX);
	assert_string_equal(text.data, "0 10 18446744073709551615");
	text_free(&text);
}

static void prints(void **state)
{
	struct text text = TEXT_INIT;
	char long_word[301];

	(void)state;
	memset(long_word, 'w', 300);
	long_word[300] = '\0';
	text_printf(&text, "%s", "");
	assert_string_equal(text.data, "");
	text_printf(&text, "<%d|", -7);
	text_printf(&text, "%s>", long_word);
	assert_int_equal(text.len, 305);
	assert_memory_equal(text.data, "<-7|www", 7);
	assert_string_equal(text.data + 302, "ww>");
	text_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_no_memory_can_hold),
		cmocka_unit_test(does_nothing_after_a_failure),
		cmocka_unit_test(consumes_no_more_than_is_there),
		cmocka_unit_test(keeps_bytes_and_ends_in_nul),
		cmocka_unit_test(grows_by_doubling),
		cmocka_unit_test(reserves_what_is_then_written_directly),
		cmocka_unit_test(is_extended_for_what_is_then_written),
		cmocka_unit_test(shrinks_to_what_is_kept),
		cmocka_unit_test(writes_numbers),
		cmocka_unit_test(prints),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
