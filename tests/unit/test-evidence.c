/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/evidence.h"
#include "core/iomem.h"

static int iomem(struct evidence *evidence, const char *text)
{
	return evidence_take_iomem(evidence, text, strlen(text));
}

static void test_iomem(void **state)
{
	static const char *const bad[] = {
		"00001000-0009fbff : System RAM", /* cut short */
		"0009fbff-00001000 : System RAM\n",
		"00001000 : System RAM\n",
		"00001000-0009fbff: System RAM\n",
		"0x1000-0x9fbff : System RAM\n",
		"-1-2 : System RAM\n",
		"10000000000000000-20000000000000000 : System RAM\n",
		"0-ffffffffffffffff : System RAM\n",
		"\n",
		"00001000-0009fbff : System RAM\nnonsense\n",
	};
	struct evidence evidence;
	size_t i;

	(void)state;
	memset(&evidence, 0, sizeof(evidence));
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(iomem(&evidence, bad[i]), -EINVAL);
		assert_false(evidence.has_iomem);
	}
	/* Without CAP_SYS_ADMIN. */
	assert_int_equal(iomem(&evidence, "00000000-00000000 : System RAM\n"), -EACCES);
	assert_int_equal(iomem(&evidence, ""), -EACCES);
	assert_int_equal(iomem(&evidence, "00001000-0009fbff : System RAM\n"
					  "  fec00000-fec003ff : IOAPIC 0\n"),
			 0);
	assert_true(evidence.has_iomem);
	assert_int_equal(evidence.taken_count, 2);
	assert_int_equal(evidence.taken[1].start, 0xfec00000);
	assert_int_equal(evidence.taken[1].size, 0x400);
	evidence_clear(&evidence);
	assert_false(evidence.has_iomem);
	evidence_clear(&evidence);
}

static void test_cpuinfo(void **state)
{
	struct evidence evidence;

	(void)state;
	memset(&evidence, 0, sizeof(evidence));
	assert_int_equal(evidence_take_cpuinfo(&evidence, ""), -ENOENT);
	assert_int_equal(evidence_take_cpuinfo(&evidence, "address sizes\t: bits\n"),
			 -EINVAL);
	assert_int_equal(
		evidence_take_cpuinfo(&evidence,
				      "address sizes\t: 4000000000 bits physical, 48\n"),
		-EINVAL);
	assert_int_equal(evidence.address_bits, 0);
	assert_int_equal(evidence_take_cpuinfo(
				 &evidence,
				 "address sizes\t: 46 bits physical, 48 bits virtual\n"
				 "address sizes\t: 40 bits physical, 48 bits virtual\n"),
			 0);
	assert_int_equal(evidence.address_bits, 40);
}

static int cpu_of(const char *bits)
{
	struct evidence evidence;
	char text[64];

	memset(&evidence, 0, sizeof(evidence));
	snprintf(text, sizeof(text), "address sizes\t: %s bits physical, 48\n", bits);
	return evidence_take_cpuinfo(&evidence, text) < 0 ? -1
							  : (int)evidence.address_bits;
}

/* No processor that runs Linux on PCs addresses less, and none can address more. */
static void test_address_bits(void **state)
{
	(void)state;
	assert_int_equal(cpu_of("31"), -1);
	assert_int_equal(cpu_of("32"), 32);
	assert_int_equal(cpu_of("64"), 64);
	assert_int_equal(cpu_of("65"), -1);
}

static void seal_as(const char *signature, uint8_t *table, size_t len)
{
	uint8_t sum = 0;
	size_t i;

	memcpy(table, signature, 4);
	table[4] = (uint8_t)len;
	table[9] = 0;
	for (i = 0; i < len; i++)
		sum = (uint8_t)(sum + table[i]);
	table[9] = (uint8_t)-sum;
}

static void seal(uint8_t *table, size_t len)
{
	seal_as("NFIT", table, len);
}

/* A table that lists no memory says so: that is not the same as none. */
static void test_srat(void **state)
{
	struct evidence evidence;
	uint8_t table[48] = { 0 };

	(void)state;
	memset(&evidence, 0, sizeof(evidence));
	assert_int_equal(evidence_take_srat(&evidence, table, sizeof(table)), -EINVAL);
	assert_false(evidence.has_srat);
	seal_as("SRAT", table, sizeof(table));
	assert_int_equal(evidence_take_srat(&evidence, table, sizeof(table)), 0);
	assert_true(evidence.has_srat);
	assert_int_equal(evidence.srat_count, 0);
}

