/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdio.h>
#include <string.h>

#include "wire/frame.h"
#include "wire/json-scan.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/*
 * All that a frame says of some bytes, as text: each request as NAME(bytes before the name|bytes
 * after it)id, "-" for no name, "!" behind a broken one.
 */
static void say_named(struct frame *frame, struct text *out)
{
	struct text held = TEXT_INIT;

	frame_take_held(frame, &held);
	text_puts(out, frame_command(frame) ? frame_command(frame) : "-");
	text_puts(out, "(");
	text_append(out, held.data ? held.data : "", held.len);
	text_puts(out, "|");
	text_free(&held);
}

static void say_ended(const struct frame *frame, struct text *out)
{
	text_puts(out, ")");
	frame_put_id(frame, out);
	text_puts(out, frame_is_broken(frame) ? "!" : "");
}

static void say(struct frame *frame, const char *bytes, size_t len, bool *named,
		struct text *out)
{
	enum frame_event event;

	do {
		const char *start = bytes;

		event = frame_feed(frame, &bytes, &len);
		if (*named)
			text_append(out, start, (size_t)(bytes - start));
		if (event == FRAME_NAMED) {
			say_named(frame, out);
			if (frame_command(frame))
				frame_pass(frame);
			*named = true;
		} else if (event == FRAME_ENDED) {
			say_ended(frame, out);
			*named = false;
		}
	} while (event != FRAME_MORE);
	assert_int_equal(len, 0);
}

static void check_steps(const char *bytes, size_t len, size_t step, const char *expected)
{
	struct frame *frame = frame_new();
	struct text out = TEXT_INIT;
	bool named = false;
	size_t at;

	text_puts(&out, "");
	for (at = 0; at < len; at += step)
		say(frame, bytes + at, len - at < step ? len - at : step, &named, &out);
	say(frame, "", 0, &named, &out);
	assert_string_equal(out.data, expected);
	text_free(&out);
	frame_free(frame);
}

static void check(const char *bytes, const char *expected)
{
	check_steps(bytes, strlen(bytes), strlen(bytes), expected);
	check_steps(bytes, strlen(bytes), 1, expected);
	check_steps(bytes, strlen(bytes), 3, expected);
}

