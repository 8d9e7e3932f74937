/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The kernel's own default for memory that comes, from its command line or compiled in. */
#include "agent-fixture.h"

#include "tree.h"

#define IOMEM                                   \
	"00001000-3fffffff : System RAM\n"      \
	"100000000-107ffffff : System RAM\n"    \
	"140000000-147ffffff : Soft Reserved\n" \
	"  140000000-147ffffff : dax0.0\n"      \
	"    140000000-147ffffff : System RAM (kmem)\n"
#define DIMM 32
#define DAX 40

static char root[TREE_SIZE];

static void set_root(struct fixture *fixture)
{
	tree_make(root);
	tree_puts(root, "/proc/iomem", IOMEM);
	root_close(fixture->edges.root);
	fixture->edges.root = root_open(root);
	assert_non_null(fixture->edges.root);
	remember(fixture);
	fixture->config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
}

static void plug_both(struct fixture *fixture)
{
	fake_kernel_add(fixture->kernel, DIMM, 1, BLOCK_OFFLINE);
	fake_kernel_add(fixture->kernel, DAX, 1, BLOCK_OFFLINE);
	settle(fixture);
}

static enum reason reason_of(struct fixture *fixture, uint64_t index)
{
	return (enum reason)snapshot_find(agent_snapshot(fixture->agent), index)->reason;
}

/*
 * auto_online_blocks is one switch for all memory: the agent gives DAX memory what that
 * switch withholds.
 */
static void what_a_switch_of_ours_withholds_is_given(void **state)
{
	struct fixture *fixture = *state;

	set_root(fixture);
	fixture->kernel->auto_online = ONLINE_TYPE_ONLINE;
	start(fixture, false);
	assert_int_equal(fixture->kernel->auto_online, ONLINE_TYPE_OFFLINE);
	plug_both(fixture);
	assert_int_equal(fixture->kernel->blocks[DIMM].meant, ONLINE_TYPE_ONLINE_MOVABLE);
	assert_int_equal(fixture->kernel->blocks[DAX].meant, ONLINE_TYPE_ONLINE);
	assert_int_equal(reason_of(fixture, DAX), REASON_KERNEL_DEFAULT);
	tree_remove(root);
}

/* After a crash auto_online_blocks says what the agent wrote there, not what it found. */
static void it_is_given_after_a_crash_too(void **state)
{
	struct fixture *fixture = *state;

	set_root(fixture);
	fixture->kernel->auto_online = ONLINE_TYPE_ONLINE_KERNEL;
	start(fixture, false);
	restart(fixture, true);
	plug_both(fixture);
	assert_int_equal(fixture->kernel->blocks[DAX].meant, ONLINE_TYPE_ONLINE_KERNEL);
	tree_remove(root);
}

static void nothing_is_given_where_nothing_is_withheld(void **state)
{
	struct fixture *fixture = *state;

	set_root(fixture);
	fixture->kernel->auto_online = ONLINE_TYPE_OFFLINE;
	start(fixture, false);
	plug_both(fixture);
	assert_int_equal(fixture->kernel->blocks[DIMM].state, BLOCK_ONLINE);
	assert_int_equal(fixture->kernel->blocks[DAX].state, BLOCK_OFFLINE);
	tree_remove(root);
}

/* --- memhp_default_state= */

static void a_word_that_is_in_force_decides(void **state)
{
	struct fixture *fixture = *state;

	set_root(fixture);
	tree_puts(root, "/proc/cmdline", "quiet memhp_default_state=offline\n");
	fixture->kernel->auto_online = ONLINE_TYPE_OFFLINE;
	start(fixture, false);
	plug_both(fixture);
	assert_int_equal(fixture->kernel->blocks[DIMM].state, BLOCK_OFFLINE);
	assert_string_equal(agent_carried_out_by(fixture->agent), "nobody");
	tree_remove(root);
}

static void ignored(struct fixture *fixture, enum fake_model model, const char *line,
		    enum online_type default_type)
{
	set_root(fixture);
	fake_kernel_become(fixture->kernel, model);
	fixture->kernel->auto_online = default_type;
	tree_puts(root, "/proc/cmdline", line);
	start(fixture, false);
	fake_kernel_add(fixture->kernel, DIMM, 1, BLOCK_OFFLINE);
	settle(fixture);
	assert_int_equal(fixture->kernel->blocks[DIMM].state, BLOCK_ONLINE);
	restart(fixture, true);
	fake_kernel_add(fixture->kernel, DIMM + 1, 1, BLOCK_OFFLINE);
	settle(fixture);
	assert_int_equal(fixture->kernel->blocks[DIMM + 1].state, BLOCK_ONLINE);
	tree_remove(root);
}

static void el7_does_not_know_the_parameter(void **state)
{
	ignored(*state, FAKE_EL7, "memhp_default_state=offline\n", ONLINE_TYPE_NONE);
}

static void el8_does_not_know_the_word(void **state)
{
	ignored(*state, FAKE_4_18, "memhp_default_state=online_movable\n",
		ONLINE_TYPE_OFFLINE);
}

/*
 * The agent's own `offline` is not the command line's, neither before a crash nor after
 * it.
 */
static void what_the_kernel_shows_counts(void **state)
{
	ignored(*state, FAKE_6_1, "memhp_default_state=offline\n", ONLINE_TYPE_ONLINE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_a_switch_of_ours_withholds_is_given),
		TEST(it_is_given_after_a_crash_too),
		TEST(nothing_is_given_where_nothing_is_withheld),
		TEST(a_word_that_is_in_force_decides),
		TEST(el7_does_not_know_the_parameter),
		TEST(el8_does_not_know_the_word),
		TEST(what_the_kernel_shows_counts),
	};

	return cmocka_run_group_tests_name("kernel-default", tests, NULL, NULL);
}
