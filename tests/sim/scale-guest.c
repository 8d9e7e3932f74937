/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A guest's memory, as far as it matters here: who gets it, who waits, who is killed. */

#include "scale.h"

#define FILES_MIN 16 /* programs themselves: with less nothing runs */
#define RESTART_TICKS (30 * TICKS_PER_SEC)
#define SWAP_STALL 3.0 /* of the time, by the share of memory that is swapped out */
#define MISS_STALL 0.6 /* the same, of the working set that is not cached */
#define RECLAIM_STALL 0.15 /* who allocates reclaims */
#define STALL_MAX 0.95
#define FULL_SHARE 0.35

static double least(double a, double b)
{
	return a < b ? a : b;
}

static double most(double a, double b)
{
	return a > b ? a : b;
}

double vm_reserved(double online)
{
	return 60 + 0.03 * online;
}

double vm_low(double online)
{
	return 0.01 * online;
}

double vm_need(const struct vm *vm, const struct demand *demand)
{
	double content = demand->processes + demand->hot + FILES_MIN;
	double need = (content + 60) / (1 - 0.03 - 0.01);

	return most(vm->boot, least(vm->max, need));
}

/* What processes and files share. */
static double room(const struct vm *vm)
{
	return most(0, vm->online - vm_reserved(vm->online));
}

double vm_available(const struct vm *vm)
{
	return most(0, room(vm) - (vm->processes - vm->swapped) - vm_low(vm->online));
}

double vm_unused(const struct vm *vm)
{
	double left = room(vm) - (vm->processes - vm->swapped) - vm->hot_files;

	return vm->load.has_cold ? least(left, 2 * vm_low(vm->online)) : left;
}

static bool kill_if_it_must(struct vm *vm, double lacking, unsigned tick)
{
	if (lacking <= vm->swap)
		return false;
	vm->oom_kills++;
	vm->processes = least(vm->processes, vm->load.base);
	vm->killed_until = tick + RESTART_TICKS;
	vm->swapped = 0;
	return true;
}

static double stall_of(const struct vm *vm, double wanted, double hot)
{
	double stall = 0;

	if (vm->processes > 0)
		stall += SWAP_STALL * vm->swapped / vm->processes;
	if (hot > 1 && vm->hot_files < hot * 0.98)
		stall += MISS_STALL * (1 - vm->hot_files / hot);
	if (vm_available(vm) < vm_low(vm->online) && wanted > vm->processes)
		stall += RECLAIM_STALL;
	return least(STALL_MAX, stall);
}

bool vm_tick(struct vm *vm, unsigned tick)
{
	struct demand demand = load_at(&vm->load, tick);
	double wanted = tick < vm->killed_until ? vm->load.base : demand.processes;
	double most_of_them = room(vm) - FILES_MIN;
	bool killed;

	vm->processes = least(wanted, vm->processes + vm->load.speed);
	killed = kill_if_it_must(vm, vm->processes - most_of_them, tick);
	vm->swapped = most(0, vm->processes - most_of_them);
	vm->hot_files = least(demand.hot, room(vm) - (vm->processes - vm->swapped));
	vm->stall = stall_of(vm, wanted, demand.hot);
	vm->full = vm->stall * FULL_SHARE;
	vm->some_usec += (uint64_t)(vm->stall * TICK_USEC);
	vm->full_usec += (uint64_t)(vm->full * TICK_USEC);
	vm->recent_stall[tick % WINDOW_TICKS] = vm->stall;
	return killed;
}
