/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/ratio.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What was hot-added and is online, by the zone it is known to be in. */
struct hot {
	uint64_t kernel_bytes, movable_bytes, unknown_bytes;
};

static struct hot hot_added(const struct snapshot *snapshot, int node, bool any_node)
{
	struct hot hot = { 0, 0, 0 };
	size_t i;

	for (i = 0; i < snapshot->count; i++) {
		const struct block *block = &snapshot->blocks[i];
		enum block_zone zone = block_zone_now(block);

		if (block->state != BLOCK_ONLINE || (!any_node && block->node != node) ||
		    !snapshot_hot_added(snapshot, block))
			continue;
		if (zone == BLOCK_ZONE_UNKNOWN)
			hot.unknown_bytes += snapshot->block_size_bytes;
		else if (zone == BLOCK_ZONE_MOVABLE)
			hot.movable_bytes += snapshot->block_size_bytes;
		else
			hot.kernel_bytes += snapshot->block_size_bytes;
	}
	return hot;
}

static uint64_t less(uint64_t from, uint64_t what)
{
	return from > what ? from - what : 0;
}

/* Where no zones can be read, what is movable by the node's sum and not known to be is theirs. */
static void count(struct ratio_sum *sum, const struct hot *hot)
{
	uint64_t unknown_movable = less(sum->movable_bytes, hot->movable_bytes);

	sum->kernel_bytes =
		less(sum->kernel_bytes,
		     hot->kernel_bytes + less(hot->unknown_bytes, unknown_movable));
}

int ratio_init(struct ratio *ratio, const struct snapshot *snapshot, unsigned percent,
	       bool per_node)
{
	struct hot hot = hot_added(snapshot, 0, true);
	size_t i;

	memset(ratio, 0, sizeof(*ratio));
	ratio->nodes = calloc(snapshot->node_count + 1, sizeof(*ratio->nodes));
	if (!ratio->nodes)
		return -ENOMEM;
	ratio->snapshot = snapshot;
	ratio->percent = percent;
	ratio->per_node = per_node;
	ratio->node_count = snapshot->node_count;
	for (i = 0; i < snapshot->node_count; i++) {
		const struct snapshot_node *node = &snapshot->nodes[i];
		struct ratio_sum *sum = &ratio->nodes[i];
		struct hot here;

		sum->node = node->node;
		sum->kernel_bytes = node->kernel_bytes;
		sum->movable_bytes = node->movable_bytes;
		ratio->total.kernel_bytes += node->kernel_bytes;
		ratio->total.movable_bytes += node->movable_bytes;
		here = hot_added(snapshot, node->node, false);
		count(sum, &here);
	}
	count(&ratio->total, &hot);
	return 0;
}

void ratio_free(struct ratio *ratio)
{
	free(ratio->nodes);
	free(ratio->decisions);
	memset(ratio, 0, sizeof(*ratio));
}

static struct ratio_sum *sum_of(const struct ratio *ratio, int node)
{
	size_t i;

	for (i = 0; i < ratio->node_count; i++)
		if (ratio->nodes[i].node == node)
			return &ratio->nodes[i];
	return NULL;
}

/* percent of kernel, without overflow: these are sums of real memory. */
static uint64_t allowed(const struct ratio *ratio, const struct ratio_sum *sum)
{
	return sum->kernel_bytes / 100 * ratio->percent +
	       sum->kernel_bytes % 100 * ratio->percent / 100;
}

static bool fits(const struct ratio_room *room)
{
	return room->movable_bytes + room->asked_bytes <= room->allowed_bytes;
}

/* A node that nothing is known of has no room. */
static struct ratio_room room_in(const struct ratio *ratio, const struct ratio_sum *sum,
				 uint64_t asked_bytes)
{
	struct ratio_room room = { 0, asked_bytes, 0 };

	if (sum) {
		room.movable_bytes = sum->movable_bytes;
		room.allowed_bytes = allowed(ratio, sum);
	}
	return room;
}

