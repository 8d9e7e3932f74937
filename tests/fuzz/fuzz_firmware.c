/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A SRAT, an NFIT, /proc/iomem or /proc/cpuinfo, by the first byte: either not taken at all, or
 * nothing outside of the real guest's window passes with it, and nothing where it has memory.
 * The same bytes as SMBIOS and as a device tree's `compatible`.
 */

#include <stdlib.h>
#include <string.h>

#include "core/probe.h"
#include "core/virtualization.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define GIB (UINT64_C(1) << 30)
#define UNIT (UINT64_C(128) << 20)
/* The window of a guest of 1 GiB with maxmem=64G in QEMU 7.2. */
#define WINDOW_START (4 * GIB)
#define WINDOW_SIZE (67 * GIB)

static void must(bool holds)
{
	if (!holds)
		abort();
}

static struct device dimm_at(uint64_t start)
{
	struct device device;

	memset(&device, 0, sizeof(device));
	memcpy(device.type, DEVICE_DIMM, sizeof(DEVICE_DIMM));
	device.start = start;
	device.size = UNIT;
	device.has_range = true;
	return device;
}

/* What a real guest shows, less what the bytes stand for. */
static void real_evidence(struct evidence *evidence)
{
	static const char iomem[] = "00001000-0009fbff : System RAM\n"
				    "00100000-3fffffff : System RAM\n"
				    "fec00000-fec003ff : IOAPIC 0\n";

	memset(evidence, 0, sizeof(*evidence));
	must(evidence_take_iomem(evidence, iomem, sizeof(iomem) - 1) == 0);
	evidence->has_srat = evidence->has_nfit = evidence->has_objects = true;
	evidence->srat_count = 1;
	evidence->srat[0].start = WINDOW_START;
	evidence->srat[0].size = WINDOW_SIZE;
	evidence->srat[0].hot_pluggable = true;
	evidence->objects = evidence->populated = 8;
	evidence->address_bits = 40;
}

static int take(struct evidence *evidence, uint8_t kind, const uint8_t *data, size_t size)
{
	char *text;
	int r;

	switch (kind % 4) {
	case 0:
		evidence->has_srat = false;
		return evidence_take_srat(evidence, data, size);
	case 1:
		evidence->has_iomem = false;
		return evidence_take_iomem(evidence, (const char *)data, size);
	case 2:
		evidence->has_nfit = false;
		return evidence_take_nfit(evidence, data, size);
	}
	evidence->address_bits = 0;
	text = malloc(size + 1);
	must(text != NULL);
	memcpy(text, data, size);
	text[size] = '\0';
	r = evidence_take_cpuinfo(evidence, text);
	free(text);
	return r;
}

/* What says whether the machine is virtual: any bytes will do, and nothing behind them is read. */
static void read_machine(const uint8_t *data, size_t size)
{
	must(virtualization_smbios(data, size) <= VIRTUALIZATION_SET);
	virtualization_tree_is_dummy((const char *)data, size);
}

/* Ranges that are never plugged memory, whatever the bytes are. */
static bool is_wrong(const struct evidence *evidence, const struct device *device)
{
	size_t i;
	bool inside = false;

	for (i = 0; i < evidence->srat_count; i++)
		if (evidence->srat[i].hot_pluggable &&
		    device->start >= evidence->srat[i].start &&
		    device->start - evidence->srat[i].start + device->size <=
			    evidence->srat[i].size)
			inside = true;
	for (i = 0; i < evidence->taken_count; i++)
		if (evidence_overlaps(&evidence->taken[i], device->start, device->size))
			return true;
	return !inside || device->start < WINDOW_START || device->start % UNIT ||
	       device->start >= UINT64_C(1) << 46;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t places[] = { 0,		UNIT,	    GIB,
					   3 * GIB,	4 * GIB,    4 * GIB + UNIT,
					   5 * GIB,	70 * GIB,   71 * GIB,
					   4 * GIB + 1, 1024 * GIB, UINT64_C(1) << 46,
					   -UNIT };
	struct block block = { .index = 0, .state = BLOCK_ONLINE };
	struct snapshot snapshot = SNAPSHOT_INIT;
	struct evidence evidence;
	size_t i;
	int r;

	if (!size)
		return 0;
	snapshot.block_size_bytes = UNIT;
	snapshot.blocks = &block;
	snapshot.count = 1;
	real_evidence(&evidence);
	read_machine(data + 1, size - 1);
	r = take(&evidence, data[0], data + 1, size - 1);
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct device device = dimm_at(places[i]);
		struct probe_facts facts = { &evidence, &snapshot, &device, 1,
					     true,	true,	   true };
		struct probe_verdict verdict;

		probe_decide(&facts, 0, &verdict);
		must(verdict.reason != REASON_NONE ||
		     (r == 0 && !is_wrong(&evidence, &device)));
	}
	evidence_clear(&evidence);
	return 0;
}
