/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

#include "core/stats.h"
#include "ctl.h"
#include "print.h"

enum kind { SIZE, COUNT };

/* The members that have a line of their own, in the order of output. */
static const struct line {
	const char *label;
	enum kind kind;
	size_t offset; /* in struct stats */
} lines[] = {
	{ "Total:", SIZE, offsetof(struct stats, total) },
	{ "Available:", SIZE, offsetof(struct stats, available) },
	{ "Free:", SIZE, offsetof(struct stats, free) },
	{ "Anonymous:", SIZE, offsetof(struct stats, anonymous) },
	{ "File cache:", SIZE, offsetof(struct stats, file) },
	{ "Shared:", SIZE, offsetof(struct stats, shared) },
	{ "Reclaimable:", SIZE, offsetof(struct stats, reclaimable) },
	{ "Swap:", SIZE, offsetof(struct stats, swap_total) },
	{ "Swap free:", SIZE, offsetof(struct stats, swap_free) },
	{ "Swapped in:", SIZE, offsetof(struct stats, swapped_in) },
	{ "Swapped out:", SIZE, offsetof(struct stats, swapped_out) },
	{ "Major faults:", COUNT, offsetof(struct stats, major_faults) },
	{ "OOM kills:", COUNT, offsetof(struct stats, oom_kills) },
	{ "Huge pages:", COUNT, offsetof(struct stats, hugepages_total) },
	{ "Huge pages free:", COUNT, offsetof(struct stats, hugepages_free) },
	{ "Huge page size:", SIZE, offsetof(struct stats, hugepage_size) },
};

static void put_label(struct text *out, const char *label)
{
	text_printf(out, "%-17s ", label);
}

static void put_value(struct text *out, enum kind kind, uint64_t value, bool bytes_only)
{
	if (value == STATS_UNKNOWN)
		text_puts(out, "unknown");
	else if (kind == SIZE)
		print_size(out, value, bytes_only);
	else
		text_putu(out, value);
}

/* "Kernel zones:  700M free and 100M cached of 900M, reclaim below 20M" */
static void put_zone(struct text *out, const char *label, const struct stats_zone *zone,
		     bool bytes_only)
{
	put_label(out, label);
	put_value(out, SIZE, zone->free, bytes_only);
	text_puts(out, " free and ");
	put_value(out, SIZE, zone->file, bytes_only);
	text_puts(out, " cached of ");
	put_value(out, SIZE, zone->total, bytes_only);
	text_puts(out, ", reclaim below ");
	put_value(out, SIZE, zone->low, bytes_only);
	text_puts(out, "\n");
}

/* "Stalled, some:  0.22 % of 10 s, 0.17 % of 60 s, 1.11 % of 300 s, 58.761 s in all" */
static void put_stall(struct text *out, const char *label,
		      const struct stats_stall *stall)
{
	const uint64_t averages[] = { stall->avg10, stall->avg60, stall->avg300 };
	static const char *const windows[] = { "10", "60", "300" };
	size_t i;

	put_label(out, label);
	if (stall->total_usec == STATS_UNKNOWN) {
		text_puts(out, "unknown\n");
		return;
	}
	for (i = 0; i < 3; i++)
		text_printf(out, "%" PRIu64 ".%02" PRIu64 " %% of %s s, ",
			    averages[i] / 100, averages[i] % 100, windows[i]);
	text_printf(out, "%" PRIu64 ".%03" PRIu64 " s in all\n",
		    stall->total_usec / 1000000, stall->total_usec / 1000 % 1000);
}

static void put_stats(struct text *out, const struct stats *stats, bool bytes_only)
{
	size_t i;

	for (i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		const uint64_t *value =
			(const uint64_t *)((const char *)stats + lines[i].offset);

		put_label(out, lines[i].label);
		put_value(out, lines[i].kind, *value, bytes_only);
		text_puts(out, "\n");
	}
	put_zone(out, "Kernel zones:", &stats->kernel, bytes_only);
	put_zone(out, "ZONE_MOVABLE:", &stats->movable, bytes_only);
	put_stall(out, "Stalled, some:", &stats->some);
	put_stall(out, "Stalled, all:", &stats->full);
}

static int print_stats(struct ctl *ctl)
{
	struct text out = TEXT_INIT;
	struct stats stats;
	int r = protocol_answer_read(&ctl->session.answer, &message_stats, &stats);

	if (r < 0)
		return r;
	put_stats(&out, &stats, ctl->options.bytes);
	r = out.failed ? -ENOMEM : CTL_DONE;
	if (r == CTL_DONE)
		fputs(out.data, stdout);
	text_free(&out);
	return r;
}

static int run_stats(struct ctl *ctl)
{
	int r;

	ctl->session.prints = ctl->options.json;
	r = ctl_ask(ctl, PROTOCOL_STATS);
	if (r < 0)
		return r;
	return ctl->options.json ? ctl_session_print(&ctl->session) : print_stats(ctl);
}

const struct ctl_verb ctl_verb_stats = {
	.name = "stats",
	.help = "show how the memory is used, and what waits for it",
	.takes = CTL_JSON | CTL_BYTES,
	.run = run_stats,
};
