/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/channel.h"
#include "io/log.h"

#define SOCKET "/run/control.sock"

enum { QUIET_TURNS = 20 };

struct fixture {
	char root[64];
	struct loop *loop;
	struct channel *channel;
	struct loop_timer *timer;
	/* What the handler saw. */
	int opened, closed, drained;
	bool was_port;
	struct channel_peer *peer;
	struct text bytes;
	size_t answer; /* bytes sent for every byte received */
	bool refuse;
	bool quit_on_closed;
	int calls, calls_before,
		quiet; /* of the handler; turns of the loop without one */
};

static void *on_opened(struct channel_peer *peer, bool is_port, void *data)
{
	struct fixture *fixture = data;

	fixture->calls++;
	fixture->opened++;
	fixture->was_port = is_port;
	fixture->peer = peer;
	return fixture->refuse ? NULL : fixture;
}

static size_t on_received(struct channel_peer *peer, const char *bytes, size_t len,
			  void *user)
{
	struct fixture *fixture = user;
	char *answer = calloc(1, fixture->answer + 1);
	size_t taken = 0;

	fixture->calls++;
	while (taken < len && channel_queued(peer) < CHANNEL_QUEUE_LOW) {
		text_append(&fixture->bytes, bytes + taken++, 1);
		if (fixture->answer)
			channel_send(peer, answer, fixture->answer);
	}
	free(answer);
	return taken;
}

static void on_drained(struct channel_peer *peer, void *user)
{
	struct fixture *fixture = user;

	(void)peer;
	fixture->calls++;
	fixture->drained++;
}

static void on_closed(struct channel_peer *peer, void *user)
{
	struct fixture *fixture = user;

	(void)peer;
	fixture->calls++;
	fixture->closed++;
	fixture->peer = NULL;
	if (fixture->quit_on_closed)
		loop_quit(fixture->loop);
}

static const struct channel_handler handler = { on_opened, on_received, on_drained,
						NULL,	   on_closed,	NULL };

/* Each turn of the loop serves all that is ready, however late a slow machine comes to it. */
static void on_timer(void *data)
{
	struct fixture *fixture = data;

	fixture->quiet = fixture->calls == fixture->calls_before ? fixture->quiet + 1 : 0;
	fixture->calls_before = fixture->calls;
	if (fixture->quiet == QUIET_TURNS)
		loop_quit(fixture->loop);
	else
		loop_timer_arm(fixture->timer, 1);
}

/* Lets the channel work until there is nothing left to do. */
static void work(struct fixture *fixture)
{
	fixture->quiet = 0;
	loop_timer_arm(fixture->timer, 1);
	assert_int_equal(loop_run(fixture->loop), 0);
}

static int set_up(void **state)
{
	struct fixture *fixture = test_alloc(sizeof(*fixture));

	log_open("test", CONFIG_LOG_STDERR, CONFIG_LOG_ERROR, true);
	strcpy(fixture->root, "/tmp/memonline-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->root));
	fixture->loop = loop_new();
	fixture->channel = channel_new(fixture->loop, &handler, fixture);
	fixture->timer = loop_timer_add(fixture->loop, on_timer, fixture);
	*state = fixture;
	return fixture->timer ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;
	char path[96];

	channel_free(fixture->channel);
	loop_timer_remove(fixture->timer);
	loop_free(fixture->loop);
	text_free(&fixture->bytes);
	snprintf(path, sizeof(path), "%s/run", fixture->root);
	rmdir(path);
	rmdir(fixture->root);
	free(fixture);
	return 0;
}

static struct sockaddr_un address_of(const struct fixture *fixture)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s%s", fixture->root,
		 SOCKET);
	return address;
}

static int connect_to(const struct fixture *fixture)
{
	struct sockaddr_un address = address_of(fixture);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	return fd;
}

static void listen_on(struct fixture *fixture, unsigned mode)
{
	assert_int_equal(channel_listen(fixture->channel, fixture->root, SOCKET, mode),
			 0);
}

static void refuses_a_path_that_is_too_long(void **state)
{
	struct fixture *fixture = *state;
	char path[200];

	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(channel_listen(fixture->channel, fixture->root, path, 0600),
			 -ENAMETOOLONG);
}

