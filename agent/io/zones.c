/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/zones.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/number.h"
#include "core/text.h"
#include "core/zoneinfo.h"

/* --- nodes */

/* "memory32": the number behind `prefix`. */
static bool is_numbered(const char *name, const char *prefix, uint64_t *number)
{
	size_t len = strlen(prefix);

	return strncmp(name, prefix, len) == 0 && number_parse(name + len, 10, number);
}

/* A block that spans nodes is listed below each of them: the lowest stands. */
static void take_node(struct block *block, int node)
{
	if (block->node == BLOCK_NODE_UNKNOWN || node < block->node)
		block->node = node;
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
		if (block)
			take_node(block, node);
	}
	closedir(directory);
}

static DIR *open_nodes(const struct root *root)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/sys/devices/system/node", root_path(root));
	return opendir(path);
}

bool zones_read_nodes(struct root *root, struct snapshot *snapshot)
{
	const struct dirent *entry;
	DIR *nodes = open_nodes(root);

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

void zones_read_node(struct root *root, struct block *block)
{
	const struct dirent *entry;
	DIR *nodes = open_nodes(root);

	block->node = BLOCK_NODE_UNKNOWN;
	while (nodes && (entry = readdir(nodes))) {
		char name[NAME_MAX + sizeof("/memory") + TEXT_DIGITS_SIZE];
		uint64_t node;

		if (!is_numbered(entry->d_name, "node", &node) || node > INT32_MAX)
			continue;
		snprintf(name, sizeof(name), "%s/memory%" PRIu64, entry->d_name,
			 block->index);
		if (faccessat(dirfd(nodes), name, F_OK, 0) == 0)
			take_node(block, (int)node);
	}
	if (nodes)
		closedir(nodes);
}

/* --- /proc/zoneinfo */

int zones_read_sums(struct root *root, struct snapshot *snapshot)
{
	const char *text;
	size_t len;
	int r = root_read_file(root, "/proc/zoneinfo", &text, &len);

	if (r < 0) {
		snapshot->node_count = 0;
		return r;
	}
	return zoneinfo_take(snapshot, text, (uint64_t)sysconf(_SC_PAGESIZE));
}
