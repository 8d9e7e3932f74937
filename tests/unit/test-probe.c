/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "core/probe.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define UNIT (128 * MIB)

/* A guest of 1 GiB with a DIMM of 512 MiB at 4 GiB that its kernel has not added. */
struct guest {
	struct evidence evidence;
	struct evidence_range taken[3];
	struct snapshot snapshot;
	struct block blocks[2];
	struct device devices[3];
	struct probe_facts facts;
	struct probe_verdict verdict;
};

static void name(struct device *device, uint64_t start, uint64_t size)
{
	memset(device, 0, sizeof(*device));
	strcpy(device->type, DEVICE_DIMM);
	device->start = start;
	device->size = size;
	device->has_range = true;
}

static void begin(struct guest *guest)
{
	struct evidence *evidence = &guest->evidence;

	memset(guest, 0, sizeof(*guest));
	evidence->has_srat = evidence->has_iomem = evidence->has_nfit = true;
	evidence->has_objects = evidence->has_controller = true;
	evidence->srat_count = 2;
	evidence->srat[0].size = GIB;
	evidence->srat[1].start = 4 * GIB;
	evidence->srat[1].size = 4 * GIB;
	evidence->srat[1].hot_pluggable = true;
	evidence->taken = guest->taken;
	evidence->taken_count = 2;
	guest->taken[0].size = GIB;
	guest->taken[1].start = 0xfec00000;
	guest->taken[1].size = 0x400;
	evidence->address_bits = 40;
	evidence->objects = evidence->populated = 1;
	evidence->dimm_count = 1;
	evidence->dimms[0].start = 4 * GIB;
	evidence->dimms[0].size = 512 * MIB;
	guest->blocks[0].state = guest->blocks[1].state = BLOCK_ONLINE;
	guest->blocks[1].index = 7;
	guest->snapshot.block_size_bytes = UNIT;
	guest->snapshot.blocks = guest->blocks;
	guest->snapshot.count = 2;
	name(&guest->devices[0], 4 * GIB, 512 * MIB);
	guest->facts.evidence = evidence;
	guest->facts.snapshot = &guest->snapshot;
	guest->facts.devices = guest->devices;
	guest->facts.device_count = 1;
	guest->facts.is_named = guest->facts.has_file = true;
}

static enum reason decide(struct guest *guest)
{
	probe_decide(&guest->facts, 0, &guest->verdict);
	return guest->verdict.reason;
}

static void test_wrong_ranges(void **state)
{
	static const struct {
		uint64_t start, size;
		enum reason confirmed, trusted; /* NONE there: a hole in the window */
	} rows[] = {
		{ 0, UNIT, REASON_BELOW_4G, REASON_BELOW_4G },
		{ 0, 0, REASON_BAD_RANGE, REASON_BAD_RANGE },
		{ 4 * GIB, 0, REASON_BAD_RANGE, REASON_BAD_RANGE },
		{ UINT64_MAX, 1, REASON_UNALIGNED, REASON_UNALIGNED },
		{ UINT64_MAX, UNIT, REASON_BAD_RANGE, REASON_BAD_RANGE },
		{ 0 - UNIT, UNIT, REASON_BEYOND_ADDRESS_BITS,
		  REASON_BEYOND_ADDRESS_BITS },
		{ 0 - UNIT, 2 * UNIT, REASON_BAD_RANGE, REASON_BAD_RANGE },
		{ 4 * GIB + 1, UNIT, REASON_UNALIGNED, REASON_UNALIGNED },
		{ 4 * GIB, UNIT + 1, REASON_UNALIGNED, REASON_UNALIGNED },
		{ 3 * GIB, UNIT, REASON_BELOW_4G, REASON_BELOW_4G },
		{ 0xe0000000, UNIT, REASON_BELOW_4G, REASON_BELOW_4G },
		{ 4 * GIB - UNIT, 2 * UNIT, REASON_BELOW_4G, REASON_BELOW_4G },
		{ UINT64_C(1) << 40, UNIT, REASON_BEYOND_ADDRESS_BITS,
		  REASON_BEYOND_ADDRESS_BITS },
		{ UINT64_C(1) << 46, UNIT, REASON_BEYOND_ADDRESS_BITS,
		  REASON_BEYOND_ADDRESS_BITS },
		{ 8 * GIB, UNIT, REASON_OUTSIDE_WINDOW, REASON_OUTSIDE_WINDOW },
		{ 8 * GIB - UNIT, 2 * UNIT, REASON_OUTSIDE_WINDOW,
		  REASON_OUTSIDE_WINDOW },
		{ 4 * GIB + 512 * MIB, UNIT, REASON_NOT_IN_CONTROLLER, REASON_NONE },
		{ 4 * GIB, 640 * MIB, REASON_NOT_IN_CONTROLLER, REASON_NONE },
		{ 6 * GIB, UNIT, REASON_NOT_IN_CONTROLLER, REASON_NONE },
		{ 4 * GIB, 512 * MIB, REASON_NONE, REASON_NONE },
		{ 4 * GIB + UNIT, UNIT, REASON_NONE, REASON_NONE },
	};
	struct guest guest;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		begin(&guest);
		name(&guest.devices[0], rows[i].start, rows[i].size);
		assert_string_equal(reason_text(decide(&guest)),
				    reason_text(rows[i].confirmed));
		guest.facts.trusts_name = true;
		assert_string_equal(reason_text(decide(&guest)),
				    reason_text(rows[i].trusted));
	}
}

