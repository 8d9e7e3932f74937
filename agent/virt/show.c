/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>

#include "devices.h"
#include "fleet.h"

static int print_json(const struct virt *virt, const struct fleet_member *member)
{
	struct text out = TEXT_INIT;
	int code = VIRT_DONE;

	text_printf(&out, "{\"state\": \"%s\", \"agent\": \"%s\", ",
		    fleet_state_text(member->state), member->agent);
	devices_put_domain_json(&out, &member->domain);
	text_puts(&out, "}");
	if (out.failed)
		code = virt_fail(virt, VIRT_FAILED, "out of memory");
	else
		puts(out.data);
	text_free(&out);
	return code;
}

static int print_table(struct virt *virt, const struct fleet_member *member)
{
	const struct capacity *capacity = &member->domain.capacity;
	char boot[VIRT_SIZE_MAX], given[VIRT_SIZE_MAX], balloon[VIRT_SIZE_MAX],
		max[VIRT_SIZE_MAX];
	size_t i;

	for (i = 0; i < capacity->count; i++)
		devices_put_row(virt, &capacity->devices[i]);
	if (table_print(&virt->table, stdout, !virt->options.no_headings) < 0)
		return virt_fail(virt, VIRT_FAILED, "out of memory");
	if (virt->options.no_headings)
		return VIRT_DONE;
	printf("\n%s at boot, %s given, %s kept by the balloon; at most %s, %u slots free\n",
	       virt_size(virt, capacity_boot(capacity), boot),
	       virt_size(virt, capacity_given(capacity), given),
	       virt_size(virt, capacity_ballooned(capacity), balloon),
	       virt_size(virt, capacity->max, max), capacity_free_slots(capacity));
	return VIRT_DONE;
}

/*
 * The host's facts are printed also if the guest does not answer; the exit code shows
 * that.
 */
static int show(struct virt *virt, const struct fleet_member *member)
{
	const char *cause;
	int code;

	if (!member->done || !member->has_domain)
		return virt_fail(virt, VIRT_UNKNOWN,
				 "domain %s: libvirt does not tell: %s", member->name,
				 member->fault.message);
	code = virt->options.json ? print_json(virt, member) : print_table(virt, member);
	if (code != VIRT_DONE)
		return code;
	if (member->fault.error && !virt->options.json)
		return virt_fail_guest(virt, member->name, &member->fault);
	if (strcmp(member->agent, "answers") != 0)
		return VIRT_NO_AGENT;
	return capacity_verdict(&member->domain.capacity, &cause) == CAPACITY_COMPLETE
		       ? VIRT_DONE
		       : VIRT_PARTLY;
}

int virt_show(struct virt *virt)
{
	struct fleet *fleet;
	int r = fleet_ask(virt, &fleet);

	if (r != 0)
		return r;
	r = show(virt, fleet_member(fleet, 0));
	fleet_free(fleet);
	return r;
}
