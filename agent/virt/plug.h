/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_VIRT_PLUG_H
#define MEMONLINE_VIRT_PLUG_H

/* Executes and prints plans of core/capacity. Each returns an exit code. */

#include "outcome.h"

/* Takes out what is not online in time, except with --keep. */
int plug_bytes(struct target *target, uint64_t size);
int unplug_bytes(struct target *target, uint64_t size);
int unplug_device(struct target *target, const char *alias);

#endif
