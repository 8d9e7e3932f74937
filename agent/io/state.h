/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_STATE_H
#define MEMONLINE_STATE_H

/*
 * Memory that outlives the agent but not the boot: it is this process's own, read from a file in
 * /run/memonline at the start and stored there range by range, by one pwrite(2) each. What others
 * do to the file is no signal and changes nothing here. What is in it is decided elsewhere.
 */

#include <stdbool.h>
#include <stddef.h>

struct state;

/*
 * What is in <root>/run/memonline/<name>, made where it is missing, at least `bytes` of it, with
 * zeros at the end where it was smaller; a larger one stays. All of the file is allocated now, so that
 * a full /run is met here and not by a store. Never waits for a FIFO. NULL with errno: EEXIST where
 * something else than a regular file is there, others as open(2), mmap(2).
 */
struct state *state_open(const char *root, const char *name, size_t bytes);
/*
 * A copy of what is in <root>/run/memonline/<name>, at least `bytes`; zeros where there is no such
 * file. Nothing is stored until state_keep. NULL with errno on lack of memory.
 */
struct state *state_open_copy(const char *root, const char *name, size_t bytes);
/* Memory without a file. NULL with errno. */
struct state *state_open_private(size_t bytes);
void state_close(struct state *state); /* accepts NULL; the file stays */

void *state_memory(const struct state *state);
size_t state_bytes(const struct state *state);

/*
 * Stores these bytes of the memory in the file. 0, also where there is no file; negative errno where
 * the file is not what the memory is from here on, -ENODATA where somebody has shortened it: nothing is
 * stored any more, and 0 returned, until state_keep has written it again. Never allocates.
 */
int state_store(struct state *state, const void *start, size_t bytes);
/* Whether the file, if there is one, holds what was stored, as far as its size and beginning show. */
bool state_is_whole(const struct state *state);
/*
 * The state's file is there and whole: written again where it is gone, covered by a mount, damaged, or
 * could not be opened before, by a file that takes its place in one step. 0 where nothing was
 * missing, 1 where it was written, or negative errno as for state_open; the memory is as before.
 */
int state_keep(struct state *state, const char *root, const char *name);
/* Whether <root>/run/memonline/<name> is the state's file, and no other one or none. */
bool state_in_place(const struct state *state, const char *root, const char *name);

/* An empty file <root>/run/memonline/<name>, for others: is it there, make it. 0 or negative errno. */
bool state_has_mark(const char *root, const char *name);
int state_make_mark(const char *root, const char *name);

/*
 * A directory below root, mode 0755 whatever the umask: udevd and others look into it. One that is
 * there stays as it is. 0 or negative errno.
 */
int state_make_directory(const char *root, const char *name);
/*
 * A descriptor of a regular file, made with mode 0600, or negative errno. Never waits: a FIFO or a
 * device in its place is -EEXIST.
 */
int state_open_regular(const char *path, int flags);

#endif
