/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "core/scale.h"

#define SECOND 1000000ull
#define MINUTE (60 * SECOND)
#define MIB (1024ull * 1024)
#define GIB (1024 * MIB)
#define BIT(signal) (1u << PRESSURE_##signal)

/* One guest on a host with plenty, a clock, and what the last decision was. */
struct world {
	struct scale_host host;
	struct scale_guest guests[4];
	size_t count;
	uint64_t now;
};

static void guest_init(struct scale_guest *guest)
{
	memset(guest, 0, sizeof(*guest));
	scale_rules_defaults(&guest->rules);
	guest->rules.min = GIB;
	guest->rules.max = 8 * GIB;
	scale_memory_init(&guest->memory);
	guest->facts.given = guest->facts.confirmed = 2 * GIB;
	guest->facts.removable = GIB;
	stats_init(&guest->facts.stats);
	guest->facts.stats.available = 300 * MIB;
	guest->facts.stats.oom_kills = 0;
	guest->facts.stats.some.total_usec = 0;
	guest->facts.stats.full.total_usec = 0;
}

static void world_init(struct world *world, size_t count)
{
	size_t i;

	memset(world, 0, sizeof(*world));
	world->host.capacity = 100 * GIB;
	world->host.available = STATS_UNKNOWN;
	world->host.reserve_soft = 4 * GIB;
	world->host.reserve_hard = GIB;
	world->count = count;
	world->now = SECOND;
	for (i = 0; i < count; i++)
		guest_init(&world->guests[i]);
}

/* With a new sample of each guest. */
static const struct scale_decision *decide(struct world *world, uint64_t after)
{
	size_t i;

	world->now += after;
	for (i = 0; i < world->count; i++)
		world->guests[i].facts.sampled_usec = world->now;
	scale_decide(&world->host, world->guests, world->count, world->now);
	for (i = 0; i < world->count; i++)
		world->guests[i].facts.pressed = 0;
	return &world->guests[0].decision;
}

static void expect(const struct world *world, size_t i, enum scale_action action,
		   uint64_t bytes, enum scale_state state)
{
	const struct scale_guest *guest = &world->guests[i];

	assert_int_equal(guest->decision.action, action);
	assert_int_equal(guest->decision.bytes, bytes);
	assert_string_equal(scale_state_text(guest->memory.state),
			    scale_state_text(state));
}

static void expect_none(const struct world *world, enum scale_reason reason)
{
	assert_int_equal(world->guests[0].decision.action, SCALE_NOTHING);
	assert_string_equal(scale_reason_text(world->guests[0].decision.reason),
			    scale_reason_text(reason));
}

static void set_available(struct world *world, uint64_t bytes)
{
	world->guests[0].facts.stats.available = bytes;
}

/* Grows by `bytes` and has them online; `available` afterwards. */
static void grow(struct world *world, uint64_t bytes, uint64_t available)
{
	struct scale_guest *guest = &world->guests[0];

	expect(world, 0, SCALE_GROW, bytes, SCALE_GROWING);
	guest->facts.given += bytes;
	guest->facts.change = SCALE_DONE;
	decide(world, SECOND);
	expect(world, 0, SCALE_NOTHING, 0, SCALE_CONFIRMING);
	guest->facts.confirmed += bytes;
	guest->facts.removable += bytes;
	guest->facts.stats.available = available;
	decide(world, SECOND);
	assert_int_equal(guest->decision.action, SCALE_NOTHING);
	assert_int_equal(guest->memory.stage, SCALE_NONE);
}

/* --- what goes wrong */

static void what_is_unknown_moves_nothing(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	stats_init(&world.guests[0].facts.stats);
	decide(&world, MINUTE);
	expect_none(&world, SCALE_BY_ENOUGH);
	decide(&world, 60 * MINUTE);
	expect_none(&world, SCALE_BY_ENOUGH);
}

static void old_numbers_move_nothing(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	set_available(&world, 0);
	scale_decide(&world.host, world.guests, 1, world.now);
	expect_none(&world, SCALE_BY_STALE);
	world.guests[0].facts.sampled_usec = world.now;
	scale_decide(&world.host, world.guests, 1, world.now + 21 * SECOND);
	expect_none(&world, SCALE_BY_STALE);
}

