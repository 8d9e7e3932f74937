/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_LOCK_H
#define MEMONLINE_LOCK_H

/*
 * Keeps in memory what this process has mapped, so that bringing memory online waits for no page
 * to be read again. From 4.4 on also what it maps later, each page from its first use on
 * (MCL_ONFAULT). Before that only what is mapped now, all of it: with MCL_FUTURE every later
 * mapping would be filled at once, buffers that may never be used too. 0 or negative errno: EPERM
 * or ENOMEM without CAP_IPC_LOCK.
 */
int lock_memory(void);

#endif
