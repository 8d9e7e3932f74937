/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/agent.h"
#include "daemon/runtime.h"
#include "daemon/session.h"
#include "io/channel.h"
#include "io/machine.h"
#include "io/udevd.h"

/*
 * The daemon from its start to its end, as daemon/main.c has it, and the service manager that
 * starts it again. What it has stored in /run outlives it; between any two stores it may be killed.
 */
#define RESTART_USEC 100000
#define INTENT_BLOCKS 256
#define MARKS 256
#define SOCKET "/run/memonline/memonlined.sock"

static struct {
	bool up, starting, ending, hangup;
	bool waiting; /* to be started again */
	struct loop *loop;
	struct sysfs *sysfs;
	struct root *root;
	struct source *source, *backup;
	bool is_opening, has_files; /* it reads the files in /run, has read them */
	struct runtime *runtime;
	struct journal *journal;
	struct agent *agent;
	struct monitors *monitors;
	struct sessions *sessions;
	struct channel *channel;
} life;

struct journal *life_journal(void)
{
	return life.up ? life.journal : NULL;
}

const struct agent *life_agent(void)
{
	return life.agent;
}

uint64_t life_sum(void)
{
	return life.up | (uint64_t)life.starting << 1 | (uint64_t)life.waiting << 2;
}

bool life_is_there(void)
{
	return life.has_files || life.is_opening;
}

bool life_has_files(void)
{
	return life.has_files;
}

bool life_is_up(void)
{
	return life.up && !life.hangup && !life.ending;
}

uint64_t life_due(void)
{
	return life.up ? sim_loop_due(life.loop) : UINT64_MAX;
}

static void start_again(uint32_t a, uint32_t b)
{
	(void)a;
	(void)b;
	/* It holds the lock on its files until the kernel lets it end. */
	if (writer_is_busy()) {
		sim_later(50000, start_again, 0, 0);
		return;
	}
	life.waiting = false;
	if (!life.up)
		life.starting = true;
}

void life_add_to_snapshot(void)
{
	snapshot_add(&life, sizeof(life));
}

void life_begin(void)
{
	memset(&life, 0, sizeof(life));
	files_begin();
	life.starting = true;
}

void life_drop(void)
{
	bool was_up = life.up || life.starting;

	life.up = life.starting = life.ending = life.hangup = false;
	life.agent = NULL;
	sim_memory_reset();
	events_close();
	port_agent_gone();
	writer_agent_gone();
	kernel_agent_forgot();
	host_excuse();
	oracle_dropped();
	life.has_files = life.is_opening = false;
	files_agent_gone();
	if (sim_plant("wishes"))
		files_lose_blocks();
	if (was_up && !life.waiting) {
		life.waiting = true;
		sim_later(RESTART_USEC, start_again, 0, 0);
	}
}

/* --- from its start to its end */

static void reported(void *data)
{
	(void)data;
	if (life.sessions)
		sessions_push(life.sessions);
}

static bool open_memory(void)
{
	static char boot_id[MACHINE_BOOT_ID_SIZE];
	struct runtime_options options = {
		.root = "/",
		.boot_id = boot_id,
		.journal = { 256, 1024, MARKS },
		.blocks = INTENT_BLOCKS,
	};

	machine_read_boot_id(life.root, boot_id);
	life.is_opening = true;
	life.runtime = runtime_open(&options);
	life.is_opening = false;
	if (!life.runtime)
		return false;
	life.has_files = true;
	life.journal = runtime_journal(life.runtime);
	if (files_were_lost())
		oracle_skip_reports(journal_last(life.journal));
	return true;
}

static void open_sources(void)
{
	if (!udevd_runs(life.root)) {
		life.source = source_open_kernel(0);
		return;
	}
	life.source = source_open_udev(0);
	life.backup = source_open_kernel(0);
}

