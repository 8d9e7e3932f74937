/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_JSON_H
#define MEMONLINE_JSON_H

/*
 * JSON values: read from the flat bytes that json-scan made of checked text, written as ASCII.
 * Nothing here allocates but what is written to.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/contract.h"
#include "core/text.h"

enum json_kind {
	JSON_NONE, /* no value at all: a member that is not there */
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_INTEGER,
	JSON_FLOAT,
	JSON_STRING,
	JSON_LIST,
	JSON_OBJECT
};

/*
 * Points into bytes of somebody else. In them each value is its kind in one byte, the length of
 * its content in four (json_put_head), the content, and for a scalar a NUL. The content of a
 * list is its elements, that of an object its keys and values by turns; that of a number its
 * own text; that of a string UTF-8 with U+0000 as C0 80, so that it ends at its NUL.
 */
struct json_value {
	enum json_kind kind;
	const char *content;
	size_t len;
};

#define JSON_HEAD_SIZE 5
/* Writes the head of a value to `at`; `len` is below 2^32. */
void json_put_head(char *at, enum json_kind kind, size_t len);
/* The value that begins at `at`. */
struct json_value json_read(const char *at);
/* Where the next value begins. */
const char *json_after(const struct json_value *value) _nonnull_(1);

/* The rest of a list, or of an object: key, value, key, value… */
struct json_cursor {
	const char *at, *end;
};
/* Empty where the value is neither. */
struct json_cursor json_content(const struct json_value *value) _nonnull_(1);
/* false at the end. */
bool json_next(struct json_cursor *cursor, struct json_value *value) _nonnull_(1);

/* JSON_NONE if the member is missing, or it is not an object. */
struct json_value json_member(const struct json_value *object, const char *name)
	_nonnull_(1);
size_t json_count(const struct json_value *list) _nonnull_(1);
/* NULL if it is not a string. */
const char *json_string(const struct json_value *value) _nonnull_(1);
/* false, and *number untouched, if it is not an integer of that range. */
bool json_int64(const struct json_value *value, int64_t *number) _nonnull_(1);
bool json_uint64(const struct json_value *value, uint64_t *number) _nonnull_(1);
bool json_boolean(const struct json_value *value, bool *truth) _nonnull_(1);

/*
 * The next character of UTF-8 (U+0000 as C0 80), or -1 for a sequence that is none: a surrogate,
 * a noncharacter, an overlong or cut one is taken as a whole. Call with *bytes < end.
 */
int32_t json_utf8(const char **bytes, const char *end);
/* Whether UTF-8 may hold it: no surrogate, no noncharacter. */
bool json_is_character(int32_t code);
/* Its bytes in `out`, at most four; their count. */
size_t json_to_utf8(char *out, int32_t code);

/* All in ASCII, on one line. Bytes that are not UTF-8 become U+FFFD. */
void json_put_string(struct text *out, const char *bytes, size_t len) _nonnull_(1);
/* The same, without the quotes. */
void json_put_escaped(struct text *out, const char *bytes, size_t len) _nonnull_(1);
void json_put_int64(struct text *out, int64_t number) _nonnull_(1);
void json_put_value(struct text *out, const struct json_value *value) _nonnull_(1);
/* ", " before an element or a member, unless it is the first one in its list or object. */
void json_put_separator(struct text *out) _nonnull_(1);
/* Whether json_put_separator would write it here. */
bool json_wants_separator(const struct text *out) _nonnull_(1);

#endif
