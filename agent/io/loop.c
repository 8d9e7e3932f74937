/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/loop.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define ROUND_EVENTS 32

struct loop_watch {
	struct loop *loop;
	struct loop_watch *next;
	struct loop_watch **link; /* what points to this one */
	int fd;
	bool owns_fd;
	loop_watch_fn fn; /* NULL: removed, to be freed after the round */
	void *data;
};

struct loop_timer {
	struct loop_watch watch; /* first: freed as a watch */
	loop_timer_fn fn;
	void *data;
};

struct loop {
	int epoll_fd;
	bool quit;
	struct loop_watch *watches;
	struct loop_watch *removed;
	struct loop_watch *signals;
	loop_signal_fn signal_fn;
	void *signal_data;
	loop_work_fn work;
	void *work_data;
	bool work_replaced; /* by the work function itself */
};

static void list_insert(struct loop_watch **head, struct loop_watch *watch)
{
	watch->next = *head;
	watch->link = head;
	if (watch->next)
		watch->next->link = &watch->next;
	*head = watch;
}

static void list_remove(struct loop_watch *watch)
{
	*watch->link = watch->next;
	if (watch->next)
		watch->next->link = watch->link;
}

static void free_removed(struct loop *loop)
{
	while (loop->removed) {
		struct loop_watch *watch = loop->removed;

		loop->removed = watch->next;
		free(watch);
	}
}

struct loop *loop_new(void)
{
	struct loop *loop = calloc(1, sizeof(*loop));

	if (!loop)
		return NULL;
	loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll_fd < 0) {
		free(loop);
		return NULL;
	}
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	while (loop->watches)
		loop_watch_remove(loop->watches);
	free_removed(loop);
	close(loop->epoll_fd);
	free(loop);
}

/* 0 or negative errno; then nothing is watched and `watch` is still the caller's. */
static int watch_start(struct loop *loop, struct loop_watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &event) < 0)
		return -errno;
	watch->loop = loop;
	list_insert(&loop->watches, watch);
	return 0;
}

struct loop_watch *loop_watch_add(struct loop *loop, int fd, uint32_t events,
				  loop_watch_fn fn, void *data)
{
	struct loop_watch *watch = calloc(1, sizeof(*watch));
	int r;

	if (!watch)
		return NULL;
	watch->fd = fd;
	watch->fn = fn;
	watch->data = data;
	r = watch_start(loop, watch, events);
	if (r < 0) {
		free(watch);
		errno = -r;
		return NULL;
	}
	return watch;
}

int loop_watch_change(struct loop_watch *watch, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = watch };

	return epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) < 0
		       ? -errno
		       : 0;
}

void loop_watch_remove(struct loop_watch *watch)
{
	struct epoll_event unused = { 0, { NULL } };

	if (!watch || !watch->fn)
		return;
	/* It fails only for a descriptor that is closed already, and then epoll knows. */
	epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, &unused);
	if (watch->owns_fd)
		close(watch->fd);
	watch->fn = NULL;
	list_remove(watch);
	/* This round's events may still point to it. */
	watch->next = watch->loop->removed;
	watch->loop->removed = watch;
}

/* --- timers */

static void on_timer(uint32_t events, void *data)
{
	struct loop_timer *timer = data;
	uint64_t expirations;

	(void)events;
	/* EAGAIN: an earlier callback of this round disarmed it or armed it again. */
	if (read(timer->watch.fd, &expirations, sizeof(expirations)) ==
	    sizeof(expirations))
		timer->fn(timer->data);
}

struct loop_timer *loop_timer_add(struct loop *loop, loop_timer_fn fn, void *data)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));
	int r;

	if (!timer)
		return NULL;
	timer->fn = fn;
	timer->data = data;
	timer->watch.fn = on_timer;
	timer->watch.data = timer;
	timer->watch.owns_fd = true;
	timer->watch.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	r = timer->watch.fd < 0 ? -errno : watch_start(loop, &timer->watch, EPOLLIN);
	if (r < 0) {
		if (timer->watch.fd >= 0)
			close(timer->watch.fd);
		free(timer);
		errno = -r;
		return NULL;
	}
	return timer;
}

static int timer_set(struct loop_timer *timer, time_t sec, long nsec)
{
	struct itimerspec when = { { 0, 0 }, { sec, nsec } };

	return timerfd_settime(timer->watch.fd, 0, &when, NULL) < 0 ? -errno : 0;
}

int loop_timer_arm(struct loop_timer *timer, uint64_t after_msec)
{
	uint64_t sec = after_msec / 1000;

	if (after_msec == 0)
		return timer_set(timer, 0, 1); /* zero would disarm it */
	return timer_set(timer, sec > INT32_MAX ? INT32_MAX : (time_t)sec,
			 (long)(after_msec % 1000) * 1000000);
}

void loop_timer_disarm(struct loop_timer *timer)
{
	timer_set(timer, 0, 0);
}

void loop_timer_remove(struct loop_timer *timer)
{
	if (timer)
		loop_watch_remove(&timer->watch);
}

/* --- signals */

static void on_signals(uint32_t events, void *data)
{
	struct loop *loop = data;
	struct signalfd_siginfo info;

	(void)events;
	while (!loop->quit &&
	       read(loop->signals->fd, &info, sizeof(info)) == sizeof(info))
		loop->signal_fn((int)info.ssi_signo, loop->signal_data);
}

int loop_signals(struct loop *loop, const int *signals, loop_signal_fn fn, void *data)
{
	sigset_t set;
	int fd;

	if (loop->signals)
		return -EBUSY;
	sigemptyset(&set);
	for (; *signals; signals++)
		sigaddset(&set, *signals);
	/* For good: a second SIGTERM shall not cut the end short. */
	if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
		return -errno;
	fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (fd < 0)
		return -errno;
	loop->signals = loop_watch_add(loop, fd, EPOLLIN, on_signals, loop);
	if (!loop->signals) {
		int r = -errno;

		close(fd);
		return r;
	}
	loop->signals->owns_fd = true;
	loop->signal_fn = fn;
	loop->signal_data = data;
	return 0;
}

/* --- work and rounds */

void loop_set_work(struct loop *loop, loop_work_fn fn, void *data)
{
	loop->work = fn;
	loop->work_data = data;
	loop->work_replaced = true;
}

static void do_work(struct loop *loop)
{
	bool more;

	loop->work_replaced = false;
	more = loop->work(loop->work_data);
	if (!more && !loop->work_replaced)
		loop->work = NULL;
}

static int do_round(struct loop *loop)
{
	struct epoll_event events[ROUND_EVENTS];
	int i, count;

	count = epoll_wait(loop->epoll_fd, events, ROUND_EVENTS, loop->work ? 0 : -1);
	if (count < 0 && errno != EINTR)
		return -errno;
	for (i = 0; i < count && !loop->quit; i++) {
		struct loop_watch *watch = events[i].data.ptr;

		if (watch->fn)
			watch->fn(events[i].events, watch->data);
	}
	if (loop->work && !loop->quit)
		do_work(loop);
	free_removed(loop);
	return 0;
}

int loop_run(struct loop *loop)
{
	int r = 0;

	while (!loop->quit && r == 0)
		r = do_round(loop);
	loop->quit = false;
	return r;
}

void loop_quit(struct loop *loop)
{
	loop->quit = true;
}

uint64_t loop_now_usec(void)
{
	struct timespec now = { 0, 0 };

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}
