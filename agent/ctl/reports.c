/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "print.h"

enum {
	SEQ,
	TIME,
	RANGE,
	SIZE,
	NODE,
	FROM,
	TO,
	REQUESTED,
	ZONE,
	RESULT,
	ERRNO,
	REASON,
	ELAPSED,
	INSTANCE
};

/* The widths keep the lines of `watch` below each other. */
static const struct table_column columns[] = {
	[SEQ] = { "SEQ", "number of the report", 4, true, true, false },
	[TIME] = { "TIME", "end of the work, by the guest's clock, UTC", 20, false, false,
		   false },
	[RANGE] = { "RANGE", "first and last address", 37, false, false, false },
	[SIZE] = { "SIZE", "size of the range", 5, true, true, false },
	[NODE] = { "NODE", "NUMA node", 4, true, true, false },
	[FROM] = { "FROM", "state before", 7, false, false, false },
	[TO] = { "TO", "state after", 7, false, false, false },
	[REQUESTED] = { "REQUESTED", "word written", 14, false, false, false },
	[ZONE] = { "ZONE", "zone after", 7, false, false, false },
	[RESULT] = { "RESULT", "success or failed", 7, false, false, false },
	[ERRNO] = { "ERRNO", "what the kernel answered", 6, false, false, false },
	[REASON] = { "REASON", "why", 17, false, false, false },
	[ELAPSED] = { "ELAPSED", "from the event to the last block", 9, true, false,
		      false },
	[INSTANCE] = { "INSTANCE", "run of the agent that counts SEQ", 0, false, false,
		       true },
};

static void put_report(struct ctl *ctl, const struct message_report *report)
{
	struct table *table = &ctl->table;
	struct text when = TEXT_INIT;

	table_row(table);
	table_printf(table, SEQ, "%" PRIu64, report->seq);
	print_time(&when, report->time.sec);
	if (when.failed)
		table->failed = true;
	else
		table_put(table, TIME, when.data);
	text_free(&when);
	table_printf(table, ELAPSED, "%" PRIu64 ".%06us", report->elapsed_usec / 1000000,
		     (unsigned)(report->elapsed_usec % 1000000));
	table_put(table, INSTANCE, report->instance);
}

/* Into the row that put_report began. */
static void put_range(struct ctl *ctl, const struct message_report_range *range)
{
	struct table *table = &ctl->table;

	table_printf(table, RANGE, "0x%016" PRIx64 "-0x%016" PRIx64, range->start,
		     range->start + range->size - 1);
	table_put_size(table, SIZE, range->size, ctl->options.bytes);
	if (range->node >= 0)
		table_printf(table, NODE, "%" PRId64, range->node);
	table_put(table, FROM, range->from);
	table_put(table, TO, range->to);
	table_put(table, REQUESTED, range->requested);
	table_put(table, ZONE, range->zone);
	table_put(table, RESULT, range->result);
	table_put_errno(table, ERRNO, range->error);
	table_put(table, REASON, range->reason);
}

static int put_rows(struct ctl *ctl, struct protocol_answer *answer,
		    const struct message_report *report)
{
	struct json_cursor ranges = json_content(&report->ranges.value);
	struct message_report_range range;
	struct json_value item;
	int r = 0;

	if (report->ranges.count == 0)
		put_report(ctl, report);
	while (r == 0 && json_next(&ranges, &item)) {
		r = protocol_answer_report_range(answer, &item, &range);
		if (r < 0)
			return r;
		put_report(ctl, report);
		put_range(ctl, &range);
		r = ctl_flush_rows(ctl);
	}
	return r < 0 ? r : ctl_flush_rows(ctl);
}

static void say_lost(uint64_t lost, uint64_t since)
{
	if (lost > 0)
		ctl_say("%" PRIu64 " reports after number %" PRIu64
			" are lost: newer ones replaced them",
			lost, since);
}

/* reports */

static int take_report(struct protocol_answer *element, void *data)
{
	struct message_report report;
	int r;

	if (strcmp(element->list, "reports") != 0)
		return 0;
	r = protocol_answer_report(element, &report);
	return r < 0 ? r : put_rows(data, element, &report);
}

static int print_reports(struct ctl *ctl)
{
	struct message_position position;
	struct protocol_answer *answer = &ctl->session.answer;
	int r = protocol_answer_read(answer, &message_position, &position);

	if (r == 0)
		r = protocol_answer_check_list(answer, "reports");
	if (r < 0)
		return r;
	say_lost(position.lost, ctl->options.since);
	return table_print(&ctl->table, stdout, !ctl->options.no_headings);
}

static int run_reports(struct ctl *ctl)
{
	struct protocol_request request;
	int r;

	protocol_request_init(&request, PROTOCOL_GET_REPORTS);
	request.since = ctl->options.since;
	request.max = ctl->options.max;
	ctl->session.prints = ctl->options.json;
	if (!ctl->options.json)
		ctl->session.on_element = take_report;
	ctl->session.element_data = ctl;
	r = ctl_send(ctl, &request);
	if (r < 0)
		return r;
	return ctl->options.json ? ctl_session_print(&ctl->session) : print_reports(ctl);
}

/* watch */

struct watch {
	struct ctl *ctl;
	char instance[64]; /* cut where it is longer */
	uint64_t seq; /* the last number printed, or the one before the first wanted */
	bool subscribed;
};

