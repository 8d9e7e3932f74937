/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/policy.h"

#include <string.h>

#include "core/iomem.h"

bool policy_needs_nodes(const struct config *config)
{
	size_t i;

	if (config->policy == CONFIG_POLICY_RATIO)
		return true;
	for (i = 0; i < config->override_count; i++)
		if (config->overrides[i].policy == CONFIG_POLICY_RATIO)
			return true;
	return false;
}

/* DAX and CXL memory: daxctl(1) decides there. */
static bool is_kmem(const struct snapshot *snapshot, const struct block *block)
{
	const struct snapshot_resource *resource = snapshot_resource_of(snapshot, block);

	return resource && strcmp(resource->owner, IOMEM_KMEM) == 0;
}

static const struct config_override *override_of(const struct config *config,
						 const struct snapshot *snapshot,
						 const struct block *block,
						 enum scope_kind kind)
{
	size_t i;

	for (i = 0; i < config->override_count; i++)
		if (config->overrides[i].scope.kind == kind &&
		    scope_holds(&config->overrides[i].scope, snapshot, block))
			return &config->overrides[i];
	return NULL;
}

enum config_policy policy_of(const struct config *config, const struct snapshot *snapshot,
			     const struct block *block,
			     const struct config_override **section)
{
	unsigned kind;

	*section = NULL;
	for (kind = 0; config->override_count && kind < SCOPE_KINDS; kind++) {
		/* A section about a whole node is not about what daxctl has there. */
		if (kind == SCOPE_NODE && is_kmem(snapshot, block))
			break;
		*section = override_of(config, snapshot, block, (enum scope_kind)kind);
		if (*section)
			return (*section)->policy;
	}
	return is_kmem(snapshot, block) ? CONFIG_POLICY_KEEP : config->policy;
}

/* What a distribution's own udev rule does. */
static void decide_auto(const struct machine *machine, struct policy_verdict *verdict)
{
	verdict->reason = REASON_ARCHITECTURE;
	if (machine->keeps_memory)
		return;
	verdict->reason = REASON_POLICY;
	verdict->word = machine->is_virtual ? ONLINE_TYPE_ONLINE
					    : ONLINE_TYPE_ONLINE_MOVABLE;
}

/*
 * auto_online_blocks is one switch for all memory. If memonlined switched it off for a
 * policy, then memonlined does for memory without a policy what the kernel would have
 * done.
 */
static void give_withheld(const struct machine *machine, struct policy_verdict *verdict)
{
	if (machine->withheld == ONLINE_TYPE_NONE)
		return;
	verdict->word = machine->withheld;
	verdict->reason = REASON_KERNEL_DEFAULT;
}

/* What the configuration says of a block that may be touched. */
static void decide(struct policy *policy, const struct block *block,
		   struct policy_verdict *verdict)
{
	const struct config_override *section;

	verdict->reason = REASON_POLICY;
	switch (policy_of(policy->config, policy->snapshot, block, &section)) {
	case CONFIG_POLICY_AUTO:
		decide_auto(&policy->snapshot->machine, verdict);
		break;
	case CONFIG_POLICY_ONLINE:
		verdict->word = ONLINE_TYPE_ONLINE;
		break;
	case CONFIG_POLICY_ONLINE_KERNEL:
		verdict->word = ONLINE_TYPE_ONLINE_KERNEL;
		break;
	case CONFIG_POLICY_ONLINE_MOVABLE:
		verdict->word = ONLINE_TYPE_ONLINE_MOVABLE;
		break;
	case CONFIG_POLICY_RATIO:
		verdict->word = ratio_word(&policy->ratio, block);
		if (verdict->word == ONLINE_TYPE_ONLINE_KERNEL)
			verdict->reason = REASON_RATIO_REACHED;
		break;
	case CONFIG_POLICY_KEEP:
		verdict->reason = REASON_POLICY_KEEP;
		break;
	}
	/* A section that says keep means this memory. */
	if (verdict->word == ONLINE_TYPE_NONE && !section)
		give_withheld(&policy->snapshot->machine, verdict);
}

