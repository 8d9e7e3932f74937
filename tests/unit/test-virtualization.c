/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/virtualization.h"

#define UNKNOWN VIRTUALIZATION_UNKNOWN
#define CLEAR VIRTUALIZATION_CLEAR
#define SET VIRTUALIZATION_SET

/* An x86 has a CPUID bit, an arm64 has none. */
static const struct {
	const char *what;
	struct virtualization facts;
	bool virtual;
} rows[] = {
	{ "x86 with the bit", { .cpuid = SET, .smbios = CLEAR }, true },
	{ "x86 without the bit", { .cpuid = CLEAR, .smbios = CLEAR }, false },
	{ "nothing at all", { .cpuid = UNKNOWN }, false },
	{ "x86 of QEMU without the bit",
	  { .cpuid = CLEAR, .names = { [VIRTUALIZATION_SYSTEM_VENDOR] = "QEMU" } },
	  true },
	{ "named by its firmware only",
	  { .cpuid = CLEAR, .names = { [VIRTUALIZATION_BIOS_VENDOR] = "innotek GmbH" } },
	  true },
	{ "a maker that only sounds alike",
	  { .cpuid = CLEAR, .names = { [VIRTUALIZATION_PRODUCT] = "ThinkVMware" } },
	  false },
	{ "Hyper-V",
	  { .cpuid = CLEAR, .names = { "Virtual Machine", "Microsoft Corporation" } },
	  true },
	{ "Microsoft's hardware",
	  { .cpuid = CLEAR, .names = { "Surface Pro", "Microsoft Corporation" } },
	  false },
	{ "a rented x86", { .cpuid = CLEAR, .names = { "Google", "Google" } }, false },
	{ "a rented x86 whose firmware says more",
	  { .cpuid = CLEAR, .names = { "Google", "Google" }, .smbios = SET },
	  true },
	{ "EC2, arm64, old firmware", { .names = { "a1.large", "Amazon EC2" } }, true },
	{ "EC2, arm64, real", { .names = { "a1.metal", "Amazon EC2" } }, false },
	{ "EC2, arm64, real, by size",
	  { .names = { "m7g.metal-48xl", "Amazon EC2" } },
	  false },
	{ "EC2, firmware says so",
	  { .names = { "c6g.large", "Amazon EC2" }, .smbios = SET },
	  true },
	{ "EC2, firmware says no",
	  { .names = { "c6g.huge", "Amazon EC2" }, .smbios = CLEAR },
	  false },
	{ "unknown maker, firmware says so",
	  { .cpuid = CLEAR, .names = { "vServer", "ACME" }, .smbios = SET },
	  true },
	{ "unknown maker, arm64, firmware says so",
	  { .names = { "vServer", "ACME" }, .smbios = SET },
	  true },
	{ "unknown maker, arm64", { .names = { "Server", "ACME" } }, false },
	{ "Xen", { .cpuid = UNKNOWN, .hypervisor_file = true }, true },
	{ "Xen's dom0",
	  { .cpuid = SET, .hypervisor_file = true, .control_domain = true },
	  false },
	{ "a tree with a hypervisor", { .tree_hypervisor = true }, true },
	{ "a tree of no real board", { .tree_dummy = true }, true },
	{ "a tree with fw-cfg", { .tree_fw_cfg = true }, true },
};

static void decides_as_the_table_says(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (virtualization_decide(&rows[i].facts) != rows[i].virtual)
			fail_msg("%s: not %s", rows[i].what,
				 rows[i].virtual ? "virtual" : "real");
}

