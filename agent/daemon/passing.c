/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "passing.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "wire/frame.h"
#include "wire/relay.h"

#define WHY_SIZE 256
#define HELD_MAX (64UL * 1024) /* bytes of a request, with which no more of it is taken */
#define INFO_SIZE_MAX (256UL * 1024) /* bytes of qemu-ga's answer to guest-info */

/* Where the bytes of a request go. */
enum passing_route {
	ROUTE_OPEN, /* nowhere yet: its command is not known */
	ROUTE_OWN, /* to memonlined's parser */
	ROUTE_PASSED, /* to the relay */
	ROUTE_REFUSED /* nowhere: it cannot be passed on */
};

struct passing {
	struct relay *relay;
	struct passing_owner owner;
	struct frame *frame;
	enum passing_route route;
	bool waits; /* for qemu-ga's answer to a request that is whole */
	bool answered; /* the request of ROUTE_OWN, perhaps before its end */
	/* Of ROUTE_PASSED: qemu-ga takes it, and what there is of it until then. */
	bool is_ready;
	struct text held;
	bool in_line; /* the host has a part of a reply */
	bool line_lost; /* not all of it, for lack of memory */
	char why[WHY_SIZE]; /* ROUTE_REFUSED */
	struct protocol_request info_request;
	struct text info; /* qemu-ga's reply to guest-info */
};

bool passing_waits(const struct passing *passing)
{
	return passing->waits;
}

bool passing_in_line(const struct passing *passing)
{
	return passing->in_line;
}

/* `before` is what the line follows. */
static void send_error(struct passing *passing, const char *before, const char *why)
{
	struct protocol_request request;
	struct text id = TEXT_INIT;

	protocol_request_init(&request, PROTOCOL_COMMANDS);
	if (frame_put_id(passing->frame, &id) && !id.failed)
		request.id = id.data;
	text_puts(passing->owner.reply, before);
	protocol_put_error(passing->owner.reply, &request, why);
	passing->owner.send(&request, passing->owner.data);
	text_free(&id);
}

/* The passing may be gone after this. */
static void go_on(struct passing *passing)
{
	passing->owner.go_on(passing->owner.data);
}

/* --- a request that is passed on, and its reply */

static void end_passing(struct passing *passing)
{
	passing->in_line = passing->line_lost = passing->waits = false;
	passing->route = ROUTE_OPEN;
	text_free(&passing->held);
	go_on(passing);
}

static void fail(struct passing *passing, const char *why)
{
	if (passing->waits) {
		send_error(passing, "", why);
		end_passing(passing);
		return;
	}
	/* It is answered when it is whole: it may have an id still. */
	passing->route = ROUTE_REFUSED;
	snprintf(passing->why, sizeof(passing->why), "%s", why);
	text_free(&passing->held);
	go_on(passing);
}

static void relay_is_ready(void *data)
{
	struct passing *passing = data;

	if (passing->held.failed) {
		relay_give_up(passing->relay, passing);
		fail(passing, "Cannot allocate memory");
		return;
	}
	passing->is_ready = true;
	relay_send(passing->relay, passing->held.data, passing->held.len);
	text_free(&passing->held);
	if (passing->waits)
		relay_sent(passing->relay, frame_is_broken(passing->frame));
	else
		go_on(passing);
}

static void relay_is_drained(void *data)
{
	go_on(data);
}

static bool host_has_room(void *data)
{
	const struct passing *passing = data;

	return channel_queued(passing->owner.peer) < CHANNEL_QUEUE_LOW;
}

/* A part is not kept for the next host, as a whole line is. */
static void pass_reply(const char *bytes, size_t len, void *data)
{
	struct passing *passing = data;
	bool is_whole = !passing->in_line && bytes[len - 1] == '\n';
	int r = 0;

	if (is_whole)
		r = channel_send(passing->owner.peer, bytes, len);
	else if (!passing->line_lost)
		r = channel_push(passing->owner.peer, bytes, len);
	passing->in_line = passing->in_line || !is_whole;
	passing->line_lost = passing->line_lost || r < 0;
}

