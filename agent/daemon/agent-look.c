/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent-private.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "io/log.h"

#define AGAIN_FIRST_MSEC 10
#define SUM_TRIES 3 /* then others are too busy to wait for */
#define AGAIN_TRIES 12 /* each after twice the time: 40 s in all */

struct block agent_as_known(const struct block *block)
{
	struct block known;

	memset(&known, 0, sizeof(known));
	if (!block)
		return known;
	known = *block;
	if (block->state == BLOCK_UNREADABLE)
		known.state = block->known;
	return known;
}

/* What a look's differences are told with. */
struct differences {
	struct agent *agent;
	struct policy policy;
	bool has_policy;
};

/* Somebody else onlined it: was it who should, and is it where the policy wants it? */
static void judge_onlined(struct differences *differences, const struct block *after,
			  struct report_range *range)
{
	enum online_type word;

	if (range->reason != REASON_ONLINED_ELSEWHERE)
		return;
	if (differences->agent->executor.who == EXECUTOR_KERNEL)
		range->reason = REASON_ONLINED_BY_KERNEL;
	if (!differences->has_policy ||
	    !policy_zone_differs(&differences->policy, after, &word))
		return;
	range->requested = (uint8_t)word;
	range->reason = REASON_ZONE_DIFFERS;
}

/* A block changed, and not by a write of ours: those are in `now` already. */
static void tell_change(struct differences *differences,
			const struct snapshot_change *change)
{
	struct agent *agent = differences->agent;
	const struct snapshot *holder = change->after ? &agent->next : &agent->now;
	const struct block *block = change->after ? change->after : change->before;
	struct block before = agent_as_known(change->before);
	struct snapshot_change told = { before.state == BLOCK_ABSENT ? NULL : &before,
					change->after };
	struct report_range range;

	/* Not whole yet, or on its way out: that will be seen. */
	if (change->after && change->after->state == BLOCK_UNREADABLE)
		return;
	/* A new offline block is reported with what is done with it. */
	if (!told.before && (!told.after || told.after->state != BLOCK_ONLINE))
		return;
	if (told.before && told.after && before.state == told.after->state &&
	    change->before->state == BLOCK_UNREADABLE)
		return;
	report_observe(&told, agent->next.block_size_bytes, &range);
	if (change->after)
		judge_onlined(differences, change->after, &range);
	agent_gather(agent, holder, block, &range);
	if (!change->after)
		return;
	snapshot_find(&agent->next, block->index)->reason = range.reason;
	if (range.reason == REASON_ZONE_DIFFERS)
		agent_lose_zone(snapshot_find(&agent->next, block->index));
}

static void changed(const struct snapshot_change *change, void *data)
{
	struct differences *differences = data;
	struct agent *agent = differences->agent;

	agent_unsettle(agent);
	tell_change(differences, change);
	if (!change->after)
		agent_forget(agent, snapshot_find(&agent->now, change->before->index));
}

static void tell_differences(struct agent *agent)
{
	struct differences differences;

	memset(&differences, 0, sizeof(differences));
	differences.agent = agent;
	differences.has_policy =
		policy_begin(&differences.policy, agent->config, &agent->next) == 0;
	snapshot_diff(&agent->now, &agent->next, changed, &differences);
	if (differences.has_policy)
		policy_end(&differences.policy);
}

/* A block that two agents before this one wrote to has two marks: the newer one counts. */
static bool marked_again(const struct agent *agent, size_t position, uint64_t index)
{
	const struct journal *journal = agent->edges.journal;
	size_t count = journal_mark_count(journal), i;

	for (i = position + 1; i < count; i++)
		if (journal_mark_index(journal, i) == index)
			return true;
	return false;
}

/* What the agent before this one wrote and did not live to report. */
static void resume(struct agent *agent)
{
	const struct journal *journal = agent->edges.journal;
	size_t count = journal_mark_count(journal), i;

	for (i = 0; i < count; i++) {
		const struct journal_mark *mark;
		const struct block *block;
		struct report_range range;

		mark = journal_mark_at(journal, i, agent->now.block_size_bytes);
		block = mark ? snapshot_find(&agent->now, mark->index) : NULL;
		/* One that is not as wanted is tried again, or not, and then reported. */
		if (!block || !plan_reached(mark->word, block) ||
		    marked_again(agent, i, mark->index))
			continue;
		plan_resume(mark, block, agent->now.block_size_bytes, &range);
		agent_gather(agent, &agent->now, block, &range);
	}
}

