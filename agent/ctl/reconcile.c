/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "devices.h"
#include "print.h"

enum {
	DEVICE,
	SLOT,
	RANGE,
	SIZE,
	ONLINE,
	ZONES,
	NODE,
	REMOVABLE,
	VERDICT,
	CAUSE,
	REMARKS,
	REQUESTED,
	TYPE,
	LOG
};

static const struct table_column columns[] = {
	[DEVICE] = { .name = "DEVICE", .help = "the host's name for it" },
	[SLOT] = { .name = "SLOT", .help = "its slot", .right = true, .number = true },
	[RANGE] = { .name = "RANGE", .help = "first and last address" },
	[SIZE] = { .name = "SIZE", .help = "its size", .width = 5, .right = true },
	[ONLINE] = { .name = "ONLINE",
		     .help = "how much of it is online",
		     .right = true },
	[ZONES] = { .name = "ZONES", .help = "the zones of what is online" },
	[NODE] = { .name = "NODE", .help = "NUMA node in the guest", .right = true },
	[REMOVABLE] = { .name = "REMOVABLE", .help = "yes, no, unknown or never" },
	[VERDICT] = { .name = "VERDICT", .help = "complete, partial or absent" },
	[CAUSE] = { .name = "CAUSE", .help = "why some of it is not online" },
	[REMARKS] = { .name = "REMARKS", .help = "what else differs from the host" },
	[REQUESTED] = { .name = "REQUESTED",
			.help = "the size that the host requests",
			.right = true,
			.optional = true },
	[TYPE] = { .name = "TYPE", .help = "dimm, nvdimm, virtio-mem", .optional = true },
	[LOG] = { .name = "LOG", .help = "the kernel's line about it", .optional = true },
};

struct tally {
	struct ctl *ctl;
	size_t complete, other;
};

static void put_range(struct table *table, const struct message_device *device,
		      bool bytes)
{
	if (!device->size)
		return;
	table_printf(table, RANGE, "0x%016" PRIx64 "-0x%016" PRIx64, device->start,
		     device->start + device->size - 1);
	table_put_size(table, SIZE, device->size, bytes);
}

static void put_row(struct ctl *ctl, const struct message_device *device)
{
	struct table *table = &ctl->table;

	table_row(table);
	if (*device->id)
		table_put(table, DEVICE, device->id);
	if (device->slot >= 0)
		table_printf(table, SLOT, "%" PRId64, device->slot);
	put_range(table, device, ctl->options.bytes);
	table_put_size(table, ONLINE, device->online, ctl->options.bytes);
	table_put_words(table, ZONES, &device->zones.value, NULL);
	if (device->node >= 0)
		table_printf(table, NODE, "%" PRId64, device->node);
	table_put(table, REMOVABLE, device->removable);
	table_put(table, VERDICT, device->verdict);
	table_put_words(table, CAUSE, &device->missing.value, "reason");
	table_put_words(table, REMARKS, &device->remarks.value, NULL);
	if (device->requested)
		table_put_size(table, REQUESTED, device->requested, ctl->options.bytes);
	table_put(table, TYPE, device->type);
	if (device->log)
		table_put(table, LOG, device->log);
}

static void count_device(struct tally *tally, const struct message_device *device)
{
	if (strcmp(device->verdict, "complete") == 0)
		tally->complete++;
	else if (strcmp(device->cause, "not-ram") != 0)
		tally->other++;
}

static int take_device(struct protocol_answer *element, void *data)
{
	struct tally *tally = data;
	struct message_device device;
	int r;

	if (*element->list)
		return 0;
	r = protocol_answer_device(element, &device);
	if (r < 0)
		return r;
	count_device(tally, &device);
	if (tally->ctl->options.json)
		return 0;
	put_row(tally->ctl, &device);
	return ctl_flush_rows(tally->ctl);
}

static int ask(struct ctl *ctl, const struct text *devices)
{
	struct tally tally = { ctl, 0, 0 };
	struct protocol_request request;
	int r;

	protocol_request_init(&request, PROTOCOL_RECONCILE);
	ctl->session.prints = ctl->options.json;
	ctl->session.on_element = take_device;
	ctl->session.element_data = &tally;
	r = ctl_ask_devices(ctl, &request, devices);
	if (r == 0)
		r = protocol_answer_check_list(&ctl->session.answer, NULL);
	if (r == 0 && ctl->options.json)
		r = ctl_session_print(&ctl->session);
	else if (r == 0)
		r = table_print(&ctl->table, stdout, !ctl->options.no_headings);
	if (r != 0)
		return r;
	return tally.other ? CTL_PARTLY : CTL_DONE;
}

static int run_reconcile(struct ctl *ctl)
{
	struct text devices = TEXT_INIT;
	int r = ctl_read_devices(ctl, &devices);

	if (r == 0 && ctl->options.probe)
		r = ctl_probe_devices(ctl, &devices);
	if (r == 0)
		r = ask(ctl, &devices);
	text_free(&devices);
	return r;
}

const struct ctl_verb ctl_verb_reconcile = {
	.name = "reconcile",
	.help = "compare the host's devices with the guest's memory",
	.takes = CTL_TABLE | CTL_QMP | CTL_PROBE,
	.run = run_reconcile,
	.columns = columns,
	.column_count = sizeof(columns) / sizeof(columns[0]),
};
