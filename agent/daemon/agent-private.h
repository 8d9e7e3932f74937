/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_AGENT_PRIVATE_H
#define MEMONLINE_AGENT_PRIVATE_H

/* What the files agent*.c share: one conductor, in parts. */

#include "agent.h"

#include "core/executor.h"
#include "core/history.h"
#include "core/probe.h"
#include "io/worker.h"
#include "io/writer.h"

/* Who goes on once a write is over. */
enum write_purpose { WRITE_NONE, WRITE_POLICY, WRITE_JOB, WRITE_PROBE };

/* The write in hand. */
struct agent_write {
	enum write_purpose purpose; /* WRITE_NONE: there is none */
	struct plan_write write; /* of WRITE_PROBE: the block that is asked for */
	uint64_t since_usec;
	bool left; /* to the loop: nobody waits for it but writer_notify */
	bool held_up; /* for HELD_UP_MSEC at least */
	uint64_t
		going_offline; /* the block that it waits for; UINT64_MAX: none was seen */
};

struct agent {
	const struct config *config;
	struct agent_edges edges;
	struct machine machine;
	bool dry_run;
	struct loop_watch *source_watch;
	/* The late source, and when it is read. */
	struct loop_watch *backup_watch;
	struct loop_timer *backup;
	/* A block that is not whole yet, or a tree that cannot be read. */
	struct loop_timer *again;
	unsigned again_tries; /* so far */
	bool again_armed;
	/* A DIMM whose blocks are just being made. */
	struct loop_timer *grow;
	bool grow_armed;
	uint64_t grow_until_usec; /* look then at the latest; 0: no need to wait */
	uint64_t grow_seqnum; /* the kernel's latest, when it was last asked */
	struct loop_timer *rest; /* a DIMM whose report waits for its other blocks */
	/* Refused writes. */
	struct loop_timer *retry;
	unsigned retry_attempt; /* so far */
	bool retry_refused; /* a write was, and no timer runs for it */
	bool retry_armed;
	/* A burst that has to be over before it is touched. */
	struct loop_timer *settle;
	bool settle_armed;
	bool unsettled; /* something changed, and the timer has not run out since */
	bool moved; /* likewise, and it was not armed since */
	uint64_t unsettled_usec; /* when that began */
	struct snapshot now; /* what was last seen */
	struct snapshot next; /* being read */
	struct plan plan;
	struct report_builder builder;
	struct job job; /* no items: none */
	agent_done_fn job_done; /* NULL: nobody is waiting */
	agent_done_fn job_progress; /* likewise, of each write */
	void *job_data;
	uint64_t job_deadline_usec; /* 0: none */
	struct plan_write job_write; /* the one under way */
	struct worker *worker; /* doing it, apart */
	struct writer *writer; /* NULL without a loop: writes are waited for */
	struct agent_write writing;
	struct loop_timer *held_up; /* until a write counts as held up */
	struct agent_probe *probe; /* NULL: none asked for */
	/* DIMMs that were probed, or found there when they were asked for: each is one. */
	struct snapshot_window probed[SNAPSHOT_WINDOWS_MAX];
	size_t probed_count;
	struct executor executor;
	bool followed_change; /* machine.auto_online_changed, as the executor rests on it */
	bool executor_refused; /* the kernel took no word for the policy */
	struct history history; /* of the blocks */
	bool is_full_logged; /* history.is_full */
	bool reports_new; /* and not yet announced */
	bool look_wanted;
	bool looked_once;
	bool numa; /* the kernel has nodes, as of the last look */
	int look_error; /* of the last one: logged once */
	uint32_t looked_sec; /* when, for the blocks' patience */
	bool wrote; /* since the last look: then look once more, others may have been at it too */
	uint64_t begun_usec; /* when the burst in hand was first heard of; 0: none */
};

/* agent.c */
void agent_set_mark(struct agent *agent, const struct plan_write *write,
		    const struct block *block);
/* The write is over, and `block` of `now` read again. */
void agent_written(struct agent *agent, const struct plan_write *write, int error,
		   const struct block *before, struct block *block);
void agent_resume_work(struct agent *agent);
/* Reads all that waits in a source. 0, -ENOBUFS where events were lost, else it is broken for good. */
int agent_take_events(struct agent *agent, struct source *source);

/* agent-decide.c */
/* Verdicts for all blocks of `now`, and the plan that follows from them. */
void agent_decide(struct agent *agent);

