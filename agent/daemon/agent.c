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
#define WAIT_MSEC 20 /* for a write, in a step: no longer than the loop waits */
#define BACKUP_MSEC 3000 /* what udevd needs for a block, many times over */

/*
 * How long to sleep between two series of events, and within one: it wakes for the first
 * event and for all of them.
 */
#define ONCE (EPOLLIN | EPOLLONESHOT)

static void agent_resume(struct agent *agent);

/* --- actions */

/* The retries for the blocks of one scan end at one time, in one report. */
static void stamp(struct agent *agent)
{
	agent->scanned_sec = (uint32_t)(loop_now_usec() / 1000000) + 1;
}

/* The scan that is wanted follows. */
static void advance(struct agent *agent)
{
	/* It went again: its link to the node would be waited for in vain. */
	if (!sysfs_identity(agent->edges.sysfs, agent->newcomer)) {
		agent->has_newcomer = false;
		return;
	}
	stamp(agent);
	kernel_settings_follow(agent);
	if (!decide_may_advance(agent) || !scan_newcomer(agent, agent->newcomer))
		return;
	decide_newcomer(agent, agent->newcomer);
	agent->has_newcomer = false;
	agent->is_ahead = true;
}

static void judge(struct agent *agent, const struct write_result *result)
{
	switch (result->purpose) {
	case WRITE_POLICY:
		writes_judge(agent, &result->write, result->error, &result->before,
			     result->block, false);
		return;
	case WRITE_JOB:
		jobs_written(agent, result->error, &result->before, result->block);
		return;
	case WRITE_PROBE:
		probing_written(agent, result->error);
		return;
	case WRITE_NONE:
		return;
	}
}

/*
 * All that there are. What the policy wrote is stored at once, as the journal has a mark of each. false:
 * there is none yet.
 */
static bool take_results(struct agent *agent, unsigned msec)
{
	struct write_result result;

	if (!writes_take(agent, msec, &result))
		return false;
	if (result.purpose != WRITE_POLICY) {
		judge(agent, &result);
		return true;
	}
	history_hold(&agent->history);
	do
		judge(agent, &result);
	while (writes_take(agent, 0, &result));
	history_release(&agent->history);
	return true;
}

/* Waits for the write in hand, if there is one, as long as a step may. */
static void finish_write(struct agent *agent)
{
	if (agent->writing.purpose == WRITE_NONE || take_results(agent, WAIT_MSEC))
		return;
	writes_draw_back(agent);
	writes_leave(agent);
}

/*
 * The write of the first block may be in hand: the kernel waits for all processors before it begins,
 * which takes as long as a scan. false: it is held up. What the scan has seen is remembered, and decided
 * by the one that follows.
 */
static bool scan_beside_write(struct agent *agent)
{
	uint64_t index = agent->writing.write.index;
	bool was_writing = agent->writing.purpose != WRITE_NONE, is_writing;
	int r = scan_read(agent);

	finish_write(agent);
	is_writing = agent->writing.purpose != WRITE_NONE;
	if (r == 0 && was_writing)
		r = scan_amend(agent, index, is_writing);
	r = scan_take(agent, r);
	if (is_writing)
		schedule_want_scan(&agent->schedule, loop_now_usec());
	return r == 0 && !is_writing;
}

static void scan(struct agent *agent)
{
	agent->has_newcomer = agent->is_ahead = false;
	stamp(agent);
	kernel_settings_follow(agent);
	if (!scan_beside_write(agent))
		return;
	decide_blocks(agent);
	if (agent->has_rezone)
		jobs_rezone(agent, snapshot_find(&agent->now, agent->rezone_index));
	/* Else there will be a scan after the writes. */
	if (!agent_pending(agent))
		scan_complete(agent);
}

static void report(struct agent *agent)
{
	uint64_t held_until_usec = reports_hold(agent);

	reports_flush(agent);
	reports_push(agent);
	schedule_hold(&agent->schedule, held_until_usec);
	schedule_reported(&agent->schedule, history_any(&agent->now, BLOCK_MARK_RETRYING),
			  loop_now_usec());
	if (agent->edges.rested)
		agent->edges.rested(agent->edges.data);
}

