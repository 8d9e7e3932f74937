/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/reason.h"
#include "wire/json-scan.h"
#include "wire/message.h"
#include "wire/protocol.h"

/* protocol.json has the members of the tables, and they have no others; its "about" says how it reads. */

static const struct json_scan_limits limits = {
	.bytes = 1 << 20,
	.token = 4096,
	.kept = 1 << 20,
	.values = 8192,
	.depth = 16,
	.elements = 512,
	.members = 128,
};

static struct text file = TEXT_INIT;
static struct json_scan *scan;
static struct json_value schema;

static int read_schema(void **state)
{
	const char *srcdir = getenv("srcdir"), *bytes;
	char path[1024], part[4096];
	size_t len;
	FILE *in;

	(void)state;
	snprintf(path, sizeof(path), "%s/agent/wire/protocol.json",
		 srcdir ? srcdir : ".");
	in = fopen(path, "r");
	assert_non_null(in);
	while ((len = fread(part, 1, sizeof(part), in)))
		text_append(&file, part, len);
	fclose(in);
	scan = json_scan_new(&limits);
	bytes = file.data;
	len = file.len;
	assert_int_equal(json_scan_feed(scan, &bytes, &len), JSON_SCAN_OBJECT);
	schema = json_scan_value(scan);
	return 0;
}

static int drop_schema(void **state)
{
	(void)state;
	json_scan_free(scan);
	text_free(&file);
	return 0;
}

/* schema[section][name] */
static struct json_value entry(const char *section, const char *name)
{
	struct json_value object = json_member(&schema, section);

	return json_member(&object, name);
}

/* What a shape is made of: a type with members is as the object of them. */
static struct json_value resolve(struct json_value shape)
{
	struct json_value type, members;

	if (shape.kind != JSON_STRING)
		return shape;
	type = entry("types", shape.content);
	members = json_member(&type, "members");
	return members.kind == JSON_OBJECT ? members : shape;
}

static bool is_words(const struct json_value *shape)
{
	struct json_value type = entry("types", shape->content);

	return json_member(&type, "words").kind == JSON_LIST;
}

static bool is_one_of(const char *word, const char *list)
{
	const char *at = strstr(list, word);

	return at && (at == list || at[-1] == ' ') &&
	       strchr(" ", at[strlen(word)]) != NULL;
}

static void check_object(const char *path, const struct json_value *object,
			 const struct field *fields, size_t count);

/* NOLINTBEGIN(misc-no-recursion): as deep as the tables are nested */
static void check_list(const char *path, const struct field *field,
		       const struct json_value *list)
{
	struct json_cursor cursor = json_content(list);
	struct json_value element;

	assert_int_equal(list->kind, JSON_LIST);
	assert_true(json_next(&cursor, &element));
	element = resolve(element);
	if (field->of)
		check_object(path, &element, field->of->fields, field->of->count);
	else if (element.kind == JSON_STRING && !is_words(&element))
		assert_string_equal(element.content, "string");
}

static void check_member(const char *path, const struct field *field,
			 const struct json_value *shape)
{
	static const char *const words[] = {
		[FIELD_UINT64] = "uint",	[FIELD_WRAPPED] = "uint",
		[FIELD_INT64] = "int uint",	[FIELD_INT32] = "int",
		[FIELD_BOOLEAN] = "bool",	[FIELD_SECONDS] = "uint",
		[FIELD_STRING] = "string",	[FIELD_TEXT] = "string",
		[FIELD_ONLINE_TYPE] = "string",
	};
	struct json_value meant = resolve(*shape);

	if (field->type == FIELD_LIST) {
		check_list(path, field, shape);
	} else if (field->type == FIELD_OBJECT) {
		assert_int_equal(meant.kind, JSON_OBJECT);
		check_object(path, &meant, field->of->fields, field->of->count);
	} else {
		const char *word = json_string(&meant);

		assert_non_null(word);
		if (field->need == FIELD_NULLABLE)
			assert_string_equal(word, "uint-or-null");
		else if (!is_words(&meant) && !is_one_of(word, words[field->type]))
			fail_msg("%s: %s is no %s", path, field->name, word);
		else if (is_words(&meant))
			assert_true(is_one_of("string", words[field->type]));
	}
}

/* An element of get-reports has a time, an event's data have `lost`: the table has both. */
static bool is_elsewhere(const struct field *fields, const struct field *field)
{
	return fields == message_report.fields &&
	       (strcmp(field->name, "timestamp") == 0 ||
		strcmp(field->name, "lost") == 0);
}

static void check_object(const char *path, const struct json_value *object,
			 const struct field *fields, size_t count)
{
	size_t i, seen = 0, elsewhere = 0;

	for (i = 0; i < count; i++) {
		bool other = is_elsewhere(fields, &fields[i]);
		bool may_lack = !other && (fields[i].need == FIELD_OPTIONAL ||
					   fields[i].need == FIELD_OR_NONE);
		struct json_value found;
		char name[64];

		snprintf(name, sizeof(name), "%s%s", fields[i].name, may_lack ? "?" : "");
		found = json_member(object, name);
		elsewhere += other;
		if (other && found.kind == JSON_NONE)
			continue;
		if (found.kind == JSON_NONE)
			fail_msg("%s: the schema lacks %s", path, name);
		check_member(path, &fields[i], &found);
		seen++;
	}
	if (json_count(object) != 2 * seen)
		fail_msg("%s: the schema has %zu members, the table %zu", path,
			 json_count(object) / 2, seen);
	assert_int_equal(elsewhere, fields == message_report.fields ? 2 : 0);
}
/* NOLINTEND(misc-no-recursion) */

