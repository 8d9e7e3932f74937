/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_AGENT_PRIVATE_H
#define MEMONLINE_AGENT_PRIVATE_H

/*
 * What agent.c and the files that it calls share. Calls go downwards only, in the order
 * agent, probing, jobs, decide, scan, events, writes, reports, kernel-settings, view (`make
 * check` compares): results are returned, and core/schedule says what follows.
 */

#include "agent.h"

#include "core/executor.h"
#include "core/history.h"
#include "core/probe.h"
#include "core/schedule.h"
#include "io/worker.h"
#include "io/writer.h"

/* Who goes on once a write is over. */
enum write_purpose { WRITE_NONE, WRITE_POLICY, WRITE_JOB, WRITE_PROBE };

/* The write in hand. */
struct agent_write {
	enum write_purpose purpose; /* WRITE_NONE: there is none */
	struct plan_write write; /* of WRITE_PROBE: the block that is asked for */
	uint64_t since_usec;
	bool is_left; /* to the loop: nobody waits for it but writer_notify */
	bool held_up; /* for a second at least */
	uint64_t
		going_offline; /* the block that it waits for; UINT64_MAX: none was seen */
	/* The result of a write that was made without the writer. */
	int error;
	struct sysfs_text after;
};

/* A write that is over. */
struct write_result {
	enum write_purpose purpose;
	struct plan_write write;
	int error; /* 0 or negative errno */
	struct block before;
	struct block *block; /* of `now`, as it reads afterwards; NULL: WRITE_PROBE */
};

struct agent {
	const struct config *config;
	struct agent_edges edges;
	struct machine machine;
	bool dry_run;
	struct loop_watch *source_watch, *backup_watch;
	bool is_deaf; /* source_watch waits for nothing */
	struct schedule schedule;
	struct loop_timer *timer; /* the schedule's; NULL without a loop */
	struct snapshot now; /* what was last seen */
	struct snapshot next; /* being read */
	struct plan plan;
	struct report_builder builder;
	struct history history; /* of the blocks */
	bool is_full_logged; /* history.is_full */
	struct job job; /* no items: none */
	agent_done_fn job_done; /* NULL: nobody is waiting */
	agent_done_fn job_progress; /* of each write; NULL as well */
	void *job_data;
	uint64_t job_deadline_usec; /* 0: none */
	struct plan_write job_write; /* the one under way */
	struct worker *worker; /* doing it, apart */
	struct writer *writer; /* NULL without a loop: writes are waited for */
	struct agent_write writing;
	struct plan_write ahead[WRITER_NEXT_MAX]; /* follow it, the next one first */
	size_t ahead_count;
	uint64_t steps_until_usec; /* then the loop has its turn */
	struct agent_probe *probe; /* NULL: none asked for */
	/* DIMMs that were probed, or found there when they were asked for: each is one. */
	struct snapshot_window probed[SNAPSHOT_WINDOWS_MAX];
	size_t probed_count;
	struct executor executor;
	bool followed_change; /* machine.auto_online_changed, as the executor rests on it */
	bool executor_refused; /* the kernel accepted no value for the policy */
	bool reports_new; /* and not yet pushed */
	bool has_newcomer; /* of this burst: the first new block that was announced */
	uint64_t newcomer;
	bool is_ahead; /* it was decided about, and no scan has begun since */
	bool has_rezone; /* a decision wants the DIMM of this block moved */
	uint64_t rezone_index;
	bool scanned_once;
	bool numa; /* the kernel has nodes, as of the last scan */
	int scan_error; /* of the last one: logged once */
	uint32_t scanned_sec; /* its time, for the blocks' retries: monotonic, never 0 */
};

/* probing.c */
void probing_step(struct agent *agent); /* agent->probe is not NULL */
void probing_written(struct agent *agent, int error); /* negative errno or 0 */
int probing_start(struct agent *agent, const struct agent_probe_request *request,
		  agent_done_fn fn, void *data);
void probing_disown(struct agent *agent, const void *data);
void probing_end(struct agent *agent);

/* jobs.c */
/* `offlined` is called from the loop where a worker was started: then jobs_offlined. */
void jobs_step(struct agent *agent, worker_done_fn offlined);
void jobs_offlined(struct agent *agent, int error);
/* The job's write is over. */
void jobs_written(struct agent *agent, int error, const struct block *before,
		  struct block *block);
int jobs_start(struct agent *agent, struct job *job, agent_done_fn fn, void *data);
/* Moves the block's DIMM to the zone of the policy, unless a job is under way. */
void jobs_rezone(struct agent *agent, const struct block *block);

