/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/command.h"

#include <string.h>

#define OWN_PREFIX "memonline-"
#define QEMU_GA_PREFIX "guest-"
#define NAME_SIZE 64

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

bool command_is_relayed(const char *name)
{
	enum protocol_command command;

	if (!protocol_command_parse(name, &command))
		return strncmp(name, OWN_PREFIX, sizeof(OWN_PREFIX) - 1) != 0;
	return command == PROTOCOL_GUEST_PING;
}

bool command_is_silent(const char *name)
{
	static const char *const silent[] = {
		"guest-shutdown",
		"guest-suspend-disk",
		"guest-suspend-ram",
		"guest-suspend-hybrid",
	};
	size_t i;

	for (i = 0; i < sizeof(silent) / sizeof(silent[0]); i++)
		if (strcmp(silent[i], name) == 0)
			return true;
	return false;
}

/* --- lists of the configuration */

static bool has_relayed(const struct command_list *list, const char *name, size_t len)
{
	const char *at = list->relayed;

	while (*at) {
		size_t len_here = strcspn(at, ",");

		if (len_here == len && memcmp(at, name, len) == 0)
			return true;
		at += len_here + (at[len_here] == ',');
	}
	return false;
}

/* What qemu-ga may know: guest-WORD, of small letters, digits and hyphens. */
static bool may_be_relayed(const char *name)
{
	size_t prefix = sizeof(QEMU_GA_PREFIX) - 1;

	return strncmp(name, QEMU_GA_PREFIX, prefix) == 0 && name[prefix] &&
	       !name[prefix + strspn(name + prefix, "abcdefghijklmnopqrstuvwxyz"
						    "0123456789-")];
}

static bool add_relayed(struct command_list *list, const char *name, size_t len)
{
	size_t used = strlen(list->relayed);

	if (has_relayed(list, name, len))
		return true;
	if (used + (used > 0) + len >= sizeof(list->relayed))
		return false;
	if (used)
		list->relayed[used++] = ',';
	memcpy(list->relayed + used, name, len);
	return true;
}

bool command_list_add(struct command_list *list, const char *name, size_t len)
{
	char copy[NAME_SIZE] = "";
	enum protocol_command command;

	if (len >= sizeof(copy))
		return false;
	memcpy(copy, name, len);
	if (!protocol_command_parse(copy, &command))
		return may_be_relayed(copy) && add_relayed(list, copy, len);
	list->known |= 1u << command;
	return true;
}

bool command_list_is_empty(const struct command_list *list)
{
	return !list->known && !list->relayed[0];
}

unsigned command_lists_disable(const struct command_list *allowed,
			       const struct command_list *blocked)
{
	return blocked->known | (command_list_is_empty(allowed) ? 0 : ~allowed->known);
}

bool command_lists_forbid(const struct command_list *allowed,
			  const struct command_list *blocked, const char *name)
{
	size_t len = strlen(name);
	enum protocol_command command;

	if (protocol_command_parse(name, &command))
		return command_lists_disable(allowed, blocked) >> command & 1;
	return has_relayed(blocked, name, len) ||
	       (!command_list_is_empty(allowed) && !has_relayed(allowed, name, len));
}
