/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent-fixture.h"
#include "daemon/agent-private.h"
#include "io/source-private.h"
#include "tree.h"

#define BACKUP_MSEC 10
#define PATIENCE_MSEC 30000

static void says_nothing_of_boot_memory(void **state)
{
	struct fixture *fixture = *state;

	fake_kernel_add(fixture->kernel, 0, 8, BLOCK_ONLINE);
	start(fixture, false);
	settle(fixture);
	assert_int_equal(fixture->kernel->writes, 0);
	assert_int_equal(last_seq(fixture), 0);
	assert_int_equal(fixture->reported, 0);
}

static void survives_a_kernel_without_blocks(void **state)
{
	struct fixture *fixture = *state;

	fixture->kernel->block_size_bytes = 0; /* unreadable */
	start(fixture, false);
	settle(fixture);
	assert_int_equal(agent_snapshot(fixture->agent)->count, 0);
	fixture->kernel->block_size_bytes = 128 << 20;
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	settle(fixture);
	assert_int_equal(fixture->kernel->blocks[32].state, BLOCK_ONLINE);
}

static void reports_a_refusal_and_does_not_spin(void **state)
{
	struct fixture *fixture = *state;
	const struct report_range *ranges;

	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_OFFLINE);
	fixture->kernel->blocks[33].refuse = EINVAL;
	fixture->kernel->blocks[33].refuse_times = -1;
	start(fixture, false);
	settle(fixture);
	assert_int_equal(fixture->kernel->writes, 4);
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(report(fixture, 1)->count, 3);
	ranges = first_range(fixture, 1);
	assert_int_equal(ranges[1].result, REPORT_FAILED);
	assert_int_equal(ranges[1].error, EINVAL);
	assert_int_equal(ranges[1].reason, REASON_REFUSED);
	assert_int_equal(ranges[1].to, BLOCK_OFFLINE);
	assert_int_equal(ranges[2].size, 2 * (128 << 20));
	assert_int_equal(agent_failed_blocks(fixture->agent), 1);
	/* Our own writes make events, which cause no retry. */
	event(fixture, UEVENT_ONLINE, 34);
	assert_int_equal(fixture->kernel->writes, 4);
	/* A new block is. */
	fixture->kernel->blocks[33].refuse = 0;
	fake_kernel_add(fixture->kernel, 36, 1, BLOCK_OFFLINE);
	event(fixture, UEVENT_ADD, 36);
	assert_int_equal(fixture->kernel->writes, 6);
	assert_int_equal(agent_failed_blocks(fixture->agent), 0);
}

/* More comes in the middle of the plan: it is tried again, and has one result all the same. */
static void a_block_refused_twice_in_a_burst_is_reported_once(void **state)
{
	const struct uevent more = { UEVENT_ADD, 36, 0 };
	struct fixture *fixture = *state;

	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_OFFLINE);
	fixture->kernel->blocks[33].refuse = EINVAL;
	fixture->kernel->blocks[33].refuse_times = -1;
	start(fixture, false);
	agent_wake(fixture->agent);
	while (fixture->kernel->writes < 2)
		assert_true(agent_step(fixture->agent));
	fake_kernel_add(fixture->kernel, 36, 1, BLOCK_OFFLINE);
	agent_event(fixture->agent, &more);
	settle(fixture);
	assert_int_equal(fixture->kernel->writes, 6);
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(report(fixture, 1)->count, 3);
	assert_int_equal(first_range(fixture, 1)[1].result, REPORT_FAILED);
	assert_int_equal(first_range(fixture, 1)[2].size, 3 * (128 << 20));
}

static void stop_loop(void *data)
{
	struct fixture *fixture = data;

	fixture->reported++;
	loop_quit(fixture->edges.loop);
}

/* A cause that passes: nothing is reported before it has, and then once. */
static void tries_again_what_may_pass(void **state)
{
	struct fixture *fixture = *state;

	fake_kernel_add(fixture->kernel, 32, 2, BLOCK_OFFLINE);
	fixture->kernel->blocks[32].refuse = ENOMEM;
	fixture->kernel->blocks[32].refuse_times = 2;
	fixture->kernel->blocks[33].refuse = EBUSY;
	fixture->kernel->blocks[33].refuse_times = 1;
	fixture->edges.loop = loop_new();
	fixture->edges.reported = stop_loop;
	start(fixture, false);
	agent_wake(fixture->agent);
	assert_int_equal(loop_run(fixture->edges.loop), 0);
	assert_int_equal(fixture->kernel->blocks[33].state, BLOCK_ONLINE);
	assert_int_equal(fixture->kernel->blocks[32].state, BLOCK_OFFLINE);
	assert_int_equal(agent_failed_blocks(fixture->agent), 1);
	assert_int_equal(loop_run(fixture->edges.loop), 0);
	assert_int_equal(fixture->kernel->blocks[32].state, BLOCK_ONLINE);
	assert_int_equal(fixture->kernel->writes, 5);
	assert_int_equal(last_seq(fixture), 2);
	assert_int_equal(first_range(fixture, 2)->result, REPORT_SUCCESS);
	assert_int_equal(first_range(fixture, 2)->reason, REASON_POLICY);
	/* Waited for from the first refusal on. */
	assert_true(report(fixture, 2)->elapsed_usec > report(fixture, 1)->elapsed_usec);
	agent_free(fixture->agent);
	fixture->agent = NULL;
	loop_free(fixture->edges.loop);
}

