/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_REASON_H
#define MEMONLINE_REASON_H

/*
 * Why a block is as it is: one list for verdicts, log lines and reports, so that the
 * host's reason is also in the guest's log. The text is part of the protocol. New rows go to the
 * end: files in /run hold the numbers, and outlive an upgrade.
 */
#define REASON_TABLE(X)                                                                  \
	X(NONE, "none")                                                                  \
	X(POLICY, "policy") /* the active policy asked for it */                         \
	X(POLICY_KEEP, "policy-keep") /* the policy leaves this block alone */           \
	X(ALREADY_ONLINE, "already-online")                                              \
	X(GOING_OFFLINE, "going-offline") /* another program is taking it offline */     \
	X(STATE_UNREADABLE, "state-unreadable")                                          \
	X(ONLINED_ELSEWHERE, "onlined-elsewhere") /* by another program or the kernel */ \
	X(OFFLINED_ELSEWHERE, "offlined-elsewhere") /* on purpose: left alone */         \
	X(REMOVED, "removed") /* the block is gone */                                    \
	X(REFUSED, "refused") /* the kernel refused the write; errno says how */         \
	X(UNCHANGED, "unchanged-after-write") /* accepted, yet state says else */        \
	X(ZONE_DIFFERS, "zone-differs") /* online, in another zone than asked for */     \
	X(ASKED, "asked") /* by a command that named the block */                        \
	X(ROLLED_BACK,                                                                   \
	  "rolled-back") /* online again, since another one of its DIMM refused */       \
	X(NO_HOT_REMOVE,                                                                 \
	  "no-hot-remove") /* this kernel cannot, and trying could end in a panic */     \
	X(RESUMED,                                                                       \
	  "resumed") /* memonlined was killed in the write, the next one reports it */   \
	X(DRY_RUN, "dry-run")                                                            \
	X(ARCHITECTURE,                                                                  \
	  "architecture") /* policy auto: s390x and ppc64 are left alone */              \
	X(ADMINISTRATOR,                                                                 \
	  "administrator") /* memhp_default_state= or auto_online_blocks: not ours */    \
	X(RATIO_REACHED,                                                                 \
	  "ratio-reached") /* more would pass movable-ratio: kernel zone */              \
	X(FALLBACK, "fallback") /* the zone asked for was refused: any other */          \
	X(ONLINED_BY_KERNEL, "onlined-by-kernel") /* which applies the policy */         \
	X(REZONED, "rezoned") /* offline and online again, for the zone of the policy */ \
	/* of a device, or a part of one, without a block: */                            \
	X(NOT_ADDED, "not-added") /* for an unknown reason */                            \
	X(ADD_FAILED, "add-failed") /* the kernel's log says so, and no more */          \
	X(MEMORY_SHORT,                                                                  \
	  "memory-short") /* none was free to describe its pages, or none is now */      \
	X(UNALIGNED, "unaligned") /* it begins or ends inside of a block */              \
	X(NOT_RAM, "not-ram") /* devices of this type are not ordinary memory */         \
	/* of a range that the kernel is not asked to probe: */                          \
	X(NOT_NAMED, "not-named") /* by whom [probe] mode lets name ranges */            \
	X(NO_PROBE_FILE, "no-probe-file") /* this kernel has none */                     \
	X(NOT_A_DIMM, "not-a-dimm")                                                      \
	X(BAD_RANGE, "bad-range") /* empty, beyond the last address, or not given */     \
	X(BELOW_4G, "below-4g")                                                          \
	X(BEYOND_ADDRESS_BITS,                                                           \
	  "beyond-address-bits") /* of the processor or the kernel */                    \
	X(NON_VOLATILE, "non-volatile") /* by SRAT or NFIT */                            \
	X(OUTSIDE_WINDOW, "outside-srat-window")                                         \
	X(BLOCK_EXISTS, "block-exists") /* all of it or some */                          \
	X(OVERLAPS_RESOURCE, "overlaps-resource") /* of /proc/iomem */                   \
	X(CLAIMED_TWICE, "claimed-twice") /* by two devices of one list */               \
	X(NO_DIMM_OBJECT, "no-dimm-object") /* ACPI has no PNP0C80 device */             \
	X(MORE_THAN_POPULATED, "more-than-populated") /* DIMMs named than slots */       \
	X(NOT_IN_CONTROLLER, "not-in-controller") /* no enabled DIMM covers it */        \
	X(CONTROLLER_UNREADABLE, "controller-unreadable")                                \
	X(EVIDENCE_UNREADABLE, "evidence-unreadable")                                    \
	/* of a block again: */                                                          \
	X(ZONE_FIXED,                                                                    \
	  "zone-fixed") /* before 4.13: it cannot leave the zone that it was added to */ \
	X(KERNEL_DEFAULT,                                                                \
	  "kernel-default") /* the kernel would online it, were that not switched off */ \
	X(TIMED_OUT, "timed-out") /* the write was given up when its time was over */    \
	/* of a device again: */                                                         \
	X(NO_DRIVER, "no-driver") /* of virtio-mem, in this guest */                     \
	X(MEMORY_LIMIT,                                                                  \
	  "memory-limit") /* mem= on the kernel's command line ends below it */          \
	/* of a device, beside its verdict: */                                           \
	X(NODE_DIFFERS, "node-differs") /* from the host's NUMA node */                  \
	X(NOT_GIVEN_BACK,                                                                \
	  "not-given-back") /* the host asked for less than the guest has */

#define REASON_ENUM(name, text) REASON_##name,
enum reason { REASON_TABLE(REASON_ENUM) REASONS };
#undef REASON_ENUM

/* Never NULL. */
const char *reason_text(enum reason reason);

#endif
