/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "core/job.h"

#define UNIT 0x8000000ull

struct fixture {
	struct snapshot snapshot;
	struct job job;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	uint64_t i;

	memset(&fixture, 0, sizeof(fixture));
	fixture.snapshot.block_size_bytes = UNIT;
	for (i = 32; i < 36; i++) {
		struct block block = { .index = i,
				       .state = BLOCK_ONLINE,
				       .zone_count = 1 };

		block.zones[0] = i < 34 ? BLOCK_ZONE_MOVABLE : BLOCK_ZONE_NORMAL;
		assert_int_equal(snapshot_add_block(&fixture.snapshot, &block), 0);
	}
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	snapshot_free(&fixture->snapshot);
	job_free(&fixture->job);
	return 0;
}

static int range(struct fixture *fixture, uint64_t start, uint64_t size)
{
	return job_init_range(&fixture->job, JOB_OFFLINE, &fixture->snapshot, start, size,
			      ONLINE_TYPE_OFFLINE);
}

static void refuses_crooked_ranges(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(range(fixture, 32 * UNIT, 0), -EINVAL);
	assert_int_equal(range(fixture, 32 * UNIT + 1, UNIT), -EINVAL);
	assert_int_equal(range(fixture, 32 * UNIT, UNIT + 1), -EINVAL);
	assert_int_equal(range(fixture, UINT64_MAX / UNIT * UNIT, 2 * UNIT), -EINVAL);
	assert_int_equal(range(fixture, 40 * UNIT, UNIT), -ENOENT);
	fixture->snapshot.block_size_bytes = 0;
	assert_int_equal(range(fixture, 0, UNIT), -EINVAL);
}

static struct block *next(struct fixture *fixture, struct plan_write *write)
{
	assert_true(job_next(&fixture->job, &fixture->snapshot, write));
	return snapshot_find(&fixture->snapshot, write->index);
}

static void answers_without_a_write_where_none_is_needed(void **state)
{
	struct fixture *fixture = *state;
	struct plan_write write;

	assert_int_equal(job_init(&fixture->job, JOB_SET, 3), 0);
	fixture->job.items[0].index = 99;
	fixture->job.items[0].word = ONLINE_TYPE_ONLINE;
	fixture->job.items[1].index = 32;
	fixture->job.items[1].word = ONLINE_TYPE_ONLINE;
	fixture->job.items[2].index = 33;
	fixture->job.items[2].word = ONLINE_TYPE_OFFLINE;
	fixture->job.can_offline = false;
	assert_false(job_next(&fixture->job, &fixture->snapshot, &write));
	assert_int_equal(fixture->job.items[0].response, JOB_NOT_FOUND);
	assert_int_equal(fixture->job.items[0].error, ENOENT);
	assert_int_equal(fixture->job.items[1].response, JOB_SUCCESS);
	assert_int_equal(fixture->job.items[2].response, JOB_NOT_SUPPORTED);
	assert_int_equal(fixture->job.items[2].reason, REASON_NO_HOT_REMOVE);
	assert_false(job_succeeded(&fixture->job));
}

static void goes_on_after_a_failure_where_each_is_for_itself(void **state)
{
	struct fixture *fixture = *state;
	struct plan_write write;
	struct block *block;
	int i;

	assert_int_equal(job_init(&fixture->job, JOB_SET, 3), 0);
	for (i = 0; i < 3; i++) {
		fixture->job.items[i].index = 32; /* the same one, three times */
		fixture->job.items[i].word = ONLINE_TYPE_OFFLINE;
	}
	block = next(fixture, &write);
	job_result(&fixture->job, -EBUSY, block);
	block = next(fixture, &write);
	block->state = BLOCK_OFFLINE;
	job_result(&fixture->job, 0, block);
	assert_false(job_next(&fixture->job, &fixture->snapshot, &write));
	assert_int_equal(fixture->job.items[0].response, JOB_FAILED);
	assert_int_equal(fixture->job.items[0].error, EBUSY);
	assert_int_equal(fixture->job.items[1].response, JOB_SUCCESS);
	assert_int_equal(fixture->job.items[2].response, JOB_SUCCESS);
}

