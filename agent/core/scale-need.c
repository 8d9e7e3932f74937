/* SPDX-License-Identifier: GPL-2.0-or-later */

/* How much more a guest needs, and how much it can spare: from its numbers alone. */

#include "core/scale-private.h"

/* A sample that is older says nothing. */
#define STALE_USEC (20 * SCALE_SECOND)
/* An event is heeded for so long, unless newer samples say the same. */
#define PRESSED_USEC (10 * SCALE_SECOND)
/* Rates are of samples at least this far apart. */
#define RATE_MIN_USEC (SCALE_SECOND / 2)
/* How long it takes until memory that is asked for can be used. */
#define LEAD_SEC 5
/* Share of the time: tasks wait, and all of them do. */
#define STALLED_PERCENT 10
#define FULL_PERCENT 5
/* The kernel's description of a page is 64 bytes of 4096. */
#define MEMMAP_SHARE 64
/* Of the headroom: it grows with less, and nothing keeps it waiting with less again. */
#define LOW_PERCENT 70
#define URGENT_PERCENT 40
#define STREAK_MAX 3
#define BIT(signal) (1u << PRESSURE_##signal)

static uint64_t least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t round_down(uint64_t bytes, uint64_t step)
{
	return bytes - bytes % step;
}

static uint64_t round_up(uint64_t bytes, uint64_t step)
{
	return round_down(bytes + step - 1, step);
}

/* --- samples */

static uint64_t bounded(uint64_t bytes, uint64_t bound)
{
	return bytes == STATS_UNKNOWN ? bytes : least(bytes, bound);
}

void scale_trim(struct scale_facts *facts)
{
	struct stats *stats = &facts->stats;

	facts->confirmed = least(facts->confirmed, facts->given);
	facts->removable = least(facts->removable, facts->given);
	stats->free = bounded(stats->free, facts->confirmed);
	stats->file = bounded(stats->file, facts->confirmed);
	/* CentOS 6 does not estimate it. */
	if (stats->available == STATS_UNKNOWN && stats->free != STATS_UNKNOWN &&
	    stats->file != STATS_UNKNOWN)
		stats->available = stats->free + stats->file;
	stats->available = bounded(stats->available, facts->confirmed);
	stats->kernel.free = bounded(stats->kernel.free, facts->confirmed);
	stats->kernel.file = bounded(stats->kernel.file, facts->confirmed);
	stats->kernel.low = bounded(stats->kernel.low, facts->confirmed);
	stats->kernel.total = bounded(stats->kernel.total, facts->given);
	stats->movable.total = bounded(stats->movable.total, facts->given);
}

static uint64_t used(const struct scale_facts *facts)
{
	return facts->stats.available == STATS_UNKNOWN
		       ? facts->confirmed
		       : facts->confirmed - facts->stats.available;
}

/* Too old, or of before the last change. */
static bool is_stale(const struct scale_guest *guest, uint64_t now_usec)
{
	uint64_t sampled = guest->facts.sampled_usec;

	return !sampled || now_usec - sampled > STALE_USEC ||
	       sampled <= guest->memory.grown_usec ||
	       sampled <= guest->memory.shrunk_usec;
}

/* Whether the counter grew by that share of the time between two samples. */
static bool grew_by(uint64_t before, uint64_t now, uint64_t elapsed_usec,
		    unsigned percent)
{
	return before != STATS_UNKNOWN && now != STATS_UNKNOWN && now > before &&
	       now - before >= elapsed_usec / 100 * percent;
}

static unsigned pressed_by(const struct scale_memory *memory,
			   const struct scale_facts *facts, uint64_t elapsed_usec)
{
	const struct stats *stats = &facts->stats;
	unsigned pressed = 0;

	if (grew_by(memory->some_usec, stats->some.total_usec, elapsed_usec,
		    STALLED_PERCENT))
		pressed |= BIT(STALL);
	if (memory->oom_kills != STATS_UNKNOWN && stats->oom_kills != STATS_UNKNOWN &&
	    stats->oom_kills > memory->oom_kills)
		pressed |= BIT(OOM_KILL);
	/* All of them: that is as bad. */
	if (grew_by(memory->full_usec, stats->full.total_usec, elapsed_usec,
		    FULL_PERCENT))
		pressed |= BIT(STALL) | BIT(OOM_KILL);
	return pressed;
}

static void press(struct scale_memory *memory, unsigned pressed, uint64_t now_usec)
{
	if (now_usec - memory->pressed_usec > PRESSED_USEC)
		memory->pressed = 0;
	memory->pressed |= pressed;
	if (pressed)
		memory->pressed_usec = now_usec;
}

