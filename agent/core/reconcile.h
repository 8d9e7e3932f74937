/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_RECONCILE_H
#define MEMONLINE_RECONCILE_H

/*
 * Compares a device of the host with the guest: how much of it is online, and why not all
 * of it. Pure: the host's view and the guest's → a verdict.
 */

#include "core/contract.h"
#include "core/device.h"
#include "core/kernel-log.h"
#include "core/snapshot.h"

struct reconcile_facts {
	const struct snapshot *snapshot;
	const struct kernel_log *log;
	uint64_t free_bytes; /* that the kernel could use now; UINT64_MAX: not known */
	/* mem= of the kernel's command line: no memory from there on; UINT64_MAX: none */
	uint64_t memory_limit;
	bool no_virtio_mem; /* the kernel has no driver for it, or has not loaded it */
};

enum reconcile_state {
	RECONCILE_COMPLETE, /* all that the host has asked for is online */
	RECONCILE_PARTIAL, /* the kernel has blocks of it, and not all are online */
	RECONCILE_ABSENT /* no block is made of it */
};

enum reconcile_removable {
	RECONCILE_REMOVABLE_YES, /* all that is online of it is in ZONE_MOVABLE */
	RECONCILE_REMOVABLE_NO, /* some of it is in another zone */
	RECONCILE_REMOVABLE_UNKNOWN, /* the kernel shows no zones (before 3.18) */
	RECONCILE_REMOVABLE_NEVER /* and trying could end in a panic (EL6) */
};

/* Bytes that are not online, alike in why. */
struct reconcile_missing {
	enum block_state state;
	enum reason reason;
	uint64_t size;
};
#define RECONCILE_MISSING_MAX 8 /* further ones are added to the last */
#define RECONCILE_REMARKS_MAX 2

struct reconcile_verdict {
	enum reconcile_state state;
	enum reason cause; /* NONE where complete, else that of the first missing */
	uint64_t online; /* bytes; at most the device's size */
	int32_t node; /* of its blocks in the guest; BLOCK_NODE_UNKNOWN where there are several */
	unsigned zones; /* 1 << enum block_zone, of what is online */
	enum reconcile_removable removable;
	struct reconcile_missing missing[RECONCILE_MISSING_MAX];
	size_t missing_count;
	/* What differs from the host's view, without keeping memory offline. */
	enum reason remarks[RECONCILE_REMARKS_MAX];
	size_t remark_count;
	const char *log; /* the kernel's line about it, of facts->log; NULL: none */
};

const char *reconcile_state_text(enum reconcile_state state);
const char *reconcile_removable_text(enum reconcile_removable removable);

/*
 * A device need not begin or end with a block: /proc/iomem decides whose bytes a shared
 * block holds; if it shows nothing, the block counts for each of them. Time grows with
 * the blocks in the device's range. `verdict` is always filled.
 */
void reconcile_device(const struct reconcile_facts *facts, const struct device *device,
		      struct reconcile_verdict *verdict) _nonnull_(1);

#endif
