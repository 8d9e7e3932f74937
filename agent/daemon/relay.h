/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_RELAY_H
#define MEMONLINE_RELAY_H

/*
 * The qemu-ga behind memonlined: requests to it one at a time, each after a sync that shows it
 * alive, and the reply back as it comes. One that nobody waits for any more is read to its end and
 * dropped. Where qemu-ga is absent it is tried again for a while; where it is silent, the request
 * was not sent.
 */

#include "core/contract.h"
#include "io/loop.h"

#include <stddef.h>

/* All but `ready`, `reply` and `has_room` end the request. None is called from within relay_*. */
struct relay_client {
	void (*ready)(void *data); /* the request can be sent */
	void (*drained)(void *data); /* relay_takes again */
	bool (*has_room)(void *data); /* for a part of the reply */
	void (*reply)(const char *bytes, size_t len, void *data); /* a part of its line */
	/* The line has ended; or there is none, since qemu-ga says nothing of what succeeds. */
	void (*done)(void *data);
	/* `why` is a sentence for the host. `has_begun`: parts of the reply were given already. */
	void (*failed)(const char *why, bool has_begun, void *data);
};

struct relay;

/* In milliseconds. */
struct relay_patience {
	unsigned retry; /* between two tries to connect */
	unsigned connect; /* of trying, while qemu-ga is started again */
	unsigned sync; /* for the reply to the sync before a request */
	unsigned send; /* without any of the request being taken */
	unsigned reply; /* for the reply, or for more of it */
	unsigned hurry; /* for each of these once the host has asked for something else */
};

/*
 * `path` is one of the configuration's. `root` and `patience` stay the caller's; NULL: the usual
 * one. Connects when it is first asked. NULL with errno.
 */
struct relay *relay_new(struct loop *loop, const char *root, const char *path,
			const struct relay_patience *patience) _must_check_ _nonnull_(1);
void relay_free(struct relay *relay); /* accepts NULL */

/* A request for this command is to be passed on: `ready` or `failed` follows. */
void relay_begin(struct relay *relay, const char *command,
		 const struct relay_client *client, void *data) _nonnull_(1);
/* Between `ready` and relay_sent, while relay_takes; what cannot be sent ends in `failed`. */
bool relay_takes(const struct relay *relay) _nonnull_(1);
void relay_send(struct relay *relay, const char *bytes, size_t len) _nonnull_(1);
/* The request is whole, or `is_broken`: qemu-ga answers what it finds wrong with it. */
void relay_sent(struct relay *relay, bool is_broken) _nonnull_(1);
/* The client has room again. */
void relay_resume(struct relay *relay) _nonnull_(1);
/* Whoever asked has lost patience: `failed` follows soon where nothing comes from qemu-ga. */
void relay_hurry(struct relay *relay) _nonnull_(1);
/* Nobody waits any more for a request of `data`'s, if there is one; nothing is called. */
void relay_give_up(struct relay *relay, const void *data) _nonnull_(1);

#endif
