/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/number.h"

#define READ_BYTES 16384
#define RETRY_MSEC 20

struct client {
	int fd;
	struct sockaddr_un address;
	char in[READ_BYTES];
};

uint64_t client_now_msec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* 0, -ETIMEDOUT or another negative errno. */
static int wait_for(int fd, short events, uint64_t deadline_msec)
{
	struct pollfd poller = { fd, events, 0 };

	for (;;) {
		uint64_t now = client_now_msec();
		int timeout = -1;
		int r;

		if (deadline_msec <= now)
			return -ETIMEDOUT;
		if (deadline_msec != CLIENT_FOREVER)
			timeout = (int)(deadline_msec - now < INT_MAX
						? deadline_msec - now
						: INT_MAX);
		r = poll(&poller, 1, timeout);
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

/*
 * connect(2) of a unix socket does not wait for the other side to accept, only for room
 * in its backlog, and poll does not report when there is some.
 */
static int connect_until(int fd, const struct sockaddr_un *address,
			 uint64_t deadline_msec)
{
	while (connect(fd, (const struct sockaddr *)address, sizeof(*address)) < 0) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		if (client_now_msec() >= deadline_msec)
			return -EBUSY;
		poll(NULL, 0, RETRY_MSEC);
	}
	return 0;
}

int client_connect(const char *path, uint64_t deadline_msec, struct client **client)
{
	struct client *made;
	int r;

	if (strlen(path) >= sizeof(made->address.sun_path))
		return -ENAMETOOLONG;
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	made->address.sun_family = AF_UNIX;
	memcpy(made->address.sun_path, path, strlen(path));
	made->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	r = made->fd < 0 ? -errno
			 : connect_until(made->fd, &made->address, deadline_msec);
	if (r < 0) {
		client_close(made);
		return r;
	}
	*client = made;
	return 0;
}

void client_close(struct client *client)
{
	if (!client)
		return;
	if (client->fd >= 0)
		close(client->fd);
	free(client);
}

int client_send(struct client *client, const char *bytes, size_t len,
		uint64_t deadline_msec)
{
	while (len > 0) {
		ssize_t sent = send(client->fd, bytes, len, MSG_NOSIGNAL);
		int r;

		if (sent >= 0) {
			bytes += sent;
			len -= (size_t)sent;
			continue;
		}
		if (errno == ECONNRESET)
			return -EPIPE;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		r = wait_for(client->fd, POLLOUT, deadline_msec);
		if (r < 0)
			return r;
	}
	return 0;
}

int client_read(struct client *client, uint64_t deadline_msec, const char **bytes,
		size_t *len)
{
	ssize_t got;

	do {
		int r = wait_for(client->fd, POLLIN, deadline_msec);
		if (r < 0)
			return r;
		got = read(client->fd, client->in, sizeof(client->in));
	} while (got < 0 && (errno == EAGAIN || errno == EINTR));
	if (got == 0 || (got < 0 && errno == ECONNRESET))
		return -EPIPE;
	if (got < 0)
		return -errno;
	*bytes = client->in;
	*len = (size_t)got;
	return 0;
}

/*
 * One line of /proc/net/unix: Num RefCount Protocol Flags Type St Inode Path. A
 * connection that nobody has accepted has the listener's path, state 2 (connecting) and
 * no inode yet.
 */
static bool line_is_waiting(const char *line, const char *path)
{
	const char *at = number_skip_words(line, 5);
	uint64_t state, inode;

	return number_behind(at, "", 16, &state) && state == 2 &&
	       number_behind(number_skip_words(at, 1), "", 10, &inode) && inode == 0 &&
	       strcmp(number_skip_words(at, 2), path) == 0;
}

bool client_is_waiting(const struct client *client)
{
	char line[512];
	bool waiting = false;
	FILE *file = fopen("/proc/net/unix", "re");

	if (!file)
		return false;
	while (!waiting && fgets(line, sizeof(line), file)) {
		line[strcspn(line, "\n")] = '\0';
		waiting = line_is_waiting(line, client->address.sun_path);
	}
	fclose(file);
	return waiting;
}
