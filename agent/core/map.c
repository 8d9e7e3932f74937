/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/map.h"

static uint64_t end_of(const struct map_range *range)
{
	return range->start + range->size;
}

/* [first, the result): ranges without a hole in between. */
static size_t area_end(const struct map_range *ranges, size_t count, size_t first)
{
	size_t end = first + 1;

	while (end < count && ranges[end].start == end_of(&ranges[end - 1]))
		end++;
	return end;
}

static uint64_t cells_of(uint64_t bytes, uint64_t cell_bytes)
{
	return bytes / cell_bytes + (bytes % cell_bytes != 0);
}

static uint64_t count_cells(const struct map_range *ranges, size_t count,
			    uint64_t cell_bytes)
{
	uint64_t cells = 0;
	size_t first, end;

	for (first = 0; first < count; first = end) {
		end = area_end(ranges, count, first);
		cells += cells_of(end_of(&ranges[end - 1]) - ranges[first].start,
				  cell_bytes);
	}
	return cells;
}

uint64_t map_scale(const struct map_range *ranges, size_t count, uint64_t block_bytes,
		   uint64_t cells_max)
{
	uint64_t scale = 1;

	/* An area needs a cell in any case. */
	while (scale <= INT64_MAX / 2 / block_bytes &&
	       count_cells(ranges, count, block_bytes * scale) > cells_max)
		scale *= 2;
	return scale;
}

/* Where one DIMM ends and another one begins, or what is none. */
static bool is_edge(const struct map_range *before, const struct map_range *range)
{
	return before->has_dimm != range->has_dimm ||
	       (range->has_dimm && before->dimm != range->dimm);
}

/* What lies in [start, end); *at is the range that holds start, and then the one that holds end. */
static enum map_mark look(const struct map_range *ranges, size_t area, size_t *at,
			  uint64_t end, bool *edge)
{
	enum map_mark mark = ranges[*at].mark;

	while (end_of(&ranges[*at]) < end) {
		(*at)++;
		*edge |= is_edge(&ranges[*at - 1], &ranges[*at]);
		if (ranges[*at].mark != mark)
			mark = MAP_MIXED;
	}
	if (end_of(&ranges[*at]) == end && *at + 1 < area) {
		(*at)++;
		*edge |= is_edge(&ranges[*at - 1], &ranges[*at]);
	}
	return mark;
}

static void draw_area(const struct map_range *ranges, size_t first, size_t area,
		      uint64_t cell_bytes, unsigned cells_per_row,
		      const struct map_pen *pen)
{
	uint64_t start = ranges[first].start, end = end_of(&ranges[area - 1]);
	uint64_t cells = cells_of(end - start, cell_bytes), i;
	bool edge = false, next_edge;
	size_t at = first;

	for (i = 0; i < cells; i++) {
		uint64_t cell_end = i + 1 < cells ? start + (i + 1) * cell_bytes : end;
		enum map_mark mark;

		if (i % cells_per_row == 0)
			pen->row(start + i * cell_bytes, pen->data);
		next_edge = false;
		mark = look(ranges, area, &at, cell_end, &next_edge);
		pen->cell(mark, edge, pen->data);
		edge = next_edge;
	}
}

void map_draw(const struct map_range *ranges, size_t count, uint64_t cell_bytes,
	      unsigned cells_per_row, const struct map_pen *pen)
{
	uint64_t drawn = 0;
	size_t first, end;

	for (first = 0; first < count; first = end) {
		end = area_end(ranges, count, first);
		if (ranges[first].start > drawn)
			pen->hole(drawn, ranges[first].start - drawn, pen->data);
		draw_area(ranges, first, end, cell_bytes, cells_per_row, pen);
		drawn = end_of(&ranges[end - 1]);
	}
}
