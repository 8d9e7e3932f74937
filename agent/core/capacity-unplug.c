/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdlib.h>
#include <string.h>

#include "core/capacity-private.h"

#define UNITS_MAX \
	(1u << 16) /* of the sums that are tried: 64 Ki DIMMs of the smallest size */

/* Why a device cannot be taken out whole. One that the guest's kernel never took can be. */
static enum capacity_reason why_stays(const struct capacity_device *device)
{
	if (device->model != CAPACITY_DIMM)
		return CAPACITY_NOT_A_DIMM;
	switch (device->removable) {
	case CAPACITY_REMOVABLE_YES:
		return CAPACITY_OK;
	case CAPACITY_REMOVABLE_NO:
		return CAPACITY_KERNEL_ZONE;
	case CAPACITY_REMOVABLE_NEVER:
		return CAPACITY_NO_HOT_REMOVE;
	case CAPACITY_REMOVABLE_UNKNOWN:
		break;
	}
	return device->verdict == CAPACITY_ABSENT ? CAPACITY_OK : CAPACITY_ZONE_UNKNOWN;
}

static enum capacity_reason unplug_one(const struct capacity *capacity, size_t index,
				       struct capacity_plan *plan)
{
	const struct capacity_device *device = &capacity->devices[index];
	enum capacity_reason reason = why_stays(device);

	if (reason != CAPACITY_OK)
		return capacity_refuse(plan, reason, CAPACITY_UNKNOWN);
	capacity_add_step(plan, CAPACITY_DETACH, index, device->size, device->node);
	plan->bytes = device->size;
	return CAPACITY_OK;
}

/* The DIMMs that may go, the highest first. */
struct candidates {
	size_t index[CAPACITY_STEPS_MAX];
	uint64_t size[CAPACITY_STEPS_MAX];
	uint64_t base[CAPACITY_STEPS_MAX];
	size_t count;
};

static void add_candidate(struct candidates *candidates, size_t index,
			  const struct capacity_device *device)
{
	size_t at = candidates->count++;

	for (; at > 0 && candidates->base[at - 1] < device->base; at--) {
		candidates->index[at] = candidates->index[at - 1];
		candidates->size[at] = candidates->size[at - 1];
		candidates->base[at] = candidates->base[at - 1];
	}
	candidates->index[at] = index;
	candidates->size[at] = device->size;
	candidates->base[at] = device->base;
}

static enum capacity_reason find_candidates(const struct capacity *capacity,
					    struct candidates *candidates)
{
	enum capacity_reason first = CAPACITY_NOTHING_GIVEN;
	size_t i;

