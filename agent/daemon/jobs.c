/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent-private.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "io/log.h"

/* For one block, where nobody said; the kernel would try for ever. */
#define OFFLINE_MSEC 60000

/*
 * A block that a command took offline stays offline, also if no write was needed. A block
 * that the job could not bring back is offline without a command: from now on the policy
 * applies to it.
 */
static void note_wish(struct agent *agent, const struct job_item *item)
{
	struct block *block = snapshot_find(&agent->now, item->index);

	if (!block || block->state != BLOCK_OFFLINE || item->word != ONLINE_TYPE_OFFLINE)
		return;
	if (item->response == JOB_SUCCESS)
		history_wanted_offline(&agent->history, block);
	else if (item->response == JOB_FAILED && item->state == BLOCK_OFFLINE)
		history_left_offline(&agent->history, block);
	/* That it stays offline is the policy's to report, and it may have been about to try. */
	if (!block->is_told)
		schedule_want_scan(&agent->schedule, loop_now_usec());
}

static void note_wishes(struct agent *agent, const struct job *job)
{
	size_t i;

	for (i = 0; i < job->count && job->reason != REASON_REZONED; i++)
		note_wish(agent, &job->items[i]);
}

static void finish_job(struct agent *agent)
{
	agent_done_fn done = agent->job_done;
	struct job job = agent->job;

	note_wishes(agent, &job);
	job_restore_order(&job);
	memset(&agent->job, 0, sizeof(agent->job));
	agent->job_done = NULL;
	log_info("job of %zu blocks: %s", job.count,
		 job_succeeded(&job) ? "done" : "not done");
	if (done)
		done(&job, agent->job_data);
	job_free(&job);
}

void jobs_written(struct agent *agent, int error, const struct block *before,
		  struct block *block)
{
	writes_judge(agent, &agent->job_write, error, before, block, true);
	job_result(&agent->job, error, block);
	if (agent->job_progress)
		agent->job_progress(&agent->job, agent->job_data);
}

void jobs_offlined(struct agent *agent, int error)
{
	/* Nothing else has written or scanned meanwhile. */
	struct block *block = snapshot_find(&agent->now, agent->job_write.index);
	struct block before = *block;

	agent->worker = NULL;
	sysfs_read_block(agent->edges.sysfs, block);
	jobs_written(agent, error, &before, block);
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
static bool start_worker(struct agent *agent, const struct block *block,
			 worker_done_fn offlined)
{
	uint64_t msec = time_left_msec(agent);

	writes_mark(agent, &agent->job_write, block);
	if (msec)
		agent->worker = worker_start(agent->edges.loop, agent->edges.sysfs,
					     block->index, agent->job_write.word, msec,
					     offlined, agent);
	else
		errno = ETIMEDOUT;
	return agent->worker != NULL;
}

static void job_write(struct agent *agent, struct block *block, worker_done_fn offlined)
{
	struct block before = *block;

	if (agent->job_write.word != ONLINE_TYPE_OFFLINE || !agent->edges.loop)
		writes_state(agent, WRITE_JOB, &agent->job_write);
	else if (!start_worker(agent, block, offlined))
		jobs_written(agent, -errno, &before, block);
}

void jobs_step(struct agent *agent, worker_done_fn offlined)
{
	if (job_next(&agent->job, &agent->now, &agent->job_write))
		job_write(agent, snapshot_find(&agent->now, agent->job_write.index),
			  offlined);
	else
		finish_job(agent);
}

int jobs_start(struct agent *agent, struct job *job, agent_done_fn fn, void *data)
{
	if (agent->job.items)
		return -EBUSY;
	agent->job = *job;
	memset(job, 0, sizeof(*job));
	agent->job_done = fn;
	agent->job_progress = NULL;
	agent->job_data = data;
	agent->job_deadline_usec = 0;
	if (agent->job.timeout_msec)
		agent->job_deadline_usec =
			loop_now_usec() + agent->job.timeout_msec * 1000;
	schedule_want_scan(&agent->schedule, loop_now_usec());
	return 0;
}

/* --- another zone for what somebody else onlined */

static void rezoned(struct agent *agent, const struct job_item *item, bool moved)
{
	struct block *block = snapshot_find(&agent->now, item->index);

	if (block)
		history_end_move(&agent->history, block, item->written, moved);
}

/* Off all of it, or none: the policy onlines it next. */
static void rezone_done(const struct job *job, void *data)
{
	struct agent *agent = data;
	bool moved = job_succeeded(job);
	size_t i;

	for (i = 0; i < job->count; i++)
		rezoned(agent, &job->items[i], moved);
	schedule_want_scan(&agent->schedule, loop_now_usec());
}

/* If memonlined ends meanwhile, the next one learns of it. */
static void mark_moving(struct agent *agent, const struct job *job)
{
	size_t i;

	for (i = 0; i < job->count; i++) {
		struct block *block = snapshot_find(&agent->now, job->items[i].index);

		if (block->state == BLOCK_ONLINE)
			history_begin_move(&agent->history, block);
	}
}

void jobs_rezone(struct agent *agent, const struct block *block)
{
	const struct snapshot *now = &agent->now;
	uint64_t unit = now->block_size_bytes;
	size_t first, end;
	struct job job;

	if (agent->job.items)
		return;
	snapshot_dimm(now, (size_t)(block - now->blocks), &first, &end);
	if (job_init_range(&job, JOB_OFFLINE, now, now->blocks[first].index * unit,
			   (end - first) * unit, ONLINE_TYPE_OFFLINE) < 0)
		return;
	job.reason = REASON_REZONED;
	mark_moving(agent, &job);
	log_info("memory%" PRIu64 "-%" PRIu64 ": moving to the zone of the policy",
		 now->blocks[first].index, now->blocks[end - 1].index);
	if (jobs_start(agent, &job, rezone_done, agent) < 0)
		job_free(&job);
}
