/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "autoscale.h"
#include "ctl/print.h"

#define USEC_PER_SEC 1000000

enum {
	DOMAIN,
	STATE,
	REASON,
	MIN,
	MAX,
	GIVEN,
	ONLINE,
	AVAILABLE,
	CHANGE,
	SIZE,
	WHY,
	TIME,
	UUID
};

const struct table_column virt_autoscale_columns[VIRT_AUTOSCALE_COLUMNS] = {
	[DOMAIN] = { .name = "DOMAIN", .help = "its name" },
	[STATE] = { .name = "STATE",
		    .help = "steady, growing, confirming, calm, shrinking, "
			    "backing-off, stuck, away" },
	[REASON] = { .name = "REASON", .help = "why nothing or something is done" },
	[MIN] = { .name = "MIN",
		  .help = "never less",
		  .right = true,
		  .number = true,
		  .optional = true },
	[MAX] = { .name = "MAX", .help = "never more", .right = true, .number = true },
	[GIVEN] = { .name = "GIVEN",
		    .help = "what the host gives",
		    .right = true,
		    .number = true },
	[ONLINE] = { .name = "ONLINE",
		     .help = "what the guest says it uses of that",
		     .right = true,
		     .number = true },
	[AVAILABLE] = { .name = "AVAILABLE",
			.help = "for new work, as the guest says",
			.right = true,
			.number = true },
	[CHANGE] = { .name = "CHANGE", .help = "the last: grow, shrink, take-out" },
	[SIZE] = { .name = "SIZE",
		   .help = "of the last change",
		   .right = true,
		   .number = true },
	[WHY] = { .name = "WHY", .help = "the reason of the last change" },
	[TIME] = { .name = "TIME", .help = "of the numbers", .optional = true },
	[UUID] = { .name = "UUID", .help = "the domain's", .optional = true },
};

static void put_time(struct table *table, uint64_t usec)
{
	struct text time = TEXT_INIT;

	print_time(&time, (int64_t)(usec / USEC_PER_SEC));
	if (!time.failed && time.data)
		table_put(table, TIME, time.data);
	text_free(&time);
}

static void put_row(const struct scale_record *record, void *data)
{
	struct virt *virt = data;
	struct table *table = &virt->table;
	bool bytes = virt->options.bytes;

	table_row(table);
	table_put(table, DOMAIN, record->name);
	table_put(table, STATE, scale_state_text(record->memory.state));
	table_put(table, REASON, record->reason);
	table_put_size(table, MIN, record->min, bytes);
	table_put_size(table, MAX, record->max, bytes);
	table_put_size(table, GIVEN, record->given, bytes);
	table_put_size(table, ONLINE, record->confirmed, bytes);
	if (record->available != STATS_UNKNOWN)
		table_put_size(table, AVAILABLE, record->available, bytes);
	if (*record->action) {
		table_put(table, CHANGE, record->action);
		table_put_size(table, SIZE, record->action_bytes, bytes);
		table_put(table, WHY, record->action_reason);
	}
	put_time(table, record->time_usec);
	table_put(table, UUID, record->uuid);
}

int autoscale_status(struct virt *virt, const char *state)
{
	int r = autoscale_read_state(state, put_row, virt);

	if (r < 0)
		return virt_fail(virt, VIRT_FAILED, "%s: %s", state, strerror(-r));
	if (!autoscale_state_is_locked(state))
		virt_say(virt, "no autoscale is at work: this is how it was left");
	if (r > 0)
		virt_say(virt, "%s: lines that are damaged: %d", state, r);
	r = virt->options.json
		    ? table_print_json(&virt->table, stdout, "domains", true)
		    : table_print(&virt->table, stdout, !virt->options.no_headings);
	return r < 0 ? virt_fail(virt, VIRT_FAILED, "out of memory") : VIRT_DONE;
}
