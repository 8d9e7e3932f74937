/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/pressure.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

int pressure_open(const struct root *root, uint64_t stall_usec, uint64_t window_usec)
{
	char trigger[64];
	/* With the NUL: the kernel overwrites the last byte. */
	int len = snprintf(trigger, sizeof(trigger), "some %" PRIu64 " %" PRIu64,
			   stall_usec, window_usec) +
		  1;
	int fd, r;

	/* What stands in a recorded tree is not this machine's to watch. */
	if (*root_path(root))
		return -EOPNOTSUPP;
	fd = open("/proc/pressure/memory", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, trigger, (size_t)len) == len)
		return fd;
	r = errno ? -errno : -EIO;
	close(fd);
	return r;
}
