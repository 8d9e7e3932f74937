/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>

#include "io/log.h"
#include "io/worker.h"

#define BLOCKS_BEFOREHAND 4096 /* room made at start, before memory can be short */
#define BURST_ENTRIES 1024
/* A block that the kernel has not finished making, or a tree that cannot be read: look again. */
#define AGAIN_FIRST_MSEC 10
#define AGAIN_TRIES 12 /* each after twice the time: 40 s in all */
#define OFFLINE_MSEC \
	60000 /* for one block, where nobody said; the kernel would try for ever */

struct agent {
	const struct config *config;
	struct agent_edges edges;
	bool dry_run;
	struct loop_watch *source_watch;
	struct loop_timer *again;
	unsigned again_tries; /* so far */
	bool again_armed;
	struct loop_timer *retry; /* of refused writes */
	unsigned retry_attempt; /* so far */
	bool retry_refused; /* a write was, since the timer was armed */
	struct snapshot now; /* what was last seen */
	struct snapshot next; /* being read */
	struct plan plan;
	struct burst burst;
	struct job job; /* no items: none */
	agent_done_fn job_done; /* NULL: nobody is waiting */
	void *job_data;
	uint64_t job_deadline_usec; /* 0: none */
	struct plan_write job_write; /* the one under way */
	struct worker *worker; /* doing it, apart */
	bool reports_new; /* and not yet announced */
	bool look_wanted;
	bool looked_once;
	bool wrote; /* since the last look: then look once more, others may have been at it too */
	uint64_t begun_usec; /* when the burst in hand was first heard of; 0: none */
};

static bool step_work(void *data)
{
	return agent_step(data);
}

static uint64_t dimm_of(const struct snapshot *snapshot, const struct block *block)
{
	const struct snapshot_resource *resource = snapshot_resource_of(snapshot, block);

	return resource ? resource->start : BURST_NO_DIMM;
}

/* The reports of what is gathered; logged with the same words. */
static void log_range(const struct report *report, const struct report_range *range)
{
	char error[160] = "";

	if (range->error)
		snprintf(error, sizeof(error), ", %s", strerror(range->error));
	log_line(range->result == REPORT_SUCCESS ? CONFIG_LOG_INFO : CONFIG_LOG_WARNING,
		 "report %" PRIu64 ": 0x%" PRIx64 "-0x%" PRIx64
		 " node %d: %s -> %s, zone %s, "
		 "requested %s: %s (%s%s) after %" PRIu64 " us",
		 report->seq, range->start, range->start + range->size - 1, range->node,
		 block_state_word((enum block_state)range->from),
		 block_state_word((enum block_state)range->to),
		 block_zone_word((enum block_zone)range->zone),
		 block_word_text((enum block_word)range->requested),
		 report_result_text((enum report_result)range->result),
		 reason_text((enum reason)range->reason), error, report->elapsed_usec);
}

static void log_reports(const struct journal *journal, uint64_t since)
{
	const struct report *report;

	while ((report = journal_after(journal, since))) {
		const struct report_range *ranges = journal_ranges(journal, report);
		size_t i;

		for (i = 0; i < report->count; i++)
			log_range(report, &ranges[i]);
		since = report->seq;
	}
}

static void flush_reports(struct agent *agent)
{
	uint64_t last = journal_last(agent->edges.journal);
	struct timeval now;

	gettimeofday(&now, NULL);
	burst_flush(&agent->burst, agent->edges.journal, now.tv_sec,
		    (int32_t)now.tv_usec);
	journal_forget_marks(agent->edges.journal);
	if (journal_last(agent->edges.journal) == last)
		return;
	log_reports(agent->edges.journal, last);
	agent->reports_new = true;
}

/* From the loop only: whoever is in the middle of an answer must not be given a report. */
static void announce(struct agent *agent)
{
	if (agent->reports_new && agent->edges.reported)
		agent->edges.reported(agent->edges.data);
	agent->reports_new = false;
}

static void gather_since(struct agent *agent, uint64_t dimm,
			 const struct report_range *range, uint64_t begun_usec)
{
	uint64_t now_usec = loop_now_usec();

	if (burst_add(&agent->burst, dimm, range, begun_usec, now_usec))
		return;
	flush_reports(agent);
	burst_add(&agent->burst, dimm, range, begun_usec, now_usec);
}

static void gather(struct agent *agent, uint64_t dimm, const struct report_range *range)
{
	gather_since(agent, dimm, range, agent->begun_usec);
}

