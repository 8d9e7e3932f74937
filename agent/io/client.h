/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CLIENT_H
#define MEMONLINE_CLIENT_H

/*
 * A unix socket seen from the side that asks: the control socket in the guest, or the
 * host's end of a virtio-serial channel. Bytes, each wait with a deadline;
 * nothing of JSON.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/contract.h"

struct client;

#define CLIENT_FOREVER UINT64_MAX

/* CLOCK_MONOTONIC in milliseconds; deadlines are points on it. */
uint64_t client_now_msec(void);

/*
 * 0, or negative errno, *client untouched: -ENOENT, -EACCES, -ECONNREFUSED, … as
 * connect(2) says, -ENAMETOOLONG, -EBUSY where others wait in the whole backlog until the
 * deadline.
 */
int client_connect(const char *path, uint64_t deadline_msec,
		   struct client **client) _must_check_;
void client_close(struct client *client); /* accepts NULL */

/* 0, -ETIMEDOUT, -EPIPE where the other end is closed, other negative errno. */
int client_send(struct client *client, const char *bytes, size_t len,
		uint64_t deadline_msec) _must_check_ _nonnull_(1);
/*
 * What has come, at least one byte, valid until the next call. 0, -ETIMEDOUT, -EPIPE at the end,
 * other negative errno.
 */
int client_read(struct client *client, uint64_t deadline_msec, const char **bytes,
		size_t *len) _must_check_ _nonnull_(1);

/*
 * Whether the connection was not even accepted: QEMU and libvirt take one client per
 * channel, and let the next wait. false if /proc/net/unix does not show it.
 */
bool client_is_waiting(const struct client *client) _nonnull_(1);

#endif
