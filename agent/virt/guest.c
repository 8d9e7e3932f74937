/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/client.h"

#define RESEND_MSEC 1000
#define CLOSE_MSEC 1000
#define SEND_RETRY_USEC 10000
#define READ_BYTES 65536
#define READ_ONCE_MAX (256UL * 1024) /* a hostile guest may send without end */
#define PENDING_WAIT \
	(1024UL * 1024) /* read and not parsed: from here on the guest waits */
#define PENDING_MAX (2048UL * 1024 - READ_BYTES)
#define PENDING_WAIT_MSEC 100
#define LOOK_MSEC 500 /* how soon a lost connection is seen */
/* libvirtd runs five calls of a client at a time, and one to a dead qemu-ga takes seconds. */
#define AGENT_COMMANDS_MAX 4

struct guest {
	struct connection *connection;
	virDomainPtr pointer;
	bool by_commands; /* on qemu-ga's port */
	virStreamPtr stream;
	struct protocol_reader *reader;
	struct protocol_answer answer;
	struct guest_fault fault;
	struct text taken; /* bytes that the reader is fed with */
	const char *bytes;
	size_t len;
	/* what the event loop's thread writes */
	pthread_mutex_t mutex;
	pthread_cond_t came;
	struct text pending;
	int ended; /* negative errno: nothing more will come */
	bool closing;
	unsigned users; /* this side, and the stream's callback */
};

static int fail(struct guest *guest, int error, const char *message)
{
	guest->fault.error = error;
	snprintf(guest->fault.message, sizeof(guest->fault.message), "%s", message);
	return error;
}

bool guest_has_events(const struct guest *guest)
{
	return !guest->by_commands;
}

struct protocol_answer *guest_answer(struct guest *guest)
{
	return &guest->answer;
}

const struct guest_fault *guest_fault(const struct guest *guest)
{
	return &guest->fault;
}

/* --- the stream, in the event loop's thread */

static void release(void *data)
{
	struct guest *guest = data;
	bool last;

	pthread_mutex_lock(&guest->mutex);
	last = --guest->users == 0;
	pthread_mutex_unlock(&guest->mutex);
	if (!last)
		return;
	pthread_cond_destroy(&guest->came);
	pthread_mutex_destroy(&guest->mutex);
	text_free(&guest->pending);
	free(guest);
}

static void end(struct guest *guest, int error)
{
	if (!guest->ended)
		guest->ended = error;
	pthread_cond_broadcast(&guest->came);
}

/*
 * libvirt's library takes what libvirtd sends whether or not we read it: only a loop that waits
 * makes the guest wait.
 */
static bool wait_for_room(struct guest *guest)
{
	uint64_t until = client_now_msec() + PENDING_WAIT_MSEC;

	while (guest->pending.len > PENDING_WAIT && !guest->closing)
		if (!call_cond_wait(&guest->came, &guest->mutex, until))
			break;
	if (guest->pending.len > PENDING_MAX)
		end(guest, -EMSGSIZE);
	return !guest->ended && !guest->closing;
}

static void take_bytes(virStreamPtr stream, struct guest *guest)
{
	static char buffer[READ_BYTES]; /* the event loop has one thread */
	size_t total = 0;

	while (total < READ_ONCE_MAX && wait_for_room(guest)) {
		int got = virStreamRecv(stream, buffer, sizeof(buffer));

		if (got == -2)
			return;
		if (got <= 0) {
			end(guest, -EPIPE);
			return;
		}
		total += (size_t)got;
		text_append(&guest->pending, buffer, (size_t)got);
		if (guest->pending.failed)
			end(guest, -ENOMEM);
		pthread_cond_broadcast(&guest->came);
	}
}

static void on_stream(virStreamPtr stream, int events, void *data)
{
	struct guest *guest = data;
	bool over;

	pthread_mutex_lock(&guest->mutex);
	if (events & VIR_STREAM_EVENT_READABLE)
		take_bytes(stream, guest);
	if (events & (VIR_STREAM_EVENT_HANGUP | VIR_STREAM_EVENT_ERROR))
		end(guest, -EPIPE);
	over = guest->ended != 0;
	pthread_mutex_unlock(&guest->mutex);
	/* It would be called again at once. */
	if (over)
		virStreamEventUpdateCallback(stream, 0);
}

