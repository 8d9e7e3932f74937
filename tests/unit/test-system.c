/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "io/machine.h"
#include "io/system.h"
#include "tree.h"

#define MIB (1ull << 20)

static struct system_info *open_tree(const char *root)
{
	struct system_info *system = system_open(root);

	assert_non_null(system);
	return system;
}

static struct machine machine_of(const char *root)
{
	struct system_info *system = open_tree(root);
	struct machine machine;

	memset(&machine, 0, sizeof(machine));
	machine_read(system, &machine);
	system_close(system);
	return machine;
}

static int set_up(void **state)
{
	static char root[TREE_SIZE];

	tree_make(root);
	*state = root;
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
	const char *root = *state;

	tree_puts(root, "/proc/cpuinfo",
		  "processor\t: 0\nflags\t\t: fpu vme hypervisor lm\n");
	assert_true(machine_of(root).is_virtual);
	/* An x86 without the flag is none, whatever its maker is called. */
	tree_puts(root, "/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vme lm\n");
	tree_puts(root, "/sys/class/dmi/id/sys_vendor", "Google\n");
	assert_false(machine_of(root).is_virtual);
	/* arm64 has no such flag. */
	tree_puts(root, "/proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd\n");
	tree_puts(root, "/sys/class/dmi/id/sys_vendor", "QEMU\n");
	assert_true(machine_of(root).is_virtual);
	tree_puts(root, "/sys/class/dmi/id/sys_vendor", "Amazon EC2\n");
	tree_puts(root, "/sys/class/dmi/id/product_name", "a1.metal\n");
	assert_false(machine_of(root).is_virtual);
	tree_puts(root, "/sys/hypervisor/type", "xen\n");
	assert_true(machine_of(root).is_virtual);
	tree_puts(root, "/proc/xen/capabilities", "control_d\n");
	assert_false(machine_of(root).is_virtual);
}

static void the_maker_counts_without_the_flag(void **state)
{
	const char *root = *state;

	tree_puts(root, "/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vme lm\n");
	tree_puts(root, "/sys/class/dmi/id/sys_vendor", "QEMU\n");
	assert_true(machine_of(root).is_virtual);
}

/* SMBIOS type 0 says "virtual machine" in byte 0x13, and all else nothing. */
static void firmware_tells_virtual_from_bare(void **state)
{
	static const unsigned char structure[] = {
		0, 0x18, 0, 0, 1, 2,	0, 0, 3, 0, 0,	 0, 0, 0,
		0, 0,	 0, 0, 0, 0x1c, 0, 0, 0, 0, 'x', 0, 0,
	};
	const char *root = *state;

	tree_puts(root, "/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vme lm\n");
	tree_puts(root, "/sys/class/dmi/id/sys_vendor", "ACME\n");
	assert_false(machine_of(root).is_virtual);
	tree_put(root, "/sys/firmware/dmi/tables/DMI", structure, sizeof(structure));
	assert_true(machine_of(root).is_virtual);
	tree_put(root, "/sys/firmware/dmi/tables/DMI", "", 0);
	assert_false(machine_of(root).is_virtual);
	tree_put(root, "/sys/firmware/dmi/entries/0-0/raw", structure, sizeof(structure));
	assert_true(machine_of(root).is_virtual);
}

static void a_device_tree_tells_virtual_from_bare(void **state)
{
	const char *root = *state;

	tree_puts(root, "/proc/cpuinfo", "processor\t: 0\nFeatures\t: fp asimd\n");
	tree_put(root, "/proc/device-tree/compatible", "acme,board", 11);
	assert_false(machine_of(root).is_virtual);
	tree_put(root, "/proc/device-tree/compatible", "acme,x\0linux,dummy-virt", 24);
	assert_true(machine_of(root).is_virtual);
	tree_put(root, "/proc/device-tree/compatible", "acme,board", 11);
	tree_puts(root, "/proc/device-tree/fw-cfg@9020000/compatible", "x");
	assert_true(machine_of(root).is_virtual);
}

static void knows_whose_memory_is_not_the_guest_s(void **state)
{
	const char *root = *state;

	tree_puts(root, "/proc/sys/kernel/arch", "s390x\n");
	assert_true(machine_of(root).keeps_memory);
	tree_puts(root, "/proc/sys/kernel/arch", "ppc64le\n");
	assert_true(machine_of(root).keeps_memory);
	tree_puts(root, "/proc/sys/kernel/arch", "x86_64\n");
	assert_false(machine_of(root).keeps_memory);
}

