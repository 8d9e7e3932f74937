/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/json-scan.h"

#include <stdlib.h>
#include <string.h>

#include "core/text.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define KEEP_SIZE 4096 /* of a buffer from one request to the next */
#define BULK_DEPTH_MAX 4 /* of a list: in an object, in the bulk member, in the request */
#define INT64_MIN_MAGNITUDE ((uint64_t)1 << 63)

enum lex_state {
	LEX_START,
	LEX_STRING,
	LEX_STRING_ESCAPE,
	LEX_MINUS,
	LEX_ZERO,
	LEX_INTEGER,
	LEX_POINT,
	LEX_FRACTION,
	LEX_EXPONENT,
	LEX_EXPONENT_SIGN,
	LEX_EXPONENT_DIGITS,
	LEX_WORD,
	LEX_RECOVER, /* after a stray byte */
	LEX_DROP, /* after a request that was too long */
	LEX_STATES,
	/* Not states, but what a byte does to one: */
	LEX_ENDS = LEX_STATES, /* the token is whole with this byte */
	LEX_ENDED, /* the token was whole before this byte */
	LEX_STRAY /* an error, this byte being part of it */
};

enum token {
	TOKEN_STRING,
	TOKEN_INTEGER,
	TOKEN_FLOAT,
	TOKEN_WORD,
	/* and the structural characters, as themselves */
};

/* What the grammar waits for in an object or list. */
enum expect {
	EXPECT_FIRST_KEY, /* or } */
	EXPECT_KEY,
	EXPECT_COLON,
	EXPECT_VALUE,
	EXPECT_COMMA, /* or } */
	EXPECT_FIRST_ITEM, /* or ] */
	EXPECT_ITEM,
	EXPECT_ITEM_COMMA /* or ] */
};

struct level {
	enum expect expect;
	size_t count; /* of members or items */
	size_t keys; /* where its keys begin in json_scan.keys */
	size_t last_key; /* and where the last of them does */
};

struct json_scan {
	const struct json_scan_limits *limits;
	enum lex_state state;
	char quote; /* of the string that is being read */
	size_t bytes; /* of the request so far */
	struct text token; /* bytes of the token so far */

	bool ended; /* the last feed returned an event: begin afresh */
	bool is_object;
	int braces, brackets; /* open ones: whether the request is at its end */
	size_t depth;
	struct level levels[JSON_SCAN_DEPTH_MAX];
	struct text keys; /* of all open objects, each behind its length */
	bool in_bulk_member;
	size_t bulk_depth; /* of the list that is not kept; 0: in none */
	json_scan_item_fn watch; /* of what is not kept; NULL: nobody */
	void *watch_data;
	size_t values; /* kept so far */
	struct text kept;
	struct text error; /* empty: none so far */
};

struct json_scan *json_scan_new(const struct json_scan_limits *limits)
{
	struct json_scan *scan = calloc(1, sizeof(*scan));

	if (scan)
		scan->limits = limits;
	return scan;
}

void json_scan_free(struct json_scan *scan)
{
	if (!scan)
		return;
	text_free(&scan->token);
	text_free(&scan->keys);
	text_free(&scan->kept);
	text_free(&scan->error);
	free(scan);
}

void json_scan_watch(struct json_scan *scan, json_scan_item_fn fn, void *data)
{
	scan->watch = fn;
	scan->watch_data = data;
}

const char *json_scan_text(const struct json_scan *scan, size_t *len)
{
	*len = scan->kept.len;
	return scan->kept.data;
}

const char *json_scan_error(const struct json_scan *scan)
{
	if (scan->error.failed || !scan->error.data)
		return "Cannot allocate memory";
	return scan->error.data;
}

/* --- errors: the first one stands, and nothing is kept from there on */

static bool has_error(const struct json_scan *scan)
{
	return scan->error.len || scan->error.failed;
}

static void fail_with(struct json_scan *scan, const char *before, const char *bytes,
		      size_t len, const char *after)
{
	text_puts(&scan->error, before);
	text_append(&scan->error, bytes, len);
	text_puts(&scan->error, after);
}

