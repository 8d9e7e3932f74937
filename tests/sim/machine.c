/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/firmware.h"
#include "io/kmsg.h"
#include "io/log.h"
#include "io/machine.h"
#include "io/parameters.h"
#include "io/pressure.h"
#include "io/resources.h"
#include "io/root.h"
#include "io/source.h"
#include "io/udevd.h"
#include "io/uuid.h"
#include "io/zones.h"

/* What lies around the blocks, and io/log.h. */
struct root {
	bool is_open;
};
static struct root only_root;

static const char *const releases[SIM_MODELS] = {
	"2.6.32-754.el6.x86_64", "3.10.0-1160.el7.x86_64", "4.18.0-553.el8.x86_64",
	"5.14.0-427.el9.x86_64", "6.1.0-30-amd64",	   "6.12.0-1-amd64"
};

struct root *root_open(const char *path)
{
	(void)path;
	only_root.is_open = true;
	return &only_root;
}

void root_close(struct root *root)
{
	root->is_open = false;
}

const char *root_path(const struct root *root)
{
	(void)root;
	return "";
}

/* NOLINTBEGIN(readability-non-const-parameter): as io/root.h has it */
int root_read_file(struct root *root, const char *path, const char **text, size_t *len)
{
	(void)root;
	(void)path;
	(void)text;
	(void)len;
	return -ENOENT;
}
/* NOLINTEND(readability-non-const-parameter) */

int pressure_open(const struct root *root, uint64_t stall_usec, uint64_t window_usec)
{
	(void)root;
	(void)stall_usec;
	(void)window_usec;
	return -ENOENT;
}

uint64_t source_seqnum(struct root *root)
{
	(void)root;
	sim_point("uevent_seqnum", 5);
	return kernel.seqnum;
}

bool zones_read_nodes(struct root *root, struct snapshot *snapshot)
{
	size_t i;

	(void)root;
	sim_point("reads the nodes", 30);
	for (i = 0; i < snapshot->count; i++) {
		struct block *block = &snapshot->blocks[i];

		if (kernel.blocks[block->index].linked || sim_plant("unlinked"))
			block->node = 0;
	}
	return sim.model != SIM_EL6;
}

void zones_read_node(struct root *root, struct block *block)
{
	(void)root;
	sim_point("reads one node", 10);
	block->node = BLOCK_NODE_UNKNOWN;
	if (kernel.blocks[block->index].linked || sim_plant("unlinked"))
		block->node = 0;
}

int resources_read(struct root *root, struct snapshot *snapshot)
{
	unsigned i;
	int r;

	(void)root;
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

int zones_read_sums(struct root *root, struct snapshot *snapshot)
{
	struct snapshot_node *node = snapshot_node(snapshot, 0);
	unsigned i;

	(void)root;
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

void firmware_read_windows(struct root *root, struct snapshot *snapshot)
{
	(void)root;
	snapshot->window_count = 1;
	snapshot->windows[0].start = SIM_FIRST_SLOT * SIM_BLOCK_BYTES;
	snapshot->windows[0].size = (SIM_BLOCKS - SIM_FIRST_SLOT) * SIM_BLOCK_BYTES;
}

void machine_read(struct root *root, struct machine *machine)
{
	(void)root;
	machine->is_virtual = true;
	snprintf(machine->release, sizeof(machine->release), "%s", releases[sim.model]);
	machine->kernel.has[KERNEL_ONLINES_BY_ITSELF] = sim.model == SIM_EL6;
	machine->kernel.has[KERNEL_NO_HOT_REMOVE] = sim.model == SIM_EL6;
	machine->kernel.has[KERNEL_MOVABLE_FROM_TOP] = sim.model <= SIM_EL7;
	machine->kernel.has[KERNEL_LINKS_EACH_BLOCK] = sim.model <= SIM_4_18;
}

void machine_read_memhp(struct root *root, const char *found, struct machine *machine)
{
	(void)root;
	(void)found;
	(void)machine;
}

bool machine_is_capture_kernel(struct root *root)
{
	(void)root;
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

void parameters_read(struct root *root, const char *name, char *value, size_t size)
{
	(void)root;
	snprintf(value, size, "%s", kernel.parameters[parameter(name)]);
}

int parameters_write(struct root *root, const char *name, const char *value)
{
	char *found = kernel.parameters[parameter(name)];

	(void)root;
	sim_point("writes a parameter", 20);
	if (!*found)
		return -ENOENT;
	snprintf(found, sizeof(kernel.parameters[0]), "%s", value);
	sim_point("wrote a parameter", 1);
	return 0;
}

const char *udevd_racing_rules(struct root *root)
{
	(void)root;
	return "";
}

void machine_read_boot_id(struct root *root, char id[MACHINE_BOOT_ID_SIZE])
{
	(void)root;
	snprintf(id, MACHINE_BOOT_ID_SIZE, "00000000-0000-0000-0000-000000000001");
}

void uuid_make(char id[UUID_SIZE])
{
	if (!sim_plant("same-instance"))
		sim.uuids++;
	snprintf(id, UUID_SIZE, "sim-%u", sim.uuids);
}

int kmsg_read_log(struct root *root, struct text *out)
{
	(void)root;
	text_clear(out);
	return 0;
}

uint64_t machine_memory_limit(struct root *root)
{
	(void)root;
	return UINT64_MAX;
}

bool machine_lacks_virtio_mem(struct root *root)
{
	(void)root;
	return false;
}

uint64_t machine_free_bytes(struct root *root)
{
	(void)root;
	return UINT64_MAX;
}

int firmware_dimm_slot(struct root *root, int instance)
{
	(void)root;
	(void)instance;
	return -1;
}

bool udevd_runs(struct root *root)
{
	(void)root;
	return events_udevd_runs();
}

void firmware_read(struct root *root, struct evidence *evidence)
{
	(void)root;
	evidence_clear(evidence);
}

int firmware_read_controller(struct root *root, struct evidence *evidence,
			     const struct firmware_ports *ports, void *data)
{
	(void)root;
	(void)evidence;
	(void)ports;
	(void)data;
	return -EOPNOTSUPP;
}

bool firmware_is_qemu(struct root *root)
{
	(void)root;
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
