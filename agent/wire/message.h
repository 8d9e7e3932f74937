/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_MESSAGE_H
#define MEMONLINE_MESSAGE_H

/*
 * What memonline-protocol(7) asks and returns: one row for each argument and member says what it is in C
 * and in JSON, for both ends. memonlined fills a struct message_NAME and writes it by the shape
 * message_NAME, the host reads into one. Texts are const char *, so that a reader keeps those that it
 * does not know.
 */

#include "core/block.h"
#include "core/command.h"
#include "core/device.h"
#include "core/pressure.h"
#include "core/stats.h"
#include "wire/field.h"
#include "wire/lists.h"

#define MESSAGE_NO_ADDRESS UINT64_MAX /* start, size, dimm: not known, not written */

/* --- what is asked */

struct protocol_request {
	enum protocol_command command;
	bool from_port; /* its caller sets it: it came from the host, not from a local client */
	char *id; /* the request's "id" as JSON text, or NULL; owned */
	int64_t sync_id; /* guest-sync, guest-sync-delimited */
	uint64_t since; /* get-reports, subscribe: 0 where not given */
	uint64_t max; /* get-reports: UINT64_MAX where not given */
	struct protocol_block *blocks; /* guest-set-memory-blocks, in order; owned */
	size_t block_count;
	struct device *devices; /* in the order given; owned */
	size_t device_count;
	bool has_devices; /* the list was given, be it empty */
	bool dry_run; /* probe */
	uint64_t start, size; /* online, offline; bytes */
	enum online_type word; /* online: NONE where not given */
	bool progress; /* online: events while it is at work */
	uint64_t
		timeout_sec; /* offline: PROTOCOL_TIMEOUT_SEC where not given; asked: 0 */
	uint64_t index; /* explain: the N of memoryN */
	struct pressure_thresholds thresholds; /* subscribe-pressure */
};
/*
 * ROW(M, need, kind, member of struct M, name in JSON): see enum field_need and below. The arguments of
 * each command of core/command.h; what ELEMENTS are is in lists.h.
 */
/* clang-format off */
#define ARGUMENTS_GUEST_SYNC(ROW, M) ROW(M, REQUIRED, INT64, sync_id, "id")
#define ARGUMENTS_GUEST_SYNC_DELIMITED(ROW, M) ROW(M, REQUIRED, INT64, sync_id, "id")
#define ARGUMENTS_GUEST_PING(ROW, M)
#define ARGUMENTS_GUEST_INFO(ROW, M)
#define ARGUMENTS_GUEST_GET_MEMORY_BLOCKS(ROW, M)
#define ARGUMENTS_GUEST_SET_MEMORY_BLOCKS(ROW, M)                                       \
	ROW(M, REQUIRED, ELEMENTS, blocks, "mem-blks")
#define ARGUMENTS_GUEST_GET_MEMORY_BLOCK_INFO(ROW, M)
#define ARGUMENTS_STATUS(ROW, M)
#define ARGUMENTS_GET_RANGES(ROW, M)
#define ARGUMENTS_GET_REPORTS(ROW, M)                                                   \
	ROW(M, OPTIONAL, UINT64, since, "since")                                        \
	ROW(M, OR_NONE, UINT64, max, "max")
#define ARGUMENTS_SUBSCRIBE(ROW, M) ROW(M, OPTIONAL, UINT64, since, "since")
#define ARGUMENTS_ONLINE(ROW, M)                                                        \
	ROW(M, REQUIRED, UINT64, start, "start")                                        \
	ROW(M, REQUIRED, UINT64, size, "size")                                          \
	ROW(M, OPTIONAL, ONLINE_TYPE, word, "word")                                     \
	ROW(M, OPTIONAL, BOOLEAN, progress, "progress")
#define ARGUMENTS_OFFLINE(ROW, M)                                                       \
	ROW(M, REQUIRED, UINT64, start, "start")                                        \
	ROW(M, REQUIRED, UINT64, size, "size")                                          \
	ROW(M, OPTIONAL, SECONDS, timeout_sec, "timeout")
#define ARGUMENTS_RECONCILE(ROW, M) ROW(M, REQUIRED, ELEMENTS, devices, "devices")
#define ARGUMENTS_PROBE(ROW, M)                                                         \
	ROW(M, OPTIONAL, ELEMENTS, devices, "devices")                                  \
	ROW(M, OPTIONAL, BOOLEAN, dry_run, "dry-run")
