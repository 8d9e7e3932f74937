/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/lock.h"

#include <errno.h>
#include <sys/mman.h>

/* Old headers lack it, old kernels answer EINVAL. */
#ifndef MCL_ONFAULT
#define MCL_ONFAULT 4
#endif

int lock_memory(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT) == 0)
		return 0;
	if (errno != EINVAL)
		return -errno;
	return mlockall(MCL_CURRENT) < 0 ? -errno : 0;
}
