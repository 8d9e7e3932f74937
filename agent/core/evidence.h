/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_EVIDENCE_H
#define MEMONLINE_EVIDENCE_H

/*
 * What a guest can know about addresses at which the kernel has no memory. Every text and
 * table comes from outside: if any part of it is broken, none of it is used, and
 * core/probe refuses what would depend on it.
 */

#include "core/contract.h"
#include "core/srat.h"

struct evidence_range {
	uint64_t start, size; /* bytes; size is never 0, and the end never wraps */
};

#define EVIDENCE_SLOTS_MAX 256 /* QEMU has no more */
#define EVIDENCE_TAKEN_MAX 8192 /* lines of /proc/iomem */
#define EVIDENCE_NFIT_MAX 256

/* Zero is: nothing was read. */
struct evidence {
	bool has_srat, has_iomem, has_nfit, has_objects, has_controller;
	struct srat_entry srat[SRAT_ENTRIES_MAX];
	size_t srat_count;
	struct evidence_range *taken; /* every line of /proc/iomem; owned */
	size_t taken_count;
	struct evidence_range nfit[EVIDENCE_NFIT_MAX]; /* persistent memory */
	size_t nfit_count;
	unsigned address_bits; /* physical; 0: not read */
	/* PNP0C80 devices; if `status` is unknown (EL6) each counts as populated. */
	size_t objects, populated;
	/* Enabled DIMMs of QEMU's hot-plug controller. */
	struct evidence_range dimms[EVIDENCE_SLOTS_MAX];
	size_t dimm_count;
};

void evidence_clear(struct evidence *evidence);

/* Each: 0, or negative errno with *evidence as it was. */
int evidence_take_srat(struct evidence *evidence, const uint8_t *bytes,
		       size_t len) _must_check_ _nonnull_(1);
/*
 * -EACCES where it shows no memory at all: zeros are what a reader without CAP_SYS_ADMIN gets.
 * -EINVAL for a line that is none.
 */
int evidence_take_iomem(struct evidence *evidence, const char *text,
			size_t len) _must_check_ _nonnull_(1);
/* NVDIMM Firmware Interface Table (ACPI 6.5, 5.2.25), structures of type 0. */
int evidence_take_nfit(struct evidence *evidence, const uint8_t *bytes, size_t len)
	_nonnull_(1);
/* The smallest of "address sizes : 40 bits physical, …" in /proc/cpuinfo. */
int evidence_take_cpuinfo(struct evidence *evidence, const char *text) _nonnull_(1);

/* A slot of the controller, by its registers (QEMU: docs/specs/acpi_mem_hotplug.rst). */
enum {
	EVIDENCE_ADDRESS_LOW,
	EVIDENCE_ADDRESS_HIGH,
	EVIDENCE_SIZE_LOW,
	EVIDENCE_SIZE_HIGH,
	EVIDENCE_PROXIMITY,
	EVIDENCE_FLAGS,
	EVIDENCE_WORDS
};
/*
 * -EAGAIN: a plug or an unplug is under way. -EINVAL: a slot cannot have these registers.
 */
int evidence_take_slot(struct evidence *evidence,
		       const uint32_t words[EVIDENCE_WORDS]) _must_check_ _nonnull_(1);

/*
 * The DSDT's header names QEMU's own AML as its maker, and the path of a PNP0C80 device lies below
 * its hot-plug controller.
 */
bool evidence_is_qemu_dsdt(const uint8_t *bytes, size_t len);
/*
 * Whether a DSDT of QEMU's has the controller: a device MHPD with I/O ports 0xa00-0xa17 (QEMU:
 * hw/acpi/memory_hotplug.c), which is left out of machines without memory slots.
 */
bool evidence_dsdt_has_controller(const uint8_t *bytes, size_t len);
bool evidence_is_qemu_slot(const char *path);

bool evidence_overlaps(const struct evidence_range *a, uint64_t start, uint64_t size)
	_nonnull_(1);
/* Whether [start, start + size) lies wholly inside. */
bool evidence_holds(const struct evidence_range *a, uint64_t start, uint64_t size)
	_nonnull_(1);

#endif