/* As it was when it was last read; ABSENT where it never was. */
static struct block as_known(const struct block *block)
{
	struct block known;

	memset(&known, 0, sizeof(known));
	if (!block)
		return known;
	known = *block;
	if (block->state == BLOCK_UNREADABLE)
		known.state = block->known;
	return known;
}

/* A block changed, and not by a write of ours: those are in `now` already. */
static void changed(const struct snapshot_change *change, void *data)
{
	struct agent *agent = data;
	const struct snapshot *holder = change->after ? &agent->next : &agent->now;
	const struct block *block = change->after ? change->after : change->before;
	struct block before = as_known(change->before);
	struct snapshot_change told = { before.state == BLOCK_ABSENT ? NULL : &before,
					change->after };
	struct report_range range;

	/* Not whole yet, or on its way out: that will be seen. */
	if (change->after && change->after->state == BLOCK_UNREADABLE)
		return;
	/* A new offline block is reported with what is done with it. */
	if (!told.before && (!told.after || told.after->state != BLOCK_ONLINE))
		return;
	if (told.before && told.after && before.state == told.after->state &&
	    change->before->state == BLOCK_UNREADABLE)
		return;
	burst_observe(&told, agent->next.block_size_bytes, &range);
	gather(agent, dimm_of(holder, block), &range);
	if (change->after)
		snapshot_find(&agent->next, block->index)->reason = range.reason;
}

/* What the agent before this one wrote and did not live to report. */
static void resume(struct agent *agent)
{
	const struct journal *journal = agent->edges.journal;
	size_t count = journal_mark_count(journal), i;

	for (i = 0; i < count; i++) {
		const struct journal_mark *mark;
		const struct block *block;
		struct report_range range;

		mark = journal_mark_at(journal, i, agent->now.block_size_bytes);
		block = mark ? snapshot_find(&agent->now, mark->index) : NULL;
		/* One that is not as wanted is tried again, or not, and then reported. */
		if (!block || !plan_reached(mark->word, block))
			continue;
		plan_resume(mark, block, agent->now.block_size_bytes, &range);
		gather(agent, dimm_of(&agent->now, block), &range);
	}
}

/* Whether `now` knows nothing of this block yet. */
static bool is_new(const struct agent *agent, const struct block *block)
{
	const struct block *old = snapshot_find(&agent->now, block->index);

	return !old || old->state == BLOCK_ABSENT;
}

static bool was_unreadable(const struct agent *agent, const struct block *block)
{
	const struct block *old = snapshot_find(&agent->now, block->index);

	return old && old->state == BLOCK_UNREADABLE;
}

/*
 * A new block is announced before it is linked to its node, and the rest of its DIMM may not be
 * there either: it counts as unreadable until then, unless that never comes.
 */
static void hold_back_unlinked(const struct agent *agent, struct snapshot *snapshot)
{
	size_t i;

	for (i = 0; i < snapshot->count; i++) {
		struct block *block = &snapshot->blocks[i];

		if (block->state != BLOCK_OFFLINE || block->node != BLOCK_NODE_UNKNOWN)
			continue;
		if (is_new(agent, block) ||
		    (was_unreadable(agent, block) && agent->again_tries < AGAIN_TRIES))
			block->state = BLOCK_UNREADABLE;
	}
}

static int read_next(struct agent *agent)
{
	struct snapshot *next = &agent->next;
	bool numa;
	int r;

	snapshot_clear(next);
	/* Before the blocks: what is announced later than this may not be seen in them. */
	next->uevent_seqnum = system_uevent_seqnum(agent->edges.system);
	r = sysfs_read_blocks(agent->edges.sysfs, next);
	if (r < 0)
		return r;
	numa = system_read_nodes(agent->edges.system, next);
	if (numa)
		hold_back_unlinked(agent, next);
	sysfs_read_zones(agent->edges.sysfs, next, numa);
	r = system_read_resources(agent->edges.system, next);
	if (r < 0 && r != -ENOENT)
		log_debug("cannot read /proc/iomem: %s; ignoring DIMM edges",
			  strerror(-r));
	return 0;
}

static void look_again_later(struct agent *agent)
{
	if (!agent->again || agent->again_armed || agent->again_tries == AGAIN_TRIES)
		return;
	agent->again_armed = true;
	loop_timer_arm(agent->again, (uint64_t)AGAIN_FIRST_MSEC << agent->again_tries);
}

