/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_WIRE_RELAY_H
#define MEMONLINE_WIRE_RELAY_H

/*
 * What goes to a qemu-ga that memonlined passes requests to, and what comes back: replies of a
 * line each, passed on as they come and never kept.
 *
 * Measured with qemu-ga 7.2.22: a reply is ASCII on one line, one of guest-file-read with 48 MiB
 * has 67108925 bytes; the reply to guest-sync-delimited has a 0xFF in front, and no other byte of
 * qemu-ga's is that.
 */

#include "core/command.h"
#include "core/contract.h"
#include "core/text.h"

/* guest-sync-delimited with this number. `flushes`: first ends what there is of a request. */
void relay_put_sync(struct text *out, int64_t number, bool flushes) _nonnull_(1);
/* guest-info, without arguments. */
void relay_put_info_request(struct text *out) _nonnull_(1);

#define RELAY_MARK_MAX 64 /* bytes of a reply to guest-sync-delimited; more is none */

struct relay_reader {
	bool passes; /* a reply is wanted; else all up to the reply to the sync is dropped */
	int64_t number; /* of that sync */
	bool in_mark; /* behind a 0xFF */
	bool in_line;
	char mark[RELAY_MARK_MAX];
	size_t mark_len;
};

enum relay_event {
	RELAY_MORE, /* all bytes taken */
	RELAY_PART, /* of a reply: *part, up to its newline at most */
	RELAY_SYNCED /* the reply to the sync */
};
struct relay_part {
	const char *bytes;
	size_t len;
	bool ends; /* the last byte is the newline */
};

/* From here on what comes is dropped, up to the reply to the sync with this number. */
void relay_reader_sync(struct relay_reader *reader, int64_t number) _nonnull_(1);
/*
 * From here on the next line is a reply. Where a sync was sent behind its request, `number` is its
 * number: RELAY_SYNCED then says that qemu-ga is done, be it without a reply.
 */
void relay_reader_pass(struct relay_reader *reader, int64_t number) _nonnull_(1);
/* Takes bytes from *bytes / *len and advances both; stops at each event. */
enum relay_event relay_reader_feed(struct relay_reader *reader, const char **bytes,
				   size_t *len, struct relay_part *part) _nonnull_(1);

/*
 * What guest-info returns: memonlined's commands and, where `line` is qemu-ga's reply to
 * guest-info, the others of qemu-ga, with its version in place of `version`: a host looks there for
 * what it can do beside memory. Those that the two lists forbid are not enabled.
 */
void relay_put_info(struct text *out, const char *version, const struct text *line,
		    const struct command_list *allowed,
		    const struct command_list *blocked) _nonnull_(1);

#endif
