/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_RATIO_H
#define MEMONLINE_RATIO_H

/*
 * How much memory may be movable: as the kernel's auto-movable policy counts (mm/memory_hotplug.c
 * from 5.15 on, auto_movable_can_online_movable). Only memory that was there at boot counts as
 * kernel memory; what was hot-added into a kernel zone raises no budget.
 */

#include "core/snapshot.h"

struct ratio_sum {
	int node;
	uint64_t kernel_bytes; /* there at boot, in zones for all uses */
	uint64_t movable_bytes; /* in ZONE_MOVABLE, or decided to go there */
};

/* What the latest decision rests on: the sum that left less room, of all or of the node. */
struct ratio_room {
	uint64_t movable_bytes; /* before */
	uint64_t asked_bytes; /* more; 0: some of the DIMM is in a kernel zone already */
	uint64_t allowed_bytes; /* in all */
};

struct ratio {
	const struct snapshot *snapshot;
	unsigned percent; /* movable : kernel */
	bool per_node;
	struct ratio_sum total;
	struct ratio_sum *nodes; /* owned */
	size_t node_count;
	/* The DIMM decided last: blocks [first, end) of the snapshot. */
	size_t first, end;
	enum online_type word;
	struct ratio_room room;
};

/* -ENOMEM, or 0. The snapshot has to have its nodes' sums, and outlive it. */
int ratio_init(struct ratio *ratio, const struct snapshot *snapshot, unsigned percent,
	       bool per_node);
void ratio_free(struct ratio *ratio);
/*
 * Where the DIMM of this block of the snapshot goes: ONLINE_MOVABLE where all of it stays within
 * the ratio, else ONLINE_KERNEL; also where some of it is in a kernel zone already, so that it is
 * in one zone. The DIMMs asked about before count as decided.
 */
enum online_type ratio_word(struct ratio *ratio, const struct block *block);

#endif
