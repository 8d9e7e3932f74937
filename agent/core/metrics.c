/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/metrics.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define PREFIX "memonline_guest_"
#define MEMORY PREFIX "blocks_bytes"

enum form { PLAIN, USEC, HUNDREDTHS }; /* the last of a percent */

/* Rows of one name are neighbours. */
struct row {
	const char *name;
	const char *help;
	const char *labels; /* "": none of its own */
	bool is_counter;
	enum form form;
	size_t offset; /* of a uint64_t; STATS_UNKNOWN has no line */
};

/* Of struct stats. */
static const struct row rows[] = {
#define GAUGE(name, help, member)                                            \
	{                                                                    \
		name, help, "", false, PLAIN, offsetof(struct stats, member) \
	}
#define COUNTER(name, help, member)                                         \
	{                                                                   \
		name, help, "", true, PLAIN, offsetof(struct stats, member) \
	}
#define ZONES(name, help, member)                                                 \
	{ name,                                                                   \
	  help,                                                                   \
	  "kind=\"kernel\"",                                                      \
	  false,                                                                  \
	  PLAIN,                                                                  \
	  offsetof(struct stats, kernel) + offsetof(struct stats_zone, member) }, \
	{                                                                         \
		name, help, "kind=\"movable\"", false, PLAIN,                     \
			offsetof(struct stats, movable) +                         \
				offsetof(struct stats_zone, member)               \
	}
#define STALL(name, help, label, line, is_counter, form, member)           \
	{                                                                  \
		name, help, "tasks=\"" #line "\"" label, is_counter, form, \
			offsetof(struct stats, line) +                     \
				offsetof(struct stats_stall, member)       \
	}
#define WAITED "Time that tasks waited for memory since boot."
#define SHARE "Share of the time that tasks waited for memory."
	GAUGE("memory_bytes", "Memory that the kernel manages.", total),
	GAUGE("available_bytes", "What new work could use without swapping.", available),
	GAUGE("free_bytes", "Memory that nothing uses.", free),
	GAUGE("anonymous_bytes", "Memory of processes that only swap can take.",
	      anonymous),
	GAUGE("file_bytes", "Cached files.", file),
	GAUGE("shared_bytes", "Tmpfs and shared memory.", shared),
	GAUGE("reclaimable_bytes", "Caches of the kernel itself.", reclaimable),
	ZONES("zone_bytes", "Memory of the zones of this kind.", total),
	ZONES("zone_free_bytes", "Free memory of the zones of this kind.", free),
	ZONES("zone_file_bytes", "Cached files in the zones of this kind.", file),
	ZONES("zone_low_bytes", "Below this much free the kernel begins to reclaim.",
	      low),
	GAUGE("swap_bytes", "Swap space.", swap_total),
	GAUGE("swap_free_bytes", "Free swap space.", swap_free),
	GAUGE("hugepage_size_bytes", "Size of a huge page.", hugepage_size),
	GAUGE("hugepages", "Huge pages of that size.", hugepages_total),
	GAUGE("hugepages_free", "Free huge pages of that size.", hugepages_free),
	COUNTER("swapped_in_bytes", "Read from swap since boot.", swapped_in),
	COUNTER("swapped_out_bytes", "Written to swap since boot.", swapped_out),
	COUNTER("major_faults", "Page faults that had to read since boot.", major_faults),
	COUNTER("oom_kills", "Processes that the OOM killer ended since boot.",
		oom_kills),
	STALL("stall_seconds", WAITED, "", some, true, USEC, total_usec),
	STALL("stall_seconds", WAITED, "", full, true, USEC, total_usec),
	STALL("stall_ratio", SHARE, ",window=\"10s\"", some, false, HUNDREDTHS, avg10),
	STALL("stall_ratio", SHARE, ",window=\"60s\"", some, false, HUNDREDTHS, avg60),
	STALL("stall_ratio", SHARE, ",window=\"300s\"", some, false, HUNDREDTHS, avg300),
	STALL("stall_ratio", SHARE, ",window=\"10s\"", full, false, HUNDREDTHS, avg10),
	STALL("stall_ratio", SHARE, ",window=\"60s\"", full, false, HUNDREDTHS, avg60),
	STALL("stall_ratio", SHARE, ",window=\"300s\"", full, false, HUNDREDTHS, avg300),
};
#define ROWS (sizeof(rows) / sizeof(rows[0]))

void metrics_put_label(struct text *labels, const char *name, const char *value)
{
	text_printf(labels, "%s%s=\"", labels->len ? "," : "", name);
	for (; *value; value++) {
		if (*value == '\n')
			text_puts(labels, "\\n");
		else if (*value == '"' || *value == '\\')
			text_printf(labels, "\\%c", *value);
		else
			text_append(labels, *value >= ' ' && *value <= '~' ? value : "?",
				    1);
	}
	text_puts(labels, "\"");
}

