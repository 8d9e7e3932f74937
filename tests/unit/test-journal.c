/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "core/journal.h"
#include "core/report.h"

static struct report_range range(uint64_t start, uint64_t size)
{
	struct report_range r;

	memset(&r, 0, sizeof(r));
	r.start = start;
	r.size = size;
	return r;
}

static void is_empty_at_first(void **state)
{
	struct journal *journal =
		journal_new("an instance that is longer than there is room for it", 4, 4);

	(void)state;
	assert_int_equal(strlen(journal_instance(journal)), JOURNAL_INSTANCE_SIZE - 1);
	assert_int_equal(journal_last(journal), 0);
	assert_int_equal(journal_first(journal), 1);
	assert_null(journal_after(journal, 0));
	assert_null(journal_after(journal, UINT64_MAX));
	assert_int_equal(journal_lost(journal, 0), 0);
	assert_int_equal(journal_lost(journal, UINT64_MAX), 0);
	journal_free(journal);
	journal_free(NULL);
}

static void append(struct journal *journal, uint64_t start, size_t count)
{
	struct report_range ranges[16];
	struct report report;
	size_t i;

	/* Their padding as well: what is stored is compared byte by byte. */
	memset(&report, 0, sizeof(report));
	memset(ranges, 0, sizeof(ranges));
	report.time_sec = (int64_t)start;
	for (i = 0; i < count; i++) {
		ranges[i].start = start + i;
		ranges[i].size = 1;
	}
	journal_append(journal, &report, ranges, count);
}

/* Every report that is still there has the ranges it was given. */
static size_t check_kept(const struct journal *journal)
{
	const struct report *report;
	uint64_t seq = 0;
	size_t kept = 0, i;

	while ((report = journal_after(journal, seq))) {
		const struct report_range *ranges = journal_ranges(journal, report);

		assert_true(kept == 0 || report->seq == seq + 1);
		for (i = 0; i < report->count; i++)
			assert_true(ranges[i].start == (uint64_t)report->time_sec + i);
		seq = report->seq;
		kept++;
	}
	assert_int_equal(seq, journal_last(journal));
	return kept;
}

static void overwrites_the_oldest_and_says_so(void **state)
{
	struct journal *journal = journal_new("i", 3, 100);
	int i;

	(void)state;
	for (i = 1; i <= 5; i++)
		append(journal, (uint64_t)i * 100, 2);
	assert_int_equal(check_kept(journal), 3);
	assert_int_equal(journal_first(journal), 3);
	assert_int_equal(journal_lost(journal, 0), 2);
	assert_int_equal(journal_lost(journal, 1), 1);
	assert_int_equal(journal_lost(journal, 2), 0);
	assert_int_equal(journal_lost(journal, 4), 0);
	assert_int_equal(journal_after(journal, 0)->seq, 3);
	assert_int_equal(journal_after(journal, 4)->seq, 5);
	journal_free(journal);
}

static void never_mixes_up_ranges(void **state)
{
	struct journal *journal = journal_new("i", 7, 20);
	unsigned seed = 1;
	int i;

	(void)state;
	for (i = 0; i < 5000; i++) {
		append(journal, (uint64_t)i * 100, (size_t)rand_r(&seed) % 13);
		assert_true(check_kept(journal) >= 1);
	}
	journal_free(journal);
}

static void cuts_a_report_that_is_larger_than_the_ring(void **state)
{
	struct journal *journal = journal_new("i", 4, 3);

	(void)state;
	append(journal, 100, 1);
	append(journal, 200, 10);
	assert_int_equal(check_kept(journal), 1);
	assert_int_equal(journal_after(journal, 0)->count, 3);
	journal_free(journal);
}

