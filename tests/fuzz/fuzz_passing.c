/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A host, memonlined and a qemu-ga behind it, step by step as the bytes say. The host asks either,
 * sends garbage, half a request, more than is taken; stops reading, begins anew, leaves and is
 * followed. qemu-ga answers, in parts that wait for room, fails, hangs, dies and comes back. Each
 * whole request has one answer, in order; each line is JSON, but for one that was broken off; nothing
 * is taken from within itself; and all comes to rest with a qemu-ga that answers.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "daemon/commands.h"
#include "daemon/passing.h"
#include "daemon/relay.h"
#include "io/channel.h"
#include "io/log.h"
#include "io/relay.h"
#include "wire/frame.h"
#include "wire/json-scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ASKED_MAX 256 /* requests in one input */
#define SOCKET_SIZE (64UL * 1024) /* bytes that either way of the socket holds */
#define READ_SIZE 16384
#define READS_MAX 16
#define UNIT 8192 /* bytes, of what a number of the input makes longer */
#define LONG 32768 /* of an answer: more than all that holds one */
#define STEPS_MAX 64 /* of one input */
#define ROUNDS_MAX 100000 /* to come to rest */

#define must(holds)              \
	do {                     \
		if (!(holds))    \
			abort(); \
	} while (0)

/* How qemu-ga answers what is no sync. */
enum manner {
	ANSWERS,
	FAILS,
	ANSWERS_LONG,
	DIES_WITHIN,
	DIES,
	HANGS,
	REFUSES, /* before the request's end */
	MANNERS
};

struct relay_link {
	const struct relay_link_handler *handler;
	void *data;
	struct text out, in; /* not in the socket yet; in it, for memonlined */
	bool has_edge, is_closed;
};

struct loop_timer {
	loop_timer_fn fn;
	void *data;
	bool is_armed;
	uint64_t at_msec;
};

/*
 * Whose answer may not come, or without its id: what qemu-ga says nothing of, what is too long for
 * memonlined's own commands, and another host's.
 */
struct asked {
	unsigned id;
	bool is_optional;
};

/* They are what the world says. */
#define LOOP ((struct loop *)&world)
#define PEER ((struct channel_peer *)&world)
#define AGENT ((struct agent *)&world)

static struct {
	struct config config;
	uint64_t now_msec;
	struct loop_timer timer;
	struct relay *relay;
	struct passing *passing;
	struct protocol_parser *parser;
	struct text reply;
	bool is_offering;
	unsigned short_calls; /* that find no memory, from now on */

	/* the host */
	struct text sent; /* and not taken yet */
	struct text queued; /* and not read yet */
	struct text line; /* that it reads */
	bool is_within; /* a request of its own has no end yet */
	struct asked asked[ASKED_MAX];
	unsigned first, last, id;
	bool succeeded; /* the last answer */

	/* qemu-ga */
	bool is_there;
	enum manner manner;
	unsigned size; /* of a long answer, in units */
	struct relay_link *link;
	struct text requests; /* in its socket */
	struct text taken; /* of the request that it reads */
	struct text answer; /* with no room in the socket */
	struct frame *frame;
	bool has_refused; /* the request that it reads */
} world;

/* --- io/log.h, io/loop.h, daemon/agent.h, daemon/commands.h */

void log_line(enum config_log_level level, const char *format, ...)
{
	(void)level;
	(void)format;
}

uint64_t loop_now_usec(void)
{
	return world.now_msec * 1000;
}

struct loop_timer *loop_timer_add(struct loop *loop, loop_timer_fn fn, void *data)
{
	(void)loop;
	world.timer.fn = fn;
	world.timer.data = data;
	return &world.timer;
}

int loop_timer_arm(struct loop_timer *timer, uint64_t after_msec)
{
	timer->is_armed = true;
	timer->at_msec = world.now_msec + after_msec;
	return 0;
}

void loop_timer_disarm(struct loop_timer *timer)
{
	timer->is_armed = false;
}

/* cppcheck-suppress constParameter; the header's */
void loop_timer_remove(struct loop_timer *timer)
{
	must(timer == &world.timer);
	world.timer.is_armed = false;
}

const struct config *agent_config(const struct agent *agent)
{
	(void)agent;
	return &world.config;
}

