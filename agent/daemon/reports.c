/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent-private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include "io/log.h"
#include "io/uuid.h"

#define REST_MAX_USEC 5000000 /* the rest of a DIMM does not come: report what is there */

static uint64_t dimm_of(const struct snapshot *snapshot, const struct block *block)
{
	const struct snapshot_resource *resource = snapshot_resource_of(snapshot, block);

	return resource ? resource->start : REPORT_NO_DIMM;
}

/* Turns what is gathered into reports, and logs each. */
static void log_range(const struct report *report, const struct report_range *range)
{
	char error[160] = "";

	if (range->error)
		snprintf(error, sizeof(error), ", %s", strerror(range->error));
	log_line(range->result == REPORT_SUCCESS ? CONFIG_LOG_INFO : CONFIG_LOG_WARNING,
		 "report %" PRIu64 ": 0x%" PRIx64 "-0x%" PRIx64
		 " node %d: %s -> %s, zone %s, "
		 "requested %s: %s (%s%s) after %" PRIu64 " us",
		 report->seq, range->start, range->start + range->size - 1, range->node,
		 block_state_word((enum block_state)range->from),
		 block_state_word((enum block_state)range->to),
		 block_zone_word((enum block_zone)range->zone),
		 online_type_text((enum online_type)range->requested),
		 report_result_text((enum report_result)range->result),
		 reason_text((enum reason)range->reason), error, report->elapsed_usec);
}

static void log_reports(const struct journal *journal, uint64_t since)
{
	const struct report *report;

	while ((report = journal_after(journal, since))) {
		const struct report_range *ranges = journal_ranges(journal, report);
		size_t i;

		for (i = 0; i < report->count; i++)
			log_range(report, &ranges[i]);
		since = report->seq;
	}
}

/* Marks stay: the write whose result has no room yet is not reported. */
static void flush(struct agent *agent)
{
	uint64_t last = journal_last(agent->edges.journal);
	struct timeval now;

	gettimeofday(&now, NULL);
	report_builder_flush(&agent->builder, agent->edges.journal, now.tv_sec,
			     (int32_t)now.tv_usec);
	if (journal_last(agent->edges.journal) == last)
		return;
	log_reports(agent->edges.journal, last);
	agent->reports_new = true;
}

/* `written`: the block whose result has no room yet, or UINT64_MAX. */
static void forget_reported(const struct agent *agent, uint64_t written)
{
	uint64_t pending[WRITER_NEXT_MAX + 2];
	size_t count = 0, i;

	pending[count++] = written;
	if (agent->writing.purpose == WRITE_POLICY || agent->writing.purpose == WRITE_JOB)
		pending[count++] = agent->writing.write.index;
	for (i = 0; i < agent->ahead_count; i++)
		pending[count++] = agent->ahead[i].index;
	journal_forget_reported(agent->edges.journal, agent->now.block_size_bytes,
				pending, count);
}

void reports_flush(struct agent *agent)
{
	/* The first scan failed: what the agent before this one left is to be reported still. */
	if (!agent->scanned_once)
		return;
	flush(agent);
	if (agent->builder.count) /* held back */
		forget_reported(agent, UINT64_MAX);
	else
		journal_forget_marks(agent->edges.journal);
	/*
	 * After the flush: if memonlined is killed in between, the next one finds the
	 * report in the journal.
	 */
	history_reported(&agent->history, &agent->now, &agent->builder);
}

void reports_begin_instance(struct agent *agent, const char *why)
{
	struct journal *journal = agent->edges.journal;
	char instance[UUID_SIZE];

	if (agent->dry_run)
		return;
	uuid_make(instance);
	journal_begin_instance(journal, instance);
	log_info("%s: reports count as instance %s from here on", why, instance);
	agent->reports_new = true;
}

/*
 * One DIMM, one report, also where nothing is written to the blocks that are there: each block that
 * follows is an event. Whole DIMMs wait for none that is not.
 */
uint64_t reports_hold(struct agent *agent)
{
	uint64_t now = loop_now_usec(), begun;

	if (!agent->schedule.has_timer)
		return 0;
	begun = report_builder_hold(&agent->builder, &agent->now,
				    now > REST_MAX_USEC ? now - REST_MAX_USEC : 0);
	return begun ? begun + REST_MAX_USEC : 0;
}

void reports_push(struct agent *agent)
{
	if (agent->reports_new && agent->edges.reported)
		agent->edges.reported(agent->edges.data);
	agent->reports_new = false;
}

/* `written`: the block whose write it reports, or UINT64_MAX. */
static void add(struct agent *agent, uint64_t dimm, const struct report_range *range,
		uint64_t begun_usec, uint64_t written)
{
	uint64_t now_usec = loop_now_usec();

	/* In a dry run nothing happens, so the only report is the decision. */
	if (agent->dry_run)
		return;
	if (report_builder_add(&agent->builder, dimm, range, begun_usec, now_usec))
		return;
	history_store_held(&agent->history);
	flush(agent);
	/* What is in the journal now may be of an earlier block with its number. */
	if (agent->scanned_once)
		forget_reported(agent, written);
	report_builder_add(&agent->builder, dimm, range, begun_usec, now_usec);
}

void reports_gather_since(struct agent *agent, const struct block *block,
			  const struct report_range *range, uint64_t begun_usec)
{
	add(agent, dimm_of(&agent->now, block), range, begun_usec, block->index);
}

void reports_gather(struct agent *agent, const struct snapshot *holder,
		    const struct block *block, const struct report_range *range)
{
	add(agent, dimm_of(holder, block), range, agent->schedule.begun_usec, UINT64_MAX);
}
