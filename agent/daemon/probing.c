/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "io/log.h"

/*
 * Memory that the kernel did not add: named by the host, the configuration or QEMU's controller,
 * judged by core/probe, then probed block by block, and brought online as any other block is.
 */
enum stage { STAGE_DECIDE, STAGE_WRITE, STAGE_SETTLE };

struct agent_probe {
	enum stage stage;
	bool by_peer; /* who asks names the devices */
	bool dry_run;
	int error; /* of the whole: nobody could name anything */
	struct evidence evidence;
	struct device *devices; /* owned */
	struct probe_result *results; /* owned, one per device */
	size_t count;
	size_t at; /* the device in hand */
	uint64_t offset; /* bytes of it that are there */
	bool stopped;
	agent_done_fn done; /* NULL: nobody is waiting */
	void *data;
};

static void probe_free(struct agent_probe *probe)
{
	if (!probe)
		return;
	evidence_clear(&probe->evidence);
	free(probe->devices);
	free(probe->results);
	free(probe);
}

/* --- who names what */

static struct device dimm_at(uint64_t start, uint64_t size)
{
	struct device device;

	memset(&device, 0, sizeof(device));
	strcpy(device.type, DEVICE_DIMM);
	device.slot = device.node = -1;
	device.start = start;
	device.size = device.span = size;
	device.has_range = true;
	return device;
}

static int copy_devices(struct agent_probe *probe, const struct device *devices,
			size_t count)
{
	probe->devices = calloc(count + 1, sizeof(*devices));
	if (!probe->devices)
		return -ENOMEM;
	if (count)
		memcpy(probe->devices, devices, count * sizeof(*devices));
	probe->count = count;
	return 0;
}

static int name_static(const struct agent *agent, struct agent_probe *probe)
{
	const struct config *config = agent->config;
	size_t i;

	probe->devices = calloc(config->probe_ranges.count + 1, sizeof(*probe->devices));
	if (!probe->devices)
		return -ENOMEM;
	for (i = 0; i < config->probe_ranges.count; i++)
		probe->devices[probe->count++] =
			dimm_at(config->probe_ranges.ranges[i].start,
				config->probe_ranges.ranges[i].size);
	return 0;
}

static int read_controller(struct agent *agent, struct agent_probe *probe)
{
	int r = firmware_read_controller(agent->edges.root, &probe->evidence,
					 agent->edges.ports, agent->edges.ports_data);

	if (r < 0)
		log_warning("cannot read the memory hot-plug controller: %s",
			    strerror(-r));
	return r;
}

static int name_controller(struct agent *agent, struct agent_probe *probe)
{
	struct evidence *evidence = &probe->evidence;
	size_t i;
	int r = read_controller(agent, probe);

	if (r < 0)
		return r;
	probe->devices = calloc(evidence->dimm_count + 1, sizeof(*probe->devices));
	if (!probe->devices)
		return -ENOMEM;
	for (i = 0; i < evidence->dimm_count; i++)
		probe->devices[probe->count++] =
			dimm_at(evidence->dimms[i].start, evidence->dimms[i].size);
	return 0;
}

static int name_devices(struct agent *agent, struct agent_probe *probe)
{
	if (probe->by_peer)
		return 0;
	/* If the kernel cannot probe, the controller is not touched. */
	if (!sysfs_has_probe(agent->edges.sysfs))
		return -EOPNOTSUPP;
	switch (agent->config->probe_mode) {
	case CONFIG_PROBE_STATIC:
		return name_static(agent, probe);
	case CONFIG_PROBE_CONTROLLER:
		return name_controller(agent, probe);
	case CONFIG_PROBE_HOST:
	case CONFIG_PROBE_OFF:
		break;
	}
	return -EINVAL;
}

/* --- deciding */

