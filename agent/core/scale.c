/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/scale.h"

#include <string.h>

#include "core/scale-private.h"

#define MINUTE (60 * SCALE_SECOND)
#define MIB (1024ull * 1024)

/* The time limit of the host's calls: after it the result is unknown. */
#define ASKED_USEC (2 * MINUTE)
/* After a failure nothing for so long, twice as long after each one more. */
#define BACK_OFF_USEC (2 * SCALE_SECOND)
#define BACK_OFF_MAX_USEC (10 * MINUTE)
#define FAILURES_MAX 8
#define STUCK_USEC (30 * MINUTE)
/* It stalled after a shrink, or until it was given more: not again for so long. */
#define REGRET_USEC (30 * MINUTE)
#define REGRET_MAX_USEC (480 * MINUTE)
/* Growths that follow one another within this are a streak. */
#define STREAK_USEC MINUTE
/* When to decide again. */
#define AT_ONCE_USEC SCALE_SECOND
#define SOON_USEC (2 * SCALE_SECOND)
#define LATER_USEC MINUTE

static const char *const state_words[SCALE_STATES] = {
#define STATE_WORD(id, word) [SCALE_##id] = (word),
	SCALE_STATE_LIST(STATE_WORD)
#undef STATE_WORD
};
static const char *const reason_words[SCALE_REASONS] = {
#define REASON_WORD(id, word) [SCALE_BY_##id] = (word),
	SCALE_REASON_LIST(REASON_WORD)
#undef REASON_WORD
};

const char *scale_state_text(enum scale_state state)
{
	return state < SCALE_STATES ? state_words[state] : "unknown";
}

const char *scale_reason_text(enum scale_reason reason)
{
	return reason < SCALE_REASONS ? reason_words[reason] : "unknown";
}

void scale_rules_defaults(struct scale_rules *rules)
{
	memset(rules, 0, sizeof(*rules));
	rules->min = 512 * MIB;
	rules->max = 512 * MIB;
	rules->step = 256 * MIB;
	rules->headroom_percent = 15;
	rules->headroom_min = 128 * MIB;
	rules->movable_ratio = 400;
	rules->priority = 1;
	rules->grow_cooldown_usec = 2 * SCALE_SECOND;
	rules->shrink_cooldown_usec = MINUTE;
	rules->calm_usec = MINUTE;
	rules->keep_usec = 2 * MINUTE;
	rules->confirm_usec = MINUTE / 2;
}

void scale_memory_init(struct scale_memory *memory)
{
	memset(memory, 0, sizeof(*memory));
	memory->some_usec = memory->full_usec = STATS_UNKNOWN;
	memory->oom_kills = STATS_UNKNOWN;
	memory->reason = SCALE_BY_ENOUGH;
}

static void enter(struct scale_memory *memory, enum scale_state state,
		  enum scale_reason reason)
{
	memory->state = state;
	memory->reason = reason;
}

/* --- the result of the change in flight */

static uint64_t back_off(unsigned failures)
{
	uint64_t usec = BACK_OFF_USEC;

	while (--failures && usec < BACK_OFF_MAX_USEC)
		usec *= 2;
	return usec < BACK_OFF_MAX_USEC ? usec : BACK_OFF_MAX_USEC;
}

static void growth_failed(struct scale_memory *memory, enum scale_reason reason,
			  uint64_t now_usec)
{
	memory->failures++;
	memory->streak = 0;
	memory->hold_grow_usec = now_usec + (memory->failures < FAILURES_MAX
						     ? back_off(memory->failures)
						     : STUCK_USEC);
	enter(memory, memory->failures < FAILURES_MAX ? SCALE_BACKING_OFF : SCALE_STUCK,
	      reason);
}

/* Not below `size` for a while, and longer each time. */
static void regret(struct scale_memory *memory, uint64_t size, uint64_t now_usec)
{
	if (now_usec < memory->floor_usec && memory->floor >= size)
		return;
	/* After as long a time without any it is forgotten. */
	if (now_usec > memory->floor_usec + memory->regret_usec)
		memory->regret_usec = 0;
	memory->regret_usec = memory->regret_usec ? memory->regret_usec * 2 : REGRET_USEC;
	if (memory->regret_usec > REGRET_MAX_USEC)
		memory->regret_usec = REGRET_MAX_USEC;
	memory->floor = size;
	memory->floor_usec = now_usec + memory->regret_usec;
}

