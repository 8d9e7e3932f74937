/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/channel-private.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "io/log.h"

#define NAME_SIZE 128
#define BUSY_MSEC 5000 /* another agent has the port open */
/* A port on its way out has a node still for a moment, which open refuses with ENXIO. */
#define GOING_MSEC 1000
/* After its node is made, a port's name comes with a later message of the host. */
#define NAME_MSEC 1000
#define NAME_TRIES 5
/* For the next host, whose first request may be here before it is: 250 were too few at times. */
#define RETURN_MSEC 1000
#define REOPEN_MSEC 100
#define REOPEN_TRIES 50 /* for a host that does not read what is queued for it */
#define DROPS_MAX 256 /* reads, of which each gives a page at most */

struct channel_port {
	struct channel *channel;
	char root[PATH_MAX];
	char name[NAME_SIZE];
	int fd;
	struct loop_watch *watch;
	struct channel_peer *peer; /* NULL while no host is there */
	int inotify; /* on /dev, while the port is not open */
	struct loop_watch *inotify_watch;
	struct loop_timer *timer; /* until the next try or check */
	unsigned tries; /* left, for a name that is not there yet */
	bool going; /* it was being removed at the last check */
	bool waiting; /* RETURN_MSEC, for a host that left to come again, or another */
	bool waited; /* that is over */
	unsigned
		reopens; /* tries left until it is closed and opened again; 0: it stays open */
	int error; /* why it is not open; 0: it is */
	int last_error; /* logged once */
};

static void port_open(struct channel_port *port);

static bool name_matches(const struct channel_port *port, const char *device)
{
	char path[PATH_MAX + 320], name[NAME_SIZE] = "";
	FILE *file;

	snprintf(path, sizeof(path), "%s/sys/class/virtio-ports/%s/name", port->root,
		 device);
	file = fopen(path, "re");
	if (!file)
		return false;
	if (!fgets(name, sizeof(name), file))
		name[0] = '\0';
	fclose(file);
	name[strcspn(name, "\n")] = '\0';
	return strcmp(name, port->name) == 0;
}

/* Where no udev rule made /dev/virtio-ports/NAME (EL6.0, a guest without udev). */
static int find_device(const struct channel_port *port, char *path, size_t size)
{
	const struct dirent *entry;
	DIR *directory;

	snprintf(path, size, "%s/sys/class/virtio-ports", port->root);
	directory = opendir(path);
	if (!directory)
		return -ENOENT;
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.' && name_matches(port, entry->d_name))
			break;
	if (entry)
		snprintf(path, size, "%s/dev/%s", port->root, entry->d_name);
	closedir(directory);
	return entry ? 0 : -ENOENT;
}

static int open_device(const struct channel_port *port)
{
	char path[PATH_MAX + 320];
	int fd;

	snprintf(path, sizeof(path), "%s/dev/virtio-ports/%s", port->root, port->name);
	fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && find_device(port, path, sizeof(path)) == 0)
		fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static void port_close(struct channel_port *port)
{
	if (port->peer)
		channel_peer_close(port->peer);
	port->peer = NULL;
	loop_watch_remove(port->watch);
	port->watch = NULL;
	port->waiting = port->waited = false;
	port->reopens = 0;
	if (port->fd >= 0)
		close(port->fd);
	port->fd = -1;
}

/* An unplugged port fails every read with ENODEV. */
static bool unplugged(const struct channel_port *port)
{
	char byte;

	return read(port->fd, &byte, 0) < 0 && errno == ENODEV;
}

static void forget_host(struct channel_port *port)
{
	port->waiting = port->waited = false;
	if (!port->peer)
		return;
	log_debug("channel %s: host left", port->name);
	channel_peer_close(port->peer);
	port->peer = NULL;
}

static void host_left(struct channel_port *port)
{
	forget_host(port);
	if (unplugged(port)) {
		log_info("channel %s: port unplugged", port->name);
		port_close(port);
		port_open(port);
	}
}

static void port_serve(uint32_t events, void *data);

