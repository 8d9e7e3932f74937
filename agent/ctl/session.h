/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CTL_SESSION_H
#define MEMONLINE_CTL_SESSION_H

/*
 * One conversation with memonlined: connect, guest-sync-delimited, then requests.
 * Everything in the stream before the answer to the sync is dropped: half lines, garbage,
 * stale answers, events.
 */

#include "core/contract.h"
#include "core/text.h"
#include "wire/protocol-client.h"

struct client;

/*
 * Called for each event that comes between a request and its answer, and for each element of a
 * list in that answer (protocol_element_fn). 0 or negative errno.
 */
typedef int (*ctl_session_event_fn)(struct protocol_answer *event, void *data);

struct ctl_session {
	const char *path; /* of the socket, or how errors name the channel */
	bool is_monitor; /* it is QEMU that answers: see ctl_session_open_monitor */
	unsigned timeout_sec; /* for connecting and syncing, then for each answer */
	uint64_t extra_sec; /* added to that for an answer which takes its time */
	struct client *client;
	struct protocol_reader *reader; /* owned */
	const char *bytes; /* received, and not yet read */
	size_t len;
	bool synced;
	struct protocol_answer answer; /* the last one, until the next is read */
	ctl_session_event_fn on_event; /* NULL: events are passed over */
	void *data;
	protocol_element_fn on_element; /* of the next answer; NULL: passed over */
	void *element_data;
	bool prints; /* the next answer is written to stdout as it comes, but for its end */
	struct text printed; /* that end */
	/*
	 * NULL, or called about once a second while something is waited for, with the
	 * number of blocks that are still to be written.
	 */
	void (*on_progress)(uint64_t pending);
	bool progress_asked; /* and not answered yet */
};

/*
 * All return 0 or negative errno, which ctl_session_explain explains: what connect(2)
 * says, -EBUSY, -ETIMEDOUT, -EPIPE (closed by the other end), -EMSGSIZE, -EBADMSG (not an
 * answer of this protocol), -EREMOTEIO (memonlined answered with an error).
 */
int ctl_session_open(struct ctl_session *session) _must_check_ _nonnull_(1);
/* The same, to a QMP monitor: waits for its greeting instead of a sync. */
int ctl_session_open_monitor(struct ctl_session *session) _nonnull_(1);
void ctl_session_close(struct ctl_session *session);
/*
 * Sends `request` and frees it; session->answer is what was returned. on_element and `prints`
 * are for this answer, and then forgotten.
 */
int ctl_session_ask(struct ctl_session *session, struct text *request) _nonnull_(1);
/* The end of what `prints` had written, and a newline. 0 or -ENOMEM. */
int ctl_session_print(struct ctl_session *session) _must_check_ _nonnull_(1);
/* Waits for the next event without limit; session->answer is that event. */
int ctl_session_next_event(struct ctl_session *session) _nonnull_(1);

/* One sentence about the error, without newline; what the peer said is escaped in it. */
void ctl_session_explain(const struct ctl_session *session, int error, struct text *out)
	_nonnull_(1);

#endif
