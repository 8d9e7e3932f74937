/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/journal.h"

/* Hosts on the port, one after the other, and what they have to hear. */
#define LINE_BYTES 65536
#define ASKED_MAX 64
#define KEPT 1024 /* reports remembered, by number */
#define ROOM 4096 /* bytes that a host which does not read leaves for the guest */

enum ask {
	ASK_SYNC,
	ASK_STATUS,
	ASK_SUBSCRIBE,
	ASK_OFFLINE,
	ASK_ONLINE,
	ASK_RANGES,
	ASK_SET,
	ASKS
};

struct asked {
	unsigned id;
	enum ask what;
	bool open; /* still to be answered */
	bool excused; /* the agent or its port was removed meanwhile */
	unsigned first, count; /* blocks */
};

static struct {
	bool up, stalled;
	bool flushed; /* it has begun with 0xFF, as memonline-protocol(7) says */
	unsigned
		no_memory; /* errors that have no id, of requests that could not be read */
	bool flush_open; /* that is an error, be it of half a request */
	unsigned number; /* of the connection */
	unsigned ids;
	struct asked asked[ASKED_MAX];
	unsigned asked_count;
	char pending[LINE_BYTES]; /* QEMU holds it until the guest opens its port */
	size_t pending_len;
	char line[LINE_BYTES];
	size_t line_len;
	uint64_t unread; /* bytes, while it stalls */
	bool missed; /* some, while it stalled */
	uint64_t next_seq; /* 0: they begin again, from an earlier one or not */
} host;

/* What all of them together know. */
static struct {
	char instance[40];
	uint64_t last_seq;
	uint64_t sums[KEPT];
} known;

void hosts_begin(void)
{
	memset(&host, 0, sizeof(host));
	memset(&known, 0, sizeof(known));
	host.ids = 1000;
}

bool host_port_is_held(void)
{
	return host.up;
}

bool host_has_room(void)
{
	return !host.up || !host.stalled || host.unread < ROOM;
}

void host_excuse_open(void)
{
	unsigned i;

	for (i = 0; i < host.asked_count; i++)
		host.asked[i].excused = true;
}

void host_excuse(void)
{
	host_excuse_open();
	host.flush_open = false;
	host.next_seq = 0;
	host.line_len = 0;
}

/* --- coming and going */

/* From here on the agent knows that it is another one. */
void host_greeted(void)
{
	host.next_seq = 0;
}

void host_comes(void)
{
	if (host.up)
		return;
	host.up = true;
	host.number++;
	host.stalled = host.flushed = host.flush_open = false;
	host.unread = 0;
	host.asked_count = host.no_memory = 0;
	host.line_len = host.pending_len = 0;
	host.next_seq = 0;
	sim_trace("host %u connects", host.number);
	port_host(true);
}

/* At any byte of a request that is whole JSON up to there. */
static void leave_in_a_line(void)
{
	static const char line[] =
		"{\"execute\": \"guest-sync\", \"arguments\": {\"id\": 7}}";

	if (port_is_open())
		port_deliver(line, 1 + sim_draw(sizeof(line) - 1));
}

void host_leaves(void)
{
	if (!host.up)
		return;
	if (sim_one_in(4))
		leave_in_a_line();
	host.up = false;
	host.pending_len = 0;
	sim_trace("host %u leaves", host.number);
	port_host(false);
}

static void come(uint32_t asks, uint32_t unused)
{
	(void)unused;
	if (host.up)
		return;
	host_comes();
	while (asks--)
		host_asks();
}

void host_follows(void)
{
	host_leaves();
	sim_later(sim_draw(2) ? 0 : sim_draw(1500), come, 1 + sim_draw(3), 0);
}

void host_stalls(void)
{
	if (!host.up)
		return;
	host.stalled = !host.stalled;
	host.unread = 0;
	sim_trace("host %u %s", host.number, host.stalled ? "stalls" : "reads again");
	port_rearm();
}

/* --- what it asks */

static void deliver(uint32_t number, uint32_t unused)
{
	(void)unused;
	if (host.up && number == host.number &&
	    port_deliver(host.pending, host.pending_len))
		host.pending_len = 0;
}

void host_port_opened(void)
{
	sim_later(20, deliver, host.number, 0);
}

static void send_line(const char *line, size_t len)
{
	if (host.pending_len + len > LINE_BYTES)
		return;
	memcpy(host.pending + host.pending_len, line, len);
	host.pending_len += len;
	if (port_is_open() && sim_one_in(2))
		deliver(host.number, 0);
	else
		sim_later(10 + sim_draw(40), deliver, host.number, 0);
}

static void note_asked(unsigned index, bool online)
{
	if (online)
		kernel.blocks[index].asked = true;
	else
		kernel.blocks[index].asked_off = true;
}

