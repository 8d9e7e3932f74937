/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/schedule.h"

#include "core/plan.h"

#define USEC_PER_MSEC 1000u
#define RESCAN_FIRST_MSEC 10
#define RESCAN_TRIES 12 /* each after twice the time: 40 s in all; then 20 s for each */
#define UNDECIDED_TRIES \
	8 /* up to 1.28 s: a DIMM that comes ends the shortage, and waits for it */
#define ANNOUNCE_MSEC 5 /* without an event of any kind: then the DIMM is whole */
#define ANNOUNCE_MAX_USEC 250000
#define SETTLE_MAX_USEC 60000000 /* something always changes: go on all the same */
#define HELD_UP_MSEC 1000

const char *schedule_state_text(enum schedule_state state)
{
	static const char *const texts[SCHEDULE_STATES] = {
		[SCHEDULE_IDLE] = "idle",
		[SCHEDULE_SCANNING] = "scanning",
		[SCHEDULE_ANNOUNCING] = "announcing",
		[SCHEDULE_WRITING] = "writing",
		[SCHEDULE_SETTLING] = "settling",
		[SCHEDULE_JOB] = "job",
		[SCHEDULE_PROBING] = "probing",
		[SCHEDULE_REPORTING] = "reporting",
		[SCHEDULE_RESCAN] = "rescan",
		[SCHEDULE_RETRYING] = "retrying",
		[SCHEDULE_HOLDING] = "holding",
	};

	return state < SCHEDULE_STATES ? texts[state] : "?";
}

/* --- time */

static uint64_t after(uint64_t now_usec, uint64_t msec)
{
	return now_usec + msec * USEC_PER_MSEC;
}

/* Clears it, too. */
static bool is_due(uint64_t *when_usec, uint64_t now_usec)
{
	if (!*when_usec || now_usec < *when_usec)
		return false;
	*when_usec = 0;
	return true;
}

static uint64_t earlier(uint64_t a_usec, uint64_t b_usec)
{
	if (!a_usec || !b_usec)
		return a_usec ? a_usec : b_usec;
	return a_usec < b_usec ? a_usec : b_usec;
}

static uint64_t wake_usec(const struct schedule *schedule)
{
	uint64_t usec = earlier(schedule->rescan_usec, schedule->announced_usec);

	usec = earlier(usec, schedule->retry_usec);
	usec = earlier(usec, schedule->settled_usec);
	usec = earlier(usec, schedule->backup_usec);
	usec = earlier(usec, schedule->rest_usec);
	return earlier(usec, schedule->held_up_usec);
}

/* Settles what is due and needs no action. */
static void fire(struct schedule *schedule, uint64_t now_usec)
{
	is_due(&schedule->announced_usec, now_usec);
	if (is_due(&schedule->rest_usec, now_usec))
		schedule->is_reported = false;
	if (is_due(&schedule->rescan_usec, now_usec)) {
		if (schedule->rescan_tries < RESCAN_TRIES)
			schedule->rescan_tries++;
		schedule_want_scan(schedule, now_usec);
	}
	if (is_due(&schedule->settled_usec, now_usec)) {
		/* Unless the next decision has something new to see. */
		schedule->is_unsettled = schedule->has_moved;
		schedule_want_scan(schedule, now_usec);
	}
}

/* --- the transition */

bool schedule_needs_seqnum(const struct schedule *schedule, uint64_t now_usec)
{
	return schedule->announce_until_usec && schedule->announced_usec <= now_usec;
}

/*
 * Whether the kernel still makes the DIMM. As long as the newcomer waits for its link to the node, only
 * that counts: 5 ms without an event pass on a busy machine, too.
 */
static bool is_being_made(const struct schedule *schedule,
			  const struct schedule_facts *facts, uint64_t now_usec)
{
	if (now_usec >= schedule->announce_until_usec)
		return false;
	return (facts->has_newcomer && facts->has_nodes) ||
	       (facts->seqnum && facts->seqnum != schedule->announce_seqnum);
}

/*
 * The kernel makes a DIMM's blocks one by one, and who reads those that are there keeps it from
 * making the rest: 128 took 80 ms in place of 11 (6.1, two emulated processors), and each scan
 * found a few more of them.
 */
static bool is_announcing(struct schedule *schedule, const struct schedule_facts *facts,
			  uint64_t now_usec)
{
	if (!schedule->announce_until_usec && !schedule->announced_usec)
		return false;
	if (!schedule->is_whole && schedule->announced_usec)
		return true;
	if (!schedule->is_whole && is_being_made(schedule, facts, now_usec)) {
		schedule->announce_seqnum = facts->seqnum;
		schedule->announced_usec = after(now_usec, ANNOUNCE_MSEC);
		schedule->may_advance = true;
		return true;
	}
	schedule->announce_until_usec = schedule->announced_usec = 0;
	schedule->is_whole = false;
	schedule->may_advance = true;
	return false;
}

static struct schedule_step go(struct schedule *schedule, enum schedule_state state,
			       enum schedule_action action, const char *why)
{
	struct schedule_step step = { action, 0, schedule->state, why };

