/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A stream from an agent that is not trusted: each decoder accepts or refuses each answer
 * and element, the result does not depend on how the bytes are cut, and the output is
 * ASCII.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/protocol-client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void decode_report(struct protocol_answer *answer)
{
	struct message_report report;
	struct message_report_range range;
	struct json_cursor ranges;
	struct json_value item;

	if (protocol_answer_report(answer, &report) < 0)
		return;
	ranges = json_content(&report.ranges.value);
	while (json_next(&ranges, &item))
		if (protocol_answer_report_range(answer, &item, &range) == 0)
			must(range.size > 0 && range.start + range.size <= INT64_MAX);
}

static void decode(struct protocol_answer *answer)
{
	struct message_status status;
	struct message_range range;
	struct message_block block;
	struct message_device device;
	struct message_probed probed;
	uint64_t number;

	if (protocol_answer_read(answer, &message_status, &status) == 0)
		must(status.version && status.kernel);
	if (protocol_answer_range(answer, &range) == 0)
		must(range.size > 0 && range.start + range.size <= INT64_MAX);
	(void)protocol_answer_block(answer, 1 << 20, &block);
	if (protocol_answer_device(answer, &device) == 0)
		must(device.id && device.start + device.size <= INT64_MAX);
	(void)protocol_answer_probed(answer, &probed);
	(void)protocol_answer_progress(answer, &number);
	(void)protocol_answer_block_size(answer, &number);
	decode_report(answer);
}

static int take_element(struct protocol_answer *element, void *data)
{
	text_puts(data, element->list);
	text_puts(data, "=");
	json_put_value(data, &element->value);
	decode(element);
	return element->value.kind == JSON_NULL ? -E2BIG : 0;
}

static void put_answer(struct text *out, int r, struct protocol_answer *answer)
{
	text_printf(out, "%d ", r);
	if (r != 0)
		return;
	json_put_value(out, &answer->line);
	decode(answer);
	text_puts(out, protocol_answer_error_desc(answer)[0] ? "d" : "");
	text_puts(out, protocol_answer_is_sync(answer, 7) ? "s" : "");
	text_puts(out, protocol_answer_is_progress(answer) ? "p" : "");
}

static void read_in_steps(const char *bytes, size_t len, size_t step, struct text *out,
			  struct text *printed)
{
	struct protocol_reader *reader = protocol_reader_new();
	struct protocol_answer answer;

	must(reader != NULL);
	text_puts(out, "");
	text_puts(printed, "");
	protocol_reader_bound(reader, PROTOCOL_BOUNDS_ANSWER);
	protocol_reader_watch(reader, take_element, out);
	protocol_reader_print(reader, printed);
	while (len) {
		size_t part = step < len ? step : len;
		int r = 0;

		len -= part;
		while (r != -EAGAIN) {
			r = protocol_reader_feed(reader, &bytes, &part, &answer);
			if (r != -EAGAIN)
				put_answer(out, r, &answer);
		}
		must(part == 0);
	}
	protocol_reader_free(reader);
}

static bool same(const struct text *a, const struct text *b)
{
	return a->len == b->len && memcmp(a->data, b->data, a->len) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text out[2] = { TEXT_INIT, TEXT_INIT },
		    printed[2] = { TEXT_INIT, TEXT_INIT };
	size_t i;

	read_in_steps((const char *)data, size, SIZE_MAX, &out[0], &printed[0]);
	read_in_steps((const char *)data, size, 1, &out[1], &printed[1]);
	must(!out[0].failed && same(&out[0], &out[1]));
	must(same(&printed[0], &printed[1]));
	for (i = 0; i < printed[0].len; i++)
		must(printed[0].data[i] == '\n' ||
		     (printed[0].data[i] >= 0x20 && printed[0].data[i] < 0x7f));
	for (i = 0; i < 2; i++) {
		text_free(&out[i]);
		text_free(&printed[i]);
	}
	return 0;
}