static void open_peer(struct channel_port *port)
{
	port->peer = channel_peer_new(port->channel, port->fd, port->watch);
	if (!port->peer) { /* memory is short */
		loop_timer_arm(port->timer, RETURN_MSEC);
		return;
	}
	port->peer->serve = port_serve;
	port->peer->serve_data = port;
}

/* Of a host that came and went unseen. Poll says POLLIN either way, see channel.h. */
static void take_what_is_left(struct channel_port *port)
{
	char byte;

	if (port->peer || read(port->fd, &byte, 1) != 1)
		return;
	open_peer(port);
	if (port->peer)
		text_append(&port->peer->in, &byte, 1);
}

/*
 * Bytes that the guest has not read must not become a request of a host that connects
 * much later.
 */
static void drop_what_is_left(const struct channel_port *port)
{
	char bytes[4096];
	int reads = 0;

	while (reads < DROPS_MAX && read(port->fd, bytes, sizeof(bytes)) > 0)
		reads++;
}

static void wait_for_next(struct channel_port *port)
{
	if (!port->waiting)
		loop_timer_arm(port->timer, RETURN_MSEC);
	port->waiting = true;
	if (port->peer)
		port->peer->leaving = true;
}

/*
 * Data comes by interrupt; the messages that one host has left and another one is there come by a
 * work queue behind it. So what is there to be read while no host is may be the next one's, and is
 * left to its peer; and what was answered when the last one had left may be owed to the next.
 * If none comes it was all the last one's.
 */
static void host_leaves(struct channel_port *port)
{
	bool more;

	if (port->peer && port->peer->dead)
		forget_host(port);
	if (!port->waited && !unplugged(port)) {
		wait_for_next(port);
		return;
	}
	if (port->waited) {
		take_what_is_left(port);
		if (port->peer)
			channel_peer_service(port->peer, &more);
		drop_what_is_left(port);
	}
	host_left(port);
}

static void host_came(struct channel_port *port)
{
	port->waiting = port->waited = false;
	log_debug("channel %s: host connected", port->name);
	if (port->peer)
		channel_peer_follow(port->peer);
	else
		open_peer(port);
}

static void serve_host(struct channel_port *port)
{
	bool more = false;

	if (!port->peer)
		return;
	if (!channel_peer_service(port->peer, &more))
		host_leaves(port);
	else if (more) /* epoll has reported this edge: ask for another */
		loop_watch_change(port->watch, CHANNEL_PORT_EVENTS);
}

static void port_event(uint32_t events, void *data)
{
	struct channel_port *port = data;

	if (events & (EPOLLHUP | EPOLLERR)) {
		host_leaves(port);
		return;
	}
	if (!port->peer || port->peer->leaving)
		host_came(port);
	serve_host(port);
}

/* Its own requests wait until it is clear whose the next ones are. */
static void port_serve(uint32_t events, void *data)
{
	struct channel_port *port = data;

	(void)events;
	if (port->peer && !port->peer->leaving)
		serve_host(port);
}

static void stop_waiting(struct channel_port *port)
{
	loop_watch_remove(port->inotify_watch);
	port->inotify_watch = NULL;
	if (port->inotify >= 0)
		close(port->inotify);
	port->inotify = -1;
}

static void watch_directory(const struct channel_port *port, const char *directory)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s%s", port->root, directory);
	/* A directory that is not there will be seen being made in the one above it. */
	inotify_add_watch(port->inotify, path, IN_CREATE | IN_MOVED_TO | IN_ATTRIB);
}

static void device_made(uint32_t events, void *data)
{
	struct channel_port *port = data;
	char bytes[4096];

	(void)events;
	while (read(port->inotify, bytes, sizeof(bytes)) > 0)
		;
	watch_directory(port, "/dev/virtio-ports");
	port->tries = NAME_TRIES;
	port_open(port);
}

