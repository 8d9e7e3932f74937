/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/json-lex.h"

#include <stdbool.h>

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

static int lex_start(char quote, unsigned char c)
{
	(void)quote;
	if (is_space(c))
		return LEX_START;
	if (is_structural(c))
		return LEX_ENDS;
	if (is_lower(c))
		return LEX_WORD;
	if (is_digit(c))
		return c == '0' ? LEX_ZERO : LEX_INTEGER;
	if (c == '"' || c == '\'')
		return LEX_STRING;
	return c == '-' ? LEX_MINUS : LEX_STRAY;
}

static int lex_string(char quote, unsigned char c)
{
	if (c < 0x20 || c > 0xfd)
		return LEX_STRAY;
	if (c == (unsigned char)quote)
		return LEX_ENDS;
	return c == '\\' ? LEX_STRING_ESCAPE : LEX_STRING;
}

static int lex_string_escape(char quote, unsigned char c)
{
	(void)quote;
	return c < 0x20 || c > 0xfd ? LEX_STRAY : LEX_STRING;
}

static int lex_minus(char quote, unsigned char c)
{
	(void)quote;
	if (c == '0')
		return LEX_ZERO;
	return is_digit(c) ? LEX_INTEGER : LEX_STRAY;
}

/* QEMU accepts no exponent after a bare 0. */
static int lex_zero(char quote, unsigned char c)
{
	(void)quote;
	if (is_digit(c))
		return LEX_STRAY;
	return c == '.' ? LEX_POINT : LEX_ENDED;
}

static int lex_integer(char quote, unsigned char c)
{
	(void)quote;
	if (is_digit(c))
		return LEX_INTEGER;
	if (c == 'e' || c == 'E')
		return LEX_EXPONENT;
	return c == '.' ? LEX_POINT : LEX_ENDED;
}

static int lex_point(char quote, unsigned char c)
{
	(void)quote;
	return is_digit(c) ? LEX_FRACTION : LEX_STRAY;
}

static int lex_fraction(char quote, unsigned char c)
{
	(void)quote;
	if (is_digit(c))
		return LEX_FRACTION;
	return c == 'e' || c == 'E' ? LEX_EXPONENT : LEX_ENDED;
}

static int lex_exponent(char quote, unsigned char c)
{
	(void)quote;
	if (c == '-' || c == '+')
		return LEX_EXPONENT_SIGN;
	return is_digit(c) ? LEX_EXPONENT_DIGITS : LEX_STRAY;
}

static int lex_exponent_sign(char quote, unsigned char c)
{
	(void)quote;
	return is_digit(c) ? LEX_EXPONENT_DIGITS : LEX_STRAY;
}

static int lex_exponent_digits(char quote, unsigned char c)
{
	(void)quote;
	return is_digit(c) ? LEX_EXPONENT_DIGITS : LEX_ENDED;
}

static int lex_word(char quote, unsigned char c)
{
	(void)quote;
	return is_lower(c) ? LEX_WORD : LEX_ENDED;
}

/* QEMU does not count the tab among the control characters here. */
static int lex_recover(char quote, unsigned char c)
{
	(void)quote;
	if (c == '\t')
		return LEX_RECOVER;
	return c < 0x20 || c > 0xfd || is_structural(c) ? LEX_ENDED : LEX_RECOVER;
}

static int lex_drop(char quote, unsigned char c)
{
	(void)quote;
	return c == '\n' || c == 0xff ? LEX_ENDED : LEX_DROP;
}

static int (*const lexers[LEX_STATES])(char quote, unsigned char c) = {
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

const enum token json_lex_tokens[LEX_STATES] = {
	[LEX_STRING] = TOKEN_STRING,	     [LEX_ZERO] = TOKEN_INTEGER,
	[LEX_INTEGER] = TOKEN_INTEGER,	     [LEX_FRACTION] = TOKEN_FLOAT,
	[LEX_EXPONENT_DIGITS] = TOKEN_FLOAT, [LEX_WORD] = TOKEN_WORD,
};

int json_lex(enum lex_state state, char *quote, unsigned char c)
{
	int next = lexers[state](*quote, c);

	if (state == LEX_START && next == LEX_STRING)
		*quote = (char)c;
	return next;
}