/* The tries are each new block's own: one that stays unreadable uses up nobody else's. */
static bool any_unreadable(struct agent *agent, const struct snapshot *snapshot)
{
	bool any = false;
	size_t i;

	for (i = 0; i < snapshot->count; i++) {
		if (snapshot->blocks[i].state != BLOCK_UNREADABLE)
			continue;
		any = true;
		if (!was_unreadable(agent, &snapshot->blocks[i]))
			agent->again_tries = 0;
	}
	return any;
}

/* Up to where its removal is no news of this block. */
static void note_online(struct snapshot *snapshot)
{
	size_t i;

	for (i = 0; i < snapshot->count; i++)
		if (snapshot->blocks[i].state == BLOCK_ONLINE)
			snapshot->blocks[i].online_seqnum = snapshot->uevent_seqnum;
}

/* Takes a new snapshot into `now` and gathers what others did. 0 or negative errno. */
static int refresh(struct agent *agent)
{
	struct snapshot before;
	bool unreadable;
	int r = read_next(agent);

	if (!agent->begun_usec)
		agent->begun_usec = loop_now_usec();
	if (r < 0) {
		log_error("cannot read the memory blocks: %s", strerror(-r));
		look_again_later(agent);
		return r;
	}
	snapshot_inherit(&agent->next, &agent->now);
	note_online(&agent->next);
	unreadable = any_unreadable(agent, &agent->next);
	if (agent->looked_once)
		snapshot_diff(&agent->now, &agent->next, changed, agent);
	before = agent->now;
	agent->now = agent->next;
	agent->next = before;
	if (!agent->looked_once)
		resume(agent);
	agent->looked_once = true;
	if (unreadable)
		look_again_later(agent);
	else
		agent->again_tries = 0;
	return 0;
}

static void log_decision(const struct agent *agent, const struct block *first,
			 const struct block *last, const struct policy_verdict *verdict)
{
	char line[256];

	snprintf(line, sizeof(line),
		 "memory%" PRIu64 "-%" PRIu64 " node %d: %s, policy %s -> %s (%s)",
		 first->index, last->index, first->node,
		 block_state_word((enum block_state)first->state),
		 config_policy_text(agent->config->policy),
		 block_word_text(verdict->word), reason_text(verdict->reason));
	if (agent->dry_run) /* there the decisions are the result */
		puts(line);
	else if (verdict->word == BLOCK_WORD_NONE)
		log_debug("%s", line);
	else
		log_info("%s", line);
}

/* A block that nothing will be done about, seen offline for the first time: say so once. */
static void gather_left_alone(struct agent *agent, const struct block *block,
			      const struct policy_verdict *verdict)
{
	struct snapshot_change change = { NULL, block };
	struct report_range range;

	if (block->state != BLOCK_OFFLINE ||
	    (block->reason != REASON_NONE && block->reason != REASON_STATE_UNREADABLE))
		return;
	burst_observe(&change, agent->now.block_size_bytes, &range);
	range.reason = (uint8_t)verdict->reason;
	gather(agent, dimm_of(&agent->now, block), &range);
}

/* It was refused and waited for, and is no longer wanted: the refusal has not been told yet. */
static void give_up_retry(struct agent *agent, struct block *block,
			  const struct policy_verdict *verdict)
{
	struct snapshot_change change = { block, block };
	struct report_range range;

	if (!(block->marks & BLOCK_MARK_RETRY))
		return;
	block->marks &= (uint8_t)~BLOCK_MARK_RETRY;
	if (block->state != BLOCK_OFFLINE)
		return;
	burst_observe(&change, agent->now.block_size_bytes, &range);
	range.result = REPORT_FAILED;
	range.reason = (uint8_t)verdict->reason;
	gather(agent, dimm_of(&agent->now, block), &range);
}

/* One verdict per block; a run of equal ones is one log line. Returns false on lack of memory. */
static bool decide_block(struct agent *agent, struct block *block,
			 struct policy_verdict *verdict)
{
	policy_decide(agent->config, &agent->now, block, verdict);
	if (verdict->word == BLOCK_WORD_NONE && !(block->marks & BLOCK_MARK_FAILED))
		give_up_retry(agent, block, verdict);
	if (verdict->word == BLOCK_WORD_NONE)
		gather_left_alone(agent, block, verdict);
	/* How it came to be online says more than that it is. */
	if (verdict->reason != REASON_ALREADY_ONLINE || block->reason == REASON_NONE)
		block->reason = (uint8_t)verdict->reason;
	if (agent->dry_run && verdict->word != BLOCK_WORD_NONE)
		block->reason = REASON_DRY_RUN;
	if (block->state == BLOCK_ONLINE)
		block->marks = BLOCK_MARK_WAS_ONLINE;
	return agent->dry_run || plan_add(&agent->plan, block->index, verdict) == 0;
}

