/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What an operator does stays, and the kernel's earlier settings come back. */

#include "agent-fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static enum block_state state_of(const struct fixture *fixture, size_t index)
{
	return fixture->kernel->blocks[index].state;
}

static void stays_offline_after(struct fixture *fixture, bool killed)
{
	remember(fixture);
	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_OFFLINE);
	start(fixture, false);
	settle(fixture);
	assert_int_equal(state_of(fixture, 33), BLOCK_ONLINE);
	fixture->kernel->blocks[33].state = BLOCK_OFFLINE;
	restart(fixture, killed);
	settle(fixture);
	assert_int_equal(state_of(fixture, 33), BLOCK_OFFLINE);
	event(fixture, UEVENT_ADD, 33);
	agent_configure(fixture->agent, &fixture->config);
	settle(fixture);
	assert_int_equal(state_of(fixture, 33), BLOCK_OFFLINE);
}

static void stays_offline_after_a_restart(void **state)
{
	stays_offline_after(*state, false);
}

static void stays_offline_after_a_crash(void **state)
{
	stays_offline_after(*state, true);
}

static void boot_memory_offlined_while_nobody_watched_stays_so(void **state)
{
	struct fixture *fixture = *state;

	remember(fixture);
	fake_kernel_add(fixture->kernel, 0, 4, BLOCK_ONLINE);
	start(fixture, false);
	settle(fixture);
	fixture->kernel->blocks[2].state = BLOCK_OFFLINE;
	restart(fixture, true);
	settle(fixture);
	assert_int_equal(state_of(fixture, 2), BLOCK_OFFLINE);
	/* The journal knew nothing of it: reported once all the same. */
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(first_range(fixture, 1)->start, UINT64_C(2) << 27);
	assert_int_equal(first_range(fixture, 1)->from, BLOCK_ONLINE);
	assert_int_equal(first_range(fixture, 1)->reason, REASON_OFFLINED_ELSEWHERE);
	restart(fixture, true);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
}

/* Seen, and killed before events have ended. */
static void see_and_be_killed(struct fixture *fixture)
{
	agent_wake(fixture->agent);
	assert_true(agent_step(fixture->agent));
	assert_int_equal(last_seq(fixture), 0);
	restart(fixture, true);
}

/* Seen offline, and killed before events have ended, twice. */
static void boot_memory_taken_offline_is_reported_after_kills(void **state)
{
	struct fixture *fixture = *state;

	remember(fixture);
	fake_kernel_add(fixture->kernel, 0, 4, BLOCK_ONLINE);
	start(fixture, false);
	settle(fixture);
	fixture->kernel->blocks[2].state = BLOCK_OFFLINE;
	see_and_be_killed(fixture);
	see_and_be_killed(fixture);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(first_range(fixture, 1)->to, BLOCK_OFFLINE);
	restart(fixture, true);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
}

/* Of boot memory the journal says nothing: online by the kernel's hand. */
static void boot_dimm(struct fixture *fixture)
{
	remember(fixture);
	fake_kernel_add(fixture->kernel, 0, 4, BLOCK_ONLINE);
	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_ONLINE);
	start(fixture, false);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 0);
}

static void assert_removal_is_reported_once(struct fixture *fixture)
{
	const struct report_range *range;

	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(report(fixture, 1)->count, 1);
	range = first_range(fixture, 1);
	assert_true(range->start == UINT64_C(32) << 27 && range->size == UINT64_C(4)
										 << 27);
	assert_int_equal(range->from, BLOCK_ONLINE);
	assert_int_equal(range->to, BLOCK_ABSENT);
	assert_int_equal(range->reason, REASON_REMOVED);
	restart(fixture, true);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
}

static void a_boot_dimm_that_went_while_nobody_watched_is_reported(void **state)
{
	struct fixture *fixture = *state;

	boot_dimm(fixture);
	fake_kernel_remove(fixture->kernel, 32, 4);
	restart(fixture, true);
	assert_removal_is_reported_once(fixture);
}

/* Seen to go, by scan and by event, and killed before events have ended, twice. */
static void a_boot_dimm_s_removal_is_reported_after_kills(void **state)
{
	struct fixture *fixture = *state;
	struct uevent removed = { UEVENT_REMOVE, 32, 0 };

	boot_dimm(fixture);
	fake_kernel_remove(fixture->kernel, 32, 4);
	agent_event(fixture->agent, &removed);
	see_and_be_killed(fixture);
	see_and_be_killed(fixture);
	assert_removal_is_reported_once(fixture);
}

/* Killed after the report, and before it was noted that there is one. */
static void a_boot_dimm_s_removal_is_not_reported_again(void **state)
{
	struct fixture *fixture = *state;
	size_t bytes = intent_size(INTENT_BLOCKS);
	void *before = test_alloc(bytes);

	boot_dimm(fixture);
	memcpy(before, fixture->memory, bytes);
	fake_kernel_remove(fixture->kernel, 32, 4);
	settle(fixture);
	memcpy(fixture->memory, before, bytes);
	restart(fixture, true);
	assert_removal_is_reported_once(fixture);
	free(before);
}

