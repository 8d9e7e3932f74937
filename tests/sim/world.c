/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#define TASKS_MAX 1024
#define SETTLE_USEC 300000000ull /* within which all must be quiet */
#define SHORT_USEC 120000000 /* of them without memory */

struct sim_world sim;

struct task {
	uint64_t due_usec, order;
	sim_task_fn fn;
	uint32_t a, b;
};
static struct task tasks[TASKS_MAX];
static size_t task_count;
static uint64_t task_order, task_due = UINT64_MAX;

/* --- chance */

static uint64_t next_random(void)
{
	uint64_t z = (sim.random += 0x9e3779b97f4a7c15ull);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

uint32_t sim_draw(uint32_t below)
{
	return (uint32_t)((next_random() >> 32) * below >> 32);
}

bool sim_one_in(uint32_t many)
{
	return sim_draw(many) == 0;
}

bool sim_plant(const char *name)
{
	return sim.options.plant && strcmp(sim.options.plant, name) == 0;
}

/* --- what is said */

void sim_trace(const char *format, ...)
{
	va_list arguments;

	if (!sim.options.trace)
		return;
	printf("%7llu %11llu ", (unsigned long long)sim.steps,
	       (unsigned long long)sim.now_usec);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}

void sim_fail(const char *oracle, const char *format, ...)
{
	char what[200];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof(what), format, arguments);
	va_end(arguments);
	sim_trace("FAULT %s: %s", oracle, what);
	if (sim.failed)
		return;
	sim.failed = true;
	snprintf(sim.fault, sizeof(sim.fault), "%s: %s", oracle, what);
}

/* --- what is due later */

static void find_due(void)
{
	size_t i;

	task_due = UINT64_MAX;
	for (i = 0; i < task_count; i++)
		if (tasks[i].due_usec < task_due)
			task_due = tasks[i].due_usec;
}

void sim_later(uint64_t after_usec, sim_task_fn fn, uint32_t a, uint32_t b)
{
	struct task *task = &tasks[task_count];

	if (task_count == TASKS_MAX) {
		sim_fail("simulator", "more than %d tasks", TASKS_MAX);
		return;
	}
	task_count++;
	task->due_usec = sim.now_usec + after_usec;
	task->order = task_order++;
	task->fn = fn;
	task->a = a;
	task->b = b;
	if (task->due_usec < task_due)
		task_due = task->due_usec;
}

static void run_task(void)
{
	struct task *first = tasks, task;
	size_t i;

	for (i = 1; i < task_count; i++)
		if (tasks[i].due_usec < first->due_usec ||
		    (tasks[i].due_usec == first->due_usec &&
		     tasks[i].order < first->order))
			first = &tasks[i];
	task = *first;
	*first = tasks[--task_count];
	find_due();
	sim.steps++;
	task.fn(task.a, task.b);
}

void sim_add_to_snapshot(void)
{
	snapshot_add(tasks, task_count * sizeof(tasks[0]));
	snapshot_add(&task_count, sizeof(task_count));
	snapshot_add(&task_due, sizeof(task_due));
	snapshot_add(&sim.now_usec, sizeof(sim.now_usec));
	snapshot_add(&sim.wall_offset_usec, sizeof(sim.wall_offset_usec));
	snapshot_add(&sim.config, sizeof(sim.config));
}

bool sim_is_calm(void)
{
	return task_count == 0;
}

/* --- the script */

static void end_shortage(uint32_t a, uint32_t b)
{
	(void)a;
	(void)b;
	sim_memory_fail(0, 0);
}

static void settle(void)
{
	host_settles();
	/* It ends some time, and then all must be well. */
	if (sim_memory_is_short())
		sim_later(sim_draw(SHORT_USEC), end_shortage, 0, 0);
	sim.settling = true;
	sim.settle_until_usec = sim.now_usec + SETTLE_USEC;
}

static void step_clock(void)
{
	static const int64_t steps[] = { 86400000000, -86400000000, 1000000,
					 -3600000000 };

	sim.wall_offset_usec += steps[sim_draw(4)];
}

/* Few calls fail, or all for some time: the host gives some then, as for want of it. */
static void run_out_of_memory(void)
{
	if (sim_one_in(2)) {
		sim_memory_fail(sim_draw(40), 1 + sim_draw(3));
		return;
	}
	sim_memory_fail(sim_draw(4), 1 + sim_draw(100));
	device_plug();
}

/* It is put back after some events. */
static void want_snapshot(void)
{
	if (sim.snapshot_wanted || snapshot_is_taken())
		return;
	sim.snapshot_wanted = true;
	sim.revert_at = sim.script_next + sim_draw(12);
	sim.revert = (enum sim_revert)(SIM_REVERT_TOLD + sim_draw(2));
	/* Linux tells of it from 6.10 on. */
	if (sim.model == SIM_6_12 && sim_one_in(2))
		sim.revert = SIM_REVERT_GENERATION;
}

