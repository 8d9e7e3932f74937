/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "wire/protocol-client.h"

#define GIB (UINT64_C(1) << 30)

static struct protocol_answer *parse(const char *line)
{
	struct protocol_answer *answer = NULL;

	assert_int_equal(protocol_answer_parse(line, strlen(line), &answer), 0);
	return answer;
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
	struct protocol_request request;
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
		protocol_ask(&bytes, (enum protocol_command)command);
		assert_int_equal(bytes.data[bytes.len - 1], '\n');
		request_of(&bytes, &request);
		assert_int_equal(request.command, command);
		protocol_request_clear(&request);
	}
}

static void asks_for_reports(void **state)
{
	struct protocol_request request;
	struct text bytes = TEXT_INIT;

	(void)state;
	protocol_ask_reports(&bytes, 12, UINT64_MAX);
	request_of(&bytes, &request);
	assert_int_equal(request.command, PROTOCOL_GET_REPORTS);
	assert_true(request.since == 12 && request.max == INT64_MAX);
	protocol_request_clear(&request);

	protocol_ask_subscribe(&bytes, 0);
	request_of(&bytes, &request);
	assert_int_equal(request.command, PROTOCOL_SUBSCRIBE);
	assert_true(request.since == 0);
	protocol_request_clear(&request);
}

/* Lines */

static void refuses_lines(void **state)
{
	static const char *const lines[] = {
		"",
		" ",
		"x",
		"{}",
		"[]",
		"null",
		"7",
		"\"return\"",
		"{\"return\"",
		"{\"return\": {}",
		"{\"return\": }",
		"{\"return\": {}} x",
		"{\"return\": {}}{\"return\": {}}",
		"{\"Return\": {}}",
		"tes\": 12}}",
		"{\"return\": [[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]}",
	};
	struct protocol_answer *answer = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		if (protocol_answer_parse(lines[i], strlen(lines[i]), &answer) !=
		    -EBADMSG)
			fail_msg("taken: %s", lines[i]);
		assert_null(answer);
	}
	/* The length counts: there need be no NUL. */
	assert_int_equal(protocol_answer_parse("{\"return\": 7}", 9, &answer), -EBADMSG);
	assert_int_equal(protocol_answer_parse("{\"return\": 7}xyz", 13, &answer), 0);
	protocol_answer_free(answer);
	protocol_answer_free(NULL);
}

/* Every json-c takes UTF-8, and refuses beside it what it refuses without. */
static void is_as_strict_beyond_ascii(void **state)
{
	static const struct {
		const char *line;
		int expected;
	} rows[] = {
		{ "{\"return\": {\"log\": \"gr\xc3\xbc\xc3\x9f\"}}", 0 },
		{ "{\"return\": {\"\xe2\x82\xac\": \"\xf0\x9f\x98\x80\"}} \t", 0 },
		{ "{\"return\": {\"log\": '\xc3\xbc'}}", -EBADMSG },
		{ "{\"return\": {\"log\": \"\xc3\xbc\"},}", -EBADMSG },
		{ "{\"return\": {\"log\": \"\xc3\xbc\"}} x", -EBADMSG },
		{ "{\"return\": {\"log\": \"\xc3\xbc\"}}{}", -EBADMSG },
		{ "{\"return\": {\"log\": \"\xc3\xbc\"}}\xc3\xbc", -EBADMSG },
		{ "{\"return\": \xc3\xbc}", -EBADMSG },
		{ "{\"return\": {\"log\": \"\xc3\xbc\"}", -EBADMSG },
	};
	struct protocol_answer *answer = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int r = protocol_answer_parse(rows[i].line, strlen(rows[i].line),
					      &answer);

		if (r != rows[i].expected)
			fail_msg("%d for %s", r, rows[i].line);
		if (r == 0)
			protocol_answer_free(answer);
		answer = NULL;
	}
}

