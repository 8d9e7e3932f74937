/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>

#include "io/loop.h"

/* io/loop.h over the world's clock and its few descriptors. */

struct loop_watch {
	struct loop_watch *next;
	struct loop *loop;
	int fd;
	uint32_t events;
	loop_watch_fn fn; /* NULL: removed */
	void *data;
};

struct loop_timer {
	struct loop_timer *next;
	struct loop *loop;
	uint64_t due_usec; /* UINT64_MAX: not armed */
	loop_timer_fn fn;
	void *data;
};

struct loop {
	struct loop_watch *watches;
	struct loop_timer *timers;
	loop_work_fn work;
	void *work_data;
	bool work_replaced;
};

struct loop *loop_new(void)
{
	return calloc(1, sizeof(struct loop));
}

static void free_removed(struct loop *loop)
{
	struct loop_watch **watch = &loop->watches;
	struct loop_timer **timer = &loop->timers;

	while (*watch) {
		struct loop_watch *found = *watch;

		if (found->fn) {
			watch = &found->next;
			continue;
		}
		*watch = found->next;
		free(found);
	}
	while (*timer) {
		struct loop_timer *found = *timer;

		if (found->fn) {
			timer = &found->next;
			continue;
		}
		*timer = found->next;
		free(found);
	}
}

void loop_free(struct loop *loop)
{
	struct loop_watch *watch;
	struct loop_timer *timer;

	if (!loop)
		return;
	for (watch = loop->watches; watch; watch = watch->next)
		watch->fn = NULL;
	for (timer = loop->timers; timer; timer = timer->next)
		timer->fn = NULL;
	free_removed(loop);
	free(loop);
}

struct loop_watch *loop_watch_add(struct loop *loop, int fd, uint32_t events,
				  loop_watch_fn fn, void *data)
{
	struct loop_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->loop = loop;
	watch->fd = fd;
	watch->events = events;
	watch->fn = fn;
	watch->data = data;
	watch->next = loop->watches;
	loop->watches = watch;
	if (fd == SIM_FD_PORT)
		port_rearm();
	return watch;
}

int loop_watch_change(struct loop_watch *watch, uint32_t events)
{
	watch->events = events;
	if (watch->fd == SIM_FD_PORT)
		port_rearm();
	return 0;
}

void loop_watch_remove(struct loop_watch *watch)
{
	if (watch)
		watch->fn = NULL;
}

struct loop_timer *loop_timer_add(struct loop *loop, loop_timer_fn fn, void *data)
{
	struct loop_timer *timer = calloc(1, sizeof(*timer));

	if (!timer)
		return NULL;
	timer->loop = loop;
	timer->due_usec = UINT64_MAX;
	timer->fn = fn;
	timer->data = data;
	timer->next = loop->timers;
	loop->timers = timer;
	return timer;
}

int loop_timer_arm(struct loop_timer *timer, uint64_t after_msec)
{
	timer->due_usec = sim.now_usec + after_msec * 1000;
	return 0;
}

void loop_timer_disarm(struct loop_timer *timer)
{
	timer->due_usec = UINT64_MAX;
}

void loop_timer_remove(struct loop_timer *timer)
{
	if (timer)
		timer->fn = NULL;
}

int loop_signals(struct loop *loop, const int *signals, loop_signal_fn fn, void *data)
{
	(void)loop;
	(void)signals;
	(void)fn;
	(void)data;
	return 0;
}

void loop_set_work(struct loop *loop, loop_work_fn fn, void *data)
{
	loop->work = fn;
	loop->work_data = data;
	loop->work_replaced = true;
}

static uint32_t ready(const struct loop_watch *watch)
{
	uint32_t mask = watch->events & (EPOLLIN | EPOLLOUT);
	bool edge = true;

	if (watch->fd == SIM_FD_UDEV || watch->fd == SIM_FD_KERNEL)
		return events_ready(watch->fd) & mask;
	if (watch->fd == SIM_FD_RUN)
		return files_ready() & mask;
	mask = port_ready(watch->fd, &edge) & (mask | EPOLLHUP | EPOLLERR);
	return (watch->events & EPOLLET) && !edge ? 0 : mask;
}

static bool serve_watches(struct loop *loop)
{
	struct loop_watch *watch;
	bool any = false;

	for (watch = loop->watches; watch; watch = watch->next) {
		uint32_t events = watch->fn ? ready(watch) : 0;

		if (!events)
			continue;
		any = true;
		if (watch->events & EPOLLONESHOT)
			watch->events = 0;
		watch->fn(events, watch->data);
	}
	return any;
}

static bool serve_timers(struct loop *loop)
{
	struct loop_timer *timer;
	bool any = false;

	for (timer = loop->timers; timer; timer = timer->next) {
		if (!timer->fn || timer->due_usec > sim.now_usec)
			continue;
		any = true;
		timer->due_usec = UINT64_MAX;
		timer->fn(timer->data);
	}
	return any;
}

static bool do_work(struct loop *loop)
{
	bool more;

	if (!loop->work)
		return false;
	loop->work_replaced = false;
	more = loop->work(loop->work_data);
	if (!more && !loop->work_replaced)
		loop->work = NULL;
	return true;
}

bool sim_loop_round(struct loop *loop)
{
	bool any = serve_timers(loop);

	any = serve_watches(loop) || any;
	any = do_work(loop) || any;
	free_removed(loop);
	if (any)
		sim_point("comes round", 5);
	return any;
}

uint64_t sim_loop_due(const struct loop *loop)
{
	const struct loop_timer *timer;
	uint64_t due = UINT64_MAX;

	for (timer = loop->timers; timer; timer = timer->next)
		if (timer->fn && timer->due_usec < due)
			due = timer->due_usec;
	return due;
}

int loop_run(struct loop *loop)
{
	(void)loop;
	return -ENOSYS;
}

void loop_quit(struct loop *loop)
{
	(void)loop;
}

uint64_t loop_now_usec(void)
{
	return sim.now_usec;
}