/* Why every policy leaves a block alone, or REASON_NONE. */
static enum reason settled(const struct machine *machine, const struct block *block)
{
	switch ((enum block_state)block->state) {
	case BLOCK_ONLINE:
		return REASON_ALREADY_ONLINE;
	case BLOCK_GOING_OFFLINE:
		return REASON_GOING_OFFLINE;
	case BLOCK_OFFLINE:
		break;
	case BLOCK_ABSENT:
	case BLOCK_UNREADABLE:
	case BLOCK_STATES:
		return REASON_STATE_UNREADABLE;
	}
	/* Of what was asked for, nobody else did it. */
	if (block->marks & BLOCK_MARK_WAS_ONLINE)
		return block->reason == REASON_ASKED ? REASON_ASKED
						     : REASON_OFFLINED_ELSEWHERE;
	if (machine->memhp_default_state || machine->auto_online_changed)
		return REASON_ADMINISTRATOR;
	/* Its reason is the refusal's, and stays. */
	return block->marks & BLOCK_MARK_FAILED ? (enum reason)block->reason
						: REASON_NONE;
}

/* Whether the ratio will be asked about this block. */
static bool follows_ratio(const struct block *block, const void *data)
{
	const struct policy *policy = data;
	const struct config_override *section;

	return settled(&policy->snapshot->machine, block) == REASON_NONE &&
	       policy_of(policy->config, policy->snapshot, block, &section) ==
		       CONFIG_POLICY_RATIO;
}

int policy_begin(struct policy *policy, const struct config *config,
		 const struct snapshot *snapshot)
{
	int r;

	memset(policy, 0, sizeof(*policy));
	policy->config = config;
	policy->snapshot = snapshot;
	if (!policy_needs_nodes(config))
		return 0;
	r = ratio_init(&policy->ratio, snapshot, config->movable_ratio,
		       config->ratio_per_node);
	if (r == 0 && kernel_has(&snapshot->machine.kernel, KERNEL_MOVABLE_FROM_TOP))
		r = ratio_decide_from_top(&policy->ratio, follows_ratio, policy);
	if (r < 0)
		policy_end(policy);
	return r;
}

void policy_end(struct policy *policy)
{
	ratio_free(&policy->ratio);
}

void policy_decide(struct policy *policy, const struct block *block,
		   struct policy_verdict *verdict)
{
	verdict->word = ONLINE_TYPE_NONE;
	verdict->reason = settled(&policy->snapshot->machine, block);
	if (verdict->reason != REASON_NONE)
		return;
	decide(policy, block, verdict);
	if (verdict->word != ONLINE_TYPE_NONE && (block->marks & BLOCK_MARK_FALLBACK)) {
		verdict->word = ONLINE_TYPE_ONLINE;
		verdict->reason = kernel_has(&policy->snapshot->machine.kernel,
					     KERNEL_MOVABLE_FROM_TOP)
					  ? REASON_ZONE_FIXED
					  : REASON_FALLBACK;
	} else if (verdict->word != ONLINE_TYPE_NONE &&
		   (block->marks & BLOCK_MARK_PLACED_BY_US)) {
		verdict->reason = REASON_REZONED;
	}
}

enum online_type policy_word(struct policy *policy, const struct block *block)
{
	struct policy_verdict verdict = { ONLINE_TYPE_NONE, REASON_NONE };

	decide(policy, block, &verdict);
	return verdict.word == ONLINE_TYPE_NONE ? ONLINE_TYPE_ONLINE : verdict.word;
}

bool policy_zone_differs(struct policy *policy, const struct block *block,
			 enum online_type *word)
{
	struct policy_verdict verdict = { ONLINE_TYPE_NONE, REASON_NONE };
	enum block_zone zone = block_zone_now(block);
	const struct config_override *section;

	/* A ratio decides when a block comes online: later its zone cannot be wrong. */
	if (zone == BLOCK_ZONE_UNKNOWN || !snapshot_hot_added(policy->snapshot, block) ||
	    policy_of(policy->config, policy->snapshot, block, &section) ==
		    CONFIG_POLICY_RATIO)
		return false;
	decide(policy, block, &verdict);
	/* Nobody's policy wants it anywhere. */
	if (verdict.reason == REASON_KERNEL_DEFAULT)
		return false;
	*word = verdict.word;
	return !block_zone_suits(verdict.word, zone);
}
