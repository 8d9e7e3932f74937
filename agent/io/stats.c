/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/stats.h"

#include <unistd.h>

/* NULL where the file cannot be read; the text stays until the next one is. */
static const char *read_text(struct root *root, const char *path)
{
	const char *text;
	size_t len;

	return root_read_file(root, path, &text, &len) < 0 ? NULL : text;
}

void stats_read(struct root *root, struct stats *stats)
{
	uint64_t page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
	const char *text;

	stats_init(stats);
	text = read_text(root, "/proc/meminfo");
	if (text)
		stats_take_meminfo(stats, text);
	text = read_text(root, "/proc/vmstat");
	if (text)
		stats_take_vmstat(stats, text, page_bytes);
	text = read_text(root, "/proc/zoneinfo");
	if (text)
		stats_take_zoneinfo(stats, text, page_bytes);
	/* With psi=0 the file is there, and reading it is EOPNOTSUPP. */
	text = read_text(root, "/proc/pressure/memory");
	if (text)
		stats_take_pressure(stats, text);
}
