/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>

#include "fake-kernel.h"
#include "io/sysfs.h"

struct fixture {
	struct fake_kernel *kernel;
	struct sysfs *sysfs;
	struct snapshot snapshot;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	memset(&fixture, 0, sizeof(fixture));
	fixture.kernel = fake_kernel_new(64);
	fixture.sysfs = sysfs_new(&fake_kernel_operations, fixture.kernel);
	*state = &fixture;
	return fixture.sysfs ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	sysfs_close(fixture->sysfs);
	snapshot_free(&fixture->snapshot);
	fake_kernel_free(fixture->kernel);
	return 0;
}

static void refuses_a_root_without_memory(void **state)
{
	(void)state;
	errno = 0;
	assert_null(sysfs_open("/nonexistent"));
	assert_int_equal(errno, ENOENT);
	sysfs_close(NULL);
}

static void refuses_a_block_size_of_zero(void **state)
{
	struct fixture *fixture = *state;

	fixture->kernel->block_size_bytes = 0;
	fake_kernel_add(fixture->kernel, 1, 1, BLOCK_ONLINE);
	assert_int_equal(sysfs_read_blocks(fixture->sysfs, &fixture->snapshot), -EINVAL);
	assert_int_equal(fixture->snapshot.count, 0);
}

static int read_all(struct fixture *fixture, bool numa)
{
	int r = sysfs_read_blocks(fixture->sysfs, &fixture->snapshot);

	sysfs_read_zones(fixture->sysfs, &fixture->snapshot);
	sysfs_read_possible_zones(fixture->sysfs, &fixture->snapshot, numa);
	return r;
}

/* A 6.1 kernel dereferences NULL there. */
static void reads_no_zones_of_a_block_without_its_node(void **state)
{
	struct fixture *fixture = *state;

	fake_kernel_add(fixture->kernel, 32, 2, BLOCK_OFFLINE);
	fake_kernel_add(fixture->kernel, 34, 1, BLOCK_ONLINE);
	assert_int_equal(sysfs_read_blocks(fixture->sysfs, &fixture->snapshot), 0);
	fixture->snapshot.blocks[1].node = 0;
	fixture->kernel->reads = 0;
	sysfs_read_zones(fixture->sysfs, &fixture->snapshot);
	assert_int_equal(fixture->kernel->reads, 1);
	assert_int_equal(fixture->snapshot.blocks[1].zone_count, 0);
	sysfs_read_possible_zones(fixture->sysfs, &fixture->snapshot, true);
	assert_int_equal(fixture->kernel->reads, 2);
	assert_int_equal(fixture->snapshot.blocks[0].zone_count, 0);
	assert_int_equal(fixture->snapshot.blocks[1].zone_count, 2);
	assert_int_equal(fixture->snapshot.blocks[2].zone_count, 1);
	/* Nor after a write that changed nothing. */
	fixture->kernel->blocks[32].ignore = true;
	fixture->kernel->reads = 0;
	assert_int_equal(sysfs_write_word(fixture->sysfs, &fixture->snapshot.blocks[0],
					  ONLINE_TYPE_ONLINE),
			 0);
	assert_int_equal(fixture->kernel->reads, 1);
}

static void reads_blocks_in_order(void **state)
{
	struct fixture *fixture = *state;
	const struct block *blocks;

	fake_kernel_add(fixture->kernel, 0, 8, BLOCK_ONLINE);
	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_OFFLINE);
	assert_int_equal(read_all(fixture, false), 0);
	assert_int_equal(fixture->snapshot.count, 12);
	assert_int_equal(fixture->snapshot.block_size_bytes, 128 << 20);
	blocks = fixture->snapshot.blocks;
	assert_int_equal(blocks[0].index, 0);
	assert_int_equal(block_zone_now(&blocks[0]), BLOCK_ZONE_NORMAL);
	assert_int_equal(blocks[8].index, 32);
	assert_int_equal(blocks[8].state, BLOCK_OFFLINE);
	assert_int_equal(blocks[8].zone_count, 2);
	assert_int_equal(blocks[8].node, BLOCK_NODE_UNKNOWN);
}

static void asks_once_for_a_file_that_no_block_has(void **state)
{
	struct fixture *fixture = *state;

	fixture->kernel->has_valid_zones = false;
	fake_kernel_add(fixture->kernel, 0, 10, BLOCK_ONLINE);
	assert_int_equal(read_all(fixture, true), 0);
	assert_int_equal(fixture->kernel->reads,
			 12); /* the size, one valid_zones, 10 states */
	assert_int_equal(block_zone_now(&fixture->snapshot.blocks[0]),
			 BLOCK_ZONE_UNKNOWN);
}

static void takes_a_missing_state_for_not_yet_there(void **state)
{
	struct fixture *fixture = *state;

	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	fixture->kernel->blocks[32].state_missing = true;
	assert_int_equal(sysfs_read_blocks(fixture->sysfs, &fixture->snapshot), 0);
	assert_int_equal(fixture->snapshot.blocks[0].state, BLOCK_UNREADABLE);
}

static void writes_the_word_once_with_its_newline(void **state)
{
	struct fixture *fixture = *state;
	struct block block = { .index = 32 };

	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	assert_int_equal(
		sysfs_write_word(fixture->sysfs, &block, ONLINE_TYPE_ONLINE_MOVABLE), 0);
	assert_string_equal(fixture->kernel->written, "memory32/state=online_movable\n;");
	assert_int_equal(block.state, BLOCK_ONLINE);
	assert_int_equal(block_zone_now(&block), BLOCK_ZONE_MOVABLE);
}

static void never_writes_the_rest_of_a_short_write(void **state)
{
	struct fixture *fixture = *state;
	struct block block = { .index = 32 };

	fixture->kernel->short_write = true;
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_ONLINE);
	assert_int_equal(sysfs_write_word(fixture->sysfs, &block, ONLINE_TYPE_ONLINE), 0);
	assert_int_equal(fixture->kernel->writes, 1);
	assert_int_equal(block.state, BLOCK_ONLINE);
}

static void reads_again_after_a_refusal(void **state)
{
	struct fixture *fixture = *state;
	struct block block = { .index = 32, .state = BLOCK_OFFLINE };

	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	fixture->kernel->blocks[32].raced = true;
	assert_int_equal(sysfs_write_word(fixture->sysfs, &block, ONLINE_TYPE_ONLINE),
			 -EINVAL);
	assert_int_equal(block.state, BLOCK_ONLINE);
	block.index = 33;
	assert_int_equal(sysfs_write_word(fixture->sysfs, &block, ONLINE_TYPE_ONLINE),
			 -ENOENT);
	assert_int_equal(block.state, BLOCK_ABSENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_a_root_without_memory),
		TEST(refuses_a_block_size_of_zero),
		TEST(reads_no_zones_of_a_block_without_its_node),
		TEST(reads_blocks_in_order),
		TEST(asks_once_for_a_file_that_no_block_has),
		TEST(takes_a_missing_state_for_not_yet_there),
		TEST(writes_the_word_once_with_its_newline),
		TEST(never_writes_the_rest_of_a_short_write),
		TEST(reads_again_after_a_refusal),
	};

	return cmocka_run_group_tests_name("sysfs", tests, NULL, NULL);
}