/* The value ends in one piece, and what follows it is in the next. */
static void is_as_strict_in_pieces(void **state)
{
	struct protocol_answer *answer = NULL;
	struct text line = TEXT_INIT;
	size_t len, i;

	(void)state;
	for (len = 4000; len < 4200; len++) {
		text_clear(&line);
		text_puts(&line, "{\"return\": {\"log\": \"");
		for (i = 0; i < len; i++)
			text_puts(&line, "\xc3\xbc" + (i & 1));
		text_puts(&line, "\"}}  ");
		assert_false(line.failed);
		assert_int_equal(protocol_answer_parse(line.data, line.len, &answer), 0);
		protocol_answer_free(answer);
		text_puts(&line, "x");
		assert_int_equal(protocol_answer_parse(line.data, line.len, &answer),
				 -EBADMSG);
	}
	text_free(&line);
}

/* {"return": [ELEMENT,ELEMENT,...]}. */
static void put_list(struct text *line, const char *element, size_t count)
{
	size_t i;

	text_clear(line);
	text_puts(line, "{\"return\": [");
	for (i = 0; i < count; i++)
		text_printf(line, "%s%s", i ? "," : "", element);
	text_puts(line, "]}");
	assert_false(line->failed);
}

static void bounds_what_it_reads(void **state)
{
	static const char *const elements[] = { "{}", "[]" };
	size_t most = protocol_answer_bounds.containers - 2;
	struct protocol_answer *answer = NULL;
	struct text line = TEXT_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
		put_list(&line, elements[i], most);
		assert_int_equal(protocol_answer_parse(line.data, line.len, &answer), 0);
		protocol_answer_free(answer);
		put_list(&line, elements[i], most + 1);
		assert_int_equal(protocol_answer_parse(line.data, line.len, &answer),
				 -EBADMSG);
	}
	put_list(&line, "1", protocol_answer_bounds.values);
	assert_true(protocol_line_fits(line.data, line.len, &protocol_answer_bounds));
	put_list(&line, "1", protocol_answer_bounds.values + 1);
	assert_false(protocol_line_fits(line.data, line.len, &protocol_answer_bounds));
	assert_int_equal(protocol_answer_parse(line.data, line.len, &answer), -EBADMSG);
	text_free(&line);
}

/* Only what stands outside of strings counts; half a string or escape ends nothing. */
static void counts_outside_of_strings(void **state)
{
	static const struct protocol_bounds bounds = { 64, 2, 2 };
	static const struct {
		const char *line;
		bool fits;
	} rows[] = {
		{ "{\"return\": [1, 2]}", true },
		{ "{\"return\": [1, 2, 3]}", false },
		{ "{\"return\": [[]]}", false },
		{ "{\"return\": [\"{[,,,\"]}", true },
		{ "{\"return\": \"\\\"{{{,,,\"}", true },
		{ "{\"return\": \"\\\\\", \"a\": [[]]}", false },
		{ "\"\\", true },
		{ "\"", true },
		{ "", true },
	};
	struct text devices = TEXT_INIT, out = TEXT_INIT, desc = TEXT_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (protocol_line_fits(rows[i].line, strlen(rows[i].line), &bounds) !=
		    rows[i].fits)
			fail_msg("row %zu: %s", i, rows[i].line);
	put_list(&devices, "{}", protocol_device_bounds.containers);
	assert_int_equal(protocol_ask_reconcile(&out, devices.data, devices.len, &desc),
			 -EBADMSG);
	text_free(&devices);
	text_free(&out);
	text_free(&desc);
}

