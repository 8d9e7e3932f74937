/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The texts of /proc, all parsers on the same bytes: what they find is written as the protocol
 * has it, and read back to the same.
 */

#include <stdlib.h>
#include <string.h>

#include "core/stats.h"
#include "core/text.h"
#include "wire/json-scan.h"
#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static const struct json_scan_limits limits = {
	.bytes = 65536,
	.token = 1024,
	.kept = 65536,
	.values = 256,
	.depth = 4,
	.elements = 16,
	.members = 64,
};

static void read_back(const struct text *json, struct stats *stats)
{
	struct json_scan *scan = json_scan_new(&limits);
	const char *at = json->data;
	size_t len = json->len;
	struct field_fault fault;
	struct json_value value;

	if (!scan)
		abort();
	must(json_scan_feed(scan, &at, &len) == JSON_SCAN_OBJECT);
	value = json_scan_value(scan);
	must(field_read(&message_stats, &value, stats, &fault));
	json_scan_free(scan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text input = TEXT_INIT, json = TEXT_INIT;
	struct stats stats, again;

	text_append(&input, (const char *)data, size);
	text_puts(&input, "");
	if (!input.data)
		return 0;
	stats_init(&stats);
	stats_take_meminfo(&stats, input.data);
	stats_take_vmstat(&stats, input.data, 4096);
	stats_take_zoneinfo(&stats, input.data, 65536);
	stats_take_pressure(&stats, input.data);
	must(stats.some.avg10 <= 10099 || stats.some.avg10 == STATS_UNKNOWN);
	field_put(&json, &message_stats, &stats);
	must(!json.failed);
	read_back(&json, &again);
	must(memcmp(&stats, &again, sizeof(stats)) == 0);
	text_free(&input);
	text_free(&json);
	return 0;
}
