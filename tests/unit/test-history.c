/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdlib.h>

#include "core/history.h"

#define BLOCKS 4
#define ALL_MARKS 0xff

struct fixture {
	void *memory;
	struct history history;
	struct snapshot before, now;
};

static int set_up(void **state)
{
	struct fixture *fixture = test_alloc(sizeof(*fixture));

	fixture->memory = test_alloc(intent_size(BLOCKS));
	fixture->history.intent =
		intent_attach(fixture->memory, intent_size(BLOCKS), "boot");
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	intent_free(fixture->history.intent);
	free(fixture->memory);
	snapshot_free(&fixture->before);
	snapshot_free(&fixture->now);
	free(fixture);
	return 0;
}

static struct block *add(struct snapshot *snapshot, uint64_t index,
			 enum block_state state)
{
	struct block block = { .index = index,
			       .state = (uint8_t)state,
			       .identity = index + 1 };

	assert_int_equal(snapshot_add_block(snapshot, &block), 0);
	return &snapshot->blocks[snapshot->count - 1];
}

static void inherits_by_block(void **state)
{
	struct fixture *fixture = *state;
	struct snapshot *first = &fixture->before, *second = &fixture->now;

	add(first, 2, BLOCK_ONLINE)->marks = BLOCK_MARK_WAS_ONLINE;
	add(first, 4, BLOCK_ONLINE)->reason = 3;
	add(second, 1, BLOCK_OFFLINE);
	add(second, 2, BLOCK_UNREADABLE);
	add(second, 4, BLOCK_OFFLINE);
	add(second, 7, BLOCK_OFFLINE);
	history_inherit(second, first);
	assert_int_equal(second->blocks[0].marks, 0);
	assert_int_equal(second->blocks[1].marks, BLOCK_MARK_WAS_ONLINE);
	assert_int_equal(history_known(&second->blocks[1]).state, BLOCK_ONLINE);
	assert_int_equal(second->blocks[2].reason, 3);
	assert_int_equal(second->blocks[3].reason, 0);
	/* Twice unreadable: what was known at first counts. */
	history_inherit(first, second);
	first->blocks[0].state = BLOCK_UNREADABLE;
	history_inherit(first, second);
	assert_int_equal(first->blocks[0].known, BLOCK_ONLINE);
	assert_int_equal(history_known(NULL).state, BLOCK_ABSENT);
}

static void doubts_what_may_be_another(void **state)
{
	const struct {
		enum block_state state, old;
		uint8_t marks;
		bool has_identity, is_first, doubt;
	} rows[] = {
		{ BLOCK_ONLINE, BLOCK_ONLINE, BLOCK_MARK_WAS_ONLINE, true, false, false },
		{ BLOCK_ONLINE, BLOCK_ONLINE, 0, false, false, true },
		{ BLOCK_OFFLINE, BLOCK_OFFLINE, 0, true, false, true },
		{ BLOCK_ONLINE, BLOCK_ONLINE, BLOCK_MARK_WAS_ONLINE, true, false, false },
		{ BLOCK_OFFLINE, BLOCK_OFFLINE, BLOCK_MARK_WAS_ONLINE, true, false,
		  true },
		{ BLOCK_ONLINE, BLOCK_UNREADABLE, 0, true, false, true },
		{ BLOCK_ONLINE, BLOCK_OFFLINE, 0, true, false, true },
		{ BLOCK_UNREADABLE, BLOCK_ONLINE, 0, false, false, false },
		{ BLOCK_UNREADABLE, BLOCK_ABSENT, 0, false, true, true },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct block block = { .state = (uint8_t)rows[i].state,
				       .marks = rows[i].marks,
				       .identity = rows[i].has_identity };
		struct block old = { .state = (uint8_t)rows[i].old };

		assert_int_equal(history_in_doubt(&block, rows[i].old ? &old : NULL,
						  rows[i].is_first),
				 rows[i].doubt);
	}
}