static void fail(struct json_scan *scan, const char *message)
{
	text_puts(&scan->error, message);
}

/* --- small helpers of those who watch */

bool json_scan_uint64(const char *text, uint64_t *number)
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

bool json_scan_is(const char *bytes, size_t len, const char *name)
{
	return strlen(name) == len && memcmp(name, bytes, len) == 0;
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

static bool is_character(int32_t code)
{
	return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) &&
	       (code < 0xfdd0 || code > 0xfdef) && (code & 0xfffe) != 0xfffe;
}

int32_t json_scan_utf8(const char **bytes, const char *end)
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
	return code >= smallest && is_character(code) ? code : -1;
}

static size_t put_utf8(char *out, int32_t code)
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

/* --- strings: decoded in place, since no escape is shorter than what it stands for */

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
static bool decode_unicode(struct json_scan *scan, const char **in, char **out)
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
	if (code < 0 || !is_character(code)) {
		fail_with(scan, "JSON parse error, \\u", start, shown,
			  " is not a valid Unicode character");
		return false;
	}
	*in = start + shown;
	*out += put_utf8(*out, code);
	return true;
}

/* *in stands behind the backslash. */
static bool decode_escape(struct json_scan *scan, const char **in, char **out)
{
	static const char escapes[] = "\"'\\/bfnrt", meant[] = "\"'\\/\b\f\n\r\t";
	char c = *(*in)++;
	const char *at = strchr(escapes, c);

	if (c == 'u')
		return decode_unicode(scan, in, out);
	if (!at) {
		fail(scan, "JSON parse error, invalid escape sequence in string");
		return false;
	}
	*(*out)++ = meant[at - escapes];
	return true;
}

static bool decode_character(struct json_scan *scan, const char **in, const char *end,
			     char **out)
{
	const char *start = *in;

	if (json_scan_utf8(in, end) < 0) {
		fail(scan, "JSON parse error, invalid UTF-8 sequence in string");
		return false;
	}
	memmove(*out, start, (size_t)(*in - start));
	*out += *in - start;
	return true;
}

static bool decode_one(struct json_scan *scan, const char **in, const char *end,
		       char **out)
{
	if (**in != '\\')
		return decode_character(scan, in, end, out);
	(*in)++;
	return decode_escape(scan, in, out);
}

/* The token's content replaces the token. */
static bool decode_string(struct json_scan *scan)
{
	const char *in = scan->token.data + 1;
	const char *end = scan->token.data + scan->token.len - 1;
	char *out = scan->token.data;

	while (in < end)
		if (!decode_one(scan, &in, end, &out))
			return false;
	scan->token.len = (size_t)(out - scan->token.data);
	*out = '\0';
	return true;
}

/* --- what is kept for json-c */

static void keep(struct json_scan *scan, const char *bytes, size_t len)
{
	if (scan->bulk_depth || has_error(scan))
		return;
	if (scan->kept.len + len > scan->limits->kept) {
		fail(scan, "JSON token size limit exceeded");
		return;
	}
	text_append(&scan->kept, bytes, len);
	if (scan->kept.failed)
		fail(scan, "Cannot allocate memory");
}

static void keep_byte(struct json_scan *scan, char c)
{
	keep(scan, &c, 1);
}

static bool needs_escape(unsigned char c)
{
	return c < 0x20 || c == '"' || c == '\\';
}

static void keep_escaped(struct json_scan *scan, unsigned char c)
{
	static const char digits[] = "0123456789abcdef";
	const char escape[] = { '\\', 'u', '0', '0', digits[c >> 4], digits[c & 15] };

	if (c >= 0x20)
		keep_byte(scan, '\\');
	keep(scan, c < 0x20 ? escape : (const char *)&c, c < 0x20 ? sizeof(escape) : 1);
}