void scale_take_sample(struct scale_memory *memory, const struct scale_facts *facts,
		       uint64_t now_usec)
{
	uint64_t elapsed = facts->sampled_usec - memory->sampled_usec;
	uint64_t grown = less(used(facts), memory->used);

	press(memory, facts->pressed, now_usec);
	if (facts->sampled_usec <= memory->sampled_usec ||
	    (memory->sampled_usec && elapsed < RATE_MIN_USEC))
		return;
	if (memory->sampled_usec) {
		press(memory, pressed_by(memory, facts, elapsed), now_usec);
		memory->rate = (uint64_t)((double)grown * SCALE_SECOND / (double)elapsed);
	}
	memory->sampled_usec = facts->sampled_usec;
	memory->used = used(facts);
	memory->some_usec = facts->stats.some.total_usec;
	memory->full_usec = facts->stats.full.total_usec;
	memory->oom_kills = facts->stats.oom_kills;
}

/* --- needs */

static uint64_t headroom(const struct scale_rules *rules, uint64_t bytes)
{
	return most(rules->headroom_min, bytes / 100 * rules->headroom_percent);
}

/* What it will use more by the time that memory has come. */
static uint64_t ahead(const struct scale_guest *guest)
{
	return least(guest->memory.rate * LEAD_SEC, guest->facts.confirmed / 2);
}

/* Less is available than that part of the headroom. */
static bool is_below(const struct scale_guest *guest, unsigned percent)
{
	const struct scale_facts *facts = &guest->facts;

	return facts->stats.available != STATS_UNKNOWN &&
	       facts->stats.available <
		       headroom(&guest->rules, used(facts)) / 100 * percent;
}

static enum scale_reason reason_to_grow(const struct scale_guest *guest)
{
	unsigned pressed = guest->memory.pressed;

	if (guest->facts.given < guest->rules.min)
		return SCALE_BY_BELOW_MINIMUM;
	if (pressed & BIT(OOM_KILL))
		return SCALE_BY_OOM_KILL;
	if (is_below(guest, LOW_PERCENT))
		return SCALE_BY_AVAILABLE;
	if (pressed & BIT(STALL))
		return SCALE_BY_STALL;
	return SCALE_BY_ENOUGH;
}

/* Killed, or soon will be. */
static bool is_urgent(const struct scale_guest *guest)
{
	return guest->memory.pressed & BIT(OOM_KILL) || is_below(guest, URGENT_PERCENT) ||
	       (guest->facts.stats.available < ahead(guest) &&
		is_below(guest, LOW_PERCENT));
}

/* What it should have in all. */
static uint64_t target(const struct scale_guest *guest, enum scale_reason reason)
{
	const struct scale_rules *rules = &guest->rules;
	uint64_t confirmed = guest->facts.confirmed;
	uint64_t size =
		used(&guest->facts) + ahead(guest) + headroom(rules, used(&guest->facts));

	if (reason == SCALE_BY_BELOW_MINIMUM)
		return confirmed + less(rules->min, guest->facts.given);
	if (reason == SCALE_BY_STALL)
		size = most(size, confirmed + rules->step);
	if (reason == SCALE_BY_OOM_KILL)
		size = most(size, confirmed + most(rules->step, confirmed / 5));
	return size;
}

/* The more often in a row, the more at a time. */
static uint64_t with_streak(const struct scale_guest *guest, uint64_t bytes)
{
	unsigned streak = guest->memory.streak < STREAK_MAX ? guest->memory.streak
							    : STREAK_MAX;

	return streak ? most(bytes, least(guest->rules.step << streak,
					  guest->facts.confirmed / 4))
		      : bytes;
}

/* Rails: each cuts the wish to what it allows. */

static void cut(struct scale_wish *wish, uint64_t bytes, uint64_t step,
		enum scale_reason reason)
{
	if (wish->bytes <= bytes)
		return;
	wish->bytes = round_down(bytes, step);
	if (!wish->bytes)
		wish->reason = reason;
}

/* Its description has to fit into the kernel's zones, where cached files give way to it. */
static void cut_to_memmap(struct scale_wish *wish, const struct scale_guest *guest)
{
	const struct stats_zone *kernel = &guest->facts.stats.kernel;
	uint64_t file = kernel->file == STATS_UNKNOWN ? 0 : kernel->file;

	if (kernel->free != STATS_UNKNOWN)
		cut(wish, (kernel->free + file) * MEMMAP_SHARE, guest->rules.step,
		    SCALE_BY_KERNEL_SHORT);
}

/* As if all of it went to ZONE_MOVABLE: the host cannot know. */
static void cut_to_ratio(struct scale_wish *wish, const struct scale_guest *guest)
{
	const struct stats *stats = &guest->facts.stats;

	if (guest->rules.movable_ratio && stats->kernel.total != STATS_UNKNOWN &&
	    stats->movable.total != STATS_UNKNOWN)
		cut(wish,
		    less(stats->kernel.total / 100 * guest->rules.movable_ratio,
			 stats->movable.total),
		    guest->rules.step, SCALE_BY_RATIO);
}

