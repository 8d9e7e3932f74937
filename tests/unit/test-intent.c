/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "core/intent.h"

#define BLOCKS 4

struct fixture {
	void *memory;
	size_t bytes;
	struct intent *intent;
};

static int set_up(void **state)
{
	struct fixture *fixture = test_alloc(sizeof(*fixture));

	fixture->bytes = intent_size(BLOCKS);
	fixture->memory = test_alloc(fixture->bytes);
	memset(fixture->memory, 0xa5, fixture->bytes);
	fixture->intent = intent_attach(fixture->memory, fixture->bytes, "boot-1");
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	intent_free(fixture->intent);
	free(fixture->memory);
	free(fixture);
	return 0;
}

/* As an agent that was killed leaves it, and the next one finds it. */
static void restart(struct fixture *fixture, const char *boot_id)
{
	intent_free(fixture->intent);
	fixture->intent = intent_attach(fixture->memory, fixture->bytes, boot_id);
	assert_non_null(fixture->intent);
}

static struct block make(uint64_t index, uint64_t identity, uint8_t marks)
{
	struct block block = { .index = index, .identity = identity, .marks = marks };

	return block;
}

/* The marks that a restarted agent has of this block. */
static uint8_t recalled(struct fixture *fixture, uint64_t index, uint64_t identity)
{
	struct block block = make(index, identity, 0);
	struct snapshot snapshot = SNAPSHOT_INIT;
	uint8_t marks;

	assert_int_equal(snapshot_add_block(&snapshot, &block), 0);
	intent_recall(fixture->intent, &snapshot);
	marks = snapshot.blocks[0].marks;
	snapshot_free(&snapshot);
	return marks;
}

static void another_boot_knows_nothing(void **state)
{
	struct block block = make(32, 7, BLOCK_MARK_WAS_ONLINE);
	struct fixture *fixture = *state;

	assert_true(intent_remember(fixture->intent, &block));
	restart(fixture, "boot-2");
	assert_int_equal(recalled(fixture, 32, 7), 0);
	restart(fixture, "boot-1");
	assert_int_equal(recalled(fixture, 32, 7), 0);
}

static void no_boot_id_is_a_new_start(void **state)
{
	struct block block = make(32, 7, BLOCK_MARK_WAS_ONLINE);
	struct fixture *fixture = *state;

	restart(fixture, "");
	assert_true(intent_remember(fixture->intent, &block));
	restart(fixture, "");
	assert_int_equal(recalled(fixture, 32, 7), 0);
}

static void another_directory_inherits_nothing(void **state)
{
	struct block block = make(32, 7, BLOCK_MARK_WAS_ONLINE);
	struct fixture *fixture = *state;

	assert_true(intent_remember(fixture->intent, &block));
	restart(fixture, "boot-1");
	assert_int_equal(recalled(fixture, 32, 8), 0);
	/* and it is forgotten then: the old one cannot come back */
	assert_int_equal(recalled(fixture, 32, 7), 0);
}

static void the_same_block_is_known_again(void **state)
{
	struct block block = make(32, 7, BLOCK_MARK_WAS_ONLINE | BLOCK_MARK_FAILED);
	struct fixture *fixture = *state;

	assert_true(intent_remember(fixture->intent, &block));
	block.marks |= BLOCK_MARK_PLACED_BY_US;
	assert_true(intent_remember(fixture->intent, &block));
	restart(fixture, "boot-1");
	/* A refusal is nothing to remember. */
	assert_int_equal(recalled(fixture, 32, 7),
			 BLOCK_MARK_WAS_ONLINE | BLOCK_MARK_PLACED_BY_US);
}

/* Once as known, once more under the same number, and one that is there. */
static void what_is_gone_is_known_until_it_is_forgotten(void **state)
{
	struct fixture *fixture = *state;
	struct block there = make(31, 6, BLOCK_MARK_WAS_ONLINE);
	struct block gone = make(32, 7, BLOCK_MARK_WAS_ONLINE);
	struct snapshot now = SNAPSHOT_INIT, found = SNAPSHOT_INIT;

	gone.node = 0xfffe;
	assert_true(intent_remember(fixture->intent, &there));
	assert_true(intent_remember(fixture->intent, &gone));
	gone = make(32, 8, 0);
	gone.node = BLOCK_NODE_UNKNOWN;
	gone.unreported = true;
	assert_true(intent_remember(fixture->intent, &gone));
	restart(fixture, "boot-1");
	there.slot = 0;
	assert_int_equal(snapshot_add_block(&now, &there), 0);
	intent_recall(fixture->intent, &now);
	assert_int_equal(intent_gone(fixture->intent, &now, &found), 0);
	assert_int_equal(found.count, 2);
	assert_int_equal(found.blocks[0].index, 32);
	assert_int_equal(found.blocks[0].node, 0xfffe);
	assert_int_equal(found.blocks[0].marks, BLOCK_MARK_WAS_ONLINE);
	assert_int_equal(found.blocks[1].index, 32);
	assert_int_equal(found.blocks[1].node, BLOCK_NODE_UNKNOWN);
	assert_true(found.blocks[1].unreported);
	intent_forget_gone(fixture->intent, &now);
	snapshot_clear(&found);
	assert_int_equal(intent_gone(fixture->intent, &now, &found), 0);
	assert_int_equal(found.count, 0);
	assert_int_equal(recalled(fixture, 31, 6), BLOCK_MARK_WAS_ONLINE);
	snapshot_free(&now);
	snapshot_free(&found);
}

