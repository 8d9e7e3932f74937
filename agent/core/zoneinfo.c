/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/zoneinfo.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"

#define LINE_SIZE 128 /* more than any line has that counts here */

struct zone_sum {
	struct snapshot_node *node; /* NULL: before the first zone */
	bool movable;
	uint64_t present, cma; /* pages */
};

static void close_zone(const struct zone_sum *zone, uint64_t page_bytes)
{
	if (!zone->node)
		return;
	if (zone->movable) {
		zone->node->movable_bytes += zone->present * page_bytes;
		return;
	}
	zone->node->movable_bytes += zone->cma * page_bytes;
	if (zone->present > zone->cma)
		zone->node->kernel_bytes += (zone->present - zone->cma) * page_bytes;
}

static int open_zone(const char *name, int node, struct snapshot *snapshot,
		     struct zone_sum *zone)
{
	memset(zone, 0, sizeof(*zone));
	/* Not the kernel's to use at all. */
	if (strcmp(name, "Device") == 0)
		return 0;
	zone->node = snapshot_node(snapshot, node);
	zone->movable = strcmp(name, "Movable") == 0;
	return zone->node ? 0 : -ENOMEM;
}

/* "Node 0, zone   Normal", "        present  4095", "        cma      0" */
static int zoneinfo_line(const char *line, struct snapshot *snapshot,
			 struct zone_sum *zone, uint64_t page_bytes)
{
	uint64_t node;

	if (number_behind(line, "Node", 10, &node) && node <= INT32_MAX &&
	    strncmp(number_skip_words(line, 2), "zone ", 5) == 0) {
		close_zone(zone, page_bytes);
		return open_zone(number_skip_words(line, 3), (int)node, snapshot, zone);
	}
	if (!number_behind(line, "present", 10, &zone->present))
		number_behind(line, "cma", 10, &zone->cma);
	return 0;
}

int zoneinfo_take(struct snapshot *snapshot, const char *text, uint64_t page_bytes)
{
	struct zone_sum zone;
	int r = 0;

	memset(&zone, 0, sizeof(zone));
	snapshot->node_count = 0;
	while (r == 0 && *text) {
		char line[LINE_SIZE];
		size_t len = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)len, text);
		text += len + (text[len] == '\n');
		r = zoneinfo_line(line, snapshot, &zone, page_bytes);
	}
	if (r == 0)
		close_zone(&zone, page_bytes);
	return r;
}
