/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/protocol.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "wire/json-scan.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

/* --- the commands and their arguments */

enum argument_type {
	ARGUMENT_INT64,
	ARGUMENT_UINT64,
	ARGUMENT_TIMEOUT, /* seconds */
	ARGUMENT_BOOLEAN,
	ARGUMENT_WORD, /* one that brings a block online */
	ARGUMENT_BLOCKS, /* phys-index and online of each, collected while they are scanned */
	ARGUMENT_DEVICES /* what query-memory-devices returns, likewise */
};

struct argument {
	const char *name;
	enum argument_type type;
	bool required;
	size_t offset; /* in struct protocol_request */
};

struct command {
	const char *name;
	struct argument arguments[4]; /* without a name: none */
};

#define ARGUMENT(name, type, required, member)                                  \
	{                                                                       \
		name, type, required, offsetof(struct protocol_request, member) \
	}

/* The lists that commands take; they name their elements in errors. */
#define BLOCKS "mem-blks"
#define DEVICES "devices"
#define DEVICES_RETURN DEVICES ".return"

static const struct command commands[PROTOCOL_COMMANDS] = {
	[PROTOCOL_GUEST_SYNC] = {
		"guest-sync",
		{ ARGUMENT("id", ARGUMENT_INT64, true, sync_id) },
	},
	[PROTOCOL_GUEST_SYNC_DELIMITED] = {
		"guest-sync-delimited",
		{ ARGUMENT("id", ARGUMENT_INT64, true, sync_id) },
	},
	[PROTOCOL_GUEST_PING] = { .name = "guest-ping" },
	[PROTOCOL_GUEST_INFO] = { .name = "guest-info" },
	[PROTOCOL_GUEST_GET_MEMORY_BLOCKS] = { .name = "guest-get-memory-blocks" },
	[PROTOCOL_GUEST_SET_MEMORY_BLOCKS] = {
		"guest-set-memory-blocks",
		{ ARGUMENT(BLOCKS, ARGUMENT_BLOCKS, true, blocks) },
	},
	[PROTOCOL_GUEST_GET_MEMORY_BLOCK_INFO] = { .name = "guest-get-memory-block-info" },
	[PROTOCOL_STATUS] = { .name = "memonline-status" },
	[PROTOCOL_GET_RANGES] = { .name = "memonline-get-ranges" },
	[PROTOCOL_GET_REPORTS] = {
		"memonline-get-reports",
		{ ARGUMENT("since", ARGUMENT_UINT64, false, since),
		  ARGUMENT("max", ARGUMENT_UINT64, false, max) },
	},
	[PROTOCOL_SUBSCRIBE] = {
		"memonline-subscribe",
		{ ARGUMENT("since", ARGUMENT_UINT64, false, since) },
	},
	[PROTOCOL_ONLINE] = {
		"memonline-online",
		{ ARGUMENT("start", ARGUMENT_UINT64, true, start),
		  ARGUMENT("size", ARGUMENT_UINT64, true, size),
		  ARGUMENT("word", ARGUMENT_WORD, false, word),
		  ARGUMENT("progress", ARGUMENT_BOOLEAN, false, progress) },
	},
	[PROTOCOL_OFFLINE] = {
		"memonline-offline",
		{ ARGUMENT("start", ARGUMENT_UINT64, true, start),
		  ARGUMENT("size", ARGUMENT_UINT64, true, size),
		  ARGUMENT("timeout", ARGUMENT_TIMEOUT, false, timeout_sec) },
	},
	[PROTOCOL_RECONCILE] = {
		"memonline-reconcile",
		{ ARGUMENT(DEVICES, ARGUMENT_DEVICES, true, devices) },
	},
	[PROTOCOL_PROBE] = {
		"memonline-probe",
		{ ARGUMENT(DEVICES, ARGUMENT_DEVICES, false, devices),
		  ARGUMENT("dry-run", ARGUMENT_BOOLEAN, false, dry_run) },
	},
	[PROTOCOL_EXPLAIN] = {
		"memonline-explain",
		{ ARGUMENT("phys-index", ARGUMENT_UINT64, true, index) },
	},
};

const char *protocol_command_name(enum protocol_command command)
{
	return command < PROTOCOL_COMMANDS ? commands[command].name : "unknown";
}

static const struct argument *find_argument(const struct command *command,
					    const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(command->arguments); i++)
		if (command->arguments[i].name &&
		    strcmp(command->arguments[i].name, name) == 0)
			return &command->arguments[i];
	return NULL;
}

bool protocol_command_parse(const char *name, enum protocol_command *command)
{
	size_t i;

	for (i = 0; i < PROTOCOL_COMMANDS; i++) {
		if (strcmp(commands[i].name, name) == 0) {
			*command = (enum protocol_command)i;
			return true;
		}
	}
	return false;
}

/* --- the parts that answers are made of */

static void put_hex4(struct text *out, unsigned code)
{
	static const char digits[] = "0123456789ABCDEF";
	const char escape[] = { '\\',
				'u',
				digits[code >> 12 & 15],
				digits[code >> 8 & 15],
				digits[code >> 4 & 15],
				digits[code & 15] };

	text_append(out, escape, sizeof(escape));
}

/* Answers are ASCII throughout, as qemu-ga's; what is no UTF-8 becomes U+FFFD. */
static void put_character(struct text *out, int32_t code)
{
	static const char escapes[] = "\"\\bfnrt", meant[] = "\"\\\b\f\n\r\t";
	const char *at = code > 0 && code < 0x80 ? strchr(meant, code) : NULL;

	if (at) {
		text_append(out, "\\", 1);
		text_append(out, &escapes[at - meant], 1);
	} else if (code < 0) {
		put_hex4(out, 0xfffd);
	} else if (code < 0x10000) {
		put_hex4(out, (unsigned)code);
	} else {
		put_hex4(out, 0xd800 + (unsigned)((code - 0x10000) >> 10));
		put_hex4(out, 0xdc00 + (unsigned)(code & 0x3ff));
	}
}

