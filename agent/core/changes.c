/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/changes.h"

#include <string.h>

#include "core/plan.h"
#include "core/policy.h"

static bool same_block(const struct block *a, const struct block *b)
{
	return a->state == b->state && block_same_zone(a, b);
}

static enum block_state reported_state(const struct block *block)
{
	return block_state_reported((enum block_state)block->state);
}

static bool is_online(const struct block *block)
{
	return reported_state(block) == BLOCK_ONLINE;
}

static bool same_reported(const struct block *a, const struct block *b)
{
	return reported_state(a) == reported_state(b);
}

void changes_between(const struct snapshot *before, const struct snapshot *after,
		     snapshot_change_fn fn, void *data)
{
	const struct block *old = before->blocks, *new = after->blocks;
	const struct block *old_end = old ? old + before->count : old;
	const struct block *new_end = new ? new + after->count : new;

	while (old < old_end || new < new_end) {
		struct snapshot_change change = { NULL, NULL };

		if (new == new_end || (old < old_end && old->index < new->index)) {
			change.before = old++;
		} else if (old == old_end || new->index < old->index) {
			change.after = new ++;
		} else {
			change.before = old++;
			change.after = new ++;
			if (same_block(change.before, change.after))
				continue;
		}
		fn(&change, data);
	}
}

/* --- between two snapshots */

struct observer {
	const struct changes *changes;
	struct snapshot *before, *after;
	struct policy policy;
	bool has_policy;
	size_t count;
};

/* Somebody else onlined it: was it who should, and is it where the policy wants it? */
static void judge_onlined(struct observer *observer, const struct block *after,
			  struct report_range *range)
{
	enum online_type word;

	if (range->reason != REASON_ONLINED_ELSEWHERE)
		return;
	if (observer->changes->kernel_onlines)
		range->reason = REASON_ONLINED_BY_KERNEL;
	if (!observer->has_policy ||
	    !policy_zone_differs(&observer->policy, after, &word))
		return;
	range->requested = (uint8_t)word;
	range->reason = REASON_ZONE_DIFFERS;
}

/* `before` as it was last read; false: there is nothing to report. */
static bool is_worth_a_report(const struct snapshot_change *change,
			      const struct block *before)
{
	const struct block *after = change->after;

	/* Not whole yet, or on its way out: that will be seen. */
	if (after && after->state == BLOCK_UNREADABLE)
		return false;
	/* A new offline block is reported with what is done with it. */
	if (!change->before || before->state == BLOCK_ABSENT)
		return after && is_online(after);
	if (!after || !same_reported(before, after))
		return true;
	return change->before->state != BLOCK_UNREADABLE &&
	       !block_same_zone(before, after);
}

static void observe(struct observer *observer, const struct snapshot_change *change)
{
	const struct changes *changes = observer->changes;
	struct block known = history_known(change->before), *block;
	struct snapshot_change seen = { known.state == BLOCK_ABSENT ? NULL : &known,
					change->after };
	struct report_range range;

	if (!is_worth_a_report(change, &known))
		return;
	report_observe(&seen, observer->after->block_size_bytes, &range);
	if (!change->after) {
		changes->fn(observer->before, change->before, &range, changes->data);
		return;
	}
	judge_onlined(observer, change->after, &range);
	block = snapshot_find(observer->after, change->after->index);
	changes->fn(observer->after, block, &range, changes->data);
	block->reason = range.reason;
	history_told(block);
	if (range.reason == REASON_ZONE_DIFFERS)
		history_lose_zone(block);
}

static void changed(const struct snapshot_change *change, void *data)
{
	struct observer *observer = data;

	observer->count++;
	observe(observer, change);
	if (change->before && !change->after)
		history_forget(observer->changes->history,
			       snapshot_find(observer->before, change->before->index));
}

size_t changes_observe(const struct changes *changes, struct snapshot *before,
		       struct snapshot *after)
{
	struct observer observer;

	memset(&observer, 0, sizeof(observer));
	observer.changes = changes;
	observer.before = before;
	observer.after = after;
	observer.has_policy = policy_begin(&observer.policy, changes->config, after) == 0;
	changes_between(before, after, changed, &observer);
	if (observer.has_policy)
		policy_end(&observer.policy);
	return observer.count;
}

/* --- between two agents */

/* Whether the previous memonlined made the block what it is: resume() reports that. */
static bool in_flight(const struct changes *changes, const struct snapshot *first,
		      const struct block *block)
{
	const struct journal *journal = changes->journal;
	size_t i;

	for (i = journal_mark_count(journal); i-- > 0;) {
		const struct journal_mark *mark =
			journal_mark_at(journal, i, first->block_size_bytes);

		if (!mark || mark->index != block->index)
			continue;
		if (plan_reached(mark->word, block))
			return true;
		/* A write that changed nothing says nothing against the one before it. */
		if (block_state_reported((enum block_state)mark->from) !=
		    reported_state(block))
			return false;
	}
	return false;
}

