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

static const struct table_column columns[] = {
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
		    .help = "blocks that the kernel added",
		    .right = true,
		    .number = true },
	[ONLINE] = { .name = "ONLINE", .help = "how much is online", .right = true },
	[TYPE] = { .name = "TYPE", .help = "dimm, nvdimm, virtio-mem", .optional = true },
	[ERRNO] = { .name = "ERRNO", .help = "the kernel's answer", .optional = true },
	[CHECK] = { .name = "CHECK",
		    .help = "a check, by the reason that it refuses with",
		    .optional = true },
	[OUTCOME] = { .name = "OUTCOME", .help = "passed or refused", .optional = true },
};

#define SAID_MAX 1024 /* more devices than any guest has */

/* A row per check, which is what a dry run is for. */
#define DRY_RUN_COLUMNS "DEVICE,RANGE,CHECK,OUTCOME,REASON"

static void put_device(struct ctl *ctl, const struct message_probed *probed)
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

static int put_checks(struct ctl *ctl, struct protocol_answer *element,
		      const struct message_probed *probed)
{
	struct json_cursor checks = json_content(&probed->checks.value);
	struct message_check check;
	struct json_value item;
	int r = 0;

	while (r == 0 && json_next(&checks, &item)) {
		r = protocol_answer_read_item(element, &item, &message_check, &check);
		if (r < 0)
			break;
		put_device(ctl, probed);
		table_put(&ctl->table, CHECK, check.check);
		table_put(&ctl->table, REASON, check.reason);
		table_put(&ctl->table, OUTCOME,
			  strcmp(check.reason, "none") == 0 ? "passed" : "refused");
		r = ctl_flush_rows(ctl);
	}
	return r;
}

static bool is_well(const struct message_probed *probed)
{
	return strcmp(probed->verdict, "probed") == 0 ||
	       strcmp(probed->verdict, "present") == 0 ||
	       strcmp(probed->verdict, "would-probe") == 0;
}

struct probing {
	struct ctl *ctl;
	bool says; /* prints what is refused instead of rows */
	size_t refused; /* devices that are not as they should be */
};

static int put_rows(struct probing *probing, struct protocol_answer *element,
		    const struct message_probed *probed)
{
	struct ctl *ctl = probing->ctl;

	if (ctl->options.json)
		return 0;
	if (ctl->options.dry_run)
		return put_checks(ctl, element, probed);
	put_device(ctl, probed);
	table_put(&ctl->table, REASON, probed->reason);
	return ctl_flush_rows(ctl);
}

static int take_probed(struct protocol_answer *element, void *data)
{
	struct probing *probing = data;
	struct message_probed probed;
	struct text reason = TEXT_INIT;
	int r;

	if (*element->list)
		return 0;
	r = protocol_answer_probed(element, &probed);
	if (r < 0)
		return r;
	probing->refused += !is_well(&probed);
	if (!probing->says)
		return put_rows(probing, element, &probed);
	if (is_well(&probed) || probing->refused > SAID_MAX)
		return 0;
	print_escaped(&reason, probed.reason);
	ctl_say("device %zu not probed: %s", element->index + 1,
		reason.failed || !reason.data ? "?" : reason.data);
	text_free(&reason);
	return 0;
}

/* The time that the kernel needs for a large device, in addition to --timeout. */
#define EXTRA_SEC 300

static int ask(struct probing *probing, const struct text *devices)
{
	struct ctl *ctl = probing->ctl;
	struct protocol_request request;
	int r;

	protocol_request_init(&request, PROTOCOL_PROBE);
	request.dry_run = ctl->options.dry_run;
	ctl->session.on_element = take_probed;
	ctl->session.element_data = probing;
	ctl->session.extra_sec = EXTRA_SEC;
	r = ctl_ask_devices(ctl, &request, devices);
	ctl->session.extra_sec = 0;
	return r ? r : protocol_answer_check_list(&ctl->session.answer, NULL);
}

static int print_rows(struct ctl *ctl, const struct text *devices)
{
	struct probing probing = { ctl, false, 0 };
	const char *unknown;
	size_t unknown_len;
	int r = 0;

	if (ctl->options.dry_run && !ctl->options.columns)
		r = table_select(&ctl->table, DRY_RUN_COLUMNS, &unknown, &unknown_len);
	ctl->session.prints = ctl->options.json;
	if (r == 0)
		r = ask(&probing, devices);
	if (r == 0 && ctl->options.json)
		r = ctl_session_print(&ctl->session);
	else if (r == 0)
		r = table_print(&ctl->table, stdout, !ctl->options.no_headings);
	if (r != 0)
		return r;
	return probing.refused ? CTL_PARTLY : CTL_DONE;
}

static int run_probe(struct ctl *ctl)
{
	struct text devices = TEXT_INIT;
	bool named = ctl->options.qmp || !isatty(STDIN_FILENO);
	int r = named ? ctl_read_devices(ctl, &devices) : 0;

	if (r == 0)
		r = print_rows(ctl, &devices);
	text_free(&devices);
	return r;
}

int ctl_probe_devices(struct ctl *ctl, const struct text *devices)
{
	struct probing probing = { ctl, true, 0 };

	return ask(&probing, devices);
}

const struct ctl_verb ctl_verb_probe = {
	.name = "probe",
	.help = "have the kernel add plugged memory that it ignored",
	.takes = CTL_TABLE | CTL_QMP | CTL_DRY_RUN,
	.run = run_probe,
	.columns = columns,
	.column_count = sizeof(columns) / sizeof(columns[0]),
};
