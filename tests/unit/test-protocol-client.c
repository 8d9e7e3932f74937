/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "wire/protocol-client.h"

#define GIB (UINT64_C(1) << 30)
#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static struct protocol_reader *reader;
static struct protocol_answer answer;

static int make_reader(void **state)
{
	(void)state;
	reader = protocol_reader_new();
	assert_non_null(reader);
	protocol_reader_bound(reader, PROTOCOL_BOUNDS_ANSWER);
	return 0;
}

static int free_reader(void **state)
{
	(void)state;
	protocol_reader_free(reader);
	return 0;
}

/* The first answer in the bytes, `step` of them at a time, and a newline behind them. */
static int read_in_steps(const char *bytes, size_t len, size_t step)
{
	int r = -EAGAIN;

	while (len && r == -EAGAIN) {
		size_t part = step < len ? step : len;

		len -= part;
		r = protocol_reader_feed(reader, &bytes, &part, &answer);
		len += part;
	}
	if (r == -EAGAIN) {
		bytes = "\n";
		len = 1;
		r = protocol_reader_feed(reader, &bytes, &len, &answer);
	}
	return r;
}

static int read_line(const char *line)
{
	return read_in_steps(line, strlen(line), SIZE_MAX);
}

static void parse(const char *line)
{
	int r = read_line(line);

	if (r != 0)
		fail_msg("%d: %s", r, line);
}

/* What the daemon's encoders wrote. */
static void returned(struct text *bytes)
{
	assert_false(bytes->failed);
	assert_int_equal(read_in_steps(bytes->data, bytes->len, 7), 0);
	text_free(bytes);
}

/* Requests: the daemon's own parser takes them. */

static void request_of(struct text *bytes, struct protocol_request *request)
{
	struct protocol_parser *parser = protocol_parser_new();
	struct text reply = TEXT_INIT;
	const char *at = bytes->data;
	size_t len = bytes->len;
	enum protocol_event event;

	assert_false(bytes->failed);
	/* the 0xFF in front of a sync may earn a parse error first */
	do {
		event = protocol_feed(parser, &at, &len, request, &reply);
	} while (event == PROTOCOL_BAD);
	assert_int_equal(event, PROTOCOL_REQUEST);
	text_free(&reply);
	text_free(bytes);
	protocol_parser_free(parser);
}

static void asks(void **state)
{
	struct protocol_request sent, request;
	struct text bytes = TEXT_INIT;
	int command;

	(void)state;
	protocol_ask_sync(&bytes, INT64_MAX);
	assert_int_equal((unsigned char)bytes.data[0], 0xff);
	request_of(&bytes, &request);
	assert_int_equal(request.command, PROTOCOL_GUEST_SYNC_DELIMITED);
	assert_true(request.sync_id == INT64_MAX);
	protocol_request_clear(&request);

	for (command = PROTOCOL_GUEST_PING; command < PROTOCOL_COMMANDS; command++) {
		/* these do not go without arguments */
		if (command == PROTOCOL_GUEST_SET_MEMORY_BLOCKS ||
		    command == PROTOCOL_ONLINE || command == PROTOCOL_OFFLINE ||
		    command == PROTOCOL_RECONCILE || command == PROTOCOL_EXPLAIN)
			continue;
		protocol_request_init(&sent, (enum protocol_command)command);
		protocol_ask(&bytes, &sent);
		assert_int_equal(bytes.data[bytes.len - 1], '\n');
		request_of(&bytes, &request);
		assert_int_equal(request.command, command);
		protocol_request_clear(&request);
	}
}

/* Every argument there is comes back as it was. */
static void asks_with_arguments(void **state)
{
	static const enum protocol_command commands[] = {
		PROTOCOL_GET_REPORTS, PROTOCOL_SUBSCRIBE, PROTOCOL_ONLINE,
		PROTOCOL_OFFLINE,     PROTOCOL_PROBE,	  PROTOCOL_EXPLAIN
	};
	struct protocol_request sent, request;
	struct text bytes = TEXT_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		protocol_request_init(&sent, commands[i]);
		sent.since = i;
		sent.max = UINT64_MAX - 1;
		sent.start = UINT64_MAX;
		sent.size = sent.index = 7;
		sent.word = ONLINE_TYPE_ONLINE_MOVABLE;
		sent.timeout_sec = 3600;
		sent.progress = sent.dry_run = true;
		protocol_ask(&bytes, &sent);
		request_of(&bytes, &request);
		assert_int_equal(request.command, commands[i]);
		assert_true(request.since == (i < 2 ? i : 0));
		assert_true(request.max == (i == 0 ? UINT64_MAX - 1 : UINT64_MAX));
		assert_true(request.start == (i == 2 || i == 3 ? UINT64_MAX : 0));
		assert_int_equal(request.size, i == 2 || i == 3 ? 7 : 0);
		assert_int_equal(request.word,
				 i == 2 ? ONLINE_TYPE_ONLINE_MOVABLE : ONLINE_TYPE_NONE);
		assert_int_equal(request.progress, i == 2);
		assert_int_equal(request.timeout_sec,
				 i == 3 ? 3600 : PROTOCOL_TIMEOUT_SEC);
		assert_int_equal(request.dry_run, i == 4);
		assert_int_equal(request.index, i == 5 ? 7 : 0);
		protocol_request_clear(&request);
	}
}

