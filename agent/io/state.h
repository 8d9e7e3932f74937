/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_STATE_H
#define MEMONLINE_STATE_H

/*
 * Memory that outlives memonlined but not the boot: it is this process's own, read from a
 * file in /run/memonline at the start and stored there range by range, by one pwrite(2)
 * each. Others who change the file cause no signal and change nothing here. A file that was
 * cut while nobody had it open is taken for empty: it ends with a mark of its own, behind the
 * owner's bytes. Other files define the contents.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/contract.h"

struct state;

/*
 * The contents of <root>/run/memonline/<name>, which is made if it is missing: at least
 * `bytes`, with zeros at the end if it was smaller; a larger one stays. All of the file
 * is allocated now, so that a full /run fails here and not in a store. Never waits for a
 * FIFO. NULL with errno: EEXIST if it is not a regular file, others as open(2), mmap(2).
 */
struct state *state_open(const char *root, const char *name, size_t bytes) _must_check_;
/*
 * A copy of the contents of <root>/run/memonline/<name>, at least `bytes`; zeros if there
 * is no such file. Nothing is stored until state_keep. NULL with errno on lack of memory.
 */
struct state *state_open_copy(const char *root, const char *name,
			      size_t bytes) _must_check_;
/* Memory without a file. NULL with errno. */
struct state *state_open_private(size_t bytes) _must_check_;
void state_close(struct state *state); /* accepts NULL; the file stays */

void *state_memory(const struct state *state) _nonnull_(1);
size_t state_bytes(const struct state *state) _nonnull_(1);

/*
 * Stores these bytes of the memory in the file. 0, also if there is no file; negative
 * errno if the file differs from the memory from here on, -ENODATA if it was truncated:
 * then it is emptied, so that nobody takes the past for the present, nothing is stored, and
 * 0 returned, until state_keep has written it again. Never allocates.
 */
int state_store(struct state *state, const void *start, size_t bytes) _must_check_
	_nonnull_(1);
/* Whether the file, if there is one, holds what was stored, as far as its size and beginning show. */
bool state_is_whole(const struct state *state) _nonnull_(1);
/*
 * Makes sure that the state's file exists and is whole: if it was removed, covered by a
 * mount, damaged, or could not be opened before, a new file replaces it in one step. 0 if
 * nothing was missing, 1 if it was written, or negative errno as for state_open; the
 * memory is as before, and a file that is damaged is emptied.
 */
int state_keep(struct state *state, const char *root, const char *name) _must_check_
	_nonnull_(1);
/* Whether <root>/run/memonline/<name> is the state's file, and no other one or none. */
bool state_in_place(const struct state *state, const char *root, const char *name)
	_nonnull_(1);

/* An empty file <root>/run/memonline/<name>, for others: is it there, make it. 0 or negative errno. */
bool state_has_mark(const char *root, const char *name);
int state_make_mark(const char *root, const char *name);

/*
 * A directory below root, mode 0755 regardless of the umask: udevd and others read it. An
 * existing one stays as it is. 0 or negative errno.
 */
int state_make_directory(const char *root, const char *name) _must_check_;
/*
 * A descriptor of a regular file, made with mode 0600, or negative errno. Never waits: a
 * FIFO or a device of that name is -EEXIST.
 */
int state_open_regular(const char *path, int flags) _must_check_;

#endif
