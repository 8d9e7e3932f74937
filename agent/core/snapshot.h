/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SNAPSHOT_H
#define MEMONLINE_SNAPSHOT_H

/*
 * The memory blocks of a machine at one moment, and what lies around them. io/sysfs and
 * io/sysfs, io/zones, io/resources and io/firmware fill it; everything in core/ only reads it.
 */

#include "core/block.h"
#include "core/contract.h"
#include "core/kernel.h"

#define SNAPSHOT_OWNER_SIZE 40

/*
 * A "System RAM…" line of /proc/iomem: one per hot-added DIMM, so it begins and ends with
 * the DIMM.
 */
struct snapshot_resource {
	uint64_t start;
	uint64_t size; /* bytes */
	char owner[SNAPSHOT_OWNER_SIZE]; /* "System RAM", "System RAM (virtio_mem)", … */
};

/* Memory of one NUMA node as /proc/zoneinfo counts it ("present"), in bytes. */
struct snapshot_node {
	int node;
	uint64_t kernel_bytes; /* in zones for all uses, less what is set aside for CMA */
	uint64_t movable_bytes; /* in ZONE_MOVABLE, and CMA */
};
struct snapshot_window {
	uint64_t start, size; /* bytes */
};
#define SNAPSHOT_WINDOWS_MAX 64
#define SNAPSHOT_NODES_MAX 1024 /* MAX_NUMNODES of the distributions' kernels */

/* What else a decision may rest on; io/machine and io/sysfs fill it. */
struct machine {
	bool is_virtual; /* a hypervisor shows itself */
	bool keeps_memory; /* s390x, ppc64: what comes there is not the guest's to take */
	bool memhp_default_state; /* on the command line, and the kernel obeys it */
	bool memhp_ignored; /* there too, but the kernel does something else */
	/*
	 * It is neither the value that memonlined first saw in this boot nor one that
	 * memonlined wrote.
	 */
	bool auto_online_changed;
	enum online_type
		auto_online; /* auto_online_blocks; NONE: no such file (before 4.7) */
	/*
	 * What the kernel would do with new memory, if memonlined had not switched that
	 * off; NONE: memonlined switched nothing off.
	 */
	enum online_type withheld;
	struct kernel kernel;
	char release[65]; /* uname -r of the kernel; "": unknown */
};

struct snapshot {
	struct machine machine;
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
	/* Where the firmware says that memory may be hot-added: it was not there at boot. */
	struct snapshot_window windows[SNAPSHOT_WINDOWS_MAX];
	size_t window_count;
	struct snapshot_node *nodes; /* ascending, as far as they were read; owned */
	size_t node_count;
};

#define SNAPSHOT_INIT                 \
	{                             \
		.block_size_bytes = 0 \
	}

void snapshot_free(struct snapshot *snapshot);
void snapshot_clear(struct snapshot *snapshot);
/*
 * Room for `blocks` blocks in all, made before they are needed, since onlining must not wait
 * for memory. 0 or -ENOMEM.
 */
int snapshot_reserve(struct snapshot *snapshot, size_t blocks) _must_check_ _nonnull_(1);
/* Append in any order, then sort once. 0 or -ENOMEM. */
int snapshot_add_block(struct snapshot *snapshot, const struct block *block) _must_check_
	_nonnull_(1);
int snapshot_add_resource(struct snapshot *snapshot, uint64_t start, uint64_t size,
			  const char *owner) _nonnull_(1);
void snapshot_sort(struct snapshot *snapshot) _nonnull_(1);
/* Replaces its blocks by those of the other one. 0 or -ENOMEM. */
int snapshot_copy_blocks(struct snapshot *snapshot,
			 const struct snapshot *from) _must_check_ _nonnull_(1);
/* The node's record, made where it is missing; NULL on lack of memory or of numbers. */
struct snapshot_node *snapshot_node(struct snapshot *snapshot, int node) _nonnull_(1);

/* NULL if there is no such block. */
struct block *snapshot_find(const struct snapshot *snapshot, uint64_t index) _nonnull_(1);
/* How many blocks have a smaller number: where the first of the others is. */
size_t snapshot_count_below(const struct snapshot *snapshot, uint64_t index) _nonnull_(1);
/*
 * The resource that has most of the block, of equals the lower one: a block may begin with reserved
 * pages, and two DIMMs may share one. NULL: none has any. /proc/iomem shows zeros to a reader
 * without CAP_SYS_ADMIN, and then there is none.
 */
const struct snapshot_resource *snapshot_resource_of(const struct snapshot *snapshot,
						     const struct block *block);
/*
 * Whether both blocks belong to one DIMM: one resource, or neighbours if none is known.
 * All boot memory is one, if the firmware marks it, even if reserved pages split it.
 */
bool snapshot_same_dimm(const struct snapshot *snapshot, const struct block *a,
			const struct block *b) _nonnull_(1);

/* The blocks that share one's DIMM: positions [*first, *end) around `position`. */
void snapshot_dimm(const struct snapshot *snapshot, size_t position, size_t *first,
		   size_t *end) _nonnull_(1);
/*
 * Whether all of the DIMM's blocks are there: /proc/iomem has its size before they are announced.
 * True where its size is not known, or is a driver's to change.
 */
bool snapshot_dimm_is_whole(const struct snapshot *snapshot, const struct block *block)
	_nonnull_(1);
/*
 * What was probed block by block has a resource for each of them: those that lie wholly inside
 * [start, start + size) become one, so that they are one DIMM.
 */
void snapshot_join_resources(struct snapshot *snapshot, uint64_t start, uint64_t size)
	_nonnull_(1);
/*
 * Whether the block was added after boot: memonlined saw that, its owner is a driver, or
 * the firmware reserves its addresses for hot-added memory (SRAT, flag hot-pluggable).
 */
bool snapshot_hot_added(const struct snapshot *snapshot, const struct block *block)
	_nonnull_(1);
/* The resource of the DIMM that the block belongs to; NULL: not known, or boot memory. */
const struct snapshot_resource *snapshot_dimm_of(const struct snapshot *snapshot,
						 const struct block *block) _nonnull_(1);

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
		       size_t max) _nonnull_(1);

/* One block that is not as it was. */
struct snapshot_change {
	const struct block *before; /* NULL: it appeared */
	const struct block *after; /* NULL: it went away */
};
typedef void (*snapshot_change_fn)(const struct snapshot_change *change, void *data);

#endif
