/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SCOPE_H
#define MEMONLINE_SCOPE_H

/*
 * A set of memory blocks that a section of memonlined.conf(5) is about: those of a NUMA node, of
 * an address range, or of an owner in /proc/iomem.
 */

#include "core/contract.h"
#include "core/snapshot.h"
#include "core/text.h"

/* In the order of precedence: what names a block most closely decides. */
enum scope_kind { SCOPE_RANGE, SCOPE_OWNER, SCOPE_NODE, SCOPE_KINDS };

struct scope {
	enum scope_kind kind;
	int node;
	uint64_t start, size; /* bytes; size is never 0 and the end never wraps */
	char owner[SNAPSHOT_OWNER_SIZE];
};

/*
 * Reads a section's name: "node 1", "range 0x100000000+512M" (numbers decimal or with 0x,
 * suffixes K, M, G and T), "owner System RAM (virtio_mem)". NULL, with *place filled, or
 * the expected form; "" if the name is not that of a scope.
 */
const char *scope_parse(struct scope *scope, const char *name, size_t len) _nonnull_(1);
/* The section's name, as place_parse reads it. */
void scope_put(const struct scope *scope, struct text *text) _nonnull_(1);

/* Whether some block could be in both, and both of one kind: then neither comes first. */
bool scope_collides(const struct scope *a, const struct scope *b) _nonnull_(1);
/* A block is in the range that holds its first byte. */
bool scope_holds(const struct scope *scope, const struct snapshot *snapshot,
		 const struct block *block) _nonnull_(1);

#endif
