/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_WRITER_H
#define MEMONLINE_WRITER_H

/*
 * A thread that writes to `state` and `probe`, one write after the other, so that the loop goes
 * on while the kernel holds a write up. From 3.13 on (and EL7) the kernel serializes
 * these two files with everything else that adds, removes or offlines memory:
 * lock_device_hotplug_sysfs() in drivers/base/memory.c retries for as long as another
 * task holds the lock, and a program that takes pinned memory offline holds it until it
 * gives up. auto_online_blocks and the parameters of memory_hotplug take no such lock.
 *
 * The thread is made in advance, with a small stack: no write needs memory. It ends with
 * the process: when memonlined is killed, the kernel finishes at most the present write.
 */

#include "core/contract.h"
#include "io/loop.h"
#include "io/sysfs.h"

struct writer;

/* The write is over; called from the loop. */
typedef void (*writer_over_fn)(void *data);

/* `loop` and `sysfs` stay the caller's and outlive it. NULL with errno on failure. */
struct writer *writer_new(struct loop *loop, struct sysfs *sysfs, writer_over_fn fn,
			  void *data) _must_check_ _nonnull_(1);
/*
 * Waits a second for the write in hand. One that the kernel still holds up is left to the end of
 * the process, with what it needs. Accepts NULL.
 */
void writer_free(struct writer *writer);

/* Hand one write over. None may be left whose result was not taken. */
void writer_write_state(struct writer *writer, uint64_t index, enum online_type word)
	_nonnull_(1);
void writer_probe(struct writer *writer, uint64_t address) _nonnull_(1);
/*
 * Hands over one more write behind the last, WRITER_NEXT_MAX at most, so that the kernel is not waited
 * for once for each: it begins as soon as write has returned 0 for the one before it. If writer_take
 * gives an error, those behind have not begun and are forgotten.
 */
#define WRITER_NEXT_MAX 4
void writer_write_next(struct writer *writer, uint64_t index, enum online_type word)
	_nonnull_(1);
/* Forgets those behind the oldest whose result was not taken that have not begun; how many. */
size_t writer_withdraw(struct writer *writer) _nonnull_(1);
/*
 * Gives the oldest result that has not been taken, and waits for `msec` at most until there is one and
 * most of what was handed over is over. true: *result is what write said, 0 or negative errno, and
 * *after what `state` said afterwards.
 */
bool writer_take(struct writer *writer, unsigned msec, int *result,
		 struct sysfs_text *after) _nonnull_(1);
/* Has `fn` called once there is a result, or soon where there is one already. */
void writer_notify(struct writer *writer) _nonnull_(1);

#endif
