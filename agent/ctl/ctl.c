/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "ctl.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void ctl_say(const char *format, ...)
{
	va_list arguments;

	fflush(stdout);
	ctl_clear_progress();
	fputs("memonlinectl: ", stderr);
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	putc('\n', stderr);
}

int ctl_ask(struct ctl *ctl, enum protocol_command command)
{
	struct protocol_request request;

	protocol_request_init(&request, command);
	return ctl_send(ctl, &request);
}

int ctl_send(struct ctl *ctl, const struct protocol_request *request)
{
	struct text line = TEXT_INIT;

	protocol_ask(&line, request);
	return ctl_session_ask(&ctl->session, &line);
}

int ctl_print_event(const struct protocol_answer *event)
{
	struct text json = TEXT_INIT;
	int r = -ENOMEM;

	json_put_value(&json, &event->line);
	if (!json.failed) {
		puts(json.data);
		r = 0;
	}
	text_free(&json);
	return r;
}

int ctl_flush_rows(struct ctl *ctl)
{
	if (!table_is_large(&ctl->table))
		return 0;
	return table_print(&ctl->table, stdout, !ctl->options.no_headings);
}
