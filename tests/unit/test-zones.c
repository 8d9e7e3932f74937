/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "io/firmware.h"
#include "io/resources.h"
#include "io/zones.h"
#include "tree.h"

#define MIB (1ull << 20)

static struct root *open_tree(const char *tree)
{
	struct root *root = root_open(tree);

	assert_non_null(root);
	return root;
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

static const char *owner_of(const struct snapshot *snapshot, uint64_t address)
{
	struct block block = { .index = address / (128 * MIB) };
	const struct snapshot_resource *resource = snapshot_resource_of(snapshot, &block);

	return resource ? resource->owner : "";
}

/* 5.1 to 5.7: the name is the one of other memory, what lies around it is not. */
static void memory_below_a_dax_device_is_kmem(void **state)
{
	const char *tree = *state;
	struct root *root = open_tree(tree);
	struct snapshot snapshot = SNAPSHOT_INIT;

	snapshot.block_size_bytes = 128 * MIB;
	tree_puts(tree, "/proc/iomem",
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
	assert_int_equal(resources_read(root, &snapshot), 0);
	assert_int_equal(snapshot.resource_count, 5);
	assert_string_equal(owner_of(&snapshot, 0x8000000), "System RAM");
	assert_string_equal(owner_of(&snapshot, 0x100000000), "System RAM");
	assert_string_equal(owner_of(&snapshot, 0x148000000), "System RAM (kmem)");
	assert_string_equal(owner_of(&snapshot, 0x180000000), "System RAM");
	assert_string_equal(owner_of(&snapshot, 0x1c0000000), "System RAM (kmem)");
	snapshot_free(&snapshot);
	root_close(root);
}

/* Without CAP_SYS_ADMIN nothing is seen of addresses: nobody owns anything then. */
static void hidden_addresses_own_nothing(void **state)
{
	const char *tree = *state;
	struct root *root = open_tree(tree);
	struct snapshot snapshot = SNAPSHOT_INIT;

	tree_puts(tree, "/proc/iomem",
		  "00000000-00000000 : Persistent Memory\n"
		  "  00000000-00000000 : dax0.0\n"
		  "    00000000-00000000 : System RAM\n");
	assert_int_equal(resources_read(root, &snapshot), 0);
	assert_int_equal(snapshot.resource_count, 0);
	snapshot_free(&snapshot);
	root_close(root);
}

static void adds_zones_up_by_node(void **state)
{
	const char *tree = *state;
	struct root *root = open_tree(tree);
	struct snapshot snapshot = SNAPSHOT_INIT;

	assert_true(zones_read_sums(root, &snapshot) < 0);
	assert_int_equal(snapshot.node_count, 0);
	tree_puts(tree, "/proc/zoneinfo",
		  "Node 0, zone      DMA\n  per-node stats\n        present  256\n"
		  "Node 0, zone   Normal\n        spanned  9999\n        present  1024\n"
		  "        cma      512\n      nr_free_cma  3\n"
		  "Node 0, zone   Device\n        present  4096\n"
		  "Node 1, zone  Movable\n        present  2560\n        managed  1\n");
	assert_int_equal(zones_read_sums(root, &snapshot), 0);
	assert_int_equal(snapshot.node_count, 2);
	assert_int_equal(snapshot.nodes[0].kernel_bytes, 3 * MIB);
	assert_int_equal(snapshot.nodes[0].movable_bytes, 2 * MIB);
	assert_int_equal(snapshot.nodes[1].kernel_bytes, 0);
	assert_int_equal(snapshot.nodes[1].movable_bytes, 10 * MIB);
	/* again: not on top of it */
	assert_int_equal(zones_read_sums(root, &snapshot), 0);
	assert_int_equal(snapshot.nodes[1].movable_bytes, 10 * MIB);
	snapshot_free(&snapshot);
	root_close(root);
}

static void one_block_has_the_lowest_of_its_nodes(void **state)
{
	const char *tree = *state;
	struct root *root = open_tree(tree);
	struct block block = { .index = 32, .node = 5 };

	zones_read_node(root, &block);
	assert_int_equal(block.node, BLOCK_NODE_UNKNOWN);
	tree_puts(tree, "/sys/devices/system/node/node3/memory32/x", "");
	tree_puts(tree, "/sys/devices/system/node/node1/memory32/x", "");
	tree_puts(tree, "/sys/devices/system/node/node0/memory320/x", "");
	tree_puts(tree, "/sys/devices/system/node/online", "0-3\n");
	zones_read_node(root, &block);
	assert_int_equal(block.node, 1);
	root_close(root);
}

static void a_broken_table_has_no_windows(void **state)
{
	const char *tree = *state;
	struct root *root = open_tree(tree);
	struct snapshot snapshot = SNAPSHOT_INIT;

	snapshot.window_count = 3;
	firmware_read_windows(root, &snapshot);
	assert_int_equal(snapshot.window_count, 0);
	tree_puts(tree, "/sys/firmware/acpi/tables/SRAT", "SRAT but no more");
	firmware_read_windows(root, &snapshot);
	assert_int_equal(snapshot.window_count, 0);
	root_close(root);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(memory_below_a_dax_device_is_kmem),
		TEST(hidden_addresses_own_nothing),
		TEST(adds_zones_up_by_node),
		TEST(one_block_has_the_lowest_of_its_nodes),
		TEST(a_broken_table_has_no_windows),
	};

	return cmocka_run_group_tests_name("zones", tests, NULL, NULL);
}