#define ARGUMENTS_EXPLAIN(ROW, M) ROW(M, REQUIRED, UINT64, index, "phys-index")
#define ARGUMENTS_STATS(ROW, M)
#define ARGUMENTS_SUBSCRIBE_PRESSURE(ROW, M)                                            \
	ROW(M, OPTIONAL, UINT64, thresholds.available, "available")                     \
	ROW(M, OPTIONAL, UINT64, thresholds.kernel_free, "kernel-free")                 \
	ROW(M, OPTIONAL, UINT64, thresholds.stall_usec, "stall-usec")
/* clang-format on */

/* --- what is returned */

/* clang-format off */
#define MESSAGE_guest_block(ROW, M)                                                     \
	ROW(M, REQUIRED, UINT64, phys_index, "phys-index")                              \
	ROW(M, REQUIRED, BOOLEAN, online, "online")                                     \
	ROW(M, REQUIRED, BOOLEAN, can_offline, "can-offline")
#define MESSAGE_guest_response(ROW, M)                                                  \
	ROW(M, REQUIRED, UINT64, phys_index, "phys-index")                              \
	ROW(M, REQUIRED, STRING, response, "response")                                  \
	ROW(M, OPTIONAL, INT64, error, "error-code") /* 0: not written */
#define MESSAGE_guest_command(ROW, M)                                                   \
	ROW(M, REQUIRED, STRING, name, "name")                                          \
	ROW(M, REQUIRED, BOOLEAN, enabled, "enabled")                                   \
	ROW(M, REQUIRED, BOOLEAN, success_response, "success-response")
#define MESSAGE_guest_info(ROW, M)                                                      \
	ROW(M, REQUIRED, STRING, version, "version")                                    \
	ROW(M, REQUIRED, LIST(guest_command), supported_commands, "supported_commands")
#define MESSAGE_block_size(ROW, M)                                                      \
	ROW(M, REQUIRED, UINT64, size, "size") /* of a memory block in bytes */
#define MESSAGE_total(ROW, M)                                                           \
	ROW(M, REQUIRED, INT64, node, "node")                                           \
	ROW(M, REQUIRED, STRING, state, "state")                                        \
	ROW(M, REQUIRED, STRING, zone, "zone")                                          \
	ROW(M, REQUIRED, UINT64, bytes, "size")
/* A write that the kernel holds up. All zero: none. */
#define MESSAGE_held_up(ROW, M)                                                         \
	ROW(M, REQUIRED, UINT64, phys_index, "phys-index")                              \
	ROW(M, REQUIRED, STRING, word, "word") /* the value, or "probe" */        \
	ROW(M, REQUIRED, UINT64, elapsed_usec, "elapsed-usec") /* so far */             \
	ROW(M, OR_NONE, UINT64, going_offline, "going-offline") /* the block that it waits for */
/* The virtio-serial port of the configuration. All zero: it has none, or an older agent. */
#define MESSAGE_port(ROW, M)                                                            \
	ROW(M, REQUIRED, STRING, name, "name")                                          \
	ROW(M, LENIENT, BOOLEAN, open, "open")                                          \
	ROW(M, REQUIRED, UINT64, error, "errno") /* errno of the guest: why it is not open */
#define MESSAGE_status(ROW, M)                                                          \
	ROW(M, REQUIRED, STRING, version, "version")                                    \
	ROW(M, REQUIRED, UINT64, protocol, "protocol")                                  \
	ROW(M, REQUIRED, STRING, kernel, "kernel") /* uname -r */                       \
	ROW(M, REQUIRED, STRING, instance, "instance")                                  \
	ROW(M, REQUIRED, STRING, source, "source") /* "udev", "kernel" or "none" */     \
	ROW(M, REQUIRED, STRING, policy, "policy") /* as in memonlined.conf */    \
	ROW(M, REQUIRED, STRING, carried_out_by, "carried-out-by") /* "agent", "kernel" or "nobody" */ \
	ROW(M, REQUIRED, UINT64, last_seq, "last-seq")                                  \
	ROW(M, REQUIRED, UINT64, block_size_bytes, "block-size")                        \
	ROW(M, REQUIRED, UINT64, block_count, "blocks")                                 \
	ROW(M, REQUIRED, UINT64, pending, "pending") /* writes still planned */         \
	ROW(M, REQUIRED, UINT64, failed, "failed") /* refused by the kernel */          \
	ROW(M, REQUIRED, STRINGS, racing_rules, "racing-rules") /* paths */             \
	ROW(M, REQUIRED, LIST(total), totals, "memory")                                 \
	ROW(M, OPTIONAL, OBJECT(port), port, "port")                                    \
	ROW(M, OPTIONAL, OBJECT(held_up), held_up, "held-up")
