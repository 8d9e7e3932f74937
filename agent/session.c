/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session.h"

#include <stdlib.h>

#include "commands.h"
#include "io/log.h"

struct session {
	struct session *next;
	struct sessions *sessions;
	struct channel_peer *peer;
	struct protocol_parser *parser;
	bool is_port;
	bool subscribed; /* the agent's own port is from the start */
	uint64_t position; /* number of the last report that was sent */
};

struct sessions {
	struct agent *agent;
	struct session *first;
	struct text reply; /* one line in the making, reused */
};

#define REPLY_KEEP_SIZE (64 * 1024)

static void send_reply(struct session *session)
{
	struct text *reply = &session->sessions->reply;

	if (reply->failed)
		log_error("no memory for an answer");
	else if (reply->len)
		channel_send(session->peer, reply->data, reply->len);
	if (reply->capacity > REPLY_KEEP_SIZE)
		text_free(reply);
	text_clear(reply);
}

static void push(struct session *session)
{
	const struct journal *journal = agent_journal(session->sessions->agent);
	const struct report *report;

	while (session->subscribed && channel_queued(session->peer) < CHANNEL_QUEUE_LOW) {
		report = journal_after(journal, session->position);
		if (!report)
			return;
		protocol_put_event(&session->sessions->reply, journal, report);
		session->position = report->seq;
		send_reply(session);
	}
}

void sessions_push(struct sessions *sessions)
{
	struct session *session;

	for (session = sessions->first; session; session = session->next)
		push(session);
}

static void subscribe(struct session *session, uint64_t since)
{
	/* A number that was never given is of an earlier instance: better twice than missed. */
	if (since > journal_last(agent_journal(session->sessions->agent)))
		since = 0;
	session->subscribed = true;
	session->position = since;
	if (session->is_port)
		journal_set_position(agent_journal(session->sessions->agent), since);
}

static void *opened(struct channel_peer *peer, bool is_port, void *data)
{
	struct sessions *sessions = data;
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->parser = protocol_parser_new();
	if (!session->parser) {
		free(session);
		return NULL;
	}
	session->sessions = sessions;
	session->peer = peer;
	session->is_port = is_port;
	session->next = sessions->first;
	sessions->first = session;
	if (is_port) {
		/* The number the host last subscribed with: it has everything up to there. */
		subscribe(session, journal_position(agent_journal(sessions->agent)));
		push(session);
	}
	return session;
}

static void handle(struct session *session, struct protocol_request *request)
{
	commands_run(session->sessions->agent, request, &session->sessions->reply);
	send_reply(session);
	if (request->command == PROTOCOL_SUBSCRIBE) {
		subscribe(session, request->since);
		push(session);
	}
	protocol_request_clear(request);
}

static size_t received(struct channel_peer *peer, const char *bytes, size_t len,
		       void *user)
{
	struct session *session = user;
	const char *rest = bytes;
	struct protocol_request request;

	/* Request by request: an answer may fill the queue, and then the others wait. */
	while (channel_queued(peer) < CHANNEL_QUEUE_LOW) {
		switch (protocol_feed(session->parser, &rest, &len, &request,
				      &session->sessions->reply)) {
		case PROTOCOL_MORE:
			return (size_t)(rest - bytes);
		case PROTOCOL_REQUEST:
			handle(session, &request);
			break;
		case PROTOCOL_BAD:
			send_reply(session);
			break;
		}
	}
	return (size_t)(rest - bytes);
}

static void drained(struct channel_peer *peer, void *user)
{
	(void)peer;
	push(user);
}

static void closed(struct channel_peer *peer, void *user)
{
	struct session *session = user;
	struct session **link = &session->sessions->first;

	(void)peer;
	while (*link != session)
		link = &(*link)->next;
	*link = session->next;
	protocol_parser_free(session->parser);
	free(session);
}

const struct channel_handler sessions_handler = { opened, received, drained, closed };

struct sessions *sessions_new(struct agent *agent)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));

	if (sessions)
		sessions->agent = agent;
	return sessions;
}

void sessions_free(struct sessions *sessions)
{
	if (!sessions)
		return;
	text_free(&sessions->reply);
	free(sessions);
}
