/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * Bytes from a host: however they are cut into reads, the replies are the same, one line each,
 * in ASCII but for the sentinel, and each a JSON object.
 */

#include <stdlib.h>
#include <string.h>

#include "wire/json-scan.h"
#include "wire/protocol.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*
 * Garbage is answered by an error for each of its bytes: after so many there is nothing
 * new.
 */
#define REPLIES_MAX 12

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void answer(struct text *out, struct protocol_request *request)
{
	protocol_reply_begin(out, request);
	protocol_put_number(out, request->sync_id);
	protocol_reply_end(out, request);
	protocol_request_clear(request);
}

/* false: enough was replied. */
static bool feed(struct protocol_parser *parser, const char *bytes, size_t len,
		 struct text *out, unsigned *replies)
{
	struct protocol_request request;

	while (*replies < REPLIES_MAX) {
		size_t before = out->len;
		enum protocol_event event;

		event = protocol_feed(parser, &bytes, &len, &request, out);
		if (event == PROTOCOL_MORE) {
			must(len == 0);
			return true;
		}
		if (event == PROTOCOL_REQUEST)
			answer(out, &request);
		must(out->len > before && out->data[out->len - 1] == '\n');
		must(!memchr(out->data + before, '\n', out->len - before - 1));
		++*replies;
	}
	return false;
}

static void feed_in_steps(const char *bytes, size_t len, size_t step, struct text *out)
{
	struct protocol_parser *parser = protocol_parser_new();
	unsigned replies = 0;

	must(parser != NULL);
	text_puts(out, "");
	while (feed(parser, bytes, len < step ? len : step, out, &replies) &&
	       len > step) {
		bytes += step;
		len -= step;
	}
	protocol_parser_free(parser);
}

/* No request here lacks memory. */
static bool is_out_of_memory(const char *line)
{
	static const char reply[] = "{\"error\": {\"class\": \"GenericError\", "
				    "\"desc\": \"Cannot allocate memory\"}";

	return strncmp(line, reply, sizeof(reply) - 1) == 0;
}

static void check_line(struct json_scan *scan, const char *line, const char *end)
{
	const char *at = line + (*line == '\xff');
	size_t len = (size_t)(end - at);
	const char *byte;

	must(!is_out_of_memory(line));
	for (byte = at; byte < end; byte++)
		must(*byte >= 0x20 && *byte < 0x7f);
	must(json_scan_feed(scan, &at, &len) == JSON_SCAN_OBJECT && at == end);
}

/* Garbage has one reply many times, and checking them all would take most of the time. */
static void check_replies(const struct text *out)
{
	static const struct json_scan_limits limits = {
		.bytes = SIZE_MAX,
		.token = SIZE_MAX,
		.kept = SIZE_MAX / 2,
		.values = SIZE_MAX,
		.depth = JSON_SCAN_DEPTH_MAX,
		.elements = SIZE_MAX,
		.members = SIZE_MAX,
	};
	struct json_scan *scan = json_scan_new(&limits);
	const char *line = out->data, *end = out->data + out->len, *before = line;
	size_t len_before = 0;

	must(scan != NULL);
	while (line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		size_t len = (size_t)(newline + 1 - line);

		if (len != len_before || memcmp(before, line, len) != 0)
			check_line(scan, line, newline);
		before = line;
		len_before = len;
		line += len;
	}
	json_scan_free(scan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* Their room stays: to make and free it takes as long as all the rest. */
	static struct text whole, single;

	whole.len = 0;
	single.len = 0;
	feed_in_steps((const char *)data, size, SIZE_MAX, &whole);
	feed_in_steps((const char *)data, size, 1, &single);
	must(whole.len == single.len && memcmp(whole.data, single.data, whole.len) == 0);
	check_replies(&whole);
	return 0;
}
