/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SRAT_H
#define MEMONLINE_SRAT_H

/*
 * The firmware's table of memory by proximity (ACPI 6.5, 5.2.16): where there is memory at boot,
 * and the windows in which it may be hot-added. Its bytes are not to be trusted.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/contract.h"

struct srat_entry {
	uint64_t start, size; /* bytes; size is never 0, and the end never wraps */
	uint32_t proximity;
	bool hot_pluggable;
	bool non_volatile;
};

#define SRAT_ENTRIES_MAX 256

/*
 * The enabled memory entries, in the order of the table. The number of them; -EINVAL where the
 * table is not whole in any way (signature, length, checksum, an entry beyond its end or of length
 * 0, a range that wraps), -E2BIG where it has more; `entries` is untouched then.
 */
int srat_parse(const uint8_t *bytes, size_t len,
	       struct srat_entry entries[SRAT_ENTRIES_MAX]) _must_check_;

#endif