static void believes_the_state_of_an_accepted_write(void **state)
{
	struct fixture *fixture = *state;
	struct plan_write write;

	assert_int_equal(range(fixture, 35 * UNIT, UNIT), 0);
	job_result(&fixture->job, 0, next(fixture, &write));
	assert_false(job_next(&fixture->job, &fixture->snapshot, &write));
	assert_int_equal(fixture->job.items[0].response, JOB_FAILED);
	assert_int_equal(fixture->job.items[0].reason, REASON_UNCHANGED);
}

static void a_write_whose_time_is_over_is_not_a_refusal(void **state)
{
	struct fixture *fixture = *state;
	struct plan_write write;

	assert_int_equal(range(fixture, 35 * UNIT, UNIT), 0);
	job_result(&fixture->job, -ETIMEDOUT, next(fixture, &write));
	assert_false(job_next(&fixture->job, &fixture->snapshot, &write));
	assert_int_equal(fixture->job.items[0].response, JOB_FAILED);
	assert_int_equal(fixture->job.items[0].error, ETIMEDOUT);
	assert_int_equal(fixture->job.items[0].reason, REASON_TIMED_OUT);
}

static void undoes_into_the_zone_it_was(void **state)
{
	struct fixture *fixture = *state;
	struct plan_write write;
	struct block *block;
	int i;

	assert_int_equal(range(fixture, 32 * UNIT, 4 * UNIT), 0);
	for (i = 35; i > 32; i--) {
		block = next(fixture, &write);
		assert_int_equal(write.index, i);
		block->state = BLOCK_OFFLINE;
		job_result(&fixture->job, 0, block);
	}
	job_result(&fixture->job, -EINTR, next(fixture, &write));
	block = next(fixture, &write);
	assert_int_equal(write.index, 33);
	assert_int_equal(write.word, ONLINE_TYPE_ONLINE_MOVABLE);
	block->state = BLOCK_ONLINE;
	job_result(&fixture->job, 0, block);
	block = next(fixture, &write);
	assert_int_equal(write.index, 34);
	assert_int_equal(write.word, ONLINE_TYPE_ONLINE_KERNEL);
	/* The way back may fail too, and is then said. */
	job_result(&fixture->job, -ENOMEM, block);
	block = next(fixture, &write);
	block->state = BLOCK_ONLINE;
	job_result(&fixture->job, 0, block);
	assert_false(job_next(&fixture->job, &fixture->snapshot, &write));
	assert_int_equal(fixture->job.items[0].response, JOB_ROLLED_BACK);
	assert_int_equal(fixture->job.items[1].response, JOB_FAILED);
	assert_int_equal(fixture->job.items[1].error, ENOMEM);
	assert_int_equal(fixture->job.items[2].response, JOB_ROLLED_BACK);
	assert_int_equal(fixture->job.items[3].response, JOB_FAILED);
	assert_int_equal(fixture->job.items[3].error, EINTR);
}

/* The DIMM is pulled while its blocks are being brought back. */
static void survives_a_block_that_goes_while_undoing(void **state)
{
	struct fixture *fixture = *state;
	struct plan_write write;
	struct block *block;

	assert_int_equal(range(fixture, 34 * UNIT, 2 * UNIT), 0);
	block = next(fixture, &write);
	block->state = BLOCK_OFFLINE;
	job_result(&fixture->job, 0, block);
	job_result(&fixture->job, -EBUSY, next(fixture, &write));
	fixture->snapshot.count = 3; /* 35 is gone */
	assert_false(job_next(&fixture->job, &fixture->snapshot, &write));
	assert_int_equal(fixture->job.items[0].response, JOB_NOT_FOUND);
}

/* The kernel refused the write, and the block is offline all the same: that is not the job's. */
static void leaves_offline_what_another_took_offline(void **state)
{
	struct fixture *fixture = *state;
	struct plan_write write;
	struct block *block;

	assert_int_equal(range(fixture, 33 * UNIT, 3 * UNIT), 0);
	block = next(fixture, &write);
	block->state = BLOCK_OFFLINE;
	job_result(&fixture->job, -EBUSY, block);
	/* Nobody knows whose this was. */
	block = next(fixture, &write);
	block->state = BLOCK_OFFLINE;
	job_result(&fixture->job, -ETIMEDOUT, block);
	job_result(&fixture->job, -EBUSY, next(fixture, &write));
	block = next(fixture, &write);
	assert_int_equal(write.index, 34);
	block->state = BLOCK_ONLINE;
	job_result(&fixture->job, 0, block);
	assert_false(job_next(&fixture->job, &fixture->snapshot, &write));
	assert_int_equal(fixture->job.items[0].response, JOB_SUCCESS);
	assert_int_equal(fixture->job.items[1].response, JOB_ROLLED_BACK);
	assert_int_equal(fixture->job.items[2].response, JOB_FAILED);
}

