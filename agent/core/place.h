/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_PLACE_H
#define MEMONLINE_PLACE_H

/*
 * A set of memory blocks that a section of memonlined.conf(5) is about: those of a NUMA node, of
 * an address range, or of an owner in /proc/iomem.
 */

#include "core/snapshot.h"
#include "core/text.h"

/* In the order of precedence: what names a block most closely decides. */
enum place_kind { PLACE_RANGE, PLACE_OWNER, PLACE_NODE, PLACE_KINDS };

struct place {
	enum place_kind kind;
	int node;
	uint64_t start, size; /* bytes; size is never 0 and the end never wraps */
	char owner[SNAPSHOT_OWNER_SIZE];
};

/*
 * Reads a section's name: "node 1", "range 0x100000000+512M" (numbers decimal or with 0x, suffixes
 * K, M, G and T), "owner System RAM (virtio_mem)". NULL, with *place filled, or what is expected
 * instead; "" where the name is not that of a place at all.
 */
const char *place_parse(struct place *place, const char *name, size_t len);
/* The section's name, as place_parse reads it. */
void place_put(const struct place *place, struct text *text);

/* Whether some block could be in both, and both of one kind: then neither comes first. */
bool place_collides(const struct place *a, const struct place *b);
/* A block is in the range that holds its first byte. */
bool place_holds(const struct place *place, const struct snapshot *snapshot,
		 const struct block *block);

#endif
