/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_NOTIFY_H
#define MEMONLINE_NOTIFY_H

/* sd_notify(3)'s datagrams to $NOTIFY_SOCKET, without libsystemd. Nothing happens without it. */

#include <stdint.h>

/* Sends e.g. "READY=1\nSTATUS=…". 0, also where there is no $NOTIFY_SOCKET, or negative errno. */
int notify_send(const char *state);
/* How often WATCHDOG=1 is due, in ms (half of $WATCHDOG_USEC), 0: never. */
uint64_t notify_watchdog_msec(void);

#endif
