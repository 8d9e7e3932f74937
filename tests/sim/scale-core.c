/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * core/scale with its guests: core/pressure in each of them, events that wake the host, facts for its
 * decisions.
 */

#include "scale-rails.h"
#include "scale.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/pressure.h"
#include "core/scale.h"

#define HOG 0.1 /* of the boot memory the kernel may use for itself */

/* memonlined in one guest. */
struct daemon {
	struct pressure pressure;
	uint64_t next_usec;
	unsigned events; /* not yet heard by the host: 1 << signal */
};

static struct core {
	struct daemon daemons[VMS_MAX];
	struct scale_guest guests[VMS_MAX];
	/* What the rails are held against: not what core/scale was told where a fault is planted. */
	struct scale_guest before[VMS_MAX]; /* the decision */
	struct scale_rules rules[VMS_MAX];
} core;

static uint64_t bytes_of(double mib)
{
	return mib > 0 ? (uint64_t)(mib * MIB) : 0;
}

static uint64_t now_of(const struct world *world)
{
	return ((uint64_t)world->tick + 1) * TICK_USEC;
}

/* --- what the guest says */

/* Processes are in ZONE_MOVABLE first. */
static double kernel_left(const struct vm *vm)
{
	double movable = vm->online - vm->boot;
	double spilt = vm->processes - vm->swapped - movable * 0.95;
	double left =
		vm->boot * (1 - HOG) - vm_reserved(vm->online) - (spilt > 0 ? spilt : 0);

	/* What only the kernel itself may take. */
	return left > vm->kernel_least ? left : vm->kernel_least;
}

static void lie(struct world *world, struct stats *stats)
{
	stats->available = world_one_in(world, 2) ? 0 : UINT64_MAX - 1;
	stats->kernel.free = UINT64_MAX - 1;
	stats->kernel.total = UINT64_MAX - 1;
	stats->some.total_usec = world_draw(world, 0, 1) > 0.5 ? UINT64_MAX - 1 : 0;
	stats->oom_kills = (uint64_t)world_draw(world, 0, 1e6);
}

static void take_stats(struct world *world, const struct vm *vm, struct stats *stats)
{
	stats_init(stats);
	stats->total = bytes_of(vm->online - vm_reserved(vm->online));
	stats->available = bytes_of(vm_available(vm));
	stats->kernel.total = bytes_of(vm->boot * 0.95);
	stats->kernel.free = bytes_of(kernel_left(vm) / 2);
	stats->kernel.file = bytes_of(kernel_left(vm) / 2);
	stats->kernel.low = bytes_of(vm_low(vm->boot));
	stats->movable.total = bytes_of(vm->online - vm->boot);
	stats->oom_kills = vm->oom_kills;
	if (vm->has_psi) {
		stats->some.total_usec = vm->some_usec;
		stats->full.total_usec = vm->full_usec;
	}
	if (vm->lies)
		lie(world, stats);
}

static void subscribe(struct world *world, unsigned i)
{
	struct pressure_thresholds thresholds;
	struct stats stats;

	take_stats(world, &world->vms[i], &stats);
	scale_thresholds(&core.guests[i].rules, &core.guests[i].facts, &thresholds);
	pressure_begin(&core.daemons[i].pressure, &thresholds, &stats, now_of(world));
	core.daemons[i].events |= pressure_pressed(&core.daemons[i].pressure);
	core.daemons[i].next_usec = 0;
}

static bool is_triggered(const struct vm *vm, const struct pressure *pressure)
{
	double stalled = 0;
	unsigned i;

	for (i = 0; i < WINDOW_TICKS; i++)
		stalled += vm->recent_stall[i] * TICK_USEC;
	return vm->has_psi && stalled >= (double)pressure->thresholds.stall_usec;
}

static void watch(struct world *world, unsigned i)
{
	struct daemon *daemon = &core.daemons[i];
	const struct vm *vm = &world->vms[i];
	bool triggered = is_triggered(vm, &daemon->pressure);
	uint64_t now_usec = now_of(world);
	struct stats stats;
	unsigned changed;

	if (!triggered && now_usec < daemon->next_usec)
		return;
	take_stats(world, vm, &stats);
	changed = pressure_step(&daemon->pressure, &stats, triggered, now_usec);
	daemon->events |= changed & pressure_pressed(&daemon->pressure);
	daemon->next_usec = now_usec + pressure_wait_usec(&daemon->pressure, vm->has_psi);
}

/* --- what the host knows */

static enum scale_presence presence_of(const struct world *world, unsigned i)
{
	static const enum scale_presence kinds[] = { SCALE_IS_PAUSED, SCALE_IS_MIGRATING,
						     SCALE_IS_SNAPSHOT, SCALE_IS_SILENT };
	const struct vm *vm = &world->vms[i];

	return world->tick >= vm->away_until ? SCALE_PRESENT : kinds[vm->away_until % 4];
}

