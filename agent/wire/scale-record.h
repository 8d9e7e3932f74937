/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SCALE_RECORD_H
#define MEMONLINE_SCALE_RECORD_H

/*
 * What `virt-memonline autoscale` remembers of a guest, as one line of JSON in its state file: what
 * its decisions rest on, and what people want to know of it. It outlives the program, libvirtd and a
 * reboot of the host; times are microseconds since 1970.
 */

#include "core/scale.h"
#include "core/text.h"

#define SCALE_RECORD_UUID_SIZE 37
#define SCALE_RECORD_NAME_SIZE 256
#define SCALE_RECORD_WORD_SIZE 24
#define SCALE_RECORD_LINE_MAX 8192 /* bytes; longer is refused */

struct scale_record {
	char uuid[SCALE_RECORD_UUID_SIZE];
	char name[SCALE_RECORD_NAME_SIZE]; /* of the domain */
	uint64_t time_usec; /* of the numbers */
	uint64_t min, max, given, confirmed;
	uint64_t available; /* in the guest; STATS_UNKNOWN */
	/* The last change, and the last verdict: words of core/scale. */
	char action[SCALE_RECORD_WORD_SIZE]; /* "grow", "shrink", "take-out", "" */
	uint64_t action_bytes, action_usec;
	char action_reason[SCALE_RECORD_WORD_SIZE];
	char reason[SCALE_RECORD_WORD_SIZE];
	struct scale_memory memory;
};

/* The line with its newline. */
void scale_record_put(struct text *out, const struct scale_record *record)
	_nonnull_(1, 2);
/* Reads a line without its newline. 0; -EBADMSG, -ENOMEM: *record may be half filled. */
int scale_record_take(const char *line, size_t len,
		      struct scale_record *record) _must_check_ _nonnull_(1, 3);
/* "grow"; "" for nothing. */
const char *scale_action_text(enum scale_action action);

#endif
