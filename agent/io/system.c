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
#include <sys/klog.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "core/command-line.h"
#include "core/iomem.h"
#include "core/number.h"
#include "core/srat.h"
#include "core/text.h"
#include "io/kmsg.h"

#define ROOT_SIZE 3072 /* leaves room in PATH_MAX for what follows */
#define READ_STEP 16384
#define KEEP_SIZE (4UL * READ_STEP) /* of the buffer, once the kernel's log was in it */
#define SYSLOG_READ_ALL 3 /* syslog(2): SYSLOG_ACTION_READ_ALL */

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

int system_read_file(struct system_info *system, const char *path, const char **text,
		     size_t *len)
{
	int r = read_file(system, path);

	if (r < 0)
		return r;
	*text = system->buffer.data;
	*len = system->buffer.len;
	return 0;
}

int system_read_line(struct system_info *system, const char *path, char *line,
		     size_t size)
{
	int r = read_file(system, path);

	if (r == 0)
		snprintf(line, size, "%.*s", (int)strcspn(system->buffer.data, "\n"),
			 system->buffer.data);
	return r;
}

/* "Linux version 2.6.32-642.el6.x86_64 (mockbuild@…" */
static void take_release(struct system_info *system)
{
	static const char label[] = "Linux version ";
	const char *text = system->buffer.data;

	if (strncmp(text, label, sizeof(label) - 1) != 0)
		return;
	text += sizeof(label) - 1;
	snprintf(system->release, sizeof(system->release), "%.*s",
		 (int)strcspn(text, " \n"), text);
}

static void read_release(struct system_info *system)
{
	struct utsname name;

	if (system_read_line(system, "/proc/sys/kernel/osrelease", system->release,
			     sizeof(system->release)) == 0)
		return;
	if (read_file(system, "/proc/version") == 0)
		take_release(system);
	else if (!system->root[0] && uname(&name) == 0)
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
		memcpy(system->root, root, strlen(root) + 1);
	read_release(system);
	system_read_line(system, "/proc/sys/kernel/random/boot_id", system->boot_id,
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
	uint64_t seqnum;

	if (read_file(system, "/sys/kernel/uevent_seqnum") < 0 ||
	    !number_behind(system->buffer.data, "", 10, &seqnum))
		return 0;
	return seqnum;
}

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
		uint64_t node;

		if (is_numbered(entry->d_name, "node", &node) && node <= INT32_MAX)
			read_node(nodes, entry->d_name, (int)node, snapshot);
	}
	closedir(nodes);
	return true;
}

int system_read_resources(struct system_info *system, struct snapshot *snapshot)
{
	struct iomem_dax dax = { .found = false };
	struct iomem_line line;
	const char *text;
	size_t len;
	int r = system_read_file(system, "/proc/iomem", &text, &len);

	snapshot->resource_count = 0;
	while (r == 0 && iomem_next(&text, &len, &line) > 0) {
		const char *owner = iomem_owner(&dax, &line);

		if (owner)
			r = snapshot_add_resource(snapshot, line.first,
						  line.last - line.first + 1, owner);
	}
	snapshot_sort(snapshot);
	return r;
}

/* --- /proc/zoneinfo */

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

int system_read_zoneinfo(struct system_info *system, struct snapshot *snapshot)
{
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	struct zone_sum zone;
	char *line, *next;
	int r = read_file(system, "/proc/zoneinfo");

	memset(&zone, 0, sizeof(zone));
	snapshot->node_count = 0;
	for (line = r < 0 ? NULL : system->buffer.data; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		r = zoneinfo_line(line, snapshot, &zone, page_bytes);
		if (r < 0)
			return r;
	}
	close_zone(&zone, page_bytes);
	return r;
}

/* --- SRAT */

void system_read_windows(struct system_info *system, struct snapshot *snapshot)
{
	struct srat_entry entries[SRAT_ENTRIES_MAX];
	int i, count;

	snapshot->window_count = 0;
	if (read_file(system, "/sys/firmware/acpi/tables/SRAT") < 0)
		return;
	count = srat_parse((const uint8_t *)system->buffer.data, system->buffer.len,
			   entries);
	for (i = 0; i < count; i++) {
		struct snapshot_window *window =
			&snapshot->windows[snapshot->window_count];

		if (!entries[i].hot_pluggable ||
		    snapshot->window_count == SNAPSHOT_WINDOWS_MAX)
			continue;
		window->start = entries[i].start;
		window->size = entries[i].size;
		snapshot->window_count++;
	}
}

/* Whether the line of space-separated words in the buffer has one that begins so. */
static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	const char *at = text;

	while ((at = strstr(at, word))) {
		if (at == text || at[-1] == ' ' || at[-1] == '\t')
			return true;
		at += len;
	}
	return false;
}

bool system_on_command_line(struct system_info *system, const char *word)
{
	return read_file(system, "/proc/cmdline") == 0 &&
	       has_word(system->buffer.data, word);
}

