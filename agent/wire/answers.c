/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What stands in an answer: core's structs into those of message.h, and these by their tables. */

#include <stdlib.h>
#include <string.h>

#include "wire/protocol.h"

static void put_string(struct text *out, const char *string)
{
	json_put_string(out, string, strlen(string));
}

void protocol_put_empty(struct text *out)
{
	text_puts(out, "{}");
}

void protocol_put_number(struct text *out, int64_t number)
{
	json_put_int64(out, number);
}

void protocol_list_begin(struct text *out)
{
	text_puts(out, "[");
}

void protocol_list_end(struct text *out)
{
	text_puts(out, "]");
}

static void put_element(struct text *out, const struct field_shape *shape,
			const void *from)
{
	json_put_separator(out);
	field_put(out, shape, from);
}

/* A list of core's own structs, each written by `put`. */
static struct field_list list_of(const void *items, size_t count, size_t stride,
				 void (*put)(struct text *out, const void *item))
{
	struct field_list list = { items, count, stride, put, { JSON_NONE, NULL, 0 } };

	return list;
}

static void fill_own_commands(struct message_guest_command *commands, unsigned disabled)
{
	size_t i;

	for (i = 0; i < PROTOCOL_COMMANDS; i++) {
		commands[i].name = protocol_command_name((enum protocol_command)i);
		commands[i].enabled = !(disabled >> i & 1);
		commands[i].success_response = true;
	}
}

void protocol_put_guest_info(struct text *out, const char *version, unsigned disabled,
			     const struct message_guest_command *more, size_t count)
{
	struct message_guest_info info = { .version = version };
	size_t all = PROTOCOL_COMMANDS + count;
	struct message_guest_command *commands = calloc(all, sizeof(*commands));

	if (!commands) {
		out->failed = true;
		return;
	}
	fill_own_commands(commands, disabled);
	if (count)
		memcpy(commands + PROTOCOL_COMMANDS, more, count * sizeof(*more));
	info.supported_commands = list_of(commands, all, sizeof(*commands), NULL);
	field_put(out, &message_guest_info, &info);
	free(commands);
}

/*
 * A block that is going offline is still online; one whose state cannot be read is claimed to
 * be neither online nor fit to be taken offline.
 */
void protocol_put_guest_blocks(struct text *out, const struct snapshot *snapshot)
{
	size_t i;

	protocol_list_begin(out);
	for (i = 0; i < snapshot->count; i++) {
		const struct block *block = &snapshot->blocks[i];
		struct message_guest_block guest = { .phys_index = block->index };

		guest.online = block->state == BLOCK_ONLINE ||
			       block->state == BLOCK_GOING_OFFLINE;
		guest.can_offline = guest.online || block->state == BLOCK_OFFLINE;
		put_element(out, &message_guest_block, &guest);
	}
	protocol_list_end(out);
}

void protocol_put_guest_block_info(struct text *out, const struct snapshot *snapshot)
{
	struct message_block_size size = { snapshot->block_size_bytes };

	field_put(out, &message_block_size, &size);
}

void protocol_put_guest_responses(struct text *out, const struct job *job)
{
	size_t i;

	protocol_list_begin(out);
	for (i = 0; i < job->count; i++) {
		const struct job_item *item = &job->items[i];
		struct message_guest_response response = {
			item->index, job_response_text(item->response), item->error
		};

		put_element(out, &message_guest_response, &response);
	}
	protocol_list_end(out);
}

static bool has_response(const struct job *job, enum job_response response)
{
	size_t i;

	for (i = 0; i < job->count; i++)
		if (job->items[i].response == response)
			return true;
	return false;
}

/* Whether taking it back failed as well: a block is offline that should not be. */
static bool is_left_offline(const struct job *job)
{
	size_t i;

	for (i = 0; i < job->count; i++)
		if (job->items[i].written && job->items[i].state == BLOCK_OFFLINE)
			return true;
	return false;
}

static const char *job_result_text(const struct job *job)
{
	if (job_succeeded(job))
		return "done";
	if (job->kind != JOB_OFFLINE)
		return has_response(job, JOB_SUCCESS) ? "partial" : "failed";
	if (is_left_offline(job))
		return "partial";
	return has_response(job, JOB_ROLLED_BACK) ? "rolled-back" : "failed";
}

static void put_job_item(struct text *out, const void *data)
{
	const struct job_item *item = data;
	struct message_block block = {
		.phys_index = item->index,
		.response = job_response_text(item->response),
		.state = block_state_word(item->state),
		.error = item->error,
		.reason = reason_text(item->reason),
	};

	field_put(out, &message_block, &block);
}

void protocol_put_job(struct text *out, const struct job *job)
{
	struct message_act act = { job_result_text(job),
				   list_of(job->items, job->count, sizeof(*job->items),
					   put_job_item) };

	field_put(out, &message_act, &act);
}

