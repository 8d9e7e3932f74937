/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What others may see of the agent as it is; nothing is read or changed for it. */
#include "agent-private.h"

#include <stddef.h>

bool agent_has_looked(const struct agent *agent)
{
	return agent->scanned_once;
}

const struct snapshot *agent_snapshot(const struct agent *agent)
{
	return &agent->now;
}

struct journal *agent_journal(const struct agent *agent)
{
	return agent->edges.journal;
}

const struct config *agent_config(const struct agent *agent)
{
	return agent->config;
}

const char *agent_source_name(const struct agent *agent)
{
	return agent->edges.source ? source_name(agent->edges.source) : "none";
}

const char *agent_kernel_release(const struct agent *agent)
{
	return agent->machine.release;
}

struct root *agent_root(const struct agent *agent)
{
	return agent->edges.root;
}

int agent_port_error(const struct agent *agent, const char **name)
{
	*name = NULL;
	if (!agent->edges.port_error)
		return 0;
	return agent->edges.port_error(name, agent->edges.data);
}

size_t agent_pending(const struct agent *agent)
{
	return agent->plan.count - agent->plan.next;
}

size_t agent_failed_blocks(const struct agent *agent)
{
	size_t i, failed = 0;

	for (i = 0; i < agent->now.count; i++)
		failed += (agent->now.blocks[i].marks & BLOCK_MARK_FAILED) != 0;
	return failed;
}
