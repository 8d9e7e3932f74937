/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent-private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "io/log.h"
#include "io/machine.h"
#include "io/parameters.h"

/* Parameters of the kernel module memory_hotplug; auto_online_blocks is io/sysfs's. */
static const char *const names[INTENT_SETTINGS] = {
	[INTENT_AUTO_ONLINE] = "auto_online_blocks",
	[INTENT_ONLINE_POLICY] = "online_policy",
	[INTENT_MOVABLE_RATIO] = "auto_movable_ratio",
	[INTENT_NUMA_AWARE] = "auto_movable_numa_aware",
};

static void read_setting(struct agent *agent, enum intent_setting setting,
			 char value[INTENT_VALUE_SIZE])
{
	enum online_type word;

	if (setting != INTENT_AUTO_ONLINE) {
		parameters_read(agent->edges.root, names[setting], value,
				INTENT_VALUE_SIZE);
		return;
	}
	word = sysfs_auto_online(agent->edges.sysfs);
	snprintf(value, INTENT_VALUE_SIZE, "%s",
		 word == ONLINE_TYPE_NONE ? "" : online_type_text(word));
}

static int write_setting(struct agent *agent, enum intent_setting setting,
			 const char *value)
{
	enum online_type word;

	if (setting != INTENT_AUTO_ONLINE)
		return parameters_write(agent->edges.root, names[setting], value);
	return online_type_parse(value, &word)
		       ? sysfs_set_auto_online(agent->edges.sysfs, word)
		       : -EINVAL;
}

void kernel_settings_read(struct agent *agent)
{
	struct machine *machine = &agent->machine;
	char value[INTENT_VALUE_SIZE];

	machine->auto_online = sysfs_auto_online(agent->edges.sysfs);
	if (machine->auto_online == ONLINE_TYPE_NONE || !agent->edges.intent)
		return;
	read_setting(agent, INTENT_AUTO_ONLINE, value);
	machine->auto_online_changed =
		intent_setting_changed(agent->edges.intent, INTENT_AUTO_ONLINE, value);
}

void kernel_settings_follow(struct agent *agent)
{
	const struct machine *machine = &agent->machine;

	kernel_settings_read(agent);
	if (machine->auto_online_changed == agent->followed_change)
		return;
	agent->followed_change = machine->auto_online_changed;
	if (agent->followed_change)
		log_warning(
			"auto_online_blocks was changed to %s: memonlined leaves memory to "
			"the kernel and only observes",
			online_type_text(machine->auto_online));
	else
		log_info(
			"auto_online_blocks has its old value: the policy is active again");
	kernel_settings_apply(agent);
}

/* The value without memonlined. */
static void read_found(struct agent *agent, struct executor_values *found)
{
	unsigned i;

	memset(found, 0, sizeof(*found));
	for (i = 0; i < INTENT_SETTINGS; i++) {
		const char *before =
			intent_found(agent->edges.intent, (enum intent_setting)i);

		if (before)
			snprintf(found->value[i], INTENT_VALUE_SIZE, "%s", before);
		else
			read_setting(agent, (enum intent_setting)i, found->value[i]);
	}
}

void kernel_settings_read_command_line(struct agent *agent)
{
	struct machine *machine = &agent->machine;
	struct executor_values found;
	const char *auto_online;

	memset(&found, 0, sizeof(found));
	if (agent->edges.intent)
		read_found(agent, &found);
	else
		read_setting(agent, INTENT_AUTO_ONLINE, found.value[INTENT_AUTO_ONLINE]);
	auto_online = found.value[INTENT_AUTO_ONLINE];
	machine_read_memhp(agent->edges.root, auto_online, machine);
	if (machine->memhp_default_state)
		log_warning(
			"memhp_default_state=%s on the kernel's command line: memonlined "
			"leaves memory to the kernel and only observes",
			auto_online);
	else if (machine->memhp_ignored)
		log_warning("memhp_default_state= on the kernel's command line has no "
			    "effect (auto_online_blocks: %s): ignoring it",
			    *auto_online ? auto_online : "missing");
}