static void knows_old_kernels(void **state)
{
	const char *root = *state;

	tree_puts(root, "/proc/sys/kernel/osrelease", "2.6.32-642.el6.x86_64\n");
	tree_puts(root, "/sys/module/acpi_memhotplug/parameters/mem_hotadd_auto", "Y\n");
	assert_true(machine_of(root).kernel.has[KERNEL_NO_HOT_REMOVE]);
	assert_true(machine_of(root).kernel.has[KERNEL_ONLINES_BY_ITSELF]);
	tree_puts(root, "/proc/sys/kernel/osrelease", "3.10.0-1062.el7.x86_64\n");
	tree_puts(root, "/sys/module/acpi_memhotplug/parameters/mem_hotadd_auto", "N\n");
	assert_false(machine_of(root).kernel.has[KERNEL_NO_HOT_REMOVE]);
	assert_false(machine_of(root).kernel.has[KERNEL_ONLINES_BY_ITSELF]);
	assert_true(machine_of(root).kernel.has[KERNEL_MOVABLE_FROM_TOP]);
	tree_puts(root, "/proc/sys/kernel/osrelease", "4.12.14-122.el8\n");
	assert_true(machine_of(root).kernel.has[KERNEL_MOVABLE_FROM_TOP]);
	tree_puts(root, "/proc/sys/kernel/osrelease", "4.13.0\n");
	assert_false(machine_of(root).kernel.has[KERNEL_MOVABLE_FROM_TOP]);
	tree_puts(root, "/proc/sys/kernel/osrelease", "10.0.0\n");
	assert_false(machine_of(root).kernel.has[KERNEL_MOVABLE_FROM_TOP]);
}

static void reads_the_command_line_by_words(void **state)
{
	const char *root = *state;
	struct system_info *system = open_tree(root);
	struct machine machine;

	tree_puts(root, "/proc/cmdline", "quiet memhp_default_state=offline\n");
	machine_read_memhp(system, "offline", &machine);
	assert_true(machine.memhp_default_state);
	machine_read_memhp(system, "online", &machine);
	assert_false(machine.memhp_default_state);
	assert_true(machine.memhp_ignored);
	tree_puts(root, "/proc/cmdline", "xelfcorehdr=0 memhp_default_state=offline\n");
	assert_false(system_is_capture_kernel(system));
	tree_puts(root, "/proc/cmdline", "elfcorehdr=0x2b000000 quiet\n");
	assert_true(system_is_capture_kernel(system));
	tree_puts(root, "/proc/cmdline", "quiet\n");
	tree_puts(root, "/proc/vmcore", "");
	assert_true(system_is_capture_kernel(system));
	system_close(system);
}

static const char *owner_of(const struct snapshot *snapshot, uint64_t address)
{
	struct block block = { .index = address / (128 * MIB) };
	const struct snapshot_resource *resource = snapshot_resource_of(snapshot, &block);

	return resource ? resource->owner : "";
}

/* 5.1 to 5.7: the name is the one of other memory, what lies around it is not. */
static void memory_below_a_dax_device_is_kmem(void **state)
{
	const char *root = *state;
	struct system_info *system = open_tree(root);
	struct snapshot snapshot = SNAPSHOT_INIT;

	snapshot.block_size_bytes = 128 * MIB;
	tree_puts(root, "/proc/iomem",
		  "00100000-3ffdffff : System RAM\n"
		  "100000000-117ffffff : System RAM\n"
		  "140000000-17fffffff : Persistent Memory\n"
		  "  140000000-1403fffff : namespace0.0\n"
		  "  148000000-15fffffff : dax0.0\n"
		  "    148000000-15fffffff : System RAM\n"
		  "  160000000-167ffffff : dax0.1\n"
		  "180000000-187ffffff : System RAM\n"
		  "1c0000000-1dfffffff : Persistent Memory\n"
		  "  1c0000000-1dfffffff : dax1.0\n"
		  "    1c0000000-1dfffffff : System RAM (kmem)\n");
	assert_int_equal(system_read_resources(system, &snapshot), 0);
	assert_int_equal(snapshot.resource_count, 5);
	assert_string_equal(owner_of(&snapshot, 0x8000000), "System RAM");
	assert_string_equal(owner_of(&snapshot, 0x100000000), "System RAM");
	assert_string_equal(owner_of(&snapshot, 0x148000000), "System RAM (kmem)");
	assert_string_equal(owner_of(&snapshot, 0x180000000), "System RAM");
	assert_string_equal(owner_of(&snapshot, 0x1c0000000), "System RAM (kmem)");
	snapshot_free(&snapshot);
	system_close(system);
}