/* Of the whole DIMM, also while only some of its blocks are there yet. */
static uint64_t dimm_bytes(const struct ratio *ratio)
{
	const struct snapshot *snapshot = ratio->snapshot;
	const struct snapshot_resource *resource =
		snapshot_resource_of(snapshot, &snapshot->blocks[ratio->last.first]);

	/* A driver's resource grows with what the driver adds. */
	if (resource && strcmp(resource->owner, "System RAM") == 0)
		return resource->size;
	return (ratio->last.end - ratio->last.first) * snapshot->block_size_bytes;
}

/* Bytes of the DIMM that would have to become movable; false: some are of the kernel already. */
static bool still_to_move(const struct ratio *ratio, uint64_t *bytes)
{
	const struct snapshot *snapshot = ratio->snapshot;
	uint64_t moved = 0;
	size_t i;

	for (i = ratio->last.first; i < ratio->last.end; i++) {
		const struct block *block = &snapshot->blocks[i];
		enum block_zone zone = block_zone_now(block);

		if (zone != BLOCK_ZONE_UNKNOWN && zone != BLOCK_ZONE_MOVABLE)
			return false;
		if (block->state == BLOCK_ONLINE)
			moved += snapshot->block_size_bytes;
	}
	*bytes = less(dimm_bytes(ratio), moved);
	return true;
}

static enum online_type decide(struct ratio *ratio, int node)
{
	struct ratio_sum *sum = sum_of(ratio, node);
	struct ratio_room *room = &ratio->last.room;
	uint64_t bytes;

	memset(room, 0, sizeof(*room));
	if (!still_to_move(ratio, &bytes) || (sum ? sum : &ratio->total)->is_closed)
		return ONLINE_TYPE_ONLINE_KERNEL;
	*room = room_in(ratio, &ratio->total, bytes);
	/* A kernel that shows no nodes has one. */
	if (fits(room) && ratio->per_node && node != BLOCK_NODE_UNKNOWN)
		*room = room_in(ratio, sum, bytes);
	if (!fits(room))
		return ONLINE_TYPE_ONLINE_KERNEL;
	ratio->total.movable_bytes += bytes;
	if (sum)
		sum->movable_bytes += bytes;
	return ONLINE_TYPE_ONLINE_MOVABLE;
}

/* About the DIMM around this position. */
static void decide_dimm(struct ratio *ratio, size_t position)
{
	struct ratio_decision *last = &ratio->last;

	snapshot_dimm(ratio->snapshot, position, &last->first, &last->end);
	last->word = decide(ratio, ratio->snapshot->blocks[position].node);
}

static int keep_decision(struct ratio *ratio)
{
	size_t bytes = (ratio->decision_count + 1) * sizeof(*ratio->decisions);
	struct ratio_decision *grown = realloc(ratio->decisions, bytes);

	if (!grown)
		return -ENOMEM;
	ratio->decisions = grown;
	grown[ratio->decision_count++] = ratio->last;
	return 0;
}

int ratio_decide_from_top(struct ratio *ratio,
			  bool (*wanted)(const struct block *block, const void *data),
			  const void *data)
{
	const struct block *blocks = ratio->snapshot->blocks;
	size_t position = ratio->snapshot->count;

	while (position--) {
		struct ratio_sum *sum = sum_of(ratio, blocks[position].node);

		if (!wanted(&blocks[position], data))
			continue;
		decide_dimm(ratio, position);
		if (keep_decision(ratio) < 0)
			return -ENOMEM;
		if (ratio->last.word == ONLINE_TYPE_ONLINE_KERNEL)
			(sum ? sum : &ratio->total)->is_closed = true;
		position = ratio->last.first;
	}
	return 0;
}

static bool is_about(const struct ratio_decision *decision, size_t position)
{
	return position >= decision->first && position < decision->end;
}

enum online_type ratio_word(struct ratio *ratio, const struct block *block)
{
	size_t position = (size_t)(block - ratio->snapshot->blocks), i;

	if (is_about(&ratio->last, position))
		return ratio->last.word;
	for (i = 0; i < ratio->decision_count; i++)
		if (is_about(&ratio->decisions[i], position)) {
			ratio->last = ratio->decisions[i];
			return ratio->last.word;
		}
	decide_dimm(ratio, position);
	return ratio->last.word;
}
