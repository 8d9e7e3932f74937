/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/journal.h"

#include <stdlib.h>
#include <string.h>

#define JOURNAL_MAGIC 0x324e4c4e4f4d454dull /* "MEMONLN2": changes with every layout */

/* The layout of the memory: this, then the reports, the ranges, the marks. */
struct journal_header {
	uint64_t magic;
	char boot_id[JOURNAL_INSTANCE_SIZE];
	char instance[JOURNAL_INSTANCE_SIZE];
	uint64_t report_max, range_max, mark_max;
	/* Kept together, by one write: */
	struct journal_ring {
		uint64_t range_next; /* where the next report's ranges may begin */
		uint64_t first, last; /* numbers held; none where first > last */
	} ring;
	uint64_t position;
	struct journal_marks {
		uint64_t count;
		uint64_t after; /* the newest report when the first mark was set */
	} marks;
};

struct journal {
	struct journal_header *header;
	struct report *reports; /* ring: number n lies at n % report_max */
	struct report_range *ranges; /* ring; one report's ranges never wrap */
	struct journal_mark *marks;
	const struct store *store; /* NULL: nobody keeps the memory */
	void *owned; /* the memory, where it is ours */
};

const char *report_result_text(enum report_result result)
{
	return result == REPORT_SUCCESS ? "success" : "failed";
}

size_t journal_size(const struct journal_bounds *bounds)
{
	return sizeof(struct journal_header) + bounds->reports * sizeof(struct report) +
	       bounds->ranges * sizeof(struct report_range) +
	       bounds->marks * sizeof(struct journal_mark);
}

static bool same_bounds(const struct journal_header *header,
			const struct journal_bounds *bounds)
{
	return header->report_max == bounds->reports &&
	       header->range_max == bounds->ranges && header->mark_max == bounds->marks;
}

/* The numbers that index into the rings; they come from a file, which is not trusted. */
static bool counts_whole(const struct journal_header *header)
{
	return header->ring.first >= 1 && header->ring.last < INT64_MAX &&
	       header->ring.first <= header->ring.last + 1 &&
	       header->ring.last - header->ring.first + 1 <= header->report_max &&
	       header->ring.range_next <= header->range_max &&
	       header->marks.count <= header->mark_max &&
	       !header->boot_id[JOURNAL_INSTANCE_SIZE - 1] &&
	       !header->instance[JOURNAL_INSTANCE_SIZE - 1];
}

static bool range_whole(const struct report_range *range)
{
	return range->from < BLOCK_STATES && range->to < BLOCK_STATES &&
	       range->requested < ONLINE_TYPES && range->zone < BLOCK_ZONES &&
	       range->result <= REPORT_FAILED && range->reason < REASONS && range->size &&
	       range->size <= UINT64_MAX - range->start;
}

static bool report_whole(const struct journal *journal, const struct report *report)
{
	uint64_t range_max = journal->header->range_max;
	size_t i;

	if (report->first > range_max || report->count > range_max - report->first)
		return false;
	for (i = 0; i < report->count; i++)
		if (!range_whole(&journal->ranges[report->first + i]))
			return false;
	return true;
}

static bool reports_whole(const struct journal *journal)
{
	const struct journal_header *header = journal->header;
	uint64_t seq;

	for (seq = header->ring.first; seq <= header->ring.last; seq++) {
		const struct report *report = &journal->reports[seq % header->report_max];

		if (report->seq != seq || !report_whole(journal, report))
			return false;
	}
	return true;
}

static bool marks_whole(const struct journal *journal)
{
	size_t i;

	for (i = 0; i < journal->header->marks.count; i++)
		if (journal->marks[i].word >= ONLINE_TYPES ||
		    journal->marks[i].from >= BLOCK_STATES)
			return false;
	return true;
}

static bool usable(const struct journal *journal, const struct journal_bounds *bounds,
		   const char *boot_id)
{
	const struct journal_header *header = journal->header;

	return header->magic == JOURNAL_MAGIC && same_bounds(header, bounds) &&
	       counts_whole(header) && strcmp(header->boot_id, boot_id) == 0 &&
	       reports_whole(journal) && marks_whole(journal);
}

static void copy_id(char target[JOURNAL_INSTANCE_SIZE], const char *id)
{
	strncpy(target, id, JOURNAL_INSTANCE_SIZE - 1);
	target[JOURNAL_INSTANCE_SIZE - 1] = '\0';
}

static void start_anew(struct journal_header *header, const struct journal_bounds *bounds,
		       const char *boot_id, const char *instance)
{
	memset(header, 0, sizeof(*header));
	header->report_max = bounds->reports;
	header->range_max = bounds->ranges;
	header->mark_max = bounds->marks;
	header->ring.first = 1;
	copy_id(header->boot_id, boot_id);
	copy_id(header->instance, instance);
	header->magic = JOURNAL_MAGIC;
}

