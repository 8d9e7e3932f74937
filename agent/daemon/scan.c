/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent-private.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "core/changes.h"
#include "io/log.h"
#include "io/resources.h"
#include "io/zones.h"

#define SUM_TRIES 3 /* then others are too busy to wait for */

static void gather(const struct snapshot *holder, const struct block *block,
		   const struct report_range *range, void *data)
{
	reports_gather(data, holder, block, range);
}

static struct changes changes_of(struct agent *agent)
{
	struct changes changes = {
		.config = agent->config,
		.journal = agent->edges.journal,
		.history = &agent->history,
		.kernel_onlines = agent->executor.who == EXECUTOR_KERNEL,
		.fn = gather,
		.data = agent,
	};

	return changes;
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
		if (is_new(agent, block) || (was_unreadable(agent, block) &&
					     schedule_may_rescan(&agent->schedule)))
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
	r = zones_read_sums(agent->edges.root, next);
	if (r < 0)
		log_warning("cannot read /proc/zoneinfo: %s; no memory will be "
			    "made movable",
			    strerror(-r));
	for (i = 0; i < next->node_count; i++)
		bytes += next->nodes[i].kernel_bytes + next->nodes[i].movable_bytes;
	return bytes;
}

/* Makes one DIMM of each that was probed block by block. */
static void join_probed(const struct agent *agent, struct snapshot *snapshot)
{
	size_t i;

	for (i = 0; i < agent->probed_count; i++)
		snapshot_join_resources(snapshot, agent->probed[i].start,
					agent->probed[i].size);
}

/* Without them nothing is known of DIMMs; -ENOMEM is the only error. */
static int read_resources(struct agent *agent)
{
	int r = resources_read(agent->edges.root, &agent->next);

	if (r == -ENOMEM)
		return r;
	if (r < 0 && r != -ENOENT)
		log_debug(
			"cannot read /proc/iomem: %s; ignoring where DIMMs begin and end",
			strerror(-r));
	join_probed(agent, &agent->next);
	return 0;
}

static int read_blocks(struct agent *agent)
{
	struct snapshot *next = &agent->next;
	int r = sysfs_read_blocks(agent->edges.sysfs, next);

	if (r < 0)
		return r;
	agent->numa = zones_read_nodes(agent->edges.root, next);
	if (agent->numa)
		hold_back_unlinked(agent, next);
	sysfs_read_zones(agent->edges.sysfs, next);
	return read_resources(agent);
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
		/*
		 * Read before the blocks: an event with a higher number may not be
		 * visible in them.
		 */
		next->uevent_seqnum = source_seqnum(agent->edges.root);
		bytes = read_sums(agent);
		r = read_blocks(agent);
	} while (r == 0 && bytes != read_sums(agent) && ++tries < SUM_TRIES);
	return r;
}

void scan_complete(struct agent *agent)
{
	sysfs_read_possible_zones(agent->edges.sysfs, &agent->now, agent->numa);
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
			schedule_reset_rescan(&agent->schedule);
	}
	return any;
}

/* `seqnum`: of the latest event before the block was read. */
static void identify(struct agent *agent, struct block *block, uint64_t seqnum)
{
	struct block *old = snapshot_find(&agent->now, block->index);
	uint64_t identity;

	if (!history_in_doubt(block, old, !agent->scanned_once))
		return;
	identity = sysfs_identity(agent->edges.sysfs, block->index);
	/* It went after its state was read: nobody knows whether it is the one that was reported. */
	if (!identity && !agent->scanned_once)
		block->state = BLOCK_UNREADABLE;
	if (!history_identify(&agent->history, block, identity, seqnum))
		return;
	log_info("memory%" PRIu64 " was replaced", block->index);
	if (old)
		events_note_removal(agent, old);
}

static void log_full(struct agent *agent)
{
	if (!agent->history.is_full || agent->is_full_logged)
		return;
	agent->is_full_logged = true;
	log_warning("too many memory blocks to store for the next memonlined; "
		    "ignoring");
}

/*
 * What is remembered of the blocks is brought up to date with what they are now. -ENOMEM: the first
 * time it could not be; that scan counts for nothing.
 */
static int update_history(struct agent *agent)
{
	struct changes changes = changes_of(agent);
	struct snapshot *next = &agent->next;
	size_t i;
	int r = 0;

	history_inherit(next, &agent->now);
	for (i = 0; i < next->count; i++)
		identify(agent, &next->blocks[i], next->uevent_seqnum);
	if (!agent->scanned_once) {
		history_recall(&agent->history, next);
		r = changes_meanwhile(&changes, next);
	}
	if (r < 0)
		return r;
	history_update(&agent->history, next, agent->scanned_once ? &agent->now : NULL);
	log_full(agent);
	return 0;
}

