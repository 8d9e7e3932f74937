/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdio.h>

#include "agent-fixture.h"
#include "daemon/agent-private.h"
#include "tree.h"

/* The first block of a DIMM goes before the scan of all, where its verdict rests on no other block. */

#define PATIENCE_MSEC 30000
#define STEPS 200 /* more than anything here needs */

struct room {
	struct fixture *fixture;
	char root[TREE_SIZE];
	unsigned lists; /* of the directory, before the DIMM came */
};

static void quit(void *data)
{
	loop_quit(((struct fixture *)data)->edges.loop);
}

static void impatient(void *data)
{
	(void)data;
	fail_msg("nothing was reported");
}

static int set_up_room(void **state)
{
	struct room *room = test_alloc(sizeof(*room));
	struct fixture *fixture;

	set_up(state);
	fixture = room->fixture = *state;
	tree_make(room->root);
	tree_puts(room->root, "/sys/devices/system/node/node0/memory0/x", "");
	tree_puts(room->root, "/sys/kernel/uevent_seqnum", "5\n");
	root_close(fixture->edges.root);
	fixture->edges.root = root_open(room->root);
	fixture->edges.loop = loop_new();
	fixture->edges.reported = quit;
	fake_kernel_add(fixture->kernel, 0, 1, BLOCK_ONLINE);
	*state = room;
	return 0;
}

static int tear_down_room(void **state)
{
	struct room *room = *state;
	struct fixture *fixture = room->fixture;

	agent_free(fixture->agent);
	fixture->agent = NULL;
	loop_free(fixture->edges.loop);
	tree_remove(room->root);
	*state = fixture;
	free(room);
	return tear_down(state);
}

static void link_block(const struct room *room, unsigned index)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/devices/system/node/node0/memory%u/x", index);
	tree_puts(room->root, path, "");
}

/* A DIMM of four blocks, of which this many are linked to their node. */
static void plug_in_state(struct room *room, unsigned linked, enum block_state is)
{
	struct fixture *fixture = room->fixture;
	struct uevent added = { UEVENT_ADD, 32, 6 };
	unsigned i;

	start(fixture, false);
	settle(fixture);
	room->lists = fixture->kernel->lists;
	fake_kernel_add(fixture->kernel, 32, 4, is);
	for (i = 0; i < linked; i++)
		link_block(room, 32 + i);
	tree_puts(room->root, "/sys/kernel/uevent_seqnum", "9\n");
	agent_event(fixture->agent, &added);
}

static void plug(struct room *room, unsigned linked)
{
	plug_in_state(room, linked, BLOCK_OFFLINE);
}

/* false: there was no write. The kernel may not have come to it yet. */
static bool step_to_the_first_write(const struct room *room)
{
	const struct agent *agent = room->fixture->agent;
	int steps;

	for (steps = 0; steps < STEPS && !room->fixture->kernel->writes &&
			agent->writing.purpose == WRITE_NONE;
	     steps++)
		agent_step(room->fixture->agent);
	return steps < STEPS;
}

static void run_to_the_report(const struct room *room)
{
	struct fixture *fixture = room->fixture;
	struct loop_timer *timer = loop_timer_add(fixture->edges.loop, impatient, NULL);

	loop_timer_arm(timer, PATIENCE_MSEC);
	agent_wake(fixture->agent);
	assert_int_equal(loop_run(fixture->edges.loop), 0);
	loop_timer_remove(timer);
}

static void brings_it_online_before_the_scan(void **state)
{
	struct room *room = *state;
	const struct fake_kernel *kernel = room->fixture->kernel;

	plug(room, 4);
	assert_true(step_to_the_first_write(room));
	assert_int_equal(kernel->lists, room->lists);
	run_to_the_report(room);
	assert_int_equal(kernel->writes, 4);
	assert_int_equal(kernel->blocks[35].state, BLOCK_ONLINE);
	/* It is no DIMM of its own. */
	assert_int_equal(last_seq(room->fixture), 1);
	assert_int_equal(report(room->fixture, 1)->count, 1);
	assert_int_equal(first_range(room->fixture, 1)->size,
			 4 * kernel->block_size_bytes);
}

/* The others of its DIMM are linked later: it need not wait for them. */
static void needs_its_own_node_only(void **state)
{
	struct room *room = *state;

	plug(room, 1);
	assert_true(step_to_the_first_write(room));
	assert_int_equal(room->fixture->kernel->lists, room->lists);
	link_block(room, 33);
	link_block(room, 34);
	link_block(room, 35);
	run_to_the_report(room);
	assert_int_equal(room->fixture->kernel->writes, 4);
}

