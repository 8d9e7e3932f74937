/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_IO_STATS_H
#define MEMONLINE_IO_STATS_H

/* How the guest's memory is used: the files that core/stats takes apart. */

#include "core/contract.h"
#include "core/stats.h"
#include "io/root.h"

/* Replaces all of *stats. A file that cannot be read leaves what it says unknown. */
void stats_read(struct root *root, struct stats *stats) _nonnull_(1);

#endif