static void tells_kinds(void **state)
{
	struct protocol_answer *answer = parse("{\"id\": 1, \"return\": null}\r");

	(void)state;
	assert_int_equal(protocol_answer_kind(answer), PROTOCOL_ANSWER_RETURN);
	assert_null(protocol_answer_event(answer));
	assert_string_equal(protocol_answer_error_desc(answer), "");
	assert_null(protocol_answer_fault(answer));
	protocol_answer_free(answer);

	answer = parse("{\"error\": {\"class\": \"GenericError\", \"desc\": \"no\"}}");
	assert_int_equal(protocol_answer_kind(answer), PROTOCOL_ANSWER_ERROR);
	assert_string_equal(protocol_answer_error_class(answer), "GenericError");
	assert_string_equal(protocol_answer_error_desc(answer), "no");
	assert_false(protocol_answer_is_sync(answer, 0));
	protocol_answer_free(answer);

	answer = parse("{\"event\": \"X\", \"data\": 7}");
	assert_int_equal(protocol_answer_kind(answer), PROTOCOL_ANSWER_EVENT);
	assert_string_equal(protocol_answer_event(answer), "X");
	assert_false(protocol_answer_is_sync(answer, 7));
	protocol_answer_free(answer);

	answer = parse("{\"event\": {}}");
	assert_null(protocol_answer_event(answer));
	protocol_answer_free(answer);
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
	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct protocol_answer *answer = parse(lines[i]);

		assert_string_equal(protocol_answer_error_class(answer), "");
		assert_string_equal(protocol_answer_error_desc(answer), "");
		protocol_answer_free(answer);
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
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct protocol_answer *answer = parse(rows[i].line);

		assert_int_equal(protocol_answer_is_sync(answer, INT64_MAX),
				 rows[i].is_sync);
		protocol_answer_free(answer);
	}
}

/* JSON in ASCII */

static void writes_ascii(void **state)
{
	static const struct {
		const char *from, *to;
	} rows[] = {
		{ "", "" },
		{ "plain ~", "plain ~" },
		{ "a\x7f"
		  "b",
		  "a\\u007fb" },
		{ "\xc3\xa9", "\\u00e9" },
		{ "\xc2\x9b"
		  "31m",
		  "\\u009b31m" }, /* C1: a terminal's CSI */
		/* turns the writing direction: NOLINTNEXTLINE(misc-misleading-bidirectional) */
		{ "\xe2\x80\xae", "\\u202e" },
		{ "\xf0\x9f\x98\x80", "\\ud83d\\ude00" },
		{ "\x9b", "\\ufffd" },
		{ "\xff"
		  "a",
		  "\\ufffda" },
		{ "\xc3(", "\\ufffd(" },
		{ "\xe2\x82", "\\ufffd\\ufffd" }, /* cut */
		{ "\xc0\x80", "\\ufffd\\ufffd" }, /* too long a form */
		{ "\xed\xa0\x80", "\\ufffd\\ufffd\\ufffd" }, /* a surrogate */
		{ "\xf4\x90\x80\x80",
		  "\\ufffd\\ufffd\\ufffd\\ufffd" }, /* beyond the end */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct text out = TEXT_INIT;

		text_puts(&out, "");
		protocol_put_ascii(&out, rows[i].from, strlen(rows[i].from));
		assert_string_equal(out.data ? out.data : "", rows[i].to);
		text_free(&out);
	}
}

static void prints_json(void **state)
{
	struct protocol_answer *answer =
		parse("{\"return\": {\"a\": \"\\u009b\\u001b\"}}");
	struct text out = TEXT_INIT;

	(void)state;
	protocol_answer_json(answer, false, &out);
	assert_non_null(strstr(out.data, "\\u009b\\u001b"));
	assert_null(strstr(out.data, "return"));
	assert_null(strchr(out.data, '\n'));
	protocol_answer_free(answer);
	text_clear(&out);

	answer = parse("{\"event\": \"X\", \"data\": 7}");
	protocol_answer_json(answer, false, &out);
	assert_non_null(strstr(out.data, "\"event\""));
	protocol_answer_free(answer);
	text_clear(&out);

	answer = parse("{\"return\": null}");
	protocol_answer_json(answer, true, &out);
	assert_string_equal(out.data, "null");
	protocol_answer_free(answer);
	text_free(&out);
}

/* Decoders, of what the daemon's encoders write */

static struct protocol_answer *returned(struct text *bytes)
{
	struct protocol_answer *answer = NULL;