static void (*const actions[SIM_EVENT_KINDS])(void) = {
	[SIM_PLUG] = device_plug,
	[SIM_UNPLUG] = device_unplug,
	[SIM_GROW] = device_grow,
	[SIM_OPERATOR] = operator_acts,
	[SIM_REFUSE] = device_refuse,
	[SIM_KILL] = life_kill,
	[SIM_STOP] = life_stop,
	[SIM_END] = life_end,
	[SIM_HANGUP] = life_hangup,
	[SIM_UDEVD] = events_udevd,
	[SIM_HOST_COMES] = host_comes,
	[SIM_HOST_LEAVES] = host_leaves,
	[SIM_HOST_FOLLOWS] = host_follows,
	[SIM_HOST_ASKS] = host_asks,
	[SIM_HOST_STALLS] = host_stalls,
	[SIM_CLOCK] = step_clock,
	[SIM_FILES] = files_befall,
	[SIM_SHORTAGE] = run_out_of_memory,
	[SIM_PORT] = port_plug,
	[SIM_SNAPSHOT] = want_snapshot,
	[SIM_SETTLE] = settle,
};

const char *const sim_event_names[SIM_EVENT_KINDS] = {
	"plug",	      "unplug",	     "grow",	     "operator",  "refuse",
	"kill",	      "stop",	     "end",	     "hangup",	  "udevd",
	"host-comes", "host-leaves", "host-follows", "host-asks", "host-stalls",
	"clock",      "files",	     "shortage",     "port",	  "snapshot",
	"settle",
};

static void run_event(void)
{
	const struct sim_event *event = &sim.script[sim.script_next++];

	sim.steps++;
	if (sim.script_next < sim.script_count)
		sim.script_due_usec = sim.now_usec + sim.script[sim.script_next].gap_usec;
	sim.random = event->random;
	sim_trace("event %zu %s", sim.script_next - 1, sim_event_names[event->kind]);
	oracle_event();
	if (snapshot_is_taken() && sim.script_next > sim.revert_at)
		longjmp(sim.base, SIM_LEAVE_REVERTED);
	actions[event->kind]();
}

static uint64_t script_due(void)
{
	return sim.settling || sim.script_next == sim.script_count ? UINT64_MAX
								   : sim.script_due_usec;
}

/* All that is due by now, in its order. */
static void run_due(void)
{
	while (!sim.failed) {
		if (task_due <= sim.now_usec && task_due <= script_due())
			run_task();
		else if (script_due() <= sim.now_usec)
			run_event();
		else
			return;
	}
}

static void pass_until(uint64_t usec)
{
	while (!sim.failed) {
		uint64_t due = task_due < script_due() ? task_due : script_due();

		if (due > usec)
			break;
		if (due > sim.now_usec)
			sim.now_usec = due;
		run_due();
	}
	if (usec > sim.now_usec)
		sim.now_usec = usec;
}

void sim_pass(uint64_t usec)
{
	bool in_agent = sim.in_agent;

	sim.in_agent = false;
	pass_until(sim.now_usec + usec);
	sim.in_agent = in_agent;
	if (in_agent && sim.failed)
		longjmp(sim.base, SIM_LEAVE_FAILED);
}

void sim_point(const char *what, uint64_t cost_usec)
{
	sim.steps++;
	if (!sim.in_agent)
		return;
	if (sim.options.small) {
		small_point(what);
		cost_usec = 0;
	}
	if (sim.options.trace) {
		sim.in_agent = false;
		sim_trace("  agent %s", what);
		sim.in_agent = true;
	}
	oracle_work();
	if (sim_plant("leak"))
		sim_memory_leak();
	if (sim.failed || sim.now_usec + cost_usec >= task_due ||
	    sim.now_usec + cost_usec >= script_due())
		sim_pass(cost_usec);
	else
		sim.now_usec += cost_usec;
}

/* --- a world from its beginning to its end */

static const struct {
	enum sim_event_kind kind;
	unsigned weight;
} weights[] = {
	{ SIM_PLUG, 20 },	 { SIM_UNPLUG, 12 },	{ SIM_GROW, 12 },
	{ SIM_OPERATOR, 12 },	 { SIM_REFUSE, 6 },	{ SIM_KILL, 10 },
	{ SIM_STOP, 4 },	 { SIM_END, 3 },	{ SIM_HANGUP, 4 },
	{ SIM_UDEVD, 4 },	 { SIM_HOST_COMES, 8 }, { SIM_HOST_LEAVES, 4 },
	{ SIM_HOST_FOLLOWS, 6 }, { SIM_HOST_ASKS, 20 }, { SIM_HOST_STALLS, 2 },
	{ SIM_CLOCK, 2 },	 { SIM_FILES, 2 },	{ SIM_SHORTAGE, 2 },
	{ SIM_PORT, 3 },	 { SIM_SNAPSHOT, 1 },	{ SIM_SETTLE, 8 },
};
#define WEIGHTS (sizeof(weights) / sizeof(weights[0]))