static void takes_a_lost_race_for_a_success(void **state)
{
	struct fixture *fixture = *state;
	const struct report_range *range;

	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	fixture->kernel->blocks[32].raced = true;
	start(fixture, false);
	settle(fixture);
	range = first_range(fixture, 1);
	assert_int_equal(range->result, REPORT_SUCCESS);
	assert_int_equal(range->reason, REASON_ONLINED_ELSEWHERE);
	assert_int_equal(range->error, 0);
	/* And it is remembered with the block. */
	assert_int_equal(agent_snapshot(fixture->agent)->blocks[0].reason,
			 REASON_ONLINED_ELSEWHERE);
}

static void believes_the_state_not_the_write(void **state)
{
	struct fixture *fixture = *state;

	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	fixture->kernel->blocks[32].ignore = true;
	start(fixture, false);
	settle(fixture);
	assert_int_equal(first_range(fixture, 1)->result, REPORT_FAILED);
	assert_int_equal(first_range(fixture, 1)->reason, REASON_UNCHANGED);
}

static void leaves_an_offlined_block_alone(void **state)
{
	struct fixture *fixture = *state;

	fake_kernel_add(fixture->kernel, 32, 2, BLOCK_OFFLINE);
	start(fixture, false);
	settle(fixture);
	fixture->kernel->blocks[33].state = BLOCK_OFFLINE;
	event(fixture, UEVENT_OFFLINE, 33);
	event(fixture, UEVENT_ADD, 33); /* udevadm trigger */
	settle(fixture);
	assert_int_equal(fixture->kernel->writes, 2);
	assert_int_equal(last_seq(fixture), 2);
	assert_int_equal(first_range(fixture, 2)->reason, REASON_OFFLINED_ELSEWHERE);
	/* Another DIMM with its numbers is a new one. */
	event(fixture, UEVENT_REMOVE, 33);
	assert_int_equal(fixture->kernel->blocks[33].state, BLOCK_ONLINE);
	assert_int_equal(report(fixture, 3)->count, 2);
	assert_int_equal(first_range(fixture, 3)[0].reason, REASON_REMOVED);
	assert_int_equal(first_range(fixture, 3)[1].from, BLOCK_OFFLINE);
	assert_int_equal(first_range(fixture, 3)[1].to, BLOCK_ONLINE);
}

/* On its way out its files go first, then the event comes, then the directory goes. */
static void reports_what_went_unreadable_first(void **state)
{
	struct fixture *fixture = *state;

	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	start(fixture, false);
	settle(fixture);
	fixture->kernel->blocks[32].state_missing = true;
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
	fake_kernel_remove(fixture->kernel, 32, 1);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 2);
	assert_int_equal(first_range(fixture, 2)->reason, REASON_REMOVED);
	assert_int_equal(first_range(fixture, 2)->from, BLOCK_ONLINE);
}

/* Others take blocks offline, and scans meet them on the way: each is reported once, or never. */
static void reports_nothing_of_what_is_going_offline(void **state)
{
	struct fixture *fixture = *state;
	const struct block *block;

	fake_kernel_add(fixture->kernel, 32, 2, BLOCK_ONLINE);
	start(fixture, false);
	settle(fixture);
	fixture->kernel->blocks[32].state = BLOCK_GOING_OFFLINE;
	fixture->kernel->blocks[33].state = BLOCK_GOING_OFFLINE;
	settle(fixture);
	assert_int_equal(last_seq(fixture), 0);
	fixture->kernel->blocks[32].state = BLOCK_OFFLINE;
	fixture->kernel->blocks[33].state = BLOCK_ONLINE;
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(report(fixture, 1)->count, 1);
	assert_int_equal(first_range(fixture, 1)->start, UINT64_C(32) << 27);
	assert_int_equal(first_range(fixture, 1)->size, 128 << 20);
	assert_int_equal(first_range(fixture, 1)->from, BLOCK_ONLINE);
	assert_int_equal(first_range(fixture, 1)->to, BLOCK_OFFLINE);
	block = snapshot_find(agent_snapshot(fixture->agent), 33);
	assert_int_equal(block->reason, REASON_ALREADY_ONLINE);
}

/* Others onlined it and take it offline again: it came, and then it went offline. */
static void what_is_going_offline_when_first_seen_was_online(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, false);
	settle(fixture);
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_GOING_OFFLINE);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(first_range(fixture, 1)->from, BLOCK_ABSENT);
	assert_int_equal(first_range(fixture, 1)->to, BLOCK_ONLINE);
	fixture->kernel->blocks[32].state = BLOCK_OFFLINE;
	settle(fixture);
	assert_int_equal(last_seq(fixture), 2);
	assert_int_equal(first_range(fixture, 2)->from, BLOCK_ONLINE);
	assert_int_equal(first_range(fixture, 2)->to, BLOCK_OFFLINE);
}

