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

const struct table_column ctl_reconcile_columns[CTL_RECONCILE_COLUMNS] = {
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
	[CAUSE] = { .name = "CAUSE", .help = "why not all of it is online" },
	[REMARKS] = { .name = "REMARKS", .help = "what else is not as the host has it" },
	[REQUESTED] = { .name = "REQUESTED",
			.help = "the size that the host wants it to have",
			.right = true,
			.optional = true },
	[TYPE] = { .name = "TYPE", .help = "dimm, nvdimm, virtio-mem", .optional = true },
	[LOG] = { .name = "LOG", .help = "the kernel's line about it", .optional = true },
};

struct tally {
	size_t complete, other;
};

/* What is given by the i-th element, with slashes between. */
static void put_words(struct table *table, size_t column,
		      const struct protocol_answer_device *device, size_t count,
		      const char *(*word)(const struct protocol_answer_device *, size_t))
{
	struct text words = TEXT_INIT;
	size_t i;

	for (i = 0; i < count; i++) {
		text_puts(&words, i ? "/" : "");
		text_puts(&words, word(device, i));
	}
	if (words.failed)
		table->failed = true;
	else if (count)
		table_put(table, column, words.data);
	text_free(&words);
}

static void put_range(struct table *table, const struct protocol_answer_device *device,
		      bool bytes)
{
	if (!device->size)
		return;
	table_printf(table, RANGE, "0x%016" PRIx64 "-0x%016" PRIx64, device->start,
		     device->start + device->size - 1);
	table_put_size(table, SIZE, device->size, bytes);
}

static void put_row(struct ctl *ctl, const struct protocol_answer_device *device)
{
	struct table *table = &ctl->table;

	table_row(table);
	if (*device->id)
		table_put(table, DEVICE, device->id);
	if (device->slot >= 0)
		table_printf(table, SLOT, "%" PRId64, device->slot);
	put_range(table, device, ctl->options.bytes);
	table_put_size(table, ONLINE, device->online, ctl->options.bytes);
	put_words(table, ZONES, device, device->zone_count, protocol_answer_device_zone);
	if (device->node >= 0)
		table_printf(table, NODE, "%" PRId64, device->node);
	table_put(table, REMOVABLE, device->removable);
	table_put(table, VERDICT, device->verdict);
	put_words(table, CAUSE, device, device->missing_count,
		  protocol_answer_device_reason);
	put_words(table, REMARKS, device, device->remark_count,
		  protocol_answer_device_remark);
	if (device->requested)
		table_put_size(table, REQUESTED, device->requested, ctl->options.bytes);
	table_put(table, TYPE, device->type);
	if (*device->log)
		table_put(table, LOG, device->log);
}

static void count_device(struct tally *tally, const struct protocol_answer_device *device)
{
	if (strcmp(device->verdict, "complete") == 0)
		tally->complete++;
	else if (strcmp(device->cause, "not-ram") != 0)
		tally->other++;
}

static int put_devices(struct ctl *ctl, struct tally *tally)
{
	struct protocol_answer *answer = ctl->session.answer;
	struct protocol_answer_device device;
	size_t count, i;
	int r = protocol_answer_devices(answer, &count);

	for (i = 0; r == 0 && i < count; i++) {
		r = protocol_answer_device(answer, i, &device);
		if (r < 0)
			break;
		put_row(ctl, &device);
		count_device(tally, &device);
	}
	return r;
}

static int print_devices(struct ctl *ctl)
{
	struct tally tally = { 0, 0 };
	int r = put_devices(ctl, &tally);

	if (r == 0 && ctl->options.json)
		r = ctl_print_answer(ctl);
	else if (r == 0)
		r = table_print(&ctl->table, stdout, !ctl->options.no_headings);
	if (r < 0)
		return r;
	return tally.other ? CTL_PARTLY : CTL_DONE;
}

static int ask(struct ctl *ctl, const struct text *devices)
{
	struct text request = TEXT_INIT, desc = TEXT_INIT;
	int r = protocol_ask_reconcile(&request, devices->data ? devices->data : "",
				       devices->len, &desc);

	if (r == 0)
		r = ctl_session_ask(&ctl->session, &request);
	else
		r = ctl_say_no_devices(r, &desc);
	text_free(&request);
	text_free(&desc);
	return r;
}

int ctl_reconcile(struct ctl *ctl)
{
	struct text devices = TEXT_INIT;
	int r = ctl_read_devices(ctl, &devices);

	if (r == 0 && ctl->options.probe)
		r = ctl_probe_devices(ctl, &devices);
	if (r == 0)
		r = ask(ctl, &devices);
	text_free(&devices);
	return r ? r : print_devices(ctl);
}