static void takes_up_what_was_left_or_starts_anew(void **state)
{
	struct journal_bounds bounds = { 8, 16, 4 }, other = { 8, 15, 4 };
	size_t size = journal_size(&bounds), i;
	char *memory = test_alloc(size), *copy = test_alloc(size);
	struct journal *journal = journal_attach(memory, &bounds, "boot", "first");
	unsigned seed = 1;

	(void)state;
	for (i = 1; i <= 9; i++)
		append(journal, i * 100, 3);
	journal_set_position(journal, 7);
	journal_free(journal);
	memcpy(copy, memory, size);
	journal = journal_attach(memory, &bounds, "boot", "second");
	assert_string_equal(journal_instance(journal), "first");
	assert_int_equal(journal_last(journal), 9);
	assert_int_equal(journal_position(journal), 7);
	check_kept(journal);
	/* Whoever heard the first instance has heard nothing of the next. */
	journal_begin_instance(journal, "next");
	assert_string_equal(journal_instance(journal), "next");
	assert_int_equal(journal_position(journal), 0);
	journal_free(journal);
	journal = journal_attach(memory, &bounds, "another boot", "third");
	assert_string_equal(journal_instance(journal), "third");
	assert_int_equal(journal_last(journal), 0);
	journal_free(journal);
	memcpy(memory, copy, size);
	journal = journal_attach(memory, &other, "boot", "fourth");
	assert_string_equal(journal_instance(journal), "fourth");
	journal_free(journal);
	/* Whatever bytes are there, nothing is read or written outside. */
	for (i = 0; i < 20000; i++) {
		size_t at = (size_t)rand_r(&seed) % size;

		memcpy(memory, copy, size);
		memory[at] = (char)(memory[at] ^ 1U << rand_r(&seed) % 8);
		memory[(size_t)rand_r(&seed) % 256] = (char)rand_r(&seed);
		journal = journal_attach(memory, &bounds, "boot", "fifth");
		append(journal, 1, 3);
		assert_non_null(journal_after(journal, 0));
		journal_free(journal);
	}
	free(memory);
	free(copy);
}

/* As a damaged file may say: none is held, and nothing after the newest is a report. */
static void an_empty_ring_that_has_counted_holds_nothing(void **state)
{
	struct journal_bounds bounds = { 8, 16, 4 };
	size_t size = journal_size(&bounds);
	size_t first = (8 + 2 * JOURNAL_INSTANCE_SIZE + 7) / 8 * 8 + 4 * 8;
	char *memory = test_alloc(size);
	struct journal *journal = journal_attach(memory, &bounds, "boot", "first");
	uint64_t value = 4;

	(void)state;
	for (; value < 7; value++)
		append(journal, value, 1);
	value = 1;
	assert_memory_equal(memory + first, &value, sizeof(value));
	journal_free(journal);
	value = 4;
	memcpy(memory + first, &value, sizeof(value));
	journal = journal_attach(memory, &bounds, "boot", "second");
	assert_string_equal(journal_instance(journal), "first");
	assert_null(journal_after(journal, 0));
	append(journal, 1, 1);
	assert_int_equal(journal_last(journal), 4);
	assert_int_equal(journal_after(journal, 0)->seq, 4);
	journal_free(journal);
	free(memory);
}

static void remembers_writes_until_they_are_reported(void **state)
{
	struct journal *journal = journal_new("i", 8, 4);
	struct report_range told = range(0x2000, 0x1000);
	struct report report = { 0 };
	int i;

	(void)state;
	for (i = 1; i <= 4; i++)
		assert_true(journal_mark(journal, (uint64_t)i, ONLINE_TYPE_ONLINE,
					 BLOCK_OFFLINE));
	assert_false(journal_mark(journal, 5, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE));
	assert_int_equal(journal_mark_count(journal), 4);
	/* Ended after the report of one of them. */
	journal_append(journal, &report, &told, 1);
	assert_int_equal(journal_mark_at(journal, 0, 0x1000)->index, 1);
	assert_null(journal_mark_at(journal, 1, 0x1000));
	assert_int_equal(journal_mark_at(journal, 2, 0x1000)->word, ONLINE_TYPE_ONLINE);
	journal_forget_marks(journal);
	assert_int_equal(journal_mark_count(journal), 0);
	journal_free(journal);
}

