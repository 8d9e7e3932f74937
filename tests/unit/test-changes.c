/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "core/changes.h"

#define BLOCK_SIZE 0x8000000u

struct fixture {
	struct config config;
	struct history history;
	struct changes changes;
	struct journal *journal;
	struct snapshot before, after;
	char seen[512]; /* what was called with: "INDEX from->to reason " */
};

static void add(struct snapshot *snapshot, uint64_t index, enum block_state state,
		int node)
{
	struct block block = { .index = index, .state = (uint8_t)state, .node = node };

	if (state == BLOCK_ONLINE) {
		block.zones[0] = BLOCK_ZONE_NORMAL;
		block.zone_count = 1;
	}
	assert_int_equal(snapshot_add_block(snapshot, &block), 0);
}

static void note(const struct snapshot *holder, const struct block *block,
		 const struct report_range *range, void *data)
{
	struct fixture *fixture = data;
	char *end = fixture->seen + strlen(fixture->seen);

	assert_ptr_equal(snapshot_find(holder, block->index), block);
	assert_int_equal(range->start, block->index * BLOCK_SIZE);
	assert_int_equal(range->node, block->node);
	if (range->to == BLOCK_ONLINE && block->state == BLOCK_ONLINE)
		assert_int_equal(range->zone, block_zone_now(block));
	snprintf(end, sizeof(fixture->seen) - (size_t)(end - fixture->seen),
		 "%d %s->%s %s; ", (int)block->index,
		 block_state_word((enum block_state)range->from),
		 block_state_word((enum block_state)range->to),
		 reason_text((enum reason)range->reason));
}

static int set_up(void **state)
{
	struct fixture *fixture = test_alloc(sizeof(*fixture));

	config_defaults(&fixture->config);
	fixture->config.policy = CONFIG_POLICY_ONLINE;
	fixture->journal = journal_new("test", 16, 64);
	fixture->before.block_size_bytes = BLOCK_SIZE;
	fixture->after.block_size_bytes = BLOCK_SIZE;
	fixture->changes.config = &fixture->config;
	fixture->changes.journal = fixture->journal;
	fixture->changes.history = &fixture->history;
	fixture->changes.fn = note;
	fixture->changes.data = fixture;
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	journal_free(fixture->journal);
	snapshot_free(&fixture->before);
	snapshot_free(&fixture->after);
	free(fixture);
	return 0;
}

static void note_change(const struct snapshot_change *change, void *data)
{
	const struct block *known = change->before;
	char *text = data, kind = '-';

	if (change->after) {
		kind = known ? '~' : '+';
		known = change->after;
	}
	sprintf(text + strlen(text), "%c%d ", kind, (int)known->index);
}

static void tells_what_changed(void **state)
{
	struct snapshot before = SNAPSHOT_INIT, after = SNAPSHOT_INIT;
	char changes[128] = "";

	(void)state;
	changes_between(&before, &after, note_change, changes);
	assert_string_equal(changes, "");
	add(&before, 1, BLOCK_ONLINE, 0);
	add(&before, 2, BLOCK_ONLINE, 0);
	add(&before, 4, BLOCK_OFFLINE, 0);
	add(&after, 0, BLOCK_OFFLINE, 0);
	add(&after, 2, BLOCK_ONLINE, 0);
	add(&after, 4, BLOCK_ONLINE, 0);
	add(&after, 9, BLOCK_ONLINE, 0);
	changes_between(&before, &after, note_change, changes);
	assert_string_equal(changes, "+0 -1 ~4 +9 ");
	/* The same block in another zone is a change. */
	before.blocks[1].zones[0] = BLOCK_ZONE_MOVABLE;
	changes[0] = '\0';
	changes_between(&before, &after, note_change, changes);
	assert_string_equal(changes, "+0 -1 ~2 ~4 +9 ");
	/* One whose zone is not known is not another. */
	before.blocks[1].zone_count = 0;
	changes[0] = '\0';
	changes_between(&before, &after, note_change, changes);
	assert_string_equal(changes, "+0 -1 ~4 +9 ");
	snapshot_free(&before);
	snapshot_free(&after);
}

/* --- between two snapshots */

static size_t observe(struct fixture *fixture)
{
	fixture->seen[0] = '\0';
	return changes_observe(&fixture->changes, &fixture->before, &fixture->after);
}

static void nothing_is_said_of_what_is_as_it_was(void **state)
{
	struct fixture *fixture = *state;

	add(&fixture->before, 1, BLOCK_ONLINE, 0);
	add(&fixture->after, 1, BLOCK_ONLINE, 0);
	assert_int_equal(observe(fixture), 0);
	assert_string_equal(fixture->seen, "");
}

