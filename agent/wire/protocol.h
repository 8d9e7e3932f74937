/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_PROTOCOL_H
#define MEMONLINE_PROTOCOL_H

/*
 * memonline-protocol(7): newline-separated JSON in qemu-guest-agent's dialect. Bytes to requests,
 * answers to bytes; no descriptor, no state but the parser's own. Lists are encoded element by
 * element straight into the text: never a tree of them in memory.
 */

#include "core/command.h"
#include "core/contract.h"
#include "core/job.h"
#include "core/journal.h"
#include "core/policy.h"
#include "core/reconcile.h"
#include "core/snapshot.h"
#include "core/text.h"
#include "wire/message.h"

/* Limits on what a peer controls; documented in memonline-protocol(7). */
#define PROTOCOL_REQUEST_MAX (2UL * 1024 * 1024) /* bytes of one request */
#define PROTOCOL_DEPTH_MAX 16
#define PROTOCOL_LIST_MAX 32768 /* elements of one list */
#define PROTOCOL_MEMBERS_MAX 128 /* of one object */
/* Bytes of one string or number, and of all but the lists among the arguments. */
#define PROTOCOL_TOKEN_MAX (64UL * 1024)
#define PROTOCOL_VALUES_MAX 1024 /* in all but the lists among the arguments */
#define PROTOCOL_VERSION 1

#define PROTOCOL_TIMEOUT_SEC 60 /* of memonline-offline, where it is not given */
#define PROTOCOL_TIMEOUT_MAX_SEC 3600

/* A request without arguments. */
void protocol_request_init(struct protocol_request *request,
			   enum protocol_command command) _nonnull_(1);
/* Frees what the request owns; protocol_feed clears one that it refuses. */
void protocol_request_clear(struct protocol_request *request);
/*
 * The request as a line: the host's side of the same table. Arguments that are as
 * protocol_request_init has them are left out, and lists, but for the one that is given as JSON.
 */
void protocol_ask(struct text *out, const struct protocol_request *request) _nonnull_(1);
void protocol_ask_with(struct text *out, const struct protocol_request *request,
		       const char *list, const struct json_value *value) _nonnull_(1);

/* One per connection, so that half a request of one client never meets the next. */
struct protocol_parser;
struct protocol_parser *
protocol_parser_new(void) _must_check_; /* NULL on lack of memory */
void protocol_parser_free(struct protocol_parser *parser);
/*
 * From the next request on: those with their bit, 1 << command, are known but refused; with
 * PROTOCOL_UNKNOWN also those of qemu-ga, see command_is_relayed.
 */
#define PROTOCOL_UNKNOWN (1u << PROTOCOL_COMMANDS)
void protocol_parser_disable(struct protocol_parser *parser, unsigned disabled)
	_nonnull_(1);
/* Forgets what there is of a request. */
void protocol_parser_reset(struct protocol_parser *parser) _nonnull_(1);

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
				  struct text *reply) _nonnull_(1);

/* {"return": … , "id": …}\n; protocol_put_error answers in place of the three. */
void protocol_reply_begin(struct text *out, const struct protocol_request *request)
	_nonnull_(1);
void protocol_reply_end(struct text *out, const struct protocol_request *request)
	_nonnull_(1);
/* The `desc` of an error after which the command may be sent again later. */
#define PROTOCOL_OTHER_CHANGE "Another change of memory blocks is in progress"
/* The class is GenericError. `desc` is UTF-8, escaped here. `request` is NULL for one without id. */
void protocol_put_error(struct text *out, const struct protocol_request *request,
			const char *desc) _nonnull_(1);

/* What stands between begin and end, by the tables of message.c. guest-sync-delimited's 0xFF comes from protocol_reply_begin. */
void protocol_put_empty(struct text *out) _nonnull_(1); /* {} */
void protocol_put_number(struct text *out, int64_t number)
	_nonnull_(1); /* guest-sync's */
/* `more`: commands of another agent, listed after memonlined's own. */
void protocol_put_guest_info(struct text *out, const char *version, unsigned disabled,
			     const struct message_guest_command *more, size_t count)
	_nonnull_(1);
void protocol_put_guest_responses(struct text *out, const struct job *job) _nonnull_(1);
/* memonline-online, memonline-offline: its blocks, ascending. */
void protocol_put_job(struct text *out, const struct job *job) _nonnull_(1);
void protocol_put_guest_blocks(struct text *out, const struct snapshot *snapshot)
	_nonnull_(1);
void protocol_put_guest_block_info(struct text *out, const struct snapshot *snapshot)
	_nonnull_(1);

/* memonline-stats */
void protocol_put_stats(struct text *out, const struct stats *stats) _nonnull_(1);

/* memonline-subscribe-pressure's answer; `pressed` is 1 << enum pressure_signal of each. */
void protocol_put_pressure_subscribed(struct text *out, bool has_trigger,
				      unsigned pressed, const struct stats *stats)
	_nonnull_(1);

/* The lists of a status, from what memonlined has: they point to it. */
void protocol_set_totals(struct message_status *status,
			 const struct snapshot_total *totals, size_t count) _nonnull_(1);
/* `lines`: paths, a newline after each; NULL: none. */
void protocol_set_racing_rules(struct message_status *status, const char *lines);
void protocol_put_status(struct text *out, const struct message_status *status)
	_nonnull_(1);

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
		dimm; /* where its resource in /proc/iomem begins; UINT64_MAX: not known */
};
void protocol_list_begin(struct text *out) _nonnull_(1); /* [ */
void protocol_list_end(struct text *out) _nonnull_(1); /* ] */
void protocol_put_range(struct text *out, const struct protocol_range *range)
	_nonnull_(1);

/* One element of memonline-reconcile. */
void protocol_put_reconciled(struct text *out, const struct device *device,
			     const struct reconcile_verdict *verdict) _nonnull_(1);

/* One element of memonline-probe. */
void protocol_put_probed(struct text *out, const struct probe_result *result)
	_nonnull_(1);

/* memonline-explain; `facts` holds the elements that protocol_put_fact wrote. */
void protocol_put_fact(struct text *facts, const char *name, const char *value)
	_nonnull_(1);
void protocol_put_explained(struct text *out, uint64_t index,
			    const struct policy_verdict *verdict,
			    const struct text *facts) _nonnull_(1);

/* At most `max` reports after `since`. */
void protocol_put_reports(struct text *out, const struct journal *journal, uint64_t since,
			  uint64_t max) _nonnull_(1);
/* memonline-subscribe's answer; the events follow it. */
void protocol_put_subscribed(struct text *out, const struct journal *journal,
			     uint64_t since) _nonnull_(1);
#define PROTOCOL_REPORT "MEMONLINE_REPORT"
#define PROTOCOL_PROGRESS "MEMONLINE_PROGRESS"
/* A whole MEMONLINE_PROGRESS line: how many blocks of the job were seen to. */
void protocol_put_progress(struct text *out, int64_t sec, int64_t usec,
			   const struct job *job) _nonnull_(1);
#define PROTOCOL_PRESSURE "MEMONLINE_PRESSURE"
/* A whole MEMONLINE_PRESSURE line: the signal crossed its threshold, or has eased. */
void protocol_put_pressure(struct text *out, int64_t sec, int64_t usec,
			   enum pressure_signal signal, bool pressed,
			   const struct stats *stats) _nonnull_(1);
/*
 * A whole MEMONLINE_REPORT line with its newline; `lost` is how many reports between the one that was
 * sent before and this one are gone.
 */
void protocol_put_event(struct text *out, const struct journal *journal,
			const struct report *report, uint64_t lost) _nonnull_(1);

#endif