static bool same_decision(const struct block *last,
			  const struct policy_verdict *last_verdict,
			  const struct block *block, const struct policy_verdict *verdict)
{
	return last->index + 1 == block->index && last->node == block->node &&
	       last->state == block->state && last_verdict->word == verdict->word &&
	       last_verdict->reason == verdict->reason;
}

static void decide(struct agent *agent)
{
	struct policy_verdict run, verdict;
	struct block *first = NULL, *last = NULL;
	size_t i;

	plan_clear(&agent->plan);
	for (i = 0; i < agent->now.count; i++) {
		struct block *block = &agent->now.blocks[i];

		if (!decide_block(agent, block, &verdict)) {
			log_error("no memory for the plan, doing what fits");
			break;
		}
		if (first && !same_decision(last, &run, block, &verdict)) {
			log_decision(agent, first, last, &run);
			first = NULL;
		}
		if (!first) {
			first = block;
			run = verdict;
		}
		last = block;
	}
	if (first)
		log_decision(agent, first, last, &run);
}

static void set_mark(struct agent *agent, const struct plan_write *write,
		     const struct block *block)
{
	struct journal *journal = agent->edges.journal;

	if (journal_mark(journal, write->index, write->word,
			 (enum block_state)block->state))
		return;
	flush_reports(agent);
	journal_mark(journal, write->index, write->word, (enum block_state)block->state);
}

/* --- refusals that may pass */

/* Monotonic, never 0. */
static uint32_t now_sec(void)
{
	return (uint32_t)(loop_now_usec() / 1000000) + 1;
}

/* Whether the refusal is kept back, since the write will be tried again. */
static bool put_off(struct agent *agent, struct block *block,
		    const struct report_range *result)
{
	if (result->result == REPORT_SUCCESS || !plan_may_pass(result->error))
		return false;
	if (!(block->marks & BLOCK_MARK_RETRY))
		block->retry_since_sec = now_sec();
	if (now_sec() - block->retry_since_sec >= PLAN_RETRY_TOTAL_MSEC / 1000)
		return false;
	log_warning("memory%" PRIu64 ": %s; it will be tried again", block->index,
		    strerror(result->error));
	block->marks |= BLOCK_MARK_FAILED | BLOCK_MARK_RETRY;
	agent->retry_refused = true;
	return true;
}

static void clear_marks(struct agent *agent, uint8_t having, uint8_t marks)
{
	size_t i;

	for (i = 0; i < agent->now.count; i++)
		if ((agent->now.blocks[i].marks & having) == having)
			agent->now.blocks[i].marks &= (uint8_t)~marks;
}

static bool any_to_retry(const struct agent *agent)
{
	size_t i;

	for (i = 0; i < agent->now.count; i++)
		if (agent->now.blocks[i].marks & BLOCK_MARK_RETRY)
			return true;
	return false;
}

/* A timer that is running goes on: other work must not put the next try off. */
static void schedule_retry(struct agent *agent)
{
	if (!agent->retry_refused || !agent->retry)
		return;
	agent->retry_refused = false;
	if (any_to_retry(agent))
		loop_timer_arm(agent->retry,
			       plan_retry_pause_msec(agent->retry_attempt++));
}

/* RETRY stays: it tells since when the block has been waited for. */
static void retry(void *data)
{
	struct agent *agent = data;

	if (!any_to_retry(agent)) {
		agent->retry_attempt = 0;
		return;
	}
	clear_marks(agent, BLOCK_MARK_RETRY, BLOCK_MARK_FAILED);
	agent_wake(agent);
}

/* When the report's time began: with the first refusal, for what was put off. */
static uint64_t begun_usec(const struct agent *agent, const struct block *before)
{
	return before->marks & BLOCK_MARK_RETRY
		       ? (before->retry_since_sec - 1) * 1000000ull
		       : agent->begun_usec;
}

/* The write is over, and `block` of `now` read again. */
static void written(struct agent *agent, const struct plan_write *write, int error,
		    const struct block *before, struct block *block)
{
	bool of_job = write == &agent->job_write;
	struct report_range result;

	agent->wrote = true;
	plan_judge(write, error, before, block, agent->now.block_size_bytes, &result);
	block->reason = result.reason;
	/* Who asked by name is answered at once. */
	if (!of_job && put_off(agent, block, &result))
		return;
	block->marks &= (uint8_t)~BLOCK_MARK_RETRY;
	if (block->state == BLOCK_ONLINE)
		block->marks = BLOCK_MARK_WAS_ONLINE;
	else if (result.result == REPORT_FAILED && write->word != BLOCK_WORD_OFFLINE)
		block->marks |= BLOCK_MARK_FAILED;
	gather_since(agent, dimm_of(&agent->now, block), &result,
		     begun_usec(agent, before));
}

