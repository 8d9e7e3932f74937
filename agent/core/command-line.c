/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/command-line.h"

#include <stddef.h>
#include <string.h>

#define SPACES " \t\n"

/* A word's value, or NULL; the kernel takes - for _ in names of parameters. */
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