void commands_answer_info(struct agent *agent, const struct protocol_request *request,
			  const struct text *theirs, struct text *out)
{
	(void)agent;
	(void)theirs;
	protocol_reply_begin(out, request);
	protocol_put_empty(out);
	protocol_reply_end(out, request);
}

static bool memory_is_short(void)
{
	bool is_short = world.short_calls > 0;

	world.short_calls -= is_short;
	return is_short;
}

/* --- io/relay.h */

/* What fits goes into the socket. */
static void flush(struct relay_link *link)
{
	size_t room = SOCKET_SIZE - world.requests.len;
	size_t len = link->out.len < room ? link->out.len : room;

	if (link->is_closed)
		return;
	text_append(&world.requests, link->out.data ? link->out.data : "", len);
	text_consume(&link->out, len);
}

struct relay_link *relay_link_open(struct loop *loop, const char *root, const char *path,
				   const struct relay_link_handler *handler, void *data)
{
	struct relay_link *link;

	(void)loop;
	(void)root;
	(void)path;
	must(!world.link);
	errno = ECONNREFUSED;
	if (!world.is_there)
		return NULL;
	link = calloc(1, sizeof(*link));
	must(link != NULL);
	link->handler = handler;
	link->data = data;
	world.link = link;
	return link;
}

void relay_link_free(struct relay_link *link, unsigned drain_msec)
{
	(void)drain_msec;
	if (!link)
		return;
	text_free(&link->out);
	text_free(&link->in);
	free(link);
	world.link = NULL;
}

int relay_link_send(struct relay_link *link, const char *bytes, size_t len)
{
	if (memory_is_short())
		return -ENOMEM;
	text_append(&link->out, bytes, len);
	flush(link);
	return 0;
}

size_t relay_link_queued(const struct relay_link *link)
{
	return link->out.len;
}

void relay_link_resume(struct relay_link *link)
{
	link->has_edge = true;
}

static bool read_some(struct relay_link *link)
{
	char bytes[READ_SIZE];
	size_t len = link->in.len;

	if (!len)
		return false;
	if (len > READ_SIZE)
		len = READ_SIZE;
	memcpy(bytes, link->in.data, len);
	text_consume(&link->in, len);
	link->handler->received(bytes, len, link->data);
	return true;
}

/* An edge is seen once, as by io/relay.c. */
static void serve(struct relay_link *link)
{
	bool was_full = link->out.len >= RELAY_LINK_LOW, more = true;
	int reads = 0;

	link->has_edge = false;
	flush(link);
	while (more && link->handler->has_room(link->data) && reads < READS_MAX) {
		more = read_some(link);
		reads++;
	}
	if (more && reads == READS_MAX)
		relay_link_resume(link);
	link->handler->served(was_full && link->out.len < RELAY_LINK_LOW,
			      link->is_closed && !more, link->data);
}

/* --- io/channel.h */

static void queue(const char *bytes, size_t len)
{
	must(len > 0);
	text_append(&world.queued, bytes, len);
}

int channel_send(struct channel_peer *peer, const char *bytes, size_t len)
{
	(void)peer;
	if (memory_is_short())
		return -ENOMEM;
	queue(bytes, len);
	return 0;
}

int channel_push(struct channel_peer *peer, const char *bytes, size_t len)
{
	return channel_send(peer, bytes, len);
}

size_t channel_queued(const struct channel_peer *peer)
{
	(void)peer;
	return world.queued.len;
}

void channel_reopen_port(struct channel_peer *peer)
{
	(void)peer;
}

static void offer(void)
{
	size_t taken = 1;

	while (taken && world.sent.len) {
		must(!world.is_offering);
		world.is_offering = true;
		taken = passing_received(world.passing, world.sent.data,
					 world.sent.len < READ_SIZE ? world.sent.len
								    : READ_SIZE);
		world.is_offering = false;
		must(taken <= world.sent.len);
		text_consume(&world.sent, taken);
	}
}

/* --- the session */

static void send_reply(const struct protocol_request *request, void *data)
{
	(void)request;
	(void)data;
	must(!world.reply.failed && world.reply.len);
	must(!passing_in_line(world.passing));
	queue(world.reply.data, world.reply.len);
	text_clear(&world.reply);
}

static void handle(struct protocol_request *request)
{
	if (request->command == PROTOCOL_GUEST_INFO) {
		passing_answer_info(world.passing, request);
		return;
	}
	protocol_reply_begin(&world.reply, request);
	protocol_put_empty(&world.reply);
	protocol_reply_end(&world.reply, request);
	send_reply(request, NULL);
	protocol_request_clear(request);
}