/* Events were lost: another block may be there, and online already. */
static void doubts_all_that_is_online(void **state)
{
	struct fixture *fixture = *state;
	struct snapshot *now = &fixture->now;

	add(now, 1, BLOCK_ONLINE);
	add(now, 2, BLOCK_OFFLINE);
	add(now, 3, BLOCK_GOING_OFFLINE);
	add(now, 4, BLOCK_ONLINE);
	history_doubt_all(now);
	assert_true(now->blocks[0].is_doubted);
	assert_false(now->blocks[1].is_doubted);
	assert_false(now->blocks[2].is_doubted);
	assert_true(now->blocks[3].is_doubted);
}

static void another_directory_is_another_block(void **state)
{
	struct fixture *fixture = *state;
	struct block *block = add(&fixture->now, 32, BLOCK_OFFLINE);

	block->marks = ALL_MARKS;
	block->unreported = true;
	block->reason = REASON_ASKED;
	assert_false(history_identify(&fixture->history, block, 0, 12));
	assert_false(history_identify(&fixture->history, block, 33, 12));
	assert_int_equal(block->marks, ALL_MARKS);
	assert_true(history_identify(&fixture->history, block, 7, 12));
	assert_int_equal(block->marks, 0);
	assert_int_equal(block->identity_seqnum, 12);
	assert_false(block->unreported);
	assert_int_equal(block->reason, REASON_NONE);
	assert_int_equal(block->identity, 7);
	history_forget(&fixture->history, block);
	/* The first answer is not another block. */
	assert_false(history_identify(&fixture->history, block, 8, 12));
	assert_int_equal(block->marks, 0);
}

/* The block as a new agent of this boot finds it. */
static struct block recalled(struct fixture *fixture, const struct block *block,
			     enum block_state state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	struct block found;

	add(&snapshot, block->index, state);
	history_recall(&fixture->history, &snapshot);
	found = snapshot.blocks[0];
	snapshot_free(&snapshot);
	return found;
}

static void updates_with_what_is_seen(void **state)
{
	struct fixture *fixture = *state;
	struct snapshot *before = &fixture->before, *now = &fixture->now;
	struct block *block;

	now->uevent_seqnum = 9;
	add(before, 1, BLOCK_ONLINE);
	add(before, 2, BLOCK_OFFLINE);
	add(before, 5, BLOCK_OFFLINE);
	add(now, 1, BLOCK_ONLINE);
	add(now, 2, BLOCK_ONLINE);
	add(now, 3, BLOCK_OFFLINE);
	add(now, 4, BLOCK_ONLINE);
	add(now, 5, BLOCK_OFFLINE);
	history_update(&fixture->history, now, before);
	block = now->blocks;
	assert_int_equal(block[0].marks, BLOCK_MARK_WAS_ONLINE);
	assert_false(block[0].unreported);
	assert_int_equal(block[1].marks, BLOCK_MARK_WAS_ONLINE);
	assert_true(block[1].unreported);
	assert_int_equal(block[1].known_seqnum, 9);
	assert_int_equal(block[2].marks, BLOCK_MARK_ADDED);
	assert_int_equal(block[2].known_seqnum, 9);
	/* It may have been replaced unseen: its directory was not looked at. */
	assert_int_equal(block[4].known_seqnum, 0);
	assert_int_equal(block[3].marks, BLOCK_MARK_ADDED | BLOCK_MARK_WAS_ONLINE);
	/* The next agent must know whether the report is missing. */
	assert_true(recalled(fixture, &block[1], BLOCK_ONLINE).unreported);
	fixture->history.is_full = false;
}