struct journal *journal_attach(void *memory, const struct journal_bounds *bounds,
			       const char *boot_id, const char *instance)
{
	struct journal *journal = calloc(1, sizeof(*journal));

	if (!journal)
		return NULL;
	journal->header = memory;
	journal->reports = (struct report *)(journal->header + 1);
	journal->ranges = (struct report_range *)(journal->reports + bounds->reports);
	journal->marks = (struct journal_mark *)(journal->ranges + bounds->ranges);
	if (!usable(journal, bounds, boot_id))
		start_anew(journal->header, bounds, boot_id, instance);
	return journal;
}

struct journal *journal_new(const char *instance, size_t reports, size_t ranges)
{
	struct journal_bounds bounds = { reports, ranges, ranges };
	void *memory = calloc(1, journal_size(&bounds));
	struct journal *journal = memory ? journal_attach(memory, &bounds, "", instance)
					 : NULL;

	if (journal)
		journal->owned = memory;
	else
		free(memory);
	return journal;
}

void journal_free(struct journal *journal)
{
	if (!journal)
		return;
	free(journal->owned);
	free(journal);
}

void journal_keep_in(struct journal *journal, const struct store *store)
{
	journal->store = store;
	store_keep(store, journal->header, sizeof(*journal->header));
}

const char *journal_instance(const struct journal *journal)
{
	return journal->header->instance;
}

void journal_begin_instance(struct journal *journal, const char *instance)
{
	journal_set_position(journal, 0);
	copy_id(journal->header->instance, instance);
	store_keep(journal->store, journal->header->instance, JOURNAL_INSTANCE_SIZE);
}

uint64_t journal_last(const struct journal *journal)
{
	return journal->header->ring.last;
}

uint64_t journal_first(const struct journal *journal)
{
	return journal->header->ring.first;
}

uint64_t journal_lost(const struct journal *journal, uint64_t since)
{
	/* first is at least 1 */
	return since < journal->header->ring.first - 1
		       ? journal->header->ring.first - 1 - since
		       : 0;
}

static struct report *slot(const struct journal *journal, uint64_t seq)
{
	return &journal->reports[seq % journal->header->report_max];
}

/*
 * Whether the report's room overlaps [start, start + count) of the ring; an empty report
 * has room, too.
 */
static bool in_the_way(const struct report *report, size_t start, size_t count)
{
	size_t end = report->first + (report->count ? report->count : 1);

	return report->first < start + count && start < end;
}

/* Drops the oldest reports until `count` ranges fit at the returned index. */
static size_t make_room(struct journal_header *header, const struct journal *journal,
			size_t count)
{
	size_t start = header->ring.range_next;

	if (start + count > header->range_max) {
		/*
		 * The tail of the ring is too short. What is stored there is the oldest,
		 * and is dropped, so that the order of age holds.
		 */
		while (header->ring.first <= header->ring.last &&
		       slot(journal, header->ring.first)->first >= start)
			header->ring.first++;
		start = 0;
	}
	while (header->ring.first <= header->ring.last &&
	       (header->ring.last - header->ring.first + 1 >= header->report_max ||
		in_the_way(slot(journal, header->ring.first), start, count)))
		header->ring.first++;
	return start;
}

static void keep_ring(const struct journal *journal)
{
	store_keep(journal->store, &journal->header->ring, sizeof(journal->header->ring));
}

uint64_t journal_append(struct journal *journal, const struct report *report,
			const struct report_range *ranges, size_t count)
{
	struct journal_header *header = journal->header;
	struct report *kept = slot(journal, header->ring.last + 1);
	uint64_t first = header->ring.first;
	size_t start;

	if (count > header->range_max)
		count = header->range_max;
	start = make_room(header, journal, count);
	/* A report is dropped before it is overwritten. */
	if (header->ring.first != first)
		keep_ring(journal);
	memcpy(&journal->ranges[start], ranges, count * sizeof(*ranges));
	store_keep(journal->store, &journal->ranges[start], count * sizeof(*ranges));
	*kept = *report;
	kept->seq = header->ring.last + 1;
	kept->first = start;
	kept->count = count;
	store_keep(journal->store, kept, sizeof(*kept));
	header->ring.range_next = start + count;
	header->ring.last++;
	keep_ring(journal);
	return header->ring.last;
}

const struct report *journal_after(const struct journal *journal, uint64_t since)
{
	const struct journal_header *header = journal->header;

	/* A ring may have counted and be empty: a report at `first` is none of this ring's. */
	if (since >= header->ring.last || header->ring.first > header->ring.last)
		return NULL;
	return slot(journal, since < header->ring.first ? header->ring.first : since + 1);
}

