/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/client.h"
#include "print.h"

#define RESEND_MSEC 1000
#define PROGRESS_MSEC 1000
#define PRINTED_MAX 65536

static uint64_t deadline(const struct ctl_session *session)
{
	return client_now_msec() + (session->timeout_sec + session->extra_sec) * 1000;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* What stands in a large answer goes out as it comes. */
static int flush_printed(struct ctl_session *session, size_t above)
{
	struct text *printed = &session->printed;

	if (printed->failed)
		return -ENOMEM;
	if (printed->len <= above)
		return 0;
	fputs(printed->data, stdout);
	text_clear(printed);
	return 0;
}

/* What came so far; -EAGAIN: more has to come. */
static int take_bytes(struct ctl_session *session)
{
	int r = protocol_reader_feed(session->reader, &session->bytes, &session->len,
				     &session->answer);
	int flushed = flush_printed(session, PRINTED_MAX);

	return r == 0 || r == -EAGAIN ? (flushed < 0 ? flushed : r) : r;
}

/* The next answer that was sent, as session->answer. */
static int receive(struct ctl_session *session, uint64_t until_msec)
{
	int r = take_bytes(session);

	while (r == -EAGAIN) {
		r = client_read(session->client, until_msec, &session->bytes,
				&session->len);
		if (r == 0)
			r = take_bytes(session);
	}
	return r;
}

static int send_request(struct ctl_session *session, struct text *request,
			uint64_t until_msec)
{
	int r = -ENOMEM;

	if (!request->failed)
		r = client_send(session->client, request->data, request->len, until_msec);
	text_free(request);
	return r;
}

/* Not a secret, only unlike the number of any earlier client of this channel. */
static int64_t sync_id(void)
{
	struct timespec now;
	uint64_t id;

	clock_gettime(CLOCK_REALTIME, &now);
	id = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	id ^= (uint64_t)getpid() << 40;
	return (int64_t)(id & INT64_MAX);
}

static int send_sync(struct ctl_session *session, int64_t id, uint64_t until_msec)
{
	struct text request = TEXT_INIT;

	protocol_ask_sync(&request, id);
	return send_request(session, &request, until_msec);
}

/* Whether it answers one of the syncs from `first` to `last`; which, in *id. */
static bool is_sync(const struct protocol_answer *answer, int64_t first, int64_t last,
		    int64_t *id)
{
	for (*id = first; *id <= last; ++*id)
		if (protocol_answer_is_sync(answer, *id))
			return true;
	return false;
}

/*
 * Reads until `until_msec` or the answer to the sync of `last`. Once an earlier one of
 * them is answered the stream is good, but the answers that are still to come must not be
 * taken for those of the first request.
 */
static int await_sync(struct ctl_session *session, int64_t first, int64_t last,
		      uint64_t until_msec)
{
	int64_t id;
	int r;

	do {
		r = receive(session, until_msec);
		if (r == 0 && is_sync(&session->answer, first, last, &id)) {
			session->synced = true;
			if (id == last)
				return 0;
		}
	} while (r == 0 || r == -EBADMSG || r == -EMSGSIZE);
	return r == -ETIMEDOUT && session->synced ? 0 : r;
}

/*
 * A host that connects while another is just leaving may lose its first request: QEMU
 * drops what comes in before the guest knows of the new one.
 */
static int sync_stream(struct ctl_session *session, uint64_t until_msec)
{
	int64_t first = sync_id(), last = first;

	for (;; last++) {
		uint64_t resend_msec = client_now_msec() + RESEND_MSEC;
		int r = send_sync(session, last, until_msec);
		if (r == 0)
			r = await_sync(session, first, last,
				       earlier(resend_msec, until_msec));
		if (r != -ETIMEDOUT || client_now_msec() >= until_msec)
			return r;
	}
}

static int make_reader(struct ctl_session *session)
{
	session->reader = protocol_reader_new();
	return session->reader ? 0 : -ENOMEM;
}

static int connect_and_sync(struct ctl_session *session)
{
	uint64_t until_msec = deadline(session);
	int r = client_connect(session->path, until_msec, &session->client);

	return r < 0 ? r : sync_stream(session, until_msec);
}

int ctl_session_open(struct ctl_session *session)
{
	int r = make_reader(session);

	if (r < 0)
		return r;
	r = connect_and_sync(session);
	protocol_reader_bound(session->reader, PROTOCOL_BOUNDS_ANSWER);
	return r;
}

int ctl_session_open_monitor(struct ctl_session *session)
{
	uint64_t until_msec = deadline(session);
	int r = make_reader(session);

	if (r == 0)
		r = client_connect(session->path, until_msec, &session->client);
	if (r < 0)
		return r;
	protocol_reader_bound(session->reader, PROTOCOL_BOUNDS_DEVICES);
	r = receive(session, until_msec);
	session->synced = r == 0 && session->answer.kind == PROTOCOL_ANSWER_GREETING;
	return r == 0 && !session->synced ? -EBADMSG : r;
}

void ctl_session_close(struct ctl_session *session)
{
	client_close(session->client);
	session->client = NULL;
	protocol_reader_free(session->reader);
	session->reader = NULL;
	text_free(&session->printed);
}

/* Progress: memonline-status in between */

static int ask_progress(struct ctl_session *session)
{
	struct text request = TEXT_INIT;

	if (session->progress_asked)
		return 0;
	session->progress_asked = true;
	protocol_ask_progress(&request);
	return send_request(session, &request, client_now_msec() + PROGRESS_MSEC);
}

/* If the agent does not know the command, there is just no progress. */
static void take_progress(struct ctl_session *session)
{
	struct message_pending status;

	session->progress_asked = session->answer.kind == PROTOCOL_ANSWER_ERROR;
	if (session->answer.kind == PROTOCOL_ANSWER_RETURN &&
	    protocol_answer_read(&session->answer, &message_pending, &status) == 0 &&
	    session->on_progress)
		session->on_progress(status.pending);
}

static int receive_with_progress(struct ctl_session *session, uint64_t until_msec)
{
	uint64_t tick_msec = client_now_msec() + PROGRESS_MSEC;

	for (;;) {
		int r = receive(session, session->on_progress
						 ? earlier(tick_msec, until_msec)
						 : until_msec);

		if (r == 0 && protocol_answer_is_progress(&session->answer)) {
			take_progress(session);
			continue;
		}
		if (r != -ETIMEDOUT || client_now_msec() >= until_msec)
			return r;
		tick_msec = client_now_msec() + PROGRESS_MSEC;
		r = ask_progress(session);
		if (r < 0)
			return r;
	}
}

static int ask_client(struct ctl_session *session, struct text *request)
{
	uint64_t until_msec = deadline(session);
	int r = send_request(session, request, until_msec);

	while (r == 0) {
		r = receive_with_progress(session, until_msec);
		if (r < 0)
			return r;
		switch (session->answer.kind) {
		case PROTOCOL_ANSWER_RETURN:
			return 0;
		case PROTOCOL_ANSWER_ERROR:
			return -EREMOTEIO;
		case PROTOCOL_ANSWER_GREETING:
			return -EBADMSG;
		case PROTOCOL_ANSWER_EVENT:
			if (session->on_event)
				r = session->on_event(&session->answer, session->data);
		}
	}
	return r;
}

int ctl_session_ask(struct ctl_session *session, struct text *request)
{
	int r;

	text_clear(&session->printed);
	protocol_reader_watch(session->reader, session->on_element,
			      session->element_data);
	protocol_reader_print(session->reader,
			      session->prints ? &session->printed : NULL);
	r = ask_client(session, request);
	protocol_reader_watch(session->reader, NULL, NULL);
	protocol_reader_print(session->reader, NULL);
	session->on_element = NULL;
	session->prints = false;
	return r;
}

int ctl_session_print(struct ctl_session *session)
{
	int r = flush_printed(session, 0);

	if (r == 0)
		putchar('\n');
	return r;
}

int ctl_session_next_event(struct ctl_session *session)
{
	int r;

	do {
		r = receive_with_progress(session, CLIENT_FOREVER);
	} while (r == 0 && session->answer.kind != PROTOCOL_ANSWER_EVENT);
	return r;
}

static void explain_timeout(const struct ctl_session *session, struct text *out)
{
	if (session->client && !session->synced && client_is_waiting(session->client))
		text_printf(out, "%s: %s in use by another client", session->path,
			    session->is_monitor ? "monitor" : "channel");
	else if (session->is_monitor)
		text_printf(out, "%s: no answer from QEMU within %u s", session->path,
			    session->timeout_sec);
	else
		text_printf(out,
			    "%s: no answer within %u s"
			    " (does memonlined run in the guest?)",
			    session->path,
			    session->timeout_sec + (unsigned)session->extra_sec);
}

static void explain_closed(const struct ctl_session *session, struct text *out)
{
	if (session->synced)
		text_printf(out, "%s: closed by the other end", session->path);
	else
		text_printf(out,
			    "%s: closed by the other end before an answer"
			    " (%s in use, or %s has ended)",
			    session->path, session->is_monitor ? "monitor" : "channel",
			    session->is_monitor ? "QEMU" : "memonlined");
}

static void explain_refusal(const struct ctl_session *session, struct text *out)
{
	text_puts(out, session->is_monitor ? "QEMU refused: " : "memonlined refused: ");
	print_escaped(out, protocol_answer_error_desc(&session->answer));
	if (!session->is_monitor &&
	    strcmp(protocol_answer_error_class(&session->answer), "CommandNotFound") == 0)
		text_printf(out, " (does memonlined answer on %s?)", session->path);
}

static void explain_nonsense(const struct ctl_session *session, struct text *out)
{
	const char *fault = session->answer.fault;

	if (fault)
		text_printf(out, "%s: invalid answer: '%s' is missing or wrong",
			    session->path, fault);
	else
		text_printf(out, "%s: invalid answer (expected %s)", session->path,
			    session->is_monitor ? "QMP" : "memonline-protocol(7)");
}

static void explain_full(const struct ctl_session *session, struct text *out)
{
	text_printf(out, "%s: channel in use by another client, and others wait",
		    session->path);
}

/* The text after "PATH: ", or the function that prints all of it. */
static const struct {
	int error;
	const char *text;
	void (*explain)(const struct ctl_session *session, struct text *out);
} reasons[] = {
	{ ENOENT, "no such socket (does memonlined run?)", NULL },
	{ ENOTDIR, "no such socket", NULL },
	{ EACCES, "permission denied (are you root?)", NULL },
	{ EPERM, "permission denied (are you root?)", NULL },
	{ ECONNREFUSED, "connection refused: no program listens there", NULL },
	{ EPROTOTYPE, "wrong type of socket (expected a stream socket)", NULL },
	{ ENAMETOOLONG, "path too long (expected at most 107 bytes)", NULL },
	{ E2BIG, "too many memory blocks in the answer", NULL },
	{ EBUSY, NULL, explain_full },
	{ ETIMEDOUT, NULL, explain_timeout },
	{ EPIPE, NULL, explain_closed },
	{ EREMOTEIO, NULL, explain_refusal },
	{ EBADMSG, NULL, explain_nonsense },
	{ EMSGSIZE, "answer too large (expected at most 64 MiB, 6 MiB per element)",
	  NULL },
};

void ctl_session_explain(const struct ctl_session *session, int error, struct text *out)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++) {
		if (reasons[i].error != -error)
			continue;
		if (reasons[i].explain)
			reasons[i].explain(session, out);
		else
			text_printf(out, "%s: %s", session->path, reasons[i].text);
		return;
	}
	text_printf(out, "%s: %s", session->path, strerror(-error));
}
