/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CTL_SESSION_H
#define MEMONLINE_CTL_SESSION_H

/*
 * One conversation with an agent: connect, guest-sync-delimited, then requests. Whatever
 * lay in the stream before the answer to the sync is dropped: half lines, garbage, stale
 * answers, events.
 */

#include "core/protocol-client.h"
#include "core/text.h"

struct client;

/*
 * Called for each event that comes between a request and its answer. 0 or negative errno.
 */
typedef int (*ctl_session_event_fn)(struct protocol_answer *event, void *data);

struct ctl_session {
	const char *path;
	unsigned timeout_sec; /* for connecting and syncing, then for each answer */
	struct client *client;
	bool synced;
	struct protocol_answer *answer; /* the last one; owned */
	ctl_session_event_fn on_event; /* NULL: events are passed over */
	void *data;
};

/*
 * All return 0 or negative errno, to be told by ctl_session_explain: what connect(2)
 * says, -EBUSY, -ETIMEDOUT, -EPIPE (closed by the other end), -EMSGSIZE, -EBADMSG (no
 * answer of this protocol), -EREMOTEIO (the agent answered with an error).
 */
int ctl_session_open(struct ctl_session *session);
void ctl_session_close(struct ctl_session *session);
/* Sends `request` and frees it; session->answer is what was returned. */
int ctl_session_ask(struct ctl_session *session, struct text *request);
/* Waits for the next event without limit; session->answer is that event. */
int ctl_session_next_event(struct ctl_session *session);

/* One sentence about the error, without newline; what the peer said is escaped in it. */
void ctl_session_explain(const struct ctl_session *session, int error, struct text *out);

#endif
