/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/message.h"

/* clang-format off: one row for each member */

#define ROWS(type) static const struct field type##_rows[] =
#define SHAPE(type, struct_type, defaults)        \
	const struct field_shape message_##type = \
		FIELD_SHAPE(type##_rows, struct message_##struct_type, defaults);
#define ROW(type, name, kind, need, member, of)                                  \
	{                                                                        \
		name, kind, need, offsetof(struct message_##type, member), of, 0 \
	}
#define STRING(type, name, member) \
	ROW(type, name, FIELD_STRING, FIELD_REQUIRED, member, NULL)
#define UINT(type, name, member) \
	ROW(type, name, FIELD_UINT64, FIELD_REQUIRED, member, NULL)
#define INT(type, name, member) ROW(type, name, FIELD_INT64, FIELD_REQUIRED, member, NULL)
#define BOOL(type, name, member) \
	ROW(type, name, FIELD_BOOLEAN, FIELD_REQUIRED, member, NULL)
#define LIST(type, name, member, of) \
	ROW(type, name, FIELD_LIST, FIELD_REQUIRED, member, of)

ROWS(guest_block){
	UINT(guest_block, "phys-index", phys_index),
	BOOL(guest_block, "online", online),
	BOOL(guest_block, "can-offline", can_offline),
};
SHAPE(guest_block, guest_block, NULL)

ROWS(guest_response){
	UINT(guest_response, "phys-index", phys_index),
	STRING(guest_response, "response", response),
	ROW(guest_response, "error-code", FIELD_INT64, FIELD_OPTIONAL, error, NULL),
};
SHAPE(guest_response, guest_response, NULL)

ROWS(guest_command){
	STRING(guest_command, "name", name),
	BOOL(guest_command, "enabled", enabled),
	BOOL(guest_command, "success-response", success_response),
};
SHAPE(guest_command, guest_command, NULL)

ROWS(guest_info){
	STRING(guest_info, "version", version),
	LIST(guest_info, "supported_commands", supported_commands,
	     &message_guest_command),
};
SHAPE(guest_info, guest_info, NULL)

ROWS(block_size){
	UINT(block_size, "size", size),
};
SHAPE(block_size, block_size, NULL)

ROWS(total){
	INT(total, "node", node),
	STRING(total, "state", state),
	STRING(total, "zone", zone),
	UINT(total, "size", bytes),
};
SHAPE(total, total, NULL)

ROWS(held_up){
	UINT(held_up, "phys-index", phys_index),
	STRING(held_up, "word", word),
	UINT(held_up, "elapsed-usec", elapsed_usec),
	ROW(held_up, "going-offline", FIELD_UINT64, FIELD_OPTIONAL, going_offline, NULL),
};
static const struct message_held_up held_up_defaults = { .going_offline = UINT64_MAX };
SHAPE(held_up, held_up, &held_up_defaults)

ROWS(port){
	STRING(port, "name", name),
	ROW(port, "open", FIELD_BOOLEAN, FIELD_LENIENT, open, NULL),
	UINT(port, "errno", error),
};
SHAPE(port, port, NULL)

ROWS(status){
	STRING(status, "version", version),
	UINT(status, "protocol", protocol),
	STRING(status, "kernel", kernel),
	STRING(status, "instance", instance),
	STRING(status, "source", source),
	STRING(status, "policy", policy),
	STRING(status, "carried-out-by", carried_out_by),
	UINT(status, "last-seq", last_seq),
	UINT(status, "block-size", block_size_bytes),
	UINT(status, "blocks", block_count),
	UINT(status, "pending", pending),
	UINT(status, "failed", failed),
	LIST(status, "racing-rules", racing_rules, NULL),
	LIST(status, "memory", totals, &message_total),
	ROW(status, "port", FIELD_OBJECT, FIELD_OPTIONAL, port, &message_port),
	ROW(status, "held-up", FIELD_OBJECT, FIELD_OPTIONAL, held_up, &message_held_up),
};
SHAPE(status, status, NULL)

ROWS(pending){
	UINT(pending, "pending", pending),
};
SHAPE(pending, pending, NULL)

ROWS(range){
	UINT(range, "start", start),
	UINT(range, "size", size),
	INT(range, "node", node),
	STRING(range, "state", state),
	LIST(range, "zones", zones, NULL),
	STRING(range, "reason", reason),
	ROW(range, "dimm", FIELD_UINT64, FIELD_OPTIONAL, dimm, NULL),
};
static const struct message_range range_defaults = { .dimm = MESSAGE_NO_ADDRESS };
SHAPE(range, range, &range_defaults)

ROWS(fact){
	STRING(fact, "name", name),
	STRING(fact, "value", value),
};
SHAPE(fact, fact, NULL)

ROWS(explained){
	UINT(explained, "phys-index", phys_index),
	STRING(explained, "word", word),
	STRING(explained, "reason", reason),
	LIST(explained, "facts", facts, &message_fact),
};
SHAPE(explained, explained, NULL)

ROWS(block){
	UINT(block, "phys-index", phys_index),
	ROW(block, "response", FIELD_STRING, FIELD_LENIENT, response, NULL),
	ROW(block, "state", FIELD_STRING, FIELD_LENIENT, state, NULL),
	ROW(block, "errno", FIELD_INT64, FIELD_LENIENT, error, NULL),
	ROW(block, "reason", FIELD_STRING, FIELD_LENIENT, reason, NULL),
};
static const struct message_block block_defaults = { 0, "unknown", "unknown", 0,
						     "unknown" };
SHAPE(block, block, &block_defaults)

ROWS(act){
	STRING(act, "result", result),
	LIST(act, "blocks", blocks, &message_block),
};
SHAPE(act, act, NULL)

ROWS(missing){
	STRING(missing, "state", state),
	STRING(missing, "reason", reason),
	UINT(missing, "size", size),
};
SHAPE(missing, missing, NULL)

#define DEVICE_ROWS(of)                                                                  \
	STRING(of, "type", type), ROW(of, "id", FIELD_STRING, FIELD_OPTIONAL, id, NULL), \
		ROW(of, "slot", FIELD_INT64, FIELD_OPTIONAL, slot, NULL),                \
		ROW(of, "start", FIELD_UINT64, FIELD_OPTIONAL, start, NULL),             \
		ROW(of, "size", FIELD_UINT64, FIELD_OPTIONAL, size, NULL)

ROWS(device){
	DEVICE_ROWS(device),
	ROW(device, "requested", FIELD_UINT64, FIELD_OPTIONAL, requested, NULL),
	UINT(device, "online", online),
	INT(device, "node", node),
	LIST(device, "zones", zones, NULL),
	STRING(device, "removable", removable),
	STRING(device, "verdict", verdict),
	STRING(device, "cause", cause),
	LIST(device, "missing", missing, &message_missing),
	ROW(device, "remarks", FIELD_LIST, FIELD_LENIENT, remarks, NULL),
	ROW(device, "log", FIELD_STRING, FIELD_OPTIONAL, log, NULL),
};
static const struct message_device device_defaults = {
	.slot = -1,
	.start = MESSAGE_NO_ADDRESS,
	.size = MESSAGE_NO_ADDRESS,
	.requested = MESSAGE_NO_ADDRESS,
};
SHAPE(device, device, &device_defaults)

ROWS(check){
	STRING(check, "check", check),
	ROW(check, "passed", FIELD_BOOLEAN, FIELD_LENIENT, passed, NULL),
	STRING(check, "reason", reason),
};
SHAPE(check, check, NULL)

ROWS(probed){
	DEVICE_ROWS(probed),
	STRING(probed, "verdict", verdict),
	STRING(probed, "reason", reason),
	INT(probed, "errno", error),
	BOOL(probed, "confirmed", confirmed),
	UINT(probed, "blocks-added", added),
	UINT(probed, "online", online),
	LIST(probed, "checks", checks, &message_check),
};
static const struct message_probed probed_defaults = {
	.slot = -1,
	.start = MESSAGE_NO_ADDRESS,
	.size = MESSAGE_NO_ADDRESS,
};
SHAPE(probed, probed, &probed_defaults)

ROWS(position){
	STRING(position, "instance", instance),
	UINT(position, "last-seq", last_seq),
	UINT(position, "lost", lost),
};
SHAPE(position, position, NULL)

ROWS(timestamp){
	INT(timestamp, "seconds", sec),
	INT(timestamp, "microseconds", usec),
};
SHAPE(timestamp, timestamp, NULL)

ROWS(report_range){
	UINT(report_range, "start", start), UINT(report_range, "size", size),
	INT(report_range, "node", node),    STRING(report_range, "from", from),
	STRING(report_range, "to", to),	    STRING(report_range, "requested", requested),
	STRING(report_range, "zone", zone), STRING(report_range, "result", result),
	INT(report_range, "errno", error),  STRING(report_range, "reason", reason),
};
SHAPE(report_range, report_range, NULL)

ROWS(report){
	STRING(report, "instance", instance),
	UINT(report, "seq", seq),
	ROW(report, "timestamp", FIELD_OBJECT, FIELD_REQUIRED, time, &message_timestamp),
	LIST(report, "ranges", ranges, &message_report_range),
	UINT(report, "elapsed-usec", elapsed_usec),
};
SHAPE(report, report, NULL)

ROWS(report_data){
	STRING(report, "instance", instance),
	UINT(report, "seq", seq),
	LIST(report, "ranges", ranges, &message_report_range),
	UINT(report, "elapsed-usec", elapsed_usec),
	ROW(report, "lost", FIELD_UINT64, FIELD_LENIENT, lost, NULL),
};
SHAPE(report_data, report, NULL)

ROWS(progress){
	UINT(progress, "done", done),
	UINT(progress, "blocks", blocks),
};
SHAPE(progress, progress, NULL)

#define STAT(struct_type, name, member)                               \
	{                                                             \
		name, FIELD_UINT64, FIELD_NULLABLE,                   \
			offsetof(struct struct_type, member), NULL, 0 \
	}
#define STAT_OBJECT(name, member, of)                                                   \
	{                                                                               \
		name, FIELD_OBJECT, FIELD_REQUIRED, offsetof(struct stats, member), of, \
			0                                                               \
	}
#define ZONE_UNKNOWN                                                       \
	{                                                                  \
		STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN \
	}
#define STALL_UNKNOWN                                                      \
	{                                                                  \
		STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN, STATS_UNKNOWN \
	}

ROWS(stats_zone){
	STAT(stats_zone, "total", total),
	STAT(stats_zone, "free", free),
	STAT(stats_zone, "file", file),
	STAT(stats_zone, "low", low),
};
static const struct stats_zone stats_zone_defaults = ZONE_UNKNOWN;
const struct field_shape message_stats_zone =
	FIELD_SHAPE(stats_zone_rows, struct stats_zone, &stats_zone_defaults);

ROWS(stats_stall){
	STAT(stats_stall, "avg10", avg10),
	STAT(stats_stall, "avg60", avg60),
	STAT(stats_stall, "avg300", avg300),
	STAT(stats_stall, "total-usec", total_usec),
};
static const struct stats_stall stats_stall_defaults = STALL_UNKNOWN;
const struct field_shape message_stats_stall =
	FIELD_SHAPE(stats_stall_rows, struct stats_stall, &stats_stall_defaults);

ROWS(stats){
	STAT(stats, "total", total),
	STAT(stats, "available", available),
	STAT(stats, "free", free),
	STAT_OBJECT("kernel-zones", kernel, &message_stats_zone),
	STAT_OBJECT("movable-zones", movable, &message_stats_zone),
	STAT(stats, "swap-total", swap_total),
	STAT(stats, "swap-free", swap_free),
	STAT(stats, "anonymous", anonymous),
	STAT(stats, "file", file),
	STAT(stats, "shared", shared),
	STAT(stats, "reclaimable", reclaimable),
	STAT(stats, "major-faults", major_faults),
	STAT(stats, "swapped-in", swapped_in),
	STAT(stats, "swapped-out", swapped_out),
	STAT(stats, "oom-kills", oom_kills),
	STAT(stats, "hugepage-size", hugepage_size),
	STAT(stats, "hugepages-total", hugepages_total),
	STAT(stats, "hugepages-free", hugepages_free),
	STAT_OBJECT("pressure-some", some, &message_stats_stall),
	STAT_OBJECT("pressure-full", full, &message_stats_stall),
};
static const struct stats stats_defaults = {
	.total = STATS_UNKNOWN,
	.available = STATS_UNKNOWN,
	.free = STATS_UNKNOWN,
	.kernel = ZONE_UNKNOWN,
	.movable = ZONE_UNKNOWN,
	.swap_total = STATS_UNKNOWN,
	.swap_free = STATS_UNKNOWN,
	.anonymous = STATS_UNKNOWN,
	.file = STATS_UNKNOWN,
	.shared = STATS_UNKNOWN,
	.reclaimable = STATS_UNKNOWN,
	.major_faults = STATS_UNKNOWN,
	.swapped_in = STATS_UNKNOWN,
	.swapped_out = STATS_UNKNOWN,
	.oom_kills = STATS_UNKNOWN,
	.hugepage_size = STATS_UNKNOWN,
	.hugepages_total = STATS_UNKNOWN,
	.hugepages_free = STATS_UNKNOWN,
	.some = STALL_UNKNOWN,
	.full = STALL_UNKNOWN,
};
const struct field_shape message_stats =
	FIELD_SHAPE(stats_rows, struct stats, &stats_defaults);

ROWS(pressure_subscribed){
	STRING(pressure_subscribed, "source", source),
	LIST(pressure_subscribed, "pressed", pressed, NULL),
	ROW(pressure_subscribed, "stats", FIELD_OBJECT, FIELD_REQUIRED, stats,
	    &message_stats),
};
SHAPE(pressure_subscribed, pressure_subscribed, NULL)

ROWS(pressure){
	STRING(pressure, "signal", signal),
	BOOL(pressure, "pressed", pressed),
	ROW(pressure, "stats", FIELD_OBJECT, FIELD_REQUIRED, stats, &message_stats),
};
SHAPE(pressure, pressure, NULL)

ROWS(error){
	STRING(error, "class", class),
	STRING(error, "desc", desc),
};
SHAPE(error, error, NULL)
