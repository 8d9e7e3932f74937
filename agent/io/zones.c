/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/zones.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/number.h"

/* --- nodes */

/* "memory32": the number behind `prefix`. */
static bool is_numbered(const char *name, const char *prefix, uint64_t *number)
{
	size_t len = strlen(prefix);

	return strncmp(name, prefix, len) == 0 && number_parse(name + len, 10, number);
}

static void read_node(DIR *nodes, const char *name, int node, struct snapshot *snapshot)
{
	int fd = openat(dirfd(nodes), name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!directory) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while ((entry = readdir(directory))) {
		struct block *block = NULL;
		uint64_t index;

		if (is_numbered(entry->d_name, "memory", &index))
			block = snapshot_find(snapshot, index);
		/* A block that spans nodes is listed below each of them: the lowest stands. */
		if (block && (block->node == BLOCK_NODE_UNKNOWN || node < block->node))
			block->node = node;
	}
	closedir(directory);
}

bool zones_read_nodes(struct root *root, struct snapshot *snapshot)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	DIR *nodes;

	snprintf(path, sizeof(path), "%s/sys/devices/system/node", root_path(root));
	nodes = opendir(path);
	if (!nodes)
		return false;
	while ((entry = readdir(nodes))) {
		uint64_t node;

		if (is_numbered(entry->d_name, "node", &node) && node <= INT32_MAX)
			read_node(nodes, entry->d_name, (int)node, snapshot);
	}
	closedir(nodes);
	return true;
}

/* --- /proc/zoneinfo */

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

int zones_read_sums(struct root *root, struct snapshot *snapshot)
{
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	struct zone_sum zone;
	const char *text = "";
	size_t len;
	int r = root_read_file(root, "/proc/zoneinfo", &text, &len);

	memset(&zone, 0, sizeof(zone));
	snapshot->node_count = 0;
	while (r == 0 && *text) {
		char line[LINE_SIZE];
		size_t line_len = strcspn(text, "\n");

		snprintf(line, sizeof(line), "%.*s", (int)line_len, text);
		text += line_len + (text[line_len] == '\n');
		r = zoneinfo_line(line, snapshot, &zone, page_bytes);
	}
	if (r == 0)
		close_zone(&zone, page_bytes);
	return r;
}
