/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/parameters.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define PARAMETERS "/sys/module/memory_hotplug/parameters"

void parameters_read(struct root *root, const char *name, char *value, size_t size)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), PARAMETERS "/%s", name);
	value[0] = '\0';
	root_read_line(root, path, value, size);
}

int parameters_write(struct root *root, const char *name, const char *value)
{
	char path[PATH_MAX], line[64];
	int len = snprintf(line, sizeof(line), "%s\n", value);
	int fd, r = 0;

	snprintf(path, sizeof(path), "%s" PARAMETERS "/%s", root_path(root), name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, line, (size_t)len) < 0)
		r = -errno;
	close(fd);
	return r;
}
