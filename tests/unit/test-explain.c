/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/explain.h"

#define MIB (1ull << 20)
#define BLOCK_SIZE (128 * MIB)

/*
 * Two DIMMs of two blocks each, 32-33 and 34-35, on a virtual machine with 1 GiB from boot, of which
 * block 0 is shown; it begins with a reserved page.
 */
struct world {
	struct config config;
	struct snapshot snapshot;
	struct executor executor;
	struct policy_verdict verdict;
	/* "name=value\n" of each fact reported. */
	struct text told;
	unsigned count;
};

static void note(const char *name, const char *value, void *data)
{
	struct world *world = data;

	assert_non_null(name);
	assert_non_null(value);
	text_printf(&world->told, "\n%s=%s\n", name, value);
	world->count++;
}

static int setup(void **state)
{
	static struct world world;
	uint64_t index;

	memset(&world, 0, sizeof(world));
	config_defaults(&world.config);
	world.config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	world.executor.who = EXECUTOR_AGENT;
	world.verdict.reason = REASONS;
	world.snapshot.block_size_bytes = BLOCK_SIZE;
	world.snapshot.machine.is_virtual = true;
	for (index = 31; index < 36; index++) {
		struct block block = { .index = index == 31 ? 0 : index,
				       .state = BLOCK_OFFLINE };

		if (index == 31)
			block.state = BLOCK_ONLINE;
		assert_int_equal(snapshot_add_block(&world.snapshot, &block), 0);
	}
	snapshot_add_resource(&world.snapshot, 0x1000, 0x9ec00, "System RAM");
	snapshot_add_resource(&world.snapshot, 0x100000, 1023 * MIB, "System RAM");
	world.snapshot.window_count = 1;
	world.snapshot.windows[0].start = 32 * BLOCK_SIZE;
	world.snapshot.windows[0].size = 1024 * BLOCK_SIZE;
	for (index = 32; index < 36; index += 2)
		assert_int_equal(snapshot_add_resource(&world.snapshot,
						       index * BLOCK_SIZE, 2 * BLOCK_SIZE,
						       "System RAM"),
				 0);
	snapshot_node(&world.snapshot, 0)->kernel_bytes = 1024 * MIB;
	*state = &world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	text_free(&world->told);
	snapshot_free(&world->snapshot);
	return 0;
}

static int explain(struct world *world, uint64_t index)
{
	text_clear(&world->told);
	world->count = 0;
	return explain_block(&world->config, &world->snapshot, &world->executor, index,
			     &world->verdict, note, world);
}

/* NULL: no fact of this name is reported. */
static void expect_fact(const struct world *world, const char *name, const char *value)
{
	char line[256];
	const char *found;

	snprintf(line, sizeof(line), "\n%s=%s", name, value ? value : "");
	found = strstr(world->told.data, line);
	if (value && (!found || found[strlen(line)] != '\n'))
		fail_msg("no \"%s\" in %s", line + 1, world->told.data);
	if (!value && found)
		fail_msg("\"%s\" in %s", line + 1, world->told.data);
}

static struct block *block_of(struct world *world, uint64_t index)
{
	return snapshot_find(&world->snapshot, index);
}

/* --- what must not be reported --- */

static void of_an_absent_block_nothing_is_told(void **state)
{
	struct world *world = *state;

	assert_int_equal(explain(world, 99), -ENOENT);
	assert_int_equal(explain(world, UINT64_MAX), -ENOENT);
	block_of(world, 33)->state = BLOCK_ABSENT;
	assert_int_equal(explain(world, 33), -ENOENT);
	assert_int_equal(world->count, 0);
	assert_int_equal(world->verdict.reason, REASONS);
}

static void what_does_not_apply_is_not_told(void **state)
{
	static const char *const names[] = {
		"refused", "fallback",		 "ratio",
		"kernel",  "auto-online-blocks", "memhp-default-state",
	};
	struct world *world = *state;
	size_t i;

	assert_int_equal(explain(world, 32), 0);
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		expect_fact(world, names[i], NULL);
	block_of(world, 32)->node = BLOCK_NODE_UNKNOWN;
	assert_int_equal(explain(world, 32), 0);
	expect_fact(world, "node", NULL);
}

