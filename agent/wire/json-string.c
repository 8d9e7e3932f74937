/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/json-string.h"

#include <string.h>

#include "wire/json.h"

static int hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = c ? strchr(digits, c >= 'A' && c <= 'F' ? c + ('a' - 'A') : c)
			   : NULL;

	return at ? (int)(at - digits) : -1;
}

/* The code of four hex digits, or -1. The closing quote, no digit, bounds it. */
static int32_t hex_code(const char *digits)
{
	int32_t code = 0;
	int i;

	for (i = 0; i < 4; i++) {
		int value = hex_value(digits[i]);

		if (value < 0)
			return -1;
		code = code << 4 | value;
	}
	return code;
}

static bool is_leading_surrogate(int32_t code)
{
	return code >= 0xd800 && code <= 0xdbff;
}

static bool is_trailing_surrogate(int32_t code)
{
	return code >= 0xdc00 && code <= 0xdfff;
}

/* *in stands behind \u. The message shows what was read, as QEMU's does. */
static bool decode_unicode(const char **in, char **out, struct text *error)
{
	const char *start = *in;
	size_t shown = strnlen(start, 4);
	int32_t code = hex_code(start);

	if (is_leading_surrogate(code) && start[4] == '\\' && start[5] == 'u') {
		int32_t second = hex_code(start + 6);

		if (is_trailing_surrogate(second)) {
			code = 0x10000 + ((code & 0x3ff) << 10 | (second & 0x3ff));
			shown = 10;
		}
	}
	if (!json_is_character(code)) {
		text_puts(error, "JSON parse error, \\u");
		text_append(error, start, shown);
		text_puts(error, " is not a valid Unicode character");
		return false;
	}
	*in = start + shown;
	*out += json_to_utf8(*out, code);
	return true;
}

/* *in stands behind the backslash. */
static bool decode_escape(const char **in, char **out, struct text *error)
{
	static const char escapes[] = "\"'\\/bfnrt", meant[] = "\"'\\/\b\f\n\r\t";
	char c = *(*in)++;
	const char *at = strchr(escapes, c);

	if (c == 'u')
		return decode_unicode(in, out, error);
	if (!at) {
		text_puts(error, "JSON parse error, invalid escape sequence in string");
		return false;
	}
	*(*out)++ = meant[at - escapes];
	return true;
}

static bool decode_character(const char **in, const char *end, char **out,
			     struct text *error)
{
	const char *start = *in;

	if (json_utf8(in, end) < 0) {
		text_puts(error, "JSON parse error, invalid UTF-8 sequence in string");
		return false;
	}
	memmove(*out, start, (size_t)(*in - start));
	*out += *in - start;
	return true;
}

static bool decode_one(const char **in, const char *end, char **out, struct text *error)
{
	if (**in != '\\')
		return decode_character(in, end, out, error);
	(*in)++;
	return decode_escape(in, out, error);
}

bool json_decode_string(struct text *token, struct text *error)
{
	const char *in = token->data + 1;
	const char *end = token->data + token->len - 1;
	char *out = token->data;

	while (in < end)
		if (!decode_one(&in, end, &out, error))
			return false;
	token->len = (size_t)(out - token->data);
	*out = '\0';
	return true;
}
