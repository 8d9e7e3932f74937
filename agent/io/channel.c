/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/channel-private.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define READ_SIZE 16384
#define READS_MAX 16 /* in one go, so that a flooding peer delays nobody for long */
#define KEEP_SIZE (64UL * 1024) /* a larger buffer is made smaller once it is empty */
#define LATER_MSEC 100

static void drain_all(void *data)
{
	const struct channel *channel = data;
	struct channel_peer *peer;

	for (peer = channel->peers; peer; peer = peer->next)
		channel->handler.drained(peer, peer->user);
}

void channel_drain_later(struct channel_peer *peer)
{
	loop_timer_arm(peer->channel->later, LATER_MSEC);
}

struct channel *channel_new(struct loop *loop, const struct channel_handler *handler,
			    void *data)
{
	struct channel *channel = calloc(1, sizeof(*channel));

	if (!channel)
		return NULL;
	channel->loop = loop;
	channel->handler = *handler;
	channel->data = data;
	channel->later = loop_timer_add(loop, drain_all, channel);
	if (channel->later)
		return channel;
	free(channel);
	return NULL;
}

void channel_free(struct channel *channel)
{
	if (!channel)
		return;
	if (channel->port)
		channel->free_port(channel->port);
	if (channel->listener)
		channel->free_listener(channel->listener);
	while (channel->peers)
		/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): its channel is this one */
		channel_peer_close(channel->peers);
	loop_timer_remove(channel->later);
	free(channel);
}

static void free_peer(struct channel_peer *peer)
{
	text_free(&peer->in);
	text_free(&peer->out);
	free(peer);
}

/* What it cannot do without when memory is short is there from the start. */
struct channel_peer *channel_peer_new(struct channel *channel, int fd,
				      struct loop_watch *port_watch)
{
	bool is_port = port_watch != NULL;
	struct channel_peer *peer = calloc(1, sizeof(*peer));

	if (!peer)
		return NULL;
	peer->channel = channel;
	peer->fd = fd;
	peer->is_port = is_port;
	peer->watch = port_watch;
	if (text_reserve(&peer->in, READ_SIZE) == 0 && channel_has_spare(peer))
		peer->user = channel->handler.opened(peer, is_port, channel->data);
	if (!peer->user) {
		free_peer(peer);
		return NULL;
	}
	peer->next = channel->peers;
	channel->peers = peer;
	if (!is_port)
		channel->client_count++;
	return peer;
}

void channel_peer_close(struct channel_peer *peer)
{
	struct channel_peer **link = &peer->channel->peers;

	while (*link != peer)
		link = &(*link)->next;
	*link = peer->next;
	peer->channel->handler.closed(peer, peer->user);
	if (!peer->is_port) {
		peer->channel->client_count--;
		loop_watch_remove(peer->watch);
		close(peer->fd);
	}
	free_peer(peer);
}

size_t channel_queued(const struct channel_peer *peer)
{
	return peer->out.len - peer->sent;
}

static ssize_t send_some(const struct channel_peer *peer, const char *bytes, size_t len)
{
	/* A port takes at most 32 KiB at a time and may take less. */
	return peer->is_port ? write(peer->fd, bytes, len)
			     : send(peer->fd, bytes, len, MSG_NOSIGNAL);
}

/* Until all is sent or the descriptor is full; how many bytes were sent. */
static size_t send_all(struct channel_peer *peer, const char *bytes, size_t len)
{
	size_t sent = 0;
	ssize_t some = 0;

	while (sent < len) {
		some = send_some(peer, bytes + sent, len - sent);
		if (some <= 0)
			break;
		sent += (size_t)some;
	}
	if (some < 0 && errno != EAGAIN && errno != EINTR)
		peer->dead = true;
	return sent;
}

static void forget_sent(struct channel_peer *peer)
{
	if (channel_queued(peer)) {
		text_consume(&peer->out, peer->sent);
	} else if (peer->out.capacity > KEEP_SIZE) {
		text_shrink(&peer->out, KEEP_SIZE);
	} else {
		text_clear(&peer->out);
	}
	peer->sent = 0;
}

static void flush(struct channel_peer *peer)
{
	if (!peer->dead && channel_queued(peer))
		peer->sent +=
			send_all(peer, peer->out.data + peer->sent, channel_queued(peer));
	/* Moving the rest to the front for every partial write would cost n². */
	if (peer->sent >= peer->out.len / 2)
		forget_sent(peer);
}

static void update_watch(struct channel_peer *peer)
{
	uint32_t events = 0;

	if (peer->is_port || !peer->watch)
		return;
	if (channel_queued(peer) < CHANNEL_QUEUE_LOW && !peer->in.len && !peer->at_end)
		events |= EPOLLIN;
	if (channel_queued(peer))
		events |= EPOLLOUT;
	loop_watch_change(peer->watch, events);
}

/*
 * A poll takes from the driver's queue what has come, and the interrupt for it, if that is later,
 * finds nothing and wakes nobody (Linux drivers/char/virtio_console.c, vring_interrupt; seen on
 * 6.1). So what a poll has found is asked for once more.
 */
static bool host_is_away(const struct channel_peer *peer)
{
	struct pollfd port = { peer->fd, POLLIN | POLLOUT, 0 };

	if (!peer->is_port || poll(&port, 1, 0) <= 0)
		return false;
	if (port.revents & POLLHUP)
		return true;
	if ((port.revents & POLLIN) || channel_queued(peer))
		loop_watch_change(peer->watch, CHANNEL_PORT_EVENTS);
	return false;
}

