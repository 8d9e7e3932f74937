/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_PROBE_H
#define MEMONLINE_PROBE_H

/*
 * Whether it is safe to have the kernel add memory at a named address. No kernel checks
 * that memory exists there (2.6.32 to 6.1): a wrong range is online at once, and crashes
 * the guest later. So a range is refused unless every check proves it harmless.
 */

#include "core/contract.h"
#include "core/device.h"
#include "core/evidence.h"
#include "core/reason.h"
#include "core/snapshot.h"

/* In the order in which they are asked; each has one reason of its own (core/reason.h). */
enum probe_check {
	PROBE_NAMED,
	PROBE_FILE,
	PROBE_DIMM,
	PROBE_RANGE,
	PROBE_ALIGNED,
	PROBE_ABOVE_4G,
	PROBE_ADDRESS_BITS,
	PROBE_VOLATILE,
	PROBE_WINDOW,
	PROBE_BLOCKS,
	PROBE_RESOURCES,
	PROBE_CLAIMED_ONCE,
	PROBE_OBJECTS,
	PROBE_POPULATED,
	PROBE_CONTROLLER,
	PROBE_CHECKS
};

struct probe_facts {
	const struct evidence *evidence;
	const struct snapshot *snapshot; /* what blocks there are, and their size */
	const struct device *devices; /* all that are claimed at once */
	size_t device_count;
	bool is_named; /* by whom the configuration lets name ranges */
	bool has_file; /* the kernel has `probe` */
	bool trusts_name; /* confirm = none: the controller need not show it */
};

struct probe_verdict {
	enum reason reason; /* NONE: may be probed; else the first of these: */
	/* NONE: passed; the check's own reason; or EVIDENCE_UNREADABLE. */
	enum reason checks[PROBE_CHECKS];
	bool present; /* all of its blocks are there already */
};

/* The reason that a check refuses with, which is also its name. */
enum reason probe_check_reason(enum probe_check check);
/* The verdict on devices[i]; always filled. */
void probe_decide(const struct probe_facts *facts, size_t i,
		  struct probe_verdict *verdict) _nonnull_(1);
/*
 * Whether everything has passed but for what the controller knows better: only then it is worth
 * being asked.
 */
bool probe_needs_controller(const struct probe_verdict *verdict) _nonnull_(1);

enum probe_result_state {
	PROBE_REFUSED, /* nothing was written */
	PROBE_PRESENT, /* nothing was written: all its blocks existed */
	PROBE_WOULD, /* dry run */
	PROBE_DONE, /* all its blocks have come */
	PROBE_STOPPED, /* not all, or something else than expected happened */
	PROBE_NOT_TRIED, /* it did with a device before this one */
	PROBE_RESULTS
};
const char *probe_result_text(enum probe_result_state state);

/* The result for a device. */
struct probe_result {
	struct device device;
	struct probe_verdict verdict;
	enum probe_result_state state;
	enum reason reason;
	int error; /* errno of the write, 0: none */
	bool confirmed; /* the controller shows it */
	uint64_t added; /* blocks that came by this */
	uint64_t online; /* bytes of it, at the end */
};

#endif
