/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A line from an agent that is not trusted: each decoder takes it or refuses it, what is read is
 * within its bounds, and what is printed is ASCII without a newline.
 */

#include <stdlib.h>

#include "wire/protocol-client.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void check_json(const struct protocol_answer *answer)
{
	struct text out = TEXT_INIT;
	size_t i;

	protocol_answer_json(answer, false, &out);
	must(!out.failed);
	for (i = 0; i < out.len; i++)
		must(out.data[i] >= 0x20 && out.data[i] < 0x7f);
	text_free(&out);
}

static void decode_ranges(struct protocol_answer *answer)
{
	struct protocol_answer_range range;
	size_t count, i, zone;

	if (protocol_answer_ranges(answer, &count) < 0)
		return;
	for (i = 0; i < count; i++) {
		if (protocol_answer_range(answer, i, &range) < 0)
			continue;
		must(range.size > 0 && range.start + range.size <= INT64_MAX);
		for (zone = 0; zone < range.zone_count; zone++)
			must(protocol_answer_zone(&range, zone) != NULL);
	}
}

static void decode_reports(struct protocol_answer *answer)
{
	struct protocol_answer_report report;
	struct protocol_answer_report_range range;
	size_t i;

	if (protocol_answer_report(answer, 0, &report) < 0)
		return;
	for (i = 0; i < report.range_count; i++)
		(void)protocol_answer_report_range(answer, &report, i, &range);
}

static void decode_status(struct protocol_answer *answer)
{
	struct protocol_answer_status status;
	struct protocol_answer_total total;
	size_t i;

	if (protocol_answer_status(answer, &status) < 0)
		return;
	for (i = 0; i < status.total_count; i++)
		(void)protocol_answer_total(answer, &status, i, &total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *line = (const char *)data;
	struct protocol_answer *answer;

	if (protocol_answer_parse(line, size, &answer) < 0)
		return 0;
	must(protocol_line_fits(line, size, &protocol_answer_bounds));
	check_json(answer);
	decode_status(answer);
	decode_ranges(answer);
	decode_reports(answer);
	protocol_answer_free(answer);
	return 0;
}
