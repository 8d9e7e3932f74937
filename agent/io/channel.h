/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CHANNEL_H
#define MEMONLINE_CHANNEL_H

/*
 * Bytes to and from hosts and local clients: the virtio-serial port and the control
 * socket. It knows connections, queues and their bounds, and nothing of JSON.
 *
 * The virtio port, from Linux drivers/char/virtio_console.c: with no host, read gives 0
 * and poll says POLLIN|POLLHUP for ever, so it is watched edge-triggered, which wakes
 * once when the host connects and once when it leaves (measured on 2.6.32, 3.10 and 6.1).
 * A second opener gets EBUSY.
 */

#include "core/contract.h"
#include "core/text.h"
#include "io/loop.h"

#define CHANNEL_CLIENTS_MAX 16 /* on the control socket; one more is closed at once */
#define CHANNEL_QUEUE_LOW (64UL * 1024) /* bytes unsent, with which no request is read */
#define CHANNEL_SPARE 512 /* bytes of memory kept for an answer that says there is none */

struct channel;
struct channel_peer; /* one connection */

struct channel_handler {
	/* A connection began; the return value is its user data, NULL closes it again. */
	void *(*opened)(struct channel_peer *peer, bool is_port, void *data);
	/*
	 * Bytes came in. Returns how many it took; what it leaves is offered again once less than
	 * CHANNEL_QUEUE_LOW is unsent, or at channel_resume, and until then nothing more is read
	 * from this peer.
	 */
	size_t (*received)(struct channel_peer *peer, const char *bytes, size_t len,
			   void *user);
	/* Less than CHANNEL_QUEUE_LOW is unsent after there was more; or channel_drain_later. */
	void (*drained)(struct channel_peer *peer, void *user);
	/*
	 * Another host is at the port, at once behind the last one: what was read and not taken
	 * may be its own, and so may answers that are still to come.
	 */
	void (*followed)(struct channel_peer *peer, void *user);
	/* The connection is over; frees `user`. */
	void (*closed)(struct channel_peer *peer, void *user);
	/* Whether an answer is still to come, so that a peer which says no more is kept. May be NULL. */
	bool (*owes)(struct channel_peer *peer, void *user);
};

struct channel *channel_new(struct loop *loop, const struct channel_handler *handler,
			    void *data) _must_check_ _nonnull_(1);
/* Closes everything, removes the socket. Accepts NULL. */
void channel_free(struct channel *channel);

/*
 * The port by the name the host gave it: <root>/dev/virtio-ports/NAME, or where udev made no link,
 * the /dev node whose /sys/class/virtio-ports/X/name says NAME. Not there yet,
 * taken (EBUSY) or unplugged (ENODEV) is not an error: it is opened when it can be. 0 or negative
 * errno.
 */
int channel_open_port(struct channel *channel, const char *root,
		      const char *name) _must_check_ _nonnull_(1);
/*
 * The errno for which the port cannot be opened now (ENOENT: it is not there, EBUSY: another
 * program has it), 0 while it is open. *name is that of channel_open_port, NULL before it.
 */
int channel_port_error(const struct channel *channel, const char **name) _must_check_
	_nonnull_(1);
/* Listens at <root><path>; its mode is set before bind, its directory made (0755). A socket that
 * nobody answers on is replaced; a live one is -EADDRINUSE. 0 or negative errno. */
int channel_listen(struct channel *channel, const char *root, const char *path,
		   unsigned mode) _must_check_ _nonnull_(1);
/*
 * After channel_listen, also if that failed: listens again if the socket's name does not
 * lead to this process, else does nothing. Clients that are there stay. 0 or negative
 * errno, as above.
 */
int channel_listen_again(struct channel *channel) _must_check_ _nonnull_(1);

/*
 * Sends what it can, queues the rest; never blocks. The caller keeps the queue bounded: it begins
 * no new message while channel_queued is at CHANNEL_QUEUE_LOW or more. 0, -ENOMEM (nothing was
 * taken) or -EPIPE where the connection is gone; `closed` is called later, never from in here.
 */
int channel_send(struct channel_peer *peer, const char *bytes, size_t len) _nonnull_(1);
/*
 * The same for CHANNEL_SPARE bytes at most, in memory that is kept for them while channel_has_spare
 * and only short of -ENOMEM of channel_send.
 */
int channel_send_spare(struct channel_peer *peer, const char *bytes,
		       size_t len) _must_check_ _nonnull_(1);
bool channel_has_spare(struct channel_peer *peer) _nonnull_(1);
/* Has `drained` called in a moment: memory was short. */
void channel_drain_later(struct channel_peer *peer) _nonnull_(1);
/*
 * The same for what the next host of a port is sent all anew: none of it is kept for that one.
 * -EPIPE, too, where the port's host has left in between.
 */
int channel_push(struct channel_peer *peer, const char *bytes, size_t len) _must_check_
	_nonnull_(1);
/*
 * The handler took less than it was offered and can go on now. Not from within `received`; the
 * peer may be gone afterwards.
 */
void channel_resume(struct channel_peer *peer) _nonnull_(1);
/*
 * Closes a port soon, when what is queued is sent, and opens it again: to the host another agent,
 * as QEMU tells whoever manages the guest. Does nothing for a client.
 */
void channel_reopen_port(struct channel_peer *peer) _nonnull_(1);
/* false: a port's host has left. Answers may be the next one's; it is pushed all else anew. */
bool channel_listens(struct channel_peer *peer) _nonnull_(1);
/* Unsent bytes. */
size_t channel_queued(const struct channel_peer *peer) _nonnull_(1);

#endif