static int put_range(char *text, size_t size, const char *name, struct asked *asked)
{
	unsigned slot = sim_draw(SIM_SLOTS), i;
	bool online = asked->what == ASK_ONLINE;

	asked->first = slot_base(slot);
	asked->count = SIM_SLOT_BLOCKS;
	if (sim_one_in(2)) {
		asked->first += sim_draw(SIM_SLOT_BLOCKS);
		asked->count = 1;
	}
	for (i = asked->first; i < asked->first + asked->count; i++)
		note_asked(i, online);
	return snprintf(
		text, size,
		"{\"execute\": \"memonline-%s\", \"arguments\": {\"start\": %llu, "
		"\"size\": %llu}, \"id\": %u}\n",
		name, asked->first * SIM_BLOCK_BYTES, asked->count * SIM_BLOCK_BYTES,
		asked->id);
}

static int put_set(char *text, size_t size, struct asked *asked)
{
	unsigned slot = sim_draw(SIM_SLOTS), at = sim_draw(SIM_SLOT_BLOCKS), i;
	unsigned count = 1 + sim_draw(SIM_SLOT_BLOCKS - at);
	bool online = sim_one_in(2);
	int len = snprintf(text, size,
			   "{\"execute\": \"guest-set-memory-blocks\", "
			   "\"arguments\": {\"mem-blks\": [");

	asked->first = slot_base(slot) + at;
	asked->count = online ? 0 : count;
	for (i = 0; i < count; i++) {
		note_asked(asked->first + i, online);
		len += snprintf(text + len, size - (size_t)len,
				"%s{\"phys-index\": %u, \"online\": %s}", i ? ", " : "",
				asked->first + i, online ? "true" : "false");
	}
	return len +
	       snprintf(text + len, size - (size_t)len, "]}, \"id\": %u}\n", asked->id);
}

static int put_request(char *text, size_t size, struct asked *asked)
{
	switch (asked->what) {
	case ASK_STATUS:
		return snprintf(text, size,
				"{\"execute\": \"memonline-status\", \"id\": %u}\n",
				asked->id);
	case ASK_RANGES:
		return snprintf(text, size,
				"{\"execute\": \"memonline-get-ranges\", \"id\": %u}\n",
				asked->id);
	case ASK_SUBSCRIBE:
		return snprintf(text, size,
				"{\"execute\": \"memonline-subscribe\", \"arguments\": "
				"{\"since\": %" PRIu64 "}, \"id\": %u}\n",
				known.last_seq, asked->id);
	case ASK_OFFLINE:
		return put_range(text, size, "offline", asked);
	case ASK_ONLINE:
		return put_range(text, size, "online", asked);
	case ASK_SET:
		return put_set(text, size, asked);
	case ASK_SYNC:
	case ASKS:
		break;
	}
	return snprintf(
		text, size,
		"{\"execute\": \"guest-sync\", \"arguments\": {\"id\": %u}, \"id\": %u}\n",
		asked->id, asked->id);
}

void host_asks(void)
{
	struct asked *asked;
	char line[1024];
	int len;

	if (!host.up)
		return;
	if (host.asked_count == ASKED_MAX)
		memmove(host.asked, host.asked + 1,
			--host.asked_count * sizeof(host.asked[0]));
	asked = &host.asked[host.asked_count];
	memset(asked, 0, sizeof(*asked));
	asked->id = ++host.ids;
	asked->what = (enum ask)sim_draw(ASKS);
	asked->open = true;
	/* Half a request of the host before it may be there still. */
	if (!host.flushed)
		send_line("\xff", 1);
	host.flush_open = host.flush_open || !host.flushed;
	host.flushed = true;
	len = put_request(line, sizeof(line), asked);
	host.asked_count++;
	sim_trace("host %u asks %.*s", host.number, len - 1, line);
	send_line(line, (size_t)len);
}

/* --- what it hears */

static uint64_t number_after(const char *line, const char *member)
{
	const char *found = strstr(line, member);

	return found ? strtoull(found + strlen(member), NULL, 10) : 0;
}

/* Of a report; how many were lost before it is this connection's. */
static uint64_t sum_of(const char *text)
{
	const char *end = strstr(text, ", \"lost\": ");
	uint64_t sum = 0xcbf29ce484222325ull;

	for (; *text && text != end; text++)
		sum = (sum ^ (unsigned char)*text) * 0x100000001b3ull;
	return sum;
}

static void check_order(uint64_t seq)
{
	bool is_next = host.next_seq ? seq == host.next_seq
				     : seq <= known.last_seq + 1 || host.missed;

	if (!is_next)
		sim_fail("reports",
			 "host %u hears report %" PRIu64 " in place of %" PRIu64,
			 host.number, seq,
			 host.next_seq ? host.next_seq : known.last_seq + 1);
	host.next_seq = seq + 1;
	host.missed = false;
}

