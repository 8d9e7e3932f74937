/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/snapshot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void snapshot_free(struct snapshot *snapshot)
{
	free(snapshot->blocks);
	free(snapshot->resources);
	free(snapshot->nodes);
	memset(snapshot, 0, sizeof(*snapshot));
}

void snapshot_clear(struct snapshot *snapshot)
{
	snapshot->count = 0;
	snapshot->resource_count = 0;
	snapshot->node_count = 0;
	snapshot->uevent_seqnum = 0;
}

int snapshot_reserve(struct snapshot *snapshot, size_t blocks)
{
	struct block *grown;

	if (blocks <= snapshot->capacity)
		return 0;
	if (blocks > SIZE_MAX / sizeof(*grown))
		return -ENOMEM;
	grown = realloc(snapshot->blocks, blocks * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	snapshot->blocks = grown;
	snapshot->capacity = blocks;
	return 0;
}

int snapshot_add_block(struct snapshot *snapshot, const struct block *block)
{
	if (snapshot->count == snapshot->capacity) {
		size_t capacity = snapshot->capacity ? snapshot->capacity * 2 : 64;
		int r = snapshot_reserve(snapshot, capacity);

		if (r < 0)
			return r;
	}
	snapshot->blocks[snapshot->count++] = *block;
	return 0;
}

static int grow_resources(struct snapshot *snapshot)
{
	size_t capacity = snapshot->resource_capacity ? snapshot->resource_capacity * 2
						      : 16;
	struct snapshot_resource *grown;

	grown = realloc(snapshot->resources, capacity * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	snapshot->resources = grown;
	snapshot->resource_capacity = capacity;
	return 0;
}

int snapshot_add_resource(struct snapshot *snapshot, uint64_t start, uint64_t size,
			  const char *owner)
{
	struct snapshot_resource *resource;
	int r = 0;

	if (snapshot->resource_count == snapshot->resource_capacity)
		r = grow_resources(snapshot);
	if (r < 0)
		return r;
	resource = &snapshot->resources[snapshot->resource_count++];
	memset(resource, 0, sizeof(*resource));
	resource->start = start;
	resource->size = size;
	strncpy(resource->owner, owner, sizeof(resource->owner) - 1);
	return 0;
}

struct snapshot_node *snapshot_node(struct snapshot *snapshot, int node)
{
	size_t i;

	for (i = 0; i < snapshot->node_count; i++)
		if (snapshot->nodes[i].node == node)
			return &snapshot->nodes[i];
	if (i == SNAPSHOT_NODES_MAX)
		return NULL;
	/* Doubled at each power of two, from one on. */
	if ((i & (i - 1)) == 0) {
		struct snapshot_node *grown =
			realloc(snapshot->nodes, (i ? i * 2 : 1) * sizeof(*grown));

		if (!grown)
			return NULL;
		snapshot->nodes = grown;
	}
	memset(&snapshot->nodes[i], 0, sizeof(snapshot->nodes[i]));
	snapshot->nodes[i].node = node;
	return &snapshot->nodes[snapshot->node_count++];
}

static int compare_blocks(const void *left, const void *right)
{
	const struct block *a = left, *b = right;

	return a->index < b->index ? -1 : a->index > b->index;
}

static int compare_resources(const void *left, const void *right)
{
	const struct snapshot_resource *a = left, *b = right;

	return a->start < b->start ? -1 : a->start > b->start;
}

void snapshot_sort(struct snapshot *snapshot)
{
	if (snapshot->count)
		qsort(snapshot->blocks, snapshot->count, sizeof(*snapshot->blocks),
		      compare_blocks);
	if (snapshot->resource_count)
		qsort(snapshot->resources, snapshot->resource_count,
		      sizeof(*snapshot->resources), compare_resources);
}

int snapshot_copy_blocks(struct snapshot *snapshot, const struct snapshot *from)
{
	int r = snapshot_reserve(snapshot, from->count);

	if (r < 0)
		return r;
	if (from->count)
		memcpy(snapshot->blocks, from->blocks,
		       from->count * sizeof(*from->blocks));
	snapshot->count = from->count;
	snapshot->block_size_bytes = from->block_size_bytes;
	return 0;
}

struct block *snapshot_find(const struct snapshot *snapshot, uint64_t index)
{
	struct block key = { .index = index };

	if (!snapshot->count)
		return NULL;
	return bsearch(&key, snapshot->blocks, snapshot->count, sizeof(key),
		       compare_blocks);
}

/* The first resource that ends behind the address, by halving; the count where there is none. */
static size_t first_resource(const struct snapshot *snapshot, uint64_t address)
{
	size_t low = 0, high = snapshot->resource_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct snapshot_resource *resource = &snapshot->resources[middle];

		if (address >= resource->start &&
		    address - resource->start >= resource->size)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How many bytes of [start, last] the resource has. */
static uint64_t bytes_within(const struct snapshot_resource *resource, uint64_t start,
			     uint64_t last)
{
	uint64_t end = resource->start + (resource->size - 1);
	uint64_t from = resource->start > start ? resource->start : start;
	uint64_t to = end < last ? end : last;

	return to < from ? 0 : to - from + 1;
}

const struct snapshot_resource *snapshot_resource_of(const struct snapshot *snapshot,
						     const struct block *block)
{
	uint64_t start = block->index * snapshot->block_size_bytes;
	uint64_t last = start + (snapshot->block_size_bytes - 1), most = 0;
	const struct snapshot_resource *found = NULL;
	size_t i;

	for (i = first_resource(snapshot, start); i < snapshot->resource_count; i++) {
		const struct snapshot_resource *resource = &snapshot->resources[i];
		uint64_t bytes;

		if (resource->start > last)
			break;
		bytes = bytes_within(resource, start, last);
		if (bytes > most) {
			most = bytes;
			found = resource;
		}
	}
	return found;
}

static bool in_window(const struct snapshot *snapshot, uint64_t address)
{
	size_t i;

	for (i = 0; i < snapshot->window_count; i++)
		if (address >= snapshot->windows[i].start &&
		    address - snapshot->windows[i].start < snapshot->windows[i].size)
			return true;
	return false;
}

/* `resource`: of the block. A window, too, may begin inside of one. */
static bool is_hot_added(const struct snapshot *snapshot, const struct block *block,
			 const struct snapshot_resource *resource)
{
	uint64_t start = block->index * snapshot->block_size_bytes;

	if (block->marks & BLOCK_MARK_ADDED)
		return true;
	if (resource && strcmp(resource->owner, "System RAM") != 0)
		return true;
	return in_window(snapshot,
			 resource && resource->start > start ? resource->start : start);
}

bool snapshot_hot_added(const struct snapshot *snapshot, const struct block *block)
{
	return is_hot_added(snapshot, block, snapshot_resource_of(snapshot, block));
}

const struct snapshot_resource *snapshot_dimm_of(const struct snapshot *snapshot,
						 const struct block *block)
{
	const struct snapshot_resource *resource = snapshot_resource_of(snapshot, block);

	return is_hot_added(snapshot, block, resource) ? resource : NULL;
}

bool snapshot_same_dimm(const struct snapshot *snapshot, const struct block *a,
			const struct block *b)
{
	const struct snapshot_resource *of_a = snapshot_resource_of(snapshot, a);
	const struct snapshot_resource *of_b = snapshot_resource_of(snapshot, b);
	bool is_neighbour = a->index + 1 == b->index || b->index + 1 == a->index;

	if (snapshot->window_count && !is_hot_added(snapshot, a, of_a) &&
	    !is_hot_added(snapshot, b, of_b))
		return is_neighbour;
	return of_a || of_b ? of_a == of_b : is_neighbour;
}

void snapshot_dimm(const struct snapshot *snapshot, size_t position, size_t *first,
		   size_t *end)
{
	const struct block *blocks = snapshot->blocks;

	*first = position;
	while (*first &&
	       snapshot_same_dimm(snapshot, &blocks[*first - 1], &blocks[*first]))
		(*first)--;
	*end = position + 1;
	while (*end < snapshot->count &&
	       snapshot_same_dimm(snapshot, &blocks[*end - 1], &blocks[*end]))
		(*end)++;
}

size_t snapshot_count_below(const struct snapshot *snapshot, uint64_t index)
{
	size_t low = 0, high = snapshot->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (snapshot->blocks[middle].index < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool snapshot_dimm_is_whole(const struct snapshot *snapshot, const struct block *block)
{
	uint64_t unit = snapshot->block_size_bytes, first, end;
	const struct snapshot_resource *resource = snapshot_resource_of(snapshot, block);

	if (!resource || strcmp(resource->owner, "System RAM") != 0)
		return true;
	first = resource->start / unit + (resource->start % unit != 0);
	end = (resource->start + resource->size) / unit;
	return end <= first || snapshot_count_below(snapshot, end) -
					       snapshot_count_below(snapshot, first) ==
				       end - first;
}

static bool continues(const struct snapshot_resource *resource,
		      const struct snapshot_resource *next, uint64_t start, uint64_t size)
{
	return resource->start >= start &&
	       resource->start + resource->size == next->start &&
	       next->start - start < size && next->size <= size - (next->start - start) &&
	       strcmp(resource->owner, next->owner) == 0;
}

void snapshot_join_resources(struct snapshot *snapshot, uint64_t start, uint64_t size)
{
	struct snapshot_resource *resources = snapshot->resources;
	size_t i, kept = 0;

	for (i = 1; i < snapshot->resource_count; i++)
		if (continues(&resources[kept], &resources[i], start, size))
			resources[kept].size += resources[i].size;
		else
			resources[++kept] = resources[i];
	if (snapshot->resource_count)
		snapshot->resource_count = kept + 1;
}

static struct snapshot_total *find_total(struct snapshot_total *totals, size_t *count,
					 size_t max, const struct block *block)
{
	enum block_zone zone = block_zone_now(block);
	size_t i;

	for (i = 0; i < *count; i++)
		if (totals[i].node == block->node && totals[i].zone == zone &&
		    totals[i].state == (enum block_state)block->state)
			return &totals[i];
	if (*count == max)
		return NULL;
	totals[i].node = block->node;
	totals[i].zone = zone;
	totals[i].state = (enum block_state)block->state;
	totals[i].bytes = 0;
	(*count)++;
	return &totals[i];
}

size_t snapshot_totals(const struct snapshot *snapshot, struct snapshot_total *totals,
		       size_t max)
{
	size_t count = 0, i;

	for (i = 0; i < snapshot->count; i++) {
		struct snapshot_total *total =
			find_total(totals, &count, max, &snapshot->blocks[i]);

		if (total)
			total->bytes += snapshot->block_size_bytes;
	}
	return count;
}