static void room_of_another_dimm_is_not_told(void **state)
{
	struct world *world = *state;

	world->config.policy = CONFIG_POLICY_RATIO;
	block_of(world, 34)->state = BLOCK_ONLINE;
	block_of(world, 35)->state = BLOCK_ONLINE;
	assert_int_equal(explain(world, 35), 0);
	assert_int_equal(world->verdict.reason, REASON_ALREADY_ONLINE);
	expect_fact(world, "ratio", NULL);
}

static void a_dimm_that_cannot_be_read_has_no_edges(void **state)
{
	struct world *world = *state;

	world->snapshot.resource_count = 0;
	assert_int_equal(explain(world, 32), 0);
	expect_fact(world, "owner", "not in /proc/iomem, or it cannot be read");
	expect_fact(world, "dimm", NULL);
}

/* --- what is --- */

static void the_block_and_its_dimm(void **state)
{
	struct world *world = *state;

	assert_int_equal(explain(world, 35), 0);
	assert_int_equal(world->verdict.word, ONLINE_TYPE_ONLINE_MOVABLE);
	assert_int_equal(world->verdict.reason, REASON_POLICY);
	expect_fact(world, "range", "0x118000000-0x11fffffff");
	expect_fact(world, "state", "offline");
	expect_fact(world, "zones", "not shown by this kernel");
	expect_fact(world, "node", "0");
	expect_fact(world, "owner", "System RAM");
	expect_fact(world, "dimm", "0x110000000-0x11fffffff, 256 MiB");
	expect_fact(world, "hot-added", "yes");
	expect_fact(world, "was-online", "no");
	expect_fact(world, "policy", "online_movable");
	expect_fact(world, "section", "[memonlined]");
	expect_fact(world, "machine", "virtual");
	expect_fact(world, "carried-out-by", "agent");
}

static void boot_memory_is_not_a_dimm(void **state)
{
	struct world *world = *state;

	assert_int_equal(explain(world, 0), 0);
	expect_fact(world, "owner", "System RAM");
	expect_fact(world, "dimm", NULL);
	expect_fact(world, "hot-added", "no, boot memory");
}

/* The reason that reconcile and list have for it. */
static void who_took_it_offline(void **state)
{
	struct world *world = *state;
	struct block *block = block_of(world, 32);

	block->marks = BLOCK_MARK_WAS_ONLINE;
	block->reason = REASON_ASKED;
	assert_int_equal(explain(world, 32), 0);
	assert_int_equal(world->verdict.word, ONLINE_TYPE_NONE);
	assert_int_equal(world->verdict.reason, REASON_ASKED);
	expect_fact(world, "latest", "asked");
}

static void its_zones_in_their_order(void **state)
{
	struct world *world = *state;

	block_zones_parse(block_of(world, 32), "Normal Movable\n", 15);
	block_of(world, 32)->marks = BLOCK_MARK_ADDED;
	assert_int_equal(explain(world, 32), 0);
	expect_fact(world, "zones", "Normal Movable");
	expect_fact(world, "hot-added", "yes");
	assert_int_equal(explain(world, 33), 0);
	expect_fact(world, "zones", "none: it lies in more than one");
}

static void what_became_of_it_before(void **state)
{
	struct world *world = *state;
	struct block *block = block_of(world, 32);

	block->marks = BLOCK_MARK_WAS_ONLINE;
	assert_int_equal(explain(world, 32), 0);
	assert_int_equal(world->verdict.word, ONLINE_TYPE_NONE);
	assert_int_equal(world->verdict.reason, REASON_OFFLINED_ELSEWHERE);
	expect_fact(world, "was-online", "yes, in this boot");
	block->marks = BLOCK_MARK_FAILED;
	assert_int_equal(explain(world, 32), 0);
	expect_fact(world, "refused", "yes, until the next memory event");
	block->marks = BLOCK_MARK_FAILED | BLOCK_MARK_RETRYING;
	world->config.retry_sec = 77;
	assert_int_equal(explain(world, 32), 0);
	expect_fact(world, "refused", "yes, retried for 77 s in all");
	block->marks = BLOCK_MARK_FALLBACK;
	block->reason = REASON_REFUSED;
	assert_int_equal(explain(world, 32), 0);
	expect_fact(world, "fallback", "the zone of the policy was refused");
	expect_fact(world, "latest", reason_text(REASON_REFUSED));
}

