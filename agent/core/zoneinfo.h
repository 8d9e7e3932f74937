/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_ZONEINFO_H
#define MEMONLINE_ZONEINFO_H

/* /proc/zoneinfo: how much memory the zones of each NUMA node have. */

#include "core/contract.h"
#include "core/snapshot.h"

/*
 * Replaces the snapshot's sums by node with those in the text ("present", and "cma" if it
 * is there, in pages of `page_bytes`). 0 or -ENOMEM.
 */
int zoneinfo_take(struct snapshot *snapshot, const char *text,
		  uint64_t page_bytes) _must_check_ _nonnull_(1);

#endif