static void a_number_that_is_no_memory_s_has_no_room(void **state)
{
	struct fixture *fixture = *state;
	struct block block = make(UINT64_MAX >> 24, 7, BLOCK_MARK_WAS_ONLINE);

	assert_false(intent_remember(fixture->intent, &block));
	block.index--;
	assert_true(intent_remember(fixture->intent, &block));
	assert_int_equal(recalled(fixture, block.index, 7), BLOCK_MARK_WAS_ONLINE);
}

static void without_identity_nothing_is_known_again(void **state)
{
	struct block block = make(32, 0, BLOCK_MARK_WAS_ONLINE);
	struct fixture *fixture = *state;

	assert_true(intent_remember(fixture->intent, &block));
	restart(fixture, "boot-1");
	assert_int_equal(recalled(fixture, 32, 0), 0);
}

static void slots_come_back(void **state)
{
	struct fixture *fixture = *state;
	struct block blocks[BLOCKS + 1];
	size_t i, round;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < BLOCKS; i++) {
			blocks[i] = make(i, i + 1, BLOCK_MARK_WAS_ONLINE);
			assert_true(intent_remember(fixture->intent, &blocks[i]));
		}
		blocks[i] = make(i, i + 1, BLOCK_MARK_WAS_ONLINE);
		assert_false(intent_remember(fixture->intent, &blocks[BLOCKS]));
		assert_false(intent_remember(fixture->intent, &blocks[BLOCKS]));
		intent_forget(fixture->intent, &blocks[1]);
		assert_true(intent_remember(fixture->intent, &blocks[BLOCKS]));
		blocks[1].slot = 0;
		for (i = 0; i < BLOCKS + 1; i++)
			intent_forget(fixture->intent, &blocks[i]);
	}
}

static void garbage_is_a_new_start(void **state)
{
	struct fixture *fixture = *state;
	unsigned seed = 1;
	size_t i;

	for (i = 0; i < 2000; i++) {
		unsigned char *bytes = fixture->memory;

		seed = seed * 1103515245 + 12345;
		bytes[(seed >> 8) % fixture->bytes] ^= (unsigned char)(seed >> 24);
		restart(fixture, "boot-1");
		recalled(fixture, i, 7);
		intent_setting_changed(fixture->intent, INTENT_AUTO_ONLINE, "online");
	}
}

/* --- settings */

#define AUTO INTENT_AUTO_ONLINE

static void what_is_first_seen_is_expected(void **state)
{
	struct fixture *fixture = *state;

	assert_false(intent_setting_changed(fixture->intent, AUTO, "online"));
	assert_true(intent_setting_changed(fixture->intent, AUTO, "offline"));
	assert_false(intent_setting_changed(fixture->intent, AUTO, "online"));
	restart(fixture, "boot-1");
	assert_true(intent_setting_changed(fixture->intent, AUTO, "offline"));
	assert_null(intent_found(fixture->intent, AUTO));
}

static void an_own_value_is_no_administrator_s(void **state)
{
	struct fixture *fixture = *state;

	assert_false(intent_setting_changed(fixture->intent, AUTO, "online"));
	intent_change_begin(fixture->intent, AUTO, "online", "offline");
	/* killed before or after the write: either value may be there */
	restart(fixture, "boot-1");
	assert_false(intent_setting_changed(fixture->intent, AUTO, "online"));
	assert_false(intent_setting_changed(fixture->intent, AUTO, "offline"));
	intent_change_done(fixture->intent, AUTO);
	restart(fixture, "boot-1");
	assert_false(intent_setting_changed(fixture->intent, AUTO, "offline"));
	assert_string_equal(intent_found(fixture->intent, AUTO), "online");
	/* from here on it is one */
	assert_true(intent_setting_changed(fixture->intent, AUTO, "online"));
}