static bool is_plain(char c)
{
	return c >= 0x20 && c < 0x7f && c != '"' && c != '\\';
}

static void put_string_until(struct text *out, const char *string, const char *end)
{
	text_append(out, "\"", 1);
	while (string < end) {
		const char *plain = string;

		while (string < end && is_plain(*string))
			string++;
		text_append(out, plain, (size_t)(string - plain));
		if (string < end)
			put_character(out, json_scan_utf8(&string, end));
	}
	text_append(out, "\"", 1);
}

static void put_string(struct text *out, const char *string)
{
	put_string_until(out, string, string + strlen(string));
}

void protocol_put_number(struct text *out, int64_t number)
{
	uint64_t magnitude = (uint64_t)number;

	if (number < 0) {
		text_append(out, "-", 1);
		magnitude = -magnitude;
	}
	text_putu(out, magnitude);
}

/*
 * `lead` is all that stands before the value: `{"name": ` or `, "name": `. Names are literals
 * of this file, in need of no escape.
 */
static void put_string_member(struct text *out, const char *lead, const char *string)
{
	text_puts(out, lead);
	put_string(out, string);
}

static void put_unsigned_member(struct text *out, const char *lead, uint64_t number)
{
	text_puts(out, lead);
	text_putu(out, number);
}

static void put_signed_member(struct text *out, const char *lead, int64_t number)
{
	text_puts(out, lead);
	protocol_put_number(out, number);
}

/* "[" for the first element of a list, ", " before each other one. */
static void put_separator(struct text *out)
{
	if (!out->failed && out->len && out->data[out->len - 1] != '[')
		text_append(out, ", ", 2);
}

/* --- json-c's values */

enum kind {
	KIND_NULL,
	KIND_BOOLEAN,
	KIND_INTEGER,
	KIND_NUMBER, /* no int64_t: a string of JSON_SCAN_NUMBER and its text */
	KIND_STRING,
	KIND_LIST,
	KIND_OBJECT
};

static enum kind kind_of(struct json_object *value)
{
	switch (json_object_get_type(value)) {
	case json_type_null:
		return KIND_NULL;
	case json_type_boolean:
		return KIND_BOOLEAN;
	case json_type_int:
		return KIND_INTEGER;
	case json_type_string:
		return *json_object_get_string(value) == JSON_SCAN_NUMBER ? KIND_NUMBER
									  : KIND_STRING;
	case json_type_array:
		return KIND_LIST;
	case json_type_object:
		return KIND_OBJECT;
	case json_type_double: /* json-scan leaves none */
		break;
	}
	return KIND_NUMBER;
}

static bool get_int64(struct json_object *value, int64_t *number)
{
	if (kind_of(value) != KIND_INTEGER)
		return false;
	*number = json_object_get_int64(value);
	return true;
}

static bool get_uint64(struct json_object *value, uint64_t *number)
{
	int64_t small;

	if (kind_of(value) == KIND_NUMBER)
		return json_scan_uint64(json_object_get_string(value) + 1, number);
	if (!get_int64(value, &small) || small < 0)
		return false;
	*number = (uint64_t)small;
	return true;
}

static struct json_object *member(struct json_object *object, const char *name)
{
	struct json_object *value = NULL;

	return json_object_object_get_ex(object, name, &value) ? value : NULL;
}

/* Unlike member() this knows a null from nothing. */
static bool has_member(struct json_object *object, const char *name)
{
	struct json_object *value;

	return json_object_object_get_ex(object, name, &value);
}

static void put_value(struct text *out, struct json_object *value);

/* NOLINTBEGIN(misc-no-recursion): not deeper than PROTOCOL_DEPTH_MAX, which json-scan holds */
static void put_list(struct text *out, struct json_object *list)
{
	size_t i, count = (size_t)json_object_array_length(list);

	text_puts(out, "[");
	for (i = 0; i < count; i++) {
		put_separator(out);
		put_value(out, json_object_array_get_idx(list, i));
	}
	text_puts(out, "]");
}

static void put_object(struct text *out, struct json_object *object)
{
	const char *lead = "";

	text_puts(out, "{");
	json_object_object_foreach(object, name, value)
	{
		put_string_member(out, lead, name);
		text_puts(out, ": ");
		put_value(out, value);
		lead = ", ";
	}
	text_puts(out, "}");
}

/* By hand: what json-c writes of a number or a string differs by its version. */
static void put_value(struct text *out, struct json_object *value)
{
	switch (kind_of(value)) {
	case KIND_NULL:
		text_puts(out, "null");
		break;
	case KIND_BOOLEAN:
		text_puts(out, json_object_get_boolean(value) ? "true" : "false");
		break;
	case KIND_INTEGER:
		protocol_put_number(out, json_object_get_int64(value));
		break;
	case KIND_NUMBER:
		text_puts(out, json_object_get_string(value) + 1);
		break;
	case KIND_STRING:
		put_string(out, json_object_get_string(value));
		break;
	case KIND_LIST:
		put_list(out, value);
		break;
	case KIND_OBJECT:
		put_object(out, value);
		break;
	}
}
/* NOLINTEND(misc-no-recursion) */

/* --- errors */

#define CLASS_GENERIC "GenericError"
#define CLASS_NOT_FOUND "CommandNotFound"

static void put_id(struct text *out, const char *id)
{
	if (!id)
		return;
	text_puts(out, ", \"id\": ");
	text_puts(out, id);
}

