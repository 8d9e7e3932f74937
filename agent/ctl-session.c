/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl-session.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ctl-print.h"
#include "io/client.h"

static uint64_t deadline(const struct ctl_session *session)
{
	return client_now_msec() + (uint64_t)session->timeout_sec * 1000;
}

static void set_answer(struct ctl_session *session, struct protocol_answer *answer)
{
	protocol_answer_free(session->answer);
	session->answer = answer;
}

/* The next line that was sent, as session->answer. */
static int receive(struct ctl_session *session, uint64_t until_msec)
{
	struct protocol_answer *answer;
	const char *line;
	size_t len;
	int r;

	set_answer(session, NULL);
	r = client_read_line(session->client, PROTOCOL_ANSWER_MAX, until_msec, &line,
			     &len);
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

static int sync_stream(struct ctl_session *session, uint64_t until_msec)
{
	struct text request = TEXT_INIT;
	int64_t id = sync_id();
	int r;

	protocol_ask_sync(&request, id);
	r = send_request(session, &request, until_msec);
	while (r == 0 || r == -EBADMSG || r == -EMSGSIZE) {
		r = receive(session, until_msec);
		if (r == 0 && protocol_answer_is_sync(session->answer, id)) {
			session->synced = true;
			return 0;
		}
	}
	return r;
}

int ctl_session_open(struct ctl_session *session)
{
	uint64_t until_msec = deadline(session);
	int r = client_connect(session->path, until_msec, &session->client);

	return r < 0 ? r : sync_stream(session, until_msec);
}

void ctl_session_close(struct ctl_session *session)
{
	set_answer(session, NULL);
	client_close(session->client);
	session->client = NULL;
}

int ctl_session_ask(struct ctl_session *session, struct text *request)
{
	uint64_t until_msec = deadline(session);
	int r = send_request(session, request, until_msec);

	while (r == 0) {
		r = receive(session, until_msec);
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
		r = receive(session, CLIENT_FOREVER);
	} while (r == 0 &&
		 protocol_answer_kind(session->answer) != PROTOCOL_ANSWER_EVENT);
	return r;
}

static void explain_timeout(const struct ctl_session *session, struct text *out)
{
	if (!session->synced && client_is_waiting(session->client))
		text_printf(out, "channel in use: another client holds %s",
			    session->path);
	else
		text_printf(out, "no agent answers on %s within %u s", session->path,
			    session->timeout_sec);
}

static void explain_closed(const struct ctl_session *session, struct text *out)
{
	if (session->synced)
		text_printf(out, "%s was closed by the other end", session->path);
	else
		text_printf(out,
			    "%s was closed by the other end before any answer: "
			    "channel in use, or the agent has gone",
			    session->path);
}

static void explain_refusal(const struct ctl_session *session, struct text *out)
{
	text_puts(out, "the agent refused: ");
	print_escaped(out, protocol_answer_error_desc(session->answer));
	if (strcmp(protocol_answer_error_class(session->answer), "CommandNotFound") == 0)
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
		text_printf(out, "what %s answered is not memonline-protocol(7)",
			    session->path);
}

static void explain_length(const struct ctl_session *session, struct text *out)
{
	text_printf(out, "an answer on %s is longer than %d MiB", session->path,
		    PROTOCOL_ANSWER_MAX / 1024 / 1024);
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
