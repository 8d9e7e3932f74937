/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/machine.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "core/command-line.h"
#include "core/virtualization.h"

/* Of another root only what its files say: this process runs on another machine. */
static void read_architecture(struct system_info *system, struct machine *machine)
{
	struct utsname name;
	char arch[sizeof(name.machine)] = "";
	const char *text;
	size_t len;

	if (!*system_root(system) && uname(&name) == 0)
		snprintf(arch, sizeof(arch), "%s", name.machine);
	else /* from 6.1 on */
		system_read_line(system, "/proc/sys/kernel/arch", arch, sizeof(arch));
	machine->keeps_memory = strncmp(arch, "s390", 4) == 0 ||
				strncmp(arch, "ppc64", 5) == 0;
	if (!arch[0] && system_read_file(system, "/proc/cpuinfo", &text, &len) == 0)
		machine->keeps_memory = strstr(text, "IBM/S390") ||
					strstr(text, "POWER") != NULL;
}

/* --- virtual or not */

static void read_names(struct system_info *system, struct virtualization *facts)
{
	static const char *const files[VIRTUALIZATION_NAMES] = {
		[VIRTUALIZATION_PRODUCT] = "product_name",
		[VIRTUALIZATION_SYSTEM_VENDOR] = "sys_vendor",
		[VIRTUALIZATION_BOARD_VENDOR] = "board_vendor",
		[VIRTUALIZATION_BIOS_VENDOR] = "bios_vendor",
		[VIRTUALIZATION_PRODUCT_VERSION] = "product_version",
	};
	char path[64];
	size_t i;

	for (i = 0; i < VIRTUALIZATION_NAMES; i++) {
		snprintf(path, sizeof(path), "/sys/class/dmi/id/%s", files[i]);
		system_read_line(system, path, facts->names[i], sizeof(facts->names[i]));
	}
}

/* The first is there once the module dmi-sysfs is, the other one always, from 4.2 on. */
static enum virtualization_bit read_smbios(struct system_info *system)
{
	const char *text;
	size_t len;

	if (system_read_file(system, "/sys/firmware/dmi/entries/0-0/raw", &text, &len) ==
		    0 ||
	    system_read_file(system, "/sys/firmware/dmi/tables/DMI", &text, &len) == 0)
		return virtualization_smbios(text, len);
	return VIRTUALIZATION_UNKNOWN;
}

#define TREE "/proc/device-tree"

static bool has_fw_cfg(struct system_info *system)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	bool found = false;
	DIR *tree;

	snprintf(path, sizeof(path), "%s" TREE, system_root(system));
	tree = opendir(path);
	while (tree && !found && (entry = readdir(tree)))
		found = strncmp(entry->d_name, "fw-cfg@", 7) == 0;
	if (tree)
		closedir(tree);
	return found;
}

static void read_tree(struct system_info *system, struct virtualization *facts)
{
	const char *text;
	size_t len;

	facts->tree_hypervisor =
		system_read_file(system, TREE "/hypervisor/compatible", &text, &len) == 0;
	facts->tree_dummy = system_read_file(system, TREE "/compatible", &text, &len) ==
				    0 &&
			    virtualization_tree_is_dummy(text, len);
	facts->tree_fw_cfg = has_fw_cfg(system);
}

static bool is_virtual(struct system_info *system)
{
	struct virtualization facts;
	char type[32] = "";
	const char *text;
	size_t len;

	memset(&facts, 0, sizeof(facts));
	if (system_read_file(system, "/proc/cpuinfo", &text, &len) == 0)
		facts.cpuid = virtualization_cpuid(text);
	system_read_line(system, "/sys/hypervisor/type", type, sizeof(type));
	facts.hypervisor_file = type[0] != '\0';
	facts.control_domain =
		system_read_file(system, "/proc/xen/capabilities", &text, &len) == 0 &&
		strstr(text, "control_d");
	read_names(system, &facts);
	facts.smbios = read_smbios(system);
	read_tree(system, &facts);
	return virtualization_decide(&facts);
}

static void read_kernel(struct system_info *system, struct kernel *kernel)
{
	unsigned i;

	kernel_take_release(kernel, system_kernel_release(system));
	for (i = 0; i < KERNEL_TRAITS; i++) {
		const char *file = kernel_trait_file((enum kernel_trait)i);
		char line[4] = "";

		if (!file)
			continue;
		system_read_line(system, file, line, sizeof(line));
		kernel_take_line(kernel, (enum kernel_trait)i, line);
	}
}

void machine_read(struct system_info *system, struct machine *machine)
{
	read_architecture(system, machine);
	machine->is_virtual = is_virtual(system);
	read_kernel(system, &machine->kernel);
}

void machine_read_memhp(struct system_info *system, const char *found,
			struct machine *machine)
{
	enum command_line_memhp memhp = COMMAND_LINE_MEMHP_NONE;
	const char *text;
	size_t len;

	if (system_read_file(system, "/proc/cmdline", &text, &len) == 0)
		memhp = command_line_memhp(text, found);
	machine->memhp_default_state = memhp == COMMAND_LINE_MEMHP_IN_FORCE;
	machine->memhp_ignored = memhp == COMMAND_LINE_MEMHP_IGNORED;
}
