/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_MACHINE_H
#define MEMONLINE_MACHINE_H

/* What kind of machine and of kernel this is: what does not change while it runs. */

#include "core/snapshot.h"
#include "io/system.h"

/* Reads it; the rest of *machine stays as it is. */
void machine_read(struct system_info *system, struct machine *machine);
/*
 * Whether memhp_default_state= is on the kernel's command line and in force. `found`: what
 * auto_online_blocks is without the agent, "" where the kernel has no such file.
 */
void machine_read_memhp(struct system_info *system, const char *found,
			struct machine *machine);

#endif