static void observe_changes(struct agent *agent)
{
	struct changes changes = changes_of(agent);

	if (!agent->scanned_once ||
	    changes_observe(&changes, &agent->now, &agent->next) > 0)
		schedule_unsettle(&agent->schedule, loop_now_usec());
}

static void swap_snapshots(struct agent *agent)
{
	struct snapshot before = agent->now;

	agent->now = agent->next;
	agent->next = before;
}

/* All blocks as they were, and the one that came. */
static int read_newcomer(struct agent *agent, const struct block *newcomer)
{
	struct snapshot *next = &agent->next;
	struct block *old;
	int r;

	snapshot_clear(next);
	next->machine = agent->machine;
	/* What has come for others is still news. */
	next->uevent_seqnum = agent->now.uevent_seqnum;
	r = snapshot_copy_blocks(next, &agent->now);
	if (r < 0)
		return r;
	old = snapshot_find(next, newcomer->index);
	if (old)
		*old = *newcomer;
	else
		r = snapshot_add_block(next, newcomer);
	if (r < 0)
		return r;
	snapshot_sort(next);
	return read_resources(agent);
}

bool scan_newcomer(struct agent *agent, uint64_t index)
{
	struct block newcomer, *block;
	uint64_t seqnum = source_seqnum(agent->edges.root);

	memset(&newcomer, 0, sizeof(newcomer));
	newcomer.index = index;
	newcomer.node = BLOCK_NODE_UNKNOWN;
	if (agent->numa)
		zones_read_node(agent->edges.root, &newcomer);
	if (agent->numa && newcomer.node == BLOCK_NODE_UNKNOWN)
		return false;
	if (agent->numa && !kernel_has(&agent->machine.kernel, KERNEL_LINKS_EACH_BLOCK))
		schedule_dimm_whole(&agent->schedule);
	/* That others were faster is remembered: it may be offline again by the scan. */
	sysfs_read_block(agent->edges.sysfs, &newcomer);
	if (newcomer.state == BLOCK_ABSENT || newcomer.state == BLOCK_UNREADABLE ||
	    read_newcomer(agent, &newcomer) < 0)
		return false;
	/* Of the others nothing is known that was not known before. */
	history_inherit(&agent->next, &agent->now);
	block = snapshot_find(&agent->next, index);
	identify(agent, block, seqnum);
	history_update(&agent->history, &agent->next, &agent->now);
	history_seen(block, seqnum);
	log_full(agent);
	observe_changes(agent);
	swap_snapshots(agent);
	return true;
}

int scan_read(struct agent *agent)
{
	schedule_begin(&agent->schedule, loop_now_usec());
	return read_next(agent);
}

/* As `now` has it, but for what no write changes. */
static void take_over(struct block *block, const struct block *written)
{
	int32_t node = block->node;

	*block = *written;
	block->node = node;
}

/* Whoever takes its result looks for it, be it listed or not. */
static int keep_in_hand(struct snapshot *next, const struct block *written)
{
	struct block *block = snapshot_find(next, written->index);
	int r;

	if (block) {
		take_over(block, written);
		return 0;
	}
	r = snapshot_add_block(next, written);
	if (r == 0)
		snapshot_sort(next);
	return r;
}

int scan_amend(struct agent *agent, uint64_t index, bool in_hand)
{
	struct block *block = snapshot_find(&agent->next, index);
	const struct block *written = snapshot_find(&agent->now, index);

	if (!written)
		return 0;
	if (in_hand)
		return keep_in_hand(&agent->next, written);
	if (block && block->state == BLOCK_OFFLINE && written->state != BLOCK_UNREADABLE)
		take_over(block, written);
	return 0;
}

int scan_take(struct agent *agent, int r)
{
	bool unreadable;

	if (r == 0)
		r = update_history(agent);
	if (r < 0) {
		if (r != agent->scan_error)
			log_error("cannot read the memory blocks: %s", strerror(-r));
		agent->scan_error = r;
		schedule_scan_failed(&agent->schedule, loop_now_usec());
		return r;
	}
	agent->scan_error = 0;
	unreadable = any_unreadable(agent, &agent->next);
	observe_changes(agent);
	swap_snapshots(agent);
	agent->scanned_once = true;
	if (unreadable)
		schedule_rescan(&agent->schedule, loop_now_usec());
	else
		schedule_reset_rescan(&agent->schedule);
	return 0;
}

int scan_blocks(struct agent *agent)
{
	return scan_take(agent, scan_read(agent));
}
