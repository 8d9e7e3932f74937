/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What others do, by their rules; and one that knows the load in advance.
 *
 *   MOM       oVirt's doc/balloon.rules and mom-balloon.conf: what is free in a guest, as the mean of
 *             ten samples that are five seconds apart
 *   Proxmox   PVE::AutoBalloon and pvestatd of pve-manager: what is free
 *   fixed     what scripts do: look every ten seconds at what is available, add or take a step
 */

#include "scale.h"

#define EVERY (10 * TICKS_PER_SEC)

static double least(double a, double b)
{
	return a < b ? a : b;
}

static double most(double a, double b)
{
	return a > b ? a : b;
}

static void *nothing_to_remember(struct world *world)
{
	(void)world;
	return NULL;
}

/* What an agent would say. */
static double available(struct world *world, const struct vm *vm)
{
	return vm->lies ? world_draw(world, 0, 0.1) * vm->online : vm_available(vm);
}

static double unused(const struct vm *vm)
{
	return vm->lies ? 0 : vm_unused(vm);
}

static bool is_there(const struct world *world, const struct vm *vm)
{
	return world->tick >= vm->away_until;
}

/* --- who knows the load */

#define AHEAD (10 * TICKS_PER_SEC)
#define GRANULE 128.0

static double need_ahead(const struct vm *vm, unsigned tick)
{
	double highest = 0;
	unsigned i;

	for (i = 0; i <= AHEAD; i += TICKS_PER_SEC) {
		struct demand demand = load_at(&vm->load, tick + i);

		highest = most(highest, vm_need(vm, &demand));
	}
	return least(vm->max, (double)(unsigned)(highest / GRANULE + 0.999) * GRANULE);
}

static void oracle_tick(struct world *world, void *memory)
{
	unsigned i;

	(void)memory;
	for (i = 0; i < world->count; i++) {
		struct vm *vm = &world->vms[i];
		double need = need_ahead(vm, world->tick);

		if (need < vm->given)
			world_resize(world, vm, need);
	}
	for (i = 0; i < world->count; i++) {
		struct vm *vm = &world->vms[i];
		double room = world->capacity - world->reserve_hard - world_given(world);
		double more = need_ahead(vm, world->tick) - vm->given;

		more = least(more, room);
		if (more > 0)
			world_resize(world, vm, vm->given + more);
	}
}

static void *oracle_begin(struct world *world)
{
	world->instant = true;
	return NULL;
}

const struct policy policy_oracle = { "oracle", oracle_begin, oracle_tick };

/* --- MOM: all guests shrink while the host has less than a fifth free, else all grow */

#define MOM_PRESSURE 0.20
#define MOM_CRITICAL 0.05
#define MOM_FREE 0.20
#define MOM_MOST 0.05
#define MOM_LEAST 0.0025

#define MOM_SAMPLES 10

struct mom {
	double unused[VMS_MAX][MOM_SAMPLES];
	unsigned count; /* of samples; the same for all */
};

static double mom_unused(const struct mom *mom, unsigned i)
{
	double sum = 0;
	unsigned j;

	for (j = 0; j < MOM_SAMPLES && j < mom->count; j++)
		sum += mom->unused[i][j];
	return j ? sum / j : 0;
}

static void mom_guest(struct world *world, const struct mom *mom, unsigned i,
		      double host_free)
{
	struct vm *vm = &world->vms[i];
	double used = vm->given - mom_unused(mom, i), size, lowest;
	double guest_free = MOM_FREE;

	if (host_free < MOM_PRESSURE)
		guest_free = host_free <= MOM_CRITICAL
				     ? host_free - 0.05
				     : MOM_FREE * host_free / MOM_PRESSURE;
	lowest = most(vm->boot, used + guest_free * vm->given);
	if (host_free < MOM_PRESSURE) {
		size = most(vm->given * (1 - MOM_MOST), lowest);
		if (size > vm->given)
			return;
	} else {
		size = most(least(vm->given * (1 + MOM_MOST), vm->max), lowest);
		size = least(size, vm->max);
	}
	if (most(size - vm->given, vm->given - size) > MOM_LEAST * vm->given)
		world_resize(world, vm, size);
}

static void mom_tick(struct world *world, void *memory)
{
	double host_free = 1 - world_given(world) / world->capacity;
	struct mom *mom = memory;
	unsigned i;

	if (world->tick % (EVERY / 2))
		return;
	for (i = 0; i < world->count; i++)
		mom->unused[i][mom->count % MOM_SAMPLES] = unused(&world->vms[i]);
	mom->count++;
	for (i = 0; i < world->count && world->tick % EVERY == 0; i++)
		if (is_there(world, &world->vms[i]))
			mom_guest(world, mom, i, host_free);
}