static void wait_for_device(struct channel_port *port)
{
	if (port->inotify < 0) {
		port->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
		if (port->inotify < 0)
			return;
		port->inotify_watch = loop_watch_add(port->channel->loop, port->inotify,
						     EPOLLIN, device_made, port);
		if (!port->inotify_watch) { /* memory is short */
			stop_waiting(port);
			loop_timer_arm(port->timer, BUSY_MSEC);
			return;
		}
		watch_directory(port, "/dev");
		watch_directory(port, "/dev/virtio-ports");
	}
	if (port->tries) {
		port->tries--;
		loop_timer_arm(port->timer, NAME_MSEC);
	}
}

static void log_missing(struct channel_port *port, int error)
{
	if (error == port->last_error)
		return;
	port->last_error = error;
	if (error == EBUSY)
		log_warning("channel %s: open in another program (qemu-ga?), retrying",
			    port->name);
	else if (error == ENOENT)
		log_info("channel %s: no such port, waiting for it", port->name);
	else
		log_warning("channel %s: cannot open: %s", port->name, strerror(error));
}

static void port_open(struct channel_port *port)
{
	int fd = open_device(port);

	port->error = fd < 0 ? -fd : 0;
	port->going = fd == -ENXIO && !port->going;
	if (port->going) {
		loop_timer_arm(port->timer, GOING_MSEC);
		return;
	}
	if (fd < 0) {
		log_missing(port, -fd);
		if (fd == -EBUSY)
			loop_timer_arm(port->timer, BUSY_MSEC);
		else
			wait_for_device(port);
		return;
	}
	stop_waiting(port);
	port->last_error = 0;
	port->fd = fd;
	port->watch = loop_watch_add(port->channel->loop, fd, CHANNEL_PORT_EVENTS,
				     port_event, port);
	if (!port->watch) {
		port->error = errno;
		log_error("channel %s: cannot watch it: %s", port->name,
			  strerror(port->error));
		port_close(port);
		loop_timer_arm(port->timer, BUSY_MSEC);
		return;
	}
	log_info("channel %s: open", port->name);
}

static void port_reopen(struct channel_port *port)
{
	port->reopens = REOPEN_TRIES;
	loop_timer_arm(port->timer, REOPEN_MSEC);
}

/* Whether the port is new, or will be at a later turn of the timer. */
static bool reopen(struct channel_port *port)
{
	if (!port->reopens)
		return false;
	port->reopens--;
	if (port->reopens && port->peer && channel_queued(port->peer)) {
		loop_timer_arm(port->timer, REOPEN_MSEC);
		return true;
	}
	log_info("channel %s: closing it, to be opened again", port->name);
	port_close(port);
	port_open(port);
	return true;
}

static void port_timer(void *data)
{
	struct channel_port *port = data;

	if (reopen(port))
		return;
	port->waited = port->waiting;
	port->waiting = false;
	if (port->fd < 0)
		port_open(port);
	else if (!port->peer || port->waited) /* makes epoll report the present state */
		loop_watch_change(port->watch, CHANNEL_PORT_EVENTS);
}

int channel_port_error(const struct channel *channel, const char **name)
{
	*name = channel->port ? channel->port->name : NULL;
	return channel->port ? channel->port->error : 0;
}

static void port_free(struct channel_port *port)
{
	port_close(port);
	stop_waiting(port);
	loop_timer_remove(port->timer);
	free(port);
}

int channel_open_port(struct channel *channel, const char *root, const char *name)
{
	struct channel_port *port;

	if (strlen(root) >= sizeof(port->root) || strlen(name) >= sizeof(port->name))
		return -ENAMETOOLONG;
	if (strchr(name, '/'))
		return -EINVAL;
	port = calloc(1, sizeof(*port));
	if (!port)
		return -ENOMEM;
	port->channel = channel;
	port->fd = -1;
	port->inotify = -1;
	if (strcmp(root, "/") != 0)
		memcpy(port->root, root, strlen(root) + 1);
	memcpy(port->name, name, strlen(name) + 1);
	port->timer = loop_timer_add(channel->loop, port_timer, port);
	if (!port->timer) {
		free(port);
		return -ENOMEM;
	}
	channel->port = port;
	channel->free_port = port_free;
	channel->reopen_port = port_reopen;
	port_open(port);
	return 0;
}
