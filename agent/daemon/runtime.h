/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_RUNTIME_H
#define MEMONLINE_RUNTIME_H

/*
 * What the daemon has in /run: its lock, the journal and the intent in their files, the
 * mark of memonline-rules, the control socket. Memory comes online regardless of what
 * others do there; files that were removed are made again, and each failure is logged
 * once.
 */

#include "core/contract.h"
#include "core/intent.h"
#include "core/journal.h"
#include "io/channel.h"
#include "io/loop.h"

struct runtime;

struct runtime_options {
	const char *root; /* the caller's, for as long as the runtime */
	const char *boot_id;
	bool dry_run; /* reads what is there, changes none of it */
	struct journal_bounds journal;
	size_t blocks; /* room for what is remembered of so many */
};

/* NULL where the daemon cannot start, another one being at work for instance; it is logged. */
struct runtime *runtime_open(const struct runtime_options *options) _must_check_
	_nonnull_(1);
void runtime_close(struct runtime *runtime); /* accepts NULL */

struct journal *runtime_journal(const struct runtime *runtime) _nonnull_(1);
struct intent *runtime_intent(const struct runtime *runtime) _nonnull_(1);

/*
 * From here on what is missing or damaged is made again: the files, and `channel`'s socket at this path.
 * 0 or negative errno.
 */
int runtime_watch(struct runtime *runtime, struct loop *loop, struct channel *channel,
		  const char *socket_path) _must_check_ _nonnull_(1);
/* Makes it now, where something went unseen. */
void runtime_restore(struct runtime *runtime) _nonnull_(1);

#endif