static bool is_due(const struct world *world, unsigned i)
{
	const struct scale_guest *guest = &core.guests[i];
	const struct vm *vm = &world->vms[i];
	bool is_away = guest->facts.presence != SCALE_PRESENT;

	if (is_away != (presence_of(world, i) != SCALE_PRESENT))
		return true;
	if (is_away)
		return false;
	return core.daemons[i].events || now_of(world) >= guest->decision.next_usec ||
	       (guest->memory.stage != SCALE_NONE &&
		(vm->result == CHANGE_DONE || vm->result == CHANGE_REFUSED));
}

static void learn(struct world *world, unsigned i)
{
	struct scale_facts *facts = &core.guests[i].facts;
	const struct vm *vm = &world->vms[i];

	facts->presence = presence_of(world, i);
	facts->given = bytes_of(vm->given);
	facts->pressed = 0;
	if (facts->presence != SCALE_PRESENT)
		return;
	facts->confirmed = bytes_of(vm->lies ? vm->given : vm->online);
	facts->removable = bytes_of(vm->given - vm->boot);
	take_stats(world, vm, &facts->stats);
	facts->sampled_usec = now_of(world);
	facts->pressed = core.daemons[i].events;
	core.daemons[i].events = 0;
	facts->change = vm->result == CHANGE_REFUSED ? SCALE_REFUSED
			: vm->result == CHANGE_DONE  ? SCALE_DONE
						     : SCALE_PENDING;
}

/* --- the host's loop */

static void trace(const struct world *world, unsigned i)
{
	const struct scale_guest *guest = &core.guests[i], *before = &core.before[i];
	static const char *const actions[] = { "-", "grow", "shrink", "take out" };

	if (!scale_trace || (guest->decision.action == SCALE_NOTHING &&
			     guest->memory.state == before->memory.state &&
			     guest->decision.reason == before->decision.reason))
		return;
	printf("%5u.%u guest %u: %.0f of %.0f MiB, %.0f available, stall %.2f, %s -> %s: "
	       "%s %.0f (%s)\n",
	       world->tick / TICKS_PER_SEC, world->tick % TICKS_PER_SEC * 5, i,
	       world->vms[i].online, world->vms[i].given, vm_available(&world->vms[i]),
	       world->vms[i].stall, scale_state_text(before->memory.state),
	       scale_state_text(guest->memory.state), actions[guest->decision.action],
	       (double)guest->decision.bytes / MIB,
	       scale_reason_text(guest->decision.reason));
}

static void carry_out(struct world *world, unsigned i, double *granted)
{
	struct scale_guest *guest = &core.guests[i];
	struct rail rail = { world, i, guest, &core.before[i], &core.rules[i], *granted };

	rails_check(&rail);
	trace(world, i);
	if (guest->decision.action == SCALE_GROW)
		*granted += (double)guest->decision.bytes / MIB;
	if (guest->decision.action != SCALE_NOTHING)
		world_resize(world, &world->vms[i], rail_size_after(guest));
	else if (guest->memory.stage == SCALE_NONE &&
		 core.before[i].memory.stage != SCALE_NONE)
		subscribe(world, i);
}

static void decide(struct world *world)
{
	struct scale_host host = { bytes_of(world->capacity), STATS_UNKNOWN,
				   bytes_of(world->reserve_soft),
				   bytes_of(world->reserve_hard) };
	double granted = 0;
	unsigned i;

	memcpy(core.before, core.guests, sizeof(core.before));
	rails_plant(&host, core.guests, world->count);
	scale_decide(&host, core.guests, world->count, now_of(world));
	rails_restore(core.before, core.guests, world->count);
	for (i = 0; i < world->count; i++)
		carry_out(world, i, &granted);
}

static void core_tick(struct world *world, void *memory)
{
	bool due = false;
	unsigned i;

	(void)memory;
	for (i = 0; i < world->count; i++) {
		if (presence_of(world, i) == SCALE_PRESENT)
			watch(world, i);
		if (!is_due(world, i))
			continue;
		learn(world, i);
		due = true;
	}
	if (due)
		decide(world);
}

static void *core_begin(struct world *world)
{
	unsigned i;

	memset(&core, 0, sizeof(core));
	for (i = 0; i < world->count; i++) {
		struct scale_guest *guest = &core.guests[i];
		const struct vm *vm = &world->vms[i];

		scale_rules_defaults(&guest->rules);
		scale_memory_init(&guest->memory);
		guest->rules.min = bytes_of(vm->boot);
		guest->rules.max = bytes_of(vm->max);
		guest->rules.priority = vm->priority;
		guest->rules.movable_ratio = vm->movable_ratio;
		core.rules[i] = guest->rules;
		learn(world, i);
		subscribe(world, i);
	}
	return NULL;
}

const struct policy policy_core = { "memonline", core_begin, core_tick };
