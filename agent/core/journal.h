/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_JOURNAL_H
#define MEMONLINE_JOURNAL_H

/*
 * Reports of what was done, numbered, in a bounded ring that is allocated once. A report covers
 * one DIMM in one burst; its blocks are merged into ranges where everything about them is equal.
 */

#include "core/block.h"
#include "core/reason.h"

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
	uint8_t requested; /* enum block_word; NONE for what others did */
	uint8_t zone; /* enum block_zone, of `to` */
	uint8_t result; /* enum report_result */
	uint8_t reason; /* enum reason */
};

struct report {
	uint64_t seq; /* from 1 */
	int64_t time_sec; /* wall clock at the end of the burst */
	int32_t time_usec;
	uint64_t elapsed_usec; /* from the wake-up that saw the DIMM to its last block */
	size_t first; /* where its ranges begin; use journal_ranges */
	size_t count;
};

struct journal;

/* NULL on lack of memory. `reports` and `ranges` are the ring's bounds, each at least 1. */
struct journal *journal_new(const char *instance, size_t reports, size_t ranges);
void journal_free(struct journal *journal);

const char *journal_instance(const struct journal *journal);
/* The number of the newest report, 0 where there is none yet. */
uint64_t journal_last(const struct journal *journal);
/* The smallest number that is still there; journal_last() + 1 where none is. */
uint64_t journal_first(const struct journal *journal);
/* How many reports after `since` were overwritten and cannot be had any more. */
uint64_t journal_lost(const struct journal *journal, uint64_t since);

/*
 * Appends; the oldest reports make room. `report` gives the times, its seq is assigned here.
 * More ranges than the ring holds are cut at that bound. Returns the new number. Never allocates.
 */
uint64_t journal_append(struct journal *journal, const struct report *report,
			const struct report_range *ranges, size_t count);
/* The oldest report with a number above `since`, or NULL. */
const struct report *journal_after(const struct journal *journal, uint64_t since);
const struct report_range *journal_ranges(const struct journal *journal,
					  const struct report *report);

/* Whether `next` continues `range`: same everything, and its start is the end of it. */
bool report_range_continues(const struct report_range *range, const struct report_range *next);

#endif
