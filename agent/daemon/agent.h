/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_AGENT_H
#define MEMONLINE_AGENT_H

/*
 * A wake-up becomes a snapshot, the snapshot verdicts, the verdicts a plan, the plan
 * writes, the writes reports. Only here decisions become effects.
 */

#include "core/config.h"
#include "core/contract.h"
#include "core/executor.h"
#include "core/intent.h"
#include "core/job.h"
#include "core/journal.h"
#include "core/plan.h"
#include "core/report.h"
#include "core/snapshot.h"
#include "core/uevent.h"
#include "io/firmware.h"
#include "io/loop.h"
#include "io/root.h"
#include "io/source.h"
#include "io/sysfs.h"

struct agent;

struct agent_edges {
	struct loop *loop;
	struct sysfs *sysfs;
	struct root *root;
	struct source *source; /* NULL: only asked wake-ups (agent_wake) */
	/*
	 * The kernel's own events as a fallback, if those of `source` come through udevd,
	 * which may die before it announces them: read some time after the first, when
	 * most of them are old. NULL: none.
	 */
	struct source *backup_source;
	unsigned backup_msec; /* that time; 0: three seconds */
	struct journal *journal; /* with what a previous memonlined left in it */
	struct intent *intent; /* the same; NULL: nothing outlives this process */
	/* In place of this machine's I/O ports; NULL: these. */
	const struct firmware_ports *ports;
	void *ports_data;
	/* New reports are in the journal. May be NULL. */
	void (*reported)(void *data);
	/* All that was seen has been dealt with and reported, for now. May be NULL. */
	void (*rested)(void *data);
	/*
	 * Events have ended when nothing has changed for so long, where that matters; 0:
	 * half a second.
	 */
	unsigned settle_msec;
	/* How long a scan may wait for the rest of a DIMM; 0: a quarter of a second. */
	unsigned announce_max_msec;
	/* As channel_port_error(). May be NULL. */
	int (*port_error)(const char **name, void *data);
	/* The source of events is broken for good. May be NULL. */
	void (*broken)(void *data);
	void *data;
};

/* `config` and the edges stay the caller's and outlive the agent. NULL with errno on failure. */
struct agent *agent_new(const struct config *config, const struct agent_edges *edges,
			bool dry_run) _must_check_ _nonnull_(1);
void agent_free(struct agent *agent); /* accepts NULL */

/* Scan the blocks in the loop's next round: at start, after a new configuration, … */
void agent_wake(struct agent *agent) _nonnull_(1);
/* Another policy: refused blocks get another chance. `config` replaces the one before. */
void agent_configure(struct agent *agent, const struct config *config) _nonnull_(1);

/*
 * One step of the work: a scan or a write. false: nothing left to do. For the loop and
 * for tests.
 */
bool agent_step(struct agent *agent) _nonnull_(1);
/*
 * Steps until there is nothing left to do or that time has come (monotonic, microseconds). Some of the
 * plan's writes are handed over before the result of the last is known; in the end one is in hand at
 * most. As agent_step.
 */
bool agent_steps(struct agent *agent, uint64_t until_usec) _nonnull_(1);
/* An event arrived. Old news, already in the snapshot, wakes nobody. */
void agent_event(struct agent *agent, const struct uevent *event) _nonnull_(1);

/*
 * Executes `job` when the present writes are done; the agent owns it from here on. `fn`
 * is called once, from the loop, with the job as it ended. -EBUSY if another one is under
 * way; then the caller still owns the job.
 */
typedef void (*agent_done_fn)(const struct job *job, void *data);
int agent_start_job(struct agent *agent, struct job *job, agent_done_fn fn, void *data)
	_nonnull_(1);
/* From here on `fn` is called with the job's `data` after each of its writes. */
void agent_watch_job(struct agent *agent, agent_done_fn fn) _nonnull_(1);
struct agent_probe_request {
	bool has_devices; /* false: the configuration says who names them */
	const struct device *devices;
	size_t count;
	bool dry_run; /* decide and report, write nothing */
};
/*
 * Probes what is named and passes core/probe; `fn` is called as above, with a job of JOB_PROBE.
 * -EBUSY where another one is under way, or -ENOMEM.
 */
int agent_start_probe(struct agent *agent, const struct agent_probe_request *request,
		      agent_done_fn fn, void *data) _must_check_ _nonnull_(1);
/* What the configuration names, or lets the controller name. */
void agent_probe_at_start(struct agent *agent) _nonnull_(1);
/* The job with this `data` goes on to its end, without a call of `fn`. */
void agent_disown_job(struct agent *agent, const void *data) _nonnull_(1);

/* Whether the blocks could be read at all so far. */
bool agent_has_looked(const struct agent *agent) _nonnull_(1);
/* The last snapshot; it includes every write of memonlined. */
const struct snapshot *agent_snapshot(const struct agent *agent) _nonnull_(1);
/* The same, after a new scan unless the events show that nothing has changed. */
const struct snapshot *agent_look(struct agent *agent) _nonnull_(1);
struct journal *agent_journal(const struct agent *agent) _nonnull_(1);
/* The guest's memory went back in time, or is a copy: its numbers may be others' too. `why` is logged. */
void agent_begin_instance(struct agent *agent, const char *why) _nonnull_(1);
const struct config *agent_config(const struct agent *agent) _nonnull_(1);
const char *agent_source_name(const struct agent *agent)
	_nonnull_(1); /* "udev", "kernel" or "none" */
const char *agent_kernel_release(const struct agent *agent) _nonnull_(1);
/* The executor of the policy: "agent", "kernel" or "nobody". */
const char *agent_carried_out_by(const struct agent *agent) _nonnull_(1);
/* The same, and with which settings of the kernel. */
const struct executor *agent_executor(const struct agent *agent) _nonnull_(1);
struct root *agent_root(const struct agent *agent) _nonnull_(1);
/* As channel_port_error(); *name is NULL if there is no port to open. */
int agent_port_error(const struct agent *agent, const char **name) _nonnull_(1);
/* A write that the kernel has not come back from for a second or more. */
struct agent_held_up {
	uint64_t index; /* of the block */
	const char *word; /* the value that is written, or "probe" */
	uint64_t elapsed_usec;
	/* A block that somebody is taking offline meanwhile; UINT64_MAX: none was seen. */
	uint64_t going_offline;
};
/* false: there is none. */
bool agent_held_up(const struct agent *agent, struct agent_held_up *held_up) _nonnull_(1);
/* Writes still to be done. */
size_t agent_pending(const struct agent *agent) _nonnull_(1);
size_t agent_failed_blocks(const struct agent *agent) _nonnull_(1);

#endif