static void asks_about_devices(void **state)
{
	static const struct {
		const char *devices;
		int r;
	} rows[] = {
		{ "[} ", -EBADMSG },
		{ "7", -EBADMSG },
		{ "[] x", -EBADMSG },
		{ "[][]", -EBADMSG },
		{ "[", -EBADMSG },
		{ "{}", -EBADMSG },
		{ "{\"return\": {}}", -EBADMSG },
		{ "{\"error\": {\"desc\": \"no\"}}", -EREMOTEIO },
	};
	struct text bytes = TEXT_INIT, desc = TEXT_INIT;
	struct protocol_request sent, request;
	size_t i;

	(void)state;
	protocol_request_init(&sent, PROTOCOL_PROBE);
	sent.dry_run = true;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		assert_int_equal(protocol_ask_devices(&bytes, &sent, rows[i].devices,
						      strlen(rows[i].devices), &desc),
				 rows[i].r);
		assert_int_equal(bytes.len, 0);
	}
	assert_string_equal(desc.data, "no");
	assert_int_equal(protocol_ask_devices(&bytes, &sent, " \n", 2, &desc), 0);
	request_of(&bytes, &request);
	assert_int_equal(request.command, PROTOCOL_PROBE);
	assert_true(request.dry_run && !request.has_devices);
	protocol_request_clear(&request);
	assert_int_equal(protocol_ask_devices(&bytes, &sent, "\n[]\n", 4, &desc), 0);
	request_of(&bytes, &request);
	assert_true(request.dry_run && request.has_devices && !request.device_count);
	protocol_request_clear(&request);
	protocol_request_init(&sent, PROTOCOL_RECONCILE);
	assert_int_equal(protocol_ask_devices(&bytes, &sent, " \n", 2, &desc), -EBADMSG);
	text_free(&desc);
}

/* Lines */

static void refuses_lines(void **state)
{
	static const char *const lines[] = {
		"x",
		"{}",
		"[]",
		"null ",
		"7",
		"\"return\"",
		"{\"return\"",
		"{\"return\": {}",
		"{\"return\": }",
		"{\"Return\": {}}",
		"tes\": 12}}",
		"{\"return\": 1, \"return\": 2}",
		"{\"return\": {\"log\": \"\xc3\xbc\"},}",
		"{\"return\": {\"log\": \"\xc3\"}}",
		"{\"return\": \xc3\xbc}",
		"{\"return\": [[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		int r = read_line(lines[i]);

		if (r != -EBADMSG && r != -EMSGSIZE)
			fail_msg("taken: %s", lines[i]);
		/* what follows the newline is read as usual */
		parse("\n{\"return\": 1}\n");
	}
	parse("{\"return\": {\"\xe2\x82\xac\": \"gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80\"}} \t");
	assert_int_equal(read_line(""), -EAGAIN);
	assert_int_equal(read_line(" \r\n\n"), -EAGAIN);
}

/* {"return": [ELEMENT,ELEMENT,...]} of so many bytes, or 0xFF in place of its end. */
static int read_list(const char *element, size_t bytes, const char *end)
{
	struct text part = TEXT_INIT;
	const char *at = "{\"return\": [0";
	size_t len = strlen(at), done;
	int r = protocol_reader_feed(reader, &at, &len, &answer);

	while (part.len < 60000) {
		text_puts(&part, ",");
		text_puts(&part, element);
	}
	assert_false(part.failed);
	for (done = 0; r == -EAGAIN && done < bytes; done += part.len) {
		at = part.data;
		len = part.len;
		r = protocol_reader_feed(reader, &at, &len, &answer);
	}
	text_free(&part);
	len = strlen(end);
	return r == -EAGAIN ? protocol_reader_feed(reader, &end, &len, &answer) : r;
}

