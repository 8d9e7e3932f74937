/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_STATE_H
#define MEMONLINE_STATE_H

/*
 * Memory that outlives the agent but not the boot: files in /run/memonline, mapped. What is in
 * them is decided elsewhere; storing to it costs no system call and survives SIGKILL.
 */

#include <stdbool.h>
#include <stddef.h>

struct state;

/*
 * Maps at least `bytes` of <root>/run/memonline/<name>, made where it is missing, with zeros at
 * the end where it was smaller; a larger one stays. All of it is allocated now, so that a full /run
 * is met here and not by a signal later. Never waits for a FIFO. NULL with errno: EWOULDBLOCK where
 * a running agent holds it, EEXIST where something else than a regular file is there, others as open(2), mmap(2).
 */
struct state *state_open(const char *root, const char *name, size_t bytes);
/*
 * A copy of what is in <root>/run/memonline/<name>, in memory of this process, at least `bytes`;
 * zeros where there is no such file. NULL with errno on lack of memory.
 */
struct state *state_open_copy(const char *root, const char *name, size_t bytes);
/* Memory for an agent without a usable /run: forgotten at its end. NULL with errno. */
struct state *state_open_private(size_t bytes);
/*
 * The state's file is there and is this memory: made again, with what is in memory, where it is gone,
 * covered by a mount, or could not be opened before. Pointers into the memory stay good. 0 or
 * negative errno as for state_open; the memory is as before then.
 */
int state_keep(struct state *state, const char *root, const char *name);
/*
 * Whether the process that holds the lock was killed and is not gone yet, as one inside a write
 * that the kernel holds up (/proc/locks, /proc/PID/status).
 */
bool state_holder_is_ending(const char *root, const char *name);
/* Whether <root>/run/memonline/<name> is the state's file, and no other one or none. */
bool state_in_place(const struct state *state, const char *root, const char *name);
/* An empty file <root>/run/memonline/<name>, for others: is it there, make it. 0 or negative errno. */
bool state_has_mark(const char *root, const char *name);
int state_make_mark(const char *root, const char *name);
void state_close(struct state *state); /* accepts NULL; the file stays */

void *state_memory(const struct state *state);
size_t state_bytes(const struct state *state);

#endif
