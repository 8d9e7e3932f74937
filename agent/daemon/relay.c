/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "daemon/relay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "core/text.h"
#include "io/log.h"
#include "io/relay.h"
#include "wire/relay.h"

#define DRAIN_MSEC 1000
#define COMMAND_SIZE 65
#define WHY_SIZE 256
#define WHOLE_BYTES (64UL * 1024) /* a shorter reply is given at once, or not at all */

/*
 * libvirt waits 5 s for the reply to a sync: the next one is answered before. Nobody knows how long
 * guest-fstrim takes, or a freeze with hooks.
 */
static const struct relay_patience usual = {
	.retry = 200,
	.connect = 3000,
	.sync = 10000,
	.send = 30000,
	.reply = 3600000,
	.hurry = 2000,
};

enum relay_state {
	RELAY_DOWN, /* no connection */
	RELAY_CONNECTING, /* a request waits; tried again by the timer */
	RELAY_SYNCING, /* all that comes is dropped, up to the reply to the sync */
	RELAY_READY, /* qemu-ga has nothing to do */
	RELAY_SENDING, /* the request is passed on */
	RELAY_WAITING, /* for its reply */
	RELAY_REPLYING, /* a part of which was given */
	RELAY_STATES
};

static const char *const state_names[RELAY_STATES] = { "down",	  "connecting", "syncing",
						       "ready",	  "sending",	"waiting",
						       "replying" };

/* What a round of serving comes to: told last, since the next request may begin with it. */
enum relay_news { NEWS_NONE, NEWS_READY, NEWS_DONE, NEWS_REFUSED };

struct relay {
	struct loop *loop;
	const char *root;
	char path[CONFIG_PATH_SIZE];
	const struct relay_patience *patience;
	struct relay_link *link;
	struct loop_timer *timer;
	enum relay_state state;
	const struct relay_client *client; /* NULL: nobody waits */
	void *data;
	char command[COMMAND_SIZE];
	bool is_silent; /* the command: qemu-ga replies to it only where it fails */
	bool is_hurried;
	bool is_short; /* bytes of the request were lost for lack of memory */
	bool has_failed; /* the request before: said in the log */
	uint64_t until_usec; /* of RELAY_CONNECTING */
	uint64_t last_usec; /* which that never exceeds, however often qemu-ga ends */
	int64_t number; /* of the last sync */
	struct relay_reader reader;
	struct text start; /* of the reply, not given yet */
	enum relay_news news;
};

static void set_state(struct relay *relay, enum relay_state state)
{
	if (relay->state != state)
		log_debug("relay %s: %s -> %s", relay->path, state_names[relay->state],
			  state_names[state]);
	relay->state = state;
}

static void arm(struct relay *relay, uint64_t msec)
{
	loop_timer_arm(relay->timer, relay->is_hurried && msec > relay->patience->hurry
					     ? relay->patience->hurry
					     : msec);
}

/* --- what is sent */

static void put(struct relay *relay, const char *bytes, size_t len)
{
	relay->is_short = relay->is_short || relay_link_send(relay->link, bytes, len) < 0;
}

/* One behind a request that is not whole ends it first. */
static void send_sync(struct relay *relay, bool flushes)
{
	struct text text = TEXT_INIT;

	relay_put_sync(&text, ++relay->number, flushes);
	relay->is_short = text.failed;
	if (!text.failed)
		put(relay, text.data, text.len);
	text_free(&text);
}

static void begin_sync(struct relay *relay, bool flushes)
{
	send_sync(relay, flushes);
	relay_reader_sync(&relay->reader, relay->number);
	text_free(&relay->start);
	set_state(relay, RELAY_SYNCING);
}

static void close_link(struct relay *relay)
{
	relay_link_free(relay->link, 0);
	relay->link = NULL;
	text_free(&relay->start);
	set_state(relay, RELAY_DOWN);
}

/*
 * What qemu-ga still says of this request is dropped, also where the client had no room for it.
 * Without the memory for that the connection ends; qemu-ga may end with it, and is started again.
 */
static void drop_request(struct relay *relay)
{
	begin_sync(relay, relay->state == RELAY_SENDING);
	if (relay->is_short)
		close_link(relay);
	else
		relay_link_resume(relay->link);
}

/* --- the end of a request; what it calls is the last thing that is done */

static void tell_failed(struct relay *relay, const char *why, bool has_begun)
{
	const struct relay_client *client = relay->client;

	relay->client = NULL;
	loop_timer_disarm(relay->timer);
	if (!relay->has_failed)
		log_warning("relay %s: %s: %s", relay->path, relay->command, why);
	else
		log_debug("relay %s: %s: %s", relay->path, relay->command, why);
	relay->has_failed = true;
	client->failed(why, has_begun, relay->data);
}

static void tell_done(struct relay *relay)
{
	const struct relay_client *client = relay->client;

	relay->client = NULL;
	loop_timer_disarm(relay->timer);
	client->done(relay->data);
}

