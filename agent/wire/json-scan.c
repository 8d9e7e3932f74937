/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/json-scan.h"

#include <stdlib.h>
#include <string.h>

#include "wire/json-lex.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define KEEP_SIZE 4096 /* of a buffer from one request to the next */

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
	size_t head; /* of the object or list, in json_scan.tape */
	size_t last_key; /* of the object, likewise */
};

struct json_scan {
	const struct json_scan_limits *limits;
	struct json_scan_watch watch;
	enum lex_state state;
	char quote; /* of the string that is being read */
	size_t bytes; /* of the request so far */
	struct text token; /* bytes of the token so far */

	bool ended; /* the last feed returned an event: begin afresh */
	bool is_object;
	int braces, brackets; /* open ones: whether the request is at its end */
	size_t depth;
	struct level levels[JSON_SCAN_DEPTH_MAX];
	bool in_bulk_member;
	size_t bulk_depth; /* of the list whose elements are not kept; 0: in none */
	size_t values; /* kept so far */
	struct text tape; /* the values, as json.h has them */
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
	text_free(&scan->tape);
	text_free(&scan->error);
	free(scan);
}

void json_scan_watch(struct json_scan *scan, const struct json_scan_watch *watch)
{
	scan->watch = *watch;
}

void json_scan_limit(struct json_scan *scan, const struct json_scan_limits *limits)
{
	scan->limits = limits;
}

bool json_scan_is_idle(const struct json_scan *scan)
{
	return scan->ended || !scan->bytes;
}

struct json_value json_scan_value(const struct json_scan *scan)
{
	return json_read(scan->tape.data);
}

bool json_scan_is_too_much(const struct json_scan *scan)
{
	return scan->error.data && strstr(scan->error.data, "limit exceeded");
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
	if (has_error(scan))
		return;
	text_puts(&scan->error, before);
	text_append(&scan->error, bytes, len);
	text_puts(&scan->error, after);
}

static void fail(struct json_scan *scan, const char *message)
{
	fail_with(scan, message, "", 0, "");
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
	if (!json_is_character(code)) {
		fail_with(scan, "JSON parse error, \\u", start, shown,
			  " is not a valid Unicode character");
		return false;
	}
	*in = start + shown;
	*out += json_to_utf8(*out, code);
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

	if (json_utf8(in, end) < 0) {
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

/* --- what is kept: values, one behind the other, and the objects and lists around them */

/* Only within a value: depth is not 0. */
static struct level *top(struct json_scan *scan)
{
	return &scan->levels[scan->depth - 1];
}

static void keep(struct json_scan *scan, enum json_kind kind, const char *bytes,
		 size_t len)
{
	char head[JSON_HEAD_SIZE];

	if (has_error(scan))
		return;
	if (scan->tape.len + sizeof(head) + len + 1 > scan->limits->kept) {
		fail(scan, "JSON token size limit exceeded");
		return;
	}
	json_put_head(head, kind, len);
	text_append(&scan->tape, head, sizeof(head));
	/* With the NUL that text_append puts behind it, or that of a literal. */
	if (kind < JSON_LIST)
		text_append(&scan->tape, len ? bytes : "", len + 1);
	if (scan->tape.failed)
		fail(scan, "Cannot allocate memory");
}

static struct json_value value_at(const struct json_scan *scan, size_t at)
{
	return json_read(scan->tape.data + at);
}

/* Whether the object has its last key twice. */
static bool is_duplicate(const struct json_scan *scan, const struct level *level)
{
	struct json_value last = value_at(scan, level->last_key);
	const char *at = scan->tape.data + level->head + JSON_HEAD_SIZE;
	const char *end = scan->tape.data + level->last_key;

	while (at < end) {
		struct json_value key = json_read(at), value;

		if (key.len == last.len &&
		    memcmp(key.content, last.content, key.len) == 0)
			return true;
		value = json_read(json_after(&key));
		at = json_after(&value);
	}
	return false;
}

/* --- what those who watch get */

static void show(struct json_scan *scan, enum json_kind kind, bool closes)
{
	enum expect expect = scan->depth ? top(scan)->expect : EXPECT_VALUE;
	bool is_key = !closes && (expect == EXPECT_FIRST_KEY || expect == EXPECT_KEY);
	struct json_scan_token token = { kind,		 closes,
					 is_key,	 scan->in_bulk_member,
					 scan->depth,	 scan->token.data,
					 scan->token.len };

	if (!scan->watch.token || has_error(scan))
		return;
	scan->watch.token(&token, scan->watch.data);
}

/* The element that is whole now is nobody's from here on. */
static void pass_on(struct json_scan *scan, const struct level *list)
{
	size_t at = list->head + JSON_HEAD_SIZE, i;
	struct json_scan_element element = { { NULL, NULL }, list->count - 1, { 0 } };

	for (i = 1; i + 1 < scan->depth; i++)
		element.names[i - 1] = value_at(scan, scan->levels[i].last_key).content;
	element.value = value_at(scan, at);
	if (scan->watch.element)
		scan->watch.element(&element, scan->watch.data);
	scan->tape.len = at;
}

/* --- the grammar: one token at a time, until there is an error */

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
	else if (scan->bulk_depth == scan->depth)
		pass_on(scan, level);
}

static void key_done(struct json_scan *scan, struct level *level, size_t at)
{
	struct json_value key = value_at(scan, at);

	level->expect = EXPECT_COLON;
	level->last_key = at;
	if (key.kind != JSON_STRING)
		fail(scan, "JSON parse error, key is not a string in object");
	else if (scan->depth == 1)
		scan->in_bulk_member = scan->limits->bulk &&
				       strcmp(key.content, scan->limits->bulk) == 0;
}

/* The value that begins `at` is whole: what it was for is at its next step. */
static void value_done(struct json_scan *scan, size_t at)
{
	struct level *level = scan->depth ? top(scan) : NULL;

	if (!scan->bulk_depth && ++scan->values > scan->limits->values)
		fail(scan, "JSON token count limit exceeded");
	if (!level || has_error(scan))
		return;
	switch (level->expect) {
	case EXPECT_FIRST_KEY:
	case EXPECT_KEY:
		key_done(scan, level, at);
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

	if (c != '[' || scan->bulk_depth || !scan->in_bulk_member ||
	    scan->depth < scan->limits->bulk_depth ||
	    scan->depth > scan->limits->bulk_depth + 1)
		return false;
	for (i = 1; i < scan->depth; i++)
		if (scan->levels[i].expect != EXPECT_VALUE)
			return false;
	return true;
}

static void open_level(struct json_scan *scan, int c)
{
	enum json_kind kind = c == '{' ? JSON_OBJECT : JSON_LIST;
	struct level *level;
	bool bulk = begins_bulk(scan, c);

	if (scan->depth >= scan->limits->depth || scan->depth >= JSON_SCAN_DEPTH_MAX) {
		fail(scan, "JSON nesting depth limit exceeded");
		return;
	}
	if (!scan->depth)
		scan->is_object = kind == JSON_OBJECT;
	show(scan, kind, false);
	level = &scan->levels[scan->depth++];
	memset(level, 0, sizeof(*level));
	level->expect = c == '{' ? EXPECT_FIRST_KEY : EXPECT_FIRST_ITEM;
	level->head = scan->tape.len;
	keep(scan, kind, NULL, 0);
	if (bulk)
		scan->bulk_depth = scan->depth;
}

static void close_level(struct json_scan *scan)
{
	size_t at = top(scan)->head;
	struct json_value value = value_at(scan, at);

	json_put_head(scan->tape.data + at, value.kind,
		      scan->tape.len - at - JSON_HEAD_SIZE);
	if (scan->bulk_depth == scan->depth)
		scan->bulk_depth = 0;
	scan->depth--;
	show(scan, value.kind, true);
	value_done(scan, at);
}

static void take_scalar(struct json_scan *scan, enum json_kind kind)
{
	size_t at = scan->tape.len;

	show(scan, kind, false);
	keep(scan, kind, scan->token.data, scan->token.len);
	value_done(scan, at);
}

static void take_word(struct json_scan *scan)
{
	static const struct {
		const char *word;
		enum json_kind kind;
	} words[] = { { "null", JSON_NULL },
		      { "false", JSON_FALSE },
		      { "true", JSON_TRUE } };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(scan->token.data, words[i].word) == 0) {
			take_scalar(scan, words[i].kind);
			return;
		}
	}
	fail_with(scan, "JSON parse error, invalid keyword '", scan->token.data,
		  scan->token.len, "'");
}