static void test_address_bits(void **state)
{
	struct guest guest;

	(void)state;
	begin(&guest);
	guest.evidence.address_bits = 52;
	guest.evidence.srat[1].size = UINT64_C(1) << 50;
	guest.facts.trusts_name = true;
	name(&guest.devices[0], (UINT64_C(1) << 46) - UNIT, UNIT);
	assert_int_equal(decide(&guest), REASON_NONE);
	name(&guest.devices[0], UINT64_C(1) << 46, UNIT);
	assert_int_equal(decide(&guest), REASON_BEYOND_ADDRESS_BITS);
	guest.evidence.address_bits = 64;
	assert_int_equal(decide(&guest), REASON_BEYOND_ADDRESS_BITS);
}

static void test_who_and_where(void **state)
{
	struct guest guest;

	(void)state;
	begin(&guest);
	guest.facts.is_named = false;
	assert_int_equal(decide(&guest), REASON_NOT_NAMED);
	begin(&guest);
	guest.facts.has_file = false;
	assert_int_equal(decide(&guest), REASON_NO_PROBE_FILE);
	begin(&guest);
	strcpy(guest.devices[0].type, "nvdimm");
	assert_int_equal(decide(&guest), REASON_NOT_A_DIMM);
	begin(&guest);
	guest.devices[0].has_range = false;
	assert_int_equal(decide(&guest), REASON_BAD_RANGE);
}

static void test_non_volatile(void **state)
{
	struct guest guest;

	(void)state;
	begin(&guest);
	guest.evidence.srat[2] = guest.evidence.srat[1];
	guest.evidence.srat[2].non_volatile = true;
	guest.evidence.srat[2].start = 4 * GIB + 256 * MIB;
	guest.evidence.srat[2].size = 1;
	guest.evidence.srat_count = 3;
	assert_int_equal(decide(&guest), REASON_NON_VOLATILE);
	begin(&guest);
	guest.evidence.nfit[0].start = 4 * GIB + 512 * MIB - 1;
	guest.evidence.nfit[0].size = 1;
	guest.evidence.nfit_count = 1;
	assert_int_equal(decide(&guest), REASON_NON_VOLATILE);
}

static void test_window_of_boot_memory(void **state)
{
	struct guest guest;

	(void)state;
	begin(&guest);
	guest.evidence.srat[1].hot_pluggable = false;
	assert_int_equal(decide(&guest), REASON_OUTSIDE_WINDOW);
	begin(&guest);
	guest.evidence.srat[0].size = 5 * GIB; /* it contradicts itself */
	assert_int_equal(decide(&guest), REASON_OUTSIDE_WINDOW);
}

static void test_what_is_there(void **state)
{
	struct guest guest;

	(void)state;
	begin(&guest);
	guest.blocks[1].index = 35;
	guest.blocks[1].state = BLOCK_OFFLINE;
	assert_int_equal(decide(&guest), REASON_BLOCK_EXISTS);
	assert_false(guest.verdict.present);
	guest.devices[0].size = UNIT;
	guest.blocks[1].index = 32;
	assert_int_equal(decide(&guest), REASON_BLOCK_EXISTS);
	assert_true(guest.verdict.present);
	begin(&guest);
	guest.taken[2].start = 4 * GIB + 512 * MIB - 1;
	guest.taken[2].size = 1;
	guest.evidence.taken_count = 3;
	assert_int_equal(decide(&guest), REASON_OVERLAPS_RESOURCE);
}

