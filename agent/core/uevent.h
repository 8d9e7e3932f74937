/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_UEVENT_H
#define MEMONLINE_UEVENT_H

/*
 * The kernel's uevent message: "add@/devices/system/memory/memory32\0ACTION=add\0DEVPATH=…\0
 * SUBSYSTEM=memory\0SEQNUM=…\0" (kernel: lib/kobject_uevent.c). Bytes from a socket: hostile.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum uevent_action {
	UEVENT_OTHER,
	UEVENT_ADD,
	UEVENT_REMOVE,
	UEVENT_ONLINE,
	UEVENT_OFFLINE,
	UEVENT_NEW_GENERATION /* no block's: the machine was put back or is a copy */
};

struct uevent {
	enum uevent_action action;
	uint64_t index; /* of the memory block */
	uint64_t seqnum; /* 0 where the message has none */
};

/*
 * true for an event of a memory block, and for "change@… NEW_VMGENID=1" of the device with the machine's
 * generation (from Linux 6.10 on: drivers/virt/vmgenid.c); false, *event
 * untouched, for all else.
 */
bool uevent_parse(const char *bytes, size_t len, struct uevent *event);
/* The pieces, for a source that has them apart (libudev). NULL is taken for missing. */
bool uevent_from_fields(const char *action, const char *devpath, const char *subsystem,
			const char *seqnum, struct uevent *event);

#endif
