/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/resources.h"

#include "core/iomem.h"

int resources_read(struct root *root, struct snapshot *snapshot)
{
	struct iomem_dax dax = { .found = false };
	struct iomem_line line;
	const char *text;
	size_t len;
	int r = root_read_file(root, "/proc/iomem", &text, &len);

	snapshot->resource_count = 0;
	while (r == 0 && iomem_next(&text, &len, &line) > 0) {
		const char *owner = iomem_owner(&dax, &line);

		if (owner)
			r = snapshot_add_resource(snapshot, line.first,
						  line.last - line.first + 1, owner);
	}
	snapshot_sort(snapshot);
	return r;
}
