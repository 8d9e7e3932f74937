/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SYSTEM_H
#define MEMONLINE_SYSTEM_H

/* What lies around the memory blocks: nodes, /proc/iomem, uevent numbers, kernel release. */

#include "core/snapshot.h"

struct system_info;

/* NULL with errno on lack of memory. `root` as for sysfs_open. */
struct system_info *system_open(const char *root);
void system_close(struct system_info *system); /* accepts NULL */

/* /sys/kernel/uevent_seqnum, 0 where it cannot be read. */
uint64_t system_uevent_seqnum(struct system_info *system);
/*
 * Sets each block's node from /sys/devices/system/node/nodeN/memoryM; missing: unknown. Returns
 * whether the kernel has nodes at all.
 */
bool system_read_nodes(struct system_info *system, struct snapshot *snapshot);
/* Replaces the snapshot's resources by /proc/iomem's "System RAM…" lines. 0 or negative errno. */
int system_read_resources(struct system_info *system, struct snapshot *snapshot);
/* uname -r of the running kernel. */
const char *system_kernel_release(struct system_info *system);
/* Another one after every boot; "" where the kernel does not tell. */
const char *system_boot_id(struct system_info *system);
/* Whether a udevd runs: its control socket is there (/run/udev/control, EL6: its abstract one). */
bool system_has_udevd(struct system_info *system);

#endif
