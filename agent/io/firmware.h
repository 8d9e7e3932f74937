/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_FIRMWARE_H
#define MEMONLINE_FIRMWARE_H

/*
 * Evidence for core/probe: what firmware, kernel and QEMU's memory hot-plug controller show of
 * addresses where the kernel has no memory. Reads only, but for the controller's slot selector.
 */

#include "core/contract.h"
#include "core/evidence.h"
#include "core/snapshot.h"
#include "io/root.h"

/* Access to I/O ports; tests replace it by a controller. */
struct firmware_ports {
	int (*open)(void *data); /* 0 or negative errno */
	void (*write)(void *data, uint16_t port, uint32_t value);
	uint32_t (*read)(void *data, uint16_t port);
	void (*close)(void *data);
};

/*
 * Fills all of `evidence` but the controller; what cannot be read, or is not whole, is logged and
 * left out (has_… says so). What the structure held before is freed.
 */
void firmware_read(struct root *root, struct evidence *evidence) _nonnull_(1);

/*
 * QEMU's controller at I/O ports 0xa00-0xa17 (docs/specs/acpi_mem_hotplug.rst there): a
 * 32-bit write to 0xa00 selects a slot, whose registers are read as 32-bit words. The
 * firmware's own code uses the same selector, so each slot is read twice, and all again
 * if an ACPI event came meanwhile. Only where firmware_is_qemu holds; -EOPNOTSUPP
 * elsewhere, and below another root. -EPERM without CAP_SYS_RAWIO, -EAGAIN if the
 * registers kept changing, -EINVAL if a slot cannot have these registers. `ports` NULL:
 * this machine's (x86 only).
 */
int firmware_read_controller(struct root *root, struct evidence *evidence,
			     const struct firmware_ports *ports, void *data) _must_check_
	_nonnull_(1);
/*
 * The DSDT is QEMU's, and every PNP0C80 device lies under its controller; where there is none, the
 * DSDT names the controller.
 */
bool firmware_is_qemu(struct root *root) _nonnull_(1);

/*
 * Replaces the snapshot's windows by the enabled hot-pluggable entries of the SRAT
 * (/sys/firmware/acpi/tables/SRAT); none if the table is missing or broken.
 */
void firmware_read_windows(struct root *root, struct snapshot *snapshot) _nonnull_(1);
/*
 * The DIMM slot of the ACPI device PNP0C80:instance, by its path (\_SB_.MHPC.MP0A, and with
 * older QEMUs \_SB_.MHPD.MP0A); -1 where that is none of QEMU's or cannot be read.
 */
int firmware_dimm_slot(struct root *root, int instance) _nonnull_(1);

#endif