static void at_first_only_the_offline_have_come(void **state)
{
	struct fixture *fixture = *state;

	add(&fixture->now, 1, BLOCK_ONLINE);
	add(&fixture->now, 2, BLOCK_OFFLINE);
	add(&fixture->now, 3, BLOCK_UNREADABLE);
	history_update(&fixture->history, &fixture->now, NULL);
	assert_int_equal(fixture->now.blocks[0].marks, BLOCK_MARK_WAS_ONLINE);
	assert_false(fixture->now.blocks[0].unreported);
	assert_int_equal(fixture->now.blocks[1].marks, BLOCK_MARK_ADDED);
	assert_int_equal(fixture->now.blocks[2].marks, 0);
	/* The first that can be read of it: it came. */
	add(&fixture->before, 3, BLOCK_OFFLINE);
	history_update(&fixture->history, &fixture->before, &fixture->now);
	assert_int_equal(fixture->before.blocks[0].marks, BLOCK_MARK_ADDED);
}

static void an_identity_that_is_known_late_is_stored(void **state)
{
	struct fixture *fixture = *state;
	struct block *block = add(&fixture->now, 1, BLOCK_UNREADABLE);

	block->identity = 0;
	history_update(&fixture->history, &fixture->now, &fixture->before);
	assert_int_equal(block->marks, BLOCK_MARK_ADDED);
	add(&fixture->before, 1, BLOCK_UNREADABLE)->marks = BLOCK_MARK_ADDED;
	block->state = BLOCK_OFFLINE;
	history_identify(&fixture->history, block, 2, 12);
	history_update(&fixture->history, &fixture->now, &fixture->before);
	assert_int_equal(recalled(fixture, block, BLOCK_OFFLINE).marks, BLOCK_MARK_ADDED);
}

static void a_report_is_missing_until_it_is_written(void **state)
{
	struct fixture *fixture = *state;
	struct block *block = add(&fixture->now, 1, BLOCK_ONLINE);
	struct report_builder_entry entry = { .range = { .start = 128, .size = 128 } };
	struct report_builder held = { .entries = &entry, .count = 1 };

	add(&fixture->before, 1, BLOCK_OFFLINE);
	history_update(&fixture->history, &fixture->now, &fixture->before);
	assert_true(block->unreported);
	fixture->now.block_size_bytes = 128;
	history_reported(&fixture->history, &fixture->now, &held);
	assert_true(block->unreported);
	held.count = 0;
	history_reported(&fixture->history, &fixture->now, &held);
	assert_false(block->unreported);
	assert_false(recalled(fixture, block, BLOCK_ONLINE).unreported);
}

static void says_when_there_is_no_room(void **state)
{
	struct fixture *fixture = *state;
	struct report_builder nothing = { .count = 0 };
	uint64_t i;

	for (i = 0; i < BLOCKS + 1; i++)
		history_note_online(&fixture->history,
				    add(&fixture->now, i, BLOCK_ONLINE));
	assert_true(fixture->history.is_full);
	fixture->history.is_full = false;
	history_forget(&fixture->history, &fixture->now.blocks[0]);
	/* Not before its removal is reported. */
	history_note_online(&fixture->history, &fixture->now.blocks[BLOCKS]);
	assert_true(fixture->history.is_full);
	fixture->history.is_full = false;
	history_reported(&fixture->history, &fixture->now, &nothing);
	history_note_online(&fixture->history, &fixture->now.blocks[BLOCKS]);
	assert_false(fixture->history.is_full);
	/* A dry run stores nothing. */
	fixture->history.is_dry_run = true;
	history_note_online(&fixture->history, &fixture->now.blocks[0]);
	assert_false(fixture->history.is_full);
}

static void a_move_that_was_cut_is_nobodys_wish(void **state)
{
	struct fixture *fixture = *state;
	struct block *block = add(&fixture->now, 1, BLOCK_ONLINE), found;

	history_note_online(&fixture->history, block);
	history_begin_move(&fixture->history, block);
	found = recalled(fixture, block, BLOCK_OFFLINE);
	assert_int_equal(found.marks, BLOCK_MARK_PLACED_BY_US);
	history_begin_move(&fixture->history, block);
	found = recalled(fixture, block, BLOCK_ONLINE);
	assert_int_equal(found.marks, BLOCK_MARK_WAS_ONLINE);
	found = recalled(fixture, block, BLOCK_UNREADABLE);
	assert_int_equal(history_known(&found).state, BLOCK_ONLINE);
}

