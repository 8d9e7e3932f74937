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

static void feed(struct protocol_parser *parser, const char *bytes, size_t len,
		 struct text *out)
{
	struct protocol_request request;

	for (;;) {
		size_t before = out->len;
		enum protocol_event event;

		event = protocol_feed(parser, &bytes, &len, &request, out);
		if (event == PROTOCOL_MORE)
			break;
		if (event == PROTOCOL_REQUEST)
			answer(out, &request);
		must(out->len > before && out->data[out->len - 1] == '\n');
		must(!memchr(out->data + before, '\n', out->len - before - 1));
	}
	must(len == 0);
}

static void feed_in_steps(const char *bytes, size_t len, size_t step, struct text *out)
{
	struct protocol_parser *parser = protocol_parser_new();

	must(parser != NULL);
	text_puts(out, "");
	for (; len > step; len -= step, bytes += step)
		feed(parser, bytes, step, out);
	feed(parser, bytes, len, out);
	protocol_parser_free(parser);
}

/* No request here lacks memory. */
static bool is_out_of_memory(const char *line)
{
	static const char reply[] = "{\"error\": {\"class\": \"GenericError\", "
				    "\"desc\": \"Cannot allocate memory\"}";

	return strncmp(line, reply, sizeof(reply) - 1) == 0;
}

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
	const char *at = out->data, *end = out->data + out->len;

	must(scan != NULL);
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len;

		must(!is_out_of_memory(at));
		at += *at == '\xff';
		len = (size_t)(newline - at);
		must(json_scan_feed(scan, &at, &len) == JSON_SCAN_OBJECT &&
		     at == newline);
		at++;
	}
	json_scan_free(scan);
}

static void check_bytes(const struct text *out)
{
	size_t i;

	for (i = 0; i < out->len; i++) {
		unsigned char c = (unsigned char)out->data[i];

		must(c == '\n' || (c >= 0x20 && c < 0x7f) ||
		     (c == 0xff && (i == 0 || out->data[i - 1] == '\n')));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text whole = TEXT_INIT, single = TEXT_INIT;

	feed_in_steps((const char *)data, size, SIZE_MAX, &whole);
	feed_in_steps((const char *)data, size, 1, &single);
	must(whole.len == single.len && memcmp(whole.data, single.data, whole.len) == 0);
	check_bytes(&whole);
	check_replies(&whole);
	text_free(&whole);
	text_free(&single);
	return 0;
}