/* Another memonlined's first scan meets a DIMM on its way out: it is no news that it was online. */
static void what_goes_amid_the_first_scan_is_gone(void **state)
{
	struct fixture *fixture = *state;

	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	remember(fixture);
	start(fixture, false);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
	/* Its state is read, and then its directory is gone. */
	fixture->kernel->blocks[32].identity = 0;
	restart(fixture, true);
	agent_wake(fixture->agent);
	assert_true(agent_step(fixture->agent));
	fake_kernel_remove(fixture->kernel, 32, 1);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 2);
	assert_int_equal(report(fixture, 2)->count, 1);
	assert_int_equal(first_range(fixture, 2)->from, BLOCK_ONLINE);
	assert_int_equal(first_range(fixture, 2)->to, BLOCK_ABSENT);
}

/* It was to be written, and then the policy does not want it any more. */
static void says_once_what_it_leaves_alone_after_all(void **state)
{
	struct fixture *fixture = *state;
	struct config other;

	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	start(fixture, false);
	agent_wake(fixture->agent);
	assert_true(agent_step(fixture->agent));
	assert_int_equal(agent_pending(fixture->agent), 1);
	other = fixture->config;
	other.policy = CONFIG_POLICY_KEEP;
	agent_configure(fixture->agent, &other);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(first_range(fixture, 1)->reason, REASON_POLICY_KEEP);
	assert_int_equal(first_range(fixture, 1)->to, BLOCK_OFFLINE);
	/* Planned and left alone once more: that is known. */
	agent_configure(fixture->agent, &fixture->config);
	assert_true(agent_step(fixture->agent));
	agent_configure(fixture->agent, &other);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
}

/* Refused and waited for, and then the policy does not want it any more. */
static void tells_of_a_refusal_that_nobody_will_retry(void **state)
{
	struct fixture *fixture = *state;
	struct config other;

	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	fixture->kernel->blocks[32].refuse = EBUSY;
	fixture->kernel->blocks[32].refuse_times = -1;
	start(fixture, false);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 0);
	other = fixture->config;
	other.policy = CONFIG_POLICY_KEEP;
	agent_configure(fixture->agent, &other);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(first_range(fixture, 1)->result, REPORT_FAILED);
	assert_int_equal(first_range(fixture, 1)->reason, REASON_POLICY_KEEP);
	assert_int_equal(agent_failed_blocks(fixture->agent), 0);
}

static void reports_what_is_gone_once(void **state)
{
	struct fixture *fixture = *state;

	fake_kernel_add(fixture->kernel, 32, 2, BLOCK_OFFLINE);
	start(fixture, false);
	settle(fixture);
	fake_kernel_remove(fixture->kernel, 32, 2);
	event(fixture, UEVENT_REMOVE, 32);
	event(fixture, UEVENT_REMOVE, 33);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 2);
	/*
	 * A second, where the machine's clock says much more: the time of these events.
	 */
	assert_true(report(fixture, 2)->elapsed_usec < 1000000);
	assert_int_equal(first_range(fixture, 2)->to, BLOCK_ABSENT);
	assert_int_equal(first_range(fixture, 2)->size, 2 * (128 << 20));
}

static void waits_for_a_block_that_is_not_whole(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, false);
	settle(fixture);
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	fixture->kernel->blocks[32].state_missing = true;
	event(fixture, UEVENT_ADD, 32);
	assert_int_equal(fixture->kernel->writes, 0);
	assert_int_equal(last_seq(fixture), 0);
	fixture->kernel->blocks[32].state_missing = false;
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(report(fixture, 1)->count, 1);
	assert_int_equal(first_range(fixture, 1)->to, BLOCK_ONLINE);
	/* Removed before it was complete: nothing to report. */
	fake_kernel_add(fixture->kernel, 33, 1, BLOCK_OFFLINE);
	fixture->kernel->blocks[33].state_missing = true;
	event(fixture, UEVENT_ADD, 33);
	fake_kernel_remove(fixture->kernel, 33, 1);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
}

static void finds_blocks_that_no_event_told_of(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, false);
	settle(fixture);
	fake_kernel_add(fixture->kernel, 32, 1024, BLOCK_OFFLINE);
	event(fixture, UEVENT_ADD, 32);
	assert_int_equal(fixture->kernel->writes, 1024);
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(report(fixture, 1)->count, 1);
	/* None of the other 1023 events costs another scan. */
	fixture->kernel->lists = 0;
	event(fixture, UEVENT_ADD, 33);
	event(fixture, UEVENT_ONLINE, 1055);
	assert_int_equal(fixture->kernel->lists, 0);
}