static void a_second_change_keeps_what_was_found(void **state)
{
	struct fixture *fixture = *state;

	intent_setting_changed(fixture->intent, AUTO, "online");
	intent_change_begin(fixture->intent, AUTO, "online", "offline");
	intent_change_done(fixture->intent, AUTO);
	intent_change_begin(fixture->intent, AUTO, "offline", "online_movable");
	intent_change_done(fixture->intent, AUTO);
	assert_string_equal(intent_found(fixture->intent, AUTO), "online");
	intent_change_over(fixture->intent, AUTO, "online");
	assert_null(intent_found(fixture->intent, AUTO));
	assert_false(intent_setting_changed(fixture->intent, AUTO, "online"));
}

/*
 * A file, and what the next agent finds in it if this one is killed after each store, or in the
 * midst of one.
 */
struct file {
	char *memory, *bytes, *copy;
	size_t size, stores;
};

/* Every block has its index as its identity, and one mark or both. */
static void attach_copy(const struct file *file)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	struct intent *intent;
	uint64_t i;

	memcpy(file->copy, file->bytes, file->size);
	intent = intent_attach(file->copy, file->size, "boot-1");
	assert_non_null(intent);
	assert_string_equal(intent_expected(intent, INTENT_AUTO_ONLINE), "offline");
	for (i = 1; i < 8; i++) {
		struct block block = make(i, i == 7 ? 8 : i, 0);

		assert_int_equal(snapshot_add_block(&snapshot, &block), 0);
	}
	intent_recall(intent, &snapshot);
	for (i = 0; i < 6; i++)
		assert_true(!snapshot.blocks[i].slot || snapshot.blocks[i].marks);
	assert_int_equal(snapshot.blocks[6].marks, 0);
	snapshot_free(&snapshot);
	intent_free(intent);
}

#define SLOT 16UL /* of slots the kernel writes whole ones: none lies in two pages */

static void keep(void *data, const void *start, size_t bytes)
{
	struct file *file = data;
	size_t at = (size_t)((const char *)start - file->memory), end = at + bytes;
	size_t piece = at < file->size - BLOCKS * SLOT ? bytes : SLOT - at % SLOT;

	file->stores++;
	for (; at < end; at += piece, piece = SLOT) {
		if (piece > end - at)
			piece = end - at;
		memcpy(file->bytes + at, file->memory + at, piece);
		attach_copy(file);
	}
}

/* Some at once, most alone. */
static void change(struct intent *intent, struct block blocks[8], unsigned *seed)
{
	int count = rand_r(seed) % 4 ? 1 : 5;
	bool at_once = count > 1;

	if (at_once)
		intent_hold(intent);
	for (; count; count--) {
		struct block *block = &blocks[1 + rand_r(seed) % 7];

		block->marks = rand_r(seed) % 2
				       ? BLOCK_MARK_WAS_ONLINE
				       : BLOCK_MARK_WAS_ONLINE | BLOCK_MARK_ADDED;
		if (rand_r(seed) % 3)
			intent_remember(intent, block);
		else
			intent_forget(intent, block);
	}
	if (at_once)
		intent_release(intent);
}

static void is_whole_after_each_store(void **state)
{
	struct fixture *fixture = *state;
	struct file file = { .memory = fixture->memory, .size = fixture->bytes };
	struct store store = { keep, &file };
	struct block blocks[8];
	unsigned seed = 1, i;

	file.bytes = test_alloc(file.size);
	file.copy = test_alloc(file.size);
	intent_setting_changed(fixture->intent, INTENT_AUTO_ONLINE, "offline");
	memcpy(file.bytes, file.memory, file.size);
	intent_keep_in(fixture->intent, &store);
	for (i = 0; i < 8; i++)
		blocks[i] = make(i, i, BLOCK_MARK_WAS_ONLINE);
	for (i = 0; i < 3000; i++) {
		change(fixture->intent, blocks, &seed);
		assert_memory_equal(file.bytes, file.memory, file.size);
	}
	intent_change_begin(fixture->intent, INTENT_MOVABLE_RATIO, "301", "100");
	intent_change_done(fixture->intent, INTENT_MOVABLE_RATIO);
	assert_memory_equal(file.bytes, file.memory, file.size);
	free(file.bytes);
	free(file.copy);
}