static void what_others_onlined_meanwhile_is_told_once(void **state)
{
	struct fixture *fixture = *state;
	const struct report_range *range;

	remember(fixture);
	fake_kernel_add(fixture->kernel, 0, 4, BLOCK_ONLINE);
	start(fixture, false);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 0);
	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_ONLINE);
	restart(fixture, true);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
	range = first_range(fixture, 1);
	assert_true(range->start == UINT64_C(32) << 27 && range->size == UINT64_C(4)
										 << 27);
	assert_true(range->from == BLOCK_ABSENT && range->to == BLOCK_ONLINE);
	restart(fixture, true);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
}

static void what_others_onlined_is_reported_after_two_kills(void **state)
{
	struct fixture *fixture = *state;
	size_t bytes = intent_size(INTENT_BLOCKS);
	void *before = test_alloc(bytes);

	remember(fixture);
	fake_kernel_add(fixture->kernel, 0, 4, BLOCK_ONLINE);
	start(fixture, false);
	settle(fixture);
	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_ONLINE);
	see_and_be_killed(fixture);
	see_and_be_killed(fixture);
	memcpy(before, fixture->memory, bytes);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
	assert_true(first_range(fixture, 1)->start == UINT64_C(32) << 27);
	assert_true(first_range(fixture, 1)->size == UINT64_C(4) << 27);
	/* Killed after the report and before that is remembered: not reported again. */
	memcpy(fixture->memory, before, bytes);
	restart(fixture, true);
	settle(fixture);
	restart(fixture, true);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
	free(before);
}

static void a_block_that_two_killed_agents_wrote_is_reported_once(void **state)
{
	struct fixture *fixture = *state;
	uint64_t index;
	int i;

	remember(fixture);
	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_ONLINE);
	for (i = 0; i < 2; i++)
		for (index = 32; index < 36; index++)
			assert_true(journal_mark(fixture->edges.journal, index,
						 ONLINE_TYPE_ONLINE, BLOCK_OFFLINE));
	start(fixture, false);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(report(fixture, 1)->count, 1);
	assert_true(first_range(fixture, 1)->size == UINT64_C(4) << 27);
}

static void assert_range(const struct report_range *range, uint64_t index,
			 enum block_state from, enum block_state to, enum reason reason)
{
	assert_int_equal(range->start >> 27, index);
	assert_int_equal(range->size >> 27, 1);
	assert_int_equal(range->from, from);
	assert_int_equal(range->to, to);
	assert_int_equal(range->reason, reason);
}

/*
 * Each once, from the state that was last reported; what has not changed is not reported
 * again.
 */
static void what_others_changed_meanwhile_joins_what_was_told(void **state)
{
	struct fixture *fixture = *state;

	remember(fixture);
	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_OFFLINE);
	start(fixture, false);
	settle(fixture);
	fixture->kernel->blocks[33].state = BLOCK_OFFLINE;
	settle(fixture);
	assert_int_equal(last_seq(fixture), 2);
	restart(fixture, true);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 2);
	fixture->kernel->blocks[33].state = BLOCK_ONLINE;
	restart(fixture, true);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 3);
	assert_range(first_range(fixture, 3), 33, BLOCK_OFFLINE, BLOCK_ONLINE,
		     REASON_ONLINED_ELSEWHERE);
	fixture->kernel->blocks[34].state = BLOCK_OFFLINE;
	restart(fixture, true);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 4);
	assert_range(first_range(fixture, 4), 34, BLOCK_ONLINE, BLOCK_OFFLINE,
		     REASON_OFFLINED_ELSEWHERE);
	fake_kernel_remove(fixture->kernel, 35, 1);
	restart(fixture, true);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 5);
	assert_range(first_range(fixture, 5), 35, BLOCK_ONLINE, BLOCK_ABSENT,
		     REASON_REMOVED);
	restart(fixture, true);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 5);
}

static void another_dimm_in_its_place_inherits_nothing(void **state)
{
	struct fixture *fixture = *state;

	remember(fixture);
	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_OFFLINE);
	start(fixture, false);
	settle(fixture);
	fake_kernel_remove(fixture->kernel, 32, 4);
	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_OFFLINE);
	restart(fixture, true);
	settle(fixture);
	assert_int_equal(state_of(fixture, 35), BLOCK_ONLINE);
	/* and so while it watched, the news of the removal lost */
	fake_kernel_remove(fixture->kernel, 32, 4);
	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_OFFLINE);
	settle(fixture);
	assert_int_equal(state_of(fixture, 32), BLOCK_ONLINE);
}

