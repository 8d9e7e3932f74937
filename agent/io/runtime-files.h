/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_RUNTIME_FILES_H
#define MEMONLINE_RUNTIME_FILES_H

/*
 * Files of ours in directories that others may remove, and in file systems that may be full: notices
 * when one goes or is damaged, by inotify, and has it made again. What a file is, its owner knows.
 */

#include <stdbool.h>

#include "core/contract.h"
#include "io/loop.h"

struct runtime_files;

struct runtime_files_owner {
	/*
	 * Makes what is missing, leaves the rest. 0, or negative errno where something still is: then
	 * it is called again, after a second and pauses that double up to a minute.
	 */
	int (*restore)(void *data);
	/* Whether the files, which somebody or the owner has written to, are as they should be. */
	bool (*is_whole)(void *data);
};

/* `owner` outlives it. NULL with errno on failure. */
struct runtime_files *runtime_files_new(struct loop *loop,
					const struct runtime_files_owner *owner,
					void *data) _must_check_ _nonnull_(1);
void runtime_files_free(struct runtime_files *files); /* accepts NULL */
/*
 * Watches the directory of `path`, as soon as it exists. At most four; 0, -ENAMETOOLONG
 * or -ENOSPC. A mount over a directory is not noticed: runtime_files_now. `is_written`:
 * also when a program writes to a file in it. Names that end in ".new" there are ignored.
 */
int runtime_files_watch(struct runtime_files *files, const char *path,
			bool is_written) _must_check_ _nonnull_(1);
/* Restores now: at the start, and when an administrator wants it. */
void runtime_files_now(struct runtime_files *files) _nonnull_(1);
/* Restores within a second: something was found to be missing. */
void runtime_files_soon(struct runtime_files *files) _nonnull_(1);

#endif