static void who_is_away_is_left_alone(void **state)
{
	static const struct {
		enum scale_presence presence;
		enum scale_reason reason;
	} rows[] = {
		{ SCALE_IS_PAUSED, SCALE_BY_PAUSED },
		{ SCALE_IS_MIGRATING, SCALE_BY_MIGRATING },
		{ SCALE_IS_SHUTTING_DOWN, SCALE_BY_SHUTTING_DOWN },
		{ SCALE_IS_SNAPSHOT, SCALE_BY_SNAPSHOT },
		{ SCALE_IS_SILENT, SCALE_BY_SILENT },
	};
	struct world world;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		world_init(&world, 1);
		set_available(&world, 0);
		world.guests[0].facts.pressed = BIT(OOM_KILL);
		world.guests[0].facts.presence = rows[i].presence;
		decide(&world, SECOND);
		expect_none(&world, rows[i].reason);
		assert_int_equal(world.guests[0].memory.state, SCALE_AWAY);
		assert_true(world.guests[0].decision.next_usec == UINT64_MAX);
		world.guests[0].facts.presence = SCALE_PRESENT;
		decide(&world, SECOND);
		assert_int_equal(world.guests[0].decision.action, SCALE_GROW);
	}
}

/* Numbers that no guest can have: its size stays within its bounds, and nobody else's is touched. */
static void a_liar_costs_its_own_maximum(void **state)
{
	struct world world;
	struct scale_guest *liar = &world.guests[0];
	unsigned i;

	(void)state;
	world_init(&world, 2);
	for (i = 1; i < 2000; i++) {
		memset(&liar->facts.stats, i & 1 ? 0 : 0xff, sizeof(liar->facts.stats));
		liar->facts.stats.some.total_usec = i * 12345678901ull;
		liar->facts.stats.oom_kills = i;
		liar->facts.pressed = i * 7;
		liar->facts.confirmed = i & 2 ? UINT64_MAX : liar->facts.given;
		liar->facts.change = SCALE_DONE;
		decide(&world, SECOND);
		if (liar->decision.action == SCALE_GROW)
			liar->facts.given += liar->decision.bytes;
		else if (liar->decision.action != SCALE_NOTHING)
			liar->facts.given -= liar->decision.bytes;
		assert_true(liar->facts.given >= liar->rules.min);
		assert_true(liar->facts.given <= liar->rules.max);
		assert_int_equal(world.guests[1].decision.action, SCALE_NOTHING);
	}
	assert_int_equal(liar->facts.given, liar->rules.max);
}

static void a_refusal_is_not_repeated_at_once(void **state)
{
	struct world world;
	unsigned i, attempts = 0;

	(void)state;
	world_init(&world, 1);
	set_available(&world, 0);
	for (i = 0; i < 3600; i++) {
		decide(&world, SECOND);
		attempts += world.guests[0].decision.action == SCALE_GROW;
		world.guests[0].facts.change = SCALE_REFUSED;
	}
	/* Eight within five minutes, then twice an hour: it is named. */
	assert_int_equal(attempts, 9);
	assert_int_equal(world.guests[0].memory.state, SCALE_STUCK);
	assert_int_equal(world.guests[0].memory.reason, SCALE_BY_REFUSED);
}

static void what_does_not_come_online_is_taken_out_again(void **state)
{
	struct world world;
	struct scale_guest *guest = &world.guests[0];
	uint64_t asked;

	(void)state;
	world_init(&world, 1);
	set_available(&world, 0);
	asked = decide(&world, SECOND)->bytes;
	guest->facts.given += asked;
	guest->facts.change = SCALE_DONE;
	decide(&world, SECOND);
	/* A part of it comes. */
	guest->facts.confirmed += 256 * MIB;
	decide(&world, 29 * SECOND);
	expect_none(&world, SCALE_BY_IN_FLIGHT);
	decide(&world, SECOND);
	expect(&world, 0, SCALE_TAKE_OUT, asked - 256 * MIB, SCALE_SHRINKING);
	assert_int_equal(guest->decision.reason, SCALE_BY_NOT_CONFIRMED);
	guest->facts.given -= asked - 256 * MIB;
	guest->facts.change = SCALE_DONE;
	decide(&world, SECOND);
	expect(&world, 0, SCALE_NOTHING, 0, SCALE_BACKING_OFF);
	decide(&world, 2 * SECOND);
	assert_int_equal(guest->decision.action, SCALE_GROW);
}

