/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent-private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/text.h"
#include "io/log.h"

#define SETTLE_MSEC 500 /* without a change: then events have ended */

/* A run of blocks about which one thing was decided: one line of the log. */
struct decision {
	const struct block *first; /* NULL: none yet */
	const struct block *last;
	struct policy_verdict verdict;
	enum config_policy policy;
	const struct config_override *section;
	struct ratio_room room; /* where the policy is ratio */
};

static void put_inputs(const struct decision *decision, struct text *line)
{
	const struct block *first = decision->first;

	text_printf(line, "memory%" PRIu64, first->index);
	if (decision->last != first)
		text_printf(line, "-%" PRIu64, decision->last->index);
	text_printf(line, " node %d: %s", first->node,
		    block_state_word((enum block_state)first->state));
	text_printf(line, ", policy %s", config_policy_text(decision->policy));
	if (decision->section) {
		text_puts(line, " of [");
		scope_put(&decision->section->scope, line);
		text_puts(line, "]");
	}
	if (decision->policy == CONFIG_POLICY_RATIO && decision->room.asked_bytes)
		text_printf(line,
			    ", movable %" PRIu64 " + %" PRIu64 " MiB of at most %" PRIu64,
			    decision->room.movable_bytes >> 20,
			    decision->room.asked_bytes >> 20,
			    decision->room.allowed_bytes >> 20);
}

/*
 * Whether the events must have ended before a block is written to. If ZONE_MOVABLE only
 * grows downwards, a DIMM whose lower half comes first would lose it; and memonlined must
 * not race a kernel that onlines by itself: 2.6.32 gives up when another program is
 * faster.
 */
static bool burst_matters(const struct agent *agent, bool movable)
{
	return kernel_has(&agent->machine.kernel, KERNEL_ONLINES_BY_ITSELF) ||
	       agent->executor.who == EXECUTOR_KERNEL ||
	       (kernel_has(&agent->machine.kernel, KERNEL_MOVABLE_FROM_TOP) && movable);
}

static enum config_log_level decision_level(const struct agent *agent,
					    enum online_type word)
{
	bool matters = burst_matters(agent, word == ONLINE_TYPE_ONLINE_MOVABLE);
	bool is_final =
		!schedule_has_to_settle(&agent->schedule, matters, loop_now_usec());

	return word != ONLINE_TYPE_NONE && is_final ? CONFIG_LOG_INFO : CONFIG_LOG_DEBUG;
}

/* Inputs -> verdict, with the reason in the report. */
static void log_decision(const struct agent *agent, const struct decision *decision)
{
	const struct policy_verdict *verdict = &decision->verdict;
	struct text line = TEXT_INIT;

	put_inputs(decision, &line);
	text_printf(&line, " -> %s (%s)", online_type_text(verdict->word),
		    reason_text(verdict->reason));
	if (line.failed)
		log_warning("out of memory, decision not logged");
	else if (agent->dry_run) /* there the decisions are the result */
		puts(line.data);
	else
		log_line(decision_level(agent, verdict->word), "%s", line.data);
	text_free(&line);
}

/* It is offline and stays so. `before`: as it is known to hosts; NULL: not at all. */
static void gather_offline(struct agent *agent, struct block *block,
			   const struct block *before, enum report_result result,
			   enum reason reason)
{
	struct snapshot_change change = { before, block };
	struct report_range range;

	report_observe(&change, agent->now.block_size_bytes, &range);
	range.result = (uint8_t)result;
	range.reason = (uint8_t)reason;
	reports_gather(agent, &agent->now, block, &range);
	history_told_offline(block);
}

/* A block that nothing will be done about, and that no report says is there: say so once. */
static void gather_left_alone(struct agent *agent, struct block *block,
			      const struct policy_verdict *verdict)
{
	if (block->state == BLOCK_OFFLINE && !block->is_told &&
	    !(block->marks & BLOCK_MARK_RETRYING))
		gather_offline(agent, block, NULL, REPORT_SUCCESS, verdict->reason);
}

/* It was refused and waited for, and is no longer wanted: the refusal is not reported yet. */
static void give_up_retry(struct agent *agent, struct block *block,
			  const struct policy_verdict *verdict)
{
	if (!(block->marks & BLOCK_MARK_RETRYING))
		return;
	history_stop_retry(block);
	if (block->state == BLOCK_OFFLINE)
		gather_offline(agent, block, block, REPORT_FAILED, verdict->reason);
}

/* What others onlined into another zone than the policy's is moved, if that is wanted. */
static void move_to_zone(struct agent *agent, struct policy *policy,
			 const struct block *block)
{
	enum online_type word;

	if (!agent->has_rezone && agent->config->rezone && !agent->dry_run &&
	    !kernel_has(&agent->machine.kernel, KERNEL_NO_HOT_REMOVE) &&
	    !agent->machine.auto_online_changed && !agent->machine.memhp_default_state &&
	    !(block->marks & BLOCK_MARK_PLACED_BY_US) &&
	    policy_zone_differs(policy, block, &word)) {
		agent->has_rezone = true;
		agent->rezone_index = block->index;
	}
}

/* How it came to be so says more than that it is. */
static bool says_more(enum reason known, enum reason verdict)
{
	if (verdict == REASON_ALREADY_ONLINE)
		return known != REASON_NONE && known != REASON_STATE_UNREADABLE &&
		       known != REASON_GOING_OFFLINE;
	return verdict == REASON_STATE_UNREADABLE && known != REASON_NONE;
}

