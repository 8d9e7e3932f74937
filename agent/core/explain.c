/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/explain.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct telling {
	const struct config *config;
	const struct snapshot *snapshot;
	const struct executor *executor;
	const struct block *block;
	const struct ratio *ratio;
	struct text text; /* of one value at a time */
	explain_fn fn;
	void *data;
};

static void tell(struct telling *telling, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void tell(struct telling *telling, const char *name, const char *format, ...)
{
	char value[192];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(value, sizeof(value), format, arguments);
	va_end(arguments);
	telling->fn(name, value, telling->data);
}

/* The kernel names no zone of a block that lies in more than one, as the first of x86 does. */
static const char *no_zones(const struct snapshot *snapshot)
{
	size_t i;

	for (i = 0; i < snapshot->count; i++)
		if (snapshot->blocks[i].zone_count)
			return "none: it lies in more than one";
	return "not shown by this kernel";
}

static void tell_zones(struct telling *telling)
{
	const struct block *block = telling->block;
	unsigned i;

	text_clear(&telling->text);
	for (i = 0; i < block->zone_count; i++)
		text_printf(&telling->text, "%s%s", i ? " " : "",
			    block_zone_word((enum block_zone)block->zones[i]));
	tell(telling, "zones", "%s",
	     telling->text.len ? telling->text.data : no_zones(telling->snapshot));
}

static void tell_dimm(struct telling *telling)
{
	const struct snapshot_resource *resource =
		snapshot_resource_of(telling->snapshot, telling->block);

	if (!resource) {
		tell(telling, "owner", "not in /proc/iomem, or it cannot be read");
		return;
	}
	tell(telling, "owner", "%s", resource->owner);
	if (!snapshot_dimm_of(telling->snapshot, telling->block))
		return;
	tell(telling, "dimm", "0x%" PRIx64 "-0x%" PRIx64 ", %" PRIu64 " MiB",
	     resource->start, resource->start + (resource->size - 1),
	     resource->size >> 20);
}

static void tell_block(struct telling *telling)
{
	const struct block *block = telling->block;
	uint64_t unit = telling->snapshot->block_size_bytes;

	tell(telling, "range", "0x%" PRIx64 "-0x%" PRIx64, block->index * unit,
	     block->index * unit + (unit - 1));
	tell(telling, "state", "%s", block_state_word((enum block_state)block->state));
	tell_zones(telling);
	if (block->node != BLOCK_NODE_UNKNOWN)
		tell(telling, "node", "%d", block->node);
	tell_dimm(telling);
	tell(telling, "hot-added", "%s",
	     snapshot_hot_added(telling->snapshot, block) ? "yes" : "no, boot memory");
}

static void tell_history(struct telling *telling)
{
	const struct block *block = telling->block;

	tell(telling, "was-online", "%s",
	     block->marks & BLOCK_MARK_WAS_ONLINE ? "yes, in this boot" : "no");
	if (block->marks & BLOCK_MARK_RETRYING)
		tell(telling, "refused", "yes, retried for %u s in all",
		     telling->config->retry_sec);
	else if (block->marks & BLOCK_MARK_FAILED)
		tell(telling, "refused", "yes, until the next memory event");
	if (block->marks & BLOCK_MARK_FALLBACK)
		tell(telling, "fallback", "the zone of the policy was refused");
	tell(telling, "latest", "%s", reason_text((enum reason)block->reason));
}

static void tell_policy(struct telling *telling)
{
	size_t position = (size_t)(telling->block - telling->snapshot->blocks);
	const struct config_override *section;
	enum config_policy policy =
		policy_of(telling->config, telling->snapshot, telling->block, &section);

	tell(telling, "policy", "%s", config_policy_text(policy));
	text_clear(&telling->text);
	if (section)
		scope_put(&section->scope, &telling->text);
	if (section && !telling->text.failed)
		tell(telling, "section", "[%s], line %u", telling->text.data,
		     section->line);
	else
		tell(telling, "section", "%s",
		     policy == telling->config->policy
			     ? "[memonlined]"
			     : "none: other tools manage this owner's memory");
	/* The room is that of the DIMM decided last. */
	if (policy == CONFIG_POLICY_RATIO && position >= telling->ratio->last.first &&
	    position < telling->ratio->last.end && telling->ratio->last.room.asked_bytes)
		tell(telling, "ratio",
		     "%" PRIu64 " + %" PRIu64 " MiB movable of at most %" PRIu64
		     " (%u %% of boot memory%s)",
		     telling->ratio->last.room.movable_bytes >> 20,
		     telling->ratio->last.room.asked_bytes >> 20,
		     telling->ratio->last.room.allowed_bytes >> 20,
		     telling->config->movable_ratio,
		     telling->config->ratio_per_node ? ", per node too" : "");
}

static void tell_machine(struct telling *telling)
{
	const struct machine *machine = &telling->snapshot->machine;
	unsigned trait;

	tell(telling, "machine", "%s",
	     machine->keeps_memory ? "s390x or ppc64"
	     : machine->is_virtual ? "virtual"
				   : "bare metal");
	tell(telling, "carried-out-by", "%s", executor_text(telling->executor->who));
	if (machine->auto_online != ONLINE_TYPE_NONE)
		tell(telling, "auto-online-blocks", "%s%s",
		     online_type_text(machine->auto_online),
		     machine->auto_online_changed ? ", changed by an administrator" : "");
	if (machine->memhp_default_state || machine->memhp_ignored)
		tell(telling, "memhp-default-state", "on the kernel's command line%s",
		     machine->memhp_ignored ? ", ignored by this kernel" : "");
	if (machine->withheld != ONLINE_TYPE_NONE)
		tell(telling, "kernel-default", "%s, switched off by memonlined",
		     online_type_text(machine->withheld));
	for (trait = 0; trait < KERNEL_TRAITS; trait++)
		if (kernel_has(&machine->kernel, (enum kernel_trait)trait) &&
		    kernel_trait_text((enum kernel_trait)trait))
			tell(telling, "kernel", "%s",
			     kernel_trait_text((enum kernel_trait)trait));
}

/* What was decided about the blocks before counts for this one. */
static void decide_up_to(struct policy *policy, const struct block *block,
			 struct policy_verdict *verdict)
{
	const struct block *each = policy->snapshot->blocks;

	for (; each <= block; each++)
		policy_decide(policy, each, verdict);
}

int explain_block(const struct config *config, const struct snapshot *snapshot,
		  const struct executor *executor, uint64_t index,
		  struct policy_verdict *verdict, explain_fn fn, void *data)
{
	const struct block *block = snapshot_find(snapshot, index);
	struct telling telling;
	struct policy policy;
	int r;

	if (!block || block->state == BLOCK_ABSENT)
		return -ENOENT;
	r = policy_begin(&policy, config, snapshot);
	if (r < 0)
		return r;
	memset(&telling, 0, sizeof(telling));
	telling.config = config;
	telling.snapshot = snapshot;
	telling.executor = executor;
	telling.block = block;
	telling.ratio = &policy.ratio;
	telling.fn = fn;
	telling.data = data;
	decide_up_to(&policy, block, verdict);
	tell_block(&telling);
	tell_history(&telling);
	tell_policy(&telling);
	tell_machine(&telling);
	text_free(&telling.text);
	policy_end(&policy);
	return 0;
}