/* --- auto_online_blocks */

static void a_distribution_s_default_comes_back(void **state)
{
	struct fixture *fixture = *state;

	remember(fixture);
	fixture->config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	fixture->kernel->auto_online = ONLINE_TYPE_ONLINE;
	start(fixture, false);
	assert_int_equal(fixture->kernel->auto_online, ONLINE_TYPE_OFFLINE);
	assert_string_equal(agent_carried_out_by(fixture->agent), "agent");
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	settle(fixture);
	assert_int_equal(state_of(fixture, 32), BLOCK_ONLINE);
	/* A crash does not lose that: the next one knows that the value is its own. */
	restart(fixture, true);
	fake_kernel_add(fixture->kernel, 33, 1, BLOCK_OFFLINE);
	settle(fixture);
	assert_int_equal(state_of(fixture, 33), BLOCK_ONLINE);
	agent_free(fixture->agent);
	fixture->agent = NULL;
	assert_int_equal(fixture->kernel->auto_online, ONLINE_TYPE_ONLINE);
}

struct kept {
	struct store store;
	struct fixture *fixture;
	void *memory;
};

/* What is kept while the kernel still has the agent's value. */
static void keep_until_given_back(void *data, const void *start, size_t bytes)
{
	struct kept *kept = data;

	(void)start;
	(void)bytes;
	if (kept->fixture->kernel->auto_online == ONLINE_TYPE_OFFLINE)
		memcpy(kept->memory, kept->fixture->memory, intent_size(INTENT_BLOCKS));
}

static void killed_behind_giving_it_back_it_is_not_an_administrator_s(void **state)
{
	struct fixture *fixture = *state;
	struct kept kept = { { keep_until_given_back, &kept }, fixture, NULL };

	kept.memory = test_alloc(intent_size(INTENT_BLOCKS));
	remember(fixture);
	fixture->config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	fixture->kernel->auto_online = ONLINE_TYPE_ONLINE;
	intent_keep_in(fixture->edges.intent, &kept.store);
	start(fixture, false);
	agent_free(fixture->agent);
	assert_int_equal(fixture->kernel->auto_online, ONLINE_TYPE_ONLINE);
	memcpy(fixture->memory, kept.memory, intent_size(INTENT_BLOCKS));
	free(kept.memory);
	intent_free(fixture->edges.intent);
	remember(fixture);
	start(fixture, false);
	assert_string_equal(agent_carried_out_by(fixture->agent), "agent");
	assert_int_equal(fixture->kernel->auto_online, ONLINE_TYPE_OFFLINE);
	agent_free(fixture->agent);
	fixture->agent = NULL;
	assert_int_equal(fixture->kernel->auto_online, ONLINE_TYPE_ONLINE);
}

static void the_same_default_is_left_alone(void **state)
{
	struct fixture *fixture = *state;

	remember(fixture);
	fixture->kernel->auto_online = ONLINE_TYPE_ONLINE;
	start(fixture, false);
	assert_string_equal(agent_carried_out_by(fixture->agent), "kernel");
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_ONLINE);
	settle(fixture);
	fake_kernel_add(fixture->kernel, 33, 1, BLOCK_ONLINE);
	settle(fixture);
	assert_int_equal(first_range(fixture, 1)->reason, REASON_ONLINED_BY_KERNEL);
	assert_int_equal(fixture->kernel->writes, 0);
}

static void an_administrator_s_change_is_only_watched(void **state)
{
	struct fixture *fixture = *state;

	remember(fixture);
	fixture->kernel->auto_online = ONLINE_TYPE_OFFLINE;
	start(fixture, false);
	settle(fixture);
	fixture->kernel->auto_online = ONLINE_TYPE_ONLINE_KERNEL;
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	settle(fixture);
	assert_int_equal(state_of(fixture, 32), BLOCK_OFFLINE);
	assert_int_equal(first_range(fixture, 1)->reason, REASON_ADMINISTRATOR);
	assert_string_equal(agent_carried_out_by(fixture->agent), "nobody");
	/* also for the next agent */
	restart(fixture, true);
	settle(fixture);
	assert_int_equal(state_of(fixture, 32), BLOCK_OFFLINE);
	assert_int_equal(fixture->kernel->auto_online, ONLINE_TYPE_ONLINE_KERNEL);
	/* undone: the policy is active again */
	fixture->kernel->auto_online = ONLINE_TYPE_OFFLINE;
	settle(fixture);
	assert_int_equal(state_of(fixture, 32), BLOCK_ONLINE);
}