static void says_what_others_did(void **state)
{
	struct fixture *fixture = *state;
	struct snapshot *before = &fixture->before, *after = &fixture->after;

	add(before, 1, BLOCK_ONLINE, 0);
	add(before, 2, BLOCK_OFFLINE, 0);
	add(before, 3, BLOCK_ONLINE, 0);
	before->blocks[2].marks = BLOCK_MARK_WAS_ONLINE;
	add(after, 1, BLOCK_OFFLINE, 0);
	add(after, 2, BLOCK_ONLINE, 0);
	add(after, 4, BLOCK_ONLINE, 1);
	add(after, 5, BLOCK_OFFLINE, 0); /* the decision about it is reported */
	add(after, 6, BLOCK_UNREADABLE, 0); /* not whole yet */
	assert_int_equal(observe(fixture), 6);
	assert_string_equal(fixture->seen, "1 online->offline offlined-elsewhere; "
					   "2 offline->online onlined-elsewhere; "
					   "3 online->absent removed; "
					   "4 absent->online onlined-elsewhere; ");
	assert_int_equal(after->blocks[0].reason, REASON_OFFLINED_ELSEWHERE);
	assert_int_equal(after->blocks[1].reason, REASON_ONLINED_ELSEWHERE);
	/* Removed blocks are forgotten. */
	assert_int_equal(before->blocks[2].marks, 0);
}

static void the_kernel_onlines_for_the_agent(void **state)
{
	struct fixture *fixture = *state;

	fixture->changes.kernel_onlines = true;
	add(&fixture->before, 2, BLOCK_OFFLINE, 0);
	add(&fixture->after, 2, BLOCK_ONLINE, 0);
	observe(fixture);
	assert_string_equal(fixture->seen, "2 offline->online onlined-by-kernel; ");
}

static void a_zone_that_the_policy_does_not_want_is_named(void **state)
{
	struct fixture *fixture = *state;

	fixture->config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	add(&fixture->before, 2, BLOCK_OFFLINE, 0);
	add(&fixture->after, 2, BLOCK_ONLINE, 0);
	fixture->after.blocks[0].marks = BLOCK_MARK_ADDED | BLOCK_MARK_PLACED_BY_US;
	observe(fixture);
	assert_string_equal(fixture->seen, "2 offline->online zone-differs; ");
	assert_int_equal(fixture->after.blocks[0].marks,
			 BLOCK_MARK_ADDED | BLOCK_MARK_ZONE_LOST);
}

/* One that could not be read for a while is compared with what it was before. */
static void unreadable_is_no_state(void **state)
{
	struct fixture *fixture = *state;
	struct snapshot *before = &fixture->before, *after = &fixture->after;

	add(before, 1, BLOCK_UNREADABLE, 0);
	add(before, 2, BLOCK_UNREADABLE, 0);
	add(before, 3, BLOCK_UNREADABLE, 0);
	add(before, 4, BLOCK_UNREADABLE, 0);
	history_set_known(&before->blocks[0], BLOCK_ONLINE);
	history_set_known(&before->blocks[1], BLOCK_ONLINE);
	add(after, 1, BLOCK_ONLINE, 0);
	add(after, 2, BLOCK_OFFLINE, 0);
	add(after, 3, BLOCK_OFFLINE, 0);
	assert_int_equal(observe(fixture), 4);
	assert_string_equal(fixture->seen, "2 online->offline offlined-elsewhere; ");
}

/* --- between two agents */

static void report_in_zone(struct fixture *fixture, uint64_t index, enum block_state to,
			   enum block_zone zone)
{
	struct report head = { .elapsed_usec = 1 };
	struct report_range range = { .start = index * BLOCK_SIZE,
				      .size = BLOCK_SIZE,
				      .from = BLOCK_OFFLINE,
				      .to = (uint8_t)to,
				      .zone = (uint8_t)zone,
				      .reason = REASON_ASKED };

	journal_append(fixture->journal, &head, &range, 1);
}

static void report(struct fixture *fixture, uint64_t index, enum block_state to)
{
	report_in_zone(fixture, index, to, BLOCK_ZONE_UNKNOWN);
}

static struct block *recall(struct fixture *fixture, uint64_t index,
			    enum block_state state, uint8_t marks)
{
	struct block *block;

	add(&fixture->after, index, state, 0);
	block = &fixture->after.blocks[fixture->after.count - 1];
	block->marks = marks;
	block->slot = 1;
	return block;
}

