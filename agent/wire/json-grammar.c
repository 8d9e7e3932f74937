/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/json-grammar.h"

#include <string.h>

#include "wire/json-string.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define KEEP_SIZE 4096 /* of a buffer from one request to the next */
#define FIRST_SIZE 512 /* of a buffer: short requests are read where memory is short */

bool json_grammar_reserve(struct json_grammar *grammar)
{
	return text_reserve(&grammar->token, FIRST_SIZE) == 0 &&
	       text_reserve(&grammar->tape, FIRST_SIZE) == 0 &&
	       text_reserve(&grammar->error, FIRST_SIZE) == 0;
}

void json_grammar_begin(struct json_grammar *grammar)
{
	text_shrink(&grammar->token, KEEP_SIZE);
	text_shrink(&grammar->tape, KEEP_SIZE);
	text_shrink(&grammar->error, KEEP_SIZE);
	grammar->is_object = false;
	grammar->in_bulk_member = false;
	grammar->depth = 0;
	grammar->bulk_depth = 0;
	grammar->values = 0;
}

void json_grammar_clear(struct json_grammar *grammar)
{
	text_free(&grammar->token);
	text_free(&grammar->tape);
	text_free(&grammar->error);
}

/* --- errors: the first one stands, and nothing is kept from there on */

bool json_grammar_failed(const struct json_grammar *grammar)
{
	return grammar->error.len || grammar->error.failed;
}

void json_grammar_fail(struct json_grammar *grammar, const char *before,
		       const char *bytes, size_t len, const char *after)
{
	if (json_grammar_failed(grammar))
		return;
	text_puts(&grammar->error, before);
	text_append(&grammar->error, bytes, len);
	text_puts(&grammar->error, after);
}

static void fail(struct json_grammar *grammar, const char *message)
{
	json_grammar_fail(grammar, message, "", 0, "");
}

/* --- what is kept: values, one behind the other, and the objects and lists around them */

/* Only within a value: depth is not 0. */
static struct json_level *top(struct json_grammar *grammar)
{
	return &grammar->levels[grammar->depth - 1];
}

static void keep(struct json_grammar *grammar, enum json_kind kind, const char *bytes,
		 size_t len)
{
	char head[JSON_HEAD_SIZE];

	if (json_grammar_failed(grammar))
		return;
	if (grammar->tape.len + sizeof(head) + len + 1 > grammar->limits->kept) {
		fail(grammar, "JSON token size limit exceeded");
		return;
	}
	json_put_head(head, kind, len);
	text_append(&grammar->tape, head, sizeof(head));
	/* With the NUL that text_append puts behind it, or that of a literal. */
	if (kind < JSON_LIST)
		text_append(&grammar->tape, len ? bytes : "", len + 1);
	if (grammar->tape.failed)
		fail(grammar, "Cannot allocate memory");
}

static struct json_value value_at(const struct json_grammar *grammar, size_t at)
{
	return json_read(grammar->tape.data + at);
}

