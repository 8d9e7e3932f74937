/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_MONITOR_H
#define MEMONLINE_MONITOR_H

/*
 * Watches the guest's memory for the subscribers, and wakes up only for them: one timer,
 * and the kernel's own trigger for each if it has one. core/pressure decides what to
 * report.
 */

#include "core/contract.h"
#include "core/pressure.h"
#include "io/loop.h"
#include "io/root.h"

struct monitors;
struct monitor; /* one subscriber's */

/* `loop` and `root` stay the caller's and outlive it. NULL with errno on failure. */
struct monitors *monitors_new(struct loop *loop, struct root *root) _must_check_
	_nonnull_(1);
void monitors_free(struct monitors *monitors); /* after its monitors; accepts NULL */

/* Called after each sample that a subscriber has had taken; before there are any. */
void monitors_on_sample(struct monitors *monitors,
			void (*fn)(const struct stats *stats, void *data), void *data)
	_nonnull_(1, 2);

/* From the loop: these signals, 1 << signal, have just crossed or eased. */
typedef void (*monitor_fn)(unsigned signals, void *data);

/* Begins with a first sample. NULL on lack of memory. */
struct monitor *monitor_add(struct monitors *monitors,
			    const struct pressure_thresholds *thresholds, monitor_fn fn,
			    void *data) _nonnull_(1);
void monitor_remove(struct monitor *monitor); /* not from its `fn`; accepts NULL */

/* Whether the kernel reports stalls by itself. */
bool monitor_has_trigger(const struct monitor *monitor) _nonnull_(1);
/* As the last sample was: 1 << signal of each. */
unsigned monitor_pressed(const struct monitor *monitor) _nonnull_(1);
bool monitor_is_pressed(const struct monitor *monitor, enum pressure_signal signal)
	_nonnull_(1);
/* The last sample of all: every monitor takes it at the same time. */
const struct stats *monitor_stats(const struct monitor *monitor) _nonnull_(1);

#endif