static void what_it_neither_uses_nor_gives_back_is_for_people(void **state)
{
	struct world world;
	struct scale_guest *guest = &world.guests[0];

	(void)state;
	world_init(&world, 1);
	set_available(&world, 0);
	guest->facts.given += decide(&world, SECOND)->bytes;
	guest->facts.change = SCALE_DONE;
	decide(&world, SECOND);
	decide(&world, 30 * SECOND);
	assert_int_equal(guest->decision.action, SCALE_TAKE_OUT);
	guest->facts.change = SCALE_REFUSED;
	decide(&world, SECOND);
	expect(&world, 0, SCALE_NOTHING, 0, SCALE_STUCK);
	decide(&world, 10 * MINUTE);
	expect(&world, 0, SCALE_NOTHING, 0, SCALE_STUCK);
}

/*
 * It may still be executed: nothing else is asked for, and its memory stays in the
 * account.
 */
static void a_call_without_an_end_stays_in_flight(void **state)
{
	struct world world;
	uint64_t asked;

	(void)state;
	world_init(&world, 2);
	set_available(&world, 0);
	asked = decide(&world, SECOND)->bytes;
	decide(&world, 2 * MINUTE);
	expect(&world, 0, SCALE_NOTHING, 0, SCALE_STUCK);
	assert_int_equal(world.guests[0].memory.reason, SCALE_BY_NO_PROGRESS);
	/* Room for one step less than both need. */
	world.host.capacity = world.host.reserve_hard + 4 * GIB + asked;
	world.guests[1].facts.pressed = BIT(OOM_KILL);
	decide(&world, SECOND);
	assert_int_equal(world.guests[1].decision.reason, SCALE_BY_HOST_SHORT);
	world.guests[0].facts.given += asked;
	world.guests[0].facts.change = SCALE_DONE;
	decide(&world, SECOND);
	expect(&world, 0, SCALE_NOTHING, 0, SCALE_CONFIRMING);
}

static void time_away_does_not_count(void **state)
{
	struct world world;
	struct scale_guest *guest = &world.guests[0];

	(void)state;
	world_init(&world, 1);
	set_available(&world, 0);
	guest->facts.given += decide(&world, SECOND)->bytes;
	guest->facts.change = SCALE_DONE;
	decide(&world, SECOND);
	guest->facts.presence = SCALE_IS_PAUSED;
	decide(&world, 10 * MINUTE);
	guest->facts.presence = SCALE_PRESENT;
	decide(&world, SECOND);
	expect(&world, 0, SCALE_NOTHING, 0, SCALE_CONFIRMING);
}

/* --- growth */

static void it_grows_by_what_it_needs(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	/* 15 % of what it uses is the headroom, and 70 % of that the mark. */
	set_available(&world, 210 * MIB);
	decide(&world, SECOND);
	expect_none(&world, SCALE_BY_ENOUGH);
	world_init(&world, 1);
	set_available(&world, 180 * MIB);
	decide(&world, SECOND);
	assert_int_equal(world.guests[0].decision.reason, SCALE_BY_AVAILABLE);
	expect(&world, 0, SCALE_GROW, 256 * MIB, SCALE_GROWING);
	world_init(&world, 1);
	set_available(&world, 0);
	decide(&world, SECOND);
	expect(&world, 0, SCALE_GROW, 512 * MIB, SCALE_GROWING);
	assert_true(world.guests[0].decision.urgent);
	/* A larger guest grows by a fifth. */
	world_init(&world, 1);
	world.guests[0].facts.given = world.guests[0].facts.confirmed = 4 * GIB;
	set_available(&world, 1200 * MIB);
	world.guests[0].facts.pressed = BIT(OOM_KILL);
	decide(&world, SECOND);
	expect(&world, 0, SCALE_GROW, GIB, SCALE_GROWING);
}

static void it_grows_by_how_fast_it_uses_more(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	set_available(&world, 600 * MIB);
	decide(&world, SECOND);
	expect_none(&world, SCALE_BY_NOT_CALM);
	set_available(&world, 100 * MIB);
	decide(&world, 10 * SECOND);
	/* 50 MiB a second for five seconds, beside the headroom. */
	expect(&world, 0, SCALE_GROW, 512 * MIB, SCALE_GROWING);
}

