/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SOURCE_H
#define MEMONLINE_SOURCE_H

/* Where memory events come from: udevd's or the kernel's netlink group, behind one type. */

#include "core/contract.h"
#include "core/uevent.h"
#include "io/root.h"

struct source;

/* For each an opener: non-blocking, NULL with errno on failure. */
struct source *source_open_udev(unsigned receive_buffer_bytes) _must_check_;
/* Of the kernel's messages only those about memory blocks wake anybody, where it can filter. */
struct source *source_open_kernel(unsigned receive_buffer_bytes) _must_check_;
void source_close(struct source *source); /* accepts NULL */

int source_fd(const struct source
		      *source); /* becomes readable with events; stays the source's */
const char *source_name(const struct source *source)
	_nonnull_(1); /* "udev" or "kernel" */
/*
 * 1: *event is a memory event; 0: nothing more to read; -ENOBUFS: events were lost, so
 * scan, and go on reading; other negative errno: the source is broken. Messages of other
 * subsystems and of senders other than the kernel (or udevd) are ignored.
 */
int source_receive(struct source *source, struct uevent *event) _must_check_ _nonnull_(1);
/*
 * `wanted` decides whether an event is worth receiving. If that is expensive (libudev
 * makes a device of it), an unwanted one is dropped by its contents, before its sender is
 * checked; any other is received and checked as usual. NULL: all are wanted.
 */
void source_set_wanted(struct source *source,
		       bool (*wanted)(const struct uevent *event, void *data), void *data)
	_nonnull_(1);
/*
 * The number of the last event that the kernel sent, /sys/kernel/uevent_seqnum; 0:
 * unknown.
 */
uint64_t source_seqnum(struct root *root) _nonnull_(1);

#endif