/* The description is before + name + after, as most of QEMU's are. */
static void put_error(struct text *out, const char *id, const char *class,
		      const char *before, const char *name, const char *after)
{
	struct text desc = TEXT_INIT;

	text_puts(&desc, before);
	text_puts(&desc, name);
	text_puts(&desc, after);
	text_puts(out, "{\"error\": {\"class\": \"");
	text_puts(out, class);
	put_string_member(out, "\", \"desc\": ",
			  desc.failed ? "Cannot allocate memory" : desc.data);
	text_puts(out, "}");
	put_id(out, id);
	text_puts(out, "}\n");
	text_free(&desc);
}

void protocol_put_error(struct text *out, const struct protocol_request *request,
			const char *desc)
{
	put_error(out, request->id, CLASS_GENERIC, desc, "", "");
}

/* --- the list of guest-set-memory-blocks: never a tree, 16 bytes for each element */

enum field_state { FIELD_MISSING, FIELD_BAD, FIELD_GOOD };

struct block_list {
	struct protocol_block *blocks; /* owned */
	size_t count, capacity;
	bool no_memory;
	struct text error; /* of the first bad element */
	/* the element that is being read */
	struct protocol_block block;
	enum field_state index, online, can_offline;
	struct text unexpected; /* the name of the first such member */
	bool has_unexpected;
};

static void block_list_clear(struct block_list *list)
{
	free(list->blocks);
	text_free(&list->error);
	text_free(&list->unexpected);
	memset(list, 0, sizeof(*list));
}

/* mem-blks[INDEX] and, with a dot, the name of the member. */
static void list_error(struct block_list *list, size_t index, const char *before,
		       const char *name, const char *after)
{
	text_printf(&list->error, "%s'" BLOCKS "[%zu]%s", before, index,
		    *name ? "." : "");
	text_puts(&list->error, name);
	text_puts(&list->error, after);
}

static void add_block(struct block_list *list)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 64;
		struct protocol_block *blocks =
			realloc(list->blocks, capacity * sizeof(*blocks));

		list->no_memory = !blocks;
		if (!blocks)
			return;
		list->blocks = blocks;
		list->capacity = capacity;
	}
	list->blocks[list->count++] = list->block;
}

/* In the order in which QEMU looks. */
static void end_block(struct block_list *list, size_t index)
{
	static const char missing[] = "' is missing", parameter[] = "Parameter ",
			  type[] = "Invalid parameter type for ",
			  boolean[] = "', expected: boolean";

	if (list->index == FIELD_MISSING)
		list_error(list, index, parameter, "phys-index", missing);
	else if (list->index == FIELD_BAD)
		list_error(list, index, parameter, "phys-index", "' expects uint64");
	else if (list->online == FIELD_MISSING)
		list_error(list, index, parameter, "online", missing);
	else if (list->online == FIELD_BAD)
		list_error(list, index, type, "online", boolean);
	else if (list->can_offline == FIELD_BAD)
		list_error(list, index, type, "can-offline", boolean);
	else if (list->unexpected.failed)
		list->no_memory = true;
	else if (list->has_unexpected)
		list_error(list, index, parameter, list->unexpected.data,
			   "' is unexpected");
	else
		add_block(list);
}

/* As QEMU reads an unsigned integer: a negative one counts down from 2^64. */
static enum field_state read_index(const struct json_scan_item *item, uint64_t *index)
{
	bool negative = item->kind == JSON_SCAN_INTEGER && item->text[0] == '-';
	uint64_t number;

	if (item->kind != JSON_SCAN_INTEGER ||
	    !json_scan_uint64(item->text + negative, &number) ||
	    (negative && number > (uint64_t)1 << 63))
		return FIELD_BAD;
	*index = negative ? -number : number;
	return FIELD_GOOD;
}

static enum field_state read_boolean(const struct json_scan_item *item, bool *value)
{
	if (item->kind != JSON_SCAN_BOOLEAN)
		return FIELD_BAD;
	*value = item->text[0] == 't';
	return FIELD_GOOD;
}

static void take_member(struct block_list *list, const struct json_scan_item *item)
{
	bool ignored;

	if (json_scan_is(item->key, item->key_len, "phys-index"))
		list->index = read_index(item, &list->block.index);
	else if (json_scan_is(item->key, item->key_len, "online"))
		list->online = read_boolean(item, &list->block.online);
	else if (json_scan_is(item->key, item->key_len, "can-offline"))
		list->can_offline = read_boolean(item, &ignored);
	else if (!list->has_unexpected) {
		list->has_unexpected = true;
		text_clear(&list->unexpected);
		text_append(&list->unexpected, item->key, item->key_len);
		text_puts(&list->unexpected, "");
	}
}

static void begin_block(struct block_list *list)
{
	list->index = list->online = list->can_offline = FIELD_MISSING;
	list->has_unexpected = false;
	text_clear(&list->unexpected);
}

static void take_block_item(struct block_list *list, const struct json_scan_item *item)
{
	if (item->sub || list->error.len || list->error.failed || list->no_memory ||
	    list->count >= PROTOCOL_LIST_MAX)
		return;
	if (item->key)
		take_member(list, item);
	else if (item->kind == JSON_SCAN_OPEN_OBJECT)
		begin_block(list);
	else if (item->kind == JSON_SCAN_CLOSE)
		end_block(list, item->index);
	else
		list_error(list, item->index, "Invalid parameter type for ", "",
			   "', expected: object");
}

/* --- every list of a request passes by here before its command is known */

struct lists {
	struct block_list blocks;
	struct device_list devices;
};

static void take_item(const struct json_scan_item *item, void *data)
{
	struct lists *lists = data;

	if (!item->sub_list && json_scan_is(item->list, item->list_len, BLOCKS))
		take_block_item(&lists->blocks, item);
	if (!json_scan_is(item->list, item->list_len, DEVICES))
		return;
	if (!item->sub_list)
		device_list_take(&lists->devices, DEVICES, item);
	else if (json_scan_is(item->sub_list, item->sub_list_len, "return"))
		device_list_take(&lists->devices, DEVICES_RETURN, item);
}

