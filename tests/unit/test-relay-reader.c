/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <string.h>

#include "core/command.h"
#include "wire/relay.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define MARK(number) "\xff{\"return\": " number "}\n"

/* Parts as they come, "$" where a line ends, "<N>" for the reply to the sync. */
static void read_all(struct relay_reader *reader, const char *bytes, size_t len,
		     struct text *out)
{
	struct relay_part part;
	enum relay_event event;

	do {
		event = relay_reader_feed(reader, &bytes, &len, &part);
		if (event == RELAY_PART) {
			text_append(out, part.bytes, part.len - part.ends);
			text_puts(out, part.ends ? "$" : "");
		} else if (event == RELAY_SYNCED) {
			text_puts(out, "<sync>");
		}
	} while (event != RELAY_MORE);
	assert_int_equal(len, 0);
}

static void check(bool passes, const char *bytes, size_t len, const char *expected)
{
	size_t step, at;

	for (step = 1; step <= len; step++) {
		struct relay_reader reader;
		struct text out = TEXT_INIT;

		memset(&reader, 0, sizeof(reader));
		text_puts(&out, "");
		if (passes)
			relay_reader_pass(&reader, 7);
		else
			relay_reader_sync(&reader, 7);
		for (at = 0; at < len; at += step)
			read_all(&reader, bytes + at, len - at < step ? len - at : step,
				 &out);
		assert_string_equal(out.data, expected);
		text_free(&out);
	}
}
#define CHECK(passes, bytes, expected) check(passes, bytes, sizeof(bytes) - 1, expected)

/* What is not the reply to this sync is dropped, however much it looks like it. */
static void drops_all_before_the_sync(void **state)
{
	(void)state;
	CHECK(false, "{\"return\": 7}\n{\"return\": {}}\n", "");
	CHECK(false, "{\"retu" MARK("7"), "<sync>");
	CHECK(false, MARK("6") "{\"error\": 7}\n" MARK("7"), "<sync>");
	CHECK(false, "\xff{\"error\": {}}\n", "");
	CHECK(false, "\xff\n\xff\xff" MARK("7"), "<sync>");
	CHECK(false, "\xff{\"return\": 7\xff", "");
	CHECK(false, "\xff{\"return\": 7, \"x\": 1}\n", "<sync>");
	CHECK(false, "\xff[7]\n\xff{\"return\": \"7\"}\n", "");
	CHECK(false,
	      "\xff{\"return\": 7                                          "
	      "                    }\n" MARK("7"),
	      "<sync>");
}

static void passes_lines_as_they_come(void **state)
{
	(void)state;
	CHECK(true, "{\"return\": {}}\n", "{\"return\": {}}$");
	CHECK(true, "abc", "abc");
	/* the reply to a sync behind the request, after a reply or in place of one */
	CHECK(true, "abc\n" MARK("7"), "abc$<sync>");
	CHECK(true, MARK("7"), "<sync>");
	CHECK(true, MARK("5"), "");
}

static void asks_as_qemu_ga_is_asked(void **state)
{
	struct text out = TEXT_INIT;

	(void)state;
	relay_put_sync(&out, 9007199254740993, true);
	relay_put_sync(&out, 0, false);
	relay_put_info_request(&out);
	assert_string_equal(
		out.data,
		"\xff{\"execute\": \"guest-sync-delimited\", \"arguments\": {\"id\": "
		"9007199254740993}}\n"
		"{\"execute\": \"guest-sync-delimited\", \"arguments\": {\"id\": 0}}\n"
		"{\"execute\": \"guest-info\"}\n");
	text_free(&out);
}

/* --- guest-info */

static struct command_list list_of(const char *names)
{
	struct command_list list;

	memset(&list, 0, sizeof(list));
	while (*names) {
		size_t len = strcspn(names, ",");

		assert_true(command_list_add(&list, names, len));
		names += len + (names[len] == ',');
	}
	return list;
}

static void put_info(struct text *out, const char *line, const char *allowed,
		     const char *blocked)
{
	struct command_list may = list_of(allowed), may_not = list_of(blocked);
	struct text theirs = TEXT_INIT;

	if (line)
		text_puts(&theirs, line);
	relay_put_info(out, "0.1", &theirs, &may, &may_not);
	text_free(&theirs);
}

static int count_of(const char *text, const char *part)
{
	int count = 0;

	for (; (text = strstr(text, part)); text++)
		count++;
	return count;
}

/* The list is memonlined's alone, under its own version. */
static void does_without_what_is_no_list(void **state)
{
	static const char *const lines[] = {
		NULL,
		"\n",
		"{\"return\": ",
		"{\"error\": {\"class\": \"CommandNotFound\", \"desc\": \"\"}}\n",
		"{\"return\": {}}\n",
		"{\"return\": 5}\n",
		"{\"return\": {\"supported_commands\": [1, {}, {\"name\": 5}]}}\n",
		"{\"return\": {\"version\": 2, \"supported_commands\": {}}}\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(lines); i++) {
		struct text out = TEXT_INIT;

		put_info(&out, lines[i], "", "");
		assert_int_equal(count_of(out.data, "\"name\""), PROTOCOL_COMMANDS);
		assert_non_null(strstr(out.data, "{\"version\": \"0.1\""));
		text_free(&out);
	}
}

static const char qemu_ga[] =
	"{\"return\": {\"version\": \"7.2.22\", \"supported_commands\": ["
	"{\"enabled\": true, \"name\": \"guest-exec\", \"success-response\": true}, "
	"{\"enabled\": true, \"name\": \"guest-shutdown\", \"success-response\": false}, "
	"{\"enabled\": false, \"name\": \"guest-fstrim\", \"success-response\": true}, "
	"{\"enabled\": false, \"name\": \"guest-sync\", \"success-response\": true}, "
	"{\"enabled\": true, \"name\": \"guest-set-memory-blocks\"}, "
	"{\"name\": \"guest-\\u00e4\"}]}}\n";