static void growth_done(struct scale_memory *memory, const struct scale_facts *facts,
			uint64_t now_usec)
{
	bool follows = memory->grown_usec && now_usec - memory->grown_usec < STREAK_USEC;

	memory->stage = SCALE_NONE;
	memory->streak = follows ? memory->streak + 1 : 1;
	memory->grown_usec = now_usec;
	memory->failures = 0;
	memory->pressed = 0;
	memory->calm_usec = 0;
	if (memory->by_stall)
		regret(memory, facts->given, now_usec);
	enter(memory, SCALE_STEADY, SCALE_BY_ENOUGH);
}

static void in_place(struct scale_guest *guest, uint64_t now_usec)
{
	guest->memory.stage = SCALE_IN_PLACE;
	guest->memory.deadline_usec = now_usec + guest->rules.confirm_usec;
	enter(&guest->memory, SCALE_CONFIRMING, guest->memory.reason);
}

static void after_asked(struct scale_guest *guest, uint64_t now_usec)
{
	struct scale_memory *memory = &guest->memory;

	switch (guest->facts.change) {
	case SCALE_DONE:
		in_place(guest, now_usec);
		break;
	case SCALE_REFUSED:
		memory->stage = SCALE_NONE;
		growth_failed(memory, SCALE_BY_REFUSED, now_usec);
		break;
	case SCALE_PENDING:
		/*
		 * The call may still be executed: it stays in flight, and in the account.
		 */
		if (now_usec >= memory->deadline_usec)
			enter(memory, SCALE_STUCK, SCALE_BY_NO_PROGRESS);
		break;
	}
}

/* What has not come online in time is taken out again. */
static void after_in_place(struct scale_guest *guest, uint64_t now_usec)
{
	struct scale_memory *memory = &guest->memory;
	struct scale_decision *decision = &guest->decision;
	uint64_t came = guest->facts.confirmed > memory->confirmed
				? guest->facts.confirmed - memory->confirmed
				: 0;

	if (came >= memory->bytes) {
		growth_done(memory, &guest->facts, now_usec);
		return;
	}
	if (now_usec < memory->deadline_usec)
		return;
	decision->action = SCALE_TAKE_OUT;
	decision->bytes = memory->bytes - came;
	decision->reason = SCALE_BY_NOT_CONFIRMED;
	memory->stage = SCALE_TAKING_OUT;
	memory->bytes = decision->bytes;
	memory->given = guest->facts.given;
	memory->deadline_usec = now_usec + ASKED_USEC;
	guest->facts.change = SCALE_PENDING;
	enter(memory, SCALE_SHRINKING, SCALE_BY_NOT_CONFIRMED);
}

static void shrink_done(struct scale_guest *guest, uint64_t now_usec)
{
	struct scale_memory *memory = &guest->memory;
	bool all = guest->facts.change == SCALE_DONE &&
		   guest->facts.given + memory->bytes <= memory->given;

	memory->stage = SCALE_NONE;
	memory->shrunk_usec = now_usec;
	memory->streak = 0;
	memory->calm_usec = 0;
	memory->shrink_failures = all ? 0 : memory->shrink_failures + 1;
	if (all) {
		enter(memory, SCALE_STEADY, SCALE_BY_ENOUGH);
		return;
	}
	memory->hold_shrink_usec = now_usec + back_off(memory->shrink_failures);
	enter(memory, SCALE_BACKING_OFF, SCALE_BY_REFUSED);
}

static void taken_out(struct scale_memory *memory, enum scale_change change,
		      uint64_t now_usec)
{
	memory->stage = SCALE_NONE;
	/* It neither uses the memory nor gives it back: that is for people to see to. */
	if (change == SCALE_REFUSED)
		memory->failures = FAILURES_MAX;
	growth_failed(memory, SCALE_BY_NOT_CONFIRMED, now_usec);
}