/* The host gets a line that is no JSON, and then the error. */
static void break_line(struct passing *passing, const char *why)
{
	bool had_begun = passing->in_line;

	passing->in_line = false;
	send_error(passing, had_begun ? "\n" : "", why);
	/* libvirt talks to no agent after such a line, until it is another one. */
	if (had_begun && !passing->owner.hears_events(passing->owner.data))
		channel_reopen_port(passing->owner.peer);
}

static void relay_is_done(void *data)
{
	struct passing *passing = data;

	if (passing->line_lost)
		break_line(passing, "Cannot allocate memory");
	end_passing(passing);
}

static void relay_has_failed(const char *why, bool has_begun, void *data)
{
	struct passing *passing = data;

	if (!has_begun) {
		fail(passing, why);
		return;
	}
	break_line(passing, why);
	end_passing(passing);
}

static const struct relay_client reply_client = { relay_is_ready, relay_is_drained,
						  host_has_room,  pass_reply,
						  relay_is_done,  relay_has_failed };

/* --- guest-info, which both answer */

static void ask_info(void *data)
{
	struct passing *passing = data;
	struct text request = TEXT_INIT;

	relay_put_info_request(&request);
	if (!request.failed)
		relay_send(passing->relay, request.data, request.len);
	relay_sent(passing->relay, request.failed);
	text_free(&request);
}

static bool info_has_room(void *data)
{
	(void)data;
	return true;
}

static void keep_info(const char *bytes, size_t len, void *data)
{
	struct passing *passing = data;

	if (passing->info.len + len > INFO_SIZE_MAX)
		passing->info.failed = true;
	text_append(&passing->info, bytes, len);
}

static void answer_info(void *data)
{
	struct passing *passing = data;

	commands_answer_info(passing->owner.agent, &passing->info_request, &passing->info,
			     passing->owner.reply);
	passing->owner.send(&passing->info_request, passing->owner.data);
	text_free(&passing->info);
	protocol_request_clear(&passing->info_request);
	passing->waits = false;
	go_on(passing);
}

/* Without qemu-ga the list is memonlined's alone. */
static void info_has_failed(const char *why, bool has_begun, void *data)
{
	struct passing *passing = data;

	(void)why;
	(void)has_begun;
	text_clear(&passing->info);
	answer_info(passing);
}

static const struct relay_client info_client = {
	ask_info, NULL, info_has_room, keep_info, answer_info, info_has_failed
};

void passing_answer_info(struct passing *passing, const struct protocol_request *request)
{
	passing->info_request = *request;
	passing->waits = true;
	relay_begin(passing->relay, "guest-info", &info_client, passing);
}

/* --- which of the two a request is for */

static bool is_passed(const struct passing *passing, const char *name)
{
	const struct config *config = agent_config(passing->owner.agent);

	return name && command_is_relayed(name) &&
	       !command_lists_forbid(&config->port_allowed, &config->port_blocked, name);
}

/* What is behind the request, or behind the place where it was found to be wrong, is left. */
static void feed_own(struct passing *passing, const char **bytes, size_t *len)
{
	while (*len && !passing->answered)
		passing->answered = passing->owner.feed(bytes, len, passing->owner.data);
}

static void begin_own(struct passing *passing)
{
	struct text held = TEXT_INIT;
	const char *bytes;
	size_t len;

	passing->route = ROUTE_OWN;
	passing->answered = false;
	protocol_parser_reset(passing->owner.parser);
	frame_take_held(passing->frame, &held);
	bytes = held.data;
	len = held.len;
	if (!held.failed) {
		feed_own(passing, &bytes, &len);
	} else {
		send_error(passing, "", "Cannot allocate memory");
		frame_drop(passing->frame);
		passing->route = ROUTE_OPEN;
	}
	text_free(&held);
}

static void choose_route(struct passing *passing)
{
	const char *name = frame_command(passing->frame);

	if (!is_passed(passing, name)) {
		begin_own(passing);
		return;
	}
	frame_pass(passing->frame);
	frame_take_held(passing->frame, &passing->held);
	passing->route = ROUTE_PASSED;
	passing->is_ready = false;
	relay_begin(passing->relay, name, &reply_client, passing);
}