/* Its numbers may have been given to others already: all reports come again, as another's. */
static void a_machine_that_was_put_back_begins_an_instance(void **state)
{
	struct fixture *fixture = *state;
	struct uevent generation = { UEVENT_NEW_GENERATION, 0, 7 };
	char before[JOURNAL_INSTANCE_SIZE];
	int reported;

	start(fixture, false);
	settle(fixture);
	/* Before its first report: others may have had a first one. */
	agent_event(fixture->agent, &generation);
	assert_string_not_equal(journal_instance(fixture->edges.journal), "test");
	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_OFFLINE);
	event(fixture, UEVENT_ADD, 32);
	assert_int_equal(last_seq(fixture), 1);
	journal_set_position(fixture->edges.journal, 1);
	memcpy(before, journal_instance(fixture->edges.journal), sizeof(before));
	reported = fixture->reported;
	agent_event(fixture->agent, &generation);
	settle(fixture);
	assert_int_equal(fixture->reported, reported + 1);
	assert_string_not_equal(journal_instance(fixture->edges.journal), before);
	assert_int_equal(journal_position(fixture->edges.journal), 0);
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(fixture->kernel->writes, 4);
	/* No scan shows it: the event is news, however old. */
	fixture->agent->now.uevent_seqnum = generation.seqnum + 1;
	assert_true(events_wanted(&generation, fixture->agent));
}

static void write_until(struct fixture *fixture, unsigned writes)
{
	while (fixture->kernel->writes < writes)
		assert_true(agent_step(fixture->agent));
}

/* A DIMM at 32 with its second block still to come. */
static void online_but_the_gap(struct fixture *fixture)
{
	struct uevent added = { UEVENT_ADD, 32, 0 };

	start(fixture, false);
	settle(fixture);
	fake_kernel_add(fixture->kernel, 32, 32, BLOCK_OFFLINE);
	agent_event(fixture->agent, &added);
	write_until(fixture, 31);
}

/* The kernel's walk over the zone ends at the second block, as long as that one is missing. */
static void closes_the_gap_when_all_of_a_dimm_is_there(void **state)
{
	struct fixture *fixture = *state;
	struct uevent added = { UEVENT_ADD, 64, 0 };

	online_but_the_gap(fixture);
	assert_int_equal(fixture->kernel->blocks[33].state, BLOCK_OFFLINE);
	fake_kernel_add(fixture->kernel, 64, 32, BLOCK_OFFLINE);
	agent_event(fixture->agent, &added);
	write_until(fixture, 62);
	assert_int_equal(fixture->kernel->blocks[33].state, BLOCK_OFFLINE);
	assert_int_equal(fixture->kernel->blocks[65].state, BLOCK_OFFLINE);
	settle(fixture);
	assert_int_equal(fixture->kernel->writes, 64);
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(report(fixture, 1)->count, 1);
}

/* More came, but the scan of it failed: what waited for it is not forgotten. */
static void closes_the_gap_when_the_look_fails(void **state)
{
	struct fixture *fixture = *state;
	struct uevent added = { UEVENT_ADD, 64, 0 };

	online_but_the_gap(fixture);
	agent_event(fixture->agent, &added);
	fixture->kernel->list_error = ENOMEM;
	settle(fixture);
	assert_int_equal(fixture->kernel->writes, 32);
}

/* --- udevd says nothing, the kernel does */

struct fake_source {
	struct source source; /* first */
	int ends[2]; /* as many bytes as there are events */
	int taken; /* of them; the fourth is an overflow */
};

static int fake_receive(struct source *source, struct uevent *event)
{
	struct fake_source *fake = (struct fake_source *)source;
	char byte;

	if (read(source->fd, &byte, 1) != 1)
		return 0;
	*event = (struct uevent){ UEVENT_ADD, (uint64_t)fake->taken, 0 };
	return ++fake->taken == 4 ? -ENOBUFS : 1;
}

static void fake_close(struct source *source)
{
	struct fake_source *fake = (struct fake_source *)source;

	close(fake->ends[0]);
	close(fake->ends[1]);
}

static void fake_open(struct fake_source *fake)
{
	memset(fake, 0, sizeof(*fake));
	assert_int_equal(pipe2(fake->ends, O_NONBLOCK), 0);
	fake->source.name = "fake";
	fake->source.fd = fake->ends[0];
	fake->source.receive = fake_receive;
	fake->source.close = fake_close;
}

static void quit(void *data)
{
	loop_quit(((struct fixture *)data)->edges.loop);
}

static void impatient(void *data)
{
	(void)data;
	fail_msg("the agent never looked");
}

