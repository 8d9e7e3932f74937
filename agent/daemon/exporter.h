/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_EXPORTER_H
#define MEMONLINE_EXPORTER_H

/*
 * [stats] textfile: how the guest's memory is used and what memonlined did, in a file for
 * Prometheus' node_exporter. It is written when memonlined is awake anyway, and never wakes it.
 */

#include "agent.h"
#include "core/contract.h"
#include "core/stats.h"
#include "io/loop.h"

struct exporter;

/* `loop` stays the caller's and outlives it. NULL with errno on failure. */
struct exporter *exporter_new(struct loop *loop) _must_check_ _nonnull_(1);
void exporter_free(struct exporter *exporter); /* accepts NULL */
/* Writes the file that the agent's configuration names, if it names one. */
void exporter_write(struct exporter *exporter, struct agent *agent) _nonnull_(1, 2);
/* The same with a sample that a subscriber has had taken, if the file is 15 seconds old. */
void exporter_write_sample(struct exporter *exporter, struct agent *agent,
			   const struct stats *stats) _nonnull_(1, 2, 3);

#endif
