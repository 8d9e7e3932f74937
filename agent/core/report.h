/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_REPORT_H
#define MEMONLINE_REPORT_H

/*
 * What happened to blocks since the last reports were written: gathered block by block, and
 * turned into one report per DIMM when the events have ended.
 */

#include "core/contract.h"
#include "core/journal.h"
#include "core/snapshot.h"

struct report_builder_entry {
	struct report_range range;
	uint64_t dimm; /* start of its resource; BURST_NO_DIMM where none is known */
	uint64_t begun_usec, done_usec; /* monotonic */
	size_t round; /* above those of all earlier entries with a block of this one's */
	bool held; /* the next flush leaves it */
};
#define REPORT_NO_DIMM UINT64_MAX

struct report_builder {
	struct report_builder_entry *entries; /* owned */
	size_t count;
	size_t capacity;
};

/* All the memory it will ever use. 0 or -ENOMEM. */
int report_builder_init(struct report_builder *builder, size_t entries) _must_check_
	_nonnull_(1);
void report_builder_free(struct report_builder *builder);

/*
 * Merges into the newest entry where it continues it. A refusal that changed nothing
 * gives way to what happens to its blocks next: each block has one result in one series
 * of events. false: full, or one of its blocks belonged to another DIMM before; flush
 * first.
 */
bool report_builder_add(struct report_builder *builder, uint64_t dimm,
			const struct report_range *range, uint64_t begun_usec,
			uint64_t done_usec) _nonnull_(1);
/* How a block came to be as it is without a write of ours. */
void report_observe(const struct snapshot_change *change, uint64_t block_size_bytes,
		    struct report_range *range) _nonnull_(1);

/*
 * Holds back what began after `since_usec` (monotonic) and is about a DIMM that has not come whole
 * yet: /proc/iomem has its size before its blocks are announced one by one. Returns when the
 * oldest entry that is held began, or 0.
 */
uint64_t report_builder_hold(struct report_builder *builder,
			     const struct snapshot *snapshot, uint64_t since_usec)
	_nonnull_(1);
/* Whether it has gathered something about the block. */
bool report_builder_has(const struct report_builder *builder, uint64_t start)
	_nonnull_(1);
/*
 * Writes the reports, one per DIMM and ascending by address, and keeps only what is held back, which
 * the flush after that writes. What happened to one block stays in its order. Times of day are
 * those of the flush. Never allocates.
 */
void report_builder_flush(struct report_builder *builder, struct journal *journal,
			  int64_t time_sec, int32_t time_usec) _nonnull_(1);

/*
 * The blocks that the journal has, each with the node, the state, the zone and the reason of its
 * newest report; `told` is empty before. 0 or -ENOMEM.
 */
int report_recall(const struct journal *journal, uint64_t block_size_bytes,
		  struct snapshot *told) _must_check_ _nonnull_(1);

#endif