/* 1 GiB at 25 % has room for the first DIMM only: it counts for the second. */
static void the_ratio_counts_what_was_decided_before(void **state)
{
	struct world *world = *state;

	world->config.policy = CONFIG_POLICY_RATIO;
	world->config.movable_ratio = 25;
	world->config.ratio_per_node = false;
	assert_int_equal(explain(world, 33), 0);
	assert_int_equal(world->verdict.word, ONLINE_TYPE_ONLINE_MOVABLE);
	expect_fact(world, "ratio",
		    "0 + 256 MiB movable of at most 256 (25 % of boot memory)");
	world->config.ratio_per_node = true;
	assert_int_equal(explain(world, 34), 0);
	assert_int_equal(world->verdict.word, ONLINE_TYPE_ONLINE_KERNEL);
	assert_int_equal(world->verdict.reason, REASON_RATIO_REACHED);
	expect_fact(
		world, "ratio",
		"256 + 256 MiB movable of at most 256 (25 % of boot memory, per node too)");
}

static void a_driver_s_memory_is_under_no_section(void **state)
{
	struct world *world = *state;

	strcpy(world->snapshot.resources[3].owner, "System RAM (kmem)");
	assert_int_equal(explain(world, 34), 0);
	assert_int_equal(world->verdict.reason, REASON_POLICY_KEEP);
	expect_fact(world, "owner", "System RAM (kmem)");
	expect_fact(world, "policy", "keep");
	expect_fact(world, "section", "none: other tools manage this owner's memory");
}

static void the_machine_and_its_kernel(void **state)
{
	struct world *world = *state;
	struct machine *machine = &world->snapshot.machine;

	machine->is_virtual = false;
	machine->auto_online = ONLINE_TYPE_OFFLINE;
	machine->kernel.has[KERNEL_MOVABLE_FROM_TOP] = true;
	assert_int_equal(explain(world, 32), 0);
	expect_fact(world, "machine", "bare metal");
	expect_fact(world, "auto-online-blocks", "offline");
	expect_fact(world, "kernel",
		    "ZONE_MOVABLE only from the highest block downwards");
	machine->auto_online_changed = true;
	machine->memhp_default_state = true;
	machine->kernel.has[KERNEL_ONLINES_BY_ITSELF] = true;
	machine->keeps_memory = true;
	world->executor.who = EXECUTOR_NOBODY;
	assert_int_equal(explain(world, 32), 0);
	assert_int_equal(world->verdict.reason, REASON_ADMINISTRATOR);
	expect_fact(world, "machine", "s390x or ppc64");
	expect_fact(world, "carried-out-by", "nobody");
	expect_fact(world, "auto-online-blocks", "offline, changed by an administrator");
	expect_fact(world, "memhp-default-state", "on the kernel's command line");
	expect_fact(world, "kernel", "onlines by itself what ACPI adds");
	machine->memhp_default_state = false;
	machine->memhp_ignored = true;
	machine->withheld = ONLINE_TYPE_ONLINE;
	assert_int_equal(explain(world, 32), 0);
	expect_fact(world, "memhp-default-state",
		    "on the kernel's command line, ignored by this kernel");
	expect_fact(world, "kernel-default", "online, switched off by memonlined");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(of_an_absent_block_nothing_is_told),
		TEST(what_does_not_apply_is_not_told),
		TEST(room_of_another_dimm_is_not_told),
		TEST(a_dimm_that_cannot_be_read_has_no_edges),
		TEST(the_block_and_its_dimm),
		TEST(boot_memory_is_not_a_dimm),
		TEST(who_took_it_offline),
		TEST(its_zones_in_their_order),
		TEST(what_became_of_it_before),
		TEST(the_ratio_counts_what_was_decided_before),
		TEST(a_driver_s_memory_is_under_no_section),
		TEST(the_machine_and_its_kernel),
	};

	return cmocka_run_group_tests_name("explain", tests, NULL, NULL);
}
