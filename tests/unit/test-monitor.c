/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>

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
	/* A subscriber that leaves is not called, the other one still is. */
	monitor_remove(first);
	tree_puts(guest->path, "/proc/meminfo", "MemAvailable: 400 kB\n");
	assert_int_equal(loop_run(guest->loop), 0);
	assert_int_equal(one.calls, 1);
	assert_int_equal(two.calls, 1);
	monitor_remove(second);
}

/* The kernel's own trigger is for a guest: no test sets one on this machine. */
static void a_recorded_tree_has_no_trigger(void **state)
{
	struct guest *guest = *state;

	tree_puts(guest->path, "/proc/pressure/memory", "some avg10=0.00 total=0\n");
	assert_int_equal(pressure_open(guest->root, PRESSURE_WINDOW_USEC,
				       PRESSURE_WINDOW_USEC),
			 -EOPNOTSUPP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_over_at_the_start_is_no_event,
						make_guest, end_guest),
		cmocka_unit_test_setup_teardown(each_hears_of_its_own_threshold,
						make_guest, end_guest),
		cmocka_unit_test_setup_teardown(a_recorded_tree_has_no_trigger,
						make_guest, end_guest),
	};

	return cmocka_run_group_tests_name("monitor", tests, NULL, NULL);
}