static void put_total(struct text *out, const void *data)
{
	const struct snapshot_total *total = data;
	struct message_total message = { total->node, block_state_word(total->state),
					 block_zone_word(total->zone), total->bytes };

	field_put(out, &message_total, &message);
}

void protocol_set_totals(struct message_status *status,
			 const struct snapshot_total *totals, size_t count)
{
	status->totals = list_of(totals, count, sizeof(*totals), put_total);
}

static void put_lines(struct text *out, const void *data)
{
	const char *lines = data, *end;

	for (; *lines; lines = *end ? end + 1 : end) {
		end = lines + strcspn(lines, "\n");
		json_put_separator(out);
		json_put_string(out, lines, (size_t)(end - lines));
	}
}

void protocol_set_racing_rules(struct message_status *status, const char *lines)
{
	status->racing_rules = list_of(lines, lines ? 1 : 0, 0, put_lines);
}

void protocol_put_status(struct text *out, const struct message_status *status)
{
	field_put(out, &message_status, status);
}

void protocol_put_stats(struct text *out, const struct stats *stats)
{
	field_put(out, &message_stats, stats);
}

void protocol_put_pressure_subscribed(struct text *out, bool has_trigger,
				      unsigned pressed, const struct stats *stats)
{
	struct message_pressure_subscribed message = {
		.source = has_trigger ? "psi" : "timer",
		.stats = *stats,
	};
	const char *names[PRESSURE_SIGNALS];
	size_t count = 0;
	unsigned i;

	for (i = 0; i < PRESSURE_SIGNALS; i++)
		if (pressed >> i & 1)
			names[count++] = pressure_signal_text((enum pressure_signal)i);
	message.pressed = list_of(names, count, sizeof(names[0]), NULL);
	field_put(out, &message_pressure_subscribed, &message);
}

static void put_zone(struct text *out, const void *data)
{
	put_string(out, block_zone_word((enum block_zone) * (const uint8_t *)data));
}

void protocol_put_range(struct text *out, const struct protocol_range *range)
{
	struct message_range message = {
		.start = range->start,
		.size = range->size,
		.node = range->node,
		.state = block_state_word(range->state),
		.zones = list_of(range->zones, range->zone_count, 1, put_zone),
		.reason = reason_text(range->reason),
		.dimm = range->dimm,
	};

	put_element(out, &message_range, &message);
}

static void put_missing(struct text *out, const void *data)
{
	const struct reconcile_missing *missing = data;
	struct message_missing message = { block_state_word(missing->state),
					   reason_text(missing->reason), missing->size };

	field_put(out, &message_missing, &message);
}

static void put_reason(struct text *out, const void *reason)
{
	put_string(out, reason_text(*(const enum reason *)reason));
}

/* What reconcile and probe say of a device alike. */
#define SET_DEVICE(message, device)                                         \
	do {                                                                \
		(message).type = (device)->type;                            \
		(message).id = *(device)->id ? (device)->id : NULL;         \
		(message).slot = (device)->slot >= 0 ? (device)->slot : -1; \
		(message).start = (device)->has_range ? (device)->start     \
						      : MESSAGE_NO_ADDRESS; \
		(message).size = (device)->has_range ? (device)->size       \
						     : MESSAGE_NO_ADDRESS;  \
	} while (0)

void protocol_put_reconciled(struct text *out, const struct device *device,
			     const struct reconcile_verdict *verdict)
{
	struct message_device message = { .online = verdict->online };
	uint8_t zones[BLOCK_ZONES];
	size_t count = 0, i;

	for (i = 0; i < BLOCK_ZONES; i++)
		if (verdict->zones >> i & 1)
			zones[count++] = (uint8_t)i;
	SET_DEVICE(message, device);
	message.requested = device->has_range && device->requested != device->size
				    ? device->requested
				    : MESSAGE_NO_ADDRESS;
	message.node = verdict->node;
	message.zones = list_of(zones, count, 1, put_zone);
	message.removable = reconcile_removable_text(verdict->removable);
	message.verdict = reconcile_state_text(verdict->state);
	message.cause = reason_text(verdict->cause);
	message.missing = list_of(verdict->missing, verdict->missing_count,
				  sizeof(*verdict->missing), put_missing);
	message.remarks = list_of(verdict->remarks, verdict->remark_count,
				  sizeof(*verdict->remarks), put_reason);
	message.log = verdict->log;
	put_element(out, &message_device, &message);
}