	candidates->count = 0;
	for (i = 0; i < capacity->count; i++) {
		enum capacity_reason reason = why_stays(&capacity->devices[i]);

		if (reason != CAPACITY_OK) {
			if (first == CAPACITY_NOTHING_GIVEN)
				first = reason;
		} else if (candidates->count < CAPACITY_STEPS_MAX &&
			   capacity->devices[i].size > 0) {
			add_candidate(candidates, i, &capacity->devices[i]);
		}
	}
	return candidates->count ? CAPACITY_OK : first;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
	while (b) {
		uint64_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/*
 * fewest[s]: how many DIMMs at least make a sum of s units, NONE where none do. Candidates are
 * taken in turn, each into all the sums of those before it, and a sum that needs as few already
 * stays: so the highest win.
 */
#define NONE UINT16_MAX
struct sums {
	uint16_t *fewest;
	unsigned char *taken; /* by candidate and sum: whether the candidate is in it */
	uint64_t unit;
	size_t units;
};

static bool make_sums(const struct candidates *candidates, uint64_t size,
		      struct sums *sums)
{
	size_t i;

	sums->unit = size;
	for (i = 0; i < candidates->count; i++)
		sums->unit = common_divisor(sums->unit, candidates->size[i]);
	if (size / sums->unit >= UNITS_MAX)
		return false;
	sums->units = (size_t)(size / sums->unit);
	sums->fewest = calloc(sums->units + 1, sizeof(*sums->fewest));
	sums->taken = calloc(sums->units + 1, candidates->count);
	if (!sums->fewest || !sums->taken) {
		free(sums->fewest);
		free(sums->taken);
		return false;
	}
	for (i = 1; i <= sums->units; i++)
		sums->fewest[i] = NONE;
	return true;
}

static void add_to_sums(struct sums *sums, size_t candidate, uint64_t size)
{
	unsigned char *taken = &sums->taken[candidate * (sums->units + 1)];
	uint64_t units = size / sums->unit;
	size_t s;

	for (s = sums->units; s >= units && s > 0; s--) {
		uint16_t before = sums->fewest[s - (size_t)units];

		if (before == NONE || before + 1 >= sums->fewest[s])
			continue;
		sums->fewest[s] = (uint16_t)(before + 1);
		taken[s] = 1;
	}
}

/* The largest sum that there is, in units; sums->units where the wish can be granted. */
static size_t best_sum(const struct sums *sums)
{
	size_t s = sums->units;

	while (s > 0 && sums->fewest[s] == NONE)
		s--;
	return s;
}

static void take_sum(const struct candidates *candidates, const struct sums *sums,
		     struct capacity_plan *plan)
{
	size_t s = sums->units, i = candidates->count, low, high;

	while (i-- > 0 && s > 0) {
		if (!sums->taken[i * (sums->units + 1) + s])
			continue;
		capacity_add_step(plan, CAPACITY_DETACH, candidates->index[i],
				  candidates->size[i], -1);
		plan->bytes += candidates->size[i];
		s -= (size_t)(candidates->size[i] / sums->unit);
	}
	/* They came the lowest first. */
	for (low = 0, high = plan->count; low + 1 < high; low++, high--) {
		struct capacity_step step = plan->steps[low];

		plan->steps[low] = plan->steps[high - 1];
		plan->steps[high - 1] = step;
	}
}

static enum capacity_reason unplug_dimms(const struct capacity *capacity, uint64_t size,
					 struct capacity_plan *plan)
{
	struct candidates candidates;
	struct sums sums;
	size_t i, best;
	enum capacity_reason reason = find_candidates(capacity, &candidates);

	if (size == 0)
		return capacity_refuse(plan, CAPACITY_NO_SIZE, CAPACITY_UNKNOWN);
	if (reason != CAPACITY_OK)
		return capacity_refuse(plan, reason, 0);
	if (!make_sums(&candidates, size, &sums))
		return capacity_refuse(plan, CAPACITY_TOO_MANY, CAPACITY_UNKNOWN);
	for (i = 0; i < candidates.count; i++)
		add_to_sums(&sums, i, candidates.size[i]);
	best = best_sum(&sums);
	if (best == sums.units)
		take_sum(&candidates, &sums, plan);
	else
		reason = capacity_refuse(plan, CAPACITY_NO_SUCH_SUM, best * sums.unit);
	free(sums.fewest);
	free(sums.taken);
	return reason;
}

enum capacity_reason capacity_unplug(const struct capacity *capacity,
				     const struct capacity_wish *wish,
				     struct capacity_plan *plan)
{
	size_t index = capacity->count;

	memset(plan, 0, sizeof(*plan));
	plan->possible = CAPACITY_UNKNOWN;
	if (wish->device) {
		index = capacity_find(capacity, wish->device);
		if (index == capacity->count)
			return capacity_refuse(plan, CAPACITY_NO_SUCH_DEVICE,
					       CAPACITY_UNKNOWN);
	}
	if (capacity_wants_vmem(capacity, wish)) {
		enum capacity_reason reason =
			capacity_resize(capacity, wish, false, plan);

		if (reason != CAPACITY_NO_SUCH_SUM || !capacity_may_be_dimms(wish))
			return reason;
		if (unplug_dimms(capacity, wish->size, plan) == CAPACITY_OK)
			return CAPACITY_OK;
		return capacity_resize(capacity, wish, false, plan);
	}
	if (wish->device)
		return unplug_one(capacity, index, plan);
	return unplug_dimms(capacity, wish->size, plan);
}
