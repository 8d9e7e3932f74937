/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent-private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/log.h"
#include "io/machine.h"

#define BLOCKS_BEFOREHAND 4096 /* room made at start, before memory can be short */
#define REPORT_ENTRIES 1024
#define STEPS_USEC \
	20000 /* until the loop has its turn: clients wait no longer than that */

/* The loop costs more system calls than a step does besides its write. */
static bool step_work(void *data)
{
	uint64_t until = loop_now_usec() + STEPS_USEC;
	struct agent *agent = data;
	bool more;

	if (agent->writing.left)
		return false;
	do
		more = agent_step(agent);
	while (more && loop_now_usec() < until);
	if (agent->writing.purpose == WRITE_NONE)
		return more;
	agent_leave_write(agent);
	return false;
}

void agent_resume_work(struct agent *agent)
{
	if (agent->edges.loop)
		loop_set_work(agent->edges.loop, step_work, agent);
}

void agent_set_mark(struct agent *agent, const struct plan_write *write,
		    const struct block *block)
{
	struct journal *journal = agent->edges.journal;

	if (journal_mark(journal, write->index, write->word,
			 (enum block_state)block->state))
		return;
	agent_flush_reports(agent);
	journal_mark(journal, write->index, write->word, (enum block_state)block->state);
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

void agent_written(struct agent *agent, const struct plan_write *write, int error,
		   const struct block *before, struct block *block)
{
	bool of_job = write == &agent->job_write;
	struct report_range result;

	agent->wrote = true;
	plan_judge(write, error, before, block, agent->now.block_size_bytes, &result);
	if (result.reason == REASON_ONLINED_ELSEWHERE &&
	    agent->executor.who == EXECUTOR_KERNEL)
		result.reason = REASON_ONLINED_BY_KERNEL;
	block->reason = result.reason;
	/* Who asked by name is answered at once. */
	if (!of_job && agent_put_off(agent, block, &result)) {
		/* ZONE_MOVABLE cannot grow past it. */
		if (kernel_has(&agent->machine.kernel, KERNEL_MOVABLE_FROM_TOP) &&
		    write->word == ONLINE_TYPE_ONLINE_MOVABLE)
			plan_clear(&agent->plan);
		return;
	}
	if (!of_job && fall_back(agent, block, &result))
		return;
	history_written(&agent->history, block, write->word, error, &result);
	agent_gather_since(agent, block, &result, agent_begun_usec(agent, before));
}

static void look(struct agent *agent)
{
	agent->look_wanted = false;
	agent->wrote = false;
	agent_note_look(agent);
	agent_follow_executor(agent);
	if (agent_refresh(agent) < 0)
		return;
	agent_decide(agent);
	/* Else there will be a look after the writes. */
	if (!agent_pending(agent))
		agent_complete_look(agent);
}

/* More of the DIMM has come: what closes its gap waits for that. */
static bool looks_first(const struct agent *agent)
{
	return agent->look_wanted && plan_is_late(&agent->plan);
}

bool agent_step(struct agent *agent)
{
	const struct plan_write *write = NULL;

	agent_announce(agent);
	/* One writer at a time: worker_done goes on from here. */
	if (agent->worker)
		return false;
	if (agent->writing.purpose != WRITE_NONE) {
		agent_wait_for_write(agent);
		return true;
	}

	/* A look in the middle of a plan would throw the rest of it away and make it again. */
	if (!looks_first(agent))
		write = plan_take(&agent->plan);
	if (write) {
		agent_write_state(agent, WRITE_POLICY, write);
		return true;
	}
	if (agent->look_wanted || (agent->wrote && !agent->job.items)) {
		if (agent_has_to_wait(agent))
			return false;
		look(agent);
		return true;
	}
	if (agent->job.items) {
		agent_step_job(agent);
		return true;
	}
	/* The burst goes on: its report is to be one. */
	if (agent->settle_armed)
		return false;
	if (agent->probe) {
		agent_step_probe(agent);
		return true;
	}
	agent_hold_reports(agent);
	agent_flush_reports(agent);
	agent_announce(agent);
	agent_schedule_retry(agent);
	agent->begun_usec = 0;
	return false;
}

void agent_wake(struct agent *agent)
{
	agent->look_wanted = true;
	if (!agent->begun_usec)
		agent->begun_usec = loop_now_usec();
	if (agent->edges.loop)
		agent_resume_work(agent);
}

void agent_configure(struct agent *agent, const struct config *config)
{
	agent->config = config;
	plan_clear(&agent->plan);
	agent->executor_refused = false;
	agent_apply_executor(agent);
	history_new_policy(&agent->now);
	agent_wake(agent);
}

/*
 * A removal that came after the block was last seen online is one of that block: what is there now
 * under its number is another, though the snapshot may be newer than the event.
 */
static bool replaced(const struct agent *agent, const struct uevent *event,
		     const struct block *block)
{
	return event->action == UEVENT_REMOVE && event->seqnum &&
	       event->seqnum <= agent->now.uevent_seqnum && block &&
	       block->state == BLOCK_OFFLINE && (block->marks & BLOCK_MARK_WAS_ONLINE) &&
	       event->seqnum > block->online_seqnum;
}

/* Whether the event tells what `now` does not show; also true of what cannot be told. */
static bool is_news(const struct agent *agent, const struct uevent *event,
		    const struct block *block)
{
	if (event->seqnum && event->seqnum <= agent->now.uevent_seqnum)
		return false;
	if (!block || block->state == BLOCK_ABSENT)
		return event->action != UEVENT_REMOVE;
	if (block->state == BLOCK_UNREADABLE)
		return true;
	switch (event->action) {
	case UEVENT_ADD: /* had it gone in between, that came first */
		return false;
	case UEVENT_ONLINE: /* mostly our own writes */
		return block->state != BLOCK_ONLINE;
	case UEVENT_OFFLINE:
		return block->state != BLOCK_OFFLINE;
	case UEVENT_REMOVE:
	case UEVENT_NEW_GENERATION:
	case UEVENT_OTHER:
		break;
	}
	return true;
}

/* Another DIMM may be in its place by the time of the look: that one inherits nothing. */
static void block_removed(struct agent *agent, struct block *block)
{
	struct block before = history_known(block);
	struct snapshot_change change = { &before, NULL };
	struct report_range range;

	if (before.state != BLOCK_ABSENT) {
		report_observe(&change, agent->now.block_size_bytes, &range);
		agent_gather(agent, &agent->now, block, &range);
	}
	block->state = BLOCK_ABSENT;
	history_forget(&agent->history, block);
}

void agent_event(struct agent *agent, const struct uevent *event)
{
	struct block *block = snapshot_find(&agent->now, event->index);
	bool is_replaced;

	if (event->action == UEVENT_NEW_GENERATION) {
		agent_begin_instance(agent, "the machine was put back or copied");
		return;
	}
	is_replaced = replaced(agent, event, block);
	if (!is_replaced && !is_news(agent, event, block))
		return;
	log_debug("event %" PRIu64 " for memory%" PRIu64, event->seqnum, event->index);
	agent_expect_more(agent);
	agent_wake(agent);
	if (is_replaced) {
		history_replace(&agent->history, block);
	} else if (event->action == UEVENT_REMOVE) {
		block_removed(agent, block);
	}
	history_forgive(&agent->now);
}

/* Half of a DIMM's events are of our own writes, most others were seen before they came. */
static bool is_wanted(const struct uevent *event, void *data)
{
	const struct agent *agent = data;
	const struct block *block = snapshot_find(&agent->now, event->index);

	return replaced(agent, event, block) || is_news(agent, event, block);
}

int agent_take_events(struct agent *agent, struct source *source)
{
	struct uevent event;
	int r, lost = 0;

	while ((r = source_receive(source, &event)) != 0) {
		if (r > 0) {
			agent_event(agent, &event);
			continue;
		}
		log_warning("%s events: %s, looking at all blocks", source_name(source),
			    strerror(-r));
		agent_wake(agent);
		if (r != -ENOBUFS)
			return r;
		lost = r;
	}
	return lost;
}

static void source_event(uint32_t events, void *data)
{
	struct agent *agent = data;
	int r = agent_take_events(agent, agent->edges.source);

	(void)events;
	if (r == 0 || r == -ENOBUFS)
		return;
	/* An agent that hears nothing is worse than one that is started again. */
	loop_watch_remove(agent->source_watch);
	agent->source_watch = NULL;
	if (agent->edges.broken)
		agent->edges.broken(agent->edges.data);
}

/* What the onlining path will touch is there before memory is short. */
static int allocate(struct agent *agent)
{
	int r = snapshot_reserve(&agent->now, BLOCKS_BEFOREHAND);

	if (r == 0)
		r = snapshot_reserve(&agent->next, BLOCKS_BEFOREHAND);
	if (r == 0)
		r = plan_reserve(&agent->plan, BLOCKS_BEFOREHAND);
	if (r == 0)
		r = report_builder_init(&agent->builder, REPORT_ENTRIES);
	return r;
}

static int connect_edges(struct agent *agent)
{
	struct loop *loop = agent->edges.loop;
	int r;

	if (!loop)
		return 0;
	r = agent_retry_open(agent);
	if (r == 0 && !agent->dry_run)
		r = agent_write_open(agent);
	if (r < 0 || !agent->edges.source)
		return r;
	source_set_wanted(agent->edges.source, is_wanted, agent);
	agent->source_watch = loop_watch_add(loop, source_fd(agent->edges.source),
					     EPOLLIN, source_event, agent);
	return agent->source_watch ? agent_backup_open(agent) : -errno;
}

struct agent *agent_new(const struct config *config, const struct agent_edges *edges,
			bool dry_run)
{
	struct agent *agent = calloc(1, sizeof(*agent));
	int r;

	if (!agent)
		return NULL;
	agent->config = config;
	agent->edges = *edges;
	agent->dry_run = dry_run;
	agent->history.intent = edges->intent;
	agent->history.is_dry_run = dry_run;
	machine_read(agent->edges.system, &agent->machine);
	r = allocate(agent);
	if (r == 0)
		r = connect_edges(agent);
	if (r == 0) {
		system_read_windows(agent->edges.system, &agent->now);
		system_read_windows(agent->edges.system, &agent->next);
		agent_read_command_line(agent);
		agent_follow_executor(agent);
		agent_apply_executor(agent);
		return agent;
	}
	agent_free(agent);
	errno = -r;
	return NULL;
}

void agent_free(struct agent *agent)
{
	if (!agent)
		return;
	worker_cancel(agent->worker);
	agent_write_close(agent);
	agent_restore_executor(agent);
	agent_end_probe(agent);
	job_free(&agent->job);
	loop_watch_remove(agent->source_watch);
	agent_backup_close(agent);
	agent_retry_close(agent);
	if (agent->edges.loop)
		loop_set_work(agent->edges.loop, NULL, NULL);
	report_builder_free(&agent->builder);
	plan_free(&agent->plan);
	snapshot_free(&agent->now);
	snapshot_free(&agent->next);
	free(agent);
}

bool agent_has_looked(const struct agent *agent)
{
	return agent->looked_once;
}

const struct snapshot *agent_snapshot(const struct agent *agent)
{
	return &agent->now;
}

const struct snapshot *agent_look(struct agent *agent)
{
	uint64_t seqnum = system_uevent_seqnum(agent->edges.system);

	/* In the middle of a plan the snapshot is kept up by every write. */
	if ((agent_pending(agent) && !looks_first(agent)) || agent->worker ||
	    agent->writing.purpose != WRITE_NONE ||
	    (seqnum && seqnum == agent->now.uevent_seqnum))
		return &agent->now;
	agent_read_executor(agent);
	if (agent_refresh(agent) == 0) {
		plan_clear(&agent->plan);
		agent_complete_look(agent);
		agent_wake(agent);
	}
	return &agent->now;
}

struct journal *agent_journal(const struct agent *agent)
{
	return agent->edges.journal;
}

const struct config *agent_config(const struct agent *agent)
{
	return agent->config;
}

const char *agent_source_name(const struct agent *agent)
{
	return agent->edges.source ? source_name(agent->edges.source) : "none";
}

const char *agent_kernel_release(const struct agent *agent)
{
	return system_kernel_release(agent->edges.system);
}

struct system_info *agent_system(const struct agent *agent)
{
	return agent->edges.system;
}

int agent_port_error(const struct agent *agent, const char **name)
{
	*name = NULL;
	if (!agent->edges.port_error)
		return 0;
	return agent->edges.port_error(name, agent->edges.data);
}

size_t agent_pending(const struct agent *agent)
{
	return agent->plan.count - agent->plan.next;
}

size_t agent_failed_blocks(const struct agent *agent)
{
	size_t i, failed = 0;

	for (i = 0; i < agent->now.count; i++)
		failed += (agent->now.blocks[i].marks & BLOCK_MARK_FAILED) != 0;
	return failed;
}