static enum sim_event_kind draw_kind(void)
{
	unsigned sum = 0, drawn, i;

	for (i = 0; i < WEIGHTS; i++)
		if (sim.options.features & (1u << weights[i].kind))
			sum += weights[i].weight;
	drawn = sim_draw(sum);
	for (i = 0; i < WEIGHTS; i++) {
		if (!(sim.options.features & (1u << weights[i].kind)))
			continue;
		if (drawn < weights[i].weight)
			return weights[i].kind;
		drawn -= weights[i].weight;
	}
	return SIM_SETTLE;
}

/* From within one system call to seconds, each as often. */
static uint32_t draw_gap(void)
{
	static const uint32_t below[] = { 30, 300, 3000, 30000, 300000, 3000000 };

	return sim_draw(below[sim_draw(6)]);
}

void sim_make_script(uint64_t seed, size_t events)
{
	size_t i;

	sim.random = seed * 0xd1342543de82ef95ull + 1;
	sim.script_count = events;
	for (i = 0; i < events; i++) {
		sim.script[i].kind = draw_kind();
		sim.script[i].gap_usec = draw_gap();
		sim.script[i].random = (uint32_t)next_random();
	}
}

static void draw_world(void)
{
	static const enum config_policy policies[] = { CONFIG_POLICY_ONLINE,
						       CONFIG_POLICY_ONLINE_MOVABLE,
						       CONFIG_POLICY_ONLINE_KERNEL,
						       CONFIG_POLICY_ONLINE_MOVABLE };

	sim.model = sim.options.model;
	if (sim.model == SIM_MODELS)
		sim.model = (enum sim_model)sim_draw(SIM_MODELS);
	config_defaults(&sim.config);
	sim.config.policy = policies[sim_draw(4)];
	sim.config.journal_reports = 256;
	sim.config.log_level = CONFIG_LOG_DEBUG;
}

void sim_begin(uint64_t seed, const struct sim_options *options)
{
	memset(&sim, 0, sizeof(sim));
	sim.options = *options;
	sim.random = seed;
	sim.now_usec = 10000000;
	task_count = 0;
	task_due = UINT64_MAX;
	draw_world();
	sim_memory_reset();
	snapshot_begin();
	kernel_begin();
	writer_begin();
	events_begin();
	port_begin();
	hosts_begin();
	oracle_begin();
	life_begin();
}

static bool is_quiet(void)
{
	return life_is_up() && sim_is_calm() && life_due() == UINT64_MAX && port_calm();
}

/* Nothing can be done now: time passes. */
static void idle(void)
{
	uint64_t due = task_due < script_due() ? task_due : script_due();

	if (life_due() < due)
		due = life_due();
	if (sim.settling && is_quiet()) {
		sim.settling = false;
		sim_trace("settled");
		oracle_settled();
		if (sim.script_next < sim.script_count)
			sim.script_due_usec =
				sim.now_usec + sim.script[sim.script_next].gap_usec;
		return;
	}
	if (sim.settling && due > sim.settle_until_usec) {
		sim_fail("quiet", "no rest within %llu s", SETTLE_USEC / 1000000);
		return;
	}
	if (due == UINT64_MAX)
		return;
	pass_until(due);
}

static void take_snapshot(void)
{
	sim.snapshot_wanted = false;
	snapshot_take();
}

static void put_back(void)
{
	host_reverts();
	snapshot_put_back();
	/* No two runs of a guest take the same microseconds. */
	sim.wall_offset_usec += 1 + sim_draw(1000000);
	host_reverted();
}

static void play(void)
{
	while (!sim.failed) {
		if (sim.snapshot_wanted)
			take_snapshot();
		if (sim.script_next == sim.script_count && !sim.settling) {
			if (sim.script_due_usec == UINT64_MAX)
				return;
			sim.script_due_usec = UINT64_MAX;
			settle();
		}
		if (!life_turn())
			idle();
	}
}

bool sim_run(void)
{
	int left;

	sim.script_due_usec = sim.now_usec + sim.script[0].gap_usec;
	left = setjmp(sim.base);
	if (left) {
		sim.in_agent = false;
		if (left == SIM_LEAVE_REVERTED)
			put_back();
		else
			life_drop();
	}
	if (left != SIM_LEAVE_KNOWN)
		play();
	sim.in_agent = false;
	life_drop();
	return !sim.failed;
}

/* In the library's place. NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	int64_t usec = 1700000000000000 + (int64_t)sim.now_usec + sim.wall_offset_usec;

	(void)zone;
	now->tv_sec = usec / 1000000;
	now->tv_usec = usec % 1000000;
	return 0;
}
