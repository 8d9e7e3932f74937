/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif
#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif
#include "commands.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/explain.h"
#include "core/reconcile.h"
#include "io/kmsg.h"
#include "io/log.h"
#include "io/machine.h"
#include "io/stats.h"
#include "io/udevd.h"
#include "wire/relay.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

typedef void (*command_fn)(struct agent *agent, const struct protocol_request *request,
			   struct text *out);
/* Makes the job that carries a request out; false, with an error in `out`, where there is none. */
typedef bool (*job_fn)(struct agent *agent, const struct protocol_request *request,
		       struct text *out, struct job *job);

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
	unsigned disabled = commands_disabled(agent, request->from_port);

	protocol_put_guest_info(out, PACKAGE_VERSION, disabled, NULL, 0);
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

static void fill_held_up(const struct agent *agent, struct message_status *status)
{
	struct agent_held_up held_up;

	if (!agent_held_up(agent, &held_up))
		return;
	status->held_up.word = held_up.word;
	status->held_up.phys_index = held_up.index;
	status->held_up.elapsed_usec = held_up.elapsed_usec;
	status->held_up.going_offline = held_up.going_offline;
}

static void run_status(struct agent *agent, const struct protocol_request *request,
		       struct text *out)
{
	const struct snapshot *snapshot = agent_look(agent);
	const struct config *config = agent_config(agent);
	struct snapshot_total totals[SNAPSHOT_TOTALS_MAX];
	struct message_status status;

	(void)request;
	memset(&status, 0, sizeof(status));
	status.version = PACKAGE_VERSION;
	status.protocol = PROTOCOL_VERSION;
	status.kernel = agent_kernel_release(agent);
	status.instance = journal_instance(agent_journal(agent));
	status.source = agent_source_name(agent);
	status.policy = config_policy_text(config->policy);
	status.carried_out_by = agent_carried_out_by(agent);
	status.last_seq = journal_last(agent_journal(agent));
	status.block_size_bytes = snapshot->block_size_bytes;
	status.block_count = snapshot->count;
	status.pending = agent_pending(agent);
	status.failed = agent_failed_blocks(agent);
	protocol_set_totals(&status, totals,
			    snapshot_totals(snapshot, totals, SNAPSHOT_TOTALS_MAX));
	protocol_set_racing_rules(&status, udevd_racing_rules(agent_root(agent)));
	status.port.error = (uint64_t)agent_port_error(agent, &status.port.name);
	status.port.open = status.port.name && !status.port.error;
	fill_held_up(agent, &status);
	protocol_put_status(out, &status);
}

static void run_stats(struct agent *agent, const struct protocol_request *request,
		      struct text *out)
{
	struct stats stats;

	(void)request;
	stats_read(agent_root(agent), &stats);
	protocol_put_stats(out, &stats);
}

static void range_of(const struct snapshot *snapshot, const struct block *block,
		     struct protocol_range *range)
{
	const struct snapshot_resource *resource = snapshot_dimm_of(snapshot, block);

	range->start = block->index * snapshot->block_size_bytes;
	range->size = snapshot->block_size_bytes;
	range->node = block->node;
	range->state = (enum block_state)block->state;
	range->zone_count = block->zone_count;
	memcpy(range->zones, block->zones, sizeof(range->zones));
	range->reason = (enum reason)block->reason;
	range->dimm = resource ? resource->start : UINT64_MAX;
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

/* The position belongs to the connection: session.c stores it. */
static void run_subscribe(struct agent *agent, const struct protocol_request *request,
			  struct text *out)
{
	/* Another instance gave it: these numbers now belong to other reports. */
	if (request->since > journal_last(agent_journal(agent)))
		agent_begin_instance(agent, "a host knows later reports");
	protocol_put_subscribed(out, agent_journal(agent), request->since);
}

static void read_kernel_log(struct root *root, struct kernel_log *log)
{
	struct text text = TEXT_INIT;
	int r = kmsg_read_log(root, &text);
	size_t i;

	log->count = 0;
	if (r < 0)
		log_debug("cannot read the kernel's log: %s; ignoring it", strerror(-r));
	else
		kernel_log_parse(log, text.data, text.len);
	text_free(&text);
	for (i = 0; i < log->count; i++)
		if (log->failures[i].instance >= 0)
			log->failures[i].slot =
				firmware_dimm_slot(root, log->failures[i].instance);
}

static void run_reconcile(struct agent *agent, const struct protocol_request *request,
			  struct text *out)
{
	struct kernel_log log;
	struct root *root = agent_root(agent);
	struct reconcile_facts facts = { .snapshot = agent_look(agent), .log = &log };
	struct reconcile_verdict verdict;
	size_t i;

