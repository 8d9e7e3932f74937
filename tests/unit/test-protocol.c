/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "wire/protocol.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* --- requests to reply lines, as the parser gives them without a daemon */

static void put_blocks(struct text *out, const struct protocol_request *request)
{
	size_t i;

	text_puts(out, "\"");
	for (i = 0; i < request->block_count; i++)
		text_printf(out, "%" PRIu64 "%c", request->blocks[i].index,
			    request->blocks[i].online ? '+' : '-');
	text_puts(out, "\"");
}

static void put_devices(struct text *out, const struct protocol_request *request)
{
	size_t i;

	text_puts(out, "\"");
	for (i = 0; i < request->device_count; i++)
		text_printf(out, "%s@%" PRIx64 "+%" PRIx64 " ", request->devices[i].type,
			    request->devices[i].start, request->devices[i].size);
	text_puts(out, "\"");
}

static void answer(struct text *out, struct protocol_request *request)
{
	protocol_reply_begin(out, request);
	switch (request->command) {
	case PROTOCOL_GUEST_SYNC:
	case PROTOCOL_GUEST_SYNC_DELIMITED:
		protocol_put_number(out, request->sync_id);
		break;
	case PROTOCOL_GET_REPORTS:
	case PROTOCOL_SUBSCRIBE:
		text_printf(out, "[%" PRIu64 ", %" PRIu64 "]", request->since,
			    request->max);
		break;
	case PROTOCOL_GUEST_SET_MEMORY_BLOCKS:
		put_blocks(out, request);
		break;
	case PROTOCOL_ONLINE:
	case PROTOCOL_OFFLINE:
		text_printf(out, "[%" PRIu64 ", %" PRIu64 ", %d, %" PRIu64 "]",
			    request->start, request->size, request->word,
			    request->timeout_sec);
		break;
	case PROTOCOL_RECONCILE:
		put_devices(out, request);
		break;
	default:
		protocol_put_empty(out);
	}
	protocol_reply_end(out, request);
	protocol_request_clear(request);
}

static void feed(struct protocol_parser *parser, struct text *out, const char *bytes,
		 size_t len)
{
	struct protocol_request request;
	enum protocol_event event;

	while ((event = protocol_feed(parser, &bytes, &len, &request, out)) !=
	       PROTOCOL_MORE)
		if (event == PROTOCOL_REQUEST)
			answer(out, &request);
	assert_int_equal(len, 0);
}

static void feed_in_steps(struct text *out, const char *bytes, size_t len, size_t step)
{
	struct protocol_parser *parser = protocol_parser_new();
	size_t i;

	assert_non_null(parser);
	text_puts(out, "");
	for (i = 0; i < len; i += step)
		feed(parser, out, bytes + i, len - i < step ? len - i : step);
	protocol_parser_free(parser);
}

struct row {
	const char *in;
	const char *out;
	size_t in_len;
};
#define ROW(in, out)                    \
	{                               \
		in, out, sizeof(in) - 1 \
	}

static void check_all(const struct row *rows, size_t count)
{
	static const size_t steps[] = { 1 << 20, 1, 7 };
	size_t i, j;

	for (i = 0; i < count; i++) {
		for (j = 0; j < ARRAY_SIZE(steps); j++) {
			struct text out = TEXT_INIT;

			feed_in_steps(&out, rows[i].in, rows[i].in_len, steps[j]);
			assert_string_equal(out.data, rows[i].out);
			text_free(&out);
		}
	}
}

#define FAULT(desc) "{\"error\": {\"class\": \"GenericError\", \"desc\": \"" desc "\"}}\n"
#define FAULT_ID(desc, id)                                                               \
	"{\"error\": {\"class\": \"GenericError\", \"desc\": \"" desc "\"}, \"id\": " id \
	"}\n"
#define NOT_FOUND(name)                                                              \
	"{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"The command " name \
	" has not been found\"}}\n"
#define PING "{\"execute\":\"guest-ping\"}"
#define EMPTY "{\"return\": {}}\n"

