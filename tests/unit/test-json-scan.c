/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"
#include "wire/json-scan.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

static const struct json_scan_limits limits = {
	.bytes = 100,
	.token = 40,
	.kept = 100,
	.values = 12,
	.depth = 4,
	.elements = 6,
	.members = 5,
	.bulk = "bulk",
	.bulk_depth = 2,
};

/* One line for each event: the object's text, "(scalar)", or "! " and the error. */
static void put_event(struct text *out, const struct json_scan *scan,
		      enum json_scan_event event)
{
	struct json_value value;

	switch (event) {
	case JSON_SCAN_MORE:
		return;
	case JSON_SCAN_OBJECT:
		value = json_scan_value(scan);
		json_put_value(out, &value);
		break;
	case JSON_SCAN_SCALAR:
		text_puts(out, "(scalar)");
		break;
	case JSON_SCAN_ERROR:
		text_printf(out, "! %s", json_scan_error(scan));
		break;
	}
	text_puts(out, "\n");
}

static void scan_all(struct text *out, const char *bytes, size_t len, size_t step)
{
	struct json_scan *scan = json_scan_new(&limits);
	enum json_scan_event event;

	assert_non_null(scan);
	while (len) {
		size_t rest = step < len ? step : len;

		len -= rest;
		do {
			event = json_scan_feed(scan, &bytes, &rest);
			put_event(out, scan, event);
		} while (event != JSON_SCAN_MORE);
		assert_int_equal(rest, 0);
	}
	json_scan_free(scan);
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
#define ERROR(text) "! JSON parse error, " text "\n"

static void check(const struct row *row)
{
	static const size_t steps[] = { SIZE_MAX, 1, 3 };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		struct text out = TEXT_INIT;

		text_puts(&out, "");
		scan_all(&out, row->in, row->in_len, steps[i]);
		assert_string_equal(out.data, row->out);
		text_free(&out);
	}
}

static void check_all(const struct row *rows, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		check(&rows[i]);
}