	read_kernel_log(root, &log);
	facts.free_bytes = machine_free_bytes(root);
	facts.memory_limit = machine_memory_limit(root);
	facts.no_virtio_mem = machine_lacks_virtio_mem(root);
	protocol_list_begin(out);
	for (i = 0; i < request->device_count; i++) {
		reconcile_device(&facts, &request->devices[i], &verdict);
		protocol_put_reconciled(out, &request->devices[i], &verdict);
	}
	protocol_list_end(out);
}

static void put_fact(const char *name, const char *value, void *data)
{
	protocol_put_fact(data, name, value);
}

/* A write that is held up applies to every block. */
static void put_held_up(const struct agent *agent, struct text *facts)
{
	struct agent_held_up held_up;
	char value[160];
	int len;

	if (!agent_held_up(agent, &held_up))
		return;
	len = snprintf(value, sizeof(value),
		       "the kernel has held %s of memory%" PRIu64 " up for %" PRIu64 " s",
		       held_up.word, held_up.index, held_up.elapsed_usec / 1000000);
	if (held_up.going_offline != UINT64_MAX)
		snprintf(value + len, sizeof(value) - (size_t)len,
			 ": memory%" PRIu64 " is being taken offline",
			 held_up.going_offline);
	protocol_put_fact(facts, "held-up", value);
}

/* Its facts are written first: only then is it known whether the reply is an error. */
static void explain(struct agent *agent, const struct protocol_request *request,
		    struct text *out)
{
	struct text facts = TEXT_INIT;
	struct policy_verdict verdict;
	int r = explain_block(agent_config(agent), agent_look(agent),
			      agent_executor(agent), request->index, &verdict, put_fact,
			      &facts);

	if (r == 0)
		put_held_up(agent, &facts);
	if (r == 0 && facts.failed)
		r = -ENOMEM;
	if (r < 0) {
		char desc[64];

		snprintf(desc, sizeof(desc), "There is no block memory%" PRIu64,
			 request->index);
		protocol_put_error(out, request,
				   r == -ENOENT ? desc : "Cannot allocate memory");
	} else {
		protocol_reply_begin(out, request);
		protocol_put_explained(out, request->index, &verdict, &facts);
		protocol_reply_end(out, request);
	}
	text_free(&facts);
}

/* --- commands that change blocks: a job each, answered when it is over */

/*
 * The policy's online types for those blocks of the snapshot that are marked in `words`,
 * ascending.
 */
static bool decide_words(const struct agent *agent, uint8_t *words)
{
	const struct snapshot *snapshot = agent_snapshot(agent);
	struct policy policy;
	size_t i;

	if (policy_begin(&policy, agent_config(agent), snapshot) < 0)
		return false;
	for (i = 0; i < snapshot->count; i++)
		if (words[i])
			words[i] = (uint8_t)policy_word(&policy, &snapshot->blocks[i]);
	policy_end(&policy);
	return true;
}

/* What the policy would write, as each block stands now; false on lack of memory. */
static bool set_policy_words(const struct agent *agent, struct job *job)
{
	const struct snapshot *snapshot = agent_snapshot(agent);
	uint8_t *words = calloc(snapshot->count + 1, sizeof(*words));
	bool decided;
	size_t i;

	for (i = 0; words && i < job->count; i++) {
		const struct block *block = snapshot_find(snapshot, job->items[i].index);

		if (block && job->items[i].word == ONLINE_TYPE_ONLINE)
			words[block - snapshot->blocks] = 1;
	}
	decided = words && decide_words(agent, words);
	for (i = 0; decided && i < job->count; i++) {
		struct job_item *item = &job->items[i];
		const struct block *block = snapshot_find(snapshot, item->index);

		if (block && item->word == ONLINE_TYPE_ONLINE)
			item->word = (enum online_type)words[block - snapshot->blocks];
	}
	free(words);
	job->falls_back = kernel_has(&snapshot->machine.kernel, KERNEL_MOVABLE_FROM_TOP);
	return decided;
}

static bool put_no_memory(struct text *out, const struct protocol_request *request,
			  struct job *job)
{
	job_free(job);
	protocol_put_error(out, request, "Cannot allocate memory");
	return false;
}

static bool only_online(const struct job *job)
{
	size_t i;

	for (i = 0; i < job->count; i++)
		if (job->items[i].word == ONLINE_TYPE_OFFLINE)
			return false;
	return true;
}

static bool make_set(struct agent *agent, const struct protocol_request *request,
		     struct text *out, struct job *job)
{
	size_t i;

