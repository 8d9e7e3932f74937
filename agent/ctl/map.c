/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/map.h"
#include "core/number.h"
#include "ctl.h"
#include "print.h"

#define LABEL_WIDTH 20 /* "0x0000000100000000  " */
#define ROWS_MAX 32 /* so that it fits a screen */
#define WIDTH 80 /* if nobody knows */
#define RANGES_MAX 131072 /* 4 MiB of them */

static const struct {
	char mark;
	const char *colour; /* of the background: ANSI's SGR */
	const char *meaning;
} marks[MAP_MARKS] = {
	[MAP_OFFLINE] = { '.', "43;30", "offline" },
	[MAP_KERNEL] = { 'K', "44;37", "online, a zone for all uses" },
	[MAP_MOVABLE] = { 'M', "42;30", "online, Movable" },
	[MAP_ONLINE] = { 'o', "46;30", "online, zone unknown" },
	[MAP_OTHER] = { '?', "41;37", "neither online nor offline" },
	[MAP_MIXED] = { '*', "45;37", "not all alike" },
};

struct map {
	struct ctl *ctl;
	struct map_range *ranges; /* owned */
	size_t count, capacity;
	uint64_t block_bytes;
	uint64_t scale;
	bool coloured;
	struct text out;
};

static enum map_mark mark_of(const struct message_range *range)
{
	struct json_cursor zones = json_content(&range->zones.value);
	struct json_value first = { JSON_NONE, NULL, 0 };
	const char *zone;

	json_next(&zones, &first);
	zone = protocol_word(&first);

	if (strcmp(range->state, "offline") == 0)
		return MAP_OFFLINE;
	if (strcmp(range->state, "online") != 0)
		return MAP_OTHER;
	if (strcmp(zone, "Movable") == 0)
		return MAP_MOVABLE;
	return strcmp(zone, "unknown") == 0 || strcmp(zone, "none") == 0 ? MAP_ONLINE
									 : MAP_KERNEL;
}

/* Its number is the peer's to choose. */
static int grow(struct map *map)
{
	size_t capacity = map->capacity ? map->capacity * 2 : 64;
	struct map_range *ranges;

	if (capacity > RANGES_MAX)
		return -E2BIG;
	ranges = realloc(map->ranges, capacity * sizeof(*ranges));
	if (!ranges)
		return -ENOMEM;
	map->ranges = ranges;
	map->capacity = capacity;
	return 0;
}

/* The peer's list must be one that can be drawn. */
static int take_range(struct map *map, const struct message_range *range)
{
	struct map_range *taken = map->ranges + map->count;
	int r = 0;

	if (map->count && range->start < taken[-1].start + taken[-1].size)
		return -EBADMSG;
	if (map->count == map->capacity)
		r = grow(map);
	if (r < 0)
		return r;
	taken = &map->ranges[map->count];
	taken->start = range->start;
	taken->size = range->size;
	taken->mark = mark_of(range);
	taken->has_dimm = range->dimm != MESSAGE_NO_ADDRESS;
	taken->dimm = range->dimm;
	map->count++;
	return 0;
}

static int take_element(struct protocol_answer *element, void *data)
{
	struct message_range range;
	int r = *element->list ? 0 : protocol_answer_range(element, &range);

	return r < 0 || *element->list ? r : take_range(data, &range);
}

static void put_mark(struct map *map, enum map_mark mark)
{
	if (map->coloured)
		text_printf(&map->out, "\033[%sm%c\033[0m", marks[mark].colour,
			    marks[mark].mark);
	else
		text_printf(&map->out, "%c", marks[mark].mark);
}

static void put_row(uint64_t start, void *data)
{
	struct map *map = data;

	text_printf(&map->out, "%s0x%016" PRIx64 "  ", map->out.len ? "\n" : "", start);
}

static void put_cell(enum map_mark mark, bool edge, void *data)
{
	struct map *map = data;

	if (edge)
		text_puts(&map->out, "|");
	put_mark(map, mark);
}

static void put_hole(uint64_t start, uint64_t size, void *data)
{
	struct map *map = data;

	put_row(start, data);
	text_puts(&map->out, "(nothing, ");
	print_size(&map->out, size, false);
	text_puts(&map->out, ")");
}

static void put_legend(struct map *map)
{
	bool used[MAP_MARKS] = { false };
	size_t i;

	for (i = 0; i < map->count; i++)
		used[map->ranges[i].mark] = true;
	used[MAP_MIXED] = map->scale > 1;
	text_puts(&map->out, "\n\n");
	for (i = 0; i < MAP_MARKS; i++) {
		if (!used[i])
			continue;
		put_mark(map, (enum map_mark)i);
		text_printf(&map->out, " %s   ", marks[i].meaning);
	}
	text_puts(&map->out, "| edge of a DIMM\nOne character: ");
	print_size(&map->out, map->block_bytes * map->scale, false);
	if (map->scale > 1)
		text_printf(&map->out, ", %" PRIu64 " blocks", map->scale);
	text_puts(&map->out, "\n");
}

static unsigned columns(void)
{
	const char *text = getenv("COLUMNS");
	struct winsize size;
	uint64_t wanted;

	if (text && number_parse(text, 10, &wanted) && wanted >= 40 && wanted <= 1000)
		return (unsigned)wanted;
	if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
	    size.ws_col >= 40)
		return size.ws_col;
	return WIDTH;
}

/*
 * A power of two, so that a row begins at a round address; the marks of DIMMs need some
 * room, too.
 */
static unsigned cells_per_row(void)
{
	unsigned room = columns() - LABEL_WIDTH, cells = 16;

	while (cells * 2 + cells / 4 <= room)
		cells *= 2;
	return cells;
}

static bool wants_colour(void)
{
	const char *term = getenv("TERM");
	const char *without = getenv("NO_COLOR");

	return isatty(STDOUT_FILENO) && !(without && *without) && term &&
	       strcmp(term, "dumb") != 0;
}

static int print_map(struct map *map)
{
	const struct map_pen pen = { put_row, put_cell, put_hole, map };
	unsigned cells = cells_per_row();

	map->coloured = wants_colour();
	map->scale = map_scale(map->ranges, map->count, map->block_bytes,
			       (uint64_t)cells * ROWS_MAX);
	map_draw(map->ranges, map->count, map->block_bytes * map->scale, cells, &pen);
	put_legend(map);
	if (map->out.failed)
		return -ENOMEM;
	fputs(map->out.data, stdout);
	return 0;
}

static int run_map(struct ctl *ctl)
{
	struct map map;
	int r;

	if (ctl->options.json)
		return ctl_verb_list.run(ctl);
	memset(&map, 0, sizeof(map));
	map.ctl = ctl;
	r = ctl_ask(ctl, PROTOCOL_GUEST_GET_MEMORY_BLOCK_INFO);
	if (r == 0)
		r = protocol_answer_block_size(&ctl->session.answer, &map.block_bytes);
	ctl->session.on_element = take_element;
	ctl->session.element_data = &map;
	if (r == 0)
		r = ctl_ask(ctl, PROTOCOL_GET_RANGES);
	if (r == 0)
		r = protocol_answer_check_list(&ctl->session.answer, NULL);
	if (r == 0)
		r = print_map(&map);
	free(map.ranges);
	text_free(&map.out);
	return r;
}

const struct ctl_verb ctl_verb_map = {
	.name = "map",
	.help = "draw the address space: states, zones, DIMMs, holes",
	.takes = CTL_JSON,
	.run = run_map,
	.columns = ctl_list_columns,
	.column_count = CTL_LIST_COLUMNS,
};
