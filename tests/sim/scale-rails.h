/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SIM_SCALE_RAILS_H
#define MEMONLINE_SIM_SCALE_RAILS_H

/* What no decision of core/scale may do, and a fault for each rail that has to be found. */

#include "core/scale.h"
#include "scale.h"

/* A decision, and what it is held against. */
struct rail {
	struct world *world;
	unsigned number; /* of the guest */
	const struct scale_guest *guest; /* with the decision */
	const struct scale_guest *before; /* it */
	const struct scale_rules *rules;
	double granted; /* MiB, to others in the same round */
};

/* A fault that is found fails the world. */
void rails_check(const struct rail *rail);
double rail_size_after(const struct scale_guest *guest); /* MiB */
/* Has core/scale work by something else than what the rails are held against: scale_plant. */
void rails_plant(struct scale_host *host, struct scale_guest *guests, size_t count);
/* After the decision: what it would still know. */
void rails_restore(const struct scale_guest *before, struct scale_guest *guests,
		   size_t count);
/* The names of the faults, up to NULL. */
extern const char *const rails_plants[];

#endif
