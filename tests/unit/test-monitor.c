/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include "daemon/monitor.h"
#include "io/pressure.h"
#include "tree.h"

#define KIB 1024ull
#define BIT(signal) (1u << PRESSURE_##signal)

/* A guest of files, and two who want to know of it. */
struct guest {
	char path[TREE_SIZE];
	struct loop *loop;
	struct root *root;
	struct monitors *monitors;
};

struct subscriber {
	struct loop *loop;
	unsigned signals, calls;
};

static void on_pressure(unsigned signals, void *data)
{
	struct subscriber *subscriber = data;

	subscriber->signals |= signals;
	subscriber->calls++;
	loop_quit(subscriber->loop);
}

static int make_guest(void **state)
{
	struct guest *guest = test_alloc(sizeof(*guest));

	tree_make(guest->path);
	tree_puts(guest->path, "/proc/meminfo", "MemAvailable: 1000 kB\n");
	guest->loop = loop_new();
	guest->root = root_open(guest->path);
	guest->monitors = monitors_new(guest->loop, guest->root);
	assert_non_null(guest->monitors);
	*state = guest;
	return 0;
}

static int end_guest(void **state)
{
	struct guest *guest = *state;

	monitors_free(guest->monitors);
	root_close(guest->root);
	loop_free(guest->loop);
	tree_remove(guest->path);
	free(guest);
	return 0;
}

static struct monitor *subscribe(struct guest *guest, struct subscriber *subscriber,
				 uint64_t available)
{
	struct pressure_thresholds thresholds = { available, 0, 0 };
	struct monitor *monitor;

	subscriber->loop = guest->loop;
	subscriber->signals = subscriber->calls = 0;
	monitor = monitor_add(guest->monitors, &thresholds, on_pressure, subscriber);
	assert_non_null(monitor);
	return monitor;
}

static void what_is_over_at_the_start_is_no_event(void **state)
{
	struct guest *guest = *state;
	struct subscriber one;
	struct monitor *monitor = subscribe(guest, &one, 1001 * KIB);

	assert_int_equal(monitor_pressed(monitor), BIT(AVAILABLE));
	assert_int_equal(monitor_stats(monitor)->available, 1000 * KIB);
	assert_int_equal(one.calls, 0);
	/* The files of another root are not this kernel's to watch. */
	assert_false(monitor_has_trigger(monitor));
	monitor_remove(monitor);
	monitor_remove(NULL);
	monitors_free(NULL);
}

static void each_hears_of_its_own_threshold(void **state)
{
	struct guest *guest = *state;
	struct subscriber one, two;
	struct monitor *first = subscribe(guest, &one, 900 * KIB);
	struct monitor *second = subscribe(guest, &two, 500 * KIB);

	tree_puts(guest->path, "/proc/meminfo", "MemAvailable: 700 kB\n");
	assert_int_equal(loop_run(guest->loop), 0);
	assert_int_equal(one.signals, BIT(AVAILABLE));
	assert_true(monitor_is_pressed(first, PRESSURE_AVAILABLE));
	assert_int_equal(two.calls, 0);
	assert_int_equal(monitor_stats(second)->available, 700 * KIB);
	/* Whoever leaves is not called, the other one goes on. */
	monitor_remove(first);
	tree_puts(guest->path, "/proc/meminfo", "MemAvailable: 400 kB\n");
	assert_int_equal(loop_run(guest->loop), 0);
	assert_int_equal(one.calls, 1);
	assert_int_equal(two.calls, 1);
	monitor_remove(second);
}

/* Any kernel may run this: one that has no trigger for us says so, and how. */
static void the_kernel_takes_the_trigger_or_says_why_not(void **state)
{
	struct root *root = root_open("/");
	int fd = pressure_open(root, PRESSURE_WINDOW_USEC, PRESSURE_WINDOW_USEC);
	struct pollfd poll_fd = { fd, POLLPRI, 0 };

	(void)state;
	if (fd < 0) {
		assert_true(fd == -ENOENT || fd == -EPERM || fd == -EACCES ||
			    fd == -EOPNOTSUPP || fd == -EINVAL || fd == -EROFS);
	} else {
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
		assert_true(poll(&poll_fd, 1, 0) >= 0);
		assert_false(poll_fd.revents & (POLLERR | POLLNVAL));
		close(fd);
	}
	root_close(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_over_at_the_start_is_no_event,
						make_guest, end_guest),
		cmocka_unit_test_setup_teardown(each_hears_of_its_own_threshold,
						make_guest, end_guest),
		cmocka_unit_test(the_kernel_takes_the_trigger_or_says_why_not),
	};

	return cmocka_run_group_tests_name("monitor", tests, NULL, NULL);
}