static int count_element(struct protocol_answer *element, void *data)
{
	(void)element;
	++*(size_t *)data;
	return 0;
}

/* However many there are: each is gone when the next comes. */
static void keeps_no_list(void **state)
{
	static const char *const elements[] = { "{}", "[]", "1", "[[],{\"a\":null}]" };
	size_t count, i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(elements); i++) {
		count = 0;
		protocol_reader_watch(reader, count_element, &count);
		assert_int_equal(read_list(elements[i], 1UL << 20, "]}"), 0);
		assert_int_equal(answer.value.kind, JSON_LIST);
		assert_int_equal(answer.value.len, 0);
		assert_true(count > (1UL << 20) / (strlen(elements[i]) + 1));
	}
	protocol_reader_watch(reader, NULL, NULL);
}

/* One element is bounded, and so is what is in no list. */
static void bounds_what_it_keeps(void **state)
{
	struct text line = TEXT_INIT;
	size_t i;

	(void)state;
	text_puts(&line, "{\"return\": [[0");
	for (i = 0; i < (1UL << 20); i++)
		text_puts(&line, ",0");
	text_puts(&line, "]]}");
	assert_int_equal(read_line(line.data), -EMSGSIZE);
	text_clear(&line);
	text_puts(&line, "{\"id\": [0");
	for (i = 0; i < (1UL << 20); i++)
		text_puts(&line, ",0");
	text_puts(&line, "], \"return\": 0}");
	assert_int_equal(read_line(line.data), -EMSGSIZE);
	text_free(&line);
	parse("{\"return\": 1}");
}

/* Before the sync is answered 4 KiB are all that a line may have. */
static void bounds_the_sync(void **state)
{
	struct text line = TEXT_INIT;

	(void)state;
	protocol_reader_bound(reader, PROTOCOL_BOUNDS_SYNC);
	text_puts(&line, "{\"return\": [");
	while (line.len < 5000)
		text_puts(&line, "[],");
	assert_int_equal(read_line(line.data), -EMSGSIZE);
	text_clear(&line);
	text_puts(&line, "[],[]]}\n{\"return\": 1}\n");
	assert_int_equal(read_line(line.data), 0);
	assert_true(protocol_answer_is_sync(&answer, 1));
	/* 0xFF ends everything before it */
	assert_int_equal(read_line("{\"a\": [\"b\xff{\"return\": 2}"), -EBADMSG);
	text_free(&line);
	protocol_reader_bound(reader, PROTOCOL_BOUNDS_ANSWER);
}

static void tells_kinds(void **state)
{
	(void)state;
	parse("{\"id\": 1, \"return\": null}\r");
	assert_int_equal(answer.kind, PROTOCOL_ANSWER_RETURN);
	assert_null(protocol_answer_event(&answer));
	assert_string_equal(protocol_answer_error_desc(&answer), "");
	assert_null(answer.fault);

	parse("{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}}");
	assert_int_equal(answer.kind, PROTOCOL_ANSWER_ERROR);
	assert_string_equal(protocol_answer_error_class(&answer), "GenericError");
	assert_string_equal(protocol_answer_error_desc(&answer), "no");
	assert_false(protocol_answer_is_sync(&answer, 0));

	parse("{\"event\": \"X\", \"data\": 7}");
	assert_int_equal(answer.kind, PROTOCOL_ANSWER_EVENT);
	assert_string_equal(protocol_answer_event(&answer), "X");
	assert_false(protocol_answer_is_sync(&answer, 7));

	parse("{\"event\": {}}");
	assert_null(protocol_answer_event(&answer));

	parse("{\"QMP\": {}}");
	assert_int_equal(answer.kind, PROTOCOL_ANSWER_GREETING);
}

static void error_members_may_lack(void **state)
{
	static const char *const lines[] = {
		"{\"error\": null}",
		"{\"error\": {}}",
		"{\"error\": []}",
		"{\"error\": {\"class\": 7, \"desc\": null}}",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		parse(lines[i]);
		assert_string_equal(protocol_answer_error_class(&answer), "");
		assert_string_equal(protocol_answer_error_desc(&answer), "");
	}
}

