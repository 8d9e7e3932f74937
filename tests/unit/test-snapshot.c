/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "core/snapshot.h"

#define BLOCK_SIZE 0x8000000u

static void add(struct snapshot *snapshot, uint64_t index, enum block_state state,
		int node)
{
	struct block block = { .index = index, .state = (uint8_t)state, .node = node };

	if (state == BLOCK_ONLINE) {
		block.zones[0] = BLOCK_ZONE_NORMAL;
		block.zone_count = 1;
	}
	assert_int_equal(snapshot_add_block(snapshot, &block), 0);
}

static void finds_nothing_in_nothing(void **state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	struct snapshot_total totals[1];
	struct block block = { .index = 1 };

	(void)state;
	snapshot_sort(&snapshot);
	assert_null(snapshot_find(&snapshot, 0));
	assert_null(snapshot_resource_of(&snapshot, &block));
	assert_int_equal(snapshot_totals(&snapshot, totals, 1), 0);
	snapshot_free(&snapshot);
}

static void sorts_and_finds(void **state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < 500; i++) /* beyond the first allocation, with holes */
		add(&snapshot, (i * 7919) % 1009, BLOCK_OFFLINE, 0);
	snapshot_sort(&snapshot);
	for (i = 1; i < snapshot.count; i++)
		assert_true(snapshot.blocks[i - 1].index < snapshot.blocks[i].index);
	for (i = 0; i < 500; i++)
		assert_non_null(snapshot_find(&snapshot, (i * 7919) % 1009));
	assert_null(snapshot_find(&snapshot, 1009));
	snapshot_clear(&snapshot);
	assert_int_equal(snapshot.count, 0);
	assert_null(snapshot_find(&snapshot, 0));
	snapshot_free(&snapshot);
}

static void refuses_more_than_memory(void **state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;

	(void)state;
	assert_true(snapshot_reserve(&snapshot, SIZE_MAX) < 0);
	assert_int_equal(snapshot.capacity, 0);
}

static void tells_dimms_apart(void **state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	const struct block *b;

	(void)state;
	snapshot.block_size_bytes = BLOCK_SIZE;
	add(&snapshot, 32, BLOCK_OFFLINE, 0);
	add(&snapshot, 33, BLOCK_OFFLINE, 0);
	add(&snapshot, 34, BLOCK_OFFLINE, 0);
	add(&snapshot, 40, BLOCK_OFFLINE, 0);
	b = snapshot.blocks;
	/* Without resources, neighbours are taken for one DIMM. */
	assert_true(snapshot_same_dimm(&snapshot, &b[0], &b[1]));
	assert_false(snapshot_same_dimm(&snapshot, &b[2], &b[3]));
	snapshot_add_resource(&snapshot, 34ull * BLOCK_SIZE, BLOCK_SIZE, "System RAM");
	snapshot_add_resource(&snapshot, 32ull * BLOCK_SIZE, 2ull * BLOCK_SIZE,
			      "System RAM (a name that is much longer than its room)");
	snapshot_sort(&snapshot);
	assert_true(snapshot_same_dimm(&snapshot, &b[0], &b[1]));
	assert_false(snapshot_same_dimm(&snapshot, &b[1], &b[2]));
	assert_null(snapshot_resource_of(&snapshot, &b[3]));
	assert_int_equal(strlen(snapshot.resources[0].owner),
			 sizeof(snapshot.resources[0].owner) - 1);
	snapshot_free(&snapshot);
}

/* UEFI boot memory in pieces, reserved pages at its start and in between; then a DIMM. */
static void takes_boot_memory_for_one_piece(void **state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	const struct block *b;

	(void)state;
	snapshot.block_size_bytes = BLOCK_SIZE;
	for (uint64_t i = 0; i < 6; i++)
		add(&snapshot, i, BLOCK_ONLINE, 0);
	snapshot_add_resource(&snapshot, 0x1000, 0x9ec00, "System RAM");
	snapshot_add_resource(&snapshot, 0x100000, 2ull * BLOCK_SIZE, "System RAM");
	snapshot_add_resource(&snapshot, 2ull * BLOCK_SIZE + 0x300000,
			      2ull * BLOCK_SIZE - 0x300000, "System RAM");
	snapshot_add_resource(&snapshot, 4ull * BLOCK_SIZE, 2ull * BLOCK_SIZE,
			      "System RAM");
	b = snapshot.blocks;
	/* what has most of the block, not what begins it */
	assert_ptr_equal(snapshot_resource_of(&snapshot, &b[0]), &snapshot.resources[1]);
	assert_ptr_equal(snapshot_resource_of(&snapshot, &b[2]), &snapshot.resources[2]);
	/* nothing marks boot memory */
	assert_false(snapshot_same_dimm(&snapshot, &b[1], &b[2]));
	snapshot.windows[0].start = 4ull * BLOCK_SIZE;
	snapshot.windows[0].size = 4ull * BLOCK_SIZE;
	snapshot.window_count = 1;
	assert_true(snapshot_same_dimm(&snapshot, &b[1], &b[2]));
	assert_false(snapshot_same_dimm(&snapshot, &b[1], &b[3]));
	assert_false(snapshot_same_dimm(&snapshot, &b[3], &b[4]));
	assert_true(snapshot_same_dimm(&snapshot, &b[4], &b[5]));
	assert_null(snapshot_dimm_of(&snapshot, &b[0]));
	assert_ptr_equal(snapshot_dimm_of(&snapshot, &b[5]), &snapshot.resources[3]);
	/* a window that begins inside of a block, with its DIMM */
	snapshot.windows[0].start += 0x1000;
	assert_false(snapshot_hot_added(&snapshot, &b[4]));
	snapshot.resources[3].start += 0x1000;
	snapshot.resources[3].size -= 0x1000;
	assert_true(snapshot_hot_added(&snapshot, &b[4]));
	snapshot_free(&snapshot);
}

