/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_POLICY_H
#define MEMONLINE_POLICY_H

/* What is to be done with one block, and why. Pure: no I/O, no clock, no log. */

#include "core/config.h"
#include "core/reason.h"
#include "core/snapshot.h"

struct policy_verdict {
	enum block_word word; /* to be written; BLOCK_WORD_NONE: leave it alone */
	enum reason reason;
};

/*
 * The verdict for `block` of `snapshot`. The default, written first, is to do nothing.
 * `verdict` is always filled.
 */
void policy_decide(const struct config *config, const struct snapshot *snapshot,
		   const struct block *block, struct policy_verdict *verdict);

#endif