	assert_false(bytes->failed);
	assert_int_equal(protocol_answer_parse(bytes->data, bytes->len, &answer), 0);
	text_free(bytes);
	return answer;
}

static void decodes_a_write_that_is_held_up(void **state)
{
	struct protocol_status sent = {
		.version = "1.0",
		.kernel = "6.1",
		.instance = "i",
		.source = "udev",
		.policy = "online",
		.carried_out_by = "agent",
		.held_up_word = "probe",
		.held_up_index = 40,
		.held_up_usec = 2000000,
		.going_offline = UINT64_MAX,
	};
	struct protocol_request request = { .command = PROTOCOL_STATUS };
	struct protocol_answer_status status;
	struct protocol_answer *answer;
	struct text bytes = TEXT_INIT;

	(void)state;
	protocol_reply_begin(&bytes, &request);
	protocol_put_status(&bytes, &sent);
	protocol_reply_end(&bytes, &request);
	answer = returned(&bytes);
	assert_int_equal(protocol_answer_status(answer, &status), 0);
	assert_string_equal(status.held_up_word, "probe");
	assert_true(status.held_up_index == 40 && status.held_up_usec == 2000000);
	assert_true(status.going_offline == UINT64_MAX);
	protocol_answer_free(answer);
}

static void decodes_status(void **state)
{
	static const struct snapshot_total totals[] = {
		{ 0, BLOCK_ONLINE, BLOCK_ZONE_NORMAL, GIB },
		{ BLOCK_NODE_UNKNOWN, BLOCK_OFFLINE, BLOCK_ZONE_UNKNOWN, 2 * GIB },
	};
	static const struct protocol_status sent = {
		.version = "1.0",
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
		.totals = totals,
		.total_count = 2,
		.racing_rules = "/etc/x",
		.port = "p",
		.port_errno = EPERM,
	};
	struct protocol_request request = { .command = PROTOCOL_STATUS };
	struct protocol_answer_status status;
	struct protocol_answer_total total;
	struct protocol_answer *answer;
	struct text bytes = TEXT_INIT;

	(void)state;
	protocol_reply_begin(&bytes, &request);
	protocol_put_status(&bytes, &sent);
	protocol_reply_end(&bytes, &request);
	answer = returned(&bytes);
	assert_int_equal(protocol_answer_status(answer, &status), 0);
	assert_string_equal(status.version, "1.0");
	assert_string_equal(status.kernel, "6.1\"");
	assert_string_equal(status.carried_out_by, "agent");
	assert_true(status.protocol == PROTOCOL_VERSION && status.last_seq == 1);
	assert_true(status.block_size_bytes == 2 && status.block_count == 3);
	assert_true(status.pending == 4 && status.failed == 5 && status.total_count == 2);
	assert_true(status.racing_rule_count == 1);
	assert_null(status.held_up_word);
	assert_string_equal(status.port, "p");
	assert_true(status.port_errno == EPERM);
	assert_string_equal(protocol_answer_racing_rule(&status, 0), "/etc/x");
	assert_string_equal(protocol_answer_racing_rule(&status, 1), "unknown");
	assert_int_equal(protocol_answer_total(answer, &status, 1, &total), 0);
	assert_true(total.node == BLOCK_NODE_UNKNOWN && total.bytes == 2 * GIB);
	assert_string_equal(total.state, "offline");
	assert_int_equal(protocol_answer_total(answer, &status, 2, &total), -EBADMSG);
	protocol_answer_free(answer);
}