static bool has_room(struct channel_peer *peer, size_t bytes)
{
	if (text_reserve(&peer->out, bytes) == 0)
		return true;
	peer->out.failed = false;
	return false;
}

bool channel_has_spare(struct channel_peer *peer)
{
	return has_room(peer, CHANNEL_SPARE);
}

/* `spare` bytes of memory are left beyond it. */
static int queue(struct channel_peer *peer, const char *bytes, size_t len, size_t spare)
{
	bool was_queued = channel_queued(peer) > 0;
	size_t sent = 0;

	if (peer->dead)
		return -EPIPE;
	if (!has_room(peer, len + spare))
		return -ENOMEM;
	/* Out of the caller's memory where nothing is queued: a list of blocks may have 2 MiB. */
	if (!was_queued)
		sent = send_all(peer, bytes, len);
	text_append(&peer->out, bytes + sent, len - sent);
	if (was_queued)
		flush(peer);
	else if (sent == len)
		forget_sent(peer);
	if (!peer->dead) {
		update_watch(peer);
		return 0;
	}
	/* The end of a socket is seen by its watch; a port's is seen as the host's leaving. */
	if (!peer->is_port)
		shutdown(peer->fd, SHUT_RDWR);
	return -EPIPE;
}

static int send_answer(struct channel_peer *peer, const char *bytes, size_t len,
		       size_t spare)
{
	int r = queue(peer, bytes, len, spare);
	size_t queued = channel_queued(peer);

	if (r == 0 && queued && (peer->unheard || host_is_away(peer)))
		peer->unheard += len;
	if (peer->unheard > queued)
		peer->unheard = queued;
	return r;
}

int channel_send(struct channel_peer *peer, const char *bytes, size_t len)
{
	return send_answer(peer, bytes, len, CHANNEL_SPARE);
}

int channel_send_spare(struct channel_peer *peer, const char *bytes, size_t len)
{
	return send_answer(peer, bytes, len, 0);
}

int channel_push(struct channel_peer *peer, const char *bytes, size_t len)
{
	int r = queue(peer, bytes, len, CHANNEL_SPARE);

	/* None of it was sent. */
	if (r == 0 && channel_queued(peer) >= len && host_is_away(peer)) {
		peer->out.len -= len;
		return -EPIPE;
	}
	return r;
}

void channel_reopen_port(struct channel_peer *peer)
{
	if (peer->is_port)
		peer->channel->reopen_port(peer->channel->port);
}

bool channel_listens(struct channel_peer *peer)
{
	/* Its watch will say so; by then another host may have come, to whom it is another peer. */
	if (!peer->leaving)
		peer->leaving = host_is_away(peer);
	return !peer->leaving;
}

void channel_peer_follow(struct channel_peer *peer)
{
	size_t queued = channel_queued(peer);

	if (peer->unheard < queued)
		peer->sent += queued - peer->unheard;
	forget_sent(peer);
	peer->unheard = 0;
	peer->leaving = false;
	peer->channel->handler.followed(peer, peer->user);
}

/* What was read goes to the handler, as far as it takes it. */
static void offer(struct channel_peer *peer)
{
	size_t taken;

	if (!peer->in.len)
		return;
	taken = peer->channel->handler.received(peer, peer->in.data, peer->in.len,
						peer->user);
	text_consume(&peer->in, taken);
}

/* false where the other end has left */
static bool read_some(struct channel_peer *peer, bool *more)
{
	ssize_t len;

	*more = false;
	if (text_reserve(&peer->in, READ_SIZE) < 0) { /* never: it is empty */
		peer->dead = true;
		return false;
	}
	len = read(peer->fd, peer->in.data + peer->in.len, READ_SIZE);
	if (len <= 0)
		return len < 0 && (errno == EAGAIN || errno == EINTR);
	peer->in.len += (size_t)len;
	*more = true;
	return true;
}

static bool full(const struct channel_peer *peer)
{
	return channel_queued(peer) >= CHANNEL_QUEUE_LOW;
}

/* A client that says no more may still be waiting for its answers. A host is there or is not. */
static bool still_owed(struct channel_peer *peer)
{
	const struct channel_handler *handler = &peer->channel->handler;

	if (peer->is_port)
		return false;
	return channel_queued(peer) || peer->in.len ||
	       (handler->owes && handler->owes(peer, peer->user));
}

bool channel_peer_service(struct channel_peer *peer, bool *bytes_left)
{
	bool here = true, more = true, was_full = full(peer);
	int reads = 0;

	flush(peer);
	if (was_full && !full(peer) && !peer->dead)
		peer->channel->handler.drained(peer, peer->user);
	offer(peer);
	while (here && more && !peer->at_end && !peer->dead && !full(peer) &&
	       !peer->in.len && reads++ < READS_MAX) {
		here = read_some(peer, &more);
		offer(peer);
	}
	/* A port may have another host the next time. */
	if (!here && !peer->is_port)
		peer->at_end = true;
	here = here && !peer->at_end;
	*bytes_left = here && more && !full(peer) && !peer->in.len;
	if (peer->in.capacity > KEEP_SIZE && !peer->in.len)
		text_shrink(&peer->in, KEEP_SIZE);
	update_watch(peer);
	return (here || still_owed(peer)) && !peer->dead;
}

void channel_resume(struct channel_peer *peer)
{
	if (peer->serve)
		peer->serve(EPOLLIN | EPOLLOUT, peer->serve_data);
}