/* agent-look.c */
/* Takes a new snapshot into `now` and gathers what others did. 0 or negative errno. */
int agent_refresh(struct agent *agent);
/*
 * What a look leaves out, as no decision rests on it and it takes as long as the rest: where
 * offline blocks may go. At once after the look, or not at all (io/sysfs.h).
 */
void agent_complete_look(struct agent *agent);
void agent_look_again_later(struct agent *agent);

/* agent-report.c */
void agent_gather(struct agent *agent, const struct snapshot *holder,
		  const struct block *block, const struct report_range *range);
void agent_gather_since(struct agent *agent, const struct block *block,
			const struct report_range *range, uint64_t begun_usec);
void agent_flush_reports(struct agent *agent);
/* From the loop only: whoever is in the middle of an answer must not be given a report. */
void agent_announce(struct agent *agent);

/* agent-retry.c */
void agent_note_look(struct agent *agent);
/* Whether the refusal is kept back, since the write will be tried again. */
bool agent_put_off(struct agent *agent, struct block *block,
		   const struct report_range *result);
/* When the report's time began: with the first refusal, for what was put off. */
uint64_t agent_begun_usec(const struct agent *agent, const struct block *before);
/* A timer that is running goes on: other work must not put the next try off. */
void agent_schedule_retry(struct agent *agent);
/* Whether a refused block waits for its next try. */
bool agent_any_waiting(const struct agent *agent);
/* Something is not as it was: the burst goes on. */
void agent_unsettle(struct agent *agent);
/* Whether what was decided has to wait until the burst is over; `movable`: for that zone. */
bool agent_has_to_settle(const struct agent *agent, bool movable);
/* Drops the plan where it has to wait; the loop looks again then. */
void agent_wait_to_settle(struct agent *agent);
/* Of DIMMs that have not come whole, from the next flush; a timer goes on with the work in time. */
void agent_hold_reports(struct agent *agent);
/* An event has asked for a look: the rest of its DIMM may be about to come. */
void agent_expect_more(struct agent *agent);
/* Whether the kernel is still announcing; then a timer goes on with the work. */
bool agent_has_to_wait(struct agent *agent);
int agent_retry_open(struct agent *agent);
void agent_retry_close(struct agent *agent);

/* agent-backup.c */
int agent_backup_open(struct agent *agent); /* 0 or negative errno */
void agent_backup_close(struct agent *agent);

/* agent-write.c */
int agent_write_open(struct agent *agent); /* 0 or negative errno */
void agent_write_close(struct agent *agent);
/* Writes the word to `state`. No write may be in hand. */
void agent_write_state(struct agent *agent, enum write_purpose purpose,
		       const struct plan_write *write);
/* Has the kernel take the block at this address, by way of `probe`. */
void agent_write_probe(struct agent *agent, uint64_t address);
/* Waits for the write in hand as long as a step may take, and goes on with what follows from it. */
void agent_wait_for_write(struct agent *agent);
/* No step waits any longer: the loop goes on, and is woken when the write is over. */
void agent_leave_write(struct agent *agent);

/* agent-job.c */
void agent_step_job(struct agent *agent);
/* The job's write is over, and `block` of `now` read again. */
void agent_job_written(struct agent *agent, int error, const struct block *before,
		       struct block *block);
/* Moves the block's DIMM to the zone of the policy, unless a job is under way. */
void agent_rezone(struct agent *agent, const struct block *block);

/* agent-probe.c */
void agent_step_probe(struct agent *agent); /* agent->probe is not NULL */
void agent_probe_written(struct agent *agent, int error); /* negative errno or 0 */
/* Makes one DIMM of each that was probed block by block. */
void agent_join_probed(const struct agent *agent, struct snapshot *snapshot);
void agent_disown_probe(struct agent *agent, const void *data);
void agent_end_probe(struct agent *agent);

/* agent-executor.c */
/* Who decides where memhp_default_state= is given. Before agent_read_executor. */
void agent_read_command_line(struct agent *agent);
/* Reads who else onlines memory into `machine`. */
void agent_read_executor(struct agent *agent);
/* The same, and does what follows where somebody has changed that. Not in a query: it may write. */
void agent_follow_executor(struct agent *agent);
/* Sets the kernel's own settings as the policy needs them. */
void agent_apply_executor(struct agent *agent);
/* Gives back what was found, as far as nobody else changed it. */
void agent_restore_executor(struct agent *agent);

#endif
