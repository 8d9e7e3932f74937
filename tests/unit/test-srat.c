/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "core/srat.h"

/* What QEMU 7.2 gives a guest of 1 GiB with slots for more, header by hand. */
struct table {
	uint8_t bytes[1024];
	size_t len;
};

static void put(struct table *table, size_t at, uint64_t number, unsigned count)
{
	while (count--) {
		table->bytes[at++] = (uint8_t)number;
		number >>= 8;
	}
}

static void seal(struct table *table)
{
	uint8_t sum = 0;
	size_t i;

	put(table, 4, table->len, 4);
	table->bytes[9] = 0;
	for (i = 0; i < table->len; i++)
		sum = (uint8_t)(sum + table->bytes[i]);
	table->bytes[9] = (uint8_t)-sum;
}

static void add(struct table *table, uint64_t start, uint64_t size, uint32_t flags)
{
	size_t at = table->len;

	put(table, at, 1, 1);
	put(table, at + 1, 40, 1);
	put(table, at + 2, 7, 4);
	put(table, at + 8, start, 8);
	put(table, at + 16, size, 8);
	put(table, at + 28, flags, 4);
	table->len += 40;
	seal(table);
}

static void begin(struct table *table)
{
	memset(table, 0, sizeof(*table));
	memcpy(table->bytes, "SRAT", 4);
	table->len = 48;
	seal(table);
}

/* From memory of exactly that length, so that a sanitizer sees what goes beyond. */
static int parse(const struct table *table, size_t len, struct srat_entry *entries)
{
	uint8_t *copy = test_alloc(len ? len : 1);
	int r;

	memcpy(copy, table->bytes, len);
	r = srat_parse(copy, len, entries);
	free(copy);
	return r;
}

static void refuses_what_is_not_whole(void **state)
{
	struct srat_entry entries[SRAT_ENTRIES_MAX];
	struct table table;
	size_t len;

	(void)state;
	begin(&table);
	add(&table, 0x100000000, 0x11c0000000, 3);
	for (len = 0; len < table.len; len++)
		assert_int_equal(parse(&table, len, entries), -EINVAL);
	/* every bit counts */
	for (len = 0; len < table.len; len++) {
		table.bytes[len] ^= 0x10;
		assert_int_equal(parse(&table, table.len, entries), -EINVAL);
		table.bytes[len] ^= 0x10;
	}
	assert_int_equal(parse(&table, table.len, entries), 1);
	/* another table, whole in itself */
	memcpy(table.bytes, "SLIT", 4);
	seal(&table);
	assert_int_equal(parse(&table, table.len, entries), -EINVAL);
}

static void refuses_crooked_entries(void **state)
{
	static const struct {
		size_t at;
		uint8_t value;
	} wrong[] = { { 48 + 1, 0 }, { 48 + 1, 1 }, { 48 + 1, 39 }, { 48 + 1, 41 } };
	struct srat_entry entries[SRAT_ENTRIES_MAX];
	struct table table;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		begin(&table);
		add(&table, 0x100000000, 0x40000000, 3);
		table.bytes[wrong[i].at] = wrong[i].value;
		seal(&table);
		assert_int_equal(parse(&table, table.len, entries), -EINVAL);
	}
	begin(&table);
	add(&table, 0x100000000, 0, 3);
	assert_int_equal(parse(&table, table.len, entries), -EINVAL);
	begin(&table);
	add(&table, UINT64_MAX - 1, 3, 3);
	assert_int_equal(parse(&table, table.len, entries), -EINVAL);
	/* one that is not enabled may say anything */
	begin(&table);
	add(&table, UINT64_MAX, UINT64_MAX, 2);
	assert_int_equal(parse(&table, table.len, entries), 0);
}

static void gives_what_is_enabled(void **state)
{
	struct srat_entry entries[SRAT_ENTRIES_MAX];
	struct table table;

	(void)state;
	begin(&table);
	add(&table, 0, 0xa0000, 1);
	add(&table, 0x100000, 0x3ff00000, 1);
	add(&table, 0, 0, 0);
	add(&table, 0x100000000, 0x11c0000000, 3);
	add(&table, 0x2000000000, 0x10000000, 5);
	assert_int_equal(parse(&table, table.len, entries), 4);
	assert_int_equal(entries[0].size, 0xa0000);
	assert_false(entries[1].hot_pluggable);
	assert_int_equal(entries[2].start, 0x100000000);
	assert_int_equal(entries[2].size, 0x11c0000000);
	assert_int_equal(entries[2].proximity, 7);
	assert_true(entries[2].hot_pluggable);
	assert_true(entries[3].non_volatile);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_what_is_not_whole),
		cmocka_unit_test(refuses_crooked_entries),
		cmocka_unit_test(gives_what_is_enabled),
	};

	return cmocka_run_group_tests_name("srat", tests, NULL, NULL);
}
