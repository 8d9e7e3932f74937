/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "scale-rails.h"

#include <string.h>

#define MEMMAP_SHARE 64

static uint64_t now_of(const struct world *world)
{
	return ((uint64_t)world->tick + 1) * TICK_USEC;
}

static const struct vm *vm_of(const struct rail *rail)
{
	return &rail->world->vms[rail->number];
}

static void must(const struct rail *rail, bool holds, const char *rail_name)
{
	if (!holds)
		world_fail(rail->world, "guest %u: %s", rail->number, rail_name);
}

double rail_size_after(const struct scale_guest *guest)
{
	double bytes = (double)guest->decision.bytes;
	bool grows = guest->decision.action == SCALE_GROW;

	return ((double)guest->facts.given + (grows ? bytes : -bytes)) / MIB;
}

/* Whether less than `usec` has passed since. */
static bool is_within(uint64_t now_usec, uint64_t since_usec, uint64_t usec)
{
	return since_usec && now_usec - since_usec < usec;
}

/* --- growth */

static void check_cool_down(const struct rail *rail)
{
	const struct scale_memory *memory = &rail->before->memory;
	uint64_t now_usec = now_of(rail->world);

	must(rail, now_usec >= memory->hold_grow_usec, "grows though it has just failed");
	must(rail,
	     rail->guest->decision.urgent || !is_within(now_usec, memory->grown_usec,
							rail->rules->grow_cooldown_usec),
	     "grows within its cool-down");
}

/* A liar may say what it likes of its zones: that is its own loss. */
static void check_zones(const struct rail *rail)
{
	const struct stats *stats = &rail->before->facts.stats;
	uint64_t bytes = rail->guest->decision.bytes;

	if (vm_of(rail)->lies)
		return;
	must(rail, bytes <= (stats->kernel.free + stats->kernel.file) * MEMMAP_SHARE,
	     "the memmap does not fit into its kernel's zones");
	must(rail,
	     stats->movable.total + bytes <=
		     stats->kernel.total / 100 * rail->rules->movable_ratio,
	     "too much is movable");
}

static void check_growth(const struct rail *rail)
{
	const struct world *world = rail->world;
	double reserve = rail->guest->decision.urgent ? world->reserve_hard
						      : world->reserve_soft;
	double given = world_given(world) + rail->granted +
		       (double)rail->guest->decision.bytes / MIB;
	unsigned i;

	/* What others have been promised is on its way. */
	for (i = 0; i < world->count; i++)
		if (world->vms[i].change > 0 && world->tick < world->vms[i].attach_tick)
			given += world->vms[i].change;
	must(rail, given - rail->granted <= world->capacity - reserve + 1,
	     "into the reserve of the host");
	check_cool_down(rail);
	check_zones(rail);
}

/* --- shrinks */

static void check_calm(const struct rail *rail)
{
	const struct scale_memory *memory = &rail->before->memory;
	uint64_t now_usec = now_of(rail->world);

	must(rail,
	     !is_within(now_usec, memory->shrunk_usec, rail->rules->shrink_cooldown_usec),
	     "shrinks within its cool-down");
	must(rail, !is_within(now_usec, memory->grown_usec, rail->rules->keep_usec),
	     "shrinks into its last growth");
	must(rail,
	     memory->calm_usec &&
		     now_usec - memory->calm_usec >= rail->rules->calm_usec / 4,
	     "shrinks though it has not been calm");
}

static void check_spare(const struct rail *rail)
{
	const struct scale_memory *memory = &rail->before->memory;
	const struct scale_facts *facts = &rail->before->facts;
	uint64_t available = facts->stats.available, headroom;

	if (available > facts->confirmed)
		available = facts->confirmed;
	headroom = (facts->confirmed - available) / 100 * rail->rules->headroom_percent;
	if (headroom < rail->rules->headroom_min)
		headroom = rail->rules->headroom_min;
	must(rail, available >= rail->guest->decision.bytes + headroom,
	     "gives what it cannot spare");
	must(rail,
	     now_of(rail->world) >= memory->floor_usec ||
		     facts->given - rail->guest->decision.bytes >= memory->floor,
	     "shrinks below what it needed before");
}

/* --- all */

static void check_bounds(const struct rail *rail)
{
	double size = rail_size_after(rail->guest);

	must(rail,
	     size >= (double)rail->rules->min / MIB - 0.5 &&
		     size <= (double)rail->rules->max / MIB + 0.5,
	     "is outside of its bounds");
	must(rail,
	     rail->guest->decision.action == SCALE_TAKE_OUT ||
		     rail->guest->decision.bytes % rail->rules->step == 0,
	     "changes by half a step");
}

void rails_check(const struct rail *rail)
{
	enum scale_action action = rail->guest->decision.action;

	if (action == SCALE_NOTHING)
		return;
	must(rail, rail->world->tick >= vm_of(rail)->away_until,
	     "is changed while it is away");
	must(rail, vm_of(rail)->change == 0, "has two changes in flight");
	check_bounds(rail);
	if (action == SCALE_GROW)
		check_growth(rail);
	else if (action == SCALE_SHRINK) {
		check_calm(rail);
		check_spare(rail);
	}
}

/* --- planted faults */

const char *const rails_plants[] = {
	"bounds",      "step",	"away",		  "in-flight", "reserve",
	"memmap",      "ratio", "grow-cool-down", "failed",    "shrink-cool-down",
	"last-growth", "calm",	"spare",	  "before",    NULL
};

static bool is_planted(const char *name)
{
	return scale_plant && strcmp(scale_plant, name) == 0;
}

static void plant_rules(struct scale_rules *rules)
{
	if (is_planted("bounds"))
		rules->max = UINT64_MAX / 2;
	if (is_planted("step"))
		rules->step = 100 * MIB;
	if (is_planted("ratio"))
		rules->movable_ratio = 0;
	if (is_planted("grow-cool-down"))
		rules->grow_cooldown_usec = 0;
	if (is_planted("shrink-cool-down"))
		rules->shrink_cooldown_usec = 0;
	if (is_planted("last-growth"))
		rules->keep_usec = 0;
	if (is_planted("calm"))
		rules->calm_usec = 0;
	if (is_planted("spare")) {
		rules->headroom_percent = 0;
		rules->headroom_min = 0;
	}
}

static void plant_facts(struct scale_facts *facts)
{
	if (is_planted("away"))
		facts->presence = SCALE_PRESENT;
	if (is_planted("memmap"))
		facts->stats.kernel.free = facts->given;
}

static void plant_memory(struct scale_memory *memory)
{
	if (is_planted("in-flight"))
		memory->stage = SCALE_NONE;
	if (is_planted("failed"))
		memory->hold_grow_usec = 0;
	if (is_planted("before"))
		memory->floor_usec = 0;
}

void rails_plant(struct scale_host *host, struct scale_guest *guests, size_t count)
{
	size_t i;

	if (!scale_plant)
		return;
	if (is_planted("reserve"))
		host->reserve_hard = host->reserve_soft = 0;
	for (i = 0; i < count; i++) {
		plant_rules(&guests[i].rules);
		plant_facts(&guests[i].facts);
		plant_memory(&guests[i].memory);
	}
}

void rails_restore(const struct scale_guest *before, struct scale_guest *guests,
		   size_t count)
{
	size_t i;

	for (i = 0; i < count && is_planted("before"); i++)
		if (!guests[i].memory.floor_usec) {
			guests[i].memory.floor = before[i].memory.floor;
			guests[i].memory.floor_usec = before[i].memory.floor_usec;
		}
}
