/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/probe.h"

#include <string.h>

#define FOUR_GIB (UINT64_C(1) << 32)
/* MAX_PHYSMEM_BITS of 2.6.32 and 3.10; beyond it they index past the end of an array. */
#define KERNEL_BITS 46

#define UNREADABLE REASON_EVIDENCE_UNREADABLE

typedef enum reason (*check_fn)(const struct probe_facts *facts,
				const struct device *device);

static bool is_range(const struct device *device)
{
	return device->has_range && device->size &&
	       device->start <= UINT64_MAX - (device->size - 1);
}

static enum reason check_named(const struct probe_facts *facts,
			       const struct device *device)
{
	(void)device;
	return facts->is_named ? REASON_NONE : REASON_NOT_NAMED;
}

static enum reason check_file(const struct probe_facts *facts,
			      const struct device *device)
{
	(void)device;
	return facts->has_file ? REASON_NONE : REASON_NO_PROBE_FILE;
}

static enum reason check_dimm(const struct probe_facts *facts,
			      const struct device *device)
{
	(void)facts;
	return device_is_dimm(device) ? REASON_NONE : REASON_NOT_A_DIMM;
}

static enum reason check_range(const struct probe_facts *facts,
			       const struct device *device)
{
	(void)facts;
	return is_range(device) ? REASON_NONE : REASON_BAD_RANGE;
}

static enum reason check_aligned(const struct probe_facts *facts,
				 const struct device *device)
{
	uint64_t unit = facts->snapshot->block_size_bytes;

	if (!unit)
		return UNREADABLE;
	return device->start % unit || device->size % unit ? REASON_UNALIGNED
							   : REASON_NONE;
}

static enum reason check_above_4g(const struct probe_facts *facts,
				  const struct device *device)
{
	(void)facts;
	return device->start < FOUR_GIB ? REASON_BELOW_4G : REASON_NONE;
}

static enum reason check_address_bits(const struct probe_facts *facts,
				      const struct device *device)
{
	unsigned bits = facts->evidence->address_bits;

	if (!bits)
		return UNREADABLE;
	if (bits > KERNEL_BITS)
		bits = KERNEL_BITS;
	return (device->start + (device->size - 1)) >> bits == 0
		       ? REASON_NONE
		       : REASON_BEYOND_ADDRESS_BITS;
}

static bool any_overlaps(const struct evidence_range *ranges, size_t count,
			 const struct device *device)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (evidence_overlaps(&ranges[i], device->start, device->size))
			return true;
	return false;
}

static struct evidence_range range_of(const struct srat_entry *entry)
{
	struct evidence_range range = { entry->start, entry->size };

	return range;
}

static enum reason check_volatile(const struct probe_facts *facts,
				  const struct device *device)
{
	const struct evidence *evidence = facts->evidence;
	size_t i;

	if (!evidence->has_srat || !evidence->has_nfit)
		return UNREADABLE;
	for (i = 0; i < evidence->srat_count; i++) {
		struct evidence_range range = range_of(&evidence->srat[i]);

		if (evidence->srat[i].non_volatile &&
		    evidence_overlaps(&range, device->start, device->size))
			return REASON_NON_VOLATILE;
	}
	return any_overlaps(evidence->nfit, evidence->nfit_count, device)
		       ? REASON_NON_VOLATILE
		       : REASON_NONE;
}

/* Wholly inside one window, and nowhere where memory is said to have been at boot. */
static enum reason check_window(const struct probe_facts *facts,
				const struct device *device)
{
	const struct evidence *evidence = facts->evidence;
	enum reason reason = REASON_OUTSIDE_WINDOW;
	size_t i;

	if (!evidence->has_srat)
		return UNREADABLE;
	for (i = 0; i < evidence->srat_count; i++) {
		const struct srat_entry *entry = &evidence->srat[i];
		struct evidence_range range = range_of(entry);

		if (entry->non_volatile)
			continue;
		if (!entry->hot_pluggable &&
		    evidence_overlaps(&range, device->start, device->size))
			return REASON_OUTSIDE_WINDOW;
		if (entry->hot_pluggable &&
		    evidence_holds(&range, device->start, device->size))
			reason = REASON_NONE;
	}
	return reason;
}

/* How many blocks of the device there are. */
static size_t count_blocks(const struct snapshot *snapshot, const struct device *device)
{
	uint64_t first = device->start / snapshot->block_size_bytes;
	uint64_t last = (device->start + (device->size - 1)) / snapshot->block_size_bytes;
	size_t i, count = 0;

	for (i = 0; i < snapshot->count; i++)
		if (snapshot->blocks[i].index >= first &&
		    snapshot->blocks[i].index <= last &&
		    snapshot->blocks[i].state != BLOCK_ABSENT)
			count++;
	return count;
}

static enum reason check_blocks(const struct probe_facts *facts,
				const struct device *device)
{
	if (!facts->snapshot->block_size_bytes || !facts->snapshot->count)
		return UNREADABLE;
	return count_blocks(facts->snapshot, device) ? REASON_BLOCK_EXISTS : REASON_NONE;
}

static enum reason check_resources(const struct probe_facts *facts,
				   const struct device *device)
{
	const struct evidence *evidence = facts->evidence;

	if (!evidence->has_iomem)
		return UNREADABLE;
	return any_overlaps(evidence->taken, evidence->taken_count, device)
		       ? REASON_OVERLAPS_RESOURCE
		       : REASON_NONE;
}

/* No machine has devices that overlap: such a list is not trusted. */
static enum reason check_claimed_once(const struct probe_facts *facts,
				      const struct device *device)
{
	struct evidence_range range = { device->start, device->size };
	size_t i;

	for (i = 0; i < facts->device_count; i++) {
		const struct device *other = &facts->devices[i];

		if (other != device && is_range(other) &&
		    evidence_overlaps(&range, other->start, other->size))
			return REASON_CLAIMED_TWICE;
	}
	return REASON_NONE;
}

