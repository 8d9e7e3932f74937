/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "core/ratio.h"

#define PAGE 4096ull
#define BLOCK_SIZE (128ull << 20)
/* What /proc/zoneinfo of a 1 GiB guest says: DMA 3998 and DMA32 258016 pages present. */
#define BOOT_PAGES (3998 + 258016)

/* Decisions of a 6.1 kernel with online_policy=auto-movable, DIMM by DIMM, measured in guests. */
static const struct {
	unsigned percent;
	struct {
		unsigned mib;
		bool movable;
	} dimms[8];
} measured[] = {
	{ 100, { { 512, true }, { 1024, false }, { 512, false } } },
	{ 100,
	  { { 512, true },
	    { 1024, false },
	    { 256, true },
	    { 128, true },
	    { 128, false } } },
	{ 301,
	  { { 1024, true },
	    { 1024, true },
	    { 1024, true },
	    { 1024, false },
	    { 128, false },
	    { 2048, false } } },
	{ 100, { { 1024, false }, { 896, true }, { 128, false } } },
	{ 50, { { 512, false }, { 384, true }, { 128, false }, { 128, false } } },
	{ 0, { { 128, false }, { 512, false } } },
};

/* A DIMM behind all others, offline. Returns the position of its first block. */
static size_t plug(struct snapshot *snapshot, unsigned mib, int node)
{
	uint64_t index = 32, blocks = mib / 128, i;
	size_t first = snapshot->count;

	if (first)
		index = snapshot->blocks[first - 1].index + 1;
	assert_int_equal(snapshot_add_resource(snapshot, index * BLOCK_SIZE,
					       blocks * BLOCK_SIZE, "System RAM"),
			 0);
	for (i = 0; i < blocks; i++) {
		struct block block = { .index = index + i,
				       .node = node,
				       .state = BLOCK_OFFLINE,
				       .marks = BLOCK_MARK_ADDED };

		assert_int_equal(snapshot_add_block(snapshot, &block), 0);
	}
	return first;
}

static void bring_online(struct snapshot *snapshot, size_t first, enum online_type word,
			 bool zones_known)
{
	bool movable = word == ONLINE_TYPE_ONLINE_MOVABLE;

	for (; first < snapshot->count; first++) {
		struct block *block = &snapshot->blocks[first];
		struct snapshot_node *node = snapshot_node(snapshot, block->node);

		block->state = BLOCK_ONLINE;
		block->zone_count = zones_known;
		block->zones[0] = movable ? BLOCK_ZONE_MOVABLE : BLOCK_ZONE_NORMAL;
		*(movable ? &node->movable_bytes : &node->kernel_bytes) += BLOCK_SIZE;
	}
}

static void boot(struct snapshot *snapshot, uint64_t pages, int node)
{
	snapshot->block_size_bytes = BLOCK_SIZE;
	snapshot_node(snapshot, node)->kernel_bytes = pages * PAGE;
}

static enum online_type decide(const struct snapshot *snapshot, size_t position,
			       unsigned percent, bool per_node)
{
	enum online_type word, last;
	struct ratio ratio;

	assert_int_equal(ratio_init(&ratio, snapshot, percent, per_node), 0);
	word = ratio_word(&ratio, &snapshot->blocks[position]);
	/* One online type for all of it. */
	last = ratio_word(&ratio, &snapshot->blocks[snapshot->count - 1]);
	assert_int_equal(word, last);
	ratio_free(&ratio);
	return word;
}

static void follow_the_kernel(bool zones_known)
{
	size_t i, j;

	for (i = 0; i < sizeof(measured) / sizeof(measured[0]); i++) {
		struct snapshot snapshot = SNAPSHOT_INIT;

		boot(&snapshot, BOOT_PAGES, 0);
		for (j = 0; j < 8 && measured[i].dimms[j].mib; j++) {
			size_t first = plug(&snapshot, measured[i].dimms[j].mib, 0);
			enum online_type word =
				decide(&snapshot, first, measured[i].percent, true);

			assert_int_equal(word, measured[i].dimms[j].movable
						       ? ONLINE_TYPE_ONLINE_MOVABLE
						       : ONLINE_TYPE_ONLINE_KERNEL);
			bring_online(&snapshot, first, word, zones_known);
		}
		snapshot_free(&snapshot);
	}
}

static void decides_as_the_kernel_does(void **state)
{
	(void)state;
	follow_the_kernel(true);
}

/* 3.10 has no valid_zones: then the sums alone have to do. */
static void decides_so_without_zones(void **state)
{
	(void)state;
	follow_the_kernel(false);
}

/* All at once, as at boot: each counts for the next. */
static void dimms_of_one_burst_count_for_each_other(void **state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	struct ratio ratio;
	size_t second, third;

	(void)state;
	boot(&snapshot, BOOT_PAGES, 0);
	plug(&snapshot, 512, 0);
	second = plug(&snapshot, 1024, 0);
	third = plug(&snapshot, 256, 0);
	assert_int_equal(ratio_init(&ratio, &snapshot, 100, true), 0);
	assert_int_equal(ratio_word(&ratio, &snapshot.blocks[0]),
			 ONLINE_TYPE_ONLINE_MOVABLE);
	assert_int_equal(ratio_word(&ratio, &snapshot.blocks[3]),
			 ONLINE_TYPE_ONLINE_MOVABLE);
	assert_int_equal(ratio_word(&ratio, &snapshot.blocks[second]),
			 ONLINE_TYPE_ONLINE_KERNEL);
	assert_int_equal(ratio_word(&ratio, &snapshot.blocks[third]),
			 ONLINE_TYPE_ONLINE_MOVABLE);
	ratio_free(&ratio);
	snapshot_free(&snapshot);
}

