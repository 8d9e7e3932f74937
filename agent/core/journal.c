/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/journal.h"

#include <stdlib.h>
#include <string.h>

struct journal {
	char instance[JOURNAL_INSTANCE_SIZE];
	struct report *reports; /* ring: number n lies at n % report_max */
	size_t report_max;
	struct report_range *ranges; /* ring; one report's ranges never wrap */
	size_t range_max;
	size_t range_next; /* where the next report's ranges may begin */
	uint64_t first, last; /* numbers held; none where first > last */
};

const char *report_result_text(enum report_result result)
{
	return result == REPORT_SUCCESS ? "success" : "failed";
}

struct journal *journal_new(const char *instance, size_t reports, size_t ranges)
{
	struct journal *journal = calloc(1, sizeof(*journal));

	if (!journal)
		return NULL;
	journal->reports = calloc(reports, sizeof(*journal->reports));
	journal->ranges = calloc(ranges, sizeof(*journal->ranges));
	if (!journal->reports || !journal->ranges) {
		journal_free(journal);
		return NULL;
	}
	journal->report_max = reports;
	journal->range_max = ranges;
	journal->first = 1;
	strncpy(journal->instance, instance, sizeof(journal->instance) - 1);
	return journal;
}

void journal_free(struct journal *journal)
{
	if (!journal)
		return;
	free(journal->reports);
	free(journal->ranges);
	free(journal);
}

const char *journal_instance(const struct journal *journal)
{
	return journal->instance;
}

uint64_t journal_last(const struct journal *journal)
{
	return journal->last;
}

uint64_t journal_first(const struct journal *journal)
{
	return journal->first;
}

uint64_t journal_lost(const struct journal *journal, uint64_t since)
{
	/* first is at least 1 */
	return since < journal->first - 1 ? journal->first - 1 - since : 0;
}

static struct report *slot(const struct journal *journal, uint64_t seq)
{
	return &journal->reports[seq % journal->report_max];
}

/* Whether the report's place meets [start, start + count) of the ring; an empty one has one too. */
static bool in_the_way(const struct report *report, size_t start, size_t count)
{
	size_t end = report->first + (report->count ? report->count : 1);

	return report->first < start + count && start < end;
}

/* Drops the oldest reports until `count` ranges fit at the returned place. */
static size_t make_room(struct journal *journal, size_t count)
{
	size_t start = journal->range_next;

	if (start + count > journal->range_max) {
		/*
		 * The tail of the ring is too short: what is stored there is the oldest, and goes,
		 * or the order of age would break.
		 */
		while (journal->first <= journal->last &&
		       slot(journal, journal->first)->first >= start)
			journal->first++;
		start = 0;
	}
	while (journal->first <= journal->last &&
	       (journal->last - journal->first + 1 >= journal->report_max ||
		in_the_way(slot(journal, journal->first), start, count)))
		journal->first++;
	return start;
}

uint64_t journal_append(struct journal *journal, const struct report *report,
			const struct report_range *ranges, size_t count)
{
	struct report *kept;
	size_t start;

	if (count > journal->range_max)
		count = journal->range_max;
	start = make_room(journal, count);
	memcpy(&journal->ranges[start], ranges, count * sizeof(*ranges));
	journal->range_next = start + count;
	kept = slot(journal, ++journal->last);
	*kept = *report;
	kept->seq = journal->last;
	kept->first = start;
	kept->count = count;
	return kept->seq;
}

const struct report *journal_after(const struct journal *journal, uint64_t since)
{
	if (since >= journal->last)
		return NULL;
	return slot(journal, since < journal->first ? journal->first : since + 1);
}

const struct report_range *journal_ranges(const struct journal *journal,
					  const struct report *report)
{
	return &journal->ranges[report->first];
}

bool report_range_continues(const struct report_range *range, const struct report_range *next)
{
	return range->start + range->size == next->start && range->node == next->node &&
	       range->error == next->error && range->from == next->from &&
	       range->to == next->to && range->requested == next->requested &&
	       range->zone == next->zone && range->result == next->result &&
	       range->reason == next->reason;
}