static int open_stream(struct guest *guest, struct connection *connection, bool force,
		       uint64_t deadline_msec)
{
	struct call_error error;
	int r = host_open_channel(connection, guest->pointer, DOMAIN_OWN_PORT, force,
				  deadline_msec, &guest->stream, &error);

	if (r == -ECOMM && error.code == VIR_ERR_OPERATION_FAILED)
		return fail(guest, -EBUSY, error.message);
	if (r < 0)
		return fail(guest, r, r == -ECOMM ? error.message : "");
	guest->users++;
	if (virStreamEventAddCallback(guest->stream,
				      VIR_STREAM_EVENT_READABLE |
					      VIR_STREAM_EVENT_HANGUP |
					      VIR_STREAM_EVENT_ERROR,
				      on_stream, guest, release) < 0) {
		guest->users--;
		return fail(guest, -ECOMM, "no callback for the stream");
	}
	return 0;
}

static int send_bytes(struct guest *guest, const char *bytes, size_t len,
		      uint64_t deadline_msec)
{
	while (len > 0) {
		int sent = virStreamSend(guest->stream, bytes, len);

		if (sent >= 0) {
			bytes += sent;
			len -= (size_t)sent;
			continue;
		}
		if (sent != -2)
			return -EPIPE;
		if (client_now_msec() >= deadline_msec)
			return -ETIMEDOUT;
		usleep(SEND_RETRY_USEC);
	}
	return 0;
}

/*
 * With the mutex, until there are bytes or there will be none. libvirt 9.0 does not call a stream's
 * callback when its connection is lost.
 */
static int await_bytes(struct guest *guest, uint64_t deadline_msec)
{
	while (guest->pending.len == 0 && !guest->ended) {
		uint64_t now = client_now_msec(), look = now + LOOK_MSEC;

		if (now >= deadline_msec)
			return -ETIMEDOUT;
		if (!call_cond_wait(&guest->came, &guest->mutex,
				    look < deadline_msec ? look : deadline_msec) &&
		    connection_is_lost(guest->connection))
			end(guest, -EPIPE);
	}
	return 0;
}

/* The bytes that have come since. */
static int read_bytes(struct guest *guest, uint64_t deadline_msec)
{
	int r;

	text_clear(&guest->taken);
	pthread_mutex_lock(&guest->mutex);
	r = await_bytes(guest, deadline_msec);
	if (r == 0 && guest->pending.len == 0)
		r = guest->ended;
	if (r == 0) {
		struct text taken = guest->taken;

		guest->taken = guest->pending;
		guest->pending = taken;
		pthread_cond_broadcast(&guest->came);
	}
	pthread_mutex_unlock(&guest->mutex);
	guest->bytes = guest->taken.data;
	guest->len = guest->taken.len;
	return r;
}

/* --- answers */

/* The next whole answer. */
static int receive(struct guest *guest, uint64_t deadline_msec)
{
	for (;;) {
		int r = guest->len ? protocol_reader_feed(guest->reader, &guest->bytes,
							  &guest->len, &guest->answer)
				   : -EAGAIN;
		if (r != -EAGAIN)
			return r;
		/* A guest that sends without end has its limit here, too. */
		if (client_now_msec() >= deadline_msec)
			return -ETIMEDOUT;
		r = read_bytes(guest, deadline_msec);
		if (r < 0)
			return r;
	}
}

/* Not a secret, only unlike the number of any earlier client of this channel. */
static int64_t sync_id(const void *salt)
{
	struct timespec now;
	uint64_t id;

	clock_gettime(CLOCK_REALTIME, &now);
	id = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	id ^= ((uint64_t)getpid() << 40) ^ (uint64_t)(uintptr_t)salt;
	return (int64_t)(id & (INT64_MAX >> 1));
}

static int send_sync(struct guest *guest, int64_t id, uint64_t deadline_msec)
{
	struct text line = TEXT_INIT;
	int r = -ENOMEM;

	protocol_ask_sync(&line, id);
	if (!line.failed)
		r = send_bytes(guest, line.data, line.len, deadline_msec);
	text_free(&line);
	return r;
}

/* Until the answer to the sync of `last`; *synced where one of the others was answered. */
static int await_sync(struct guest *guest, int64_t first, int64_t last,
		      uint64_t deadline_msec, bool *synced)
{
	int64_t id;
	int r;

	do {
		r = receive(guest, deadline_msec);
		for (id = first; r == 0 && id <= last; id++) {
			if (!protocol_answer_is_sync(&guest->answer, id))
				continue;
			*synced = true;
			if (id == last)
				return 0;
		}
	} while (r == 0 || r == -EBADMSG || r == -EMSGSIZE);
	return r == -ETIMEDOUT && *synced ? 0 : r;
}

/* As a host that follows another may lose its first request, it is sent again. */
static int sync_stream(struct guest *guest, uint64_t deadline_msec)
{
	int64_t first = sync_id(guest), last = first;
	bool synced = false;

	for (;; last++) {
		uint64_t until = client_now_msec() + RESEND_MSEC;
		int r = send_sync(guest, last, deadline_msec);

		if (r == 0)
			r = await_sync(guest, first, last,
				       until < deadline_msec ? until : deadline_msec,
				       &synced);
		if (r != -ETIMEDOUT || client_now_msec() >= deadline_msec)
			return r;
	}
}