/* Whether the object has its last key twice. */
static bool is_duplicate(const struct json_grammar *grammar,
			 const struct json_level *level)
{
	struct json_value last = value_at(grammar, level->last_key);
	const char *at = grammar->tape.data + level->head + JSON_HEAD_SIZE;
	const char *end = grammar->tape.data + level->last_key;

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

static void show(struct json_grammar *grammar, enum json_kind kind, bool closes)
{
	enum json_expect expect = grammar->depth ? top(grammar)->expect : EXPECT_VALUE;
	bool is_key = !closes && (expect == EXPECT_FIRST_KEY || expect == EXPECT_KEY);
	struct json_scan_token token = { kind,
					 closes,
					 is_key,
					 grammar->in_bulk_member,
					 grammar->depth,
					 grammar->token.data,
					 grammar->token.len };

	if (!grammar->watch.token || json_grammar_failed(grammar))
		return;
	grammar->watch.token(&token, grammar->watch.data);
}

/* The element that is whole now is nobody's from here on. */
static void pass_on(struct json_grammar *grammar, const struct json_level *list)
{
	size_t at = list->head + JSON_HEAD_SIZE, i;
	struct json_scan_element element = { { NULL, NULL }, list->count - 1, { 0 } };

	for (i = 1; i + 1 < grammar->depth; i++)
		element.names[i - 1] =
			value_at(grammar, grammar->levels[i].last_key).content;
	element.value = value_at(grammar, at);
	if (grammar->watch.element)
		grammar->watch.element(&element, grammar->watch.data);
	grammar->tape.len = at;
}

/* --- the grammar: one token at a time, until there is an error */

static void member_done(struct json_grammar *grammar, struct json_level *level)
{
	level->expect = EXPECT_COMMA;
	if (is_duplicate(grammar, level))
		fail(grammar, "JSON parse error, duplicate key");
	else if (++level->count > grammar->limits->members)
		fail(grammar, "JSON object member limit exceeded");
}

static void item_done(struct json_grammar *grammar, struct json_level *level)
{
	level->expect = EXPECT_ITEM_COMMA;
	if (++level->count > grammar->limits->elements)
		fail(grammar, "JSON list element limit exceeded");
	else if (grammar->bulk_depth == grammar->depth)
		pass_on(grammar, level);
}

static void key_done(struct json_grammar *grammar, struct json_level *level, size_t at)
{
	struct json_value key = value_at(grammar, at);

	level->expect = EXPECT_COLON;
	level->last_key = at;
	if (key.kind != JSON_STRING)
		fail(grammar, "JSON parse error, key is not a string in object");
	else if (grammar->depth == 1)
		grammar->in_bulk_member = grammar->limits->bulk &&
					  strcmp(key.content, grammar->limits->bulk) == 0;
}

/* The value that begins `at` is whole: what it was for is at its next step. */
static void value_done(struct json_grammar *grammar, size_t at)
{
	struct json_level *level = grammar->depth ? top(grammar) : NULL;

	if (!grammar->bulk_depth && ++grammar->values > grammar->limits->values)
		fail(grammar, "JSON token count limit exceeded");
	if (!level || json_grammar_failed(grammar))
		return;
	switch (level->expect) {
	case EXPECT_FIRST_KEY:
	case EXPECT_KEY:
		key_done(grammar, level, at);
		break;
	case EXPECT_VALUE:
		member_done(grammar, level);
		break;
	case EXPECT_FIRST_ITEM:
	case EXPECT_ITEM:
		item_done(grammar, level);
		break;
	case EXPECT_COLON:
	case EXPECT_COMMA:
	case EXPECT_ITEM_COMMA:
		break;
	}
}

static bool begins_bulk(const struct json_grammar *grammar, int c)
{
	size_t i;

	if (c != '[' || grammar->bulk_depth || !grammar->in_bulk_member ||
	    grammar->depth < grammar->limits->bulk_depth ||
	    grammar->depth > grammar->limits->bulk_depth + 1)
		return false;
	for (i = 1; i < grammar->depth; i++)
		if (grammar->levels[i].expect != EXPECT_VALUE)
			return false;
	return true;
}

static void open_level(struct json_grammar *grammar, int c)
{
	enum json_kind kind = c == '{' ? JSON_OBJECT : JSON_LIST;
	struct json_level *level;
	bool bulk = begins_bulk(grammar, c);

	if (grammar->depth >= grammar->limits->depth ||
	    grammar->depth >= JSON_SCAN_DEPTH_MAX) {
		fail(grammar, "JSON nesting depth limit exceeded");
		return;
	}
	if (!grammar->depth)
		grammar->is_object = kind == JSON_OBJECT;
	show(grammar, kind, false);
	level = &grammar->levels[grammar->depth++];
	memset(level, 0, sizeof(*level));
	level->expect = c == '{' ? EXPECT_FIRST_KEY : EXPECT_FIRST_ITEM;
	level->head = grammar->tape.len;
	keep(grammar, kind, NULL, 0);
	if (bulk)
		grammar->bulk_depth = grammar->depth;
}

static void close_level(struct json_grammar *grammar)
{
	size_t at = top(grammar)->head;
	struct json_value value = value_at(grammar, at);

	json_put_head(grammar->tape.data + at, value.kind,
		      grammar->tape.len - at - JSON_HEAD_SIZE);
	if (grammar->bulk_depth == grammar->depth)
		grammar->bulk_depth = 0;
	grammar->depth--;
	show(grammar, value.kind, true);
	value_done(grammar, at);
}

static void take_scalar(struct json_grammar *grammar, enum json_kind kind)
{
	size_t at = grammar->tape.len;

	show(grammar, kind, false);
	keep(grammar, kind, grammar->token.data, grammar->token.len);
	value_done(grammar, at);
}

static void take_word(struct json_grammar *grammar)
{
	static const struct {
		const char *word;
		enum json_kind kind;
	} words[] = { { "null", JSON_NULL },
		      { "false", JSON_FALSE },
		      { "true", JSON_TRUE } };
	size_t i;

	for (i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcmp(grammar->token.data, words[i].word) == 0) {
			take_scalar(grammar, words[i].kind);
			return;
		}
	}
	json_grammar_fail(grammar, "JSON parse error, invalid keyword '",
			  grammar->token.data, grammar->token.len, "'");
}

