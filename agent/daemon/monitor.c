/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/log.h"
#include "io/pressure.h"
#include "io/stats.h"

/* If no stall is asked for, the kernel still wakes memonlined, to measure the rest. */
#define HINT_USEC 200000
#define USEC_PER_MSEC 1000
#define LACKS_CAPABILITY " (before Linux 6.4 it may take CAP_SYS_RESOURCE)"

struct monitor {
	struct monitor *next;
	struct monitors *monitors;
	struct pressure pressure;
	struct loop_watch *watch; /* of `fd`; NULL: the kernel has no trigger for us */
	int fd;
	bool triggered; /* since the last sample */
	monitor_fn fn;
	void *data;
};

struct monitors {
	struct root *root;
	struct loop *loop;
	struct loop_timer *timer;
	struct monitor *first;
	struct stats stats; /* the last sample */
	void (*sampled)(const struct stats *stats, void *data); /* NULL: nobody else's */
	void *sampled_data;
	int trigger_error; /* logged once */
};

/* When the first of them wants another sample. */
static void arm(struct monitors *monitors)
{
	uint64_t least = UINT64_MAX;
	const struct monitor *monitor;

	for (monitor = monitors->first; monitor; monitor = monitor->next) {
		uint64_t wait =
			pressure_wait_usec(&monitor->pressure, monitor->watch != NULL);

		least = wait < least ? wait : least;
	}
	if (least == UINT64_MAX)
		loop_timer_disarm(monitors->timer);
	else
		loop_timer_arm(monitors->timer, least / USEC_PER_MSEC);
}

static void log_change(const struct monitor *monitor, unsigned signals)
{
	unsigned i;

	for (i = 0; i < PRESSURE_SIGNALS; i++)
		if (signals >> i & 1)
			log_info("memory pressure: %s %s",
				 pressure_signal_text((enum pressure_signal)i),
				 monitor_is_pressed(monitor, (enum pressure_signal)i)
					 ? "crossed its threshold"
					 : "has eased");
}

static void take_sample(struct monitors *monitors)
{
	uint64_t now_usec = loop_now_usec();
	struct monitor *monitor;

	stats_read(monitors->root, &monitors->stats);
	for (monitor = monitors->first; monitor; monitor = monitor->next) {
		unsigned signals = pressure_step(&monitor->pressure, &monitors->stats,
						 monitor->triggered, now_usec);

		monitor->triggered = false;
		if (!signals)
			continue;
		log_change(monitor, signals);
		monitor->fn(signals, monitor->data);
	}
	if (monitors->sampled)
		monitors->sampled(&monitors->stats, monitors->sampled_data);
	arm(monitors);
}

static void on_timer(void *data)
{
	take_sample(data);
}

static void close_trigger(struct monitor *monitor)
{
	if (!monitor->watch)
		return;
	loop_watch_remove(monitor->watch);
	close(monitor->fd);
	monitor->watch = NULL;
}

static void on_trigger(uint32_t events, void *data)
{
	struct monitor *monitor = data;

	/* The kernel took it back: the timer goes on by itself. */
	if (events & EPOLLERR)
		close_trigger(monitor);
	else
		monitor->triggered = true;
	take_sample(monitor->monitors);
}

static void open_trigger(struct monitor *monitor)
{
	struct monitors *monitors = monitor->monitors;
	uint64_t stall_usec = monitor->pressure.thresholds.stall_usec;

	monitor->fd = pressure_open(monitors->root, stall_usec ? stall_usec : HINT_USEC,
				    PRESSURE_WINDOW_USEC);
	if (monitor->fd < 0) {
		if (monitor->fd != monitors->trigger_error)
			log_info("cannot watch stalls: %s%s; measuring them by timer",
				 strerror(-monitor->fd),
				 monitor->fd == -EPERM ? LACKS_CAPABILITY : "");
		monitors->trigger_error = monitor->fd;
		return;
	}
	monitor->watch = loop_watch_add(monitors->loop, monitor->fd, EPOLLPRI, on_trigger,
					monitor);
	if (!monitor->watch)
		close(monitor->fd);
}

struct monitor *monitor_add(struct monitors *monitors,
			    const struct pressure_thresholds *thresholds, monitor_fn fn,
			    void *data)
{
	struct monitor *monitor = calloc(1, sizeof(*monitor));

	if (!monitor)
		return NULL;
	monitor->monitors = monitors;
	monitor->fn = fn;
	monitor->data = data;
	stats_read(monitors->root, &monitors->stats);
	pressure_begin(&monitor->pressure, thresholds, &monitors->stats, loop_now_usec());
	open_trigger(monitor);
	monitor->next = monitors->first;
	monitors->first = monitor;
	arm(monitors);
	return monitor;
}

void monitor_remove(struct monitor *monitor)
{
	struct monitor **link;

	if (!monitor)
		return;
	link = &monitor->monitors->first;
	while (*link != monitor)
		link = &(*link)->next;
	*link = monitor->next;
	close_trigger(monitor);
	arm(monitor->monitors);
	free(monitor);
}

bool monitor_has_trigger(const struct monitor *monitor)
{
	return monitor->watch != NULL;
}

unsigned monitor_pressed(const struct monitor *monitor)
{
	return pressure_pressed(&monitor->pressure);
}

bool monitor_is_pressed(const struct monitor *monitor, enum pressure_signal signal)
{
	return monitor_pressed(monitor) >> signal & 1;
}

const struct stats *monitor_stats(const struct monitor *monitor)
{
	return &monitor->monitors->stats;
}

struct monitors *monitors_new(struct loop *loop, struct root *root)
{
	struct monitors *monitors = calloc(1, sizeof(*monitors));

	if (!monitors)
		return NULL;
	monitors->loop = loop;
	monitors->root = root;
	monitors->timer = loop_timer_add(loop, on_timer, monitors);
	if (!monitors->timer) {
		free(monitors);
		return NULL;
	}
	return monitors;
}

void monitors_on_sample(struct monitors *monitors,
			void (*fn)(const struct stats *stats, void *data), void *data)
{
	monitors->sampled = fn;
	monitors->sampled_data = data;
}

void monitors_free(struct monitors *monitors)
{
	if (!monitors)
		return;
	loop_timer_remove(monitors->timer);
	free(monitors);
}
