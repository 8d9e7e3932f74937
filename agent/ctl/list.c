/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "print.h"

/* With --all the peer's numbers would decide how many there are. */
#define ROWS_MAX (1024UL * 1024)

enum { RANGE, SIZE, STATE, ZONES, NODE, BLOCK, REASON };

const struct table_column ctl_list_columns[CTL_LIST_COLUMNS] = {
	[RANGE] = { .name = "RANGE", .help = "first and last address" },
	[SIZE] = { .name = "SIZE",
		   .help = "size of the range",
		   .width = 5,
		   .right = true,
		   .number = true },
	[STATE] = { .name = "STATE",
		    .help = "online, offline, going-offline",
		    .right = true },
	[ZONES] = { .name = "ZONES",
		    .help = "its zone; while offline the zones it may go to",
		    .right = true },
	[NODE] = { .name = "NODE", .help = "NUMA node", .right = true, .number = true },
	[BLOCK] = { .name = "BLOCK",
		    .help = "numbers of its memory blocks",
		    .right = true },
	[REASON] = { .name = "REASON", .help = "why it is so" },
};

struct list {
	struct ctl *ctl;
	uint64_t block_bytes;
	uint64_t online_bytes;
	uint64_t offline_bytes;
	size_t rows;
};

static void put_zones(struct table *table, const struct message_range *range)
{
	table_put_words(table, ZONES, &range->zones.value, NULL);
}

static void put_row(struct list *list, const struct message_range *range, uint64_t start,
		    uint64_t size)
{
	struct table *table = &list->ctl->table;
	uint64_t first = start / list->block_bytes;
	uint64_t last = (start + size - 1) / list->block_bytes;

	table_row(table);
	table_printf(table, RANGE, "0x%016" PRIx64 "-0x%016" PRIx64, start,
		     start + size - 1);
	table_put_size(table, SIZE, size, list->ctl->options.bytes);
	table_put(table, STATE, range->state);
	put_zones(table, range);
	if (range->node >= 0)
		table_printf(table, NODE, "%" PRId64, range->node);
	if (first == last)
		table_printf(table, BLOCK, "%" PRIu64, first);
	else
		table_printf(table, BLOCK, "%" PRIu64 "-%" PRIu64, first, last);
	table_put(table, REASON, range->reason);
}

static int flush_list(struct list *list, bool last)
{
	const struct ctl_options *options = &list->ctl->options;
	struct table *table = &list->ctl->table;

	return options->json ? table_print_json(table, stdout, "memory", last)
			     : table_print(table, stdout, !options->no_headings);
}

static int put_range(struct list *list, const struct message_range *range)
{
	uint64_t step = list->ctl->options.all ? list->block_bytes : range->size;
	uint64_t left = range->size;
	int r = 0;

	if (left / step >= ROWS_MAX - list->rows)
		return -E2BIG;
	list->rows += left / step + 1;
	while (left > 0) {
		uint64_t size = left < step ? left : step;

		put_row(list, range, range->start + range->size - left, size);
		left -= size;
		if (table_is_large(&list->ctl->table))
			r = flush_list(list, false);
		if (r < 0)
			return r;
	}
	if (strcmp(range->state, "online") == 0)
		list->online_bytes += range->size;
	else
		list->offline_bytes += range->size;
	return 0;
}

static int take_range(struct protocol_answer *element, void *data)
{
	struct message_range range;
	int r = *element->list ? 0 : protocol_answer_range(element, &range);

	return r < 0 || *element->list ? r : put_range(data, &range);
}

static void print_sum(const char *key, uint64_t bytes, bool bytes_only)
{
	struct text size = TEXT_INIT;

	print_size(&size, bytes, bytes_only);
	if (!size.failed)
		printf("%-21s %*s\n", key, bytes_only ? 20 : 8, size.data);
	text_free(&size);
}

static int print_list(struct list *list)
{
	const struct ctl_options *options = &list->ctl->options;
	int r = flush_list(list, true);

	if (r < 0 || options->json || options->no_headings || options->columns)
		return r;
	putchar('\n');
	print_sum("Memory block size:", list->block_bytes, options->bytes);
	print_sum("Total online memory:", list->online_bytes, options->bytes);
	print_sum("Total offline memory:", list->offline_bytes, options->bytes);
	return 0;
}

static int run_list(struct ctl *ctl)
{
	struct list list = { .ctl = ctl };
	int r = ctl_ask(ctl, PROTOCOL_GUEST_GET_MEMORY_BLOCK_INFO);

	if (r == 0)
		r = protocol_answer_block_size(&ctl->session.answer, &list.block_bytes);
	if (r < 0)
		return r;
	ctl->session.on_element = take_range;
	ctl->session.element_data = &list;
	r = ctl_ask(ctl, PROTOCOL_GET_RANGES);
	if (r == 0)
		r = protocol_answer_check_list(&ctl->session.answer, NULL);
	return r < 0 ? r : print_list(&list);
}

const struct ctl_verb ctl_verb_list = {
	.name = "list",
	.help = "list the memory blocks as ranges",
	.takes = CTL_TABLE | CTL_ALL,
	.run = run_list,
	.columns = ctl_list_columns,
	.column_count = CTL_LIST_COLUMNS,
};