#define MESSAGE_pending(ROW, M)                                                         \
	ROW(M, REQUIRED, UINT64, pending, "pending") /* of a message_status, alone */
/* One element of memonline-get-ranges: blocks of one DIMM, alike in everything shown. */
#define MESSAGE_range(ROW, M)                                                           \
	ROW(M, REQUIRED, UINT64, start, "start")                                        \
	ROW(M, REQUIRED, UINT64, size, "size")                                          \
	ROW(M, REQUIRED, INT64, node, "node")                                           \
	ROW(M, REQUIRED, STRING, state, "state")                                        \
	ROW(M, REQUIRED, STRINGS, zones, "zones") /* their names */                     \
	ROW(M, REQUIRED, STRING, reason, "reason")                                      \
	ROW(M, OR_NONE, UINT64, dimm, "dimm") /* where its resource begins */
#define MESSAGE_fact(ROW, M)                                                            \
	ROW(M, REQUIRED, STRING, name, "name")                                          \
	ROW(M, REQUIRED, STRING, value, "value")
#define MESSAGE_explained(ROW, M)                                                       \
	ROW(M, REQUIRED, UINT64, phys_index, "phys-index")                              \
	ROW(M, REQUIRED, STRING, word, "word")                                          \
	ROW(M, REQUIRED, STRING, reason, "reason")                                      \
	ROW(M, REQUIRED, LIST(fact), facts, "facts")
/* memonline-online and memonline-offline */
#define MESSAGE_block(ROW, M)                                                           \
	ROW(M, REQUIRED, UINT64, phys_index, "phys-index")                              \
	ROW(M, LENIENT, STRING, response, "response") /* NULL: unknown, as the next two */ \
	ROW(M, LENIENT, STRING, state, "state")                                         \
	ROW(M, LENIENT, INT64, error, "errno") /* errno of the guest, 0: none */        \
	ROW(M, LENIENT, STRING, reason, "reason")
#define MESSAGE_act(ROW, M)                                                             \
	ROW(M, REQUIRED, STRING, result, "result")                                      \
	ROW(M, REQUIRED, LIST(block), blocks, "blocks")
/* One element of memonline-reconcile. */
#define MESSAGE_missing(ROW, M)                                                         \
	ROW(M, REQUIRED, STRING, state, "state")                                        \
	ROW(M, REQUIRED, STRING, reason, "reason")                                      \
	ROW(M, REQUIRED, UINT64, size, "size")
/* What reconcile and probe say of a device alike. */
#define MESSAGE_place(ROW, M)                                                           \
	ROW(M, REQUIRED, STRING, type, "type")                                          \
	ROW(M, OPTIONAL, STRING, id, "id") /* NULL: none */                             \
	ROW(M, OR_NONE, INT64, slot, "slot") /* -1: none */                             \
	ROW(M, OR_NONE, UINT64, start, "start")                                         \
	ROW(M, OR_NONE, UINT64, size, "size")
#define MESSAGE_device(ROW, M) MESSAGE_place(ROW, M)                                    \
	ROW(M, OR_NONE, UINT64, requested, "requested") /* where it is not the size */  \
	ROW(M, REQUIRED, UINT64, online, "online")                                      \
	ROW(M, REQUIRED, INT64, node, "node")                                           \
	ROW(M, REQUIRED, STRINGS, zones, "zones") /* their names */                     \
	ROW(M, REQUIRED, STRING, removable, "removable")                                \
	ROW(M, REQUIRED, STRING, verdict, "verdict")                                    \
	ROW(M, REQUIRED, STRING, cause, "cause")                                        \
	ROW(M, REQUIRED, LIST(missing), missing, "missing")                             \
	ROW(M, LENIENT, STRINGS, remarks, "remarks") /* unlike the host's */ \
	ROW(M, OPTIONAL, STRING, log, "log") /* the kernel's line; NULL: none */