/* Whether `now` knows nothing of this block yet. */
static bool is_new(const struct agent *agent, const struct block *block)
{
	const struct block *old = snapshot_find(&agent->now, block->index);

	return !old || old->state == BLOCK_ABSENT;
}

static bool was_unreadable(const struct agent *agent, const struct block *block)
{
	const struct block *old = snapshot_find(&agent->now, block->index);

	return old && old->state == BLOCK_UNREADABLE;
}

/*
 * A new block is announced before it is linked to its node, and the rest of its DIMM may not be
 * there either: it counts as unreadable until then, unless that never comes.
 */
static void hold_back_unlinked(const struct agent *agent, struct snapshot *snapshot)
{
	size_t i;

	for (i = 0; i < snapshot->count; i++) {
		struct block *block = &snapshot->blocks[i];

		if (block->state != BLOCK_OFFLINE || block->node != BLOCK_NODE_UNKNOWN)
			continue;
		if (is_new(agent, block) ||
		    (was_unreadable(agent, block) && agent->again_tries < AGAIN_TRIES))
			block->state = BLOCK_UNREADABLE;
	}
}

/* Bytes in all zones, where a policy needs the sums; else 0. */
static uint64_t read_sums(struct agent *agent)
{
	struct snapshot *next = &agent->next;
	uint64_t bytes = 0;
	size_t i;
	int r;

	if (!policy_needs_nodes(agent->config))
		return 0;
	r = system_read_zoneinfo(agent->edges.system, next);
	if (r < 0)
		log_warning("cannot read /proc/zoneinfo: %s; no memory will be "
			    "made movable",
			    strerror(-r));
	for (i = 0; i < next->node_count; i++)
		bytes += next->nodes[i].kernel_bytes + next->nodes[i].movable_bytes;
	return bytes;
}

static int read_blocks(struct agent *agent)
{
	struct snapshot *next = &agent->next;
	int r = sysfs_read_blocks(agent->edges.sysfs, next);

	if (r < 0)
		return r;
	agent->numa = system_read_nodes(agent->edges.system, next);
	if (agent->numa)
		hold_back_unlinked(agent, next);
	sysfs_read_zones(agent->edges.sysfs, next);
	r = system_read_resources(agent->edges.system, next);
	if (r < 0 && r != -ENOENT)
		log_debug("cannot read /proc/iomem: %s; ignoring DIMM edges",
			  strerror(-r));
	return 0;
}

static int read_next(struct agent *agent)
{
	struct snapshot *next = &agent->next;
	uint64_t bytes;
	int tries = 0, r;

	/* What comes online in between is in the sums and in no block, or the other way round. */
	do {
		snapshot_clear(next);
		next->machine = agent->machine;
		/* Before the blocks: what is announced later may not be seen in them. */
		next->uevent_seqnum = system_uevent_seqnum(agent->edges.system);
		bytes = read_sums(agent);
		r = read_blocks(agent);
	} while (r == 0 && bytes != read_sums(agent) && ++tries < SUM_TRIES);
	return r;
}

void agent_complete_look(struct agent *agent)
{
	sysfs_read_possible_zones(agent->edges.sysfs, &agent->now, agent->numa);
}

void agent_look_again_later(struct agent *agent)
{
	if (!agent->again || agent->again_armed || agent->again_tries == AGAIN_TRIES)
		return;
	agent->again_armed = true;
	loop_timer_arm(agent->again, (uint64_t)AGAIN_FIRST_MSEC << agent->again_tries);
}

/* The tries are each new block's own: one that stays unreadable uses up nobody else's. */
static bool any_unreadable(struct agent *agent, const struct snapshot *snapshot)
{
	bool any = false;
	size_t i;

	for (i = 0; i < snapshot->count; i++) {
		if (snapshot->blocks[i].state != BLOCK_UNREADABLE)
			continue;
		any = true;
		if (!was_unreadable(agent, &snapshot->blocks[i]))
			agent->again_tries = 0;
	}
	return any;
}

void agent_remember(struct agent *agent, struct block *block)
{
	if (!agent->edges.intent || agent->dry_run ||
	    intent_remember(agent->edges.intent, block) || agent->intent_full)
		return;
	agent->intent_full = true;
	log_warning("more memory blocks than can be remembered beyond this process; "
		    "ignoring");
}

