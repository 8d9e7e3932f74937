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

static uint64_t deadline(const struct ctl_session *session)
{
	return client_now_msec() + (session->timeout_sec + session->extra_sec) * 1000;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static void set_answer(struct ctl_session *session, struct protocol_answer *answer)
{
	protocol_answer_free(session->answer);
	session->answer = answer;
}

static const struct protocol_bounds *bounds_of(const struct ctl_session *session)
{
	if (session->is_monitor)
		return &protocol_device_bounds;
	return session->synced ? &protocol_answer_bounds : &protocol_sync_bounds;
}

/* The next line that was sent, as session->answer. */
static int receive(struct ctl_session *session, uint64_t until_msec)
{
	const struct protocol_bounds *bounds = bounds_of(session);
	struct protocol_answer *answer;
	const char *line;
	size_t len;
	int r;

	set_answer(session, NULL);
	r = client_read_line(session->client, bounds->bytes, until_msec, &line, &len);
	if (r == 0 && !protocol_line_fits(line, len, bounds))
		r = -EBADMSG;
	if (r == 0)
		r = protocol_answer_parse(line, len, &answer);
	if (r == 0)
		set_answer(session, answer);
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
		if (r == 0 && is_sync(session->answer, first, last, &id)) {
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

int ctl_session_open(struct ctl_session *session)
{
	uint64_t until_msec = deadline(session);
	int r;

	if (session->by_virsh)
		return 0;
	r = client_connect(session->path, until_msec, &session->client);
	return r < 0 ? r : sync_stream(session, until_msec);
}

int ctl_session_open_monitor(struct ctl_session *session)
{
	uint64_t until_msec = deadline(session);
	const char *line;
	size_t len;
	int r = client_connect(session->path, until_msec, &session->client);

	if (r == 0)
		r = client_read_line(session->client, protocol_device_bounds.bytes,
				     until_msec, &line, &len);
	if (r != 0)
		return r;
	session->synced = memmem(line, len, "\"QMP\"", strlen("\"QMP\"")) != NULL;
	return session->synced ? 0 : -EBADMSG;
}

void ctl_session_close(struct ctl_session *session)
{
	set_answer(session, NULL);
	client_close(session->client);
	session->client = NULL;
	virsh_free(&session->virsh);
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

/* An agent that knows no such command only leaves the progress out. */
static void take_progress(struct ctl_session *session)
{
	uint64_t pending;

	session->progress_asked = protocol_answer_kind(session->answer) ==
				  PROTOCOL_ANSWER_ERROR;
	if (protocol_answer_kind(session->answer) == PROTOCOL_ANSWER_RETURN &&
	    protocol_answer_pending(session->answer, &pending) == 0 &&
	    session->on_progress)
		session->on_progress(pending);
}

static int receive_with_progress(struct ctl_session *session, uint64_t until_msec)
{
	uint64_t tick_msec = client_now_msec() + PROGRESS_MSEC;

	for (;;) {
		int r = receive(session, session->on_progress
						 ? earlier(tick_msec, until_msec)
						 : until_msec);

		if (r == 0 && protocol_answer_is_progress(session->answer)) {
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

/* virsh */

static int take_output(struct ctl_session *session, const struct text *out)
{
	struct protocol_answer *answer;
	size_t len = out->len;
	int r;

	while (len > 0 && strchr("\r\n \t", out->data[len - 1]))
		len--;
	r = len == 0 ? -EBADMSG : protocol_answer_parse(out->data, len, &answer);
	if (r < 0)
		return r;
	set_answer(session, answer);
	return protocol_answer_kind(answer) == PROTOCOL_ANSWER_ERROR ? -EREMOTEIO : 0;
}

static int ask_virsh(struct ctl_session *session, struct text *request)
{
	struct text out = TEXT_INIT;
	int r = -ENOMEM;

	set_answer(session, NULL);
	if (!request->failed) {
		request->data[strcspn(request->data, "\n")] = '\0';
		r = virsh_agent_command(&session->virsh, request->data, deadline(session),
					&out);
	}
	if (r == 0)
		r = take_output(session, &out);
	text_free(&out);
	text_free(request);
	return r;
}

int ctl_session_ask(struct ctl_session *session, struct text *request)
{
	uint64_t until_msec = deadline(session);
	int r;

	if (session->by_virsh)
		return ask_virsh(session, request);
	r = send_request(session, request, until_msec);
	while (r == 0) {
		r = receive_with_progress(session, until_msec);
		if (r < 0)
			return r;
		switch (protocol_answer_kind(session->answer)) {
		case PROTOCOL_ANSWER_RETURN:
			return 0;
		case PROTOCOL_ANSWER_ERROR:
			return -EREMOTEIO;
		case PROTOCOL_ANSWER_EVENT:
			if (session->on_event)
				r = session->on_event(session->answer, session->data);
		}
	}
	return r;
}

int ctl_session_next_event(struct ctl_session *session)
{
	int r;

	do {
		r = receive_with_progress(session, CLIENT_FOREVER);
	} while (r == 0 &&
		 protocol_answer_kind(session->answer) != PROTOCOL_ANSWER_EVENT);
	return r;
}

static void explain_timeout(const struct ctl_session *session, struct text *out)
{
	if (session->client && !session->synced && client_is_waiting(session->client))
		text_printf(out, "%s in use: another client holds %s",
			    session->is_monitor ? "monitor" : "channel", session->path);
	else if (session->is_monitor)
		text_printf(out, "no QEMU answers on %s within %u s", session->path,
			    session->timeout_sec);
	else
		text_printf(out,
			    "no agent answers on %s within %u s"
			    " (a guest that needs none, as Windows, has none)",
			    session->path,
			    session->timeout_sec + (unsigned)session->extra_sec);
}

static void explain_virsh(const struct ctl_session *session, struct text *out)
{
	const char *said = session->virsh.errors.data ? session->virsh.errors.data : "";
	char line[256];

	/* One line of it says what is wrong; the word in front is ours to say. */
	if (strncmp(said, "error: ", strlen("error: ")) == 0)
		said += strlen("error: ");
	snprintf(line, sizeof(line), "%.*s", (int)strcspn(said, "\r\n"), said);
	text_printf(out, "virsh failed for domain %s", session->virsh.domain);
	text_puts(out, *line ? ": " : "");
	print_escaped(out, line);
}

static void explain_closed(const struct ctl_session *session, struct text *out)
{
	if (session->synced)
		text_printf(out, "%s was closed by the other end", session->path);
	else
		text_printf(out,
			    "%s was closed by the other end before any answer: "
			    "%s in use, or %s has gone",
			    session->path, session->is_monitor ? "monitor" : "channel",
			    session->is_monitor ? "QEMU" : "the agent");
}

static void explain_refusal(const struct ctl_session *session, struct text *out)
{
	text_puts(out, session->is_monitor ? "QEMU refused: " : "the agent refused: ");
	print_escaped(out, protocol_answer_error_desc(session->answer));
	if (!session->is_monitor &&
	    strcmp(protocol_answer_error_class(session->answer), "CommandNotFound") == 0)
		text_printf(out, " (is it memonlined that answers on %s?)",
			    session->path);
}

static void explain_nonsense(const struct ctl_session *session, struct text *out)
{
	const char *fault = session->answer ? protocol_answer_fault(session->answer)
					    : NULL;

	if (fault)
		text_printf(out,
			    "cannot use the answer of the agent: "
			    "'%s' is missing or wrong in it",
			    fault);
	else
		text_printf(out, "what %s answered is not %s", session->path,
			    session->is_monitor ? "QMP" : "memonline-protocol(7)");
}

static void explain_length(const struct ctl_session *session, struct text *out)
{
	text_printf(out, "an answer on %s is longer than %zu MiB", session->path,
		    bounds_of(session)->bytes / 1024 / 1024);
}

static void explain_full(const struct ctl_session *session, struct text *out)
{
	text_printf(out, "channel in use: other clients hold %s and wait for it",
		    session->path);
}

/* What is said before and after the path, or who says it. */
static const struct {
	int error;
	const char *before, *after;
	void (*explain)(const struct ctl_session *session, struct text *out);
} reasons[] = {
	{ ENOENT, "no such socket: ", " (is memonlined running there?)", NULL },
	{ ENOTDIR, "no such socket: ", "", NULL },
	{ EACCES, "permission denied: ", " (are you root?)", NULL },
	{ EPERM, "permission denied: ", " (are you root?)", NULL },
	{ ECONNREFUSED, "connection refused: nobody listens on ", "", NULL },
	{ EPROTOTYPE, "not a stream socket: ", "", NULL },
	{ ENAMETOOLONG, "path too long for a socket: ", "", NULL },
	{ E2BIG, "too many memory blocks in the answer on ", "", NULL },
	{ EBUSY, NULL, NULL, explain_full },
	{ ETIMEDOUT, NULL, NULL, explain_timeout },
	{ EPIPE, NULL, NULL, explain_closed },
	{ EREMOTEIO, NULL, NULL, explain_refusal },
	{ EBADMSG, NULL, NULL, explain_nonsense },
	{ EMSGSIZE, NULL, NULL, explain_length },
	{ ECOMM, NULL, NULL, explain_virsh },
	{ ENOPKG, "virsh is not installed here, it is needed to reach ", "", NULL },
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
			text_printf(out, "%s%s%s", reasons[i].before, session->path,
				    reasons[i].after);
		return;
	}
	text_printf(out, "%s: %s", session->path, strerror(-error));
}
