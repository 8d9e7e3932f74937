/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_METRICS_H
#define MEMONLINE_METRICS_H

/*
 * What is known about guests, as text for Prometheus. All samples of one name are
 * together, so a host passes all of its guests at once. An unknown value has no sample,
 * and a name without samples has no heading.
 */

#include "core/contract.h"
#include "core/stats.h"
#include "core/text.h"

enum metrics_format {
	METRICS_OPEN, /* OpenMetrics 1.0: ends with "# EOF", counters are named without _total */
	METRICS_TEXTFILE /* the older text format 0.0.4, as node_exporter reads it from files */
};

/* What memonlined itself knows. */
struct metrics_agent {
	uint64_t block_bytes; /* the size of a memory block */
	uint64_t failed_blocks; /* that the kernel refused to bring online */
	uint64_t pending_writes; /* still to be done */
	uint64_t reports; /* so far, of this instance */
	/* Of the last report; STATS_UNKNOWN: there was none. The time is since 1970. */
	uint64_t report_sec, succeeded_bytes, failed_bytes;
};

/* One guest's. */
struct metrics_source {
	const char *labels; /* as metrics_put_label wrote them; "": none */
	const struct stats *stats;
};

/* Bytes of memory blocks that are alike. */
struct metrics_memory {
	const char *labels; /* likewise */
	int64_t node; /* below 0: not known */
	const char *state, *zone; /* values of memonline-protocol(7) */
	uint64_t bytes;
};

/*
 * Appends NAME="VALUE", and a comma before it where `labels` is not empty. Quotes, backslashes and
 * line ends are escaped; other bytes that are not printable ASCII become '?'.
 */
void metrics_put_label(struct text *labels, const char *name, const char *value)
	_nonnull_(1);
/* All that the stats of these guests say. */
void metrics_put_stats(struct text *out, enum metrics_format format,
		       const struct metrics_source *sources, size_t count) _nonnull_(1);
void metrics_put_memory_heading(struct text *out) _nonnull_(1);
void metrics_put_memory(struct text *out, const struct metrics_memory *memory)
	_nonnull_(1);
/* Of one guest, without labels of its own. */
void metrics_put_agent(struct text *out, enum metrics_format format,
		       const struct metrics_agent *agent) _nonnull_(1, 3);
/* Behind all else. */
void metrics_end(struct text *out, enum metrics_format format) _nonnull_(1);

#endif