void agent_forget(struct agent *agent, struct block *block)
{
	if (agent->edges.intent)
		intent_forget(agent->edges.intent, block);
	block->identity = 0;
	block->marks = 0;
	block->unreported = false;
	block->reason = REASON_NONE;
}

/*
 * Whether a block's directory has to be looked at. Another block may stand under the number of one
 * that was online, its removal unheard: it is offline now, and its directory is another. What
 * cannot be read yet is known again by its directory alone.
 */
static bool is_in_doubt(const struct agent *agent, const struct block *block)
{
	if (block->state == BLOCK_UNREADABLE)
		return !agent->looked_once;
	return !block->identity || was_unreadable(agent, block) ||
	       (block->state == BLOCK_OFFLINE && (block->marks & BLOCK_MARK_WAS_ONLINE));
}

static void identify(struct agent *agent, struct block *block)
{
	uint64_t before = block->identity, identity;

	if (!is_in_doubt(agent, block))
		return;
	identity = sysfs_identity(agent->edges.sysfs, block->index);
	/* 0 is no answer. */
	if (!identity || identity == before)
		return;
	if (before) {
		log_info("memory%" PRIu64 " is another block than the one before",
			 block->index);
		agent_forget(agent, block);
		block->marks = BLOCK_MARK_ADDED;
	}
	block->identity = identity;
}

/* Whether the agent before this one made the block what it is: resume() tells of that. */
static bool in_flight(const struct agent *agent, const struct block *block)
{
	const struct journal *journal = agent->edges.journal;
	size_t i;

	/* The newest mark counts, as in resume(). */
	for (i = journal_mark_count(journal); i-- > 0;) {
		const struct journal_mark *mark =
			journal_mark_at(journal, i, agent->next.block_size_bytes);

		if (mark && mark->index == block->index)
			return plan_reached(mark->word, block);
	}
	return false;
}

/* What the journal tells of a block, and what it is now: others made it so. */
static void tell_since(struct agent *agent, const struct snapshot *told,
		       const struct block *before)
{
	struct snapshot *next = &agent->next;
	struct block *after = snapshot_find(next, before->index);
	struct snapshot_change change = { before, after };
	struct report_range range;

	/* Another DIMM's, or one that the agent before this one was at. */
	if (after && (!after->slot || in_flight(agent, after)))
		return;
	if (after && after->state == BLOCK_UNREADABLE) {
		after->known = before->state;
		after->reason = before->reason;
		return;
	}
	if (after && after->state == before->state) {
		/* Reported already. */
		after->unreported = false;
		if (after->state == BLOCK_OFFLINE)
			after->reason = before->reason;
		return;
	}
	if (after && after->state != BLOCK_ONLINE &&
	    !(after->state == BLOCK_OFFLINE && (after->marks & BLOCK_MARK_WAS_ONLINE)))
		return;
	report_observe(&change, next->block_size_bytes, &range);
	agent_gather(agent, after ? next : told, after ? after : before, &range);
	if (after)
		after->reason = range.reason;
}

static void tell_since_journal(struct agent *agent)
{
	struct snapshot told = SNAPSHOT_INIT;
	size_t i;

	if (report_recall(agent->edges.journal, agent->next.block_size_bytes, &told) <
	    0) {
		log_warning("no memory to compare with the reports so far; ignoring");
		told.count = 0;
	}
	for (i = 0; i < told.count; i++)
		if (told.blocks[i].state != BLOCK_ABSENT)
			tell_since(agent, &told, &told.blocks[i]);
	snapshot_free(&told);
}

/* What somebody else did after an agent of this boot had ended, and before this one. */
static void tell_meanwhile(struct agent *agent)
{
	struct snapshot *next = &agent->next;
	bool recalled = false;
	size_t i;

	tell_since_journal(agent);
	for (i = 0; i < next->count && !recalled; i++)
		recalled = (next->blocks[i].marks & BLOCK_MARK_WAS_ONLINE) != 0;
	for (i = 0; i < next->count && recalled; i++) {
		struct block *block = &next->blocks[i];
		struct snapshot_change change = { NULL, block };
		struct report_range range;

		if (block->state != BLOCK_ONLINE || block->reason != REASON_NONE ||
		    ((block->marks & BLOCK_MARK_WAS_ONLINE) && !block->unreported) ||
		    in_flight(agent, block))
			continue;
		block->unreported = true;
		report_observe(&change, next->block_size_bytes, &range);
		agent_gather(agent, next, block, &range);
	}
}