static bool every_block(const struct block *block, const void *data)
{
	(void)data;
	return block->state == BLOCK_OFFLINE;
}

/* Before 4.13: sizes from the lowest DIMM up, and which of them, together, are movable. */
static const struct {
	unsigned percent;
	struct {
		unsigned mib;
		bool movable;
	} dimms[4];
} from_top[] = {
	{ 100, { { 512, false }, { 1024, false }, { 512, true } } },
	{ 100, { { 256, true }, { 256, true }, { 256, true } } },
	{ 100, { { 256, false }, { 2048, false } } },
	{ 200, { { 1024, false }, { 1024, true }, { 512, true } } },
};

static void what_comes_together_is_cut_once_from_the_top(void **state)
{
	size_t i, j;

	(void)state;
	for (i = 0; i < sizeof(from_top) / sizeof(from_top[0]); i++) {
		struct snapshot snapshot = SNAPSHOT_INIT;
		struct ratio ratio;
		size_t first[4] = { 0 };

		boot(&snapshot, BOOT_PAGES, 0);
		for (j = 0; j < 4 && from_top[i].dimms[j].mib; j++)
			first[j] = plug(&snapshot, from_top[i].dimms[j].mib, 0);
		assert_int_equal(ratio_init(&ratio, &snapshot, from_top[i].percent, true),
				 0);
		assert_int_equal(ratio_decide_from_top(&ratio, every_block, NULL), 0);
		while (j--) {
			enum online_type word =
				ratio_word(&ratio, &snapshot.blocks[first[j] + 1]);

			assert_int_equal(word, from_top[i].dimms[j].movable
						       ? ONLINE_TYPE_ONLINE_MOVABLE
						       : ONLINE_TYPE_ONLINE_KERNEL);
		}
		ratio_free(&ratio);
		snapshot_free(&snapshot);
	}
}

static void a_dimm_with_a_kernel_block_stays_whole(void **state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	size_t first;

	(void)state;
	boot(&snapshot, BOOT_PAGES, 0);
	first = plug(&snapshot, 512, 0);
	snapshot.blocks[first + 1].state = BLOCK_ONLINE;
	snapshot.blocks[first + 1].zones[0] = BLOCK_ZONE_NORMAL;
	snapshot.blocks[first + 1].zone_count = 1;
	assert_int_equal(decide(&snapshot, first, 400, true), ONLINE_TYPE_ONLINE_KERNEL);
	snapshot.blocks[first + 1].zones[0] = BLOCK_ZONE_MOVABLE;
	assert_int_equal(decide(&snapshot, first, 400, true), ONLINE_TYPE_ONLINE_MOVABLE);
	snapshot_free(&snapshot);
}

/* The kernel announces block by block: what comes first must not be decided for itself. */
static void a_dimm_that_is_still_coming_counts_as_whole(void **state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;

	(void)state;
	boot(&snapshot, BOOT_PAGES, 0);
	plug(&snapshot, 1024, 0);
	snapshot.count = 2;
	assert_int_equal(decide(&snapshot, 0, 50, true), ONLINE_TYPE_ONLINE_KERNEL);
	assert_int_equal(decide(&snapshot, 0, 110, true), ONLINE_TYPE_ONLINE_MOVABLE);
	bring_online(&snapshot, 0, ONLINE_TYPE_ONLINE_MOVABLE, true);
	snapshot.count = 8;
	assert_int_equal(decide(&snapshot, 2, 110, true), ONLINE_TYPE_ONLINE_MOVABLE);
	snapshot_free(&snapshot);
}

/* A node without boot memory has no budget of its own. */
static void a_node_counts_by_itself_if_asked(void **state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	size_t first;

	(void)state;
	boot(&snapshot, BOOT_PAGES, 0);
	boot(&snapshot, 0, 1);
	first = plug(&snapshot, 512, 1);
	assert_int_equal(decide(&snapshot, first, 301, true), ONLINE_TYPE_ONLINE_KERNEL);
	assert_int_equal(decide(&snapshot, first, 301, false),
			 ONLINE_TYPE_ONLINE_MOVABLE);
	snapshot_free(&snapshot);
}

/* Nothing is known: nothing is made movable. */
static void without_sums_nothing_is_movable(void **state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;

	(void)state;
	snapshot.block_size_bytes = BLOCK_SIZE;
	plug(&snapshot, 512, 0);
	assert_int_equal(decide(&snapshot, 0, 301, true), ONLINE_TYPE_ONLINE_KERNEL);
	assert_int_equal(decide(&snapshot, 0, 301, false), ONLINE_TYPE_ONLINE_KERNEL);
	snapshot_free(&snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides_as_the_kernel_does),
		cmocka_unit_test(decides_so_without_zones),
		cmocka_unit_test(dimms_of_one_burst_count_for_each_other),
		cmocka_unit_test(what_comes_together_is_cut_once_from_the_top),
		cmocka_unit_test(a_dimm_with_a_kernel_block_stays_whole),
		cmocka_unit_test(a_dimm_that_is_still_coming_counts_as_whole),
		cmocka_unit_test(a_node_counts_by_itself_if_asked),
		cmocka_unit_test(without_sums_nothing_is_movable),
	};

	return cmocka_run_group_tests_name("ratio", tests, NULL, NULL);
}
