/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_EXPLAIN_H
#define MEMONLINE_EXPLAIN_H

/* The verdict for one block, and every fact that it rests on. */

#include "core/contract.h"
#include "core/executor.h"
#include "core/policy.h"

/*
 * `name` is a fact's name in memonline-protocol(7), `value` text for people; both only
 * during the call.
 */
typedef void (*explain_fn)(const char *name, const char *value, void *data);

/*
 * Decides about the block again, as it is in the snapshot, and reports the facts, those
 * about the block first. `carry` may not be NULL. 0, -ENOENT if the snapshot has no such
 * block, or -ENOMEM; then no fact is reported.
 */
int explain_block(const struct config *config, const struct snapshot *snapshot,
		  const struct executor *executor, uint64_t index,
		  struct policy_verdict *verdict, explain_fn fn, void *data) _must_check_
	_nonnull_(1);

#endif