/* It is to be online once it is off; where it goes offline again at once it was. */
static void a_block_that_is_going_offline_is_written_to(void **state)
{
	struct fixture *fixture = *state;
	struct plan_write write;
	struct block *block = snapshot_find(&fixture->snapshot, 32);

	block->state = BLOCK_GOING_OFFLINE;
	assert_int_equal(job_init(&fixture->job, JOB_SET, 1), 0);
	fixture->job.items[0].index = 32;
	fixture->job.items[0].word = ONLINE_TYPE_ONLINE;
	assert_ptr_equal(next(fixture, &write), block);
	job_result(&fixture->job, 0, block);
	assert_false(job_next(&fixture->job, &fixture->snapshot, &write));
	assert_int_equal(fixture->job.items[0].response, JOB_SUCCESS);
}

static void passes_over_blocks_that_are_gone(void **state)
{
	struct fixture *fixture = *state;

	fixture->snapshot.blocks[1].state = BLOCK_ABSENT;
	assert_int_equal(range(fixture, 32 * UNIT, 4 * UNIT), 0);
	assert_int_equal(fixture->job.count, 3);
	assert_int_equal(fixture->job.items[0].index, 35);
	assert_int_equal(fixture->job.items[1].index, 34);
	assert_int_equal(fixture->job.items[2].index, 32);
}

/* All or nothing: each item says how its block is, whether it was tried or not. */
static void says_the_state_of_what_was_not_tried(void **state)
{
	struct fixture *fixture = *state;
	struct plan_write write;
	size_t i;

	assert_int_equal(range(fixture, 32 * UNIT, 4 * UNIT), 0);
	job_result(&fixture->job, -EBUSY, next(fixture, &write));
	assert_false(job_next(&fixture->job, &fixture->snapshot, &write));
	assert_int_equal(fixture->job.items[0].response, JOB_FAILED);
	for (i = 0; i < 4; i++)
		assert_int_equal(fixture->job.items[i].state, BLOCK_ONLINE);
	for (i = 1; i < 4; i++)
		assert_int_equal(fixture->job.items[i].response, JOB_NOT_TRIED);
}