static int change(struct agent *agent, enum intent_setting setting, const char *from,
		  const char *to)
{
	int r;

	intent_change_begin(agent->edges.intent, setting, from, to);
	r = write_setting(agent, setting, to);
	if (r < 0) {
		log_warning("%s: cannot write %s: %s", names[setting], to, strerror(-r));
		intent_change_failed(agent->edges.intent, setting);
		return r;
	}
	intent_change_done(agent->edges.intent, setting);
	log_info("%s: %s -> %s", names[setting], from, to);
	return 0;
}

static int give_back(struct agent *agent, enum intent_setting setting, const char *now,
		     const char *found)
{
	int r;

	/*
	 * If memonlined is killed after its write, the next one must not take the value
	 * for another program's.
	 */
	intent_change_begin(agent->edges.intent, setting, found, found);
	r = write_setting(agent, setting, found);
	if (r < 0) {
		log_warning("%s: cannot restore %s: %s", names[setting], found,
			    strerror(-r));
		intent_change_failed(agent->edges.intent, setting);
		return r;
	}
	log_info("%s: %s -> %s, restored", names[setting], now, found);
	intent_change_over(agent->edges.intent, setting, found);
	return 0;
}

/* One setting from what it is to what it should be; "" for what it was found as. */
static int bring(struct agent *agent, enum intent_setting setting, const char *wanted)
{
	const char *found = intent_found(agent->edges.intent, setting);
	char now[INTENT_VALUE_SIZE];

	read_setting(agent, setting, now);
	if (*wanted && strcmp(now, wanted) == 0) {
		intent_change_seen(agent->edges.intent, setting, now);
		return 0;
	}
	if (*wanted)
		return change(agent, setting, now, wanted);
	if (!found)
		return 0;
	if (strcmp(now, found) == 0) {
		intent_change_over(agent->edges.intent, setting, found);
		return 0;
	}
	/* Somebody else's by now. */
	if (strcmp(now, intent_expected(agent->edges.intent, setting)) != 0) {
		log_info("%s: %s stays: another program wrote it", names[setting], now);
		return 0;
	}
	return give_back(agent, setting, now, found);
}

/* auto_online_blocks last: what it starts has to find the others as they should be. */
static int bring_all(struct agent *agent, const struct executor_values *wanted)
{
	unsigned i = INTENT_SETTINGS;
	int r = 0;

	while (i--)
		if (bring(agent, (enum intent_setting)i, wanted->value[i]) < 0)
			r = -1;
	return r;
}

/* false: the kernel refused a policy that only the kernel could apply. */
static bool apply(struct agent *agent)
{
	struct executor_values found;

	memset(&found, 0, sizeof(found));
	if (agent->edges.intent)
		read_found(agent, &found);
	executor_decide(&agent->executor, agent->config, &agent->machine, &found,
			agent->executor_refused);
	agent->machine.withheld = agent->executor.withheld;
	if (agent->executor.kernel_cannot)
		log_warning("the kernel cannot apply policy %s: memonlined does",
			    config_policy_text(agent->config->policy));
	/* What somebody else decided is not touched, not even to give it back. */
	if (agent->dry_run || !agent->edges.intent || agent->machine.auto_online_changed)
		return true;
	return bring_all(agent, &agent->executor.wanted) == 0 ||
	       agent->executor.who != EXECUTOR_KERNEL;
}

void kernel_settings_apply(struct agent *agent)
{
	if (apply(agent) || agent->executor_refused)
		return;
	agent->executor_refused = true;
	apply(agent);
}

void kernel_settings_restore(struct agent *agent)
{
	const struct executor_values as_found = { { "" } };

	if (!agent->dry_run && agent->edges.intent)
		bring_all(agent, &as_found);
}

const char *agent_carried_out_by(const struct agent *agent)
{
	return executor_text(agent->executor.who);
}

const struct executor *agent_executor(const struct agent *agent)
{
	return &agent->executor;
}
