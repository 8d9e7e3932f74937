/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/number.h"

#include <string.h>

#define UNIT_SHIFT 10
#define INPUT_UNITS 5 /* of number_unit's, that people may write */

/* 16 or more: not a digit. */
static unsigned digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned)(c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (unsigned)(c - 'A' + 10);
	return 16;
}

bool number_take(const char **at, const char *end, unsigned base, uint64_t *number)
{
	const char *digit = *at;
	uint64_t value = 0;

	for (; digit < end && digit_of(*digit) < base; digit++) {
		unsigned next = digit_of(*digit);

		if (value > (UINT64_MAX - next) / base)
			return false;
		value = value * base + next;
	}
	if (digit == *at)
		return false;
	*at = digit;
	*number = value;
	return true;
}

bool number_take_any(const char **at, const char *end, uint64_t *number)
{
	const char *digits = *at;
	bool is_hex = end - digits > 2 && digits[0] == '0' &&
		      (digits[1] == 'x' || digits[1] == 'X');

	if (is_hex)
		digits += 2;
	if (!number_take(&digits, end, is_hex ? 16 : 10, number))
		return false;
	*at = digits;
	return true;
}

char number_unit(unsigned power)
{
	static const char units[NUMBER_UNITS] = { 'B', 'K', 'M', 'G', 'T', 'P', 'E' };

	return units[power];
}

/* Which power of 1024 the letter is; 0: none that may be written. */
static unsigned power_of(char letter)
{
	unsigned power;

	for (power = INPUT_UNITS; --power;)
		if (number_unit(power) == letter)
			return power;
	return 0;
}

/* Multiplies by the unit at *at, if there is one. */
static bool take_unit(const char **at, const char *end, uint64_t *bytes)
{
	unsigned power = *at < end ? power_of(**at) : 0;

	if (*bytes > UINT64_MAX >> power * UNIT_SHIFT)
		return false;
	*bytes <<= power * UNIT_SHIFT;
	*at += power != 0;
	return true;
}

bool number_parse(const char *text, unsigned base, uint64_t *number)
{
	const char *end = text + strlen(text);
	uint64_t value;

	if (!number_take(&text, end, base, &value) || text != end)
		return false;
	*number = value;
	return true;
}

bool number_parse_size(const char *text, uint64_t *bytes)
{
	const char *end = text + strlen(text);
	uint64_t value;

	if (!number_take(&text, end, 10, &value) || !take_unit(&text, end, &value) ||
	    text != end)
		return false;
	*bytes = value;
	return true;
}

bool number_parse_range(const char *text, size_t len, uint64_t *start, uint64_t *size)
{
	const char *at = text, *end = text + len;
	uint64_t from, bytes;

	if (!number_take_any(&at, end, &from) || !take_unit(&at, end, &from) ||
	    at == end || *at++ != '+' || !number_take_any(&at, end, &bytes) ||
	    !take_unit(&at, end, &bytes) || at != end || !bytes ||
	    from > UINT64_MAX - (bytes - 1))
		return false;
	*start = from;
	*size = bytes;
	return true;
}

bool number_behind(const char *line, const char *label, unsigned base, uint64_t *number)
{
	size_t len = strlen(label);

	line += strspn(line, " \t");
	if (strncmp(line, label, len) != 0)
		return false;
	line += len;
	line += strspn(line, " \t:");
	return number_take(&line, line + strlen(line), base, number);
}

const char *number_skip_words(const char *line, unsigned count)
{
	line += strspn(line, " \t");
	while (count--) {
		line += strcspn(line, " \t\n");
		line += strspn(line, " \t");
	}
	return line;
}