/* What each command returns by a table: one, or a list of such. */
static const struct {
	const struct field_shape *shape;
	bool is_list;
} returned[PROTOCOL_COMMANDS] = {
	[PROTOCOL_GUEST_INFO] = { &message_guest_info, false },
	[PROTOCOL_GUEST_GET_MEMORY_BLOCKS] = { &message_guest_block, true },
	[PROTOCOL_GUEST_SET_MEMORY_BLOCKS] = { &message_guest_response, true },
	[PROTOCOL_GUEST_GET_MEMORY_BLOCK_INFO] = { &message_block_size, false },
	[PROTOCOL_STATUS] = { &message_status, false },
	[PROTOCOL_GET_RANGES] = { &message_range, true },
	[PROTOCOL_SUBSCRIBE] = { &message_position, false },
	[PROTOCOL_ONLINE] = { &message_act, false },
	[PROTOCOL_OFFLINE] = { &message_act, false },
	[PROTOCOL_RECONCILE] = { &message_device, true },
	[PROTOCOL_PROBE] = { &message_probed, true },
	[PROTOCOL_EXPLAIN] = { &message_explained, false },
	[PROTOCOL_STATS] = { &message_stats, false },
	[PROTOCOL_SUBSCRIBE_PRESSURE] = { &message_pressure_subscribed, false },
};

/* Of a command that is new here: whether some table has just these members. */
static bool is_some_message(const struct json_value *object)
{
#define SHAPE(message) &message_##message,
	static const struct field_shape *const shapes[] = { MESSAGES(SHAPE) };
	size_t i, j, found = 0;

	for (i = 0; i < sizeof(shapes) / sizeof(shapes[0]); i++) {
		for (j = 0; j < shapes[i]->count; j++)
			if (json_member(object, shapes[i]->fields[j].name).kind ==
			    JSON_NONE)
				break;
		found += j == shapes[i]->count && json_count(object) == 2 * j;
	}
	return found > 0;
}

static void has_what_commands_return(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < PROTOCOL_COMMANDS; i++) {
		const char *name = protocol_command_name((enum protocol_command)i);
		struct json_value command = entry("commands", name);
		struct json_value returns = json_member(&command, "returns");
		struct json_cursor cursor;

		if (command.kind != JSON_OBJECT)
			fail_msg("the schema lacks %s", name);
		if (!returned[i].shape) {
			assert_true(json_string(&returns) || !json_count(&returns) ||
				    i == PROTOCOL_GET_REPORTS ||
				    is_some_message(&returns));
			continue;
		}
		if (returned[i].is_list) {
			assert_int_equal(returns.kind, JSON_LIST);
			cursor = json_content(&returns);
			assert_true(json_next(&cursor, &returns));
		}
		returns = resolve(returns);
		check_object(name, &returns, returned[i].shape->fields,
			     returned[i].shape->count);
	}
}

static void has_no_other_command(void **state)
{
	struct json_value commands = json_member(&schema, "commands");

	(void)state;
	assert_int_equal(json_count(&commands), 2 * PROTOCOL_COMMANDS);
}

static void has_the_arguments(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < PROTOCOL_COMMANDS; i++) {
		const char *name = protocol_command_name((enum protocol_command)i);
		const struct field *fields = message_arguments((enum protocol_command)i);
		struct json_value command = entry("commands", name);
		struct json_value arguments = json_member(&command, "arguments");
		size_t count = 0;

		while (fields[count].name)
			count++;
		assert_int_equal(arguments.kind, JSON_OBJECT);
		check_object(name, &arguments, fields, count);
	}
}

static void has_reports_and_events(void **state)
{
	static const struct {
		const char *event;
		const struct field_shape *shape;
	} events[] = { { PROTOCOL_REPORT, &message_report },
		       { PROTOCOL_PROGRESS, &message_progress },
		       { PROTOCOL_PRESSURE, &message_pressure } };
	struct json_value value, list = entry("commands", "memonline-get-reports");
	size_t i;

	(void)state;
	value = json_member(&schema, "events");
	assert_int_equal(json_count(&value), 2 * sizeof(events) / sizeof(events[0]));
	for (i = 0; i < sizeof(events) / sizeof(events[0]); i++) {
		struct json_value event = entry("events", events[i].event);

		value = json_member(&event, "data");
		check_object(events[i].event, &value, events[i].shape->fields,
			     events[i].shape->count);
	}
	list = json_member(&list, "returns");
	assert_int_equal(json_count(&list), 2 * (message_position.count + 1));
	value = entry("types", "Report");
	value = json_member(&value, "members");
	check_object("Report", &value, message_report.fields, message_report.count);
	value = json_member(&schema, "error");
	check_object("error", &value, message_error.fields, message_error.count);
}

static void has_every_reason(void **state)
{
	struct json_value type = entry("types", "Reason"), word;
	struct json_value words = json_member(&type, "words");
	unsigned i;

	(void)state;
	assert_int_equal(json_count(&words), REASONS);
	for (i = 0; i < REASONS; i++) {
		struct json_cursor cursor = json_content(&words);
		const char *text = reason_text((enum reason)i);
		bool found = false;

		while (!found && json_next(&cursor, &word))
			found = strcmp(json_string(&word), text) == 0;
		if (!found)
			fail_msg("the schema lacks the reason %s", text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(has_what_commands_return),
		cmocka_unit_test(has_no_other_command),
		cmocka_unit_test(has_the_arguments),
		cmocka_unit_test(has_reports_and_events),
		cmocka_unit_test(has_every_reason),
	};

	return cmocka_run_group_tests_name("schema", tests, read_schema, drop_schema);
}
