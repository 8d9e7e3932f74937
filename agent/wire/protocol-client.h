/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_PROTOCOL_CLIENT_H
#define MEMONLINE_PROTOCOL_CLIENT_H

/*
 * The other end of memonline-protocol(7): requests to bytes, answers to structs. The peer
 * is not trusted: a member that is missing or of another type is -EBADMSG, one that is
 * not known here is passed over, and every word stays the peer's text, to be escaped
 * before a terminal sees it.
 */

#include "wire/protocol.h"

#define PROTOCOL_ANSWER_MAX (64UL * 1024 * 1024) /* bytes of one line */

/*
 * How much of a peer's JSON is read into memory: json-c needs up to 1 KiB for each object of
 * two bytes.
 */
struct protocol_bounds {
	size_t bytes; /* of one line */
	size_t containers; /* objects and lists in it */
	size_t values; /* in it, at least: one and each comma */
};
/* The answer to a sync is one number: this is all that a stream may cost until it is there. */
extern const struct protocol_bounds protocol_sync_bounds;
extern const struct protocol_bounds protocol_answer_bounds;
/* What query-memory-devices returns, wherever it comes from. */
extern const struct protocol_bounds protocol_device_bounds;
/* Takes time in proportion to `len`, and no memory. */
bool protocol_line_fits(const char *line, size_t len,
			const struct protocol_bounds *bounds);

struct json_object;
struct protocol_answer; /* one line of the peer */

/* Each appends one line. Numbers above INT64_MAX are sent as INT64_MAX. */
void protocol_ask(struct text *out, enum protocol_command command);
void protocol_ask_reports(struct text *out, uint64_t since, uint64_t max);
void protocol_ask_subscribe(struct text *out, uint64_t since);
/*
 * `word` NULL: the one that the policy has for each block. `progress`: with events on the way,
 * which an agent from before there were any refuses.
 */
void protocol_ask_online(struct text *out, uint64_t start, uint64_t size,
			 const char *word, bool progress);
void protocol_ask_explain(struct text *out, uint64_t index);
void protocol_ask_offline(struct text *out, uint64_t start, uint64_t size,
			  uint64_t timeout_sec);
/*
 * `devices`: JSON text from the host, the list of query-memory-devices or QMP's whole reply, with
 * white space around it. -EBADMSG where it is neither, -EREMOTEIO where it is QMP's error, with
 * what that says appended to `desc`, -ENOMEM; `out` is untouched then.
 */
int protocol_ask_reconcile(struct text *out, const char *devices, size_t len,
			   struct text *desc);
/* Likewise; nothing but white space: the agent's configuration says who names them. */
int protocol_ask_probe(struct text *out, const char *devices, size_t len, bool dry_run,
		       struct text *desc);
/*
 * memonline-status with an id, so that its answer is known from that of a request which
 * is still being worked on.
 */
void protocol_ask_progress(struct text *out);
/*
 * Begins with 0xFF, so that half a request of an earlier client does not spoil this one.
 */
void protocol_ask_sync(struct text *out, int64_t id);

enum protocol_answer_kind {
	PROTOCOL_ANSWER_RETURN,
	PROTOCOL_ANSWER_ERROR,
	PROTOCOL_ANSWER_EVENT
};

/*
 * 0, -ENOMEM, or -EBADMSG where the line is none of the three or has more in it than
 * protocol_answer_bounds; *answer is untouched then.
 */
int protocol_answer_parse(const char *line, size_t len, struct protocol_answer **answer);
void protocol_answer_free(struct protocol_answer *answer); /* accepts NULL */

enum protocol_answer_kind protocol_answer_kind(const struct protocol_answer *answer);
/* Whether it answers the guest-sync-delimited of that id. */
bool protocol_answer_is_sync(const struct protocol_answer *answer, int64_t id);
/* Whether it answers a protocol_ask_progress, be it with an error. */
bool protocol_answer_is_progress(const struct protocol_answer *answer);
/* "class" and "desc" of an error, "" where they are missing. */
const char *protocol_answer_error_class(const struct protocol_answer *answer);
const char *protocol_answer_error_desc(const struct protocol_answer *answer);
/* The name of an event; NULL for all else. */
const char *protocol_answer_event(const struct protocol_answer *answer);
/* The member that the last decoding of this answer failed at, or NULL. */
const char *protocol_answer_fault(const struct protocol_answer *answer);
/*
 * What was returned as JSON in ASCII, without newline: over several lines where `pretty`.
 * An event is written whole, with its envelope.
 */
void protocol_answer_json(const struct protocol_answer *answer, bool pretty,
			  struct text *out);
/*
 * Appends JSON text with DEL and all that is not ASCII as \u escapes: C1 control
 * characters and broken UTF-8 never reach a terminal. U+FFFD stands for what is not
 * UTF-8.
 */
void protocol_put_ascii(struct text *out, const char *json, size_t len);

/*
 * The decoders: 0, or -EBADMSG with protocol_answer_fault and the struct half filled.
 * Strings and lists in the structs live as long as the answer. Addresses and sizes are
 * below 2^63, and so is start + size.
 */
struct protocol_answer_status {
	uint64_t protocol;
	const char *version;
	const char *kernel;
	const char *instance;
	const char *source;
	const char *policy;
	const char *carried_out_by;
	uint64_t last_seq;
	uint64_t block_size_bytes;
	uint64_t block_count;
	uint64_t pending;
	uint64_t failed;
	struct json_object *totals;
	size_t total_count;
	struct json_object *racing_rules;
	size_t racing_rule_count;
	const char *port; /* its name; NULL: the agent has none, or is an older one */
	uint64_t port_errno; /* why it is not open, an errno of Linux; 0: it is */
	/* A write that the kernel holds up; NULL: none. */
	const char *held_up_word;
	uint64_t held_up_index;
	uint64_t held_up_usec;
	uint64_t going_offline; /* UINT64_MAX: not known */
};
struct protocol_answer_total {
	int64_t node;
	const char *state;
	const char *zone;
	uint64_t bytes;
};
int protocol_answer_status(struct protocol_answer *answer,
			   struct protocol_answer_status *status);