static void merges_only_what_is_alike(void **state)
{
	struct report_range first = range(100, 10), next = range(110, 10);

	(void)state;
	assert_true(report_range_continues(&first, &next));
	next.start = 111;
	assert_false(report_range_continues(&first, &next));
	next.start = 110;
	next.error = 12;
	assert_false(report_range_continues(&first, &next));
	next.error = 0;
	next.zone = BLOCK_ZONE_MOVABLE;
	assert_false(report_range_continues(&first, &next));
}

static void reports_each_dimm_once(void **state)
{
	struct journal *journal = journal_new("i", 16, 16);
	struct report_range a = range(0x100, 0x10), b = range(0x120, 0x10),
			    c = range(0x110, 0x10);
	struct report_range other = range(0x130, 0x10);
	struct report_builder builder;
	const struct report *report;

	(void)state;
	assert_int_equal(report_builder_init(&builder, 8), 0);
	report_builder_flush(&builder, journal, 0, 0);
	assert_int_equal(journal_last(journal), 0);
	/* Seen over two rounds, out of order, with another DIMM in between. */
	assert_true(report_builder_add(&builder, 0x100, &a, 1000, 1500));
	assert_true(report_builder_add(&builder, 0x100, &b, 1000, 1600));
	assert_true(report_builder_add(&builder, 0x130, &other, 1000, 1700));
	assert_true(report_builder_add(&builder, 0x100, &c, 900, 1800));
	report_builder_flush(&builder, journal, 12, 34);
	assert_int_equal(journal_last(journal), 2);
	report = journal_after(journal, 0);
	assert_int_equal(report->count, 1);
	assert_int_equal(journal_ranges(journal, report)->size, 0x30);
	assert_int_equal(report->elapsed_usec, 900);
	assert_int_equal(report->time_sec, 12);
	assert_int_equal(journal_ranges(journal, journal_after(journal, 1))->start,
			 0x130);
	assert_int_equal(builder.count, 0);
	report_builder_free(&builder);
	journal_free(journal);
}

static void check_ranges(const struct journal *journal, const uint64_t (*expected)[3],
			 size_t count)
{
	const struct report *report = journal_after(journal, 0);
	const struct report_range *ranges = journal_ranges(journal, report);
	size_t i;

	assert_int_equal(report->count, count);
	for (i = 0; i < count; i++) {
		assert_int_equal(ranges[i].start, expected[i][0]);
		assert_int_equal(ranges[i].size, expected[i][1]);
		assert_int_equal(ranges[i].result, expected[i][2]);
	}
}

/*
 * Refused, and in the same series of events refused again or brought online: one result
 * for each block.
 */
static void a_refusal_gives_way_to_what_follows(void **state)
{
	static const uint64_t expected[][3] = { { 0x100, 0x10, REPORT_FAILED },
						{ 0x110, 0x10, REPORT_SUCCESS },
						{ 0x120, 0x20, REPORT_FAILED } };
	struct journal *journal = journal_new("i", 16, 16);
	struct report_range refused = range(0, 0x10);
	struct report_builder builder;

	(void)state;
	assert_int_equal(report_builder_init(&builder, 8), 0);
	refused.from = refused.to = BLOCK_OFFLINE;
	refused.result = REPORT_FAILED;
	for (refused.start = 0x100; refused.start < 0x140; refused.start += 0x10)
		assert_true(report_builder_add(&builder, 0x100, &refused, 100, 150));
	refused.start = 0x100;
	assert_true(report_builder_add(&builder, 0x100, &refused, 200, 250));
	refused.start = 0x110;
	refused.result = REPORT_SUCCESS;
	refused.to = BLOCK_ONLINE;
	assert_true(report_builder_add(&builder, 0x100, &refused, 300, 350));
	report_builder_flush(&builder, journal, 0, 0);
	assert_int_equal(journal_last(journal), 1);
	check_ranges(journal, expected, 3);
	assert_int_equal(journal_after(journal, 0)->elapsed_usec, 250);
	report_builder_free(&builder);
	journal_free(journal);
}

