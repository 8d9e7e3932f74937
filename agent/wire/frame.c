/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/frame.h"

#include <stdlib.h>
#include <string.h>

#include "wire/json-scan.h"

#define TOKEN_MAX (2 + 6 * FRAME_NAME_MAX) /* quotes, and each character as \uXXXX */
#define KEEP_SIZE 4096 /* of a buffer from one request to the next */

struct frame {
	enum lex_state state;
	char quote;
	bool is_open; /* within a request */
	bool is_named; /* its command is known, or that it has none */
	bool is_over; /* FRAME_ENDED is to be returned next */
	bool is_passed;
	bool is_broken;
	size_t bytes, tokens;
	int braces, brackets; /* open ones */
	struct text held;

	/* Of the request's own members. */
	enum { AT_KEY, AT_COLON, AT_VALUE, AT_COMMA } at;
	bool key_is_execute, key_is_id;
	char token[TOKEN_MAX]; /* a string of them; not kept where it is longer */
	size_t token_len;
	bool is_known; /* `name` is the command's */
	char name[FRAME_NAME_MAX + 1];
	struct text id; /* as it came; failed: not to be had */
	bool in_id;
};

struct frame *frame_new(void)
{
	return calloc(1, sizeof(struct frame));
}

void frame_free(struct frame *frame)
{
	if (!frame)
		return;
	text_free(&frame->held);
	text_free(&frame->id);
	free(frame);
}

const char *frame_command(const struct frame *frame)
{
	return frame->is_known ? frame->name : NULL;
}

bool frame_is_broken(const struct frame *frame)
{
	return frame->is_broken;
}

void frame_pass(struct frame *frame)
{
	frame->is_passed = true;
}

void frame_take_held(struct frame *frame, struct text *out)
{
	*out = frame->held;
	frame->held = (struct text)TEXT_INIT;
}

/* --- one value by json-scan, which knows strings and all else */

static const struct json_scan_limits limits = {
	.bytes = FRAME_ID_MAX + 1,
	.token = FRAME_ID_MAX + 1,
	.kept = 2UL * FRAME_ID_MAX * JSON_HEAD_SIZE,
	.values = FRAME_ID_MAX,
	.depth = 16,
	.elements = FRAME_ID_MAX,
	.members = 128,
};

/* A newline ends a number or word. NULL where it is none; the scan is the caller's. */
static struct json_scan *scan_value(const char *bytes, size_t len)
{
	struct json_scan *scan = json_scan_new(&limits);
	const char *newline = "\n";
	size_t one = 1;
	enum json_scan_event event;

	if (!scan)
		return NULL;
	event = json_scan_feed(scan, &bytes, &len);
	if (event == JSON_SCAN_MORE)
		event = json_scan_feed(scan, &newline, &one);
	if (event == JSON_SCAN_OBJECT || event == JSON_SCAN_SCALAR)
		return scan;
	json_scan_free(scan);
	return NULL;
}

bool frame_put_id(const struct frame *frame, struct text *out)
{
	struct json_scan *scan;
	struct json_value value;

	if (!frame->id.len || frame->id.failed)
		return false;
	scan = scan_value(frame->id.data, frame->id.len);
	if (!scan)
		return false;
	value = json_scan_value(scan);
	json_put_value(out, &value);
	json_scan_free(scan);
	return true;
}

/* --- the request's own members */

/* The string of the token; *content lives as long as the scan, which is the caller's. */
static struct json_scan *scan_string(const struct frame *frame, const char **content)
{
	struct json_scan *scan = NULL;
	struct json_value value;

	if (frame->token_len <= sizeof(frame->token))
		scan = scan_value(frame->token, frame->token_len);
	if (!scan)
		return NULL;
	value = json_scan_value(scan);
	*content = json_string(&value);
	return scan;
}

static void take_key(struct frame *frame)
{
	const char *key = "";
	struct json_scan *scan = scan_string(frame, &key);

	frame->key_is_execute = scan && strcmp(key, "execute") == 0;
	frame->key_is_id = scan && strcmp(key, "id") == 0;
	json_scan_free(scan);
}

/* A second one is a duplicate key, an error that whoever has the request finds. */
static enum frame_event take_name(struct frame *frame)
{
	const char *name = "";
	struct json_scan *scan = scan_string(frame, &name);
	size_t len = strlen(name);

	frame->is_known = scan && len <= FRAME_NAME_MAX;
	if (frame->is_known)
		memcpy(frame->name, name, len + 1);
	json_scan_free(scan);
	frame->is_named = true;
	return FRAME_NAMED;
}

static enum frame_event take_member(struct frame *frame, int token)
{
	bool is_string = token == TOKEN_STRING;

	if (token == ',') {
		frame->at = AT_KEY;
	} else if (token == ':') {
		frame->at = AT_VALUE;
		frame->in_id = frame->key_is_id;
	} else if (frame->at == AT_KEY && is_string) {
		take_key(frame);
		frame->at = AT_COLON;
	} else if (frame->at == AT_VALUE) {
		frame->at = AT_COMMA;
		if (frame->key_is_execute && is_string && !frame->is_named)
			return take_name(frame);
	}
	return FRAME_MORE;
}

/* --- requests */

