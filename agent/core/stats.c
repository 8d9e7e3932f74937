/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/stats.h"

#include <stdbool.h>
#include <string.h>

#include "core/number.h"

#define KIB 1024

void stats_init(struct stats *stats)
{
	/* Every member is a uint64_t. */
	memset(stats, 0xff, sizeof(*stats));
}

static uint64_t times(uint64_t count, uint64_t unit)
{
	return count > (STATS_UNKNOWN - 1) / unit ? STATS_UNKNOWN : count * unit;
}

/* Unknown and one that is known make the latter. */
static void add(uint64_t *sum, uint64_t bytes)
{
	if (bytes == STATS_UNKNOWN)
		return;
	if (*sum == STATS_UNKNOWN)
		*sum = 0;
	*sum = bytes > STATS_UNKNOWN - 1 - *sum ? STATS_UNKNOWN - 1 : *sum + bytes;
}

static const char *next_line(const char *line)
{
	const char *end = strchr(line, '\n');

	return end ? end + 1 : line + strlen(line);
}

/* --- lines of a label and a number */

struct labelled {
	const char *label; /* with what ends it */
	size_t offset; /* of the member */
	uint64_t unit; /* 0: pages */
	bool adds; /* to what other lines said */
};

#define LABEL(label, member, unit, adds)                          \
	{                                                         \
		label, offsetof(struct stats, member), unit, adds \
	}

static void take_labelled(struct stats *stats, const char *text,
			  const struct labelled *rows, size_t count, uint64_t page_bytes)
{
	uint64_t number;
	size_t i;

	for (; *text; text = next_line(text)) {
		for (i = 0; i < count; i++)
			if (number_behind(text, rows[i].label, 10, &number))
				break;
		if (i < count) {
			uint64_t *member = (uint64_t *)((char *)stats + rows[i].offset);

			if (!rows[i].adds)
				*member = STATS_UNKNOWN;
			add(member,
			    times(number, rows[i].unit ? rows[i].unit : page_bytes));
		}
	}
}

/* KReclaimable holds SReclaimable, and comes before it (4.20). */
static void take_reclaimable(struct stats *stats, const char *text)
{
	static const struct labelled all[] = {
		LABEL("KReclaimable:", reclaimable, KIB, false),
	};
	static const struct labelled slab[] = {
		LABEL("SReclaimable:", reclaimable, KIB, false),
	};

	take_labelled(stats, text, all, 1, 0);
	if (stats->reclaimable == STATS_UNKNOWN)
		take_labelled(stats, text, slab, 1, 0);
}

void stats_take_meminfo(struct stats *stats, const char *text)
{
	static const struct labelled rows[] = {
		LABEL("MemTotal:", total, KIB, false),
		LABEL("MemFree:", free, KIB, false),
		LABEL("MemAvailable:", available, KIB, false),
		LABEL("SwapTotal:", swap_total, KIB, false),
		LABEL("SwapFree:", swap_free, KIB, false),
		LABEL("AnonPages:", anonymous, KIB, false),
		LABEL("Active(file):", file, KIB, true),
		LABEL("Inactive(file):", file, KIB, true),
		LABEL("Shmem:", shared, KIB, false),
		LABEL("Hugepagesize:", hugepage_size, KIB, false),
		LABEL("HugePages_Total:", hugepages_total, 1, false),
		LABEL("HugePages_Free:", hugepages_free, 1, false),
	};

	stats->file = STATS_UNKNOWN;
	take_labelled(stats, text, rows, sizeof(rows) / sizeof(rows[0]), 0);
	take_reclaimable(stats, text);
}

void stats_take_vmstat(struct stats *stats, const char *text, uint64_t page_bytes)
{
	static const struct labelled rows[] = {
		LABEL("pgmajfault ", major_faults, 1, false),
		LABEL("pswpin ", swapped_in, 0, false),
		LABEL("pswpout ", swapped_out, 0, false),
		LABEL("oom_kill ", oom_kills, 1, false),
	};

	take_labelled(stats, text, rows, sizeof(rows) / sizeof(rows[0]), page_bytes);
}

/* --- /proc/zoneinfo */

struct zone {
	struct stats_zone
		*kind; /* NULL: before the first one, or one that is not counted */
	uint64_t free, low, present, managed, active_file, inactive_file; /* pages */
};

static void open_zone(struct zone *zone, struct stats *stats, const char *name)
{
	memset(zone, 0xff, sizeof(*zone));
	zone->kind = &stats->kernel;
	if (strncmp(name, "Movable", 7) == 0)
		zone->kind = &stats->movable;
	else if (strncmp(name, "Device", 6) == 0)
		zone->kind = NULL; /* the page allocator has none of it */
}

