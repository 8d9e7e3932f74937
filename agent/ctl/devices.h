/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CTL_DEVICES_H
#define MEMONLINE_CTL_DEVICES_H

#include "ctl.h"

/*
 * The memory devices of the guest as its host knows them, as JSON for protocol_ask_reconcile:
 * from QEMU's monitor (--qmp), by virsh (--domain), or from standard input. 0, or what was wrong
 * is said and CTL_FAILED returned.
 */
int ctl_read_devices(struct ctl *ctl, struct text *devices);
/* What is no such list, or the monitor's refusal, is said. CTL_FAILED, or `error` as it is. */
int ctl_say_no_devices(int error, const struct text *desc);

#endif