static void one_change_at_a_time(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	set_available(&world, 0);
	decide(&world, SECOND);
	assert_int_equal(world.guests[0].decision.action, SCALE_GROW);
	world.guests[0].facts.pressed = BIT(OOM_KILL);
	decide(&world, SECOND);
	expect_none(&world, SCALE_BY_IN_FLIGHT);
}

/* What the last numbers say of the change before is not taken for this one's end. */
static void the_end_of_one_change_is_not_the_next_ones(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	set_available(&world, 0);
	world.guests[0].facts.change = SCALE_DONE;
	decide(&world, SECOND);
	assert_int_equal(world.guests[0].facts.change, SCALE_PENDING);
	decide(&world, SECOND);
	expect(&world, 0, SCALE_NOTHING, 0, SCALE_GROWING);
}

static void stalls_and_kills_count_though_memory_is_available(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	set_available(&world, 600 * MIB);
	world.guests[0].facts.pressed = BIT(STALL);
	decide(&world, SECOND);
	assert_int_equal(world.guests[0].decision.reason, SCALE_BY_STALL);
	expect(&world, 0, SCALE_GROW, 256 * MIB, SCALE_GROWING);
	world_init(&world, 1);
	set_available(&world, 600 * MIB);
	world.guests[0].facts.pressed = BIT(OOM_KILL);
	decide(&world, SECOND);
	assert_int_equal(world.guests[0].decision.reason, SCALE_BY_OOM_KILL);
	expect(&world, 0, SCALE_GROW, 512 * MIB, SCALE_GROWING);
	assert_true(world.guests[0].decision.urgent);
}

/* Where no event came the counters of two samples say the same. */
static void counters_say_what_events_say(void **state)
{
	struct world world;
	struct stats *stats;

	(void)state;
	world_init(&world, 1);
	stats = &world.guests[0].facts.stats;
	set_available(&world, 600 * MIB);
	decide(&world, SECOND);
	stats->some.total_usec = 900000;
	decide(&world, 10 * SECOND);
	assert_int_equal(world.guests[0].decision.action, SCALE_NOTHING);
	stats->some.total_usec += 1000000;
	decide(&world, 10 * SECOND);
	assert_int_equal(world.guests[0].decision.reason, SCALE_BY_STALL);
	world_init(&world, 1);
	set_available(&world, 600 * MIB);
	decide(&world, SECOND);
	stats->oom_kills = 1;
	decide(&world, 10 * SECOND);
	assert_int_equal(world.guests[0].decision.reason, SCALE_BY_OOM_KILL);
	world_init(&world, 1);
	set_available(&world, 600 * MIB);
	decide(&world, SECOND);
	stats->some.total_usec = stats->full.total_usec = 500000;
	decide(&world, 10 * SECOND);
	assert_true(world.guests[0].decision.urgent);
}

static void more_in_a_row_is_more_at_a_time(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	set_available(&world, 180 * MIB);
	decide(&world, SECOND);
	grow(&world, 256 * MIB, 190 * MIB);
	decide(&world, 3 * SECOND);
	grow(&world, 512 * MIB, 200 * MIB);
	decide(&world, 3 * SECOND);
	/* A quarter of what it has, in whole steps. */
	expect(&world, 0, SCALE_GROW, 768 * MIB, SCALE_GROWING);
}

/* Where a quarter is far: twice as much each time. */
static void more_in_a_row_doubles(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	world.guests[0].rules.max = 64 * GIB;
	world.guests[0].rules.headroom_percent = 1;
	world.guests[0].facts.given = world.guests[0].facts.confirmed = 16 * GIB;
	set_available(&world, 20 * MIB);
	decide(&world, SECOND);
	grow(&world, 256 * MIB, 20 * MIB);
	decide(&world, 3 * SECOND);
	grow(&world, 512 * MIB, 20 * MIB);
	decide(&world, 3 * SECOND);
	expect(&world, 0, SCALE_GROW, GIB, SCALE_GROWING);
}

static void it_keeps_to_its_maximum(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	set_available(&world, 0);
	world.guests[0].rules.max = 2 * GIB + 300 * MIB;
	decide(&world, SECOND);
	expect(&world, 0, SCALE_GROW, 256 * MIB, SCALE_GROWING);
	world_init(&world, 1);
	set_available(&world, 0);
	world.guests[0].rules.max = 2 * GIB + 255 * MIB;
	decide(&world, SECOND);
	expect_none(&world, SCALE_BY_AT_MAXIMUM);
}