/* What is wrong with a request is found by whoever gets it; the next one begins at its end. */
static void wrong_requests_end(void **state)
{
	static const struct {
		const char *bytes, *said;
	} rows[] = {
		{ "[] 1 \"x\"\n{}", "-([]|)-(1|)-(\"x\"|)-({}|)" },
		{ "}]{\"execute\":\"a\"}", "-(}|)-(]|)a({\"execute\":\"a\"|})" },
		{ "{\"execute\":1}{\"execute\":{\"execute\":\"b\"}}",
		  "-({\"execute\":1}|)-({\"execute\":{\"execute\":\"b\"}}|)" },
		{ "[\"execute\",\"a\"]", "-([\"execute\",\"a\"]|)" },
		{ "{\"execute\" \"a\"}", "-({\"execute\" \"a\"}|)" },
		{ "{\"arguments\":{\"execute\":\"a\"}}",
		  "-({\"arguments\":{\"execute\":\"a\"}}|)" },
		{ "{\"execute\":\"\\ud800\"}", "-({\"execute\":\"\\ud800\"|})" },
		/* a stray byte ends one, and what follows is passed over */
		{ "{\"execute\":\"a\xff{\"execute\":\"b\"}",
		  "-({\"execute\":\"a\xff|)!b({\"execute\":\"b\"|})" },
		{ "{\"execute\":\"a\",\"x\":\x01y\n{\"execute\":\"b\"}",
		  "a({\"execute\":\"a\"|,\"x\":\x01)!b({\"execute\":\"b\"|})" },
		{ "\xff{\"execute\":\"b\"}", "-(\xff|)!b({\"execute\":\"b\"|})" },
		{ "{\"execute\":\"a\",\xff\xff",
		  "a({\"execute\":\"a\"|,\xff)!-(\xff|)!" },
		/* of two commands neither is passed on */
		{ "{\"execute\":\"a\",\"execute\":\"b\"}\n{}",
		  "a({\"execute\":\"a\"|,\"execute\":)!-({}|)" },
		{ "{\"execute\":\"a\",\"\\u0065xecute\":\"b\"}\n",
		  "a({\"execute\":\"a\"|,\"\\u0065xecute\":)!" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		check(rows[i].bytes, rows[i].said);
}

static void finds_the_command(void **state)
{
	static const struct {
		const char *bytes, *said;
	} rows[] = {
		{ "{\"execute\":\"guest-exec\",\"arguments\":{\"x\":[1,{}]},\"id\":5}\n",
		  "guest-exec({\"execute\":\"guest-exec\"|,\"arguments\":{\"x\":[1,{}]},"
		  "\"id\":5})5" },
		{ "{\"arguments\":{\"id\":1,\"execute\":\"no\"},\"id\":[\"]\",{\"a\":1}],"
		  "\"execute\":\"b\"} ",
		  "b({\"arguments\":{\"id\":1,\"execute\":\"no\"},\"id\":[\"]\",{\"a\":1}],"
		  "\"execute\":\"b\"|})[\"]\", {\"a\": 1}]" },
		{ "{'execute' : 'a' , 'id' : 'x\"' }",
		  "a({'execute' : 'a'| , 'id' : 'x\"' })"
		  "\"x\\\"\"" },
		{ "{\"\\u0065xecut\\u0065\":\"gu\\u0065st\\u002dexec\"}",
		  "guest-exec({\"\\u0065xecut\\u0065\":\"gu\\u0065st\\u002dexec\"|})" },
		{ "{\"execute\":\"a\",\"id\":true}{\"execute\":\"a\",\"id\":-1.5e3}",
		  "a({\"execute\":\"a\"|,\"id\":true})true"
		  "a({\"execute\":\"a\"|,\"id\":-1.5e3})-1.5e3" },
		/* an id that is no JSON is none */
		{ "{\"execute\":\"a\",\"id\":nil}{\"execute\":\"a\",\"id\":}",
		  "a({\"execute\":\"a\"|,\"id\":nil})a({\"execute\":\"a\"|,\"id\":})" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		check(rows[i].bytes, rows[i].said);
}

static enum frame_event feed_text(struct frame *frame, const struct text *text,
				  size_t *left)
{
	const char *bytes = text->data;

	*left = text->len;
	return frame_feed(frame, &bytes, left);
}

static void add_many(struct text *text, const char *part, size_t count)
{
	while (count--)
		text_puts(text, part);
}

/* A name that is too long is nobody's; what comes before it is held up to a bound. */
static void holds_no_more_than_it_may(void **state)
{
	struct frame *frame = frame_new();
	struct text text = TEXT_INIT, held = TEXT_INIT;
	const char *bytes;
	size_t left;

	(void)state;
	text_puts(&text, "{\"execute\":\"");
	add_many(&text, "\\u0061", FRAME_NAME_MAX + 1);
	text_puts(&text, "\"");
	assert_int_equal(feed_text(frame, &text, &left), FRAME_NAMED);
	assert_null(frame_command(frame));
	frame_free(frame);

	frame = frame_new();
	text_clear(&text);
	text_puts(&text, "{\"id\":\"");
	add_many(&text, "x", FRAME_HELD_MAX);
	text_puts(&text, "\",\"execute\":\"a\"}");
	assert_int_equal(feed_text(frame, &text, &left), FRAME_NAMED);
	assert_null(frame_command(frame));
	frame_take_held(frame, &held);
	assert_int_equal(held.len, FRAME_HELD_MAX);
	assert_int_equal(left, text.len - FRAME_HELD_MAX);
	text_clear(&held);
	assert_false(frame_put_id(frame, &held));
	text_free(&held);
	/* said once */
	bytes = text.data + text.len - left;
	assert_int_equal(frame_feed(frame, &bytes, &left), FRAME_ENDED);
	assert_int_equal(left, 0);
	frame_drop(frame);
	frame_free(frame);
	text_free(&text);
}

static bool has_id_of(size_t bytes)
{
	struct frame *frame = frame_new();
	struct text text = TEXT_INIT, id = TEXT_INIT;
	size_t left;
	bool has_id;

	text_puts(&text, "{\"id\":\"");
	add_many(&text, "x", bytes - 2);
	text_puts(&text, "\",\"execute\":\"a\"}");
	assert_int_equal(feed_text(frame, &text, &left), FRAME_NAMED);
	has_id = frame_put_id(frame, &id);
	assert_int_equal(id.len, has_id ? bytes : 0);
	text_free(&id);
	text_free(&text);
	frame_free(frame);
	return has_id;
}

static void an_id_has_a_limit(void **state)
{
	(void)state;
	assert_true(has_id_of(FRAME_ID_MAX));
	assert_false(has_id_of(FRAME_ID_MAX + 1));
	assert_false(has_id_of(2UL * FRAME_ID_MAX));
}

/* Of a request that is passed on nothing gets near to what QEMU's parser begins anew at. */
static void ends_what_is_too_much(void **state)
{
	static const struct {
		const char *part;
		size_t count;
	} rows[] = {
		{ "x", FRAME_BYTES_MAX },
		{ "1,", FRAME_TOKENS_MAX },
		{ "[", FRAME_DEPTH_MAX },
	};
	size_t i, left;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct frame *frame = frame_new();
		struct text text = TEXT_INIT;
		const char *bytes;

		text_puts(&text, "{\"execute\":\"a\",\"id\":7,\"x\":");
		text_puts(&text, i ? "[" : "\"");
		add_many(&text, rows[i].part, rows[i].count);
		bytes = text.data;
		left = text.len;
		assert_int_equal(frame_feed(frame, &bytes, &left), FRAME_NAMED);
		frame_pass(frame);
		assert_int_equal(frame_feed(frame, &bytes, &left), FRAME_ENDED);
		assert_true(frame_is_broken(frame));
		/* the rest of it is passed over, and the next request is found */
		text_puts(&text, "}]\n{\"execute\":\"b\"}");
		bytes = text.data + (bytes - text.data);
		left += strlen("}]\n{\"execute\":\"b\"}");
		bytes = text.data + text.len - left;
		assert_int_equal(frame_feed(frame, &bytes, &left), FRAME_NAMED);
		assert_string_equal(frame_command(frame), "b");
		text_free(&text);
		frame_free(frame);
	}
}

static void drops_up_to_a_newline(void **state)
{
	struct frame *frame = frame_new();
	struct text text = TEXT_INIT;
	size_t left;

	(void)state;
	text_puts(&text, "{\"x\":[");
	assert_int_equal(feed_text(frame, &text, &left), FRAME_MORE);
	frame_drop(frame);
	text_clear(&text);
	text_puts(&text, "{\"execute\":\"a\"}\n{\"execute\":\"b\"");
	assert_int_equal(feed_text(frame, &text, &left), FRAME_NAMED);
	assert_string_equal(frame_command(frame), "b");
	text_free(&text);
	frame_free(frame);
}

/* --- beside json-scan: a request of the one is a request of the other */

static const struct json_scan_limits no_limits = {
	.bytes = SIZE_MAX,
	.token = SIZE_MAX,
	.kept = SIZE_MAX / 2,
	.values = SIZE_MAX,
	.depth = JSON_SCAN_DEPTH_MAX,
	.elements = SIZE_MAX,
	.members = SIZE_MAX,
};

static size_t frame_end(struct frame *frame, const char *bytes, size_t len)
{
	const char *rest = bytes;
	enum frame_event event;

	do {
		event = frame_feed(frame, &rest, &len);
	} while (event == FRAME_NAMED);
	return event == FRAME_ENDED ? (size_t)(rest - bytes) : SIZE_MAX;
}

static size_t scan_end(struct json_scan *scan, const char *bytes, size_t len)
{
	const char *rest = bytes;

	return json_scan_feed(scan, &rest, &len) == JSON_SCAN_MORE
		       ? SIZE_MAX
		       : (size_t)(rest - bytes);
}

static uint32_t draw(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 16) % below;
}

static void agrees_with_json_scan(void **state)
{
	static const char *const parts[] = {
		"{",	      "}",   "[",  "]",	   ":",	   ",", "\"",
		"'",	      "\\",  "a",  "1",	   "-",	   ".", "e",
		" ",	      "\n",  "\t", "\xff", "\x01", "0", "\"execute\":",
		"{\"id\":1,", "true"
	};
	uint32_t seed = 1;
	int round;

	(void)state;
	for (round = 0; round < 3000; round++) {
		struct frame *frame = frame_new();
		struct json_scan *scan = json_scan_new(&no_limits);
		char bytes[512] = "";
		size_t at = 0, len = 0, end;

		while (len < 256)
			len += (size_t)snprintf(bytes + len, sizeof(bytes) - len, "%s",
						parts[draw(&seed, ARRAY_SIZE(parts))]);
		do {
			end = frame_end(frame, bytes + at, len - at);
			assert_int_equal(end, scan_end(scan, bytes + at, len - at));
			at += end == SIZE_MAX ? 0 : end;
		} while (end != SIZE_MAX);
		json_scan_free(scan);
		frame_free(frame);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_requests_end),
		cmocka_unit_test(finds_the_command),
		cmocka_unit_test(holds_no_more_than_it_may),
		cmocka_unit_test(an_id_has_a_limit),
		cmocka_unit_test(ends_what_is_too_much),
		cmocka_unit_test(drops_up_to_a_newline),
		cmocka_unit_test(agrees_with_json_scan),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