static void resynchronises_after_a_stray_byte(void **state)
{
	static const struct row rows[] = {
		ROW("\xff", ERROR("stray '\xff'")),
		ROW("\xff\xff{}", ERROR("stray '\xff'") ERROR("stray '\xff'") "{}\n"),
		ROW("\xfe{}", ERROR("stray '\xfe'") "{}\n"),
		ROW("\x80{}", ERROR("stray '\x80'") "{}\n"),
		ROW("\"a\xfe{}", ERROR("stray '\"a\xfe'") "{}\n"),
		ROW("{\"a\":1\xff{}", ERROR("stray '\xff'") "{}\n"),
		ROW("{\"a\":\"b\xff{}", ERROR("stray '\"b\xff'") "{}\n"),
		ROW("{\"a\":'b\xff{}", ERROR("stray ''b\xff'") "{}\n"),
		ROW("{\"a\":\"b\\\xff{}", ERROR("stray '\"b\\\xff'") "{}\n"),
		ROW("{\"a\":\"b\\\xfe{}", ERROR("stray '\"b\\\xfe'") "{}\n"),
		/* A newline in a string is stray; what was to end the string begins no new one. */
		ROW("{\"a\":\"b\nc\" }", ERROR("stray '\"b\n'") ERROR("expecting value")),
		ROW("#\"1 2\xff", ERROR("stray '#'") ERROR("stray '\xff'")),
		ROW("A b\n1 ", ERROR("stray 'A'") "(scalar)\n"),
		ROW("A b\r1 ", ERROR("stray 'A'") "(scalar)\n"),
		ROW("A b\x01\n", ERROR("stray 'A'") ERROR("stray '\x01'")),
		ROW("A b\t1 {}", ERROR("stray 'A'") "{}\n"),
		ROW("A b,1 ", ERROR("stray 'A'") ERROR("expecting value") "(scalar)\n"),
		ROW("\0{}", ERROR("stray ''") "{}\n"),
		ROW("\"a\0{}", ERROR("stray '\"a'") "{}\n"),
		ROW("%d{}", ERROR("stray '%'") "{}\n"),
		ROW("\x0b{}", ERROR("stray '\x0b'") "{}\n"),
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

static void refuses_bad_numbers(void **state)
{
	static const struct row rows[] = {
		ROW("{\"a\":01}", ERROR("stray '01'") ERROR("expecting value")),
		ROW("{\"a\":-}{}", ERROR("stray '-}'") "{}\n"),
		ROW("{\"a\":-01}{}",
		    ERROR("stray '-01'") ERROR("expecting value") "{}\n"),
		ROW("{\"a\":+1}", ERROR("stray '+'") ERROR("expecting value")),
		ROW("{\"a\":.5}", ERROR("stray '.'") ERROR("expecting value")),
		ROW("{\"a\":1.}{}", ERROR("stray '1.}'") "{}\n"),
		ROW("{\"a\":1.e5}", ERROR("stray '1.e'") ERROR("expecting value")),
		ROW("{\"a\":1e}{}", ERROR("stray '1e}'") "{}\n"),
		ROW("{\"a\":1e+}{}", ERROR("stray '1e+}'") "{}\n"),
		ROW("{\"a\":0e1}", ERROR("expected separator in dict")),
		ROW("{\"a\":1.5.5}", ERROR("stray '.'") ERROR("expecting value")),
		ROW("{\"a\":0x1}", ERROR("expected separator in dict")),
		ROW("{\"a\":NaN}", ERROR("stray 'N'") ERROR("expecting value")),
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

static void refuses_bad_strings(void **state)
{
#define BAD_UTF8 ERROR("invalid UTF-8 sequence in string")
#define BAD_CODE(code) ERROR("\\u" code " is not a valid Unicode character")
	static const struct row rows[] = {
		ROW("\"\xc3\"", BAD_UTF8),
		ROW("\"\xc3x\"", BAD_UTF8),
		ROW("\"\x80\"", BAD_UTF8),
		ROW("\"\xc1\x81\"", BAD_UTF8),
		ROW("\"\xe0\x80\x80\"", BAD_UTF8),
		ROW("\"\xf0\x82\x82\xac\"", BAD_UTF8),
		ROW("\"\xed\xa0\x80\"", BAD_UTF8),
		ROW("\"\xef\xbf\xbf\"", BAD_UTF8),
		ROW("\"\xef\xb7\x90\"", BAD_UTF8),
		ROW("\"\xf4\x90\x80\x80\"", BAD_UTF8),
		ROW("\"\xf8\x88\x80\x80\x80\"", BAD_UTF8),
		ROW("\"\xfd\xbf\xbf\xbf\xbf\xbf\"", BAD_UTF8),
		ROW("\"\\x41\"", ERROR("invalid escape sequence in string")),
		ROW("\"\\\xc3\xa9\"", ERROR("invalid escape sequence in string")),
		ROW("\"\\u\"", BAD_CODE("\"")),
		ROW("\"\\u12\"", BAD_CODE("12\"")),
		ROW("'\\u12'", BAD_CODE("12'")),
		ROW("\"\\u12G4\"", BAD_CODE("12G4")),
		ROW("\"\\u12 4\"", BAD_CODE("12 4")),
		ROW("\"\\uffff\"", BAD_CODE("ffff")),
		ROW("\"\\ufdd0\"", BAD_CODE("fdd0")),
		ROW("\"\\uDC00\\uD800\"", BAD_CODE("DC00")),
		ROW("\"\\u0041\\uDC00\"", BAD_CODE("DC00")),
		ROW("\"\\uD800\"", BAD_CODE("D800")),
		ROW("\"\\uD800x\"", BAD_CODE("D800")),
		ROW("\"\\uD800\\n\"", BAD_CODE("D800")),
		ROW("\"\\uD800\\u12\"", BAD_CODE("D800")),
		ROW("\"\\uD800\\u0041\"", BAD_CODE("D800")),
		ROW("\"\\uDBFF\\uDFFF\"", BAD_CODE("DBFF\\uDFFF")),
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

static void refuses_bad_grammar_once_for_each_request(void **state)
{
	static const struct row rows[] = {
		ROW("}", ERROR("expecting value")),
		ROW("]", ERROR("expecting value")),
		ROW(":", ERROR("expecting value")),
		ROW(",", ERROR("expecting value")),
		ROW("{]", ERROR("expecting value")),
		ROW("[}", ERROR("expecting value")),
		ROW("{[}]", ERROR("expecting value")),
		ROW("{,}", ERROR("expecting value")),
		ROW("{:1}", ERROR("expecting value")),
		ROW("{\"a\":}", ERROR("expecting value")),
		ROW("{\"a\":1,}", ERROR("expecting value")),
		ROW("[1,]", ERROR("expecting value")),
		ROW("[,1]", ERROR("expecting value")),
		ROW("{1:2}", ERROR("key is not a string in object")),
		ROW("{true:2}", ERROR("key is not a string in object")),
		ROW("{[1]:2}", ERROR("key is not a string in object")),
		ROW("{{}:2}", ERROR("key is not a string in object")),
		ROW("{\"a\"}", ERROR("missing : in object pair")),
		ROW("{\"a\" 1}", ERROR("missing : in object pair")),
		ROW("{\"a\",1}", ERROR("missing : in object pair")),
		ROW("{\"a\":1 \"b\":2}", ERROR("expected separator in dict")),
		ROW("{\"a\":1]", ERROR("expected separator in dict")),
		ROW("{\"a\":1:2}", ERROR("expected separator in dict")),
		ROW("[1 2]", ERROR("expected separator in list")),
		ROW("[1:2]", ERROR("expected separator in list")),
		ROW("{\"a\":tru}", ERROR("invalid keyword 'tru'")),
		ROW("truE", ERROR("invalid keyword 'tru'") ERROR("stray 'E'")),
		ROW("{\"a\":1,\"a\":2}", ERROR("duplicate key")),
		ROW("{\"a\":1,\"b\":2,\"\\u0061\":3}", ERROR("duplicate key")),
		ROW("{\"b\":{\"c\":1,\"c\":1}}", ERROR("duplicate key")),
		ROW("[{\"a\":1,'a':1}]", ERROR("duplicate key")),
		ROW("{\"a\":1,\"a\":tru}", ERROR("invalid keyword 'tru'")),
		/* The first error stands. */
		ROW("{\"a\" 1, tru, 01e}", ERROR("stray '01'") ERROR("expecting value")),
		ROW("{\"a\" 1, tru, \"\\x\"}", ERROR("missing : in object pair")),
		/* And the next request is none the worse for it. */
		ROW("{]}{}", ERROR("expecting value") ERROR("expecting value") "{}\n"),
		ROW("{[}]}{}", ERROR("expecting value") ERROR("expecting value") "{}\n"),
		ROW("{\"a\":1]{\"a\":1}",
		    ERROR("expected separator in dict") "{\"a\": 1}\n"),
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

#define TEN "aaaaaaaaaa"
#define FIFTY TEN TEN TEN TEN TEN
/* 49 of them: two of these and a pair of braces are as long as a request may be */
#define SPACES "                                                 "

static void holds_its_limits(void **state)
{
#define TOO_LONG "! JSON token size limit exceeded\n"
	static const struct row rows[] = {
		/* bytes; white space counts inside of a request, and not outside */
		ROW("{" SPACES SPACES "}", "{}\n"),
		ROW("{" SPACES SPACES " }\n{}", TOO_LONG "{}\n"),
		ROW("{" SPACES SPACES " }{}", TOO_LONG),
		ROW(SPACES SPACES SPACES "{}" SPACES SPACES, "{}\n"),
		/* one token */
		ROW("\"" FIFTY "\"", TOO_LONG),
		ROW("{\"a\":\"" FIFTY "\"}1 \"\n{}", TOO_LONG "{}\n"),
		ROW("{\"a\":\"" FIFTY "\"}1 \"\xff{}",
		    TOO_LONG ERROR("stray '\xff'") "{}\n"),
		ROW(FIFTY, TOO_LONG),
		/* all that is kept */
		ROW("[\"" TEN TEN TEN "\",\"" TEN TEN TEN "\",\"" TEN TEN TEN "\"]1 ",
		    TOO_LONG "(scalar)\n"),
		/* values */
		ROW("[[1,2,3,4,5],[1,2,3,4]]", "(scalar)\n"),
		ROW("[[1,2,3,4,5],[1,2,3,4,5]]{}",
		    "! JSON token count limit exceeded\n{}\n"),
		/* depth */
		ROW("[[[[]]]]", "(scalar)\n"),
		ROW("[[[[[]]]]]{}", "! JSON nesting depth limit exceeded\n{}\n"),
		ROW("[[[[{]]]]}{}", "! JSON nesting depth limit exceeded\n{}\n"),
		/* elements of a list, members of an object */
		ROW("[1,2,3,4,5,6]", "(scalar)\n"),
		ROW("[1,2,3,4,5,6,7]{}", "! JSON list element limit exceeded\n{}\n"),
		ROW("[{'a':1,'b':1,'c':1,'d':1,'e':1}]", "(scalar)\n"),
		ROW("{'a':1,'b':1,'c':1,'d':1,'e':1,'f':1}",
		    "! JSON object member limit exceeded\n"),
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

/* A list among the arguments costs no memory, yet it is checked like everything else. */
static void checks_bulk_lists_without_keeping_them(void **state)
{
	static const struct row rows[] = {
		ROW("{'bulk':{'x':[{'a':1},[2],\"3\"],'y':[4]},'z':[5]}",
		    "{\"bulk\": {\"x\": [], \"y\": []}, \"z\": [5]}\n"),
		/* only there: not deeper, not elsewhere, not in place of the member */
		ROW("{'bulk':{'x':{'y':[1]}}}", "{\"bulk\": {\"x\": {\"y\": []}}}\n"),
		ROW("{'bulk':[{'y':[1]}]}", "{\"bulk\": [{\"y\": [1]}]}\n"),
		ROW("{'bulk':[1],'a':{'x':[1]}}",
		    "{\"bulk\": [1], \"a\": {\"x\": [1]}}\n"),
		ROW("{'a':{'bulk':{'x':[1]}}}", "{\"a\": {\"bulk\": {\"x\": [1]}}}\n"),
		ROW("[{'bulk':{'x':[1]}}]", "(scalar)\n"),
		ROW("{'bulk':[[1]]}", "{\"bulk\": [[1]]}\n"),
		/* and not in the next request */
		ROW("{'bulk':{'x':[1#{'a':[1]}", ERROR("stray '#'") "{\"a\": [1]}\n"),
		ROW("{'bulk':1}[{'x':[1,2,3,4,5],'y':[1,2,3,4]}]",
		    "{\"bulk\": 1}\n! JSON token count limit exceeded\n"),
		/* more values than may be kept */
		ROW("{'bulk':{'x':[[1,2,3],[1,2,3],[1,2,3],[1,2,3]]}}",
		    "{\"bulk\": {\"x\": []}}\n"),
		ROW("{'bulk':{'x':[1,2,3,4,5,6,7]}}",
		    "! JSON list element limit exceeded\n"),
		ROW("{'bulk':{'x':[1,{'a':1,'a':1}]}}", ERROR("duplicate key")),
		ROW("{'bulk':{'x':[tru]}}", ERROR("invalid keyword 'tru'")),
		ROW("{'bulk':{'x':['\\x']}}", ERROR("invalid escape sequence in string")),
		ROW("{'bulk':{'x':[1,]}}", ERROR("expecting value")),
		ROW("{'bulk':{'x':[1],'x':[1]}}", ERROR("duplicate key")),
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

static void waits_for_the_rest(void **state)
{
	static const struct row rows[] = {
		ROW("", ""),	      ROW(" \t\r\n", ""), ROW("{\"a\":1", ""),
		ROW("{\"a\":[}", ""), ROW("123", ""),	  ROW("tru", ""),
		ROW("\"abc", ""),     ROW("[{}", ""),
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

static void finds_every_request(void **state)
{
	static const struct row rows[] = {
		ROW("{}", "{}\n"),
		ROW("{}{}\n\n{ }\r\n", "{}\n{}\n{}\n"),
		ROW("1 2,\"x\"",
		    "(scalar)\n(scalar)\n" ERROR("expecting value") "(scalar)\n"),
		ROW("12\"a\"", "(scalar)\n(scalar)\n"),
		ROW("{}1 {}[]", "{}\n(scalar)\n{}\n(scalar)\n"),
		ROW("{\"a\":{\"a\":1},\"ab\":[{\"a\":2}]}",
		    "{\"a\": {\"a\": 1}, \"ab\": [{\"a\": 2}]}\n"),
		ROW("null\n[]\n[{}]", "(scalar)\n(scalar)\n(scalar)\n"),
		ROW("{\n\t\"a\" : [ 1 , true , null , { } ]\n}",
		    "{\"a\": [1, true, null, {}]}\n"),
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

static void writes_strings_in_one_way(void **state)
{
	static const struct row rows[] = {
		ROW("{'a':'b\"c'}", "{\"a\": \"b\\\"c\"}\n"),
		ROW("{'a':'b\\'c\"'}", "{\"a\": \"b'c\\\"\"}\n"),
		ROW("{\"a\":\"b'\\'\"}", "{\"a\": \"b''\"}\n"),
		ROW("{\"\\u0061\":\"\\/\\\\\\\"\"}", "{\"a\": \"/\\\\\\\"\"}\n"),
		ROW("{\"a\":\"\\b\\f\\n\\r\\t\"}", "{\"a\": \"\\b\\f\\n\\r\\t\"}\n"),
		ROW("{\"a\":\"\x7f\\u001F\"}", "{\"a\": \"\\u007F\\u001F\"}\n"),
		/* U+0000 ends no string early */
		ROW("{\"a\\u0000\":\"b\xc0\x80\"}", "{\"a\\u0000\": \"b\\u0000\"}\n"),
		ROW("{\"a\":\"\\u00e9\xc3\xa9\\u20AC\xe2\x82\xac\"}",
		    "{\"a\": \"\\u00E9\\u00E9\\u20AC\\u20AC\"}\n"),
		ROW("{\"a\":\"\\uD83D\\uDE00\xf0\x9f\x98\x80\"}",
		    "{\"a\": \"\\uD83D\\uDE00\\uD83D\\uDE00\"}\n"),
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

static void keeps_the_text_of_numbers(void **state)
{
	static const struct row rows[] = {
		ROW("{\"a\":[0,-0,-1,9223372036854775807]}",
		    "{\"a\": [0, 0, -1, 9223372036854775807]}\n"),
		ROW("{\"a\":-9223372036854775809}", "{\"a\": -9223372036854775809}\n"),
		ROW("{\"a\":[1.0,-0.0,-0.5e-3,1E400]}",
		    "{\"a\": [1.0, -0.0, -0.5e-3, 1E400]}\n"),
	};

	(void)state;
	check_all(rows, ARRAY_SIZE(rows));
}

/* The value of the member "a". */
static struct json_value value_of(struct json_scan *scan, const char *text)
{
	struct text request = TEXT_INIT;
	struct json_value object;
	const char *bytes;
	size_t len;

	text_printf(&request, "{\"a\":%s}", text);
	assert_false(request.failed);
	bytes = request.data;
	len = request.len;
	assert_int_equal(json_scan_feed(scan, &bytes, &len), JSON_SCAN_OBJECT);
	object = json_scan_value(scan);
	text_free(&request);
	return json_member(&object, "a");
}

static void reads_numbers(void **state)
{
	static const struct {
		const char *text;
		bool is_int64, is_uint64;
		uint64_t number;
	} rows[] = {
		{ "0", true, true, 0 },
		{ "-0", true, true, 0 },
		{ "9223372036854775807", true, true, INT64_MAX },
		{ "9223372036854775808", false, true, (uint64_t)INT64_MAX + 1 },
		{ "-9223372036854775808", true, false, (uint64_t)INT64_MAX + 1 },
		{ "-9223372036854775809", false, false, 7 },
		{ "18446744073709551615", false, true, UINT64_MAX },
		{ "18446744073709551616", false, false, 7 },
		{ "99999999999999999999999999999999", false, false, 7 },
		{ "1.0", false, false, 7 },
		{ "1e2", false, false, 7 },
		{ "\"1\"", false, false, 7 },
		{ "true", false, false, 7 },
	};
	struct json_scan *scan = json_scan_new(&limits);
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json_value value = value_of(scan, rows[i].text);
		int64_t as_int64 = 7;
		uint64_t as_uint64 = 7;

		assert_int_equal(json_int64(&value, &as_int64), rows[i].is_int64);
		assert_int_equal(json_uint64(&value, &as_uint64), rows[i].is_uint64);
		assert_true(!rows[i].is_int64 || (uint64_t)as_int64 == rows[i].number);
		assert_true(!rows[i].is_uint64 || as_uint64 == rows[i].number);
		assert_true(rows[i].is_int64 || as_int64 == 7);
		assert_true(rows[i].is_uint64 || as_uint64 == 7);
	}
	json_scan_free(scan);
}

static void put_element(const struct json_scan_element *element, void *data)
{
	text_printf(data, "%s/%s[%zu] ", element->names[0] ? element->names[0] : "",
		    element->names[1] ? element->names[1] : "", element->index);
	json_put_value(data, &element->value);
	text_puts(data, "\n");
}

/* Elements come one by one and whole, however deep, and each may take all the room there is. */
static void passes_elements_on(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "{'bulk':{'x':[1,'b',{'c':2}],'y':{'z':[3]}}}",
		  "x/[0] 1\nx/[1] \"b\"\nx/[2] {\"c\": 2}\ny/z[0] 3\n" },
		{ "{'bulk':{'x':{'y':{'z':[1]}}}}", "" },
		{ "{'bulk':[1],'a':{'x':[1]}}", "" },
		{ "{'bulk':{'x':[1,{'a':1,'a':2},3]}}", "x/[0] 1\n" },
	};
	struct text out = TEXT_INIT;
	struct json_scan_watch watch = { put_element, NULL, &out };
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct json_scan *scan = json_scan_new(&limits);
		const char *bytes = rows[i].in;
		size_t len = strlen(bytes);

		text_clear(&out);
		text_puts(&out, "");
		json_scan_watch(scan, &watch);
		json_scan_feed(scan, &bytes, &len);
		assert_string_equal(out.data, rows[i].out);
		json_scan_free(scan);
	}
	text_free(&out);
}

static void reads_utf8(void **state)
{
	static const struct {
		const char *bytes;
		int32_t code;
		size_t taken;
	} rows[] = {
		{ "\xff", -1, 1 },
		{ "\xfe"
		  "a",
		  -1, 1 },
		{ "\x80\x80", -1, 1 },
		{ "\xc3", -1, 1 },
		{ "\xc3(", -1, 1 },
		{ "\xe2\x82", -1, 2 },
		{ "\xe2(", -1, 1 },
		{ "\xf0\x9f\x98\xff", -1, 3 },
		{ "\xed\xa0\x80", -1, 3 },
		{ "\xf8\x88\x80\x80\x80", -1, 5 },
		{ "\xfd\xbf\xbf\xbf\xbf\xbf\xbf", -1, 6 },
		{ "\xc1\xbf", -1, 2 },
		{ "\xc0\x80", 0, 2 },
		{ "a", 'a', 1 },
		{ "\x7f", 0x7f, 1 },
		{ "\xc2\x80", 0x80, 2 },
		{ "\xdf\xbf", 0x7ff, 2 },
		{ "\xe0\xa0\x80", 0x800, 3 },
		{ "\xef\xbf\xbd", 0xfffd, 3 },
		{ "\xf0\x90\x80\x80", 0x10000, 4 },
		{ "\xf4\x8f\xbf\xbd", 0x10fffd, 4 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		const char *bytes = rows[i].bytes;

		assert_int_equal(json_utf8(&bytes, bytes + strlen(bytes)), rows[i].code);
		assert_int_equal(bytes - rows[i].bytes, rows[i].taken);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(resynchronises_after_a_stray_byte),
		cmocka_unit_test(refuses_bad_numbers),
		cmocka_unit_test(refuses_bad_strings),
		cmocka_unit_test(refuses_bad_grammar_once_for_each_request),
		cmocka_unit_test(holds_its_limits),
		cmocka_unit_test(checks_bulk_lists_without_keeping_them),
		cmocka_unit_test(waits_for_the_rest),
		cmocka_unit_test(finds_every_request),
		cmocka_unit_test(writes_strings_in_one_way),
		cmocka_unit_test(keeps_the_text_of_numbers),
		cmocka_unit_test(reads_numbers),
		cmocka_unit_test(passes_elements_on),
		cmocka_unit_test(reads_utf8),
	};

	return cmocka_run_group_tests_name("json-scan", tests, NULL, NULL);
}