static void below_its_minimum_it_gets_that(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	world.guests[0].rules.min = 3 * GIB;
	decide(&world, SECOND);
	expect(&world, 0, SCALE_GROW, GIB, SCALE_GROWING);
	assert_int_equal(world.guests[0].memory.reason, SCALE_BY_BELOW_MINIMUM);
}

static void the_memmap_has_to_fit(void **state)
{
	struct world world;
	struct stats_zone *kernel;

	(void)state;
	world_init(&world, 1);
	kernel = &world.guests[0].facts.stats.kernel;
	set_available(&world, 0);
	kernel->free = 3 * MIB;
	kernel->file = 2 * MIB;
	decide(&world, SECOND);
	expect(&world, 0, SCALE_GROW, 256 * MIB, SCALE_GROWING);
	world_init(&world, 1);
	set_available(&world, 0);
	kernel->free = kernel->file = MIB;
	decide(&world, SECOND);
	expect_none(&world, SCALE_BY_KERNEL_SHORT);
}

static void movable_memory_needs_kernel_memory_beside_it(void **state)
{
	struct world world;
	struct stats *stats;

	(void)state;
	world_init(&world, 1);
	stats = &world.guests[0].facts.stats;
	set_available(&world, 0);
	stats->kernel.total = 400 * MIB;
	stats->movable.total = 1300 * MIB;
	decide(&world, SECOND);
	expect(&world, 0, SCALE_GROW, 256 * MIB, SCALE_GROWING);
	world_init(&world, 1);
	set_available(&world, 0);
	stats->kernel.total = 400 * MIB;
	stats->movable.total = 1500 * MIB;
	decide(&world, SECOND);
	expect_none(&world, SCALE_BY_RATIO);
	world.guests[0].rules.movable_ratio = 0;
	decide(&world, SECOND);
	assert_int_equal(world.guests[0].decision.action, SCALE_GROW);
}

static void two_growths_are_apart_unless_it_is_urgent(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	world.guests[0].rules.grow_cooldown_usec = 10 * SECOND;
	set_available(&world, 180 * MIB);
	decide(&world, SECOND);
	grow(&world, 256 * MIB, 190 * MIB);
	decide(&world, SECOND);
	expect_none(&world, SCALE_BY_COOL_DOWN);
	set_available(&world, 10 * MIB);
	decide(&world, SECOND);
	assert_int_equal(world.guests[0].decision.action, SCALE_GROW);
}

/* --- the host */

static void it_gives_nothing_of_its_reserve(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	world.host.capacity = 2 * GIB + world.host.reserve_soft + 255 * MIB;
	set_available(&world, 180 * MIB);
	decide(&world, SECOND);
	expect_none(&world, SCALE_BY_HOST_SHORT);
	/* Who needs it to live gets it down to the hard one. */
	world.guests[0].facts.pressed = BIT(OOM_KILL);
	decide(&world, SECOND);
	expect(&world, 0, SCALE_GROW, 512 * MIB, SCALE_GROWING);
	world_init(&world, 1);
	world.host.capacity = 2 * GIB + world.host.reserve_hard + 300 * MIB;
	set_available(&world, 0);
	decide(&world, SECOND);
	expect(&world, 0, SCALE_GROW, 256 * MIB, SCALE_GROWING);
}

static void what_the_host_has_left_counts_too(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	world.host.available = world.host.reserve_soft + 100 * MIB;
	set_available(&world, 180 * MIB);
	decide(&world, SECOND);
	expect_none(&world, SCALE_BY_HOST_SHORT);
}

static void a_short_host_shares_by_priority(void **state)
{
	struct world world;
	size_t i;

	(void)state;
	world_init(&world, 3);
	for (i = 0; i < 3; i++) {
		world.guests[i].facts.given = world.guests[i].facts.confirmed = 8 * GIB;
		world.guests[i].facts.stats.available = 0;
		world.guests[i].rules.max = 16 * GIB;
	}
	world.guests[1].rules.priority = 2;
	/* Each would like 1.25 GiB; there are 2 for them. */
	world.host.capacity = 26 * GIB + world.host.reserve_hard;
	decide(&world, SECOND);
	expect(&world, 0, SCALE_GROW, 512 * MIB, SCALE_GROWING);
	expect(&world, 1, SCALE_GROW, GIB, SCALE_GROWING);
	expect(&world, 2, SCALE_GROW, 512 * MIB, SCALE_GROWING);
}