static bool feed(const char **bytes, size_t *len, void *data)
{
	struct protocol_request request;

	(void)data;
	switch (protocol_feed(world.parser, bytes, len, &request, &world.reply)) {
	case PROTOCOL_MORE:
		return false;
	case PROTOCOL_REQUEST:
		handle(&request);
		break;
	case PROTOCOL_BAD:
		send_reply(NULL, NULL);
		break;
	}
	return true;
}

static bool takes_more(void *data)
{
	(void)data;
	return !passing_waits(world.passing) && world.queued.len < CHANNEL_QUEUE_LOW;
}

static void go_on(void *data)
{
	(void)data;
	offer();
}

static bool hears_events(void *data)
{
	(void)data;
	return false;
}

static const struct passing_owner owner = { NULL,	  NULL, NULL,	    &world.reply,
					    send_reply,	  feed, takes_more, go_on,
					    hears_events, NULL };

/* --- qemu-ga */

static unsigned id_of(const struct text *request)
{
	static const char key[] = "\"id\": ";
	const char *found = NULL;

	if (request->len)
		found = memmem(request->data, request->len, key, sizeof(key) - 1);
	return found ? (unsigned)strtoul(found + sizeof(key) - 1, NULL, 10) : 0;
}

static void end_qemu_ga(void)
{
	world.is_there = false;
	if (world.link) {
		world.link->is_closed = true;
		world.link->has_edge = true;
	}
	text_clear(&world.requests);
	text_clear(&world.taken);
	text_clear(&world.answer);
	frame_reset(world.frame);
	world.has_refused = false;
}

/* As far as there is room. */
static void write_answer(void)
{
	size_t room, len;

	if (!world.link || world.link->is_closed || !world.answer.len)
		return;
	room = SOCKET_SIZE - world.link->in.len;
	len = world.answer.len < room ? world.answer.len : room;
	text_append(&world.link->in, world.answer.data, len);
	text_consume(&world.answer, len);
	world.link->has_edge = world.link->has_edge || len > 0;
}

static void answer_long(unsigned id)
{
	unsigned i;

	text_printf(&world.answer, "{\"return\": \"");
	for (i = 0; i < world.size * LONG / 64; i++)
		text_puts(&world.answer, "AAAAAAAAAAAAAAAABBBBBBBBBBBBBBBB"
					 "CCCCCCCCCCCCCCCCDDDDDDDDDDDDDDDD");
	if (world.manner == DIES_WITHIN) {
		write_answer();
		end_qemu_ga();
		return;
	}
	text_printf(&world.answer, "\", \"id\": %u}\n", id);
}

static void answer(const char *command, unsigned id)
{
	if (frame_is_broken(world.frame)) {
		text_printf(&world.answer, "{\"error\": 1}\n{\"error\": 2}\n");
	} else if (command && strcmp(command, "guest-sync-delimited") == 0) {
		text_append(&world.answer, "\xff", 1);
		text_printf(&world.answer, "{\"return\": %lld}\n",
			    strtoll(strstr(world.taken.data, "\"id\": ") + 6, NULL, 10));
	} else if (world.manner == DIES) {
		end_qemu_ga();
	} else if (world.manner == ANSWERS_LONG || world.manner == DIES_WITHIN) {
		answer_long(id);
	} else if (world.manner == FAILS) {
		text_printf(&world.answer, "{\"error\": {}, \"id\": %u}\n", id);
	} else if (!command || !command_is_silent(command)) {
		text_printf(&world.answer, "{\"return\": {}, \"id\": %u}\n", id);
	}
}

static void begin_request(void)
{
	const char *command = frame_command(world.frame);

	frame_pass(world.frame);
	if (world.manner != REFUSES ||
	    (command && strcmp(command, "guest-sync-delimited") == 0))
		return;
	text_printf(&world.answer, "{\"error\": {}, \"id\": %u}\n", id_of(&world.taken));
	world.has_refused = true;
}