/* The scan that follows does what is to be done about it. */
static void a_query_writes_no_setting(void **state)
{
	struct fixture *fixture = *state;

	remember(fixture);
	fixture->config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	fixture->config.carry_out = CONFIG_CARRY_OUT_KERNEL;
	fixture->kernel->auto_online = ONLINE_TYPE_OFFLINE;
	start(fixture, false);
	settle(fixture);
	/* Somebody changes the setting and takes that back; in between the policy is another. */
	fixture->kernel->auto_online = ONLINE_TYPE_ONLINE_KERNEL;
	settle(fixture);
	fixture->config.policy = CONFIG_POLICY_ONLINE;
	agent_configure(fixture->agent, &fixture->config);
	settle(fixture);
	assert_string_equal(agent_carried_out_by(fixture->agent), "nobody");
	fixture->kernel->auto_online = ONLINE_TYPE_ONLINE_MOVABLE;
	agent_look(fixture->agent);
	assert_int_equal(fixture->kernel->auto_online, ONLINE_TYPE_ONLINE_MOVABLE);
	settle(fixture);
	assert_int_equal(fixture->kernel->auto_online, ONLINE_TYPE_ONLINE);
	assert_string_equal(agent_carried_out_by(fixture->agent), "kernel");
}

static void an_administrator_s_change_of_ours_is_not_given_back(void **state)
{
	struct fixture *fixture = *state;

	remember(fixture);
	fixture->config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	fixture->kernel->auto_online = ONLINE_TYPE_ONLINE;
	start(fixture, false);
	settle(fixture);
	fixture->kernel->auto_online = ONLINE_TYPE_ONLINE_KERNEL;
	agent_free(fixture->agent);
	fixture->agent = NULL;
	assert_int_equal(fixture->kernel->auto_online, ONLINE_TYPE_ONLINE_KERNEL);
}

static void a_dry_run_leaves_the_kernel_s_settings(void **state)
{
	struct fixture *fixture = *state;

	fixture->config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	fixture->kernel->auto_online = ONLINE_TYPE_ONLINE;
	start(fixture, true);
	settle(fixture);
	assert_int_equal(fixture->kernel->writes, 0);
}

static void the_kernel_carries_out_what_it_can(void **state)
{
	struct fixture *fixture = *state;

	remember(fixture);
	fixture->config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	fixture->config.carry_out = CONFIG_CARRY_OUT_KERNEL;
	fixture->kernel->auto_online = ONLINE_TYPE_OFFLINE;
	start(fixture, false);
	settle(fixture);
	assert_int_equal(fixture->kernel->auto_online, ONLINE_TYPE_ONLINE_MOVABLE);
	/* What came before, or stays offline nevertheless, is the agent's. */
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	settle(fixture);
	assert_int_equal(state_of(fixture, 32), BLOCK_ONLINE);
	assert_int_equal(fixture->kernel->blocks[32].zone, BLOCK_ZONE_MOVABLE);
	/* What the kernel put elsewhere is reported. */
	fake_kernel_add(fixture->kernel, 33, 1, BLOCK_ONLINE);
	settle(fixture);
	assert_int_equal(first_range(fixture, 2)->reason, REASON_ZONE_DIFFERS);
	assert_int_equal(first_range(fixture, 2)->requested, ONLINE_TYPE_ONLINE_MOVABLE);
	agent_free(fixture->agent);
	fixture->agent = NULL;
	assert_int_equal(fixture->kernel->auto_online, ONLINE_TYPE_OFFLINE);
}

static void a_kernel_that_has_not_the_word_leaves_it_to_the_agent(void **state)
{
	struct fixture *fixture = *state;

	remember(fixture);
	fixture->config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	fixture->config.carry_out = CONFIG_CARRY_OUT_KERNEL;
	fixture->kernel->auto_online = ONLINE_TYPE_ONLINE;
	fixture->kernel->old_auto_online = true;
	start(fixture, false);
	assert_int_equal(fixture->kernel->auto_online, ONLINE_TYPE_OFFLINE);
	assert_string_equal(agent_carried_out_by(fixture->agent), "agent");
	agent_free(fixture->agent);
	fixture->agent = NULL;
	assert_int_equal(fixture->kernel->auto_online, ONLINE_TYPE_ONLINE);
}

/* --- zones */

static void another_zone_only_if_wanted(void **state)
{
	struct fixture *fixture = *state;
	size_t i;

	fixture->config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	fake_kernel_add(fixture->kernel, 32, 2, BLOCK_OFFLINE);
	for (i = 32; i < 34; i++) {
		fixture->kernel->blocks[i].refuse = EINVAL;
		fixture->kernel->blocks[i].refuse_times = 1;
	}
	start(fixture, false);
	settle(fixture);
	assert_int_equal(state_of(fixture, 32), BLOCK_OFFLINE);
	assert_int_equal(first_range(fixture, 1)->error, EINVAL);
	fixture->config.fallback = true;
	fixture->kernel->blocks[32].refuse_times = 1;
	fixture->kernel->blocks[33].refuse_times = 1;
	agent_configure(fixture->agent, &fixture->config);
	settle(fixture);
	assert_int_equal(state_of(fixture, 32), BLOCK_ONLINE);
	assert_int_equal(fixture->kernel->blocks[33].zone, BLOCK_ZONE_NORMAL);
	assert_int_equal(first_range(fixture, 2)->reason, REASON_FALLBACK);
	assert_int_equal(first_range(fixture, 2)->requested, ONLINE_TYPE_ONLINE);
}

