/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CAPACITY_H
#define MEMONLINE_CAPACITY_H

/*
 * The memory of a virtual machine as its host gives it: what may be plugged, what can be
 * taken out, and whether that has been done. Pure: the domain, the guest's view of each
 * device and a request → steps, or the reason why there are none.
 *
 * What libvirt and QEMU do, measured with 9.0 and 7.2: a DIMM whose size is no multiple
 * of the guest's block is accepted by both and dropped by the guest's kernel, and so is
 * each DIMM after it, because QEMU puts the next one at its end. <memory> counts all
 * devices with their whole size at once; maxMemory is the limit of that sum. The
 * balloon's target does not follow. Adding a DIMM takes 1/64 of its size in the guest for
 * the kernel's map of it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/contract.h"

#define CAPACITY_ALIAS_SIZE 128 /* with the NUL; longer is refused */
#define CAPACITY_CAUSE_SIZE 32 /* likewise, cut */
#define CAPACITY_DEVICES_MAX 1024
#define CAPACITY_STEPS_MAX 256 /* QEMU has at most 256 slots */
#define CAPACITY_UNKNOWN UINT64_MAX
#define CAPACITY_ALIAS "ua-memonline-" /* libvirt keeps what begins with ua- */

enum capacity_model {
	CAPACITY_ANY, /* of a wish: virtio-mem where the domain has one, else DIMMs */
	CAPACITY_DIMM,
	CAPACITY_VIRTIO_MEM,
	CAPACITY_OTHER /* nvdimm and what comes later: left alone */
};

/* What the guest says of a device: that of memonline-reconcile. */
enum capacity_removable {
	CAPACITY_REMOVABLE_UNKNOWN,
	CAPACITY_REMOVABLE_YES,
	CAPACITY_REMOVABLE_NO, /* in a kernel zone */
	CAPACITY_REMOVABLE_NEVER /* the guest's kernel cannot */
};
enum capacity_verdict {
	CAPACITY_NOT_TOLD, /* no agent has answered */
	CAPACITY_COMPLETE,
	CAPACITY_PARTIAL,
	CAPACITY_ABSENT
};

struct capacity_device {
	char alias[CAPACITY_ALIAS_SIZE];
	enum capacity_model model;
	int32_t slot; /* -1: none */
	int32_t node; /* as the host numbers them; -1: unknown */
	uint64_t base; /* CAPACITY_UNKNOWN: not known */
	uint64_t size; /* virtio-mem: the most that it can have */
	uint64_t requested; /* virtio-mem; of others size */
	uint64_t current; /* the same: what is plugged */
	uint64_t block; /* virtio-mem: requested is a multiple of it */
	/* the guest's view */
	enum capacity_verdict verdict;
	enum capacity_removable removable;
	uint64_t online;
	char cause[CAPACITY_CAUSE_SIZE]; /* why not all is online; "none" */
};

struct capacity {
	uint64_t memory; /* bytes: boot memory and all devices' sizes */
	uint64_t current; /* what balloon and virtio-mem leave of it */
	uint64_t max; /* 0: nothing can be plugged */
	unsigned slots;
	unsigned cells; /* NUMA cells, numbered from 0 */
	struct capacity_device *devices; /* owned by the caller */
	size_t count;
	uint64_t block; /* of the guest; 0: unknown */
	uint64_t guest_free, host_free; /* CAPACITY_UNKNOWN: not known */
};

/* Sums over the devices, in bytes. */
uint64_t capacity_boot(const struct capacity *capacity) _nonnull_(1);
uint64_t capacity_given(const struct capacity *capacity)
	_nonnull_(1); /* DIMMs, and virtio-mem plugged */
uint64_t capacity_online(const struct capacity *capacity) _nonnull_(1);
/* What the balloon keeps from the guest. */
uint64_t capacity_ballooned(const struct capacity *capacity) _nonnull_(1);
unsigned capacity_free_slots(const struct capacity *capacity) _nonnull_(1);
/* Of all devices: COMPLETE, or the first that is not; NOT_TOLD where there is one of those. */
enum capacity_verdict capacity_verdict(const struct capacity *capacity,
				       const char **cause) _nonnull_(1);

/* What somebody wants. */
struct capacity_wish {
	uint64_t size; /* bytes; 0 for unplugging a whole device */
	const char *device; /* its alias; NULL: any */
	enum capacity_model model;
	int32_t node; /* of new DIMMs; -1: any */
	uint64_t dimm; /* the size of each new DIMM; 0: one for all */
	bool force; /* though guest or host may lack memory for it */
};

/* Why a request is refused: one list of reasons, and of sentences. */
enum capacity_reason {
	CAPACITY_OK,
	CAPACITY_NO_SIZE,
	CAPACITY_NO_MAXIMUM,
	CAPACITY_NO_CELLS,
	CAPACITY_NO_SUCH_NODE,
	CAPACITY_NO_SUCH_DEVICE,
	CAPACITY_NO_BLOCK_SIZE,
	CAPACITY_UNALIGNED,
	CAPACITY_CROOKED,
	CAPACITY_NO_SLOT,
	CAPACITY_BEYOND_MAXIMUM,
	CAPACITY_DEVICE_FULL,
	CAPACITY_GUEST_SHORT,
	CAPACITY_HOST_SHORT,
	CAPACITY_KERNEL_ZONE,
	CAPACITY_NO_HOT_REMOVE,
	CAPACITY_NOT_A_DIMM,
	CAPACITY_ZONE_UNKNOWN,
	CAPACITY_NO_SUCH_SUM,
	CAPACITY_NOTHING_GIVEN,
	CAPACITY_TOO_MANY
};
const char *capacity_reason_text(enum capacity_reason reason); /* "beyond-maximum" */
const char *capacity_reason_help(enum capacity_reason reason); /* a sentence */

struct capacity_step {
	enum { CAPACITY_ATTACH, CAPACITY_RESIZE, CAPACITY_DETACH } kind;
	size_t device; /* but for ATTACH: which of capacity->devices */
	uint64_t
		size; /* of the new DIMM; RESIZE: what will be requested; else the DIMM's */
	int32_t node; /* of the new DIMM */
};

struct capacity_plan {
	struct capacity_step steps[CAPACITY_STEPS_MAX]; /* in the order of doing */
	size_t count;
	uint64_t bytes; /* that come or go by all of them */
	/* Where it is refused: the most that would be granted; CAPACITY_UNKNOWN: not known */
	uint64_t possible;
};

/* Both fill *plan; but for CAPACITY_OK it has no steps. */
enum capacity_reason capacity_plug(const struct capacity *capacity,
				   const struct capacity_wish *wish,
				   struct capacity_plan *plan) _nonnull_(1);
/*
 * Whole DIMMs that hold no kernel memory, together exactly of that size: the fewest, and of
 * those the highest, the highest first. Or a virtio-mem device is asked to shrink.
 */
enum capacity_reason capacity_unplug(const struct capacity *capacity,
				     const struct capacity_wish *wish,
				     struct capacity_plan *plan) _nonnull_(1);

enum capacity_progress {
	CAPACITY_WAITING,
	CAPACITY_DONE, /* all that was asked for is online */
	CAPACITY_HOPELESS /* the guest's kernel has refused it: it will not come */
};
enum capacity_progress capacity_progress(const struct capacity_device *device)
	_nonnull_(1);

#endif