static void write_one(struct agent *agent, const struct plan_write *write)
{
	struct block *block = snapshot_find(&agent->now, write->index);
	struct block before = *block;
	int r;

	set_mark(agent, write, &before);
	r = sysfs_write_word(agent->edges.sysfs, block, write->word);
	written(agent, write, r, &before, block);
}

/* --- what was asked for by name */

static void finish_job(struct agent *agent)
{
	agent_done_fn done = agent->job_done;
	struct job job = agent->job;

	memset(&agent->job, 0, sizeof(agent->job));
	agent->job_done = NULL;
	log_info("job of %zu blocks: %s", job.count,
		 job_succeeded(&job) ? "done" : "not done");
	if (done)
		done(&job, agent->job_data);
	job_free(&job);
}

static void job_written(struct agent *agent, int error, const struct block *before,
			struct block *block)
{
	written(agent, &agent->job_write, error, before, block);
	job_result(&agent->job, error, block);
}

static void worker_done(int error, void *data)
{
	struct agent *agent = data;
	/* Nothing else has written or looked meanwhile. */
	struct block *block = snapshot_find(&agent->now, agent->job_write.index);
	struct block before = *block;

	agent->worker = NULL;
	sysfs_read_block(agent->edges.sysfs, block);
	job_written(agent, error, &before, block);
	loop_set_work(agent->edges.loop, step_work, agent);
}

/* How long the next write may take; 0: the time is over. */
static uint64_t time_left_msec(const struct agent *agent)
{
	uint64_t now_usec = loop_now_usec();

	if (!agent->job_deadline_usec)
		return OFFLINE_MSEC;
	return now_usec < agent->job_deadline_usec
		       ? (agent->job_deadline_usec - now_usec) / 1000 + 1
		       : 0;
}

/* Offlining may never come back, so it is done apart; false: it could not be begun. */
static bool start_worker(struct agent *agent, const struct block *block)
{
	uint64_t msec = time_left_msec(agent);

	set_mark(agent, &agent->job_write, block);
	if (msec)
		agent->worker = worker_start(agent->edges.loop, agent->edges.sysfs,
					     block->index, agent->job_write.word, msec,
					     worker_done, agent);
	else
		errno = EINTR;
	return agent->worker != NULL;
}

static void job_write(struct agent *agent, struct block *block)
{
	struct block before = *block;
	int r;

	if (agent->job_write.word == BLOCK_WORD_OFFLINE && agent->edges.loop) {
		if (start_worker(agent, block))
			return;
		r = -errno;
	} else {
		set_mark(agent, &agent->job_write, &before);
		r = sysfs_write_word(agent->edges.sysfs, block, agent->job_write.word);
	}
	job_written(agent, r, &before, block);
}

static void step_job(struct agent *agent)
{
	if (job_next(&agent->job, &agent->now, &agent->job_write))
		job_write(agent, snapshot_find(&agent->now, agent->job_write.index));
	else
		finish_job(agent);
}

int agent_start_job(struct agent *agent, struct job *job, agent_done_fn fn, void *data)
{
	if (agent->job.items)
		return -EBUSY;
	agent->job = *job;
	memset(job, 0, sizeof(*job));
	agent->job_done = fn;
	agent->job_data = data;
	agent->job_deadline_usec = 0;
	if (agent->job.timeout_msec)
		agent->job_deadline_usec =
			loop_now_usec() + agent->job.timeout_msec * 1000;
	agent_wake(agent);
	return 0;
}

void agent_disown_job(struct agent *agent, const void *data)
{
	if (agent->job_data == data)
		agent->job_done = NULL;
}

static void look(struct agent *agent)
{
	agent->look_wanted = false;
	agent->wrote = false;
	if (refresh(agent) == 0)
		decide(agent);
}

