/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/executor.h"

#include <stdio.h>
#include <string.h>

const char *executor_text(enum executor_who who)
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

static enum online_type word_for(enum config_policy policy)
{
	switch (policy) {
	case CONFIG_POLICY_ONLINE:
	case CONFIG_POLICY_RATIO:
		return ONLINE_TYPE_ONLINE;
	case CONFIG_POLICY_ONLINE_KERNEL:
		return ONLINE_TYPE_ONLINE_KERNEL;
	case CONFIG_POLICY_ONLINE_MOVABLE:
		return ONLINE_TYPE_ONLINE_MOVABLE;
	case CONFIG_POLICY_AUTO:
	case CONFIG_POLICY_KEEP:
		break;
	}
	return ONLINE_TYPE_NONE;
}

static void want(struct executor *executor, enum intent_setting setting,
		 const char *value)
{
	snprintf(executor->wanted.value[setting], INTENT_VALUE_SIZE, "%s", value);
}

static bool kernel_can(enum config_policy policy, const struct executor_values *found)
{
	return found->value[INTENT_AUTO_ONLINE][0] && policy != CONFIG_POLICY_KEEP &&
	       (policy != CONFIG_POLICY_RATIO || found->value[INTENT_ONLINE_POLICY][0]);
}

static void by_kernel(struct executor *executor, const struct config *config,
		      enum config_policy policy, const struct executor_values *found)
{
	char ratio[INTENT_VALUE_SIZE];

	executor->who = EXECUTOR_KERNEL;
	want(executor, INTENT_AUTO_ONLINE, online_type_text(word_for(policy)));
	if (!found->value[INTENT_ONLINE_POLICY][0])
		return;
	want(executor, INTENT_ONLINE_POLICY,
	     policy == CONFIG_POLICY_RATIO ? "auto-movable" : "contig-zones");
	if (policy != CONFIG_POLICY_RATIO)
		return;
	snprintf(ratio, sizeof(ratio), "%u", config->movable_ratio);
	want(executor, INTENT_MOVABLE_RATIO, ratio);
	if (found->value[INTENT_NUMA_AWARE][0])
		want(executor, INTENT_NUMA_AWARE, config->ratio_per_node ? "Y" : "N");
}

/* Whether the kernel, as it is found, does what the policy says. */
static bool same_as_found(enum config_policy policy, const struct executor_values *found)
{
	return policy != CONFIG_POLICY_RATIO &&
	       strcmp(found->value[INTENT_AUTO_ONLINE],
		      online_type_text(word_for(policy))) == 0 &&
	       strcmp(found->value[INTENT_ONLINE_POLICY], "auto-movable") != 0;
}

static void by_agent(struct executor *executor, bool one, enum config_policy policy,
		     const struct executor_values *found)
{
	const char *auto_online = found->value[INTENT_AUTO_ONLINE];

	executor->who = EXECUTOR_AGENT;
	/* A distribution's default that is not the policy: the kernel would be first. */
	if (!*auto_online || strcmp(auto_online, "offline") == 0)
		return;
	if (one && same_as_found(policy, found)) {
		executor->who = EXECUTOR_KERNEL;
		return;
	}
	want(executor, INTENT_AUTO_ONLINE, "offline");
	if (!online_type_parse(auto_online, &executor->withheld))
		executor->withheld = ONLINE_TYPE_NONE;
}

void executor_decide(struct executor *executor, const struct config *config,
		     const struct machine *machine, const struct executor_values *found,
		     bool refused)
{
	enum config_policy policy;
	bool one = one_for_all(config, machine, &policy);

	memset(executor, 0, sizeof(*executor));
	executor->who = EXECUTOR_NOBODY;
	executor->withheld = ONLINE_TYPE_NONE;
	if (machine->memhp_default_state || machine->auto_online_changed ||
	    (one && policy == CONFIG_POLICY_KEEP))
		return;
	if (config->carry_out == CONFIG_CARRY_OUT_AGENT) {
		by_agent(executor, one, policy, found);
		return;
	}
	if (one && !refused && kernel_can(policy, found)) {
		by_kernel(executor, config, policy, found);
		return;
	}
	by_agent(executor, one, policy, found);
	executor->kernel_cannot = config->carry_out == CONFIG_CARRY_OUT_KERNEL;
}