static void compares_with_the_journal(void **state)
{
	struct fixture *fixture = *state;
	uint64_t i;

	for (i = 1; i < 6; i++)
		report(fixture, i, i == 2 ? BLOCK_OFFLINE : BLOCK_ONLINE);
	recall(fixture, 1, BLOCK_OFFLINE, BLOCK_MARK_WAS_ONLINE);
	recall(fixture, 2, BLOCK_OFFLINE, BLOCK_MARK_WAS_ONLINE);
	recall(fixture, 3, BLOCK_UNREADABLE, BLOCK_MARK_WAS_ONLINE);
	recall(fixture, 4, BLOCK_OFFLINE, BLOCK_MARK_WAS_ONLINE)->slot = 0;
	assert_int_equal(changes_meanwhile(&fixture->changes, &fixture->after), 0);
	assert_string_equal(fixture->seen, "1 online->offline offlined-elsewhere; "
					   "5 online->absent removed; ");
	assert_int_equal(fixture->after.blocks[1].reason, REASON_ASKED);
	assert_int_equal(fixture->after.blocks[2].known, BLOCK_ONLINE);
}

/* Others took the second one offline, and brought it online in a zone that is not the report's. */
static void compares_zones_with_the_journal(void **state)
{
	struct fixture *fixture = *state;

	report_in_zone(fixture, 1, BLOCK_ONLINE, BLOCK_ZONE_NORMAL);
	report_in_zone(fixture, 2, BLOCK_ONLINE, BLOCK_ZONE_MOVABLE);
	report_in_zone(fixture, 3, BLOCK_ONLINE, BLOCK_ZONE_MOVABLE);
	recall(fixture, 1, BLOCK_ONLINE, BLOCK_MARK_WAS_ONLINE);
	recall(fixture, 2, BLOCK_ONLINE, BLOCK_MARK_WAS_ONLINE);
	/* Nobody knows the zone of this one. */
	recall(fixture, 3, BLOCK_GOING_OFFLINE, BLOCK_MARK_WAS_ONLINE);
	assert_int_equal(changes_meanwhile(&fixture->changes, &fixture->after), 0);
	assert_string_equal(fixture->seen, "2 online->online onlined-elsewhere; ");
}

static void names_what_nobody_has_reported(void **state)
{
	struct fixture *fixture = *state;

	recall(fixture, 1, BLOCK_ONLINE, BLOCK_MARK_WAS_ONLINE);
	recall(fixture, 2, BLOCK_ONLINE, BLOCK_MARK_WAS_ONLINE)->unreported = true;
	recall(fixture, 3, BLOCK_ONLINE, 0);
	assert_int_equal(changes_meanwhile(&fixture->changes, &fixture->after), 0);
	assert_string_equal(fixture->seen, "2 absent->online onlined-elsewhere; "
					   "3 absent->online onlined-elsewhere; ");
	assert_true(fixture->after.blocks[2].unreported);
}

static void boot_memory_is_nobodys_doing(void **state)
{
	struct fixture *fixture = *state;

	add(&fixture->after, 1, BLOCK_ONLINE, 0);
	assert_int_equal(changes_meanwhile(&fixture->changes, &fixture->after), 0);
	assert_string_equal(fixture->seen, "");
}

