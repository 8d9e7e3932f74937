/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_EXECUTOR_H
#define MEMONLINE_EXECUTOR_H

/*
 * The executor of the policy: memonlined, or the kernel by itself; and what the kernel's
 * own settings must be for that.
 */

#include "core/config.h"
#include "core/contract.h"
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
	/* The value that must be there; "": leave what is found. */
	struct executor_values wanted;
	/* The kernel's own default that `wanted` switches off, for all memory; NONE: none. */
	enum online_type withheld;
	/* Asked of the kernel, and more than it can. */
	bool kernel_cannot;
};

/*
 * `found`: the value without memonlined. `refused`: the kernel accepted no value for the
 * policy (before 5.7 it knows only online and offline), so memonlined applies it.
 */
void executor_decide(struct executor *executor, const struct config *config,
		     const struct machine *machine, const struct executor_values *found,
		     bool refused) _nonnull_(1);

#endif
