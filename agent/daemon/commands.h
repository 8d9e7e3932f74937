/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_COMMANDS_H
#define MEMONLINE_COMMANDS_H

/* The protocol's commands: a table of handlers, none of which sees a socket. */

#include "agent.h"
#include "core/contract.h"
#include "wire/protocol.h"

enum commands_result {
	COMMANDS_ANSWERED, /* the one line of answer was appended to `out` */
	COMMANDS_PENDING /* `done` will be called from the loop: then commands_finish */
};

/* `done` and `data` are those of agent_start_job; the request has to live on while pending. */
enum commands_result commands_run(struct agent *agent,
				  const struct protocol_request *request,
				  struct text *out, agent_done_fn done, void *data)
	_nonnull_(1);
/* The line of answer to a request that was pending. */
void commands_finish(const struct protocol_request *request, const struct job *job,
		     struct text *out) _nonnull_(1);
/*
 * The line of answer to guest-info where a qemu-ga stands behind memonlined: `theirs` is its own
 * answer, empty where it has none.
 */
void commands_answer_info(struct agent *agent, const struct protocol_request *request,
			  const struct text *theirs, struct text *out) _nonnull_(1);
/* What the configuration forbids: 1 << command for each. Blocking wins over allowing. */
unsigned commands_disabled(const struct agent *agent, bool is_port) _nonnull_(1);

#endif