/* The first one's part is less than a step of its own: the second one's stays the second one's. */
static void who_is_not_in_need_has_no_part(void **state)
{
	struct world world;
	size_t i;

	(void)state;
	world_init(&world, 3);
	for (i = 0; i < 2; i++) {
		world.guests[i].facts.given = world.guests[i].facts.confirmed = 8 * GIB;
		world.guests[i].facts.stats.available = 0;
		world.guests[i].rules.max = 16 * GIB;
	}
	world.guests[0].rules.step = GIB;
	world.guests[2].facts.stats.available = 180 * MIB;
	world.host.capacity = 18 * GIB + 1536 * MIB + world.host.reserve_hard;
	decide(&world, SECOND);
	assert_false(world.guests[2].decision.urgent);
	expect(&world, 1, SCALE_GROW, 1280 * MIB, SCALE_GROWING);
}

static void what_is_left_goes_step_by_step(void **state)
{
	struct world world;
	size_t i;

	(void)state;
	world_init(&world, 3);
	for (i = 0; i < 3; i++)
		world.guests[i].facts.stats.available = 0;
	world.guests[2].rules.priority = 3;
	/* Each would like 512 MiB; 2 steps are there. The parts are less than one but for the third's. */
	world.host.capacity = 6 * GIB + world.host.reserve_hard + 600 * MIB;
	decide(&world, SECOND);
	expect(&world, 0, SCALE_GROW, 256 * MIB, SCALE_GROWING);
	assert_int_equal(world.guests[1].decision.reason, SCALE_BY_HOST_SHORT);
	expect(&world, 2, SCALE_GROW, 256 * MIB, SCALE_GROWING);
}

static void who_is_killed_comes_first(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 2);
	set_available(&world, 190 * MIB);
	world.guests[1].facts.pressed = BIT(OOM_KILL);
	world.host.capacity = 4 * GIB + world.host.reserve_soft + 512 * MIB;
	decide(&world, SECOND);
	expect_none(&world, SCALE_BY_HOST_SHORT);
	expect(&world, 1, SCALE_GROW, 512 * MIB, SCALE_GROWING);
}

/* --- shrinks */

static void it_gives_back_once_it_has_been_calm(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	set_available(&world, GIB);
	decide(&world, SECOND);
	expect(&world, 0, SCALE_NOTHING, 0, SCALE_CALM);
	decide(&world, 59 * SECOND);
	expect_none(&world, SCALE_BY_NOT_CALM);
	decide(&world, SECOND);
	expect(&world, 0, SCALE_SHRINK, 256 * MIB, SCALE_SHRINKING);
	assert_int_equal(world.guests[0].decision.reason, SCALE_BY_SPARE);
}

static void calm_begins_anew_after_a_need(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	set_available(&world, GIB);
	decide(&world, SECOND);
	decide(&world, 40 * SECOND);
	set_available(&world, 300 * MIB);
	decide(&world, SECOND);
	set_available(&world, GIB);
	decide(&world, 10 * SECOND);
	decide(&world, 30 * SECOND);
	expect_none(&world, SCALE_BY_NOT_CALM);
}

static void what_it_gives_it_can_spare(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	/* The headroom, a quarter of it, and a step less one. */
	set_available(&world, (2048 + 20 - 1) * MIB * 100 / 615);
	decide(&world, SECOND);
	expect_none(&world, SCALE_BY_ENOUGH);
	decide(&world, 10 * MINUTE);
	expect_none(&world, SCALE_BY_ENOUGH);
}

static void it_keeps_to_its_minimum(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	world.guests[0].rules.min = 2 * GIB - 255 * MIB;
	set_available(&world, GIB);
	decide(&world, SECOND);
	decide(&world, 2 * MINUTE);
	expect_none(&world, SCALE_BY_AT_MINIMUM);
}

static void what_cannot_go_is_not_asked_for(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	world.guests[0].facts.removable = 255 * MIB;
	set_available(&world, GIB);
	decide(&world, SECOND);
	decide(&world, 2 * MINUTE);
	expect_none(&world, SCALE_BY_NOT_REMOVABLE);
}

