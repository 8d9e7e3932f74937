/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_PROTOCOL_CLIENT_H
#define MEMONLINE_PROTOCOL_CLIENT_H

/*
 * The other end of memonline-protocol(7): requests to bytes, a stream of bytes to
 * answers. The peer is not trusted: everything that it sends costs bounded memory; a
 * member that is missing or of another type is -EBADMSG, an unknown one is ignored, and
 * every text stays the peer's, to be escaped before a terminal shows it.
 */

#include "core/contract.h"
#include "wire/message.h"
#include "wire/protocol.h"

/* How much of a peer's JSON is read. */
enum protocol_bounds {
	/* The answer to a sync is one number: this is all that a stream may cost until it is there. */
	PROTOCOL_BOUNDS_SYNC, /* 4 KiB */
	PROTOCOL_BOUNDS_ANSWER, /* 64 MiB, of which 6 MiB are kept at a time */
	PROTOCOL_BOUNDS_DEVICES /* 1 MiB: query-memory-devices of 256 DIMMs is 60 KiB */
};

/* --- requests: each appends one line */

/* Most are written by protocol_ask (protocol.h). */
/*
 * memonline-reconcile, or memonline-probe with its dry_run. `devices`: JSON text from the
 * host, the list of query-memory-devices or QMP's whole reply, with white space around
 * it; for a probe it may be empty: then memonlined's configuration says who names them.
 * -EBADMSG if it is neither, -EREMOTEIO if it is QMP's error, whose text is appended to
 * `desc`, -ENOMEM; `out` is untouched then.
 */
int protocol_ask_devices(struct text *out, const struct protocol_request *request,
			 const char *devices, size_t len, struct text *desc) _must_check_
	_nonnull_(1);
/*
 * memonline-status with an id, so that its answer is known from that of a request which
 * is still being worked on.
 */
void protocol_ask_progress(struct text *out) _nonnull_(1);
/*
 * Begins with 0xFF, so that half a request of an earlier client does not spoil this one.
 */
void protocol_ask_sync(struct text *out, int64_t id) _nonnull_(1);

/* --- answers */

enum protocol_answer_kind {
	PROTOCOL_ANSWER_RETURN,
	PROTOCOL_ANSWER_ERROR,
	PROTOCOL_ANSWER_EVENT,
	PROTOCOL_ANSWER_GREETING /* of a QMP monitor */
};

/* One whole answer, or one element of a list in it. Lives until the reader is fed again. */
struct protocol_answer {
	enum protocol_answer_kind kind;
	struct json_value line; /* the whole */
	struct json_value value; /* "return", "error" or "data"; or the element */
	/* Of an element: the member of "return" that the list is, "" for "return" itself. */
	const char *list;
	size_t index;
	const char *fault; /* the member that the last reading of it failed at, or NULL */
};

/*
 * Called for each element of the lists that "return" is or has: those lists come out empty. 0,
 * or negative errno that the reader then returns in place of the answer.
 */
typedef int (*protocol_element_fn)(struct protocol_answer *element, void *data);

struct protocol_reader;
struct protocol_reader *
protocol_reader_new(void) _must_check_; /* NULL on lack of memory */
void protocol_reader_free(struct protocol_reader *reader); /* accepts NULL */
/* For what comes after an answer; PROTOCOL_BOUNDS_SYNC at first. */
void protocol_reader_bound(struct protocol_reader *reader, enum protocol_bounds bounds)
	_nonnull_(1);
void protocol_reader_watch(struct protocol_reader *reader, protocol_element_fn fn,
			   void *data) _nonnull_(1);
/*
 * Appends what is returned to `out` as it comes, over several lines, in ASCII; the caller takes
 * away what it has printed. NULL: no more of that.
 */
void protocol_reader_print(struct protocol_reader *reader, struct text *out) _nonnull_(1);
/*
 * Takes bytes from *bytes / *len and advances both. 0 with *answer; -EAGAIN: all bytes taken, no
 * whole answer yet; -EBADMSG: what came is none; -EMSGSIZE: it is beyond its bounds; what protocol_element_fn returned, with *answer.
 */
int protocol_reader_feed(struct protocol_reader *reader, const char **bytes, size_t *len,
			 struct protocol_answer *answer) _must_check_ _nonnull_(1);

/* Whether it answers the guest-sync-delimited of that id. */
bool protocol_answer_is_sync(const struct protocol_answer *answer, int64_t id)
	_nonnull_(1);
/* Whether it answers a protocol_ask_progress, be it with an error. */
bool protocol_answer_is_progress(const struct protocol_answer *answer) _nonnull_(1);
/* "class" and "desc" of an error, "" where they are missing. */
const char *protocol_answer_error_class(const struct protocol_answer *answer)
	_nonnull_(1);
const char *protocol_answer_error_desc(const struct protocol_answer *answer) _nonnull_(1);
/* The name of an event; NULL for all else. */
const char *protocol_answer_event(const struct protocol_answer *answer) _nonnull_(1);
/*
 * Reads the value into the struct that belongs to the shape. 0, or -EBADMSG with `fault` and
 * the struct half filled. Strings and lists in it live as long as the answer.
 */
int protocol_answer_read(struct protocol_answer *answer, const struct field_shape *shape,
			 void *to) _must_check_ _nonnull_(1);
/* Whether the value, or its member `name`, is a list: 0 or -EBADMSG. */
int protocol_answer_check_list(struct protocol_answer *answer,
			       const char *name) _must_check_ _nonnull_(1);
/* The same for an element of a list that was read. */
int protocol_answer_read_item(struct protocol_answer *answer,
			      const struct json_value *item,
			      const struct field_shape *shape, void *to) _nonnull_(1);

/* --- what needs more than its table: 0 or -EBADMSG */

/* An event MEMONLINE_PROGRESS: blocks that are still to be seen to. */
int protocol_answer_progress(struct protocol_answer *answer, uint64_t *pending)
	_nonnull_(1);
/* guest-get-memory-block-info; the size is a power of two, at least 1 MiB. */
int protocol_answer_block_size(struct protocol_answer *answer, uint64_t *bytes)
	_nonnull_(1);
/* Elements; start + size is below 2^63, and so is the end of a block of that size. */
int protocol_answer_range(struct protocol_answer *answer, struct message_range *range)
	_nonnull_(1);
int protocol_answer_block(struct protocol_answer *answer, uint64_t block_bytes,
			  struct message_block *block) _nonnull_(1);
/* Where start and size are missing they are 0, and the id is "". */
int protocol_answer_device(struct protocol_answer *answer, struct message_device *device)
	_nonnull_(1);
int protocol_answer_probed(struct protocol_answer *answer, struct message_probed *probed)
	_nonnull_(1);
/* An element of get-reports, or an event MEMONLINE_REPORT. */
int protocol_answer_report(struct protocol_answer *answer, struct message_report *report)
	_nonnull_(1);
int protocol_answer_report_range(struct protocol_answer *answer,
				 const struct json_value *item,
				 struct message_report_range *range) _nonnull_(1);
/* The text of an element that should be one; "unknown" where it is none. */
const char *protocol_word(const struct json_value *value) _nonnull_(1);

#endif
