/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fleet.h"

enum {
	DOMAIN,
	STATE,
	AGENT,
	BOOT,
	GIVEN,
	ONLINE,
	BALLOON,
	MAXIMUM,
	SLOTS,
	VERDICT,
	CAUSE,
	ERROR
};

const struct table_column virt_list_columns[VIRT_LIST_COLUMNS] = {
	[DOMAIN] = { .name = "DOMAIN", .help = "its name" },
	[STATE] = { .name = "STATE", .help = "running, paused, shut-off, ..." },
	[AGENT] = { .name = "AGENT", .help = "answers, or why it was not heard" },
	[BOOT] = { .name = "BOOT",
		   .help = "memory that it was started with",
		   .right = true,
		   .number = true },
	[GIVEN] = { .name = "GIVEN",
		    .help = "plugged by DIMMs and virtio-mem",
		    .right = true,
		    .number = true },
	[ONLINE] = { .name = "ONLINE",
		     .help = "what of that is online in the guest",
		     .right = true,
		     .number = true },
	[BALLOON] = { .name = "BALLOON",
		      .help = "what the balloon keeps from the guest",
		      .right = true,
		      .number = true },
	[MAXIMUM] = { .name = "MAXIMUM",
		      .help = "the domain's maxMemory",
		      .right = true,
		      .number = true },
	[SLOTS] = { .name = "SLOTS",
		    .help = "free memory slots",
		    .right = true,
		    .number = true },
	[VERDICT] = { .name = "VERDICT", .help = "complete, partial, absent or unknown" },
	[CAUSE] = { .name = "CAUSE", .help = "why not all of it is online" },
	[ERROR] = { .name = "ERROR",
		    .help = "what libvirt or the agent said",
		    .optional = true },
};

static void put_memory(struct virt *virt, const struct fleet_member *member)
{
	struct table *table = &virt->table;
	const struct capacity *capacity = &member->domain.capacity;
	bool bytes = virt->options.bytes, answered = member->fault.error == 0;
	const char *cause;
	enum capacity_verdict verdict = capacity_verdict(capacity, &cause);

	table_put_size(table, BOOT, capacity_boot(capacity), bytes);
	table_put_size(table, GIVEN, capacity_given(capacity), bytes);
	if (answered && strcmp(member->agent, "answers") == 0)
		table_put_size(table, ONLINE, capacity_online(capacity), bytes);
	table_put_size(table, BALLOON, capacity_ballooned(capacity), bytes);
	if (capacity->max)
		table_put_size(table, MAXIMUM, capacity->max, bytes);
	table_printf(table, SLOTS, "%u", capacity_free_slots(capacity));
	table_put(table, VERDICT, fleet_verdict_text(verdict));
	if (strcmp(cause, "none") != 0)
		table_put(table, CAUSE, cause);
}

static void put_row(struct virt *virt, const struct fleet_member *member)
{
	struct table *table = &virt->table;

	table_row(table);
	table_put(table, DOMAIN, member->name);
	table_put(table, AGENT, member->agent);
	if (!member->done) {
		table_put(table, VERDICT, "unknown");
		return;
	}
	table_put(table, STATE, fleet_state_text(member->state));
	if (member->has_domain)
		put_memory(virt, member);
	else
		table_put(table, VERDICT, "unknown");
	if (*member->fault.message)
		table_put(table, ERROR, member->fault.message);
}

int virt_list(struct virt *virt)
{
	struct fleet *fleet;
	size_t i;
	int r = fleet_ask(virt, &fleet);

	if (r != 0)
		return r;
	for (i = 0; i < fleet_count(fleet); i++)
		put_row(virt, fleet_member(fleet, i));
	if (virt->options.json)
		r = table_print_json(&virt->table, stdout, "domains", true);
	else
		r = table_print(&virt->table, stdout, !virt->options.no_headings);
	fleet_free(fleet);
	return r < 0 ? virt_fail(virt, VIRT_FAILED, "%s", strerror(-r)) : VIRT_DONE;
}
