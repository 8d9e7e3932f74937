/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/protocol.h"

#include <stdlib.h>
#include <string.h>

#include "wire/field.h"
#include "wire/json-scan.h"
#include "wire/lists.h"

/* The lists that commands take; they name their elements in errors. */
#define BLOCKS "mem-blks"
#define DEVICES "devices"
#define DEVICES_RETURN DEVICES ".return"

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
	struct message_error error = { class, "Cannot allocate memory" };

	text_puts(&desc, before);
	text_puts(&desc, name);
	text_puts(&desc, after);
	if (!desc.failed)
		error.desc = desc.data;
	text_puts(out, "{\"error\": ");
	field_put(out, &message_error, &error);
	put_id(out, id);
	text_puts(out, "}\n");
	text_free(&desc);
}

void protocol_put_error(struct text *out, const struct protocol_request *request,
			const char *desc)
{
	put_error(out, request ? request->id : NULL, CLASS_GENERIC, desc, "", "");
}

/* --- every list of a request passes by here before its command is known */

struct lists {
	struct lists_list blocks, devices;
};

static void take_element(const struct json_scan_element *element, void *data)
{
	struct lists *lists = data;
	const char *const *names = element->names;

	if (!names[1] && strcmp(names[0], BLOCKS) == 0)
		lists_take(&lists->blocks, &lists_blocks, BLOCKS, element->index,
			   &element->value);
	else if (strcmp(names[0], DEVICES) == 0 &&
		 (!names[1] || strcmp(names[1], "return") == 0))
		lists_take(&lists->devices, &lists_devices,
			   names[1] ? DEVICES_RETURN : DEVICES, element->index,
			   &element->value);
}

/* --- from a checked object to a request; each step false with its error in `reply` */

