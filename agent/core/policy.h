/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_POLICY_H
#define MEMONLINE_POLICY_H

/* Decides what to do with each block, and why. Pure: no I/O, no clock, no log. */

#include "core/config.h"
#include "core/contract.h"
#include "core/ratio.h"
#include "core/reason.h"
#include "core/snapshot.h"

struct policy_verdict {
	enum online_type word; /* to be written; BLOCK_WORD_NONE: leave it alone */
	enum reason reason;
};

/* One round of decisions about one snapshot: what was decided counts for what comes after. */
struct policy {
	const struct config *config;
	const struct snapshot *snapshot;
	struct ratio ratio;
};

/* Whether any decision will need the snapshot's sums by node. */
bool policy_needs_nodes(const struct config *config) _nonnull_(1);
/* -ENOMEM, or 0. Both outlive the policy. */
int policy_begin(struct policy *policy, const struct config *config,
		 const struct snapshot *snapshot) _must_check_ _nonnull_(1);
void policy_end(struct policy *policy) _nonnull_(1);

/*
 * The verdict for a block of the snapshot; ask in ascending order. The default, written first, is
 * to do nothing. `verdict` is always filled.
 */
void policy_decide(struct policy *policy, const struct block *block,
		   struct policy_verdict *verdict) _nonnull_(1);

/*
 * The policy that holds for the block, and the section that says so in *section: NULL where it is
 * [memonlined], or where a driver's memory is left to its own tools.
 */
enum config_policy policy_of(const struct config *config, const struct snapshot *snapshot,
			     const struct block *block,
			     const struct config_override **section) _nonnull_(1);
/*
 * The online type for a block that a command names: that of the policy, and plain
 * `online` if the policy would leave the block alone.
 */
enum online_type policy_word(struct policy *policy, const struct block *block)
	_nonnull_(1);
/*
 * Whether a block that another program brought online is in another zone than the policy
 * requires: `word` is the online type that it required. Boot memory, and a zone that
 * cannot be read, are never wrong.
 */
bool policy_zone_differs(struct policy *policy, const struct block *block,
			 enum online_type *word) _nonnull_(1);

#endif
