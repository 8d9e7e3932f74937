/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/agent-private.h"

/*
 * Two DIMMs of three blocks, and every interleaving of a few events with what the daemon does. Time
 * stands still while it works, so that what is the same is found to be: a world is played from its
 * beginning, and given up where it is as one before it was with as many events left.
 */
#define EVENTS_MAX 6
#define SEEN_SIZE (1ul << 22)
#define FIRST SIM_FIRST_SLOT
#define SECOND (SIM_FIRST_SLOT + SIM_SLOT_BLOCKS)
#define DIMM_BLOCKS 3

/* --- the events */

static void plug_first(void)
{
	device_add_whole(0, DIMM_BLOCKS);
}

static void plug_second(void)
{
	device_add_whole(1, DIMM_BLOCKS);
}

static void unplug_first(void)
{
	device_remove_whole(0);
}

static void unplug_second(void)
{
	device_remove_whole(1);
}

static void begin_offlining(void)
{
	operator_begins(FIRST + 1);
}

static void end_offlining(void)
{
	operator_ends(FIRST + 1, true);
}

static void give_offlining_up(void)
{
	operator_ends(FIRST + 1, false);
}

static void online_by_hand(void)
{
	operator_onlines(FIRST + 1);
}

static void refuse_once(void)
{
	kernel.blocks[SECOND].refuse = 16; /* EBUSY */
	kernel.blocks[SECOND].refuse_times = 1;
}

static void kill_agent(void)
{
	longjmp(sim.base, SIM_LEAVE_KILLED);
}

/* --- and when they mean something */

/* Where one went that the daemon has not heard of none comes: that takes longer than a scan. */
static bool first_may_come(void)
{
	return !kernel.slots[0].plugged && !kernel.locked && !events_any_removal();
}

static bool second_may_come(void)
{
	return !kernel.slots[1].plugged && !kernel.locked && !events_any_removal();
}

static bool first_may_go(void)
{
	return kernel.slots[0].plugged && !kernel.locked;
}

static bool second_may_go(void)
{
	return kernel.slots[1].plugged && !kernel.locked;
}

static bool is_online(void)
{
	return kernel.blocks[FIRST + 1].state == BLOCK_ONLINE && !kernel.locked;
}

static bool is_going(void)
{
	return kernel.blocks[FIRST + 1].state == BLOCK_GOING_OFFLINE;
}

static bool is_offline(void)
{
	return kernel.blocks[FIRST + 1].state == BLOCK_OFFLINE && !kernel.locked;
}

static bool may_refuse(void)
{
	return !kernel.blocks[SECOND].refuse_times;
}

static bool agent_is_there(void)
{
	return life_agent() != NULL;
}

static const struct {
	const char *name;
	bool (*is_possible)(void);
	void (*fn)(void);
} alphabet[] = {
	{ "plug-1", first_may_come, plug_first },
	{ "plug-2", second_may_come, plug_second },
	{ "unplug-1", first_may_go, unplug_first },
	{ "unplug-2", second_may_go, unplug_second },
	{ "offlining", is_online, begin_offlining },
	{ "offline", is_going, end_offlining },
	{ "not-offline", is_going, give_offlining_up },
	{ "online", is_offline, online_by_hand },
	{ "refuse", may_refuse, refuse_once },
	{ "kill", agent_is_there, kill_agent },
};
#define EVENT_KINDS (sizeof(alphabet) / sizeof(alphabet[0]))

/* --- what the world is like, but for its time and what was reported */

static uint64_t sum;

static void add(uint64_t value)
{
	sum = (sum ^ value) * 0x9e3779b97f4a7c15ull;
	sum ^= sum >> 29;
}

static void add_kernel(void)
{
	unsigned i;

	for (i = FIRST; i < SECOND + DIMM_BLOCKS; i++) {
		const struct sim_block *block = &kernel.blocks[i];

		add(block->present | block->linked << 1 | block->seen_online << 2 |
		    block->read_online << 3 | block->listed << 4 | block->state << 8 |
		    block->zone << 16 | block->wish << 24 |
		    (uint64_t)block->refuse_times << 32);
	}
	add(kernel.locked | (unsigned)kernel.auto_online << 1);
}

static void add_snapshot(const struct snapshot *snapshot)
{
	size_t i;

	for (i = 0; i < snapshot->count; i++) {
		const struct block *block = &snapshot->blocks[i];

		if (block->index < FIRST)
			continue;
		add(block->index | block->state << 8 | block->marks << 16 |
		    (uint64_t)block->reason << 24 | (uint64_t)block->known << 32 |
		    (uint64_t)block->is_doubted << 40 |
		    (uint64_t)block->offline_reported << 41 |
		    (uint64_t)block->is_told << 42 | (uint64_t)block->unreported << 43 |
		    (uint64_t)(block->slot != 0) << 44 |
		    (uint64_t)(block->identity == kernel.blocks[block->index].identity)
			    << 45);
	}
}

static void add_schedule(const struct schedule *schedule)
{
	add(schedule->state | schedule->scan_wanted << 8 | schedule->has_written << 9 |
	    schedule->is_reported << 10 | schedule->may_advance << 11 |
	    schedule->is_refused << 12 | schedule->is_unsettled << 13 |
	    schedule->has_moved << 14 | (schedule->rescan_usec != 0) << 15 |
	    (schedule->announced_usec != 0) << 16 | (schedule->retry_usec != 0) << 17 |
	    (schedule->settled_usec != 0) << 18 | (schedule->rest_usec != 0) << 19 |
	    (schedule->announce_until_usec != 0) << 20 | schedule->retry_attempt << 24);
}

