/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char usage[] =
	"Usage: sim [OPTION]...\n"
	"Run memonlined in simulated worlds, one for each seed.\n\n"
	"  --seed N      the first seed; 1 where it is missing\n"
	"  --seeds N     how many\n"
	"  --steps N     as many seeds as N steps take\n"
	"  --events N    in one world\n"
	"  --kernel NAME el6, el7, 4.18, 5.14, 6.1 or 6.12; where it is missing it is drawn\n"
	"  --only LIST   of kinds of events, commas between; --without LIST: all others\n"
	"  --plant NAME  a fault in the simulated edges, which has to be found\n"
	"  --plants      each of them in turn: its own oracle has to find it\n"
	"  --small N     all worlds of two DIMMs and up to N events\n"
	"  --trace       print what happens; --log: the agent's log, too\n"
	"  --shrink      reduce a failing world to the fewest events, print its trace\n";

enum {
	OPTION_SEED = 256,
	OPTION_SEEDS,
	OPTION_STEPS,
	OPTION_EVENTS,
	OPTION_KERNEL,
	OPTION_ONLY,
	OPTION_WITHOUT,
	OPTION_PLANT,
	OPTION_PLANTS,
	OPTION_SMALL,
	OPTION_TRACE,
	OPTION_LOG,
	OPTION_SHRINK,
	OPTION_HELP
};

static const struct option long_options[] = {
	{ "seed", required_argument, NULL, OPTION_SEED },
	{ "seeds", required_argument, NULL, OPTION_SEEDS },
	{ "steps", required_argument, NULL, OPTION_STEPS },
	{ "events", required_argument, NULL, OPTION_EVENTS },
	{ "kernel", required_argument, NULL, OPTION_KERNEL },
	{ "only", required_argument, NULL, OPTION_ONLY },
	{ "without", required_argument, NULL, OPTION_WITHOUT },
	{ "plant", required_argument, NULL, OPTION_PLANT },
	{ "plants", no_argument, NULL, OPTION_PLANTS },
	{ "small", required_argument, NULL, OPTION_SMALL },
	{ "trace", no_argument, NULL, OPTION_TRACE },
	{ "log", no_argument, NULL, OPTION_LOG },
	{ "shrink", no_argument, NULL, OPTION_SHRINK },
	{ "help", no_argument, NULL, OPTION_HELP },
	{ NULL, 0, NULL, 0 },
};

static struct {
	uint64_t seed, seeds, steps;
	size_t events;
	bool shrink, plants;
	unsigned small;
	struct sim_options world;
} options = { 1,     1,	    0, 60,
	      false, false, 0, { .model = SIM_MODELS, .features = UINT32_MAX } };

static const char *const models[SIM_MODELS] = { "el6",	"el7", "4.18",
						"5.14", "6.1", "6.12" };

static void refuse(const char *what, const char *value)
{
	fprintf(stderr, "sim: %s '%s'\n", what, value);
	exit(2);
}

static enum sim_model parse_model(const char *name)
{
	int i;

	for (i = 0; i < SIM_MODELS; i++)
		if (strcmp(models[i], name) == 0)
			return (enum sim_model)i;
	refuse("unknown kernel", name);
	return SIM_MODELS;
}

static uint32_t parse_kinds(char *list)
{
	uint32_t found = 0;
	char *name;
	int i;

	for (name = strtok(list, ","); name; name = strtok(NULL, ",")) {
		for (i = 0; i < SIM_EVENT_KINDS; i++)
			if (strcmp(sim_event_names[i], name) == 0)
				break;
		if (i == SIM_EVENT_KINDS)
			refuse("unknown kind of event", name);
		found |= 1u << i;
	}
	return found;
}