static void a_refusal_without_room_for_its_rest_is_reported_first(void **state)
{
	struct report_range refused = range(0x100, 0x30), next = range(0x110, 0x10);
	struct report_builder builder;

	(void)state;
	assert_int_equal(report_builder_init(&builder, 1), 0);
	refused.from = refused.to = BLOCK_OFFLINE;
	refused.result = REPORT_FAILED;
	assert_true(report_builder_add(&builder, 0x100, &refused, 0, 0));
	assert_false(report_builder_add(&builder, 0x100, &next, 0, 0));
	assert_int_equal(builder.entries[0].range.size, 0x30);
	report_builder_free(&builder);
}

static void add_dimms(struct snapshot *snapshot)
{
	static const uint64_t there[] = { 16, 17, 20 };
	size_t i;

	snapshot->block_size_bytes = 0x10;
	for (i = 0; i < sizeof(there) / sizeof(there[0]); i++) {
		struct block block = { .index = there[i],
				       .state = BLOCK_ONLINE,
				       .marks = BLOCK_MARK_ADDED };

		assert_int_equal(snapshot_add_block(snapshot, &block), 0);
	}
	assert_int_equal(snapshot_add_resource(snapshot, 0x100, 0x40, "System RAM"), 0);
	assert_int_equal(snapshot_add_resource(snapshot, 0x140, 0x10, "System RAM"), 0);
}

/* Of two DIMMs one lacks blocks: only the other's report is written, and only its mark forgotten. */
static void holds_back_what_has_not_come_whole(void **state)
{
	struct journal *journal = journal_new("i", 16, 16);
	struct snapshot snapshot = SNAPSHOT_INIT;
	struct report_range part = range(0x100, 0x10), whole = range(0x140, 0x10);
	struct report_builder builder;

	(void)state;
	part.to = whole.to = BLOCK_ONLINE;
	add_dimms(&snapshot);
	assert_int_equal(report_builder_init(&builder, 8), 0);
	assert_true(journal_mark(journal, 20, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE));
	assert_true(journal_mark(journal, 16, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE));
	assert_true(report_builder_add(&builder, 0x100, &part, 100, 150));
	assert_true(report_builder_add(&builder, 0x140, &whole, 110, 150));
	assert_int_equal(report_builder_hold(&builder, &snapshot, 90), 100);
	report_builder_flush(&builder, journal, 0, 0);
	assert_int_equal(journal_last(journal), 1);
	assert_int_equal(journal_ranges(journal, journal_after(journal, 0))->start,
			 0x140);
	journal_forget_reported(journal, 0x10, NULL, 0);
	assert_int_equal(journal_mark_count(journal), 1);
	assert_int_equal(journal_mark_at(journal, 0, 0x10)->index, 16);
	assert_true(report_builder_has(&builder, 0x100));
	assert_false(report_builder_has(&builder, 0x140));
	/* It waits no longer, and one of its entries waits for no other. */
	part.start = 0x110;
	part.zone++;
	assert_true(report_builder_add(&builder, 0x100, &part, 200, 250));
	assert_int_equal(report_builder_hold(&builder, &snapshot, 100), 0);
	report_builder_flush(&builder, journal, 0, 0);
	assert_int_equal(journal_last(journal), 2);
	assert_int_equal(journal_after(journal, 1)->count, 2);
	assert_int_equal(builder.count, 0);
	report_builder_free(&builder);
	snapshot_free(&snapshot);
	journal_free(journal);
}

/* Two entries of one DIMM, the one that began later first. */
static void the_oldest_that_is_held_counts(void **state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	struct report_range first = range(0x100, 0x10), second = range(0x110, 0x10);
	struct report_builder builder;

	(void)state;
	first.to = second.to = BLOCK_ONLINE;
	first.zone++;
	add_dimms(&snapshot);
	assert_int_equal(report_builder_init(&builder, 8), 0);
	assert_true(report_builder_add(&builder, 0x100, &second, 120, 150));
	assert_true(report_builder_add(&builder, 0x100, &first, 100, 150));
	assert_int_equal(builder.count, 2);
	assert_int_equal(report_builder_hold(&builder, &snapshot, 90), 100);
	report_builder_free(&builder);
	snapshot_free(&snapshot);
}

