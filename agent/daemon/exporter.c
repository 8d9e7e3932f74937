/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "exporter.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/metrics.h"
#include "io/stats.h"
#include "io/textfile.h"

#define SAMPLE_USEC 15000000 /* as often as Prometheus reads it, in most setups */

struct exporter {
	struct textfile *textfile;
	struct text text; /* made anew each time */
	uint64_t written_usec;
};

/* --- the text */

static void put_blocks(struct text *out, const struct snapshot *snapshot)
{
	struct snapshot_total totals[SNAPSHOT_TOTALS_MAX];
	size_t count = snapshot_totals(snapshot, totals, SNAPSHOT_TOTALS_MAX), i;

	if (count)
		metrics_put_memory_heading(out);
	for (i = 0; i < count; i++) {
		const struct metrics_memory memory = {
			.labels = "",
			.node = totals[i].node,
			.state = block_state_word(totals[i].state),
			.zone = block_zone_word(totals[i].zone),
			.bytes = totals[i].bytes,
		};

		metrics_put_memory(out, &memory);
	}
}

static void fill_last_report(const struct journal *journal, struct metrics_agent *metrics)
{
	uint64_t last = journal_last(journal);
	const struct report *report = last ? journal_after(journal, last - 1) : NULL;
	const struct report_range *ranges;
	size_t i;

	metrics->report_sec = STATS_UNKNOWN;
	metrics->succeeded_bytes = metrics->failed_bytes = STATS_UNKNOWN;
	if (!report)
		return;
	metrics->report_sec = (uint64_t)report->time_sec;
	metrics->succeeded_bytes = metrics->failed_bytes = 0;
	ranges = journal_ranges(journal, report);
	for (i = 0; i < report->count; i++)
		*(ranges[i].result == REPORT_SUCCESS
			  ? &metrics->succeeded_bytes
			  : &metrics->failed_bytes) += ranges[i].size;
}

static void put_all(struct text *out, const struct agent *agent,
		    const struct stats *stats)
{
	const struct metrics_source source = { "", stats };
	struct metrics_agent metrics = {
		.block_bytes = agent_snapshot(agent)->block_size_bytes,
		.failed_blocks = agent_failed_blocks(agent),
		.pending_writes = agent_pending(agent),
		.reports = journal_last(agent_journal(agent)),
	};

	fill_last_report(agent_journal(agent), &metrics);
	text_clear(out);
	put_blocks(out, agent_snapshot(agent));
	metrics_put_agent(out, METRICS_TEXTFILE, &metrics);
	metrics_put_stats(out, METRICS_TEXTFILE, &source, 1);
	metrics_end(out, METRICS_TEXTFILE);
}

/* --- the file */

static void write_text(struct exporter *exporter, struct agent *agent,
		       const struct stats *stats)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s%s", root_path(agent_root(agent)),
			   agent_config(agent)->textfile);

	put_all(&exporter->text, agent, stats);
	/* Where memory is short, the next one is written. */
	if (exporter->text.failed || len < 0 || (size_t)len >= sizeof(path))
		return;
	textfile_write(exporter->textfile, path, &exporter->text);
	exporter->written_usec = loop_now_usec();
}

static bool is_wanted(const struct agent *agent)
{
	return *agent_config(agent)->textfile && agent_has_looked(agent);
}

void exporter_write(struct exporter *exporter, struct agent *agent)
{
	struct stats stats;

	if (!is_wanted(agent))
		return;
	stats_read(agent_root(agent), &stats);
	write_text(exporter, agent, &stats);
}

void exporter_write_sample(struct exporter *exporter, struct agent *agent,
			   const struct stats *stats)
{
	if (is_wanted(agent) && loop_now_usec() - exporter->written_usec >= SAMPLE_USEC)
		write_text(exporter, agent, stats);
}

struct exporter *exporter_new(struct loop *loop)
{
	struct exporter *exporter = calloc(1, sizeof(*exporter));
	int r;

	if (!exporter)
		return NULL;
	exporter->textfile = textfile_new(loop);
	if (exporter->textfile)
		return exporter;
	r = errno;
	free(exporter);
	errno = r;
	return NULL;
}

void exporter_free(struct exporter *exporter)
{
	if (!exporter)
		return;
	textfile_free(exporter->textfile);
	text_free(&exporter->text);
	free(exporter);
}
