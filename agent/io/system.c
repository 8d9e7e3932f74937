/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/system.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "core/text.h"

#define ROOT_SIZE 3072 /* leaves room in PATH_MAX for what follows */
#define READ_STEP 16384

struct system_info {
	char root[ROOT_SIZE];
	char release[65];
	char boot_id[37];
	struct text
		buffer; /* kept, so that reading when memory is short needs no new one */
};

/* The whole file into the buffer; below /proc and /sys its size is not known beforehand. */
static int read_file(struct system_info *system, const char *path)
{
	char full[PATH_MAX];
	ssize_t len = 0;
	int fd, r = 0;

	snprintf(full, sizeof(full), "%s%s", system->root, path);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	text_clear(&system->buffer);
	do {
		r = text_reserve(&system->buffer, READ_STEP + 1);
		if (r < 0)
			break;
		len = read(fd, system->buffer.data + system->buffer.len, READ_STEP);
		if (len < 0)
			r = -errno;
		else
			system->buffer.len += (size_t)len;
	} while (r == 0 && len > 0);
	close(fd);
	if (r == 0)
		system->buffer.data[system->buffer.len] = '\0';
	return r;
}

/* The file's first line, as far as it fits; `line` is untouched where there is no file. */
static int read_line(struct system_info *system, const char *path, char *line,
		     size_t size)
{
	int r = read_file(system, path);

	if (r == 0)
		snprintf(line, size, "%.*s", (int)strcspn(system->buffer.data, "\n"),
			 system->buffer.data);
	return r;
}

static void read_release(struct system_info *system)
{
	struct utsname name;

	if (read_line(system, "/proc/sys/kernel/osrelease", system->release,
		      sizeof(system->release)) < 0 &&
	    uname(&name) == 0)
		snprintf(system->release, sizeof(system->release), "%s", name.release);
}

struct system_info *system_open(const char *root)
{
	struct system_info *system = calloc(1, sizeof(*system));

	if (!system)
		return NULL;
	if (strlen(root) >= sizeof(system->root)) {
		free(system);
		errno = ENAMETOOLONG;
		return NULL;
	}
	if (strcmp(root, "/") != 0)
		strcpy(system->root, root);
	read_release(system);
	read_line(system, "/proc/sys/kernel/random/boot_id", system->boot_id,
		  sizeof(system->boot_id));
	return system;
}

void system_close(struct system_info *system)
{
	if (!system)
		return;
	text_free(&system->buffer);
	free(system);
}

uint64_t system_uevent_seqnum(struct system_info *system)
{
	if (read_file(system, "/sys/kernel/uevent_seqnum") < 0)
		return 0;
	return strtoull(system->buffer.data, NULL, 10);
}

/* The number behind `prefix`, or -1 where `name` is something else. */
static long long number_after(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);
	char *end;
	long long number;

	if (strncmp(name, prefix, len) != 0 || name[len] < '0' || name[len] > '9')
		return -1;
	number = strtoll(name + len, &end, 10);
	return *end ? -1 : number;
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
		long long index = number_after(entry->d_name, "memory");
		struct block *block;

		block = index < 0 ? NULL : snapshot_find(snapshot, (uint64_t)index);
		/* A block that spans nodes is listed below each of them: the lowest stands. */
		if (block && (block->node == BLOCK_NODE_UNKNOWN || node < block->node))
			block->node = node;
	}
	closedir(directory);
}

bool system_read_nodes(struct system_info *system, struct snapshot *snapshot)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	DIR *nodes;

	snprintf(path, sizeof(path), "%s/sys/devices/system/node", system->root);
	nodes = opendir(path);
	if (!nodes)
		return false;
	while ((entry = readdir(nodes))) {
		long long node = number_after(entry->d_name, "node");

		if (node >= 0 && node <= INT32_MAX)
			read_node(nodes, entry->d_name, (int)node, snapshot);
	}
	closedir(nodes);
	return true;
}

/* "  100000000-11fffffff : System RAM (kmem)"; anything else is passed over. */
static int add_resource_line(const char *line, struct snapshot *snapshot)
{
	uint64_t first, last;
	int owner = 0;

	if (sscanf(line, " %" SCNx64 "-%" SCNx64 " : %n", &first, &last, &owner) < 2 ||
	    !owner)
		return 0;
	/* Zeros are what a reader without CAP_SYS_ADMIN is shown. */
	if (strncmp(line + owner, "System RAM", 10) != 0 || last <= first)
		return 0;
	return snapshot_add_resource(snapshot, first, last - first + 1, line + owner);
}

int system_read_resources(struct system_info *system, struct snapshot *snapshot)
{
	char *line, *next;
	int r = read_file(system, "/proc/iomem");

	snapshot->resource_count = 0;
	for (line = r < 0 ? NULL : system->buffer.data; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		r = add_resource_line(line, snapshot);
		if (r < 0)
			break;
	}
	snapshot_sort(snapshot);
	return r;
}

const char *system_kernel_release(struct system_info *system)
{
	return system->release;
}

const char *system_boot_id(struct system_info *system)
{
	return system->boot_id;
}

bool system_has_udevd(struct system_info *system)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/run/udev/control", system->root);
	if (access(path, F_OK) == 0)
		return true;
	/* udev 147 (EL6) listens on a socket of the abstract kind, which only this file shows. */
	if (read_file(system, "/proc/net/unix") < 0)
		return false;
	return strstr(system->buffer.data, "@/org/kernel/udev/udevd") != NULL;
}