static void lists_clear(struct lists *lists)
{
	block_list_clear(&lists->blocks);
	device_list_clear(&lists->devices);
}

/* --- from a checked object to a request; each step false with its error in `reply` */

struct decoding {
	struct json_object *input;
	struct protocol_request *request;
	struct text *reply;
	struct lists *lists;
	unsigned disabled; /* 1 << command */
};

static bool refuse(const struct decoding *decoding, const char *before, const char *name,
		   const char *after)
{
	put_error(decoding->reply, decoding->request->id, CLASS_GENERIC, before, name,
		  after);
	return false;
}

static bool decode_id(const struct decoding *decoding)
{
	struct text id = TEXT_INIT;

	if (!has_member(decoding->input, "id"))
		return true;
	put_value(&id, member(decoding->input, "id"));
	if (id.failed) {
		text_free(&id);
		return refuse(decoding, "Cannot allocate memory", "", "");
	}
	decoding->request->id = id.data;
	return true;
}

static bool check_known_members(const struct decoding *decoding)
{
	json_object_object_foreach(decoding->input, name, value)
	{
		(void)value;
		if (strcmp(name, "execute") != 0 && strcmp(name, "arguments") != 0 &&
		    strcmp(name, "id") != 0)
			return refuse(decoding, "QMP input member '", name,
				      "' is unexpected");
	}
	return true;
}

static bool check_members(const struct decoding *decoding)
{
	bool has_execute = has_member(decoding->input, "execute");
	bool has_arguments = has_member(decoding->input, "arguments");

	if (has_execute && kind_of(member(decoding->input, "execute")) != KIND_STRING)
		return refuse(decoding, "QMP input member 'execute' must be a string", "",
			      "");
	if (has_arguments && kind_of(member(decoding->input, "arguments")) != KIND_OBJECT)
		return refuse(decoding, "QMP input member 'arguments' must be an object",
			      "", "");
	if (!check_known_members(decoding))
		return false;
	return has_execute ||
	       refuse(decoding, "QMP input lacks member 'execute'", "", "");
}

static bool decode_command(const struct decoding *decoding)
{
	const char *name = json_object_get_string(member(decoding->input, "execute"));

	if (!protocol_command_parse(name, &decoding->request->command)) {
		put_error(decoding->reply, decoding->request->id, CLASS_NOT_FOUND,
			  "The command ", name, " has not been found");
		return false;
	}
	if (!(decoding->disabled >> decoding->request->command & 1))
		return true;
	put_error(decoding->reply, decoding->request->id, CLASS_NOT_FOUND, "Command ",
		  name, " has been disabled");
	return false;
}

static bool decode_timeout(const struct decoding *decoding,
			   const struct argument *argument, struct json_object *value,
			   uint64_t *seconds)
{
	if (get_uint64(value, seconds) && *seconds >= 1 &&
	    *seconds <= PROTOCOL_TIMEOUT_MAX_SEC)
		return true;
	return refuse(decoding, "Parameter '", argument->name,
		      "' expects 1 to 3600 seconds");
}

static bool decode_boolean(const struct decoding *decoding,
			   const struct argument *argument, struct json_object *value,
			   bool *field)
{
	if (kind_of(value) != KIND_BOOLEAN)
		return refuse(decoding, "Invalid parameter type for '", argument->name,
			      "', expected: boolean");
	*field = json_object_get_boolean(value);
	return true;
}

static bool decode_word(const struct decoding *decoding, const struct argument *argument,
			struct json_object *value, enum online_type *word)
{
	if (kind_of(value) != KIND_STRING)
		return refuse(decoding, "Invalid parameter type for '", argument->name,
			      "', expected: string");
	if (online_type_parse(json_object_get_string(value), word) &&
	    *word != ONLINE_TYPE_OFFLINE && *word != ONLINE_TYPE_NONE)
		return true;
	return refuse(decoding, "Parameter '", argument->name,
		      "' expects online, online_kernel or online_movable");
}

static bool check_list(const struct decoding *decoding, const char *name,
		       struct json_object *value)
{
	return kind_of(value) == KIND_LIST ||
	       refuse(decoding, "Invalid parameter type for '", name,
		      "', expected: array");
}

static bool decode_blocks(const struct decoding *decoding,
			  const struct argument *argument, struct json_object *value)
{
	struct block_list *list = &decoding->lists->blocks;

	if (!check_list(decoding, argument->name, value))
		return false;
	if (list->no_memory || list->error.failed)
		return refuse(decoding, "Cannot allocate memory", "", "");
	if (list->error.len)
		return refuse(decoding, list->error.data, "", "");
	decoding->request->blocks = list->blocks;
	decoding->request->block_count = list->count;
	list->blocks = NULL;
	return true;
}

/* The list itself, or QMP's whole reply around it. */
static bool check_devices(const struct decoding *decoding, struct json_object *value)
{
	if (kind_of(value) != KIND_OBJECT)
		return check_list(decoding, DEVICES, value);
	if (!has_member(value, "return"))
		return refuse(decoding, "Parameter '", DEVICES_RETURN, "' is missing");
	return check_list(decoding, DEVICES_RETURN, member(value, "return"));
}

static bool decode_devices(const struct decoding *decoding, struct json_object *value)
{
	struct device_list *list = &decoding->lists->devices;

	if (!check_devices(decoding, value))
		return false;
	if (list->no_memory || list->error.failed)
		return refuse(decoding, "Cannot allocate memory", "", "");
	if (list->error.len)
		return refuse(decoding, list->error.data, "", "");
	decoding->request->devices = list->devices;
	decoding->request->device_count = list->count;
	decoding->request->has_devices = true;
	list->devices = NULL;
	return true;
}

