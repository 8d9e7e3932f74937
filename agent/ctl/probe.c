/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "devices.h"
#include "print.h"

enum {
	DEVICE,
	SLOT,
	RANGE,
	SIZE,
	VERDICT,
	REASON,
	CONFIRMED,
	ADDED,
	ONLINE,
	TYPE,
	ERRNO,
	CHECK,
	OUTCOME
};

const struct table_column ctl_probe_columns[CTL_PROBE_COLUMNS] = {
	[DEVICE] = { .name = "DEVICE", .help = "the host's name for it" },
	[SLOT] = { .name = "SLOT", .help = "its slot", .right = true, .number = true },
	[RANGE] = { .name = "RANGE", .help = "first and last address" },
	[SIZE] = { .name = "SIZE", .help = "its size", .width = 5, .right = true },
	[VERDICT] = { .name = "VERDICT",
		      .help = "probed, present, refused, stopped or not-tried" },
	[REASON] = { .name = "REASON", .help = "why" },
	[CONFIRMED] = { .name = "CONFIRMED",
			.help = "whether QEMU's controller shows it" },
	[ADDED] = { .name = "ADDED",
		    .help = "blocks that came by this",
		    .right = true,
		    .number = true },
	[ONLINE] = { .name = "ONLINE", .help = "how much is online", .right = true },
	[TYPE] = { .name = "TYPE", .help = "dimm, nvdimm, virtio-mem", .optional = true },
	[ERRNO] = { .name = "ERRNO", .help = "the kernel's answer", .optional = true },
	[CHECK] = { .name = "CHECK",
		    .help = "the reason that one check would refuse with",
		    .optional = true },
	[OUTCOME] = { .name = "OUTCOME", .help = "passed or refused", .optional = true },
};

/* A row per check, which alone tells all that a dry run is for. */
#define DRY_RUN_COLUMNS "DEVICE,RANGE,CHECK,OUTCOME,REASON"

static void put_device(struct ctl *ctl, const struct protocol_answer_probed *probed)
{
	struct table *table = &ctl->table;

	table_row(table);
	if (*probed->id)
		table_put(table, DEVICE, probed->id);
	if (probed->slot >= 0)
		table_printf(table, SLOT, "%" PRId64, probed->slot);
	table_printf(table, RANGE, "0x%016" PRIx64 "-0x%016" PRIx64, probed->start,
		     probed->start + probed->size - (probed->size > 0));
	table_put_size(table, SIZE, probed->size, ctl->options.bytes);
	table_put(table, TYPE, probed->type);
	table_put(table, VERDICT, probed->verdict);
	table_put(table, CONFIRMED, probed->confirmed ? "yes" : "no");
	table_printf(table, ADDED, "%" PRIu64, probed->added);
	table_put_size(table, ONLINE, probed->online, ctl->options.bytes);
	table_put_errno(table, ERRNO, probed->error);
}

static int put_checks(struct ctl *ctl, const struct protocol_answer_probed *probed)
{
	struct protocol_answer_check check;
	size_t i;
	int r = 0;

	for (i = 0; i < probed->check_count && r == 0; i++) {
		r = protocol_answer_check(ctl->session.answer, probed, i, &check);
		if (r < 0)
			break;
		put_device(ctl, probed);
		table_put(&ctl->table, CHECK, check.check);
		table_put(&ctl->table, REASON, check.reason);
		table_put(&ctl->table, OUTCOME,
			  strcmp(check.reason, "none") == 0 ? "passed" : "refused");
	}
	return r;
}

static bool is_well(const struct protocol_answer_probed *probed)
{
	return strcmp(probed->verdict, "probed") == 0 ||
	       strcmp(probed->verdict, "present") == 0 ||
	       strcmp(probed->verdict, "would-probe") == 0;
}

/* `refused`: how many devices are not as they should be. */
static int put_rows(struct ctl *ctl, size_t *refused)
{
	struct protocol_answer *answer = ctl->session.answer;
	struct protocol_answer_probed probed;
	size_t count, i;
	int r = protocol_answer_devices(answer, &count);

	for (i = 0; r == 0 && i < count; i++) {
		r = protocol_answer_probed(answer, i, &probed);
		if (r < 0)
			break;
		*refused += !is_well(&probed);
		if (ctl->options.dry_run) {
			r = put_checks(ctl, &probed);
			continue;
		}
		put_device(ctl, &probed);
		table_put(&ctl->table, REASON, probed.reason);
	}
	return r;
}

static int print_rows(struct ctl *ctl)
{
	const char *unknown;
	size_t refused = 0, unknown_len;
	int r = 0;

	if (ctl->options.dry_run && !ctl->options.columns)
		r = table_select(&ctl->table, DRY_RUN_COLUMNS, &unknown, &unknown_len);
	if (r == 0)
		r = put_rows(ctl, &refused);
	if (r == 0 && ctl->options.json)
		r = ctl_print_answer(ctl);
	else if (r == 0)
		r = table_print(&ctl->table, stdout, !ctl->options.no_headings);
	if (r < 0)
		return r;
	return refused ? CTL_PARTLY : CTL_DONE;
}

/* As long as the kernel needs for a large device, beside the usual patience. */
#define EXTRA_SEC 300

static int ask(struct ctl *ctl, const struct text *devices)
{
	struct text request = TEXT_INIT, desc = TEXT_INIT;
	int r = protocol_ask_probe(&request, devices->data ? devices->data : "",
				   devices->len, ctl->options.dry_run, &desc);

	ctl->session.extra_sec = EXTRA_SEC;
	if (r == 0)
		r = ctl_session_ask(&ctl->session, &request);
	else
		r = ctl_say_no_devices(r, &desc);
	ctl->session.extra_sec = 0;
	text_free(&request);
	text_free(&desc);
	return r;
}

int ctl_probe(struct ctl *ctl)
{
	struct text devices = TEXT_INIT;
	bool named = ctl->options.qmp || ctl->session.virsh.domain ||
		     !isatty(STDIN_FILENO);
	int r = named ? ctl_read_devices(ctl, &devices) : 0;

	if (r == 0)
		r = ask(ctl, &devices);
	text_free(&devices);
	return r ? r : print_rows(ctl);
}

int ctl_probe_devices(struct ctl *ctl, const struct text *devices)
{
	struct protocol_answer_probed probed;
	size_t count, i;
	int r = ask(ctl, devices);

	if (r == 0)
		r = protocol_answer_devices(ctl->session.answer, &count);
	for (i = 0; r == 0 && i < count; i++) {
		r = protocol_answer_probed(ctl->session.answer, i, &probed);
		if (r == 0 && !is_well(&probed))
			ctl_say("device %zu of %zu is not probed: %s", i + 1, count,
				probed.reason);
	}
	return r;
}
