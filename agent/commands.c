/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#include "commands.h"

#include <string.h>

typedef void (*command_fn)(struct agent *agent, const struct protocol_request *request,
			   struct text *out);

static void run_sync(struct agent *agent, const struct protocol_request *request,
		     struct text *out)
{
	(void)agent;
	protocol_put_number(out, request->sync_id);
}

static void run_ping(struct agent *agent, const struct protocol_request *request,
		     struct text *out)
{
	(void)agent;
	(void)request;
	protocol_put_empty(out);
}

static void run_info(struct agent *agent, const struct protocol_request *request,
		     struct text *out)
{
	(void)agent;
	(void)request;
	protocol_put_guest_info(out, PACKAGE_VERSION);
}

static void run_get_blocks(struct agent *agent, const struct protocol_request *request,
			   struct text *out)
{
	(void)request;
	protocol_put_guest_blocks(out, agent_look(agent));
}

static void run_get_block_info(struct agent *agent,
			       const struct protocol_request *request, struct text *out)
{
	(void)request;
	protocol_put_guest_block_info(out, agent_look(agent));
}

static void run_status(struct agent *agent, const struct protocol_request *request,
		       struct text *out)
{
	const struct snapshot *snapshot = agent_look(agent);
	const struct config *config = agent_config(agent);
	struct snapshot_total totals[SNAPSHOT_TOTALS_MAX];
	struct protocol_status status;

	(void)request;
	memset(&status, 0, sizeof(status));
	status.version = PACKAGE_VERSION;
	status.kernel = agent_kernel_release(agent);
	status.instance = journal_instance(agent_journal(agent));
	status.source = agent_source_name(agent);
	status.policy = config_policy_text(config->policy);
	status.carried_out_by = config->policy == CONFIG_POLICY_KEEP ? "nobody" : "agent";
	status.last_seq = journal_last(agent_journal(agent));
	status.block_size_bytes = snapshot->block_size_bytes;
	status.block_count = snapshot->count;
	status.pending = agent_pending(agent);
	status.failed = agent_failed_blocks(agent);
	status.total_count = snapshot_totals(snapshot, totals, SNAPSHOT_TOTALS_MAX);
	status.totals = totals;
	protocol_put_status(out, &status);
}

static void range_of(const struct snapshot *snapshot, const struct block *block,
		     struct protocol_range *range)
{
	range->start = block->index * snapshot->block_size_bytes;
	range->size = snapshot->block_size_bytes;
	range->node = block->node;
	range->state = (enum block_state)block->state;
	range->zone_count = block->zone_count;
	memcpy(range->zones, block->zones, sizeof(range->zones));
	range->reason = (enum reason)block->reason;
}

static bool continues(const struct snapshot *snapshot, const struct block *last,
		      const struct block *block)
{
	return last->index + 1 == block->index && last->node == block->node &&
	       last->state == block->state && last->reason == block->reason &&
	       last->zone_count == block->zone_count &&
	       memcmp(last->zones, block->zones, sizeof(block->zones)) == 0 &&
	       snapshot_same_dimm(snapshot, last, block);
}

static void run_get_ranges(struct agent *agent, const struct protocol_request *request,
			   struct text *out)
{
	const struct snapshot *snapshot = agent_look(agent);
	struct protocol_range range;
	size_t i;

	(void)request;
	protocol_list_begin(out);
	for (i = 0; i < snapshot->count; i++) {
		const struct block *block = &snapshot->blocks[i];

		if (i && continues(snapshot, block - 1, block)) {
			range.size += snapshot->block_size_bytes;
			continue;
		}
		if (i)
			protocol_put_range(out, &range);
		range_of(snapshot, block, &range);
	}
	if (snapshot->count)
		protocol_put_range(out, &range);
	protocol_list_end(out);
}

static void run_get_reports(struct agent *agent, const struct protocol_request *request,
			    struct text *out)
{
	protocol_put_reports(out, agent_journal(agent), request->since, request->max);
}

/* The position is the connection's: whoever called this keeps it (session.c). */
static void run_subscribe(struct agent *agent, const struct protocol_request *request,
			  struct text *out)
{
	protocol_put_subscribed(out, agent_journal(agent), request->since);
}

static const command_fn commands[PROTOCOL_COMMANDS] = {
	[PROTOCOL_GUEST_SYNC] = run_sync,
	[PROTOCOL_GUEST_SYNC_DELIMITED] = run_sync,
	[PROTOCOL_GUEST_PING] = run_ping,
	[PROTOCOL_GUEST_INFO] = run_info,
	[PROTOCOL_GUEST_GET_MEMORY_BLOCKS] = run_get_blocks,
	[PROTOCOL_GUEST_GET_MEMORY_BLOCK_INFO] = run_get_block_info,
	[PROTOCOL_STATUS] = run_status,
	[PROTOCOL_GET_RANGES] = run_get_ranges,
	[PROTOCOL_GET_REPORTS] = run_get_reports,
	[PROTOCOL_SUBSCRIBE] = run_subscribe,
};

void commands_run(struct agent *agent, const struct protocol_request *request,
		  struct text *out)
{
	protocol_reply_begin(out, request);
	commands[request->command](agent, request, out);
	protocol_reply_end(out, request);
}