/* QEMU words its two types' errors differently. */
static bool decode_argument(const struct decoding *decoding,
			    const struct argument *argument, struct json_object *value)
{
	void *field = (char *)decoding->request + argument->offset;

	switch (argument->type) {
	case ARGUMENT_INT64:
		if (get_int64(value, field))
			return true;
		return refuse(decoding, "Invalid parameter type for '", argument->name,
			      "', expected: integer");
	case ARGUMENT_UINT64:
		if (get_uint64(value, field))
			return true;
		return refuse(decoding, "Parameter '", argument->name,
			      "' expects uint64");
	case ARGUMENT_TIMEOUT:
		return decode_timeout(decoding, argument, value, field);
	case ARGUMENT_BOOLEAN:
		return decode_boolean(decoding, argument, value, field);
	case ARGUMENT_WORD:
		return decode_word(decoding, argument, value, field);
	case ARGUMENT_BLOCKS:
		return decode_blocks(decoding, argument, value);
	case ARGUMENT_DEVICES:
		return decode_devices(decoding, value);
	}
	return false;
}

static bool decode_known_arguments(const struct decoding *decoding,
				   const struct command *command,
				   struct json_object *arguments)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(command->arguments); i++) {
		const struct argument *argument = &command->arguments[i];

		if (!argument->name)
			break;
		if (arguments && has_member(arguments, argument->name)) {
			if (!decode_argument(decoding, argument,
					     member(arguments, argument->name)))
				return false;
		} else if (argument->required) {
			return refuse(decoding, "Parameter '", argument->name,
				      "' is missing");
		}
	}
	return true;
}

static bool decode_arguments(const struct decoding *decoding)
{
	const struct command *command = &commands[decoding->request->command];
	struct json_object *arguments = member(decoding->input, "arguments");

	if (!decode_known_arguments(decoding, command, arguments))
		return false;
	if (!arguments)
		return true;
	json_object_object_foreach(arguments, name, value)
	{
		(void)value;
		if (!find_argument(command, name))
			return refuse(decoding, "Parameter '", name, "' is unexpected");
	}
	return true;
}

static bool decode(const struct decoding *decoding)
{
	struct protocol_request *request = decoding->request;

	memset(request, 0, sizeof(*request));
	request->max = UINT64_MAX;
	request->timeout_sec = PROTOCOL_TIMEOUT_SEC;
	if (decode_id(decoding) && check_members(decoding) && decode_command(decoding) &&
	    decode_arguments(decoding))
		return true;
	protocol_request_clear(request);
	return false;
}

void protocol_request_clear(struct protocol_request *request)
{
	free(request->id);
	free(request->blocks);
	free(request->devices);
	request->id = NULL;
	request->blocks = NULL;
	request->devices = NULL;
}

/* --- the parser: json-scan finds and checks a request, json-c reads it */

struct protocol_parser {
	struct json_scan *scan;
	struct lists lists; /* of the request that is being scanned */
	unsigned disabled; /* 1 << command */
};

static const struct json_scan_limits limits = {
	.bytes = PROTOCOL_REQUEST_MAX,
	.token = PROTOCOL_TOKEN_MAX,
	.kept = PROTOCOL_TOKEN_MAX,
	.values = PROTOCOL_VALUES_MAX,
	.depth = PROTOCOL_DEPTH_MAX,
	.elements = PROTOCOL_LIST_MAX,
	.members = PROTOCOL_MEMBERS_MAX,
	.bulk = "arguments",
};

struct protocol_parser *protocol_parser_new(void)
{
	struct protocol_parser *parser = calloc(1, sizeof(*parser));

	if (!parser)
		return NULL;
	parser->scan = json_scan_new(&limits);
	if (!parser->scan) {
		free(parser);
		return NULL;
	}
	json_scan_watch(parser->scan, take_item, &parser->lists);
	return parser;
}

void protocol_parser_free(struct protocol_parser *parser)
{
	if (!parser)
		return;
	json_scan_free(parser->scan);
	lists_clear(&parser->lists);
	free(parser);
}

void protocol_parser_disable(struct protocol_parser *parser, unsigned disabled)
{
	parser->disabled = disabled;
}

/*
 * NULL on lack of memory, since json-scan has found the text to be good. Not strict: json-scan
 * is, and json-c 0.18 takes every byte above 0x7F for a control character then.
 */
static struct json_object *read_object(const char *text, size_t len)
{
	struct json_tokener *tokener = json_tokener_new_ex(PROTOCOL_DEPTH_MAX + 2);
	struct json_object *object;

	if (!tokener)
		return NULL;
	object = json_tokener_parse_ex(tokener, text, (int)len);
	json_tokener_free(tokener);
	return object;
}

static enum protocol_event read_request(struct protocol_parser *parser,
					struct protocol_request *request,
					struct text *reply)
{
	size_t len;
	const char *text = json_scan_text(parser->scan, &len);
	struct json_object *input = read_object(text, len);
	struct decoding decoding = { input, request, reply, &parser->lists,
				     parser->disabled };
	bool good;

	if (!input) {
		put_error(reply, NULL, CLASS_GENERIC, "Cannot allocate memory", "", "");
		return PROTOCOL_BAD;
	}
	good = decode(&decoding);
	json_object_put(input);
	return good ? PROTOCOL_REQUEST : PROTOCOL_BAD;
}

static enum protocol_event finish_request(struct protocol_parser *parser,
					  enum json_scan_event event,
					  struct protocol_request *request,
					  struct text *reply)
{
	const char *desc = "QMP input must be a JSON object";