static int await_answer(struct guest *guest, uint64_t deadline_msec)
{
	int r;

	do {
		r = receive(guest, deadline_msec);
	} while (r == 0 && guest->answer.kind == PROTOCOL_ANSWER_EVENT);
	if (r == 0 && guest->answer.kind == PROTOCOL_ANSWER_ERROR)
		return fail(guest, -EREMOTEIO,
			    protocol_answer_error_desc(&guest->answer));
	return r == 0 && guest->answer.kind != PROTOCOL_ANSWER_RETURN ? -EBADMSG : r;
}

/* --- qemu-ga's port */

static pthread_mutex_t command_mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned commands_running;

static bool begin_command(uint64_t deadline_msec)
{
	bool begun = false;

	while (!begun) {
		pthread_mutex_lock(&command_mutex);
		begun = commands_running < AGENT_COMMANDS_MAX;
		if (begun)
			commands_running++;
		pthread_mutex_unlock(&command_mutex);
		if (!begun && client_now_msec() >= deadline_msec)
			return false;
		if (!begun)
			usleep(SEND_RETRY_USEC);
	}
	return true;
}

static void end_command(void)
{
	pthread_mutex_lock(&command_mutex);
	commands_running--;
	pthread_mutex_unlock(&command_mutex);
}

/* libvirt's agent errors, as far as their codes differ. */
static int command_error(struct guest *guest, int r, const struct call_error *error)
{
	if (r != -ECOMM)
		return fail(guest, r, "");
	if (error->code == VIR_ERR_AGENT_UNRESPONSIVE)
		return fail(guest, -ENOTCONN, error->message);
	if (error->code == VIR_ERR_OPERATION_TIMEOUT)
		return fail(guest, -ETIMEDOUT, error->message);
	return fail(guest, -ECOMM, error->message);
}

static int run_command(struct guest *guest, struct text *line, uint64_t deadline_msec,
		       char **reply)
{
	struct call_error error;
	int r;

	memset(&error, 0, sizeof(error));
	if (!begin_command(deadline_msec))
		return fail(guest, -ETIMEDOUT, "");
	line->data[strcspn(line->data, "\n")] = '\0';
	r = host_agent_command(guest->pointer, line->data, deadline_msec, reply, &error);
	end_command();
	return r < 0 ? command_error(guest, r, &error) : 0;
}

/* A reply ends with its newline, which libvirt takes away. */
static int ask_by_command(struct guest *guest, struct text *line, uint64_t deadline_msec)
{
	char *reply;
	int r = run_command(guest, line, deadline_msec, &reply);

	if (r < 0)
		return r;
	text_clear(&guest->taken);
	text_puts(&guest->taken, reply);
	text_puts(&guest->taken, "\n");
	free(reply);
	if (guest->taken.failed)
		return -ENOMEM;
	guest->bytes = guest->taken.data;
	guest->len = guest->taken.len;
	r = protocol_reader_feed(guest->reader, &guest->bytes, &guest->len,
				 &guest->answer);
	guest->len = 0;
	if (r == -EAGAIN)
		return -EBADMSG;
	if (r == 0 && guest->answer.kind == PROTOCOL_ANSWER_ERROR)
		return fail(guest, -EREMOTEIO,
			    protocol_answer_error_desc(&guest->answer));
	return r;
}

/* --- what others call */

static struct guest *make(struct connection *connection, virDomainPtr pointer,
			  bool by_commands)
{
	struct guest *guest = calloc(1, sizeof(*guest));

	if (!guest)
		return NULL;
	guest->users = 1;
	guest->connection = connection;
	guest->by_commands = by_commands;
	guest->reader = protocol_reader_new();
	if (!guest->reader || pthread_mutex_init(&guest->mutex, NULL) != 0) {
		protocol_reader_free(guest->reader);
		free(guest);
		return NULL;
	}
	if (call_cond_init(&guest->came) < 0 || virDomainRef(pointer) < 0) {
		protocol_reader_free(guest->reader);
		pthread_mutex_destroy(&guest->mutex);
		free(guest);
		return NULL;
	}
	guest->pointer = pointer;
	return guest;
}

