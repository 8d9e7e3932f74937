/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl.h"
#include "io/client.h"

#define ASK_USEC 250000
#define CALM_TIMES \
	2 /* in a row: between the kernel's event and the plan nothing is pending */

static int ask_status(struct ctl *ctl, struct message_status *status)
{
	int r = ctl_ask(ctl, PROTOCOL_STATUS);

	memset(status, 0, sizeof(*status));
	return r < 0 ? r
		     : protocol_answer_read(&ctl->session.answer, &message_status,
					    status);
}

static int print_result(const struct ctl *ctl, const struct message_status *status,
			int code)
{
	static const struct {
		int code;
		const char *result;
	} results[] = { { CTL_DONE, "done" },
			{ CTL_PARTLY, "partial" },
			{ CTL_FAILED, "timed-out" } };
	const char *result = "failed";
	size_t i;

	for (i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		if (results[i].code == code)
			result = results[i].result;
	if (ctl->options.json)
		printf("{\"result\": \"%s\", \"pending\": %" PRIu64
		       ", \"failed\": %" PRIu64 "}\n",
		       result, status->pending, status->failed);
	else
		printf("wait: %s, %" PRIu64 " blocks pending, %" PRIu64 " failed\n",
		       result, status->pending, status->failed);
	return code;
}

static int wait_calm(struct ctl *ctl)
{
	uint64_t until_msec = client_now_msec() + ctl->options.wait_sec * 1000;
	struct message_status status;
	unsigned calm = 0;

	for (;;) {
		int r = ask_status(ctl, &status);

		if (r < 0)
			return r;
		calm = status.pending ? 0 : calm + 1;
		if (calm >= CALM_TIMES)
			return print_result(ctl, &status,
					    status.failed ? CTL_PARTLY : CTL_DONE);
		if (client_now_msec() >= until_msec)
			return print_result(ctl, &status, CTL_FAILED);
		usleep(ASK_USEC);
	}
}

const struct ctl_verb ctl_verb_wait = {
	.name = "wait",
	.help = "wait until no memory block is pending",
	.takes = CTL_JSON | CTL_TIMEOUT_WAIT,
	.run = wait_calm,
};