static void hears_what_udevd_did_not_tell(void **state)
{
	struct fixture *fixture = *state;
	struct fake_source udev, kernel;
	struct loop_timer *timer;
	int round;

	fake_open(&udev);
	fake_open(&kernel);
	fixture->edges.loop = loop_new();
	fixture->edges.source = &udev.source;
	fixture->edges.backup_source = &kernel.source;
	fixture->edges.backup_msec = BACKUP_MSEC;
	fixture->edges.reported = quit;
	timer = loop_timer_add(fixture->edges.loop, impatient, NULL);
	start(fixture, false);
	settle(fixture);
	/* The second time shows that it listens again, the last one is a lost event. */
	for (round = 0; round < 2; round++) {
		fake_kernel_add(fixture->kernel, 2 * (uint64_t)round, 2, BLOCK_OFFLINE);
		assert_int_equal(write(kernel.ends[1], "ab", 2), 2);
		loop_timer_arm(timer, PATIENCE_MSEC);
		assert_int_equal(loop_run(fixture->edges.loop), 0);
		assert_int_equal(last_seq(fixture), round + 1);
		assert_int_equal(kernel.taken, 2 * (round + 1));
	}
	assert_int_equal(udev.taken, 0);
	/* The event that is lost now may have been a removal. */
	kernel.taken = 3;
	fake_kernel_remove(fixture->kernel, 0, 1);
	fake_kernel_add(fixture->kernel, 0, 1, BLOCK_ONLINE);
	assert_int_equal(write(kernel.ends[1], "a", 1), 1);
	assert_int_equal(loop_run(fixture->edges.loop), 0);
	assert_int_equal(last_seq(fixture), 3);
	assert_int_equal(first_range(fixture, 3)->reason, REASON_REMOVED);
	agent_free(fixture->agent);
	fixture->agent = NULL;
	loop_free(fixture->edges.loop);
	source_close(&udev.source);
	source_close(&kernel.source);
}

/* --- a DIMM that is being made */

#define SEQNUM_FILE "/sys/kernel/uevent_seqnum"

static void not_heard_yet(void *data)
{
	assert_int_equal(((const struct fake_source *)data)->taken, 0);
}

static void waits_for_the_rest_of_a_dimm(void **state)
{
	struct fixture *fixture = *state;
	struct uevent added = { UEVENT_ADD, 32, 6 };
	struct loop_timer *meanwhile, *timer;
	struct fake_source udev;
	char root[TREE_SIZE];
	unsigned lists;

	tree_make(root);
	tree_puts(root, SEQNUM_FILE, "5\n");
	fake_open(&udev);
	root_close(fixture->edges.root);
	fixture->edges.root = root_open(root);
	fixture->edges.loop = loop_new();
	fixture->edges.source = &udev.source;
	/* However slow this machine is: the kernel's numbers decide, not the time. */
	fixture->edges.announce_max_msec = PATIENCE_MSEC;
	fixture->edges.reported = quit;
	meanwhile = loop_timer_add(fixture->edges.loop, not_heard_yet, &udev);
	timer = loop_timer_add(fixture->edges.loop, impatient, NULL);
	start(fixture, false);
	settle(fixture);
	lists = fixture->kernel->lists;
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	tree_puts(root, SEQNUM_FILE, "6\n");
	agent_event(fixture->agent, &added);
	/* The loop calls again and again: nothing is scanned before the timer fires. */
	assert_false(agent_step(fixture->agent));
	assert_false(agent_step(fixture->agent));
	assert_int_equal(fixture->kernel->lists, lists);
	fake_kernel_add(fixture->kernel, 33, 3, BLOCK_OFFLINE);
	tree_puts(root, SEQNUM_FILE, "9\n");
	/* Its events wait as well. */
	assert_int_equal(write(udev.ends[1], "a", 1), 1);
	loop_timer_arm(meanwhile, 1);
	loop_timer_arm(timer, PATIENCE_MSEC);
	assert_int_equal(loop_run(fixture->edges.loop), 0);
	/* One scan, and one after the writes; one more for events heard between two writes. */
	assert_in_range(fixture->kernel->lists, lists + 2U,
			lists + 2U + (unsigned)udev.taken);
	assert_int_equal(fixture->kernel->writes, 4);
	assert_int_equal(last_seq(fixture), 1);
	fake_kernel_add(fixture->kernel, 0, 1, BLOCK_OFFLINE);
	/* Where a slow machine gave the loop its turn between two writes, they were heard then. */
	if (udev.taken)
		agent_wake(fixture->agent);
	assert_int_equal(loop_run(fixture->edges.loop), 0);
	assert_int_equal(udev.taken, 1);
	assert_int_equal(last_seq(fixture), 2);
	agent_free(fixture->agent);
	fixture->agent = NULL;
	loop_free(fixture->edges.loop);
	source_close(&udev.source);
	tree_remove(root);
}

