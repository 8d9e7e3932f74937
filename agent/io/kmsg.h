/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_KMSG_H
#define MEMONLINE_KMSG_H

/*
 * The kernel's log, best by records from a descriptor of /dev/kmsg that somebody else has opened.
 *
 * The kernel asks for a capability when the device is opened (Linux 3.5 and later; 6.9 and later
 * take CAP_SYSLOG alone, before that CAP_SYS_ADMIN would do) and not when it is read. systemd opens
 * it as standard input of memonlined.service, which thus needs neither that capability nor
 * syslog(2) to read the log, and cannot clear it.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/contract.h"
#include "core/text.h"
#include "io/root.h"

/* Whether the descriptor is /dev/kmsg, by its device number, regardless of its mode. */
bool kmsg_is_open(int fd);
/*
 * Replaces `out` by the messages from the oldest on, a newline after each; of more than `max` bytes
 * at least the newest half. Never waits for a message: the open file gets O_NONBLOCK. 0 or negative
 * errno: -EBADF where it is not open for reading, -ENOMEM.
 */
int kmsg_read(int fd, struct text *out, size_t max) _must_check_;
/*
 * Replaces `out` by the newest part of the kernel's log, read without waiting and without taking it
 * from anybody: by standard input where that is /dev/kmsg, else by syslog(2), which 2.6.32 has alone.
 * Below another root it is the file <root>/proc/kmsg. 0 or negative errno.
 */
#define KMSG_LOG_MAX (256UL * 1024) /* bytes, of this machine's */
int kmsg_read_log(struct root *root, struct text *out) _nonnull_(1);

#endif