static void refuses_to_take_a_live_socket(void **state)
{
	struct fixture *fixture = *state;
	struct channel *second = channel_new(fixture->loop, &handler, fixture);

	listen_on(fixture, 0600);
	assert_int_equal(channel_listen(second, fixture->root, SOCKET, 0600),
			 -EADDRINUSE);
	channel_free(second);
	/* And the first one still answers. */
	close(connect_to(fixture));
}

static void replaces_a_dead_socket(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un address = address_of(fixture);
	char directory[96];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(directory, sizeof(directory), "%s/run", fixture->root);
	mkdir(directory, 0755);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	listen_on(fixture, 0600);
	close(connect_to(fixture));
}

/* connect(2) says ECONNREFUSED of a regular file too. */
static void leaves_a_file_that_is_no_socket(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un address = address_of(fixture);
	char directory[96];
	int fd;

	snprintf(directory, sizeof(directory), "%s/run", fixture->root);
	mkdir(directory, 0755);
	fd = open(address.sun_path, O_CREAT | O_WRONLY, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(channel_listen(fixture->channel, fixture->root, SOCKET, 0600),
			 -EEXIST);
	assert_int_equal(unlink(address.sun_path), 0);
}

/* As "echo request | socat - UNIX:…" does. */
static void answers_a_client_that_says_no_more(void **state)
{
	struct fixture *fixture = *state;
	char bytes[65536];
	size_t answered = 0;
	int fd, i;

	fixture->answer = 1000UL * 1000;
	listen_on(fixture, 0600);
	fd = connect_to(fixture);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	assert_int_equal(write(fd, "x", 1), 1);
	shutdown(fd, SHUT_WR);
	for (i = 0; i < 200 && !fixture->closed; i++) {
		ssize_t len;

		work(fixture);
		while ((len = read(fd, bytes, sizeof(bytes))) > 0)
			answered += (size_t)len;
	}
	assert_int_equal(answered, fixture->answer);
	assert_int_equal(fixture->closed, 1);
	close(fd);
}

static void gives_the_socket_its_mode(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un address = address_of(fixture);
	struct stat status;
	mode_t before = umask(0);

	listen_on(fixture, 0640);
	assert_int_equal(umask(before), 0);
	assert_int_equal(stat(address.sun_path, &status), 0);
	assert_int_equal(status.st_mode & 0777, 0640);
}

static void hands_over_what_was_sent_before_the_end(void **state)
{
	struct fixture *fixture = *state;
	int fd;

	listen_on(fixture, 0600);
	fd = connect_to(fixture);
	assert_int_equal(write(fd, "half a li", 9), 9);
	close(fd);
	work(fixture);
	assert_int_equal(fixture->opened, 1);
	assert_int_equal(fixture->closed, 1);
	assert_false(fixture->was_port);
	assert_int_equal(fixture->bytes.len, 9);
}

static void closes_one_client_too_many(void **state)
{
	struct fixture *fixture = *state;
	int fds[CHANNEL_CLIENTS_MAX + 1], i;
	char byte;

	listen_on(fixture, 0600);
	for (i = 0; i < CHANNEL_CLIENTS_MAX; i++)
		fds[i] = connect_to(fixture);
	work(fixture);
	assert_int_equal(fixture->opened, CHANNEL_CLIENTS_MAX);
	fds[i] = connect_to(fixture);
	work(fixture);
	assert_int_equal(fixture->opened, CHANNEL_CLIENTS_MAX);
	assert_int_equal(read(fds[i], &byte, 1), 0);
	/* One leaves, and there is room again. */
	close(fds[0]);
	close(fds[i]);
	fds[0] = connect_to(fixture);
	work(fixture);
	assert_int_equal(fixture->opened, CHANNEL_CLIENTS_MAX + 1);
	for (i = 0; i < CHANNEL_CLIENTS_MAX; i++)
		close(fds[i]);
}

static void closes_whom_the_handler_refuses(void **state)
{
	struct fixture *fixture = *state;
	char byte;
	int fd;

	fixture->refuse = true;
	listen_on(fixture, 0600);
	fd = connect_to(fixture);
	work(fixture);
	assert_int_equal(read(fd, &byte, 1), 0);
	assert_int_equal(fixture->closed, 0);
	close(fd);
}

/* A client that asks and never reads costs a bounded queue, and is served when it reads. */
static void stops_reading_whom_it_cannot_answer(void **state)
{
	struct fixture *fixture = *state;
	char bytes[65536];
	size_t answered = 0;
	int fd, i;

	memset(bytes, 'x', sizeof(bytes));
	fixture->answer = 10000;
	listen_on(fixture, 0600);
	fd = connect_to(fixture);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while (write(fd, bytes, 1000) > 0)
		;
	work(fixture);
	assert_true(channel_queued(fixture->peer) < CHANNEL_QUEUE_LOW + fixture->answer);
	assert_true(channel_queued(fixture->peer) >= CHANNEL_QUEUE_LOW);
	for (i = 0; i < 10; i++) {
		ssize_t len;

		while ((len = read(fd, bytes, sizeof(bytes))) > 0)
			answered += (size_t)len;
		work(fixture);
	}
	assert_true(fixture->drained > 0);
	assert_true(answered > 2 * CHANNEL_QUEUE_LOW);
	assert_true(channel_queued(fixture->peer) < CHANNEL_QUEUE_LOW + fixture->answer);
	close(fd);
}

static void ends_a_client_that_cannot_be_written_to(void **state)
{
	struct fixture *fixture = *state;
	int fd;

	fixture->answer = 100;
	listen_on(fixture, 0600);
	fd = connect_to(fixture);
	assert_int_equal(write(fd, "x", 1), 1);
	shutdown(fd, SHUT_RD);
	work(fixture);
	assert_int_equal(fixture->closed, 1);
	close(fd);
}

static void waits_for_a_port_that_is_not_there(void **state)
{
	struct fixture *fixture = *state;

	const char *name = "";

	assert_int_equal(channel_open_port(fixture->channel, fixture->root, "a/b"),
			 -EINVAL);
	assert_int_equal(channel_port_error(fixture->channel, &name), 0);
	assert_null(name);
	assert_int_equal(
		channel_open_port(fixture->channel, fixture->root, "no.such.port"), 0);
	work(fixture);
	assert_int_equal(fixture->opened, 0);
	assert_int_equal(channel_port_error(fixture->channel, &name), ENOENT);
	assert_string_equal(name, "no.such.port");
}

static void keeps_descriptors_from_clients(void **state)
{
	struct fixture *fixture = *state;
	struct rlimit before, few;
	int fd, left = 3, rounds = 0;

	listen_on(fixture, 0600);
	fd = connect_to(fixture);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	few = before;
	few.rlim_cur = (rlim_t)fd + 1 + (rlim_t)left;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	work(fixture);
	assert_int_equal(fixture->opened, 0);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	while (!fixture->opened && rounds++ < 1000)
		work(fixture);
	assert_int_equal(fixture->opened, 1);
	close(fd);
}

static void comes_back_where_its_name_is_gone(void **state)
{
	struct fixture *fixture = *state;
	struct sockaddr_un address = address_of(fixture);
	int old, fd;

	listen_on(fixture, 0600);
	old = connect_to(fixture);
	work(fixture);
	assert_int_equal(channel_listen_again(fixture->channel), 0);
	close(connect_to(fixture));
	assert_int_equal(unlink(address.sun_path), 0);
	/* What others put there is not removed. */
	fd = open(address.sun_path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(channel_listen_again(fixture->channel), -EEXIST);
	assert_int_equal(channel_listen_again(fixture->channel), -EEXIST);
	assert_int_equal(unlink(address.sun_path), 0);
	assert_int_equal(channel_listen_again(fixture->channel), 0);
	fixture->answer = 1;
	assert_int_equal(write(old, "x", 1), 1);
	work(fixture);
	assert_int_equal(recv(old, &(char){ 0 }, 1, MSG_DONTWAIT), 1);
	close(connect_to(fixture));
	close(old);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_a_path_that_is_too_long),
		TEST(refuses_to_take_a_live_socket),
		TEST(replaces_a_dead_socket),
		TEST(leaves_a_file_that_is_no_socket),
		TEST(answers_a_client_that_says_no_more),
		TEST(gives_the_socket_its_mode),
		TEST(hands_over_what_was_sent_before_the_end),
		TEST(closes_one_client_too_many),
		TEST(keeps_descriptors_from_clients),
		TEST(comes_back_where_its_name_is_gone),
		TEST(closes_whom_the_handler_refuses),
		TEST(stops_reading_whom_it_cannot_answer),
		TEST(ends_a_client_that_cannot_be_written_to),
		TEST(waits_for_a_port_that_is_not_there),
	};

	return cmocka_run_group_tests_name("channel", tests, NULL, NULL);
}