/* QEMU has no negative zero among its integers. */
static void take_integer(struct json_scan *scan)
{
	if (strcmp(scan->token.data, "-0") == 0)
		text_consume(&scan->token, 1);
	take_scalar(scan, JSON_INTEGER);
}

static void take_value(struct json_scan *scan, int token)
{
	switch (token) {
	case '{':
	case '[':
		open_level(scan, token);
		break;
	case TOKEN_STRING:
		if (decode_string(scan))
			take_scalar(scan, JSON_STRING);
		break;
	case TOKEN_INTEGER:
		take_integer(scan);
		break;
	case TOKEN_FLOAT:
		take_scalar(scan, JSON_FLOAT);
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
		close_level(scan);
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
	int token = json_lex_tokens[scan->state];

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
	forget(&scan->tape);
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

static bool lengthens(const struct json_scan *scan, unsigned char c)
{
	return c >= 0x20 && c <= 0xfd && c != '\\' && c != (unsigned char)scan->quote;
}

/* The bytes of a string that only lengthen it, all at once. */
static void step_plain(struct json_scan *scan, const char **bytes, size_t *len)
{
	const struct json_scan_limits *limits = scan->limits;
	size_t room = limits->token - scan->token.len, plain = 0;

	if (room > limits->bytes - scan->bytes)
		room = limits->bytes - scan->bytes;
	if (room > *len)
		room = *len;
	while (plain < room && lengthens(scan, (unsigned char)(*bytes)[plain]))
		plain++;
	text_append(&scan->token, *bytes, plain);
	scan->bytes += plain;
	*bytes += plain;
	*len -= plain;
}

enum json_scan_event json_scan_feed(struct json_scan *scan, const char **bytes,
				    size_t *len)
{
	enum json_scan_event event = JSON_SCAN_MORE;

	if (scan->ended)
		begin(scan);
	while (*len && event == JSON_SCAN_MORE) {
		unsigned char c;
		int next;

		if (scan->state == LEX_STRING)
			step_plain(scan, bytes, len);
		if (!*len)
			break;
		c = (unsigned char)**bytes;
		next = json_lex(scan->state, &scan->quote, c);

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
