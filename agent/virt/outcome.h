/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_VIRT_OUTCOME_H
#define MEMONLINE_VIRT_OUTCOME_H

/* What a verb has changed, and what is left of it: for people, as JSON, as an exit code. */

#include "change.h"

struct outcome {
	uint64_t asked; /* bytes that were to come or to go */
	uint64_t done; /* that came and are online, or that have gone */
	enum virt_code code;
	char why[CALL_MESSAGE_SIZE]; /* not escaped; "" where all is done */
	struct change changes[CAPACITY_STEPS_MAX];
	size_t count;
};

/* Prints it; the exit code. `target` holds the devices as they are now. */
int outcome_print(struct target *target, const struct outcome *outcome);
/* What would be done: the steps of a plan. The exit code. */
int outcome_print_plan(struct target *target, const struct capacity_plan *plan);
/* Why nothing is done; the exit code. */
int outcome_refuse(struct target *target, enum capacity_reason reason,
		   const struct capacity_plan *plan);
/* Sets code and why by a change that did not end well. */
void outcome_blame(struct outcome *outcome, const struct change *change);

#endif
