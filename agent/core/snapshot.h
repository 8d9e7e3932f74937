/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SNAPSHOT_H
#define MEMONLINE_SNAPSHOT_H

/*
 * The memory blocks of a machine at one moment, and what lies around them. io/sysfs and
 * io/system fill it; everything in core/ only reads it.
 */

#include "core/block.h"

/* A "System RAM…" line of /proc/iomem: one per hot-added DIMM, so its edges are the DIMM's. */
struct snapshot_resource {
	uint64_t start;
	uint64_t size; /* bytes */
	char owner[40]; /* "System RAM", "System RAM (virtio_mem)", … */
};

struct snapshot {
	uint64_t block_size_bytes;
	/*
	 * /sys/kernel/uevent_seqnum as it was before the first block was read: every event up to
	 * this number is already seen in here. 0 where the file is missing.
	 */
	uint64_t uevent_seqnum;
	struct block *blocks; /* ascending by index; owned */
	size_t count;
	size_t capacity;
	struct snapshot_resource *resources; /* ascending, not overlapping; owned */
	size_t resource_count;
	size_t resource_capacity;
};

#define SNAPSHOT_INIT                        \
	{                                    \
		0, 0, NULL, 0, 0, NULL, 0, 0 \
	}

void snapshot_free(struct snapshot *snapshot);
void snapshot_clear(struct snapshot *snapshot);
/*
 * Room for `blocks` blocks in all, made before they are needed, since onlining must not wait
 * for memory. 0 or -ENOMEM.
 */
int snapshot_reserve(struct snapshot *snapshot, size_t blocks);
/* Append in any order, then sort once. 0 or -ENOMEM. */
int snapshot_add_block(struct snapshot *snapshot, const struct block *block);
int snapshot_add_resource(struct snapshot *snapshot, uint64_t start, uint64_t size,
			  const char *owner);
void snapshot_sort(struct snapshot *snapshot);

/* NULL where there is no such block. */
struct block *snapshot_find(const struct snapshot *snapshot, uint64_t index);
/*
 * The resource that holds the block's first byte, or NULL: /proc/iomem shows zeros to a reader
 * without CAP_SYS_ADMIN, and then there is none.
 */
const struct snapshot_resource *snapshot_resource_of(const struct snapshot *snapshot,
						     const struct block *block);
/* Whether both blocks belong to one DIMM: one resource, or neighbours where none is known. */
bool snapshot_same_dimm(const struct snapshot *snapshot, const struct block *a,
			const struct block *b);

/* Bytes by state, zone and node, in the order of first appearance. */
struct snapshot_total {
	int node;
	enum block_state state;
	enum block_zone zone;
	uint64_t bytes;
};
#define SNAPSHOT_TOTALS_MAX 256

/* Returns how many of `totals` were filled; what does not fit is not counted. */
size_t snapshot_totals(const struct snapshot *snapshot, struct snapshot_total *totals,
		       size_t max);

/* Gives each block what is remembered of it (marks, reason, …) as it was in `before`; time grows as count. */
void snapshot_inherit(struct snapshot *snapshot, const struct snapshot *before);

/* One block that is not as it was. */
struct snapshot_change {
	const struct block *before; /* NULL: it appeared */
	const struct block *after; /* NULL: it went away */
};
typedef void (*snapshot_change_fn)(const struct snapshot_change *change, void *data);

/* Calls `fn` for every block whose state or zone differs, ascending; time grows as count. */
void snapshot_diff(const struct snapshot *before, const struct snapshot *after,
		   snapshot_change_fn fn, void *data);

#endif
