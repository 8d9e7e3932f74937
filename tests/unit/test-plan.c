/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>

#include "core/plan.h"

#define BLOCK_SIZE 0x8000000u

static void plans_nothing_from_nothing(void **state)
{
	struct policy_verdict none = { ONLINE_TYPE_NONE, REASON_POLICY_KEEP };
	struct plan plan = PLAN_INIT;

	(void)state;
	assert_null(plan_take(&plan));
	assert_int_equal(plan_add(&plan, 1, &none), 0);
	assert_null(plan_take(&plan));
	assert_true(plan_reserve(&plan, SIZE_MAX) < 0);
	plan_free(&plan);
}

static void keeps_the_order(void **state)
{
	struct policy_verdict online = { ONLINE_TYPE_ONLINE, REASON_POLICY };
	struct plan plan = PLAN_INIT;
	uint64_t i;

	(void)state;
	for (i = 0; i < 200; i++)
		assert_int_equal(plan_add(&plan, i, &online), 0);
	for (i = 0; i < 200; i++)
		assert_int_equal(plan_take(&plan)->index, i);
	assert_null(plan_take(&plan));
	plan_put_back(&plan, 1);
	assert_int_equal(plan_take(&plan)->index, i - 1);
	assert_null(plan_take(&plan));
	plan_put_back(&plan, plan.count + 1);
	assert_int_equal(plan.next, 0);
	plan_clear(&plan);
	assert_null(plan_take(&plan));
	assert_int_equal(plan_add(&plan, 7, &online), 0);
	assert_int_equal(plan_take(&plan)->index, 7);
	plan_free(&plan);
}

static void take_run(struct plan *plan, uint64_t first, uint64_t last)
{
	for (; first <= last; first++)
		assert_int_equal(plan_take(plan)->index, first);
}

/* The second block of a long run waits, so that the kernel's walk over the zone ends at it. */
static void leaves_a_gap_in_each_long_run(void **state)
{
	struct policy_verdict movable = { ONLINE_TYPE_ONLINE_MOVABLE, REASON_POLICY };
	struct policy_verdict kernel = { ONLINE_TYPE_ONLINE_KERNEL, REASON_POLICY };
	struct plan plan = PLAN_INIT;
	uint64_t i;

	(void)state;
	plan_leave_gaps(&plan);
	assert_null(plan_take(&plan));
	/*
	 * 0-15, then others with another online type, a short run, a long one apart, a
	 * short one.
	 */
	for (i = 0; i < 16; i++)
		assert_int_equal(plan_add(&plan, i, &movable), 0);
	for (i = 16; i < 40; i++)
		assert_int_equal(plan_add(&plan, i, &kernel), 0);
	for (i = 50; i < 52; i++)
		assert_int_equal(plan_add(&plan, i, &movable), 0);
	for (i = 60; i < 65; i++)
		assert_int_equal(plan_add(&plan, i, &kernel), 0);
	for (i = 100; i < 120; i++)
		assert_int_equal(plan_add(&plan, i, &movable), 0);
	for (i = 130; i < 145; i++)
		assert_int_equal(plan_add(&plan, i, &movable), 0);
	plan_leave_gaps(&plan);
	take_run(&plan, 0, 0);
	take_run(&plan, 2, 16);
	take_run(&plan, 18, 39);
	take_run(&plan, 60, 64);
	take_run(&plan, 100, 100);
	take_run(&plan, 102, 119);
	assert_false(plan_is_late(&plan));
	take_run(&plan, 130, 144);
	assert_true(plan_is_late(&plan));
	take_run(&plan, 101, 101);
	take_run(&plan, 51, 51);
	take_run(&plan, 50, 50);
	take_run(&plan, 17, 17);
	take_run(&plan, 1, 1);
	assert_null(plan_take(&plan));
	assert_false(plan_is_late(&plan));
	plan_free(&plan);
}

