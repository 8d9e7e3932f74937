/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/kernel-log.h"

#include <string.h>

#include "core/number.h"

#define FAILED "add_memory failed"
#define INSTANCE "PNP0C80:"
#define RANGE_START "unaligned hotplug range: start 0x"

/* Lines that say why, before the one that says that. */
static const struct {
	const char *part;
	enum reason reason;
} causes[] = {
	{ "vmemmap alloc failure", REASON_MEMORY_SHORT },
	{ "vmemmap_alloc_block",
	  REASON_MEMORY_SHORT }, /* in the backtrace of older ones */
	{ RANGE_START, REASON_UNALIGNED },
};

static const char *find(const char *line, size_t len, const char *part)
{
	return memmem(line, len, part, strlen(part));
}

/* Behind "<4>" and "[    4.708543] ". */
static const char *skip_prefix(const char *line, const char *end)
{
	const char *at = line, *close;

	if (at < end && *at == '<') {
		close = memchr(at, '>', (size_t)(end - at));
		at = close ? close + 1 : at;
	}
	if (at < end && *at == '[') {
		close = memchr(at, ']', (size_t)(end - at));
		at = close ? close + 1 : at;
	}
	while (at < end && *at == ' ')
		at++;
	return at;
}

static void keep_line(struct kernel_log_failure *failure, const char *line, size_t len)
{
	if (len >= sizeof(failure->line))
		len = sizeof(failure->line) - 1;
	memcpy(failure->line, line, len);
	failure->line[len] = '\0';
}

static void forget(struct kernel_log_failure *failure)
{
	memset(failure, 0, sizeof(*failure));
	failure->instance = failure->slot = -1;
	failure->reason = REASON_ADD_FAILED;
}

static void take_cause(struct kernel_log_failure *next, const char *line, size_t len)
{
	const char *at = NULL;
	size_t i;

	for (i = 0; i < sizeof(causes) / sizeof(causes[0]) && !at; i++)
		at = find(line, len, causes[i].part);
	/* Of a backtrace the line that began it says most. */
	if (!at || next->reason == causes[i - 1].reason)
		return;
	forget(next);
	next->reason = causes[i - 1].reason;
	keep_line(next, line, len);
	if (next->reason != REASON_UNALIGNED)
		return;
	at += strlen(RANGE_START);
	next->has_start = number_take(&at, line + len, 16, &next->start);
}

static void add(struct kernel_log *log, const struct kernel_log_failure *failure)
{
	if (log->count == KERNEL_LOG_FAILURES) {
		log->count--;
		memmove(log->failures, log->failures + 1,
			log->count * sizeof(*log->failures));
	}
	log->failures[log->count++] = *failure;
}

static void take_line(struct kernel_log *log, struct kernel_log_failure *next,
		      const char *line, size_t len)
{
	uint64_t instance;
	const char *at;

	if (!find(line, len, FAILED)) {
		take_cause(next, line, len);
		return;
	}
	if (next->reason == REASON_ADD_FAILED)
		keep_line(next, line, len);
	at = find(line, len, INSTANCE);
	if (at)
		at += strlen(INSTANCE);
	if (at && number_take(&at, line + len, 16, &instance) && instance <= INT32_MAX)
		next->instance = (int)instance;
	add(log, next);
	forget(next);
}

void kernel_log_parse(struct kernel_log *log, const char *text, size_t len)
{
	const char *end = text + len;
	struct kernel_log_failure next;

	log->count = 0;
	forget(&next);
	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;
		const char *line = skip_prefix(text, stop);

		take_line(log, &next, line, (size_t)(stop - line));
		text = newline ? newline + 1 : end;
	}
}

void kernel_log_add_record(struct text *text, const char *record, size_t len)
{
	const char *end = record + len;
	const char *message = memchr(record, ';', len), *stop;

	if (!message)
		return;
	message++;
	stop = memchr(message, '\n', (size_t)(end - message));
	text_append(text, message, (size_t)((stop ? stop : end) - message));
	text_putc(text, '\n');
}
