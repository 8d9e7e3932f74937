/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "devices.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/client.h"
#include "print.h"

#define DEVICES_MAX (1024UL * 1024) /* bytes; 256 DIMMs are 60 KiB */
#define READ_BYTES 65536
#define QUERY "{\"execute\": \"query-memory-devices\"}"

/* --- QEMU's monitor: one client at a time, capabilities first */

static int ask_monitor(struct ctl_session *monitor, const char *command)
{
	struct text request = TEXT_INIT;

	text_puts(&request, command);
	text_puts(&request, "\n");
	return ctl_session_ask(monitor, &request);
}

static int query_monitor(struct ctl_session *monitor, struct text *devices)
{
	int r = ctl_session_open_monitor(monitor);

	if (r == 0)
		r = ask_monitor(monitor, "{\"execute\": \"qmp_capabilities\"}");
	if (r == 0)
		r = ask_monitor(monitor, QUERY);
	if (r == 0)
		json_put_value(devices, &monitor->answer.value);
	return r;
}

static int read_monitor(const struct ctl *ctl, struct text *devices)
{
	struct ctl_session monitor;
	struct text said = TEXT_INIT;
	int r;

	memset(&monitor, 0, sizeof(monitor));
	monitor.path = ctl->options.qmp;
	monitor.timeout_sec = ctl->session.timeout_sec;
	monitor.is_monitor = true;
	r = query_monitor(&monitor, devices);
	if (r < 0) {
		ctl_session_explain(&monitor, r, &said);
		ctl_say("%s", said.failed ? strerror(-r) : said.data);
	}
	text_free(&said);
	ctl_session_close(&monitor);
	return r < 0 ? CTL_FAILED : 0;
}

/* --- standard input */

static int read_all(struct text *devices)
{
	ssize_t got;

	do {
		if (text_reserve(devices, READ_BYTES + 1) < 0)
			return -ENOMEM;
		got = read(STDIN_FILENO, devices->data + devices->len, READ_BYTES);
		if (got < 0 && errno != EINTR)
			return -errno;
		if (got > 0)
			devices->len += (size_t)got;
		devices->data[devices->len] = '\0';
		if (devices->len > DEVICES_MAX)
			return -EMSGSIZE;
	} while (got != 0);
	return 0;
}

static int read_input(struct text *devices)
{
	int r = read_all(devices);

	if (r == -EMSGSIZE)
		ctl_say("standard input too long (expected at most %lu MiB)",
			DEVICES_MAX >> 20);
	else if (r < 0)
		ctl_say("standard input: %s", strerror(-r));
	return r < 0 ? CTL_FAILED : 0;
}

int ctl_read_devices(struct ctl *ctl, struct text *devices)
{
	if (ctl->options.qmp)
		return read_monitor(ctl, devices);
	return read_input(devices);
}

/* Prints what is wrong with the host's list: memonlined is not at fault. */
static int say_no_devices(int error, const struct text *desc)
{
	struct text said = TEXT_INIT;

	if (error != -EBADMSG && error != -EREMOTEIO)
		return error;
	print_escaped(&said, desc->len && !desc->failed ? desc->data : "");
	if (error == -EREMOTEIO)
		ctl_say("QEMU refused: %s", said.failed ? "" : said.data);
	else
		ctl_say("invalid list of memory devices"
			" (expected what query-memory-devices returns)");
	text_free(&said);
	return CTL_FAILED;
}

int ctl_ask_devices(struct ctl *ctl, const struct protocol_request *request,
		    const struct text *devices)
{
	struct text line = TEXT_INIT, desc = TEXT_INIT;
	int r = protocol_ask_devices(&line, request, devices->data ? devices->data : "",
				     devices->len, &desc);

	if (r == 0)
		r = ctl_session_ask(&ctl->session, &line);
	else
		r = say_no_devices(r, &desc);
	text_free(&line);
	text_free(&desc);
	return r;
}