/* One verdict per block; a run of equal ones is one log line. Returns false on lack of memory. */
static bool decide_block(struct agent *agent, struct policy *policy, struct block *block,
			 struct policy_verdict *verdict)
{
	policy_decide(policy, block, verdict);
	if (verdict->reason == REASON_ALREADY_ONLINE)
		move_to_zone(agent, policy, block);
	if (verdict->word == ONLINE_TYPE_NONE && !(block->marks & BLOCK_MARK_FAILED))
		give_up_retry(agent, block, verdict);
	if (verdict->word == ONLINE_TYPE_NONE)
		gather_left_alone(agent, block, verdict);
	if (!says_more((enum reason)block->reason, verdict->reason))
		block->reason = (uint8_t)verdict->reason;
	if (agent->dry_run && verdict->word != ONLINE_TYPE_NONE)
		block->reason = REASON_DRY_RUN;
	if (block->state == BLOCK_ONLINE)
		history_note_online(&agent->history, block);
	return plan_add(&agent->plan, block->index, verdict) == 0;
}

static bool same_decision(const struct decision *a, const struct decision *b)
{
	return a->last->index + 1 == b->first->index && a->last->node == b->first->node &&
	       a->last->state == b->first->state && a->verdict.word == b->verdict.word &&
	       a->verdict.reason == b->verdict.reason && a->policy == b->policy &&
	       a->section == b->section && a->room.movable_bytes == b->room.movable_bytes;
}

static void add_decision(const struct agent *agent, struct decision *run,
			 const struct decision *next)
{
	if (run->first && same_decision(run, next)) {
		run->last = next->last;
		return;
	}
	if (run->first)
		log_decision(agent, run);
	*run = *next;
}

static void decide_all(struct agent *agent, struct policy *policy)
{
	struct decision run = { .first = NULL };
	size_t i;

	for (i = 0; i < agent->now.count; i++) {
		struct block *block = &agent->now.blocks[i];
		struct decision next = { .first = block, .last = block };

		if (!decide_block(agent, policy, block, &next.verdict)) {
			log_error("out of memory, the plan is incomplete");
			break;
		}
		next.policy = policy_of(agent->config, &agent->now, block, &next.section);
		if (next.policy == CONFIG_POLICY_RATIO && next.verdict.word)
			next.room = policy->ratio.last.room;
		add_decision(agent, &run, &next);
	}
	if (run.first)
		log_decision(agent, &run);
}

/*
 * Runs of one online type, in the order of the writes: "write online_movable:
 * memory35-32".
 */
static void print_plan(struct plan *plan)
{
	const struct plan_write *first = plan->writes, *end = first + plan->count;

	while (first && first < end) {
		const struct plan_write *last = first;

		while (last + 1 < end && last[1].word == first->word &&
		       (last[1].index == last->index + 1 ||
			last[1].index + 1 == last->index))
			last++;
		printf("write %s: memory%" PRIu64, online_type_text(first->word),
		       first->index);
		if (last != first)
			printf("-%" PRIu64, last->index);
		puts("");
		first = last + 1;
	}
}

static bool any_movable(const struct plan *plan)
{
	size_t i;

	for (i = 0; i < plan->count; i++)
		if (plan->writes[i].word == ONLINE_TYPE_ONLINE_MOVABLE)
			return true;
	return false;
}

/* Drops the plan where it has to wait; there will be another scan then. */
static void settle(struct agent *agent)
{
	unsigned msec = agent->edges.settle_msec ? agent->edges.settle_msec : SETTLE_MSEC;

	if (!schedule_settle(&agent->schedule,
			     burst_matters(agent, any_movable(&agent->plan)), msec,
			     loop_now_usec()))
		return;
	plan_clear(&agent->plan);
	log_debug("waiting for the end of the events");
}

static void order_plan(struct agent *agent)
{
	if (!kernel_has(&agent->machine.kernel, KERNEL_MOVABLE_FROM_TOP)) {
		plan_leave_gaps(&agent->plan);
		return;
	}
	plan_movable_from_top(&agent->plan);
	/* Those below would be refused until the one that is waited for is there. */
	if (history_any(&agent->now, BLOCK_MARK_RETRYING | BLOCK_MARK_FAILED))
		plan_drop_movable(&agent->plan);
}

bool decide_may_advance(const struct agent *agent)
{
	return agent->has_newcomer && agent->scanned_once && agent->writer &&
	       agent->executor.who == EXECUTOR_AGENT &&
	       agent->plan.next == agent->plan.count &&
	       !policy_needs_nodes(agent->config) &&
	       !kernel_has(&agent->machine.kernel, KERNEL_MOVABLE_FROM_TOP) &&
	       !kernel_has(&agent->machine.kernel, KERNEL_ONLINES_BY_ITSELF);
}

void decide_newcomer(struct agent *agent, uint64_t index)
{
	struct block *block = snapshot_find(&agent->now, index);
	struct decision decision = { .first = block, .last = block };
	struct policy policy;

	plan_clear(&agent->plan);
	if (policy_begin(&policy, agent->config, &agent->now) < 0)
		return; /* the scan that follows says so */
	if (decide_block(agent, &policy, block, &decision.verdict)) {
		decision.policy =
			policy_of(agent->config, &agent->now, block, &decision.section);
		log_decision(agent, &decision);
	}
	policy_end(&policy);
	settle(agent);
}

void decide_blocks(struct agent *agent)
{
	struct policy policy;

	agent->has_rezone = false;
	plan_clear(&agent->plan);
	if (policy_begin(&policy, agent->config, &agent->now) < 0) {
		if (!agent->schedule.is_undecided)
			log_error("out of memory, deciding later");
		schedule_undecided(&agent->schedule, loop_now_usec());
		return;
	}
	schedule_decided(&agent->schedule);
	decide_all(agent, &policy);
	policy_end(&policy);
	order_plan(agent);
	if (agent->dry_run) {
		print_plan(&agent->plan);
		plan_clear(&agent->plan);
	} else {
		settle(agent);
	}
}