/* A dimm of two blocks that somebody else put into ZONE_NORMAL. */
static void others_online(struct fixture *fixture, bool rezone)
{
	remember(fixture);
	fixture->config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	fixture->config.rezone = rezone;
	fake_kernel_add(fixture->kernel, 0, 2, BLOCK_ONLINE);
	start(fixture, false);
	settle(fixture);
	fake_kernel_add(fixture->kernel, 32, 2, BLOCK_ONLINE);
}

static void another_s_zone_is_told(void **state)
{
	struct fixture *fixture = *state;

	others_online(fixture, false);
	settle(fixture);
	assert_int_equal(fixture->kernel->writes, 0);
	assert_int_equal(first_range(fixture, 1)->reason, REASON_ZONE_DIFFERS);
	assert_int_equal(first_range(fixture, 1)->result, REPORT_SUCCESS);
	assert_int_equal(first_range(fixture, 1)->requested, ONLINE_TYPE_ONLINE_MOVABLE);
}

static void another_s_zone_is_changed_if_wanted(void **state)
{
	struct fixture *fixture = *state;
	const struct report_range *ranges;
	const struct report *told;

	others_online(fixture, true);
	settle(fixture);
	settle(fixture);
	assert_string_equal(fixture->kernel->written,
			    "memory33/state=offline\n;memory32/state=offline\n;"
			    "memory32/state=online_movable\n;"
			    "memory33/state=online_movable\n;");
	assert_int_equal(fixture->kernel->blocks[33].zone, BLOCK_ZONE_MOVABLE);
	told = report(fixture, last_seq(fixture));
	ranges = first_range(fixture, last_seq(fixture));
	assert_int_equal(ranges[told->count - 1].reason, REASON_REZONED);
	/* Boot memory stays where it is. */
	assert_int_equal(fixture->kernel->blocks[0].zone, BLOCK_ZONE_NORMAL);
}

static void a_zone_is_changed_for_all_of_it_or_none(void **state)
{
	struct fixture *fixture = *state;

	others_online(fixture, true);
	fixture->kernel->blocks[32].refuse = EBUSY;
	fixture->kernel->blocks[32].refuse_times = -1;
	settle(fixture);
	settle(fixture);
	assert_string_equal(fixture->kernel->written,
			    "memory33/state=offline\n;memory32/state=offline\n;"
			    "memory33/state=online_kernel\n;");
	assert_int_equal(state_of(fixture, 32), BLOCK_ONLINE);
	assert_int_equal(state_of(fixture, 33), BLOCK_ONLINE);
	/* Once: not at every scan, and not by the next agent. */
	event(fixture, UEVENT_OTHER, 32);
	restart(fixture, true);
	settle(fixture);
	assert_int_equal(fixture->kernel->writes, 3);
}

/* --- what goes wrong on the way */

static void a_refused_word_loses_nothing_that_was_found(void **state)
{
	struct fixture *fixture = *state;

	remember(fixture);
	fixture->config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	fixture->config.carry_out = CONFIG_CARRY_OUT_KERNEL;
	fixture->kernel->auto_online = ONLINE_TYPE_ONLINE;
	fixture->kernel->old_auto_online = true;
	start(fixture, false);
	/* At SIGHUP the kernel is asked again, and refuses again. */
	agent_configure(fixture->agent, &fixture->config);
	settle(fixture);
	assert_int_equal(fixture->kernel->auto_online, ONLINE_TYPE_OFFLINE);
	agent_free(fixture->agent);
	fixture->agent = NULL;
	assert_int_equal(fixture->kernel->auto_online, ONLINE_TYPE_ONLINE);
}

static void an_interrupted_change_is_completed(void **state)
{
	struct fixture *fixture = *state;
	struct intent *intent;

	remember(fixture);
	intent = fixture->edges.intent;
	fixture->config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	/* An agent that was killed right after its write. */
	assert_false(intent_setting_changed(intent, INTENT_AUTO_ONLINE, "online"));
	intent_change_begin(intent, INTENT_AUTO_ONLINE, "online", "offline");
	fixture->kernel->auto_online = ONLINE_TYPE_OFFLINE;
	start(fixture, false);
	settle(fixture);
	/* An administrator's `online' is noticed now. */
	assert_true(intent_setting_changed(intent, INTENT_AUTO_ONLINE, "online"));
	agent_free(fixture->agent);
	fixture->agent = NULL;
	assert_int_equal(fixture->kernel->auto_online, ONLINE_TYPE_ONLINE);
}