/* One element of memonline-probe. */
#define MESSAGE_check(ROW, M)                                                           \
	ROW(M, REQUIRED, STRING, check, "check") /* the reason that it refuses with */  \
	ROW(M, LENIENT, BOOLEAN, passed, "passed")                                      \
	ROW(M, REQUIRED, STRING, reason, "reason") /* "none": passed */
#define MESSAGE_probed(ROW, M) MESSAGE_place(ROW, M)                                    \
	ROW(M, REQUIRED, STRING, verdict, "verdict")                                    \
	ROW(M, REQUIRED, STRING, reason, "reason")                                      \
	ROW(M, REQUIRED, INT64, error, "errno")                                         \
	ROW(M, REQUIRED, BOOLEAN, confirmed, "confirmed")                               \
	ROW(M, REQUIRED, UINT64, added, "blocks-added")                                 \
	ROW(M, REQUIRED, UINT64, online, "online")                                      \
	ROW(M, REQUIRED, LIST(check), checks, "checks")
/* What get-reports and subscribe say before any report. */
#define MESSAGE_position(ROW, M)                                                        \
	ROW(M, REQUIRED, STRING, instance, "instance")                                  \
	ROW(M, REQUIRED, UINT64, last_seq, "last-seq")                                  \
	ROW(M, REQUIRED, UINT64, lost, "lost")
#define MESSAGE_timestamp(ROW, M)                                                       \
	ROW(M, REQUIRED, INT64, sec, "seconds")                                         \
	ROW(M, REQUIRED, INT64, usec, "microseconds")
#define MESSAGE_report_range(ROW, M)                                                    \
	ROW(M, REQUIRED, UINT64, start, "start")                                        \
	ROW(M, REQUIRED, UINT64, size, "size")                                          \
	ROW(M, REQUIRED, INT64, node, "node")                                           \
	ROW(M, REQUIRED, STRING, from, "from")                                          \
	ROW(M, REQUIRED, STRING, to, "to")                                              \
	ROW(M, REQUIRED, STRING, requested, "requested")                                \
	ROW(M, REQUIRED, STRING, zone, "zone")                                          \
	ROW(M, REQUIRED, STRING, result, "result")                                      \
	ROW(M, REQUIRED, INT64, error, "errno") /* errno of the guest, 0: none */       \
	ROW(M, REQUIRED, STRING, reason, "reason")
/*
 * An element of get-reports, or the data of an event: that has no time, which is its envelope's, and
 * alone has `lost`: how many reports between the one before it and it are gone.
 */
#define MESSAGE_report(ROW, M)                                                          \
	ROW(M, REQUIRED, STRING, instance, "instance")                                  \
	ROW(M, REQUIRED, UINT64, seq, "seq")                                            \
	ROW(M, OPTIONAL, OBJECT(timestamp), time, "timestamp")                          \
	ROW(M, REQUIRED, LIST(report_range), ranges, "ranges")                          \
	ROW(M, REQUIRED, UINT64, elapsed_usec, "elapsed-usec")                          \
	ROW(M, OR_NONE, UINT64, lost, "lost")
#define MESSAGE_progress(ROW, M)                                                        \
	ROW(M, REQUIRED, UINT64, done, "done")                                          \
	ROW(M, REQUIRED, UINT64, blocks, "blocks")
/* memonline-stats: core's struct stats; null stands for STATS_UNKNOWN. */
#define MESSAGE_stats_zone(ROW, M)                                                      \
	ROW(M, NULLABLE, UINT64, total, "total")                                        \
	ROW(M, NULLABLE, UINT64, free, "free")                                          \
	ROW(M, NULLABLE, UINT64, file, "file")                                          \
	ROW(M, NULLABLE, UINT64, low, "low")
#define MESSAGE_stats_stall(ROW, M)                                                     \
	ROW(M, NULLABLE, UINT64, avg10, "avg10")                                        \
	ROW(M, NULLABLE, UINT64, avg60, "avg60")                                        \
	ROW(M, NULLABLE, UINT64, avg300, "avg300")                                      \
	ROW(M, NULLABLE, UINT64, total_usec, "total-usec")
