/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_LOCKFILE_H
#define MEMONLINE_LOCKFILE_H

/*
 * <root>/run/memonlined.lock: one memonlined at a time, also while /run/memonline is
 * removed and not yet made again. One line in the file outlives that, and the process.
 */

#include <stdbool.h>

#include "core/contract.h"

struct lockfile;

/*
 * Locks it for this process. Never waits, not for a FIFO either. NULL with errno: EWOULDBLOCK where
 * another process holds it, EEXIST where something else than a regular file is there, others as open(2).
 */
struct lockfile *lockfile_take(const char *root);
void lockfile_release(struct lockfile *lockfile); /* accepts NULL; the file stays */
/*
 * Whether the process that holds it was killed and is not gone yet, as one inside a write that the
 * kernel holds up (/proc/locks, /proc/PID/status).
 */
bool lockfile_holder_is_ending(const char *root);

/* Whether the file says that memonline-rules has set its mark. */
bool lockfile_has_mark(const struct lockfile *lockfile) _nonnull_(1);
/* 0 or negative errno. */
int lockfile_set_mark(const struct lockfile *lockfile, bool has_mark) _nonnull_(1);

#endif