static bool open_agent(void)
{
	struct agent_edges edges;

	memset(&edges, 0, sizeof(edges));
	edges.loop = life.loop;
	edges.sysfs = life.sysfs;
	edges.root = life.root;
	edges.source = life.source;
	edges.backup_source = life.backup;
	edges.journal = life.journal;
	edges.intent = runtime_intent(life.runtime);
	edges.reported = reported;
	life.agent = agent_new(&sim.config, &edges, false);
	if (!life.agent)
		return false;
	life.monitors = monitors_new(life.loop, life.root);
	if (life.monitors)
		life.sessions = sessions_new(life.agent, life.monitors);
	if (life.sessions)
		life.channel = channel_new(life.loop, &sessions_handler, life.sessions);
	return life.channel &&
	       channel_open_port(life.channel, "/", sim.config.port) == 0 &&
	       runtime_watch(life.runtime, life.loop, life.channel, SOCKET) == 0;
}

static bool open_all(void)
{
	life.loop = loop_new();
	life.sysfs = sysfs_new(&sim_sysfs_operations, NULL);
	life.root = root_open("/");
	life.source = life.backup = NULL;
	life.sessions = NULL;
	life.channel = NULL;
	if (!life.loop || !life.sysfs || !open_memory())
		return false;
	open_sources();
	return open_agent();
}

static void start(void)
{
	sim_trace("agent starts");
	sim.in_agent = true;
	if (!open_all()) {
		sim.in_agent = false;
		sim_trace("agent cannot start");
		life_drop();
		return;
	}
	agent_wake(life.agent);
	agent_probe_at_start(life.agent);
	while (agent_step(life.agent))
		;
	sim.in_agent = false;
	life.starting = false;
	life.up = true;
}

static void end(void)
{
	sim.in_agent = true;
	channel_free(life.channel);
	sessions_free(life.sessions);
	monitors_free(life.monitors);
	agent_free(life.agent);
	runtime_close(life.runtime);
	source_close(life.source);
	source_close(life.backup);
	sysfs_close(life.sysfs);
	loop_free(life.loop);
	sim.in_agent = false;
	sim_trace("agent has ended");
	life_drop();
	oracle_ended();
}

static void hang_up(void)
{
	static const enum config_policy policies[] = {
		CONFIG_POLICY_ONLINE,	      CONFIG_POLICY_ONLINE_MOVABLE,
		CONFIG_POLICY_ONLINE_KERNEL,  CONFIG_POLICY_KEEP,
		CONFIG_POLICY_ONLINE_MOVABLE,
	};

	life.hangup = false;
	sim.config.policy = policies[sim_draw(5)];
	sim_trace("policy is %s", config_policy_text(sim.config.policy));
	sim.in_agent = true;
	agent_configure(life.agent, &sim.config);
	runtime_restore(life.runtime);
	sim.in_agent = false;
}

bool life_turn(void)
{
	bool any;

	if (life.starting) {
		start();
		return true;
	}
	if (!life.up)
		return false;
	if (life.ending) {
		end();
		return true;
	}
	if (life.hangup) {
		hang_up();
		return true;
	}
	sim.in_agent = true;
	any = sim_loop_round(life.loop);
	if (!any) {
		kernel_agent_went_on();
		/* What came before its first scan was there at boot, for all that it knows. */
		if (agent_has_looked(life.agent))
			oracle_rest();
	}
	sim.in_agent = false;
	if (any) {
		sim.wakeups++;
		oracle_reports();
	}
	return any;
}

/* --- what befalls it */

static void kill_again(uint32_t a, uint32_t b)
{
	(void)a;
	(void)b;
	life_kill();
}

/* Now and then the next one soon after its start, too. */
void life_kill(void)
{
	if (!life.up && !life.starting)
		return;
	sim_trace("agent is killed");
	if (sim_one_in(3))
		sim_later(RESTART_USEC + sim_draw(4000), kill_again, 0, 0);
	longjmp(sim.base, SIM_LEAVE_KILLED);
}

/* The world goes on, and the agent does not. */
void life_stop(void)
{
	static const uint32_t below[] = { 1000, 100000, 4000000 };
	uint64_t usec = sim_draw(below[sim_draw(3)]);

	sim_trace("agent is stopped");
	sim_pass(usec);
	sim_trace("agent goes on");
}

void life_end(void)
{
	life.ending = life.up;
}

void life_hangup(void)
{
	life.hangup = life.up;
}
