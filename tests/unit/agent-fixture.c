/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent-fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/log.h"

/* Nothing is below it: no node, no iomem, no uevent number of this machine is read. */
#define EMPTY_ROOT "/nonexistent"

static void count_reported(void *data)
{
	((struct fixture *)data)->reported++;
}

void start(struct fixture *fixture, bool dry_run)
{
	fixture->agent = agent_new(&fixture->config, &fixture->edges, dry_run);
	assert_non_null(fixture->agent);
}

int set_up(void **state)
{
	struct fixture *fixture = test_alloc(sizeof(*fixture));

	log_open("test", CONFIG_LOG_STDERR, CONFIG_LOG_ERROR, true);
	fixture->kernel = fake_kernel_new(FAKE_BLOCKS_MAX);
	config_defaults(&fixture->config);
	fixture->config.policy = CONFIG_POLICY_ONLINE;
	fixture->edges.sysfs = sysfs_new(&fake_kernel_operations, fixture->kernel);
	fixture->edges.root = root_open(EMPTY_ROOT);
	fixture->edges.journal = journal_new("test", 64, 4096);
	fixture->edges.reported = count_reported;
	fixture->edges.data = fixture;
	*state = fixture;
	return 0;
}

int tear_down(void **state)
{
	struct fixture *fixture = *state;

	agent_free(fixture->agent);
	intent_free(fixture->edges.intent);
	journal_free(fixture->edges.journal);
	sysfs_close(fixture->edges.sysfs);
	root_close(fixture->edges.root);
	fake_kernel_free(fixture->kernel);
	free(fixture->memory);
	free(fixture);
	return 0;
}

void settle(struct fixture *fixture)
{
	int steps = 0;

	agent_wake(fixture->agent);
	while (agent_step(fixture->agent))
		assert_true(++steps < 3 * FAKE_BLOCKS_MAX);
}

void event(struct fixture *fixture, enum uevent_action action, uint64_t index)
{
	struct uevent uevent = { action, index, 0 };
	int steps = 0;

	agent_event(fixture->agent, &uevent);
	while (agent_step(fixture->agent))
		assert_true(++steps < 3 * FAKE_BLOCKS_MAX);
}

const struct report *report(struct fixture *fixture, uint64_t seq)
{
	const struct report *found =
		journal_after(agent_journal(fixture->agent), seq - 1);

	assert_non_null(found);
	assert_int_equal(found->seq, seq);
	return found;
}

const struct report_range *first_range(struct fixture *fixture, uint64_t seq)
{
	return journal_ranges(agent_journal(fixture->agent), report(fixture, seq));
}

uint64_t last_seq(struct fixture *fixture)
{
	return journal_last(agent_journal(fixture->agent));
}

void remember(struct fixture *fixture)
{
	size_t bytes = intent_size(INTENT_BLOCKS);

	if (!fixture->memory)
		fixture->memory = test_alloc(bytes);
	fixture->edges.intent = intent_attach(fixture->memory, bytes, "boot");
}

void restart(struct fixture *fixture, bool killed)
{
	size_t bytes = intent_size(INTENT_BLOCKS);
	void *before = test_alloc(bytes);

	/* Its end is undone: neither the kernel nor the memory of the intent has seen it. */
	memcpy(before, fixture->memory, bytes);
	fixture->kernel->deaf = killed;
	agent_free(fixture->agent);
	fixture->kernel->deaf = false;
	if (killed)
		memcpy(fixture->memory, before, bytes);
	free(before);
	intent_free(fixture->edges.intent);
	remember(fixture);
	start(fixture, false);
}