static void after_taking(struct scale_guest *guest, uint64_t now_usec)
{
	struct scale_memory *memory = &guest->memory;

	if (guest->facts.change == SCALE_PENDING) {
		if (now_usec >= memory->deadline_usec)
			enter(memory, SCALE_STUCK, SCALE_BY_NO_PROGRESS);
		return;
	}
	if (memory->stage == SCALE_TAKING_OUT)
		taken_out(memory, guest->facts.change, now_usec);
	else
		shrink_done(guest, now_usec);
}

static void follow_change(struct scale_guest *guest, uint64_t now_usec)
{
	guest->decision.reason = SCALE_BY_IN_FLIGHT;
	switch (guest->memory.stage) {
	case SCALE_NONE:
		break;
	case SCALE_ASKED:
		after_asked(guest, now_usec);
		break;
	case SCALE_IN_PLACE:
		after_in_place(guest, now_usec);
		break;
	case SCALE_ASKED_BACK:
	case SCALE_TAKING_OUT:
		after_taking(guest, now_usec);
		break;
	}
}

/* --- away and back */

static enum scale_reason reason_of_absence(enum scale_presence presence)
{
	switch (presence) {
	case SCALE_IS_PAUSED:
		return SCALE_BY_PAUSED;
	case SCALE_IS_MIGRATING:
		return SCALE_BY_MIGRATING;
	case SCALE_IS_SHUTTING_DOWN:
		return SCALE_BY_SHUTTING_DOWN;
	case SCALE_IS_SNAPSHOT:
		return SCALE_BY_SNAPSHOT;
	case SCALE_IS_SILENT:
	case SCALE_PRESENT:
		break;
	}
	return SCALE_BY_SILENT;
}

/* Time that passed while it was away does not count against it. */
static void come_back(struct scale_guest *guest, uint64_t now_usec)
{
	static const enum scale_state states[] = {
		[SCALE_NONE] = SCALE_STEADY,
		[SCALE_ASKED] = SCALE_GROWING,
		[SCALE_IN_PLACE] = SCALE_CONFIRMING,
		[SCALE_ASKED_BACK] = SCALE_SHRINKING,
		[SCALE_TAKING_OUT] = SCALE_SHRINKING,
	};
	struct scale_memory *memory = &guest->memory;

	memory->deadline_usec = now_usec + (memory->stage == SCALE_IN_PLACE
						    ? guest->rules.confirm_usec
						    : ASKED_USEC);
	memory->calm_usec = 0;
	memory->sampled_usec = 0;
	memory->rate = 0;
	enter(memory, states[memory->stage], SCALE_BY_ENOUGH);
}

/* --- a guest without a change in flight */

/* How it is called while nothing is done. */
static void settle(struct scale_guest *guest, enum scale_reason reason, uint64_t now_usec)
{
	struct scale_memory *memory = &guest->memory;
	bool holds = now_usec < memory->hold_grow_usec ||
		     now_usec < memory->hold_shrink_usec;

	if (!scale_spare(guest))
		memory->calm_usec = 0;
	else if (!memory->calm_usec)
		memory->calm_usec = now_usec;
	if (holds && (memory->failures || memory->shrink_failures))
		enter(memory,
		      memory->failures >= FAILURES_MAX ? SCALE_STUCK : SCALE_BACKING_OFF,
		      memory->reason);
	else
		enter(memory, memory->calm_usec ? SCALE_CALM : SCALE_STEADY, reason);
}

/* It is short again soon after something was taken. */
static void learn(struct scale_guest *guest, uint64_t now_usec)
{
	struct scale_memory *memory = &guest->memory;

	if (guest->wish.bytes && memory->shrunk_usec > memory->grown_usec &&
	    now_usec - memory->shrunk_usec <= guest->rules.keep_usec)
		regret(memory, memory->shrunk_from, now_usec);
}

static void begin(struct scale_guest *guest, enum scale_stage stage, uint64_t bytes,
		  uint64_t now_usec)
{
	struct scale_memory *memory = &guest->memory;

	memory->stage = stage;
	memory->bytes = bytes;
	memory->given = guest->facts.given;
	memory->confirmed = guest->facts.confirmed;
	memory->deadline_usec = now_usec + ASKED_USEC;
	/* What it says is of the change before. */
	guest->facts.change = SCALE_PENDING;
}