static void takes_the_flag_as_a_word_of_its_line(void **state)
{
	(void)state;
	assert_int_equal(virtualization_cpuid("a\t: 0\nflags\t\t: fpu hypervisor lm\n"),
			 SET);
	assert_int_equal(virtualization_cpuid("a\t: 0\nflags\t\t: fpu hypervisor\n"),
			 SET);
	assert_int_equal(virtualization_cpuid("a\t: 0\nflags\t\t: fpu hypervisor"), SET);
	assert_int_equal(virtualization_cpuid("a\t: 0\nflags\t\t: fpu hypervisor_x\n"),
			 CLEAR);
	assert_int_equal(virtualization_cpuid("a\t: 0\nflags\t\t: fpu\n"
					      "bugs\t\t: the hypervisor \n"),
			 CLEAR);
	assert_int_equal(virtualization_cpuid("a\t: hypervisor \nFeatures\t: fp\n"),
			 UNKNOWN);
	assert_int_equal(virtualization_cpuid(""), UNKNOWN);
}

/* --- SMBIOS. Bytes are in memory of just their size, so that valgrind sees what is read. */

static enum virtualization_bit bit_of(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len ? len : 1);
	enum virtualization_bit bit;

	assert_non_null(copy);
	if (len)
		memcpy(copy, bytes, len);
	bit = virtualization_smbios(copy, len);
	free(copy);
	return bit;
}

static size_t put_structure(uint8_t *bytes, uint8_t type, uint8_t size, uint8_t extension)
{
	memset(bytes, 0xff, size);
	bytes[0] = type;
	bytes[1] = size;
	if (size > 0x13)
		bytes[0x13] = extension;
	memcpy(bytes + size, "A text\0and one\0", 16);
	return size + 16u;
}

static void reads_the_bit_of_smbios(void **state)
{
	uint8_t bytes[256];
	size_t len;

	(void)state;
	len = put_structure(bytes, 0, 0x18, 0x1c);
	assert_int_equal(bit_of(bytes, len), SET);
	assert_int_equal(bit_of(bytes, 0x18), SET);
	put_structure(bytes, 0, 0x18, 0x0c);
	assert_int_equal(bit_of(bytes, len), CLEAR);
	/* Before SMBIOS 2.4. */
	len = put_structure(bytes, 0, 0x13, 0);
	assert_int_equal(bit_of(bytes, len), UNKNOWN);
	/* Behind others. */
	len = put_structure(bytes, 1, 0x1b, 0);
	len += put_structure(bytes + len, 4, 0x30, 0x10);
	len += put_structure(bytes + len, 0, 0x18, 0x10);
	assert_int_equal(bit_of(bytes, len), SET);
}

static void a_broken_table_says_nothing(void **state)
{
	uint8_t bytes[128];
	size_t len, cut;

	(void)state;
	len = put_structure(bytes, 1, 0x1b, 0);
	put_structure(bytes + len, 0, 0x18, 0x10);
	for (cut = 0; cut < len + 0x18; cut++)
		assert_int_equal(bit_of(bytes, cut), UNKNOWN);
	bytes[1] = 3;
	assert_int_equal(bit_of(bytes, len + 0x18), UNKNOWN);
	memset(bytes, 0xff, sizeof(bytes));
	assert_int_equal(bit_of(bytes, sizeof(bytes)), UNKNOWN);
	memset(bytes, 0, sizeof(bytes));
	assert_int_equal(bit_of(bytes, sizeof(bytes)), UNKNOWN);
}

static void knows_trees_of_no_real_board(void **state)
{
	static const char virt[] = "acme,x\0linux,dummy-virt";
	static const char real[] = "raspberrypi,4-model-b\0brcm,bcm2711";

	(void)state;
	assert_true(virtualization_tree_is_dummy(virt, sizeof(virt)));
	assert_true(virtualization_tree_is_dummy(virt, sizeof(virt) - 1));
	assert_false(virtualization_tree_is_dummy(virt, 12));
	assert_false(virtualization_tree_is_dummy(real, sizeof(real)));
	assert_false(virtualization_tree_is_dummy("", 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides_as_the_table_says),
		cmocka_unit_test(takes_the_flag_as_a_word_of_its_line),
		cmocka_unit_test(reads_the_bit_of_smbios),
		cmocka_unit_test(a_broken_table_says_nothing),
		cmocka_unit_test(knows_trees_of_no_real_board),
	};

	return cmocka_run_group_tests_name("virtualization", tests, NULL, NULL);
}