static void the_last_growth_is_kept(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	set_available(&world, 0);
	decide(&world, SECOND);
	grow(&world, 512 * MIB, 2 * GIB);
	decide(&world, SECOND);
	decide(&world, 110 * SECOND);
	expect_none(&world, SCALE_BY_LAST_GROWTH);
	decide(&world, 10 * SECOND);
	assert_int_equal(world.guests[0].decision.action, SCALE_SHRINK);
}

static void shrink(struct world *world)
{
	struct scale_guest *guest = &world->guests[0];

	assert_int_equal(guest->decision.action, SCALE_SHRINK);
	guest->facts.given -= guest->decision.bytes;
	guest->facts.confirmed -= guest->decision.bytes;
	guest->facts.stats.available -= guest->decision.bytes;
	guest->facts.change = SCALE_DONE;
	decide(world, SECOND);
	assert_int_equal(guest->memory.stage, SCALE_NONE);
}

static void two_shrinks_are_apart(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	world.guests[0].rules.min = 0;
	world.guests[0].facts.removable = 2 * GIB;
	world.guests[0].rules.shrink_cooldown_usec = 5 * MINUTE;
	set_available(&world, 3 * GIB / 2);
	decide(&world, SECOND);
	decide(&world, MINUTE);
	shrink(&world);
	decide(&world, SECOND);
	decide(&world, 4 * MINUTE);
	expect_none(&world, SCALE_BY_COOL_DOWN);
	decide(&world, MINUTE);
	assert_int_equal(world.guests[0].decision.action, SCALE_SHRINK);
}

static void a_refused_shrink_does_not_hinder_growth(void **state)
{
	struct world world;
	struct scale_guest *guest = &world.guests[0];

	(void)state;
	world_init(&world, 1);
	set_available(&world, GIB);
	decide(&world, SECOND);
	decide(&world, MINUTE);
	assert_int_equal(guest->decision.action, SCALE_SHRINK);
	/* Half of it. */
	guest->facts.given -= 128 * MIB;
	guest->facts.confirmed -= 128 * MIB;
	guest->facts.change = SCALE_DONE;
	decide(&world, SECOND);
	assert_int_equal(guest->memory.reason, SCALE_BY_REFUSED);
	decide(&world, SECOND);
	expect(&world, 0, SCALE_NOTHING, 0, SCALE_BACKING_OFF);
	set_available(&world, 0);
	decide(&world, SECOND);
	assert_int_equal(guest->decision.action, SCALE_GROW);
}

static void what_it_needed_before_it_keeps(void **state)
{
	struct world world;
	struct scale_guest *guest = &world.guests[0];

	(void)state;
	world_init(&world, 1);
	set_available(&world, GIB);
	decide(&world, SECOND);
	decide(&world, MINUTE);
	shrink(&world);
	/* It stalls with less, and is given that again. */
	guest->facts.pressed = BIT(STALL);
	decide(&world, 10 * SECOND);
	grow(&world, 256 * MIB, GIB);
	decide(&world, 3 * MINUTE);
	decide(&world, 3 * MINUTE);
	expect_none(&world, SCALE_BY_NEEDED_BEFORE);
	decide(&world, 20 * MINUTE);
	expect_none(&world, SCALE_BY_NEEDED_BEFORE);
	decide(&world, 10 * MINUTE);
	assert_int_equal(guest->decision.action, SCALE_SHRINK);
}

static void where_others_wait_a_quarter_of_the_calm_is_enough(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 2);
	set_available(&world, GIB);
	decide(&world, SECOND);
	world.host.capacity = 4 * GIB;
	world.guests[1].facts.pressed = BIT(OOM_KILL);
	decide(&world, 16 * SECOND);
	assert_int_equal(world.guests[1].decision.reason, SCALE_BY_HOST_SHORT);
	assert_int_equal(world.guests[0].decision.action, SCALE_SHRINK);
}

/* --- the rest */