static void knows_its_sync(void **state)
{
	static const struct {
		const char *line;
		bool is_sync;
	} rows[] = {
		{ "{\"return\": 9223372036854775807}", true },
		{ "{\"return\": 9223372036854775806}", false },
		{ "{\"return\": \"9223372036854775807\"}", false },
		{ "{\"return\": 9.223372036854775807e18}", false },
		{ "{\"return\": {}}", false },
		{ "{\"return\": null}", false },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		parse(rows[i].line);
		assert_int_equal(protocol_answer_is_sync(&answer, INT64_MAX),
				 rows[i].is_sync);
	}
}

/* What passes by */

static int put_element(struct protocol_answer *element, void *data)
{
	text_printf(data, "%s[%zu] ", element->list, element->index);
	json_put_value(data, &element->value);
	text_puts(data, "\n");
	return element->value.kind == JSON_NULL ? -E2BIG : 0;
}

static void passes_elements_on(void **state)
{
	static const struct {
		const char *line, *elements;
		int r;
	} rows[] = {
		{ "{\"return\": [1, {\"a\": [2]}]}", "[0] 1\n[1] {\"a\": [2]}\n", 0 },
		{ "{\"return\": {\"a\": [1], \"b\": 2, \"c\": [[3]]}}",
		  "a[0] 1\nc[0] [3]\n", 0 },
		{ "{\"return\": {\"a\": {\"b\": [1]}}}", "", 0 },
		{ "{\"error\": {\"a\": [1]}}", "", 0 },
		{ "{\"event\": \"x\", \"data\": [1]}", "", 0 },
		/* what the caller does not want ends it, once the answer is whole */
		{ "{\"return\": [1, null, 3]}", "[0] 1\n[1] null\n", -E2BIG },
	};
	struct text out = TEXT_INIT;
	size_t i;

	(void)state;
	protocol_reader_watch(reader, put_element, &out);
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		text_clear(&out);
		text_puts(&out, "");
		assert_int_equal(read_line(rows[i].line), rows[i].r);
		assert_string_equal(out.data, rows[i].elements);
	}
	protocol_reader_watch(reader, NULL, NULL);
	text_free(&out);
}

static void prints_json(void **state)
{
	static const struct {
		const char *line, *printed;
	} rows[] = {
		{ "{\"return\": null}", "null" },
		{ "{\"id\": 1, \"return\": 1e400, \"x\": [2]}", "1e400" },
		{ "{\"return\": {}}", "{}" },
		{ "{\"return\": []}", "[]" },
		{ "{\"return\": {\"a\": [1, {\"b\": \"\xc2\x9b\\u001b\"}], \"c\": {}}}",
		  "{\n  \"a\": [\n    1,\n    {\n      \"b\": \"\\u009B\\u001B\"\n    }\n"
		  "  ],\n  \"c\": {}\n}" },
		{ "{\"return\": [[], [[]], 1]}", "[\n  [],\n  [\n    []\n  ],\n  1\n]" },
		{ "{\"error\": {\"desc\": \"x\"}}", "" },
	};
	static const size_t steps[] = { SIZE_MAX, 1 };
	struct text out = TEXT_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows) * ARRAY_SIZE(steps); i++) {
		const char *line = rows[i / 2].line;

		text_clear(&out);
		text_puts(&out, "");
		protocol_reader_print(reader, &out);
		assert_int_equal(read_in_steps(line, strlen(line), steps[i % 2]), 0);
		assert_string_equal(out.data, rows[i / 2].printed);
	}
	protocol_reader_print(reader, NULL);
	text_free(&out);
}

/* Decoders, of what the daemon's encoders write */

/* The element that is waited for: its decoder's result, and whether it is as it was sent. */
struct wanted {
	size_t index;
	int (*check)(struct protocol_answer *element);
	size_t count;
};

static int take_wanted(struct protocol_answer *element, void *data)
{
	struct wanted *wanted = data;

	wanted->count++;
	return element->index == wanted->index ? wanted->check(element) : 0;
}

static int read_wanted(struct wanted *wanted, const char *line)
{
	int r;

	protocol_reader_watch(reader, take_wanted, wanted);
	r = read_line(line);
	protocol_reader_watch(reader, NULL, NULL);
	return r;
}

static int check_total(struct protocol_answer *element)
{
	struct message_total total;

	if (strcmp(element->list, "memory") != 0) {
		assert_string_equal(element->list, "racing-rules");
		return 0;
	}
	assert_int_equal(protocol_answer_read(element, &message_total, &total), 0);
	assert_true(total.node == BLOCK_NODE_UNKNOWN && total.bytes == 2 * GIB);
	assert_string_equal(total.state, "offline");
	return 0;
}