static void tell_ready(struct relay *relay)
{
	if (relay->has_failed)
		log_info("relay %s: qemu-ga answers again", relay->path);
	relay->has_failed = false;
	relay->is_short = false;
	relay_reader_pass(&relay->reader, 0);
	set_state(relay, RELAY_SENDING);
	arm(relay, relay->patience->send);
	relay->client->ready(relay->data);
}

/* --- the connection */

static const struct relay_link_handler link_handler;

static void connect_now(struct relay *relay);

/* A socket that nobody listens on may have somebody soon. */
static void try_again(struct relay *relay, int error)
{
	bool may_come = error == ENOENT || error == ECONNREFUSED || error == EAGAIN;
	char why[WHY_SIZE];

	if (may_come && loop_now_usec() < relay->until_usec) {
		set_state(relay, RELAY_CONNECTING);
		arm(relay, relay->patience->retry);
		return;
	}
	set_state(relay, RELAY_DOWN);
	snprintf(why, sizeof(why), "qemu-ga is not there: %s: %s", relay->path,
		 strerror(error));
	tell_failed(relay, why, false);
}

static void connect_now(struct relay *relay)
{
	relay->link = relay_link_open(relay->loop, relay->root, relay->path,
				      &link_handler, relay);
	if (!relay->link) {
		try_again(relay, errno);
		return;
	}
	memset(&relay->reader, 0, sizeof(relay->reader));
	/* qemu-ga may have kept half a request of the client before. */
	begin_sync(relay, true);
	arm(relay, relay->patience->sync);
}

static void set_until(struct relay *relay)
{
	relay->until_usec = loop_now_usec() + relay->patience->connect * 1000ull;
	if (relay->until_usec > relay->last_usec)
		relay->until_usec = relay->last_usec;
}

/* The request was not sent: it is for the next qemu-ga, however long this one was silent. */
static void wait_for_next(struct relay *relay)
{
	set_until(relay);
	try_again(relay, ECONNREFUSED);
}

static void link_lost(struct relay *relay)
{
	enum relay_state state = relay->state;

	close_link(relay);
	if (!relay->client)
		return;
	if (state <= RELAY_READY)
		wait_for_next(relay);
	else if (relay->is_silent && state == RELAY_WAITING)
		tell_done(relay);
	else
		tell_failed(relay, "qemu-ga has ended before it had answered",
			    state == RELAY_REPLYING);
}

/* --- what comes */

static void give(struct relay *relay, const char *bytes, size_t len)
{
	if (relay->state == RELAY_REPLYING) {
		relay->client->reply(bytes, len, relay->data);
		return;
	}
	text_append(&relay->start, bytes, len);
	if (!relay->start.failed && relay->start.len < WHOLE_BYTES)
		return;
	set_state(relay, RELAY_REPLYING);
	relay->client->reply(relay->start.data, relay->start.len, relay->data);
	if (relay->start.failed)
		relay->client->reply(bytes, len, relay->data);
	text_free(&relay->start);
}

static void end_reply(struct relay *relay)
{
	if (relay->start.len)
		relay->client->reply(relay->start.data, relay->start.len, relay->data);
	text_free(&relay->start);
	relay_reader_sync(&relay->reader, relay->number);
	set_state(relay, relay->is_silent ? RELAY_SYNCING : RELAY_READY);
	relay->news = NEWS_DONE;
}

static void take_part(struct relay *relay, const struct relay_part *part)
{
	if (relay->state == RELAY_SENDING) {
		relay->news = NEWS_REFUSED;
		return;
	}
	if (relay->news != NEWS_NONE)
		return;
	arm(relay, relay->patience->reply);
	give(relay, part->bytes, part->len);
	if (part->ends)
		end_reply(relay);
}

static void synced(struct relay *relay)
{
	/* The reply may have come just before. */
	if (relay->client && relay->news == NEWS_NONE)
		relay->news = relay->state == RELAY_SYNCING ? NEWS_READY : NEWS_DONE;
	set_state(relay, RELAY_READY);
}

static bool link_has_room(void *data)
{
	struct relay *relay = data;

	return relay->state < RELAY_WAITING || relay->client->has_room(relay->data);
}

static void link_received(const char *bytes, size_t len, void *data)
{
	struct relay *relay = data;
	struct relay_part part;

	while (len) {
		switch (relay_reader_feed(&relay->reader, &bytes, &len, &part)) {
		case RELAY_MORE:
			break;
		case RELAY_PART:
			take_part(relay, &part);
			break;
		case RELAY_SYNCED:
			synced(relay);
			break;
		}
	}
}

static void tell_news(struct relay *relay, enum relay_news news)
{
	switch (news) {
	case NEWS_NONE:
		break;
	case NEWS_READY:
		tell_ready(relay);
		break;
	case NEWS_DONE:
		tell_done(relay);
		break;
	case NEWS_REFUSED:
		drop_request(relay);
		tell_failed(relay, "qemu-ga has refused the request before its end",
			    false);
		break;
	}
}