/* Handed over together, by one store; those that were not made are taken back, the newest first. */
static void marks_of_several_writes_are_taken_back(void **state)
{
	const struct journal_mark marks[] = { { 16, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE },
					      { 17, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE },
					      { 18, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE } };
	struct journal *journal = journal_new("i", 16, 4);

	(void)state;
	assert_int_equal(journal_room(journal), 4);
	journal_mark_all(journal, marks, 3);
	assert_int_equal(journal_room(journal), 1);
	assert_int_equal(journal_mark_index(journal, 2), 18);
	journal_unmark(journal, 2);
	assert_int_equal(journal_mark_count(journal), 1);
	assert_int_equal(journal_mark_index(journal, 0), 16);
	/* More than there are: not one. */
	journal_unmark(journal, 2);
	assert_int_equal(journal_mark_count(journal), 1);
	journal_free(journal);
}

/* A report amid a series: the marks of what is written and not reported yet stand, reported before or not. */
static void the_marks_of_all_that_is_pending_stand(void **state)
{
	const uint64_t pending[] = { UINT64_MAX, 17, 16 };
	struct journal *journal = journal_new("i", 16, 16);
	struct report_range both = range(0x100, 0x20);
	struct report report = { .seq = 0 };

	(void)state;
	assert_true(journal_mark(journal, 16, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE));
	assert_true(journal_mark(journal, 17, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE));
	journal_append(journal, &report, &both, 1);
	journal_forget_reported(journal, 0x10, pending, 3);
	assert_int_equal(journal_mark_count(journal), 2);
	assert_non_null(journal_mark_at(journal, 0, 0x10));
	assert_non_null(journal_mark_at(journal, 1, 0x10));
	journal_free(journal);
}

/* A block went, and another one with its number was written to before the removal was reported. */
static void the_mark_of_the_next_block_stands(void **state)
{
	struct journal *journal = journal_new("i", 16, 16);
	struct report_range removed = range(0x100, 0x20);
	struct report report = { .seq = 0 };
	const uint64_t pending = 16;

	(void)state;
	assert_true(journal_mark(journal, 16, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE));
	assert_true(journal_mark(journal, 17, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE));
	assert_true(journal_mark(journal, 16, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE));
	journal_append(journal, &report, &removed, 1);
	journal_forget_reported(journal, 0x10, &pending, 1);
	assert_int_equal(journal_mark_count(journal), 1);
	assert_non_null(journal_mark_at(journal, 0, 0x10));
	assert_int_equal(journal_mark_index(journal, 0), 16);
	/* And that of what is written to after it. */
	assert_true(journal_mark(journal, 17, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE));
	assert_non_null(journal_mark_at(journal, 1, 0x10));
	journal_free(journal);
}

/*
 * One block changes and then, with its neighbours, again: no report has the second change
 * first.
 */
static void keeps_the_order_of_what_happened_to_a_block(void **state)
{
	struct journal *journal = journal_new("i", 16, 16);
	struct report_range later = range(0x100, 0x40);
	const struct report *report;
	const struct report_range *ranges;
	struct report_builder builder;
	uint64_t start;

	(void)state;
	assert_int_equal(report_builder_init(&builder, 8), 0);
	later.to = BLOCK_ONLINE;
	for (start = 0x130; start >= 0x110; start -= 0x10) {
		struct report_range first = range(start, 0x10);

		first.to = BLOCK_OFFLINE;
		assert_true(report_builder_add(&builder, 0x100, &first, 0, 5));
	}
	assert_true(report_builder_add(&builder, 0x100, &later, 0, 5));
	report_builder_flush(&builder, journal, 0, 0);
	assert_int_equal(journal_last(journal), 1);
	report = journal_after(journal, 0);
	assert_int_equal(report->count, 2);
	ranges = journal_ranges(journal, report);
	assert_int_equal(ranges[0].to, BLOCK_OFFLINE);
	assert_true(ranges[0].start == 0x110 && ranges[0].size == 0x30);
	assert_int_equal(ranges[1].to, BLOCK_ONLINE);
	assert_int_equal(ranges[1].start, 0x100);
	report_builder_free(&builder);
	journal_free(journal);
}

