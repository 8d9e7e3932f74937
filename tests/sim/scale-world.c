/* SPDX-License-Identifier: GPL-2.0-or-later */

/* The host: what it has, how long changes take, what goes wrong; and what a policy is worth. */

#include "scale.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define GRANULE 128.0 /* MiB; what the oracle gives in */
#define ROOM_FOR_ONE 256.0 /* MiB that a host must have for a kill to be avoidable */
#define AWAY_LONGER (10 * TICKS_PER_SEC) /* until one that was away can be helped */
#define FAULT_TICKS (60 * TICKS_PER_SEC) /* the same for one whose memory did not come */
#define ROOM_TICKS (5 * TICKS_PER_SEC) /* and has had it for so long */
#define KERNEL_SHARE 0.95 /* of the boot memory is in the kernel's zones */
#define STALLED 0.1 /* share of a tick from which on it counts */
#define MIB_PER_GIB 1024.0
#define TICKS_PER_HOUR (3600.0 * TICKS_PER_SEC)

/* --- random numbers: splitmix64 */

static uint64_t next_random(struct world *world)
{
	uint64_t z = world->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

double world_draw(struct world *world, double from, double to)
{
	return from +
	       (to - from) * (double)(next_random(world) >> 11) / 9007199254740992.0;
}

bool world_one_in(struct world *world, unsigned many)
{
	return next_random(world) % many == 0;
}

/* --- drawn from the seed */

static double peak(const struct vm *vm)
{
	double highest = 0;
	unsigned tick;

	for (tick = 0; tick < WORLD_TICKS; tick += 10) {
		struct demand demand = load_at(&vm->load, tick);
		double need = vm_need(vm, &demand);

		highest = need > highest ? need : highest;
	}
	return highest;
}

static void draw_vm(struct world *world, struct vm *vm)
{
	static const double sizes[] = { 1024, 1024, 2048, 4096 };

	vm->boot = sizes[(unsigned)world_draw(world, 0, 3.99)];
	/* Up to three times as much movable memory as there is for the kernel. */
	vm->max = vm->boot * (2 + (unsigned)world_draw(world, 0, 2.99));
	vm->movable_ratio = world_one_in(world, 4) ? 150 : 400;
	vm->kernel_least = world_one_in(world, 4) ? 6 : vm_low(vm->boot);
	vm->swap = world_one_in(world, 2) ? world_draw(world, 256, 1024) : 0;
	vm->has_psi = !world_one_in(world, 4);
	vm->priority = 1 + (unsigned)world_draw(world, 0, 3.99);
	vm->given = vm->online = vm->boot;
	load_draw(world, &vm->load, vm->boot, vm->max, vm->swap > 0);
	vm->processes = vm->load.base;
}

/* From too little for all to more than enough. */
static void draw_host(struct world *world)
{
	double at_boot = 0, at_peak = 0;
	unsigned i;

	for (i = 0; i < world->count; i++) {
		at_boot += world->vms[i].boot;
		at_peak += peak(&world->vms[i]);
	}
	world->capacity = at_boot + (at_peak - at_boot) * world_draw(world, 0.4, 1.8) +
			  ROOM_FOR_ONE * world->count;
	world->reserve_hard = 0.02 * world->capacity;
	world->reserve_soft = 0.05 * world->capacity;
	world->capacity += world->reserve_soft;
}

void world_begin(struct world *world, uint64_t seed)
{
	unsigned i;

	memset(world, 0, sizeof(*world));
	world->seed = seed;
	world->random = seed * 0x2545f4914f6cdd1dull;
	world->count = 3 + (unsigned)world_draw(world, 0, VMS_MAX - 2.01);
	for (i = 0; i < world->count; i++)
		draw_vm(world, &world->vms[i]);
	if (seed % 5 == 0)
		world->vms[0].lies = true;
	draw_host(world);
}

/* --- changes */

double world_given(const struct world *world)
{
	double given = 0;
	unsigned i;

	for (i = 0; i < world->count; i++)
		given += world->vms[i].given;
	return given;
}

static unsigned in(struct world *world, double from_sec, double to_sec)
{
	return world->tick + 1 +
	       (unsigned)(world_draw(world, from_sec, to_sec) * TICKS_PER_SEC);
}

bool world_resize(struct world *world, struct vm *vm, double size)
{
	if (vm->change != 0 || size == vm->given)
		return false;
	world->score.changes++;
	if (world->instant) {
		vm->given = vm->online = size;
		return true;
	}
	vm->change = size - vm->given;
	vm->result = CHANGE_PENDING;
	if (vm->change > 0) {
		vm->attach_tick = in(world, 0.2, 0.8);
		vm->online_tick =
			vm->attach_tick + (unsigned)(vm->change / MIB_PER_GIB + 0.5);
		vm->never_online = world_one_in(world, 100) && !vm->lies;
		if (vm->lies)
			vm->online_tick = vm->attach_tick;
	} else {
		vm->attach_tick = in(world, 1, 5);
		vm->online_tick = vm->attach_tick;
	}
	return true;
}

static void end_change(struct vm *vm, enum change_result result)
{
	vm->change = 0;
	vm->result = result;
}

/* Nobody can give it memory for so long. */
static void helpless(const struct world *world, struct vm *vm, unsigned ticks)
{
	if (world->tick + ticks > vm->helpless_until)
		vm->helpless_until = world->tick + ticks;
}

static void grow(struct world *world, struct vm *vm)
{
	if (world->tick == vm->attach_tick) {
		/* QEMU cannot have it, or somebody else was faster. */
		if (world_given(world) + vm->change > world->capacity ||
		    world_one_in(world, 100)) {
			end_change(vm, CHANGE_REFUSED);
			helpless(world, vm, FAULT_TICKS);
			return;
		}
		vm->given += vm->change;
		vm->result = CHANGE_DONE;
	}
	if (world->tick >= vm->online_tick) {
		if (vm->never_online)
			helpless(world, vm, FAULT_TICKS);
		else
			vm->online += vm->change;
		vm->change = 0;
	}
}

static void shrink(struct world *world, struct vm *vm)
{
	double bytes = -vm->change, idle = vm->given - vm->online;

	if (world->tick < vm->attach_tick)
		return;
	/* What was never online goes first, and always goes. */
	if (idle < bytes && world_one_in(world, 15))
		bytes = idle + (unsigned)((bytes - idle) / 2 / GRANULE) * GRANULE;
	vm->given -= bytes;
	if (vm->online > vm->given)
		vm->online = vm->given;
	end_change(vm, CHANGE_DONE);
}

static void go_away(struct world *world, struct vm *vm)
{
	vm->away_until = in(world, 10, 90);
	helpless(world, vm, vm->away_until - world->tick + AWAY_LONGER);
}

static void go_on(struct world *world, struct vm *vm)
{
	if (vm->change > 0)
		grow(world, vm);
	else if (vm->change < 0)
		shrink(world, vm);
	/* Paused, migrated, saved: its load goes on as if nothing were. */
	if (!world->instant && world->tick >= vm->away_until &&
	    world_one_in(world, WORLD_TICKS / 2))
		go_away(world, vm);
}

/* --- what it is worth */

static bool has_room(const struct world *world)
{
	return world_given(world) + ROOM_FOR_ONE + world->reserve_hard <= world->capacity;
}

/* For long enough to be given. */
static bool could_have_had_more(const struct world *world, const struct vm *vm)
{
	double size = vm->given + ROOM_FOR_ONE;
	double movable = vm->boot * KERNEL_SHARE * vm->movable_ratio / 100;

	return world->tick >= vm->helpless_until && size <= vm->max &&
	       size <= vm->boot + movable && world->room_ticks > ROOM_TICKS;
}

static void count(struct world *world, const struct vm *vm, bool killed)
{
	struct score *score = &world->score;

	if (vm->lies)
		return;
	score->gib_hours += vm->given / MIB_PER_GIB / TICKS_PER_HOUR;
	score->kills += killed;
	score->avoidable_kills += killed && could_have_had_more(world, vm);
	if (killed && scale_trace)
		printf("%5u guest %u is killed%s: speed %.0f MiB/s swap %.0f\n",
		       world->tick / TICKS_PER_SEC, (unsigned)(vm - world->vms),
		       could_have_had_more(world, vm) ? ", avoidably" : "",
		       vm->load.speed * TICKS_PER_SEC, vm->swap);
	if (vm->stall >= STALLED)
		score->stall_sec += 1.0 / TICKS_PER_SEC;
}

void world_fail(struct world *world, const char *format, ...)
{
	va_list arguments;

	if (world->failed)
		return;
	world->failed = true;
	va_start(arguments, format);
	vsnprintf(world->fault, sizeof(world->fault), format, arguments);
	va_end(arguments);
}

void world_run(struct world *world, uint64_t seed, const struct policy *policy)
{
	void *memory;
	unsigned i;

	world_begin(world, seed);
	memory = policy->begin(world);
	for (; world->tick < WORLD_TICKS && !world->failed; world->tick++) {
		for (i = 0; i < world->count; i++) {
			struct vm *vm = &world->vms[i];

			go_on(world, vm);
			count(world, vm, vm_tick(vm, world->tick));
		}
		policy->tick(world, memory);
		world->room_ticks = has_room(world) ? world->room_ticks + 1 : 0;
	}
}