static void put_heading(struct text *out, const char *name, const char *suffix,
			const char *type, const char *help)
{
	text_printf(out, "# HELP %s%s %s\n# TYPE %s%s %s\n", name, suffix, help, name,
		    suffix, type);
}

/* "{a="1",b="2"} ", or " " without any. */
static void put_labels(struct text *out, const char *some, const char *more)
{
	const char *comma = *some && *more ? "," : "";

	if (*some || *more)
		text_printf(out, "{%s%s%s}", some, comma, more);
	text_puts(out, " ");
}

static void put_value(struct text *out, enum form form, uint64_t value)
{
	switch (form) {
	case PLAIN:
		text_putu(out, value);
		break;
	case USEC:
		text_printf(out, "%" PRIu64 ".%06" PRIu64, value / 1000000,
			    value % 1000000);
		break;
	case HUNDREDTHS:
		text_printf(out, "%" PRIu64 ".%04" PRIu64, value / 10000, value % 10000);
		break;
	}
	text_puts(out, "\n");
}

static void put_row_heading(struct text *out, enum metrics_format format,
			    const struct row *row)
{
	char name[64] = PREFIX;

	strncat(name, row->name, sizeof(name) - sizeof(PREFIX));
	put_heading(out, name,
		    row->is_counter && format == METRICS_TEXTFILE ? "_total" : "",
		    row->is_counter ? "counter" : "gauge", row->help);
}

/* `heading`: the name of the line before, which is returned for the next one. */
static const char *put_row(struct text *out, enum metrics_format format,
			   const struct row *row, const void *values, const char *labels,
			   const char *heading)
{
	uint64_t value = *(const uint64_t *)((const char *)values + row->offset);

	if (value == STATS_UNKNOWN)
		return heading;
	if (strcmp(heading, row->name) != 0)
		put_row_heading(out, format, row);
	text_printf(out, PREFIX "%s%s", row->name, row->is_counter ? "_total" : "");
	put_labels(out, labels, row->labels);
	put_value(out, row->form, value);
	return row->name;
}

void metrics_put_stats(struct text *out, enum metrics_format format,
		       const struct metrics_source *sources, size_t count)
{
	const char *heading = "";
	size_t i, j;

	for (i = 0; i < ROWS; i++)
		for (j = 0; j < count; j++)
			heading = put_row(out, format, &rows[i], sources[j].stats,
					  sources[j].labels, heading);
}

void metrics_put_memory_heading(struct text *out)
{
	put_heading(out, MEMORY, "", "gauge", "Memory blocks by node, state and zone.");
}

void metrics_put_memory(struct text *out, const struct metrics_memory *memory)
{
	struct text labels = TEXT_INIT;
	char node[24] = "unknown";

	if (memory->node >= 0)
		snprintf(node, sizeof(node), "%" PRId64, memory->node);
	metrics_put_label(&labels, "node", node);
	metrics_put_label(&labels, "state", memory->state);
	metrics_put_label(&labels, "zone", memory->zone);
	if (labels.failed) {
		out->failed = true;
	} else {
		text_puts(out, MEMORY);
		put_labels(out, memory->labels, labels.data);
		put_value(out, PLAIN, memory->bytes);
	}
	text_free(&labels);
}

/* --- memonlined's own */

/* Of struct metrics_agent. */
static const struct row agent_rows[] = {
#define ROW(name, help, labels, is_counter, member)            \
	{                                                      \
		name, help, labels, is_counter, PLAIN,         \
			offsetof(struct metrics_agent, member) \
	}
#define RESULT "Memory of the last report by its result."
	ROW("block_size_bytes", "Size of a memory block.", "", false, block_bytes),
	ROW("failed_blocks", "Blocks that the kernel refused to bring online.", "", false,
	    failed_blocks),
	ROW("pending_writes", "Writes that memonlined has still to do.", "", false,
	    pending_writes),
	ROW("reports", "Reports of what happened to memory.", "", true, reports),
	ROW("last_report_timestamp_seconds", "When the last report was made.", "", false,
	    report_sec),
	ROW("last_report_bytes", RESULT, "result=\"success\"", false, succeeded_bytes),
	ROW("last_report_bytes", RESULT, "result=\"failed\"", false, failed_bytes),
};

void metrics_put_agent(struct text *out, enum metrics_format format,
		       const struct metrics_agent *agent)
{
	const char *heading = "";
	size_t i;

	for (i = 0; i < sizeof(agent_rows) / sizeof(agent_rows[0]); i++)
		heading = put_row(out, format, &agent_rows[i], agent, "", heading);
}

void metrics_end(struct text *out, enum metrics_format format)
{
	if (format == METRICS_OPEN)
		text_puts(out, "# EOF\n");
}