static void decodes_status(void **state)
{
	static const struct snapshot_total totals[] = {
		{ 0, BLOCK_ONLINE, BLOCK_ZONE_NORMAL, GIB },
		{ BLOCK_NODE_UNKNOWN, BLOCK_OFFLINE, BLOCK_ZONE_UNKNOWN, 2 * GIB },
	};
	struct message_status sent = {
		.version = "1.0",
		.protocol = PROTOCOL_VERSION,
		.kernel = "6.1\"",
		.instance = "i",
		.source = "udev",
		.policy = "online",
		.carried_out_by = "agent",
		.last_seq = 1,
		.block_size_bytes = 2,
		.block_count = 3,
		.pending = 4,
		.failed = 5,
		.port = { "p", false, EPERM },
		.held_up = { 40, "probe", 2000000, UINT64_MAX },
	};
	struct protocol_request request = { .command = PROTOCOL_STATUS };
	struct wanted wanted = { 1, check_total, 0 };
	struct message_status status;
	struct message_pending pending;
	struct text bytes = TEXT_INIT;

	(void)state;
	protocol_set_totals(&sent, totals, 2);
	protocol_set_racing_rules(&sent, "/etc/x\n/etc/y");
	protocol_reply_begin(&bytes, &request);
	protocol_put_status(&bytes, &sent);
	protocol_reply_end(&bytes, &request);
	protocol_reader_watch(reader, take_wanted, &wanted);
	returned(&bytes);
	protocol_reader_watch(reader, NULL, NULL);
	assert_int_equal(wanted.count, 4);
	assert_int_equal(protocol_answer_read(&answer, &message_status, &status), 0);
	assert_string_equal(status.version, "1.0");
	assert_string_equal(status.kernel, "6.1\"");
	assert_string_equal(status.carried_out_by, "agent");
	assert_true(status.protocol == PROTOCOL_VERSION && status.last_seq == 1);
	assert_true(status.block_size_bytes == 2 && status.block_count == 3);
	assert_true(status.pending == 4 && status.failed == 5);
	assert_string_equal(status.port.name, "p");
	assert_true(!status.port.open && status.port.error == EPERM);
	assert_string_equal(status.held_up.word, "probe");
	assert_true(status.held_up.phys_index == 40 &&
		    status.held_up.elapsed_usec == 2000000);
	assert_true(status.held_up.going_offline == UINT64_MAX);
	assert_int_equal(protocol_answer_read(&answer, &message_pending, &pending), 0);
	assert_int_equal(pending.pending, 4);

	memset(&sent.held_up, 0, sizeof(sent.held_up));
	protocol_reply_begin(&bytes, &request);
	protocol_put_status(&bytes, &sent);
	protocol_reply_end(&bytes, &request);
	returned(&bytes);
	assert_int_equal(protocol_answer_read(&answer, &message_status, &status), 0);
	assert_null(status.held_up.word);
}

static int check_range(struct protocol_answer *element)
{
	struct message_range range;
	struct json_cursor zones;
	struct json_value zone;

	assert_int_equal(protocol_answer_range(element, &range), 0);
	assert_true(range.dimm == 4 * GIB);
	assert_true(range.start == 4 * GIB && range.size == GIB && range.node == 1);
	assert_string_equal(range.state, "offline");
	assert_string_equal(range.reason, "refused");
	assert_int_equal(range.zones.count, 2);
	zones = json_content(&range.zones.value);
	assert_true(json_next(&zones, &zone) && json_next(&zones, &zone));
	assert_string_equal(protocol_word(&zone), "Movable");
	assert_false(json_next(&zones, &zone));
	return 0;
}

static void decodes_ranges(void **state)
{
	static const struct protocol_range sent = {
		4 * GIB,	GIB,	 1,
		BLOCK_OFFLINE,	2,	 { BLOCK_ZONE_NORMAL, BLOCK_ZONE_MOVABLE, 0 },
		REASON_REFUSED, 4 * GIB,
	};
	struct protocol_request request = { .command = PROTOCOL_GET_RANGES };
	struct wanted wanted = { 1, check_range, 0 };
	struct text bytes = TEXT_INIT;

	(void)state;
	protocol_reply_begin(&bytes, &request);
	protocol_list_begin(&bytes);
	protocol_put_range(&bytes, &sent);
	protocol_put_range(&bytes, &sent);
	protocol_list_end(&bytes);
	protocol_reply_end(&bytes, &request);
	assert_int_equal(read_wanted(&wanted, bytes.data), 0);
	assert_int_equal(wanted.count, 2);
	text_free(&bytes);
}

