/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent-private.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "io/log.h"

#define SETTLE_MAX_USEC 60000000 /* something always changes: go on all the same */
#define SETTLE_MSEC 500 /* without a change: then the burst is over */
#define REST_MAX_USEC 5000000 /* the rest of a DIMM does not come: report what is there */
#define GROW_MSEC 5 /* without an event of any kind: then the DIMM is whole */
#define GROW_MAX_USEC 250000

/* Monotonic, never 0. Patience with the blocks of one look ends at one time, in one report. */
void agent_note_look(struct agent *agent)
{
	agent->looked_sec = (uint32_t)(loop_now_usec() / 1000000) + 1;
}

bool agent_put_off(struct agent *agent, struct block *block,
		   const struct report_range *result)
{
	uint32_t since_sec;

	if (result->result == REPORT_SUCCESS || !plan_may_pass(result->error))
		return false;
	since_sec = block->marks & BLOCK_MARK_RETRYING ? block->retry_since_sec
						       : agent->looked_sec;
	if (agent->looked_sec - since_sec >= agent->config->retry_sec)
		return false;
	log_warning("memory%" PRIu64 ": %s; it will be tried again", block->index,
		    strerror(result->error));
	history_put_off(block, agent->looked_sec);
	agent->retry_refused = true;
	return true;
}

bool agent_any_waiting(const struct agent *agent)
{
	return history_any(&agent->now, BLOCK_MARK_RETRYING | BLOCK_MARK_FAILED);
}

void agent_schedule_retry(struct agent *agent)
{
	if (!agent->retry || agent->retry_armed)
		return;
	if (!history_any(&agent->now, BLOCK_MARK_RETRYING))
		agent->retry_attempt = 0;
	else if (agent->retry_refused)
		agent->retry_armed =
			loop_timer_arm(agent->retry,
				       plan_retry_pause_msec(agent->retry_attempt++)) ==
			0;
	agent->retry_refused = false;
}

static void retry(void *data)
{
	struct agent *agent = data;

	agent->retry_armed = false;
	history_retry(&agent->now);
	agent_wake(agent);
}

uint64_t agent_begun_usec(const struct agent *agent, const struct block *before)
{
	return before->marks & BLOCK_MARK_RETRYING
		       ? (before->retry_since_sec - 1) * 1000000ull
		       : agent->begun_usec;
}

static void again(void *data)
{
	struct agent *agent = data;

	agent->again_armed = false;
	agent->again_tries++;
	agent_wake(agent);
}

/* --- a DIMM that is being made */

void agent_expect_more(struct agent *agent)
{
	if (agent->grow && !agent->grow_until_usec)
		agent->grow_until_usec = loop_now_usec() + GROW_MAX_USEC;
}

static void listen_to_source(struct agent *agent, bool listen)
{
	if (agent->source_watch)
		loop_watch_change(agent->source_watch, listen ? EPOLLIN : 0);
}

/*
 * The kernel makes a DIMM's blocks one by one, and who reads those that are there keeps it from
 * making the rest: 128 took 80 ms in place of 11 (6.1, two emulated processors), and each look
 * found a few more of them.
 */
bool agent_has_to_wait(struct agent *agent)
{
	uint64_t seqnum;

	if (!agent->grow_until_usec || agent->grow_armed)
		return agent->grow_armed;
	seqnum = system_uevent_seqnum(agent->edges.system);
	if (seqnum && seqnum != agent->grow_seqnum &&
	    loop_now_usec() < agent->grow_until_usec) {
		agent->grow_seqnum = seqnum;
		agent->grow_armed = loop_timer_arm(agent->grow, GROW_MSEC) == 0;
	}
	/* To wake up for each event holds the kernel up as well. */
	if (agent->grow_armed)
		listen_to_source(agent, false);
	else
		agent->grow_until_usec = 0;
	return agent->grow_armed;
}

static void grown(void *data)
{
	struct agent *agent = data;

	agent->grow_armed = false;
	listen_to_source(agent, true);
	agent_resume_work(agent);
}

/*
 * One DIMM, one report, also where nothing is written to the blocks that are there: each block that
 * follows is an event. Whole DIMMs wait for none that is not.
 */
void agent_hold_reports(struct agent *agent)
{
	uint64_t now = loop_now_usec(), begun;

	if (!agent->rest)
		return;
	begun = report_builder_hold(&agent->builder, &agent->now,
				    now > REST_MAX_USEC ? now - REST_MAX_USEC : 0);
	if (begun &&
	    loop_timer_arm(agent->rest, (begun + REST_MAX_USEC - now) / 1000 + 1) < 0)
		report_builder_hold(&agent->builder, &agent->now, UINT64_MAX);
}

static void waited(void *data)
{
	agent_resume_work(data);
}

/* --- where a burst has to be over before it is touched */

static bool any_movable(const struct plan *plan)
{
	size_t i;

	for (i = 0; i < plan->count; i++)
		if (plan->writes[i].word == ONLINE_TYPE_ONLINE_MOVABLE)
			return true;
	return false;
}

/*
 * Where ZONE_MOVABLE only grows downwards, a DIMM whose lower half comes first would lose it; and
 * a kernel that onlines by itself is not to be raced: 2.6.32 gives up when somebody is faster.
 */
bool agent_has_to_settle(const struct agent *agent, bool movable)
{
	return agent->settle && agent->unsettled &&
	       loop_now_usec() - agent->unsettled_usec < SETTLE_MAX_USEC &&
	       (kernel_has(&agent->machine.kernel, KERNEL_ONLINES_BY_ITSELF) ||
		agent->executor.who == EXECUTOR_KERNEL ||
		(kernel_has(&agent->machine.kernel, KERNEL_MOVABLE_FROM_TOP) && movable));
}

void agent_unsettle(struct agent *agent)
{
	if (!agent->unsettled)
		agent->unsettled_usec = loop_now_usec();
	agent->unsettled = true;
	agent->moved = true;
}

void agent_wait_to_settle(struct agent *agent)
{
	unsigned msec = agent->edges.settle_msec ? agent->edges.settle_msec : SETTLE_MSEC;

	if (!agent_has_to_settle(agent, any_movable(&agent->plan))) {
		agent->unsettled = agent->moved = false;
		return;
	}
	plan_clear(&agent->plan);
	/* A look that saw nothing new does not put it off. */
	if (agent->moved || !agent->settle_armed)
		loop_timer_arm(agent->settle, msec);
	agent->settle_armed = true;
	agent->moved = false;
	log_debug("waiting for the burst to be over");
}

static void settled(void *data)
{
	struct agent *agent = data;

	agent->settle_armed = false;
	/* Unless the next decision has something new to see. */
	agent->unsettled = agent->moved;
	agent_wake(agent);
}

int agent_retry_open(struct agent *agent)
{
	struct loop *loop = agent->edges.loop;

	agent->again = loop_timer_add(loop, again, agent);
	agent->retry = loop_timer_add(loop, retry, agent);
	agent->settle = loop_timer_add(loop, settled, agent);
	agent->grow = loop_timer_add(loop, grown, agent);
	agent->rest = loop_timer_add(loop, waited, agent);
	return agent->again && agent->retry && agent->settle && agent->grow && agent->rest
		       ? 0
		       : -errno;
}

void agent_retry_close(struct agent *agent)
{
	loop_timer_remove(agent->again);
	loop_timer_remove(agent->retry);
	loop_timer_remove(agent->settle);
	loop_timer_remove(agent->grow);
	loop_timer_remove(agent->rest);
}