static void keep_string(struct json_scan *scan, const char *bytes, size_t len)
{
	const char *end = bytes + len;

	keep_byte(scan, '"');
	while (bytes < end) {
		const char *plain = bytes;

		while (bytes < end && !needs_escape((unsigned char)*bytes))
			bytes++;
		keep(scan, plain, (size_t)(bytes - plain));
		if (bytes < end)
			keep_escaped(scan, (unsigned char)*bytes++);
	}
	keep_byte(scan, '"');
}

static bool fits_int64(const char *text)
{
	bool negative = *text == '-';
	uint64_t limit = negative ? INT64_MIN_MAGNITUDE : INT64_MAX;
	uint64_t number = 0;

	for (text += negative; *text; text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (number > (limit - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	return true;
}

static void keep_number(struct json_scan *scan, enum token token)
{
	if (token == TOKEN_INTEGER && fits_int64(scan->token.data)) {
		keep(scan, scan->token.data, scan->token.len);
		return;
	}
	keep_byte(scan, '"');
	keep_byte(scan, JSON_SCAN_NUMBER);
	keep(scan, scan->token.data, scan->token.len);
	keep_byte(scan, '"');
}

/* --- keys */

static void push_key(struct json_scan *scan, struct level *level)
{
	size_t len = scan->token.len;

	if (scan->depth == 1)
		scan->in_bulk_member = scan->limits->bulk &&
				       strcmp(scan->token.data, scan->limits->bulk) == 0;
	/* What is remembered only to be compared is bounded like what is kept. */
	if (scan->keys.len + sizeof(len) + len > scan->limits->kept) {
		fail(scan, "JSON token size limit exceeded");
		return;
	}
	level->last_key = scan->keys.len;
	text_append(&scan->keys, (const char *)&len, sizeof(len));
	text_append(&scan->keys, scan->token.data, len);
	if (scan->keys.failed)
		fail(scan, "Cannot allocate memory");
}

static const char *key_at(const struct json_scan *scan, size_t at, size_t *len)
{
	memcpy(len, scan->keys.data + at, sizeof(*len));
	return scan->keys.data + at + sizeof(*len);
}

/* Whether the object has its last key twice. */
static bool is_duplicate(const struct json_scan *scan, const struct level *level)
{
	size_t at, len, last_len;
	const char *last = key_at(scan, level->last_key, &last_len);

	for (at = level->keys; at < level->last_key; at += sizeof(len) + len) {
		const char *key = key_at(scan, at, &len);

		if (len == last_len && memcmp(key, last, len) == 0)
			return true;
	}
	return false;
}

/* --- the grammar: one token at a time, until there is an error */

/* Only within a value: depth is not 0. */
static struct level *top(struct json_scan *scan)
{
	return &scan->levels[scan->depth - 1];
}

static void name_list(const struct json_scan *scan, struct json_scan_item *item)
{
	item->list = key_at(scan, scan->levels[1].last_key, &item->list_len);
	if (scan->bulk_depth == BULK_DEPTH_MAX)
		item->sub_list =
			key_at(scan, scan->levels[2].last_key, &item->sub_list_len);
}

/* false where the value is no member of the element, nor of a member of it. */
static bool name_member(const struct json_scan *scan, struct json_scan_item *item)
{
	const struct level *level = &scan->levels[scan->bulk_depth];
	size_t depth = scan->depth - scan->bulk_depth;

	if (depth > 2 || (depth > 0 && level[0].expect != EXPECT_VALUE) ||
	    (depth > 1 && level[1].expect != EXPECT_VALUE))
		return false;
	if (depth > 0)
		item->key = key_at(scan, level[0].last_key, &item->key_len);
	if (depth > 1)
		item->sub = key_at(scan, level[1].last_key, &item->sub_len);
	return true;
}

/* An element of a list that is not kept, or a member of one. */
static void tell(struct json_scan *scan, enum json_scan_kind kind)
{
	struct json_scan_item item;

	if (!scan->watch || !scan->bulk_depth || has_error(scan))
		return;
	memset(&item, 0, sizeof(item));
	if (!name_member(scan, &item))
		return;
	name_list(scan, &item);
	item.index = scan->levels[scan->bulk_depth - 1].count;
	item.kind = kind;
	item.text = scan->token.data;
	scan->watch(&item, scan->watch_data);
}

static void member_done(struct json_scan *scan, struct level *level)
{
	level->expect = EXPECT_COMMA;
	if (is_duplicate(scan, level))
		fail(scan, "JSON parse error, duplicate key");
	else if (++level->count > scan->limits->members)
		fail(scan, "JSON object member limit exceeded");
}

static void item_done(struct json_scan *scan, struct level *level)
{
	level->expect = EXPECT_ITEM_COMMA;
	if (++level->count > scan->limits->elements)
		fail(scan, "JSON list element limit exceeded");
}

/* A value is whole: what it was for is at its next step. */
static void value_done(struct json_scan *scan, bool is_string)
{
	struct level *level = scan->depth ? top(scan) : NULL;

	if (!scan->bulk_depth && ++scan->values > scan->limits->values)
		fail(scan, "JSON token count limit exceeded");
	if (!level || has_error(scan))
		return;
	switch (level->expect) {
	case EXPECT_FIRST_KEY:
	case EXPECT_KEY:
		level->expect = EXPECT_COLON;
		if (is_string)
			push_key(scan, level);
		else
			fail(scan, "JSON parse error, key is not a string in object");
		break;
	case EXPECT_VALUE:
		member_done(scan, level);
		break;
	case EXPECT_FIRST_ITEM:
	case EXPECT_ITEM:
		item_done(scan, level);
		break;
	case EXPECT_COLON:
	case EXPECT_COMMA:
	case EXPECT_ITEM_COMMA:
		break;
	}
}

static bool begins_bulk(const struct json_scan *scan, int c)
{
	size_t i;

	if (c != '[' || scan->bulk_depth || !scan->in_bulk_member || scan->depth < 2 ||
	    scan->depth >= BULK_DEPTH_MAX)
		return false;
	for (i = 1; i < scan->depth; i++)
		if (scan->levels[i].expect != EXPECT_VALUE)
			return false;
	return true;
}

static void open_level(struct json_scan *scan, int c)
{
	struct level *level;
	bool bulk = begins_bulk(scan, c);

	if (scan->depth >= scan->limits->depth || scan->depth >= JSON_SCAN_DEPTH_MAX) {
		fail(scan, "JSON nesting depth limit exceeded");
		return;
	}
	if (!scan->depth)
		scan->is_object = c == '{';
	tell(scan, c == '{' ? JSON_SCAN_OPEN_OBJECT : JSON_SCAN_OPEN_LIST);
	level = &scan->levels[scan->depth++];
	memset(level, 0, sizeof(*level));
	level->expect = c == '{' ? EXPECT_FIRST_KEY : EXPECT_FIRST_ITEM;
	level->keys = scan->keys.len;
	keep_byte(scan, (char)c);
	if (bulk)
		scan->bulk_depth = scan->depth;
}

static void close_level(struct json_scan *scan, int c)
{
	scan->keys.len = top(scan)->keys;
	if (scan->bulk_depth == scan->depth)
		scan->bulk_depth = 0;
	scan->depth--;
	if (c == '}' && scan->depth == scan->bulk_depth)
		tell(scan, JSON_SCAN_CLOSE);
	keep_byte(scan, (char)c);
	value_done(scan, false);
}

static bool is_known_word(const char *word)
{
	static const char *const words[] = { "true", "false", "null" };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++)
		if (strcmp(word, words[i]) == 0)
			return true;
	return false;
}

static void take_word(struct json_scan *scan)
{
	if (!is_known_word(scan->token.data)) {
		fail_with(scan, "JSON parse error, invalid keyword '", scan->token.data,
			  scan->token.len, "'");
		return;
	}
	keep(scan, scan->token.data, scan->token.len);
	tell(scan, scan->token.data[0] == 'n' ? JSON_SCAN_NULL : JSON_SCAN_BOOLEAN);
	value_done(scan, false);
}

static void take_string(struct json_scan *scan)
{
	if (!decode_string(scan))
		return;
	keep_string(scan, scan->token.data, scan->token.len);
	tell(scan, JSON_SCAN_STRING);
	value_done(scan, true);
}

static void take_value(struct json_scan *scan, int token)
{
	switch (token) {
	case '{':
	case '[':
		open_level(scan, token);
		break;
	case TOKEN_STRING:
		take_string(scan);
		break;
	case TOKEN_INTEGER:
	case TOKEN_FLOAT:
		keep_number(scan, (enum token)token);
		tell(scan, token == TOKEN_INTEGER ? JSON_SCAN_INTEGER : JSON_SCAN_FLOAT);
		value_done(scan, false);
		break;
	case TOKEN_WORD:
		take_word(scan);
		break;
	default:
		fail(scan, "JSON parse error, expecting value");
	}
}

/* One token that is neither a value nor the end: `wanted`, and then `next` is expected. */
static void take_mark(struct json_scan *scan, int token, int wanted, enum expect next,
		      const char *message)
{
	if (token != wanted) {
		fail(scan, message);
		return;
	}
	top(scan)->expect = next;
	keep_byte(scan, (char)token);
}

static bool closes(enum expect expect, int token)
{
	if (token == '}')
		return expect == EXPECT_FIRST_KEY || expect == EXPECT_COMMA;
	return token == ']' &&
	       (expect == EXPECT_FIRST_ITEM || expect == EXPECT_ITEM_COMMA);
}

static void take_token(struct json_scan *scan, int token)
{
	enum expect expect = scan->depth ? top(scan)->expect : EXPECT_VALUE;

	if (scan->depth && closes(expect, token)) {
		close_level(scan, token);
		return;
	}
	switch (expect) {
	case EXPECT_COLON:
		take_mark(scan, token, ':', EXPECT_VALUE,
			  "JSON parse error, missing : in object pair");
		break;
	case EXPECT_COMMA:
		take_mark(scan, token, ',', EXPECT_KEY,
			  "JSON parse error, expected separator in dict");
		break;
	case EXPECT_ITEM_COMMA:
		take_mark(scan, token, ',', EXPECT_ITEM,
			  "JSON parse error, expected separator in list");
		break;
	case EXPECT_FIRST_KEY:
	case EXPECT_KEY:
	case EXPECT_VALUE:
	case EXPECT_FIRST_ITEM:
	case EXPECT_ITEM:
		take_value(scan, token);
		break;
	}
}

/* --- the lexer: one byte at a time */

static bool is_digit(unsigned char c)
{
	return c >= '0' && c <= '9';
}

static bool is_lower(unsigned char c)
{
	return c >= 'a' && c <= 'z';
}

static bool is_space(unsigned char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static bool is_structural(unsigned char c)
{
	return c == '{' || c == '}' || c == '[' || c == ']' || c == ':' || c == ',';
}

static int lex_start(struct json_scan *scan, unsigned char c)
{
	if (is_space(c))
		return LEX_START;
	if (is_structural(c))
		return LEX_ENDS;
	if (is_lower(c))
		return LEX_WORD;
	if (is_digit(c))
		return c == '0' ? LEX_ZERO : LEX_INTEGER;
	scan->quote = (char)c;
	if (c == '"' || c == '\'')
		return LEX_STRING;
	return c == '-' ? LEX_MINUS : LEX_STRAY;
}

static int lex_string(struct json_scan *scan, unsigned char c)
{
	if (c < 0x20 || c > 0xfd)
		return LEX_STRAY;
	if (c == (unsigned char)scan->quote)
		return LEX_ENDS;
	return c == '\\' ? LEX_STRING_ESCAPE : LEX_STRING;
}

static int lex_string_escape(struct json_scan *scan, unsigned char c)
{
	(void)scan;
	return c < 0x20 || c > 0xfd ? LEX_STRAY : LEX_STRING;
}

static int lex_minus(struct json_scan *scan, unsigned char c)
{
	(void)scan;
	if (c == '0')
		return LEX_ZERO;
	return is_digit(c) ? LEX_INTEGER : LEX_STRAY;
}

/* QEMU takes no exponent after a bare 0. */
static int lex_zero(struct json_scan *scan, unsigned char c)
{
	(void)scan;
	if (is_digit(c))
		return LEX_STRAY;
	return c == '.' ? LEX_POINT : LEX_ENDED;
}

static int lex_integer(struct json_scan *scan, unsigned char c)
{
	(void)scan;
	if (is_digit(c))
		return LEX_INTEGER;
	if (c == 'e' || c == 'E')
		return LEX_EXPONENT;
	return c == '.' ? LEX_POINT : LEX_ENDED;
}

static int lex_point(struct json_scan *scan, unsigned char c)
{
	(void)scan;
	return is_digit(c) ? LEX_FRACTION : LEX_STRAY;
}

static int lex_fraction(struct json_scan *scan, unsigned char c)
{
	(void)scan;
	if (is_digit(c))
		return LEX_FRACTION;
	return c == 'e' || c == 'E' ? LEX_EXPONENT : LEX_ENDED;
}

static int lex_exponent(struct json_scan *scan, unsigned char c)
{
	(void)scan;
	if (c == '-' || c == '+')
		return LEX_EXPONENT_SIGN;
	return is_digit(c) ? LEX_EXPONENT_DIGITS : LEX_STRAY;
}

static int lex_exponent_sign(struct json_scan *scan, unsigned char c)
{
	(void)scan;
	return is_digit(c) ? LEX_EXPONENT_DIGITS : LEX_STRAY;
}

static int lex_exponent_digits(struct json_scan *scan, unsigned char c)
{
	(void)scan;
	return is_digit(c) ? LEX_EXPONENT_DIGITS : LEX_ENDED;
}

static int lex_word(struct json_scan *scan, unsigned char c)
{
	(void)scan;
	return is_lower(c) ? LEX_WORD : LEX_ENDED;
}

/* QEMU does not count the tab among the control characters here. */
static int lex_recover(struct json_scan *scan, unsigned char c)
{
	(void)scan;
	if (c == '\t')
		return LEX_RECOVER;
	return c < 0x20 || c > 0xfd || is_structural(c) ? LEX_ENDED : LEX_RECOVER;
}

static int lex_drop(struct json_scan *scan, unsigned char c)
{
	(void)scan;
	return c == '\n' || c == 0xff ? LEX_ENDED : LEX_DROP;
}

static int (*const lexers[LEX_STATES])(struct json_scan *scan, unsigned char c) = {
	[LEX_START] = lex_start,
	[LEX_STRING] = lex_string,
	[LEX_STRING_ESCAPE] = lex_string_escape,
	[LEX_MINUS] = lex_minus,
	[LEX_ZERO] = lex_zero,
	[LEX_INTEGER] = lex_integer,
	[LEX_POINT] = lex_point,
	[LEX_FRACTION] = lex_fraction,
	[LEX_EXPONENT] = lex_exponent,
	[LEX_EXPONENT_SIGN] = lex_exponent_sign,
	[LEX_EXPONENT_DIGITS] = lex_exponent_digits,
	[LEX_WORD] = lex_word,
	[LEX_RECOVER] = lex_recover,
	[LEX_DROP] = lex_drop,
};

/* Which token ends in a state; a structural character ends in LEX_START and is its own. */
static const enum token tokens[LEX_STATES] = {
	[LEX_STRING] = TOKEN_STRING,	     [LEX_ZERO] = TOKEN_INTEGER,
	[LEX_INTEGER] = TOKEN_INTEGER,	     [LEX_FRACTION] = TOKEN_FLOAT,
	[LEX_EXPONENT_DIGITS] = TOKEN_FLOAT, [LEX_WORD] = TOKEN_WORD,
};

/* --- both together */

static void count_open(struct json_scan *scan, int token)
{
	scan->braces += (token == '{') - (token == '}');
	scan->brackets += (token == '[') - (token == ']');
}

static bool is_balanced(const struct json_scan *scan)
{
	return scan->braces < 0 || scan->brackets < 0 ||
	       (!scan->braces && !scan->brackets);
}

static enum json_scan_event finish(struct json_scan *scan, enum lex_state next)
{
	scan->state = next;
	scan->ended = true;
	if (has_error(scan))
		return JSON_SCAN_ERROR;
	return scan->is_object ? JSON_SCAN_OBJECT : JSON_SCAN_SCALAR;
}

/* A request over a limit of bytes: its own error, whatever else was wrong with it. */
static enum json_scan_event finish_long(struct json_scan *scan)
{
	text_clear(&scan->error);
	fail(scan, "JSON token size limit exceeded");
	return finish(scan, LEX_DROP);
}

static enum json_scan_event finish_stray(struct json_scan *scan)
{
	size_t len = scan->token.len;

	/* Only the last byte can be a NUL, and QEMU's message ends there. */
	if (len && !scan->token.data[len - 1])
		len--;
	text_clear(&scan->error);
	fail_with(scan, "JSON parse error, stray '", scan->token.data, len, "'");
	return finish(scan, LEX_RECOVER);
}

static enum json_scan_event finish_token(struct json_scan *scan)
{
	int token = tokens[scan->state];

	if (scan->state == LEX_START)
		token = (unsigned char)scan->token.data[0];
	scan->state = LEX_START;
	count_open(scan, token);
	if (!has_error(scan))
		take_token(scan, token);
	text_clear(&scan->token);
	return is_balanced(scan) ? finish(scan, LEX_START) : JSON_SCAN_MORE;
}

/* LEX_ENDED: the byte is looked at again. Only a token's end can be a request's. */
static enum json_scan_event step_back(struct json_scan *scan)
{
	if (scan->state != LEX_RECOVER && scan->state != LEX_DROP)
		return finish_token(scan);
	scan->state = LEX_START;
	return JSON_SCAN_MORE;
}

/* White space, and what is passed over: no part of any token. */
static bool is_between(int next)
{
	return next == LEX_START || next == LEX_RECOVER || next == LEX_DROP;
}

static enum json_scan_event step(struct json_scan *scan, unsigned char c, int next)
{
	char byte = (char)c;

	/* The first byte of a token begins a request; from then on white space counts too. */
	if (scan->bytes || !is_between(next))
		scan->bytes++;
	if (scan->bytes > scan->limits->bytes)
		return finish_long(scan);
	if (!is_between(next))
		text_append(&scan->token, &byte, 1);
	if (scan->token.failed || scan->token.len > scan->limits->token)
		return finish_long(scan);
	if (next == LEX_STRAY)
		return finish_stray(scan);
	if (next == LEX_ENDS)
		return finish_token(scan);
	scan->state = (enum lex_state)next;
	return JSON_SCAN_MORE;
}

static void forget(struct text *text)
{
	if (text->capacity > KEEP_SIZE)
		text_free(text);
	text_clear(text);
}

static void begin(struct json_scan *scan)
{
	forget(&scan->token);
	forget(&scan->keys);
	forget(&scan->kept);
	forget(&scan->error);
	scan->ended = false;
	scan->is_object = false;
	scan->in_bulk_member = false;
	scan->braces = 0;
	scan->brackets = 0;
	scan->bytes = 0;
	scan->depth = 0;
	scan->bulk_depth = 0;
	scan->values = 0;
}

enum json_scan_event json_scan_feed(struct json_scan *scan, const char **bytes,
				    size_t *len)
{
	enum json_scan_event event = JSON_SCAN_MORE;

	if (scan->ended)
		begin(scan);
	while (*len && event == JSON_SCAN_MORE) {
		unsigned char c = (unsigned char)**bytes;
		int next = lexers[scan->state](scan, c);

		if (next == LEX_ENDED) {
			event = step_back(scan);
			continue;
		}
		(*bytes)++;
		(*len)--;
		event = step(scan, c, next);
	}
	return event;
}