/* QEMU has no negative zero among its integers. */
static void take_integer(struct json_grammar *grammar)
{
	if (strcmp(grammar->token.data, "-0") == 0)
		text_consume(&grammar->token, 1);
	take_scalar(grammar, JSON_INTEGER);
}

static void take_value(struct json_grammar *grammar, int token)
{
	switch (token) {
	case '{':
	case '[':
		open_level(grammar, token);
		break;
	case TOKEN_STRING:
		if (json_decode_string(&grammar->token, &grammar->error))
			take_scalar(grammar, JSON_STRING);
		break;
	case TOKEN_INTEGER:
		take_integer(grammar);
		break;
	case TOKEN_FLOAT:
		take_scalar(grammar, JSON_FLOAT);
		break;
	case TOKEN_WORD:
		take_word(grammar);
		break;
	default:
		fail(grammar, "JSON parse error, expecting value");
	}
}

/* One token that is neither a value nor the end: `wanted`, and then `next` is expected. */
static void take_mark(struct json_grammar *grammar, int token, int wanted,
		      enum json_expect next, const char *message)
{
	if (token != wanted) {
		fail(grammar, message);
		return;
	}
	top(grammar)->expect = next;
}

static bool closes(enum json_expect expect, int token)
{
	if (token == '}')
		return expect == EXPECT_FIRST_KEY || expect == EXPECT_COMMA;
	return token == ']' &&
	       (expect == EXPECT_FIRST_ITEM || expect == EXPECT_ITEM_COMMA);
}

void json_grammar_take(struct json_grammar *grammar, int token)
{
	enum json_expect expect = grammar->depth ? top(grammar)->expect : EXPECT_VALUE;

	if (json_grammar_failed(grammar))
		return;
	if (grammar->depth && closes(expect, token)) {
		close_level(grammar);
		return;
	}
	switch (expect) {
	case EXPECT_COLON:
		take_mark(grammar, token, ':', EXPECT_VALUE,
			  "JSON parse error, missing : in object pair");
		break;
	case EXPECT_COMMA:
		take_mark(grammar, token, ',', EXPECT_KEY,
			  "JSON parse error, expected separator in dict");
		break;
	case EXPECT_ITEM_COMMA:
		take_mark(grammar, token, ',', EXPECT_ITEM,
			  "JSON parse error, expected separator in list");
		break;
	case EXPECT_FIRST_KEY:
	case EXPECT_KEY:
	case EXPECT_VALUE:
	case EXPECT_FIRST_ITEM:
	case EXPECT_ITEM:
		take_value(grammar, token);
		break;
	}
}
