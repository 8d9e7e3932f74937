/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_VIRT_PLUG_H
#define MEMONLINE_VIRT_PLUG_H

/* Plans by core/capacity, carried out and printed. Each returns an exit code. */

#include "outcome.h"

/* What is not online in time is taken back, unless it is to be kept. */
int plug_bytes(struct target *target, uint64_t size);
int unplug_bytes(struct target *target, uint64_t size);
int unplug_device(struct target *target, const char *alias);

#endif