/* The agent before this one ended while it moved a DIMM: nobody else took these offline. */
static void resume_moves(struct snapshot *next)
{
	size_t i;

	for (i = 0; i < next->count; i++) {
		struct block *block = &next->blocks[i];

		if (!(block->marks & BLOCK_MARK_REZONING))
			continue;
		if (block->state == BLOCK_OFFLINE) {
			block->marks &= (uint8_t)~BLOCK_MARK_WAS_ONLINE;
			block->marks |= BLOCK_MARK_PLACED_BY_US;
		}
		block->marks &= (uint8_t)~BLOCK_MARK_REZONING;
	}
}

/* What an unreadable one was when it was remembered; the journal may know better. */
static void recall_known(struct snapshot *next)
{
	size_t i;

	for (i = 0; i < next->count; i++) {
		struct block *block = &next->blocks[i];

		if (block->state == BLOCK_UNREADABLE && block->slot)
			block->known = block->marks & BLOCK_MARK_WAS_ONLINE
					       ? BLOCK_ONLINE
					       : BLOCK_OFFLINE;
	}
}

/* It came, or this is the first that could be read of it, and it is offline. */
static bool is_added(const struct agent *agent, const struct block *block)
{
	if (!agent->looked_once)
		return block->state == BLOCK_OFFLINE;
	return is_new(agent, block) ||
	       (block->state == BLOCK_OFFLINE &&
		agent_as_known(snapshot_find(&agent->now, block->index)).state ==
			BLOCK_ABSENT);
}

/*
 * Online, and not by a write of ours: those are in `now` already. The report about it is written
 * when the burst is over, and until then the next agent has to know that it is missing.
 */
static bool is_unreported(const struct agent *agent, const struct block *block)
{
	return agent->looked_once && block->state == BLOCK_ONLINE &&
	       agent_as_known(snapshot_find(&agent->now, block->index)).state !=
		       BLOCK_ONLINE;
}

/* What is remembered of the blocks is brought up to date with what they are now. */
static void mark_blocks(struct agent *agent)
{
	struct snapshot *next = &agent->next;
	size_t i;

	for (i = 0; i < next->count; i++)
		identify(agent, &next->blocks[i]);
	if (!agent->looked_once && agent->edges.intent) {
		intent_recall(agent->edges.intent, next);
		resume_moves(next);
		recall_known(next);
		tell_meanwhile(agent);
	}
	for (i = 0; i < next->count; i++) {
		struct block *block = &next->blocks[i];
		uint8_t marks = block->marks;

		if (block->state == BLOCK_ONLINE || block->state == BLOCK_GOING_OFFLINE) {
			block->marks |= BLOCK_MARK_WAS_ONLINE;
			/* Up to where its removal is no news of this block. */
			block->online_seqnum = next->uevent_seqnum;
		}
		if (is_added(agent, block))
			block->marks |= BLOCK_MARK_ADDED;
		if (is_unreported(agent, block))
			block->unreported = true;
		if (block->marks != marks || block->unreported ||
		    (!agent->looked_once && block->slot) ||
		    (block->marks && !block->slot))
			agent_remember(agent, block);
	}
}

int agent_refresh(struct agent *agent)
{
	struct snapshot before;
	bool unreadable;
	int r = read_next(agent);

	if (!agent->begun_usec)
		agent->begun_usec = loop_now_usec();
	if (r < 0) {
		if (r != agent->look_error)
			log_error("cannot read the memory blocks: %s", strerror(-r));
		agent->look_error = r;
		agent_look_again_later(agent);
		return r;
	}
	agent->look_error = 0;
	snapshot_inherit(&agent->next, &agent->now);
	mark_blocks(agent);
	unreadable = any_unreadable(agent, &agent->next);
	if (agent->looked_once)
		tell_differences(agent);
	else
		agent_unsettle(agent);
	before = agent->now;
	agent->now = agent->next;
	agent->next = before;
	if (!agent->looked_once)
		resume(agent);
	agent->looked_once = true;
	if (unreadable)
		agent_look_again_later(agent);
	else
		agent->again_tries = 0;
	return 0;
}