	schedule->state = state;
	if (action == SCHEDULE_WAIT)
		step.wake_usec = wake_usec(schedule);
	else if (action != SCHEDULE_PUSH && action != SCHEDULE_READ_BACKUP)
		schedule->is_reported = false;
	return step;
}

/* Like a step of the state that it is in. */
static struct schedule_step stay(struct schedule *schedule, enum schedule_action action)
{
	return go(schedule, schedule->state, action, "");
}

/*
 * A scan of hundreds of blocks takes longer than a write: the first block of a DIMM is handed over
 * before it, as soon as the kernel has linked it to its node, which comes after all of them are made.
 * What is read then is that block alone, for the reason above, and not more often than once in
 * ANNOUNCE_MSEC.
 */
static struct schedule_step scan(struct schedule *schedule,
				 const struct schedule_facts *facts, uint64_t now_usec)
{
	const char *why = schedule->scan_wanted ? "something may have changed"
						: "others may have written too";
	bool waits = is_announcing(schedule, facts, now_usec);

	if (facts->has_newcomer && !facts->is_writing && schedule->may_advance &&
	    (facts->has_nodes || !waits)) {
		schedule->may_advance = false;
		return go(schedule, SCHEDULE_ANNOUNCING, SCHEDULE_ADVANCE,
			  "the first block need not wait for the others");
	}
	if (waits)
		return go(schedule, SCHEDULE_ANNOUNCING, SCHEDULE_WAIT,
			  "the kernel adds more blocks");
	schedule->scan_wanted = schedule->has_written = false;
	return go(schedule, SCHEDULE_SCANNING, SCHEDULE_SCAN, why);
}

/* No write and no scan is to be done. */
static struct schedule_step rest(struct schedule *schedule,
				 const struct schedule_facts *facts)
{
	if (facts->has_job)
		return go(schedule, SCHEDULE_JOB, SCHEDULE_STEP_JOB, "a command came");
	/* Events still come: they get one report. */
	if (schedule->settled_usec)
		return go(schedule, SCHEDULE_SETTLING, SCHEDULE_WAIT,
			  "events still come");
	if (facts->has_probe)
		return go(schedule, SCHEDULE_PROBING, SCHEDULE_STEP_PROBE,
			  "ranges were named");
	if (!schedule->is_reported)
		return go(schedule, SCHEDULE_REPORTING, SCHEDULE_REPORT,
			  "events have ended");
	if (schedule->rescan_usec)
		return go(schedule, SCHEDULE_RESCAN, SCHEDULE_WAIT,
			  schedule->is_undecided ? "memory was too short to decide"
						 : "not everything could be read");
	if (schedule->retry_usec)
		return go(schedule, SCHEDULE_RETRYING, SCHEDULE_WAIT,
			  "writes were refused");
	if (schedule->rest_usec)
		return go(schedule, SCHEDULE_HOLDING, SCHEDULE_WAIT,
			  "the rest of a DIMM may come");
	return go(schedule, SCHEDULE_IDLE, SCHEDULE_WAIT, "nothing to do");
}

/*
 * A scan in the middle of a plan would throw the rest of it away and make it again. But what closes
 * a DIMM's gap waits for a scan: more of the DIMM has come.
 */
static bool goes_on(const struct schedule *schedule, const struct schedule_facts *facts)
{
	return facts->has_plan && !(schedule->scan_wanted && facts->only_gaps);
}

/* Others' blocks are read while the newcomer is brought online. */
static bool scans_beside(const struct schedule *schedule,
			 const struct schedule_facts *facts)
{
	return facts->may_scan && schedule->scan_wanted && schedule->is_whole &&
	       !facts->has_plan;
}

/* One is in hand. */
static struct schedule_step write_on(struct schedule *schedule,
				     const struct schedule_facts *facts)
{
	enum schedule_action action = SCHEDULE_TAKE_RESULT;

	if (facts->is_left)
		action = SCHEDULE_WAIT;
	else if (facts->may_write_ahead && goes_on(schedule, facts))
		action = SCHEDULE_WRITE_AHEAD;
	return go(schedule, SCHEDULE_WRITING, action, "a write is in progress");
}

struct schedule_step schedule_next(struct schedule *schedule,
				   const struct schedule_facts *facts, uint64_t now_usec)
{
	fire(schedule, now_usec);
	if (is_due(&schedule->held_up_usec, now_usec)) {
		schedule->held_up_usec = after(now_usec, HELD_UP_MSEC);
		return stay(schedule, SCHEDULE_NOTICE_HELD_UP);
	}
	if (is_due(&schedule->backup_usec, now_usec))
		return stay(schedule, SCHEDULE_READ_BACKUP);
	if (is_due(&schedule->retry_usec, now_usec)) {
		schedule_want_scan(schedule, now_usec);
		return stay(schedule, SCHEDULE_RETRY);
	}
	if (facts->has_pushable)
		return stay(schedule, SCHEDULE_PUSH);
	/* One writer at a time. */
	if (facts->is_offlining)
		return go(schedule, SCHEDULE_JOB, SCHEDULE_WAIT,
			  "a block is being taken offline");
	if (facts->is_writing && !scans_beside(schedule, facts))
		return write_on(schedule, facts);
	if (goes_on(schedule, facts))
		return go(schedule, SCHEDULE_WRITING, SCHEDULE_WRITE,
			  "writes are planned");
	if (schedule->scan_wanted || (schedule->has_written && !facts->has_job))
		return scan(schedule, facts, now_usec);
	return rest(schedule, facts);
}

