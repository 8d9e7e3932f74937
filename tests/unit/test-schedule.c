/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "core/schedule.h"

#define NOW 1000000000ull /* any time */
#define MSEC 1000ull
#define SEC 1000000ull

/* One transition: the state before, and what follows. */
static void each_fact_has_its_action(void **state)
{
	const struct {
		const char *name;
		struct schedule before;
		struct schedule_facts facts;
		enum schedule_action action;
		enum schedule_state state;
		uint64_t wake_usec;
	} rows[] = {
		{ "nothing",
		  { .is_reported = true },
		  { 0 },
		  SCHEDULE_WAIT,
		  SCHEDULE_IDLE,
		  0 },
		{ "something was done",
		  { 0 },
		  { 0 },
		  SCHEDULE_REPORT,
		  SCHEDULE_REPORTING,
		  0 },
		{ "a scan is wanted",
		  { .scan_wanted = true },
		  { .has_job = true, .has_probe = true },
		  SCHEDULE_SCAN,
		  SCHEDULE_SCANNING,
		  0 },
		{ "a write was made",
		  { .has_written = true },
		  { .has_probe = true },
		  SCHEDULE_SCAN,
		  SCHEDULE_SCANNING,
		  0 },
		{ "a job's write was made",
		  { .has_written = true },
		  { .has_job = true },
		  SCHEDULE_STEP_JOB,
		  SCHEDULE_JOB,
		  0 },
		{ "a plan goes before a scan",
		  { .scan_wanted = true },
		  { .has_plan = true, .has_job = true },
		  SCHEDULE_WRITE,
		  SCHEDULE_WRITING,
		  0 },
		{ "a scan goes before gaps",
		  { .scan_wanted = true },
		  { .has_plan = true, .only_gaps = true },
		  SCHEDULE_SCAN,
		  SCHEDULE_SCANNING,
		  0 },
		{ "gaps go before what others wrote",
		  { .has_written = true },
		  { .has_plan = true, .only_gaps = true },
		  SCHEDULE_WRITE,
		  SCHEDULE_WRITING,
		  0 },
		{ "a write is in progress",
		  { .scan_wanted = true },
		  { .is_writing = true, .has_plan = true },
		  SCHEDULE_TAKE_RESULT,
		  SCHEDULE_WRITING,
		  0 },
		{ "and was left",
		  { .held_up_usec = NOW + SEC },
		  { .is_writing = true, .is_left = true, .has_plan = true },
		  SCHEDULE_WAIT,
		  SCHEDULE_WRITING,
		  NOW + SEC },
		{ "for a second",
		  { .held_up_usec = NOW },
		  { .is_writing = true, .is_left = true },
		  SCHEDULE_NOTICE_HELD_UP,
		  SCHEDULE_IDLE,
		  0 },
		{ "a block is being taken offline",
		  { .scan_wanted = true },
		  { .is_offlining = true, .has_plan = true, .has_job = true },
		  SCHEDULE_WAIT,
		  SCHEDULE_JOB,
		  0 },
		{ "reports are pushed meanwhile",
		  { .scan_wanted = true },
		  { .is_offlining = true, .has_pushable = true },
		  SCHEDULE_PUSH,
		  SCHEDULE_IDLE,
		  0 },
		{ "events still come",
		  { .settled_usec = NOW + 1 },
		  { .has_probe = true },
		  SCHEDULE_WAIT,
		  SCHEDULE_SETTLING,
		  NOW + 1 },
		{ "a job does not wait for that",
		  { .settled_usec = NOW + 1 },
		  { .has_job = true },
		  SCHEDULE_STEP_JOB,
		  SCHEDULE_JOB,
		  0 },
		{ "ranges were named",
		  { 0 },
		  { .has_probe = true },
		  SCHEDULE_STEP_PROBE,
		  SCHEDULE_PROBING,
		  0 },
		{ "the soonest counts",
		  { .is_reported = true,
		    .rescan_usec = NOW + 3,
		    .retry_usec = NOW + 2,
		    .backup_usec = NOW + 4 },
		  { 0 },
		  SCHEDULE_WAIT,
		  SCHEDULE_RESCAN,
		  NOW + 2 },
		{ "refused writes wait",
		  { .is_reported = true, .retry_usec = NOW + 2 },
		  { 0 },
		  SCHEDULE_WAIT,
		  SCHEDULE_RETRYING,
		  NOW + 2 },
		{ "and are tried again",
		  { .is_reported = true, .retry_usec = NOW },
		  { 0 },
		  SCHEDULE_RETRY,
		  SCHEDULE_IDLE,
		  0 },
		{ "a report is held back",
		  { .is_reported = true, .rest_usec = NOW + 2 },
		  { 0 },
		  SCHEDULE_WAIT,
		  SCHEDULE_HOLDING,
		  NOW + 2 },
		{ "and no longer",
		  { .is_reported = true, .rest_usec = NOW },
		  { 0 },
		  SCHEDULE_REPORT,
		  SCHEDULE_REPORTING,
		  0 },
		{ "a block is read again",
		  { .is_reported = true, .rescan_usec = NOW },
		  { 0 },
		  SCHEDULE_SCAN,
		  SCHEDULE_SCANNING,
		  0 },
		{ "the backup source is read",
		  { .is_reported = true, .backup_usec = NOW - 1 },
		  { .is_writing = true, .is_left = true },
		  SCHEDULE_READ_BACKUP,
		  SCHEDULE_IDLE,
		  0 },
		{ "one write follows another",
		  { .is_reported = true },
		  { .is_writing = true, .may_write_ahead = true, .has_plan = true },
		  SCHEDULE_WRITE_AHEAD,
		  SCHEDULE_WRITING,
		  0 },
		{ "but not one that nobody waits for",
		  { .is_reported = true },
		  { .is_writing = true,
		    .is_left = true,
		    .may_write_ahead = true,
		    .has_plan = true },
		  SCHEDULE_WAIT,
		  SCHEDULE_WRITING,
		  0 },
		{ "nor where nothing is left",
		  { .is_reported = true },
		  { .is_writing = true, .may_write_ahead = true },
		  SCHEDULE_TAKE_RESULT,
		  SCHEDULE_WRITING,
		  0 },
		{ "nor what closes a gap, before the scan",
		  { .scan_wanted = true },
		  { .is_writing = true,
		    .may_write_ahead = true,
		    .has_plan = true,
		    .only_gaps = true },
		  SCHEDULE_TAKE_RESULT,
		  SCHEDULE_WRITING,
		  0 },
		{ "a scan beside the newcomer's write",
		  { .scan_wanted = true,
		    .is_whole = true,
		    .announce_until_usec = NOW + SEC },
		  { .is_writing = true, .may_scan = true },
		  SCHEDULE_SCAN,
		  SCHEDULE_SCANNING,
		  0 },
		{ "and no other newcomer is read beside it",
		  { .scan_wanted = true,
		    .is_whole = true,
		    .may_advance = true,
		    .announce_until_usec = NOW + SEC },
		  { .is_writing = true,
		    .may_scan = true,
		    .has_newcomer = true,
		    .has_nodes = true },
		  SCHEDULE_SCAN,
		  SCHEDULE_SCANNING,
		  0 },
		{ "not while the kernel makes blocks",
		  { .scan_wanted = true, .announce_until_usec = NOW + SEC },
		  { .is_writing = true, .may_scan = true, .seqnum = 7 },
		  SCHEDULE_TAKE_RESULT,
		  SCHEDULE_WRITING,
		  0 },
		{ "not beside any other write",
		  { .scan_wanted = true,
		    .is_whole = true,
		    .announce_until_usec = NOW + SEC },
		  { .is_writing = true },
		  SCHEDULE_TAKE_RESULT,
		  SCHEDULE_WRITING,
		  0 },
		{ "the kernel makes blocks",
		  { .scan_wanted = true, .announce_until_usec = NOW + SEC },
		  { .seqnum = 7, .has_job = true },
		  SCHEDULE_WAIT,
		  SCHEDULE_ANNOUNCING,
		  NOW + 5 * MSEC },
		{ "no more than before",
		  { .scan_wanted = true,
		    .announce_until_usec = NOW + SEC,
		    .announce_seqnum = 7 },
		  { .seqnum = 7 },
		  SCHEDULE_SCAN,
		  SCHEDULE_SCANNING,
		  0 },
		{ "for too long",
		  { .scan_wanted = true, .announce_until_usec = NOW },
		  { .seqnum = 8 },
		  SCHEDULE_SCAN,
		  SCHEDULE_SCANNING,
		  0 },
		{ "and does not count them",
		  { .scan_wanted = true, .announce_until_usec = NOW + SEC },
		  { 0 },
		  SCHEDULE_SCAN,
		  SCHEDULE_SCANNING,
		  0 },
		{ "a plan does not wait for that",
		  { .scan_wanted = true, .announced_usec = NOW + 1 },
		  { .has_plan = true },
		  SCHEDULE_WRITE,
		  SCHEDULE_WRITING,
		  0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct schedule schedule = rows[i].before;
		struct schedule_step step = schedule_next(&schedule, &rows[i].facts, NOW);

		if (step.action != rows[i].action || schedule.state != rows[i].state ||
		    step.wake_usec != rows[i].wake_usec)
			fail_msg("%s: action %d, state %s, wake-up %llu", rows[i].name,
				 (int)step.action, schedule_state_text(schedule.state),
				 (unsigned long long)step.wake_usec);
		assert_int_equal(step.from, SCHEDULE_IDLE);
		assert_non_null(step.why);
	}
}

static struct schedule_step next(struct schedule *schedule, uint64_t now_usec)
{
	const struct schedule_facts facts = { .has_plan = false };

	return schedule_next(schedule, &facts, now_usec);
}

static void one_burst_from_event_to_report(void **state)
{
	struct schedule schedule = { .has_timer = true, .is_reported = true };
	struct schedule_facts facts = { .seqnum = 5 };

	(void)state;
	assert_int_equal(next(&schedule, NOW).action, SCHEDULE_WAIT);
	schedule_expect_more(&schedule, NOW);
	schedule_want_scan(&schedule, NOW);
	assert_true(schedule_needs_seqnum(&schedule, NOW));
	assert_int_equal(schedule_next(&schedule, &facts, NOW).action, SCHEDULE_WAIT);
	assert_int_equal(schedule.state, SCHEDULE_ANNOUNCING);
	assert_false(schedule_needs_seqnum(&schedule, NOW));
	/* No later than promised, and the event in between puts nothing off. */
	schedule_expect_more(&schedule, NOW + 4 * MSEC);
	assert_int_equal(next(&schedule, NOW + 4 * MSEC).wake_usec, NOW + 5 * MSEC);
	/* The pause is over, more has come: another one. */
	assert_true(schedule_needs_seqnum(&schedule, NOW + 5 * MSEC));
	facts.seqnum = 6;
	assert_int_equal(schedule_next(&schedule, &facts, NOW + 5 * MSEC).wake_usec,
			 NOW + 10 * MSEC);
	assert_int_equal(schedule_next(&schedule, &facts, NOW + 10 * MSEC).action,
			 SCHEDULE_SCAN);
	facts.has_plan = true;
	assert_int_equal(schedule_next(&schedule, &facts, NOW).action, SCHEDULE_WRITE);
	schedule.has_written = true;
	assert_int_equal(next(&schedule, NOW).action, SCHEDULE_SCAN);
	assert_int_equal(next(&schedule, NOW).action, SCHEDULE_REPORT);
	assert_int_equal(schedule.begun_usec, NOW);
	schedule_reported(&schedule, false, NOW);
	assert_int_equal(schedule.begun_usec, 0);
	schedule_hold(&schedule, 0);
	assert_int_equal(next(&schedule, NOW).action, SCHEDULE_WAIT);
	assert_int_equal(next(&schedule, NOW).wake_usec, 0);
	assert_int_equal(schedule.state, SCHEDULE_IDLE);
}

static void the_newcomer_goes_before_the_others(void **state)
{
	struct schedule schedule = { .has_timer = true };
	struct schedule_facts facts = { .seqnum = 5,
					.has_newcomer = true,
					.has_nodes = true };

	(void)state;
	schedule_expect_more(&schedule, NOW);
	schedule_want_scan(&schedule, NOW);
	assert_int_equal(schedule_next(&schedule, &facts, NOW).action, SCHEDULE_ADVANCE);
	assert_int_equal(schedule.state, SCHEDULE_ANNOUNCING);
	/* It is not whole: the next time after the pause. */
	assert_int_equal(schedule_next(&schedule, &facts, NOW).wake_usec, NOW + 5 * MSEC);
	facts.seqnum = 6;
	assert_int_equal(schedule_next(&schedule, &facts, NOW + 5 * MSEC).action,
			 SCHEDULE_ADVANCE);
	schedule_dimm_whole(&schedule);
	facts.has_plan = true;
	assert_int_equal(schedule_next(&schedule, &facts, NOW + 5 * MSEC).action,
			 SCHEDULE_WRITE);
	facts.has_plan = facts.has_newcomer = false;
	/* Whatever comes: the DIMM is whole. */
	facts.seqnum = 7;
	assert_int_equal(schedule_next(&schedule, &facts, NOW + 6 * MSEC).action,
			 SCHEDULE_SCAN);
	/* The next one has to be waited for again. */
	schedule_want_scan(&schedule, NOW + 7 * MSEC);
	schedule_expect_more(&schedule, NOW + 7 * MSEC);
	assert_int_equal(schedule_next(&schedule, &facts, NOW + 7 * MSEC).wake_usec,
			 NOW + 12 * MSEC);
}

/* A machine that is busy makes none for longer than the pause. */
static void an_unlinked_newcomer_is_waited_for(void **state)
{
	struct schedule schedule = { .has_timer = true };
	struct schedule_facts facts = { .seqnum = 5,
					.has_newcomer = true,
					.has_nodes = true };
	uint64_t now_usec;

	(void)state;
	schedule_expect_more(&schedule, NOW);
	schedule_want_scan(&schedule, NOW);
	for (now_usec = NOW; now_usec < NOW + 250 * MSEC; now_usec += 5 * MSEC) {
		assert_int_equal(schedule_next(&schedule, &facts, now_usec).action,
				 SCHEDULE_ADVANCE);
		assert_int_equal(schedule_next(&schedule, &facts, now_usec).wake_usec,
				 now_usec + 5 * MSEC);
	}
	/* It may never be linked. */
	assert_int_equal(schedule_next(&schedule, &facts, now_usec).action,
			 SCHEDULE_ADVANCE);
	assert_int_equal(schedule_next(&schedule, &facts, now_usec).action,
			 SCHEDULE_SCAN);
}

/* What is whole when nothing was waited for says nothing of the next. */
static void a_whole_dimm_ends_no_later_wait(void **state)
{
	struct schedule schedule = { .has_timer = true };
	struct schedule_facts facts = { .seqnum = 5 };

	(void)state;
	schedule_dimm_whole(&schedule);
	schedule_expect_more(&schedule, NOW);
	schedule_want_scan(&schedule, NOW);
	assert_int_equal(schedule_next(&schedule, &facts, NOW).action, SCHEDULE_WAIT);
}

/* Only when no more are made is a block known to be whole. */
static void without_nodes_the_newcomer_waits_for_the_others(void **state)
{
	struct schedule schedule = { .has_timer = true };
	struct schedule_facts facts = { .seqnum = 5, .has_newcomer = true };

	(void)state;
	schedule_expect_more(&schedule, NOW);
	schedule_want_scan(&schedule, NOW);
	assert_int_equal(schedule_next(&schedule, &facts, NOW).action, SCHEDULE_WAIT);
	assert_int_equal(schedule_next(&schedule, &facts, NOW + 5 * MSEC).action,
			 SCHEDULE_ADVANCE);
	assert_int_equal(schedule_next(&schedule, &facts, NOW + 5 * MSEC).action,
			 SCHEDULE_SCAN);
}

/* The scan itself succeeds each time, and begins its own pauses again. */
static void decides_again_at_longer_and_longer_pauses(void **state)
{
	struct schedule schedule = { .has_timer = true };
	uint64_t now = NOW;
	unsigned i;

	(void)state;
	for (i = 0; i < 15; i++) {
		schedule_reset_rescan(&schedule);
		schedule_undecided(&schedule, now);
		assert_int_equal(schedule.rescan_usec,
				 now + ((10 * MSEC) << (i < 7 ? i : 7)));
		/* Decisions that others ask for meanwhile do not count. */
		schedule_undecided(&schedule, now + MSEC);
		now = schedule.rescan_usec;
		schedule.rescan_usec = 0;
	}
	/* What comes then and cannot be read yet does not wait for so long. */
	schedule_undecided(&schedule, now);
	schedule_decided(&schedule);
	schedule_rescan(&schedule, now);
	assert_int_equal(schedule.rescan_usec, now + 10 * MSEC);
	schedule.rescan_usec = 0;
	schedule_undecided(&schedule, now);
	assert_int_equal(schedule.rescan_usec, now + 10 * MSEC);
}

static void rescans_at_longer_and_longer_pauses(void **state)
{
	struct schedule schedule = { .has_timer = true };
	uint64_t now = NOW;
	unsigned i;

	(void)state;
	for (i = 0; i < 12; i++) {
		assert_true(schedule_may_rescan(&schedule));
		schedule_rescan(&schedule, now);
		assert_int_equal(schedule.rescan_usec, now + ((10 * MSEC) << i));
		/* One is waited for already. */
		schedule_rescan(&schedule, now + MSEC);
		assert_int_equal(schedule.rescan_usec, now + ((10 * MSEC) << i));
		now = schedule.rescan_usec;
		assert_int_equal(next(&schedule, now).action, SCHEDULE_SCAN);
	}
	assert_false(schedule_may_rescan(&schedule));
	schedule_rescan(&schedule, now);
	assert_int_equal(schedule.rescan_usec, 0);
	/* What cannot be read at all has no end of tries. */
	for (i = 0; i < 3; i++) {
		schedule_scan_failed(&schedule, now);
		assert_int_equal(schedule.rescan_usec, now + ((10 * MSEC) << 11));
		now = schedule.rescan_usec;
		assert_int_equal(next(&schedule, now).action, SCHEDULE_SCAN);
	}
	schedule_reset_rescan(&schedule);
	schedule_rescan(&schedule, now);
	assert_int_equal(schedule.rescan_usec, now + 10 * MSEC);
}

static void retries_until_nothing_waits(void **state)
{
	struct schedule schedule = { .has_timer = true };

	(void)state;
	schedule_refused(&schedule);
	schedule_reported(&schedule, true, NOW);
	assert_int_equal(schedule.retry_usec, NOW + 100 * MSEC);
	/* Other work does not put it off. */
	schedule_refused(&schedule);
	schedule_reported(&schedule, true, NOW + 50 * MSEC);
	assert_int_equal(schedule.retry_usec, NOW + 100 * MSEC);
	assert_int_equal(next(&schedule, NOW + 100 * MSEC).action, SCHEDULE_RETRY);
	assert_true(schedule.scan_wanted);
	schedule_reported(&schedule, true, NOW + SEC);
	assert_int_equal(schedule.retry_usec, NOW + SEC + 200 * MSEC);
	assert_int_equal(next(&schedule, NOW + 2 * SEC).action, SCHEDULE_RETRY);
	/* Nothing was refused since: there is nothing to wait for. */
	schedule_reported(&schedule, true, NOW + 3 * SEC);
	assert_int_equal(schedule.retry_usec, 0);
	schedule_reported(&schedule, false, NOW + 3 * SEC);
	schedule_refused(&schedule);
	schedule_reported(&schedule, true, NOW + 3 * SEC);
	assert_int_equal(schedule.retry_usec, NOW + 3 * SEC + 100 * MSEC);
}

static void settles_when_nothing_changes(void **state)
{
	struct schedule schedule = { .has_timer = true };

	(void)state;
	schedule_unsettle(&schedule, NOW);
	assert_false(schedule_has_to_settle(&schedule, false, NOW));
	assert_true(schedule_settle(&schedule, true, 500, NOW));
	assert_int_equal(schedule.settled_usec, NOW + 500 * MSEC);
	/* A scan that saw nothing new does not put it off, one that did does. */
	assert_true(schedule_settle(&schedule, true, 500, NOW + 100 * MSEC));
	assert_int_equal(schedule.settled_usec, NOW + 500 * MSEC);
	schedule_unsettle(&schedule, NOW + 200 * MSEC);
	assert_true(schedule_settle(&schedule, true, 500, NOW + 200 * MSEC));
	assert_int_equal(schedule.settled_usec, NOW + 700 * MSEC);
	assert_int_equal(next(&schedule, NOW + 700 * MSEC).action, SCHEDULE_SCAN);
	assert_false(schedule_settle(&schedule, true, 500, NOW + 700 * MSEC));
	/* Something changed between the last decision and the end. */
	schedule_unsettle(&schedule, NOW);
	schedule_settle(&schedule, true, 500, NOW);
	schedule_unsettle(&schedule, NOW + MSEC);
	next(&schedule, NOW + 500 * MSEC);
	assert_true(schedule_has_to_settle(&schedule, true, NOW + 500 * MSEC));
	/* Something always changes: not for ever. */
	assert_true(schedule_has_to_settle(&schedule, true, NOW + 60 * SEC - 1));
	assert_false(schedule_has_to_settle(&schedule, true, NOW + 60 * SEC));
}

static void a_write_is_held_up_second_by_second(void **state)
{
	const struct schedule_facts facts = { .is_writing = true, .is_left = true };
	struct schedule schedule = { .has_timer = true };

	(void)state;
	schedule_leave_write(&schedule, NOW);
	assert_int_equal(schedule_next(&schedule, &facts, NOW).wake_usec, NOW + SEC);
	assert_int_equal(schedule_next(&schedule, &facts, NOW + SEC).action,
			 SCHEDULE_NOTICE_HELD_UP);
	assert_int_equal(schedule_next(&schedule, &facts, NOW + SEC).wake_usec,
			 NOW + 2 * SEC);
	schedule_write_over(&schedule);
	assert_int_equal(schedule_next(&schedule, &facts, NOW + SEC).wake_usec, 0);
	assert_int_equal(schedule_next(&schedule, &facts, NOW + 2 * SEC).action,
			 SCHEDULE_WAIT);
}

static void the_backup_source_is_read_once(void **state)
{
	struct schedule schedule = { .has_timer = true, .is_reported = true };

	(void)state;
	schedule_backup(&schedule, 3000, NOW);
	assert_int_equal(next(&schedule, NOW).wake_usec, NOW + 3 * SEC);
	assert_int_equal(next(&schedule, NOW + 3 * SEC).action, SCHEDULE_READ_BACKUP);
	assert_int_equal(next(&schedule, NOW + 3 * SEC).wake_usec, 0);
}

/* Who steps by hand would wait for ever. */
static void without_a_timer_nothing_waits(void **state)
{
	struct schedule schedule = { .has_timer = false };

	(void)state;
	schedule_expect_more(&schedule, NOW);
	assert_false(schedule_needs_seqnum(&schedule, NOW));
	schedule_rescan(&schedule, NOW);
	schedule_refused(&schedule);
	schedule_reported(&schedule, true, NOW);
	schedule_unsettle(&schedule, NOW);
	assert_false(schedule_settle(&schedule, true, 500, NOW));
	assert_int_equal(next(&schedule, NOW).wake_usec, 0);
}

static void each_state_has_a_name(void **state)
{
	int i, j;

	(void)state;
	for (i = 0; i < SCHEDULE_STATES; i++)
		for (j = 0; j < i; j++)
			assert_string_not_equal(
				schedule_state_text((enum schedule_state)i),
				schedule_state_text((enum schedule_state)j));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_fact_has_its_action),
		cmocka_unit_test(one_burst_from_event_to_report),
		cmocka_unit_test(the_newcomer_goes_before_the_others),
		cmocka_unit_test(an_unlinked_newcomer_is_waited_for),
		cmocka_unit_test(a_whole_dimm_ends_no_later_wait),
		cmocka_unit_test(without_nodes_the_newcomer_waits_for_the_others),
		cmocka_unit_test(decides_again_at_longer_and_longer_pauses),
		cmocka_unit_test(rescans_at_longer_and_longer_pauses),
		cmocka_unit_test(retries_until_nothing_waits),
		cmocka_unit_test(settles_when_nothing_changes),
		cmocka_unit_test(a_write_is_held_up_second_by_second),
		cmocka_unit_test(the_backup_source_is_read_once),
		cmocka_unit_test(without_a_timer_nothing_waits),
		cmocka_unit_test(each_state_has_a_name),
	};

	return cmocka_run_group_tests_name("schedule", tests, NULL, NULL);
}