static void thresholds_are_heard_of_before_it_is_too_late(void **state)
{
	struct pressure_thresholds thresholds;
	struct scale_guest guest;

	(void)state;
	guest_init(&guest);
	scale_thresholds(&guest.rules, &guest.facts, &thresholds);
	/* 1748 MiB are used: 70 % of 15 % of that, but for rounding. */
	assert_in_range(thresholds.available, 183 * MIB, 184 * MIB);
	assert_int_equal(thresholds.stall_usec, PRESSURE_WINDOW_USEC / 10);
	stats_init(&guest.facts.stats);
	guest.facts.confirmed = UINT64_MAX;
	scale_thresholds(&guest.rules, &guest.facts, &thresholds);
	assert_in_range(thresholds.available, 215 * MIB, 216 * MIB);
}

static void it_looks_again_when_that_can_help(void **state)
{
	struct world world;

	(void)state;
	world_init(&world, 1);
	decide(&world, SECOND);
	assert_int_equal(world.guests[0].decision.next_usec - world.now, MINUTE);
	set_available(&world, GIB);
	decide(&world, SECOND);
	assert_int_equal(world.guests[0].decision.next_usec - world.now, 15 * SECOND);
	world.host.capacity = 0;
	set_available(&world, 0);
	decide(&world, SECOND);
	assert_int_equal(world.guests[0].decision.next_usec - world.now, SECOND);
}

static void words_are_words(void **state)
{
	(void)state;
	assert_string_equal(scale_state_text(SCALE_BACKING_OFF), "backing-off");
	assert_string_equal(scale_state_text(SCALE_STATES), "unknown");
	assert_string_equal(scale_reason_text(SCALE_BY_HOST_SHORT), "host-short");
	assert_string_equal(scale_reason_text(SCALE_REASONS), "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_unknown_moves_nothing),
		cmocka_unit_test(old_numbers_move_nothing),
		cmocka_unit_test(who_is_away_is_left_alone),
		cmocka_unit_test(a_liar_costs_its_own_maximum),
		cmocka_unit_test(a_refusal_is_not_repeated_at_once),
		cmocka_unit_test(what_does_not_come_online_is_taken_out_again),
		cmocka_unit_test(what_it_neither_uses_nor_gives_back_is_for_people),
		cmocka_unit_test(a_call_without_an_end_stays_in_flight),
		cmocka_unit_test(time_away_does_not_count),
		cmocka_unit_test(it_grows_by_what_it_needs),
		cmocka_unit_test(it_grows_by_how_fast_it_uses_more),
		cmocka_unit_test(one_change_at_a_time),
		cmocka_unit_test(the_end_of_one_change_is_not_the_next_ones),
		cmocka_unit_test(stalls_and_kills_count_though_memory_is_available),
		cmocka_unit_test(counters_say_what_events_say),
		cmocka_unit_test(more_in_a_row_is_more_at_a_time),
		cmocka_unit_test(more_in_a_row_doubles),
		cmocka_unit_test(it_keeps_to_its_maximum),
		cmocka_unit_test(below_its_minimum_it_gets_that),
		cmocka_unit_test(the_memmap_has_to_fit),
		cmocka_unit_test(movable_memory_needs_kernel_memory_beside_it),
		cmocka_unit_test(two_growths_are_apart_unless_it_is_urgent),
		cmocka_unit_test(it_gives_nothing_of_its_reserve),
		cmocka_unit_test(what_the_host_has_left_counts_too),
		cmocka_unit_test(a_short_host_shares_by_priority),
		cmocka_unit_test(who_is_not_in_need_has_no_part),
		cmocka_unit_test(what_is_left_goes_step_by_step),
		cmocka_unit_test(who_is_killed_comes_first),
		cmocka_unit_test(it_gives_back_once_it_has_been_calm),
		cmocka_unit_test(calm_begins_anew_after_a_need),
		cmocka_unit_test(what_it_gives_it_can_spare),
		cmocka_unit_test(it_keeps_to_its_minimum),
		cmocka_unit_test(what_cannot_go_is_not_asked_for),
		cmocka_unit_test(the_last_growth_is_kept),
		cmocka_unit_test(two_shrinks_are_apart),
		cmocka_unit_test(a_refused_shrink_does_not_hinder_growth),
		cmocka_unit_test(what_it_needed_before_it_keeps),
		cmocka_unit_test(where_others_wait_a_quarter_of_the_calm_is_enough),
		cmocka_unit_test(thresholds_are_heard_of_before_it_is_too_late),
		cmocka_unit_test(it_looks_again_when_that_can_help),
		cmocka_unit_test(words_are_words),
	};

	return cmocka_run_group_tests_name("scale", tests, NULL, NULL);
}
