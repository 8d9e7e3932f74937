/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_BURST_H
#define MEMONLINE_BURST_H

/*
 * What happened to blocks since the last reports were written: gathered block by block, and
 * turned into one report per DIMM when the burst is over.
 */

#include "core/journal.h"
#include "core/snapshot.h"

struct burst_entry {
	struct report_range range;
	uint64_t dimm; /* start of its resource; BURST_NO_DIMM where none is known */
	uint64_t begun_usec, done_usec; /* monotonic */
	size_t round; /* above those of all earlier entries with a block of this one's */
};
#define BURST_NO_DIMM UINT64_MAX

struct burst {
	struct burst_entry *entries; /* owned */
	size_t count;
	size_t capacity;
};

/* All the memory it will ever use. 0 or -ENOMEM. */
int burst_init(struct burst *burst, size_t entries);
void burst_free(struct burst *burst);

/*
 * Merges into the newest entry where it continues it. false: full, or one of its blocks belonged
 * to another DIMM before; flush first.
 */
bool burst_add(struct burst *burst, uint64_t dimm, const struct report_range *range,
	       uint64_t begun_usec, uint64_t done_usec);
/* How a block came to be as it is without a write of ours. */
void burst_observe(const struct snapshot_change *change, uint64_t block_size_bytes,
		   struct report_range *range);

/*
 * Writes the reports, one per DIMM and ascending by address, and empties the burst. What happened
 * to one block stays in its order. Times of day are those of the flush. Never allocates.
 */
void burst_flush(struct burst *burst, struct journal *journal, int64_t time_sec,
		 int32_t time_usec);

/*
 * The blocks that the journal tells of, each with the node, the state and the reason that it has
 * by the newest report; `told` is empty before. 0 or -ENOMEM.
 */
int burst_recall(const struct journal *journal, uint64_t block_size_bytes,
		 struct snapshot *told);

#endif
