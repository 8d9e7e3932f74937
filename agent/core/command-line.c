/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/command-line.h"

#include <stddef.h>
#include <string.h>

#include "core/number.h"

#define SPACES " \t\n"
#define MEM "mem="

/* The value of a parameter, or NULL; the kernel takes - for _ in names of parameters. */
static const char *value_of(const char *word, const char *name)
{
	if (*word == '"')
		word++;
	for (; *name; name++, word++)
		if (*word != *name && !(*word == '-' && *name == '_'))
			return NULL;
	return *word == '=' ? word + 1 : NULL;
}

static bool is_value(const char *value, const char *wanted)
{
	size_t len = strlen(wanted);

	if (*value == '"')
		value++;
	return strncmp(value, wanted, len) == 0 && strchr(SPACES "\"", value[len]);
}

enum command_line_memhp command_line_memhp(const char *text, const char *found)
{
	enum command_line_memhp memhp = COMMAND_LINE_MEMHP_NONE;

	for (text += strspn(text, SPACES); *text; text += strspn(text, SPACES)) {
		const char *value = value_of(text, "memhp_default_state");

		/* What follows is the first process's. */
		if (is_value(text, "--"))
			break;
		if (value && *found && is_value(value, found))
			return COMMAND_LINE_MEMHP_IN_FORCE;
		if (value)
			memhp = COMMAND_LINE_MEMHP_IGNORED;
		text += strcspn(text, SPACES);
	}
	return memhp;
}

/*
 * lib/cmdline.c, memparse(): "2G", "0x80000000", "524288k", a 0 in front for octal; what has no unit
 * is bytes. 0: not a size.
 */
static uint64_t size_of(const char *word)
{
	const char *end = word + strlen(word);
	bool is_octal = word[0] == '0' && (word[1] | 0x20) != 'x';
	uint64_t size;
	unsigned power;

	if (!(is_octal ? number_take(&word, end, 8, &size)
		       : number_take_any(&word, end, &size)))
		return 0;
	for (power = NUMBER_UNITS; --power;)
		if ((*word & ~0x20) == number_unit(power))
			break;
	return size > UINT64_MAX >> 10 * power ? UINT64_MAX : size << 10 * power;
}

uint64_t command_line_memory_limit(const char *text)
{
	uint64_t limit = UINT64_MAX;

	/* What follows "--" is for the first process. */
	for (text += strspn(text, SPACES); *text; text += strspn(text, SPACES)) {
		size_t len = strcspn(text, SPACES);
		uint64_t size;

		if (len == 2 && strncmp(text, "--", len) == 0)
			break;
		size = strncmp(text, MEM, strlen(MEM)) ? 0 : size_of(text + strlen(MEM));
		if (size)
			limit = size;
		text += len;
	}
	return limit;
}
