/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"
#include "ctl.h"
#include "print.h"

#define WORD_SIZE 64 /* longer ones are cut */
#define ONLINE_SEC 60 /* a large DIMM takes longer than an answer may */

enum { BLOCK, RANGE, SIZE, RESPONSE, STATE, ERRNO, REASON };

static const struct table_column columns[] = {
	[BLOCK] = { .name = "BLOCK",
		    .help = "numbers of the memory blocks",
		    .right = true },
	[RANGE] = { .name = "RANGE", .help = "first and last address" },
	[SIZE] = { .name = "SIZE",
		   .help = "size of the range",
		   .width = 5,
		   .right = true,
		   .number = true },
	[RESPONSE] = { .name = "RESPONSE", .help = "success, or what went wrong" },
	[STATE] = { .name = "STATE", .help = "state after it" },
	[ERRNO] = { .name = "ERRNO", .help = "what the kernel answered" },
	[REASON] = { .name = "REASON", .help = "why" },
};

/* The range on the command line */

struct extent {
	uint64_t start;
	uint64_t size;
};

/* "0x100000000-0x11fffffff", or "0x100000000+512M" */
static bool parse_addresses(const char *text, struct extent *extent)
{
	const char *at = text, *end = text + strlen(text);
	uint64_t last;

	if (number_parse_range(text, (size_t)(end - text), &extent->start, &extent->size))
		return true;
	if (!number_take_any(&at, end, &extent->start) || strncmp(at, "-0x", 3) != 0)
		return false;
	at++;
	if (!number_take_any(&at, end, &last) || at != end || last < extent->start)
		return false;
	extent->size = last - extent->start + 1;
	return true;
}

/* "32-35" or "32" */
static bool parse_blocks(const char *at, uint64_t block_bytes, struct extent *extent)
{
	const char *end = at + strlen(at);
	uint64_t first, last;

	if (!number_take(&at, end, 10, &first))
		return false;
	last = first;
	if (*at == '-') {
		at++;
		if (!number_take(&at, end, 10, &last))
			return false;
	}
	if (at != end || last < first || last >= INT64_MAX / block_bytes)
		return false;
	extent->start = first * block_bytes;
	extent->size = (last - first + 1) * block_bytes;
	return true;
}

static bool parse_extent(const char *text, uint64_t block_bytes, struct extent *extent)
{
	bool ok = strncmp(text, "0x", 2) == 0 ? parse_addresses(text, extent)
					      : parse_blocks(text, block_bytes, extent);

	return ok && extent->size > 0 && extent->size <= INT64_MAX &&
	       extent->start <= INT64_MAX - extent->size;
}

/* Whether the text is a range of addresses or of block numbers. */
static bool is_extent(const char *text)
{
	struct extent extent;

	return parse_extent(text, 1, &extent);
}

/* The answer */

static const struct {
	const char *result;
	int code;
} results[] = {
	{ "done", CTL_DONE },
	{ "partial", CTL_PARTLY },
	{ "failed", CTL_FAILED },
	{ "rolled-back", CTL_FAILED },
};

static int exit_code(const char *result)
{
	size_t i;

	for (i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		if (strcmp(results[i].result, result) == 0)
			return results[i].code;
	return CTL_FAILED; /* an unknown result counts as a failure */
}

static bool alike(const struct message_block *a, const struct message_block *b)
{
	return strcmp(a->response, b->response) == 0 && strcmp(a->state, b->state) == 0 &&
	       a->error == b->error && strcmp(a->reason, b->reason) == 0;
}

static void put_run(struct ctl *ctl, uint64_t block_bytes,
		    const struct message_block *first, uint64_t count)
{
	struct table *table = &ctl->table;
	uint64_t start = first->phys_index * block_bytes;
	uint64_t size = count * block_bytes;

	table_row(table);
	if (count == 1)
		table_printf(table, BLOCK, "%" PRIu64, first->phys_index);
	else
		table_printf(table, BLOCK, "%" PRIu64 "-%" PRIu64, first->phys_index,
			     first->phys_index + count - 1);
	table_printf(table, RANGE, "0x%016" PRIx64 "-0x%016" PRIx64, start,
		     start + size - 1);
	table_put_size(table, SIZE, size, ctl->options.bytes);
	table_put(table, RESPONSE, first->response);
	table_put(table, STATE, first->state);
	table_put_errno(table, ERRNO, first->error);
	table_put(table, REASON, first->reason);
}

/* One row for each run of blocks that follow each other and are alike. */
struct run {
	struct ctl *ctl;
	uint64_t block_bytes;
	struct message_block first; /* its strings are copies, in `words` */
	uint64_t count;
	char words[3][WORD_SIZE];
};

/* The element it came in is gone with the call. */
static void begin_run(struct run *run, const struct message_block *block)
{
	const char **strings[] = { &run->first.response, &run->first.state,
				   &run->first.reason };
	size_t i;

	run->first = *block;
	run->count = 1;
	for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		snprintf(run->words[i], WORD_SIZE, "%s", *strings[i]);
		*strings[i] = run->words[i];
	}
}

