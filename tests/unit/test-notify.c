/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/notify.h"

static char directory[] = "/tmp/memonline-notify-XXXXXX";
static char socket_path[64];

static int make_directory(void **state)
{
	(void)state;
	if (!mkdtemp(directory))
		return -1;
	snprintf(socket_path, sizeof(socket_path), "%s/notify", directory);
	return 0;
}

static int remove_directory(void **state)
{
	(void)state;
	unlink(socket_path);
	return rmdir(directory);
}

/* No variable of the shell that runs the tests gets in. */
static int clean_environment(void **state)
{
	(void)state;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return 0;
}

/* A manager that listens at `name`; '@' in front: abstract. */
static int listen_at(const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	socklen_t len =
		(socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));

	memcpy(address.sun_path, name, strlen(name));
	if (name[0] == '@')
		address.sun_path[0] = '\0';
	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	return fd;
}

static void hears(int fd, const char *expected)
{
	char bytes[256];
	ssize_t len = recv(fd, bytes, sizeof(bytes), 0);

	assert_int_equal(len, strlen(expected));
	assert_memory_equal(bytes, expected, strlen(expected));
}

static void test_bad_addresses(void **state)
{
	char name[300];

	(void)state;
	setenv("NOTIFY_SOCKET", "relative/path", 1);
	assert_int_equal(notify_send("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "vsock:2:1234", 1);
	assert_int_equal(notify_send("READY=1"), -EINVAL);
	setenv("NOTIFY_SOCKET", "@", 1);
	assert_int_equal(notify_send("READY=1"), -EINVAL);
	memset(name, 'x', sizeof(name));
	name[0] = '/';
	name[sizeof(name) - 1] = '\0';
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(notify_send("READY=1"), -ENAMETOOLONG);
}

static void test_nobody_there(void **state)
{
	(void)state;
	assert_int_equal(notify_send("READY=1"), 0);
	setenv("NOTIFY_SOCKET", "", 1);
	assert_int_equal(notify_send("READY=1"), 0);
	setenv("NOTIFY_SOCKET", socket_path, 1);
	assert_int_equal(notify_send("READY=1"), -ENOENT);
	close(listen_at(socket_path));
	assert_int_equal(notify_send("READY=1"), -ECONNREFUSED);
	unlink(socket_path);
}

static void test_path(void **state)
{
	int fd = listen_at(socket_path);

	(void)state;
	setenv("NOTIFY_SOCKET", socket_path, 1);
	assert_int_equal(notify_send("READY=1\nSTATUS=512 MiB"), 0);
	assert_int_equal(notify_send("WATCHDOG=1"), 0);
	hears(fd, "READY=1\nSTATUS=512 MiB");
	hears(fd, "WATCHDOG=1");
	close(fd);
	unlink(socket_path);
}

/* It is not waited for without end. */
static void test_stopped_manager(void **state)
{
	int fd = listen_at(socket_path), sent = 0, r;
	char bytes[64];

	(void)state;
	setenv("NOTIFY_SOCKET", socket_path, 1);
	do
		r = notify_send("WATCHDOG=1");
	while (r == 0 && sent++ < 100000);
	assert_int_equal(r, -EAGAIN);
	while (recv(fd, bytes, sizeof(bytes), 0) > 0)
		;
	assert_int_equal(notify_send("WATCHDOG=1"), 0);
	hears(fd, "WATCHDOG=1");
	close(fd);
	unlink(socket_path);
}

static void test_abstract(void **state)
{
	char name[64];
	int fd;

	(void)state;
	snprintf(name, sizeof(name), "@memonline-notify-%d", (int)getpid());
	fd = listen_at(name);
	setenv("NOTIFY_SOCKET", name, 1);
	assert_int_equal(notify_send("READY=1"), 0);
	hears(fd, "READY=1");
	close(fd);
}

static void test_watchdog(void **state)
{
	static const struct {
		const char *usec;
		uint64_t msec;
	} rows[] = {
		{ "", 0 },     { "soon", 0 },
		{ "-1", 0 },   { "0", 0 },
		{ "1s", 0 },   { "99999999999999999999999", 0 },
		{ "1", 1 },    { "1999", 1 },
		{ "4000", 2 }, { "30000000", 15000 },
	};
	size_t i;

	(void)state;
	assert_int_equal(notify_watchdog_msec(), 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setenv("WATCHDOG_USEC", rows[i].usec, 1);
		assert_int_equal(notify_watchdog_msec(), rows[i].msec);
	}
}

static void test_watchdog_of_another_process(void **state)
{
	char pid[32];

	(void)state;
	setenv("WATCHDOG_USEC", "30000000", 1);
	setenv("WATCHDOG_PID", "1", 1);
	assert_int_equal(notify_watchdog_msec(), 0);
	setenv("WATCHDOG_PID", "me", 1);
	assert_int_equal(notify_watchdog_msec(), 0);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("WATCHDOG_PID", pid, 1);
	assert_int_equal(notify_watchdog_msec(), 15000);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_bad_addresses, clean_environment),
		cmocka_unit_test_setup(test_nobody_there, clean_environment),
		cmocka_unit_test_setup(test_path, clean_environment),
		cmocka_unit_test_setup(test_stopped_manager, clean_environment),
		cmocka_unit_test_setup(test_abstract, clean_environment),
		cmocka_unit_test_setup(test_watchdog, clean_environment),
		cmocka_unit_test_setup(test_watchdog_of_another_process,
				       clean_environment),
	};

	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
