/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "core/block.h"
#include "core/reason.h"

static void parses_states(void **state)
{
	static const struct {
		const char *text;
		enum block_state state;
	} rows[] = {
		{ "", BLOCK_UNREADABLE },
		{ "\n", BLOCK_UNREADABLE },
		{ "on", BLOCK_UNREADABLE },
		{ "onlinee", BLOCK_UNREADABLE },
		{ "absent", BLOCK_UNREADABLE }, /* ours, never the kernel's */
		{ "unreadable", BLOCK_UNREADABLE },
		{ "online\n", BLOCK_ONLINE },
		{ "online", BLOCK_ONLINE },
		{ "offline\n", BLOCK_OFFLINE },
		/* qemu-ga reads this one as offline */
		{ "going-offline\n", BLOCK_GOING_OFFLINE },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(block_state_parse(rows[i].text, strlen(rows[i].text)),
				 rows[i].state);
	/* The length counts, not a NUL behind it. */
	assert_int_equal(block_state_parse("offline", 3), BLOCK_UNREADABLE);
}

static void parses_words(void **state)
{
	enum online_type word = ONLINE_TYPE_OFFLINE;

	(void)state;
	assert_false(online_type_parse("", &word));
	assert_false(online_type_parse("none", &word));
	assert_false(online_type_parse("online_mov", &word));
	assert_int_equal(word, ONLINE_TYPE_OFFLINE);
	assert_true(online_type_parse("online_movable", &word));
	assert_int_equal(word, ONLINE_TYPE_ONLINE_MOVABLE);
}

static void parses_zones(void **state)
{
	struct block block = { .state = BLOCK_OFFLINE };
	enum block_zone zone = BLOCK_ZONE_DMA;

	(void)state;
	block_zones_parse(&block, "none\n", 5);
	assert_int_equal(block.zone_count, 0);
	block_zones_parse(&block, "Movable Strange Normal\n", 23);
	assert_int_equal(block.zone_count, 2);
	assert_int_equal(block.zones[0], BLOCK_ZONE_MOVABLE);
	assert_int_equal(block.zones[1], BLOCK_ZONE_NORMAL);
	/* More than there is room for. */
	block_zones_parse(&block, "DMA DMA32 Normal Movable Device", 31);
	assert_int_equal(block.zone_count, BLOCK_ZONES_MAX);
	assert_false(block_zone_parse("unknown", &zone));
	assert_true(block_zone_parse("Device", &zone));
	assert_int_equal(zone, BLOCK_ZONE_DEVICE);
}

static void names_the_zone_of_online_blocks_only(void **state)
{
	struct block block = { .state = BLOCK_OFFLINE, .zone_count = 1 };

	(void)state;
	block.zones[0] = BLOCK_ZONE_NORMAL;
	assert_int_equal(block_zone_now(&block), BLOCK_ZONE_UNKNOWN);
	block.state = BLOCK_ONLINE;
	assert_int_equal(block_zone_now(&block), BLOCK_ZONE_NORMAL);
	/* 3.18 to 4.12 list where an online block could be moved to. */
	block.zone_count = 2;
	assert_int_equal(block_zone_now(&block), BLOCK_ZONE_UNKNOWN);
}

static void a_zone_that_is_not_known_has_not_changed(void **state)
{
	struct block normal = { .state = BLOCK_ONLINE, .zone_count = 1 };
	struct block movable = normal, unknown = { .state = BLOCK_ONLINE };

	(void)state;
	normal.zones[0] = BLOCK_ZONE_NORMAL;
	movable.zones[0] = BLOCK_ZONE_MOVABLE;
	assert_true(block_same_zone(&normal, &normal));
	assert_false(block_same_zone(&normal, &movable));
	assert_true(block_same_zone(&normal, &unknown));
	assert_true(block_same_zone(&unknown, &movable));
	/* It is there until it is off. */
	movable.state = BLOCK_GOING_OFFLINE;
	assert_false(block_same_zone(&normal, &movable));
	movable.zone_count = 2;
	assert_true(block_same_zone(&normal, &movable));
	movable.zone_count = 1;
	movable.state = BLOCK_OFFLINE;
	assert_true(block_same_zone(&normal, &movable));
}

static void has_a_text_for_everything(void **state)
{
	int i;

	(void)state;
	assert_string_equal(block_state_word(BLOCK_STATES), "unreadable");
	assert_string_equal(online_type_text(ONLINE_TYPES), "none");
	assert_string_equal(block_zone_word(BLOCK_ZONES), "unknown");
	assert_string_equal(reason_text(REASONS), "none");
	for (i = 0; i < REASONS; i++)
		assert_true(strlen(reason_text((enum reason)i)) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parses_states),
		cmocka_unit_test(parses_words),
		cmocka_unit_test(parses_zones),
		cmocka_unit_test(names_the_zone_of_online_blocks_only),
		cmocka_unit_test(a_zone_that_is_not_known_has_not_changed),
		cmocka_unit_test(has_a_text_for_everything),
	};

	return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