/* Two agents before this one wrote to block 1; block 2 is not as it was wanted. */
static void resumes_each_write_once(void **state)
{
	struct fixture *fixture = *state;

	recall(fixture, 1, BLOCK_ONLINE, BLOCK_MARK_WAS_ONLINE)->unreported = true;
	recall(fixture, 2, BLOCK_OFFLINE, 0);
	journal_mark(fixture->journal, 1, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE);
	journal_mark(fixture->journal, 2, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE);
	journal_mark(fixture->journal, 1, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE);
	journal_mark(fixture->journal, 7, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE);
	assert_int_equal(changes_meanwhile(&fixture->changes, &fixture->after), 0);
	assert_int_equal(strncmp(fixture->seen, "1 offline->online ", 18), 0);
	assert_null(strstr(fixture->seen + 18, "->"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Each write led to what the next one to the same block began with. */
static void resumes_writes_to_one_block_in_their_order(void **state)
{
	struct fixture *fixture = *state;

	add(&fixture->after, 1, BLOCK_ONLINE, 0);
	journal_mark(fixture->journal, 1, ONLINE_TYPE_OFFLINE, BLOCK_ONLINE);
	journal_mark(fixture->journal, 1, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE);
	assert_int_equal(changes_meanwhile(&fixture->changes, &fixture->after), 0);
	assert_int_equal(strncmp(fixture->seen, "1 online->offline ", 18), 0);
	assert_non_null(strstr(fixture->seen + 18, "1 offline->online "));
	assert_int_equal(fixture->after.blocks[0].reason, REASON_NONE);
}

/* That it is off is reported with the write. */
static void what_was_taken_offline_by_name_is_not_found_so(void **state)
{
	struct fixture *fixture = *state;

	add(&fixture->after, 1, BLOCK_OFFLINE, 0);
	journal_mark(fixture->journal, 1, ONLINE_TYPE_OFFLINE, BLOCK_ONLINE);
	assert_int_equal(changes_meanwhile(&fixture->changes, &fixture->after), 0);
	assert_int_equal(strncmp(fixture->seen, "1 online->offline ", 18), 0);
	assert_int_equal(fixture->after.blocks[0].reason, REASON_ASKED);
}

/* Others took it offline behind the journal's back before the agent wrote, and were not reported. */
static void what_others_did_before_a_write_joins_it(void **state)
{
	struct fixture *fixture = *state;

	report(fixture, 1, BLOCK_ONLINE);
	report(fixture, 4, BLOCK_ONLINE);
	recall(fixture, 1, BLOCK_ONLINE, BLOCK_MARK_WAS_ONLINE);
	recall(fixture, 2, BLOCK_OFFLINE, BLOCK_MARK_WAS_ONLINE)->unreported = true;
	recall(fixture, 3, BLOCK_OFFLINE, BLOCK_MARK_WAS_ONLINE)->unreported = true;
	recall(fixture, 4, BLOCK_ONLINE, BLOCK_MARK_WAS_ONLINE);
	journal_mark(fixture->journal, 1, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE);
	/* Nobody has reported that this one came online, before it was taken offline twice. */
	journal_mark(fixture->journal, 2, ONLINE_TYPE_OFFLINE, BLOCK_ONLINE);
	journal_mark(fixture->journal, 2, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE);
	journal_mark(fixture->journal, 2, ONLINE_TYPE_OFFLINE, BLOCK_ONLINE);
	journal_mark(fixture->journal, 4, ONLINE_TYPE_OFFLINE, BLOCK_ONLINE);
	journal_mark(fixture->journal, 4, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE);
	assert_int_equal(changes_meanwhile(&fixture->changes, &fixture->after), 0);
	assert_string_equal(fixture->seen, "1 online->offline offlined-elsewhere; "
					   "1 offline->online resumed; "
					   "2 absent->online onlined-elsewhere; "
					   "2 online->offline resumed; "
					   "2 offline->online resumed; "
					   "2 online->offline resumed; "
					   "4 online->offline resumed; "
					   "4 offline->online resumed; ");
	/* Of the third there is no report: who decides about it makes one. */
	assert_true(fixture->after.blocks[1].is_told);
	assert_false(fixture->after.blocks[2].is_told);
}

/* The last write came to nothing: what the block is, it is by the one before. */
static void a_write_that_changed_nothing_hides_none(void **state)
{
	struct fixture *fixture = *state;

	recall(fixture, 1, BLOCK_ONLINE, BLOCK_MARK_WAS_ONLINE)->unreported = true;
	journal_mark(fixture->journal, 1, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE);
	journal_mark(fixture->journal, 1, ONLINE_TYPE_OFFLINE, BLOCK_ONLINE);
	assert_int_equal(changes_meanwhile(&fixture->changes, &fixture->after), 0);
	assert_int_equal(strncmp(fixture->seen, "1 offline->online ", 18), 0);
	assert_null(strstr(fixture->seen + 18, "->"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tells_what_changed),
		TEST(nothing_is_said_of_what_is_as_it_was),
		TEST(says_what_others_did),
		TEST(the_kernel_onlines_for_the_agent),
		TEST(a_zone_that_the_policy_does_not_want_is_named),
		TEST(unreadable_is_no_state),
		TEST(compares_with_the_journal),
		TEST(compares_zones_with_the_journal),
		TEST(names_what_nobody_has_reported),
		TEST(boot_memory_is_nobodys_doing),
		TEST(resumes_each_write_once),
		TEST(resumes_writes_to_one_block_in_their_order),
		TEST(what_was_taken_offline_by_name_is_not_found_so),
		TEST(what_others_did_before_a_write_joins_it),
		TEST(a_write_that_changed_nothing_hides_none),
	};

	return cmocka_run_group_tests_name("changes", tests, NULL, NULL);
}
