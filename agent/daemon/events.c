/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent-private.h"

#include <inttypes.h>

#include "io/log.h"

/*
 * A removal event that is newer than the last time when the block was seen online is
 * about that block: the block that has its number now is another one, even if the
 * snapshot is newer than the event.
 */
static bool replaced(const struct agent *agent, const struct uevent *event,
		     const struct block *block)
{
	return event->action == UEVENT_REMOVE && event->seqnum &&
	       event->seqnum <= agent->now.uevent_seqnum && block &&
	       block->state == BLOCK_OFFLINE && (block->marks & BLOCK_MARK_WAS_ONLINE) &&
	       event->seqnum > block->known_seqnum;
}

/* The same of a block that is online, by others' hand: whether it is another, its directory says. */
static bool is_doubtful(const struct agent *agent, const struct uevent *event,
			const struct block *block)
{
	return event->action == UEVENT_REMOVE && event->seqnum &&
	       event->seqnum <= agent->now.uevent_seqnum && block &&
	       block->state == BLOCK_ONLINE && event->seqnum > block->identity_seqnum;
}

/* Whether a write to it was handed over and its result not taken: what it is then is read. */
static bool is_in_hand(const struct agent *agent, const struct block *block)
{
	size_t i;

	if (agent->writing.purpose == WRITE_POLICY &&
	    agent->writing.write.index == block->index)
		return true;
	for (i = 0; i < agent->ahead_count; i++)
		if (agent->ahead[i].index == block->index)
			return true;
	return false;
}

/* Whether the event says what `now` does not show; true where that is not certain. */
static bool is_news(const struct agent *agent, const struct uevent *event,
		    const struct block *block)
{
	if (event->seqnum && event->seqnum <= agent->now.uevent_seqnum)
		return false;
	/* Of an earlier block with this number. */
	if (event->action == UEVENT_REMOVE && event->seqnum && block &&
	    event->seqnum <= block->known_seqnum)
		return false;
	if (!block || block->state == BLOCK_ABSENT)
		return event->action != UEVENT_REMOVE;
	if (block->state == BLOCK_UNREADABLE)
		return true;
	switch (event->action) {
	case UEVENT_ADD: /* had it gone in between, that came first */
		return false;
	case UEVENT_ONLINE: /* mostly our own writes */
		return block->state != BLOCK_ONLINE && !is_in_hand(agent, block);
	case UEVENT_OFFLINE:
		return block->state != BLOCK_OFFLINE;
	case UEVENT_REMOVE:
	case UEVENT_NEW_GENERATION:
	case UEVENT_OTHER:
		break;
	}
	return true;
}

/* Half of a DIMM's events are of our own writes, most others were seen before they came. */
bool events_wanted(const struct uevent *event, void *data)
{
	const struct agent *agent = data;
	const struct block *block = snapshot_find(&agent->now, event->index);

	/* No scan shows it. */
	if (event->action == UEVENT_NEW_GENERATION)
		return true;
	return replaced(agent, event, block) || is_doubtful(agent, event, block) ||
	       is_news(agent, event, block);
}

void events_note_removal(struct agent *agent, struct block *block)
{
	struct block before = history_known(block);
	struct snapshot_change change = { &before, NULL };
	struct report_range range;

	if (before.state != BLOCK_ABSENT) {
		report_observe(&change, agent->now.block_size_bytes, &range);
		reports_gather(agent, &agent->now, block, &range);
	}
	block->state = BLOCK_ABSENT;
}

/* Another DIMM may be in its place by the time of the scan: that one inherits nothing. */
static void block_removed(struct agent *agent, struct block *block)
{
	events_note_removal(agent, block);
	history_forget(&agent->history, block);
}

bool events_take(struct agent *agent, const struct uevent *event)
{
	struct block *block = snapshot_find(&agent->now, event->index);
	bool is_replaced = replaced(agent, event, block);
	bool is_in_doubt = is_doubtful(agent, event, block);
	uint64_t now_usec = loop_now_usec();

	if (!is_replaced && !is_in_doubt && !is_news(agent, event, block))
		return false;
	log_debug("event %" PRIu64 " for memory%" PRIu64, event->seqnum, event->index);
	schedule_expect_more(&agent->schedule, now_usec);
	schedule_want_scan(&agent->schedule, now_usec);
	if (event->action == UEVENT_ADD && !agent->has_newcomer &&
	    (!block || block->state == BLOCK_ABSENT)) {
		agent->has_newcomer = true;
		agent->newcomer = event->index;
	}
	if (is_in_doubt)
		history_doubt(block);
	else if (event->action == UEVENT_REMOVE)
		block_removed(agent, block);
	history_forgive(&agent->now);
	return true;
}