	if (job_init(job, JOB_SET, request->block_count) < 0)
		return put_no_memory(out, request, job);
	for (i = 0; i < job->count; i++) {
		job->items[i].index = request->blocks[i].index;
		job->items[i].word = request->blocks[i].online ? ONLINE_TYPE_ONLINE
							       : ONLINE_TYPE_OFFLINE;
	}
	if (!set_policy_words(agent, job))
		return put_no_memory(out, request, job);
	/* What goes off and on in one list keeps its order. */
	if (kernel_has(&agent_snapshot(agent)->machine.kernel, KERNEL_MOVABLE_FROM_TOP) &&
	    only_online(job))
		job_sort_from_top(job);
	return true;
}

static void put_range_error(struct text *out, const struct protocol_request *request,
			    const struct snapshot *snapshot, int error)
{
	char desc[160];

	if (error == -ENOENT)
		snprintf(desc, sizeof(desc), "There is no memory block in this range");
	else if (error == -ENOMEM)
		snprintf(desc, sizeof(desc), "Cannot allocate memory");
	else if (!request->size || request->start + request->size - 1 < request->start)
		snprintf(desc, sizeof(desc),
			 "The range is empty or goes beyond the last address");
	else
		snprintf(desc, sizeof(desc),
			 "'start' and 'size' have to be multiples of the block size %llu",
			 (unsigned long long)snapshot->block_size_bytes);
	protocol_put_error(out, request, desc);
}

static bool make_range(struct agent *agent, const struct protocol_request *request,
		       struct text *out, struct job *job, enum job_kind kind,
		       enum online_type word)
{
	const struct snapshot *snapshot = agent_look(agent);
	int r = job_init_range(job, kind, snapshot, request->start, request->size, word);

	if (r < 0)
		put_range_error(out, request, snapshot, r);
	return r == 0;
}

static bool make_online(struct agent *agent, const struct protocol_request *request,
			struct text *out, struct job *job)
{
	enum online_type word = request->word ? request->word : ONLINE_TYPE_ONLINE;

	if (!make_range(agent, request, out, job, JOB_ONLINE, word))
		return false;
	/* No online type given: the policy's. */
	if (!request->word && !set_policy_words(agent, job))
		return put_no_memory(out, request, job);
	return true;
}

static bool make_offline(struct agent *agent, const struct protocol_request *request,
			 struct text *out, struct job *job)
{
	if (!make_range(agent, request, out, job, JOB_OFFLINE, ONLINE_TYPE_OFFLINE))
		return false;
	job->timeout_msec = request->timeout_sec * 1000;
	return true;
}

static const job_fn jobs[PROTOCOL_COMMANDS] = {
	[PROTOCOL_GUEST_SET_MEMORY_BLOCKS] = make_set,
	[PROTOCOL_ONLINE] = make_online,
	[PROTOCOL_OFFLINE] = make_offline,
};

static enum commands_result start_probe(struct agent *agent,
					const struct protocol_request *request,
					struct text *out, agent_done_fn done, void *data)
{
	struct agent_probe_request probe = { request->has_devices, request->devices,
					     request->device_count, request->dry_run };
	int r;

	if (!probe.has_devices && agent_config(agent)->probe_mode == CONFIG_PROBE_HOST) {
		protocol_put_error(
			out, request,
			"Parameter 'devices' is missing: [probe] mode is host");
		return COMMANDS_ANSWERED;
	}
	r = agent_start_probe(agent, &probe, done, data);
	if (r == 0)
		return COMMANDS_PENDING;
	protocol_put_error(out, request,
			   r == -EBUSY ? "Another probe is in progress"
				       : "Cannot allocate memory");
	return COMMANDS_ANSWERED;
}

static void finish_probe(const struct protocol_request *request, const struct job *job,
			 struct text *out)
{
	size_t i;