/* Reported already, or nothing that can be compared with the report. */
static bool is_as_reported(const struct block *before, struct block *after)
{
	if (after->state == BLOCK_UNREADABLE) {
		history_set_known(after, (enum block_state)before->state);
		after->reason = before->reason;
		return true;
	}
	if (same_reported(before, after) && block_same_zone(before, after)) {
		history_set_unreported(after, false);
		if (after->state == BLOCK_OFFLINE)
			after->reason = before->reason;
		return true;
	}
	return !is_online(after) &&
	       !(after->state == BLOCK_OFFLINE && (after->marks & BLOCK_MARK_WAS_ONLINE));
}

/* Its directory was listed, and gone when it was to be read; another one is known by its own. */
static bool is_going(const struct block *block)
{
	return block->state == BLOCK_UNREADABLE && !block->identity;
}

/* What the journal says of a block, and what it is now: others made it so. */
static void observe_since(const struct changes *changes, struct snapshot *first,
			  const struct snapshot *reported, const struct block *before)
{
	struct block *after = snapshot_find(first, before->index);
	struct snapshot_change change = { before, after };
	struct report_range range;

	/*
	 * A block of another DIMM, or one that the previous memonlined was writing to;
	 * not one that is going.
	 */
	if (after &&
	    ((!after->slot && !is_going(after)) || in_flight(changes, first, after)))
		return;
	if (after)
		history_told(after);
	if (after && is_as_reported(before, after))
		return;
	report_observe(&change, first->block_size_bytes, &range);
	changes->fn(after ? first : reported, after ? after : before, &range,
		    changes->data);
	if (after)
		after->reason = range.reason;
}

static void observe_since_journal(const struct changes *changes, struct snapshot *first,
				  const struct snapshot *reported)
{
	size_t i;

	for (i = 0; i < reported->count; i++)
		if (reported->blocks[i].state != BLOCK_ABSENT)
			observe_since(changes, first, reported, &reported->blocks[i]);
}

/* Online, and neither the journal nor the previous memonlined knows who did it. */
static bool is_unexplained(const struct changes *changes, const struct snapshot *first,
			   const struct block *block)
{
	return is_online(block) && block->reason == REASON_NONE &&
	       (!(block->marks & BLOCK_MARK_WAS_ONLINE) || block->unreported) &&
	       !in_flight(changes, first, block);
}

/*
 * Offline now, and online for the previous memonlined: the journal has nothing about
 * memory that was online at boot. Later memory is reported when it is added.
 */
static bool is_unexplained_offline(const struct changes *changes,
				   const struct snapshot *first,
				   const struct snapshot *reported,
				   const struct block *block)
{
	return block->state == BLOCK_OFFLINE && block->slot && !block->unreported &&
	       (block->marks & BLOCK_MARK_WAS_ONLINE) &&
	       !(block->marks & BLOCK_MARK_ADDED) && !block->offline_reported &&
	       !snapshot_find(reported, block->index) &&
	       !in_flight(changes, first, block);
}

static void observe_unexplained(const struct changes *changes, struct snapshot *first,
				const struct snapshot *reported, struct block *block)
{
	struct block before = *block;
	struct snapshot_change change = { NULL, block };
	struct report_range range;

	if (is_unexplained(changes, first, block)) {
		history_set_unreported(block, true);
	} else if (is_unexplained_offline(changes, first, reported, block)) {
		before.state = BLOCK_ONLINE;
		change.before = &before;
	} else {
		return;
	}
	report_observe(&change, first->block_size_bytes, &range);
	changes->fn(first, block, &range, changes->data);
	history_told(block);
	if (change.before)
		block->reason = range.reason;
}

/* The previous memonlined wrote to it, or began to. */
static bool is_marked(const struct journal *journal, uint64_t index)
{
	size_t i;

	for (i = journal_mark_count(journal); i-- > 0;)
		if (journal_mark_index(journal, i) == index)
			return true;
	return false;
}

/*
 * Memory that was there at boot, of which the journal says nothing. What came and went without a
 * report needs none.
 */
