/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_RESOURCES_H
#define MEMONLINE_RESOURCES_H

/* Whose memory lies where, by /proc/iomem. */

#include "core/contract.h"
#include "core/snapshot.h"
#include "io/root.h"

/* Replaces the snapshot's resources by /proc/iomem's "System RAM…" lines. 0 or negative errno. */
int resources_read(struct root *root, struct snapshot *snapshot) _must_check_
	_nonnull_(1);

#endif