/* It may lack what memory did not suffice for. */
static void does_without_a_line_that_is_not_whole(void **state)
{
	struct command_list none = list_of("");
	struct text theirs = TEXT_INIT, out = TEXT_INIT;

	(void)state;
	text_puts(&theirs, qemu_ga);
	theirs.failed = true;
	relay_put_info(&out, "0.1", &theirs, &none, &none);
	assert_int_equal(count_of(out.data, "\"name\""), PROTOCOL_COMMANDS);
	assert_non_null(strstr(out.data, "{\"version\": \"0.1\""));
	text_free(&theirs);
	text_free(&out);
}

static void lists_the_commands_of_both(void **state)
{
	static const char *const parts[] = {
		"{\"version\": \"7.2.22\", ",
		"{\"name\": \"memonline-status\", \"enabled\": true, ",
		"{\"name\": \"guest-sync\", \"enabled\": true, ",
		"{\"name\": \"guest-exec\", \"enabled\": true, \"success-response\": true}",
		("{\"name\": \"guest-shutdown\", \"enabled\": true, "
		 "\"success-response\": false}"),
		"{\"name\": \"guest-fstrim\", \"enabled\": false, ",
		"{\"name\": \"guest-\\u00E4\", \"enabled\": true, \"success-response\": true}",
	};
	struct text out = TEXT_INIT;
	size_t i;

	(void)state;
	put_info(&out, qemu_ga, "", "");
	for (i = 0; i < ARRAY_SIZE(parts); i++)
		assert_non_null(strstr(out.data, parts[i]));
	assert_int_equal(count_of(out.data, "\"name\""), PROTOCOL_COMMANDS + 4);
	text_free(&out);

	put_info(&out, qemu_ga, "guest-info,guest-exec,guest-shutdown", "guest-shutdown");
	assert_int_equal(count_of(out.data, "\"enabled\": true"), 2);
	assert_non_null(strstr(out.data, "\"guest-exec\", \"enabled\": true"));
	assert_non_null(strstr(out.data, "\"guest-info\", \"enabled\": true"));
	text_free(&out);
}

/* --- which commands are whose, and lists of them */

static void knows_whose_a_command_is(void **state)
{
	(void)state;
	assert_false(command_is_relayed("guest-sync"));
	assert_false(command_is_relayed("guest-info"));
	assert_false(command_is_relayed("guest-set-memory-blocks"));
	assert_false(command_is_relayed("memonline-status"));
	assert_false(command_is_relayed("memonline-nothing"));
	assert_true(command_is_relayed("guest-ping"));
	assert_true(command_is_relayed("guest-exec"));
	assert_true(command_is_relayed("guest-sync\xc0\x80"));
	assert_true(command_is_relayed(""));
	assert_true(command_is_silent("guest-shutdown"));
	assert_true(command_is_silent("guest-suspend-ram"));
	assert_false(command_is_silent("guest-exec"));
}

static void takes_no_name_that_nobody_has(void **state)
{
	static const char *const wrong[] = { "",	   "guest-",	"guest-Exec",
					     "guest-a,b",  "guest-a b", "guestexec",
					     "memonline-", "shutdown",	"guest-\xc3\xa4",
					     "xguest-exec" };
	struct command_list list = list_of("");
	size_t i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(wrong); i++) {
		assert_false(command_list_add(&list, wrong[i], strlen(wrong[i])));
		assert_true(command_list_is_empty(&list));
	}
	for (i = 0;
	     command_list_add(&list, "guest-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 7 + i);
	     i++)
		;
	assert_true(strlen(list.relayed) <= COMMAND_LIST_LEN_MAX);
	assert_true(i > 5);
}

static void blocks_more_than_it_allows(void **state)
{
	struct command_list none = list_of("");
	struct command_list some = list_of("guest-exec,guest-ping");
	struct command_list other = list_of("guest-execute,guest-exe,guest-exec-status");

	(void)state;
	assert_false(command_lists_forbid(&none, &none, "guest-exec"));
	assert_true(command_lists_forbid(&none, &some, "guest-exec"));
	assert_true(command_lists_forbid(&none, &some, "guest-ping"));
	assert_false(command_lists_forbid(&none, &other, "guest-exec"));
	assert_false(command_lists_forbid(&none, &some, "guest-info"));
	/* where one of either agent is allowed, no other is */
	assert_false(command_lists_forbid(&some, &none, "guest-exec"));
	assert_true(command_lists_forbid(&some, &none, "guest-info"));
	assert_true(command_lists_forbid(&other, &none, "guest-exec"));
	assert_true(command_lists_forbid(&other, &none, "guest-info"));
	assert_int_equal(command_lists_disable(&other, &none), UINT32_MAX);
	assert_int_equal(command_lists_disable(&some, &none),
			 ~(1u << PROTOCOL_GUEST_PING));
	assert_true(command_lists_forbid(&some, &some, "guest-exec"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_all_before_the_sync),
		cmocka_unit_test(passes_lines_as_they_come),
		cmocka_unit_test(asks_as_qemu_ga_is_asked),
		cmocka_unit_test(does_without_what_is_no_list),
		cmocka_unit_test(does_without_a_line_that_is_not_whole),
		cmocka_unit_test(lists_the_commands_of_both),
		cmocka_unit_test(knows_whose_a_command_is),
		cmocka_unit_test(takes_no_name_that_nobody_has),
		cmocka_unit_test(blocks_more_than_it_allows),
	};

	return cmocka_run_group_tests_name("relay-reader", tests, NULL, NULL);
}