/* Between two scans it goes, another one comes and is onlined by others; its removal is told late. */
static void a_block_that_replaced_another_online_one_is_known(void **state)
{
	struct fixture *fixture = *state;
	struct uevent removed = { UEVENT_REMOVE, 32, 7 };
	char root[TREE_SIZE];

	tree_make(root);
	tree_puts(root, SEQNUM_FILE, "6\n");
	root_close(fixture->edges.root);
	fixture->edges.root = root_open(root);
	start(fixture, false);
	settle(fixture);
	fake_kernel_add(fixture->kernel, 32, 2, BLOCK_ONLINE);
	settle(fixture);
	fake_kernel_remove(fixture->kernel, 32, 1);
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_ONLINE);
	tree_puts(root, SEQNUM_FILE, "8\n");
	settle(fixture);
	agent_event(fixture->agent, &removed);
	assert_true(agent_step(fixture->agent));
	settle(fixture);
	assert_int_equal(last_seq(fixture), 2);
	assert_int_equal(first_range(fixture, 2)[0].reason, REASON_REMOVED);
	assert_int_equal(first_range(fixture, 2)[1].from, BLOCK_ABSENT);
	assert_int_equal(first_range(fixture, 2)[1].reason, REASON_ONLINED_ELSEWHERE);
	/* It is known by now: no step follows. */
	agent_event(fixture->agent, &removed);
	assert_false(agent_step(fixture->agent));
	/* The directory is the same: that removal was before it. */
	tree_puts(root, SEQNUM_FILE, "9\n");
	settle(fixture);
	removed.seqnum = 9;
	agent_event(fixture->agent, &removed);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 2);
	fixture->kernel->blocks[32].state = BLOCK_OFFLINE;
	settle(fixture);
	assert_int_equal(fixture->kernel->blocks[32].state, BLOCK_OFFLINE);
	tree_remove(root);
}

static void keeps_its_hands_off(void **state)
{
	struct fixture *fixture = *state;

	fixture->config.policy = CONFIG_POLICY_KEEP;
	start(fixture, false);
	settle(fixture);
	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_OFFLINE);
	event(fixture, UEVENT_ADD, 32);
	settle(fixture);
	assert_int_equal(fixture->kernel->writes, 0);
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(first_range(fixture, 1)->reason, REASON_POLICY_KEEP);
	assert_int_equal(first_range(fixture, 1)->from, BLOCK_ABSENT);
	assert_int_equal(first_range(fixture, 1)->to, BLOCK_OFFLINE);
	/*
	 * Its zones are known, also to a client that asks before the agent itself has
	 * scanned.
	 */
	assert_int_equal(agent_snapshot(fixture->agent)->blocks[0].zone_count, 2);
	fake_kernel_add(fixture->kernel, 36, 1, BLOCK_OFFLINE);
	assert_int_equal(agent_look(fixture->agent)->blocks[4].zone_count, 2);
}

static void writes_nothing_in_a_dry_run(void **state)
{
	struct fixture *fixture = *state;

	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_OFFLINE);
	start(fixture, true);
	settle(fixture);
	assert_int_equal(fixture->kernel->writes, 0);
}

static void obeys_another_policy_after_a_reload(void **state)
{
	struct fixture *fixture = *state;
	struct config other;

	fixture->config.policy = CONFIG_POLICY_KEEP;
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	start(fixture, false);
	settle(fixture);
	other = fixture->config;
	other.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	agent_configure(fixture->agent, &other);
	settle(fixture);
	assert_string_equal(fixture->kernel->written, "memory32/state=online_movable\n;");
	assert_int_equal(first_range(fixture, 2)->zone, BLOCK_ZONE_MOVABLE);
}

/* Killed after two of four writes: the next agent reports those, and does the rest. */
static void resumes_what_a_killed_agent_left(void **state)
{
	struct fixture *fixture = *state;
	const struct report_range *ranges;

	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_OFFLINE);
	start(fixture, false);
	agent_wake(fixture->agent);
	agent_step(fixture->agent); /* the scan */
	agent_step(fixture->agent);
	agent_step(fixture->agent);
	assert_int_equal(fixture->kernel->writes, 2);
	assert_int_equal(last_seq(fixture), 0);
	agent_free(fixture->agent);
	start(fixture, false);
	/* What is not seen yet is not reported, and not forgotten. */
	fixture->kernel->list_error = ENOMEM;
	settle(fixture);
	assert_int_equal(fixture->kernel->writes, 2);
	settle(fixture);
	assert_int_equal(fixture->kernel->writes, 4);
	assert_int_equal(last_seq(fixture), 1);
	ranges = first_range(fixture, 1);
	assert_int_equal(report(fixture, 1)->count, 2);
	assert_int_equal(ranges[0].reason, REASON_RESUMED);
	assert_int_equal(ranges[0].from, BLOCK_OFFLINE);
	assert_int_equal(ranges[0].requested, ONLINE_TYPE_ONLINE);
	assert_int_equal(ranges[1].reason, REASON_POLICY);
	/* And says it once. */
	agent_free(fixture->agent);
	start(fixture, false);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
}

static struct job ended;

/* Keeps what it was given. */
static void keep_job(const struct job *job, void *data)
{
	(void)data;
	ended = *job;
	ended.items = test_alloc(job->count * sizeof(*job->items));
	memcpy(ended.items, job->items, job->count * sizeof(*job->items));
}

