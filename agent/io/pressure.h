/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_IO_PRESSURE_H
#define MEMONLINE_IO_PRESSURE_H

/*
 * The kernel's own watch on stalls, /proc/pressure/memory
 * (Documentation/accounting/psi.rst): a descriptor that polls as EPOLLPRI once a window
 * in which tasks waited for that long.
 *
 * Needs root up to Linux 5.13, CAP_SYS_RESOURCE up to 6.3 (EPERM without); from 6.4 on
 * nothing, if the window is a multiple of two seconds, and so in Debian's 6.1.0-57.
 */

#include <stdint.h>

#include "core/contract.h"
#include "io/root.h"

/*
 * The descriptor, which the caller closes, or negative errno: ENOENT before 4.20, EOPNOTSUPP with
 * psi=0 and below another root, EPERM, EINVAL before 5.2. Windows of half a second to ten.
 */
int pressure_open(const struct root *root, uint64_t stall_usec,
		  uint64_t window_usec) _must_check_ _nonnull_(1);

#endif
