/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_VIRT_MONITOR_H
#define MEMONLINE_VIRT_MONITOR_H

/*
 * QEMU's own word on its memory devices: query-memory-devices, by libvirt's monitor command,
 * which marks the domain as tainted (custom-monitor) until it ends. Only on request.
 */

#include "host.h"

/*
 * Fills the addresses that the XML lacks: those of virtio-mem devices, with libvirt before 9.4. QEMU is
 * not asked if there are none. As the functions of host.h; -EBADMSG for an answer that is none.
 */
int monitor_ask(virDomainPtr pointer, struct domain *domain, uint64_t deadline_msec,
		struct call_error *error);
/* From QEMU's answer. 0, -EBADMSG, -ENOMEM. */
int monitor_take(struct domain *domain, const char *reply);

#endif