static void test_objects(void **state)
{
	struct guest guest;

	(void)state;
	begin(&guest);
	guest.evidence.has_controller = false;
	guest.evidence.objects = guest.evidence.populated = 0;
	assert_int_equal(decide(&guest), REASON_NO_DIMM_OBJECT);
	assert_true(probe_needs_controller(&guest.verdict));
	begin(&guest);
	guest.evidence.has_controller = false;
	guest.facts.trusts_name = true;
	name(&guest.devices[1], 5 * GIB, UNIT);
	guest.facts.device_count = 2;
	assert_int_equal(decide(&guest), REASON_MORE_THAN_POPULATED);
	assert_true(probe_needs_controller(&guest.verdict));
	guest.evidence.populated = 2;
	assert_int_equal(decide(&guest), REASON_NONE);
	name(&guest.devices[1], 4 * GIB + UNIT, UNIT);
	assert_int_equal(decide(&guest), REASON_CLAIMED_TWICE);
}

static enum reason decide_about(struct guest *guest, size_t i)
{
	probe_decide(&guest->facts, i, &guest->verdict);
	return guest->verdict.reason;
}

/* Plugged after boot where ACPI's driver is off: 2.6.32 has an object for none of them. */
static void test_controller_knows_better(void **state)
{
	struct guest guest;

	(void)state;
	begin(&guest);
	guest.evidence.objects = guest.evidence.populated = 0;
	assert_int_equal(decide(&guest), REASON_NONE);
	/* One that it does not show is refused, also beside one that it does. */
	name(&guest.devices[1], 5 * GIB, UNIT);
	guest.facts.device_count = 2;
	assert_int_equal(decide_about(&guest, 0), REASON_NONE);
	assert_int_equal(decide_about(&guest, 1), REASON_NO_DIMM_OBJECT);
	guest.evidence.objects = guest.evidence.populated = 1;
	assert_int_equal(decide_about(&guest, 0), REASON_NONE);
	assert_int_equal(decide_about(&guest, 1), REASON_MORE_THAN_POPULATED);
	/* And no two parts of one DIMM. */
	name(&guest.devices[0], 4 * GIB, UNIT);
	name(&guest.devices[1], 4 * GIB + UNIT, UNIT);
	assert_int_equal(decide_about(&guest, 0), REASON_MORE_THAN_POPULATED);
	assert_int_equal(decide_about(&guest, 1), REASON_MORE_THAN_POPULATED);
}

static void test_unreadable(void **state)
{
	static const size_t flags[] = { offsetof(struct evidence, has_srat),
					offsetof(struct evidence, has_iomem),
					offsetof(struct evidence, has_nfit),
					offsetof(struct evidence, has_objects) };
	struct guest guest;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
		begin(&guest);
		guest.facts.trusts_name = true;
		*(bool *)((char *)&guest.evidence + flags[i]) = false;
		assert_int_equal(decide(&guest), REASON_EVIDENCE_UNREADABLE);
	}
	begin(&guest);
	guest.evidence.address_bits = 0;
	assert_int_equal(decide(&guest), REASON_EVIDENCE_UNREADABLE);
	begin(&guest);
	guest.snapshot.block_size_bytes = 0;
	assert_int_equal(decide(&guest), REASON_EVIDENCE_UNREADABLE);
	begin(&guest);
	guest.snapshot.count = 0;
	assert_int_equal(decide(&guest), REASON_EVIDENCE_UNREADABLE);
	begin(&guest);
	guest.evidence.has_controller = false;
	assert_int_equal(decide(&guest), REASON_CONTROLLER_UNREADABLE);
	assert_true(probe_needs_controller(&guest.verdict));
	guest.evidence.has_srat = false;
	decide(&guest);
	assert_false(probe_needs_controller(&guest.verdict));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrong_ranges),
		cmocka_unit_test(test_address_bits),
		cmocka_unit_test(test_who_and_where),
		cmocka_unit_test(test_non_volatile),
		cmocka_unit_test(test_window_of_boot_memory),
		cmocka_unit_test(test_what_is_there),
		cmocka_unit_test(test_objects),
		cmocka_unit_test(test_controller_knows_better),
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
