/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/json.h"

#include <string.h>

/* --- values in memory */

void json_put_head(char *at, enum json_kind kind, size_t len)
{
	uint32_t small = (uint32_t)len;

	*at = (char)kind;
	memcpy(at + 1, &small, sizeof(small));
}

struct json_value json_read(const char *at)
{
	struct json_value value = { (enum json_kind) * at, at + JSON_HEAD_SIZE, 0 };
	uint32_t len;

	memcpy(&len, at + 1, sizeof(len));
	value.len = len;
	return value;
}

const char *json_after(const struct json_value *value)
{
	return value->content + value->len + (value->kind < JSON_LIST);
}

struct json_cursor json_content(const struct json_value *value)
{
	bool holds = value->kind >= JSON_LIST;
	struct json_cursor cursor = { holds ? value->content : NULL,
				      holds ? value->content + value->len : NULL };

	return cursor;
}

bool json_next(struct json_cursor *cursor, struct json_value *value)
{
	if (cursor->at == cursor->end)
		return false;
	*value = json_read(cursor->at);
	cursor->at = json_after(value);
	return true;
}

struct json_value json_member(const struct json_value *object, const char *name)
{
	static const struct json_value none = { JSON_NONE, NULL, 0 };
	struct json_cursor cursor = json_content(object);
	struct json_value key, value;
	size_t len = strlen(name);

	if (object->kind != JSON_OBJECT)
		return none;
	while (json_next(&cursor, &key) && json_next(&cursor, &value))
		if (key.len == len && memcmp(key.content, name, len) == 0)
			return value;
	return none;
}

size_t json_count(const struct json_value *list)
{
	struct json_cursor cursor = json_content(list);
	struct json_value value;
	size_t count = 0;

	while (json_next(&cursor, &value))
		count++;
	return count;
}

const char *json_string(const struct json_value *value)
{
	return value->kind == JSON_STRING ? value->content : NULL;
}

