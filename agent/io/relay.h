/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_IO_RELAY_H
#define MEMONLINE_IO_RELAY_H

/*
 * A connection to the unix socket of a program in the same guest: bytes both ways, within bounds,
 * and nothing of what they say.
 *
 * Of qemu-ga 7.2.22 (-m unix-listen) this was measured: it serves one connection at a time, a
 * second one waits in the backlog, where it can be written to. A client that closes with bytes
 * unread, or in the middle of a reply, ends it; one that is gone before a reply is written does not.
 */

#include "core/contract.h"
#include "io/loop.h"

#include <stddef.h>

#define RELAY_LINK_LOW (64UL * 1024) /* bytes unsent, with which no more should be sent */

struct relay_link;

struct relay_link_handler {
	/* Whether bytes can be taken; where not, relay_link_resume says when. */
	bool (*has_room)(void *data);
	/* All of them are taken. The link may not be freed from in here. */
	void (*received)(const char *bytes, size_t len, void *data);
	/*
	 * Called last in a round, after any number of the above: less than RELAY_LINK_LOW is unsent
	 * after there was more (`drained`), or the other end has left and all that it sent was
	 * received (`closed`); or neither. The link may be freed.
	 */
	void (*served)(bool drained, bool closed, void *data);
};

/*
 * Connects to <root><path>; never blocks. NULL with errno: ENOENT or ECONNREFUSED (nobody listens),
 * EAGAIN (its backlog is full), ENAMETOOLONG or another.
 */
struct relay_link *relay_link_open(struct loop *loop, const char *root, const char *path,
				   const struct relay_link_handler *handler,
				   void *data) _must_check_ _nonnull_(1);
/*
 * Says that nothing more will be sent, reads what the other end still sends, at most for so long,
 * and closes. 0: closes at once. Accepts NULL.
 */
void relay_link_free(struct relay_link *link, unsigned drain_msec);

/* Sends what it can and queues the rest. 0 or -ENOMEM: none of it was taken. */
int relay_link_send(struct relay_link *link, const char *bytes, size_t len) _must_check_
	_nonnull_(1);
size_t relay_link_queued(const struct relay_link *link) _nonnull_(1); /* bytes unsent */
/* There is room again. Calls nothing from in here. */
void relay_link_resume(struct relay_link *link) _nonnull_(1);

#endif