static void hear_report(const char *line)
{
	const char *data = strstr(line, "\"data\": ");
	uint64_t seq = number_after(line, "\"seq\": ");
	const char *instance = strstr(line, "\"instance\": \"");
	char name[40] = "";

	if (!data || !instance || !seq) {
		sim_fail("reports", "no report: %.80s", line);
		return;
	}
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(instance + 13, "\""),
		 instance + 13);
	if (strcmp(name, known.instance) != 0) {
		memset(&known, 0, sizeof(known));
		memcpy(known.instance, name, sizeof(name));
		/* It may have subscribed with a number of the one before. */
		host.missed = true;
		host.next_seq = 0;
	}
	check_order(seq);
	if (seq > known.last_seq)
		known.last_seq = seq;
	if (known.sums[seq % KEPT] && known.sums[seq % KEPT] != sum_of(data))
		sim_fail("reports", "report %" PRIu64 " is another one now", seq);
	known.sums[seq % KEPT] = sum_of(data);
}

/* A block that a host took offline, and that was answered, stays offline. */
static bool is_done(const char *line, unsigned index)
{
	char text[64];

	snprintf(text, sizeof(text), "\"phys-index\": %u, \"response\": \"success\"",
		 index);
	return strstr(line, text) != NULL;
}

static void note_wishes(const struct asked *asked, const char *line)
{
	unsigned i;

	if ((asked->what != ASK_OFFLINE && asked->what != ASK_SET) ||
	    strstr(line, "failed") || strstr(line, "rolled"))
		return;
	for (i = asked->first; i < asked->first + asked->count; i++)
		if (is_done(line, i) && kernel.blocks[i].present &&
		    kernel.blocks[i].state == BLOCK_OFFLINE)
			kernel.blocks[i].wish = SIM_WISH_OFF;
}

static void hear_answer(const char *line)
{
	uint64_t id = number_after(line, ", \"id\": ");
	unsigned i;

	/* The subscriber, also if it is the host before this one. */
	if (strstr(line, "\"lost\": "))
		host.next_seq = 0;

	if (!id && !host.flush_open && strstr(line, "Cannot allocate memory"))
		host.no_memory++;
	host.flush_open = false;
	for (i = 0; i < host.asked_count; i++) {
		struct asked *asked = &host.asked[i];

		if (asked->id != id)
			continue;
		if (!asked->open)
			sim_fail("answers", "request %u is answered twice", asked->id);
		asked->open = false;
		note_wishes(asked, line);
	}
}

static void hear_line(const char *line)
{
	sim_trace("host %u hears %s", host.number, line);
	if (strstr(line, "\"event\": \"MEMONLINE_REPORT\"")) {
		if (!sim_plant("lost-report") || !sim_one_in(8))
			hear_report(line);
	} else if (!strstr(line, "\"event\"")) {
		hear_answer(line);
	}
}

size_t host_hears(const char *bytes, size_t len)
{
	size_t i;

	if (!host.up) {
		host.missed = true;
		return len; /* QEMU drops it */
	}
	if (host.stalled) {
		if (host.unread >= ROOM)
			return 0;
		host.unread += len;
		host.missed = true;
		host_excuse();
		return len;
	}
	for (i = 0; i < len; i++) {
		if (bytes[i] != '\n') {
			if (host.line_len < LINE_BYTES - 1)
				host.line[host.line_len++] = bytes[i];
			continue;
		}
		host.line[host.line_len] = '\0';
		host.line_len = 0;
		hear_line(host.line);
	}
	return len;
}

static bool must_be_answered(void)
{
	if (!host.no_memory)
		return true;
	host.no_memory--;
	return false;
}

void host_settles(void)
{
	if (host.stalled)
		host_stalls();
}

/* It reads, and all is at rest: there is no report that it has not heard. */
static void check_heard(void)
{
	const struct journal *journal = life_journal();
	uint64_t last = journal ? journal_last(journal) : 0, heard = 0;

	if (!host.up || host.missed || !journal)
		return;
	if (strcmp(known.instance, journal_instance(journal)) == 0)
		heard = host.next_seq ? host.next_seq - 1 : known.last_seq;
	if (heard != last)
		sim_fail("reports",
			 "host %u has heard %" PRIu64 " of %" PRIu64 " reports",
			 host.number, heard, last);
}

void host_check(void)
{
	unsigned i;

	check_heard();
	for (i = 0; host.up && i < host.asked_count; i++)
		if (host.asked[i].open && !host.asked[i].excused && must_be_answered())
			sim_fail("answers", "host %u has no answer to request %u",
				 host.number, host.asked[i].id);
	for (i = 0; i < host.asked_count; i++)
		host.asked[i].excused = true;
}