static bool is_own_level(const struct frame *frame)
{
	return frame->braces == 1 && !frame->brackets;
}

static void begin(struct frame *frame)
{
	if (frame->held.capacity > KEEP_SIZE)
		text_free(&frame->held);
	text_clear(&frame->held);
	text_clear(&frame->id);
	frame->is_open = true;
	frame->is_named = frame->is_known = frame->is_passed = false;
	frame->is_broken = frame->in_id = false;
	frame->bytes = frame->tokens = 0;
	frame->braces = frame->brackets = 0;
	frame->at = AT_COMMA;
	frame->key_is_execute = frame->key_is_id = false;
	frame->token_len = 0;
}

static enum frame_event end(struct frame *frame, enum lex_state next, bool is_broken)
{
	frame->state = next;
	frame->is_open = false;
	frame->is_broken = is_broken;
	frame->in_id = false;
	if (frame->is_named)
		return FRAME_ENDED;
	frame->is_named = true;
	frame->is_over = true;
	return FRAME_NAMED;
}

void frame_reset(struct frame *frame)
{
	frame_drop(frame);
	frame->state = LEX_START;
}

void frame_drop(struct frame *frame)
{
	frame->state = LEX_DROP;
	frame->is_open = false;
	frame->is_over = false;
}

static bool is_balanced(const struct frame *frame)
{
	return frame->braces < 0 || frame->brackets < 0 ||
	       (!frame->braces && !frame->brackets);
}

static enum frame_event finish_token(struct frame *frame, int token)
{
	enum frame_event event = FRAME_MORE;

	frame->state = LEX_START;
	frame->tokens++;
	/* The request's own brace, and one that closes a value of it, are no members. */
	if (is_own_level(frame))
		event = take_member(frame, token);
	frame->braces += (token == '{') - (token == '}');
	frame->brackets += (token == '[') - (token == ']');
	if (token == '{' && frame->tokens == 1)
		frame->at = AT_KEY;
	frame->token_len = 0;
	return is_balanced(frame) ? end(frame, LEX_START, false) : event;
}

static void note_id(struct frame *frame, const char *byte)
{
	bool ends = is_own_level(frame) && frame->state == LEX_START &&
		    (*byte == ',' || *byte == '}');

	frame->in_id = frame->in_id && !ends;
	if (!frame->in_id)
		return;
	text_append(&frame->id, byte, 1);
	if (frame->id.len > FRAME_ID_MAX)
		frame->id.failed = true;
}

static void note_token(struct frame *frame, char byte)
{
	if (frame->token_len < sizeof(frame->token))
		frame->token[frame->token_len] = byte;
	frame->token_len++;
}

static bool is_too_much(const struct frame *frame)
{
	return frame->bytes > FRAME_BYTES_MAX || frame->tokens > FRAME_TOKENS_MAX ||
	       frame->braces + frame->brackets > FRAME_DEPTH_MAX ||
	       (frame->is_named && frame->key_is_execute && frame->at == AT_COLON);
}

/* White space, and what is passed over: no part of any token. */
static bool is_between(int next)
{
	return next == LEX_START || next == LEX_RECOVER || next == LEX_DROP;
}

static enum frame_event step(struct frame *frame, char byte, int next)
{
	if (!frame->is_open && is_between(next)) {
		frame->state = (enum lex_state)next;
		return FRAME_MORE;
	}
	if (!frame->is_open)
		begin(frame);
	frame->bytes++;
	if (!frame->is_named)
		text_append(&frame->held, &byte, 1);
	note_id(frame, &byte);
	if (!is_between(next))
		note_token(frame, byte);
	if (frame->is_passed && is_too_much(frame))
		return end(frame, LEX_DROP, true);
	if (next == LEX_STRAY)
		return end(frame, LEX_RECOVER, true);
	if (next == LEX_ENDS)
		return finish_token(frame,
				    frame->state == LEX_STRING ? TOKEN_STRING : byte);
	frame->state = (enum lex_state)next;
	return FRAME_MORE;
}

/* LEX_ENDED: the byte is looked at again. */
static enum frame_event step_back(struct frame *frame)
{
	if (frame->state != LEX_RECOVER && frame->state != LEX_DROP)
		return finish_token(frame, json_lex_tokens[frame->state]);
	frame->state = LEX_START;
	return FRAME_MORE;
}

/* Whoever has a request that is too long to be held finds out what is wrong with it. */
static bool is_held_up(struct frame *frame)
{
	if (frame->is_named || !frame->is_open ||
	    (frame->held.len < FRAME_HELD_MAX && !frame->held.failed))
		return false;
	frame->is_named = true;
	return true;
}

enum frame_event frame_feed(struct frame *frame, const char **bytes, size_t *len)
{
	enum frame_event event = frame->is_over ? FRAME_ENDED : FRAME_MORE;

	frame->is_over = false;
	while (*len && event == FRAME_MORE) {
		int next = json_lex(frame->state, &frame->quote, (unsigned char)**bytes);

		if (next == LEX_ENDED) {
			event = step_back(frame);
			continue;
		}
		event = step(frame, **bytes, next);
		(*bytes)++;
		(*len)--;
		if (event == FRAME_MORE && is_held_up(frame))
			event = FRAME_NAMED;
	}
	return event;
}