static void results_of_writes(void **state)
{
	const struct {
		enum block_state to;
		enum online_type word;
		int error;
		enum reason reason;
		uint8_t before, after;
	} rows[] = {
		{ BLOCK_ONLINE, ONLINE_TYPE_ONLINE, 0, REASON_NONE,
		  BLOCK_MARK_RETRYING | BLOCK_MARK_FAILED | BLOCK_MARK_FALLBACK,
		  BLOCK_MARK_WAS_ONLINE | BLOCK_MARK_PLACED_BY_US },
		{ BLOCK_ONLINE, ONLINE_TYPE_ONLINE, -22, REASON_ONLINED_ELSEWHERE,
		  BLOCK_MARK_ADDED, BLOCK_MARK_ADDED | BLOCK_MARK_WAS_ONLINE },
		{ BLOCK_ONLINE, ONLINE_TYPE_ONLINE_MOVABLE, -22, REASON_ZONE_DIFFERS,
		  BLOCK_MARK_PLACED_BY_US, BLOCK_MARK_WAS_ONLINE | BLOCK_MARK_ZONE_LOST },
		{ BLOCK_OFFLINE, ONLINE_TYPE_ONLINE, -22, REASON_REFUSED,
		  BLOCK_MARK_RETRYING, BLOCK_MARK_FAILED },
		{ BLOCK_OFFLINE, ONLINE_TYPE_OFFLINE, -16, REASON_REFUSED,
		  BLOCK_MARK_WAS_ONLINE, BLOCK_MARK_WAS_ONLINE },
	};
	struct fixture *fixture = *state;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct block block = { .index = i,
				       .state = (uint8_t)rows[i].to,
				       .marks = rows[i].before };
		struct report_range result = { .reason = (uint8_t)rows[i].reason,
					       .result = rows[i].error ? REPORT_FAILED
								       : REPORT_SUCCESS };

		history_written(&fixture->history, &block, rows[i].word, rows[i].error,
				&result);
		assert_int_equal(block.marks, rows[i].after);
	}
}

/* Written to, and another program takes it offline at once. */
static void what_goes_offline_at_once_was_online(void **state)
{
	struct fixture *fixture = *state;
	struct block block = { .index = 1, .state = BLOCK_GOING_OFFLINE };
	struct report_range result = { .result = REPORT_SUCCESS };

	history_written(&fixture->history, &block, ONLINE_TYPE_ONLINE, 0, &result);
	assert_int_equal(block.marks, BLOCK_MARK_WAS_ONLINE | BLOCK_MARK_PLACED_BY_US);
	assert_true(block.slot);
}

/* What failed since the block went is not held against the next one with its number. */
static void a_write_to_what_is_gone_leaves_nothing(void **state)
{
	struct fixture *fixture = *state;
	struct block block = { .index = 1, .state = BLOCK_ABSENT };
	struct report_range result = { .result = REPORT_FAILED };

	history_written(&fixture->history, &block, ONLINE_TYPE_ONLINE, -ENOENT, &result);
	assert_int_equal(block.marks, 0);
	block.state = BLOCK_OFFLINE;
	history_written(&fixture->history, &block, ONLINE_TYPE_ONLINE, -ENOENT, &result);
	assert_int_equal(block.marks, BLOCK_MARK_FAILED);
}