static void observe_gone(const struct changes *changes, const struct snapshot *first,
			 const struct snapshot *reported, const struct snapshot *gone)
{
	/* Numbers out of a file, as those of the journal. */
	uint64_t unit = first->block_size_bytes, end = unit ? UINT64_MAX / unit : 0;
	uint64_t last = UINT64_MAX;
	size_t i;

	for (i = 0; i < gone->count; i++) {
		const struct block *block = &gone->blocks[i];
		struct snapshot_change change = { block, NULL };
		struct report_range range;

		if (block->unreported || block->index == last || block->index >= end ||
		    snapshot_find(reported, block->index) ||
		    is_marked(changes->journal, block->index))
			continue;
		last = block->index;
		report_observe(&change, first->block_size_bytes, &range);
		changes->fn(gone, block, &range, changes->data);
	}
}

static void observe_meanwhile(const struct changes *changes, struct snapshot *first,
			      const struct snapshot *reported,
			      const struct snapshot *gone)
{
	bool has_past;
	size_t i;

	observe_since_journal(changes, first, reported);
	/* Else there was no agent before this one, and it is boot memory. */
	has_past = history_any(first, BLOCK_MARK_WAS_ONLINE);
	for (i = 0; i < first->count && has_past; i++)
		observe_unexplained(changes, first, reported, &first->blocks[i]);
	observe_gone(changes, first, reported, gone);
}

/* The next mark of the same block, by this memonlined or a previous one; NULL: none. */
static const struct journal_mark *newer_mark(const struct journal *journal,
					     size_t position, uint64_t block_size_bytes)
{
	size_t count = journal_mark_count(journal), i;
	uint64_t index = journal_mark_index(journal, position);

	for (i = position + 1; i < count; i++)
		if (journal_mark_index(journal, i) == index)
			return journal_mark_at(journal, i, block_size_bytes);
	return NULL;
}

/* What the block was by the journal and by the marks before this one; NULL: nobody knows. */
static struct block *known_of(const struct snapshot *reported, uint64_t index)
{
	struct block *known = snapshot_find(reported, index);

	return known && known->state != BLOCK_ABSENT ? known : NULL;
}

static bool has_older_mark(const struct journal *journal, size_t position,
			   uint64_t block_size_bytes)
{
	uint64_t index = journal_mark_index(journal, position);

	while (position--)
		if (journal_mark_index(journal, position) == index &&
		    journal_mark_at(journal, position, block_size_bytes))
			return true;
	return false;
}

/*
 * Others made it what the write began with: after the journal's report, or without any since it
 * came. `block`: as the write began.
 */
static void join(const struct changes *changes, struct snapshot *first,
		 const struct block *block, const struct block *known)
{
	struct snapshot_change change = { known, block };
	struct report_range range;

	if (known ? same_reported(known, block)
		  : !block->unreported || block->state == BLOCK_OFFLINE)
		return;
	report_observe(&change, first->block_size_bytes, &range);
	range.zone = BLOCK_ZONE_UNKNOWN;
	changes->fn(first, snapshot_find(first, block->index), &range, changes->data);
}

static void resume(const struct changes *changes, struct snapshot *first,
		   const struct snapshot *reported, size_t position)
{
	const struct journal *journal = changes->journal;
	uint64_t unit = first->block_size_bytes;
	const struct journal_mark *mark = journal_mark_at(journal, position, unit);
	struct block *block = mark ? snapshot_find(first, mark->index) : NULL, *known;
	const struct journal_mark *newer;
	struct report_range range;
	struct block before, after;

	if (!block || !in_flight(changes, first, block))
		return;
	/* What a write led to is what the next one began with. */
	before = after = *block;
	newer = newer_mark(journal, position, unit);
	if (newer)
		after.state = newer->from;
	/* One that is not as wanted is tried again, or not, and then reported. */
	if (!plan_reached(mark->word, &after))
		return;
	before.state = mark->from;
	known = known_of(reported, mark->index);
	if (known || !has_older_mark(journal, position, unit))
		join(changes, first, &before, known);
	plan_resume(mark, &after, unit, &range);
	if (!same_reported(&before, &after))
		changes->fn(first, block, &range, changes->data);
	if (known)
		known->state = after.state;
	history_told(block);
	/* Only jobs take blocks offline. */
	if (mark->word == ONLINE_TYPE_OFFLINE && block->state == BLOCK_OFFLINE)
		block->reason = REASON_ASKED;
}

int changes_meanwhile(const struct changes *changes, struct snapshot *first)
{
	struct snapshot reported = SNAPSHOT_INIT, gone = SNAPSHOT_INIT;
	size_t i;
	int r = report_recall(changes->journal, first->block_size_bytes, &reported);

	if (r == 0)
		r = history_recall_gone(changes->history, first, &gone);
	if (r == 0)
		observe_meanwhile(changes, first, &reported, &gone);
	for (i = 0; r == 0 && i < journal_mark_count(changes->journal); i++)
		resume(changes, first, &reported, i);
	snapshot_free(&reported);
	snapshot_free(&gone);
	return r;
}
