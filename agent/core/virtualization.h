/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_VIRTUALIZATION_H
#define MEMONLINE_VIRTUALIZATION_H

/*
 * Whether this is a virtual machine, by what processor, firmware and device tree say of themselves.
 * The order is that of systemd-detect-virt(1), which the distributions' own udev rules ask.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/contract.h"

enum virtualization_bit {
	VIRTUALIZATION_UNKNOWN, /* nobody says */
	VIRTUALIZATION_CLEAR,
	VIRTUALIZATION_SET
};

/* SMBIOS names, the files of these names in /sys/class/dmi/id. */
enum virtualization_name {
	VIRTUALIZATION_PRODUCT,
	VIRTUALIZATION_SYSTEM_VENDOR,
	VIRTUALIZATION_BOARD_VENDOR,
	VIRTUALIZATION_BIOS_VENDOR,
	VIRTUALIZATION_PRODUCT_VERSION,
	VIRTUALIZATION_NAMES
};
#define VIRTUALIZATION_NAME_SIZE 72

struct virtualization {
	/* CPUID 1, ECX bit 31; unknown if the processor is not an x86. */
	enum virtualization_bit cpuid;
	bool hypervisor_file; /* /sys/hypervisor/type has a name: Xen */
	bool control_domain; /* Xen's dom0 has the machine's own memory */
	char names[VIRTUALIZATION_NAMES][VIRTUALIZATION_NAME_SIZE];
	/* SMBIOS type 0, extension byte 2, bit 4: "SMBIOS table describes a virtual machine". */
	enum virtualization_bit smbios;
	/* A device tree with a node `hypervisor`, of no real board, or with QEMU's fw-cfg. */
	bool tree_hypervisor, tree_dummy, tree_fw_cfg;
};

/*
 * Makers of virtual machines decide by name, but for those who rent out real ones under the same
 * name: there SMBIOS type 0 decides, then the processor, then a product called "NAME.metal".
 */
bool virtualization_decide(const struct virtualization *facts) _nonnull_(1);

/* The processor's bit, of the text of /proc/cpuinfo. */
enum virtualization_bit virtualization_cpuid(const char *cpuinfo);
/*
 * SMBIOS type 0's bit, of a table of structures as in /sys/firmware/dmi/tables/DMI, or of that
 * structure alone as in /sys/firmware/dmi/entries/0-0/raw. The bytes may be anything. Unknown
 * before SMBIOS 2.4, where the structure is too short to have it.
 */
enum virtualization_bit virtualization_smbios(const void *table, size_t len);
/* Whether the device tree's `compatible`, texts with a NUL behind each, is of no real board. */
bool virtualization_tree_is_dummy(const char *compatible, size_t len);

#endif
