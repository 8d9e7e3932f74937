/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scale-rails.h"
#include "scale.h"

bool scale_trace;
const char *scale_plant;

static const struct policy *const policies[] = { &policy_core, &policy_mom,
						 &policy_proxmox, &policy_fixed,
						 &policy_oracle };
#define POLICIES (sizeof(policies) / sizeof(policies[0]))
#define ORACLE (POLICIES - 1)
#define CORE 0

static struct world world; /* of the run */

static void add(struct score *sum, const struct score *score)
{
	sum->avoidable_kills += score->avoidable_kills;
	sum->kills += score->kills;
	sum->stall_sec += score->stall_sec;
	sum->gib_hours += score->gib_hours;
	sum->changes += score->changes;
}

/* false: a rail was left. */
static bool run_seed(uint64_t seed, struct score *sums)
{
	bool good = true;
	size_t i;

	for (i = 0; i < POLICIES; i++) {
		world_run(&world, seed, policies[i]);
		add(&sums[i], &world.score);
		if (!world.failed)
			continue;
		printf("not ok seed-%" PRIu64 " second %u, %s\n", seed,
		       world.tick / TICKS_PER_SEC, world.fault);
		good = false;
	}
	return good;
}

static void print_table(const struct score *sums, double seeds)
{
	size_t i;

	printf("| policy | OOM kills where the host had memory | OOM kills | "
	       "minutes of stall | GiB-hours, oracle = 1 | changes |\n"
	       "|---|---|---|---|---|---|\n");
	for (i = 0; i < POLICIES; i++)
		printf("| %s | %.0f | %.0f | %.1f | %.2f | %.0f |\n", policies[i]->name,
		       sums[i].avoidable_kills, sums[i].kills,
		       sums[i].stall_sec / 60 / seeds,
		       sums[i].gib_hours / sums[ORACLE].gib_hours,
		       sums[i].changes / seeds);
}

/* What core/scale is for: no kill that could be helped, and less of all else than the others. */
static bool check_aim(const struct score *sums)
{
	const struct score *core = &sums[CORE];
	bool good = true;
	size_t i;

	if (core->avoidable_kills > 0) {
		printf("not ok aim %.0f kills where the host had memory\n",
		       core->avoidable_kills);
		good = false;
	}
	if (core->gib_hours > 1.25 * sums[ORACLE].gib_hours) {
		puts("not ok aim more than 1.25 times what the oracle gives");
		good = false;
	}
	for (i = CORE + 1; i < ORACLE; i++) {
		if (core->changes < sums[i].changes &&
		    core->stall_sec < sums[i].stall_sec)
			continue;
		printf("not ok aim %s changes or stalls less\n", policies[i]->name);
		good = false;
	}
	return good;
}

static bool run_seeds(uint64_t first, uint64_t count)
{
	struct score sums[POLICIES];
	bool good = true;
	uint64_t seed;

	memset(sums, 0, sizeof(sums));
	for (seed = first; seed < first + count; seed++)
		good = run_seed(seed, sums) && good;
	print_table(sums, (double)count);
	return check_aim(sums) && good;
}

/* Each fault is found within `count` seeds. */
static bool run_plants(uint64_t first, uint64_t count)
{
	bool good = true;
	uint64_t seed;
	size_t i;

	for (i = 0; rails_plants[i]; i++) {
		scale_plant = rails_plants[i];
		world.failed = false;
		for (seed = first; seed < first + count && !world.failed; seed++)
			world_run(&world, seed, &policy_core);
		printf("%s plant-%s %s\n", world.failed ? "ok" : "not ok", scale_plant,
		       world.failed ? world.fault : "was not found");
		good = good && world.failed;
	}
	return good;
}

static void trace_one(uint64_t seed)
{
	scale_trace = true;
	world_run(&world, seed, &policy_core);
	printf("%.0f kills, %.0f avoidable, %.0f s of stall, %.0f changes\n%s",
	       world.score.kills, world.score.avoidable_kills, world.score.stall_sec,
	       world.score.changes, world.fault);
}

static int usage(void)
{
	fputs("Usage: scale [--seed N] [--seeds N | --plants | --trace]\n", stderr);
	return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "seed", 1, NULL, 's' },
						 { "seeds", 1, NULL, 'n' },
						 { "plants", 0, NULL, 'p' },
						 { "trace", 0, NULL, 't' },
						 { NULL, 0, NULL, 0 } };
	uint64_t first = 1, count = 200;
	int option, what = 'n';

	while ((option = getopt_long(argc, argv, "", options, NULL)) >= 0) {
		if (option == 's')
			first = strtoull(optarg, NULL, 10);
		else if (option == 'n')
			count = strtoull(optarg, NULL, 10);
		else if (option == '?')
			return usage();
		else
			what = option;
	}
	if (what == 't') {
		trace_one(first);
		return EXIT_SUCCESS;
	}
	return (what == 'p' ? run_plants(first, count) : run_seeds(first, count))
		       ? EXIT_SUCCESS
		       : EXIT_FAILURE;
}
