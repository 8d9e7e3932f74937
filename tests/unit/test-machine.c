/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "io/machine.h"
#include "io/parameters.h"
#include "tree.h"

static struct root *open_tree(const char *tree)
{
	struct root *root = root_open(tree);

	assert_non_null(root);
	return root;
}

static struct machine machine_of(const char *tree)
{
	struct root *root = open_tree(tree);
	struct machine machine;

	memset(&machine, 0, sizeof(machine));
	machine_read(root, &machine);
	root_close(root);
	return machine;
}

static int set_up(void **state)
{
	static char tree[TREE_SIZE];

	tree_make(tree);
	*state = tree;
	return 0;
}

static int tear_down(void **state)
{
	tree_remove(*state);
	return 0;
}

static void an_empty_tree_is_some_new_bare_machine(void **state)
{
	struct machine machine = machine_of(*state);

	assert_false(machine.is_virtual);
	assert_false(machine.keeps_memory);
	assert_false(machine.memhp_default_state);
	assert_false(machine.kernel.has[KERNEL_ONLINES_BY_ITSELF]);
	assert_false(machine.kernel.has[KERNEL_MOVABLE_FROM_TOP]);
	assert_false(machine.kernel.has[KERNEL_NO_HOT_REMOVE]);
}

static void tells_virtual_from_bare(void **state)
{
	const char *tree = *state;

	tree_puts(tree, "/proc/cpuinfo",
		  "processor\t: 0\nflags\t\t: fpu vme hypervisor lm\n");
	assert_true(machine_of(tree).is_virtual);
	/* An x86 without the flag is not virtual, whatever its maker is called. */
	tree_puts(tree, "/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vme lm\n");
	tree_puts(tree, "/sys/class/dmi/id/sys_vendor", "Google\n");
	assert_false(machine_of(tree).is_virtual);
	/* arm64 has no such flag. */
	tree_puts(tree, "/proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd\n");
	tree_puts(tree, "/sys/class/dmi/id/sys_vendor", "QEMU\n");
	assert_true(machine_of(tree).is_virtual);
	tree_puts(tree, "/sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
	tree_puts(tree, "/sys/class/dmi/id/product_name", "a1.metal\n");
	assert_false(machine_of(tree).is_virtual);
	tree_puts(tree, "/sys/hypervisor/type", "xen\n");
	assert_true(machine_of(tree).is_virtual);
	tree_puts(tree, "/proc/xen/capabilities", "control_d\n");
	assert_false(machine_of(tree).is_virtual);
}

static void the_maker_counts_without_the_flag(void **state)
{
	const char *tree = *state;

	tree_puts(tree, "/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vme lm\n");
	tree_puts(tree, "/sys/class/dmi/id/sys_vendor", "QEMU\n");
	assert_true(machine_of(tree).is_virtual);
}

/* SMBIOS type 0 says "virtual machine" in byte 0x13, and all else nothing. */
static void firmware_tells_virtual_from_bare(void **state)
{
	static const unsigned char structure[] = {
		0, 0x18, 0, 0, 1, 2,	0, 0, 3, 0, 0,	 0, 0, 0,
		0, 0,	 0, 0, 0, 0x1c, 0, 0, 0, 0, 'x', 0, 0,
	};
	const char *tree = *state;

	tree_puts(tree, "/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vme lm\n");
	tree_puts(tree, "/sys/class/dmi/id/sys_vendor", "ACME\n");
	assert_false(machine_of(tree).is_virtual);
	tree_put(tree, "/sys/firmware/dmi/tables/DMI", structure, sizeof(structure));
	assert_true(machine_of(tree).is_virtual);
	tree_put(tree, "/sys/firmware/dmi/tables/DMI", "", 0);
	assert_false(machine_of(tree).is_virtual);
	tree_put(tree, "/sys/firmware/dmi/entries/0-0/raw", structure, sizeof(structure));
	assert_true(machine_of(tree).is_virtual);
}

static void a_device_tree_tells_virtual_from_bare(void **state)
{
	const char *tree = *state;

	tree_puts(tree, "/proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd\n");
	tree_put(tree, "/proc/device-tree/compatible", "acme,board", 11);
	assert_false(machine_of(tree).is_virtual);
	tree_put(tree, "/proc/device-tree/compatible", "acme,x\0linux,dummy-virt", 24);
	assert_true(machine_of(tree).is_virtual);
	tree_put(tree, "/proc/device-tree/compatible", "acme,board", 11);
	tree_puts(tree, "/proc/device-tree/fw-cfg@9020000/compatible", "x");
	assert_true(machine_of(tree).is_virtual);
}

static void knows_whose_memory_is_not_the_guest_s(void **state)
{
	const char *tree = *state;

	tree_puts(tree, "/proc/sys/kernel/arch", "s390x\n");
	assert_true(machine_of(tree).keeps_memory);
	tree_puts(tree, "/proc/sys/kernel/arch", "ppc64le\n");
	assert_true(machine_of(tree).keeps_memory);
	tree_puts(tree, "/proc/sys/kernel/arch", "x86_64\n");
	assert_false(machine_of(tree).keeps_memory);
}

static void knows_old_kernels(void **state)
{
	const char *tree = *state;

	tree_puts(tree, "/proc/sys/kernel/osrelease", "2.6.32-642.el6.x86_64\n");
	tree_puts(tree, "/sys/module/acpi_memhotplug/parameters/mem_hotadd_auto", "Y\n");
	assert_true(machine_of(tree).kernel.has[KERNEL_NO_HOT_REMOVE]);
	assert_true(machine_of(tree).kernel.has[KERNEL_ONLINES_BY_ITSELF]);
	tree_puts(tree, "/proc/sys/kernel/osrelease", "3.10.0-1062.el7.x86_64\n");
	tree_puts(tree, "/sys/module/acpi_memhotplug/parameters/mem_hotadd_auto", "N\n");
	assert_false(machine_of(tree).kernel.has[KERNEL_NO_HOT_REMOVE]);
	assert_false(machine_of(tree).kernel.has[KERNEL_ONLINES_BY_ITSELF]);
	assert_true(machine_of(tree).kernel.has[KERNEL_MOVABLE_FROM_TOP]);
	tree_puts(tree, "/proc/sys/kernel/osrelease", "4.12.14-122.el8\n");
	assert_true(machine_of(tree).kernel.has[KERNEL_MOVABLE_FROM_TOP]);
	tree_puts(tree, "/proc/sys/kernel/osrelease", "4.13.0\n");
	assert_false(machine_of(tree).kernel.has[KERNEL_MOVABLE_FROM_TOP]);
	tree_puts(tree, "/proc/sys/kernel/osrelease", "10.0.0\n");
	assert_false(machine_of(tree).kernel.has[KERNEL_MOVABLE_FROM_TOP]);
}

static void reads_the_command_line_by_words(void **state)
{
	const char *tree = *state;
	struct root *root = open_tree(tree);
	struct machine machine;

	tree_puts(tree, "/proc/cmdline", "quiet memhp_default_state=offline\n");
	machine_read_memhp(root, "offline", &machine);
	assert_true(machine.memhp_default_state);
	machine_read_memhp(root, "online", &machine);
	assert_false(machine.memhp_default_state);
	assert_true(machine.memhp_ignored);
	tree_puts(tree, "/proc/cmdline", "xelfcorehdr=0 memhp_default_state=offline\n");
	assert_false(machine_is_capture_kernel(root));
	tree_puts(tree, "/proc/cmdline", "elfcorehdr=0x2b000000 quiet\n");
	assert_true(machine_is_capture_kernel(root));
	tree_puts(tree, "/proc/cmdline", "quiet\n");
	tree_puts(tree, "/proc/vmcore", "");
	assert_true(machine_is_capture_kernel(root));
	root_close(root);
}

static void writes_a_parameter_that_is_there(void **state)
{
	const char *tree = *state;
	struct root *root = open_tree(tree);
	char value[32];

	assert_true(parameters_write(root, "online_policy", "auto-movable") < 0);
	parameters_read(root, "online_policy", value, sizeof(value));
	assert_string_equal(value, "");
	tree_puts(tree, "/sys/module/memory_hotplug/parameters/online_policy",
		  "contig-zones\n");
	assert_int_equal(parameters_write(root, "online_policy", "auto-movable"), 0);
	parameters_read(root, "online_policy", value, sizeof(value));
	assert_string_equal(value, "auto-movable");
	root_close(root);
}

static void knows_what_keeps_a_device_out(void **state)
{
	const char *tree = *state;
	struct root *root = open_tree(tree);

	assert_true(machine_memory_limit(root) == UINT64_MAX);
	tree_puts(tree, "/proc/cmdline", "quiet mem=2G\n");
	assert_true(machine_memory_limit(root) == 2ull << 30);
	/* an unreadable file is not evidence */
	assert_false(machine_lacks_virtio_mem(root));
	tree_puts(tree, "/sys/bus/virtio/drivers/virtio_console/uevent", "");
	assert_true(machine_lacks_virtio_mem(root));
	tree_puts(tree, "/sys/bus/virtio/drivers/virtio_mem/uevent", "");
	assert_false(machine_lacks_virtio_mem(root));
	root_close(root);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_empty_tree_is_some_new_bare_machine),
		TEST(tells_virtual_from_bare),
		TEST(the_maker_counts_without_the_flag),
		TEST(firmware_tells_virtual_from_bare),
		TEST(a_device_tree_tells_virtual_from_bare),
		TEST(knows_whose_memory_is_not_the_guest_s),
		TEST(knows_old_kernels),
		TEST(reads_the_command_line_by_words),
		TEST(writes_a_parameter_that_is_there),
		TEST(knows_what_keeps_a_device_out),
	};

	return cmocka_run_group_tests_name("machine", tests, NULL, NULL);
}