/* By its address the new one would come first. */
static void tells_of_a_dimm_before_the_one_in_its_place(void **state)
{
	struct report_range old = range(0x120, 0x20), new = range(0x100, 0x40);
	struct report_builder builder;

	(void)state;
	assert_int_equal(report_builder_init(&builder, 8), 0);
	assert_true(report_builder_add(&builder, 0x120, &old, 0, 0));
	assert_false(report_builder_add(&builder, 0x100, &new, 0, 0));
	assert_int_equal(builder.count, 1);
	report_builder_free(&builder);
}

static void assert_told(const struct snapshot *told, uint64_t index,
			enum block_state state, enum reason reason)
{
	const struct block *block = snapshot_find(told, index);

	assert_non_null(block);
	assert_int_equal(block->state, state);
	assert_int_equal(block->reason, reason);
}

static void recalls_what_was_told_last(void **state)
{
	struct journal *journal = journal_new("i", 16, 16);
	struct snapshot told = SNAPSHOT_INIT;
	struct report report = { .time_sec = 1 };
	struct report_range rows[3];

	(void)state;
	rows[0] = range(0x4000, 0x3000);
	rows[0].to = BLOCK_ONLINE;
	rows[0].reason = REASON_POLICY;
	rows[1] = range(0x1000, 0x1000);
	rows[1].to = BLOCK_ABSENT;
	rows[1].reason = REASON_REMOVED;
	rows[2] = range(0x3000, 0x2000);
	rows[2].to = BLOCK_OFFLINE;
	rows[2].reason = REASON_ASKED;
	assert_int_equal(report_recall(journal, 0x1000, &told), 0);
	assert_int_equal(told.count, 0);
	journal_append(journal, &report, rows, 1);
	journal_append(journal, &report, rows + 1, 2);
	assert_int_equal(report_recall(journal, 0x1000, &told), 0);
	assert_int_equal(told.count, 5);
	assert_told(&told, 1, BLOCK_ABSENT, REASON_REMOVED);
	assert_told(&told, 3, BLOCK_OFFLINE, REASON_ASKED);
	assert_told(&told, 4, BLOCK_OFFLINE, REASON_ASKED);
	assert_told(&told, 5, BLOCK_ONLINE, REASON_POLICY);
	assert_told(&told, 6, BLOCK_ONLINE, REASON_POLICY);
	snapshot_free(&told);
	/* What no machine has is passed over, the rest is not. */
	rows[0].size = UINT64_MAX - 0x4000 + 1;
	rows[1].size = UINT64_MAX / 2;
	journal_append(journal, &report, rows, 2);
	told = (struct snapshot)SNAPSHOT_INIT;
	assert_int_equal(report_recall(journal, 0x1000, &told), 0);
	assert_int_equal(told.count, 5);
	snapshot_free(&told);
	journal_free(journal);
}

static void keeps_failures_apart_in_one_report(void **state)
{
	struct journal *journal = journal_new("i", 16, 16);
	struct report_builder builder;
	uint64_t i;

	(void)state;
	assert_int_equal(report_builder_init(&builder, 8), 0);
	for (i = 0; i < 4; i++) {
		struct report_range r = range(0x100 + i * 0x10, 0x10);

		r.error = i == 1 ? 12 : 0;
		assert_true(report_builder_add(&builder, 0x100, &r, 0, 0));
	}
	report_builder_flush(&builder, journal, 0, 0);
	assert_int_equal(journal_last(journal), 1);
	assert_int_equal(journal_after(journal, 0)->count, 3);
	report_builder_free(&builder);
	journal_free(journal);
}

