/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CHANGES_H
#define MEMONLINE_CHANGES_H

/*
 * What differs between two snapshots, and between the journal and the first snapshot of a
 * process: that is what others did, because memonlined's own writes are already in the
 * older snapshot. Each difference becomes one range for a report.
 */

#include "core/config.h"
#include "core/contract.h"
#include "core/history.h"
#include "core/journal.h"
#include "core/report.h"
#include "core/snapshot.h"

/* Calls `fn` for every block whose state or zone differs, ascending; time grows as count. */
void changes_between(const struct snapshot *before, const struct snapshot *after,
		     snapshot_change_fn fn, void *data) _nonnull_(1);

/* `block` is in `holder`. All three end with the call. */
typedef void (*changes_fn)(const struct snapshot *holder, const struct block *block,
			   const struct report_range *range, void *data);

/* Who asks, and who is called with each range. All pointers stay the caller's. */
struct changes {
	const struct config *config;
	const struct journal *journal;
	struct history *history;
	bool kernel_onlines; /* what others brought online, the kernel did */
	changes_fn fn;
	void *data;
};

/*
 * What others did between the two. Sets the reasons in `after`, and forgets blocks of `before` that
 * are gone. Returns how many blocks differ.
 */
size_t changes_observe(const struct changes *changes, struct snapshot *before,
		       struct snapshot *after) _nonnull_(1);
/*
 * What others did between the end of the agent before this one, of the same boot, and `first`, the
 * first snapshot, which has its history; and what that agent wrote, as the journal's marks have it,
 * and did not report. 0, or -ENOMEM: nothing was compared.
 */
int changes_meanwhile(const struct changes *changes, struct snapshot *first) _must_check_
	_nonnull_(1);

#endif
