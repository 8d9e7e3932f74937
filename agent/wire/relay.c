/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/relay.h"

#include <stdlib.h>
#include <string.h>

#include "wire/json-scan.h"
#include "wire/protocol.h"

#define INFO_COMMANDS_MAX 512

void relay_put_sync(struct text *out, int64_t number, bool flushes)
{
	struct protocol_request sync;

	if (flushes)
		text_putc(out, '\xff');
	protocol_request_init(&sync, PROTOCOL_GUEST_SYNC_DELIMITED);
	sync.sync_id = number;
	protocol_ask(out, &sync);
}

void relay_put_info_request(struct text *out)
{
	struct protocol_request info;

	protocol_request_init(&info, PROTOCOL_GUEST_INFO);
	protocol_ask(out, &info);
}

/* --- one line of JSON */

static const struct json_scan_limits limits = {
	.bytes = PROTOCOL_REQUEST_MAX,
	.token = PROTOCOL_TOKEN_MAX,
	.kept = PROTOCOL_REQUEST_MAX,
	.values = 8192,
	.depth = PROTOCOL_DEPTH_MAX,
	.elements = INFO_COMMANDS_MAX,
	.members = PROTOCOL_MEMBERS_MAX,
};

/* NULL where it is no object; the scan is the caller's, and *value lives as long. */
static struct json_scan *scan_line(const char *bytes, size_t len,
				   struct json_value *value)
{
	struct json_scan *scan = json_scan_new(&limits);

	if (!scan)
		return NULL;
	if (json_scan_feed(scan, &bytes, &len) == JSON_SCAN_OBJECT) {
		*value = json_scan_value(scan);
		return scan;
	}
	json_scan_free(scan);
	return NULL;
}

/* --- replies as they come */

void relay_reader_sync(struct relay_reader *reader, int64_t number)
{
	reader->passes = false;
	reader->number = number;
}

void relay_reader_pass(struct relay_reader *reader, int64_t number)
{
	reader->passes = true;
	reader->number = number;
}

static bool is_ours(const struct relay_reader *reader)
{
	struct json_value reply, value;
	struct json_scan *scan = scan_line(reader->mark, reader->mark_len, &reply);
	int64_t number = 0;
	bool same;

	if (!scan)
		return false;
	value = json_member(&reply, "return");
	same = json_int64(&value, &number) && number == reader->number;
	json_scan_free(scan);
	return same;
}

/* The bytes up to a newline, with it, or a 0xFF, without it, or all. */
static size_t line_len(const char *bytes, size_t len)
{
	const char *end = memchr(bytes, '\n', len);
	const char *mark = memchr(bytes, 0xff, len);

	if (end && (!mark || end < mark))
		return (size_t)(end - bytes) + 1;
	return mark ? (size_t)(mark - bytes) : len;
}

static enum relay_event take_mark(struct relay_reader *reader, const char *bytes,
				  size_t len)
{
	bool ends = len && bytes[len - 1] == '\n';

	if (reader->mark_len + len > sizeof(reader->mark)) {
		reader->mark_len = sizeof(reader->mark);
	} else {
		memcpy(reader->mark + reader->mark_len, bytes, len);
		reader->mark_len += len;
	}
	if (!ends)
		return RELAY_MORE;
	reader->in_mark = false;
	return is_ours(reader) ? RELAY_SYNCED : RELAY_MORE;
}

static enum relay_event take_line(struct relay_reader *reader, const char *bytes,
				  size_t len, struct relay_part *part)
{
	part->bytes = bytes;
	part->len = len;
	part->ends = bytes[len - 1] == '\n';
	reader->in_line = !part->ends;
	return reader->passes ? RELAY_PART : RELAY_MORE;
}

static void begin_mark(struct relay_reader *reader)
{
	reader->in_mark = true;
	reader->in_line = false;
	reader->mark_len = 0;
}

enum relay_event relay_reader_feed(struct relay_reader *reader, const char **bytes,
				   size_t *len, struct relay_part *part)
{
	enum relay_event event = RELAY_MORE;

	while (*len && event == RELAY_MORE) {
		const char *start = *bytes;
		size_t taken = 1;

		if ((unsigned char)*start == 0xff) {
			begin_mark(reader);
		} else {
			taken = line_len(start, *len);
			event = reader->in_mark ? take_mark(reader, start, taken)
						: take_line(reader, start, taken, part);
		}
		*bytes += taken;
		*len -= taken;
	}
	return event;
}

/* --- guest-info of both */

static bool member_or(const struct json_value *object, const char *name, bool missing)
{
	struct json_value value = json_member(object, name);
	bool truth = missing;

	json_boolean(&value, &truth);
	return truth;
}

/* false: memonlined's own, or no command. */
static bool read_command(const struct json_value *object,
			 const struct command_list *allowed,
			 const struct command_list *blocked,
			 struct message_guest_command *command)
{
	struct json_value name = json_member(object, "name");
	enum protocol_command own;

	command->name = json_string(&name);
	if (!command->name || protocol_command_parse(command->name, &own))
		return false;
	command->enabled = member_or(object, "enabled", true) &&
			   !command_lists_forbid(allowed, blocked, command->name);
	command->success_response = member_or(object, "success-response", true);
	return true;
}

static size_t read_commands(const struct json_value *info,
			    const struct command_list *allowed,
			    const struct command_list *blocked,
			    struct message_guest_command *commands)
{
	struct json_value list = json_member(info, "supported_commands"), item;
	struct json_cursor cursor = json_content(&list);
	size_t count = 0;

	while (count < INFO_COMMANDS_MAX && json_next(&cursor, &item))
		count += read_command(&item, allowed, blocked, &commands[count]);
	return count;
}

static void put_joined(struct text *out, const char *version,
		       const struct json_value *reply, const struct command_list *allowed,
		       const struct command_list *blocked)
{
	struct message_guest_command *commands =
		calloc(INFO_COMMANDS_MAX, sizeof(*commands));
	struct json_value info = json_member(reply, "return");
	struct json_value theirs = json_member(&info, "version");
	size_t count;

	if (!commands) {
		out->failed = true;
		return;
	}
	if (json_string(&theirs))
		version = json_string(&theirs);
	count = read_commands(&info, allowed, blocked, commands);
	protocol_put_guest_info(out, version, command_lists_disable(allowed, blocked),
				commands, count);
	free(commands);
}

void relay_put_info(struct text *out, const char *version, const struct text *line,
		    const struct command_list *allowed,
		    const struct command_list *blocked)
{
	struct json_value reply = { JSON_NONE, NULL, 0 };
	struct json_scan *scan = NULL;

	if (line->len && !line->failed)
		scan = scan_line(line->data, line->len, &reply);
	put_joined(out, version, &reply, allowed, blocked);
	json_scan_free(scan);
}
