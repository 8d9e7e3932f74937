/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CAPACITY_PRIVATE_H
#define MEMONLINE_CAPACITY_PRIVATE_H

/* What capacity.c and capacity-unplug.c share. */

#include "core/capacity.h"

bool capacity_is_vmem(const struct capacity_device *device);
/* capacity->count where there is none of that alias. */
size_t capacity_find(const struct capacity *capacity, const char *alias);
/* Whether the wish is about a virtio-mem device. */
bool capacity_wants_vmem(const struct capacity *capacity,
			 const struct capacity_wish *wish);
/* Whether DIMMs will do where the virtio-mem devices have no room. */
bool capacity_may_be_dimms(const struct capacity_wish *wish);
/* A plan without steps; `reason` is returned. */
enum capacity_reason capacity_refuse(struct capacity_plan *plan,
				     enum capacity_reason reason, uint64_t possible);
void capacity_add_step(struct capacity_plan *plan, int kind, size_t device, uint64_t size,
		       int32_t node);
/* Of a virtio-mem device: more of it, or less. */
enum capacity_reason capacity_resize(const struct capacity *capacity,
				     const struct capacity_wish *wish, bool grow,
				     struct capacity_plan *plan);

#endif
