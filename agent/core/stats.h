/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_STATS_H
#define MEMONLINE_STATS_H

/*
 * How the guest's memory is used, from the texts of /proc/meminfo, /proc/vmstat, /proc/zoneinfo and
 * /proc/pressure/memory. What a kernel does not say stays STATS_UNKNOWN:
 *
 *   MemAvailable           from 3.14, and in the kernels of CentOS 7
 *   oom_kill in vmstat     from 4.13
 *   /proc/pressure/memory  from 4.20 with CONFIG_PSI, unless the command line has psi=0 or the
 *                          kernel is built with PSI off by default, as in RHEL 8 and 9
 */

#include <stddef.h>
#include <stdint.h>

#include "core/contract.h"

#define STATS_UNKNOWN UINT64_MAX

/* All zones of one kind, on all nodes; bytes. */
struct stats_zone {
	uint64_t total; /* that the page allocator manages */
	uint64_t free;
	uint64_t
		file; /* page cache in them: what makes room when free memory is used up */
	uint64_t low; /* below this much free the kernel begins to reclaim */
};

/* One line of /proc/pressure/memory. */
struct stats_stall {
	uint64_t avg10, avg60, avg300; /* of the time, in hundredths of a percent */
	uint64_t total_usec; /* since boot */
};

/* Bytes, unless a member says otherwise. */
struct stats {
	uint64_t total;
	uint64_t available; /* for new work without swapping, as the kernel estimates */
	uint64_t free;
	struct stats_zone kernel; /* every zone but the next */
	struct stats_zone movable; /* ZONE_MOVABLE */
	uint64_t swap_total, swap_free;
	uint64_t anonymous;
	uint64_t file; /* page cache that can be dropped or written back */
	uint64_t shared; /* tmpfs and shared memory, which need swap to go */
	uint64_t reclaimable; /* of the kernel's own allocations */
	uint64_t major_faults; /* count since boot */
	uint64_t swapped_in, swapped_out; /* since boot */
	uint64_t oom_kills; /* count since boot */
	uint64_t hugepage_size;
	uint64_t hugepages_total, hugepages_free; /* of that size; count */
	struct stats_stall some, full; /* some or all tasks waited for memory */
};

/* All unknown. */
void stats_init(struct stats *stats) _nonnull_(1);
/*
 * Each takes what one file says; a line that it does not know or cannot read is passed over.
 * The texts end with NUL. `page_bytes` is the size of a page of the guest.
 */
void stats_take_meminfo(struct stats *stats, const char *text) _nonnull_(1);
void stats_take_vmstat(struct stats *stats, const char *text, uint64_t page_bytes)
	_nonnull_(1);
void stats_take_zoneinfo(struct stats *stats, const char *text, uint64_t page_bytes)
	_nonnull_(1);
void stats_take_pressure(struct stats *stats, const char *text) _nonnull_(1);

#endif