const char *system_racing_rules(struct system_info *system)
{
	if (read_file(system, "/run/memonline/racing-rules") == 0 ||
	    read_file(system, "/var/run/memonline/racing-rules") == 0)
		return system->buffer.data;
	return "";
}

bool system_is_capture_kernel(struct system_info *system)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/proc/vmcore", system->root);
	return access(path, F_OK) == 0 || system_on_command_line(system, "elfcorehdr=");
}

#define PARAMETERS "/sys/module/memory_hotplug/parameters"

void system_read_parameter(struct system_info *system, const char *name, char *value,
			   size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), PARAMETERS "/%s", name);
	value[0] = '\0';
	system_read_line(system, path, value, size);
}

int system_write_parameter(struct system_info *system, const char *name,
			   const char *value)
{
	char path[PATH_MAX], line[64];
	int len = snprintf(line, sizeof(line), "%s\n", value);
	int fd, r = 0;

	snprintf(path, sizeof(path), "%s" PARAMETERS "/%s", system->root, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, line, (size_t)len) < 0)
		r = -errno;
	close(fd);
	return r;
}

const char *system_root(const struct system_info *system)
{
	return system->root;
}

const char *system_kernel_release(struct system_info *system)
{
	return system->release;
}

const char *system_boot_id(struct system_info *system)
{
	return system->boot_id;
}

void system_make_id(char id[SYSTEM_ID_SIZE])
{
	int fd = open("/proc/sys/kernel/random/uuid", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, id, SYSTEM_ID_SIZE - 1);
	struct timespec now;

	if (fd >= 0)
		close(fd);
	if (len == SYSTEM_ID_SIZE - 1) {
		id[len] = '\0';
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(id, SYSTEM_ID_SIZE, "%d-%llx-%lx", (int)getpid(),
		 (unsigned long long)now.tv_sec, (unsigned long)now.tv_nsec);
}

static int read_ring(struct system_info *system)
{
	int len;

	if (kmsg_is_open(STDIN_FILENO))
		return kmsg_read(STDIN_FILENO, &system->buffer, SYSTEM_LOG_MAX);
	text_clear(&system->buffer);
	if (text_reserve(&system->buffer, SYSTEM_LOG_MAX + 1) < 0)
		return -ENOMEM;
	len = klogctl(SYSLOG_READ_ALL, system->buffer.data, (int)SYSTEM_LOG_MAX);
	if (len < 0)
		return -errno;
	system->buffer.len = (size_t)len;
	system->buffer.data[len] = '\0';
	return 0;
}

int system_read_log(struct system_info *system, const char **text, size_t *len)
{
	int r = *system->root ? read_file(system, "/proc/kmsg") : read_ring(system);

	if (r < 0)
		return r;
	*text = system->buffer.data;
	*len = system->buffer.len;
	return 0;
}

/* "Name:   12345 kB" */
static bool find_kib(const char *text, const char *name, uint64_t *bytes)
{
	const char *at = strstr(text, name);
	uint64_t kib;

	if (!at || !number_behind(at, name, 10, &kib))
		return false;
	*bytes = kib * 1024;
	return true;
}

uint64_t system_free_bytes(struct system_info *system)
{
	uint64_t bytes = UINT64_MAX;

	/* The log may just have been there. */
	if (system->buffer.capacity > KEEP_SIZE)
		text_free(&system->buffer);
	if (read_file(system, "/proc/meminfo") == 0 &&
	    !find_kib(system->buffer.data, "MemAvailable:", &bytes))
		find_kib(system->buffer.data, "MemFree:", &bytes);
	return bytes;
}

uint64_t system_memory_limit(struct system_info *system)
{
	if (read_file(system, "/proc/cmdline") < 0)
		return UINT64_MAX;
	return command_line_memory_limit(system->buffer.data);
}

bool system_lacks_virtio_mem(struct system_info *system)
{
	static const char drivers[] = "/sys/bus/virtio/drivers";
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", system->root, drivers);
	if (access(path, F_OK) != 0)
		return false;
	snprintf(path, sizeof(path), "%s%s/virtio_mem", system->root, drivers);
	return access(path, F_OK) != 0 && errno == ENOENT;
}

int system_dimm_slot(struct system_info *system, int instance)
{
	char path[64], acpi_path[64] = "";
	const char *name;
	uint64_t slot;

	snprintf(path, sizeof(path), "/sys/bus/acpi/devices/PNP0C80:%02x/path",
		 (unsigned)instance);
	if (system_read_line(system, path, acpi_path, sizeof(acpi_path)) < 0)
		return -1;
	name = strrchr(acpi_path, '.');
	if (!name || strlen(name) != 5 || strncmp(name, ".MP", 3) != 0 ||
	    !number_parse(name + 3, 16, &slot))
		return -1;
	return (int)slot;
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
