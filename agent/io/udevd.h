/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_UDEVD_H
#define MEMONLINE_UDEVD_H

/* Whether a udevd is at work beside us, and what its rules do to memory. */

#include "core/contract.h"
#include "io/root.h"

/* Whether a udevd runs: its control socket is there (/run/udev/control, EL6: its abstract one). */
bool udevd_runs(struct root *root) _nonnull_(1);
/*
 * Paths of udev rules that bring memory online beside us, a newline after each, as
 * rules/memonline-rules found them; "" where there are none. Valid until the next read.
 */
const char *udevd_racing_rules(struct root *root) _nonnull_(1);

#endif
