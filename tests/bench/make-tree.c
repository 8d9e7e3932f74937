/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * make-tree DIRECTORY COUNT: the files of COUNT online memory blocks of 128 MiB on node 0, as a
 * kernel shows them below /sys. Files that say the same in each block are one file with many
 * names: a file system in memory keeps a page for each file.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MEMORY "sys/devices/system/memory"
#define NODE "sys/devices/system/node"

static const char *const folders[] = { "sys",  "sys/devices", "sys/devices/system",
				       MEMORY, NODE,	      (NODE "/node0"),
				       "proc" };
static const char *const alike[][2] = { { "state", "online\n" },
					{ "removable", "1\n" },
					{ "valid_zones", "Normal\n" },
					{ "phys_device", "0\n" } };
#define ALIKE_COUNT (sizeof(alike) / sizeof(alike[0]))

static void fail(const char *what)
{
	fprintf(stderr, "make-tree: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void make_directory(const char *path)
{
	if (mkdir(path, 0755) < 0 && errno != EEXIST)
		fail(path);
}

static void make_file(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(text, file) < 0 || fclose(file))
		fail(path);
}

static void make_block(long index)
{
	char path[128], target[128], text[32];
	size_t i;

	snprintf(path, sizeof(path), MEMORY "/memory%ld", index);
	make_directory(path);
	for (i = 0; i < ALIKE_COUNT; i++) {
		snprintf(path, sizeof(path), MEMORY "/memory%ld/%s", index, alike[i][0]);
		if (link(alike[i][0], path) < 0)
			fail(path);
	}
	snprintf(path, sizeof(path), MEMORY "/memory%ld/phys_index", index);
	snprintf(text, sizeof(text), "%08lx\n", index);
	make_file(path, text);
	snprintf(path, sizeof(path), MEMORY "/memory%ld/node0", index);
	if (symlink("../../node/node0", path) < 0)
		fail(path);
	snprintf(path, sizeof(path), NODE "/node0/memory%ld", index);
	snprintf(target, sizeof(target), "../../memory/memory%ld", index);
	if (symlink(target, path) < 0)
		fail(path);
}

int main(int argc, char **argv)
{
	long count, index;
	char text[80];
	size_t i;

	if (argc != 3)
		return 2;
	count = strtol(argv[2], NULL, 10);
	make_directory(argv[1]);
	if (chdir(argv[1]) < 0)
		fail(argv[1]);
	for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
		make_directory(folders[i]);
	for (i = 0; i < ALIKE_COUNT; i++)
		make_file(alike[i][0], alike[i][1]);
	make_file(MEMORY "/block_size_bytes", "8000000\n");
	snprintf(text, sizeof(text), "%012lx-%012lx : System RAM\n", 0L,
		 (count << 27) - 1);
	make_file("proc/iomem", text);
	for (index = 0; index < count; index++)
		make_block(index);
	return 0;
}