/* --- what happens between two steps */

void schedule_begin(struct schedule *schedule, uint64_t now_usec)
{
	if (!schedule->begun_usec)
		schedule->begun_usec = now_usec;
}

void schedule_want_scan(struct schedule *schedule, uint64_t now_usec)
{
	schedule->scan_wanted = true;
	schedule_begin(schedule, now_usec);
}

void schedule_expect_more(struct schedule *schedule, uint64_t now_usec)
{
	if (schedule->has_timer && !schedule->announce_until_usec)
		schedule->announce_until_usec =
			now_usec + (schedule->announce_max_usec
					    ? schedule->announce_max_usec
					    : ANNOUNCE_MAX_USEC);
}

void schedule_dimm_whole(struct schedule *schedule)
{
	schedule->is_whole = schedule->announce_until_usec != 0;
}

bool schedule_may_rescan(const struct schedule *schedule)
{
	return schedule->rescan_tries < RESCAN_TRIES;
}

void schedule_rescan(struct schedule *schedule, uint64_t now_usec)
{
	if (schedule_may_rescan(schedule))
		schedule_scan_failed(schedule, now_usec);
}

/* false: one that comes as early is waited for already. */
static bool plan_rescan(struct schedule *schedule, unsigned tries, uint64_t now_usec)
{
	uint64_t usec = after(now_usec, (uint64_t)RESCAN_FIRST_MSEC << tries);

	if (!schedule->has_timer ||
	    (schedule->rescan_usec && schedule->rescan_usec <= usec))
		return false;
	schedule->rescan_usec = usec;
	return true;
}

void schedule_scan_failed(struct schedule *schedule, uint64_t now_usec)
{
	unsigned tries = schedule->rescan_tries;

	plan_rescan(schedule, tries < RESCAN_TRIES ? tries : RESCAN_TRIES - 1, now_usec);
}

void schedule_undecided(struct schedule *schedule, uint64_t now_usec)
{
	schedule->is_undecided = true;
	if (plan_rescan(schedule, schedule->undecided_tries, now_usec) &&
	    schedule->undecided_tries < UNDECIDED_TRIES - 1)
		schedule->undecided_tries++;
}

void schedule_decided(struct schedule *schedule)
{
	schedule->is_undecided = false;
	schedule->undecided_tries = 0;
}

void schedule_reset_rescan(struct schedule *schedule)
{
	schedule->rescan_tries = 0;
}

void schedule_refused(struct schedule *schedule)
{
	schedule->is_refused = true;
}

/* A retry that is waited for stays: other work must not put it off. */
void schedule_reported(struct schedule *schedule, bool any_retrying, uint64_t now_usec)
{
	schedule->is_reported = true;
	schedule->begun_usec = 0;
	if (!schedule->has_timer || schedule->retry_usec)
		return;
	if (!any_retrying)
		schedule->retry_attempt = 0;
	else if (schedule->is_refused)
		schedule->retry_usec =
			after(now_usec, plan_retry_pause_msec(schedule->retry_attempt++));
	schedule->is_refused = false;
}

void schedule_hold(struct schedule *schedule, uint64_t until_usec)
{
	schedule->rest_usec = until_usec;
}

void schedule_unsettle(struct schedule *schedule, uint64_t now_usec)
{
	if (!schedule->is_unsettled)
		schedule->unsettled_usec = now_usec;
	schedule->is_unsettled = true;
	schedule->has_moved = true;
}

bool schedule_has_to_settle(const struct schedule *schedule, bool matters,
			    uint64_t now_usec)
{
	return schedule->has_timer && schedule->is_unsettled && matters &&
	       now_usec - schedule->unsettled_usec < SETTLE_MAX_USEC;
}

bool schedule_settle(struct schedule *schedule, bool matters, unsigned msec,
		     uint64_t now_usec)
{
	bool waits = schedule_has_to_settle(schedule, matters, now_usec);

	if (!waits)
		schedule->is_unsettled = false;
	/* A scan that saw nothing new does not put it off. */
	else if (schedule->has_moved || !schedule->settled_usec)
		schedule->settled_usec = after(now_usec, msec);
	schedule->has_moved = false;
	return waits;
}

void schedule_backup(struct schedule *schedule, unsigned msec, uint64_t now_usec)
{
	schedule->backup_usec = after(now_usec, msec);
}

void schedule_leave_write(struct schedule *schedule, uint64_t now_usec)
{
	schedule->held_up_usec = after(now_usec, HELD_UP_MSEC);
}

void schedule_write_over(struct schedule *schedule)
{
	schedule->held_up_usec = 0;
}
