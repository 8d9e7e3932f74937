/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/machine.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "core/command-line.h"
#include "core/number.h"
#include "core/virtualization.h"

/* Of another root only what its files say: this process runs on another machine. */
static void read_architecture(struct root *root, struct machine *machine)
{
	struct utsname name;
	char arch[sizeof(name.machine)] = "";
	const char *text;
	size_t len;

	if (!*root_path(root) && uname(&name) == 0)
		snprintf(arch, sizeof(arch), "%s", name.machine);
	else /* from 6.1 on */
		root_read_line(root, "/proc/sys/kernel/arch", arch, sizeof(arch));
	machine->keeps_memory = strncmp(arch, "s390", 4) == 0 ||
				strncmp(arch, "ppc64", 5) == 0;
	if (!arch[0] && root_read_file(root, "/proc/cpuinfo", &text, &len) == 0)
		machine->keeps_memory = strstr(text, "IBM/S390") ||
					strstr(text, "POWER") != NULL;
}

/* --- virtual or not */

static void read_names(struct root *root, struct virtualization *facts)
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
		root_read_line(root, path, facts->names[i], sizeof(facts->names[i]));
	}
}

/* The first is there once the module dmi-sysfs is, the other one always, from 4.2 on. */
static enum virtualization_bit read_smbios(struct root *root)
{
	const char *text;
	size_t len;

	if (root_read_file(root, "/sys/firmware/dmi/entries/0-0/raw", &text, &len) == 0 ||
	    root_read_file(root, "/sys/firmware/dmi/tables/DMI", &text, &len) == 0)
		return virtualization_smbios(text, len);
	return VIRTUALIZATION_UNKNOWN;
}

#define TREE "/proc/device-tree"

static bool has_fw_cfg(struct root *root)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	bool found = false;
	DIR *tree;

	snprintf(path, sizeof(path), "%s" TREE, root_path(root));
	tree = opendir(path);
	while (tree && !found && (entry = readdir(tree)))
		found = strncmp(entry->d_name, "fw-cfg@", 7) == 0;
	if (tree)
		closedir(tree);
	return found;
}

static void read_tree(struct root *root, struct virtualization *facts)
{
	const char *text;
	size_t len;

	facts->tree_hypervisor =
		root_read_file(root, TREE "/hypervisor/compatible", &text, &len) == 0;
	facts->tree_dummy = root_read_file(root, TREE "/compatible", &text, &len) == 0 &&
			    virtualization_tree_is_dummy(text, len);
	facts->tree_fw_cfg = has_fw_cfg(root);
}

static bool is_virtual(struct root *root)
{
	struct virtualization facts;
	char type[32] = "";
	const char *text;
	size_t len;

	memset(&facts, 0, sizeof(facts));
	if (root_read_file(root, "/proc/cpuinfo", &text, &len) == 0)
		facts.cpuid = virtualization_cpuid(text);
	root_read_line(root, "/sys/hypervisor/type", type, sizeof(type));
	facts.hypervisor_file = type[0] != '\0';
	facts.control_domain =
		root_read_file(root, "/proc/xen/capabilities", &text, &len) == 0 &&
		strstr(text, "control_d");
	read_names(root, &facts);
	facts.smbios = read_smbios(root);
	read_tree(root, &facts);
	return virtualization_decide(&facts);
}

/* --- the kernel */

/* "Linux version 2.6.32-642.el6.x86_64 (mockbuild@…" */
static void take_release(const char *text, struct machine *machine)
{
	static const char label[] = "Linux version ";

	if (strncmp(text, label, sizeof(label) - 1) != 0)
		return;
	text += sizeof(label) - 1;
	snprintf(machine->release, sizeof(machine->release), "%.*s",
		 (int)strcspn(text, " \n"), text);
}

static void read_release(struct root *root, struct machine *machine)
{
	struct utsname name;
	const char *text;
	size_t len;

	machine->release[0] = '\0';
	if (root_read_line(root, "/proc/sys/kernel/osrelease", machine->release,
			   sizeof(machine->release)) == 0)
		return;
	if (root_read_file(root, "/proc/version", &text, &len) == 0)
		take_release(text, machine);
	else if (!*root_path(root) && uname(&name) == 0)
		snprintf(machine->release, sizeof(machine->release), "%s", name.release);
}

static void read_traits(struct root *root, struct machine *machine)
{
	unsigned i;

	kernel_take_release(&machine->kernel, machine->release);
	for (i = 0; i < KERNEL_TRAITS; i++) {
		const char *file = kernel_trait_file((enum kernel_trait)i);
		char line[4] = "";

		if (!file)
			continue;
		root_read_line(root, file, line, sizeof(line));
		kernel_take_line(&machine->kernel, (enum kernel_trait)i, line);
	}
}

void machine_read(struct root *root, struct machine *machine)
{
	read_architecture(root, machine);
	machine->is_virtual = is_virtual(root);
	read_release(root, machine);
	read_traits(root, machine);
}

void machine_read_memhp(struct root *root, const char *found, struct machine *machine)
{
	enum command_line_memhp memhp = COMMAND_LINE_MEMHP_NONE;
	const char *text;
	size_t len;

	if (root_read_file(root, "/proc/cmdline", &text, &len) == 0)
		memhp = command_line_memhp(text, found);
	machine->memhp_default_state = memhp == COMMAND_LINE_MEMHP_IN_FORCE;
	machine->memhp_ignored = memhp == COMMAND_LINE_MEMHP_IGNORED;
}

void machine_read_boot_id(struct root *root, char id[MACHINE_BOOT_ID_SIZE])
{
	id[0] = '\0';
	root_read_line(root, "/proc/sys/kernel/random/boot_id", id, MACHINE_BOOT_ID_SIZE);
}

/* --- what keeps memory out */

/* Whether one of the line's space-separated words begins like this. */
static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);
	const char *at = text;

	while ((at = strstr(at, word))) {
		if (at == text || at[-1] == ' ' || at[-1] == '\t')
			return true;
		at += len;
	}
	return false;
}

bool machine_is_capture_kernel(struct root *root)
{
	const char *text;
	size_t len;

	return root_has(root, "/proc/vmcore") ||
	       (root_read_file(root, "/proc/cmdline", &text, &len) == 0 &&
		has_word(text, "elfcorehdr="));
}

uint64_t machine_memory_limit(struct root *root)
{
	const char *text;
	size_t len;

	if (root_read_file(root, "/proc/cmdline", &text, &len) < 0)
		return UINT64_MAX;
	return command_line_memory_limit(text);
}

bool machine_lacks_virtio_mem(struct root *root)
{
	return root_has(root, "/sys/bus/virtio/drivers") &&
	       !root_has(root, "/sys/bus/virtio/drivers/virtio_mem") && errno == ENOENT;
}

/* "Name:   12345 kB" */
static bool find_kib(const char *text, const char *name, uint64_t *bytes)
{
	const char *at = strstr(text, name);
	uint64_t kib;

	if (!at || !number_behind(at, name, 10, &kib))
		return false;
	*bytes = kib * 1024;
	return true;
}

uint64_t machine_free_bytes(struct root *root)
{
	uint64_t bytes = UINT64_MAX;
	const char *text;
	size_t len;

	if (root_read_file(root, "/proc/meminfo", &text, &len) == 0 &&
	    !find_kib(text, "MemAvailable:", &bytes))
		find_kib(text, "MemFree:", &bytes);
	return bytes;
}
