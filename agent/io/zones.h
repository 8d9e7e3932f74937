/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_ZONES_H
#define MEMONLINE_ZONES_H

/* NUMA nodes: which blocks lie in each, and how much memory its zones have. */

#include "core/contract.h"
#include "core/snapshot.h"
#include "io/root.h"

/*
 * Sets each block's node from /sys/devices/system/node/nodeN/memoryM; missing: unknown. Returns
 * whether the kernel has nodes at all.
 */
bool zones_read_nodes(struct root *root, struct snapshot *snapshot) _nonnull_(1);
/* The same for one block, without reading the others. */
void zones_read_node(struct root *root, struct block *block) _nonnull_(1);
/*
 * Replaces the snapshot's sums by node with those in /proc/zoneinfo ("present", and "cma"
 * if it is there, in pages). 0 or negative errno.
 */
int zones_read_sums(struct root *root, struct snapshot *snapshot) _must_check_
	_nonnull_(1);

#endif