/* The digits of an integer up to 2^64 - 1. */
static bool read_digits(const char *text, uint64_t *number)
{
	uint64_t value = 0;

	for (; *text; text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (digit > 9 || value > (UINT64_MAX - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*number = value;
	return true;
}

bool json_uint64(const struct json_value *value, uint64_t *number)
{
	return value->kind == JSON_INTEGER && read_digits(value->content, number);
}

bool json_int64(const struct json_value *value, int64_t *number)
{
	uint64_t magnitude;
	bool negative;

	if (value->kind != JSON_INTEGER)
		return false;
	negative = *value->content == '-';
	if (!read_digits(value->content + negative, &magnitude) ||
	    magnitude > (uint64_t)INT64_MAX + negative)
		return false;
	*number = (int64_t)(negative ? -magnitude : magnitude);
	return true;
}

bool json_boolean(const struct json_value *value, bool *truth)
{
	if (value->kind != JSON_TRUE && value->kind != JSON_FALSE)
		return false;
	*truth = value->kind == JSON_TRUE;
	return true;
}

/* --- UTF-8 */

/* How many bytes a sequence that begins with `lead` has, and the smallest code it may hold. */
static int sequence_length(unsigned char lead, int32_t *code, int32_t *smallest)
{
	static const int32_t least[] = {
		0, 0, 0x80, 0x800, 0x10000, 0x200000, 0x4000000
	};
	int length = 0;

	if (lead < 0x80) {
		*code = lead;
		*smallest = 0;
		return 1;
	}
	while (length < 7 && lead & (0x80 >> length))
		length++;
	if (length < 2 || length > 6)
		return 0;
	*code = lead & (0x7f >> length);
	*smallest = least[length];
	return length;
}

bool json_is_character(int32_t code)
{
	return code >= 0 && code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) &&
	       (code < 0xfdd0 || code > 0xfdef) && (code & 0xfffe) != 0xfffe;
}

int32_t json_utf8(const char **bytes, const char *end)
{
	int32_t code = 0, smallest = 0;
	int rest = sequence_length((unsigned char)*(*bytes)++, &code, &smallest) - 1;
	int taken = 0;

	while (taken < rest && *bytes < end && (**bytes & 0xc0) == 0x80) {
		code = code << 6 | (*(*bytes)++ & 0x3f);
		taken++;
	}
	if (rest < 0 || taken < rest)
		return -1;
	if (code == 0 && rest == 1)
		return 0;
	return code >= smallest && json_is_character(code) ? code : -1;
}

size_t json_to_utf8(char *out, int32_t code)
{
	if (code > 0 && code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	if (code < 0x800) {
		out[0] = (char)(0xc0 | code >> 6);
		out[1] = (char)(0x80 | (code & 0x3f));
		return 2;
	}
	if (code < 0x10000) {
		out[0] = (char)(0xe0 | code >> 12);
		out[1] = (char)(0x80 | (code >> 6 & 0x3f));
		out[2] = (char)(0x80 | (code & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | code >> 18);
	out[1] = (char)(0x80 | (code >> 12 & 0x3f));
	out[2] = (char)(0x80 | (code >> 6 & 0x3f));
	out[3] = (char)(0x80 | (code & 0x3f));
	return 4;
}

/* --- writing */

static void put_hex4(struct text *out, unsigned code)
{
	static const char digits[] = "0123456789ABCDEF";
	const char escape[] = { '\\',
				'u',
				digits[code >> 12 & 15],
				digits[code >> 8 & 15],
				digits[code >> 4 & 15],
				digits[code & 15] };

	text_append(out, escape, sizeof(escape));
}

static void put_character(struct text *out, int32_t code)
{
	static const char escapes[] = "\"\\bfnrt", meant[] = "\"\\\b\f\n\r\t";
	const char *at = code > 0 && code < 0x80 ? strchr(meant, code) : NULL;

	if (at) {
		text_putc(out, '\\');
		text_append(out, &escapes[at - meant], 1);
	} else if (code < 0) {
		put_hex4(out, 0xfffd);
	} else if (code < 0x10000) {
		put_hex4(out, (unsigned)code);
	} else {
		put_hex4(out, 0xd800 + (unsigned)((code - 0x10000) >> 10));
		put_hex4(out, 0xdc00 + (unsigned)(code & 0x3ff));
	}
}

static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

void json_put_escaped(struct text *out, const char *bytes, size_t len)
{
	const char *end = bytes + len;

	while (bytes < end) {
		const char *plain = bytes;

		while (bytes < end && is_plain(*bytes))
			bytes++;
		text_append(out, plain, (size_t)(bytes - plain));
		if (bytes < end)
			put_character(out, json_utf8(&bytes, end));
	}
}

void json_put_string(struct text *out, const char *bytes, size_t len)
{
	text_putc(out, '"');
	json_put_escaped(out, bytes, len);
	text_putc(out, '"');
}

void json_put_int64(struct text *out, int64_t number)
{
	uint64_t magnitude = (uint64_t)number;

	if (number < 0) {
		text_putc(out, '-');
		magnitude = -magnitude;
	}
	text_putu(out, magnitude);
}

bool json_wants_separator(const struct text *out)
{
	char last = '[';

	if (!out->failed && out->len)
		last = out->data[out->len - 1];
	return last != '[' && last != '{';
}

void json_put_separator(struct text *out)
{
	if (json_wants_separator(out))
		text_append(out, ", ", 2);
}

/* NOLINTBEGIN(misc-no-recursion): not deeper than json-scan's limit of depth */
static void put_content(struct text *out, const struct json_value *value)
{
	struct json_cursor cursor = json_content(value);
	struct json_value part;

	text_puts(out, value->kind == JSON_LIST ? "[" : "{");
	while (json_next(&cursor, &part)) {
		json_put_separator(out);
		json_put_value(out, &part);
		if (value->kind == JSON_OBJECT && json_next(&cursor, &part)) {
			text_puts(out, ": ");
			json_put_value(out, &part);
		}
	}
	text_puts(out, value->kind == JSON_LIST ? "]" : "}");
}

void json_put_value(struct text *out, const struct json_value *value)
{
	static const char *const words[] = { "null", "null", "false", "true" };

	if (value->kind >= JSON_LIST)
		put_content(out, value);
	else if (value->kind == JSON_STRING)
		json_put_string(out, value->content, value->len);
	else if (value->kind >= JSON_INTEGER)
		text_append(out, value->content, value->len);
	else
		text_puts(out, words[value->kind]);
}
/* NOLINTEND(misc-no-recursion) */
