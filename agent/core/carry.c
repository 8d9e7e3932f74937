/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/carry.h"

#include <stdio.h>
#include <string.h>

const char *carry_text(enum carry_who who)
{
	static const char *const texts[] = { "nobody", "agent", "kernel" };

	return texts[who];
}

static enum config_policy plain(enum config_policy policy, const struct machine *machine)
{
	if (policy != CONFIG_POLICY_AUTO)
		return policy;
	if (machine->keeps_memory)
		return CONFIG_POLICY_KEEP;
	return machine->is_virtual ? CONFIG_POLICY_ONLINE : CONFIG_POLICY_ONLINE_MOVABLE;
}

/* Whether one policy holds everywhere: the kernel has one for all. */
static bool one_for_all(const struct config *config, const struct machine *machine,
			enum config_policy *policy)
{
	size_t i;

	*policy = plain(config->policy, machine);
	for (i = 0; i < config->override_count; i++)
		if (plain(config->overrides[i].policy, machine) != *policy)
			return false;
	return true;
}

static enum block_word word_for(enum config_policy policy)
{
	switch (policy) {
	case CONFIG_POLICY_ONLINE:
	case CONFIG_POLICY_RATIO:
		return BLOCK_WORD_ONLINE;
	case CONFIG_POLICY_ONLINE_KERNEL:
		return BLOCK_WORD_ONLINE_KERNEL;
	case CONFIG_POLICY_ONLINE_MOVABLE:
		return BLOCK_WORD_ONLINE_MOVABLE;
	case CONFIG_POLICY_AUTO:
	case CONFIG_POLICY_KEEP:
		break;
	}
	return BLOCK_WORD_NONE;
}

static void want(struct carry *carry, enum intent_setting setting, const char *value)
{
	snprintf(carry->wanted.value[setting], INTENT_VALUE_SIZE, "%s", value);
}

static bool kernel_can(enum config_policy policy, const struct carry_values *found)
{
	return found->value[INTENT_AUTO_ONLINE][0] && policy != CONFIG_POLICY_KEEP &&
	       (policy != CONFIG_POLICY_RATIO || found->value[INTENT_ONLINE_POLICY][0]);
}

static void by_kernel(struct carry *carry, const struct config *config,
		      enum config_policy policy, const struct carry_values *found)
{
	char ratio[INTENT_VALUE_SIZE];

	carry->who = CARRY_KERNEL;
	want(carry, INTENT_AUTO_ONLINE, block_word_text(word_for(policy)));
	if (!found->value[INTENT_ONLINE_POLICY][0])
		return;
	want(carry, INTENT_ONLINE_POLICY,
	     policy == CONFIG_POLICY_RATIO ? "auto-movable" : "contig-zones");
	if (policy != CONFIG_POLICY_RATIO)
		return;
	snprintf(ratio, sizeof(ratio), "%u", config->movable_ratio);
	want(carry, INTENT_MOVABLE_RATIO, ratio);
	if (found->value[INTENT_NUMA_AWARE][0])
		want(carry, INTENT_NUMA_AWARE, config->ratio_per_node ? "Y" : "N");
}

/* Whether the kernel, as it is found, does what the policy says. */
static bool same_as_found(enum config_policy policy, const struct carry_values *found)
{
	return policy != CONFIG_POLICY_RATIO &&
	       strcmp(found->value[INTENT_AUTO_ONLINE],
		      block_word_text(word_for(policy))) == 0 &&
	       strcmp(found->value[INTENT_ONLINE_POLICY], "auto-movable") != 0;
}

static void by_agent(struct carry *carry, bool one, enum config_policy policy,
		     const struct carry_values *found)
{
	const char *auto_online = found->value[INTENT_AUTO_ONLINE];

	carry->who = CARRY_AGENT;
	/* A distribution's default that is not the policy: the kernel would be first. */
	if (!*auto_online || strcmp(auto_online, "offline") == 0)
		return;
	if (one && same_as_found(policy, found))
		carry->who = CARRY_KERNEL;
	else
		want(carry, INTENT_AUTO_ONLINE, "offline");
}

void carry_decide(struct carry *carry, const struct config *config,
		  const struct machine *machine, const struct carry_values *found,
		  bool refused)
{
	enum config_policy policy;
	bool one = one_for_all(config, machine, &policy);

	memset(carry, 0, sizeof(*carry));
	carry->who = CARRY_NOBODY;
	if (machine->memhp_default_state || machine->auto_online_changed ||
	    (one && policy == CONFIG_POLICY_KEEP))
		return;
	if (config->carry_out == CONFIG_CARRY_OUT_AGENT) {
		by_agent(carry, one, policy, found);
		return;
	}
	if (one && !refused && kernel_can(policy, found)) {
		by_kernel(carry, config, policy, found);
		return;
	}
	by_agent(carry, one, policy, found);
	carry->kernel_cannot = config->carry_out == CONFIG_CARRY_OUT_KERNEL;
}
