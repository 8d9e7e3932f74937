/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_VIRT_PLUG_H
#define MEMONLINE_VIRT_PLUG_H

/* Executes and prints plans of core/capacity. */

#include "outcome.h"

/*
 * The parts, which print nothing. plug_begin: until libvirt has done all of it; the guest is
 * another matter. false: not all, see outcome->code; what was done is still there.
 */
bool plug_begin(struct target *target, const struct capacity_plan *plan,
		struct outcome *outcome);
/* Takes back what plug_begin has done, the last first. */
void plug_take_back(struct target *target, struct outcome *outcome);
/* Until it is gone, or as far as the guest goes. */
void unplug_do(struct target *target, const struct capacity_plan *plan,
	       struct outcome *outcome);

/* Each of the next returns an exit code. */

/* Takes out what is not online in time, except with --keep. */
int plug_bytes(struct target *target, uint64_t size);
int unplug_bytes(struct target *target, uint64_t size);
int unplug_device(struct target *target, const char *alias);

#endif