/* Without CAP_SYS_ADMIN nothing is seen of addresses: nobody owns anything then. */
static void hidden_addresses_own_nothing(void **state)
{
	const char *root = *state;
	struct system_info *system = open_tree(root);
	struct snapshot snapshot = SNAPSHOT_INIT;

	tree_puts(root, "/proc/iomem",
		  "00000000-00000000 : Persistent Memory\n"
		  "  00000000-00000000 : dax0.0\n"
		  "    00000000-00000000 : System RAM\n");
	assert_int_equal(system_read_resources(system, &snapshot), 0);
	assert_int_equal(snapshot.resource_count, 0);
	snapshot_free(&snapshot);
	system_close(system);
}

static void adds_zones_up_by_node(void **state)
{
	const char *root = *state;
	struct system_info *system = open_tree(root);
	struct snapshot snapshot = SNAPSHOT_INIT;

	assert_true(system_read_zoneinfo(system, &snapshot) < 0);
	assert_int_equal(snapshot.node_count, 0);
	tree_puts(root, "/proc/zoneinfo",
		  "Node 0, zone      DMA\n  per-node stats\n        present  256\n"
		  "Node 0, zone   Normal\n        spanned  9999\n        present  1024\n"
		  "        cma      512\n      nr_free_cma  3\n"
		  "Node 0, zone   Device\n        present  4096\n"
		  "Node 1, zone  Movable\n        present  2560\n        managed  1\n");
	assert_int_equal(system_read_zoneinfo(system, &snapshot), 0);
	assert_int_equal(snapshot.node_count, 2);
	assert_int_equal(snapshot.nodes[0].kernel_bytes, 3 * MIB);
	assert_int_equal(snapshot.nodes[0].movable_bytes, 2 * MIB);
	assert_int_equal(snapshot.nodes[1].kernel_bytes, 0);
	assert_int_equal(snapshot.nodes[1].movable_bytes, 10 * MIB);
	/* again: not on top of it */
	assert_int_equal(system_read_zoneinfo(system, &snapshot), 0);
	assert_int_equal(snapshot.nodes[1].movable_bytes, 10 * MIB);
	snapshot_free(&snapshot);
	system_close(system);
}

static void a_broken_table_has_no_windows(void **state)
{
	const char *root = *state;
	struct system_info *system = open_tree(root);
	struct snapshot snapshot = SNAPSHOT_INIT;

	snapshot.window_count = 3;
	system_read_windows(system, &snapshot);
	assert_int_equal(snapshot.window_count, 0);
	tree_puts(root, "/sys/firmware/acpi/tables/SRAT", "SRAT but no more");
	system_read_windows(system, &snapshot);
	assert_int_equal(snapshot.window_count, 0);
	system_close(system);
}

static void writes_a_parameter_that_is_there(void **state)
{
	const char *root = *state;
	struct system_info *system = open_tree(root);
	char value[32];

	assert_true(system_write_parameter(system, "online_policy", "auto-movable") < 0);
	system_read_parameter(system, "online_policy", value, sizeof(value));
	assert_string_equal(value, "");
	tree_puts(root, "/sys/module/memory_hotplug/parameters/online_policy",
		  "contig-zones\n");
	assert_int_equal(system_write_parameter(system, "online_policy", "auto-movable"),
			 0);
	system_read_parameter(system, "online_policy", value, sizeof(value));
	assert_string_equal(value, "auto-movable");
	system_close(system);
}

static void knows_what_keeps_a_device_out(void **state)
{
	const char *root = *state;
	struct system_info *system = open_tree(root);

	assert_true(system_memory_limit(system) == UINT64_MAX);
	tree_puts(root, "/proc/cmdline", "quiet mem=2G\n");
	assert_true(system_memory_limit(system) == 2ull << 30);
	/* nothing to read is no evidence */
	assert_false(system_lacks_virtio_mem(system));
	tree_puts(root, "/sys/bus/virtio/drivers/virtio_console/uevent", "");
	assert_true(system_lacks_virtio_mem(system));
	tree_puts(root, "/sys/bus/virtio/drivers/virtio_mem/uevent", "");
	assert_false(system_lacks_virtio_mem(system));
	system_close(system);
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
		TEST(memory_below_a_dax_device_is_kmem),
		TEST(hidden_addresses_own_nothing),
		TEST(adds_zones_up_by_node),
		TEST(a_broken_table_has_no_windows),
		TEST(writes_a_parameter_that_is_there),
		TEST(knows_what_keeps_a_device_out),
	};

	return cmocka_run_group_tests_name("system", tests, NULL, NULL);
}