static void test_nfit(void **state)
{
	struct evidence evidence;
	uint8_t table[96] = { 0 };

	(void)state;
	memset(&evidence, 0, sizeof(evidence));
	seal(table, 96);
	assert_int_equal(evidence_take_nfit(&evidence, table, 96),
			 -EINVAL); /* length 0 */
	table[42] = 56;
	seal(table, 96);
	assert_int_equal(evidence_take_nfit(&evidence, table, 96), -EINVAL); /* size 0 */
	table[40 + 36] = 1; /* at 4 GiB */
	table[40 + 43] = 8; /* 128 MiB */
	seal(table, 96);
	assert_int_equal(evidence_take_nfit(&evidence, table, 95), -EINVAL);
	table[50]++;
	assert_int_equal(evidence_take_nfit(&evidence, table, 96), -EINVAL); /* sum */
	assert_false(evidence.has_nfit);
	table[50]--;
	assert_int_equal(evidence_take_nfit(&evidence, table, 96), 0);
	assert_int_equal(evidence.nfit_count, 1);
	assert_true(evidence.nfit[0].start == UINT64_C(1) << 32);
	memset(table + 40 + 32, 0xff, 8);
	seal(table, 96);
	assert_int_equal(evidence_take_nfit(&evidence, table, 96), -EINVAL); /* wraps */
}

static void test_slots(void **state)
{
	static const struct {
		uint32_t words[EVIDENCE_WORDS];
		int result;
	} rows[] = {
		{ { 0, 0, 0, 0, 0, 0 }, 0 }, /* empty */
		{ { 0, 1, 0x8000000, 0, 0, 0 }, -EINVAL }, /* there, and not enabled */
		{ { 0, 1, 0x8000000, 0, 0, 3 }, -EAGAIN },
		{ { 0, 1, 0x8000000, 0, 0, 5 }, -EAGAIN },
		{ { 0, 1, 0x8000000, 0, 0, 0xffffffff }, -EINVAL },
		{ { 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff,
		    0xffffffff },
		  -EINVAL },
		{ { 0, 1, 0, 0, 0, 1 }, -EINVAL }, /* no size */
		{ { 0, 0xffffffff, 0, 1, 0, 1 }, 0 }, /* ends at the last address */
		{ { 1, 0xffffffff, 0, 1, 0, 1 }, -EINVAL }, /* wraps */
		{ { 0, 1, 0x8000000, 0, 0, 1 }, 0 },
		{ { 0x7ffffff, 1, 0x8000000, 0, 0, 1 }, -EINVAL }, /* overlaps it */
	};
	struct evidence evidence;
	size_t i;

	(void)state;
	memset(&evidence, 0, sizeof(evidence));
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(evidence_take_slot(&evidence, rows[i].words),
				 rows[i].result);
	assert_int_equal(evidence.dimm_count, 2);
	assert_true(evidence.dimms[1].start == UINT64_C(1) << 32);
	assert_int_equal(evidence.dimms[1].size, 0x8000000);
}

static void test_whose(void **state)
{
	uint8_t header[36] = "DSDT";
	uint8_t dsdt[36 + 12] = {
		[36] = 'M', 'H', 'P', 'D', 0x47, 1, 0, 10, 0, 10, 0, 24
	};

	(void)state;
	assert_false(evidence_is_qemu_dsdt(header, sizeof(header)));
	memcpy(header + 10, "BOCHS BXPC    ", sizeof("BOCHS BXPC    "));
	assert_true(evidence_is_qemu_dsdt(header, sizeof(header)));
	assert_false(evidence_is_qemu_dsdt(header, 35));
	assert_false(evidence_dsdt_has_controller(dsdt, sizeof(dsdt)));
	memcpy(dsdt, header, sizeof(header));
	assert_true(evidence_dsdt_has_controller(dsdt, sizeof(dsdt)));
	/* No ports, other ports, no device. */
	assert_false(evidence_dsdt_has_controller(dsdt, sizeof(dsdt) - 1));
	dsdt[sizeof(dsdt) - 5]++;
	assert_false(evidence_dsdt_has_controller(dsdt, sizeof(dsdt)));
	dsdt[sizeof(dsdt) - 5]--;
	dsdt[36]++;
	assert_false(evidence_dsdt_has_controller(dsdt, sizeof(dsdt)));
	assert_true(evidence_is_qemu_slot("\\_SB_.MHPC.MP00"));
	assert_true(evidence_is_qemu_slot("\\_SB_.MHPD.MP0A"));
	assert_false(evidence_is_qemu_slot("\\_SB_.MHPC.MP0"));
	assert_false(evidence_is_qemu_slot("\\_SB_.MHPC.MP000"));
	assert_false(evidence_is_qemu_slot("\\_SB_.PCI0.MP00"));
	assert_false(evidence_is_qemu_slot(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_iomem),	     cmocka_unit_test(test_cpuinfo),
		cmocka_unit_test(test_address_bits), cmocka_unit_test(test_srat),
		cmocka_unit_test(test_nfit),	     cmocka_unit_test(test_slots),
		cmocka_unit_test(test_whose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