/* Reads all that waits. 0, -ENOBUFS where events were lost, else the source is broken for good. */
static int take_events(struct agent *agent, struct source *source)
{
	struct uevent event;
	int r, lost = 0;

	while ((r = source_receive(source, &event)) != 0) {
		if (r > 0) {
			agent_event(agent, &event);
			continue;
		}
		log_warning("%s events: %s; scanning all blocks", source_name(source),
			    strerror(-r));
		history_doubt_all(&agent->now);
		agent_wake(agent);
		if (r != -ENOBUFS)
			return r;
		lost = r;
	}
	return lost;
}

static void read_backup(struct agent *agent)
{
	bool wanted = agent->schedule.scan_wanted;
	int r;

	writes_draw_back(agent);
	r = take_events(agent, agent->edges.backup_source);
	if (r < 0 && r != -ENOBUFS) {
		loop_watch_remove(agent->backup_watch);
		agent->backup_watch = NULL;
		return;
	}
	/* Lost ones say nothing of the others, and are logged. */
	if (r == 0 && agent->schedule.scan_wanted && !wanted)
		log_warning(
			"%s events are late or lost, the kernel's are not: scanning all blocks",
			source_name(agent->edges.source));
	loop_watch_change(agent->backup_watch, ONCE);
}

/* --- the machine */

static void on_offlined(int error, void *data)
{
	struct agent *agent = data;

	jobs_offlined(agent, error);
	agent_resume(agent);
}

/* What is handed over ahead is taken in the same turn of the loop. */
static bool may_write_ahead(const struct agent *agent, uint64_t now_usec)
{
	return now_usec < agent->steps_until_usec && writes_may_go_ahead(agent);
}

/* Beside the write of the newcomer: no other block's has been decided about. */
static bool may_scan(const struct agent *agent)
{
	return agent->is_ahead && agent->writing.purpose == WRITE_POLICY &&
	       !agent->writing.is_left && !agent->ahead_count &&
	       !policy_needs_nodes(agent->config);
}

static struct schedule_facts see(const struct agent *agent, uint64_t now_usec)
{
	struct schedule_facts facts = {
		.is_offlining = agent->worker != NULL,
		.is_writing = agent->writing.purpose != WRITE_NONE,
		.is_left = agent->writing.is_left,
		.may_write_ahead = may_write_ahead(agent, now_usec),
		.may_scan = may_scan(agent),
		.has_plan = agent_pending(agent) > 0,
		.only_gaps = plan_is_late(&agent->plan),
		.has_newcomer = decide_may_advance(agent),
		.has_nodes = agent->numa,
		.has_job = agent->job.items != NULL,
		.has_probe = agent->probe != NULL,
		.has_pushable = agent->reports_new,
	};

	if (schedule_needs_seqnum(&agent->schedule, now_usec))
		facts.seqnum = source_seqnum(agent->edges.root);
	return facts;
}

/* To wake up for each event while the kernel makes a DIMM holds the kernel up as well. */
static void listen_to_source(struct agent *agent)
{
	bool is_deaf = agent->schedule.announced_usec != 0 ||
		       (agent->is_ahead &&
			loop_now_usec() < agent->schedule.announce_until_usec);

	if (is_deaf == agent->is_deaf || !agent->source_watch)
		return;
	agent->is_deaf = is_deaf;
	loop_watch_change(agent->source_watch, is_deaf ? 0 : EPOLLIN);
}

static void act(struct agent *agent, enum schedule_action action)
{
	switch (action) {
	case SCHEDULE_SCAN:
		scan(agent);
		return;
	case SCHEDULE_ADVANCE:
		advance(agent);
		return;
	case SCHEDULE_WRITE:
		writes_state(agent, WRITE_POLICY, plan_take(&agent->plan));
		if (!may_write_ahead(agent, loop_now_usec()) && !may_scan(agent))
			finish_write(agent);
		return;
	case SCHEDULE_WRITE_AHEAD:
		writes_go_ahead(agent);
		return;
	case SCHEDULE_TAKE_RESULT:
		finish_write(agent);
		return;
	case SCHEDULE_STEP_JOB:
		jobs_step(agent, on_offlined);
		finish_write(agent);
		return;
	case SCHEDULE_STEP_PROBE:
		probing_step(agent);
		finish_write(agent);
		return;
	case SCHEDULE_REPORT:
		report(agent);
		return;
	case SCHEDULE_PUSH:
		reports_push(agent);
		return;
	case SCHEDULE_RETRY:
		history_retry(&agent->now);
		return;
	case SCHEDULE_READ_BACKUP:
		read_backup(agent);
		return;
	case SCHEDULE_NOTICE_HELD_UP:
		writes_notice_held_up(agent);
		return;
	case SCHEDULE_WAIT:
	case SCHEDULE_ACTIONS:
		return;
	}
}

