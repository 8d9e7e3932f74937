/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/kernel-log.h"
#include "core/text.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* instance reason start line, each on its line */
static void describe(const struct kernel_log *log, struct text *out)
{
	size_t i;

	text_puts(out, "");
	for (i = 0; i < log->count; i++) {
		const struct kernel_log_failure *failure = &log->failures[i];

		assert_int_equal(failure->slot, -1);
		text_printf(out, "%d %s", failure->instance,
			    reason_text(failure->reason));
		if (failure->has_start)
			text_printf(out, " %" PRIx64, failure->start);
		text_printf(out, " %s\n", failure->line);
	}
}

#define SHORT \
	"<4>[    4.430527] kworker/u4:0: vmemmap alloc failure: order:9, mode:0x4cc0\n"
#define NOISE \
	"<4>[    4.433878]  vmemmap_alloc_block+0x80/0xd5\n<4>[    4.7] ---[ end trace ]---\n"
#define UNALIGNED                                                                  \
	"<3>[    8.775587] Block size [0x8000000] unaligned hotplug range: start " \
	"0x1000000000, size 0x6400000\n"
#define FAILED(n) "<3>[    4.708543] acpi PNP0C80:" n ": add_memory failed\n"
#define AFTER(n) \
	"<3>[    4.708659] acpi PNP0C80:" n ": acpi_memory_enable_device() error\n"

static void finds_failures(void **state)
{
	static const struct {
		const char *text;
		const char *expected;
	} rows[] = {
		{ "", "" },
		{ "\n\n<", "" },
		{ "<", "" },
		{ "[", "" },
		{ "<6>[    0.0] Linux version 6.1.0 #1\n" SHORT NOISE, "" },
		{ UNALIGNED, "" },
		{ SHORT NOISE FAILED("00") AFTER("00"),
		  "0 memory-short kworker/u4:0: vmemmap alloc failure: order:9, "
		  "mode:0x4cc0\n" },
		{ UNALIGNED FAILED("1f"),
		  "31 unaligned 1000000000 Block size [0x8000000] unaligned hotplug "
		  "range: start 0x1000000000, size 0x6400000\n" },
		/* the cause that came last before it, and each cause only once */
		{ SHORT UNALIGNED FAILED("01") FAILED("02"),
		  "1 unaligned 1000000000 Block size [0x8000000] unaligned hotplug "
		  "range: start 0x1000000000, size 0x6400000\n"
		  "2 add-failed acpi PNP0C80:02: add_memory failed\n" },
		/* 2.6 names no device, and may print no time; the text may begin and end
		 * anywhere */
		{ "4 bytes of a line\n<3>ACPI:memory_hp:add_memory failed",
		  "-1 add-failed ACPI:memory_hp:add_memory failed\n" },
		{ "PNP0C80: add_memory failed",
		  "-1 add-failed PNP0C80: add_memory failed\n" },
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		struct kernel_log log;
		struct text out = TEXT_INIT;

		kernel_log_parse(&log, rows[i].text, strlen(rows[i].text));
		describe(&log, &out);
		assert_string_equal(out.data, rows[i].expected);
		text_free(&out);
	}
}

static void keeps_the_newest(void **state)
{
	struct text text = TEXT_INIT;
	struct kernel_log log;
	size_t i;

	(void)state;
	for (i = 0; i < KERNEL_LOG_FAILURES + 3; i++)
		text_printf(&text, "<3>acpi PNP0C80:%02zx: add_memory failed\n", i);
	kernel_log_parse(&log, text.data, text.len);
	assert_int_equal(log.count, KERNEL_LOG_FAILURES);
	assert_int_equal(log.failures[0].instance, 3);
	assert_int_equal(log.failures[log.count - 1].instance, KERNEL_LOG_FAILURES + 2);
	text_free(&text);
}

static void bounds_a_line(void **state)
{
	char text[1000];
	struct kernel_log log;

	(void)state;
	memset(text, 'x', sizeof(text));
	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): a line without end */
	memcpy(text, "add_memory failed", strlen("add_memory failed"));
	kernel_log_parse(&log, text, sizeof(text));
	assert_int_equal(log.count, 1);
	assert_int_equal(strlen(log.failures[0].line), KERNEL_LOG_LINE_SIZE - 1);
}

static void takes_the_message_of_a_record(void **state)
{
	static const char *const records[] = {
		"3,912,5140900,-;acpi PNP0C80:00: add_memory failed\n DEVICE=+acpi\n",
		"4,913,5140901,-,caller=T1;a;b\n",
		"6,914,5140902,-;no newline",
		"no message\n",
		"",
	};
	struct text text = TEXT_INIT;
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(records); i++)
		kernel_log_add_record(&text, records[i], strlen(records[i]));
	assert_string_equal(text.data, "acpi PNP0C80:00: add_memory failed\n"
				       "a;b\nno newline\n");
	text_free(&text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_failures),
		cmocka_unit_test(keeps_the_newest),
		cmocka_unit_test(bounds_a_line),
		cmocka_unit_test(takes_the_message_of_a_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