bool agent_step(struct agent *agent)
{
	const struct plan_write *write;

	announce(agent);
	/* One writer at a time: worker_done goes on from here. */
	if (agent->worker)
		return false;

	/* A look in the middle of a plan would throw the rest of it away and make it again. */
	write = plan_take(&agent->plan);
	if (write) {
		write_one(agent, write);
		return true;
	}
	if (agent->look_wanted || (agent->wrote && !agent->job.items)) {
		look(agent);
		return true;
	}
	if (agent->job.items) {
		step_job(agent);
		return true;
	}
	flush_reports(agent);
	announce(agent);
	schedule_retry(agent);
	agent->begun_usec = 0;
	return false;
}

void agent_wake(struct agent *agent)
{
	agent->look_wanted = true;
	if (!agent->begun_usec)
		agent->begun_usec = loop_now_usec();
	if (agent->edges.loop)
		loop_set_work(agent->edges.loop, step_work, agent);
}

/* Something has happened: every refused block gets another chance at once. */
static void forgive(struct agent *agent)
{
	clear_marks(agent, 0, BLOCK_MARK_FAILED);
}

void agent_configure(struct agent *agent, const struct config *config)
{
	agent->config = config;
	plan_clear(&agent->plan);
	forgive(agent);
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
	case UEVENT_OTHER:
		break;
	}
	return true;
}

/* Another DIMM may be in its place by the time of the look: that one inherits nothing. */
static void block_removed(struct agent *agent, struct block *block)
{
	struct block before = as_known(block);
	struct snapshot_change change = { &before, NULL };
	struct report_range range;

	if (before.state != BLOCK_ABSENT) {
		burst_observe(&change, agent->now.block_size_bytes, &range);
		gather(agent, dimm_of(&agent->now, block), &range);
	}
	block->state = BLOCK_ABSENT;
	block->marks = 0;
	block->reason = REASON_NONE;
}

void agent_event(struct agent *agent, const struct uevent *event)
{
	struct block *block = snapshot_find(&agent->now, event->index);

	bool is_replaced = replaced(agent, event, block);

	if (!is_replaced && !is_news(agent, event, block))
		return;
	log_debug("event %" PRIu64 " for memory%" PRIu64, event->seqnum, event->index);
	agent_wake(agent);
	if (is_replaced) {
		block->marks = 0;
		block->reason = REASON_NONE;
	} else if (event->action == UEVENT_REMOVE) {
		block_removed(agent, block);
	}
	forgive(agent);
}

static void source_event(uint32_t events, void *data)
{
	struct agent *agent = data;
	struct uevent event;
	int r;

	(void)events;
	while ((r = source_receive(agent->edges.source, &event)) != 0) {
		if (r > 0) {
			agent_event(agent, &event);
			continue;
		}
		log_warning("%s events: %s, looking at all blocks",
			    source_name(agent->edges.source), strerror(-r));
		agent_wake(agent);
		if (r == -ENOBUFS)
			continue;
		/* An agent that hears nothing is worse than one that is started again. */
		loop_watch_remove(agent->source_watch);
		agent->source_watch = NULL;
		if (agent->edges.broken)
			agent->edges.broken(agent->edges.data);
		break;
	}
}

static void again(void *data)
{
	struct agent *agent = data;

	agent->again_armed = false;
	agent->again_tries++;
	agent_wake(agent);
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
		r = burst_init(&agent->burst, BURST_ENTRIES);
	return r;
}

static int connect_edges(struct agent *agent)
{
	struct loop *loop = agent->edges.loop;

	if (!loop)
		return 0;
	agent->again = loop_timer_add(loop, again, agent);
	agent->retry = loop_timer_add(loop, retry, agent);
	if (!agent->again || !agent->retry)
		return -errno;
	if (!agent->edges.source)
		return 0;
	agent->source_watch = loop_watch_add(loop, source_fd(agent->edges.source),
					     EPOLLIN, source_event, agent);
	return agent->source_watch ? 0 : -errno;
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
	r = allocate(agent);
	if (r == 0)
		r = connect_edges(agent);
	if (r == 0)
		return agent;
	agent_free(agent);
	errno = -r;
	return NULL;
}

void agent_free(struct agent *agent)
{
	if (!agent)
		return;
	worker_cancel(agent->worker);
	job_free(&agent->job);
	loop_watch_remove(agent->source_watch);
	loop_timer_remove(agent->again);
	loop_timer_remove(agent->retry);
	if (agent->edges.loop)
		loop_set_work(agent->edges.loop, NULL, NULL);
	burst_free(&agent->burst);
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
	if (agent_pending(agent) || agent->worker ||
	    (seqnum && seqnum == agent->now.uevent_seqnum))
		return &agent->now;
	if (refresh(agent) == 0)
		agent_wake(agent);
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
