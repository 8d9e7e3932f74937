/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_RUNTIME_FILES_H
#define MEMONLINE_RUNTIME_FILES_H

/*
 * Files of ours in directories that others may remove, and in file systems that may be full: notices
 * when one goes, by inotify, and has it made again. What a file is, its owner knows.
 */

#include "io/loop.h"

struct runtime_files;

/*
 * Makes what is missing, leaves the rest. 0, or negative errno where something still is: then it
 * is called again, after a second and pauses that double up to a minute.
 */
typedef int (*runtime_files_fn)(void *data);

/* NULL with errno on failure. */
struct runtime_files *runtime_files_new(struct loop *loop, runtime_files_fn fn,
					void *data);
void runtime_files_free(struct runtime_files *files); /* accepts NULL */
/*
 * Watches the directory that `path` lies in, as soon as there is one. At most four; 0, -ENAMETOOLONG
 * or -ENOSPC. What is mounted over a directory is not noticed: keep_now.
 */
int runtime_files_watch(struct runtime_files *files, const char *path);
/* Calls `fn` now: at the start, and when an administrator wants it. */
void runtime_files_now(struct runtime_files *files);

#endif
