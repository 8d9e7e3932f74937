/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fleet.h"

/* OpenMetrics 1.0: a label's value has \\, \" and \n escaped. */
static void put_label(struct text *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\\' || *value == '"')
			text_printf(out, "\\%c", *value);
		else if (*value == '\n')
			text_puts(out, "\\n");
		else
			text_append(out, value, 1);
	}
}

static bool answered(const struct fleet_member *member)
{
	return member->done && strcmp(member->agent, "answers") == 0;
}

/* Each false where there is nothing to say of this domain. */
static bool boot(const struct fleet_member *member, uint64_t *value)
{
	*value = capacity_boot(&member->domain.capacity);
	return member->has_domain;
}

static bool given(const struct fleet_member *member, uint64_t *value)
{
	*value = capacity_given(&member->domain.capacity);
	return member->has_domain;
}

static bool online(const struct fleet_member *member, uint64_t *value)
{
	*value = capacity_online(&member->domain.capacity);
	return answered(member);
}

static bool balloon(const struct fleet_member *member, uint64_t *value)
{
	*value = capacity_ballooned(&member->domain.capacity);
	return member->has_domain;
}

static bool maximum(const struct fleet_member *member, uint64_t *value)
{
	*value = member->domain.capacity.max;
	return member->has_domain && *value;
}

static bool free_slots(const struct fleet_member *member, uint64_t *value)
{
	*value = capacity_free_slots(&member->domain.capacity);
	return member->has_domain;
}

static bool agent_up(const struct fleet_member *member, uint64_t *value)
{
	*value = answered(member);
	return true;
}

static bool complete(const struct fleet_member *member, uint64_t *value)
{
	const char *cause;

	if (!answered(member))
		return false;
	*value = capacity_verdict(&member->domain.capacity, &cause) == CAPACITY_COMPLETE;
	return true;
}

static const struct {
	const char *name, *unit, *help;
	bool (*get)(const struct fleet_member *member, uint64_t *value);
} metrics[] = {
	{ "boot_bytes", "bytes", "Memory that the domain was started with.", boot },
	{ "given_bytes", "bytes", "Memory that was plugged by DIMMs and virtio-mem.",
	  given },
	{ "online_bytes", "bytes", "What of that is online in the guest.", online },
	{ "balloon_bytes", "bytes", "What the balloon keeps from the guest.", balloon },
	{ "maximum_bytes", "bytes", "The most that the domain may have.", maximum },
	{ "free_slots", NULL, "Memory slots without a DIMM.", free_slots },
	{ "agent_up", NULL, "Whether the agent in the guest answers.", agent_up },
	{ "complete", NULL, "Whether all that was given is online.", complete },
};

static void put_metric(struct text *out, const struct fleet *fleet, size_t which)
{
	const char *name = metrics[which].name;
	size_t i;

	text_printf(out, "# TYPE memonline_domain_%s gauge\n", name);
	if (metrics[which].unit)
		text_printf(out, "# UNIT memonline_domain_%s %s\n", name,
			    metrics[which].unit);
	text_printf(out, "# HELP memonline_domain_%s %s\n", name, metrics[which].help);
	for (i = 0; i < fleet_count(fleet); i++) {
		const struct fleet_member *member = fleet_member(fleet, i);
		uint64_t value;

		if (!metrics[which].get(member, &value))
			continue;
		text_printf(out, "memonline_domain_%s{domain=\"", name);
		put_label(out, member->name);
		text_printf(out, "\"} %" PRIu64 "\n", value);
	}
}

int virt_metrics(struct virt *virt)
{
	struct text out = TEXT_INIT;
	struct fleet *fleet;
	size_t i;
	int r = fleet_ask(virt, &fleet);

	if (r != 0)
		return r;
	for (i = 0; i < sizeof(metrics) / sizeof(metrics[0]); i++)
		put_metric(&out, fleet, i);
	text_puts(&out, "# EOF\n");
	if (out.failed)
		r = virt_fail(virt, VIRT_FAILED, "out of memory");
	else
		fputs(out.data, stdout);
	text_free(&out);
	fleet_free(fleet);
	return r;
}
