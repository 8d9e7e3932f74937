/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_THREAD_H
#define MEMONLINE_THREAD_H

/* Threads beside the loop, for calls that the kernel may hold up. */

#include <pthread.h>

#include "core/contract.h"

/*
 * Signals stay the loop's. Its stack is small, since memonlined locks all of its memory. 0 with
 * *thread, which the caller joins or detaches, or negative errno.
 */
int thread_start(pthread_t *thread, void *(*run)(void *data), void *data) _must_check_
	_nonnull_(1, 2);

#endif