static void decodes_ranges(void **state)
{
	static const struct protocol_range sent = {
		4 * GIB,	GIB,	 1,
		BLOCK_OFFLINE,	2,	 { BLOCK_ZONE_NORMAL, BLOCK_ZONE_MOVABLE, 0 },
		REASON_REFUSED, 4 * GIB,
	};
	struct protocol_request request = { .command = PROTOCOL_GET_RANGES };
	struct protocol_answer_range range;
	struct protocol_answer *answer;
	struct text bytes = TEXT_INIT;
	size_t count = 0;

	(void)state;
	protocol_reply_begin(&bytes, &request);
	protocol_list_begin(&bytes);
	protocol_put_range(&bytes, &sent);
	protocol_put_range(&bytes, &sent);
	protocol_list_end(&bytes);
	protocol_reply_end(&bytes, &request);
	answer = returned(&bytes);
	assert_int_equal(protocol_answer_ranges(answer, &count), 0);
	assert_int_equal(count, 2);
	assert_int_equal(protocol_answer_range(answer, 1, &range), 0);
	assert_true(range.dimm == 4 * GIB);
	assert_true(range.start == 4 * GIB && range.size == GIB && range.node == 1);
	assert_string_equal(range.state, "offline");
	assert_string_equal(range.reason, "refused");
	assert_int_equal(range.zone_count, 2);
	assert_string_equal(protocol_answer_zone(&range, 1), "Movable");
	assert_string_equal(protocol_answer_zone(&range, 2), "unknown");
	assert_int_equal(protocol_answer_range(answer, 2, &range), -EBADMSG);
	protocol_answer_free(answer);
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

static void check_report(struct protocol_answer *answer, size_t i, uint64_t seq)
{
	struct protocol_answer_report_range range;
	struct protocol_answer_report report;

	assert_int_equal(protocol_answer_report(answer, i, &report), 0);
	assert_string_equal(report.instance, "i-1");
	assert_true(report.seq == seq && report.elapsed_usec == 12345);
	assert_true(report.time_sec == 1735689600 && report.time_usec == 5);
	assert_int_equal(report.range_count, 1);
	assert_int_equal(protocol_answer_report_range(answer, &report, 0, &range), 0);
	assert_true(range.start == 4 * GIB && range.size == GIB && range.error == EBUSY);
	assert_string_equal(range.from, "offline");
	assert_string_equal(range.to, "offline");
	assert_string_equal(range.requested, "online");
	assert_string_equal(range.zone, "unknown");
	assert_string_equal(range.result, "failed");
	assert_string_equal(range.reason, "refused");
	assert_int_equal(protocol_answer_report_range(answer, &report, 1, &range),
			 -EBADMSG);
}

static void decodes_reports(void **state)
{
	struct protocol_request request = { .command = PROTOCOL_GET_REPORTS };
	struct journal *journal = journal_of_two();
	struct protocol_answer_position position;
	struct protocol_answer_report report;
	struct protocol_answer *answer;
	struct text bytes = TEXT_INIT;
	size_t count = 0;

	(void)state;
	protocol_reply_begin(&bytes, &request);
	protocol_put_reports(&bytes, journal, 0, UINT64_MAX);
	protocol_reply_end(&bytes, &request);
	answer = returned(&bytes);
	assert_int_equal(protocol_answer_position(answer, &position), 0);
	assert_string_equal(position.instance, "i-1");
	assert_true(position.last_seq == 2 && position.lost == 0);
	assert_int_equal(protocol_answer_reports(answer, &count), 0);
	assert_int_equal(count, 2);
	check_report(answer, 0, 1);
	check_report(answer, 1, 2);
	assert_int_equal(protocol_answer_report(answer, 2, &report), -EBADMSG);
	protocol_answer_free(answer);
	journal_free(journal);
}

static void decodes_events(void **state)
{
	struct protocol_request request = { .command = PROTOCOL_SUBSCRIBE };
	struct journal *journal = journal_of_two();
	struct protocol_answer_position position;
	struct protocol_answer *answer;
	struct text bytes = TEXT_INIT;

	(void)state;
	protocol_put_event(&bytes, journal, journal_after(journal, 1), 0);
	answer = returned(&bytes);
	assert_string_equal(protocol_answer_event(answer), "MEMONLINE_REPORT");
	check_report(answer, 0, 2);
	protocol_answer_free(answer);

	protocol_reply_begin(&bytes, &request);
	protocol_put_subscribed(&bytes, journal, 1);
	protocol_reply_end(&bytes, &request);
	answer = returned(&bytes);
	assert_int_equal(protocol_answer_position(answer, &position), 0);
	assert_true(position.last_seq == 2);
	protocol_answer_free(answer);
	journal_free(journal);
}

/* Decoders, of what a liar writes */

static void names_the_fault(void **state)
{
	struct protocol_answer_status status;
	struct protocol_answer_position position;
	struct protocol_answer *answer = parse("{\"return\": []}");
	size_t count = 7;

	(void)state;
	assert_int_equal(protocol_answer_status(answer, &status), -EBADMSG);
	assert_string_equal(protocol_answer_fault(answer), "protocol");
	assert_int_equal(protocol_answer_reports(answer, &count), -EBADMSG);
	assert_string_equal(protocol_answer_fault(answer), "reports");
	assert_int_equal(count, 7);
	protocol_answer_free(answer);

	answer = parse(
		"{\"return\": {\"instance\": \"i\", \"last-seq\": -1, \"lost\": 0}}");
	assert_int_equal(protocol_answer_position(answer, &position), -EBADMSG);
	assert_string_equal(protocol_answer_fault(answer), "last-seq");
	assert_int_equal(protocol_answer_ranges(answer, &count), -EBADMSG);
	protocol_answer_free(answer);
}

/* One that is whole, and with each member gone or of another type: the same text for both. */
#define PROBED(type, rest) "{\"return\": [{\"type\": " type ", " rest "}]}"
#define PROBED_REST                                                              \
	"\"verdict\": \"refused\", \"reason\": \"no-evidence\", \"errno\": -5, " \
	"\"confirmed\": true, \"blocks-added\": 2, \"online\": 3, "

static void decodes_what_was_probed(void **state)
{
	static const char *const bad[] = {
		"{\"return\": {}}",
		"{\"return\": [7]}",
		PROBED("7", PROBED_REST "\"checks\": []"),
		PROBED("\"dimm\"", PROBED_REST "\"checks\": {}"),
		PROBED("\"dimm\"", PROBED_REST "\"slot\": \"0\", \"checks\": []"),
		PROBED("\"dimm\"",
		       "\"verdict\": \"refused\", \"reason\": \"x\", \"errno\": 0, "
		       "\"confirmed\": 1, \"blocks-added\": 0, \"online\": 0, "
		       "\"checks\": []"),
	};
	struct protocol_answer_probed probed;
	struct protocol_answer_check check;
	struct protocol_answer *answer;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		answer = parse(bad[i]);
		assert_int_equal(protocol_answer_probed(answer, 0, &probed), -EBADMSG);
		protocol_answer_free(answer);
	}
	answer = parse(
		PROBED("\"dimm\"", PROBED_REST
		       "\"start\": 4294967296, "
		       "\"checks\": [{\"check\": \"srat\", \"reason\": \"none\"}, {}]"));
	assert_int_equal(protocol_answer_probed(answer, 0, &probed), 0);
	assert_string_equal(probed.id, "");
	assert_string_equal(probed.verdict, "refused");
	assert_true(probed.slot == -1 && probed.error == -5 && probed.confirmed);
	assert_true(probed.start == 4 * GIB && probed.size == 0 && probed.added == 2);
	assert_int_equal(probed.check_count, 2);
	assert_int_equal(protocol_answer_check(answer, &probed, 0, &check), 0);
	assert_string_equal(check.check, "srat");
	assert_int_equal(protocol_answer_check(answer, &probed, 1, &check), -EBADMSG);
	assert_int_equal(protocol_answer_check(answer, &probed, 2, &check), -EBADMSG);
	assert_int_equal(protocol_answer_probed(answer, 1, &probed), -EBADMSG);
	protocol_answer_free(answer);
}

