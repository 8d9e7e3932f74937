/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_KERNEL_LOG_H
#define MEMONLINE_KERNEL_LOG_H

/*
 * What the kernel's log says about memory devices that it failed to add: nothing else in
 * a guest does. Measured with Linux 6.1, a DIMM of 60 GiB in a guest of 256 MiB and one
 * of 100 MiB:
 *   kworker/u4:0: vmemmap alloc failure: order:9, mode:…
 *   acpi PNP0C80:00: add_memory failed
 *   Block size [0x8000000] unaligned hotplug range: start 0x1000000000, size 0x6400000
 *   acpi PNP0C80:01: add_memory failed
 * The second line of each pair is as old as acpi_memhotplug; before 3.x it names no
 * device.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/contract.h"
#include "core/reason.h"
#include "core/text.h"

#define KERNEL_LOG_FAILURES 64 /* the newest */
#define KERNEL_LOG_LINE_SIZE 160

struct kernel_log_failure {
	int instance; /* the N of PNP0C80:N, hex in the log; -1: unknown */
	int slot; /* for the caller to fill in: the slot of that instance; -1: not known */
	enum reason reason; /* ADD_FAILED, MEMORY_SHORT or UNALIGNED */
	uint64_t start; /* of an UNALIGNED one */
	bool has_start;
	char line[KERNEL_LOG_LINE_SIZE]; /* that has the reason, as far as it fits */
};

struct kernel_log {
	struct kernel_log_failure failures[KERNEL_LOG_FAILURES]; /* the oldest first */
	size_t count;
};

/* `text` as syslog(2) gives it, perhaps cut at its start. Replaces what is in `log`. */
void kernel_log_parse(struct kernel_log *log, const char *text, size_t len) _nonnull_(1);
/*
 * Appends the message of a record of /dev/kmsg (Linux 3.5 and later) and a newline: the
 * text from the first ';' up to the first newline; lines after that repeat the device.
 * Appends nothing if there is no ';'. kernel_log_parse() reads such lines.
 */
void kernel_log_add_record(struct text *text, const char *record, size_t len)
	_nonnull_(1);

#endif