static void answers_what_is_no_request(void **state)
{
	static const struct row rows[] = {
		ROW("\xff", FAULT("JSON parse error, stray '\\uFFFD'")),
		ROW("{\"execute\":\"gue\xff" PING,
		    FAULT("JSON parse error, stray '\\\"gue\\uFFFD'") EMPTY),
		ROW("\"\xc3\xa9\xe2\x82\xff",
		    FAULT("JSON parse error, stray '\\\"\\u00E9\\uFFFD\\uFFFD'")),
		ROW("\x01\n", FAULT("JSON parse error, stray '\\u0001'")),
		ROW("hello\n", FAULT("JSON parse error, invalid keyword 'hello'")),
		ROW("1\n", FAULT("QMP input must be a JSON object")),
		ROW("\"x\"\n", FAULT("QMP input must be a JSON object")),
		ROW("null\n", FAULT("QMP input must be a JSON object")),
		ROW("[" PING "]\n", FAULT("QMP input must be a JSON object")),
		ROW("}", FAULT("JSON parse error, expecting value")),
		ROW("{\"execute\":\"guest-ping\",\"execute\":\"guest-ping\"}",
		    FAULT("JSON parse error, duplicate key")),
		ROW("{\"id\":1,\"x\":tru}",
		    FAULT("JSON parse error, invalid keyword 'tru'")),
		ROW("{\"id\":\"\\ud800\"}",
		    FAULT("JSON parse error, \\\\ud800 is not a valid Unicode character")),
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

static void answers_what_is_no_command(void **state)
{
#define UNEXPECTED(name) "QMP input member '" name "' is unexpected"
	static const struct row rows[] = {
		ROW("{}", FAULT("QMP input lacks member 'execute'")),
		ROW("{\"id\":[]}", FAULT_ID("QMP input lacks member 'execute'", "[]")),
		ROW("{\"exec-oob\":\"guest-ping\"}", FAULT(UNEXPECTED("exec-oob"))),
		ROW("{\"execute\":\"guest-ping\",\"exec-oob\":\"x\"}",
		    FAULT(UNEXPECTED("exec-oob"))),
		ROW("{\"Execute\":1,\"id\":7}", FAULT_ID(UNEXPECTED("Execute"), "7")),
		ROW("{\"a\\u0000\\\"b\":1}", FAULT(UNEXPECTED("a\\u0000\\\"b"))),
		/* not the member without the NUL */
		ROW("{\"execute\\u0000\":1}", FAULT(UNEXPECTED("execute\\u0000"))),
		ROW("{\"execute\":1}",
		    FAULT("QMP input member 'execute' must be a string")),
		ROW("{\"execute\":1e3}",
		    FAULT("QMP input member 'execute' must be a string")),
		ROW("{\"execute\":null,\"x\":1}",
		    FAULT("QMP input member 'execute' must be a string")),
		ROW("{\"execute\":\"guest-ping\",\"arguments\":[]}",
		    FAULT("QMP input member 'arguments' must be an object")),
		ROW("{\"execute\":\"guest-ping\",\"arguments\":null}",
		    FAULT("QMP input member 'arguments' must be an object")),
		ROW("{\"execute\":\"\"}", NOT_FOUND("")),
		ROW("{\"execute\":\"guest-pin\"}", NOT_FOUND("guest-pin")),
		ROW("{\"execute\":\"guest-ping \"}", NOT_FOUND("guest-ping ")),
		ROW("{\"execute\":\"guest-ping\\u0000\"}",
		    NOT_FOUND("guest-ping\\u0000")),
		ROW("{\"execute\":\"\\uD83D\\uDE00'\\n\"}",
		    NOT_FOUND("\\uD83D\\uDE00'\\n")),
		/* the command before its arguments */
		ROW("{\"execute\":\"guest-exec\",\"arguments\":{\"x\":1}}",
		    NOT_FOUND("guest-exec")),
		ROW("{\"execute\":\"guest-exec\",\"x\":1}", FAULT(UNEXPECTED("x"))),
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

#define SYNC(id) "{\"execute\":\"guest-sync\",\"arguments\":{" id "}}"
#define REPORTS(arguments) \
	"{\"execute\":\"memonline-get-reports\",\"arguments\":{" arguments "}}"

static void answers_bad_arguments(void **state)
{
#define NO_INTEGER FAULT("Invalid parameter type for 'id', expected: integer")
#define NO_UINT64(name) FAULT("Parameter '" name "' expects uint64")
	static const struct row rows[] = {
		ROW("{\"execute\":\"guest-sync\"}", FAULT("Parameter 'id' is missing")),
		ROW(SYNC(""), FAULT("Parameter 'id' is missing")),
		ROW(SYNC("\"foo\":1"), FAULT("Parameter 'id' is missing")),
		ROW(SYNC("\"id\":1,\"foo\":1"), FAULT("Parameter 'foo' is unexpected")),
		ROW(SYNC("\"foo\":1,\"id\":null"), NO_INTEGER),
		ROW(SYNC("\"id\":true"), NO_INTEGER),
		ROW(SYNC("\"id\":\"1\""), NO_INTEGER),
		ROW(SYNC("\"id\":1.0"), NO_INTEGER),
		ROW(SYNC("\"id\":1e3"), NO_INTEGER),
		ROW(SYNC("\"id\":[1]"), NO_INTEGER),
		ROW(SYNC("\"id\":{}"), NO_INTEGER),
		/* never clamped */
		ROW(SYNC("\"id\":9223372036854775808"), NO_INTEGER),
		ROW(SYNC("\"id\":18446744073709551616"), NO_INTEGER),
		ROW(SYNC("\"id\":-9223372036854775809"), NO_INTEGER),
		ROW("{\"execute\":\"guest-ping\",\"arguments\":{\"id\":1}}",
		    FAULT("Parameter 'id' is unexpected")),
		ROW("{\"execute\":\"guest-ping\",\"arguments\":{\"a\":[1]},\"id\":2}",
		    FAULT_ID("Parameter 'a' is unexpected", "2")),
		ROW(REPORTS("\"since\":-1"), NO_UINT64("since")),
		ROW(REPORTS("\"since\":1.5"), NO_UINT64("since")),
		ROW(REPORTS("\"since\":null"), NO_UINT64("since")),
		ROW(REPORTS("\"since\":\"1\""), NO_UINT64("since")),
		ROW(REPORTS("\"since\":[1]"), NO_UINT64("since")),
		ROW(REPORTS("\"max\":18446744073709551616"), NO_UINT64("max")),
		ROW(REPORTS("\"max\":-9223372036854775809"), NO_UINT64("max")),
		ROW("{\"execute\":\"memonline-subscribe\",\"arguments\":{\"max\":1}}",
		    FAULT("Parameter 'max' is unexpected")),
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

/* A request of `len` bytes: `before`, as many of `fill` as fit, `after`. */
/* NOLINTBEGIN(bugprone-not-null-terminated-result): they are bytes with a length */
static char *request_of(size_t len, const char *before, const char *fill,
			const char *after)
{
	char *bytes = malloc(len);
	size_t tail = strlen(after), i = strlen(before), unit = strlen(fill);

	assert_non_null(bytes);
	memset(bytes, ' ', len);
	memcpy(bytes, before, i);
	for (; i + unit + tail <= len; i += unit)
		memcpy(bytes + i, fill, unit);
	memcpy(bytes + len - tail, after, tail);
	return bytes;
}
/* NOLINTEND(bugprone-not-null-terminated-result) */

static void check_long(size_t len, const char *before, const char *fill,
		       const char *after, const char *expected)
{
	struct text out = TEXT_INIT;
	char *bytes = request_of(len, before, fill, after);

	feed_in_steps(&out, bytes, len, 32UL * 1024);
	assert_string_equal(out.data, expected);
	free(bytes);
	text_free(&out);
}

static void refuses_what_is_too_much(void **state)
{
	static const char open[] = "{\"execute\":\"guest-ping\",\"id\":";
	static const struct row rows[] = {
		ROW("{\"execute\":\"guest-ping\",\"id\":[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}",
		    "{\"return\": {}, \"id\": [[[[[[[[[[[[[[[]]]]]]]]]]]]]]]}\n"),
		ROW("{\"execute\":\"guest-ping\",\"id\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}" PING,
		    FAULT("JSON nesting depth limit exceeded") EMPTY),
	};

	(void)state;
	/* one byte decides */
	check_long(PROTOCOL_REQUEST_MAX, "{\"execute\":\"guest-ping\"", " ", "}", EMPTY);
	check_long(PROTOCOL_REQUEST_MAX + 1, "{\"execute\":\"guest-ping\"", " ", "}",
		   FAULT("JSON token size limit exceeded"));
	/* and the rest of the line is nobody's request */
	check_long(PROTOCOL_REQUEST_MAX + 1000, "{\"x\":[0", "," PING, "]}\n" PING,
		   FAULT("JSON token size limit exceeded") EMPTY);
	check_long(PROTOCOL_REQUEST_MAX + 1000, "{\"x\":'", PING, "\xff" PING,
		   FAULT("JSON token size limit exceeded")
			   FAULT("JSON parse error, stray '\\uFFFD'") EMPTY);
	check_long(PROTOCOL_TOKEN_MAX + 100, open, "1", "}\n" PING,
		   FAULT("JSON token size limit exceeded") EMPTY);
	check_long(PROTOCOL_LIST_MAX * 2 + 100, "{\"arguments\":{\"a\":[0", ",1", "]}}",
		   FAULT("JSON list element limit exceeded"));
	check_long(PROTOCOL_VALUES_MAX * 2 + 100, "{\"id\":[0", ",1", "]}",
		   FAULT("JSON token count limit exceeded"));
	check_all(rows, ARRAY_SIZE(rows));
}

static void keeps_half_a_request_to_its_connection(void **state)
{
	struct protocol_parser *first = protocol_parser_new();
	struct protocol_parser *second = protocol_parser_new();
	struct text out = TEXT_INIT;

	(void)state;
	feed(first, &out, "{\"execute\":\"guest-", 18);
	feed(second, &out, PING, strlen(PING));
	assert_string_equal(out.data, EMPTY);
	text_clear(&out);
	feed(first, &out, "ping\",\"id\":1}", 13);
	assert_string_equal(out.data, "{\"return\": {}, \"id\": 1}\n");
	/* given up in the middle of something: nothing leaks */
	feed(first, &out, "{\"id\":[1,{\"a\":\"b", 16);
	protocol_parser_free(first);
	protocol_parser_free(second);
	protocol_parser_free(NULL);
	text_free(&out);
}

static void stops_after_each_request(void **state)
{
	struct protocol_parser *parser = protocol_parser_new();
	struct protocol_request request;
	struct text reply = TEXT_INIT;
	const char *bytes = PING "}" PING;
	size_t len = strlen(bytes);

	(void)state;
	assert_int_equal(protocol_feed(parser, &bytes, &len, &request, &reply),
			 PROTOCOL_REQUEST);
	assert_int_equal(len, strlen(PING) + 1);
	assert_int_equal(reply.len, 0);
	protocol_request_clear(&request);
	assert_int_equal(protocol_feed(parser, &bytes, &len, &request, &reply),
			 PROTOCOL_BAD);
	assert_int_equal(len, strlen(PING));
	assert_string_equal(reply.data, FAULT("JSON parse error, expecting value"));
	assert_int_equal(protocol_feed(parser, &bytes, &len, &request, &reply),
			 PROTOCOL_REQUEST);
	assert_null(request.id);
	assert_int_equal(request.command, PROTOCOL_GUEST_PING);
	assert_int_equal(protocol_feed(parser, &bytes, &len, &request, &reply),
			 PROTOCOL_MORE);
	protocol_parser_free(parser);
	text_free(&reply);
}

static void answers_requests(void **state)
{
#define ID(id) "{\"execute\":\"guest-ping\",\"id\":" id "}"
#define EMPTY_ID(id) "{\"return\": {}, \"id\": " id "}\n"
	static const struct row rows[] = {
		ROW(PING, EMPTY),
		ROW(PING PING "\r\n" PING "\n", EMPTY EMPTY EMPTY),
		ROW("{'execute':'guest-ping','arguments':{}}", EMPTY),
		ROW("\n{ \"arguments\" : { \"id\" : 5 } ,\n\"execute\" : \"guest-sync\" }\n",
		    "{\"return\": 5}\n"),
		ROW(SYNC("\"id\":9223372036854775807"),
		    "{\"return\": 9223372036854775807}\n"),
		ROW(SYNC("\"id\":-9223372036854775808"),
		    "{\"return\": -9223372036854775808}\n"),
		ROW("\xff{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":0},\"id\":1}",
		    FAULT("JSON parse error, stray '\\uFFFD'") "\xff{\"return\": 0, \"id\": 1}\n"),
		/* no sentinel before an error */
		ROW("{\"execute\":\"guest-sync-delimited\"}",
		    FAULT("Parameter 'id' is missing")),
		ROW(REPORTS(""), "{\"return\": [0, 18446744073709551615]}\n"),
		ROW(REPORTS("\"max\":3,\"since\":18446744073709551615"),
		    "{\"return\": [18446744073709551615, 3]}\n"),
		ROW("{\"execute\":\"memonline-subscribe\",\"arguments\":{\"since\":12}}",
		    "{\"return\": [12, 18446744073709551615]}\n"),
		/* any value is an id, and comes back the same */
		ROW(ID("null"), EMPTY_ID("null")),
		ROW(ID("false"), EMPTY_ID("false")),
		ROW(ID("-0"), EMPTY_ID("0")),
		ROW(ID("18446744073709551615"), EMPTY_ID("18446744073709551615")),
		ROW(ID("18446744073709551616"), EMPTY_ID("18446744073709551616")),
		ROW(ID("-9223372036854775809"), EMPTY_ID("-9223372036854775809")),
		ROW(ID("0.1"), EMPTY_ID("0.1")),
		ROW(ID("'\"\\'\\/\\b\\f\\n\\r\\t\\u0001\x7f\\\\'"),
		    EMPTY_ID("\"\\\"'/\\b\\f\\n\\r\\t\\u0001\\u007F\\\\\"")),
		ROW(ID("'\\u0000\xc3\xa9\\ud83d\\ude00'"),
		    EMPTY_ID("\"\\u0000\\u00E9\\uD83D\\uDE00\"")),
		ROW(ID("[1,[],{},{'a':null,'b':[true,\"x\"]}]"),
		    EMPTY_ID("[1, [], {}, {\"a\": null, \"b\": [true, \"x\"]}]")),
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

#define SET(list) \
	"{\"execute\":\"guest-set-memory-blocks\",\"arguments\":{\"mem-blks\":" list "}}"
#define BOOLEAN(name) "Invalid parameter type for '" name "', expected: boolean"
#define MISSING(name) "Parameter '" name "' is missing"

static void answers_bad_lists(void **state)
{
	static const struct row rows[] = {
		ROW("{\"execute\":\"guest-set-memory-blocks\"}",
		    FAULT(MISSING("mem-blks"))),
		ROW(SET("{}"),
		    FAULT("Invalid parameter type for 'mem-blks', expected: array")),
		ROW(SET("null"),
		    FAULT("Invalid parameter type for 'mem-blks', expected: array")),
		ROW(SET("[1]"),
		    FAULT("Invalid parameter type for 'mem-blks[0]', expected: object")),
		ROW(SET("[[{\"phys-index\":1,\"online\":true}]]"),
		    FAULT("Invalid parameter type for 'mem-blks[0]', expected: object")),
		ROW(SET("[{}]"), FAULT(MISSING("mem-blks[0].phys-index"))),
		ROW(SET("[{\"phys-index\":1}]"), FAULT(MISSING("mem-blks[0].online"))),
		ROW(SET("[{\"online\":1}]"), FAULT(MISSING("mem-blks[0].phys-index"))),
		ROW(SET("[{\"phys-index\":\"1\",\"online\":true}]"),
		    FAULT("Parameter 'mem-blks[0].phys-index' expects uint64")),
		ROW(SET("[{\"phys-index\":1.0,\"online\":true}]"),
		    FAULT("Parameter 'mem-blks[0].phys-index' expects uint64")),
		ROW(SET("[{\"phys-index\":18446744073709551616,\"online\":true}]"),
		    FAULT("Parameter 'mem-blks[0].phys-index' expects uint64")),
		ROW(SET("[{\"phys-index\":{\"phys-index\":1},\"online\":true}]"),
		    FAULT("Parameter 'mem-blks[0].phys-index' expects uint64")),
		ROW(SET("[{\"phys-index\":1,\"online\":\"true\"}]"),
		    FAULT(BOOLEAN("mem-blks[0].online"))),
		ROW(SET("[{\"phys-index\":1,\"online\":[true]}]"),
		    FAULT(BOOLEAN("mem-blks[0].online"))),
		ROW(SET("[{\"phys-index\":1,\"online\":true,\"can-offline\":null}]"),
		    FAULT(BOOLEAN("mem-blks[0].can-offline"))),
		/* the second element, and the first of its faults */
		ROW(SET("[{\"phys-index\":1,\"online\":true},{\"x\":1,\"online\":null}]"),
		    FAULT(MISSING("mem-blks[1].phys-index"))),
		ROW(SET("[{\"phys-index\":1,\"online\":true,\"x\":[],\"y\":1}]"),
		    FAULT("Parameter 'mem-blks[0].x' is unexpected")),
		ROW(SET("[{\"phys-index\":1,\"phys-index\":1,\"online\":true}]"),
		    FAULT("JSON parse error, duplicate key")),
		ROW("{\"execute\":\"guest-ping\",\"arguments\":{\"mem-blks\":[1]}}",
		    FAULT("Parameter 'mem-blks' is unexpected")),
		/* nothing stays behind for the next request */
		ROW(SET("[1]") SET("[]"),
		    FAULT("Invalid parameter type for 'mem-blks[0]', expected: object") "{\"return\": \"\"}\n"),
		ROW("{\"arguments\":{\"mem-blks\":[{\"phys-index\":1,\"online\":true}]}}" SET(
			    "[]"),
		    FAULT("QMP input lacks member 'execute'") "{\"return\": \"\"}\n"),
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

static void answers_lists(void **state)
{
	static const struct row rows[] = {
		ROW(SET("[]"), "{\"return\": \"\"}\n"),
		ROW(SET("[{\"phys-index\":33,\"online\":true},"
			"{\"online\":false,\"can-offline\":false,\"phys-index\":32}]"),
		    "{\"return\": \"33+32-\"}\n"),
		ROW(SET("[{\"phys-index\":-1,\"online\":true},"
			"{\"phys-index\":18446744073709551615,\"online\":true}]"),
		    "{\"return\": \"18446744073709551615+18446744073709551615+\"}\n"),
		/* the arguments before the command, an escape in the name */
		ROW("{\"arguments\":{\"mem\\u002dblks\":[{\"phys-index\":1,\"online\":true}]},"
		    "\"execute\":\"guest-set-memory-blocks\",\"id\":1}",
		    "{\"return\": \"1+\", \"id\": 1}\n"),
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

#define RANGE(command, more)                                                          \
	"{\"execute\":\"memonline-" command "\",\"arguments\":{\"start\":4294967296," \
	"\"size\":1" more "}}"

static void answers_ranges(void **state)
{
	static const struct row rows[] = {
		ROW("{\"execute\":\"memonline-offline\"}", FAULT(MISSING("start"))),
		ROW("{\"execute\":\"memonline-online\",\"arguments\":{\"start\":1}}",
		    FAULT(MISSING("size"))),
		ROW(RANGE("offline", ",\"timeout\":0"),
		    FAULT("Parameter 'timeout' expects 1 to 3600 seconds")),
		ROW(RANGE("offline", ",\"timeout\":3601"),
		    FAULT("Parameter 'timeout' expects 1 to 3600 seconds")),
		ROW(RANGE("online", ",\"word\":1"),
		    FAULT("Invalid parameter type for 'word', expected: string")),
		ROW(RANGE("online", ",\"word\":\"offline\""),
		    FAULT("Parameter 'word' expects online, online_kernel or "
			  "online_movable")),
		ROW(RANGE("offline", ",\"word\":\"online\""),
		    FAULT("Parameter 'word' is unexpected")),
		ROW(RANGE("offline", ""), "{\"return\": [4294967296, 1, 0, 60]}\n"),
		ROW(RANGE("offline", ",\"timeout\":3600"),
		    "{\"return\": [4294967296, 1, 0, 3600]}\n"),
		ROW(RANGE("online", ",\"word\":\"online_movable\""),
		    "{\"return\": [4294967296, 1, 3, 60]}\n"),
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

#define RECONCILE(devices) \
	"{\"execute\":\"memonline-reconcile\",\"arguments\":{\"devices\":" devices "}}"
#define DIMM "{\"type\":\"dimm\",\"data\":{\"addr\":4294967296,\"size\":256,\"x\":[{}]}}"

static void answers_devices(void **state)
{
	static const struct row rows[] = {
		ROW("{\"execute\":\"memonline-reconcile\"}", FAULT(MISSING("devices"))),
		ROW(RECONCILE("1"),
		    FAULT("Invalid parameter type for 'devices', expected: array")),
		ROW(RECONCILE("{\"error\":{}}"), FAULT(MISSING("devices.return"))),
		ROW(RECONCILE("{\"return\":{}}"),
		    FAULT("Invalid parameter type for 'devices.return', expected: array")),
		ROW(RECONCILE("{\"return\":[" DIMM ",1]}"),
		    FAULT("Invalid parameter type for 'devices.return[1]', expected: "
			  "object")),
		ROW(RECONCILE("[{\"type\":\"dimm\",\"data\":{\"addr\":1}}]"),
		    FAULT(MISSING("devices[0].data.size"))),
		/* other lists are not these, and nothing stays for the next request */
		ROW(RECONCILE("{\"x\":[1],\"y\":{\"return\":[2]},\"return\":[]}"),
		    "{\"return\": \"\"}\n"),
		ROW(RECONCILE("[" DIMM ",1]") RECONCILE("[]"),
		    FAULT("Invalid parameter type for 'devices[1]', expected: object") "{\"return\": \"\"}\n"),
		ROW(SET("{\"return\":[{\"phys-index\":1,\"online\":true}]}"),
		    FAULT("Invalid parameter type for 'mem-blks', expected: array")),
		/* either form */
		ROW(RECONCILE("[" DIMM "," DIMM "]"),
		    "{\"return\": \"dimm@100000000+100 dimm@100000000+100 \"}\n"),
		ROW(RECONCILE("{\"id\":\"libvirt-9\",\"return\":[" DIMM "]}"),
		    "{\"return\": \"dimm@100000000+100 \"}\n"),
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

static void refuses_disabled_commands(void **state)
{
	static const char bytes[] =
		"{\"execute\":\"guest-ping\",\"id\":3,"
		"\"arguments\":{\"x\":1}}" PING
		"{\"execute\":\"guest-sync\",\"arguments\":{\"id\":1}}";
	static const char relayed[] = "{\"execute\":\"guest-exec\",\"id\":1}"
				      "{\"execute\":\"memonline-x\"}";
	struct protocol_parser *parser = protocol_parser_new();
	struct text out = TEXT_INIT;

	(void)state;
	protocol_parser_disable(parser, 1u << PROTOCOL_GUEST_PING);
	feed(parser, &out, bytes, sizeof(bytes) - 1);
	assert_string_equal(
		out.data,
		"{\"error\": {\"class\": \"CommandNotFound\", \"desc\": "
		"\"Command guest-ping has been disabled\"}, \"id\": 3}\n"
		"{\"error\": {\"class\": \"CommandNotFound\", \"desc\": "
		"\"Command guest-ping has been disabled\"}}\n{\"return\": 1}\n");
	text_clear(&out);
	protocol_parser_disable(parser, PROTOCOL_UNKNOWN);
	feed(parser, &out, relayed, sizeof(relayed) - 1);
	assert_string_equal(out.data,
			    "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": "
			    "\"Command guest-exec has been disabled\"}, \"id\": 1}\n"
			    "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": "
			    "\"The command memonline-x has not been found\"}}\n");
	text_free(&out);
	protocol_parser_free(parser);
}

static void knows_its_commands(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < PROTOCOL_COMMANDS; i++)
		assert_non_null(protocol_command_name((enum protocol_command)i));
	assert_string_equal(protocol_command_name(PROTOCOL_GUEST_PING), "guest-ping");
	assert_string_equal(protocol_command_name(PROTOCOL_SUBSCRIBE),
			    "memonline-subscribe");
	assert_string_equal(protocol_command_name(PROTOCOL_COMMANDS), "unknown");
}

/* --- answers */

static void check_text(struct text *out, const char *expected)
{
	assert_false(out->failed);
	assert_string_equal(out->data, expected);
	text_free(out);
}

static void escapes_in_errors(void **state)
{
	struct protocol_request request = { .id = NULL };
	struct text out = TEXT_INIT;
	char id[] = "{\"a\": 1}";

	(void)state;
	protocol_put_error(&out, &request, "no \"such\"\tfile \xff\xe2\x82\xac");
	check_text(&out, FAULT("no \\\"such\\\"\\tfile \\uFFFD\\u20AC"));
	request.id = id;
	protocol_put_error(&out, &request, "");
	check_text(&out, FAULT_ID("", "{\"a\": 1}"));
	protocol_put_error(&out, NULL, "x");
	check_text(&out, FAULT("x"));
}

static void add_block(struct snapshot *snapshot, uint64_t index,
		      enum block_state block_state)
{
	struct block block;

	memset(&block, 0, sizeof(block));
	block.index = index;
	block.state = (uint8_t)block_state;
	assert_int_equal(snapshot_add_block(snapshot, &block), 0);
}

static void puts_guest_blocks(void **state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	struct text out = TEXT_INIT;

	(void)state;
	snapshot.block_size_bytes = UINT64_C(1) << 27;
	protocol_put_guest_blocks(&out, &snapshot);
	check_text(&out, "[]");
	add_block(&snapshot, 0, BLOCK_ONLINE);
	add_block(&snapshot, 7, BLOCK_OFFLINE);
	/* qemu-ga calls this one offline */
	add_block(&snapshot, 32, BLOCK_GOING_OFFLINE);
	add_block(&snapshot, UINT64_MAX, BLOCK_UNREADABLE);
	protocol_put_guest_blocks(&out, &snapshot);
	check_text(&out, "[{\"phys-index\": 0, \"online\": true, \"can-offline\": true}, "
			 "{\"phys-index\": 7, \"online\": false, \"can-offline\": true}, "
			 "{\"phys-index\": 32, \"online\": true, \"can-offline\": true}, "
			 "{\"phys-index\": 18446744073709551615, \"online\": false, "
			 "\"can-offline\": false}]");
	protocol_put_guest_block_info(&out, &snapshot);
	check_text(&out, "{\"size\": 134217728}");
	snapshot_free(&snapshot);
}

static void check_job(enum job_kind kind, const struct job_item *items, size_t count,
		      const char *expected)
{
	struct text out = TEXT_INIT;
	struct job job;

	assert_int_equal(job_init(&job, kind, count), 0);
	memcpy(job.items, items, count * sizeof(*items));
	if (kind == JOB_SET)
		protocol_put_guest_responses(&out, &job);
	else
		protocol_put_job(&out, &job);
	job_free(&job);
	if (!strstr(out.data, expected))
		fail_msg("%s is not in %s", expected, out.data);
	text_free(&out);
}

static void puts_jobs(void **state)
{
	static const struct job_item set[] = {
		{ .index = 32, .response = JOB_SUCCESS },
		{ .index = UINT64_MAX, .response = JOB_NOT_FOUND, .error = 2 },
		{ .index = 0, .response = JOB_FAILED, .error = 22 },
		{ .index = 7, .response = JOB_NOT_SUPPORTED },
	};
	static const struct job_item off[] = {
		{ .index = 32,
		  .response = JOB_FAILED,
		  .error = 16,
		  .written = true,
		  .state = BLOCK_ONLINE,
		  .reason = REASON_REFUSED },
		{ .index = 33,
		  .response = JOB_ROLLED_BACK,
		  .written = true,
		  .state = BLOCK_ONLINE,
		  .reason = REASON_ROLLED_BACK },
	};
	struct job_item lost[2];

	(void)state;
	check_job(JOB_SET, set, ARRAY_SIZE(set),
		  "[{\"phys-index\": 32, \"response\": \"success\"}, "
		  "{\"phys-index\": 18446744073709551615, \"response\": \"not-found\", "
		  "\"error-code\": 2}, {\"phys-index\": 0, \"response\": "
		  "\"operation-failed\", \"error-code\": 22}, {\"phys-index\": 7, "
		  "\"response\": \"operation-not-supported\"}]");
	check_job(JOB_OFFLINE, off, 2,
		  "{\"result\": \"rolled-back\", \"blocks\": [{\"phys-index\": 32, "
		  "\"response\": \"operation-failed\", \"state\": \"online\", "
		  "\"errno\": 16, \"reason\": \"refused\"}, {\"phys-index\": 33, ");
	check_job(JOB_OFFLINE, off, 1, "{\"result\": \"failed\"");
	check_job(JOB_OFFLINE, set, 1, "{\"result\": \"done\"");
	memcpy(lost, off, sizeof(lost));
	lost[1].response = JOB_FAILED;
	lost[1].state = BLOCK_OFFLINE;
	check_job(JOB_OFFLINE, lost, 2, "{\"result\": \"partial\"");
	check_job(JOB_ONLINE, set, 2, "{\"result\": \"partial\"");
	check_job(JOB_ONLINE, &set[1], 1, "{\"result\": \"failed\"");
}

static void puts_guest_info(void **state)
{
	static const char first[] =
		"{\"version\": \"1\\\"2\", \"supported_commands\": [{\"name\": \"guest-sync\", "
		"\"enabled\": true, \"success-response\": true}, {\"name\": ";
	struct text out = TEXT_INIT;
	const char *at;
	int names = 0;

	(void)state;
	protocol_put_guest_info(&out, "1\"2", 1u << PROTOCOL_GUEST_PING, NULL, 0);
	assert_memory_equal(out.data, first, sizeof(first) - 1);
	assert_string_equal(out.data + out.len - 3, "}]}");
	for (at = out.data; (at = strstr(at, "\"name\"")); at++)
		names++;
	assert_int_equal(names, PROTOCOL_COMMANDS);
	assert_non_null(strstr(out.data, "\"guest-ping\", \"enabled\": false"));
	assert_non_null(strstr(out.data, "\"guest-info\", \"enabled\": true"));
	text_free(&out);
}

static void puts_status(void **state)
{
	struct snapshot_total totals[] = {
		{ 0, BLOCK_ONLINE, BLOCK_ZONE_MOVABLE, UINT64_MAX },
		{ -1, BLOCK_OFFLINE, BLOCK_ZONE_UNKNOWN, 1 },
	};
	struct message_status status = {
		.version = "0.1",
		.protocol = PROTOCOL_VERSION,
		.kernel = "6.1",
		.instance = "i",
		.source = "udev",
		.policy = "online",
		.carried_out_by = "agent",
		.last_seq = 2,
		.block_size_bytes = 3,
		.block_count = 4,
		.pending = 5,
		.failed = 6,
	};
	struct text out = TEXT_INIT;

	(void)state;
	protocol_set_totals(&status, totals, 2);
	protocol_set_racing_rules(&status, "/etc/a b\n/run/\"c\n");
	protocol_put_status(&out, &status);
	check_text(&out,
		   "{\"version\": \"0.1\", \"protocol\": 1, \"kernel\": \"6.1\", "
		   "\"instance\": \"i\", \"source\": \"udev\", \"policy\": \"online\", "
		   "\"carried-out-by\": \"agent\", \"last-seq\": 2, \"block-size\": 3, "
		   "\"blocks\": 4, \"pending\": 5, \"failed\": 6, "
		   "\"racing-rules\": [\"/etc/a b\", \"/run/\\\"c\"], \"memory\": ["
		   "{\"node\": 0, \"state\": \"online\", \"zone\": \"Movable\", "
		   "\"size\": 18446744073709551615}, "
		   "{\"node\": -1, \"state\": \"offline\", \"zone\": \"unknown\", "
		   "\"size\": 1}]}");
	protocol_set_totals(&status, NULL, 0);
	protocol_put_status(&out, &status);
	assert_non_null(strstr(out.data, "\"memory\": []}"));
	protocol_set_racing_rules(&status, NULL);
	protocol_put_status(&out, &status);
	assert_non_null(strstr(out.data, "\"racing-rules\": []"));
	status.port.name = "a\"b";
	status.port.error = 16;
	protocol_put_status(&out, &status);
	assert_non_null(strstr(out.data, "], \"port\": {\"name\": \"a\\\"b\", "
					 "\"open\": false, \"errno\": 16}}"));
	status.port.open = true;
	status.port.error = 0;
	protocol_put_status(&out, &status);
	assert_non_null(strstr(out.data, "\"open\": true, \"errno\": 0}}"));
	memset(&status.port, 0, sizeof(status.port));
	status.held_up.word = "online";
	status.held_up.phys_index = 7;
	status.held_up.elapsed_usec = 8;
	status.held_up.going_offline = 9;
	protocol_put_status(&out, &status);
	assert_non_null(strstr(out.data, "], \"held-up\": {\"phys-index\": 7, "
					 "\"word\": \"online\", \"elapsed-usec\": 8, "
					 "\"going-offline\": 9}}"));
	status.held_up.going_offline = UINT64_MAX;
	protocol_put_status(&out, &status);
	assert_non_null(strstr(out.data, "\"elapsed-usec\": 8}}"));
	text_free(&out);
}

static void puts_ranges(void **state)
{
	struct protocol_range range = {
		.start = UINT64_C(1) << 32,
		.size = UINT64_C(1) << 27,
		.node = 1,
		.state = BLOCK_OFFLINE,
		.zone_count = 2,
		.zones = { BLOCK_ZONE_NORMAL, BLOCK_ZONE_MOVABLE },
		.reason = REASON_POLICY_KEEP,
		.dimm = UINT64_C(1) << 32,
	};
	struct text out = TEXT_INIT;

	(void)state;
	protocol_list_begin(&out);
	protocol_list_end(&out);
	check_text(&out, "[]");
	protocol_list_begin(&out);
	protocol_put_range(&out, &range);
	range.zone_count = 0;
	range.dimm = UINT64_MAX;
	protocol_put_range(&out, &range);
	protocol_list_end(&out);
	check_text(
		&out,
		"[{\"start\": 4294967296, \"size\": 134217728, \"node\": 1, "
		"\"state\": \"offline\", \"zones\": [\"Normal\", \"Movable\"], "
		"\"reason\": \"policy-keep\", \"dimm\": 4294967296}, "
		"{\"start\": 4294967296, \"size\": 134217728, \"node\": 1, "
		"\"state\": \"offline\", \"zones\": [], \"reason\": \"policy-keep\"}]");
}

static struct journal *journal_of(uint64_t reports)
{
	struct journal *journal = journal_new("i", 2, 4);
	struct report report = { .time_sec = 5, .time_usec = 6, .elapsed_usec = 7 };
	struct report_range ranges[] = {
		{ 0, 128, 0, 0, BLOCK_OFFLINE, BLOCK_ONLINE, ONLINE_TYPE_ONLINE,
		  BLOCK_ZONE_NORMAL, REPORT_SUCCESS, REASON_POLICY },
		{ 128, 128, -1, 22, BLOCK_OFFLINE, BLOCK_OFFLINE,
		  ONLINE_TYPE_ONLINE_MOVABLE, BLOCK_ZONE_UNKNOWN, REPORT_FAILED,
		  REASON_REFUSED },
	};

	assert_non_null(journal);
	while (reports--)
		journal_append(journal, &report, ranges, 2);
	return journal;
}

#define TIMESTAMP "\"timestamp\": {\"seconds\": 5, \"microseconds\": 6}, "
#define RANGES                                                                            \
	"\"ranges\": [{\"start\": 0, \"size\": 128, \"node\": 0, \"from\": \"offline\", " \
	"\"to\": \"online\", \"requested\": \"online\", \"zone\": \"Normal\", "           \
	"\"result\": \"success\", \"errno\": 0, \"reason\": \"policy\"}, "                \
	"{\"start\": 128, \"size\": 128, \"node\": -1, \"from\": \"offline\", "           \
	"\"to\": \"offline\", \"requested\": \"online_movable\", \"zone\": \"unknown\", " \
	"\"result\": \"failed\", \"errno\": 22, \"reason\": \"refused\"}], "              \
	"\"elapsed-usec\": 7"

static void puts_reports(void **state)
{
	struct journal *journal = journal_of(0);
	struct text out = TEXT_INIT;

	(void)state;
	protocol_put_reports(&out, journal, 0, UINT64_MAX);
	check_text(
		&out,
		"{\"instance\": \"i\", \"last-seq\": 0, \"lost\": 0, \"reports\": []}");
	journal_free(journal);
	journal = journal_of(3);
	protocol_put_reports(&out, journal, 0, UINT64_MAX);
	check_text(&out,
		   "{\"instance\": \"i\", \"last-seq\": 3, \"lost\": 1, \"reports\": ["
		   "{\"instance\": \"i\", \"seq\": 2, " TIMESTAMP RANGES "}, "
		   "{\"instance\": \"i\", \"seq\": 3, " TIMESTAMP RANGES "}]}");
	protocol_put_reports(&out, journal, 1, 1);
	check_text(&out,
		   "{\"instance\": \"i\", \"last-seq\": 3, \"lost\": 0, \"reports\": ["
		   "{\"instance\": \"i\", \"seq\": 2, " TIMESTAMP RANGES "}]}");
	protocol_put_reports(&out, journal, 2, 0);
	check_text(
		&out,
		"{\"instance\": \"i\", \"last-seq\": 3, \"lost\": 0, \"reports\": []}");
	protocol_put_reports(&out, journal, 3, 5);
	check_text(
		&out,
		"{\"instance\": \"i\", \"last-seq\": 3, \"lost\": 0, \"reports\": []}");
	protocol_put_subscribed(&out, journal, 0);
	check_text(&out, "{\"instance\": \"i\", \"last-seq\": 3, \"lost\": 1}");
	journal_free(journal);
}

static void puts_events(void **state)
{
	struct journal *journal = journal_of(1);
	struct text out = TEXT_INIT;

	(void)state;
	protocol_put_event(&out, journal, journal_after(journal, 0), 3);
	check_text(&out, "{\"event\": \"MEMONLINE_REPORT\", " TIMESTAMP
			 "\"data\": {\"instance\": \"i\", \"seq\": 1, " RANGES
			 ", \"lost\": 3}}\n");
	journal_free(journal);
}

/* The largest answer: as many blocks as 4 TiB have, one string, nothing else allocated. */
static void puts_many_blocks(void **state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	struct text out = TEXT_INIT;
	uint64_t i;

	(void)state;
	for (i = 0; i < PROTOCOL_LIST_MAX; i++)
		add_block(&snapshot, i, BLOCK_ONLINE);
	protocol_put_guest_blocks(&out, &snapshot);
	assert_string_equal(
		out.data + out.len - 61,
		", {\"phys-index\": 32767, \"online\": true, \"can-offline\": true}]");
	text_free(&out);
	snapshot_free(&snapshot);
}

/* --- memonline-protocol(7) */

static void read_page(struct text *page)
{
	const char *source = getenv("srcdir");
	char path[1024], bytes[4096];
	FILE *file;
	size_t len;

	snprintf(path, sizeof(path), "%s/agent/wire/memonline-protocol.7",
		 source ? source : ".");
	file = fopen(path, "r");
	assert_non_null(file);
	while ((len = fread(bytes, 1, sizeof(bytes), file)))
		text_append(page, bytes, len);
	fclose(file);
}

/* A name in the protocol, at the beginning of a line in bold as roff has it. */
static void must_describe(const struct text *page, const char *word)
{
	struct text line = TEXT_INIT;

	text_puts(&line, "\n.B ");
	for (; *word; word++)
		text_printf(&line, *word == '-' ? "\\%c" : "%c", *word);
	text_puts(&line, "\n");
	if (!page->len || !strstr(page->data, line.data))
		fail_msg("the manual page lacks:%s", line.data);
	text_free(&line);
}

static void is_described(void **state)
{
	struct text page = TEXT_INIT;
	int i;

	(void)state;
	read_page(&page);
	for (i = 0; i < PROTOCOL_COMMANDS; i++)
		must_describe(&page, protocol_command_name((enum protocol_command)i));
	for (i = 0; i < REASONS; i++)
		must_describe(&page, reason_text((enum reason)i));
	text_free(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers_what_is_no_request),
		cmocka_unit_test(answers_what_is_no_command),
		cmocka_unit_test(answers_bad_arguments),
		cmocka_unit_test(refuses_what_is_too_much),
		cmocka_unit_test(keeps_half_a_request_to_its_connection),
		cmocka_unit_test(stops_after_each_request),
		cmocka_unit_test(answers_requests),
		cmocka_unit_test(answers_bad_lists),
		cmocka_unit_test(answers_lists),
		cmocka_unit_test(answers_ranges),
		cmocka_unit_test(answers_devices),
		cmocka_unit_test(refuses_disabled_commands),
		cmocka_unit_test(knows_its_commands),
		cmocka_unit_test(escapes_in_errors),
		cmocka_unit_test(puts_guest_blocks),
		cmocka_unit_test(puts_jobs),
		cmocka_unit_test(puts_guest_info),
		cmocka_unit_test(puts_status),
		cmocka_unit_test(puts_ranges),
		cmocka_unit_test(puts_reports),
		cmocka_unit_test(puts_events),
		cmocka_unit_test(puts_many_blocks),
		cmocka_unit_test(is_described),
	};

	return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}