static void many_are_stored_at_once(void **state)
{
	struct fixture *fixture = *state;
	struct file file = { .memory = fixture->memory, .size = fixture->bytes };
	struct store store = { keep, &file };
	struct block blocks[8];
	size_t before;
	uint64_t i;

	file.bytes = test_alloc(file.size);
	file.copy = test_alloc(file.size);
	intent_setting_changed(fixture->intent, INTENT_AUTO_ONLINE, "offline");
	memcpy(file.bytes, file.memory, file.size);
	intent_keep_in(fixture->intent, &store);
	before = file.stores;
	intent_hold(fixture->intent);
	for (i = 1; i <= BLOCKS; i++) {
		blocks[i] = make(i, i, BLOCK_MARK_WAS_ONLINE);
		assert_true(intent_remember(fixture->intent, &blocks[i]));
	}
	assert_int_equal(file.stores, before);
	assert_int_equal(intent_size(0) % SLOT, 0);
	assert_int_equal(intent_size(1) - intent_size(0), SLOT);
	intent_release(fixture->intent);
	assert_int_equal(file.stores, before + 2);
	assert_memory_equal(file.bytes, file.memory, file.size);
	/* The next one alone, and what changes nothing not at all. */
	intent_hold(fixture->intent);
	assert_true(intent_remember(fixture->intent, &blocks[1]));
	intent_release(fixture->intent);
	assert_int_equal(file.stores, before + 2);
	blocks[2].marks |= BLOCK_MARK_ADDED;
	assert_true(intent_remember(fixture->intent, &blocks[2]));
	assert_int_equal(file.stores, before + 3);
	free(file.bytes);
	free(file.copy);
}

static void a_value_that_is_no_text_is_a_new_start(void **state)
{
	struct fixture *fixture = *state;
	char *found;

	intent_change_begin(fixture->intent, INTENT_MOVABLE_RATIO, "found-there", "100");
	found = memmem(fixture->memory, fixture->bytes, "found-there", 11);
	assert_non_null(found);
	restart(fixture, "boot-1");
	assert_string_equal(intent_found(fixture->intent, INTENT_MOVABLE_RATIO),
			    "found-there");
	found[3] = '\n';
	restart(fixture, "boot-1");
	assert_null(intent_found(fixture->intent, INTENT_MOVABLE_RATIO));
}

/* What reads it would go on behind it. */
static void a_value_without_an_end_is_a_new_start(void **state)
{
	struct fixture *fixture = *state;
	char *found;

	intent_change_begin(fixture->intent, INTENT_MOVABLE_RATIO, "found-there", "100");
	found = memmem(fixture->memory, fixture->bytes, "found-there", 11);
	assert_non_null(found);
	memset(found, 'x', INTENT_VALUE_SIZE - 1);
	restart(fixture, "boot-1");
	assert_int_equal(strlen(intent_found(fixture->intent, INTENT_MOVABLE_RATIO)),
			 INTENT_VALUE_SIZE - 1);
	found[INTENT_VALUE_SIZE - 1] = 'x';
	restart(fixture, "boot-1");
	assert_null(intent_found(fixture->intent, INTENT_MOVABLE_RATIO));
}

static void count_stores(void *data, const void *start, size_t bytes)
{
	(void)start;
	(void)bytes;
	(*(size_t *)data)++;
}

/* A free slot among the others is none to be freed. */
static void nothing_is_stored_where_nothing_is_gone(void **state)
{
	struct fixture *fixture = *state;
	struct block gone = make(1, 1, BLOCK_MARK_WAS_ONLINE);
	struct block there = make(2, 2, BLOCK_MARK_WAS_ONLINE);
	struct snapshot snapshot = SNAPSHOT_INIT;
	size_t stores = 0, before;
	const struct store store = { count_stores, &stores };

	intent_keep_in(fixture->intent, &store);
	assert_true(intent_remember(fixture->intent, &gone));
	assert_true(intent_remember(fixture->intent, &there));
	assert_int_equal(snapshot_add_block(&snapshot, &there), 0);
	before = stores;
	intent_forget_gone(fixture->intent, &snapshot);
	assert_true(stores > before);
	before = stores;
	intent_forget_gone(fixture->intent, &snapshot);
	assert_int_equal(stores, before);
	snapshot_free(&snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(another_boot_knows_nothing, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(no_boot_id_is_a_new_start, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(another_directory_inherits_nothing,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_same_block_is_known_again, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(without_identity_nothing_is_known_again,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			what_is_gone_is_known_until_it_is_forgotten, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_number_that_is_no_memory_s_has_no_room,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(slots_come_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(garbage_is_a_new_start, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(is_whole_after_each_store, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(many_are_stored_at_once, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_value_that_is_no_text_is_a_new_start,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_value_without_an_end_is_a_new_start,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_is_stored_where_nothing_is_gone,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_is_first_seen_is_expected, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(an_own_value_is_no_administrator_s,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_second_change_keeps_what_was_found,
						set_up, tear_down),
	};

	return cmocka_run_group_tests_name("intent", tests, NULL, NULL);
}
