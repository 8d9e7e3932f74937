/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_MESSAGE_H
#define MEMONLINE_MESSAGE_H

/*
 * What memonline-protocol(7) returns, as structs: memonlined fills them and writes them, the
 * host reads into them, both by the table behind each. A new member is one here and one row in
 * message.c. Words are const char *, so that a reader keeps those that it does not know.
 */

#include "core/stats.h"
#include "wire/field.h"

#define MESSAGE_NO_ADDRESS UINT64_MAX /* start, size, dimm: not known, not written */

struct message_guest_block {
	uint64_t phys_index;
	bool online;
	bool can_offline;
};
struct message_guest_response {
	uint64_t phys_index;
	const char *response;
	int64_t error; /* 0: not written */
};
struct message_guest_command {
	const char *name;
	bool enabled;
	bool success_response;
};
struct message_guest_info {
	const char *version;
	struct field_list supported_commands; /* message_guest_command */
};
struct message_block_size {
	uint64_t size; /* of a memory block in bytes */
};

struct message_total {
	int64_t node;
	const char *state;
	const char *zone;
	uint64_t bytes;
};
/* A write that the kernel holds up. All zero: none. */
struct message_held_up {
	uint64_t phys_index;
	const char *word; /* what is written, or "probe" */
	uint64_t elapsed_usec; /* so far */
	uint64_t going_offline; /* the block that it waits for; UINT64_MAX: not known */
};
/* The virtio-serial port of the configuration. All zero: it has none, or an older agent. */
struct message_port {
	const char *name;
	bool open;
	uint64_t error; /* errno of the guest: why it is not open */
};
struct message_status {
	const char *version; /* of the agent */
	uint64_t protocol;
	const char *kernel; /* uname -r */
	const char *instance;
	const char *source; /* "udev", "kernel" or "none" */
	const char *policy; /* the word of memonlined.conf */
	const char *carried_out_by; /* "agent", "kernel" or "nobody" */
	uint64_t last_seq;
	uint64_t block_size_bytes;
	uint64_t block_count;
	uint64_t pending; /* writes still planned */
	uint64_t failed; /* blocks that the kernel refused to bring online */
	struct field_list racing_rules; /* paths */
	struct field_list totals; /* message_total */
	struct message_port port;
	struct message_held_up held_up;
};
struct message_pending {
	uint64_t pending; /* of a message_status, alone */
};

/* One element of memonline-get-ranges: blocks of one DIMM, alike in everything shown. */
struct message_range {
	uint64_t start;
	uint64_t size;
	int64_t node;
	const char *state;
	struct field_list zones; /* their names */
	const char *reason;
	uint64_t dimm; /* where its resource in /proc/iomem begins; not of boot memory */
};

struct message_fact {
	const char *name;
	const char *value;
};
struct message_explained {
	uint64_t phys_index;
	const char *word;
	const char *reason;
	struct field_list facts; /* message_fact */
};

/* memonline-online and memonline-offline */
struct message_block {
	uint64_t phys_index;
	const char *response; /* read: "unknown" where it is missing, as the next two */
	const char *state;
	int64_t error; /* errno of the guest, 0: none */
	const char *reason;
};
struct message_act {
	const char *result;
	struct field_list blocks; /* message_block */
};

/* One element of memonline-reconcile. */
struct message_missing {
	const char *state;
	const char *reason;
	uint64_t size;
};
struct message_device {
	const char *type;
	const char *id; /* "": none */
	int64_t slot; /* -1: none */
	uint64_t start;
	uint64_t size;
	uint64_t
		requested; /* what the host wants of it; written where that is not its size */
	uint64_t online;
	int64_t node;
	struct field_list zones; /* their names */
	const char *removable;
	const char *verdict;
	const char *cause;
	struct field_list missing; /* message_missing */
	struct field_list remarks; /* what is not as the host has it: words */
	const char *log; /* the kernel's line; NULL: none */
};

/* One element of memonline-probe. */
struct message_check {
	const char *check; /* the reason that it refuses with */
	bool passed;
	const char *reason; /* "none": passed */
};
struct message_probed {
	const char *type;
	const char *id; /* "": none */
	int64_t slot; /* -1: none */
	uint64_t start;
	uint64_t size;
	const char *verdict;
	const char *reason;
	int64_t error;
	bool confirmed;
	uint64_t added; /* blocks */
	uint64_t online; /* bytes */
	struct field_list checks; /* message_check */
};

/* What get-reports and subscribe say before any report. */
struct message_position {
	const char *instance;
	uint64_t last_seq;
	uint64_t lost;
};
struct message_timestamp {
	int64_t sec;
	int64_t usec;
};
struct message_report_range {
	uint64_t start;
	uint64_t size;
	int64_t node;
	const char *from;
	const char *to;
	const char *requested;
	const char *zone;
	const char *result;
	int64_t error; /* errno of the guest, 0: none */
	const char *reason;
};
/* An element of get-reports. An event's data are one without time, which is its envelope's. */
struct message_report {
	const char *instance;
	uint64_t seq;
	struct message_timestamp time;
	struct field_list ranges; /* message_report_range */
	uint64_t elapsed_usec;
	uint64_t
		lost; /* of an event: reports between the one before it and it that are gone */
};
struct message_progress {
	uint64_t done;
	uint64_t blocks;
};
/* memonline-stats: core's struct stats by message_stats, what is unknown as null. */

struct message_pressure_subscribed {
	const char *source; /* "psi" or "timer" */
	struct field_list pressed; /* names of signals */
	struct stats stats;
};
/* An event's data. */
struct message_pressure {
	const char *signal;
	bool pressed; /* false: it has eased */
	struct stats stats;
};

struct message_error {
	const char *class;
	const char *desc;
};

extern const struct field_shape message_guest_block, message_guest_response,
	message_guest_command, message_guest_info, message_block_size, message_total,
	message_port, message_held_up, message_status, message_pending, message_range,
	message_fact, message_explained, message_block, message_act, message_missing,
	message_device, message_check, message_probed, message_position,
	message_timestamp, message_report_range, message_report, message_report_data,
	message_progress, message_stats_zone, message_stats_stall, message_stats,
	message_pressure_subscribed, message_pressure, message_error;

#endif
