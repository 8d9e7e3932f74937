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
	uint64_t since; /* of a subscription */
	char instance[40]; /* the one that was known then */
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
	uint64_t first_seq; /* those before it were missed, or another host's */
	struct heard {
		uint64_t sum, usec; /* of the report's text; its time stamp */
	} heard[KEPT];
	bool was_damaged; /* what the guest remembers of its reports was */
	bool was_reverted; /* the guest's memory was put back: numbers come again, for other reports */
	enum sim_revert revert; /* after that no host has subscribed yet */
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

static void subscribe_anew(void);

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
	if (known.revert)
		subscribe_anew();
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
				asked->since, asked->id);
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

/* The last number that was heard, or 0, as memonline-protocol(7) wants it after a snapshot. */
static uint64_t since(void)
{
	return known.revert == SIM_REVERT_TOLD ? 0 : known.last_seq;
}

static void ask(enum ask what)
{
	struct asked *asked;
	char line[1024];
	int len;

	if (host.asked_count == ASKED_MAX)
		memmove(host.asked, host.asked + 1,
			--host.asked_count * sizeof(host.asked[0]));
	asked = &host.asked[host.asked_count];
	memset(asked, 0, sizeof(*asked));
	asked->id = ++host.ids;
	asked->what = what;
	asked->since = since();
	memcpy(asked->instance, known.instance, sizeof(asked->instance));
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

void host_asks(void)
{
	if (host.up)
		ask((enum ask)sim_draw(ASKS));
}

static void subscribe_anew(void)
{
	ask(ASK_SUBSCRIBE);
}

static void subscribe_again(uint32_t number, uint32_t unused)
{
	(void)unused;
	if (host.up && number == host.number)
		ask(ASK_SUBSCRIBE);
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
	if (!host.next_seq && seq > known.last_seq + 1 && known.first_seq < seq)
		known.first_seq = seq;
	host.next_seq = seq + 1;
	host.missed = false;
}

static void begin_instance(const char *name)
{
	enum sim_revert revert = known.revert;

	memset(&known, 0, sizeof(known));
	snprintf(known.instance, sizeof(known.instance), "%s", name);
	known.revert = revert;
	/* It may have subscribed with a number of the one before. */
	host.missed = true;
	host.next_seq = 0;
}

static uint64_t time_of(const char *line)
{
	return number_after(line, "\"seconds\": ") * 1000000 +
	       number_after(line, "\"microseconds\": ");
}

/* Instance, number and time stamp are one report's, always. */
static void note_heard(uint64_t seq, uint64_t sum, uint64_t usec)
{
	struct heard *heard = &known.heard[seq % KEPT];

	if (heard->sum && heard->sum != sum &&
	    (heard->usec == usec || !known.was_reverted) && !known.was_damaged)
		sim_fail("reports", "report %" PRIu64 " is another one now", seq);
	heard->sum = sum;
	heard->usec = usec;
}

static void copy_instance(char name[40], const char *line)
{
	const char *found = strstr(line, "\"instance\": \"");

	name[0] = '\0';
	if (found)
		snprintf(name, 40, "%.*s", (int)strcspn(found + 13, "\""), found + 13);
}

static void hear_report(const char *line)
{
	const char *data = strstr(line, "\"data\": ");
	uint64_t seq = number_after(line, "\"seq\": ");
	char name[40];

	copy_instance(name, line);
	if (!data || !*name || !seq) {
		sim_fail("reports", "no report: %.80s", line);
		return;
	}
	if (strcmp(name, known.instance) != 0)
		begin_instance(name);
	check_order(seq);
	if (seq > known.last_seq)
		known.last_seq = seq;
	note_heard(seq, sum_of(data), time_of(line));
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

/* From here on come all, as far as they are there still. */
static void note_begun(uint64_t lost)
{
	known.revert = SIM_REVERT_NONE;
	known.last_seq = known.first_seq = lost;
	host.missed = false;
}

/* A host that keeps to memonline-protocol(7): see DELIVERY there. */
static void note_subscribed(const struct asked *asked, const char *line)
{
	uint64_t last = number_after(line, "\"last-seq\": ");
	char name[40];

	copy_instance(name, line);
	if (strcmp(name, known.instance) != 0)
		begin_instance(name);
	if (!asked->since) {
		note_begun(number_after(line, "\"lost\": "));
	} else if (strcmp(name, asked->instance) != 0) {
		known.revert = SIM_REVERT_TOLD;
		sim_later(10, subscribe_again, host.number, 0);
	} else if (last < asked->since) {
		sim_fail("reports", "%s, which has given %" PRIu64 ", ends with %" PRIu64,
			 name, asked->since, last);
	} else if (known.revert) {
		/* Numbers of other reports by now: this host misses some, and cannot know. */
		known.revert = SIM_REVERT_NONE;
		known.first_seq = UINT64_MAX;
	}
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
		if (asked->what == ASK_SUBSCRIBE && strstr(line, "\"lost\": "))
			note_subscribed(asked, line);
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

void host_doubts(void)
{
	known.was_damaged = true;
	known.first_seq = UINT64_MAX;
}

/* --- the guest's memory is put back */

void host_reverts(void)
{
	host_excuse();
	host.up = host.stalled = false;
	host.pending_len = 0;
	host.asked_count = 0;
	known.was_reverted = true;
	known.revert = sim.revert;
	sim_trace("hosts are %s", sim.revert == SIM_REVERT_TOLD ? "told" : "not told");
}

/* QEMU says who is there; most often there is a host at once. */
void host_reverted(void)
{
	port_host(false);
	if (sim.revert == SIM_REVERT_GENERATION)
		kernel_uevent(UEVENT_NEW_GENERATION, 0);
	if (!sim_one_in(4))
		sim_later(sim_draw(2) ? 0 : sim_draw(3000), come, sim_draw(3), 0);
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

/* Each of those that are there still, and that it did not miss. */
static void check_each(const struct journal *journal)
{
	uint64_t seq = known.first_seq ? known.first_seq - 1 : 0;
	const struct report *report;

	while ((report = journal_after(journal, seq))) {
		uint64_t usec = (uint64_t)report->time_sec * 1000000 +
				(uint64_t)report->time_usec;

		seq = report->seq;
		if (known.heard[seq % KEPT].usec != usec)
			sim_fail("reports", "no host has heard report %" PRIu64, seq);
	}
}

/* It reads, and all is at rest: there is no report that it has not heard. */
static void check_heard(void)
{
	const struct journal *journal = life_journal();
	uint64_t last = journal ? journal_last(journal) : 0, heard = 0;

	if (!host.up || host.missed || !journal || known.revert ||
	    known.first_seq == UINT64_MAX)
		return;
	if (strcmp(known.instance, journal_instance(journal)) == 0)
		check_each(journal);
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
