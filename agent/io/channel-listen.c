/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/channel-private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "io/log.h"

#define PAUSE_MSEC 1000
/*
 * Descriptors that clients leave: the way to a block's state needs a directory and a file, its worker
 * a few, and the port one.
 */
#define RESERVE 8
#define NEW_SUFFIX ".new"

struct channel_listener {
	struct channel *channel;
	int fd;
	struct loop_watch *watch;
	struct loop_timer *pause; /* while no descriptors are left */
	bool short_of; /* them, and said so */
	struct stat name; /* of the socket, while it has one */
	struct sockaddr_un address;
	unsigned mode;
};

static void client_event(uint32_t events, void *data)
{
	struct channel_peer *peer = data;
	bool left;
	/* Nothing more is read while the handler holds back or after its end: it has left. */
	bool gone = (events & (EPOLLHUP | EPOLLERR)) && (peer->in.len || peer->at_end);

	/* What it sent before it left is still read and answered as far as that goes. */
	if (gone || !channel_peer_service(peer, &left))
		channel_peer_close(peer);
}

static void add_client(struct channel *channel, int fd)
{
	struct channel_peer *peer;

	if (channel->client_count >= CHANNEL_CLIENTS_MAX) {
		log_warning(
			"control socket: too many clients (expected at most %d), closing the newest",
			CHANNEL_CLIENTS_MAX);
		close(fd);
		return;
	}
	peer = channel_peer_new(channel, fd, NULL);
	if (!peer) {
		close(fd);
		return;
	}
	peer->serve = client_event;
	peer->serve_data = peer;
	peer->watch = loop_watch_add(channel->loop, fd, EPOLLIN, client_event, peer);
	if (!peer->watch)
		channel_peer_close(peer);
}

/* Room for one client and the reserve; errno says why not. */
static bool has_room(int fd)
{
	int spare[RESERVE + 1], count = 0, saved_errno;
	bool room = true;

	while (room && count <= RESERVE) {
		spare[count] = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		room = spare[count] >= 0;
		if (room)
			count++;
	}
	saved_errno = errno;
	while (count > 0)
		close(spare[--count]);
	errno = saved_errno;
	return room;
}

static void accept_clients(uint32_t events, void *data)
{
	struct channel_listener *listener = data;
	int fd = -1;

	(void)events;
	if (has_room(listener->fd))
		fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	/* One in a round: those who have left by now make room before the next is counted. */
	if (fd >= 0) {
		listener->short_of = false;
		add_client(listener->channel, fd);
	} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		   errno == ENOBUFS) {
		if (!listener->short_of)
			log_warning("control socket: %s, pausing", strerror(errno));
		listener->short_of = true;
		loop_watch_change(listener->watch, 0);
		loop_timer_arm(listener->pause, PAUSE_MSEC);
	}
}

static void accept_again(void *data)
{
	struct channel_listener *listener = data;

	loop_watch_change(listener->watch, EPOLLIN);
}

/* Makes the directories above `path`, as far as they are missing. */
static int make_directories(const char *path)
{
	char directory[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	char *slash = directory;

	snprintf(directory, sizeof(directory), "%s", path);
	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		if (mkdir(directory, 0755) < 0 && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return 0;
}

/* A socket that a dead process left may be replaced; a live one: -EADDRINUSE, a file: -EEXIST. */
static int may_replace(const struct sockaddr_un *address)
{
	struct stat status;
	int fd, r = 0;

	if (lstat(address->sun_path, &status) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 ||
	    errno == EAGAIN)
		r = -EADDRINUSE;
	else if (errno != ECONNREFUSED)
		r = -errno;
	close(fd);
	return r;
}

static int bind_with_mode(int fd, const struct sockaddr_un *address, unsigned mode)
{
	/* The mode is the socket's from its first moment on: no one gets in before a chmod. */
	mode_t before = umask(0777 & ~(mode_t)mode);
	int r = bind(fd, (const struct sockaddr *)address, sizeof(*address));

	r = r < 0 ? -errno : 0;
	umask(before);
	return r;
}

/*
 * Listens before the socket has its name, so that every client that sees it can connect.
 */
static int listen_then_name(struct channel_listener *listener)
{
	struct sockaddr_un unnamed = listener->address;
	int r;

	/* That there is room, channel_listen has seen to. */
	memcpy(unnamed.sun_path + strlen(unnamed.sun_path), NEW_SUFFIX,
	       sizeof(NEW_SUFFIX));
	unlink(unnamed.sun_path);
	r = bind_with_mode(listener->fd, &unnamed, listener->mode);
	if (r < 0)
		return r;
	if (listen(listener->fd, SOMAXCONN) < 0 ||
	    lstat(unnamed.sun_path, &listener->name) < 0 ||
	    rename(unnamed.sun_path, listener->address.sun_path) < 0) {
		r = -errno;
		unlink(unnamed.sun_path);
	}
	return r;
}

static int start_listening(struct channel_listener *listener)
{
	int r = make_directories(listener->address.sun_path);

	if (r == 0)
		r = may_replace(&listener->address);
	if (r < 0)
		return r;
	listener->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (listener->fd < 0)
		return -errno;
	r = listen_then_name(listener);
	if (r < 0)
		return r;
	listener->watch = loop_watch_add(listener->channel->loop, listener->fd, EPOLLIN,
					 accept_clients, listener);
	if (!listener->pause)
		listener->pause =
			loop_timer_add(listener->channel->loop, accept_again, listener);
	return listener->watch && listener->pause ? 0 : -ENOMEM;
}

static void stop_listening(struct channel_listener *listener)
{
	loop_watch_remove(listener->watch);
	listener->watch = NULL;
	if (listener->pause)
		loop_timer_disarm(listener->pause);
	if (listener->fd >= 0)
		close(listener->fd);
	listener->fd = -1;
}

/* Whether the name leads to us: it may be gone, or another's. */
static bool in_place(const struct channel_listener *listener)
{
	struct stat found;

	return listener->watch && lstat(listener->address.sun_path, &found) == 0 &&
	       found.st_dev == listener->name.st_dev &&
	       found.st_ino == listener->name.st_ino;
}

static void listener_free(struct channel_listener *listener)
{
	if (in_place(listener))
		unlink(listener->address.sun_path);
	stop_listening(listener);
	loop_timer_remove(listener->pause);
	free(listener);
}

int channel_listen_again(struct channel *channel)
{
	struct channel_listener *listener = channel->listener;
	int r;

	if (in_place(listener))
		return 0;
	stop_listening(listener);
	r = start_listening(listener);
	if (r < 0)
		stop_listening(listener);
	return r;
}

int channel_listen(struct channel *channel, const char *root, const char *path,
		   unsigned mode)
{
	struct channel_listener *listener = calloc(1, sizeof(*listener));
	int len;

	if (!listener)
		return -ENOMEM;
	listener->channel = channel;
	listener->fd = -1;
	listener->mode = mode;
	listener->address.sun_family = AF_UNIX;
	len = snprintf(listener->address.sun_path, sizeof(listener->address.sun_path),
		       "%s%s", strcmp(root, "/") == 0 ? "" : root, path);
	if (len + sizeof(NEW_SUFFIX) > sizeof(listener->address.sun_path)) {
		free(listener);
		return -ENAMETOOLONG;
	}
	channel->listener = listener;
	channel->free_listener = listener_free;
	return channel_listen_again(channel);
}
