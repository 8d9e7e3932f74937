/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_NOTIFY_H
#define MEMONLINE_NOTIFY_H

/* sd_notify(3)'s datagrams, without libsystemd. No $NOTIFY_SOCKET: nothing happens. */

#include <stdint.h>

/*
 * Sends e.g. "READY=1\nSTATUS=…". 0, also where nobody wants it, or negative errno; -EAGAIN: the
 * service manager had no room for it for a second.
 */
int notify_send(const char *state);
/* How often WATCHDOG=1 is due, in ms (half of $WATCHDOG_USEC), 0: never. */
uint64_t notify_watchdog_msec(void);

#endif