static void decide_all(const struct agent *agent, struct agent_probe *probe)
{
	struct probe_facts facts;
	size_t i;

	memset(&facts, 0, sizeof(facts));
	facts.evidence = &probe->evidence;
	facts.snapshot = &agent->now;
	facts.devices = probe->devices;
	facts.device_count = probe->count;
	facts.is_named = !probe->by_peer ||
			 agent->config->probe_mode == CONFIG_PROBE_HOST;
	facts.has_file = sysfs_has_probe(agent->edges.sysfs);
	facts.trusts_name = agent->config->probe_confirm == CONFIG_PROBE_CONFIRM_NONE;
	for (i = 0; i < probe->count; i++)
		probe_decide(&facts, i, &probe->results[i].verdict);
}

static bool any_needs_controller(const struct agent_probe *probe)
{
	size_t i;

	for (i = 0; i < probe->count; i++)
		if (probe_needs_controller(&probe->results[i].verdict))
			return true;
	return false;
}

/* The kernel has a resource for each block then, and none for the DIMM. */
static void note_probed(struct agent *agent, const struct device *device)
{
	struct snapshot_window *probed = &agent->probed[agent->probed_count];
	size_t i;

	for (i = 0; i < agent->probed_count; i++)
		if (agent->probed[i].start == device->start &&
		    agent->probed[i].size == device->size)
			return;
	if (i == SNAPSHOT_WINDOWS_MAX)
		return;
	probed->start = device->start;
	probed->size = device->size;
	agent->probed_count++;
}

static void conclude(struct agent_probe *probe, struct probe_result *result)
{
	const struct probe_verdict *verdict = &result->verdict;

	result->reason = verdict->reason;
	result->confirmed = probe->evidence.has_controller &&
			    verdict->checks[PROBE_CONTROLLER] == REASON_NONE;
	if (verdict->reason == REASON_NONE)
		result->state = probe->dry_run ? PROBE_WOULD : PROBE_NOT_TRIED;
	else if (verdict->present && verdict->reason == REASON_BLOCK_EXISTS)
		result->state = PROBE_PRESENT;
	else
		result->state = PROBE_REFUSED;
	log_info("probe 0x%" PRIx64 "+0x%" PRIx64 " type %s, %s -> %s (%s)",
		 result->device.start, result->device.size, result->device.type,
		 result->confirmed ? "confirmed by the controller" : "not confirmed",
		 verdict->reason == REASON_NONE ? "probe"
						: probe_result_text(result->state),
		 reason_text(verdict->reason));
}

static int decide(struct agent *agent, struct agent_probe *probe)
{
	size_t i;
	int r;

	kernel_settings_read(agent);
	r = scan_blocks(agent);

	if (r < 0)
		return r;
	firmware_read(agent->edges.root, &probe->evidence);
	r = name_devices(agent, probe);
	if (r < 0)
		return r;
	probe->results = calloc(probe->count + 1, sizeof(*probe->results));
	if (!probe->results)
		return -ENOMEM;
	for (i = 0; i < probe->count; i++)
		probe->results[i].device = probe->devices[i];
	decide_all(agent, probe);
	if (any_needs_controller(probe) && read_controller(agent, probe) == 0)
		decide_all(agent, probe);
	for (i = 0; i < probe->count; i++) {
		conclude(probe, &probe->results[i]);
		if (!probe->dry_run && (probe->results[i].state == PROBE_NOT_TRIED ||
					probe->results[i].state == PROBE_PRESENT))
			note_probed(agent, &probe->devices[i]);
	}
	return 0;
}

/* --- writing */

static bool is_there(const struct agent *agent, uint64_t address)
{
	return sysfs_identity(agent->edges.sysfs,
			      address / agent->now.block_size_bytes) != 0;
}

static void next_block(const struct agent *agent, struct agent_probe *probe)
{
	struct probe_result *result = &probe->results[probe->at];

	probe->offset += agent->now.block_size_bytes;
	if (probe->offset < result->device.size)
		return;
	result->state = PROBE_DONE;
	probe->offset = 0;
	probe->at++;
}