static void parse_option(int option)
{
	switch (option) {
	case OPTION_SEED:
		options.seed = strtoull(optarg, NULL, 10);
		break;
	case OPTION_SEEDS:
		options.seeds = strtoull(optarg, NULL, 10);
		break;
	case OPTION_STEPS:
		options.steps = strtoull(optarg, NULL, 10);
		break;
	case OPTION_EVENTS:
		options.events = strtoull(optarg, NULL, 10);
		if (!options.events || options.events > SIM_SCRIPT_MAX)
			refuse("not from 1 to 512 events", optarg);
		break;
	case OPTION_KERNEL:
		options.world.model = parse_model(optarg);
		break;
	case OPTION_ONLY:
		options.world.features = parse_kinds(optarg);
		break;
	case OPTION_WITHOUT:
		options.world.features = ~parse_kinds(optarg);
		break;
	case OPTION_PLANT:
		options.world.plant = optarg;
		break;
	case OPTION_PLANTS:
		options.plants = true;
		break;
	case OPTION_SMALL:
		options.small = (unsigned)strtoul(optarg, NULL, 10);
		if (!options.small || options.small > 6)
			refuse("not from 1 to 6 events", optarg);
		break;
	case OPTION_TRACE:
		options.world.trace = true;
		break;
	case OPTION_LOG:
		options.world.log = true;
		break;
	case OPTION_SHRINK:
		options.shrink = true;
		break;
	default:
		fputs(usage, option == OPTION_HELP ? stdout : stderr);
		exit(option == OPTION_HELP ? 0 : 2);
	}
}

static bool run_seed(uint64_t seed)
{
	sim_begin(seed, &options.world);
	sim_make_script(seed, options.events);
	return sim_run();
}

/* --- the fewest events that fail the same way */

static struct sim_event kept[SIM_SCRIPT_MAX];
static size_t kept_count;
static char kept_oracle[32];

static bool still_fails(uint64_t seed, const struct sim_event *script, size_t count)
{
	sim_begin(seed, &options.world);
	memcpy(sim.script, script, count * sizeof(*script));
	sim.script_count = count;
	return !sim_run() && strncmp(sim.fault, kept_oracle, strlen(kept_oracle)) == 0;
}

/* Tries without `size` events from `at` on; what follows keeps its time. */
static bool try_without(uint64_t seed, size_t at, size_t size, bool keep_time)
{
	struct sim_event script[SIM_SCRIPT_MAX];
	size_t i, count = 0;
	uint32_t gap = 0;

	for (i = 0; i < kept_count; i++) {
		if (i >= at && i < at + size) {
			gap += kept[i].gap_usec;
			continue;
		}
		script[count] = kept[i];
		if (keep_time)
			script[count].gap_usec += gap;
		gap = 0;
		count++;
	}
	if (!count || !still_fails(seed, script, count))
		return false;
	memcpy(kept, script, count * sizeof(*script));
	kept_count = count;
	return true;
}

static bool shrink_once(uint64_t seed, size_t size)
{
	bool any = false;
	size_t at;

	for (at = 0; at < kept_count && kept_count > size;)
		if (try_without(seed, at, size, true) ||
		    try_without(seed, at, size, false))
			any = true;
		else
			at += size;
	return any;
}

static void shrink(uint64_t seed)
{
	bool trace = options.world.trace;
	size_t size, i;

	options.world.trace = false;
	snprintf(kept_oracle, sizeof(kept_oracle), "%.*s",
		 (int)strcspn(sim.fault, ":") + 1, sim.fault);
	/* Those after the fault are not needed. */
	kept_count = sim.script_next;
	memcpy(kept, sim.script, sizeof(kept));
	for (size = kept_count / 2; size; size /= 2)
		while (shrink_once(seed, size))
			;
	options.world.trace = true;
	printf("seed %" PRIu64 " with %zu events:", seed, kept_count);
	for (i = 0; i < kept_count; i++)
		printf(" %s+%u", sim_event_names[kept[i].kind], kept[i].gap_usec);
	putchar('\n');
	still_fails(seed, kept, kept_count);
	options.world.trace = trace;
}

/* --- small worlds */

#define SMALL_PLANT_EVENTS 4

/* A kernel with the zones of today, and one that has ZONE_MOVABLE grow downwards. */
static int find_small(void)
{
	static const enum sim_model chosen[] = { SIM_6_1, SIM_EL7 };
	struct small_count all = { 0, 0, 0 };
	bool passed = true;
	size_t i;

	options.world.small = true;
	for (i = 0; passed && i < sizeof(chosen) / sizeof(chosen[0]); i++) {
		options.world.model = chosen[i];
		passed = small_worlds(&options.world, options.small, &all);
	}
	printf("%" PRIu64 " small worlds of up to %u events, %" PRIu64 " states, %" PRIu64
	       " steps, %s\n",
	       all.worlds, options.small, all.states, all.steps,
	       passed ? "0 failed" : "1 failed");
	return !passed;
}