static const struct block *first_block(const struct room *room)
{
	return snapshot_find(agent_snapshot(room->fixture->agent), 32);
}

static void step_until_it_is_seen_online(const struct room *room)
{
	const struct block *block = NULL;

	/* The write is another thread's. */
	while (!block || block->state != BLOCK_ONLINE) {
		agent_step(room->fixture->agent);
		block = first_block(room);
	}
}

/* With its event: where this machine is slow, the scan of all may be over. */
static void take_offline(const struct room *room)
{
	struct uevent offline = { UEVENT_OFFLINE, 32, 10 };

	room->fixture->kernel->blocks[32].state = BLOCK_OFFLINE;
	agent_event(room->fixture->agent, &offline);
}

/* Somebody onlines it and takes it offline again, and the scan of all comes after that. */
static void what_was_seen_online_is_left_offline(void **state)
{
	struct room *room = *state;
	struct fake_kernel *kernel = room->fixture->kernel;

	plug_in_state(room, 4, BLOCK_ONLINE);
	/* Until it waits for the others: that one is read before. */
	while (agent_step(room->fixture->agent))
		;
	take_offline(room);
	run_to_the_report(room);
	assert_int_equal(kernel->blocks[32].state, BLOCK_OFFLINE);
	assert_int_equal(kernel->writes, 0);
}

/* A DIMM came and went there before: the news of its end comes late. */
static void an_earlier_removal_is_not_its_own(void **state)
{
	struct room *room = *state;
	struct fake_kernel *kernel = room->fixture->kernel;
	struct uevent removed = { UEVENT_REMOVE, 32, 7 };

	plug(room, 4);
	step_until_it_is_seen_online(room);
	agent_event(room->fixture->agent, &removed);
	assert_int_equal(first_block(room)->state, BLOCK_ONLINE);
	take_offline(room);
	run_to_the_report(room);
	agent_event(room->fixture->agent, &removed);
	settle(room->fixture);
	assert_int_equal(kernel->blocks[32].state, BLOCK_OFFLINE);
	assert_int_equal(kernel->writes, 4);
}

static void waits_for_its_node(void **state)
{
	struct room *room = *state;

	plug(room, 0);
	assert_false(step_to_the_first_write(room));
}

static void what_went_again_is_not_waited_for(void **state)
{
	struct room *room = *state;
	const struct agent *agent;

	plug(room, 0);
	agent = room->fixture->agent;
	assert_true(agent->has_newcomer);
	fake_kernel_remove(room->fixture->kernel, 32, 4);
	agent_step(room->fixture->agent);
	assert_false(agent->has_newcomer);
}

static void waits_for_the_scan(struct room *room)
{
	/* However slow this machine is, that comes before the first write. */
	plug(room, 4);
	if (!step_to_the_first_write(room))
		run_to_the_report(room);
	assert_true(room->fixture->kernel->lists > room->lists);
}

static void ratio_counts_all_blocks(void **state)
{
	struct room *room = *state;

	room->fixture->config.policy = CONFIG_POLICY_RATIO;
	waits_for_the_scan(room);
}

static void an_old_kernel_takes_them_from_the_top(void **state)
{
	struct room *room = *state;

	room->fixture->config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	tree_puts(room->root, "/proc/sys/kernel/osrelease", "3.10.0-1160.el7.x86_64\n");
	waits_for_the_scan(room);
}

static void nothing_is_done_under_keep(void **state)
{
	struct room *room = *state;

	room->fixture->config.policy = CONFIG_POLICY_KEEP;
	plug(room, 4);
	assert_false(step_to_the_first_write(room));
	run_to_the_report(room);
	assert_int_equal(room->fixture->kernel->writes, 0);
	assert_int_equal(report(room->fixture, 1)->count, 1);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_room, tear_down_room)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(brings_it_online_before_the_scan),
		TEST(needs_its_own_node_only),
		TEST(what_was_seen_online_is_left_offline),
		TEST(an_earlier_removal_is_not_its_own),
		TEST(waits_for_its_node),
		TEST(what_went_again_is_not_waited_for),
		TEST(ratio_counts_all_blocks),
		TEST(an_old_kernel_takes_them_from_the_top),
		TEST(nothing_is_done_under_keep),
	};

	return cmocka_run_group_tests_name("advance", tests, NULL, NULL);
}