static void begin_growth(struct scale_guest *guest, uint64_t now_usec)
{
	const struct scale_wish *wish = &guest->wish;

	guest->decision.action = SCALE_GROW;
	guest->decision.bytes = wish->bytes;
	guest->decision.urgent = wish->urgent;
	guest->memory.by_stall = wish->by_stall;
	begin(guest, SCALE_ASKED, wish->bytes, now_usec);
	enter(&guest->memory, SCALE_GROWING, wish->reason);
}

static void begin_shrink(struct scale_guest *guest, const struct scale_wish *wish,
			 uint64_t now_usec)
{
	guest->decision.action = SCALE_SHRINK;
	guest->decision.bytes = wish->bytes;
	guest->memory.shrunk_from = guest->facts.given;
	begin(guest, SCALE_ASKED_BACK, wish->bytes, now_usec);
	enter(&guest->memory, SCALE_SHRINKING, wish->reason);
}

/* --- all guests */

static bool is_free(const struct scale_guest *guest)
{
	return guest->facts.presence == SCALE_PRESENT &&
	       guest->memory.stage == SCALE_NONE;
}

/* Up to the question whether it wants more. */
static void first_half(struct scale_guest *guest, uint64_t now_usec)
{
	struct scale_memory *memory = &guest->memory;

	memset(&guest->decision, 0, sizeof(guest->decision));
	memset(&guest->wish, 0, sizeof(guest->wish));
	scale_trim(&guest->facts);
	if (guest->facts.presence != SCALE_PRESENT) {
		enter(memory, SCALE_AWAY, reason_of_absence(guest->facts.presence));
		guest->decision.reason = memory->reason;
		return;
	}
	if (memory->state == SCALE_AWAY)
		come_back(guest, now_usec);
	scale_take_sample(memory, &guest->facts, now_usec);
	follow_change(guest, now_usec);
	if (!is_free(guest))
		return;
	scale_growth(guest, now_usec, &guest->wish);
	learn(guest, now_usec);
}

/* From the answer to that on. */
static void second_half(struct scale_guest *guest, bool host_short, uint64_t now_usec)
{
	struct scale_wish reduction = { .bytes = 0 };

	if (!is_free(guest))
		return;
	guest->decision.reason = guest->wish.reason;
	if (guest->wish.bytes) {
		begin_growth(guest, now_usec);
		return;
	}
	settle(guest, guest->wish.reason, now_usec);
	if (guest->wish.reason != SCALE_BY_ENOUGH)
		return;
	scale_reduction(guest, host_short, now_usec, &reduction);
	guest->decision.reason = reduction.reason;
	if (reduction.bytes)
		begin_shrink(guest, &reduction, now_usec);
}

static bool is_waiting(const struct scale_memory *memory)
{
	return memory->pressed || memory->reason == SCALE_BY_HOST_SHORT ||
	       memory->reason == SCALE_BY_COOL_DOWN;
}

static uint64_t next_look(const struct scale_guest *guest, uint64_t now_usec)
{
	const struct scale_memory *memory = &guest->memory;

	if (memory->state == SCALE_AWAY)
		return UINT64_MAX;
	if (memory->stage == SCALE_NONE && is_waiting(memory))
		return now_usec + AT_ONCE_USEC;
	/* Or its use still grows, and the next growth had better know how fast. */
	if (memory->stage != SCALE_NONE ||
	    (memory->grown_usec && now_usec - memory->grown_usec < STREAK_USEC))
		return now_usec + SOON_USEC;
	return now_usec + (memory->state == SCALE_CALM ? LATER_USEC / 4 : LATER_USEC);
}

void scale_decide(const struct scale_host *host, struct scale_guest *guests, size_t count,
		  uint64_t now_usec)
{
	bool host_short;
	size_t i;

	for (i = 0; i < count; i++)
		first_half(&guests[i], now_usec);
	host_short = scale_share(host, guests, count);
	for (i = 0; i < count; i++) {
		second_half(&guests[i], host_short, now_usec);
		guests[i].decision.next_usec = next_look(&guests[i], now_usec);
	}
}