static void says_when_it_is_full(void **state)
{
	struct report_range a = range(0x100, 0x10), b = range(0x200, 0x10),
			    c = range(0x210, 0x10);
	struct report_builder builder;

	(void)state;
	assert_int_equal(report_builder_init(&builder, 2), 0);
	assert_true(report_builder_add(&builder, REPORT_NO_DIMM, &a, 0, 0));
	assert_true(report_builder_add(&builder, REPORT_NO_DIMM, &b, 0, 0));
	assert_true(report_builder_add(&builder, REPORT_NO_DIMM, &c, 0,
				       0)); /* merges, needs no room */
	assert_false(report_builder_add(&builder, REPORT_NO_DIMM, &a, 0, 0));
	report_builder_free(&builder);
}

static void observes_what_others_did(void **state)
{
	static const struct {
		enum block_state before, after;
		enum reason reason;
	} rows[] = {
		{ BLOCK_ABSENT, BLOCK_ONLINE, REASON_ONLINED_ELSEWHERE },
		{ BLOCK_OFFLINE, BLOCK_ONLINE, REASON_ONLINED_ELSEWHERE },
		{ BLOCK_ONLINE, BLOCK_OFFLINE, REASON_OFFLINED_ELSEWHERE },
		{ BLOCK_OFFLINE, BLOCK_GOING_OFFLINE, REASON_ONLINED_ELSEWHERE },
		{ BLOCK_GOING_OFFLINE, BLOCK_OFFLINE, REASON_OFFLINED_ELSEWHERE },
		{ BLOCK_GOING_OFFLINE, BLOCK_ABSENT, REASON_REMOVED },
		{ BLOCK_ONLINE, BLOCK_ABSENT, REASON_REMOVED },
		{ BLOCK_OFFLINE, BLOCK_UNREADABLE, REASON_STATE_UNREADABLE },
	};
	struct report_range seen;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct block before = { .index = 5, .state = (uint8_t)rows[i].before };
		struct block after = { .index = 5, .state = (uint8_t)rows[i].after };
		struct snapshot_change change = { rows[i].before ? &before : NULL,
						  rows[i].after ? &after : NULL };

		report_observe(&change, 0x1000, &seen);
		assert_int_equal(seen.start, 0x5000);
		assert_int_equal(seen.reason, rows[i].reason);
		assert_int_equal(seen.from, block_state_reported(rows[i].before));
		assert_int_equal(seen.to, block_state_reported(rows[i].after));
		assert_int_equal(seen.requested, ONLINE_TYPE_NONE);
	}
}

/* A file, and what the next agent finds in it if this one is killed after each store. */
struct file {
	struct journal_bounds bounds;
	char *memory, *bytes, *copy;
	uint64_t last; /* the newest report that is whole in the file */
	unsigned stores;
};

static void keep(void *data, const void *start, size_t bytes)
{
	struct file *file = data;
	struct journal *journal;

	memcpy(file->bytes + ((const char *)start - file->memory), start, bytes);
	memcpy(file->copy, file->bytes, journal_size(&file->bounds));
	journal = journal_attach(file->copy, &file->bounds, "boot", "another");
	assert_non_null(journal);
	assert_string_equal(journal_instance(journal), "first");
	assert_true(journal_last(journal) == file->last ||
		    journal_last(journal) == file->last + 1);
	/* All of them may have made room for one that is not whole yet. */
	if (journal_first(journal) <= journal_last(journal))
		check_kept(journal);
	file->last = journal_last(journal);
	file->stores++;
	journal_free(journal);
}