void guest_close(struct guest *guest)
{
	if (!guest)
		return;
	pthread_mutex_lock(&guest->mutex);
	guest->closing = true;
	pthread_cond_broadcast(&guest->came);
	pthread_mutex_unlock(&guest->mutex);
	if (guest->stream) {
		virStreamEventRemoveCallback(guest->stream);
		host_close_channel(guest->stream, client_now_msec() + CLOSE_MSEC);
	}
	protocol_reader_free(guest->reader);
	text_free(&guest->taken);
	virDomainFree(guest->pointer);
	release(guest);
}

static int start(struct guest *guest, struct connection *connection, bool force,
		 uint64_t deadline_msec)
{
	int r = 0;

	if (!guest->by_commands) {
		r = open_stream(guest, connection, force, deadline_msec);
		if (r == 0)
			r = sync_stream(guest, deadline_msec);
	}
	if (r == 0)
		protocol_reader_bound(guest->reader, PROTOCOL_BOUNDS_ANSWER);
	else if (!guest->fault.error)
		fail(guest, r, "");
	return r;
}

int guest_open(struct connection *connection, virDomainPtr pointer,
	       const struct domain *domain, bool force, uint64_t deadline_msec,
	       struct guest **guest, struct guest_fault *fault)
{
	struct guest *made;
	int r = 0;

	memset(fault, 0, sizeof(*fault));
	if (domain->channel == DOMAIN_NO_CHANNEL)
		r = -ENXIO;
	else if (domain->disconnected)
		r = -ENOTCONN;
	fault->error = r;
	if (r < 0)
		return r;
	made = make(connection, pointer, domain->channel == DOMAIN_GUEST_AGENT);
	if (!made)
		return fault->error = -ENOMEM;
	r = start(made, connection, force, deadline_msec);
	if (r < 0) {
		*fault = made->fault;
		fault->error = r;
		guest_close(made);
	} else {
		*guest = made;
	}
	return r;
}

int guest_ask(struct guest *guest, struct text *line, protocol_element_fn on_element,
	      void *data, uint64_t deadline_msec)
{
	int r = line->failed ? -ENOMEM : 0;

	guest->fault.error = 0;
	protocol_reader_watch(guest->reader, on_element, data);
	if (r == 0 && guest->by_commands) {
		r = ask_by_command(guest, line, deadline_msec);
	} else if (r == 0) {
		r = send_bytes(guest, line->data, line->len, deadline_msec);
		if (r == 0)
			r = await_answer(guest, deadline_msec);
	}
	protocol_reader_watch(guest->reader, NULL, NULL);
	text_free(line);
	if (r < 0 && !guest->fault.error)
		fail(guest, r, "");
	return r;
}

int guest_request(struct guest *guest, const struct protocol_request *request,
		  protocol_element_fn on_element, void *data, uint64_t deadline_msec)
{
	struct text line = TEXT_INIT;

	protocol_ask(&line, request);
	return guest_ask(guest, &line, on_element, data, deadline_msec);
}

int guest_next_event(struct guest *guest, uint64_t deadline_msec)
{
	int r;

	do {
		r = receive(guest, deadline_msec);
	} while (r == 0 && guest->answer.kind != PROTOCOL_ANSWER_EVENT);
	if (r < 0)
		fail(guest, r, "");
	return r;
}

/* --- texts */

static const struct {
	int error;
	const char *state, *sentence;
} faults[] = {
	{ 0, "answers", "" },
	{ ENXIO, "no-channel",
	  "the domain has no channel " DOMAIN_OWN_PORT ", nor " DOMAIN_GUEST_AGENT_PORT },
	{ ENOTCONN, "not-connected",
	  "no agent has opened the channel: memonlined does not run in the guest" },
	{ EBUSY, "busy",
	  "another client of libvirt has the channel (--take-channel takes it)" },
	{ ETIMEDOUT, "no-answer",
	  "no agent answers in time: it hangs, or somebody holds the channel's socket" },
	{ EPIPE, "closed", "the channel was closed: the guest or libvirtd has gone" },
	{ EBADMSG, "bad-answer",
	  "what the guest answered is not of memonline-protocol(7)" },
	{ EMSGSIZE, "bad-answer", "the guest answered too much in one piece" },
	{ EREMOTEIO, "refused", "the agent refused" },
	{ ECOMM, "failed", "libvirt refused" },
};

const char *guest_state_text(int error)
{
	size_t i;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (faults[i].error == -error)
			return faults[i].state;
	return "failed";
}

void guest_explain(struct text *out, const struct guest_fault *fault)
{
	const char *sentence = strerror(-fault->error);
	size_t i;

	for (i = 0; i < sizeof(faults) / sizeof(faults[0]); i++)
		if (faults[i].error == -fault->error)
			sentence = faults[i].sentence;
	text_puts(out, sentence);
	if (!*fault->message)
		return;
	text_puts(out, ": ");
	text_puts(out, fault->message);
}