void protocol_put_probed(struct text *out, const struct probe_result *result)
{
	struct message_probed message = { .confirmed = result->confirmed };
	struct message_check checks[PROBE_CHECKS];
	size_t i;

	for (i = 0; i < PROBE_CHECKS; i++) {
		enum reason reason = result->verdict.checks[i];

		checks[i].check = reason_text(probe_check_reason((enum probe_check)i));
		checks[i].passed = reason == REASON_NONE;
		checks[i].reason = reason_text(reason);
	}
	SET_DEVICE(message, &result->device);
	message.verdict = probe_result_text(result->state);
	message.reason = reason_text(result->reason);
	message.error = result->error;
	message.added = result->added;
	message.online = result->online;
	message.checks = list_of(checks, PROBE_CHECKS, sizeof(checks[0]), NULL);
	put_element(out, &message_probed, &message);
}

void protocol_put_fact(struct text *facts, const char *name, const char *value)
{
	struct message_fact fact = { name, value };

	if (facts->len)
		text_puts(facts, ", ");
	field_put(facts, &message_fact, &fact);
}

static void put_facts(struct text *out, const void *facts)
{
	text_append(out, ((const struct text *)facts)->data,
		    ((const struct text *)facts)->len);
}

void protocol_put_explained(struct text *out, uint64_t index,
			    const struct policy_verdict *verdict,
			    const struct text *facts)
{
	struct message_explained explained = {
		index, online_type_text(verdict->word), reason_text(verdict->reason),
		list_of(facts, facts->len > 0, 0, put_facts)
	};

	field_put(out, &message_explained, &explained);
}

static void put_report_range(struct text *out, const void *data)
{
	const struct report_range *range = data;
	struct message_report_range message = {
		.start = range->start,
		.size = range->size,
		.node = range->node,
		.from = block_state_word((enum block_state)range->from),
		.to = block_state_word((enum block_state)range->to),
		.requested = online_type_text((enum online_type)range->requested),
		.zone = block_zone_word((enum block_zone)range->zone),
		.result = report_result_text((enum report_result)range->result),
		.error = range->error,
		.reason = reason_text((enum reason)range->reason),
	};

	field_put(out, &message_report_range, &message);
}

/* As an event: `lost` is what that has in place of the time. */
static void put_report(struct text *out, const struct journal *journal,
		       const struct report *report, bool is_event, uint64_t lost)
{
	struct message_report message = {
		.instance = journal_instance(journal),
		.seq = report->seq,
		.ranges = list_of(journal_ranges(journal, report), report->count,
				  sizeof(struct report_range), put_report_range),
		.elapsed_usec = report->elapsed_usec,
		.lost = is_event ? lost : UINT64_MAX,
	};

	if (!is_event) {
		message.time.sec = report->time_sec;
		message.time.usec = report->time_usec;
	}
	field_put(out, &message_report, &message);
}

static void put_position(struct text *out, const struct journal *journal, uint64_t since)
{
	struct message_position position = { journal_instance(journal),
					     journal_last(journal),
					     journal_lost(journal, since) };

	text_puts(out, "{");
	field_put_members(out, &message_position, &position);
}

void protocol_put_reports(struct text *out, const struct journal *journal, uint64_t since,
			  uint64_t max)
{
	const struct report *report;

	put_position(out, journal, since);
	text_puts(out, ", \"reports\": [");
	while (max-- && (report = journal_after(journal, since))) {
		json_put_separator(out);
		put_report(out, journal, report, false, 0);
		since = report->seq;
	}
	text_puts(out, "]}");
}

void protocol_put_subscribed(struct text *out, const struct journal *journal,
			     uint64_t since)
{
	/* A number that was never given is of an earlier instance. */
	put_position(out, journal, since > journal_last(journal) ? 0 : since);
	text_puts(out, "}");
}

static void begin_event(struct text *out, const char *name, int64_t sec, int64_t usec)
{
	struct message_timestamp time = { sec, usec };

	text_puts(out, "{\"event\": ");
	put_string(out, name);
	text_puts(out, ", \"timestamp\": ");
	field_put(out, &message_timestamp, &time);
	text_puts(out, ", \"data\": ");
}

void protocol_put_event(struct text *out, const struct journal *journal,
			const struct report *report, uint64_t lost)
{
	begin_event(out, PROTOCOL_REPORT, report->time_sec, report->time_usec);
	put_report(out, journal, report, true, lost);
	text_puts(out, "}\n");
}

void protocol_put_progress(struct text *out, int64_t sec, int64_t usec,
			   const struct job *job)
{
	struct message_progress progress = { job->next, job->count };

	begin_event(out, PROTOCOL_PROGRESS, sec, usec);
	field_put(out, &message_progress, &progress);
	text_puts(out, "}\n");
}

void protocol_put_pressure(struct text *out, int64_t sec, int64_t usec,
			   enum pressure_signal signal, bool pressed,
			   const struct stats *stats)
{
	struct message_pressure pressure = {
		.signal = pressure_signal_text(signal),
		.pressed = pressed,
		.stats = *stats,
	};

	begin_event(out, PROTOCOL_PRESSURE, sec, usec);
	field_put(out, &message_pressure, &pressure);
	text_puts(out, "}\n");
}
