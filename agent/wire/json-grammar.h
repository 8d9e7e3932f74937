/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_JSON_GRAMMAR_H
#define MEMONLINE_JSON_GRAMMAR_H

/*
 * Tokens to values, checked and bounded, the elements of bulk lists passed on one by one: for
 * json-scan only.
 */

#include "core/contract.h"
#include "wire/json-lex.h"
#include "wire/json-scan.h"

/* What the grammar waits for in an object or list. */
enum json_expect {
	EXPECT_FIRST_KEY, /* or } */
	EXPECT_KEY,
	EXPECT_COLON,
	EXPECT_VALUE,
	EXPECT_COMMA, /* or } */
	EXPECT_FIRST_ITEM, /* or ] */
	EXPECT_ITEM,
	EXPECT_ITEM_COMMA /* or ] */
};

struct json_level {
	enum json_expect expect;
	size_t count; /* of members or items */
	size_t head; /* of the object or list, in json_grammar.tape */
	size_t last_key; /* of the object, likewise */
};

/* All zero but `limits` is one that has begun. */
struct json_grammar {
	const struct json_scan_limits *limits;
	struct json_scan_watch watch;
	struct text
		token; /* the bytes of the one that is taken next, put there by json-scan */
	bool is_object; /* the request: else it is a list or scalar */
	size_t depth;
	struct json_level levels[JSON_SCAN_DEPTH_MAX];
	bool in_bulk_member;
	size_t bulk_depth; /* of the list whose elements are not kept; 0: in none */
	size_t values; /* kept so far */
	struct text tape; /* the values, as json.h has them */
	struct text error; /* empty: none so far */
};

/* Drops what there is of a request, and keeps its small buffers. */
/* false on lack of memory. */
bool json_grammar_reserve(struct json_grammar *grammar) _nonnull_(1);
void json_grammar_begin(struct json_grammar *grammar) _nonnull_(1);
void json_grammar_clear(struct json_grammar *grammar);
/* The token in grammar->token, of this kind or a structural character. After an error: nothing. */
void json_grammar_take(struct json_grammar *grammar, int token) _nonnull_(1);

bool json_grammar_failed(const struct json_grammar *grammar) _nonnull_(1);
/* The message, where it is the first one. */
void json_grammar_fail(struct json_grammar *grammar, const char *before,
		       const char *bytes, size_t len, const char *after) _nonnull_(1);

#endif