/* What the others must find, small worlds must as well. */
static bool find_small_plants(void)
{
	static const char *const names[] = { "events", "hushed", "wishes" };
	size_t count = sizeof(names) / sizeof(names[0]), found = 0, i;

	options.world.small = true;
	options.world.model = SIM_6_1;
	for (i = 0; i < count; i++) {
		struct small_count all = { 0, 0, 0 };

		options.world.plant = names[i];
		found += !small_worlds(&options.world, SMALL_PLANT_EVENTS, &all);
	}
	printf("%zu of %zu planted faults found in small worlds\n", found, count);
	return found == count;
}

/* --- each oracle's own fault */

#define PLANT_STEPS 1000000

static const struct {
	const char *name, *oracle, *about;
} plants[] = {
	{ "events", "place", "no event reaches the agent" },
	{ "hushed", "account", "that a block is offline is not announced" },
	{ "lost-report", "reports", "now and then a report is lost on its way" },
	{ "same-instance", "reports", "a new instance has the name of the one before" },
	{ "blind-files", "files", "that a file was removed is not announced" },
	{ "ghost", "absent", "the directory lists a block that is not there" },
	{ "unlinked", "ready", "a block has its node before it is linked" },
	{ "wishes", "operator", "what is remembered of blocks is lost with the agent" },
	{ "level-port", "work", "the port is ready for ever" },
	{ "leak", "memory", "each effect takes memory" },
	{ "restless", "quiet", "something is announced each second" },
	{ "deaf-port", "answers", "now and then a request is lost on its way" },
	{ "settings", "settings", "auto_online_blocks is not written back" },
};

static bool find_plant(size_t which)
{
	uint64_t steps = 0, seed;
	size_t len = strlen(plants[which].oracle);

	options.world.plant = plants[which].name;
	for (seed = options.seed; steps < PLANT_STEPS; seed++) {
		bool passed = run_seed(seed);

		steps += sim.steps;
		if (passed || strncmp(sim.fault, plants[which].oracle, len) != 0)
			continue;
		printf("found %s (%s): seed %" PRIu64 ", step %" PRIu64 " in all: %s\n",
		       plants[which].name, plants[which].about, seed, steps, sim.fault);
		return true;
	}
	printf("not found: %s (%s)\n", plants[which].name, plants[which].about);
	return false;
}

static int find_plants(void)
{
	size_t count = sizeof(plants) / sizeof(plants[0]), found = 0, i;

	for (i = 0; i < count; i++)
		found += find_plant(i);
	printf("%zu of %zu planted faults found\n", found, count);
	return found != count || !find_small_plants();
}

int main(int argc, char **argv)
{
	uint64_t steps = 0, seed, failed = 0;
	clock_t began = clock();
	double seconds;
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) >= 0)
		parse_option(option);
	if (options.plants)
		return find_plants();
	if (options.small)
		return find_small();
	for (seed = options.seed;
	     options.steps ? steps < options.steps : seed < options.seed + options.seeds;
	     seed++) {
		bool passed = run_seed(seed);

		steps += sim.steps;
		if (passed)
			continue;
		failed++;
		printf("seed %" PRIu64 ", kernel %s, step %" PRIu64 " (%" PRIu64
		       " in all): %s\n",
		       seed, models[sim.model], sim.steps, steps, sim.fault);
		if (options.shrink)
			shrink(seed);
		if (options.world.plant || options.shrink)
			break;
	}
	seconds = (double)(clock() - began) / CLOCKS_PER_SEC;
	if (options.world.trace)
		return failed != 0;
	printf("%" PRIu64 " worlds, %" PRIu64 " steps, %.0f steps a second, %" PRIu64
	       " failed\n",
	       seed - options.seed + (failed && (options.world.plant || options.shrink)),
	       steps, seconds > 0 ? (double)steps / seconds : 0, failed);
	return failed != 0;
}
