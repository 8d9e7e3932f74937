/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_PROTOCOL_H
#define MEMONLINE_PROTOCOL_H

/*
 * memonline-protocol(7): newline-separated JSON in qemu-guest-agent's dialect. Bytes to requests,
 * answers to bytes; no descriptor, no state but the parser's own. Lists are encoded element by
 * element straight into the text: never a tree of them in memory.
 */

#include "core/device.h"
#include "core/job.h"
#include "core/journal.h"
#include "core/policy.h"
#include "core/reconcile.h"
#include "core/snapshot.h"
#include "core/text.h"

/* Limits on what a peer controls; documented in memonline-protocol(7). */
#define PROTOCOL_REQUEST_MAX (2UL * 1024 * 1024) /* bytes of one request */
#define PROTOCOL_DEPTH_MAX 16
#define PROTOCOL_LIST_MAX 32768 /* elements of one list */
#define PROTOCOL_MEMBERS_MAX 128 /* of one object */
/* Bytes of one string or number, and of all but the lists among the arguments. */
#define PROTOCOL_TOKEN_MAX (64UL * 1024)
#define PROTOCOL_VALUES_MAX 1024 /* in all but the lists among the arguments */
#define PROTOCOL_VERSION 1

enum protocol_command {
	PROTOCOL_GUEST_SYNC,
	PROTOCOL_GUEST_SYNC_DELIMITED,
	PROTOCOL_GUEST_PING,
	PROTOCOL_GUEST_INFO,
	PROTOCOL_GUEST_GET_MEMORY_BLOCKS,
	PROTOCOL_GUEST_SET_MEMORY_BLOCKS,
	PROTOCOL_GUEST_GET_MEMORY_BLOCK_INFO,
	PROTOCOL_STATUS,
	PROTOCOL_GET_RANGES,
	PROTOCOL_GET_REPORTS,
	PROTOCOL_SUBSCRIBE,
	PROTOCOL_ONLINE,
	PROTOCOL_OFFLINE,
	PROTOCOL_RECONCILE,
	PROTOCOL_PROBE,
	PROTOCOL_EXPLAIN,
	PROTOCOL_COMMANDS /* at most 32, see protocol_parser_disable */
};

#define PROTOCOL_TIMEOUT_SEC 60 /* of memonline-offline, where it names none */
#define PROTOCOL_TIMEOUT_MAX_SEC 3600

/* One element of guest-set-memory-blocks. */
struct protocol_block {
	uint64_t index;
	bool online;
};

struct protocol_request {
	enum protocol_command command;
	bool from_port; /* its caller sets it: it came from the host, not from a local client */
	char *id; /* the request's "id" as JSON text, or NULL; owned */
	int64_t sync_id; /* guest-sync, guest-sync-delimited */
	uint64_t since; /* get-reports, subscribe: 0 where not given */
	uint64_t max; /* get-reports: UINT64_MAX where not given */
	struct protocol_block
		*blocks; /* guest-set-memory-blocks, in their order; owned */
	size_t block_count;
	struct device *devices; /* in the order given; owned */
	size_t device_count;
	bool has_devices; /* the list was given, be it empty */
	bool dry_run; /* probe */
	uint64_t start, size; /* online, offline; bytes */
	enum online_type word; /* online: NONE where not given */
	bool progress; /* online: events while it is at work */
	uint64_t timeout_sec; /* offline */
	uint64_t index; /* explain: the N of memoryN */
};
/* Frees what the request owns; protocol_feed clears one that it refuses. */
void protocol_request_clear(struct protocol_request *request);
/* The wire name, "guest-ping". */
const char *protocol_command_name(enum protocol_command command);
/* false, and *command untouched, where there is no such name */
bool protocol_command_parse(const char *name, enum protocol_command *command);

/* One per connection, so that half a request of one client never meets the next. */
struct protocol_parser;
struct protocol_parser *protocol_parser_new(void); /* NULL on lack of memory */
void protocol_parser_free(struct protocol_parser *parser);
/* From the next request on: those with their bit, 1 << command, are known but refused. */
void protocol_parser_disable(struct protocol_parser *parser, unsigned disabled);

enum protocol_event {
	PROTOCOL_MORE, /* all bytes taken, no whole request yet */
	PROTOCOL_REQUEST, /* *request is filled; clear it after use */
	PROTOCOL_BAD /* a line of error reply was appended to `reply`; go on calling */
};
/*
 * Takes bytes from *bytes / *len and advances both; stops after each whole request, so call until
 * PROTOCOL_MORE. Every request is answered with exactly one line, good or bad, as qemu-ga answers.
 * 0xFF flushes what is there. A request over PROTOCOL_REQUEST_MAX is an error, and what remains of
 * it up to the next newline or 0xFF is dropped without being kept.
 */
enum protocol_event protocol_feed(struct protocol_parser *parser, const char **bytes,
				  size_t *len, struct protocol_request *request,
				  struct text *reply);

/* {"return": … , "id": …}\n; protocol_put_error answers in place of the three. */
void protocol_reply_begin(struct text *out, const struct protocol_request *request);
void protocol_reply_end(struct text *out, const struct protocol_request *request);
/* The class is GenericError. `desc` is UTF-8, escaped here. */
void protocol_put_error(struct text *out, const struct protocol_request *request,
			const char *desc);

