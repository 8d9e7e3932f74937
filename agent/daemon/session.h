/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SESSION_H
#define MEMONLINE_SESSION_H

/*
 * One conversation: bytes of a connection to requests, answers and reports back to it. Reports go
 * out while the connection takes them and wait in the journal otherwise.
 */

#include "agent.h"
#include "core/contract.h"
#include "io/channel.h"
#include "monitor.h"

struct sessions;

/* Both stay the caller's and outlive the sessions. NULL on lack of memory. */
struct sessions *sessions_new(struct agent *agent, struct monitors *monitors) _must_check_
	_nonnull_(1);
/*
 * Before the channel's start: what comes by the port and is not memonlined's is passed to the
 * qemu-ga of [channel] relay. 0 or negative errno. `root` stays the caller's.
 */
int sessions_relay(struct sessions *sessions, struct loop *loop,
		   const char *root) _must_check_ _nonnull_(1);
void sessions_free(struct sessions *sessions); /* after the channel's end; accepts NULL */
/* The handler to give to channel_new, with the sessions as its data. */
extern const struct channel_handler sessions_handler;
/* Sends new reports in the journal to the subscribers. */
void sessions_push(struct sessions *sessions) _nonnull_(1);

#endif