static void set_instance(struct watch *watch, const char *instance)
{
	watch->instance[0] = '\0';
	strncat(watch->instance, instance, sizeof(watch->instance) - 1);
}

static bool same_instance(const struct watch *watch, const char *instance)
{
	return strncmp(watch->instance, instance, sizeof(watch->instance) - 1) == 0;
}

/* The guest was restarted, or memonlined: the numbers begin again. */
static void begin_instance(struct watch *watch, const char *instance)
{
	struct text text = TEXT_INIT;

	print_escaped(&text, instance);
	if (!text.failed && text.data)
		ctl_say("new instance %s: the numbers of reports begin again", text.data);
	text_free(&text);
	set_instance(watch, instance);
	watch->seq = 0;
}

/*
 * Whether the report is the next to print. Until the subscription is answered only the
 * very next one is: all others come again after it.
 */
static bool is_news(struct watch *watch, const struct message_report *report)
{
	if (!watch->subscribed)
		return same_instance(watch, report->instance) &&
		       report->seq == watch->seq + 1;
	if (!same_instance(watch, report->instance))
		begin_instance(watch, report->instance);
	if (report->seq <= watch->seq)
		return false;
	say_lost(report->seq - watch->seq - 1, watch->seq);
	return true;
}

static int print_report(struct ctl *ctl, struct protocol_answer *event,
			const struct message_report *report)
{
	int r;

	if (ctl->options.json)
		return ctl_print_event(event);
	r = put_rows(ctl, event, report);
	return r < 0 ? r : table_print(&ctl->table, stdout, false);
}

static int watch_event(struct protocol_answer *event, void *data)
{
	struct watch *watch = data;
	struct message_report report;
	const char *name = protocol_answer_event(event);
	int r;

	if (!name || strcmp(name, "MEMONLINE_REPORT") != 0)
		return 0;
	r = protocol_answer_report(event, &report);
	if (r < 0 || !is_news(watch, &report))
		return r;
	watch->seq = report.seq;
	ctl_clear_progress();
	r = print_report(watch->ctl, event, &report);
	if (r == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		return -EIO;
	return r;
}

/* Where to begin: after --since, or after what is there now. */
static int find_position(struct watch *watch)
{
	struct message_status status;
	int r = ctl_ask(watch->ctl, PROTOCOL_STATUS);

	if (r == 0)
		r = protocol_answer_read(&watch->ctl->session.answer, &message_status,
					 &status);
	if (r != 0)
		return r;
	set_instance(watch, status.instance);
	watch->seq = watch->ctl->options.has_since ? watch->ctl->options.since
						   : status.last_seq;
	return 0;
}

static int subscribe(struct watch *watch)
{
	struct ctl_session *session = &watch->ctl->session;
	struct protocol_request request;
	struct message_position position;
	uint64_t since = watch->seq;
	int r;

	protocol_request_init(&request, PROTOCOL_SUBSCRIBE);
	request.since = since;
	session->on_event = watch_event;
	session->data = watch;
	r = ctl_send(watch->ctl, &request);
	if (r == 0)
		r = protocol_answer_read(&session->answer, &message_position, &position);
	if (r != 0)
		return r;
	watch->subscribed = true;
	if (since > position.last_seq) {
		/*
		 * A number of another instance: memonlined begins with its first report.
		 */
		ctl_say("report %" PRIu64 " does not exist yet: starting with the first",
			since);
		since = watch->seq = 0;
		set_instance(watch, position.instance);
	}
	say_lost(position.lost, since);
	if (position.lost > watch->seq - since)
		watch->seq = since + position.lost;
	return 0;
}

static void stop(int number)
{
	(void)number;
	/* NOLINTNEXTLINE(bugprone-signal-handler,cert-sig30-c): made for this, one write(2) */
	ctl_clear_progress();
	_exit(CTL_DONE); /* every line is flushed when it is whole */
}

static int run_watch(struct ctl *ctl)
{
	struct watch watch = { .ctl = ctl };
	struct ctl_session *session = &ctl->session;
	int r;

	r = find_position(&watch);
	if (r < 0)
		return r;
	ctl_show_progress(ctl);
	signal(SIGINT, stop);
	if (!ctl->options.json) {
		r = table_print(&ctl->table, stdout, !ctl->options.no_headings);
		fflush(stdout);
	}
	if (r == 0)
		r = subscribe(&watch);
	while (r == 0) {
		r = ctl_session_next_event(session);
		if (r == 0)
			r = watch_event(&session->answer, &watch);
		else if (r == -EBADMSG || r == -EMSGSIZE) {
			ctl_say("ignoring an invalid line (expected memonline-protocol(7))");
			r = 0;
		}
	}
	return r;
}

const struct ctl_verb ctl_verb_reports = {
	.name = "reports",
	.help = "list past reports: what came online, what failed",
	.takes = CTL_TABLE | CTL_SINCE | CTL_MAX,
	.run = run_reports,
	.columns = columns,
	.column_count = sizeof(columns) / sizeof(columns[0]),
};

const struct ctl_verb ctl_verb_watch = {
	.name = "watch",
	.help = "print each report as it comes, until interrupted",
	.takes = CTL_TABLE | CTL_SINCE,
	.run = run_watch,
	.columns = columns,
	.column_count = sizeof(columns) / sizeof(columns[0]),
};