static void a_killed_move_is_finished_by_the_next_agent(void **state)
{
	struct fixture *fixture = *state;
	int steps = 0;

	others_online(fixture, true);
	agent_wake(fixture->agent);
	while (state_of(fixture, 33) == BLOCK_ONLINE && ++steps < 50)
		agent_step(fixture->agent);
	assert_int_equal(state_of(fixture, 33), BLOCK_OFFLINE);
	restart(fixture, true);
	settle(fixture);
	settle(fixture);
	assert_int_equal(state_of(fixture, 32), BLOCK_ONLINE);
	assert_int_equal(state_of(fixture, 33), BLOCK_ONLINE);
	assert_int_equal(fixture->kernel->blocks[33].zone, BLOCK_ZONE_MOVABLE);
}

static void a_move_that_cannot_be_undone_is_no_operator_s_wish(void **state)
{
	struct fixture *fixture = *state;

	others_online(fixture, true);
	fixture->kernel->blocks[32].refuse = EBUSY;
	fixture->kernel->blocks[32].refuse_times = -1;
	/* Its way off is allowed, its way back is refused, once. */
	fixture->kernel->blocks[33].refuse_online = ENOMEM;
	settle(fixture);
	settle(fixture);
	event(fixture, UEVENT_OTHER, 33);
	assert_int_equal(state_of(fixture, 33), BLOCK_ONLINE);
}

/* Asked for by name, refused half-way, and the way back refused once: the policy goes on. */
static void a_block_that_cannot_be_brought_back_is_no_operator_s_wish(void **state)
{
	struct fixture *fixture = *state;
	uint64_t unit = fixture->kernel->block_size_bytes;
	const struct report_range *ranges;
	const struct report *told;
	struct job job;

	remember(fixture);
	fake_kernel_add(fixture->kernel, 32, 2, BLOCK_OFFLINE);
	start(fixture, false);
	settle(fixture);
	fixture->kernel->blocks[32].refuse = EBUSY;
	fixture->kernel->blocks[32].refuse_times = -1;
	fixture->kernel->blocks[33].refuse_online = ENOMEM;
	assert_int_equal(job_init_range(&job, JOB_OFFLINE, agent_snapshot(fixture->agent),
					32 * unit, 2 * unit, ONLINE_TYPE_OFFLINE),
			 0);
	assert_int_equal(agent_start_job(fixture->agent, &job, NULL, NULL), 0);
	settle(fixture);
	assert_int_equal(state_of(fixture, 33), BLOCK_ONLINE);
	assert_int_equal(agent_failed_blocks(fixture->agent), 0);
	told = report(fixture, last_seq(fixture));
	ranges = first_range(fixture, last_seq(fixture));
	assert_int_equal(ranges[told->count - 1].reason, REASON_POLICY);
}

static void take_refused_one_off(const struct job *job, void *data)
{
	struct fixture *fixture = data;
	struct uevent taken_off = { UEVENT_OFFLINE, 32, 0 };

	if (job->next != 1)
		return;
	fixture->kernel->blocks[32].state = BLOCK_OFFLINE;
	agent_event(fixture->agent, &taken_off);
}

/* A job was refused a block, which somebody took off before the job was over. */
static void what_is_taken_off_beside_a_job_stays_off(void **state)
{
	struct fixture *fixture = *state;
	struct job job;

	fake_kernel_add(fixture->kernel, 32, 2, BLOCK_OFFLINE);
	start(fixture, false);
	settle(fixture);
	fixture->kernel->blocks[32].refuse = EBUSY;
	fixture->kernel->blocks[32].refuse_times = 1;
	assert_int_equal(job_init(&job, JOB_SET, 2), 0);
	job.items[0].index = 32;
	job.items[0].word = ONLINE_TYPE_OFFLINE;
	job.items[1].index = 33;
	job.items[1].word = ONLINE_TYPE_OFFLINE;
	assert_int_equal(agent_start_job(fixture->agent, &job, NULL, fixture), 0);
	agent_watch_job(fixture->agent, take_refused_one_off);
	settle(fixture);
	event(fixture, UEVENT_OTHER, 33);
	assert_int_equal(state_of(fixture, 33), BLOCK_OFFLINE);
	assert_int_equal(state_of(fixture, 32), BLOCK_OFFLINE);
}

