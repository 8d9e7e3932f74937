/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CTL_VIRSH_H
#define MEMONLINE_CTL_VIRSH_H

/*
 * virsh(1) as a child process: libvirt's library would be a dependency for one question.
 * No shell between, and a deadline for all of it.
 */

#include "core/text.h"

struct virsh {
	const char *uri; /* NULL: virsh's own default */
	const char *domain;
	struct text errors; /* what virsh said last on its standard error */
};

#define VIRSH_OUTPUT_MAX (1024UL * 1024) /* but for what virsh_bytes_fn takes */

/* Takes what virsh printed, as it comes. 0, or negative errno that ends it. */
typedef int (*virsh_bytes_fn)(const char *bytes, size_t len, void *data);

/*
 * What it printed is appended to `out`. 0, -ENOPKG where there is no virsh, -ECOMM where
 * it failed, -ETIMEDOUT, -EMSGSIZE, other negative errno.
 */
int virsh_dumpxml(struct virsh *virsh, uint64_t deadline_msec, struct text *out);
/* `request`: JSON without 0xFF. libvirtd gives the guest until the deadline, too. */
int virsh_agent_command(struct virsh *virsh, const char *request, uint64_t deadline_msec,
			virsh_bytes_fn take, void *data);
/* Likewise, to QEMU's monitor. */
int virsh_monitor_command(struct virsh *virsh, const char *request,
			  uint64_t deadline_msec, struct text *out);
void virsh_free(struct virsh *virsh);

#endif
