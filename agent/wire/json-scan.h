/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_JSON_SCAN_H
#define MEMONLINE_JSON_SCAN_H

/*
 * Finds the requests, or replies, in a stream of bytes, as QEMU's streaming JSON parser does,
 * checks each one and bounds it. What comes out are values as json.h has them.
 *
 * A request ends when its braces and brackets balance; no newline is needed. A scalar outside of
 * them is one by itself. Strings may stand in 'single' quotes. A byte that can begin or continue
 * nothing is an error at once; what follows it is passed over up to the next structural or
 * control character but the tab, 0xFE or 0xFF. Any other error is kept until the request ends, so that one
 * request gives one error.
 */

#include "core/contract.h"
#include "wire/json.h"

#define JSON_SCAN_DEPTH_MAX 64

struct json_scan_limits {
	size_t bytes; /* of a request; the rest up to a newline or 0xFF is dropped */
	size_t token; /* bytes of one string or number; likewise */
	size_t kept; /* bytes of memory for values: of a request, of an element of a bulk list */
	size_t values; /* keys too, but not those in bulk lists */
	size_t depth; /* at most JSON_SCAN_DEPTH_MAX */
	size_t elements; /* of one list */
	size_t members; /* of one object */
	/*
	 * A list within this member of the request is a bulk list where so many objects, or one
	 * more, stand around it and nothing else: its elements are passed on one by one, and it
	 * comes out empty, so that a long one costs no memory. NULL: none is.
	 */
	const char *bulk;
	size_t bulk_depth;
};

struct json_scan;

/* An element of a bulk list. What it points to is gone after the call. */
struct json_scan_element {
	/* Of the member in the bulk member, and the one in that, that the list is; NULL: none. */
	const char *names[2];
	size_t index;
	struct json_value value;
};

struct json_scan_token {
	enum json_kind kind;
	bool closes; /* the list or object; else it begins, or is a scalar */
	bool is_key;
	bool in_bulk_member; /* the member of that name, or its key */
	size_t depth; /* objects and lists around it */
	const char *content; /* of a scalar, len bytes */
	size_t len;
};

/* Who gets what passes by, or NULL. The request may turn out to be an error later on. */
struct json_scan_watch {
	void (*element)(const struct json_scan_element *element, void *data);
	void (*token)(const struct json_scan_token *token, void *data);
	void *data;
};

/* NULL on lack of memory. `limits` is kept, not copied. */
struct json_scan *json_scan_new(const struct json_scan_limits *limits) _must_check_
	_nonnull_(1);
void json_scan_free(struct json_scan *scan); /* accepts NULL */
void json_scan_watch(struct json_scan *scan, const struct json_scan_watch *watch)
	_nonnull_(1);
/* Other limits, for what comes after an event. */
void json_scan_limit(struct json_scan *scan, const struct json_scan_limits *limits)
	_nonnull_(1);

enum json_scan_event {
	JSON_SCAN_MORE, /* all bytes taken, no whole request yet */
	JSON_SCAN_OBJECT, /* json_scan_value has it */
	JSON_SCAN_SCALAR, /* a list, string, number or literal that stands alone */
	JSON_SCAN_ERROR /* json_scan_error has the message */
};
/* Takes bytes from *bytes / *len and advances both; stops at each event. */
enum json_scan_event json_scan_feed(struct json_scan *scan, const char **bytes,
				    size_t *len) _nonnull_(1);

/* Forgets what there is of a request: what comes next begins one. */
void json_scan_reset(struct json_scan *scan) _nonnull_(1);
/* Whether nothing of a request was taken yet. */
bool json_scan_is_idle(const struct json_scan *scan) _nonnull_(1);

/* The request, after JSON_SCAN_OBJECT and JSON_SCAN_SCALAR. Until the next json_scan_feed. */
struct json_value json_scan_value(const struct json_scan *scan) _nonnull_(1);
/* Whether the error is that a limit was reached. */
bool json_scan_is_too_much(const struct json_scan *scan) _nonnull_(1);
/* The whole message, in UTF-8 as far as the request was. Until the next json_scan_feed. */
const char *json_scan_error(const struct json_scan *scan) _nonnull_(1);

#endif