/* decide.c */
/* Verdicts for all blocks of `now`, and the plan that follows from them. */
void decide_blocks(struct agent *agent);
/* Whether a new block's verdict rests on no other block, and nobody else is to be waited for. */
bool decide_may_advance(const struct agent *agent);
/* The verdict for this block of `now` alone, and the plan of its one write. */
void decide_newcomer(struct agent *agent, uint64_t index);

/* scan.c */
/* Takes a new snapshot into `now` and gathers what others did. 0 or negative errno. */
int scan_blocks(struct agent *agent);
/* The same in two parts. Reads the snapshot into `next`. 0 or negative errno. */
int scan_read(struct agent *agent);
/*
 * The block of `now` comes from a write that was in hand when scan_read began: where `next` has it
 * offline, it may have read it before the write was over, and takes that of `now`. It may also have gone
 * offline since: the scan that follows every write says so. `in_hand`: the write is not over yet, and
 * `next` has the block as it was before. 0 or -ENOMEM.
 */
int scan_amend(struct agent *agent, uint64_t index, bool in_hand);
/* Goes on where scan_read gave `r`. 0 or negative errno. */
int scan_take(struct agent *agent, int r);
/*
 * Takes this new block into `now` as a scan would, all others as they were. false: it cannot be read,
 * is not linked to its node yet, or memory is short; a scan has to follow either way.
 */
bool scan_newcomer(struct agent *agent, uint64_t index);
/*
 * What a scan leaves out, as no decision rests on it and it takes as long as the rest: where
 * offline blocks may go. At once after the scan, or not at all (io/sysfs.h).
 */
void scan_complete(struct agent *agent);

/* events.c */
/*
 * Whether an event has news that `now` does not show. For source_set_wanted, with the
 * agent.
 */
bool events_wanted(const struct uevent *event, void *data);
/* Takes one up; true: a scan is wanted now. */
bool events_take(struct agent *agent, const struct uevent *event);
/* The block of `now` is gone, also where another is in its place: that one is reported as new. */
void events_note_removal(struct agent *agent, struct block *block);

/* writes.c */
int writes_open(struct agent *agent, writer_over_fn over); /* 0 or negative errno */
void writes_close(struct agent *agent);
/*
 * Writes the online type to `state`. No other write may be in progress; writes_take ends
 * it.
 */
void writes_state(struct agent *agent, enum write_purpose purpose,
		  const struct plan_write *write);
/*
 * Whether the plan's next may be handed over before the result of the write in hand is known: where
 * nothing that follows from it could change the next.
 */
bool writes_may_go_ahead(const struct agent *agent);
void writes_go_ahead(struct agent *agent);
/* What was handed over so and has not begun is the plan's again. */
void writes_draw_back(struct agent *agent);
/* Has the kernel take the block at this address, by way of `probe`. */
void writes_probe(struct agent *agent, uint64_t address);
/*
 * Waits for the write in hand for `msec` at most, and until most of those behind it are over, too; the
 * next of them is in hand then. false: the kernel holds it up.
 */
bool writes_take(struct agent *agent, unsigned msec, struct write_result *result);
/* No step waits any longer: the loop goes on, and `over` is called when the write is over. */
void writes_leave(struct agent *agent);
/* The write that was left is held up. */
void writes_notice_held_up(struct agent *agent);
/* Marks the write in the journal before it is made, until it is reported. */
void writes_mark(struct agent *agent, const struct plan_write *write,
		 const struct block *block);
/* What follows for the block from a write that is over; `by_name`: of a job. */
void writes_judge(struct agent *agent, const struct plan_write *write, int error,
		  const struct block *before, struct block *block, bool by_name);

/* reports.c */
void reports_gather(struct agent *agent, const struct snapshot *holder,
		    const struct block *block, const struct report_range *range);
void reports_gather_since(struct agent *agent, const struct block *block,
			  const struct report_range *range, uint64_t begun_usec);
void reports_flush(struct agent *agent);
/*
 * Keeps those of DIMMs that have not come whole from the next flush. Until when, monotonic; 0: there
 * are none.
 */
uint64_t reports_hold(struct agent *agent);
/* Begins a new instance. `why` is logged. */
void reports_begin_instance(struct agent *agent, const char *why);
/* Only from a step: no report may be sent in the middle of an answer. */
void reports_push(struct agent *agent);

/* kernel-settings.c */
/* Who decides where memhp_default_state= is given. Before kernel_settings_read. */
void kernel_settings_read_command_line(struct agent *agent);
/* Reads who else onlines memory into `machine`. */
void kernel_settings_read(struct agent *agent);
/* The same, and does what follows where somebody has changed that. Not in a query: it may write. */
void kernel_settings_follow(struct agent *agent);
/* Sets the kernel's own settings as the policy needs them. */
void kernel_settings_apply(struct agent *agent);
/* Gives back what was found, as far as nobody else changed it. */
void kernel_settings_restore(struct agent *agent);

#endif