static void link_served(bool drained, bool closed, void *data)
{
	struct relay *relay = data;
	enum relay_news news = relay->news;

	relay->news = NEWS_NONE;
	if (closed && news != NEWS_DONE) {
		link_lost(relay);
		return;
	}
	if (closed)
		close_link(relay);
	if (news == NEWS_NONE && relay->state == RELAY_SENDING)
		arm(relay, relay->patience->send);
	if (news == NEWS_NONE && drained && relay->state == RELAY_SENDING)
		relay->client->drained(relay->data);
	else
		tell_news(relay, news);
}

static const struct relay_link_handler link_handler = { link_has_room, link_received,
							link_served };

/* --- time */

static void too_late(struct relay *relay)
{
	static const char *const why[RELAY_STATES] = {
		[RELAY_SYNCING] =
			"qemu-ga does not answer; the request was not passed on",
		[RELAY_SENDING] = "qemu-ga takes no more of the request",
		[RELAY_WAITING] = "qemu-ga has not answered in time",
		[RELAY_REPLYING] = "qemu-ga has not finished its answer in time",
	};
	enum relay_state state = relay->state;

	if (state != RELAY_SYNCING)
		drop_request(relay);
	if (state == RELAY_WAITING && relay->is_silent)
		tell_done(relay);
	else
		tell_failed(relay, why[state], state == RELAY_REPLYING);
}

static void on_timer(void *data)
{
	struct relay *relay = data;

	if (!relay->client)
		return;
	if (relay->state == RELAY_CONNECTING)
		connect_now(relay);
	else
		too_late(relay);
}

/* --- requests */

bool relay_takes(const struct relay *relay)
{
	return relay->state == RELAY_SENDING &&
	       relay_link_queued(relay->link) < RELAY_LINK_LOW;
}

void relay_begin(struct relay *relay, const char *command,
		 const struct relay_client *client, void *data)
{
	relay_give_up(relay, relay->data);
	relay->client = client;
	relay->data = data;
	snprintf(relay->command, sizeof(relay->command), "%s", command);
	relay->is_silent = command_is_silent(command);
	relay->is_hurried = false;
	relay->last_usec = loop_now_usec() +
			   (relay->patience->sync + relay->patience->connect) * 1000ull;
	set_until(relay);
	if (relay->state == RELAY_READY)
		begin_sync(relay, false);
	if (relay->state == RELAY_SYNCING && relay->is_short)
		close_link(relay); /* no reply will come to a sync that was not sent */
	if (relay->state == RELAY_SYNCING) {
		arm(relay, relay->patience->sync);
		return;
	}
	set_state(relay, RELAY_CONNECTING);
	arm(relay, 0);
}

void relay_send(struct relay *relay, const char *bytes, size_t len)
{
	/* What is behind a gap must not come to be a request of its own. */
	if (relay->state == RELAY_SENDING && !relay->is_short)
		put(relay, bytes, len);
}

void relay_sent(struct relay *relay, bool is_broken)
{
	if (relay->state != RELAY_SENDING)
		return;
	if (is_broken)
		put(relay, "\xff", 1);
	if (relay->is_short) {
		arm(relay, 0); /* too late: the request is dropped */
		return;
	}
	relay->is_silent = relay->is_silent && !is_broken;
	if (relay->is_silent)
		send_sync(relay, false);
	relay_reader_pass(&relay->reader, relay->number);
	set_state(relay, RELAY_WAITING);
	arm(relay, relay->patience->reply);
}

void relay_resume(struct relay *relay)
{
	if (relay->link)
		relay_link_resume(relay->link);
}

void relay_hurry(struct relay *relay)
{
	if (!relay->client || relay->is_hurried)
		return;
	relay->is_hurried = true;
	if (relay->state != RELAY_CONNECTING)
		arm(relay, relay->patience->hurry);
}

void relay_give_up(struct relay *relay, const void *data)
{
	if (!relay->client || relay->data != data)
		return;
	relay->client = NULL;
	loop_timer_disarm(relay->timer);
	if (relay->state == RELAY_CONNECTING)
		set_state(relay, RELAY_DOWN);
	else if (relay->state >= RELAY_SENDING)
		drop_request(relay);
}

struct relay *relay_new(struct loop *loop, const char *root, const char *path,
			const struct relay_patience *patience)
{
	struct relay *relay = calloc(1, sizeof(*relay));

	if (!relay)
		return NULL;
	relay->loop = loop;
	relay->root = root;
	snprintf(relay->path, sizeof(relay->path), "%s", path);
	relay->patience = patience ? patience : &usual;
	relay->number = (int64_t)loop_now_usec(); /* another process's were others */
	relay->timer = loop_timer_add(loop, on_timer, relay);
	if (relay->timer)
		return relay;
	free(relay);
	return NULL;
}

void relay_free(struct relay *relay)
{
	bool is_idle;

	if (!relay)
		return;
	is_idle = relay->state == RELAY_READY;
	relay_link_free(relay->link, is_idle ? 0 : DRAIN_MSEC);
	loop_timer_remove(relay->timer);
	text_free(&relay->start);
	free(relay);
}