/* One event of its frame; false: it has nothing to do, or cannot. */
static bool work(void)
{
	const char *bytes = world.requests.data;
	size_t len = world.requests.len;
	enum frame_event event;

	write_answer();
	if (!world.is_there || world.answer.len || !len || world.manner == HANGS)
		return false;
	event = frame_feed(world.frame, &bytes, &len);
	text_append(&world.taken, world.requests.data, world.requests.len - len);
	text_consume(&world.requests, world.requests.len - len);
	if (world.link)
		world.link->has_edge = true;
	if (event == FRAME_NAMED)
		begin_request();
	if (event == FRAME_ENDED) {
		if (!world.has_refused)
			answer(frame_command(world.frame), id_of(&world.taken));
		world.has_refused = false;
		text_clear(&world.taken);
		write_answer();
	}
	return true;
}

/* --- the host */

static void ask(const char *command, unsigned units, bool is_silent)
{
	unsigned i;

	if (world.last == ASKED_MAX)
		return;
	if (world.is_within)
		text_append(&world.sent, "\xff", 1);
	world.is_within = false;
	world.asked[world.last].id = ++world.id;
	world.asked[world.last++].is_optional = is_silent;
	text_printf(&world.sent, "{\"id\": %u, \"execute\": \"%s\"", world.id, command);
	if (units)
		text_puts(&world.sent, ", \"arguments\": {\"x\": [0");
	for (i = 0; i < units * UNIT / 2; i++)
		text_puts(&world.sent, ", 11");
	text_puts(&world.sent, units ? "]}}\n" : "}\n");
}

static void begin_anew(void)
{
	text_append(&world.sent, "\xff", 1);
	world.is_within = false;
	if (world.last == ASKED_MAX)
		return;
	world.asked[world.last].id = ++world.id;
	world.asked[world.last++].is_optional = false;
	text_printf(
		&world.sent,
		"{\"id\": %u, \"execute\": \"guest-sync\", \"arguments\": {\"id\": 1}}\n",
		world.id);
}

static void send_half(void)
{
	text_puts(&world.sent, "{\"execute\": \"guest-exec\", \"arguments\": {\"x\": \"");
	world.is_within = true;
}

/* No id is in it. */
static size_t send_garbage(const uint8_t *data, size_t size, size_t len)
{
	size_t i;

	for (i = 0; i < len && i < size; i++)
		text_append(&world.sent, data[i] == 'd' ? "x" : (const char *)&data[i],
			    1);
	text_append(&world.sent, "\xff", 1);
	world.is_within = false;
	return i;
}

static bool is_json(const struct text *line)
{
	static const struct json_scan_limits limits = {
		.bytes = 1UL << 20,
		.token = 1UL << 20,
		.kept = 4UL << 20,
		.values = 1024,
		.depth = 16,
		.elements = 1024,
		.members = 128,
	};
	struct json_scan *scan = json_scan_new(&limits);
	const char *bytes = line->data;
	size_t len = line->len;
	bool is_object;

	must(scan != NULL);
	is_object = json_scan_feed(scan, &bytes, &len) == JSON_SCAN_OBJECT;
	json_scan_free(scan);
	return is_object;
}

static void take_line(void)
{
	static const char broken[] = "{\"return\": \"AAAA";
	unsigned id = id_of(&world.line);

	if (!is_json(&world.line)) {
		must(world.line.len > sizeof(broken) &&
		     memcmp(world.line.data, broken, sizeof(broken) - 1) == 0);
		return;
	}
	if (!id)
		return;
	while (world.first < world.last && world.asked[world.first].id != id) {
		must(world.asked[world.first].is_optional);
		world.first++;
	}
	must(world.first < world.last);
	world.first++;
	world.succeeded = strstr(world.line.data, "\"return\"") != NULL;
}

static void host_reads(size_t len)
{
	bool was_full = world.queued.len >= CHANNEL_QUEUE_LOW;
	const char *at = world.queued.data, *newline;
	size_t left;

	if (len > world.queued.len)
		len = world.queued.len;
	for (left = len; left && (newline = memchr(at, '\n', left)); at = newline + 1) {
		text_append(&world.line, at, (size_t)(newline - at));
		left -= (size_t)(newline + 1 - at);
		take_line();
		text_clear(&world.line);
	}
	if (left)
		text_append(&world.line, at, left);
	text_consume(&world.queued, len);
	if (was_full && world.queued.len < CHANNEL_QUEUE_LOW)
		passing_drained(world.passing);
	offer();
}