static struct journal *journal_of_two(void)
{
	static const struct report_range range = {
		4 * GIB,
		GIB,
		0,
		EBUSY,
		BLOCK_OFFLINE,
		BLOCK_OFFLINE,
		ONLINE_TYPE_ONLINE,
		BLOCK_ZONE_UNKNOWN,
		REPORT_FAILED,
		REASON_REFUSED,
	};
	static const struct report report = {
		.time_sec = 1735689600,
		.time_usec = 5,
		.elapsed_usec = 12345,
	};
	struct journal *journal = journal_new("i-1", 16, 16);

	assert_non_null(journal);
	journal_append(journal, &report, &range, 1);
	journal_append(journal, &report, &range, 1);
	return journal;
}

static void check_report(struct protocol_answer *from, uint64_t seq)
{
	struct message_report_range range;
	struct message_report report;
	struct json_cursor ranges;
	struct json_value item;

	assert_int_equal(protocol_answer_report(from, &report), 0);
	assert_string_equal(report.instance, "i-1");
	assert_true(report.seq == seq && report.elapsed_usec == 12345);
	assert_true(report.time.sec == 1735689600 && report.time.usec == 5);
	assert_int_equal(report.ranges.count, 1);
	ranges = json_content(&report.ranges.value);
	assert_true(json_next(&ranges, &item));
	assert_int_equal(protocol_answer_report_range(from, &item, &range), 0);
	assert_true(range.start == 4 * GIB && range.size == GIB && range.error == EBUSY);
	assert_string_equal(range.from, "offline");
	assert_string_equal(range.to, "offline");
	assert_string_equal(range.requested, "online");
	assert_string_equal(range.zone, "unknown");
	assert_string_equal(range.result, "failed");
	assert_string_equal(range.reason, "refused");
}

static int check_second_report(struct protocol_answer *element)
{
	assert_string_equal(element->list, "reports");
	check_report(element, 2);
	return 0;
}

static void decodes_reports(void **state)
{
	struct protocol_request request = { .command = PROTOCOL_GET_REPORTS };
	struct journal *journal = journal_of_two();
	struct wanted wanted = { 1, check_second_report, 0 };
	struct message_position position;
	struct text bytes = TEXT_INIT;

	(void)state;
	protocol_reply_begin(&bytes, &request);
	protocol_put_reports(&bytes, journal, 0, UINT64_MAX);
	protocol_reply_end(&bytes, &request);
	assert_int_equal(read_wanted(&wanted, bytes.data), 0);
	assert_int_equal(wanted.count, 2);
	assert_int_equal(protocol_answer_read(&answer, &message_position, &position), 0);
	assert_string_equal(position.instance, "i-1");
	assert_true(position.last_seq == 2 && position.lost == 0);
	text_free(&bytes);
	journal_free(journal);
}

static void decodes_events(void **state)
{
	struct protocol_request request = { .command = PROTOCOL_SUBSCRIBE };
	struct journal *journal = journal_of_two();
	struct message_position position;
	struct text bytes = TEXT_INIT;

	(void)state;
	protocol_put_event(&bytes, journal, journal_after(journal, 1), 0);
	returned(&bytes);
	assert_string_equal(protocol_answer_event(&answer), "MEMONLINE_REPORT");
	check_report(&answer, 2);

	protocol_reply_begin(&bytes, &request);
	protocol_put_subscribed(&bytes, journal, 1);
	protocol_reply_end(&bytes, &request);
	returned(&bytes);
	assert_int_equal(protocol_answer_read(&answer, &message_position, &position), 0);
	assert_true(position.last_seq == 2);
	journal_free(journal);
}

static void decodes_progress(void **state)
{
	struct job job = { .next = 3, .count = 8 };
	struct text bytes = TEXT_INIT;
	uint64_t pending = 9;

	(void)state;
	protocol_put_progress(&bytes, 1, 2, &job);
	returned(&bytes);
	assert_int_equal(protocol_answer_progress(&answer, &pending), 0);
	assert_int_equal(pending, 5);
	parse("{\"event\": \"X\", \"data\": {\"done\": 0, \"blocks\": 1}}");
	assert_int_equal(protocol_answer_progress(&answer, &pending), -EBADMSG);
	parse("{\"return\": {\"pending\": 3}, \"id\": \"x\"}");
	assert_false(protocol_answer_is_progress(&answer));
	parse("{\"return\": {\"pending\": 3}, \"id\": \"progress\"}");
	assert_true(protocol_answer_is_progress(&answer));
}

