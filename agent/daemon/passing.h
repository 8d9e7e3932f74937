/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_PASSING_H
#define MEMONLINE_PASSING_H

/*
 * A session behind which a qemu-ga stands: which of the two a request is for, the bytes to either,
 * and the replies of qemu-ga back. The host sees one agent: a request is answered before the next
 * one is taken, whoever answers it.
 */

#include "agent.h"
#include "core/contract.h"
#include "io/channel.h"
#include "wire/protocol.h"

#include "relay.h"

struct passing;

/* The session, to which requests of memonlined's own go. */
struct passing_owner {
	struct agent *agent;
	struct channel_peer *peer;
	struct protocol_parser *parser;
	struct text *reply; /* for an answer in the making */
	/* Sends what is there; where memory is short, an error to `request` in its place. */
	void (*send)(const struct protocol_request *request, void *data);
	/* Bytes for the parser, one request at most; false: all taken, no whole one yet. */
	bool (*feed)(const char **bytes, size_t *len, void *data);
	bool (*takes_more)(void *data); /* requests */
	/* More requests can be taken. The session and its passing may be gone after this. */
	void (*go_on)(void *data);
	bool (*hears_events)(void *data);
	void *data;
};

/* NULL on lack of memory. The relay serves one at a time: the port's. */
struct passing *passing_new(struct relay *relay,
			    const struct passing_owner *owner) _must_check_ _nonnull_(1);
void passing_free(
	struct passing *passing); /* accepts NULL; nobody waits for qemu-ga any more */

/* As channel_handler has `received`. */
size_t passing_received(struct passing *passing, const char *bytes, size_t len)
	_nonnull_(1);
/* There is room for more to the host. */
void passing_drained(struct passing *passing) _nonnull_(1);
/*
 * Another host is there: half a request of the last one is nobody's, and one that is whole is
 * answered with an error, to whichever of the two it was of.
 */
void passing_followed(struct passing *passing) _nonnull_(1);
/* It waits for qemu-ga: the owner takes no request meanwhile. */
bool passing_waits(const struct passing *passing) _nonnull_(1);
/* The host has a part of a line: the owner sends nothing meanwhile. */
bool passing_in_line(const struct passing *passing) _nonnull_(1);
/* Answers guest-info for both, later; the request is passing's from here on. */
void passing_answer_info(struct passing *passing, const struct protocol_request *request)
	_nonnull_(1);

#endif
