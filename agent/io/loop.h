/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_LOOP_H
#define MEMONLINE_LOOP_H

/*
 * epoll, timerfd and signalfd behind callbacks. Removing a watch or timer inside any
 * callback, its own included, is safe: it is freed after the round. Every function that
 * adds may fail with NULL and errno set.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/epoll.h>

#include "core/contract.h"

struct loop;
struct loop_watch;
struct loop_timer;

typedef void (*loop_watch_fn)(uint32_t events, void *data);
typedef void (*loop_timer_fn)(void *data);
typedef void (*loop_signal_fn)(int signal, void *data);
/* Called once a round, between descriptors, until it returns false: nothing more to do. */
typedef bool (*loop_work_fn)(void *data);

struct loop *loop_new(void) _must_check_;
void loop_free(struct loop *loop); /* accepts NULL; frees what is still watched */

/* `events` are epoll's, EPOLLET among them. The descriptor stays the caller's. */
struct loop_watch *loop_watch_add(struct loop *loop, int fd, uint32_t events,
				  loop_watch_fn fn, void *data) _nonnull_(1);
/* 0 or negative errno */
int loop_watch_change(struct loop_watch *watch, uint32_t events) _nonnull_(1);
/* Before the fd is closed. Accepts NULL. */
void loop_watch_remove(struct loop_watch *watch);

/* A one-shot timer on CLOCK_MONOTONIC, not armed yet. */
struct loop_timer *loop_timer_add(struct loop *loop, loop_timer_fn fn, void *data)
	_nonnull_(1);
int loop_timer_arm(struct loop_timer *timer, uint64_t after_msec)
	_nonnull_(1); /* again: replaces */
void loop_timer_disarm(struct loop_timer *timer) _nonnull_(1);
void loop_timer_remove(struct loop_timer *timer); /* accepts NULL */

/* Blocks the signals for the process and delivers them to `fn`. `signals` ends with 0. */
int loop_signals(struct loop *loop, const int *signals, loop_signal_fn fn, void *data)
	_nonnull_(1);

/* At most one work function; set while it has something to do. NULL clears it. */
void loop_set_work(struct loop *loop, loop_work_fn fn, void *data) _nonnull_(1);

/* Until loop_quit: 0 or negative errno. */
int loop_run(struct loop *loop) _must_check_ _nonnull_(1);
void loop_quit(struct loop *loop) _nonnull_(1);

/* CLOCK_MONOTONIC in microseconds. */
uint64_t loop_now_usec(void);

#endif