/* Decoders, of what a liar writes */

static void names_the_fault(void **state)
{
	struct message_status status;
	struct message_position position;

	(void)state;
	parse("{\"return\": []}");
	assert_int_equal(protocol_answer_read(&answer, &message_status, &status),
			 -EBADMSG);
	assert_string_equal(answer.fault, "version");
	parse("{\"return\": {\"instance\": \"i\", \"last-seq\": -1, \"lost\": 0}}");
	assert_int_equal(protocol_answer_read(&answer, &message_position, &position),
			 -EBADMSG);
	assert_string_equal(answer.fault, "last-seq");
}

/* One that is whole, and with each member gone or of another type: the same text for both. */
#define PROBED(type, rest) "{\"return\": [{\"type\": " type ", " rest "}]}"
#define PROBED_REST                                                              \
	"\"verdict\": \"refused\", \"reason\": \"no-evidence\", \"errno\": -5, " \
	"\"confirmed\": true, \"blocks-added\": 2, \"online\": 3, "

static int read_probed(struct protocol_answer *element)
{
	struct message_probed probed;

	return protocol_answer_probed(element, &probed);
}

static int check_probed(struct protocol_answer *element)
{
	struct message_probed probed;
	struct message_check check;
	struct json_cursor checks;
	struct json_value item;

	assert_int_equal(protocol_answer_probed(element, &probed), 0);
	assert_string_equal(probed.id, "");
	assert_string_equal(probed.verdict, "refused");
	assert_true(probed.slot == -1 && probed.error == -5 && probed.confirmed);
	assert_true(probed.start == 4 * GIB && probed.size == 0 && probed.added == 2);
	assert_int_equal(probed.checks.count, 2);
	checks = json_content(&probed.checks.value);
	assert_true(json_next(&checks, &item));
	assert_int_equal(
		protocol_answer_read_item(element, &item, &message_check, &check), 0);
	assert_string_equal(check.check, "srat");
	assert_true(json_next(&checks, &item));
	assert_int_equal(protocol_answer_read_item(element, &item, &message_check,
						   &check),
			 -EBADMSG);
	return 0;
}

static void decodes_what_was_probed(void **state)
{
	static const char *const bad[] = {
		"{\"return\": [7]}",
		PROBED("7", PROBED_REST "\"checks\": []"),
		PROBED("\"dimm\"", PROBED_REST "\"checks\": {}"),
		PROBED("\"dimm\"", PROBED_REST "\"slot\": \"0\", \"checks\": []"),
		PROBED("\"dimm\"",
		       "\"verdict\": \"refused\", \"reason\": \"x\", \"errno\": 0, "
		       "\"confirmed\": 1, \"blocks-added\": 0, \"online\": 0, "
		       "\"checks\": []"),
	};
	struct wanted good = { 0, check_probed, 0 }, wrong = { 0, read_probed, 0 };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(read_wanted(&wrong, bad[i]), -EBADMSG);
		assert_non_null(answer.fault);
	}
	assert_int_equal(read_wanted(&good, PROBED("\"dimm\"", PROBED_REST
						   "\"start\": 4294967296, \"checks\": "
						   "[{\"check\": \"srat\", "
						   "\"reason\": \"none\"}, {}]")),
			 0);
	assert_int_equal(good.count, 1);
}

static int check_device(struct protocol_answer *element)
{
	struct message_device device;

	assert_int_equal(protocol_answer_device(element, &device), 0);
	assert_string_equal(device.id, "");
	assert_string_equal(device.verdict, "complete");
	assert_true(device.start == 4 * GIB && device.size == GIB);
	assert_true(device.requested == (element->index ? GIB / 2 : GIB));
	return 0;
}

static int read_device(struct protocol_answer *element)
{
	struct message_device device;

	return protocol_answer_device(element, &device);
}

