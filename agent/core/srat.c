/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/srat.h"

#include <errno.h>
#include <string.h>

#define TABLE_BYTES 48 /* header 36, revision 4, reserved 8 */
#define TYPE_MEMORY 1
#define MEMORY_BYTES 40
#define FLAG_ENABLED 1u
#define FLAG_HOT_PLUGGABLE 2u
#define FLAG_NON_VOLATILE 4u

/* Little-endian and not aligned. */
static uint64_t number_at(const uint8_t *bytes, unsigned count)
{
	uint64_t number = 0;

	while (count--)
		number = number << 8 | bytes[count];
	return number;
}

static bool is_whole(const uint8_t *bytes, size_t len)
{
	uint8_t sum = 0;
	size_t i;

	if (len < TABLE_BYTES || memcmp(bytes, "SRAT", 4) != 0 ||
	    number_at(bytes + 4, 4) != len)
		return false;
	for (i = 0; i < len; i++)
		sum = (uint8_t)(sum + bytes[i]);
	return sum == 0;
}

/* 1: *entry is filled; 0: it is not enabled, or of no memory; or -EINVAL. */
static int parse_memory(const uint8_t *bytes, struct srat_entry *entry)
{
	uint32_t flags = (uint32_t)number_at(bytes + 28, 4);

	if (!(flags & FLAG_ENABLED))
		return 0;
	memset(entry, 0, sizeof(*entry));
	entry->proximity = (uint32_t)number_at(bytes + 2, 4);
	entry->start = number_at(bytes + 8, 8);
	entry->size = number_at(bytes + 16, 8);
	entry->hot_pluggable = flags & FLAG_HOT_PLUGGABLE;
	entry->non_volatile = flags & FLAG_NON_VOLATILE;
	if (!entry->size || entry->start > UINT64_MAX - (entry->size - 1))
		return -EINVAL;
	return 1;
}

int srat_parse(const uint8_t *bytes, size_t len,
	       struct srat_entry entries[SRAT_ENTRIES_MAX])
{
	struct srat_entry found[SRAT_ENTRIES_MAX];
	size_t at = TABLE_BYTES;
	int count = 0;

	if (!is_whole(bytes, len))
		return -EINVAL;
	while (at < len) {
		size_t size = len - at < 2 ? 0 : bytes[at + 1];
		struct srat_entry entry;
		int r = 0;

		if (size < 2 || size > len - at)
			return -EINVAL;
		if (bytes[at] == TYPE_MEMORY)
			r = size < MEMORY_BYTES ? -EINVAL
						: parse_memory(bytes + at, &entry);
		if (r < 0)
			return r;
		if (r > 0 && count == SRAT_ENTRIES_MAX)
			return -E2BIG;
		if (r > 0)
			found[count++] = entry;
		at += size;
	}
	memcpy(entries, found, (size_t)count * sizeof(found[0]));
	return count;
}
