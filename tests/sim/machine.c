/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/firmware.h"
#include "io/log.h"
#include "io/machine.h"
#include "io/system.h"

/* What lies around the blocks: io/system.h, io/firmware.h, io/log.h. */
struct system_info {
	const char *boot_id;
};
static struct system_info only_system = { "00000000-0000-0000-0000-000000000001" };

static const char *const releases[SIM_MODELS] = {
	"2.6.32-754.el6.x86_64", "3.10.0-1160.el7.x86_64", "4.18.0-553.el8.x86_64",
	"5.14.0-427.el9.x86_64", "6.1.0-30-amd64",	   "6.12.0-1-amd64"
};

struct system_info *system_open(const char *root)
{
	(void)root;
	return &only_system;
}

void system_close(struct system_info *system)
{
	(void)system;
}

const char *system_root(const struct system_info *system)
{
	(void)system;
	return "";
}

/* NOLINTBEGIN(readability-non-const-parameter): as io/system.h has it */
int system_read_file(struct system_info *system, const char *path, const char **text,
		     size_t *len)
{
	(void)system;
	(void)path;
	(void)text;
	(void)len;
	return -ENOENT;
}
/* NOLINTEND(readability-non-const-parameter) */

uint64_t system_uevent_seqnum(struct system_info *system)
{
	(void)system;
	sim_point("uevent_seqnum", 5);
	return kernel.seqnum;
}

bool system_read_nodes(struct system_info *system, struct snapshot *snapshot)
{
	size_t i;

	(void)system;
	sim_point("reads the nodes", 30);
	for (i = 0; i < snapshot->count; i++) {
		struct block *block = &snapshot->blocks[i];

		if (kernel.blocks[block->index].linked || sim_plant("unlinked"))
			block->node = 0;
	}
	return sim.model != SIM_EL6;
}

int system_read_resources(struct system_info *system, struct snapshot *snapshot)
{
	unsigned i;
	int r;

	(void)system;
	sim_point("reads iomem", 30);
	snapshot->resource_count = 0;
	r = snapshot_add_resource(snapshot, 0, SIM_BOOT_BLOCKS * SIM_BLOCK_BYTES,
				  "System RAM");
	for (i = 0; r == 0 && i < SIM_SLOTS; i++) {
		const struct sim_slot *slot = &kernel.slots[i];

		if (slot->plugged && slot->count)
			r = snapshot_add_resource(snapshot,
						  slot_base(i) * SIM_BLOCK_BYTES,
						  slot->count * SIM_BLOCK_BYTES,
						  i == SIM_VIRTIO_MEM
							  ? "System RAM (virtio_mem)"
							  : "System RAM");
	}
	return r;
}

int system_read_zoneinfo(struct system_info *system, struct snapshot *snapshot)
{
	struct snapshot_node *node = snapshot_node(snapshot, 0);
	unsigned i;

	(void)system;
	if (!node)
		return -ENOMEM;
	node->kernel_bytes = node->movable_bytes = 0;
	for (i = 0; i < SIM_BLOCKS; i++) {
		const struct sim_block *block = &kernel.blocks[i];

		if (block->present && block->state == BLOCK_ONLINE &&
		    block->zone == BLOCK_ZONE_MOVABLE)
			node->movable_bytes += SIM_BLOCK_BYTES;
		else if (block->present && block->state == BLOCK_ONLINE)
			node->kernel_bytes += SIM_BLOCK_BYTES;
	}
	return 0;
}

void system_read_windows(struct system_info *system, struct snapshot *snapshot)
{
	(void)system;
	snapshot->window_count = 1;
	snapshot->windows[0].start = SIM_FIRST_SLOT * SIM_BLOCK_BYTES;
	snapshot->windows[0].size = (SIM_BLOCKS - SIM_FIRST_SLOT) * SIM_BLOCK_BYTES;
}

void machine_read(struct system_info *system, struct machine *machine)
{
	(void)system;
	machine->is_virtual = true;
	machine->kernel.has[KERNEL_ONLINES_BY_ITSELF] = sim.model == SIM_EL6;
	machine->kernel.has[KERNEL_NO_HOT_REMOVE] = sim.model == SIM_EL6;
	machine->kernel.has[KERNEL_MOVABLE_FROM_TOP] = sim.model <= SIM_EL7;
}

void machine_read_memhp(struct system_info *system, const char *found,
			struct machine *machine)
{
	(void)system;
	(void)found;
	(void)machine;
}

bool system_is_capture_kernel(struct system_info *system)
{
	(void)system;
	return false;
}

static int parameter(const char *name)
{
	static const char *const names[] = { "", "online_policy", "auto_movable_ratio",
					     "auto_movable_numa_aware" };
	int i;

	for (i = 1; i < 4; i++)
		if (strcmp(names[i], name) == 0)
			return i;
	return 0;
}

void system_read_parameter(struct system_info *system, const char *name, char *value,
			   size_t size)
{
	(void)system;
	snprintf(value, size, "%s", kernel.parameters[parameter(name)]);
}

int system_write_parameter(struct system_info *system, const char *name,
			   const char *value)
{
	char *found = kernel.parameters[parameter(name)];

	(void)system;
	sim_point("writes a parameter", 20);
	if (!*found)
		return -ENOENT;
	snprintf(found, sizeof(kernel.parameters[0]), "%s", value);
	sim_point("wrote a parameter", 1);
	return 0;
}

const char *system_racing_rules(struct system_info *system)
{
	(void)system;
	return "";
}

const char *system_kernel_release(struct system_info *system)
{
	(void)system;
	return releases[sim.model];
}

const char *system_boot_id(struct system_info *system)
{
	return system->boot_id;
}

void system_make_id(char id[SYSTEM_ID_SIZE])
{
	snprintf(id, SYSTEM_ID_SIZE, "sim-at-%" PRIu64, sim.now_usec);
}

int system_read_log(struct system_info *system, const char **text, size_t *len)
{
	(void)system;
	*text = "";
	*len = 0;
	return 0;
}

uint64_t system_memory_limit(struct system_info *system)
{
	(void)system;
	return UINT64_MAX;
}

bool system_lacks_virtio_mem(struct system_info *system)
{
	(void)system;
	return false;
}

uint64_t system_free_bytes(struct system_info *system)
{
	(void)system;
	return UINT64_MAX;
}

int system_dimm_slot(struct system_info *system, int instance)
{
	(void)system;
	(void)instance;
	return -1;
}

bool system_has_udevd(struct system_info *system)
{
	(void)system;
	return events_udevd_runs();
}

void firmware_read(struct system_info *system, struct evidence *evidence)
{
	(void)system;
	evidence_clear(evidence);
}

int firmware_read_controller(struct system_info *system, struct evidence *evidence,
			     const struct firmware_ports *ports, void *data)
{
	(void)system;
	(void)evidence;
	(void)ports;
	(void)data;
	return -EOPNOTSUPP;
}

bool firmware_is_qemu(struct system_info *system)
{
	(void)system;
	return false;
}

/* --- io/log.h */

void log_open(const char *ident, enum config_log_target target,
	      enum config_log_level level, bool foreground)
{
	(void)ident;
	(void)target;
	(void)level;
	(void)foreground;
}

void log_set_level(enum config_log_level level)
{
	(void)level;
}

void log_line(enum config_log_level level, const char *format, ...)
{
	bool in_agent = sim.in_agent;
	char line[512];
	va_list arguments;

	(void)level;
	if (!sim.options.trace || !sim.options.log)
		return;
	sim.in_agent = false;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	sim_trace("  log: %s", line);
	sim.in_agent = in_agent;
}
