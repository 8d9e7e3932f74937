/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent-private.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "io/log.h"

/*
 * Writes that the kernel may hold up are made by io/writer. A step waits for its own, as one that
 * is not held up takes less than two turns of the loop would; the loop waits for none.
 */
#define WAIT_MSEC 20 /* in a step: clients wait no longer than that */
#define HELD_UP_MSEC 1000

static const char *word_of(const struct agent_write *writing)
{
	return writing->purpose == WRITE_PROBE ? "probe"
					       : online_type_text(writing->write.word);
}

static void over(struct agent *agent, int error, const struct sysfs_text *after)
{
	struct agent_write writing = agent->writing;
	struct block *block, before;

	if (writing.held_up)
		log_info("memory%" PRIu64 ": %s is no longer held up",
			 writing.write.index, word_of(&writing));
	memset(&agent->writing, 0, sizeof(agent->writing));
	if (writing.purpose == WRITE_PROBE) {
		agent_probe_written(agent, error);
		return;
	}
	/* No scan has replaced the snapshot meanwhile. */
	block = snapshot_find(&agent->now, writing.write.index);
	before = *block;
	sysfs_take_state(agent->edges.sysfs, block, after);
	if (writing.purpose == WRITE_JOB)
		agent_job_written(agent, error, &before, block);
	else
		agent_written(agent, &writing.write, error, &before, block);
}

void agent_wait_for_write(struct agent *agent)
{
	struct sysfs_text after;
	int error;

	if (writer_take(agent->writer, WAIT_MSEC, &error, &after))
		over(agent, error, &after);
}

void agent_leave_write(struct agent *agent)
{
	agent->writing.left = true;
	loop_timer_arm(agent->held_up, HELD_UP_MSEC);
	writer_notify(agent->writer);
}

static void on_over(void *data)
{
	struct agent *agent = data;
	struct sysfs_text after;
	int error;

	if (!agent->writing.left || !writer_take(agent->writer, 0, &error, &after))
		return;
	loop_timer_disarm(agent->held_up);
	over(agent, error, &after);
	agent_resume_work(agent);
}

static void begin(struct agent *agent, enum write_purpose purpose,
		  const struct plan_write *write)
{
	memset(&agent->writing, 0, sizeof(agent->writing));
	agent->writing.purpose = purpose;
	agent->writing.write = *write;
	agent->writing.since_usec = loop_now_usec();
	agent->writing.going_offline = UINT64_MAX;
}

void agent_write_state(struct agent *agent, enum write_purpose purpose,
		       const struct plan_write *write)
{
	struct sysfs_text after;
	int error;

	agent_set_mark(agent, write, snapshot_find(&agent->now, write->index));
	begin(agent, purpose, write);
	if (agent->writer) {
		writer_write_state(agent->writer, write->index, write->word);
		agent_wait_for_write(agent);
		return;
	}
	error = sysfs_write_state(agent->edges.sysfs, write->index, write->word, &after);
	over(agent, error, &after);
}

void agent_write_probe(struct agent *agent, uint64_t address)
{
	struct plan_write write = { .index = address / agent->now.block_size_bytes,
				    .word = ONLINE_TYPE_NONE };
	const struct sysfs_text none = { .len = 0 }; /* nothing is read after a probe */

	begin(agent, WRITE_PROBE, &write);
	if (agent->writer) {
		writer_probe(agent->writer, address);
		agent_wait_for_write(agent);
		return;
	}
	over(agent, sysfs_probe(agent->edges.sysfs, address), &none);
}

/* --- a write that the kernel does not come back from */

/* Whoever takes a block offline holds all other writes up until it is, or he gives up. */
static uint64_t find_going_offline(const struct agent *agent)
{
	size_t i;

	for (i = 0; i < agent->now.count; i++) {
		struct block block = agent->now.blocks[i];

		if (block.index == agent->writing.write.index)
			continue;
		sysfs_read_state(agent->edges.sysfs, &block);
		if (block.state == BLOCK_GOING_OFFLINE)
			return block.index;
	}
	return UINT64_MAX;
}

static void log_held_up(const struct agent_write *writing)
{
	if (writing->going_offline == UINT64_MAX)
		log_warning("memory%" PRIu64 ": the kernel holds %s up",
			    writing->write.index, word_of(writing));
	else
		log_warning("memory%" PRIu64 ": %s waits, memory%" PRIu64
			    " is being taken offline by somebody",
			    writing->write.index, word_of(writing),
			    writing->going_offline);
}

/* Each second while it lasts: another block may be in the way by then. */
static void on_held_up(void *data)
{
	struct agent *agent = data;
	struct agent_write *writing = &agent->writing;
	uint64_t before = writing->going_offline;

	if (!writing->left)
		return;
	writing->going_offline = find_going_offline(agent);
	if (!writing->held_up || writing->going_offline != before)
		log_held_up(writing);
	writing->held_up = true;
	loop_timer_arm(agent->held_up, HELD_UP_MSEC);
}

bool agent_held_up(const struct agent *agent, struct agent_held_up *held_up)
{
	const struct agent_write *writing = &agent->writing;

	if (!writing->held_up)
		return false;
	held_up->index = writing->write.index;
	held_up->word = word_of(writing);
	held_up->elapsed_usec = loop_now_usec() - writing->since_usec;
	held_up->going_offline = writing->going_offline;
	return true;
}

int agent_write_open(struct agent *agent)
{
	struct loop *loop = agent->edges.loop;

	agent->held_up = loop_timer_add(loop, on_held_up, agent);
	if (agent->held_up)
		agent->writer = writer_new(loop, agent->edges.sysfs, on_over, agent);
	return agent->writer ? 0 : -errno;
}

void agent_write_close(struct agent *agent)
{
	writer_free(agent->writer);
	agent->writer = NULL;
	loop_timer_remove(agent->held_up);
}
