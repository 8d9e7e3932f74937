/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_VIRT_DOMAIN_H
#define MEMONLINE_VIRT_DOMAIN_H

/* A domain as libvirt's XML has it: its memory, its memory devices, the channel of its agent. */

#include "core/capacity.h"
#include "core/text.h"

#define DOMAIN_NAME_SIZE 256 /* with the NUL; longer is cut */
#define DOMAIN_UUID_SIZE 37
#define DOMAIN_XML_MAX (8UL * 1024 * 1024) /* one with 256 DIMMs is 60 KiB */
#define DOMAIN_OWN_PORT "org.memonline.agent.0"
#define DOMAIN_GUEST_AGENT_PORT "org.qemu.guest_agent.0"

enum domain_channel {
	DOMAIN_NO_CHANNEL,
	DOMAIN_GUEST_AGENT, /* only that of qemu-ga, which libvirtd holds */
	DOMAIN_OWN /* memonlined's own */
};

struct domain {
	char name[DOMAIN_NAME_SIZE];
	char uuid[DOMAIN_UUID_SIZE];
	enum domain_channel channel;
	bool disconnected; /* the guest has not opened that channel, says libvirt */
	bool windows; /* libosinfo's name of the guest is one of Microsoft's */
	bool has_vmem_base; /* each virtio-mem device has its address: libvirt 9.4 and later */
	struct capacity capacity;
};

/*
 * 0; -EBADMSG if the text is not a domain, -E2BIG if it has more than
 * CAPACITY_DEVICES_MAX memory devices, -ENOMEM; *domain is untouched then. domain_clear
 * frees it.
 */
int domain_parse(const char *xml, struct domain *domain);
void domain_clear(struct domain *domain); /* accepts one that is all zero */

/* The device of that alias, or NULL. */
const struct capacity_device *domain_device(const struct domain *domain,
					    const char *alias);
/*
 * The least N for which no XML holds the alias ua-memonline-N; more than 0. The second may be
 * NULL.
 */
unsigned domain_free_alias(const char *xml, const char *other_xml);
/* Whether the XML has a memory device of that alias. */
bool domain_has_alias(const char *xml, const char *alias);

/* What libvirt is given: a new DIMM. */
void domain_put_dimm(struct text *out, const char *alias, uint64_t bytes, int32_t node);
/*
 * The element of a virtio-mem device as the live XML has it, with another requested size: libvirt
 * 9.0 finds the device by its address, an alias alone is refused. 0, -ENODEV, -ENOMEM.
 */
int domain_put_request(struct text *out, const char *xml, const char *alias,
		       uint64_t bytes);

#endif