/* What the write returned and what is read afterwards: the latter decides. */
static const struct {
	enum online_type word;
	int error;
	enum block_state after;
	enum block_zone zone;
	enum report_result result;
	int errno_reported;
	enum reason reason;
} rows[] = {
	{ ONLINE_TYPE_ONLINE, -EBUSY, BLOCK_OFFLINE, BLOCK_ZONE_NORMAL, REPORT_FAILED,
	  EBUSY, REASON_REFUSED },
	{ ONLINE_TYPE_ONLINE, 0, BLOCK_OFFLINE, BLOCK_ZONE_NORMAL, REPORT_FAILED, 0,
	  REASON_UNCHANGED },
	{ ONLINE_TYPE_ONLINE, -ENOENT, BLOCK_ABSENT, BLOCK_ZONE_UNKNOWN, REPORT_FAILED,
	  ENOENT, REASON_REMOVED },
	{ ONLINE_TYPE_ONLINE, 0, BLOCK_UNREADABLE, BLOCK_ZONE_UNKNOWN, REPORT_FAILED, 0,
	  REASON_UNCHANGED },
	{ ONLINE_TYPE_ONLINE, -EINVAL, BLOCK_ONLINE, BLOCK_ZONE_MOVABLE, REPORT_SUCCESS,
	  0, REASON_ONLINED_ELSEWHERE },
	{ ONLINE_TYPE_ONLINE_MOVABLE, -EINVAL, BLOCK_ONLINE, BLOCK_ZONE_NORMAL,
	  REPORT_SUCCESS, 0, REASON_ZONE_DIFFERS },
	{ ONLINE_TYPE_ONLINE_KERNEL, 0, BLOCK_ONLINE, BLOCK_ZONE_MOVABLE, REPORT_SUCCESS,
	  0, REASON_ZONE_DIFFERS },
	/* If no file shows the zone, it counts as the right one. */
	{ ONLINE_TYPE_ONLINE_MOVABLE, 0, BLOCK_ONLINE, BLOCK_ZONE_UNKNOWN, REPORT_SUCCESS,
	  0, REASON_POLICY },
	{ ONLINE_TYPE_ONLINE_MOVABLE, 0, BLOCK_ONLINE, BLOCK_ZONE_MOVABLE, REPORT_SUCCESS,
	  0, REASON_POLICY },
	{ ONLINE_TYPE_ONLINE, 0, BLOCK_ONLINE, BLOCK_ZONE_MOVABLE, REPORT_SUCCESS, 0,
	  REASON_POLICY },
};

static void judges_by_what_is_read(void **state)
{
	struct block before = { .index = 32, .node = 1, .state = BLOCK_OFFLINE };
	struct report_range result;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct plan_write write = { 32, rows[i].word, REASON_POLICY, false };
		struct block after = { .index = 32, .state = (uint8_t)rows[i].after };

		after.zone_count = rows[i].zone != BLOCK_ZONE_UNKNOWN;
		after.zones[0] = (uint8_t)rows[i].zone;
		plan_judge(&write, rows[i].error, &before, &after, BLOCK_SIZE, &result);
		assert_int_equal(result.result, rows[i].result);
		assert_int_equal(result.error, rows[i].errno_reported);
		assert_int_equal(result.reason, rows[i].reason);
		assert_int_equal(result.from, BLOCK_OFFLINE);
		assert_int_equal(result.to, rows[i].after);
		assert_int_equal(result.requested, rows[i].word);
		assert_int_equal(result.node, 1);
		assert_true(result.start == 0x100000000);
		assert_int_equal(result.size, BLOCK_SIZE);
	}
}

static void backs_off(void **state)
{
	static const uint64_t pauses[] = { 100,	 200,  400,   800,   1600,
					   3200, 6400, 12800, 25600, 30000 };
	unsigned i;

	(void)state;
	assert_false(plan_may_pass(EINVAL));
	assert_false(plan_may_pass(0));
	assert_true(plan_may_pass(EBUSY));
	for (i = 0; i < sizeof(pauses) / sizeof(pauses[0]); i++)
		assert_int_equal(plan_retry_pause_msec(i), pauses[i]);
	assert_int_equal(plan_retry_pause_msec(UINT32_MAX), 30000);
}

/* What closes a gap may have to wait for a scan when its turn has come. */
static void what_closes_gaps_is_not_taken_along(void **state)
{
	struct policy_verdict online = { ONLINE_TYPE_ONLINE, REASON_POLICY };
	struct plan_write writes[PLAN_LONG_RUN + 1];
	struct plan plan = PLAN_INIT;
	uint64_t i;

	(void)state;
	for (i = 0; i < PLAN_LONG_RUN; i++)
		assert_int_equal(plan_add(&plan, i, &online), 0);
	plan_leave_gaps(&plan);
	assert_int_equal(plan_take_several(&plan, writes, 3), 3);
	assert_int_equal(writes[0].index, 0);
	assert_int_equal(writes[2].index, 3);
	assert_int_equal(plan_take_several(&plan, writes, PLAN_LONG_RUN + 1),
			 PLAN_LONG_RUN - 4);
	assert_true(plan_is_late(&plan));
	assert_int_equal(plan_take_several(&plan, writes, PLAN_LONG_RUN + 1), 1);
	assert_int_equal(writes[0].index, 1);
	assert_int_equal(plan_take_several(&plan, writes, PLAN_LONG_RUN + 1), 0);
	plan_free(&plan);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans_nothing_from_nothing),
		cmocka_unit_test(keeps_the_order),
		cmocka_unit_test(what_closes_gaps_is_not_taken_along),
		cmocka_unit_test(leaves_a_gap_in_each_long_run),
		cmocka_unit_test(backs_off),
		cmocka_unit_test(judges_by_what_is_read),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
