/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/memlock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Old headers lack it, old kernels answer EINVAL. */
#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

int memlock_enable(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	return mlockall(MCL_CURRENT) < 0 ? -errno : 0;
}

static int write_file(const char *path, const char *word)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), r = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, word, strlen(word)) < 0)
		r = -errno;
	close(fd);
	return r;
}

int memlock_against_oom(void)
{
	int r = write_file("/proc/self/oom_score_adj", "-1000\n");

	return r == -ENOENT ? write_file("/proc/self/oom_adj", "-17\n") : r;
}