	switch (event) {
	case JSON_SCAN_MORE:
		return PROTOCOL_MORE;
	case JSON_SCAN_OBJECT:
		return read_request(parser, request, reply);
	case JSON_SCAN_SCALAR:
		break;
	case JSON_SCAN_ERROR:
		desc = json_scan_error(parser->scan);
		break;
	}
	put_error(reply, NULL, CLASS_GENERIC, desc, "", "");
	return PROTOCOL_BAD;
}

enum protocol_event protocol_feed(struct protocol_parser *parser, const char **bytes,
				  size_t *len, struct protocol_request *request,
				  struct text *reply)
{
	enum json_scan_event scanned = json_scan_feed(parser->scan, bytes, len);
	enum protocol_event event = finish_request(parser, scanned, request, reply);

	if (event != PROTOCOL_MORE)
		lists_clear(&parser->lists);
	return event;
}

/* --- answers */

void protocol_reply_begin(struct text *out, const struct protocol_request *request)
{
	if (request->command == PROTOCOL_GUEST_SYNC_DELIMITED)
		text_append(out, "\xff", 1);
	text_puts(out, "{\"return\": ");
}

void protocol_reply_end(struct text *out, const struct protocol_request *request)
{
	put_id(out, request->id);
	text_puts(out, "}\n");
}

void protocol_put_empty(struct text *out)
{
	text_puts(out, "{}");
}

void protocol_list_begin(struct text *out)
{
	text_puts(out, "[");
}

void protocol_list_end(struct text *out)
{
	text_puts(out, "]");
}

void protocol_put_guest_info(struct text *out, const char *version, unsigned disabled)
{
	size_t i;

	put_string_member(out, "{\"version\": ", version);
	text_puts(out, ", \"supported_commands\": [");
	for (i = 0; i < PROTOCOL_COMMANDS; i++) {
		put_separator(out);
		put_string_member(out, "{\"name\": ", commands[i].name);
		text_puts(out, disabled >> i & 1 ? ", \"enabled\": false"
						 : ", \"enabled\": true");
		text_puts(out, ", \"success-response\": true}");
	}
	text_puts(out, "]}");
}

/*
 * A block that is going offline is still online; one whose state cannot be read is claimed to
 * be neither online nor fit to be taken offline.
 */
void protocol_put_guest_blocks(struct text *out, const struct snapshot *snapshot)
{
	size_t i;

	protocol_list_begin(out);
	for (i = 0; i < snapshot->count; i++) {
		const struct block *block = &snapshot->blocks[i];
		bool online = block->state == BLOCK_ONLINE ||
			      block->state == BLOCK_GOING_OFFLINE;
		bool known = online || block->state == BLOCK_OFFLINE;

		put_separator(out);
		put_unsigned_member(out, "{\"phys-index\": ", block->index);
		text_puts(out, online ? ", \"online\": true" : ", \"online\": false");
		text_puts(out, known ? ", \"can-offline\": true}"
				     : ", \"can-offline\": false}");
	}
	protocol_list_end(out);
}

void protocol_put_guest_block_info(struct text *out, const struct snapshot *snapshot)
{
	put_unsigned_member(out, "{\"size\": ", snapshot->block_size_bytes);
	text_puts(out, "}");
}

void protocol_put_guest_responses(struct text *out, const struct job *job)
{
	size_t i;

	protocol_list_begin(out);
	for (i = 0; i < job->count; i++) {
		const struct job_item *item = &job->items[i];

		put_separator(out);
		put_unsigned_member(out, "{\"phys-index\": ", item->index);
		put_string_member(out,
				  ", \"response\": ", job_response_text(item->response));
		if (item->error)
			put_signed_member(out, ", \"error-code\": ", item->error);
		text_puts(out, "}");
	}
	protocol_list_end(out);
}

static bool has_response(const struct job *job, enum job_response response)
{
	size_t i;

	for (i = 0; i < job->count; i++)
		if (job->items[i].response == response)
			return true;
	return false;
}

/* Whether taking it back failed as well: a block is offline that should not be. */
static bool is_left_offline(const struct job *job)
{
	size_t i;

	for (i = 0; i < job->count; i++)
		if (job->items[i].written && job->items[i].state == BLOCK_OFFLINE)
			return true;
	return false;
}

static const char *job_result_text(const struct job *job)
{
	if (job_succeeded(job))
		return "done";
	if (job->kind != JOB_OFFLINE)
		return has_response(job, JOB_SUCCESS) ? "partial" : "failed";
	if (is_left_offline(job))
		return "partial";
	return has_response(job, JOB_ROLLED_BACK) ? "rolled-back" : "failed";
}

static void put_job_item(struct text *out, const struct job_item *item)
{
	put_separator(out);
	put_unsigned_member(out, "{\"phys-index\": ", item->index);
	put_string_member(out, ", \"response\": ", job_response_text(item->response));
	put_string_member(out, ", \"state\": ", block_state_word(item->state));
	put_signed_member(out, ", \"errno\": ", item->error);
	put_string_member(out, ", \"reason\": ", reason_text(item->reason));
	text_puts(out, "}");
}

void protocol_put_job(struct text *out, const struct job *job)
{
	size_t i;

	put_string_member(out, "{\"result\": ", job_result_text(job));
	text_puts(out, ", \"blocks\": [");
	for (i = 0; i < job->count; i++)
		put_job_item(out, &job->items[i]);
	text_puts(out, "]}");
}

static void put_total(struct text *out, const struct snapshot_total *total)
{
	put_signed_member(out, "{\"node\": ", total->node);
	put_string_member(out, ", \"state\": ", block_state_word(total->state));
	put_string_member(out, ", \"zone\": ", block_zone_word(total->zone));
	put_unsigned_member(out, ", \"size\": ", total->bytes);
	text_puts(out, "}");
}