static bool is_cooling_down(const struct scale_guest *guest, bool urgent,
			    uint64_t now_usec)
{
	const struct scale_memory *memory = &guest->memory;

	return now_usec < memory->hold_grow_usec ||
	       (!urgent && memory->grown_usec &&
		now_usec - memory->grown_usec < guest->rules.grow_cooldown_usec);
}

void scale_growth(const struct scale_guest *guest, uint64_t now_usec,
		  struct scale_wish *wish)
{
	const struct scale_rules *rules = &guest->rules;

	wish->bytes = 0;
	wish->reason = SCALE_BY_STALE;
	if (is_stale(guest, now_usec))
		return;
	wish->reason = reason_to_grow(guest);
	if (wish->reason == SCALE_BY_ENOUGH)
		return;
	wish->by_stall = wish->reason == SCALE_BY_STALL;
	wish->urgent = is_urgent(guest);
	wish->bytes = with_streak(
		guest, round_up(less(target(guest, wish->reason), guest->facts.confirmed),
				rules->step));
	wish->bytes = round_up(wish->bytes, rules->step);
	cut(wish, less(rules->max, guest->facts.given), rules->step, SCALE_BY_AT_MAXIMUM);
	cut_to_memmap(wish, guest);
	cut_to_ratio(wish, guest);
	if (is_cooling_down(guest, wish->urgent, now_usec))
		cut(wish, 0, rules->step, SCALE_BY_COOL_DOWN);
}

/* --- what it can spare */

uint64_t scale_spare(const struct scale_guest *guest)
{
	const struct scale_facts *facts = &guest->facts;
	uint64_t keep = headroom(&guest->rules, used(facts));
	uint64_t spare;

	if (facts->stats.available == STATS_UNKNOWN || guest->memory.pressed)
		return 0;
	spare = less(facts->stats.available, keep + keep / 4 + ahead(guest));
	return spare < guest->rules.step ? 0 : spare;
}

/* Not below this, by the stronger of the reasons. */
static uint64_t lowest(const struct scale_guest *guest, uint64_t now_usec,
		       enum scale_reason *reason)
{
	const struct scale_memory *memory = &guest->memory;

	*reason = SCALE_BY_AT_MINIMUM;
	if (now_usec >= memory->floor_usec || memory->floor <= guest->rules.min)
		return guest->rules.min;
	*reason = SCALE_BY_NEEDED_BEFORE;
	return memory->floor;
}

static enum scale_reason reason_to_wait(const struct scale_guest *guest, bool host_short,
					uint64_t now_usec)
{
	const struct scale_memory *memory = &guest->memory;
	const struct scale_rules *rules = &guest->rules;
	uint64_t calm = host_short ? rules->calm_usec / 4 : rules->calm_usec;

	if (memory->grown_usec && now_usec - memory->grown_usec < rules->keep_usec)
		return SCALE_BY_LAST_GROWTH;
	if (now_usec < memory->hold_shrink_usec ||
	    (memory->shrunk_usec &&
	     now_usec - memory->shrunk_usec < rules->shrink_cooldown_usec))
		return SCALE_BY_COOL_DOWN;
	if (!memory->calm_usec || now_usec - memory->calm_usec < calm)
		return SCALE_BY_NOT_CALM;
	return SCALE_BY_SPARE;
}

void scale_reduction(const struct scale_guest *guest, bool host_short, uint64_t now_usec,
		     struct scale_wish *wish)
{
	uint64_t step = guest->rules.step, spare = scale_spare(guest), floor;
	enum scale_reason reason;

	wish->bytes = 0;
	wish->reason = SCALE_BY_STALE;
	if (is_stale(guest, now_usec))
		return;
	wish->reason = SCALE_BY_ENOUGH;
	if (!spare)
		return;
	/* Half of it, and no more than a quarter of all: what it can spare is an estimate. */
	wish->bytes = round_down(most(step, least(spare / 2, guest->facts.confirmed / 4)),
				 step);
	wish->reason = SCALE_BY_SPARE;
	floor = lowest(guest, now_usec, &reason);
	cut(wish, less(guest->facts.given, floor), step, reason);
	cut(wish, guest->facts.removable, step, SCALE_BY_NOT_REMOVABLE);
	reason = reason_to_wait(guest, host_short, now_usec);
	if (reason != SCALE_BY_SPARE)
		cut(wish, 0, step, reason);
}

void scale_thresholds(const struct scale_rules *rules, const struct scale_facts *facts,
		      struct pressure_thresholds *thresholds)
{
	struct scale_facts trimmed = *facts;

	scale_trim(&trimmed);
	thresholds->available = headroom(rules, used(&trimmed)) / 100 * LOW_PERCENT;
	thresholds->kernel_free = 0;
	thresholds->stall_usec = PRESSURE_WINDOW_USEC / 100 * STALLED_PERCENT;
}