static void wake_at(struct agent *agent, uint64_t usec)
{
	uint64_t now_usec = loop_now_usec();

	if (!agent->timer)
		return;
	if (!usec)
		loop_timer_disarm(agent->timer);
	else
		loop_timer_arm(agent->timer,
			       usec > now_usec ? (usec - now_usec) / 1000 + 1 : 1);
}

bool agent_step(struct agent *agent)
{
	uint64_t now_usec = loop_now_usec();
	struct schedule_facts facts = see(agent, now_usec);
	struct schedule_step step = schedule_next(&agent->schedule, &facts, now_usec);

	if (step.from != agent->schedule.state)
		log_debug("%s -> %s (%s)", schedule_state_text(step.from),
			  schedule_state_text(agent->schedule.state), step.why);
	listen_to_source(agent);
	act(agent, step.action);
	if (step.action == SCHEDULE_WAIT)
		wake_at(agent, step.wake_usec);
	return step.action != SCHEDULE_WAIT;
}

bool agent_steps(struct agent *agent, uint64_t until_usec)
{
	bool more;

	agent->steps_until_usec = until_usec;
	do
		more = agent_step(agent);
	while (more && loop_now_usec() < until_usec);
	agent->steps_until_usec = 0;
	/* What happens meanwhile finds one write in hand at most. */
	writes_draw_back(agent);
	if (!agent->writing.is_left)
		take_results(agent, 0);
	return more;
}

/* The loop costs more system calls than a step does besides its write. */
static bool step_work(void *data)
{
	return agent_steps(data, loop_now_usec() + STEPS_USEC);
}

/* --- what wakes it */

static void agent_resume(struct agent *agent)
{
	if (agent->edges.loop)
		loop_set_work(agent->edges.loop, step_work, agent);
}

static void on_timer(void *data)
{
	agent_resume(data);
}

/* The write that was left is over. */
static void on_written(void *data)
{
	struct agent *agent = data;

	if (!agent->writing.is_left)
		return;
	take_results(agent, 0);
	agent_resume(agent);
}

void agent_wake(struct agent *agent)
{
	schedule_want_scan(&agent->schedule, loop_now_usec());
	agent_resume(agent);
}

void agent_begin_instance(struct agent *agent, const char *why)
{
	reports_begin_instance(agent, why);
	agent_resume(agent);
}

void agent_event(struct agent *agent, const struct uevent *event)
{
	if (event->action == UEVENT_NEW_GENERATION)
		agent_begin_instance(agent, "the machine was restored or cloned");
	else if (events_take(agent, event))
		agent_resume(agent);
}

static void on_source(uint32_t events, void *data)
{
	struct agent *agent = data;
	int r = take_events(agent, agent->edges.source);

	(void)events;
	if (r == 0 || r == -ENOBUFS)
		return;
	/* A memonlined without events is worse than one that is restarted. */
	loop_watch_remove(agent->source_watch);
	agent->source_watch = NULL;
	if (agent->edges.broken)
		agent->edges.broken(agent->edges.data);
}

static void on_backup(uint32_t events, void *data)
{
	struct agent *agent = data;
	unsigned msec = agent->edges.backup_msec ? agent->edges.backup_msec : BACKUP_MSEC;

	(void)events;
	schedule_backup(&agent->schedule, msec, loop_now_usec());
	agent_resume(agent);
}

void agent_configure(struct agent *agent, const struct config *config)
{
	agent->config = config;
	plan_clear(&agent->plan);
	agent->executor_refused = false;
	kernel_settings_apply(agent);
	history_new_policy(&agent->now);
	agent_wake(agent);
}