static void asks_to_probe(void **state)
{
	struct protocol_request request;
	struct text bytes = TEXT_INIT, desc = TEXT_INIT;

	(void)state;
	assert_int_equal(protocol_ask_probe(&bytes, "[} ", 3, false, &desc), -EBADMSG);
	assert_int_equal(protocol_ask_probe(&bytes, "7", 1, false, &desc), -EBADMSG);
	assert_int_equal(bytes.len, 0);
	assert_int_equal(protocol_ask_probe(&bytes, " \n", 2, true, &desc), 0);
	request_of(&bytes, &request);
	assert_int_equal(request.command, PROTOCOL_PROBE);
	assert_true(request.dry_run && !request.has_devices);
	protocol_request_clear(&request);
	assert_int_equal(protocol_ask_probe(&bytes, "\n[]\n", 4, true, &desc), 0);
	request_of(&bytes, &request);
	assert_true(request.dry_run && request.has_devices && !request.device_count);
	protocol_request_clear(&request);
	text_free(&desc);
}

static void tells_how_far_it_is(void **state)
{
	struct protocol_answer *answer;
	uint64_t pending = 9;

	(void)state;
	answer = parse("{\"return\": {\"pending\": -1}, \"id\": \"x\"}");
	assert_int_equal(protocol_answer_pending(answer, &pending), -EBADMSG);
	protocol_answer_free(answer);
	answer = parse("{\"return\": {\"pending\": 3}, \"id\": \"x\"}");
	assert_false(protocol_answer_is_progress(answer));
	assert_int_equal(protocol_answer_pending(answer, &pending), 0);
	assert_int_equal(pending, 3);
	protocol_answer_free(answer);
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
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *line = rows[i].line;
		struct protocol_answer *answer = NULL;
		uint64_t bytes = 0;
		/* From json-c 0.18 on strict mode refuses a number beyond 2^64 itself. */
		int r = protocol_answer_parse(line, strlen(line), &answer);

		if (r == 0)
			r = protocol_answer_block_size(answer, &bytes);
		assert_int_equal(r, rows[i].bytes ? 0 : -EBADMSG);
		assert_true(bytes == rows[i].bytes);
		protocol_answer_free(answer);
	}
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
		{ "1e3", "1", -EBADMSG },
		{ "true", "1", -EBADMSG },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct protocol_answer_range range;
		struct protocol_answer *answer;
		char line[256];

		snprintf(
			line, sizeof(line),
			"{\"return\": [{\"start\": %s, \"size\": %s, \"node\": 0, "
			"\"state\": \"x\", \"reason\": \"\", \"zones\": [7], \"more\": 1}]}",
			rows[i].start, rows[i].size);
		answer = parse(line);
		assert_int_equal(protocol_answer_range(answer, 0, &range),
				 rows[i].result);
		if (rows[i].result == 0)
			assert_string_equal(protocol_answer_zone(&range, 0), "unknown");
		protocol_answer_free(answer);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(refuses_lines),
		cmocka_unit_test(is_as_strict_beyond_ascii),
		cmocka_unit_test(is_as_strict_in_pieces),
		cmocka_unit_test(bounds_what_it_reads),
		cmocka_unit_test(counts_outside_of_strings),
		cmocka_unit_test(tells_kinds),
		cmocka_unit_test(error_members_may_lack),
		cmocka_unit_test(knows_its_sync),
		cmocka_unit_test(names_the_fault),
		cmocka_unit_test(decodes_what_was_probed),
		cmocka_unit_test(asks_to_probe),
		cmocka_unit_test(tells_how_far_it_is),
		cmocka_unit_test(checks_block_sizes),
		cmocka_unit_test(checks_extents),
		cmocka_unit_test(writes_ascii),
		cmocka_unit_test(prints_json),
		cmocka_unit_test(asks),
		cmocka_unit_test(asks_for_reports),
		cmocka_unit_test(decodes_status),
		cmocka_unit_test(decodes_a_write_that_is_held_up),
		cmocka_unit_test(decodes_ranges),
		cmocka_unit_test(decodes_reports),
		cmocka_unit_test(decodes_events),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
