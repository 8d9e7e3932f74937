/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CTL_DEVICES_H
#define MEMONLINE_CTL_DEVICES_H

#include "core/contract.h"
#include "ctl.h"

/*
 * The memory devices of the guest as its host knows them, as JSON for ctl_ask_devices:
 * from QEMU's monitor (--qmp), or from standard input. 0, or what was wrong
 * is said and CTL_FAILED returned.
 */
int ctl_read_devices(struct ctl *ctl, struct text *devices) _nonnull_(1);
/*
 * Asks about them, as protocol_ask_devices and ctl_session_ask do. If it is not such a
 * list, or the monitor refused, prints that and returns CTL_FAILED.
 */
int ctl_ask_devices(struct ctl *ctl, const struct protocol_request *request,
		    const struct text *devices) _nonnull_(1);

#endif
