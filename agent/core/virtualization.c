/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/virtualization.h"

#include <stdint.h>
#include <string.h>

#define SMBIOS_HEADER 4 /* type, length, handle */
#define SMBIOS_BIOS 0 /* the type */
#define SMBIOS_EXTENSION 0x13 /* BIOS characteristics extension byte 2, from 2.4 on */
#define SMBIOS_VIRTUAL (1 << 4)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a name begins with that only a virtual machine has. */
static const char *const virtual_names[] = {
	"QEMU",
	"KVM",
	"OpenStack",
	"KubeVirt",
	"VMware",
	"VMW",
	"innotek GmbH",
	"VirtualBox",
	"Xen",
	"Bochs",
	"Parallels",
	"BHYVE",
	"Hyper-V",
	"Apple Virtualization",
	"Cloud Hypervisor",
};

/* Names of virtual machines and of real ones, or of a cloud's whole servers. */
static const char *const ambiguous_names[] = {
	"Amazon EC2", "Google", "Alibaba", "Nutanix", "Red Hat",
};

static bool begins(const char *text, const char *with)
{
	return strncmp(text, with, strlen(with)) == 0;
}

static bool one_begins(const struct virtualization *facts, const char *const *with,
		       size_t count)
{
	size_t name, i;

	for (name = 0; name < VIRTUALIZATION_NAMES; name++)
		for (i = 0; i < count; i++)
			if (begins(facts->names[name], with[i]))
				return true;
	return false;
}

/* Microsoft sells computers, too. */
static bool is_hyper_v(const struct virtualization *facts)
{
	return begins(facts->names[VIRTUALIZATION_SYSTEM_VENDOR], "Microsoft") &&
	       begins(facts->names[VIRTUALIZATION_PRODUCT], "Virtual Machine");
}

/* "c6g.metal", "c7i.metal-24xl" */
static bool is_metal(const char *product)
{
	const char *at = strstr(product, ".metal");

	return at && (at[6] == '\0' || at[6] == '-');
}

static bool ambiguous(const struct virtualization *facts)
{
	if (facts->smbios != VIRTUALIZATION_UNKNOWN)
		return facts->smbios == VIRTUALIZATION_SET;
	return facts->cpuid != VIRTUALIZATION_CLEAR &&
	       !is_metal(facts->names[VIRTUALIZATION_PRODUCT]);
}

bool virtualization_decide(const struct virtualization *facts)
{
	if (facts->control_domain)
		return false;
	if (facts->cpuid == VIRTUALIZATION_SET || facts->hypervisor_file)
		return true;
	if (one_begins(facts, virtual_names, COUNT(virtual_names)) || is_hyper_v(facts))
		return true;
	if (one_begins(facts, ambiguous_names, COUNT(ambiguous_names)))
		return ambiguous(facts);
	return facts->smbios == VIRTUALIZATION_SET || facts->tree_hypervisor ||
	       facts->tree_dummy || facts->tree_fw_cfg;
}

enum virtualization_bit virtualization_cpuid(const char *cpuinfo)
{
	static const char flag[] = " hypervisor";
	const char *line = strstr(cpuinfo, "\nflags\t");
	const char *end, *at;

	if (!line)
		return VIRTUALIZATION_UNKNOWN;
	end = line + 1 + strcspn(line + 1, "\n");
	for (at = line; (at = strstr(at, flag)) && at < end; at++)
		if (strchr(" \n", at[sizeof(flag) - 1]))
			return VIRTUALIZATION_SET;
	return VIRTUALIZATION_CLEAR;
}

/* A structure's texts end with two NULs; `len` where they do not. */
static size_t behind_texts(const uint8_t *bytes, size_t at, size_t len)
{
	for (; at + 1 < len; at++)
		if (!bytes[at] && !bytes[at + 1])
			return at + 2;
	return len;
}

enum virtualization_bit virtualization_smbios(const void *table, size_t len)
{
	const uint8_t *bytes = table;
	size_t at = 0;

	while (len - at > SMBIOS_HEADER) {
		size_t size = bytes[at + 1];

		if (size < SMBIOS_HEADER || size > len - at)
			break;
		if (bytes[at] != SMBIOS_BIOS) {
			at = behind_texts(bytes, at + size, len);
			continue;
		}
		if (size <= SMBIOS_EXTENSION)
			break;
		return (bytes[at + SMBIOS_EXTENSION] & SMBIOS_VIRTUAL)
			       ? VIRTUALIZATION_SET
			       : VIRTUALIZATION_CLEAR;
	}
	return VIRTUALIZATION_UNKNOWN;
}

bool virtualization_tree_is_dummy(const char *compatible, size_t len)
{
	static const char dummy[] = "linux,dummy-"; /* -virt, -loongson3 */
	size_t at = 0;

	while (at < len) {
		size_t size = strnlen(compatible + at, len - at);

		if (size >= sizeof(dummy) - 1 &&
		    memcmp(compatible + at, dummy, sizeof(dummy) - 1) == 0)
			return true;
		at += size + 1;
	}
	return false;
}
