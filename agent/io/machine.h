/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_MACHINE_H
#define MEMONLINE_MACHINE_H

/* What kind of machine and of kernel this is, and what may keep memory out of it. */

#include "core/contract.h"
#include "core/snapshot.h"
#include "io/root.h"

/* What does not change while it runs; the rest of *machine stays as it is. */
void machine_read(struct root *root, struct machine *machine) _nonnull_(1);
/*
 * Whether memhp_default_state= is on the kernel's command line and the kernel obeys it.
 * `found`: auto_online_blocks without memonlined, "" if the kernel has no such file.
 */
void machine_read_memhp(struct root *root, const char *found, struct machine *machine)
	_nonnull_(1);
/* Another one after every boot; "" if the kernel has none. */
#define MACHINE_BOOT_ID_SIZE 37 /* with the NUL */
void machine_read_boot_id(struct root *root, char id[MACHINE_BOOT_ID_SIZE]) _nonnull_(1);
/*
 * Whether this kernel was started to save the memory of one that crashed: `elfcorehdr=` on its
 * command line, or /proc/vmcore.
 */
bool machine_is_capture_kernel(struct root *root) _nonnull_(1);
/* What mem= of the kernel's command line is; UINT64_MAX: none, or not to be read. */
uint64_t machine_memory_limit(struct root *root) _nonnull_(1);
/*
 * Whether virtio has drivers (/sys/bus/virtio/drivers) and virtio_mem (from 5.8) is not one of them;
 * false also where there is nothing to read.
 */
bool machine_lacks_virtio_mem(struct root *root) _nonnull_(1);
/*
 * What the kernel could use now: MemAvailable, before 3.14 MemFree. UINT64_MAX: unknown.
 */
uint64_t machine_free_bytes(struct root *root) _nonnull_(1);

#endif
