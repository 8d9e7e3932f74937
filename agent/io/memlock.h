/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_MEMLOCK_H
#define MEMONLINE_MEMLOCK_H

#include "core/contract.h"

/*
 * Keeps in memory what this process has mapped, so that bringing memory online waits for no page
 * to be read again. From 4.4 on also what it maps later, each page from its first use on
 * (MCL_ONFAULT). Before that only what is mapped now, all of it: with MCL_FUTURE every later
 * mapping would be filled at once, buffers that may never be used too. 0 or negative errno: EPERM
 * or ENOMEM without CAP_IPC_LOCK.
 */
int memlock_enable(void) _must_check_;

/*
 * Protects this process from the kernel's OOM killer: service managers do so by their own
 * settings, a shell does not. 0 or negative errno: EACCES if the value was higher and
 * CAP_SYS_RESOURCE is missing; no capability is needed if the value is already set.
 * Kernels before 2.6.36 have oom_adj, where -17 is the same. Children inherit it.
 */
int memlock_against_oom(void) _must_check_;

#endif
