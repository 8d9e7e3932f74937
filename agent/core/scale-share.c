/* SPDX-License-Identifier: GPL-2.0-or-later */

/* Who gets what the host still has. */

#include "core/scale-private.h"

static uint64_t less(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/* What the guests have, and what a change in flight may add. */
static uint64_t committed(const struct scale_guest *guest)
{
	const struct scale_memory *memory = &guest->memory;
	uint64_t asked = memory->given + memory->bytes;

	if (memory->stage == SCALE_ASKED && asked > guest->facts.given)
		return asked;
	return guest->facts.given;
}

static uint64_t room_of(const struct scale_host *host, const struct scale_guest *guests,
			size_t count)
{
	uint64_t room = host->capacity;
	size_t i;

	for (i = 0; i < count; i++)
		room = less(room, committed(&guests[i]));
	return host->available < room ? host->available : room;
}

/* --- one round: the urgent wishes, or the others */

struct round {
	struct scale_guest *guests;
	size_t count;
	bool urgent;
};

static bool takes_part(const struct round *round, size_t i)
{
	return round->guests[i].wish.bytes &&
	       round->guests[i].wish.urgent == round->urgent;
}

static unsigned weight(const struct scale_guest *guest)
{
	return guest->rules.priority ? guest->rules.priority : 1;
}

static uint64_t wished(const struct round *round, uint64_t *weights)
{
	uint64_t bytes = 0;
	size_t i;

	*weights = 0;
	for (i = 0; i < round->count; i++) {
		if (!takes_part(round, i))
			continue;
		bytes += round->guests[i].wish.bytes;
		*weights += weight(&round->guests[i]);
	}
	return bytes;
}

/* Each its part by weight, in steps of its own. Returns what is left of the room. */
static uint64_t grant_parts(const struct round *round, uint64_t room, uint64_t weights)
{
	uint64_t left = room;
	size_t i;

	for (i = 0; i < round->count; i++) {
		struct scale_wish *wish = &round->guests[i].wish;
		uint64_t part;

		if (!takes_part(round, i))
			continue;
		part = room / weights * weight(&round->guests[i]);
		if (part > wish->bytes)
			part = wish->bytes;
		wish->granted = part - part % round->guests[i].rules.step;
		left -= wish->granted;
	}
	return left;
}

/* Who has least by weight and can be given another step; `count`: nobody. */
static size_t next_in_line(const struct round *round, uint64_t left)
{
	size_t best = round->count, i;
	double least = 0;

	for (i = 0; i < round->count; i++) {
		const struct scale_wish *wish = &round->guests[i].wish;
		uint64_t step = round->guests[i].rules.step;
		double has = (double)wish->granted / weight(&round->guests[i]);

		if (!takes_part(round, i) || wish->granted + step > wish->bytes ||
		    step > left || (best < round->count && has >= least))
			continue;
		best = i;
		least = has;
	}
	return best;
}

static void grant_steps(const struct round *round, uint64_t left)
{
	size_t i;

	while ((i = next_in_line(round, left)) < round->count) {
		round->guests[i].wish.granted += round->guests[i].rules.step;
		left -= round->guests[i].rules.step;
	}
}

/* Returns what this round has taken of the room. */
static uint64_t share_round(const struct round *round, uint64_t room, bool *is_short)
{
	uint64_t weights, bytes = wished(round, &weights);
	size_t i;

	for (i = 0; i < round->count; i++)
		if (takes_part(round, i))
			round->guests[i].wish.granted = round->guests[i].wish.bytes;
	if (bytes <= room)
		return bytes;
	*is_short = true;
	grant_steps(round, grant_parts(round, room, weights));
	for (i = 0, bytes = 0; i < round->count; i++)
		bytes += takes_part(round, i) ? round->guests[i].wish.granted : 0;
	return bytes;
}

bool scale_share(const struct scale_host *host, struct scale_guest *guests, size_t count)
{
	struct round urgent = { guests, count, true };
	struct round others = { guests, count, false };
	uint64_t room = room_of(host, guests, count), taken;
	bool is_short = false;
	size_t i;

	for (i = 0; i < count; i++)
		guests[i].wish.granted = 0;
	taken = share_round(&urgent, less(room, host->reserve_hard), &is_short);
	share_round(&others, less(less(room, taken), host->reserve_soft), &is_short);
	for (i = 0; i < count; i++) {
		struct scale_wish *wish = &guests[i].wish;

		if (wish->bytes && !wish->granted)
			wish->reason = SCALE_BY_HOST_SHORT;
		wish->bytes = wish->granted;
	}
	return is_short;
}
