/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/command.h"

#include <stddef.h>
#include <string.h>

static const char *const names[PROTOCOL_COMMANDS] = {
#define COMMAND_NAME(id, name) [PROTOCOL_##id] = (name),
	PROTOCOL_COMMAND_LIST(COMMAND_NAME)
#undef COMMAND_NAME
};

const char *protocol_command_name(enum protocol_command command)
{
	return command < PROTOCOL_COMMANDS ? names[command] : "unknown";
}

bool protocol_command_parse(const char *name, enum protocol_command *command)
{
	size_t i;

	for (i = 0; i < PROTOCOL_COMMANDS; i++) {
		if (strcmp(names[i], name) == 0) {
			*command = (enum protocol_command)i;
			return true;
		}
	}
	return false;
}