/* Where the zone was the policy's wish and the kernel cannot give it. */
static void takes_any_zone_where_that_was_not_asked_for(void **state)
{
	struct fixture *fixture = *state;
	struct plan_write write;
	struct block *block = &fixture->snapshot.blocks[0];

	block->state = BLOCK_OFFLINE;
	assert_int_equal(job_init_range(&fixture->job, JOB_ONLINE, &fixture->snapshot,
					32 * UNIT, UNIT, ONLINE_TYPE_ONLINE_KERNEL),
			 0);
	fixture->job.falls_back = true;
	job_result(&fixture->job, -EINVAL, next(fixture, &write));
	assert_int_equal(write.word, ONLINE_TYPE_ONLINE_KERNEL);
	next(fixture, &write);
	assert_int_equal(write.word, ONLINE_TYPE_ONLINE);
	assert_int_equal(write.reason, REASON_ZONE_FIXED);
	block->state = BLOCK_ONLINE;
	job_result(&fixture->job, 0, block);
	assert_false(job_next(&fixture->job, &fixture->snapshot, &write));
	assert_int_equal(fixture->job.items[0].reason, REASON_ZONE_FIXED);
	assert_true(job_succeeded(&fixture->job));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

/* Before 4.13 ZONE_MOVABLE takes nothing else. */
static void goes_online_from_the_top_if_told(void **state)
{
	struct fixture *fixture = *state;
	struct plan_write write;
	size_t i;

	for (i = 0; i < 4; i++)
		fixture->snapshot.blocks[i].state = BLOCK_OFFLINE;
	fixture->snapshot.machine.kernel.has[KERNEL_MOVABLE_FROM_TOP] = true;
	assert_int_equal(job_init_range(&fixture->job, JOB_ONLINE, &fixture->snapshot,
					32 * UNIT, 3 * UNIT, ONLINE_TYPE_ONLINE_MOVABLE),
			 0);
	for (i = 34; i >= 32; i--) {
		struct block after = { .index = i, .state = BLOCK_ONLINE };

		assert_true(job_next(&fixture->job, &fixture->snapshot, &write));
		assert_int_equal(write.index, i);
		job_result(&fixture->job, 0, &after);
	}
	assert_true(job_succeeded(&fixture->job));
}

static void a_list_goes_from_the_top_and_is_answered_as_asked(void **state)
{
	static const uint64_t asked[] = { 33, 35, 32, 33 };
	static const uint64_t from_top[] = { 35, 33, 33, 32 };
	struct fixture *fixture = *state;
	size_t i;

	assert_int_equal(job_init(&fixture->job, JOB_SET, 4), 0);
	for (i = 0; i < 4; i++)
		fixture->job.items[i].index = asked[i];
	job_sort_from_top(&fixture->job);
	for (i = 0; i < 4; i++)
		assert_int_equal(fixture->job.items[i].index, from_top[i]);
	assert_true(fixture->job.items[1].position < fixture->job.items[2].position);
	job_restore_order(&fixture->job);
	for (i = 0; i < 4; i++)
		assert_int_equal(fixture->job.items[i].index, asked[i]);
}

static void check_order(struct fixture *fixture, enum job_kind kind,
			const uint64_t *indices)
{
	struct job *job = &fixture->job;
	size_t i;

	assert_int_equal(job_init_range(job, kind, &fixture->snapshot, 32 * UNIT,
					16 * UNIT, ONLINE_TYPE_ONLINE),
			 0);
	assert_int_equal(job->count, 16);
	for (i = 0; i < 16; i++)
		assert_int_equal(job->items[i].index, indices[i]);
	job_restore_order(job);
	for (i = 0; i < 16; i++)
		assert_int_equal(job->items[i].index, 32 + i);
	job_free(job);
}

/* The kernel's walk over the zone ends at the second block, whichever way they go. */
static void leaves_a_gap_in_a_long_range(void **state)
{
	static const uint64_t online[] = { 32, 34, 35, 36, 37, 38, 39, 40,
					   41, 42, 43, 44, 45, 46, 47, 33 };
	static const uint64_t offline[] = { 33, 47, 46, 45, 44, 43, 42, 41,
					    40, 39, 38, 37, 36, 35, 34, 32 };
	static const uint64_t from_top[] = { 47, 46, 45, 44, 43, 42, 41, 40,
					     39, 38, 37, 36, 35, 34, 33, 32 };
	struct fixture *fixture = *state;
	uint64_t i;

	for (i = 36; i < 48; i++) {
		struct block block = { .index = i, .state = BLOCK_ONLINE };

		assert_int_equal(snapshot_add_block(&fixture->snapshot, &block), 0);
	}
	check_order(fixture, JOB_ONLINE, online);
	check_order(fixture, JOB_OFFLINE, offline);
	fixture->snapshot.machine.kernel.has[KERNEL_MOVABLE_FROM_TOP] = true;
	check_order(fixture, JOB_ONLINE, from_top);
	check_order(fixture, JOB_OFFLINE, from_top);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_crooked_ranges),
		TEST(answers_without_a_write_where_none_is_needed),
		TEST(goes_on_after_a_failure_where_each_is_for_itself),
		TEST(believes_the_state_of_an_accepted_write),
		TEST(a_write_whose_time_is_over_is_not_a_refusal),
		TEST(undoes_into_the_zone_it_was),
		TEST(survives_a_block_that_goes_while_undoing),
		TEST(leaves_offline_what_another_took_offline),
		TEST(a_block_that_is_going_offline_is_written_to),
		TEST(passes_over_blocks_that_are_gone),
		TEST(says_the_state_of_what_was_not_tried),
		TEST(takes_any_zone_where_that_was_not_asked_for),
		TEST(goes_online_from_the_top_if_told),
		TEST(leaves_a_gap_in_a_long_range),
		TEST(a_list_goes_from_the_top_and_is_answered_as_asked),
	};

	return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