/* The next agent starts while a block cannot be read: it is still the same one. */
static void what_is_unreadable_at_the_start_is_remembered(void **state)
{
	struct fixture *fixture = *state;

	remember(fixture);
	fake_kernel_add(fixture->kernel, 0, 1, BLOCK_ONLINE);
	fake_kernel_add(fixture->kernel, 32, 2, BLOCK_OFFLINE);
	start(fixture, false);
	settle(fixture);
	fixture->kernel->blocks[33].state = BLOCK_OFFLINE;
	settle(fixture);
	assert_int_equal(last_seq(fixture), 2);
	fixture->kernel->blocks[0].state_missing = true;
	fixture->kernel->blocks[32].state_missing = true;
	fixture->kernel->blocks[33].state_missing = true;
	restart(fixture, true);
	settle(fixture);
	fixture->kernel->blocks[0].state_missing = false;
	fixture->kernel->blocks[32].state_missing = false;
	fixture->kernel->blocks[33].state_missing = false;
	settle(fixture);
	assert_int_equal(state_of(fixture, 33), BLOCK_OFFLINE);
	/* All are as they were reported, and the first needed no report. */
	assert_int_equal(last_seq(fixture), 2);
	assert_int_equal(snapshot_find(agent_snapshot(fixture->agent), 0)->reason,
			 REASON_ALREADY_ONLINE);
}

/* It went and another one came while nothing of it could be read. */
static void another_one_after_what_was_unreadable_inherits_nothing(void **state)
{
	struct fixture *fixture = *state;

	remember(fixture);
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	start(fixture, false);
	settle(fixture);
	fixture->kernel->blocks[32].state_missing = true;
	restart(fixture, true);
	settle(fixture);
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	settle(fixture);
	assert_int_equal(state_of(fixture, 32), BLOCK_ONLINE);
}

/* What stood there at the start, and could be read only later, was offline: no boot memory. */
static void what_is_not_whole_at_the_start_is_hot_added(void **state)
{
	struct fixture *fixture = *state;
	const struct snapshot *now;

	fake_kernel_add(fixture->kernel, 0, 1, BLOCK_ONLINE);
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	fixture->kernel->blocks[0].state_missing = true;
	fixture->kernel->blocks[32].state_missing = true;
	start(fixture, false);
	settle(fixture);
	fixture->kernel->blocks[0].state_missing = false;
	fixture->kernel->blocks[32].state_missing = false;
	settle(fixture);
	now = agent_snapshot(fixture->agent);
	assert_true(snapshot_hot_added(now, snapshot_find(now, 32)));
	assert_false(snapshot_hot_added(now, snapshot_find(now, 0)));
}

/* A rule that is late, and then one that never gives up. */
static void a_zone_is_fought_for_once_more_and_no_further(void **state)
{
	struct fixture *fixture = *state;
	unsigned writes;

	others_online(fixture, true);
	fixture->kernel->blocks[33].raced = true;
	settle(fixture);
	settle(fixture);
	writes = fixture->kernel->writes;
	assert_int_equal(writes, 2 * 4);
	event(fixture, UEVENT_OTHER, 33);
	settle(fixture);
	assert_int_equal(fixture->kernel->writes, writes);
	assert_int_equal(state_of(fixture, 33), BLOCK_ONLINE);
}

static void what_is_going_offline_is_meant_to(void **state)
{
	struct fixture *fixture = *state;

	fake_kernel_add(fixture->kernel, 0, 4, BLOCK_ONLINE);
	fixture->kernel->blocks[2].state = BLOCK_GOING_OFFLINE;
	start(fixture, false);
	settle(fixture);
	fixture->kernel->blocks[2].state = BLOCK_OFFLINE;
	event(fixture, UEVENT_OFFLINE, 2);
	assert_int_equal(state_of(fixture, 2), BLOCK_OFFLINE);
}

static void what_is_off_by_name_stays_off(void **state)
{
	struct fixture *fixture = *state;
	struct job job;

	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	fixture->kernel->blocks[32].refuse = EBUSY;
	fixture->kernel->blocks[32].refuse_times = 1;
	start(fixture, false);
	settle(fixture);
	/* It waits for another try, and needs no write to be off. */
	assert_int_equal(job_init(&job, JOB_SET, 1), 0);
	job.items[0].index = 32;
	job.items[0].word = ONLINE_TYPE_OFFLINE;
	assert_int_equal(agent_start_job(fixture->agent, &job, NULL, NULL), 0);
	settle(fixture);
	event(fixture, UEVENT_ADD, 33);
	agent_configure(fixture->agent, &fixture->config);
	settle(fixture);
	assert_int_equal(state_of(fixture, 32), BLOCK_OFFLINE);
}

static void another_configuration_tries_its_own_zone(void **state)
{
	struct fixture *fixture = *state;

	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	fixture->config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	fixture->config.fallback = true;
	fixture->kernel->blocks[32].refuse = EINVAL;
	fixture->kernel->blocks[32].refuse_times = 2;
	start(fixture, false);
	settle(fixture);
	fixture->config.fallback = false;
	fixture->config.policy = CONFIG_POLICY_ONLINE_KERNEL;
	fixture->kernel->written_len = 0;
	agent_configure(fixture->agent, &fixture->config);
	settle(fixture);
	assert_string_equal(fixture->kernel->written, "memory32/state=online_kernel\n;");
}