/* What stands between begin and end. guest-sync-delimited's 0xFF comes from protocol_reply_begin. */
void protocol_put_empty(struct text *out); /* {} */
void protocol_put_number(struct text *out, int64_t number); /* guest-sync's */
void protocol_put_guest_info(struct text *out, const char *version, unsigned disabled);
/* guest-set-memory-blocks: phys-index, response and, where there is one, error-code. */
void protocol_put_guest_responses(struct text *out, const struct job *job);
/* memonline-online, memonline-offline: {"result", "blocks": [{"phys-index", "response", "state",
 * "errno", "reason"}]}, ascending. */
void protocol_put_job(struct text *out, const struct job *job);
void protocol_put_guest_blocks(struct text *out, const struct snapshot *snapshot);
void protocol_put_guest_block_info(struct text *out, const struct snapshot *snapshot);

struct protocol_status {
	const char *version; /* of the agent */
	const char *kernel; /* uname -r */
	const char *instance;
	const char *source; /* "udev", "kernel" or "none" */
	const char *policy; /* the word of memonlined.conf */
	const char *carried_out_by; /* "agent" or "nobody" */
	uint64_t last_seq;
	uint64_t block_size_bytes;
	uint64_t block_count;
	uint64_t pending; /* writes still planned */
	uint64_t failed; /* blocks that the kernel refused to bring online */
	const struct snapshot_total *totals;
	size_t total_count;
	const char *racing_rules; /* paths, a newline after each; NULL: none */
	const char *port; /* the name of the virtio-serial port; NULL: none is wanted */
	int port_errno; /* why it is not open; 0: it is */
	/* A write that the kernel holds up; NULL: none, and the others mean nothing. */
	const char *held_up_word; /* what is written, or "probe" */
	uint64_t held_up_index;
	uint64_t held_up_usec; /* so far */
	uint64_t going_offline; /* the block that it waits for; UINT64_MAX: not known */
};
/* Members, kebab-case: version, protocol, kernel, instance, source, policy, carried-out-by,
 * last-seq, block-size, blocks, pending, failed, racing-rules: [path],
 * memory: [{node, state, zone, size}]; where there is one port: {name, open, errno}; and while it
 * lasts held-up: {phys-index, word, elapsed-usec}, with going-offline where that is known. */
void protocol_put_status(struct text *out, const struct protocol_status *status);

/* One element of memonline-get-ranges: blocks of one DIMM, alike in everything shown. */
struct protocol_range {
	uint64_t start;
	uint64_t size;
	int node;
	enum block_state state;
	uint8_t zone_count;
	uint8_t zones[BLOCK_ZONES_MAX]; /* as in struct block */
	enum reason reason;
	uint64_t
		dimm; /* where its resource in /proc/iomem begins; UINT64_MAX: not known, boot memory */
};
void protocol_list_begin(struct text *out); /* [ */
void protocol_list_end(struct text *out); /* ] */
/* Members: start, size, node, state, zones: ["Normal", "Movable"], reason, dimm if known. */
void protocol_put_range(struct text *out, const struct protocol_range *range);

/*
 * One element of memonline-reconcile, of a list: type; id, slot, start, size where the device has
 * them; requested where that is not its size; online, node, zones, removable, verdict, cause,
 * missing: [{state, reason, size}], remarks: ["node-differs"]; and log, the kernel's line, where
 * there is one.
 */
void protocol_put_reconciled(struct text *out, const struct device *device,
			     const struct reconcile_verdict *verdict);

/*
 * One element of memonline-probe: type; id, slot, start, size where the device has them; verdict,
 * reason, errno, confirmed, blocks-added, online, checks: [{check, passed, reason}].
 */
void protocol_put_probed(struct text *out, const struct probe_result *result);

/* memonline-explain: phys-index, word, reason, facts: [{name, value}]; `facts` holds the elements. */
void protocol_put_fact(struct text *facts, const char *name, const char *value);
void protocol_put_explained(struct text *out, uint64_t index,
			    const struct policy_verdict *verdict,
			    const struct text *facts);

/*
 * {"instance", "last-seq", "lost", "reports": [data…]} of at most `max` reports after `since`.
 * Each has its "timestamp" beside what the event has as its data.
 */
void protocol_put_reports(struct text *out, const struct journal *journal, uint64_t since,
			  uint64_t max);
/* memonline-subscribe's answer: {"instance", "last-seq", "lost"}; the events follow it. */
void protocol_put_subscribed(struct text *out, const struct journal *journal,
			     uint64_t since);
/* A whole MEMONLINE_PROGRESS line: how many blocks of the job were seen to. */
#define PROTOCOL_PROGRESS "MEMONLINE_PROGRESS"
void protocol_put_progress(struct text *out, int64_t sec, int64_t usec,
			   const struct job *job);
/*
 * A whole MEMONLINE_REPORT line with its newline; `lost` is how many reports between the one that was
 * sent before and this one are gone.
 */
void protocol_put_event(struct text *out, const struct journal *journal,
			const struct report *report, uint64_t lost);

#endif
