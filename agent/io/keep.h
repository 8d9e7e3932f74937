/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_KEEP_H
#define MEMONLINE_KEEP_H

/*
 * Files of ours in directories that others may remove, and in file systems that may be full: notices
 * when one goes, by inotify, and has it made again. What a file is, its owner knows.
 */

#include "io/loop.h"

struct keep;

/*
 * Makes what is missing, leaves the rest. 0, or negative errno where something still is: then it
 * is called again, after a second and pauses that double up to a minute.
 */
typedef int (*keep_fn)(void *data);

/* NULL with errno on failure. */
struct keep *keep_new(struct loop *loop, keep_fn fn, void *data);
void keep_free(struct keep *keep); /* accepts NULL */
/*
 * Watches the directory that `path` lies in, as soon as there is one. At most four; 0, -ENAMETOOLONG
 * or -ENOSPC. What is mounted over a directory is not noticed: keep_now.
 */
int keep_watch(struct keep *keep, const char *path);
/* Calls `fn` now: at the start, and when an administrator wants it. */
void keep_now(struct keep *keep);

#endif
