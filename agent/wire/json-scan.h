/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_JSON_SCAN_H
#define MEMONLINE_JSON_SCAN_H

/*
 * Finds the requests in a stream of bytes, as QEMU's streaming JSON parser does, and checks each
 * one before json-c sees it: json-c merges duplicate keys, clamps integers, takes more than JSON,
 * and its versions differ in that. What comes out is JSON that every version reads alike.
 *
 * A request ends when its braces and brackets balance; no newline is needed. A scalar outside of
 * them is one by itself. Strings may stand in 'single' quotes. A byte that can begin or continue
 * nothing is an error at once; what follows it is passed over up to the next structural or
 * control character but the tab, 0xFE or 0xFF. Any other error is kept until the request ends, so that one
 * request gives one error.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JSON_SCAN_DEPTH_MAX 64

struct json_scan_limits {
	size_t bytes; /* of a request; the rest up to a newline or 0xFF is dropped */
	size_t token; /* bytes of one string or number; likewise */
	size_t kept; /* bytes of what json_scan_text returns */
	size_t values; /* in what json_scan_text returns */
	size_t depth; /* at most JSON_SCAN_DEPTH_MAX */
	size_t elements; /* of one list */
	size_t members; /* of one object */
	/*
	 * A list that is a member of this member of the request, or of an object that is one, is
	 * checked, but comes out empty, so that a long one costs no memory. NULL: none is.
	 */
	const char *bulk;
};

struct json_scan;

enum json_scan_kind {
	JSON_SCAN_OPEN_OBJECT,
	JSON_SCAN_OPEN_LIST,
	JSON_SCAN_STRING,
	JSON_SCAN_INTEGER,
	JSON_SCAN_FLOAT,
	JSON_SCAN_BOOLEAN,
	JSON_SCAN_NULL,
	JSON_SCAN_CLOSE /* an element that is an object is whole */
};

/* What passes by in a list that is not kept. */
struct json_scan_item {
	const char *list; /* its name, or that of the object it lies in; list_len bytes */
	size_t list_len;
	const char *
		sub_list; /* its name in that object, sub_list_len bytes; NULL: in none */
	size_t sub_list_len;
	size_t index; /* of the element */
	const char *
		key; /* of the element's member, key_len bytes; NULL: the element itself */
	size_t key_len;
	const char *
		sub; /* of that member's member, sub_len bytes; NULL: the member itself */
	size_t sub_len;
	enum json_scan_kind kind;
	const char *text; /* of a string, number or boolean */
};
typedef void (*json_scan_item_fn)(const struct json_scan_item *item, void *data);

/* NULL on lack of memory. `limits` is kept, not copied. */
struct json_scan *json_scan_new(const struct json_scan_limits *limits);
void json_scan_free(struct json_scan *scan); /* accepts NULL */
/*
 * `fn` gets the elements of bulk lists, the members of those that are objects, and the members
 * of such members, nothing deeper.
 * Its request may turn out to be an error later on.
 */
void json_scan_watch(struct json_scan *scan, json_scan_item_fn fn, void *data);

enum json_scan_event {
	JSON_SCAN_MORE, /* all bytes taken, no whole request yet */
	JSON_SCAN_OBJECT, /* json_scan_text has it */
	JSON_SCAN_SCALAR, /* a list, string, number or word that stands alone: not kept */
	JSON_SCAN_ERROR /* json_scan_error has the message */
};
/* Takes bytes from *bytes / *len and advances both; stops at each event. */
enum json_scan_event json_scan_feed(struct json_scan *scan, const char **bytes,
				    size_t *len);

/*
 * The request without white space. Strings are in double quotes, in UTF-8 with U+0000 as C0 80
 * (so that they end at their NUL everywhere), and with no other escape than \", \\ and \u00XX.
 * Numbers that are no int64_t are strings of JSON_SCAN_NUMBER and the number's own text: 0xFF
 * stands in no string. Until the next json_scan_feed.
 */
#define JSON_SCAN_NUMBER '\xff'
const char *json_scan_text(const struct json_scan *scan, size_t *len);
/* The whole message, in UTF-8 as far as the request was. Until the next json_scan_feed. */
const char *json_scan_error(const struct json_scan *scan);

/* The digits of an integer up to 2^64 - 1; false, and *number untouched, for all else. */
bool json_scan_uint64(const char *text, uint64_t *number);
/* Whether an item's name, `len` bytes, is `name`. */
bool json_scan_is(const char *bytes, size_t len, const char *name);

/*
 * The next character of UTF-8 (U+0000 as C0 80), or -1 for a sequence that is none: a surrogate,
 * a noncharacter, an overlong or cut one is taken as a whole. Call with *bytes < end.
 */
int32_t json_scan_utf8(const char **bytes, const char *end);

#endif