#define MESSAGE_stats(ROW, M)                                                           \
	ROW(M, NULLABLE, UINT64, total, "total")                                        \
	ROW(M, NULLABLE, UINT64, available, "available")                                \
	ROW(M, NULLABLE, UINT64, free, "free")                                          \
	ROW(M, REQUIRED, CORE(stats_zone), kernel, "kernel-zones")                      \
	ROW(M, REQUIRED, CORE(stats_zone), movable, "movable-zones")                    \
	ROW(M, NULLABLE, UINT64, swap_total, "swap-total")                              \
	ROW(M, NULLABLE, UINT64, swap_free, "swap-free")                                \
	ROW(M, NULLABLE, UINT64, anonymous, "anonymous")                                \
	ROW(M, NULLABLE, UINT64, file, "file")                                          \
	ROW(M, NULLABLE, UINT64, shared, "shared")                                      \
	ROW(M, NULLABLE, UINT64, reclaimable, "reclaimable")                            \
	ROW(M, NULLABLE, UINT64, major_faults, "major-faults")                          \
	ROW(M, NULLABLE, UINT64, swapped_in, "swapped-in")                              \
	ROW(M, NULLABLE, UINT64, swapped_out, "swapped-out")                            \
	ROW(M, NULLABLE, UINT64, oom_kills, "oom-kills")                                \
	ROW(M, NULLABLE, UINT64, hugepage_size, "hugepage-size")                        \
	ROW(M, NULLABLE, UINT64, hugepages_total, "hugepages-total")                    \
	ROW(M, NULLABLE, UINT64, hugepages_free, "hugepages-free")                      \
	ROW(M, REQUIRED, CORE(stats_stall), some, "pressure-some")                      \
	ROW(M, REQUIRED, CORE(stats_stall), full, "pressure-full")
#define MESSAGE_pressure_subscribed(ROW, M)                                             \
	ROW(M, REQUIRED, STRING, source, "source") /* "psi" or "timer" */               \
	ROW(M, REQUIRED, STRINGS, pressed, "pressed") /* names of signals */            \
	ROW(M, REQUIRED, CORE(stats), stats, "stats")
/* An event's data. */
#define MESSAGE_pressure(ROW, M)                                                        \
	ROW(M, REQUIRED, STRING, signal, "signal")                                      \
	ROW(M, REQUIRED, BOOLEAN, pressed, "pressed") /* false: it has eased */         \
	ROW(M, REQUIRED, CORE(stats), stats, "stats")
#define MESSAGE_error(ROW, M)                                                           \
	ROW(M, REQUIRED, STRING, class, "class")                                        \
	ROW(M, REQUIRED, STRING, desc, "desc")
/* Those with a struct of their own, and those of core's structs. */
#define MESSAGES(X) \
	X(guest_block) X(guest_response) X(guest_command) X(guest_info) \
	X(block_size) X(total) X(held_up) X(port) X(status) X(pending) X(range) \
	X(fact) X(explained) X(block) X(act) X(missing) X(device) X(check) \
	X(probed) X(position) X(timestamp) X(report_range) X(report) X(progress) \
	X(pressure_subscribed) X(pressure) X(error)
#define MESSAGES_OF_CORE(X) X(stats_zone) X(stats_stall) X(stats)
/* clang-format on */

/*
 * What a kind is in C: X of LIST(X) and OBJECT(X) is another message, that of CORE(X) a struct of core's;
 * STRINGS are a list of const char *.
 */
#define MESSAGE_C_STRING const char *
#define MESSAGE_C_UINT64 uint64_t
#define MESSAGE_C_INT64 int64_t
#define MESSAGE_C_BOOLEAN bool
#define MESSAGE_C_STRINGS struct field_list
#define MESSAGE_C_LIST(message) struct field_list
#define MESSAGE_C_OBJECT(message) struct message_##message
#define MESSAGE_C_CORE(message) struct message

#define MESSAGE_MEMBER(M, need, kind, member, name) MESSAGE_C_##kind member;
#define MESSAGE_STRUCT(message)                            \
	struct message_##message {                         \
		MESSAGE_##message(MESSAGE_MEMBER, message) \
	};
MESSAGES(MESSAGE_STRUCT)

/* The arguments that a command takes, up to one without a name. */
const struct field *message_arguments(enum protocol_command command);

#define MESSAGE_SHAPE(message) extern const struct field_shape message_##message;
MESSAGES(MESSAGE_SHAPE)
MESSAGES_OF_CORE(MESSAGE_SHAPE)

#endif
