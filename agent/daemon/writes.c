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

static const char *word_of(const struct agent_write *writing)
{
	return writing->purpose == WRITE_PROBE ? "probe"
					       : online_type_text(writing->write.word);
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

/* The last so many of those ahead were not made. */
static void put_back(struct agent *agent, size_t count)
{
	agent->ahead_count -= count;
	journal_unmark(agent->edges.journal, count);
	plan_put_back(&agent->plan, count);
}

/* The write in hand is over; what follows it is the next, unless it failed. */
static void take_next(struct agent *agent, int error)
{
	if (error < 0)
		put_back(agent, agent->ahead_count);
	if (!agent->ahead_count)
		return;
	begin(agent, WRITE_POLICY, &agent->ahead[0]);
	agent->ahead_count--;
	memmove(&agent->ahead[0], &agent->ahead[1],
		agent->ahead_count * sizeof(agent->ahead[0]));
}

bool writes_take(struct agent *agent, unsigned msec, struct write_result *result)
{
	struct agent_write *writing = &agent->writing;
	struct sysfs_text after = writing->after;
	int error = writing->error;

	if (writing->purpose == WRITE_NONE ||
	    (agent->writer && !writer_take(agent->writer, msec, &error, &after)))
		return false;
	if (writing->held_up)
		log_info("memory%" PRIu64 ": %s is no longer held up",
			 writing->write.index, word_of(writing));
	schedule_write_over(&agent->schedule);
	memset(result, 0, sizeof(*result));
	result->purpose = writing->purpose;
	result->write = writing->write;
	result->error = error;
	memset(writing, 0, sizeof(*writing));
	take_next(agent, error);
	if (result->purpose == WRITE_PROBE)
		return true;
	/* No scan has replaced the snapshot meanwhile. */
	result->block = snapshot_find(&agent->now, result->write.index);
	result->before = *result->block;
	sysfs_take_state(agent->edges.sysfs, result->block, &after);
	return true;
}

void writes_leave(struct agent *agent)
{
	agent->writing.is_left = true;
	schedule_leave_write(&agent->schedule, loop_now_usec());
	writer_notify(agent->writer);
}

void writes_mark(struct agent *agent, const struct plan_write *write,
		 const struct block *block)
{
	struct journal *journal = agent->edges.journal;

	if (journal_mark(journal, write->index, write->word,
			 (enum block_state)block->state))
		return;
	reports_flush(agent);
	journal_mark(journal, write->index, write->word, (enum block_state)block->state);
}

void writes_state(struct agent *agent, enum write_purpose purpose,
		  const struct plan_write *write)
{
	struct agent_write *writing = &agent->writing;

	writes_mark(agent, write, snapshot_find(&agent->now, write->index));
	begin(agent, purpose, write);
	if (agent->writer)
		writer_write_state(agent->writer, write->index, write->word);
	else
		writing->error = sysfs_write_state(agent->edges.sysfs, write->index,
						   write->word, &writing->after);
}

/*
 * Before 4.13 the order of the writes to ZONE_MOVABLE rests on the result of each. Without room for
 * its mark there would be a report in between, of a write whose result is not known.
 */
bool writes_may_go_ahead(const struct agent *agent)
{
	return agent->writer && agent->writing.purpose == WRITE_POLICY &&
	       agent->ahead_count < WRITER_NEXT_MAX &&
	       journal_room(agent->edges.journal) &&
	       !kernel_has(&agent->machine.kernel, KERNEL_MOVABLE_FROM_TOP) &&
	       !kernel_has(&agent->machine.kernel, KERNEL_ONLINES_BY_ITSELF);
}

static struct journal_mark mark_of(const struct agent *agent,
				   const struct plan_write *write)
{
	const struct block *block = snapshot_find(&agent->now, write->index);
	struct journal_mark mark = { write->index, (uint8_t)write->word, block->state };

	return mark;
}

void writes_go_ahead(struct agent *agent)
{
	size_t room = journal_room(agent->edges.journal), count, i;
	struct plan_write *first = &agent->ahead[agent->ahead_count];
	struct journal_mark marks[WRITER_NEXT_MAX];

	if (room > WRITER_NEXT_MAX - agent->ahead_count)
		room = WRITER_NEXT_MAX - agent->ahead_count;
	count = plan_take_several(&agent->plan, first, room);
	for (i = 0; i < count; i++)
		marks[i] = mark_of(agent, &first[i]);
	journal_mark_all(agent->edges.journal, marks, count);
	agent->ahead_count += count;
	for (i = 0; i < count; i++)
		writer_write_next(agent->writer, first[i].index, first[i].word);
}

void writes_draw_back(struct agent *agent)
{
	if (agent->ahead_count)
		put_back(agent, writer_withdraw(agent->writer));
}

/* Nothing is read after a probe. */
void writes_probe(struct agent *agent, uint64_t address)
{
	struct plan_write write = { .index = address / agent->now.block_size_bytes,
				    .word = ONLINE_TYPE_NONE };

	begin(agent, WRITE_PROBE, &write);
	if (agent->writer)
		writer_probe(agent->writer, address);
	else
		agent->writing.error = sysfs_probe(agent->edges.sysfs, address);
}

/* --- what follows from it */

/* true: the failure is not reported yet, the write will be tried again. */
static bool put_off(struct agent *agent, struct block *block,
		    const struct report_range *result)
{
	uint32_t since_sec = block->marks & BLOCK_MARK_RETRYING ? block->retry_since_sec
								: agent->scanned_sec;

	if (result->result == REPORT_SUCCESS || !plan_may_pass(result->error) ||
	    block->state == BLOCK_ABSENT ||
	    agent->scanned_sec - since_sec >= agent->config->retry_sec)
		return false;
	log_warning("memory%" PRIu64 ": %s; retrying later", block->index,
		    strerror(result->error));
	history_put_off(block, agent->scanned_sec);
	schedule_refused(&agent->schedule);
	return true;
}

/*
 * Whether another zone is tried in place of the one that was refused. Before 4.13 a block can only
 * go to a zone beside the one it was added to: there no policy strands it.
 */
static bool fall_back(const struct agent *agent, struct block *block,
		      const struct report_range *result)
{
	if ((!agent->config->fallback &&
	     !kernel_has(&agent->machine.kernel, KERNEL_MOVABLE_FROM_TOP) &&
	     !(block->marks & BLOCK_MARK_PLACED_BY_US)) ||
	    result->result == REPORT_SUCCESS || result->error != EINVAL ||
	    block->state != BLOCK_OFFLINE ||
	    (result->requested != ONLINE_TYPE_ONLINE_MOVABLE &&
	     result->requested != ONLINE_TYPE_ONLINE_KERNEL))
		return false;
	log_warning("memory%" PRIu64 ": %s refused, trying any zone", block->index,
		    online_type_text((enum online_type)result->requested));
	history_fall_back(block);
	return true;
}

/* What was asked for by name is not tried again, but the policy goes on as if it had not been. */
static bool goes_on(bool by_name, const struct report_range *result)
{
	return by_name && result->result == REPORT_FAILED && plan_may_pass(result->error);
}

/* It was going offline, and did not, or is back where it was; or its removal is reported already. */
static bool is_unchanged(const struct block *before, const struct block *block,
			 const struct report_range *result)
{
	if (result->from != result->to)
		return false;
	return result->to == BLOCK_ABSENT ||
	       (result->result == REPORT_SUCCESS && block_same_zone(before, block));
}

/* When the report's time began: with the first refusal, for what was put off. */
static uint64_t begun_usec(const struct agent *agent, const struct block *before)
{
	return before->marks & BLOCK_MARK_RETRYING
		       ? (before->retry_since_sec - 1) * 1000000ull
		       : agent->schedule.begun_usec;
}

void writes_judge(struct agent *agent, const struct plan_write *write, int error,
		  const struct block *before, struct block *block, bool by_name)
{
	struct report_range result;

	agent->schedule.has_written = true;
	plan_judge(write, error, before, block, agent->now.block_size_bytes, &result);
	if (result.reason == REASON_ONLINED_ELSEWHERE &&
	    agent->executor.who == EXECUTOR_KERNEL)
		result.reason = REASON_ONLINED_BY_KERNEL;
	block->reason = result.reason;
	history_read_back(block, before, write->word);
	/* Who asked by name is answered at once. */
	if (!by_name && put_off(agent, block, &result)) {
		/* ZONE_MOVABLE cannot grow past it. */
		if (kernel_has(&agent->machine.kernel, KERNEL_MOVABLE_FROM_TOP) &&
		    write->word == ONLINE_TYPE_ONLINE_MOVABLE)
			plan_clear(&agent->plan);
		return;
	}
	if (!by_name && fall_back(agent, block, &result))
		return;
	if (!goes_on(by_name, &result))
		history_written(&agent->history, block, write->word, error, &result);
	history_told(block);
	if (is_unchanged(before, block, &result))
		return;
	reports_gather_since(agent, block, &result, begun_usec(agent, before));
}

/* --- a write that the kernel does not come back from */

/*
 * A program that takes a block offline holds up all other writes until it has finished or
 * given up.
 */
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
			    " is being taken offline",
			    writing->write.index, word_of(writing),
			    writing->going_offline);
}

/* Another block may be in the way by then. */
void writes_notice_held_up(struct agent *agent)
{
	struct agent_write *writing = &agent->writing;
	uint64_t before = writing->going_offline;

	if (!writing->is_left)
		return;
	writing->going_offline = find_going_offline(agent);
	if (!writing->held_up || writing->going_offline != before)
		log_held_up(writing);
	writing->held_up = true;
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

int writes_open(struct agent *agent, writer_over_fn over)
{
	agent->writer = writer_new(agent->edges.loop, agent->edges.sysfs, over, agent);
	return agent->writer ? 0 : -errno;
}

void writes_close(struct agent *agent)
{
	writer_free(agent->writer);
	agent->writer = NULL;
}
