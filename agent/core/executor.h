/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_EXECUTOR_H
#define MEMONLINE_EXECUTOR_H

/*
 * Who carries the policy out, the agent or the kernel by itself, and what the kernel's own settings
 * have to be for that.
 */

#include "core/config.h"
#include "core/intent.h"
#include "core/snapshot.h"

enum executor_who {
	EXECUTOR_NOBODY, /* every policy is to keep, or an administrator decided otherwise */
	EXECUTOR_AGENT,
	EXECUTOR_KERNEL
};
/* "nobody", "agent", "kernel" */
const char *executor_text(enum executor_who who);

/* The settings by enum intent_setting; "" where the kernel has no such file. */
struct executor_values {
	char value[INTENT_SETTINGS][INTENT_VALUE_SIZE];
};

struct executor {
	enum executor_who who;
	/* What has to be there; "": leave it as it is found. */
	struct executor_values wanted;
	/* The kernel's own default that `wanted` switches off, for all memory; NONE: none. */
	enum online_type withheld;
	/* Asked of the kernel, and more than it can. */
	bool kernel_cannot;
};

/*
 * `found`: what is there without the agent. `refused`: the kernel took no word for the policy
 * (before 5.7 it knows online and offline only), so that the agent does it.
 */
void executor_decide(struct executor *executor, const struct config *config,
		     const struct machine *machine, const struct executor_values *found,
		     bool refused);

#endif
