/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/relay.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/text.h"

#define READ_SIZE 16384
#define READS_MAX 16 /* in one go, so that nobody else waits for long */
/* Edges: a connection that is over wakes up once, also while there is no room for what it sent. */
#define EVENTS (EPOLLIN | EPOLLOUT | EPOLLET)

struct relay_link {
	struct relay_link_handler handler;
	void *data;
	int fd;
	struct loop_watch *watch;
	struct text out;
	size_t sent; /* of out */
	bool closed; /* by the other end, or broken */
};

size_t relay_link_queued(const struct relay_link *link)
{
	return link->out.len - link->sent;
}

static void flush(struct relay_link *link)
{
	ssize_t len = 1;

	while (len > 0 && relay_link_queued(link)) {
		len = send(link->fd, link->out.data + link->sent, relay_link_queued(link),
			   MSG_NOSIGNAL);
		if (len > 0)
			link->sent += (size_t)len;
	}
	/* Moving the rest to the front for every partial send would cost n². */
	if (link->sent < link->out.len / 2)
		return;
	text_consume(&link->out, link->sent);
	link->sent = 0;
	if (!link->out.len && link->out.capacity > RELAY_LINK_LOW)
		text_free(&link->out);
}

/* Whether there may be more to be read. */
static bool read_some(struct relay_link *link)
{
	char bytes[READ_SIZE];
	ssize_t len = recv(link->fd, bytes, sizeof(bytes), 0);

	if (len > 0) {
		link->handler.received(bytes, (size_t)len, link->data);
		return true;
	}
	link->closed = len == 0 || (errno != EAGAIN && errno != EINTR);
	return false;
}

void relay_link_resume(struct relay_link *link)
{
	/* Makes an edge of what is there now. */
	loop_watch_change(link->watch, EVENTS);
}

static void serve(uint32_t events, void *data)
{
	struct relay_link *link = data;
	bool was_full = relay_link_queued(link) >= RELAY_LINK_LOW;
	bool more = true;
	int reads = 0;

	(void)events;
	flush(link);
	while (more && link->handler.has_room(link->data) && reads < READS_MAX) {
		more = read_some(link);
		reads++;
	}
	if (more && reads == READS_MAX)
		relay_link_resume(link);
	link->handler.served(was_full && relay_link_queued(link) < RELAY_LINK_LOW,
			     link->closed, link->data);
}

static bool fill_address(struct sockaddr_un *address, const char *root, const char *path)
{
	int len;

	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	len = snprintf(address->sun_path, sizeof(address->sun_path), "%s%s",
		       strcmp(root, "/") == 0 ? "" : root, path);
	return len < (int)sizeof(address->sun_path);
}

/* A unix socket that listens takes a connection at once, whatever its program does. */
static int connect_to(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0)
		return fd;
	error = errno;
	close(fd);
	return -error;
}

static int start(struct relay_link *link, struct loop *loop,
		 const struct sockaddr_un *address)
{
	link->fd = connect_to(address);
	if (link->fd < 0)
		return link->fd;
	link->watch = loop_watch_add(loop, link->fd, EVENTS, serve, link);
	if (link->watch)
		return 0;
	close(link->fd);
	return -ENOMEM;
}

struct relay_link *relay_link_open(struct loop *loop, const char *root, const char *path,
				   const struct relay_link_handler *handler, void *data)
{
	struct sockaddr_un address;
	struct relay_link *link;
	int r;

	if (!fill_address(&address, root, path)) {
		errno = ENAMETOOLONG;
		return NULL;
	}
	link = calloc(1, sizeof(*link));
	if (!link)
		return NULL;
	link->handler = *handler;
	link->data = data;
	r = start(link, loop, &address);
	if (r == 0)
		return link;
	free(link);
	errno = -r;
	return NULL;
}

/* Until the other end closes, or time is up. */
static void drain(int fd, unsigned msec)
{
	uint64_t until_usec = loop_now_usec() + msec * 1000ull, now_usec;
	struct pollfd poller = { fd, POLLIN, 0 };
	char bytes[READ_SIZE];
	ssize_t len = 1;

	shutdown(fd, SHUT_WR);
	while (len > 0 && (now_usec = loop_now_usec()) < until_usec &&
	       poll(&poller, 1, (int)((until_usec - now_usec) / 1000) + 1) > 0)
		len = recv(fd, bytes, sizeof(bytes), 0);
}

void relay_link_free(struct relay_link *link, unsigned drain_msec)
{
	if (!link)
		return;
	loop_watch_remove(link->watch);
	if (drain_msec && !link->closed)
		drain(link->fd, drain_msec);
	close(link->fd);
	text_free(&link->out);
	free(link);
}

int relay_link_send(struct relay_link *link, const char *bytes, size_t len)
{
	if (text_reserve(&link->out, len) < 0) {
		link->out.failed = false;
		return -ENOMEM;
	}
	text_append(&link->out, bytes, len);
	flush(link);
	return 0;
}
