/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "core/scope.h"

#define GIB (UINT64_C(1) << 30)
#define BLOCK_SIZE (UINT64_C(128) << 20)

static const char *const refused[] = {
	"range",
	"range ",
	"range 4G",
	"range +1G",
	"range 4G+",
	"range 4G+0",
	"range 4G+1X",
	"range 4G+1MM",
	"range -1+1G",
	"range 0xffffffffffffffff+2",
	"range 0x10000000000000000+1G",
	"range 16777216T+1G",
	"range 4G+11111111111111111111111111111111111111",
	"rangex 4G+1G",
	"owner",
	"owner kmem",
	"owner System RO",
	"owner System RAM (a name that is longer than any that /proc/iomem has ever had, and longer)",
	"node",
	"node ",
	"node one",
	"node -1",
	"node 32768",
	"node 1 2",
};

static void wrong_names_leave_the_scope_alone(void **state)
{
	struct scope scope;
	size_t i;

	(void)state;
	memset(&scope, 0x5a, sizeof(scope));
	for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
		const char *expected =
			scope_parse(&scope, refused[i], strlen(refused[i]));

		if (!expected || !*expected)
			fail_msg("taken: %s", refused[i]);
		assert_int_equal(scope.node, 0x5a5a5a5a);
	}
	assert_string_equal(scope_parse(&scope, "memonlined", 10), "");
	assert_string_equal(scope_parse(&scope, "", 0), "");
}

static struct scope parse(const char *name)
{
	struct scope scope;
	const char *expected = scope_parse(&scope, name, strlen(name));

	if (expected)
		fail_msg("%s: expected %s", name, expected);
	return scope;
}

static void names_are_written_as_they_are_read(void **state)
{
	static const char *const rows[][2] = {
		{ "range 0x100000000+512M", "range 0x100000000+0x20000000" },
		{ "range 010+1K", "range 0xa+0x400" },
		{ "range 1T+1", "range 0x10000000000+0x1" },
		{ "owner System RAM (kmem)", "owner System RAM (kmem)" },
		{ "node 32767", "node 32767" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scope scope = parse(rows[i][0]);
		struct text text = TEXT_INIT;

		scope_put(&scope, &text);
		assert_string_equal(text.data, rows[i][1]);
		text_free(&text);
	}
}

static void only_one_kind_collides(void **state)
{
	static const struct {
		const char *a, *b;
		bool collide;
	} rows[] = {
		{ "range 0+1G", "node 0", false },
		{ "range 0+1G", "range 1G+1G", false },
		{ "range 0+0x40000001", "range 1G+1G", true },
		{ "range 1G+1", "range 0+4G", true },
		{ "owner System RAM", "owner System RAM (kmem)", false },
		{ "owner System RAM", "owner System RAM", true },
		{ "node 0", "node 1", false },
		{ "node 1", "node 1", true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scope a = parse(rows[i].a), b = parse(rows[i].b);

		assert_int_equal(scope_collides(&a, &b), rows[i].collide);
		assert_int_equal(scope_collides(&b, &a), rows[i].collide);
	}
}

static void a_block_is_where_its_first_byte_is(void **state)
{
	struct snapshot snapshot = { .block_size_bytes = BLOCK_SIZE };
	struct block block = { .index = 4 * GIB / BLOCK_SIZE, .node = 1 };
	static const struct {
		const char *name;
		bool holds;
	} rows[] = {
		{ "range 0+4G", false },
		{ "range 0+0x100000001", true },
		{ "range 4G+1", true },
		{ "range 0x100000001+1G", false },
		{ "node 0", false },
		{ "node 1", true },
		/* Nobody knows who owns it. */
		{ "owner System RAM", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct scope scope = parse(rows[i].name);

		assert_int_equal(scope_holds(&scope, &snapshot, &block), rows[i].holds);
	}
}

/* As read from memory that something wrote over. */
static void what_is_no_kind_is_nowhere(void **state)
{
	struct snapshot snapshot = { .block_size_bytes = BLOCK_SIZE };
	struct scope none = { .kind = SCOPE_KINDS };
	struct block block = { .index = 0 };

	(void)state;
	assert_false(scope_collides(&none, &none));
	assert_false(scope_holds(&none, &snapshot, &block));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_names_leave_the_scope_alone),
		cmocka_unit_test(names_are_written_as_they_are_read),
		cmocka_unit_test(only_one_kind_collides),
		cmocka_unit_test(a_block_is_where_its_first_byte_is),
		cmocka_unit_test(what_is_no_kind_is_nowhere),
	};

	return cmocka_run_group_tests_name("place", tests, NULL, NULL);
}