static void close_zone(const struct zone *zone, uint64_t page_bytes)
{
	/*
	 * Before 3.8 there is only "present", which includes what the kernel took at
	 * boot.
	 */
	uint64_t total = zone->managed != STATS_UNKNOWN ? zone->managed : zone->present;

	if (!zone->kind)
		return;
	add(&zone->kind->total, times(total, page_bytes));
	add(&zone->kind->free, times(zone->free, page_bytes));
	add(&zone->kind->low, times(zone->low, page_bytes));
	add(&zone->kind->file, times(zone->active_file, page_bytes));
	add(&zone->kind->file, times(zone->inactive_file, page_bytes));
	/* An empty zone has no more lines. */
	if (total == 0)
		add(&zone->kind->file, 0);
}

/*
 * From 4.8 on the names without "zone" are those of the node, in the lines of its first zone, and a
 * line in front of them says so.
 */
static void zone_line(struct zone *zone, const char *line, bool has_nodes)
{
	const struct {
		const char *label;
		uint64_t *pages;
	} rows[] = {
		{ "pages free ", &zone->free },
		{ "low ", &zone->low },
		{ "present ", &zone->present },
		{ "managed ", &zone->managed },
		{ has_nodes ? "nr_zone_active_file " : "nr_active_file ",
		  &zone->active_file },
		{ has_nodes ? "nr_zone_inactive_file " : "nr_inactive_file ",
		  &zone->inactive_file },
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (number_behind(line, rows[i].label, 10, rows[i].pages))
			return;
}

/* "Node 0, zone   Normal" */
static const char *zone_name(const char *line)
{
	if (strncmp(line, "Node ", 5) != 0 ||
	    strncmp(number_skip_words(line, 2), "zone ", 5) != 0)
		return NULL;
	return number_skip_words(line, 3);
}

void stats_take_zoneinfo(struct stats *stats, const char *text, uint64_t page_bytes)
{
	struct zone zone = { NULL, 0, 0, 0, 0, 0, 0 };
	bool has_nodes = strstr(text, "per-node stats") != NULL;

	memset(&stats->kernel, 0xff, sizeof(stats->kernel));
	memset(&stats->movable, 0xff, sizeof(stats->movable));
	for (; *text; text = next_line(text)) {
		const char *name = zone_name(text);

		if (name) {
			close_zone(&zone, page_bytes);
			open_zone(&zone, stats, name);
		} else {
			zone_line(&zone, text, has_nodes);
		}
	}
	close_zone(&zone, page_bytes);
	/* A kernel that shows its zones, and no ZONE_MOVABLE among them, has none. */
	if (stats->kernel.total != STATS_UNKNOWN && stats->movable.total == STATS_UNKNOWN)
		memset(&stats->movable, 0, sizeof(stats->movable));
}

/* --- /proc/pressure/memory */

/* "avg10=0.12": hundredths; false, and *value as it was, where that does not stand at `at`. */
static bool take_average(const char **at, const char *label, uint64_t *value)
{
	const char *text = *at + strspn(*at, " "), *end = text + strcspn(text, " \n");
	uint64_t whole, hundredths;

	if (strncmp(text, label, strlen(label)) != 0)
		return false;
	text += strlen(label);
	if (!number_take(&text, end, 10, &whole) || end - text != 3 || *text++ != '.' ||
	    !number_take(&text, end, 10, &hundredths) || text != end || whole > 100)
		return false;
	*value = whole * 100 + hundredths;
	*at = end;
	return true;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" */
static void take_stall(struct stats_stall *stall, const char *at)
{
	struct stats_stall found;
	const char *end = at + strcspn(at, "\n");

	if (!take_average(&at, "avg10=", &found.avg10) ||
	    !take_average(&at, "avg60=", &found.avg60) ||
	    !take_average(&at, "avg300=", &found.avg300) ||
	    strncmp(at, " total=", 7) != 0)
		return;
	at += 7;
	if (number_take(&at, end, 10, &found.total_usec) && at == end)
		*stall = found;
}

void stats_take_pressure(struct stats *stats, const char *text)
{
	for (; *text; text = next_line(text)) {
		if (strncmp(text, "some ", 5) == 0)
			take_stall(&stats->some, text + 5);
		else if (strncmp(text, "full ", 5) == 0)
			take_stall(&stats->full, text + 5);
	}
}
