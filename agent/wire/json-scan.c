/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/json-scan.h"

#include <stdlib.h>
#include <string.h>

#include "wire/json-grammar.h"
#include "wire/json-lex.h"

struct json_scan {
	struct json_grammar
		grammar; /* what the tokens go to; the one being read is in it */
	enum lex_state state;
	char quote; /* of the string that is being read */
	size_t bytes; /* of the request so far */
	int braces, brackets; /* open ones: whether the request is at its end */
	bool ended; /* the last feed returned an event: begin afresh */
};

struct json_scan *json_scan_new(const struct json_scan_limits *limits)
{
	struct json_scan *scan = calloc(1, sizeof(*scan));

	if (!scan)
		return NULL;
	scan->grammar.limits = limits;
	if (json_grammar_reserve(&scan->grammar))
		return scan;
	json_scan_free(scan);
	return NULL;
}

void json_scan_free(struct json_scan *scan)
{
	if (!scan)
		return;
	json_grammar_clear(&scan->grammar);
	free(scan);
}

void json_scan_watch(struct json_scan *scan, const struct json_scan_watch *watch)
{
	scan->grammar.watch = *watch;
}

void json_scan_limit(struct json_scan *scan, const struct json_scan_limits *limits)
{
	scan->grammar.limits = limits;
}

bool json_scan_is_idle(const struct json_scan *scan)
{
	return scan->ended || !scan->bytes;
}

struct json_value json_scan_value(const struct json_scan *scan)
{
	return json_read(scan->grammar.tape.data);
}

bool json_scan_is_too_much(const struct json_scan *scan)
{
	return scan->grammar.error.data &&
	       strstr(scan->grammar.error.data, "limit exceeded");
}

const char *json_scan_error(const struct json_scan *scan)
{
	if (scan->grammar.error.failed || !scan->grammar.error.data)
		return "Cannot allocate memory";
	return scan->grammar.error.data;
}

/* --- from bytes to tokens */

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
	if (json_grammar_failed(&scan->grammar))
		return JSON_SCAN_ERROR;
	return scan->grammar.is_object ? JSON_SCAN_OBJECT : JSON_SCAN_SCALAR;
}

/* A request over a limit of bytes: that error comes before all others. */
static enum json_scan_event finish_long(struct json_scan *scan)
{
	text_clear(&scan->grammar.error);
	json_grammar_fail(&scan->grammar, "JSON token size limit exceeded", "", 0, "");
	return finish(scan, LEX_DROP);
}

static enum json_scan_event finish_stray(struct json_scan *scan)
{
	size_t len = scan->grammar.token.len;

	/* Only the last byte can be a NUL, and QEMU's message ends there. */
	if (len && !scan->grammar.token.data[len - 1])
		len--;
	text_clear(&scan->grammar.error);
	json_grammar_fail(&scan->grammar, "JSON parse error, stray '",
			  scan->grammar.token.data, len, "'");
	return finish(scan, LEX_RECOVER);
}

static enum json_scan_event finish_token(struct json_scan *scan)
{
	int token = json_lex_tokens[scan->state];

	if (scan->state == LEX_START)
		token = (unsigned char)scan->grammar.token.data[0];
	scan->state = LEX_START;
	count_open(scan, token);
	json_grammar_take(&scan->grammar, token);
	text_clear(&scan->grammar.token);
	return is_balanced(scan) ? finish(scan, LEX_START) : JSON_SCAN_MORE;
}

/* LEX_ENDED: the byte is read again. Only a token's end can be a request's end. */
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
	if (scan->bytes > scan->grammar.limits->bytes)
		return finish_long(scan);
	if (!is_between(next))
		text_append(&scan->grammar.token, &byte, 1);
	if (scan->grammar.token.failed ||
	    scan->grammar.token.len > scan->grammar.limits->token)
		return finish_long(scan);
	if (next == LEX_STRAY)
		return finish_stray(scan);
	if (next == LEX_ENDS)
		return finish_token(scan);
	scan->state = (enum lex_state)next;
	return JSON_SCAN_MORE;
}

static void begin(struct json_scan *scan)
{
	json_grammar_begin(&scan->grammar);
	scan->ended = false;
	scan->braces = 0;
	scan->brackets = 0;
	scan->bytes = 0;
}

void json_scan_reset(struct json_scan *scan)
{
	scan->state = LEX_START;
	scan->ended = true;
}

static bool lengthens(const struct json_scan *scan, unsigned char c)
{
	return c >= 0x20 && c <= 0xfd && c != '\\' && c != (unsigned char)scan->quote;
}

/* The bytes of a string that only lengthen it, all at once. */
static void step_plain(struct json_scan *scan, const char **bytes, size_t *len)
{
	const struct json_scan_limits *limits = scan->grammar.limits;
	size_t room = limits->token - scan->grammar.token.len, plain = 0;

	if (room > limits->bytes - scan->bytes)
		room = limits->bytes - scan->bytes;
	if (room > *len)
		room = *len;
	while (plain < room && lengthens(scan, (unsigned char)(*bytes)[plain]))
		plain++;
	text_append(&scan->grammar.token, *bytes, plain);
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
