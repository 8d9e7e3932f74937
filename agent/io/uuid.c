/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/uuid.h"

#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

void uuid_make(char id[UUID_SIZE])
{
	int fd = open("/proc/sys/kernel/random/uuid", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, id, UUID_SIZE - 1);
	struct timespec now;

	if (fd >= 0)
		close(fd);
	if (len == UUID_SIZE - 1) {
		id[len] = '\0';
		return;
	}
	clock_gettime(CLOCK_REALTIME, &now);
	snprintf(id, UUID_SIZE, "%d-%llx-%lx", (int)getpid(),
		 (unsigned long long)now.tv_sec, (unsigned long)now.tv_nsec);
}