static int end_run(struct run *run)
{
	if (run->count > 0)
		put_run(run->ctl, run->block_bytes, &run->first, run->count);
	run->count = 0;
	return ctl_flush_rows(run->ctl);
}

static int put_block(struct protocol_answer *element, void *data)
{
	struct run *run = data;
	struct message_block block;
	int r;

	if (strcmp(element->list, "blocks") != 0)
		return 0;
	r = protocol_answer_block(element, run->block_bytes, &block);
	if (r < 0)
		return r;
	if (run->count > 0 && block.phys_index == run->first.phys_index + run->count &&
	    alike(&block, &run->first)) {
		run->count++;
		return 0;
	}
	r = end_run(run);
	begin_run(run, &block);
	return r;
}

/* Its rows are there but for the last. */
static int print_act(struct ctl *ctl, struct run *run)
{
	struct message_act acted;
	struct text result = TEXT_INIT;
	int r;

	ctl_clear_progress();
	r = protocol_answer_read(&ctl->session.answer, &message_act, &acted);
	if (r == 0 && ctl->options.json)
		r = ctl_session_print(&ctl->session);
	else if (r == 0)
		r = end_run(run);
	if (r == 0 && !ctl->options.json) {
		if (ctl->table.row_count > 0)
			r = table_print(&ctl->table, stdout, !ctl->options.no_headings);
		print_escaped(&result, acted.result);
		if (r == 0 && !result.failed)
			printf("%s: %s\n", ctl->verb, result.data);
	}
	text_free(&result);
	return r < 0 ? r : exit_code(acted.result);
}

/* Block numbers need the size of a block, and so do the ranges that are printed. */
static int find_extent(struct ctl *ctl, uint64_t *block_bytes, struct extent *extent)
{
	int r = ctl_ask(ctl, PROTOCOL_GUEST_GET_MEMORY_BLOCK_INFO);

	if (r == 0)
		r = protocol_answer_block_size(&ctl->session.answer, block_bytes);
	if (r != 0)
		return r;
	return parse_extent(ctl->argument, *block_bytes, extent) ? 0 : -ERANGE;
}

static int act(struct ctl *ctl, struct protocol_request *request)
{
	struct run run = { .ctl = ctl };
	struct extent extent;
	int r = find_extent(ctl, &run.block_bytes, &extent);

	if (r != 0)
		return r;
	request->start = extent.start;
	request->size = extent.size;
	ctl->session.prints = ctl->options.json;
	if (!ctl->options.json)
		ctl->session.on_element = put_block;
	ctl->session.element_data = &run;
	r = ctl_send(ctl, request);
	return r < 0 ? r : print_act(ctl, &run);
}

static int run_online(struct ctl *ctl)
{
	struct protocol_request request;

	protocol_request_init(&request, PROTOCOL_ONLINE);
	if (ctl->options.word)
		online_type_parse(ctl->options.word, &request.word);
	request.progress = ctl_await_progress(ctl);
	ctl->session.extra_sec = ONLINE_SEC;
	return act(ctl, &request);
}

static int run_offline(struct ctl *ctl)
{
	struct protocol_request request;

	protocol_request_init(&request, PROTOCOL_OFFLINE);
	request.timeout_sec = ctl->options.offline_sec;
	ctl->session.extra_sec = ctl->options.offline_sec;
	return act(ctl, &request);
}

const struct ctl_argument ctl_range_argument = { "RANGE", is_extent,
						 "0xFIRST-0xLAST, 0xSTART+SIZE or N-M" };

const struct ctl_verb ctl_verb_online = {
	.name = "online",
	.help = "bring memory blocks online",
	.argument = &ctl_range_argument,
	.takes = CTL_TABLE | CTL_WORD,
	.run = run_online,
	.columns = columns,
	.column_count = sizeof(columns) / sizeof(columns[0]),
};

const struct ctl_verb ctl_verb_offline = {
	.name = "offline",
	.help = "take memory blocks offline: all of them or none",
	.argument = &ctl_range_argument,
	.takes = CTL_TABLE | CTL_TIMEOUT_OFFLINE,
	.run = run_offline,
	.columns = columns,
	.column_count = sizeof(columns) / sizeof(columns[0]),
};
