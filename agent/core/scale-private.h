/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SCALE_PRIVATE_H
#define MEMONLINE_SCALE_PRIVATE_H

/* What scale.c and its parts share: scale-need says how much, scale-share who gets it. */

#include "core/scale.h"

#define SCALE_SECOND 1000000ull

/* scale-need.c: from facts that scale_trim has bounded. */

/* A guest's numbers, so that none is beyond what the host itself has given. */
void scale_trim(struct scale_facts *facts);
/* Takes a new sample into the memory, and what was pressed by event. */
void scale_take_sample(struct scale_memory *memory, const struct scale_facts *facts,
		       uint64_t now_usec);
/* More, before the host is asked whether it has any. */
void scale_growth(const struct scale_guest *guest, uint64_t now_usec,
		  struct scale_wish *wish);
/* Less. `host_short`: others wait for memory, so that a quarter of the calm is enough. */
void scale_reduction(const struct scale_guest *guest, bool host_short, uint64_t now_usec,
		     struct scale_wish *wish);
/* What it has beyond its needs; 0 where that is not known or less than a step. */
uint64_t scale_spare(const struct scale_guest *guest);

/* scale-share.c */

/*
 * Cuts the wishes to what the host has, by priority. A wish that gets nothing has 0 bytes and
 * SCALE_BY_HOST_SHORT. Returns whether any was cut.
 */
bool scale_share(const struct scale_host *host, struct scale_guest *guests, size_t count);

#endif