const struct report_range *journal_ranges(const struct journal *journal,
					  const struct report *report)
{
	return &journal->ranges[report->first];
}

bool report_range_continues(const struct report_range *range,
			    const struct report_range *next)
{
	return range->start + range->size == next->start && range->node == next->node &&
	       range->error == next->error && range->from == next->from &&
	       range->to == next->to && range->requested == next->requested &&
	       range->zone == next->zone && range->result == next->result &&
	       range->reason == next->reason;
}

uint64_t journal_position(const struct journal *journal)
{
	return journal->header->position;
}

void journal_set_position(struct journal *journal, uint64_t seq)
{
	journal->header->position = seq;
	store_keep(journal->store, &journal->header->position,
		   sizeof(journal->header->position));
}

static void keep_marks(const struct journal *journal)
{
	store_keep(journal->store, &journal->header->marks,
		   sizeof(journal->header->marks));
}

size_t journal_room(const struct journal *journal)
{
	return journal->header->mark_max - journal->header->marks.count;
}

void journal_mark_all(struct journal *journal, const struct journal_mark *marks,
		      size_t count)
{
	struct journal_header *header = journal->header;
	struct journal_mark *first = &journal->marks[header->marks.count];

	if (!header->marks.count)
		header->marks.after = header->ring.last;
	memcpy(first, marks, count * sizeof(*marks));
	store_keep(journal->store, first, count * sizeof(*marks));
	header->marks.count += count;
	keep_marks(journal);
}

bool journal_mark(struct journal *journal, uint64_t index, enum online_type word,
		  enum block_state from)
{
	struct journal_mark mark = { index, (uint8_t)word, (uint8_t)from };

	if (!journal_room(journal))
		return false;
	journal_mark_all(journal, &mark, 1);
	return true;
}

void journal_unmark(struct journal *journal, size_t count)
{
	if (!count || count > journal->header->marks.count)
		return;
	journal->header->marks.count -= count;
	keep_marks(journal);
}

uint64_t journal_mark_index(const struct journal *journal, size_t position)
{
	return journal->marks[position].index;
}

size_t journal_mark_count(const struct journal *journal)
{
	return journal->header->marks.count;
}

/* Whether a report after `since` has this address. */
static bool reported_after(const struct journal *journal, uint64_t since,
			   uint64_t address)
{
	const struct report *report;
	size_t i;

	while ((report = journal_after(journal, since))) {
		const struct report_range *ranges = journal_ranges(journal, report);

		for (i = 0; i < report->count; i++)
			if (address >= ranges[i].start &&
			    address - ranges[i].start < ranges[i].size)
				return true;
		since = report->seq;
	}
	return false;
}

const struct journal_mark *journal_mark_at(const struct journal *journal, size_t position,
					   uint64_t block_size_bytes)
{
	const struct journal_mark *mark = &journal->marks[position];

	return reported_after(journal, journal->header->marks.after,
			      mark->index * block_size_bytes)
		       ? NULL
		       : mark;
}

/* The position of its newest mark, or their count. */
static size_t newest_mark(const struct journal *journal, uint64_t index)
{
	size_t count = journal->header->marks.count, i;

	for (i = count; i-- > 0;)
		if (journal->marks[i].index == index)
			return i;
	return count;
}

/* Whether a mark is the newest of one of these blocks. */
static bool is_pending(const struct journal *journal, size_t position,
		       const uint64_t *pending, size_t count)
{
	uint64_t index = journal->marks[position].index;
	size_t i;

	for (i = 0; i < count; i++)
		if (pending[i] == index)
			return newest_mark(journal, index) == position;
	return false;
}

/*
 * In place: while a mark is half moved its old copy, the newer one, still stands behind it, and the
 * newest mark of a block counts.
 */
void journal_forget_reported(struct journal *journal, uint64_t block_size_bytes,
			     const uint64_t *pending, size_t count)
{
	struct journal_header *header = journal->header;
	size_t i, kept = 0, waiting = 0;

	for (i = 0; i < header->marks.count; i++) {
		bool waits = is_pending(journal, i, pending, count);

		waiting += waits;
		if (waits || journal_mark_at(journal, i, block_size_bytes))
			journal->marks[kept++] = journal->marks[i];
	}
	if (kept == header->marks.count && !waiting)
		return;
	store_keep(journal->store, journal->marks, kept * sizeof(*journal->marks));
	header->marks.count = kept;
	header->marks.after = header->ring.last;
	keep_marks(journal);
}

void journal_forget_marks(struct journal *journal)
{
	if (!journal->header->marks.count)
		return;
	journal->header->marks.count = 0;
	keep_marks(journal);
}