static void add_agent(const struct agent *agent)
{
	size_t i;

	add_schedule(&agent->schedule);
	add_snapshot(&agent->now);
	add_snapshot(&agent->next);
	for (i = agent->plan.next; i < agent->plan.count; i++)
		add(agent->plan.writes[i].index | agent->plan.writes[i].word << 8);
	for (i = 0; i < agent->builder.count; i++) {
		const struct report_range *range = &agent->builder.entries[i].range;

		add(range->start / SIM_BLOCK_BYTES | range->size / SIM_BLOCK_BYTES << 16 |
		    (uint64_t)range->from << 32 | (uint64_t)range->to << 40 |
		    (uint64_t)range->reason << 48);
	}
	add(agent->has_newcomer | agent->is_ahead << 1 | agent->scanned_once << 2 |
	    agent->reports_new << 3 | agent->history.any_gone << 4 |
	    (uint64_t)agent->writing.purpose << 8 | agent->newcomer << 32);
}

static uint64_t sum_up(const char *what)
{
	sum = (unsigned char)what[0] | (uint64_t)(unsigned char)what[1] << 8;
	add_kernel();
	sum ^= events_sum() ^ oracle_sum() ^ life_sum() ^ writer_sum();
	if (life_agent())
		add_agent(life_agent());
	return sum;
}

/* --- what has been seen */

static uint64_t *seen;
static uint64_t seen_count;

/* true: for the first time. Worlds with fewer events come first. */
static bool note(uint64_t value)
{
	size_t at = value % SEEN_SIZE;

	while (seen[at] && seen[at] != value)
		at = (at + 1) % SEEN_SIZE;
	if (seen[at])
		return false;
	if (++seen_count > SEEN_SIZE / 4 * 3) {
		fputs("sim: too many states\n", stderr);
		exit(2);
	}
	seen[at] = value;
	return true;
}

/* --- the worlds */

struct path {
	uint16_t points[EVENTS_MAX]; /* at which the event comes */
	uint8_t events[EVENTS_MAX];
};

static struct {
	struct path *worlds, *next;
	size_t count, next_count, room;
	const struct path *path;
	unsigned depth, depth_max;
	unsigned done; /* of the path's events */
	unsigned point;
	uint64_t played;
} small;

static void keep(unsigned event)
{
	struct path *path;

	if (small.next_count == small.room) {
		small.room = small.room ? small.room * 2 : 4096;
		small.next = realloc(small.next, small.room * sizeof(*small.next));
		if (!small.next)
			exit(2);
	}
	path = &small.next[small.next_count++];
	*path = *small.path;
	path->points[small.depth] = (uint16_t)small.point;
	path->events[small.depth] = (uint8_t)event;
}

/* Everything that may happen here begins a world of its own; false: all of them are known. */
static bool branch(const char *what)
{
	unsigned i;

	if (!note(sum_up(what)))
		return false;
	for (i = 0; i < EVENT_KINDS && small.depth < small.depth_max; i++)
		if (alphabet[i].is_possible())
			keep(i);
	return true;
}

static void happen(void)
{
	unsigned event = small.path->events[small.done++];

	sim_trace("event %s", alphabet[event].name);
	oracle_event();
	alphabet[event].fn();
}

void small_point(const char *what)
{
	static const char *const points[] = { "comes round", "reads the nodes",
					      "hands a write over", "takes the result",
					      "starts a worker" };
	bool in_agent = sim.in_agent;
	size_t i;

	for (i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		if (strcmp(what, points[i]) == 0)
			break;
	if (i == sizeof(points) / sizeof(points[0]))
		return;
	small.point++;
	sim.in_agent = false;
	while (small.done < small.depth && small.path->points[small.done] == small.point)
		happen();
	if (small.done == small.depth && !sim.options.trace && !branch(what))
		longjmp(sim.base, SIM_LEAVE_KNOWN);
	sim.in_agent = in_agent;
}

static void print_path(const struct path *path, unsigned depth)
{
	unsigned i;

	for (i = 0; i < depth; i++)
		printf(" %s@%u", alphabet[path->events[i]].name, path->points[i]);
}

static bool play(const struct path *path, const struct sim_options *options)
{
	small.path = path;
	small.done = small.point = 0;
	small.played++;
	sim_begin(1, options);
	sim.config.policy = CONFIG_POLICY_ONLINE_MOVABLE;
	return sim_run();
}

static bool play_level(const struct sim_options *options, uint64_t *steps)
{
	struct sim_options traced = *options;
	size_t i;

	traced.trace = true;
	for (i = 0; i < small.count; i++) {
		bool passed = play(&small.worlds[i], options);

		*steps += sim.steps;
		if (passed)
			continue;
		printf("small world%s", small.depth ? " of" : "");
		print_path(&small.worlds[i], small.depth);
		printf(": %s\n", sim.fault);
		if (!options->plant)
			play(&small.worlds[i], &traced);
		return false;
	}
	return true;
}

bool small_worlds(const struct sim_options *options, unsigned events,
		  struct small_count *count)
{
	static const struct path none;
	bool passed = true;

	memset(&small, 0, sizeof(small));
	seen = calloc(SEEN_SIZE, sizeof(*seen));
	small.worlds = malloc(sizeof(none));
	if (!seen || !small.worlds)
		exit(2);
	small.worlds[0] = none;
	seen_count = 0;
	small.count = 1;
	small.depth_max = events;
	for (; passed && small.depth <= small.depth_max; small.depth++) {
		passed = play_level(options, &count->steps);
		free(small.worlds);
		small.worlds = small.next;
		small.count = small.next_count;
		small.next = NULL;
		small.next_count = small.room = 0;
	}
	free(small.worlds);
	free(seen);
	count->worlds += small.played;
	count->states += seen_count;
	return passed;
}
