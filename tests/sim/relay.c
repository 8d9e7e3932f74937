/* SPDX-License-Identifier: GPL-2.0-or-later */

/* io/relay.h: no world has a qemu-ga. */

#include <errno.h>

#include "io/relay.h"

struct relay_link *relay_link_open(struct loop *loop, const char *root, const char *path,
				   const struct relay_link_handler *handler, void *data)
{
	(void)loop;
	(void)root;
	(void)path;
	(void)handler;
	(void)data;
	errno = ECONNREFUSED;
	return NULL;
}

void relay_link_free(struct relay_link *link, unsigned drain_msec)
{
	(void)link;
	(void)drain_msec;
}

int relay_link_send(struct relay_link *link, const char *bytes, size_t len)
{
	(void)link;
	(void)bytes;
	(void)len;
	return 0;
}

size_t relay_link_queued(const struct relay_link *link)
{
	(void)link;
	return 0;
}

void relay_link_resume(struct relay_link *link)
{
	(void)link;
}
