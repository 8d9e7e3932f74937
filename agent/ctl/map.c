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
#define WIDTH 80 /* where nobody tells */

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
	size_t count;
	uint64_t block_bytes;
	uint64_t scale;
	bool coloured;
	struct text out;
};

static enum map_mark mark_of(const struct protocol_answer_range *range)
{
	const char *zone = range->zone_count ? protocol_answer_zone(range, 0) : "unknown";

	if (strcmp(range->state, "offline") == 0)
		return MAP_OFFLINE;
	if (strcmp(range->state, "online") != 0)
		return MAP_OTHER;
	if (strcmp(zone, "Movable") == 0)
		return MAP_MOVABLE;
	return strcmp(zone, "unknown") == 0 || strcmp(zone, "none") == 0 ? MAP_ONLINE
									 : MAP_KERNEL;
}

/* The peer's list has to be one that can be drawn. */
static int take_range(struct map *map, const struct protocol_answer_range *range)
{
	struct map_range *taken = &map->ranges[map->count];

	if (!range->size ||
	    (map->count && range->start < taken[-1].start + taken[-1].size))
		return -EBADMSG;
	taken->start = range->start;
	taken->size = range->size;
	taken->mark = mark_of(range);
	taken->has_dimm = range->dimm != UINT64_MAX;
	taken->dimm = range->dimm;
	map->count++;
	return 0;
}

static int take_ranges(struct map *map)
{
	struct protocol_answer *answer = map->ctl->session.answer;
	struct protocol_answer_range range;
	size_t count, i;
	int r = protocol_answer_ranges(answer, &count);

	if (r < 0)
		return r;
	map->ranges = calloc(count + 1, sizeof(*map->ranges));
	if (!map->ranges)
		return -ENOMEM;
	for (i = 0; r == 0 && i < count; i++) {
		r = protocol_answer_range(answer, i, &range);
		if (r == 0)
			r = take_range(map, &range);
	}
	return r;
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

/* A power of two, so that a row begins at a round address; edges need some room too. */
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

int ctl_map(struct ctl *ctl)
{
	struct map map;
	int r;

	if (ctl->options.json)
		return ctl_list(ctl);
	memset(&map, 0, sizeof(map));
	map.ctl = ctl;
	r = ctl_ask(ctl, PROTOCOL_GUEST_GET_MEMORY_BLOCK_INFO);
	if (r == 0)
		r = protocol_answer_block_size(ctl->session.answer, &map.block_bytes);
	if (r == 0)
		r = ctl_ask(ctl, PROTOCOL_GET_RANGES);
	if (r == 0)
		r = take_ranges(&map);
	if (r == 0)
		r = print_map(&map);
	free(map.ranges);
	text_free(&map.out);
	return r;
}
