/* SPDX-License-Identifier: GPL-2.0-or-later */

/* A netlink message: none of ours, or an event whose parts say the same once more. */

#include <stdio.h>
#include <stdlib.h>

#include "core/uevent.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const actions[] = { "change", "add", "remove", "online",
					       "offline" };
	struct uevent event = { UEVENT_OTHER, 77, 77 }, again;
	char path[64], seqnum[24];

	if (!uevent_parse((const char *)data, size, &event)) {
		must(event.index == 77 && event.seqnum == 77);
		return 0;
	}
	must(event.action <= UEVENT_OFFLINE);
	snprintf(path, sizeof(path), "/devices/system/memory/memory%llu",
		 (unsigned long long)event.index);
	snprintf(seqnum, sizeof(seqnum), "%llu", (unsigned long long)event.seqnum);
	must(uevent_from_fields(actions[event.action], path, "memory", seqnum, &again));
	must(again.action == event.action && again.index == event.index &&
	     again.seqnum == event.seqnum);
	return 0;
}
