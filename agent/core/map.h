/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_MAP_H
#define MEMONLINE_MAP_H

/* The physical address space as rows of cells, for memonlinectl map. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/contract.h"

enum map_mark {
	MAP_OFFLINE,
	MAP_KERNEL, /* online in a zone for all uses */
	MAP_MOVABLE,
	MAP_ONLINE, /* in an unknown zone */
	MAP_OTHER, /* going offline, unreadable, … */
	MAP_MIXED, /* a cell of several blocks that are not alike */
	MAP_MARKS
};

/* Ascending by address and not overlapping; sizes are not 0, and no end wraps. */
struct map_range {
	uint64_t start, size; /* bytes */
	enum map_mark mark;
	uint64_t dimm; /* an address that stands for it */
	bool has_dimm; /* else it is boot memory, or not known */
};

/* The calls that make the drawing, from the lowest address upwards. */
struct map_pen {
	void (*row)(uint64_t start, void *data); /* a new line of cells */
	void (*cell)(enum map_mark mark, bool edge,
		     void *data); /* edge: of a DIMM, before it */
	void (*hole)(uint64_t start, uint64_t size, void *data); /* nothing is there */
	void *data;
};

/* Blocks in a cell, a power of two, so that no more than so many cells are needed. */
uint64_t map_scale(const struct map_range *ranges, size_t count, uint64_t block_bytes,
		   uint64_t cells_max);
void map_draw(const struct map_range *ranges, size_t count, uint64_t cell_bytes,
	      unsigned cells_per_row, const struct map_pen *pen) _nonnull_(5);

#endif
