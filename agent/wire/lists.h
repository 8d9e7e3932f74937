/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_LISTS_H
#define MEMONLINE_LISTS_H

/* The lists among the arguments of requests, collected element by element while they are scanned. */

#include "core/contract.h"
#include "core/device.h"
#include "wire/json.h"

#define LISTS_DEVICES_MAX 1024 /* QEMU has at most 256 slots, and devices without one */

/* One element of guest-set-memory-blocks. */
struct protocol_block {
	uint64_t index;
	bool online;
	bool can_offline; /* passed over, as by qemu-ga */
};

/* Zero is an empty one. */
struct lists_list {
	void *elements; /* in their order; owned */
	size_t count;
	size_t capacity;
	bool no_memory;
	struct text error; /* a whole message about the first bad element; empty: none */
};

struct lists_kind;
/* struct protocol_block */
extern const struct lists_kind lists_blocks;
/* struct device, from what QMP's query-memory-devices returns (qapi/machine.json, MemoryDeviceInfo) */
extern const struct lists_kind lists_devices;

/* The element at `index` of the list. `path`: what errors call the list. */
void lists_take(struct lists_list *list, const struct lists_kind *kind, const char *path,
		size_t index, const struct json_value *value) _nonnull_(1);
void lists_clear(struct lists_list *list);

#endif