static void run_job(struct fixture *fixture, enum job_kind kind, uint64_t first,
		    uint64_t count, enum online_type word)
{
	uint64_t unit = fixture->kernel->block_size_bytes;
	struct job job;

	job_free(&ended);
	assert_int_equal(job_init_range(&job, kind, agent_snapshot(fixture->agent),
					first * unit, count * unit, word),
			 0);
	assert_int_equal(agent_start_job(fixture->agent, &job, keep_job, fixture), 0);
	assert_int_equal(agent_start_job(fixture->agent, &job, keep_job, fixture),
			 -EBUSY);
	settle(fixture);
	assert_int_equal(ended.count, count);
}

static void takes_a_whole_dimm_offline(void **state)
{
	struct fixture *fixture = *state;

	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_OFFLINE);
	start(fixture, false);
	settle(fixture);
	run_job(fixture, JOB_OFFLINE, 32, 4, ONLINE_TYPE_OFFLINE);
	assert_true(job_succeeded(&ended));
	assert_int_equal(fixture->kernel->blocks[32].state, BLOCK_OFFLINE);
	assert_int_equal(last_seq(fixture), 2);
	assert_int_equal(first_range(fixture, 2)->reason, REASON_ASKED);
	assert_int_equal(first_range(fixture, 2)->to, BLOCK_OFFLINE);
	assert_int_equal(first_range(fixture, 2)->size, 4 * (128 << 20));
	/* It stays so until somebody asks for it. */
	event(fixture, UEVENT_ADD, 32);
	settle(fixture);
	assert_int_equal(fixture->kernel->blocks[32].state, BLOCK_OFFLINE);
	run_job(fixture, JOB_ONLINE, 32, 4, ONLINE_TYPE_ONLINE);
	assert_int_equal(fixture->kernel->blocks[35].state, BLOCK_ONLINE);
	assert_int_equal(last_seq(fixture), 3);
	job_free(&ended);
}

/* The policy waits to try again: what is asked for meanwhile in vain does not end that. */
static void what_is_asked_in_vain_is_tried_on(void **state)
{
	struct fixture *fixture = *state;
	const struct block *block;

	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	fixture->kernel->blocks[32].refuse = EBUSY;
	fixture->kernel->blocks[32].refuse_times = -1;
	start(fixture, false);
	settle(fixture);
	assert_int_equal(last_seq(fixture), 0);
	run_job(fixture, JOB_ONLINE, 32, 1, ONLINE_TYPE_ONLINE);
	assert_int_equal(ended.items[0].response, JOB_FAILED);
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(first_range(fixture, 1)->error, EBUSY);
	block = snapshot_find(agent_snapshot(fixture->agent), 32);
	assert_int_equal(block->marks & BLOCK_MARK_RETRYING, BLOCK_MARK_RETRYING);
	/* A refusal for good is one. */
	fixture->kernel->blocks[32].refuse = EINVAL;
	run_job(fixture, JOB_ONLINE, 32, 1, ONLINE_TYPE_ONLINE);
	block = snapshot_find(agent_snapshot(fixture->agent), 32);
	assert_int_equal(block->marks & (BLOCK_MARK_RETRYING | BLOCK_MARK_FAILED),
			 BLOCK_MARK_FAILED);
	job_free(&ended);
}

/* Nothing is written, and no report said that the block is there. */
static void what_is_to_stay_offline_is_reported_once(void **state)
{
	struct fixture *fixture = *state;

	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	fixture->kernel->blocks[32].refuse = EBUSY;
	fixture->kernel->blocks[32].refuse_times = -1;
	start(fixture, false);
	settle(fixture);
	run_job(fixture, JOB_OFFLINE, 32, 1, ONLINE_TYPE_OFFLINE);
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(first_range(fixture, 1)->from, BLOCK_ABSENT);
	assert_int_equal(first_range(fixture, 1)->to, BLOCK_OFFLINE);
	run_job(fixture, JOB_OFFLINE, 32, 1, ONLINE_TYPE_OFFLINE);
	assert_int_equal(last_seq(fixture), 1);
	job_free(&ended);
}

/* Killed before it was reported; the kernel onlines it after all, and the next agent finds that. */
static void what_was_to_stay_offline_has_come(void **state)
{
	struct fixture *fixture = *state;
	uint64_t unit = fixture->kernel->block_size_bytes;
	struct job job;

	fixture->config.policy = CONFIG_POLICY_KEEP;
	remember(fixture);
	start(fixture, false);
	settle(fixture);
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	agent_wake(fixture->agent);
	assert_true(agent_step(fixture->agent)); /* the scan */
	assert_int_equal(job_init_range(&job, JOB_OFFLINE, agent_snapshot(fixture->agent),
					32 * unit, unit, ONLINE_TYPE_OFFLINE),
			 0);
	job_free(&ended);
	assert_int_equal(agent_start_job(fixture->agent, &job, keep_job, fixture), 0);
	while (!ended.count)
		assert_true(agent_step(fixture->agent));
	assert_int_equal(ended.items[0].response, JOB_SUCCESS);
	assert_int_equal(last_seq(fixture), 0);
	restart(fixture, true);
	fixture->kernel->blocks[32].state = BLOCK_ONLINE;
	settle(fixture);
	assert_int_equal(last_seq(fixture), 1);
	assert_int_equal(first_range(fixture, 1)->from, BLOCK_ABSENT);
	assert_int_equal(first_range(fixture, 1)->to, BLOCK_ONLINE);
	job_free(&ended);
}