/* Its directory was listed, and gone when it was to be read. */
static void what_goes_in_the_first_scan_is_reported(void **state)
{
	struct fixture *fixture = *state;

	remember(fixture);
	fake_kernel_add(fixture->kernel, 32, 2, BLOCK_OFFLINE);
	start(fixture, false);
	settle(fixture);
	fixture->kernel->blocks[33].state_missing = true;
	fixture->kernel->blocks[33].identity = 0;
	restart(fixture, true);
	settle(fixture);
	fake_kernel_remove(fixture->kernel, 33, 1);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 2);
	assert_range(first_range(fixture, 2), 33, BLOCK_ONLINE, BLOCK_ABSENT,
		     REASON_REMOVED);
}

/* It took the place of another that nobody had onlined yet, unheard. */
static void a_block_that_replaced_another_offline_one_stays_off(void **state)
{
	struct fixture *fixture = *state;

	remember(fixture);
	fixture->config.policy = CONFIG_POLICY_KEEP;
	start(fixture, false);
	settle(fixture);
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	settle(fixture);
	fake_kernel_remove(fixture->kernel, 32, 1);
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	fixture->config.policy = CONFIG_POLICY_ONLINE;
	agent_configure(fixture->agent, &fixture->config);
	settle(fixture);
	assert_int_equal(state_of(fixture, 32), BLOCK_ONLINE);
	fixture->kernel->blocks[32].state = BLOCK_OFFLINE;
	settle(fixture);
	assert_int_equal(state_of(fixture, 32), BLOCK_OFFLINE);
}

static void a_block_in_another_s_place_came_after_boot(void **state)
{
	struct fixture *fixture = *state;
	const struct snapshot *now;

	start(fixture, false);
	settle(fixture);
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	settle(fixture);
	fake_kernel_remove(fixture->kernel, 32, 1);
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	settle(fixture);
	now = agent_snapshot(fixture->agent);
	assert_true(snapshot_hot_added(now, snapshot_find(now, 32)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(stays_offline_after_a_restart),
		TEST(stays_offline_after_a_crash),
		TEST(boot_memory_offlined_while_nobody_watched_stays_so),
		TEST(boot_memory_taken_offline_is_reported_after_kills),
		TEST(a_boot_dimm_that_went_while_nobody_watched_is_reported),
		TEST(a_boot_dimm_s_removal_is_reported_after_kills),
		TEST(a_boot_dimm_s_removal_is_not_reported_again),
		TEST(what_others_onlined_is_reported_after_two_kills),
		TEST(a_block_that_two_killed_agents_wrote_is_reported_once),
		TEST(what_others_changed_meanwhile_joins_what_was_told),
		TEST(another_dimm_in_its_place_inherits_nothing),
		TEST(a_distribution_s_default_comes_back),
		TEST(killed_behind_giving_it_back_it_is_not_an_administrator_s),
		TEST(the_same_default_is_left_alone),
		TEST(an_administrator_s_change_is_only_watched),
		TEST(a_query_writes_no_setting),
		TEST(an_administrator_s_change_of_ours_is_not_given_back),
		TEST(a_dry_run_leaves_the_kernel_s_settings),
		TEST(the_kernel_carries_out_what_it_can),
		TEST(a_kernel_that_has_not_the_word_leaves_it_to_the_agent),
		TEST(what_others_onlined_meanwhile_is_told_once),
		TEST(another_zone_only_if_wanted),
		TEST(another_s_zone_is_told),
		TEST(another_s_zone_is_changed_if_wanted),
		TEST(a_zone_is_changed_for_all_of_it_or_none),
		TEST(a_refused_word_loses_nothing_that_was_found),
		TEST(an_interrupted_change_is_completed),
		TEST(a_killed_move_is_finished_by_the_next_agent),
		TEST(a_move_that_cannot_be_undone_is_no_operator_s_wish),
		TEST(a_block_that_cannot_be_brought_back_is_no_operator_s_wish),
		TEST(what_is_taken_off_beside_a_job_stays_off),
		TEST(what_is_unreadable_at_the_start_is_remembered),
		TEST(another_one_after_what_was_unreadable_inherits_nothing),
		TEST(what_is_not_whole_at_the_start_is_hot_added),
		TEST(a_zone_is_fought_for_once_more_and_no_further),
		TEST(what_is_going_offline_is_meant_to),
		TEST(what_is_off_by_name_stays_off),
		TEST(another_configuration_tries_its_own_zone),
		TEST(what_goes_in_the_first_scan_is_reported),
		TEST(a_block_that_replaced_another_offline_one_stays_off),
		TEST(a_block_in_another_s_place_came_after_boot),
	};

	return cmocka_run_group_tests_name("operator", tests, NULL, NULL);
}
