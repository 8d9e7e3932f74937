/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CTL_DOMAIN_H
#define MEMONLINE_CTL_DOMAIN_H

/*
 * Which channel of a libvirt domain leads to an agent, by the domain's XML as `virsh
 * dumpxml` prints it. Pure: text in, answer out.
 */

#include "core/text.h"

enum domain_channel {
	DOMAIN_NO_CHANNEL,
	DOMAIN_GUEST_AGENT, /* only that of qemu-ga, which libvirtd holds */
	DOMAIN_OWN_WITHOUT_PATH, /* the agent's own, but no socket that QEMU listens on */
	DOMAIN_OWN /* the agent's own, with the path of its socket */
};

#define DOMAIN_OWN_PORT "org.memonline.agent.0"
#define DOMAIN_GUEST_AGENT_PORT "org.qemu.guest_agent.0"

/*
 * 0 with *channel, and for DOMAIN_OWN the path appended to `path`. -EBADMSG where the
 * text is no domain or is cut off, -ENOMEM; the outputs are untouched then.
 */
int domain_find_channel(const char *xml, size_t len, enum domain_channel *channel,
			struct text *path);

#endif
