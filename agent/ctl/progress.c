/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl.h"

static volatile sig_atomic_t shown;

/* Also from a signal handler: one write, and the line stays if that fails. */
void ctl_clear_progress(void)
{
	static const char erase[] = "\r\033[K";

	if (!shown)
		return;
	shown = false;
	if (write(STDERR_FILENO, erase, sizeof(erase) - 1) < 0)
		return;
}

static void show(uint64_t pending)
{
	if (pending == 0) {
		ctl_clear_progress();
		return;
	}
	shown = true;
	fprintf(stderr, "\r\033[K%" PRIu64 " blocks pending", pending);
	fflush(stderr);
}

void ctl_show_progress(struct ctl *ctl)
{
	if (isatty(STDERR_FILENO))
		ctl->session.on_progress = show;
}

/* Other events, and one that is broken, are none of a progress line's business. */
static int show_event(struct protocol_answer *event, void *data)
{
	uint64_t pending;

	(void)data;
	if (protocol_answer_progress(event, &pending) == 0)
		show(pending);
	return 0;
}

bool ctl_await_progress(struct ctl *ctl)
{
	if (!isatty(STDERR_FILENO))
		return false;
	ctl->session.on_event = show_event;
	return true;
}
