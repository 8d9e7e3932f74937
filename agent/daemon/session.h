/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SESSION_H
#define MEMONLINE_SESSION_H

/*
 * One conversation: bytes of a connection to requests, answers and reports back to it. Reports go
 * out while the connection takes them and wait in the journal otherwise.
 */

#include "agent.h"
#include "io/channel.h"
#include "monitor.h"

struct sessions;

/* Both stay the caller's and outlive the sessions. NULL on lack of memory. */
struct sessions *sessions_new(struct agent *agent, struct monitors *monitors);
void sessions_free(struct sessions *sessions); /* after the channel's end; accepts NULL */
/* The handler to give to channel_new, with the sessions as its data. */
extern const struct channel_handler sessions_handler;
/* New reports are in the journal: sends them to whoever is subscribed. */
void sessions_push(struct sessions *sessions);

#endif