static void put_lines(struct text *out, const char *lines)
{
	const char *end;

	for (; lines && *lines; lines = *end ? end + 1 : end) {
		end = lines + strcspn(lines, "\n");
		put_separator(out);
		put_string_until(out, lines, end);
	}
}

static void put_boolean_member(struct text *out, const char *lead, bool value)
{
	text_puts(out, lead);
	text_puts(out, value ? "true" : "false");
}

static void put_port(struct text *out, const struct protocol_status *status)
{
	put_string_member(out, ", \"port\": {\"name\": ", status->port);
	put_boolean_member(out, ", \"open\": ", status->port_errno == 0);
	put_signed_member(out, ", \"errno\": ", status->port_errno);
	text_puts(out, "}");
}

static void put_held_up(struct text *out, const struct protocol_status *status)
{
	put_unsigned_member(out,
			    ", \"held-up\": {\"phys-index\": ", status->held_up_index);
	put_string_member(out, ", \"word\": ", status->held_up_word);
	put_unsigned_member(out, ", \"elapsed-usec\": ", status->held_up_usec);
	if (status->going_offline != UINT64_MAX)
		put_unsigned_member(out, ", \"going-offline\": ", status->going_offline);
	text_puts(out, "}");
}

void protocol_put_status(struct text *out, const struct protocol_status *status)
{
	size_t i;

	put_string_member(out, "{\"version\": ", status->version);
	put_unsigned_member(out, ", \"protocol\": ", PROTOCOL_VERSION);
	put_string_member(out, ", \"kernel\": ", status->kernel);
	put_string_member(out, ", \"instance\": ", status->instance);
	put_string_member(out, ", \"source\": ", status->source);
	put_string_member(out, ", \"policy\": ", status->policy);
	put_string_member(out, ", \"carried-out-by\": ", status->carried_out_by);
	put_unsigned_member(out, ", \"last-seq\": ", status->last_seq);
	put_unsigned_member(out, ", \"block-size\": ", status->block_size_bytes);
	put_unsigned_member(out, ", \"blocks\": ", status->block_count);
	put_unsigned_member(out, ", \"pending\": ", status->pending);
	put_unsigned_member(out, ", \"failed\": ", status->failed);
	text_puts(out, ", \"racing-rules\": [");
	put_lines(out, status->racing_rules);
	text_puts(out, "], \"memory\": [");
	for (i = 0; i < status->total_count; i++) {
		put_separator(out);
		put_total(out, &status->totals[i]);
	}
	text_puts(out, "]");
	if (status->port)
		put_port(out, status);
	if (status->held_up_word)
		put_held_up(out, status);
	text_puts(out, "}");
}

void protocol_put_range(struct text *out, const struct protocol_range *range)
{
	size_t i;

	put_separator(out);
	put_unsigned_member(out, "{\"start\": ", range->start);
	put_unsigned_member(out, ", \"size\": ", range->size);
	put_signed_member(out, ", \"node\": ", range->node);
	put_string_member(out, ", \"state\": ", block_state_word(range->state));
	text_puts(out, ", \"zones\": [");
	for (i = 0; i < range->zone_count; i++) {
		put_separator(out);
		put_string(out, block_zone_word((enum block_zone)range->zones[i]));
	}
	put_string_member(out, "], \"reason\": ", reason_text(range->reason));
	if (range->dimm != UINT64_MAX)
		put_unsigned_member(out, ", \"dimm\": ", range->dimm);
	text_puts(out, "}");
}

static void put_device(struct text *out, const struct device *device)
{
	put_string_member(out, "{\"type\": ", device->type);
	if (*device->id)
		put_string_member(out, ", \"id\": ", device->id);
	if (device->slot >= 0)
		put_signed_member(out, ", \"slot\": ", device->slot);
	if (!device->has_range)
		return;
	put_unsigned_member(out, ", \"start\": ", device->start);
	put_unsigned_member(out, ", \"size\": ", device->size);
}

static void put_missing(struct text *out, const struct reconcile_missing *missing)
{
	put_separator(out);
	put_string_member(out, "{\"state\": ", block_state_word(missing->state));
	put_string_member(out, ", \"reason\": ", reason_text(missing->reason));
	put_unsigned_member(out, ", \"size\": ", missing->size);
	text_puts(out, "}");
}

void protocol_put_reconciled(struct text *out, const struct device *device,
			     const struct reconcile_verdict *verdict)
{
	size_t i;

	put_separator(out);
	put_device(out, device);
	if (device->has_range && device->requested != device->size)
		put_unsigned_member(out, ", \"requested\": ", device->requested);
	put_unsigned_member(out, ", \"online\": ", verdict->online);
	put_signed_member(out, ", \"node\": ", verdict->node);
	text_puts(out, ", \"zones\": [");
	for (i = 0; i < BLOCK_ZONES; i++) {
		if (!(verdict->zones >> i & 1))
			continue;
		put_separator(out);
		put_string(out, block_zone_word((enum block_zone)i));
	}
	put_string_member(
		out, "], \"removable\": ", reconcile_removable_text(verdict->removable));
	put_string_member(out, ", \"verdict\": ", reconcile_state_text(verdict->state));
	put_string_member(out, ", \"cause\": ", reason_text(verdict->cause));
	text_puts(out, ", \"missing\": [");
	for (i = 0; i < verdict->missing_count; i++)
		put_missing(out, &verdict->missing[i]);
	text_puts(out, "], \"remarks\": [");
	for (i = 0; i < verdict->remark_count; i++) {
		put_separator(out);
		put_string(out, reason_text(verdict->remarks[i]));
	}
	text_puts(out, "]");
	if (verdict->log)
		put_string_member(out, ", \"log\": ", verdict->log);
	text_puts(out, "}");
}

