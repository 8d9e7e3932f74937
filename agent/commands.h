/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_COMMANDS_H
#define MEMONLINE_COMMANDS_H

/* The protocol's commands: a table of handlers, none of which sees a socket. */

#include "agent.h"
#include "core/protocol.h"

/* Appends the one line of answer to `out`. */
void commands_run(struct agent *agent, const struct protocol_request *request,
		  struct text *out);

#endif