static void rolls_a_refused_offline_back(void **state)
{
	struct fixture *fixture = *state;

	fixture->config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_OFFLINE);
	start(fixture, false);
	settle(fixture);
	fixture->kernel->blocks[33].refuse = EBUSY;
	fixture->kernel->blocks[33].refuse_times = -1;
	fixture->kernel->written_len = 0;
	run_job(fixture, JOB_OFFLINE, 32, 4, ONLINE_TYPE_OFFLINE);
	assert_string_equal(fixture->kernel->written,
			    "memory35/state=offline\n;memory34/state=offline\n;"
			    "memory33/state=offline\n;memory34/state=online_movable\n;"
			    "memory35/state=online_movable\n;");
	assert_false(job_succeeded(&ended));
	assert_int_equal(ended.items[0].response, JOB_NOT_TRIED);
	assert_int_equal(ended.items[1].response, JOB_FAILED);
	assert_int_equal(ended.items[1].error, EBUSY);
	assert_int_equal(ended.items[3].response, JOB_ROLLED_BACK);
	assert_int_equal(fixture->kernel->blocks[35].state, BLOCK_ONLINE);
	/* The refused one is online, so nothing is left to be tried again. */
	assert_int_equal(agent_failed_blocks(fixture->agent), 0);
	job_free(&ended);
}

static void tells_nobody_of_a_disowned_job(void **state)
{
	struct fixture *fixture = *state;
	struct job job;

	job_free(&ended);
	fake_kernel_add(fixture->kernel, 32, 1, BLOCK_OFFLINE);
	fixture->config.policy = CONFIG_POLICY_KEEP;
	start(fixture, false);
	settle(fixture);
	assert_int_equal(job_init(&job, JOB_SET, 1), 0);
	job.items[0].index = 32;
	job.items[0].word = ONLINE_TYPE_ONLINE;
	assert_int_equal(agent_start_job(fixture->agent, &job, keep_job, fixture), 0);
	agent_disown_job(fixture->agent, fixture);
	settle(fixture);
	assert_int_equal(fixture->kernel->blocks[32].state, BLOCK_ONLINE);
	assert_null(ended.items);
}

/* The work for n blocks grows as n. */
static void reads_each_block_a_fixed_number_of_times(void **state)
{
	struct fixture *fixture = *state;

	fake_kernel_add(fixture->kernel, 0, 32768, BLOCK_OFFLINE);
	start(fixture, false);
	settle(fixture);
	assert_int_equal(fixture->kernel->writes, 32768);
	/* A scan, a read after the write and a scan at the end, two files each. */
	assert_true(fixture->kernel->reads <= 5 * 32768 + 10);
	assert_true(fixture->kernel->lists <= 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(says_nothing_of_boot_memory),
		TEST(survives_a_kernel_without_blocks),
		TEST(reports_a_refusal_and_does_not_spin),
		TEST(a_block_refused_twice_in_a_burst_is_reported_once),
		TEST(tries_again_what_may_pass),
		TEST(takes_a_lost_race_for_a_success),
		TEST(believes_the_state_not_the_write),
		TEST(leaves_an_offlined_block_alone),
		TEST(reports_what_went_unreadable_first),
		TEST(what_goes_amid_the_first_scan_is_gone),
		TEST(reports_nothing_of_what_is_going_offline),
		TEST(what_is_going_offline_when_first_seen_was_online),
		TEST(says_once_what_it_leaves_alone_after_all),
		TEST(tells_of_a_refusal_that_nobody_will_retry),
		TEST(reports_what_is_gone_once),
		TEST(waits_for_a_block_that_is_not_whole),
		TEST(finds_blocks_that_no_event_told_of),
		TEST(a_machine_that_was_put_back_begins_an_instance),
		TEST(closes_the_gap_when_all_of_a_dimm_is_there),
		TEST(closes_the_gap_when_the_look_fails),
		TEST(hears_what_udevd_did_not_tell),
		TEST(waits_for_the_rest_of_a_dimm),
		TEST(a_block_that_replaced_another_online_one_is_known),
		TEST(keeps_its_hands_off),
		TEST(writes_nothing_in_a_dry_run),
		TEST(obeys_another_policy_after_a_reload),
		TEST(resumes_what_a_killed_agent_left),
		TEST(takes_a_whole_dimm_offline),
		TEST(rolls_a_refused_offline_back),
		TEST(what_is_asked_in_vain_is_tried_on),
		TEST(what_is_to_stay_offline_is_reported_once),
		TEST(what_was_to_stay_offline_has_come),
		TEST(tells_nobody_of_a_disowned_job),
		TEST(reads_each_block_a_fixed_number_of_times),
	};

	return cmocka_run_group_tests_name("agent", tests, NULL, NULL);
}
