/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_WORKER_H
#define MEMONLINE_WORKER_H

/*
 * One write that may never come back, in a process of its own: taking a block offline retries in
 * the kernel for as long as pages refuse to move, and only a signal ends that (the write then
 * fails with EINTR). Onlining needs none of this and must not fork when memory is short.
 */

#include "core/contract.h"
#include "io/loop.h"
#include "io/sysfs.h"

struct worker;

/* `error` is 0 or negative errno, -ETIMEDOUT where the time was over. The worker is freed after it. */
typedef void (*worker_done_fn)(int error, void *data);

/*
 * Writes the online type to block `index`; calls `fn` once, from the loop. The caller
 * reads the block again. NULL with errno if no process could be made.
 */
struct worker *worker_start(struct loop *loop, struct sysfs *sysfs, uint64_t index,
			    enum online_type word, uint64_t timeout_msec,
			    worker_done_fn fn, void *data) _nonnull_(1);
/* Ends it without a call of `fn`; accepts NULL. */
void worker_cancel(struct worker *worker);

#endif