/* The lower one has as much: two DIMMs of a block and a half each. */
static void shares_a_block_between_two(void **state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;

	(void)state;
	snapshot.block_size_bytes = BLOCK_SIZE;
	add(&snapshot, 33, BLOCK_ONLINE, 0);
	snapshot_add_resource(&snapshot, 32ull * BLOCK_SIZE, 3ull * BLOCK_SIZE / 2,
			      "System RAM");
	snapshot_add_resource(&snapshot, 33ull * BLOCK_SIZE + BLOCK_SIZE / 2,
			      3ull * BLOCK_SIZE / 2, "System RAM");
	assert_ptr_equal(snapshot_resource_of(&snapshot, snapshot.blocks),
			 &snapshot.resources[0]);
	snapshot_free(&snapshot);
}

static void adds_up_by_node_state_and_zone(void **state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	struct snapshot_total totals[8];

	(void)state;
	snapshot.block_size_bytes = BLOCK_SIZE;
	add(&snapshot, 0, BLOCK_ONLINE, 0);
	add(&snapshot, 1, BLOCK_ONLINE, 0);
	add(&snapshot, 2, BLOCK_ONLINE, 1);
	add(&snapshot, 3, BLOCK_OFFLINE, 1);
	assert_int_equal(snapshot_totals(&snapshot, totals, 8), 3);
	assert_int_equal(totals[0].bytes, 2 * BLOCK_SIZE);
	assert_int_equal(totals[0].zone, BLOCK_ZONE_NORMAL);
	assert_int_equal(totals[2].state, BLOCK_OFFLINE);
	/* What does not fit is not written. */
	assert_int_equal(snapshot_totals(&snapshot, totals, 1), 1);
	snapshot_free(&snapshot);
}

static void add_resources(struct snapshot *snapshot, unsigned first, unsigned count,
			  const char *owner)
{
	unsigned i;

	snapshot->block_size_bytes = BLOCK_SIZE;
	for (i = first; i < first + count; i++)
		assert_int_equal(snapshot_add_resource(snapshot, (uint64_t)i * BLOCK_SIZE,
						       BLOCK_SIZE, owner),
				 0);
}

static void what_was_probed_together_is_one_dimm(void **state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	size_t first, end;
	unsigned i;

	(void)state;
	for (i = 32; i < 40; i++)
		add(&snapshot, i, BLOCK_OFFLINE, 0);
	add_resources(&snapshot, 32, 6, "System RAM");
	add_resources(&snapshot, 38, 1, "System RAM (virtio_mem)");
	snapshot_join_resources(&snapshot, (uint64_t)33 * BLOCK_SIZE, 3ull * BLOCK_SIZE);
	assert_int_equal(snapshot.resource_count, 5);
	snapshot_dimm(&snapshot, 2, &first, &end);
	assert_true(first == 1 && end == 4);
	snapshot_dimm(&snapshot, 0, &first, &end);
	assert_true(first == 0 && end == 1);
	/* Another owner's stays apart. */
	snapshot_join_resources(&snapshot, (uint64_t)36 * BLOCK_SIZE, 3ull * BLOCK_SIZE);
	assert_int_equal(snapshot.resource_count, 4);
	snapshot_free(&snapshot);
}

static void a_dimm_is_whole_when_its_last_block_is_there(void **state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;

	(void)state;
	snapshot.block_size_bytes = BLOCK_SIZE;
	add(&snapshot, 32, BLOCK_OFFLINE, 0);
	/* No resource: nothing is known to be missing. */
	assert_true(snapshot_dimm_is_whole(&snapshot, snapshot.blocks));
	assert_int_equal(snapshot_add_resource(&snapshot, (uint64_t)32 * BLOCK_SIZE,
					       2ull * BLOCK_SIZE, "System RAM"),
			 0);
	assert_false(snapshot_dimm_is_whole(&snapshot, snapshot.blocks));
	add(&snapshot, 33, BLOCK_OFFLINE, 0);
	assert_true(snapshot_dimm_is_whole(&snapshot, snapshot.blocks));
	snapshot_free(&snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_nothing_in_nothing),
		cmocka_unit_test(sorts_and_finds),
		cmocka_unit_test(refuses_more_than_memory),
		cmocka_unit_test(tells_dimms_apart),
		cmocka_unit_test(takes_boot_memory_for_one_piece),
		cmocka_unit_test(shares_a_block_between_two),
		cmocka_unit_test(adds_up_by_node_state_and_zone),
		cmocka_unit_test(what_was_probed_together_is_one_dimm),
		cmocka_unit_test(a_dimm_is_whole_when_its_last_block_is_there),
	};

	return cmocka_run_group_tests_name("snapshot", tests, NULL, NULL);
}
