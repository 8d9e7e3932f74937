/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/kernel.h"

#include <string.h>

#include "core/number.h"

struct version {
	uint64_t major, minor;
};

static const struct {
	struct version until; /* the first release without the trait */
	const char *file; /* which shows it instead of the release: Y or 1 */
	const char *text;
} traits[KERNEL_TRAITS] = {
	/* Measured: device_del of a DIMM that is online, 2.6.32-642.el6. */
	[KERNEL_NO_HOT_REMOVE] = { .until = { 3, 0 } },
	/* mm/memory_hotplug.c: online_pages() only shifts the border of two zones (measured, 3.10). */
	[KERNEL_MOVABLE_FROM_TOP] = { .until = { 4, 13 },
				      .text = "ZONE_MOVABLE only from the highest block "
					      "downwards" },
	/* drivers/acpi/acpi_memhotplug.c of 2.6.32-642.el6; no other kernel has the file. */
	[KERNEL_ONLINES_BY_ITSELF] = { .file = "/sys/module/acpi_memhotplug/parameters/"
					       "mem_hotadd_auto",
				       .text = "onlines by itself what ACPI adds" },
	/*
	 * drivers/base/memory.c: register_new_memory() linked it; from 4.19 on add_memory_resource() in
	 * mm/memory_hotplug.c links all of them at the end.
	 */
	[KERNEL_LINKS_EACH_BLOCK] = { .until = { 4, 19 } },
};

bool kernel_has(const struct kernel *kernel, enum kernel_trait trait)
{
	return kernel->has[trait];
}

static bool parse_release(const char *release, struct version *version)
{
	const char *end = release + strlen(release);

	return number_take(&release, end, 10, &version->major) && *release++ == '.' &&
	       number_take(&release, end, 10, &version->minor);
}

static bool is_older(const struct version *version, const struct version *than)
{
	return version->major < than->major ||
	       (version->major == than->major && version->minor < than->minor);
}

void kernel_take_release(struct kernel *kernel, const char *release)
{
	struct version version;
	bool known = parse_release(release, &version);
	unsigned trait;

	for (trait = 0; trait < KERNEL_TRAITS; trait++)
		if (!traits[trait].file)
			kernel->has[trait] = known &&
					     is_older(&version, &traits[trait].until);
}

const char *kernel_trait_file(enum kernel_trait trait)
{
	return traits[trait].file;
}

void kernel_take_line(struct kernel *kernel, enum kernel_trait trait, const char *line)
{
	kernel->has[trait] = line[0] == 'Y' || line[0] == '1';
}

const char *kernel_trait_text(enum kernel_trait trait)
{
	return traits[trait].text;
}