/* What the kernel says of the block counts for nothing, only whether it is there. */
void probing_written(struct agent *agent, int error)
{
	struct agent_probe *probe = agent->probe;
	struct probe_result *result = &probe->results[probe->at];
	uint64_t address = result->device.start + probe->offset;

	result->error = -error;
	if (!is_there(agent, address)) {
		result->reason = error < 0 ? REASON_REFUSED : REASON_UNCHANGED;
		probe->stopped = true;
		log_warning("probe 0x%" PRIx64 ": %s, no block: stopping", address,
			    error < 0 ? strerror(-error) : "accepted");
		return;
	}
	/* It may be ACPI's: then it was there before our write was refused. */
	result->added += error == 0;
	result->error = 0;
	next_block(agent, probe);
}

static void probe_block(struct agent *agent, struct agent_probe *probe)
{
	struct probe_result *result = &probe->results[probe->at];
	uint64_t address = result->device.start + probe->offset;

	result->state = PROBE_STOPPED;
	if (is_there(agent, address))
		next_block(agent, probe);
	else
		writes_probe(agent, address);
}

/* false: nothing is left to write. */
static bool write_next(struct agent *agent, struct agent_probe *probe)
{
	while (!probe->stopped && probe->at < probe->count) {
		const struct probe_result *result = &probe->results[probe->at];

		if (result->verdict.reason == REASON_NONE && !probe->dry_run) {
			probe_block(agent, probe);
			return true;
		}
		probe->at++;
	}
	return false;
}

/* --- the answer */

static uint64_t online_bytes(const struct agent *agent, const struct device *device)
{
	const struct snapshot *now = &agent->now;
	uint64_t bytes = 0;
	size_t i;

	for (i = 0; i < now->count; i++) {
		uint64_t start = now->blocks[i].index * now->block_size_bytes;

		if (start >= device->start && start - device->start < device->size &&
		    now->blocks[i].state == BLOCK_ONLINE)
			bytes += now->block_size_bytes;
	}
	return bytes;
}

static void finish(struct agent *agent)
{
	struct agent_probe *probe = agent->probe;
	struct job job;
	size_t i;

	agent->probe = NULL;
	for (i = 0; i < probe->count && probe->results; i++)
		probe->results[i].online = online_bytes(agent, &probe->devices[i]);
	memset(&job, 0, sizeof(job));
	job.kind = JOB_PROBE;
	job.probed = probe->results;
	job.probed_count = probe->results ? probe->count : 0;
	job.probe_error = probe->error;
	if (probe->error)
		log_warning("no range is probed: %s", strerror(-probe->error));
	if (probe->done)
		probe->done(&job, probe->data);
	probe_free(probe);
}

/*
 * Between two steps the loop serves its descriptors, and all writes to `state` come
 * first: so the answer comes after the policy has been applied.
 */
void probing_step(struct agent *agent)
{
	struct agent_probe *probe = agent->probe;

	switch (probe->stage) {
	case STAGE_DECIDE:
		probe->error = decide(agent, probe);
		probe->stage = probe->error ? STAGE_SETTLE : STAGE_WRITE;
		return;
	case STAGE_WRITE:
		if (write_next(agent, probe))
			return;
		probe->stage = STAGE_SETTLE;
		schedule_want_scan(&agent->schedule, loop_now_usec());
		return;
	case STAGE_SETTLE:
		finish(agent);
		return;
	}
}

int probing_start(struct agent *agent, const struct agent_probe_request *request,
		  agent_done_fn fn, void *data)
{
	struct agent_probe *probe;
	int r = 0;

	if (agent->probe)
		return -EBUSY;
	probe = calloc(1, sizeof(*probe));
	if (!probe)
		return -ENOMEM;
	probe->by_peer = request->has_devices;
	/* memonlined's own dry run writes nothing either. */
	probe->dry_run = request->dry_run || agent->dry_run;
	if (probe->by_peer)
		r = copy_devices(probe, request->devices, request->count);
	if (r < 0) {
		probe_free(probe);
		return r;
	}
	probe->done = fn;
	probe->data = data;
	agent->probe = probe;
	schedule_want_scan(&agent->schedule, loop_now_usec());
	return 0;
}

void probing_disown(struct agent *agent, const void *data)
{
	if (agent->probe && agent->probe->data == data)
		agent->probe->done = NULL;
}

void probing_end(struct agent *agent)
{
	probe_free(agent->probe);
	agent->probe = NULL;
}