/* An event MEMONLINE_PROGRESS: blocks that are still to be seen to. -EBADMSG for all else. */
int protocol_answer_progress(struct protocol_answer *answer, uint64_t *pending);
/* Never NULL: "unknown" for an element that is no string. */
const char *protocol_answer_racing_rule(const struct protocol_answer_status *status,
					size_t i);
/* "pending" alone. */
int protocol_answer_pending(struct protocol_answer *answer, uint64_t *pending);
int protocol_answer_total(struct protocol_answer *answer,
			  const struct protocol_answer_status *status, size_t i,
			  struct protocol_answer_total *total);

/* guest-get-memory-block-info; the size is a power of two, at least 1 MiB. */
int protocol_answer_block_size(struct protocol_answer *answer, uint64_t *bytes);

struct protocol_answer_range {
	uint64_t start;
	uint64_t size;
	int64_t node;
	const char *state;
	struct json_object *zones;
	size_t zone_count;
	const char *reason;
	uint64_t dimm; /* UINT64_MAX: not known, or an agent that does not tell */
};
int protocol_answer_ranges(struct protocol_answer *answer, size_t *count);
int protocol_answer_range(struct protocol_answer *answer, size_t i,
			  struct protocol_answer_range *range);
/* memonline-explain */
struct protocol_answer_explained {
	uint64_t phys_index;
	const char *word;
	const char *reason;
	struct json_object *facts;
	size_t fact_count;
};
struct protocol_answer_fact {
	const char *name;
	const char *value;
};
int protocol_answer_explained(struct protocol_answer *answer,
			      struct protocol_answer_explained *explained);
int protocol_answer_fact(struct protocol_answer *answer,
			 const struct protocol_answer_explained *explained, size_t i,
			 struct protocol_answer_fact *fact);

/* Never NULL: "unknown" for an element that is no string. */
const char *protocol_answer_zone(const struct protocol_answer_range *range, size_t i);

/* memonline-online and memonline-offline */
struct protocol_answer_act {
	const char *result;
	struct json_object *blocks;
	size_t block_count;
};
struct protocol_answer_block {
	uint64_t phys_index;
	const char *response; /* "unknown" where it is missing, as the next two */
	const char *state;
	int64_t error; /* errno of the guest, 0: none */
	const char *reason;
};
int protocol_answer_act(struct protocol_answer *answer, struct protocol_answer_act *act);
/* The end of a block of that size is below 2^63. */
int protocol_answer_block(struct protocol_answer *answer,
			  const struct protocol_answer_act *act, size_t i,
			  uint64_t block_bytes, struct protocol_answer_block *block);

/* memonline-reconcile: one device. What may be missing is "", -1 or 0 then. */
struct protocol_answer_device {
	const char *type;
	const char *id;
	int64_t slot;
	uint64_t start;
	uint64_t size;
	uint64_t requested; /* size, where it is missing */
	uint64_t online;
	int64_t node;
	const char *removable;
	const char *verdict;
	const char *cause;
	const char *log;
	struct json_object *zones;
	size_t zone_count;
	struct json_object *missing;
	size_t missing_count;
	struct json_object *remarks;
	size_t remark_count;
};
int protocol_answer_devices(struct protocol_answer *answer, size_t *count);
int protocol_answer_device(struct protocol_answer *answer, size_t i,
			   struct protocol_answer_device *device);
/* Never NULL: "unknown" for an element that is none. */
const char *protocol_answer_device_zone(const struct protocol_answer_device *device,
					size_t i);
const char *protocol_answer_device_reason(const struct protocol_answer_device *device,
					  size_t i);
const char *protocol_answer_device_remark(const struct protocol_answer_device *device,
					  size_t i);

/* memonline-probe: one device. */
struct protocol_answer_probed {
	const char *id, *type, *verdict, *reason;
	int64_t slot, error;
	uint64_t start, size, added, online;
	bool confirmed;
	struct json_object *checks;
	size_t check_count;
};
struct protocol_answer_check {
	const char *check; /* the reason that it refuses with */
	const char *reason; /* "none": passed */
};
int protocol_answer_probed(struct protocol_answer *answer, size_t i,
			   struct protocol_answer_probed *probed);
int protocol_answer_check(struct protocol_answer *answer,
			  const struct protocol_answer_probed *probed, size_t i,
			  struct protocol_answer_check *check);

/* What get-reports and subscribe say before any report. */
struct protocol_answer_position {
	const char *instance;
	uint64_t last_seq;
	uint64_t lost;
};
int protocol_answer_position(struct protocol_answer *answer,
			     struct protocol_answer_position *position);

struct protocol_answer_report {
	const char *instance;
	uint64_t seq;
	uint64_t elapsed_usec;
	int64_t time_sec;
	int64_t time_usec;
	struct json_object *ranges;
	size_t range_count;
};
struct protocol_answer_report_range {
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
/* How many reports an answer of get-reports holds. */
int protocol_answer_reports(struct protocol_answer *answer, size_t *count);
/* The i-th of them; for an event MEMONLINE_REPORT the only one, 0. */
int protocol_answer_report(struct protocol_answer *answer, size_t i,
			   struct protocol_answer_report *report);
int protocol_answer_report_range(struct protocol_answer *answer,
				 const struct protocol_answer_report *report, size_t i,
				 struct protocol_answer_report_range *range);

#endif
