/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_JOURNAL_H
#define MEMONLINE_JOURNAL_H

/*
 * Reports of what was done, numbered, in a bounded ring that is allocated once. A report
 * covers one DIMM in one series of events; its blocks are merged into ranges if
 * everything about them is equal.
 */

#include "core/block.h"
#include "core/contract.h"
#include "core/reason.h"
#include "core/store.h"

/* "instance" in the protocol: numbers count within it. */
#define JOURNAL_INSTANCE_SIZE 37

enum report_result { REPORT_SUCCESS, REPORT_FAILED };
/* "success" or "failed" */
const char *report_result_text(enum report_result result);

struct report_range {
	uint64_t start; /* physical address, bytes */
	uint64_t size; /* bytes */
	int32_t node;
	int32_t error; /* errno as a positive number, 0 where there is none */
	uint8_t from; /* enum block_state */
	uint8_t to; /* enum block_state */
	uint8_t requested; /* enum online_type; NONE for what others did */
	uint8_t zone; /* enum block_zone, of `to` */
	uint8_t result; /* enum report_result */
	uint8_t reason; /* enum reason */
};

struct report {
	uint64_t seq; /* from 1 */
	int64_t time_sec; /* wall clock at the end of the work */
	int32_t time_usec;
	uint64_t elapsed_usec; /* from the wake-up that saw the DIMM to its last block */
	size_t first; /* where its ranges begin; use journal_ranges */
	size_t count;
};

struct journal;

/*
 * The journal lives in one piece of memory, so that a file in /run keeps it when
 * memonlined is killed. `reports`, `ranges` and `marks` are the bounds, each at least 1.
 */
struct journal_bounds {
	size_t reports;
	size_t ranges;
	size_t marks;
};
/* Bytes of memory that journal_attach wants. */
size_t journal_size(const struct journal_bounds *bounds) _nonnull_(1);
/*
 * Continues with what a memonlined of the same boot left in `memory`, if it is whole and
 * has these bounds; starts from nothing, as `instance`, otherwise. The memory stays the
 * caller's and outlives the journal. NULL on lack of memory.
 */
struct journal *journal_attach(void *memory, const struct journal_bounds *bounds,
			       const char *boot_id, const char *instance) _must_check_;
/*
 * From here on `store`, the caller's, keeps the memory. It has what journal_attach was given; what
 * that changed is handed over now.
 */
void journal_keep_in(struct journal *journal, const struct store *store) _nonnull_(1);
/* The same in memory of its own, with room for one mark for each range. */
struct journal *journal_new(const char *instance, size_t reports,
			    size_t ranges) _must_check_;
void journal_free(struct journal *journal); /* accepts NULL */

const char *journal_instance(const struct journal *journal) _nonnull_(1);
/*
 * The reports that are held are another instance's from here on, under the same numbers, and no
 * host has any of them.
 */
void journal_begin_instance(struct journal *journal, const char *instance) _nonnull_(1);
/* The number of the newest report, 0 where there is none yet. */
uint64_t journal_last(const struct journal *journal) _nonnull_(1);
/* The smallest number that is still there; journal_last() + 1 where none is. */
uint64_t journal_first(const struct journal *journal) _nonnull_(1);
/* How many reports after `since` were overwritten and cannot be had any more. */
uint64_t journal_lost(const struct journal *journal, uint64_t since) _nonnull_(1);

/*
 * Appends; the oldest reports make room. `report` gives the times, its seq is assigned here.
 * More ranges than the ring holds are cut at that bound. Returns the new number. Never allocates.
 */
uint64_t journal_append(struct journal *journal, const struct report *report,
			const struct report_range *ranges, size_t count) _nonnull_(1);
/* The oldest report with a number above `since`, or NULL. */
const struct report *journal_after(const struct journal *journal, uint64_t since)
	_nonnull_(1);
const struct report_range *journal_ranges(const struct journal *journal,
					  const struct report *report) _nonnull_(1);

/*
 * The number that the host on memonlined's own port last subscribed with; kept with the
 * journal.
 */
uint64_t journal_position(const struct journal *journal) _nonnull_(1);
void journal_set_position(struct journal *journal, uint64_t seq) _nonnull_(1);

/*
 * A mark is set before a write and stands until the write is reported: a mark that
 * memonlined finds when it starts belongs to a write that was in flight when the previous
 * one ended.
 */
struct journal_mark {
	uint64_t index : 48; /* of the block; it has 16 MiB at least */
	uint64_t word : 8; /* enum online_type */
	uint64_t from : 8; /* enum block_state */
};
/* false: no room; report what is done, and try again. */
bool journal_mark(struct journal *journal, uint64_t index, enum online_type word,
		  enum block_state from) _nonnull_(1);
/* The same of several, by one store for all of them. journal_room has to be asked before. */
void journal_mark_all(struct journal *journal, const struct journal_mark *marks,
		      size_t count) _nonnull_(1);
/* How many more marks fit. */
size_t journal_room(const struct journal *journal) _nonnull_(1);
/* The writes that the newest marks are about, so many, were not made. */
void journal_unmark(struct journal *journal, size_t count) _nonnull_(1);
/* Of the mark at `position`, whether it is reported or not. */
uint64_t journal_mark_index(const struct journal *journal, size_t position) _nonnull_(1);
size_t journal_mark_count(const struct journal *journal) _nonnull_(1);
/*
 * NULL if the write is already reported: memonlined may have ended between the report and
 * the removal of its marks.
 */
const struct journal_mark *journal_mark_at(const struct journal *journal, size_t position,
					   uint64_t block_size_bytes) _nonnull_(1);
/*
 * The marks of what is reported; those of what is not stand, and the newest one of each of these blocks,
 * whose reports are still to come.
 */
void journal_forget_reported(struct journal *journal, uint64_t block_size_bytes,
			     const uint64_t *pending, size_t count) _nonnull_(1);
/* Everything marked is reported. */
void journal_forget_marks(struct journal *journal) _nonnull_(1);

/* Whether `next` continues `range`: same everything, and its start is the end of it. */
bool report_range_continues(const struct report_range *range,
			    const struct report_range *next) _nonnull_(1);

#endif