/* The DIMM of QEMU's controller that holds the device, or NULL. */
static const struct evidence_range *shown_as(const struct evidence *evidence,
					     const struct device *device)
{
	size_t i;

	for (i = 0; evidence->has_controller && i < evidence->dimm_count; i++)
		if (evidence_holds(&evidence->dimms[i], device->start, device->size))
			return &evidence->dimms[i];
	return NULL;
}

static enum reason check_objects(const struct probe_facts *facts,
				 const struct device *device)
{
	const struct evidence *evidence = facts->evidence;

	if (!evidence->has_objects)
		return UNREADABLE;
	/* 2.6.32 makes none for a slot that is filled later; the controller knows better. */
	return evidence->objects || shown_as(evidence, device) ? REASON_NONE
							       : REASON_NO_DIMM_OBJECT;
}

/* Whether a DIMM of the controller is claimed by this device alone. */
static bool shown_alone(const struct probe_facts *facts, const struct device *device)
{
	const struct evidence_range *dimm = shown_as(facts->evidence, device);
	size_t i, claims = 0;

	for (i = 0; dimm && i < facts->device_count; i++)
		claims += is_range(&facts->devices[i]) &&
			  evidence_overlaps(dimm, facts->devices[i].start,
					    facts->devices[i].size);
	return claims == 1;
}

static enum reason check_populated(const struct probe_facts *facts,
				   const struct device *device)
{
	size_t claimed = 0, i;

	if (!facts->evidence->has_objects)
		return UNREADABLE;
	for (i = 0; i < facts->device_count; i++)
		claimed += device_is_dimm(&facts->devices[i]);
	return claimed <= facts->evidence->populated || shown_alone(facts, device)
		       ? REASON_NONE
		       : REASON_MORE_THAN_POPULATED;
}

static enum reason check_controller(const struct probe_facts *facts,
				    const struct device *device)
{
	if (facts->trusts_name)
		return REASON_NONE;
	if (!facts->evidence->has_controller)
		return REASON_CONTROLLER_UNREADABLE;
	return shown_as(facts->evidence, device) ? REASON_NONE : REASON_NOT_IN_CONTROLLER;
}

static const struct {
	enum reason reason;
	check_fn check;
} checks[PROBE_CHECKS] = {
	[PROBE_NAMED] = { REASON_NOT_NAMED, check_named },
	[PROBE_FILE] = { REASON_NO_PROBE_FILE, check_file },
	[PROBE_DIMM] = { REASON_NOT_A_DIMM, check_dimm },
	[PROBE_RANGE] = { REASON_BAD_RANGE, check_range },
	[PROBE_ALIGNED] = { REASON_UNALIGNED, check_aligned },
	[PROBE_ABOVE_4G] = { REASON_BELOW_4G, check_above_4g },
	[PROBE_ADDRESS_BITS] = { REASON_BEYOND_ADDRESS_BITS, check_address_bits },
	[PROBE_VOLATILE] = { REASON_NON_VOLATILE, check_volatile },
	[PROBE_WINDOW] = { REASON_OUTSIDE_WINDOW, check_window },
	[PROBE_BLOCKS] = { REASON_BLOCK_EXISTS, check_blocks },
	[PROBE_RESOURCES] = { REASON_OVERLAPS_RESOURCE, check_resources },
	[PROBE_CLAIMED_ONCE] = { REASON_CLAIMED_TWICE, check_claimed_once },
	[PROBE_OBJECTS] = { REASON_NO_DIMM_OBJECT, check_objects },
	[PROBE_POPULATED] = { REASON_MORE_THAN_POPULATED, check_populated },
	[PROBE_CONTROLLER] = { REASON_NOT_IN_CONTROLLER, check_controller },
};

enum reason probe_check_reason(enum probe_check check)
{
	return checks[check].reason;
}

static bool all_present(const struct probe_facts *facts, const struct device *device)
{
	const struct snapshot *snapshot = facts->snapshot;

	return device_is_dimm(device) && snapshot->block_size_bytes &&
	       check_aligned(facts, device) == REASON_NONE &&
	       count_blocks(snapshot, device) ==
		       device->size / snapshot->block_size_bytes;
}

void probe_decide(const struct probe_facts *facts, size_t i,
		  struct probe_verdict *verdict)
{
	const struct device *device = &facts->devices[i];
	unsigned check;

	memset(verdict, 0, sizeof(*verdict));
	for (check = 0; check < PROBE_CHECKS; check++) {
		/* An invalid range has no addresses to check. */
		if (check > PROBE_RANGE && !is_range(device))
			verdict->checks[check] = REASON_BAD_RANGE;
		else
			verdict->checks[check] = checks[check].check(facts, device);
		if (verdict->reason == REASON_NONE)
			verdict->reason = verdict->checks[check];
	}
	verdict->present = is_range(device) && all_present(facts, device);
}

bool probe_needs_controller(const struct probe_verdict *verdict)
{
	return verdict->reason == REASON_CONTROLLER_UNREADABLE ||
	       verdict->reason == REASON_NO_DIMM_OBJECT ||
	       verdict->reason == REASON_MORE_THAN_POPULATED;
}

static const char *const result_texts[PROBE_RESULTS] = {
	[PROBE_REFUSED] = "refused",   [PROBE_PRESENT] = "present",
	[PROBE_WOULD] = "would-probe", [PROBE_DONE] = "probed",
	[PROBE_STOPPED] = "stopped",   [PROBE_NOT_TRIED] = "not-tried",
};

const char *probe_result_text(enum probe_result_state state)
{
	return result_texts[state];
}