static void what_is_going_offline_keeps_its_zone(void **state)
{
	struct fixture *fixture = *state;
	struct block *before = add(&fixture->before, 2, BLOCK_ONLINE);
	struct block *now = add(&fixture->now, 2, BLOCK_GOING_OFFLINE);

	before->zone_count = 1;
	before->zones[0] = BLOCK_ZONE_MOVABLE;
	history_inherit(&fixture->now, &fixture->before);
	assert_int_equal(now->zone_count, 1);
	assert_int_equal(now->zones[0], BLOCK_ZONE_MOVABLE);
	/* That of one that was offline is where it could have gone. */
	before->state = BLOCK_OFFLINE;
	now->zone_count = 0;
	history_inherit(&fixture->now, &fixture->before);
	assert_int_equal(now->zone_count, 0);
}

static void a_zone_is_lost_once(void **state)
{
	struct block block = { .marks = BLOCK_MARK_PLACED_BY_US };

	(void)state;
	history_lose_zone(&block);
	assert_int_equal(block.marks, BLOCK_MARK_ZONE_LOST);
	block.marks |= BLOCK_MARK_PLACED_BY_US;
	history_lose_zone(&block);
	assert_int_equal(block.marks, BLOCK_MARK_ZONE_LOST | BLOCK_MARK_PLACED_BY_US);
	block.marks = 0;
	history_lose_zone(&block);
	assert_int_equal(block.marks, 0);
}

static void refusals_are_counted_from_the_first(void **state)
{
	struct fixture *fixture = *state;
	struct snapshot *now = &fixture->now;
	struct block *block = add(now, 1, BLOCK_OFFLINE);

	add(now, 2, BLOCK_OFFLINE)->marks = BLOCK_MARK_FAILED | BLOCK_MARK_FALLBACK;
	history_put_off(block, 5);
	history_put_off(block, 9);
	assert_int_equal(block->retry_since_sec, 5);
	assert_true(history_any(now, BLOCK_MARK_RETRYING | BLOCK_MARK_FAILED));
	history_retry(now);
	assert_int_equal(now->blocks[0].marks, BLOCK_MARK_RETRYING);
	assert_int_equal(now->blocks[1].marks, BLOCK_MARK_FAILED | BLOCK_MARK_FALLBACK);
	assert_false(history_any(now, BLOCK_MARK_RETRYING | BLOCK_MARK_FAILED));
	history_forgive(now);
	assert_int_equal(now->blocks[1].marks, BLOCK_MARK_FALLBACK);
	history_put_off(&now->blocks[1], 20);
	assert_int_equal(now->blocks[1].retry_since_sec, 20);
	history_new_policy(now);
	assert_int_equal(now->blocks[1].marks, BLOCK_MARK_RETRYING);
	history_stop_retry(&now->blocks[1]);
	history_fall_back(&now->blocks[1]);
	assert_int_equal(now->blocks[1].marks, BLOCK_MARK_FALLBACK);
}

static void wishes_and_leftovers(void **state)
{
	struct fixture *fixture = *state;
	struct block *block = add(&fixture->now, 1, BLOCK_OFFLINE);

	block->marks = BLOCK_MARK_RETRYING | BLOCK_MARK_FAILED;
	history_wanted_offline(&fixture->history, block);
	assert_int_equal(block->marks, BLOCK_MARK_WAS_ONLINE);
	assert_int_equal(recalled(fixture, block, BLOCK_OFFLINE).marks,
			 BLOCK_MARK_WAS_ONLINE);
	/* It may never have been online, and nobody knows that it is there. */
	assert_true(recalled(fixture, block, BLOCK_OFFLINE).unreported);
	block->unreported = false;
	history_told(block);
	history_wanted_offline(&fixture->history, block);
	assert_false(block->unreported);
	history_left_offline(&fixture->history, block);
	assert_int_equal(block->marks, 0);
	assert_int_equal(recalled(fixture, block, BLOCK_OFFLINE).marks, 0);
}

/* Its first report is made and may be lost with the agent, until it is in the journal. */
static void what_is_left_offline_is_unreported_at_first(void **state)
{
	struct fixture *fixture = *state;
	const struct report_builder none = { .count = 0 };
	struct block *block = add(&fixture->now, 1, BLOCK_OFFLINE);

	history_told_offline(block);
	history_wanted_offline(&fixture->history, block);
	assert_true(recalled(fixture, block, BLOCK_ONLINE).unreported);
	history_reported(&fixture->history, &fixture->now, &none);
	assert_false(recalled(fixture, block, BLOCK_ONLINE).unreported);
	history_told_offline(block);
	assert_false(block->unreported);
}

