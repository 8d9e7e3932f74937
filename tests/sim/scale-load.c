/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What guests do with their memory: ramps, spikes, saw-teeth, leaks, caches. */

#include "scale.h"

#define SECONDS(n) ((unsigned)(n)*TICKS_PER_SEC)
#define MINUTES(n) SECONDS((n)*60)

static struct world *draws; /* whose random numbers are drawn */

static double between(double from, double to)
{
	return world_draw(draws, from, to);
}

static unsigned ticks(double from_sec, double to_sec)
{
	return SECONDS(between(from_sec, to_sec));
}

static void ramp(struct part *part, double room)
{
	part->rise = ticks(60, 1200);
	part->hold = ticks(300, 2400);
	part->fall = ticks(5, 600);
	part->period = part->rise + part->hold + part->fall + ticks(600, 3600);
	part->amount = room * between(0.3, 0.8);
}

static void spike(struct part *part, double room)
{
	part->rise = ticks(8, 40);
	part->hold = ticks(30, 300);
	part->fall = ticks(1, 20);
	part->period = part->rise + part->hold + part->fall + ticks(300, 2400);
	part->amount = room * between(0.1, 0.5);
}

static void saw_tooth(struct part *part, double room)
{
	part->rise = ticks(120, 900);
	part->hold = 0;
	part->fall = ticks(1, 3);
	part->period = part->rise + part->fall + ticks(1, 60);
	part->amount = room * between(0.1, 0.5);
}

/* Until somebody starts it again. */
static void leak(struct part *part, double room)
{
	part->rise = ticks(2400, 7200);
	part->hold = 0;
	part->fall = 1;
	part->period = part->rise + part->fall + ticks(10, 120);
	part->amount = room * between(0.4, 0.8);
}

/* Files that are read all the time: a working set that comes and goes. */
static void cache(struct part *part, double room)
{
	part->is_hot = true;
	part->rise = ticks(30, 600);
	part->hold = ticks(900, 3600);
	part->fall = ticks(10, 600);
	part->period = part->rise + part->hold + part->fall + ticks(300, 2400);
	part->amount = room * between(0.2, 0.7);
}

void load_draw(struct world *world, struct load *load, double boot, double max,
	       bool has_swap)
{
	static void (*const kinds[])(struct part * part, double room) = { ramp, spike,
									  saw_tooth, leak,
									  cache };
	double room = max - boot;
	unsigned i;

	draws = world;
	load->base = boot * between(0.2, 0.5);
	load->part_count = 1 + (unsigned)between(0, 2.99);
	/* Together within what the guest may have. */
	room /= load->part_count;
	for (i = 0; i < load->part_count; i++) {
		struct part *part = &load->parts[i];

		kinds[(unsigned)between(0, 4.99)](part, room);
		part->start = ticks(0, 1800);
	}
	load->has_cold = between(0, 1) < 0.5;
	/* Without swap nothing can wait for memory to come. */
	load->speed = between(10, has_swap ? 100 : 40) / TICKS_PER_SEC;
}

static double height(const struct part *part, unsigned tick)
{
	unsigned at;

	if (tick < part->start)
		return 0;
	at = (tick - part->start) % part->period;
	if (at < part->rise)
		return part->amount * at / part->rise;
	at -= part->rise;
	if (at < part->hold)
		return part->amount;
	at -= part->hold;
	return at < part->fall ? part->amount * (part->fall - at) / part->fall : 0;
}

struct demand load_at(const struct load *load, unsigned tick)
{
	struct demand demand = { load->base, 0 };
	unsigned i;

	for (i = 0; i < load->part_count; i++) {
		double amount = height(&load->parts[i], tick);

		if (load->parts[i].is_hot)
			demand.hot += amount;
		else
			demand.processes += amount;
	}
	return demand;
}
