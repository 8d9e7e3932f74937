/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * The kernel's texts, by the first byte: /proc/cmdline, its log as syslog(2) and as
 * /dev/kmsg give it, /proc/iomem, /proc/zoneinfo. What the parsers find is in the text,
 * and not more.
 */

#include <stdlib.h>
#include <string.h>

#include "core/command-line.h"
#include "core/iomem.h"
#include "core/kernel-log.h"
#include "core/snapshot.h"
#include "core/text.h"
#include "core/zoneinfo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* How often it stands there, a line counted once. */
static size_t lines_with(const char *text, size_t len, const char *part)
{
	const char *end = text + len;
	size_t count = 0;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		const char *stop = newline ? newline : end;

		count += memmem(text, (size_t)(stop - text), part, strlen(part)) != NULL;
		text = newline ? newline + 1 : end;
	}
	return count;
}

/* --- the command line */

static void command_line(struct text *text)
{
	static const char *const found[] = { "", "online", "offline", "online_movable" };
	uint64_t limit;
	size_t i;

	text->len = strlen(text->data);
	limit = command_line_memory_limit(text->data);
	for (i = 0; i < sizeof(found) / sizeof(found[0]); i++) {
		enum command_line_memhp memhp = command_line_memhp(text->data, found[i]);

		must(memhp <= COMMAND_LINE_MEMHP_IN_FORCE);
		must(memhp != COMMAND_LINE_MEMHP_IN_FORCE ||
		     (*found[i] && strstr(text->data, found[i])));
		must(memhp == COMMAND_LINE_MEMHP_NONE || strstr(text->data, "memhp"));
	}
	must(limit > 0 && (limit == UINT64_MAX || strstr(text->data, "mem=")));
	/* The last one counts, but not behind two dashes. */
	text_puts(text, " -- mem=64M");
	must(command_line_memory_limit(text->data) == limit);
	text->len -= strlen("-- mem=64M");
	text_puts(text, "mem=64M");
	must(strstr(text->data, "--") ||
	     command_line_memory_limit(text->data) == UINT64_C(64) << 20);
}

/* --- the log */

static void kernel_log(const char *text, size_t len)
{
	static struct kernel_log log; /* large: not cleared for each */
	size_t failed = lines_with(text, len, "add_memory failed"), i;

	kernel_log_parse(&log, text, len);
	if (failed > KERNEL_LOG_FAILURES)
		failed = KERNEL_LOG_FAILURES;
	/* In a prefix it says nothing. */
	must(log.count <= failed);
	must(log.count == failed || memchr(text, '<', len) || memchr(text, '[', len));
	for (i = 0; i < log.count; i++) {
		const struct kernel_log_failure *failure = &log.failures[i];
		size_t line_len = strnlen(failure->line, sizeof(failure->line));

		must(failure->instance >= -1 && failure->slot == -1);
		must(failure->reason == REASON_ADD_FAILED ||
		     failure->reason == REASON_MEMORY_SHORT ||
		     failure->reason == REASON_UNALIGNED);
		must(!failure->has_start || failure->reason == REASON_UNALIGNED);
		must(line_len < sizeof(failure->line) &&
		     memmem(text, len, failure->line, line_len));
	}
}

/* Cut at each NUL; what comes of them is a text of whole lines for the above. */
static void kernel_records(const char *text, size_t len)
{
	struct text out = TEXT_INIT;
	const char *end = text + len;

	text_puts(&out, "");
	while (text < end) {
		const char *stop = memchr(text, '\0', (size_t)(end - text));
		size_t before = out.len, part = (size_t)((stop ? stop : end) - text);

		kernel_log_add_record(&out, text, part);
		must(!memchr(text, ';', part) == (out.len == before));
		must(out.len == before ||
		     memchr(out.data + before, '\n', out.len - before) ==
			     out.data + out.len - 1);
		text += part + 1;
	}
	kernel_log(out.data, out.len);
	text_free(&out);
}

/* --- memory */

static void iomem(const char *text, size_t len)
{
	struct iomem_dax dax = { .found = false };
	struct iomem_line line;
	size_t left = len;

	while (iomem_next(&text, &left, &line) > 0) {
		const char *owner = iomem_owner(&dax, &line);

		must(left < len);
		len = left;
		must(line.first <= line.last);
		must(strnlen(line.name, sizeof(line.name)) < sizeof(line.name));
		must(!owner || owner == line.name || strcmp(owner, IOMEM_KMEM) == 0);
	}
}

static void zoneinfo(const char *text, size_t len)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	size_t i;

	must(zoneinfo_take(&snapshot, text, 4096) == 0 ||
	     snapshot.node_count == SNAPSHOT_NODES_MAX);
	must(snapshot.node_count <= lines_with(text, len, "Node"));
	for (i = 0; i < snapshot.node_count; i++)
		must(snapshot_node(&snapshot, snapshot.nodes[i].node) ==
		     &snapshot.nodes[i]);
	snapshot_free(&snapshot);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct text text = TEXT_INIT;

	if (!size)
		return 0;
	text_append(&text, (const char *)data + 1, size - 1);
	text_puts(&text, "");
	switch (data[0] % 5) {
	case 0:
		command_line(&text);
		break;
	case 1:
		kernel_log(text.data, text.len);
		break;
	case 2:
		kernel_records(text.data, text.len);
		break;
	case 3:
		iomem(text.data, text.len);
		break;
	case 4:
		zoneinfo(text.data, text.len);
		break;
	}
	text_free(&text);
	return 0;
}
