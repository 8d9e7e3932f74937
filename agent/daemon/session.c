/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "commands.h"
#include "io/log.h"
#include "passing.h"
#include "relay.h"

/* What takes its time, one of each at a time. */
enum work { WORK_JOB, WORK_PROBE, WORKS };

struct session {
	struct session *next;
	struct sessions *sessions;
	struct channel_peer *peer;
	struct protocol_parser *parser;
	bool is_port;
	struct protocol_request requests[WORKS]; /* those that are still to be answered */
	bool is_open[WORKS];
	bool pending; /* its answer comes first: until then no other request is taken */
	enum work pending_work;
	uint64_t progress_usec; /* when its progress was told last; 0: never */
	bool subscribed; /* the agent's own port is from the start, qemu-ga's is not */
	uint64_t position; /* number of the last report that was sent */
	char instance[JOURNAL_INSTANCE_SIZE]; /* that it counts in */
	struct monitor *monitor; /* NULL: not subscribed to pressure */
	unsigned unsent; /* signals that have changed since they were sent: 1 << signal */
	struct passing *passing; /* NULL: no qemu-ga stands behind it */
	struct text later; /* answers that a reply of qemu-ga's has to end before */
};

struct sessions {
	struct agent *agent;
	struct monitors *monitors;
	struct relay *relay; /* NULL: none is configured */
	struct session *first;
	bool port_is_quiet; /* a name whose clients expect no events */
	struct text reply; /* one line in the making, reused */
};

#define QEMU_GA_PORT "org.qemu.guest_agent.0"
#define PROGRESS_USEC 1000000 /* between two events of progress */
#define REPLY_KEEP_SIZE (64UL * 1024)
#define NO_MEMORY "Cannot allocate memory"

typedef int (*send_fn)(struct channel_peer *peer, const char *bytes, size_t len);

/* Of a reply of qemu-ga's: nothing may come between its parts. */
static bool is_in_line(const struct session *session)
{
	return session->passing && passing_in_line(session->passing);
}

static int send_behind_line(struct session *session, const struct text *reply)
{
	text_append(&session->later, reply->data, reply->len);
	return session->later.failed ? -ENOMEM : 0;
}

/* 0 or negative errno: then the peer got none of it. */
static int send_line(struct session *session, send_fn send)
{
	struct text *reply = &session->sessions->reply;
	int r = reply->failed ? -ENOMEM : 0;

	if (r == 0 && reply->len && is_in_line(session))
		r = send_behind_line(session, reply);
	else if (r == 0 && reply->len)
		r = send(session->peer, reply->data, reply->len);
	text_shrink(reply, REPLY_KEEP_SIZE);
	return r;
}

/* `request` is NULL where it could not be read. One answer there is, be it by memory kept for it. */
static void send_reply(struct session *session, const struct protocol_request *request)
{
	struct text *reply = &session->sessions->reply;

	if (send_line(session, channel_send) != -ENOMEM)
		return;
	log_error("out of memory for an answer");
	protocol_put_error(reply, request, NO_MEMORY);
	if (reply->failed || reply->len > CHANNEL_SPARE) { /* by its id */
		text_clear(reply);
		protocol_put_error(reply, NULL, NO_MEMORY);
	}
	send_line(session, channel_send_spare);
}

/* What the next host is not owed; tried again where memory is short. */
static int send_event(struct session *session)
{
	int r = send_line(session, channel_push);

	if (r == -ENOMEM)
		channel_drain_later(session->peer);
	return r;
}

/* Numbers count within an instance: in a new one the peer has seen none yet. */
static void follow_instance(struct session *session, const struct journal *journal)
{
	if (strcmp(session->instance, journal_instance(journal)) == 0)
		return;
	memcpy(session->instance, journal_instance(journal), JOURNAL_INSTANCE_SIZE);
	session->position = 0;
}

