/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_COMMAND_LINE_H
#define MEMONLINE_COMMAND_LINE_H

/* The kernel's command line, /proc/cmdline. */

#include <stdbool.h>
#include <stdint.h>

enum command_line_memhp {
	COMMAND_LINE_MEMHP_NONE, /* memhp_default_state= is not given */
	COMMAND_LINE_MEMHP_IGNORED, /* given, and the kernel does something else */
	COMMAND_LINE_MEMHP_IN_FORCE
};

/*
 * What the kernel made of memhp_default_state=. `found` is auto_online_blocks as it was before
 * anybody of ours wrote there, "" where the kernel has no such file. Linux knows the parameter
 * from 4.8 on, and online_kernel and online_movable there from 5.7 on (mm/memory_hotplug.c,
 * setup_memhp_default_state): an older one ignores them, so that only the file shows what counts.
 */
enum command_line_memhp command_line_memhp(const char *text, const char *found);

/*
 * The end of memory that the last mem= with a size gives, in bytes; UINT64_MAX where there is none.
 * From 5.1 an x86 kernel refuses to add memory beyond it, from 5.7 only while it boots
 * (max_mem_size in mm/memory_hotplug.c). parse_memopt (arch/x86/kernel/e820.c) reads the size by
 * memparse (lib/cmdline.c) and ignores 0 and what is not a size.
 */
uint64_t command_line_memory_limit(const char *text);

#endif
