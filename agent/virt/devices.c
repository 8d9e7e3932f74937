/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices.h"

#include <inttypes.h>
#include <string.h>

#include "fleet.h"

enum {
	DEVICE,
	MODEL,
	SLOT,
	RANGE,
	SIZE,
	ONLINE,
	NODE,
	REMOVABLE,
	VERDICT,
	CAUSE,
	REQUESTED,
	CURRENT,
	BLOCK,
	BASE
};

const struct table_column virt_device_columns[VIRT_DEVICE_COLUMNS] = {
	[DEVICE] = { .name = "DEVICE", .help = "libvirt's alias of it" },
	[MODEL] = { .name = "MODEL", .help = "dimm, virtio-mem or other" },
	[SLOT] = { .name = "SLOT", .help = "its slot", .right = true, .number = true },
	[RANGE] = { .name = "RANGE", .help = "first and last address in the guest" },
	[SIZE] = { .name = "SIZE",
		   .help = "its size; of virtio-mem the most that it can have",
		   .right = true,
		   .number = true },
	[ONLINE] = { .name = "ONLINE",
		     .help = "how much of it is online",
		     .right = true,
		     .number = true },
	[NODE] = { .name = "NODE",
		   .help = "its NUMA cell in the domain",
		   .right = true,
		   .number = true },
	[REMOVABLE] = { .name = "REMOVABLE", .help = "yes, no, unknown or never" },
	[VERDICT] = { .name = "VERDICT", .help = "complete, partial, absent or unknown" },
	[CAUSE] = { .name = "CAUSE", .help = "why not all of it is online" },
	[REQUESTED] = { .name = "REQUESTED",
			.help = "what the host wants plugged of it",
			.right = true,
			.number = true,
			.optional = true },
	[CURRENT] = { .name = "CURRENT",
		      .help = "what is plugged of it",
		      .right = true,
		      .number = true,
		      .optional = true },
	[BLOCK] = { .name = "BLOCK",
		    .help = "virtio-mem: its own block",
		    .right = true,
		    .number = true,
		    .optional = true },
	[BASE] = { .name = "BASE", .help = "its address", .optional = true },
};

const char *devices_model_text(enum capacity_model model)
{
	if (model == CAPACITY_DIMM)
		return "dimm";
	return model == CAPACITY_VIRTIO_MEM ? "virtio-mem" : "other";
}

static const char *removable_text(const struct capacity_device *device)
{
	switch (device->removable) {
	case CAPACITY_REMOVABLE_YES:
		return "yes";
	case CAPACITY_REMOVABLE_NO:
		return "no";
	case CAPACITY_REMOVABLE_NEVER:
		return "never";
	case CAPACITY_REMOVABLE_UNKNOWN:
		break;
	}
	return "unknown";
}

static void put_place(struct table *table, const struct capacity_device *device)
{
	if (device->slot >= 0)
		table_printf(table, SLOT, "%d", (int)device->slot);
	if (device->node >= 0)
		table_printf(table, NODE, "%d", (int)device->node);
	if (device->base == CAPACITY_UNKNOWN)
		return;
	table_printf(table, BASE, "0x%016" PRIx64, device->base);
	if (device->size)
		table_printf(table, RANGE, "0x%016" PRIx64 "-0x%016" PRIx64, device->base,
			     device->base + device->size - 1);
}

void devices_put_row(struct virt *virt, const struct capacity_device *device)
{
	struct table *table = &virt->table;
	bool bytes = virt->options.bytes;

	table_row(table);
	table_put(table, DEVICE, device->alias);
	table_put(table, MODEL, devices_model_text(device->model));
	put_place(table, device);
	table_put_size(table, SIZE, device->size, bytes);
	table_put_size(table, REQUESTED, device->requested, bytes);
	table_put_size(table, CURRENT, device->current, bytes);
	if (device->block)
		table_put_size(table, BLOCK, device->block, bytes);
	table_put(table, VERDICT, fleet_verdict_text(device->verdict));
	if (device->verdict == CAPACITY_NOT_TOLD)
		return;
	table_put_size(table, ONLINE, device->online, bytes);
	table_put(table, REMOVABLE, removable_text(device));
	table_put(table, CAUSE, device->cause);
}

static void put_text(struct text *out, const char *name, const char *value)
{
	text_printf(out, "\"%s\": ", name);
	json_put_string(out, value, strlen(value));
}

static void put_number(struct text *out, const char *name, uint64_t number)
{
	text_printf(out, ", \"%s\": %" PRIu64, name, number);
}

void devices_put_json(struct text *out, const struct capacity_device *device)
{
	text_puts(out, "{");
	put_text(out, "alias", device->alias);
	text_printf(out, ", \"model\": \"%s\"", devices_model_text(device->model));
	if (device->slot >= 0)
		put_number(out, "slot", (uint64_t)device->slot);
	if (device->node >= 0)
		put_number(out, "node", (uint64_t)device->node);
	if (device->base != CAPACITY_UNKNOWN)
		put_number(out, "base", device->base);
	put_number(out, "size", device->size);
	put_number(out, "requested", device->requested);
	put_number(out, "current", device->current);
	text_printf(out, ", \"verdict\": \"%s\"", fleet_verdict_text(device->verdict));
	if (device->verdict != CAPACITY_NOT_TOLD) {
		put_number(out, "online", device->online);
		text_printf(out, ", \"removable\": \"%s\", ", removable_text(device));
		put_text(out, "cause", device->cause);
	}
	text_puts(out, "}");
}

void devices_put_domain_json(struct text *out, const struct domain *domain)
{
	const struct capacity *capacity = &domain->capacity;
	const char *cause;
	enum capacity_verdict verdict = capacity_verdict(capacity, &cause);
	size_t i;

	put_text(out, "domain", domain->name);
	put_number(out, "boot", capacity_boot(capacity));
	put_number(out, "given", capacity_given(capacity));
	put_number(out, "online", capacity_online(capacity));
	put_number(out, "balloon", capacity_ballooned(capacity));
	put_number(out, "maximum", capacity->max);
	put_number(out, "free-slots", capacity_free_slots(capacity));
	put_number(out, "block-size", capacity->block);
	text_printf(out, ", \"verdict\": \"%s\", ", fleet_verdict_text(verdict));
	put_text(out, "cause", cause);
	text_puts(out, ", \"devices\": [");
	for (i = 0; i < capacity->count; i++) {
		text_puts(out, i ? ", " : "");
		devices_put_json(out, &capacity->devices[i]);
	}
	text_puts(out, "]");
}