	if (job->probe_error) {
		char desc[160];

		snprintf(desc, sizeof(desc), "No range is named for probing: %s",
			 job->probe_error == -EOPNOTSUPP
				 ? "this kernel has no `probe`, or the controller is "
				   "not QEMU's"
			 : job->probe_error == -EINVAL ? "[probe] mode does not allow it"
						       : strerror(-job->probe_error));
		protocol_put_error(out, request, desc);
		return;
	}
	protocol_reply_begin(out, request);
	protocol_list_begin(out);
	for (i = 0; i < job->probed_count; i++)
		protocol_put_probed(out, &job->probed[i]);
	protocol_list_end(out);
	protocol_reply_end(out, request);
}

static enum commands_result start_job(struct agent *agent,
				      const struct protocol_request *request,
				      struct text *out, agent_done_fn done, void *data)
{
	struct job job;

	memset(&job, 0, sizeof(job));
	if (!jobs[request->command](agent, request, out, &job))
		return COMMANDS_ANSWERED;
	job.can_offline =
		!kernel_has(&agent_snapshot(agent)->machine.kernel, KERNEL_NO_HOT_REMOVE);
	if (!job.count) {
		commands_finish(request, &job, out);
		job_free(&job);
		return COMMANDS_ANSWERED;
	}
	if (agent_start_job(agent, &job, done, data) == 0)
		return COMMANDS_PENDING;
	job_free(&job);
	protocol_put_error(out, request, PROTOCOL_OTHER_CHANGE);
	return COMMANDS_ANSWERED;
}

void commands_finish(const struct protocol_request *request, const struct job *job,
		     struct text *out)
{
	if (job->kind == JOB_PROBE) {
		finish_probe(request, job, out);
		return;
	}
	protocol_reply_begin(out, request);
	if (job->kind == JOB_SET)
		protocol_put_guest_responses(out, job);
	else
		protocol_put_job(out, job);
	protocol_reply_end(out, request);
}

/* --- all of them: each is in one of the two tables */

static const command_fn commands[PROTOCOL_COMMANDS] = {
	[PROTOCOL_GUEST_SYNC] = run_sync,
	[PROTOCOL_GUEST_SYNC_DELIMITED] = run_sync,
	[PROTOCOL_GUEST_PING] = run_ping,
	[PROTOCOL_GUEST_INFO] = run_info,
	[PROTOCOL_GUEST_GET_MEMORY_BLOCKS] = run_get_blocks,
	[PROTOCOL_GUEST_GET_MEMORY_BLOCK_INFO] = run_get_block_info,
	[PROTOCOL_STATUS] = run_status,
	[PROTOCOL_STATS] = run_stats,
	[PROTOCOL_GET_RANGES] = run_get_ranges,
	[PROTOCOL_GET_REPORTS] = run_get_reports,
	[PROTOCOL_SUBSCRIBE] = run_subscribe,
	[PROTOCOL_RECONCILE] = run_reconcile,
};

void commands_answer_info(struct agent *agent, const struct protocol_request *request,
			  const struct text *theirs, struct text *out)
{
	const struct config *config = agent_config(agent);

	protocol_reply_begin(out, request);
	relay_put_info(out, PACKAGE_VERSION, theirs, &config->port_allowed,
		       &config->port_blocked);
	protocol_reply_end(out, request);
}

unsigned commands_disabled(const struct agent *agent, bool is_port)
{
	const struct config *config = agent_config(agent);

	return is_port ? command_lists_disable(&config->port_allowed,
					       &config->port_blocked)
		       : command_lists_disable(&config->control_allowed,
					       &config->control_blocked);
}

enum commands_result commands_run(struct agent *agent,
				  const struct protocol_request *request,
				  struct text *out, agent_done_fn done, void *data)
{
	if (request->command == PROTOCOL_PROBE)
		return start_probe(agent, request, out, done, data);
	if (jobs[request->command])
		return start_job(agent, request, out, done, data);
	if (request->command == PROTOCOL_EXPLAIN) {
		explain(agent, request, out);
		return COMMANDS_ANSWERED;
	}
	protocol_reply_begin(out, request);
	commands[request->command](agent, request, out);
	protocol_reply_end(out, request);
	return COMMANDS_ANSWERED;
}
