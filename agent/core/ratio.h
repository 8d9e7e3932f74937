/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_RATIO_H
#define MEMONLINE_RATIO_H

/*
 * How much memory may be movable: as the kernel's auto-movable policy counts (mm/memory_hotplug.c
 * from 5.15 on, auto_movable_can_online_movable). Only memory that was there at boot counts as
 * kernel memory; what was hot-added into a kernel zone raises no budget.
 */

#include "core/contract.h"
#include "core/snapshot.h"

struct ratio_sum {
	int node;
	uint64_t kernel_bytes; /* there at boot, in zones for all uses */
	uint64_t movable_bytes; /* in ZONE_MOVABLE, or decided to go there */
	bool is_closed; /* decided from the top: nothing below can be movable */
};

/* What the latest decision rests on: the sum that left less room, of all or of the node. */
struct ratio_room {
	uint64_t movable_bytes; /* before */
	uint64_t asked_bytes; /* more; 0: some of the DIMM is in a kernel zone already */
	uint64_t allowed_bytes; /* in all */
};

/* What was decided about a DIMM: blocks [first, end) of the snapshot. */
struct ratio_decision {
	size_t first, end;
	enum online_type word;
	struct ratio_room room;
};

struct ratio {
	const struct snapshot *snapshot;
	unsigned percent; /* movable : kernel */
	bool per_node;
	struct ratio_sum total;
	struct ratio_sum *nodes; /* owned */
	size_t node_count;
	struct ratio_decision last; /* the latest answer */
	struct ratio_decision *decisions; /* made in advance, from the top; owned */
	size_t decision_count;
};

/* -ENOMEM, or 0. The snapshot has to have its nodes' sums, and outlive it. */
int ratio_init(struct ratio *ratio, const struct snapshot *snapshot, unsigned percent,
	       bool per_node) _must_check_ _nonnull_(1);
void ratio_free(struct ratio *ratio);
/*
 * For kernels before 4.13, where ZONE_MOVABLE grows downwards only and a DIMM that is in it stays
 * in it: decides about every DIMM with a block that `wanted` names, the highest first. The first
 * one of a node that does not fit keeps all below it out, too. 0 or -ENOMEM.
 */
int ratio_decide_from_top(struct ratio *ratio,
			  bool (*wanted)(const struct block *block, const void *data),
			  const void *data) _must_check_ _nonnull_(1);
/*
 * Where the DIMM of this block of the snapshot goes: ONLINE_MOVABLE where all of it stays within
 * the ratio, else ONLINE_KERNEL; also where some of it is in a kernel zone already, so that it is
 * in one zone. The DIMMs asked about before count as decided, and ratio->last is this answer.
 */
enum online_type ratio_word(struct ratio *ratio, const struct block *block) _nonnull_(1);

#endif