static void is_whole_after_each_store(void **state)
{
	struct file file = { .bounds = { 5, 16, 4 } };
	struct store store = { keep, &file };
	size_t size = journal_size(&file.bounds);
	struct journal *journal;
	unsigned seed = 1, i;

	(void)state;
	file.memory = test_alloc(size);
	file.bytes = test_alloc(size);
	file.copy = test_alloc(size);
	journal = journal_attach(file.memory, &file.bounds, "boot", "first");
	journal_keep_in(journal, &store);
	for (i = 0; i < 2000; i++) {
		append(journal, i * 100ULL, (size_t)rand_r(&seed) % 13);
		assert_int_equal(file.last, journal_last(journal));
		if (!journal_mark(journal, i, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE))
			journal_forget_marks(journal);
		journal_set_position(journal, i);
		assert_memory_equal(file.bytes, file.memory, size);
	}
	/* A report takes four at most, a mark two. */
	assert_true(file.stores <= 1 + i * (4 + 2 + 1));
	journal_free(journal);
	free(file.memory);
	free(file.bytes);
	free(file.copy);
}

/* The printer of a report uses these numbers as indices of its texts. */
static void numbers_out_of_their_tables_are_a_new_start(void **state)
{
	struct journal_bounds bounds = { 2, 2, 2 };
	size_t size = journal_size(&bounds), at;
	char *memory = test_alloc(size), *copy = test_alloc(size);
	struct journal *journal = journal_attach(memory, &bounds, "boot", "first");
	unsigned refused = 0;

	(void)state;
	append(journal, 100, 2);
	journal_mark(journal, 1, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE);
	journal_mark(journal, 2, ONLINE_TYPE_ONLINE, BLOCK_OFFLINE);
	journal_free(journal);
	for (at = size - 2 * sizeof(struct report_range) -
		  2 * sizeof(struct journal_mark);
	     at < size; at++) {
		memcpy(copy, memory, size);
		copy[at] = (char)0xee;
		journal = journal_attach(copy, &bounds, "boot", "second");
		refused += strcmp(journal_instance(journal), "second") == 0;
		journal_free(journal);
	}
	/* Six of each range, two of each mark. */
	assert_int_equal(refused, 2 * 6 + 2 * 2);
	/* Zeros are in every table, and no range of memory. */
	memcpy(copy, memory, size);
	at = size - 2 * sizeof(struct report_range) - 2 * sizeof(struct journal_mark);
	memset(copy + at, 0, sizeof(struct report_range));
	journal = journal_attach(copy, &bounds, "boot", "second");
	assert_string_equal(journal_instance(journal), "second");
	journal_free(journal);
	free(memory);
	free(copy);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(is_empty_at_first),
		cmocka_unit_test(overwrites_the_oldest_and_says_so),
		cmocka_unit_test(never_mixes_up_ranges),
		cmocka_unit_test(cuts_a_report_that_is_larger_than_the_ring),
		cmocka_unit_test(takes_up_what_was_left_or_starts_anew),
		cmocka_unit_test(an_empty_ring_that_has_counted_holds_nothing),
		cmocka_unit_test(is_whole_after_each_store),
		cmocka_unit_test(numbers_out_of_their_tables_are_a_new_start),
		cmocka_unit_test(remembers_writes_until_they_are_reported),
		cmocka_unit_test(merges_only_what_is_alike),
		cmocka_unit_test(reports_each_dimm_once),
		cmocka_unit_test(holds_back_what_has_not_come_whole),
		cmocka_unit_test(the_oldest_that_is_held_counts),
		cmocka_unit_test(marks_of_several_writes_are_taken_back),
		cmocka_unit_test(the_marks_of_all_that_is_pending_stand),
		cmocka_unit_test(the_mark_of_the_next_block_stands),
		cmocka_unit_test(a_refusal_gives_way_to_what_follows),
		cmocka_unit_test(a_refusal_without_room_for_its_rest_is_reported_first),
		cmocka_unit_test(keeps_the_order_of_what_happened_to_a_block),
		cmocka_unit_test(tells_of_a_dimm_before_the_one_in_its_place),
		cmocka_unit_test(recalls_what_was_told_last),
		cmocka_unit_test(keeps_failures_apart_in_one_report),
		cmocka_unit_test(says_when_it_is_full),
		cmocka_unit_test(observes_what_others_did),
	};

	return cmocka_run_group_tests_name("journal", tests, NULL, NULL);
}