/* It was to go offline, and others brought it online: no write and no mark says so. */
static void what_others_onlined_amid_a_write(void **state)
{
	const struct {
		enum block_state before, known, after;
		enum online_type word;
		bool unreported;
	} rows[] = {
		{ BLOCK_UNREADABLE, BLOCK_ABSENT, BLOCK_ONLINE, ONLINE_TYPE_OFFLINE,
		  true },
		{ BLOCK_UNREADABLE, BLOCK_ONLINE, BLOCK_ONLINE, ONLINE_TYPE_OFFLINE,
		  false },
		{ BLOCK_UNREADABLE, BLOCK_ABSENT, BLOCK_OFFLINE, ONLINE_TYPE_OFFLINE,
		  false },
		{ BLOCK_ONLINE, BLOCK_ABSENT, BLOCK_ONLINE, ONLINE_TYPE_OFFLINE, false },
		{ BLOCK_OFFLINE, BLOCK_ABSENT, BLOCK_ONLINE, ONLINE_TYPE_ONLINE, false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct block before = { .index = 1, .state = (uint8_t)rows[i].before };
		struct block block = { .index = 1, .state = (uint8_t)rows[i].after };

		history_set_known(&before, rows[i].known);
		history_read_back(&block, &before, rows[i].word);
		assert_int_equal(block.unreported, rows[i].unreported);
	}
}

static void the_end_of_a_move(void **state)
{
	const struct {
		enum block_state state;
		bool written, moved;
		uint8_t after;
	} rows[] = {
		{ BLOCK_OFFLINE, true, true, BLOCK_MARK_PLACED_BY_US },
		{ BLOCK_ONLINE, true, false,
		  BLOCK_MARK_WAS_ONLINE | BLOCK_MARK_PLACED_BY_US },
		{ BLOCK_ONLINE, false, false,
		  BLOCK_MARK_WAS_ONLINE | BLOCK_MARK_PLACED_BY_US },
		{ BLOCK_ONLINE, false, true, BLOCK_MARK_WAS_ONLINE },
		{ BLOCK_OFFLINE, false, false, BLOCK_MARK_WAS_ONLINE },
	};
	struct fixture *fixture = *state;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct block block = { .index = 1,
				       .state = (uint8_t)rows[i].state,
				       .marks = BLOCK_MARK_WAS_ONLINE |
						BLOCK_MARK_REZONING };

		history_end_move(&fixture->history, &block, rows[i].written,
				 rows[i].moved);
		assert_int_equal(block.marks, rows[i].after);
		history_forget(&fixture->history, &block);
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(inherits_by_block),
		TEST(doubts_what_may_be_another),
		TEST(doubts_all_that_is_online),
		TEST(another_directory_is_another_block),
		TEST(updates_with_what_is_seen),
		TEST(at_first_only_the_offline_have_come),
		TEST(an_identity_that_is_known_late_is_stored),
		TEST(a_report_is_missing_until_it_is_written),
		TEST(says_when_there_is_no_room),
		TEST(a_move_that_was_cut_is_nobodys_wish),
		TEST(results_of_writes),
		TEST(what_goes_offline_at_once_was_online),
		TEST(a_write_to_what_is_gone_leaves_nothing),
		TEST(what_is_going_offline_keeps_its_zone),
		TEST(a_zone_is_lost_once),
		TEST(refusals_are_counted_from_the_first),
		TEST(wishes_and_leftovers),
		TEST(what_is_left_offline_is_unreported_at_first),
		TEST(what_others_onlined_amid_a_write),
		TEST(the_end_of_a_move),
	};

	return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
