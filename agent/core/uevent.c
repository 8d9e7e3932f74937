/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/uevent.h"

#include <string.h>

#include "core/number.h"

#define DEVPATH_PREFIX "/devices/system/memory/memory"

static enum uevent_action parse_action(const char *action)
{
	static const struct {
		const char *word;
		enum uevent_action action;
	} actions[] = {
		{ "add", UEVENT_ADD },
		{ "remove", UEVENT_REMOVE },
		{ "online", UEVENT_ONLINE },
		{ "offline", UEVENT_OFFLINE },
	};
	size_t i;

	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcmp(actions[i].word, action) == 0)
			return actions[i].action;
	return UEVENT_OTHER;
}

bool uevent_from_fields(const char *action, const char *devpath, const char *subsystem,
			const char *seqnum, struct uevent *event)
{
	struct uevent parsed = { UEVENT_OTHER, 0, 0 };

	if (!action || !devpath || !subsystem || strcmp(subsystem, "memory") != 0)
		return false;
	if (strncmp(devpath, DEVPATH_PREFIX, sizeof(DEVPATH_PREFIX) - 1) != 0 ||
	    !number_parse(devpath + sizeof(DEVPATH_PREFIX) - 1, 10, &parsed.index))
		return false;
	/*
	 * Without a usable number the event counts as new: that costs a scan and loses
	 * nothing.
	 */
	if (seqnum && !number_parse(seqnum, 10, &parsed.seqnum))
		parsed.seqnum = 0;
	parsed.action = parse_action(action);
	*event = parsed;
	return true;
}

/* The value where `field` is "KEY=value" with this key, else NULL. */
static const char *value_of(const char *field, const char *key)
{
	size_t len = strlen(key);

	return strncmp(field, key, len) == 0 && field[len] == '=' ? field + len + 1
								  : NULL;
}

/* Of its subsystem: acpi, or platform where a device tree names the device. */
static bool is_new_generation(const char *action, const char *subsystem, const char *new)
{
	return action && subsystem && new &&strcmp(action, "change") == 0 &&
	       (strcmp(subsystem, "acpi") == 0 || strcmp(subsystem, "platform") == 0) &&
	       strcmp(new, "1") == 0;
}

bool uevent_parse(const char *bytes, size_t len, struct uevent *event)
{
	static const char *const keys[] = { "ACTION", "DEVPATH", "SUBSYSTEM", "SEQNUM",
					    "NEW_VMGENID" };
	const char *values[5] = { NULL, NULL, NULL, NULL, NULL };
	const char *end = bytes + len, *field = bytes;

	while (field < end) {
		const char *stop = memchr(field, '\0', (size_t)(end - field));
		size_t i;

		if (!stop)
			return false; /* cut short: the values cannot be trusted */
		for (i = 0; i < 5; i++)
			if (value_of(field, keys[i]))
				values[i] = value_of(field, keys[i]);
		field = stop + 1;
	}
	if (is_new_generation(values[0], values[2], values[4])) {
		memset(event, 0, sizeof(*event));
		event->action = UEVENT_NEW_GENERATION;
		return true;
	}
	return uevent_from_fields(values[0], values[1], values[2], values[3], event);
}