static void put_check(struct text *out, enum probe_check check, enum reason reason)
{
	put_separator(out);
	put_string_member(out, "{\"check\": ", reason_text(probe_check_reason(check)));
	put_boolean_member(out, ", \"passed\": ", reason == REASON_NONE);
	put_string_member(out, ", \"reason\": ", reason_text(reason));
	text_puts(out, "}");
}

void protocol_put_probed(struct text *out, const struct probe_result *result)
{
	unsigned i;

	put_separator(out);
	put_device(out, &result->device);
	put_string_member(out, ", \"verdict\": ", probe_result_text(result->state));
	put_string_member(out, ", \"reason\": ", reason_text(result->reason));
	put_signed_member(out, ", \"errno\": ", result->error);
	put_boolean_member(out, ", \"confirmed\": ", result->confirmed);
	put_unsigned_member(out, ", \"blocks-added\": ", result->added);
	put_unsigned_member(out, ", \"online\": ", result->online);
	text_puts(out, ", \"checks\": [");
	for (i = 0; i < PROBE_CHECKS; i++)
		put_check(out, (enum probe_check)i, result->verdict.checks[i]);
	text_puts(out, "]}");
}

void protocol_put_fact(struct text *facts, const char *name, const char *value)
{
	if (facts->len)
		text_puts(facts, ", ");
	put_string_member(facts, "{\"name\": ", name);
	put_string_member(facts, ", \"value\": ", value);
	text_puts(facts, "}");
}

void protocol_put_explained(struct text *out, uint64_t index,
			    const struct policy_verdict *verdict,
			    const struct text *facts)
{
	put_unsigned_member(out, "{\"phys-index\": ", index);
	put_string_member(out, ", \"word\": ", online_type_text(verdict->word));
	put_string_member(out, ", \"reason\": ", reason_text(verdict->reason));
	text_puts(out, ", \"facts\": [");
	text_append(out, facts->data, facts->len);
	text_puts(out, "]}");
}

static void put_report_range(struct text *out, const struct report_range *range)
{
	put_unsigned_member(out, "{\"start\": ", range->start);
	put_unsigned_member(out, ", \"size\": ", range->size);
	put_signed_member(out, ", \"node\": ", range->node);
	put_string_member(
		out, ", \"from\": ", block_state_word((enum block_state)range->from));
	put_string_member(out,
			  ", \"to\": ", block_state_word((enum block_state)range->to));
	put_string_member(out, ", \"requested\": ",
			  online_type_text((enum online_type)range->requested));
	put_string_member(out,
			  ", \"zone\": ", block_zone_word((enum block_zone)range->zone));
	put_string_member(out, ", \"result\": ",
			  report_result_text((enum report_result)range->result));
	put_signed_member(out, ", \"errno\": ", range->error);
	put_string_member(out, ", \"reason\": ", reason_text((enum reason)range->reason));
	text_puts(out, "}");
}

static void put_timestamp(struct text *out, int64_t sec, int64_t usec)
{
	put_signed_member(out, ", \"timestamp\": {\"seconds\": ", sec);
	put_signed_member(out, ", \"microseconds\": ", usec);
	text_puts(out, "}");
}

/* The timestamp is an event's own member, and a member of each report of a list. */
static void put_report_data(struct text *out, const struct journal *journal,
			    const struct report *report, bool with_timestamp)
{
	const struct report_range *ranges = journal_ranges(journal, report);
	size_t i;

	put_string_member(out, "{\"instance\": ", journal_instance(journal));
	put_unsigned_member(out, ", \"seq\": ", report->seq);
	if (with_timestamp)
		put_timestamp(out, report->time_sec, report->time_usec);
	text_puts(out, ", \"ranges\": [");
	for (i = 0; i < report->count; i++) {
		put_separator(out);
		put_report_range(out, &ranges[i]);
	}
	put_unsigned_member(out, "], \"elapsed-usec\": ", report->elapsed_usec);
}

static void put_position(struct text *out, const struct journal *journal, uint64_t since)
{
	put_string_member(out, "{\"instance\": ", journal_instance(journal));
	put_unsigned_member(out, ", \"last-seq\": ", journal_last(journal));
	put_unsigned_member(out, ", \"lost\": ", journal_lost(journal, since));
}

void protocol_put_reports(struct text *out, const struct journal *journal, uint64_t since,
			  uint64_t max)
{
	const struct report *report;

	put_position(out, journal, since);
	text_puts(out, ", \"reports\": [");
	while (max-- && (report = journal_after(journal, since))) {
		put_separator(out);
		put_report_data(out, journal, report, true);
		text_puts(out, "}");
		since = report->seq;
	}
	text_puts(out, "]}");
}

void protocol_put_subscribed(struct text *out, const struct journal *journal,
			     uint64_t since)
{
	/* A number that was never given is of an earlier instance. */
	put_position(out, journal, since > journal_last(journal) ? 0 : since);
	text_puts(out, "}");
}

void protocol_put_event(struct text *out, const struct journal *journal,
			const struct report *report, uint64_t lost)
{
	text_puts(out, "{\"event\": \"MEMONLINE_REPORT\"");
	put_timestamp(out, report->time_sec, report->time_usec);
	text_puts(out, ", \"data\": ");
	put_report_data(out, journal, report, false);
	put_unsigned_member(out, ", \"lost\": ", lost);
	text_puts(out, "}}\n");
}

void protocol_put_progress(struct text *out, int64_t sec, int64_t usec,
			   const struct job *job)
{
	text_puts(out, "{\"event\": \"" PROTOCOL_PROGRESS "\"");
	put_timestamp(out, sec, usec);
	put_unsigned_member(out, ", \"data\": {\"done\": ", job->next);
	put_unsigned_member(out, ", \"blocks\": ", job->count);
	text_puts(out, "}}\n");
}
