/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_AGENT_H
#define MEMONLINE_AGENT_H

/*
 * The conductor: a wake-up becomes a snapshot, the snapshot verdicts, the verdicts a plan, the
 * plan writes, the writes reports. The only place where a decision meets an effect.
 */

#include "core/config.h"
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
	 * The kernel's own events where those of `source` come through udevd, which may die with
	 * what it was told: read some time after the first, when most of them are old news. NULL:
	 * none.
	 */
	struct source *backup_source;
	unsigned backup_msec; /* that time; 0: three seconds */
	struct journal *journal; /* with what an agent before this one left in it */
	struct intent *intent; /* likewise; NULL: nothing outlives this process */
	/* In place of this machine's I/O ports; NULL: these. */
	const struct firmware_ports *ports;
	void *ports_data;
	/* New reports are in the journal. May be NULL. */
	void (*reported)(void *data);
	/* How long nothing may change for a burst to be over, where that matters; 0: half a second. */
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
			bool dry_run);
void agent_free(struct agent *agent); /* accepts NULL */

/* Look at the blocks as soon as the loop comes round: at start, after a new configuration, … */
void agent_wake(struct agent *agent);
/* Another policy: refused blocks get another chance. `config` replaces the one before. */
void agent_configure(struct agent *agent, const struct config *config);

/* One step of the work: a look or a write. false: nothing left to do. For the loop and for tests. */
bool agent_step(struct agent *agent);
/* An event arrived. Old news, already in the snapshot, wakes nobody. */
void agent_event(struct agent *agent, const struct uevent *event);

/*
 * Carries out `job` once the writes in hand are done; the agent owns it from here on. `fn` is
 * called once, from the loop, with the job as it ended. -EBUSY where another one is under way; the
 * job is the caller's still then.
 */
typedef void (*agent_done_fn)(const struct job *job, void *data);
int agent_start_job(struct agent *agent, struct job *job, agent_done_fn fn, void *data);
/* From here on `fn` is told, with the job's `data`, of each of its writes that is over. */
void agent_watch_job(struct agent *agent, agent_done_fn fn);
struct agent_probe_request {
	bool has_devices; /* false: the configuration says who names them */
	const struct device *devices;
	size_t count;
	bool dry_run; /* decide and tell, write nothing */
};
/*
 * Probes what is named and passes core/probe; `fn` is called as above, with a job of JOB_PROBE.
 * -EBUSY where another one is under way, or -ENOMEM.
 */
int agent_start_probe(struct agent *agent, const struct agent_probe_request *request,
		      agent_done_fn fn, void *data);
/* What the configuration names, or lets the controller name. */
void agent_probe_at_start(struct agent *agent);
/* The job with this `data` goes on to its end, but nobody is told. */
void agent_disown_job(struct agent *agent, const void *data);

/* Whether the blocks could be read at all so far. */
bool agent_has_looked(const struct agent *agent);
/* What was last seen; up to date with every write of the agent's own. */
const struct snapshot *agent_snapshot(const struct agent *agent);
/* Likewise, after a new look where the events do not say that nothing has changed. */
const struct snapshot *agent_look(struct agent *agent);
struct journal *agent_journal(const struct agent *agent);
/* The guest's memory went back in time, or is a copy: its numbers may be others' too. `why` is logged. */
void agent_begin_instance(struct agent *agent, const char *why);
const struct config *agent_config(const struct agent *agent);
const char *agent_source_name(const struct agent *agent); /* "udev", "kernel" or "none" */
const char *agent_kernel_release(const struct agent *agent);
/* "agent", "kernel" or "nobody": who carries the policy out. */
const char *agent_carried_out_by(const struct agent *agent);
/* The same, and with which settings of the kernel. */
const struct executor *agent_executor(const struct agent *agent);
struct root *agent_root(const struct agent *agent);
/* As channel_port_error(); *name is NULL where there is no port to open. */
int agent_port_error(const struct agent *agent, const char **name);
/* A write that the kernel has not come back from for a second or more. */
struct agent_held_up {
	uint64_t index; /* of the block */
	const char *word; /* what is written, or "probe" */
	uint64_t elapsed_usec;
	/* A block that somebody is taking offline meanwhile; UINT64_MAX: none was seen. */
	uint64_t going_offline;
};
/* false: there is none. */
bool agent_held_up(const struct agent *agent, struct agent_held_up *held_up);
/* Writes still to be done. */
size_t agent_pending(const struct agent *agent);
size_t agent_failed_blocks(const struct agent *agent);

#endif