static void push(struct session *session)
{
	const struct journal *journal = agent_journal(session->sessions->agent);
	const struct report *report;

	follow_instance(session, journal);
	while (session->subscribed && !is_in_line(session) &&
	       channel_listens(session->peer) &&
	       channel_queued(session->peer) < CHANNEL_QUEUE_LOW) {
		report = journal_after(journal, session->position);
		if (!report)
			return;
		protocol_put_event(&session->sessions->reply, journal, report,
				   report->seq - session->position - 1);
		/* What could not be sent is sent with the next one. */
		if (send_event(session) < 0)
			return;
		session->position = report->seq;
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
	struct journal *journal = agent_journal(session->sessions->agent);

	/* A number that was never given: better twice than missed. */
	if (since > journal_last(journal))
		since = 0;
	follow_instance(session, journal);
	session->subscribed = true;
	session->position = since;
	if (session->is_port)
		journal_set_position(journal, since);
}

/* The number the host last subscribed with: it has everything up to there. */
static void begin_stream(struct session *session)
{
	struct sessions *sessions = session->sessions;

	session->subscribed = false;
	if (!session->is_port || sessions->port_is_quiet)
		return;
	subscribe(session, journal_position(agent_journal(sessions->agent)));
	push(session);
}

static enum work work_of(const struct job *job)
{
	return job->kind == JOB_PROBE ? WORK_PROBE : WORK_JOB;
}

static void job_done(const struct job *job, void *data)
{
	struct session *session = data;

	enum work work = work_of(job);
	struct protocol_request *request = &session->requests[work];

	commands_finish(request, job, &session->sessions->reply);
	send_reply(session, request);
	protocol_request_clear(request);
	session->is_open[work] = false;
	if (!session->pending || session->pending_work != work)
		return;
	session->pending = false;
	/* The session may be gone after this. */
	channel_resume(session->peer);
}

static void job_progress(const struct job *job, void *data)
{
	struct session *session = data;
	uint64_t now_usec = loop_now_usec();
	struct timeval now;

	if (!session->pending || is_in_line(session) || !channel_listens(session->peer) ||
	    (session->progress_usec && now_usec - session->progress_usec < PROGRESS_USEC))
		return;
	session->progress_usec = now_usec;
	gettimeofday(&now, NULL);
	protocol_put_progress(&session->sessions->reply, now.tv_sec, now.tv_usec, job);
	send_event(session);
}

/* --- memory pressure */

static void push_pressure(struct session *session)
{
	struct timeval now;
	unsigned i;

	for (i = 0; i < PRESSURE_SIGNALS; i++) {
		enum pressure_signal signal = (enum pressure_signal)i;

		if (!(session->unsent >> i & 1) || is_in_line(session) ||
		    !channel_listens(session->peer) ||
		    channel_queued(session->peer) >= CHANNEL_QUEUE_LOW)
			continue;
		gettimeofday(&now, NULL);
		protocol_put_pressure(&session->sessions->reply, now.tv_sec, now.tv_usec,
				      signal,
				      monitor_is_pressed(session->monitor, signal),
				      monitor_stats(session->monitor));
		if (send_event(session) == 0)
			session->unsent &= ~(1u << i);
	}
}

static void on_pressure(unsigned signals, void *data)
{
	struct session *session = data;

	/* One that has changed twice is as it was when it was sent last. */
	session->unsent ^= signals;
	push_pressure(session);
}

static bool has_threshold(const struct pressure_thresholds *thresholds)
{
	return thresholds->available || thresholds->kernel_free || thresholds->stall_usec;
}

/* Without any threshold the subscription ends. */
static void subscribe_pressure(struct session *session,
			       const struct protocol_request *request)
{
	const struct pressure_thresholds *thresholds = &request->thresholds;
	struct text *reply = &session->sessions->reply;
	uint64_t stall = thresholds->stall_usec;

	if (stall && (stall < PRESSURE_STALL_MIN_USEC || stall > PRESSURE_WINDOW_USEC)) {
		protocol_put_error(reply, request,
				   "Parameter 'stall-usec' expects 10000 to 2000000");
		return;
	}
	monitor_remove(session->monitor);
	session->unsent = 0;
	session->monitor = monitor_add(session->sessions->monitors, thresholds,
				       on_pressure, session);
	if (!session->monitor) {
		protocol_put_error(reply, request, NO_MEMORY);
		return;
	}
	protocol_reply_begin(reply, request);
	protocol_put_pressure_subscribed(reply, monitor_has_trigger(session->monitor),
					 monitor_pressed(session->monitor),
					 monitor_stats(session->monitor));
	protocol_reply_end(reply, request);
	if (has_threshold(thresholds))
		return;
	monitor_remove(session->monitor);
	session->monitor = NULL;
}

static void wait_for_job(struct session *session, const struct protocol_request *request)
{
	enum work work = request->command == PROTOCOL_PROBE ? WORK_PROBE : WORK_JOB;

	session->requests[work] = *request;
	session->is_open[work] = true;
	session->pending_work = work;
	session->progress_usec = 0;
	if (request->progress)
		agent_watch_job(session->sessions->agent, job_progress);
}

static void handle(struct session *session, struct protocol_request *request)
{
	if (request->command == PROTOCOL_SUBSCRIBE_PRESSURE) {
		subscribe_pressure(session, request);
		send_reply(session, request);
		protocol_request_clear(request);
		return;
	}
	request->from_port = session->is_port;
	if (request->command == PROTOCOL_GUEST_INFO && session->passing) {
		passing_answer_info(session->passing, request);
		return;
	}
	session->pending = commands_run(session->sessions->agent, request,
					&session->sessions->reply, job_done,
					session) == COMMANDS_PENDING;
	if (session->pending) {
		wait_for_job(session, request);
		return;
	}
	send_reply(session, request);
	if (request->command == PROTOCOL_SUBSCRIBE) {
		subscribe(session, request->since);
		push(session);
	}
	protocol_request_clear(request);
}

/* One request at most; whether there was one, be it wrong. */
static bool feed(const char **bytes, size_t *len, void *data)
{
	struct session *session = data;
	struct protocol_request request;

	/* With a qemu-ga behind it, commands of that one come here where they are forbidden. */
	protocol_parser_disable(session->parser,
				commands_disabled(session->sessions->agent,
						  session->is_port) |
					(session->passing ? PROTOCOL_UNKNOWN : 0));
	switch (protocol_feed(session->parser, bytes, len, &request,
			      &session->sessions->reply)) {
	case PROTOCOL_MORE:
		return false;
	case PROTOCOL_REQUEST:
		handle(session, &request);
		break;
	case PROTOCOL_BAD:
		send_reply(session, NULL);
		break;
	}
	return true;
}

static bool takes_more(void *data)
{
	const struct session *session = data;

	return !session->pending &&
	       !(session->passing && passing_waits(session->passing)) &&
	       channel_queued(session->peer) < CHANNEL_QUEUE_LOW &&
	       channel_has_spare(session->peer);
}

static size_t received(struct channel_peer *peer, const char *bytes, size_t len,
		       void *user)
{
	const struct session *session = user;
	const char *rest = bytes;

	(void)peer;
	if (session->passing)
		return passing_received(session->passing, bytes, len);
	/* Request by request: an answer may fill the queue, and then the others wait. */
	while (takes_more(user) && feed(&rest, &len, user))
		;
	return (size_t)(rest - bytes);
}

static void drained(struct channel_peer *peer, void *user)
{
	const struct session *session = user;

	(void)peer;
	push(user);
	push_pressure(user);
	if (session->passing)
		passing_drained(session->passing);
}

static void send_later(struct session *session)
{
	struct text *later = &session->later;

	if (is_in_line(session) || (!later->len && !later->failed))
		return;
	if (later->failed ||
	    channel_send(session->peer, later->data, later->len) == -ENOMEM)
		log_error("out of memory for an answer");
	text_free(later);
}

/* Half a request of the last host's is nobody's any more. */
static void flush_parser(struct session *session)
{
	const char flush = '\xff', *rest = &flush;
	struct protocol_request request;
	size_t len = 1;

	while (protocol_feed(session->parser, &rest, &len, &request,
			     &session->sessions->reply) != PROTOCOL_MORE)
		;
	text_clear(&session->sessions->reply);
}

static void followed(struct channel_peer *peer, void *user)
{
	struct session *session = user;

	(void)peer;
	flush_parser(session);
	if (session->passing)
		passing_followed(session->passing);
	send_later(session);
	session->pending = false;
	monitor_remove(session->monitor);
	session->monitor = NULL;
	begin_stream(session);
}

/* --- its beginning and end */

static void passing_sends(const struct protocol_request *request, void *data)
{
	send_reply(data, request);
}

/* The session may be gone after this. */
static void passing_goes_on(void *data)
{
	struct session *session = data;

	send_later(session);
	push(session);
	push_pressure(session);
	channel_resume(session->peer);
}

static bool hears_events(void *data)
{
	const struct session *session = data;

	return session->subscribed || session->monitor;
}

static bool make_passing(struct session *session)
{
	struct passing_owner owner = { session->sessions->agent,
				       session->peer,
				       session->parser,
				       &session->sessions->reply,
				       passing_sends,
				       feed,
				       takes_more,
				       passing_goes_on,
				       hears_events,
				       session };

	if (!session->is_port || !session->sessions->relay)
		return true;
	session->passing = passing_new(session->sessions->relay, &owner);
	return session->passing != NULL;
}

static void free_session(struct session *session)
{
	passing_free(session->passing);
	protocol_parser_free(session->parser);
	text_free(&session->later);
	free(session);
}

static void *opened(struct channel_peer *peer, bool is_port, void *data)
{
	struct sessions *sessions = data;
	struct session *session = calloc(1, sizeof(*session));

	if (!session)
		return NULL;
	session->sessions = sessions;
	session->peer = peer;
	session->is_port = is_port;
	session->parser = protocol_parser_new();
	if (!session->parser || !make_passing(session)) {
		free_session(session);
		return NULL;
	}
	session->next = sessions->first;
	sessions->first = session;
	begin_stream(session);
	return session;
}

static void closed(struct channel_peer *peer, void *user)
{
	unsigned i;
	struct session *session = user;
	struct session **link = &session->sessions->first;

	(void)peer;
	while (*link != session)
		link = &(*link)->next;
	*link = session->next;
	agent_disown_job(session->sessions->agent, session);
	for (i = 0; i < WORKS; i++)
		if (session->is_open[i])
			protocol_request_clear(&session->requests[i]);
	monitor_remove(session->monitor);
	free_session(session);
}

static bool owes(struct channel_peer *peer, void *user)
{
	(void)peer;
	return ((const struct session *)user)->pending;
}

const struct channel_handler sessions_handler = { opened,   received, drained,
						  followed, closed,   owes };

struct sessions *sessions_new(struct agent *agent, struct monitors *monitors)
{
	struct sessions *sessions = calloc(1, sizeof(*sessions));

	if (!sessions)
		return NULL;
	sessions->agent = agent;
	sessions->monitors = monitors;
	sessions->port_is_quiet = strcmp(agent_config(agent)->port, QEMU_GA_PORT) == 0;
	if (text_reserve(&sessions->reply, CHANNEL_SPARE) == 0)
		return sessions;
	free(sessions);
	return NULL;
}

int sessions_relay(struct sessions *sessions, struct loop *loop, const char *root)
{
	const char *path = agent_config(sessions->agent)->relay;

	if (!path[0])
		return 0;
	sessions->relay = relay_new(loop, root, path, NULL);
	return sessions->relay ? 0 : -errno;
}

void sessions_free(struct sessions *sessions)
{
	if (!sessions)
		return;
	relay_free(sessions->relay);
	text_free(&sessions->reply);
	free(sessions);
}