/* What was sent to the last one is gone. */
static void host_is_followed(void)
{
	unsigned i;

	text_clear(&world.queued);
	text_clear(&world.line);
	for (i = world.first; i < world.last; i++)
		world.asked[i].is_optional = true;
	text_append(&world.sent, "\xff", 1);
	world.is_within = false;
	passing_followed(world.passing);
}

/* --- steps */

static bool serve_edge(void)
{
	if (!world.link || !world.link->has_edge)
		return false;
	serve(world.link);
	return true;
}

static bool pass_time(void)
{
	if (!world.timer.is_armed)
		return false;
	world.timer.is_armed = false;
	if (world.timer.at_msec > world.now_msec)
		world.now_msec = world.timer.at_msec;
	world.timer.fn(world.timer.data);
	return true;
}

static bool is_due(void)
{
	return world.timer.is_armed && world.timer.at_msec <= world.now_msec;
}

static size_t step(uint8_t what, const uint8_t *data, size_t size)
{
	unsigned number = what >> 4;

	switch (what & 15) {
	case 0:
		ask("guest-exec", 0, false);
		break;
	case 1:
		ask("guest-get-memory-block-info", number, number > 0);
		break;
	case 2:
		ask("guest-info", 0, false);
		break;
	case 3:
		ask("guest-shutdown", 0, true);
		break;
	case 4:
		ask("guest-file-write", number, false);
		break;
	case 5:
		return send_garbage(data, size, (size_t)number * 4);
	case 6:
		send_half();
		break;
	case 7:
		host_reads(number == 15 ? SIZE_MAX : (size_t)number * UNIT);
		break;
	case 8:
	case 9:
		while (work() && number--)
			serve_edge();
		break;
	case 10:
		end_qemu_ga();
		break;
	case 11:
		world.is_there = true;
		break;
	case 12:
		world.short_calls = number / 2;
		pass_time();
		break;
	case 13:
		host_is_followed();
		break;
	case 14:
		world.manner = (enum manner)(number % MANNERS);
		world.size = number;
		break;
	case 15:
		begin_anew();
		break;
	}
	return 0;
}

static void settle(void)
{
	int rounds = 0;

	offer();
	while (serve_edge() || (is_due() && pass_time()))
		must(++rounds < ROUNDS_MAX);
}

/* The host reads, and qemu-ga is there and answers. */
static void come_to_rest(void)
{
	int rounds = 0;
	bool is_busy = true;

	world.manner = ANSWERS;
	world.short_calls = 0;
	while (is_busy) {
		bool was_queued = world.queued.len > 0;

		world.is_there = true;
		host_reads(SIZE_MAX);
		is_busy = work();
		is_busy = serve_edge() || is_busy || was_queued;
		is_busy = is_busy || pass_time();
		must(++rounds < ROUNDS_MAX);
	}
}

static void begin(void)
{
	memset(&world, 0, sizeof(world));
	config_defaults(&world.config);
	world.is_there = true;
	world.frame = frame_new();
	world.parser = protocol_parser_new();
	must(world.frame && world.parser);
	protocol_parser_disable(world.parser, PROTOCOL_UNKNOWN);
	world.relay = relay_new(LOOP, "/", "/qga", NULL);
	must(world.relay != NULL);
}

static void end(void)
{
	passing_free(world.passing);
	relay_free(world.relay);
	protocol_parser_free(world.parser);
	frame_free(world.frame);
	text_free(&world.reply);
	text_free(&world.sent);
	text_free(&world.queued);
	text_free(&world.line);
	text_free(&world.requests);
	text_free(&world.taken);
	text_free(&world.answer);
}

/* Whatever was before: the next request succeeds. */
static void expect_an_answer(void)
{
	come_to_rest();
	if (world.last == ASKED_MAX)
		world.last = world.first = 0;
	begin_anew();
	ask("guest-exec", 0, false);
	world.succeeded = false;
	settle();
	come_to_rest();
	must(world.first == world.last && world.succeeded && !world.sent.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct passing_owner with_parser = owner;
	int steps = 0;

	begin();
	with_parser.parser = world.parser;
	with_parser.peer = PEER;
	with_parser.agent = AGENT;
	world.passing = passing_new(world.relay, &with_parser);
	must(world.passing != NULL);
	while (size && steps++ < STEPS_MAX) {
		uint8_t what = *data++;
		size_t used = step(what, data, --size);

		data += used;
		size -= used;
		settle();
	}
	expect_an_answer();
	end();
	return 0;
}
