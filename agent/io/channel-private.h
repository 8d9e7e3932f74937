/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CHANNEL_PRIVATE_H
#define MEMONLINE_CHANNEL_PRIVATE_H

/* What a channel is made of; for the files named channel*.c only. */

#include <sys/epoll.h>

#include "io/channel.h"

/* Changed to these, a port's watch reports at once what there is. */
#define CHANNEL_PORT_EVENTS (EPOLLIN | EPOLLOUT | EPOLLET)

struct channel_peer {
	struct channel *channel;
	struct channel_peer *next;
	int fd;
	bool is_port; /* its fd and watch are the port's */
	bool dead; /* the next caller closes it */
	bool at_end; /* nothing more will be read */
	bool leaving; /* the port's host has left, another may be there already */
	struct loop_watch *watch;
	/* What the watch calls, and channel_resume. */
	loop_watch_fn serve;
	void *serve_data;
	void *user;
	struct text in; /* read, not yet taken by the handler */
	struct text out;
	size_t sent; /* of out */
	size_t unheard; /* bytes at its end that were made when the port's host was away */
};

struct channel_port;
struct channel_listener;

struct channel {
	struct loop *loop;
	struct channel_handler handler;
	void *data;
	struct channel_peer *peers;
	struct loop_timer *later; /* until all peers are drained once more */
	unsigned client_count; /* peers of the control socket */
	/* NULL: none. Who makes one says how it is freed, and the port how it is opened anew. */
	struct channel_port *port;
	void (*free_port)(struct channel_port *port);
	void (*reopen_port)(struct channel_port *port);
	struct channel_listener *listener;
	void (*free_listener)(struct channel_listener *listener);
};

/*
 * NULL: the handler did not want it, or memory is short. A client's fd becomes the peer's; a port's
 * stays the port's, as does its watch, which is NULL for a client.
 */
struct channel_peer *channel_peer_new(struct channel *channel, int fd,
				      struct loop_watch *port_watch);
void channel_peer_close(struct channel_peer *peer);
/*
 * Sends and reads what can be. `bytes_left` says that a bound stopped it, not the descriptor.
 * Returns false where the other end has left.
 */
bool channel_peer_service(struct channel_peer *peer, bool *bytes_left);

/* The next host is there: it gets of what is queued what was made for it. */
void channel_peer_follow(struct channel_peer *peer);

#endif