struct decoding {
	struct json_value input;
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

/* As text: it is only sent back. */
static bool decode_id(const struct decoding *decoding)
{
	struct json_value value = json_member(&decoding->input, "id");
	struct text id = TEXT_INIT;

	if (value.kind == JSON_NONE)
		return true;
	json_put_value(&id, &value);
	if (id.failed) {
		text_free(&id);
		return refuse(decoding, "Cannot allocate memory", "", "");
	}
	decoding->request->id = id.data;
	return true;
}

static bool check_members(const struct decoding *decoding)
{
	static const struct field known[] = { { .name = "execute" },
					      { .name = "arguments" },
					      { .name = "id" } };
	struct field_fault fault;
	struct json_value execute = json_member(&decoding->input, "execute");
	struct json_value arguments = json_member(&decoding->input, "arguments");

	if (execute.kind != JSON_NONE && execute.kind != JSON_STRING)
		return refuse(decoding, "QMP input member 'execute' must be a string", "",
			      "");
	if (arguments.kind != JSON_NONE && arguments.kind != JSON_OBJECT)
		return refuse(decoding, "QMP input member 'arguments' must be an object",
			      "", "");
	if (!field_knows_all(known, FIELD_COUNT(known), &decoding->input, &fault))
		return refuse(decoding, "QMP input member '", fault.name,
			      "' is unexpected");
	return execute.kind == JSON_STRING ||
	       refuse(decoding, "QMP input lacks member 'execute'", "", "");
}

static bool decode_command(const struct decoding *decoding)
{
	struct json_value execute = json_member(&decoding->input, "execute");
	const char *name = execute.content;

	/* One that is not known is PROTOCOL_COMMANDS, see protocol_request_init. */
	if (!protocol_command_parse(name, &decoding->request->command) &&
	    !(command_is_relayed(name) && decoding->disabled & PROTOCOL_UNKNOWN)) {
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

static bool refuse_field(const struct decoding *decoding, const struct field_fault *fault)
{
	struct text desc = TEXT_INIT;

	field_explain(&desc, "", fault);
	refuse(decoding, desc.failed ? "Cannot allocate memory" : desc.data, "", "");
	text_free(&desc);
	return false;
}

/* What was collected while the list was scanned. */
static bool take_list(const struct decoding *decoding, struct lists_list *list)
{
	struct protocol_request *request = decoding->request;

	if (list->no_memory || list->error.failed)
		return refuse(decoding, "Cannot allocate memory", "", "");
	if (list->error.len)
		return refuse(decoding, list->error.data, "", "");
	if (list == &decoding->lists->devices) {
		request->devices = list->elements;
		request->device_count = list->count;
		request->has_devices = true;
	} else {
		request->blocks = list->elements;
		request->block_count = list->count;
	}
	list->elements = NULL;
	return true;
}

/* The list itself; for devices QMP's whole reply around it will do. */
static bool decode_list(const struct decoding *decoding, const struct field *field,
			const struct json_value *arguments)
{
	struct field_fault fault = { field->name, FIELD_LIST, FIELD_IS_MISSING };
	struct json_value value = json_member(arguments, field->name);
	bool is_devices = strcmp(field->name, DEVICES) == 0;

	if (value.kind == JSON_NONE)
		return field->need == FIELD_OPTIONAL || refuse_field(decoding, &fault);
	if (is_devices && value.kind == JSON_OBJECT) {
		value = json_member(&value, "return");
		fault.name = DEVICES_RETURN;
	}
	if (value.kind != JSON_NONE)
		fault.kind = FIELD_IS_WRONG;
	if (value.kind != JSON_LIST)
		return refuse_field(decoding, &fault);
	return take_list(decoding, is_devices ? &decoding->lists->devices
					      : &decoding->lists->blocks);
}

static bool decode_arguments(const struct decoding *decoding)
{
	const struct field *fields = message_arguments(decoding->request->command);
	struct json_value arguments = json_member(&decoding->input, "arguments");
	struct field_fault fault;
	size_t i;

	for (i = 0; fields[i].name; i++) {
		if (fields[i].type == FIELD_LIST) {
			if (!decode_list(decoding, &fields[i], &arguments))
				return false;
		} else if (!field_read_one(&fields[i], &arguments, decoding->request,
					   &fault)) {
			return refuse_field(decoding, &fault);
		}
	}
	return field_knows_all(fields, i, &arguments, &fault) ||
	       refuse_field(decoding, &fault);
}

static bool decode(const struct decoding *decoding)
{
	struct protocol_request *request = decoding->request;

	protocol_request_init(request, PROTOCOL_COMMANDS);
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

/* --- and back: what a host asks */

void protocol_ask_with(struct text *out, const struct protocol_request *request,
		       const char *list, const struct json_value *value)
{
	const struct field *fields = message_arguments(request->command);
	struct field_shape shape = { fields, 0, sizeof(*request) };
	struct text arguments = TEXT_INIT;

	/* The list stands first where there is one. */
	if (fields->name && fields->type == FIELD_LIST)
		shape.fields++;
	while (shape.fields[shape.count].name)
		shape.count++;
	text_puts(&arguments, "{");
	if (value) {
		json_put_string(&arguments, list, strlen(list));
		text_puts(&arguments, ": ");
		json_put_value(&arguments, value);
	}
	field_put_members(&arguments, &shape, request);
	text_puts(out, "{\"execute\": \"");
	text_puts(out, protocol_command_name(request->command));
	text_puts(out, "\"");
	if (arguments.failed) {
		out->failed = true;
	} else if (arguments.len > 1) {
		text_puts(out, ", \"arguments\": ");
		text_append(out, arguments.data, arguments.len);
		text_puts(out, "}");
	}
	text_puts(out, "}\n");
	text_free(&arguments);
}

void protocol_ask(struct text *out, const struct protocol_request *request)
{
	protocol_ask_with(out, request, NULL, NULL);
}

void protocol_request_init(struct protocol_request *request,
			   enum protocol_command command)
{
	memset(request, 0, sizeof(*request));
	request->command = command;
	request->max = UINT64_MAX;
}

/* --- the parser: json-scan finds and checks a request, the tables read it */

struct protocol_parser {
	struct json_scan *scan;
	struct lists lists; /* of the request that is being scanned */
	unsigned disabled; /* 1 << command */
};

static const struct json_scan_limits limits = {
	.bytes = PROTOCOL_REQUEST_MAX,
	.token = PROTOCOL_TOKEN_MAX,
	.kept = PROTOCOL_TOKEN_MAX + (size_t)PROTOCOL_VALUES_MAX * JSON_HEAD_SIZE,
	.values = PROTOCOL_VALUES_MAX,
	.depth = PROTOCOL_DEPTH_MAX,
	.elements = PROTOCOL_LIST_MAX,
	.members = PROTOCOL_MEMBERS_MAX,
	.bulk = "arguments",
	.bulk_depth = 2,
};

struct protocol_parser *protocol_parser_new(void)
{
	struct protocol_parser *parser = calloc(1, sizeof(*parser));
	struct json_scan_watch watch = { take_element, NULL, NULL };

	if (!parser)
		return NULL;
	parser->scan = json_scan_new(&limits);
	if (!parser->scan) {
		free(parser);
		return NULL;
	}
	watch.data = &parser->lists;
	json_scan_watch(parser->scan, &watch);
	return parser;
}

static void drop_lists(struct protocol_parser *parser)
{
	lists_clear(&parser->lists.blocks);
	lists_clear(&parser->lists.devices);
}

void protocol_parser_free(struct protocol_parser *parser)
{
	if (!parser)
		return;
	json_scan_free(parser->scan);
	drop_lists(parser);
	free(parser);
}

void protocol_parser_disable(struct protocol_parser *parser, unsigned disabled)
{
	parser->disabled = disabled;
}

void protocol_parser_reset(struct protocol_parser *parser)
{
	json_scan_reset(parser->scan);
	drop_lists(parser);
}

static enum protocol_event read_request(struct protocol_parser *parser,
					struct protocol_request *request,
					struct text *reply)
{
	struct decoding decoding = { json_scan_value(parser->scan), request, reply,
				     &parser->lists, parser->disabled };

	return decode(&decoding) ? PROTOCOL_REQUEST : PROTOCOL_BAD;
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
		drop_lists(parser);
	return event;
}

/* --- the frame of an answer */

void protocol_reply_begin(struct text *out, const struct protocol_request *request)
{
	if (request->command == PROTOCOL_GUEST_SYNC_DELIMITED)
		text_putc(out, '\xff');
	text_puts(out, "{\"return\": ");
}

void protocol_reply_end(struct text *out, const struct protocol_request *request)
{
	put_id(out, request->id);
	text_puts(out, "}\n");
}
