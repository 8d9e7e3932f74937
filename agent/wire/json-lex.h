/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_JSON_LEX_H
#define MEMONLINE_JSON_LEX_H

/* Bytes to tokens, one byte at a time, as QEMU's lexer has it: for json-scan only. */

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

/*
 * What `c` does to the state. `quote`: of the string that is being read, kept by the caller
 * from one byte to the next.
 */
int json_lex(enum lex_state state, char *quote, unsigned char c);
/* Which token ends in a state; a structural character ends in LEX_START and is its own. */
extern const enum token json_lex_tokens[LEX_STATES];

#endif
