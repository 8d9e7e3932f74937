/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SYSTEM_H
#define MEMONLINE_SYSTEM_H

/* What lies around the memory blocks: nodes, /proc/iomem, uevent numbers, what kind of machine. */

#include "core/snapshot.h"

struct system_info;

/* NULL with errno on lack of memory. `root` as for sysfs_open. */
struct system_info *system_open(const char *root);
void system_close(struct system_info *system); /* accepts NULL */

/*
 * A whole file below the root, with a NUL behind it. 0 or negative errno; the text stays until the
 * next call of any of these.
 */
int system_read_file(struct system_info *system, const char *path, const char **text,
		     size_t *len);
/* The file's first line, as far as it fits; `line` is untouched where there is no file. */
int system_read_line(struct system_info *system, const char *path, char *line,
		     size_t size);
/* What paths begin with: "" is this machine. */
const char *system_root(const struct system_info *system);
/* /sys/kernel/uevent_seqnum, 0 where it cannot be read. */
uint64_t system_uevent_seqnum(struct system_info *system);
/*
 * Sets each block's node from /sys/devices/system/node/nodeN/memoryM; missing: unknown. Returns
 * whether the kernel has nodes at all.
 */
bool system_read_nodes(struct system_info *system, struct snapshot *snapshot);
/* Replaces the snapshot's resources by /proc/iomem's "System RAM…" lines. 0 or negative errno. */
int system_read_resources(struct system_info *system, struct snapshot *snapshot);
/*
 * Replaces the snapshot's sums by node with what /proc/zoneinfo says ("present", and "cma" where
 * it is told, in pages). 0 or negative errno.
 */
int system_read_zoneinfo(struct system_info *system, struct snapshot *snapshot);
/*
 * Replaces the snapshot's windows by the enabled hot-pluggable entries of the SRAT
 * (/sys/firmware/acpi/tables/SRAT); none where there is no such table or it is not whole.
 */
void system_read_windows(struct system_info *system, struct snapshot *snapshot);
/* Whether a word of the kernel's command line begins so. */
bool system_on_command_line(struct system_info *system, const char *word);
/*
 * Whether this kernel was started to save the memory of one that crashed: `elfcorehdr=` on its
 * command line, or /proc/vmcore.
 */
bool system_is_capture_kernel(struct system_info *system);
/*
 * A parameter of the kernel module memory_hotplug (from 5.15 on), by its name: its line goes into
 * `value`, "" where there is none.
 */
void system_read_parameter(struct system_info *system, const char *name, char *value,
			   size_t size);
/* 0 or negative errno. */
int system_write_parameter(struct system_info *system, const char *name,
			   const char *value);
/*
 * Paths of udev rules that bring memory online beside us, a newline after each, as
 * rules/memonline-rules found them; "" where there are none. Valid until the next read.
 */
const char *system_racing_rules(struct system_info *system);
/* uname -r of the running kernel. */
const char *system_kernel_release(struct system_info *system);
/* Another one after every boot; "" where the kernel does not tell. */
const char *system_boot_id(struct system_info *system);
/* A random one, 36 characters: another with each call. */
#define SYSTEM_ID_SIZE 37
void system_make_id(char id[SYSTEM_ID_SIZE]);
/*
 * The newest part of the kernel's log, read without waiting and without taking it from anybody: by
 * standard input where that is /dev/kmsg (io/kmsg.h), else by syslog(2), which 2.6.32 has alone.
 * Below another root it is the file <root>/proc/kmsg. At most SYSTEM_LOG_MAX bytes. 0 or negative
 * errno; the text stays until the next call of any of these.
 */
#define SYSTEM_LOG_MAX (256UL * 1024)
int system_read_log(struct system_info *system, const char **text, size_t *len);
/* What the kernel could use now: MemAvailable, before 3.14 MemFree. UINT64_MAX: not told. */
uint64_t system_free_bytes(struct system_info *system);
/* What mem= of the kernel's command line is; UINT64_MAX: none, or not to be read. */
uint64_t system_memory_limit(struct system_info *system);
/*
 * Whether virtio has drivers (/sys/bus/virtio/drivers) and virtio_mem (from 5.8) is not one of them;
 * false also where there is nothing to read.
 */
bool system_lacks_virtio_mem(struct system_info *system);
/*
 * The DIMM slot of the ACPI device PNP0C80:instance, by its path (\_SB_.MHPC.MP0A, and with
 * older QEMUs \_SB_.MHPD.MP0A); -1 where that is none of QEMU's or cannot be read.
 */
int system_dimm_slot(struct system_info *system, int instance);
/* Whether a udevd runs: its control socket is there (/run/udev/control, EL6: its abstract one). */
bool system_has_udevd(struct system_info *system);

#endif