/* What was requested is its size, unless it says otherwise. */
static void decodes_what_was_reconciled(void **state)
{
	struct device dimm = { .type = "dimm", .start = 4 * GIB, .size = GIB };
	struct wanted first = { 0, check_device, 0 }, second = { 1, check_device, 0 };
	struct wanted wrong = { 0, read_device, 0 };
	struct protocol_request request = { .command = PROTOCOL_RECONCILE };
	struct reconcile_verdict verdict = { .online = GIB };
	struct text bytes = TEXT_INIT;

	(void)state;
	dimm.has_range = true;
	dimm.requested = GIB;
	protocol_reply_begin(&bytes, &request);
	protocol_list_begin(&bytes);
	protocol_put_reconciled(&bytes, &dimm, &verdict);
	dimm.requested = GIB / 2;
	protocol_put_reconciled(&bytes, &dimm, &verdict);
	protocol_list_end(&bytes);
	protocol_reply_end(&bytes, &request);
	assert_int_equal(read_wanted(&first, bytes.data), 0);
	assert_int_equal(read_wanted(&second, bytes.data), 0);
	assert_int_equal(second.count, 2);
	assert_int_equal(read_wanted(&wrong, "{\"return\": [{\"type\": 7}]}"), -EBADMSG);
	text_free(&bytes);
}

static void checks_block_sizes(void **state)
{
	static const struct {
		const char *line;
		uint64_t bytes; /* 0: refused */
	} rows[] = {
		{ "{\"return\": {\"size\": 134217728}}", 134217728 },
		{ "{\"return\": {\"size\": 1048576}}", 1048576 },
		{ "{\"return\": {\"size\": 0}}", 0 },
		{ "{\"return\": {\"size\": -134217728}}", 0 },
		{ "{\"return\": {\"size\": 4096}}", 0 },
		{ "{\"return\": {\"size\": 134217729}}", 0 },
		{ "{\"return\": {\"size\": \"134217728\"}}", 0 },
		{ "{\"return\": {\"size\": 99999999999999999999}}", 0 },
		{ "{\"return\": {}}", 0 },
		{ "{\"return\": 134217728}", 0 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		uint64_t bytes = 0;
		int r;

		parse(rows[i].line);
		r = protocol_answer_block_size(&answer, &bytes);
		assert_int_equal(r, rows[i].bytes ? 0 : -EBADMSG);
		assert_true(bytes == rows[i].bytes);
	}
}

static int read_range(struct protocol_answer *element)
{
	struct message_range range;

	return protocol_answer_range(element, &range);
}

static void checks_extents(void **state)
{
	static const struct {
		const char *start, *size;
		int result;
	} rows[] = {
		{ "0", "1", 0 },
		{ "4294967296", "9223372032559808511", 0 }, /* ends at 2^63 - 1 */
		{ "4294967296", "9223372032559808512", -EBADMSG },
		{ "0", "0", -EBADMSG },
		{ "-1", "1", -EBADMSG },
		{ "9223372036854775807", "9223372036854775807", -EBADMSG },
		{ "18446744073709551615", "1", -EBADMSG },
		{ "1", "18446744073709551615", -EBADMSG },
		{ "1e3", "1", -EBADMSG },
		{ "true", "1", -EBADMSG },
	};
	struct wanted wanted = { 0, read_range, 0 };
	char line[256];
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(
			line, sizeof(line),
			"{\"return\": [{\"start\": %s, \"size\": %s, \"node\": 0, "
			"\"state\": \"x\", \"reason\": \"\", \"zones\": [7], \"more\": 1}]}",
			rows[i].start, rows[i].size);
		assert_int_equal(read_wanted(&wanted, line), rows[i].result);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_lines),
		cmocka_unit_test(keeps_no_list),
		cmocka_unit_test(bounds_what_it_keeps),
		cmocka_unit_test(bounds_the_sync),
		cmocka_unit_test(tells_kinds),
		cmocka_unit_test(error_members_may_lack),
		cmocka_unit_test(knows_its_sync),
		cmocka_unit_test(passes_elements_on),
		cmocka_unit_test(prints_json),
		cmocka_unit_test(names_the_fault),
		cmocka_unit_test(decodes_what_was_probed),
		cmocka_unit_test(decodes_what_was_reconciled),
		cmocka_unit_test(checks_block_sizes),
		cmocka_unit_test(checks_extents),
		cmocka_unit_test(asks),
		cmocka_unit_test(asks_with_arguments),
		cmocka_unit_test(asks_about_devices),
		cmocka_unit_test(decodes_status),
		cmocka_unit_test(decodes_ranges),
		cmocka_unit_test(decodes_reports),
		cmocka_unit_test(decodes_events),
		cmocka_unit_test(decodes_progress),
	};

	return cmocka_run_group_tests(tests, make_reader, free_reader);
}