static void end_request(struct passing *passing)
{
	const char *newline = "\n";
	size_t one = 1;

	switch (passing->route) {
	case ROUTE_OPEN:
		break;
	case ROUTE_OWN:
		/* A number or word by itself ends only there. */
		feed_own(passing, &newline, &one);
		passing->route = ROUTE_OPEN;
		break;
	case ROUTE_PASSED:
		passing->waits = true;
		if (passing->is_ready)
			relay_sent(passing->relay, frame_is_broken(passing->frame));
		break;
	case ROUTE_REFUSED:
		send_error(passing, "", passing->why);
		passing->route = ROUTE_OPEN;
		break;
	}
}

/* What the frame has taken of a request; what our parser leaves is left. */
static void route_bytes(struct passing *passing, const char **bytes, size_t *len)
{
	if (passing->route == ROUTE_OWN) {
		feed_own(passing, bytes, len);
		return;
	}
	if (passing->route == ROUTE_PASSED && passing->is_ready)
		relay_send(passing->relay, *bytes, *len);
	else if (passing->route == ROUTE_PASSED)
		text_append(&passing->held, *bytes, *len);
	*len = 0;
}

static bool takes_more(const struct passing *passing)
{
	if (!passing->owner.takes_more(passing->owner.data))
		return false;
	if (passing->route != ROUTE_PASSED)
		return true;
	return passing->is_ready ? relay_takes(passing->relay)
				 : passing->held.len < HELD_MAX;
}

static size_t route(struct passing *passing, const char *bytes, size_t len)
{
	const char *rest = bytes;

	while (len && takes_more(passing)) {
		const char *start = rest;
		enum frame_event event = frame_feed(passing->frame, &rest, &len);
		size_t left = (size_t)(rest - start);

		route_bytes(passing, &start, &left);
		if (left) {
			/* Answered before its end: what follows is dropped up to a newline. */
			frame_drop(passing->frame);
			passing->route = ROUTE_OPEN;
			rest = start;
			len += left;
		} else if (event == FRAME_NAMED) {
			choose_route(passing);
		} else if (event == FRAME_ENDED) {
			end_request(passing);
		}
	}
	return (size_t)(rest - bytes);
}

/* The host does not wait for the last reply any more. */
static bool begins_anew(const char *bytes, size_t len)
{
	static const char sync[] = "guest-sync";

	return memchr(bytes, 0xff, len) || memmem(bytes, len, sync, sizeof(sync) - 1);
}

/* What is left between two requests would keep the next one from being seen. */
static size_t white_space(const char *bytes, size_t len)
{
	size_t white = 0;

	while (white < len && strchr(" \t\r\n", bytes[white]) && bytes[white])
		white++;
	return white;
}

size_t passing_received(struct passing *passing, const char *bytes, size_t len)
{
	size_t taken = passing->waits ? 0 : route(passing, bytes, len);

	if (!passing->waits)
		return taken;
	if (begins_anew(bytes + taken, len - taken))
		relay_hurry(passing->relay);
	return taken + white_space(bytes + taken, len - taken);
}

static void forget_request(struct passing *passing)
{
	relay_give_up(passing->relay, passing);
	frame_reset(passing->frame);
	text_free(&passing->held);
	text_free(&passing->info);
	protocol_request_clear(&passing->info_request);
	passing->in_line = passing->line_lost = passing->waits = false;
	passing->route = ROUTE_OPEN;
}

void passing_followed(struct passing *passing)
{
	const char *why = "Another host has followed";

	/* What was not sent yet of the last one's line is not sent any more. */
	passing->in_line = false;
	if (passing->waits && passing->route == ROUTE_PASSED) {
		send_error(passing, "", why);
	} else if (passing->waits) {
		protocol_put_error(passing->owner.reply, &passing->info_request, why);
		passing->owner.send(&passing->info_request, passing->owner.data);
	}
	forget_request(passing);
}

void passing_drained(struct passing *passing)
{
	relay_resume(passing->relay);
}

struct passing *passing_new(struct relay *relay, const struct passing_owner *owner)
{
	struct passing *passing = calloc(1, sizeof(*passing));

	if (!passing)
		return NULL;
	passing->relay = relay;
	passing->owner = *owner;
	passing->frame = frame_new();
	if (passing->frame)
		return passing;
	free(passing);
	return NULL;
}

void passing_free(struct passing *passing)
{
	if (!passing)
		return;
	forget_request(passing);
	frame_free(passing->frame);
	free(passing);
}
