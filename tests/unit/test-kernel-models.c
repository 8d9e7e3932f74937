/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Every policy on models of old and new kernels, blocks announced in every order. */

#include "agent-fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "io/log.h"
#include "tree.h"

#define FIRST 32
#define BLOCKS 8
#define SETTLE_MSEC 5
#define PATIENCE_MSEC 20000

/* What a kernel of the model shows besides its memory directory. */
static const struct {
	const char *name;
	const char *release;
	bool onlines_by_itself;
} models[FAKE_MODELS] = {
	[FAKE_EL6] = { "el6", "2.6.32-642.6.2.el6.x86_64", true },
	[FAKE_EL7] = { "el7", "3.10.0-1062.el7.x86_64", false },
	[FAKE_4_18] = { "4.18", "4.18.0-553.el8.x86_64", false },
	[FAKE_6_1] = { "6.1", "6.1.0-13-cloud-amd64", false },
};

static const enum config_policy policies[] = { CONFIG_POLICY_ONLINE,
					       CONFIG_POLICY_ONLINE_KERNEL,
					       CONFIG_POLICY_ONLINE_MOVABLE,
					       CONFIG_POLICY_RATIO };
static const size_t orders[][BLOCKS] = {
	{ 0, 1, 2, 3, 4, 5, 6, 7 },
	{ 7, 6, 5, 4, 3, 2, 1, 0 },
	{ 3, 7, 0, 5, 1, 6, 2, 4 },
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct machine_room {
	struct fixture fixture;
	char root[TREE_SIZE];
	struct loop_timer *patience;
	bool ran_out;
};

static void run_out(void *data)
{
	struct machine_room *room = data;

	room->ran_out = true;
	loop_quit(room->fixture.edges.loop);
}

static void open_room(struct machine_room *room, enum fake_model model,
		      enum config_policy policy)
{
	struct fixture *fixture = &room->fixture;

	memset(room, 0, sizeof(*room));
	tree_make(room->root);
	tree_puts(room->root, "/proc/sys/kernel/osrelease", models[model].release);
	if (models[model].onlines_by_itself)
		tree_puts(room->root,
			  "/sys/module/acpi_memhotplug/parameters/mem_hotadd_auto",
			  "Y\n");
	fixture->kernel = fake_kernel_new(64);
	fake_kernel_become(fixture->kernel, model);
	config_defaults(&fixture->config);
	fixture->config.policy = policy;
	fixture->edges.loop = loop_new();
	fixture->edges.settle_msec = SETTLE_MSEC;
	fixture->edges.sysfs = sysfs_new(&fake_kernel_operations, fixture->kernel);
	fixture->edges.root = root_open(room->root);
	fixture->edges.journal = journal_new("test", 64, 4096);
	room->patience = loop_timer_add(fixture->edges.loop, run_out, room);
	fake_kernel_add(fixture->kernel, 0, 8, BLOCK_ONLINE);
}

static void close_room(struct machine_room *room)
{
	struct fixture *fixture = &room->fixture;

	agent_free(fixture->agent);
	loop_timer_remove(room->patience);
	loop_free(fixture->edges.loop);
	journal_free(fixture->edges.journal);
	sysfs_close(fixture->edges.sysfs);
	root_close(fixture->edges.root);
	fake_kernel_free(fixture->kernel);
	tree_remove(room->root);
}

/* One event, and all that the agent does at once. Its timers wait: events still come. */
static void tell(struct machine_room *room, enum uevent_action action, size_t index)
{
	const struct uevent told = { action, index, 0 };

	agent_event(room->fixture.agent, &told);
	while (agent_step(room->fixture.agent))
		;
}

static bool all_settled(const struct machine_room *room)
{
	size_t i;

	for (i = 0; i < 64; i++) {
		const struct fake_block *block = &room->fixture.kernel->blocks[i];

		if (block->present && block->state != BLOCK_ONLINE && !block->refuse)
			return false;
	}
	return true;
}

static void come_back(void *data)
{
	loop_quit(data);
}

/* Until every block is online; then for the reports. */
static void wait_for_it(struct machine_room *room)
{
	struct loop *loop = room->fixture.edges.loop;
	struct loop_timer *often = loop_timer_add(loop, come_back, loop);
	int more;

	loop_timer_arm(room->patience, PATIENCE_MSEC);
	/* And for a while more: a report waits until events have ended. */
	for (more = 0; more < 3 && !room->ran_out; more += all_settled(room)) {
		loop_timer_arm(often, 2UL * SETTLE_MSEC);
		assert_int_equal(loop_run(loop), 0);
	}
	loop_timer_remove(often);
	while (agent_step(room->fixture.agent))
		;
}

/* The loop for a moment. */
static void turn(struct machine_room *room)
{
	struct loop *loop = room->fixture.edges.loop;
	struct loop_timer *moment = loop_timer_add(loop, come_back, loop);

	loop_timer_arm(moment, 2UL * SETTLE_MSEC);
	assert_int_equal(loop_run(loop), 0);
	loop_timer_remove(moment);
}

static void add_in_order(struct machine_room *room, const size_t *order, size_t first)
{
	size_t i;

	for (i = 0; i < BLOCKS; i++) {
		fake_kernel_add(room->fixture.kernel, first + order[i], 1, BLOCK_OFFLINE);
		if (room->fixture.agent)
			tell(room, UEVENT_ADD, first + order[i]);
	}
}

static enum block_zone zone_wanted(enum fake_model model, enum config_policy policy)
{
	return policy == CONFIG_POLICY_ONLINE_MOVABLE && model != FAKE_EL6
		       ? BLOCK_ZONE_MOVABLE
		       : BLOCK_ZONE_NORMAL;
}

static enum online_type word_wanted(enum fake_model model, enum config_policy policy)
{
	if (model == FAKE_EL6 || policy == CONFIG_POLICY_ONLINE)
		return ONLINE_TYPE_ONLINE;
	return policy == CONFIG_POLICY_ONLINE_MOVABLE ? ONLINE_TYPE_ONLINE_MOVABLE
						      : ONLINE_TYPE_ONLINE_KERNEL;
}

static uint64_t bytes_reported(const struct fixture *fixture, enum report_result result)
{
	const struct journal *journal = fixture->edges.journal;
	const struct report *next;
	uint64_t seq = 0, bytes = 0;
	size_t i;

	while ((next = journal_after(journal, seq))) {
		const struct report_range *ranges = journal_ranges(journal, next);

		for (i = 0; i < next->count; i++)
			if (ranges[i].to == BLOCK_ONLINE || result == REPORT_FAILED)
				bytes += ranges[i].result == result ? ranges[i].size : 0;
		seq = next->seq;
	}
	return bytes;
}

static void check_all(const struct machine_room *room, enum fake_model model,
		      enum config_policy policy)
{
	const struct fixture *fixture = &room->fixture;
	size_t i;

	for (i = FIRST; i < FIRST + BLOCKS; i++) {
		const struct fake_block *block = &fixture->kernel->blocks[i];

		if (block->state != BLOCK_ONLINE ||
		    block->zone != zone_wanted(model, policy) ||
		    block->meant != word_wanted(model, policy))
			fail_msg("%s, policy %s: memory%zu is %s in %s, told %s",
				 models[model].name, config_policy_text(policy), i,
				 block_state_word(block->state),
				 block_zone_word(block->zone),
				 online_type_text(block->meant));
	}
	assert_int_equal(fixture->kernel->writes, BLOCKS);
	assert_int_equal(bytes_reported(fixture, REPORT_SUCCESS),
			 BLOCKS * fixture->kernel->block_size_bytes);
	assert_int_equal(bytes_reported(fixture, REPORT_FAILED), 0);
}

static void one_case(enum fake_model model, enum config_policy policy,
		     const size_t *order, bool late)
{
	struct machine_room room;

	open_room(&room, model, policy);
	if (late)
		add_in_order(&room, order, FIRST);
	start(&room.fixture, false);
	agent_wake(room.fixture.agent);
	if (!late)
		add_in_order(&room, order, FIRST);
	wait_for_it(&room);
	check_all(&room, model, policy);
	close_room(&room);
}

static void every_policy_on_every_model_in_every_order(void **state)
{
	size_t policy, order;
	unsigned model;

	(void)state;
	for (model = 0; model < FAKE_MODELS; model++)
		for (policy = 0; policy < COUNT(policies); policy++)
			for (order = 0; order < COUNT(orders); order++) {
				one_case((enum fake_model)model, policies[policy],
					 orders[order], false);
				one_case((enum fake_model)model, policies[policy],
					 orders[order], true);
			}
}

/* --- 2.6.32: the kernel onlines what ACPI adds, and gives up when somebody is faster */

static void begin_self_onlining(struct machine_room *room)
{
	size_t i;

	open_room(room, FAKE_EL6, CONFIG_POLICY_ONLINE);
	start(&room->fixture, false);
	agent_wake(room->fixture.agent);
	for (i = FIRST; i < FIRST + BLOCKS; i++) {
		fake_kernel_add(room->fixture.kernel, i, 1, BLOCK_OFFLINE);
		tell(room, UEVENT_ADD, i);
	}
	room->fixture.kernel->self_next = FIRST;
	room->fixture.kernel->self_end = FIRST + BLOCKS;
}

static void keeps_out_of_the_kernel_s_way(void **state)
{
	struct machine_room room;
	size_t i;

	(void)state;
	begin_self_onlining(&room);
	for (i = FIRST; fake_kernel_self_online(room.fixture.kernel); i++)
		tell(&room, UEVENT_ONLINE, i);
	wait_for_it(&room);
	assert_int_equal(room.fixture.kernel->writes, 0);
	assert_int_equal(bytes_reported(&room.fixture, REPORT_SUCCESS),
			 BLOCKS * room.fixture.kernel->block_size_bytes);
	close_room(&room);
}

static void onlines_what_the_kernel_gave_up(void **state)
{
	struct machine_room room;
	size_t i;

	(void)state;
	begin_self_onlining(&room);
	room.fixture.kernel->blocks[FIRST + 3].state = BLOCK_ONLINE;
	for (i = FIRST; fake_kernel_self_online(room.fixture.kernel); i++)
		tell(&room, UEVENT_ONLINE, i);
	wait_for_it(&room);
	assert_int_equal(room.fixture.kernel->writes, BLOCKS - 4);
	assert_int_equal(bytes_reported(&room.fixture, REPORT_SUCCESS),
			 BLOCKS * room.fixture.kernel->block_size_bytes);
	close_room(&room);
}

static void says_unknown_of_a_zone_that_nobody_can_read(void **state)
{
	struct machine_room room;
	const struct report *first;

	(void)state;
	open_room(&room, FAKE_EL6, CONFIG_POLICY_ONLINE_MOVABLE);
	start(&room.fixture, false);
	agent_wake(room.fixture.agent);
	add_in_order(&room, orders[0], FIRST);
	wait_for_it(&room);
	first = journal_after(room.fixture.edges.journal, 0);
	assert_non_null(first);
	assert_int_equal(journal_ranges(room.fixture.edges.journal, first)->zone,
			 BLOCK_ZONE_UNKNOWN);
	close_room(&room);
}

/* --- 3.10 */

static enum reason reason_of(const struct machine_room *room, size_t index)
{
	const struct snapshot *now = agent_snapshot(room->fixture.agent);

	return (enum reason)snapshot_find(now, index)->reason;
}

static void check_dimm(const struct machine_room *room, size_t first, size_t count,
		       enum block_zone zone, enum reason reason)
{
	size_t i;

	for (i = first; i < first + count; i++) {
		const struct fake_block *block = &room->fixture.kernel->blocks[i];

		if (block->state != BLOCK_ONLINE || block->zone != zone)
			fail_msg("memory%zu is %s in %s", i,
				 block_state_word(block->state),
				 block_zone_word(block->zone));
		assert_string_equal(reason_text(reason_of(room, i)), reason_text(reason));
	}
}

static void a_dimm_above_goes_on_a_dimm_below_stays_in_its_zone(void **state)
{
	struct machine_room room;

	(void)state;
	open_room(&room, FAKE_EL7, CONFIG_POLICY_ONLINE_MOVABLE);
	start(&room.fixture, false);
	agent_wake(room.fixture.agent);
	add_in_order(&room, orders[0], FIRST);
	wait_for_it(&room);
	add_in_order(&room, orders[2], FIRST + BLOCKS);
	wait_for_it(&room);
	assert_int_equal(bytes_reported(&room.fixture, REPORT_SUCCESS),
			 2UL * BLOCKS * room.fixture.kernel->block_size_bytes);
	/* The lower one ends beside ZONE_MOVABLE, unless something lies in between. */
	fake_kernel_add(room.fixture.kernel, 28, 1, BLOCK_ONLINE);
	fake_kernel_add(room.fixture.kernel, 27, 1, BLOCK_OFFLINE);
	tell(&room, UEVENT_ADD, 27);
	wait_for_it(&room);
	check_dimm(&room, FIRST, (size_t)2 * BLOCKS, BLOCK_ZONE_MOVABLE, REASON_POLICY);
	check_dimm(&room, 27, 1, BLOCK_ZONE_NORMAL, REASON_ZONE_FIXED);
	assert_int_equal(bytes_reported(&room.fixture, REPORT_FAILED), 0);
	close_room(&room);
}

/*
 * What /proc shows of the blocks: a node's sums by zone, and the DIMMs by their
 * resources.
 */
static void put_zones(const struct machine_room *room)
{
	const struct fake_kernel *kernel = room->fixture.kernel;
	uint64_t pages[2] = { 0, 0 };
	char text[256];
	size_t i;

	for (i = 0; i < 64; i++)
		if (kernel->blocks[i].present && kernel->blocks[i].state == BLOCK_ONLINE)
			pages[kernel->blocks[i].zone == BLOCK_ZONE_MOVABLE] +=
				kernel->block_size_bytes / 4096;
	snprintf(text, sizeof(text),
		 "Node 0, zone   Normal\n        present  %llu\n"
		 "Node 0, zone  Movable\n        present  %llu\n",
		 (unsigned long long)pages[0], (unsigned long long)pages[1]);
	tree_puts(room->root, "/proc/zoneinfo", text);
}

static const struct {
	size_t first, count;
} dimms[] = { { 32, 4 }, { 36, 8 }, { 44, 4 } };

static void open_ratio_room(struct machine_room *room)
{
	char text[256] = "", name[64];
	size_t i;

	open_room(room, FAKE_EL7, CONFIG_POLICY_RATIO);
	room->fixture.config.movable_ratio = 100;
	for (i = 0; i < COUNT(dimms); i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
			 "%llx-%llx : System RAM\n",
			 (unsigned long long)dimms[i].first << 27,
			 ((unsigned long long)(dimms[i].first + dimms[i].count) << 27) -
				 1);
	tree_puts(room->root, "/proc/iomem", text);
	for (i = 0; i < 64; i++) {
		snprintf(name, sizeof(name), "/sys/devices/system/node/node0/memory%zu/x",
			 i);
		tree_puts(room->root, name, "");
	}
	put_zones(room);
}

/* The zone is chosen once: what comes above a movable DIMM can be nothing else. */
static void a_ratio_strands_nothing_above_a_movable_dimm(void **state)
{
	struct machine_room room;
	size_t i, j;

	(void)state;
	open_ratio_room(&room);
	start(&room.fixture, false);
	agent_wake(room.fixture.agent);
	for (i = 0; i < COUNT(dimms); i++) {
		fake_kernel_add(room.fixture.kernel, dimms[i].first, dimms[i].count,
				BLOCK_OFFLINE);
		for (j = 0; j < dimms[i].count; j++)
			tell(&room, UEVENT_ADD, dimms[i].first + j);
		wait_for_it(&room);
		put_zones(&room);
	}
	assert_false(room.ran_out);
	check_dimm(&room, 32, 4, BLOCK_ZONE_MOVABLE, REASON_POLICY);
	check_dimm(&room, 36, 8, BLOCK_ZONE_MOVABLE, REASON_ZONE_FIXED);
	check_dimm(&room, 44, 4, BLOCK_ZONE_MOVABLE, REASON_ZONE_FIXED);
	assert_int_equal(bytes_reported(&room.fixture, REPORT_FAILED), 0);
	assert_int_equal(journal_last(room.fixture.edges.journal), COUNT(dimms));
	close_room(&room);
}

/* Those that are there together are divided as that kernel can. */
static void a_ratio_is_planned_from_the_top(void **state)
{
	struct machine_room room;
	size_t i;

	(void)state;
	open_ratio_room(&room);
	for (i = 0; i < COUNT(dimms); i++)
		fake_kernel_add(room.fixture.kernel, dimms[i].first, dimms[i].count,
				BLOCK_OFFLINE);
	start(&room.fixture, false);
	agent_wake(room.fixture.agent);
	wait_for_it(&room);
	assert_false(room.ran_out);
	check_dimm(&room, 32, 4, BLOCK_ZONE_NORMAL, REASON_RATIO_REACHED);
	check_dimm(&room, 36, 8, BLOCK_ZONE_NORMAL, REASON_RATIO_REACHED);
	check_dimm(&room, 44, 4, BLOCK_ZONE_MOVABLE, REASON_POLICY);
	assert_int_equal(room.fixture.kernel->writes, 16);
	close_room(&room);
}

static void wait_for_reports(struct machine_room *room, uint64_t count)
{
	loop_timer_arm(room->patience, PATIENCE_MSEC);
	while (journal_last(room->fixture.edges.journal) < count && !room->ran_out)
		turn(room);
	assert_int_equal(journal_last(room->fixture.edges.journal), count);
}

/* A busy guest makes its blocks slowly, and nothing is written to them. */
static void keep_reports_a_dimm_once_however_slowly_it_comes(void **state)
{
	static const enum fake_model all[] = { FAKE_EL6, FAKE_EL7, FAKE_4_18, FAKE_6_1 };
	struct machine_room room;
	size_t i, j;

	(void)state;
	for (i = 0; i < COUNT(all); i++) {
		open_room(&room, all[i], CONFIG_POLICY_KEEP);
		tree_puts(room.root, "/proc/iomem", "100000000-13fffffff : System RAM\n");
		start(&room.fixture, false);
		agent_wake(room.fixture.agent);
		for (j = 0; j < BLOCKS; j++) {
			fake_kernel_add(room.fixture.kernel, FIRST + j, 1, BLOCK_OFFLINE);
			tell(&room, UEVENT_ADD, FIRST + j);
		}
		wait_for_reports(&room, 1);
		assert_int_equal(
			journal_ranges(room.fixture.edges.journal,
				       journal_after(room.fixture.edges.journal, 0))
				->size,
			BLOCKS * room.fixture.kernel->block_size_bytes);
		close_room(&room);
	}
}

/* One that comes slowly, and the next one that is there at once: that one does not wait. */
static void a_whole_dimm_waits_for_no_other(void **state)
{
	struct machine_room room;
	const struct journal *journal;
	unsigned lists;
	size_t i;

	(void)state;
	open_room(&room, FAKE_6_1, CONFIG_POLICY_KEEP);
	tree_puts(room.root, "/proc/iomem",
		  "100000000-13fffffff : System RAM\n140000000-147ffffff : System RAM\n");
	start(&room.fixture, false);
	agent_wake(room.fixture.agent);
	journal = room.fixture.edges.journal;
	fake_kernel_add(room.fixture.kernel, FIRST, 1, BLOCK_OFFLINE);
	tell(&room, UEVENT_ADD, FIRST);
	fake_kernel_add(room.fixture.kernel, FIRST + BLOCKS, 1, BLOCK_OFFLINE);
	tell(&room, UEVENT_ADD, FIRST + BLOCKS);
	assert_int_equal(journal_last(journal), 1);
	assert_int_equal(journal_ranges(journal, journal_after(journal, 0))->start,
			 UINT64_C(0x140000000));
	/* Nothing is read while nothing happens. */
	lists = room.fixture.kernel->lists;
	turn(&room);
	assert_int_equal(room.fixture.kernel->lists, lists);
	for (i = 1; i < BLOCKS; i++) {
		fake_kernel_add(room.fixture.kernel, FIRST + i, 1, BLOCK_OFFLINE);
		tell(&room, UEVENT_ADD, FIRST + i);
	}
	wait_for_reports(&room, 2);
	assert_int_equal(journal_ranges(journal, journal_after(journal, 1))->size,
			 BLOCKS * room.fixture.kernel->block_size_bytes);
	close_room(&room);
}

/* The rest of it never comes: what has come is still reported. */
static void a_dimm_that_stays_in_pieces_is_reported(void **state)
{
	struct machine_room room;

	(void)state;
	open_room(&room, FAKE_6_1, CONFIG_POLICY_KEEP);
	tree_puts(room.root, "/proc/iomem", "100000000-13fffffff : System RAM\n");
	start(&room.fixture, false);
	agent_wake(room.fixture.agent);
	fake_kernel_add(room.fixture.kernel, FIRST, 1, BLOCK_OFFLINE);
	tell(&room, UEVENT_ADD, FIRST);
	wait_for_reports(&room, 1);
	close_room(&room);
}

/* Any other policy that wants a kernel zone there. */
static void online_kernel_strands_nothing_above_a_movable_dimm(void **state)
{
	struct machine_room room;

	(void)state;
	open_room(&room, FAKE_EL7, CONFIG_POLICY_ONLINE_MOVABLE);
	start(&room.fixture, false);
	agent_wake(room.fixture.agent);
	add_in_order(&room, orders[0], FIRST);
	wait_for_it(&room);
	room.fixture.config.policy = CONFIG_POLICY_ONLINE_KERNEL;
	add_in_order(&room, orders[0], FIRST + BLOCKS);
	wait_for_it(&room);
	check_dimm(&room, FIRST + BLOCKS, BLOCKS, BLOCK_ZONE_MOVABLE, REASON_ZONE_FIXED);
	assert_int_equal(bytes_reported(&room.fixture, REPORT_FAILED), 0);
	close_room(&room);
}

/* --- the models themselves: what was measured in guests with these kernels */

static long put(struct fake_kernel *kernel, const char *name, const char *bytes)
{
	return fake_kernel_operations.write(kernel, name, bytes, strlen(bytes), NULL);
}

static void el7_moves_only_what_lies_at_the_border(void **state)
{
	struct fake_kernel *kernel = fake_kernel_new(64);

	(void)state;
	fake_kernel_become(kernel, FAKE_EL7);
	fake_kernel_add(kernel, 0, 8, BLOCK_ONLINE);
	fake_kernel_add(kernel, 32, 4, BLOCK_OFFLINE);
	assert_int_equal(put(kernel, "memory32/state", "online_movable\n"), -EINVAL);
	assert_int_equal(put(kernel, "memory34/state", "online_movable\n"), -EINVAL);
	assert_int_equal(put(kernel, "memory35/state", "online_movable\n"), 15);
	assert_int_equal(put(kernel, "memory34/state", "online\n"), 7);
	assert_int_equal(kernel->blocks[34].zone, BLOCK_ZONE_NORMAL);
	/* Above Movable memory is added to it, and takes any order there. */
	fake_kernel_add(kernel, 36, 4, BLOCK_OFFLINE);
	assert_int_equal(put(kernel, "memory36/state", "online_kernel\n"), -EINVAL);
	assert_int_equal(put(kernel, "memory36/state", "online_movable\n"), 15);
	assert_int_equal(put(kernel, "memory38/state", "online\n"), 7);
	assert_int_equal(kernel->blocks[38].zone, BLOCK_ZONE_MOVABLE);
	/* The zone outlives being offline; the lowest block alone may leave it. */
	assert_int_equal(put(kernel, "memory35/state", "offline\n"), 8);
	assert_int_equal(put(kernel, "memory35/state", "offline\n"), 1);
	assert_int_equal(kernel->blocks[35].zone, BLOCK_ZONE_MOVABLE);
	assert_int_equal(put(kernel, "memory35/state", "online_kernel\n"), 14);
	assert_int_equal(kernel->blocks[35].zone, BLOCK_ZONE_NORMAL);
	assert_int_equal(put(kernel, "memory35/state", "online\n"), 1);
	fake_kernel_free(kernel);
}

static void an_unaligned_probe_is_refused_by_all_but_el6(void **state)
{
	struct fake_kernel *kernel = fake_kernel_new(64);

	(void)state;
	kernel->has_probe = true;
	fake_kernel_become(kernel, FAKE_EL7);
	assert_int_equal(put(kernel, "probe", "0x100000001\n"), -EINVAL);
	assert_false(kernel->blocks[32].present);
	fake_kernel_become(kernel, FAKE_EL6);
	assert_int_equal(put(kernel, "probe", "0x100000001\n"), 12);
	assert_true(kernel->blocks[32].present);
	fake_kernel_free(kernel);
}

/* A host's request between events does not end the wait for their end. */
static void a_query_ends_no_wait(void **state)
{
	struct machine_room room;

	(void)state;
	open_room(&room, FAKE_EL7, CONFIG_POLICY_ONLINE_MOVABLE);
	start(&room.fixture, false);
	agent_wake(room.fixture.agent);
	wait_for_it(&room);
	fake_kernel_add(room.fixture.kernel, FIRST, 2, BLOCK_OFFLINE);
	agent_look(room.fixture.agent);
	agent_wake(room.fixture.agent);
	while (agent_step(room.fixture.agent))
		;
	agent_wake(room.fixture.agent);
	while (agent_step(room.fixture.agent))
		;
	assert_int_equal(room.fixture.kernel->writes, 0);
	wait_for_it(&room);
	assert_int_equal(room.fixture.kernel->writes, 2);
	close_room(&room);
}

/* What would be refused below waits for the block that is waited for. */
static void a_passing_refusal_strands_nothing(void **state)
{
	struct machine_room room;

	(void)state;
	open_room(&room, FAKE_EL7, CONFIG_POLICY_ONLINE_MOVABLE);
	fake_kernel_add(room.fixture.kernel, FIRST, 4, BLOCK_OFFLINE);
	room.fixture.kernel->blocks[FIRST + 3].refuse_online = EBUSY;
	start(&room.fixture, false);
	agent_wake(room.fixture.agent);
	wait_for_it(&room);
	assert_false(room.ran_out);
	assert_int_equal(room.fixture.kernel->blocks[FIRST].zone, BLOCK_ZONE_MOVABLE);
	assert_int_equal(bytes_reported(&room.fixture, REPORT_FAILED), 0);
	close_room(&room);
}

/* A short write of 1 is a block that somebody else onlined, and is not written to again. */
static void a_short_write_is_not_finished(void **state)
{
	struct machine_room room;

	(void)state;
	open_room(&room, FAKE_EL7, CONFIG_POLICY_ONLINE);
	fake_kernel_add(room.fixture.kernel, FIRST, 1, BLOCK_OFFLINE);
	room.fixture.kernel->blocks[FIRST].raced = true;
	start(&room.fixture, false);
	agent_wake(room.fixture.agent);
	wait_for_it(&room);
	assert_int_equal(room.fixture.kernel->writes, 1);
	assert_int_equal(bytes_reported(&room.fixture, REPORT_SUCCESS),
			 room.fixture.kernel->block_size_bytes);
	close_room(&room);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_policy_on_every_model_in_every_order),
		cmocka_unit_test(keeps_out_of_the_kernel_s_way),
		cmocka_unit_test(onlines_what_the_kernel_gave_up),
		cmocka_unit_test(says_unknown_of_a_zone_that_nobody_can_read),
		cmocka_unit_test(a_dimm_above_goes_on_a_dimm_below_stays_in_its_zone),
		cmocka_unit_test(a_ratio_strands_nothing_above_a_movable_dimm),
		cmocka_unit_test(a_ratio_is_planned_from_the_top),
		cmocka_unit_test(online_kernel_strands_nothing_above_a_movable_dimm),
		cmocka_unit_test(keep_reports_a_dimm_once_however_slowly_it_comes),
		cmocka_unit_test(a_whole_dimm_waits_for_no_other),
		cmocka_unit_test(a_dimm_that_stays_in_pieces_is_reported),
		cmocka_unit_test(el7_moves_only_what_lies_at_the_border),
		cmocka_unit_test(an_unaligned_probe_is_refused_by_all_but_el6),
		cmocka_unit_test(a_query_ends_no_wait),
		cmocka_unit_test(a_passing_refusal_strands_nothing),
		cmocka_unit_test(a_short_write_is_not_finished),
	};

	log_open("test", CONFIG_LOG_STDERR, CONFIG_LOG_ERROR, true);
	return cmocka_run_group_tests_name("kernel-models", tests, NULL, NULL);
}