static void *mom_begin(struct world *world)
{
	static struct mom mom;

	(void)world;
	mom.count = 0;
	return &mom;
}

const struct policy policy_mom = { "MOM", mom_begin, mom_tick };

/* --- Proxmox: four fifths of the host are to be used, 100 MiB for each guest at a time */

#define PROXMOX_GOAL 0.8
#define PROXMOX_MOST 100.0
#define PROXMOX_LEAST 10.0

struct proxmox {
	struct world *world;
	double sizes[VMS_MAX]; /* to be */
	bool chosen[VMS_MAX], done[VMS_MAX];
};

static double shares_of(const struct proxmox *proxmox, double *given)
{
	double shares = 0;
	unsigned i;

	*given = 0;
	for (i = 0; i < proxmox->world->count; i++) {
		if (!proxmox->chosen[i] || proxmox->done[i])
			continue;
		*given += proxmox->sizes[i] - proxmox->world->vms[i].boot;
		shares += proxmox->world->vms[i].priority;
	}
	return shares;
}

/* One guest's step towards its part; what that changes. */
static double proxmox_step(struct proxmox *proxmox, unsigned i, double part, bool grows)
{
	const struct vm *vm = &proxmox->world->vms[i];
	double wanted = most(vm->boot, least(vm->max, vm->boot + part));
	double before = proxmox->sizes[i];

	if (grows && wanted > vm->given)
		proxmox->sizes[i] = least(wanted, vm->given + PROXMOX_MOST);
	else if (wanted < vm->given)
		proxmox->sizes[i] = most(wanted, vm->given - PROXMOX_MOST);
	else
		proxmox->done[i] = true;
	return proxmox->sizes[i] - before;
}

/* Hands out `goal`, or takes it; what is left of it. */
static double proxmox_share(struct proxmox *proxmox, double goal)
{
	double rest = goal, changed = 1;
	unsigned i;

	for (i = 0; i < VMS_MAX; i++)
		proxmox->done[i] = false;
	while (changed > 0.5 || changed < -0.5) {
		double given, shares = shares_of(proxmox, &given), all = given + rest;

		changed = 0;
		for (i = 0; shares > 0 && i < proxmox->world->count; i++)
			if (proxmox->chosen[i] && !proxmox->done[i])
				changed += proxmox_step(
					proxmox, i,
					all / shares * proxmox->world->vms[i].priority,
					goal > 0);
		rest -= changed;
	}
	return rest;
}

static void proxmox_choose(struct proxmox *proxmox, int comfortable)
{
	unsigned i;

	for (i = 0; i < proxmox->world->count; i++) {
		const struct vm *vm = &proxmox->world->vms[i];
		bool has_enough = unused(vm) > vm->boot * 0.25;

		proxmox->chosen[i] = is_there(proxmox->world, vm) &&
				     (comfortable < 0 || has_enough == comfortable);
	}
}

static void proxmox_tick(struct world *world, void *memory)
{
	struct proxmox proxmox = { .world = world };
	double goal = world->capacity * PROXMOX_GOAL - world_given(world), rest;
	unsigned i;

	(void)memory;
	if (world->tick % EVERY || (goal < PROXMOX_LEAST && goal > -PROXMOX_LEAST))
		return;
	for (i = 0; i < world->count; i++)
		proxmox.sizes[i] = world->vms[i].given;
	/* Who is short comes first to get, who has enough first to give. */
	proxmox_choose(&proxmox, goal < 0);
	rest = proxmox_share(&proxmox, goal);
	if (rest == goal) {
		proxmox_choose(&proxmox, -1);
		proxmox_share(&proxmox, rest);
	}
	for (i = 0; i < world->count; i++)
		world_resize(world, &world->vms[i], proxmox.sizes[i]);
}

const struct policy policy_proxmox = { "Proxmox", nothing_to_remember, proxmox_tick };

/* --- a step more with less than a fifth available, a step less with more than two fifths */

#define FIXED_STEP 512.0

static void fixed_tick(struct world *world, void *memory)
{
	unsigned i;

	(void)memory;
	if (world->tick % EVERY)
		return;
	for (i = 0; i < world->count; i++) {
		struct vm *vm = &world->vms[i];
		double share = available(world, vm) / vm->online;
		double room = world->capacity - world->reserve_hard - world_given(world);

		if (!is_there(world, vm))
			continue;
		if (share < 0.2 && room >= FIXED_STEP)
			world_resize(world, vm, least(vm->max, vm->given + FIXED_STEP));
		else if (share > 0.4)
			world_resize(world, vm, most(vm->boot, vm->given - FIXED_STEP));
	}
}

const struct policy policy_fixed = { "fixed steps", nothing_to_remember, fixed_tick };
