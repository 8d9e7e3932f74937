/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_DEVICE_LIST_H
#define MEMONLINE_DEVICE_LIST_H

/*
 * What QMP's query-memory-devices returns (QEMU: qapi/machine.json, MemoryDeviceInfo), collected
 * while it is scanned.
 */

#include "core/device.h"
#include "wire/json.h"

#define DEVICE_LIST_MAX 1024 /* QEMU has at most 256 slots, and devices without one */

/* Zero is an empty one. */
struct device_list {
	struct device *devices; /* in their order; owned */
	size_t count;
	size_t capacity;
	bool no_memory;
	struct text error; /* a whole message about the first bad element; empty: none */
};

/* The element at `index` of the list. `path`: what errors call the list. */
void device_list_take(struct device_list *list, const char *path, size_t index,
		      const struct json_value *value);
void device_list_clear(struct device_list *list);

#endif