int agent_start_job(struct agent *agent, struct job *job, agent_done_fn fn, void *data)
{
	int r = jobs_start(agent, job, fn, data);

	if (r == 0)
		agent_resume(agent);
	return r;
}

void agent_watch_job(struct agent *agent, agent_done_fn fn)
{
	agent->job_progress = fn;
}

int agent_start_probe(struct agent *agent, const struct agent_probe_request *request,
		      agent_done_fn fn, void *data)
{
	int r = probing_start(agent, request, fn, data);

	if (r == 0)
		agent_resume(agent);
	return r;
}

void agent_probe_at_start(struct agent *agent)
{
	static const struct agent_probe_request request;
	enum config_probe_mode mode = agent->config->probe_mode;

	if (mode != CONFIG_PROBE_STATIC && mode != CONFIG_PROBE_CONTROLLER)
		return;
	if (!sysfs_has_probe(agent->edges.sysfs))
		log_info("[probe] mode has no effect: this kernel has no `probe`");
	else if (agent_start_probe(agent, &request, NULL, NULL) < 0)
		log_warning("cannot probe at start; ignoring");
}

void agent_disown_job(struct agent *agent, const void *data)
{
	probing_disown(agent, data);
	if (agent->job_data != data)
		return;
	agent->job_done = NULL;
	agent->job_progress = NULL;
}

/* --- birth and death */

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

static int connect_backup(struct agent *agent)
{
	if (!agent->edges.backup_source)
		return 0;
	agent->backup_watch = loop_watch_add(agent->edges.loop,
					     source_fd(agent->edges.backup_source), ONCE,
					     on_backup, agent);
	return agent->backup_watch ? 0 : -errno;
}

static int connect_edges(struct agent *agent)
{
	struct loop *loop = agent->edges.loop;
	int r = 0;

	if (!loop)
		return 0;
	agent->timer = loop_timer_add(loop, on_timer, agent);
	if (!agent->timer)
		return -errno;
	agent->schedule.has_timer = true;
	agent->schedule.announce_max_usec = agent->edges.announce_max_msec * 1000ULL;
	if (!agent->dry_run)
		r = writes_open(agent, on_written);
	if (r < 0 || !agent->edges.source)
		return r;
	source_set_wanted(agent->edges.source, events_wanted, agent);
	agent->source_watch = loop_watch_add(loop, source_fd(agent->edges.source),
					     EPOLLIN, on_source, agent);
	return agent->source_watch ? connect_backup(agent) : -errno;
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
	machine_read(agent->edges.root, &agent->machine);
	r = allocate(agent);
	if (r == 0)
		r = connect_edges(agent);
	if (r == 0) {
		firmware_read_windows(agent->edges.root, &agent->now);
		firmware_read_windows(agent->edges.root, &agent->next);
		kernel_settings_read_command_line(agent);
		kernel_settings_follow(agent);
		kernel_settings_apply(agent);
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
	writes_close(agent);
	kernel_settings_restore(agent);
	probing_end(agent);
	job_free(&agent->job);
	loop_watch_remove(agent->source_watch);
	loop_watch_remove(agent->backup_watch);
	loop_timer_remove(agent->timer);
	if (agent->edges.loop)
		loop_set_work(agent->edges.loop, NULL, NULL);
	report_builder_free(&agent->builder);
	plan_free(&agent->plan);
	snapshot_free(&agent->now);
	snapshot_free(&agent->next);
	free(agent);
}

/* More of the DIMM has come: what closes its gap waits for that. */
static bool scans_first(const struct agent *agent)
{
	return agent->schedule.scan_wanted && plan_is_late(&agent->plan);
}

const struct snapshot *agent_look(struct agent *agent)
{
	uint64_t seqnum = source_seqnum(agent->edges.root);

	/* In the middle of a plan the snapshot is kept up by every write. */
	if ((agent_pending(agent) && !scans_first(agent)) || agent->worker ||
	    agent->writing.purpose != WRITE_NONE ||
	    (seqnum && seqnum == agent->now.uevent_seqnum))
		return &agent->now;
	kernel_settings_read(agent);
	if (scan_blocks(agent) == 0) {
		plan_clear(&agent->plan);
		scan_complete(agent);
		agent_wake(agent);
	}
	return &agent->now;
}
