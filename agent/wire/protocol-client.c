/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/protocol-client.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE_MIN (1024UL * 1024)
#define PROGRESS_ID "progress"

struct protocol_answer {
	enum protocol_answer_kind kind;
	struct json_object *line; /* the whole; the others are parts of it */
	struct json_object *value; /* "return", "error" or "data" */
	const char *fault;
};

/* Requests */

static uint64_t number(uint64_t value)
{
	return value < INT64_MAX ? value : INT64_MAX;
}

void protocol_ask(struct text *out, enum protocol_command command)
{
	text_printf(out, "{\"execute\": \"%s\"}\n", protocol_command_name(command));
}

void protocol_ask_reports(struct text *out, uint64_t since, uint64_t max)
{
	text_printf(out,
		    "{\"execute\": \"%s\", \"arguments\": {\"since\": %" PRIu64
		    ", \"max\": %" PRIu64 "}}\n",
		    protocol_command_name(PROTOCOL_GET_REPORTS), number(since),
		    number(max));
}

void protocol_ask_subscribe(struct text *out, uint64_t since)
{
	text_printf(out,
		    "{\"execute\": \"%s\", \"arguments\": {\"since\": %" PRIu64 "}}\n",
		    protocol_command_name(PROTOCOL_SUBSCRIBE), number(since));
}

static void begin_act(struct text *out, const char *name, uint64_t start, uint64_t size)
{
	text_printf(out,
		    "{\"execute\": \"%s\", \"arguments\": {\"start\": %" PRIu64
		    ", \"size\": %" PRIu64,
		    name, number(start), number(size));
}

void protocol_ask_online(struct text *out, uint64_t start, uint64_t size,
			 const char *word, bool progress)
{
	begin_act(out, "memonline-online", start, size);
	if (word)
		text_printf(out, ", \"word\": \"%s\"", word);
	if (progress)
		text_puts(out, ", \"progress\": true");
	text_puts(out, "}}\n");
}

void protocol_ask_offline(struct text *out, uint64_t start, uint64_t size,
			  uint64_t timeout_sec)
{
	begin_act(out, "memonline-offline", start, size);
	text_printf(out, ", \"timeout\": %" PRIu64 "}}\n", number(timeout_sec));
}

void protocol_ask_explain(struct text *out, uint64_t index)
{
	text_printf(out,
		    "{\"execute\": \"%s\", \"arguments\": {\"phys-index\": %" PRIu64
		    "}}\n",
		    protocol_command_name(PROTOCOL_EXPLAIN), number(index));
}

void protocol_ask_progress(struct text *out)
{
	text_printf(out, "{\"execute\": \"%s\", \"id\": \"%s\"}\n",
		    protocol_command_name(PROTOCOL_STATUS), PROGRESS_ID);
}

void protocol_ask_sync(struct text *out, int64_t id)
{
	text_printf(out,
		    "\xff{\"execute\": \"%s\", \"arguments\": {\"id\": %" PRId64 "}}\n",
		    protocol_command_name(PROTOCOL_GUEST_SYNC_DELIMITED), id);
}

/* Lines */

/* Two containers for each of 32768 blocks, and about ten members. */
const struct protocol_bounds protocol_answer_bounds = {
	.bytes = PROTOCOL_ANSWER_MAX,
	.containers = 2 * PROTOCOL_LIST_MAX + 1024,
	.values = (size_t)16 * PROTOCOL_LIST_MAX,
};
const struct protocol_bounds protocol_sync_bounds = {
	.bytes = 4096,
	.containers = 64,
	.values = 256,
};
/* 256 DIMMs are 60 KiB, 512 objects and 2560 values. */
const struct protocol_bounds protocol_device_bounds = {
	.bytes = 1024UL * 1024,
	.containers = 4096,
	.values = 32768,
};

/* The byte after a string's closing quote; `at` is after its opening one. */
static const char *skip_string(const char *at, const char *end)
{
	while (at < end && *at != '"')
		at += *at == '\\' && end - at > 1 ? 2 : 1;
	return at < end ? at + 1 : end;
}

bool protocol_line_fits(const char *line, size_t len,
			const struct protocol_bounds *bounds)
{
	const char *at = line, *end = line + len;
	size_t containers = 0, values = 1;

	if (len > bounds->bytes)
		return false;
	while (at < end) {
		char c = *at++;

		if (c == '"')
			at = skip_string(at, end);
		else if (c == '{' || c == '[')
			containers++;
		else if (c == ',')
			values++;
		if (containers > bounds->containers || values > bounds->values)
			return false;
	}
	return true;
}

#define PIECE_BYTES 4096
#define SPACE " \t\r\n"

static bool is_ascii(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)text[i] > 0x7f)
			return false;
	return true;
}

/* One byte of ASCII in the place of each that is none; a string of `len` bytes. */
static void copy_as_ascii(char *to, const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		to[i] = (char)((unsigned char)text[i] > 0x7f ? 'x' : text[i]);
	to[len] = '\0';
}

/*
 * Where char is signed, strict mode of json-c 0.18 and 0.19 takes bytes beyond ASCII for control
 * characters. So it reads a copy without them, a piece at a time; it has no other way to refuse
 * what is not JSON.
 */
static bool is_strict(struct json_tokener *tokener, const char *text, size_t len)
{
	struct json_object *value = NULL;
	char piece[PIECE_BYTES + 1];
	bool good = true;

	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	while (good && len > 0) {
		size_t count = len < PIECE_BYTES ? len : PIECE_BYTES;

		copy_as_ascii(piece, text, count);
		if (value) {
			good = strspn(piece, SPACE) == count;
		} else {
			value = json_tokener_parse_ex(tokener, piece, (int)count);
			good = value ||
			       json_tokener_get_error(tokener) == json_tokener_continue;
		}
		text += count;
		len -= count;
	}
	good = good && value;
	json_object_put(value);
	json_tokener_reset(tokener);
	json_tokener_set_flags(tokener, 0);
	return good;
}

static int read_value(struct json_tokener *tokener, const char *text, size_t len,
		      struct json_object **parsed)
{
	struct json_object *value;

	if (is_ascii(text, len))
		json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	else if (!is_strict(tokener, text, len))
		return -EBADMSG;
	value = json_tokener_parse_ex(tokener, text, (int)len);
	if (json_tokener_get_error(tokener) != json_tokener_success) {
		json_object_put(value);
		return -EBADMSG;
	}
	*parsed = value;
	return 0;
}

static int parse_json(const char *text, size_t len, const struct protocol_bounds *bounds,
		      struct json_object **parsed)
{
	struct json_tokener *tokener;
	int r;

	if (!protocol_line_fits(text, len, bounds))
		return -EBADMSG;
	tokener = json_tokener_new_ex(PROTOCOL_DEPTH_MAX);
	if (!tokener)
		return -ENOMEM;
	r = read_value(tokener, text, len, parsed);
	json_tokener_free(tokener);
	return r;
}

static int parse_line(const char *line, size_t len, struct json_object **parsed)
{
	struct json_object *object = NULL;
	int r = parse_json(line, len, &protocol_answer_bounds, &object);

	if (r < 0)
		return r;
	if (!json_object_is_type(object, json_type_object)) {
		json_object_put(object);
		return -EBADMSG;
	}
	*parsed = object;
	return 0;
}

static const struct {
	const char *member; /* the first of these that is there says what the line is */
	const char *value;
	enum protocol_answer_kind kind;
} kinds[] = {
	{ "error", "error", PROTOCOL_ANSWER_ERROR },
	{ "return", "return", PROTOCOL_ANSWER_RETURN },
	{ "event", "data", PROTOCOL_ANSWER_EVENT },
};

static bool find_kind(struct protocol_answer *answer)
{
	size_t i;

	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (!json_object_object_get_ex(answer->line, kinds[i].member, NULL))
			continue;
		answer->kind = kinds[i].kind;
		json_object_object_get_ex(answer->line, kinds[i].value, &answer->value);
		return true;
	}
	return false;
}

int protocol_answer_parse(const char *line, size_t len, struct protocol_answer **answer)
{
	struct protocol_answer *made = calloc(1, sizeof(*made));
	int r;

	if (!made)
		return -ENOMEM;
	r = parse_line(line, len, &made->line);
	if (r == 0 && !find_kind(made))
		r = -EBADMSG;
	if (r < 0) {
		protocol_answer_free(made);
		return r;
	}
	*answer = made;
	return 0;
}

void protocol_answer_free(struct protocol_answer *answer)
{
	if (!answer)
		return;
	json_object_put(answer->line);
	free(answer);
}

enum protocol_answer_kind protocol_answer_kind(const struct protocol_answer *answer)
{
	return answer->kind;
}

/* A member of an object; NULL where either is missing. */
static struct json_object *member(struct json_object *from, const char *name)
{
	struct json_object *found = NULL;

	if (json_object_is_type(from, json_type_object))
		json_object_object_get_ex(from, name, &found);
	return found;
}

static const char *string(struct json_object *value)
{
	return json_object_is_type(value, json_type_string)
		       ? json_object_get_string(value)
		       : NULL;
}

/* The devices themselves, in the list or in QMP's reply around it. */
static int check_devices(struct json_object *value, struct text *desc)
{
	const char *said = string(member(member(value, "error"), "desc"));

	if (said) {
		text_puts(desc, said);
		return -EREMOTEIO;
	}
	if (json_object_is_type(value, json_type_object))
		value = member(value, "return");
	return json_object_is_type(value, json_type_array) ? 0 : -EBADMSG;
}

static const char space[] = " \t\r\n";

/* `extra`: what follows the list among the arguments. */
static int ask_about_devices(struct text *out, enum protocol_command command,
			     const char *devices, size_t len, const char *extra,
			     struct text *desc)
{
	struct json_object *value = NULL;
	const char *json;
	int r;

	for (; len && strchr(space, devices[len - 1]); len--)
		;
	for (; len && strchr(space, *devices); len--)
		devices++;
	r = parse_json(devices, len, &protocol_device_bounds, &value);
	if (r == 0)
		r = check_devices(value, desc);
	if (r == 0) {
		json = json_object_to_json_string_ext(value, JSON_C_TO_STRING_PLAIN);
		text_printf(out, "{\"execute\": \"%s\", \"arguments\": {\"devices\": ",
			    protocol_command_name(command));
		protocol_put_ascii(out, json ? json : "", json ? strlen(json) : 0);
		text_puts(out, extra);
		text_puts(out, "}}\n");
		r = json ? 0 : -ENOMEM;
	}
	json_object_put(value);
	return r;
}

int protocol_ask_reconcile(struct text *out, const char *devices, size_t len,
			   struct text *desc)
{
	return ask_about_devices(out, PROTOCOL_RECONCILE, devices, len, "", desc);
}

int protocol_ask_probe(struct text *out, const char *devices, size_t len, bool dry_run,
		       struct text *desc)
{
	while (len && strchr(space, devices[len - 1]))
		len--;
	if (len)
		return ask_about_devices(out, PROTOCOL_PROBE, devices, len,
					 dry_run ? ", \"dry-run\": true" : "", desc);
	text_printf(out, "{\"execute\": \"%s\", \"arguments\": {\"dry-run\": %s}}\n",
		    protocol_command_name(PROTOCOL_PROBE), dry_run ? "true" : "false");
	return 0;
}

bool protocol_answer_is_sync(const struct protocol_answer *answer, int64_t id)
{
	return answer->kind == PROTOCOL_ANSWER_RETURN &&
	       json_object_is_type(answer->value, json_type_int) &&
	       json_object_get_int64(answer->value) == id;
}

bool protocol_answer_is_progress(const struct protocol_answer *answer)
{
	const char *id = string(member(answer->line, "id"));

	return id && strcmp(id, PROGRESS_ID) == 0;
}

static const char *error_member(const struct protocol_answer *answer, const char *name)
{
	const char *text = NULL;

	if (answer->kind == PROTOCOL_ANSWER_ERROR)
		text = string(member(answer->value, name));
	return text ? text : "";
}

const char *protocol_answer_error_class(const struct protocol_answer *answer)
{
	return error_member(answer, "class");
}

const char *protocol_answer_error_desc(const struct protocol_answer *answer)
{
	return error_member(answer, "desc");
}

const char *protocol_answer_event(const struct protocol_answer *answer)
{
	if (answer->kind != PROTOCOL_ANSWER_EVENT)
		return NULL;
	return string(member(answer->line, "event"));
}

const char *protocol_answer_fault(const struct protocol_answer *answer)
{
	return answer->fault;
}

/* JSON again */

/* Reads one character, returns its bytes; U+FFFD and 1 for a byte that begins none. */
static size_t utf8_next(const unsigned char *bytes, size_t len, uint32_t *code)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least; /* below it the form is too long, and thus wrong */
	} forms[] = { { 0xe0, 0xc0, 0x80 },
		      { 0xf0, 0xe0, 0x800 },
		      { 0xf8, 0xf0, 0x10000 } };
	size_t form = 0, i;
	uint32_t value;

	*code = 0xfffd;
	while (form < 3 && (bytes[0] & forms[form].mask) != forms[form].lead)
		form++;
	if (form == 3 || form + 2 > len)
		return 1;
	value = bytes[0] & (unsigned char)~forms[form].mask;
	for (i = 1; i < form + 2; i++) {
		if ((bytes[i] & 0xc0) != 0x80)
			return 1;
		value = value << 6 | (bytes[i] & 0x3f);
	}
	if (value < forms[form].least || value > 0x10ffff ||
	    (value >= 0xd800 && value < 0xe000))
		return 1;
	*code = value;
	return form + 2;
}

static void put_code(struct text *out, uint32_t code)
{
	if (code < 0x10000) {
		text_printf(out, "\\u%04x", (unsigned)code);
		return;
	}
	code -= 0x10000;
	text_printf(out, "\\u%04x\\u%04x", 0xd800 + (unsigned)(code >> 10),
		    0xdc00 + (unsigned)(code & 0x3ff));
}

void protocol_put_ascii(struct text *out, const char *json, size_t len)
{
	const unsigned char *bytes = (const unsigned char *)json;

	while (len > 0) {
		size_t plain, used = 1;
		uint32_t code = 0x7f;

		for (plain = 0; plain < len && bytes[plain] < 0x7f;)
			plain++;
		text_append(out, (const char *)bytes, plain);
		bytes += plain;
		len -= plain;
		if (len == 0)
			return;
		if (*bytes != 0x7f)
			used = utf8_next(bytes, len, &code);
		put_code(out, code);
		bytes += used;
		len -= used;
	}
}

void protocol_answer_json(const struct protocol_answer *answer, bool pretty,
			  struct text *out)
{
	struct json_object *what = answer->kind == PROTOCOL_ANSWER_EVENT ? answer->line
									 : answer->value;
	int flags = pretty ? JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED
			   : JSON_C_TO_STRING_SPACED;
	const char *json = json_object_to_json_string_ext(what, flags);

	if (json)
		protocol_put_ascii(out, json, strlen(json));
	else
		out->failed = true;
}

/* Structs, by tables of members */

enum field_type { FIELD_STRING, FIELD_UNSIGNED, FIELD_SIGNED, FIELD_BOOLEAN };

struct field {
	const char *name;
	enum field_type type;
	size_t offset;
};

#define AT(holder, member) offsetof(struct protocol_answer_##holder, member)

static bool decode_integer(struct json_object *value, bool negative, void *to)
{
	int64_t got;

	if (!json_object_is_type(value, json_type_int))
		return false;
	got = json_object_get_int64(value);
	if (got < 0 && !negative)
		return false;
	memcpy(to, &got, sizeof(got)); /* into an int64_t or an uint64_t */
	return true;
}

static bool decode_string(struct json_object *value, void *to)
{
	const char *text = string(value);

	if (!text)
		return false;
	memcpy(to, &text, sizeof(text));
	return true;
}

static bool decode_field(struct json_object *value, enum field_type type, void *to)
{
	switch (type) {
	case FIELD_STRING:
		return decode_string(value, to);
	case FIELD_UNSIGNED:
		return decode_integer(value, false, to);
	case FIELD_SIGNED:
		return decode_integer(value, true, to);
	case FIELD_BOOLEAN:
		if (!json_object_is_type(value, json_type_boolean))
			return false;
		*(bool *)to = json_object_get_boolean(value);
		return true;
	}
	return false;
}

static int fault(struct protocol_answer *answer, const char *name)
{
	answer->fault = name;
	return -EBADMSG;
}

static int decode(struct protocol_answer *answer, struct json_object *from,
		  const struct field *fields, size_t count, void *to)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (!decode_field(member(from, fields[i].name), fields[i].type,
				  (char *)to + fields[i].offset))
			return fault(answer, fields[i].name);
	return 0;
}

static int decode_optional(struct protocol_answer *answer, struct json_object *from,
			   const struct field *fields, size_t count, void *to)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct json_object *value = member(from, fields[i].name);

		if (value &&
		    !decode_field(value, fields[i].type, (char *)to + fields[i].offset))
			return fault(answer, fields[i].name);
	}
	return 0;
}

#define DECODE(answer, from, fields, to) \
	decode(answer, from, fields, sizeof(fields) / sizeof((fields)[0]), to)

static int decode_list(struct protocol_answer *answer, struct json_object *value,
		       const char *name, size_t *count)
{
	if (!json_object_is_type(value, json_type_array))
		return fault(answer, name);
	*count = (size_t)json_object_array_length(value);
	return 0;
}

static int check_extent(struct protocol_answer *answer, uint64_t start, uint64_t size)
{
	return start + size > INT64_MAX || size == 0 ? fault(answer, "size") : 0;
}

/*
 * NULL beyond the end, and where the list is none: json-c would abort there. Its index is
 * an int before 0.13; a line of 64 MiB has no more elements than that.
 */
static struct json_object *element(struct json_object *list, size_t i)
{
	if (!json_object_is_type(list, json_type_array))
		return NULL;
	return json_object_array_get_idx(list, (int)i);
}

static const struct field status_fields[] = {
	{ "protocol", FIELD_UNSIGNED, AT(status, protocol) },
	{ "version", FIELD_STRING, AT(status, version) },
	{ "kernel", FIELD_STRING, AT(status, kernel) },
	{ "instance", FIELD_STRING, AT(status, instance) },
	{ "source", FIELD_STRING, AT(status, source) },
	{ "policy", FIELD_STRING, AT(status, policy) },
	{ "carried-out-by", FIELD_STRING, AT(status, carried_out_by) },
	{ "last-seq", FIELD_UNSIGNED, AT(status, last_seq) },
	{ "block-size", FIELD_UNSIGNED, AT(status, block_size_bytes) },
	{ "blocks", FIELD_UNSIGNED, AT(status, block_count) },
	{ "pending", FIELD_UNSIGNED, AT(status, pending) },
	{ "failed", FIELD_UNSIGNED, AT(status, failed) },
};

static const struct field total_fields[] = {
	{ "node", FIELD_SIGNED, AT(total, node) },
	{ "state", FIELD_STRING, AT(total, state) },
	{ "zone", FIELD_STRING, AT(total, zone) },
	{ "size", FIELD_UNSIGNED, AT(total, bytes) },
};

static const struct field port_fields[] = {
	{ "name", FIELD_STRING, AT(status, port) },
	{ "errno", FIELD_UNSIGNED, AT(status, port_errno) },
};

static const struct field held_up_fields[] = {
	{ "word", FIELD_STRING, AT(status, held_up_word) },
	{ "phys-index", FIELD_UNSIGNED, AT(status, held_up_index) },
	{ "elapsed-usec", FIELD_UNSIGNED, AT(status, held_up_usec) },
};

static const struct field going_offline_field[] = {
	{ "going-offline", FIELD_UNSIGNED, AT(status, going_offline) },
};

/* An older agent does not have it. */
static int decode_port(struct protocol_answer *answer,
		       struct protocol_answer_status *status)
{
	struct json_object *port = member(answer->value, "port");

	status->port = NULL;
	return port ? DECODE(answer, port, port_fields, status) : 0;
}

static int decode_held_up(struct protocol_answer *answer,
			  struct protocol_answer_status *status)
{
	struct json_object *held_up = member(answer->value, "held-up");
	int r;

	status->held_up_word = NULL;
	status->going_offline = UINT64_MAX;
	if (!held_up)
		return 0;
	r = DECODE(answer, held_up, held_up_fields, status);
	if (r == 0)
		r = decode_optional(answer, held_up, going_offline_field, 1, status);
	return r;
}

int protocol_answer_status(struct protocol_answer *answer,
			   struct protocol_answer_status *status)
{
	int r = DECODE(answer, answer->value, status_fields, status);

	if (r < 0)
		return r;
	status->racing_rules = member(answer->value, "racing-rules");
	r = decode_list(answer, status->racing_rules, "racing-rules",
			&status->racing_rule_count);
	if (r < 0)
		return r;
	status->totals = member(answer->value, "memory");
	r = decode_list(answer, status->totals, "memory", &status->total_count);
	if (r == 0)
		r = decode_port(answer, status);
	return r < 0 ? r : decode_held_up(answer, status);
}

int protocol_answer_progress(struct protocol_answer *answer, uint64_t *pending)
{
	static const struct field fields[] = { { "done", FIELD_UNSIGNED, 0 },
					       { "blocks", FIELD_UNSIGNED,
						 sizeof(uint64_t) } };
	const char *name = protocol_answer_event(answer);
	uint64_t numbers[2];
	int r = name && strcmp(name, PROTOCOL_PROGRESS) == 0 ? 0 : -EBADMSG;

	if (r == 0)
		r = DECODE(answer, answer->value, fields, numbers);
	if (r == 0)
		*pending = numbers[1] > numbers[0] ? numbers[1] - numbers[0] : 0;
	return r;
}

int protocol_answer_pending(struct protocol_answer *answer, uint64_t *pending)
{
	static const struct field fields[] = { { "pending", FIELD_UNSIGNED, 0 } };

	return DECODE(answer, answer->value, fields, pending);
}

int protocol_answer_total(struct protocol_answer *answer,
			  const struct protocol_answer_status *status, size_t i,
			  struct protocol_answer_total *total)
{
	return DECODE(answer, element(status->totals, i), total_fields, total);
}

int protocol_answer_block_size(struct protocol_answer *answer, uint64_t *bytes)
{
	static const struct field fields[] = { { "size", FIELD_UNSIGNED, 0 } };
	uint64_t size = 0;
	int r = DECODE(answer, answer->value, fields, &size);

	if (r < 0)
		return r;
	if (size < BLOCK_SIZE_MIN || (size & (size - 1)) != 0)
		return fault(answer, "size");
	*bytes = size;
	return 0;
}

static const struct field range_fields[] = {
	{ "start", FIELD_UNSIGNED, AT(range, start) },
	{ "size", FIELD_UNSIGNED, AT(range, size) },
	{ "node", FIELD_SIGNED, AT(range, node) },
	{ "state", FIELD_STRING, AT(range, state) },
	{ "reason", FIELD_STRING, AT(range, reason) },
};

int protocol_answer_ranges(struct protocol_answer *answer, size_t *count)
{
	return decode_list(answer, answer->value, "return", count);
}

int protocol_answer_range(struct protocol_answer *answer, size_t i,
			  struct protocol_answer_range *range)
{
	struct json_object *from = element(answer->value, i);
	int r = DECODE(answer, from, range_fields, range);

	if (r == 0)
		r = check_extent(answer, range->start, range->size);
	if (r < 0)
		return r;
	range->dimm = UINT64_MAX;
	decode_field(member(from, "dimm"), FIELD_UNSIGNED, &range->dimm);
	range->zones = member(from, "zones");
	return decode_list(answer, range->zones, "zones", &range->zone_count);
}

int protocol_answer_explained(struct protocol_answer *answer,
			      struct protocol_answer_explained *explained)
{
	static const struct field fields[] = {
		{ "phys-index", FIELD_UNSIGNED, AT(explained, phys_index) },
		{ "word", FIELD_STRING, AT(explained, word) },
		{ "reason", FIELD_STRING, AT(explained, reason) },
	};
	int r = DECODE(answer, answer->value, fields, explained);

	if (r < 0)
		return r;
	explained->facts = member(answer->value, "facts");
	return decode_list(answer, explained->facts, "facts", &explained->fact_count);
}

int protocol_answer_fact(struct protocol_answer *answer,
			 const struct protocol_answer_explained *explained, size_t i,
			 struct protocol_answer_fact *fact)
{
	static const struct field fields[] = {
		{ "name", FIELD_STRING, AT(fact, name) },
		{ "value", FIELD_STRING, AT(fact, value) },
	};

	return DECODE(answer, element(explained->facts, i), fields, fact);
}

static const char *known_word(struct json_object *value)
{
	const char *word = string(value);

	return word ? word : "unknown";
}

const char *protocol_answer_zone(const struct protocol_answer_range *range, size_t i)
{
	return known_word(element(range->zones, i));
}

const char *protocol_answer_racing_rule(const struct protocol_answer_status *status,
					size_t i)
{
	const char *path = string(element(status->racing_rules, i));

	return path ? path : "unknown";
}

int protocol_answer_act(struct protocol_answer *answer, struct protocol_answer_act *act)
{
	static const struct field fields[] = {
		{ "result", FIELD_STRING, AT(act, result) },
	};
	int r = DECODE(answer, answer->value, fields, act);

	if (r < 0)
		return r;
	act->blocks = member(answer->value, "blocks");
	return decode_list(answer, act->blocks, "blocks", &act->block_count);
}

static const struct field block_fields[] = {
	{ "response", FIELD_STRING, AT(block, response) },
	{ "state", FIELD_STRING, AT(block, state) },
	{ "errno", FIELD_SIGNED, AT(block, error) },
	{ "reason", FIELD_STRING, AT(block, reason) },
};

int protocol_answer_block(struct protocol_answer *answer,
			  const struct protocol_answer_act *act, size_t i,
			  uint64_t block_bytes, struct protocol_answer_block *block)
{
	static const struct protocol_answer_block unknown = { 0, "unknown", "unknown", 0,
							      "unknown" };
	struct json_object *from = element(act->blocks, i);

	*block = unknown;
	if (!decode_field(member(from, "phys-index"), FIELD_UNSIGNED,
			  &block->phys_index) ||
	    block->phys_index >= INT64_MAX / block_bytes)
		return fault(answer, "phys-index");
	return decode_optional(answer, from, block_fields,
			       sizeof(block_fields) / sizeof(block_fields[0]), block);
}

static const struct field device_fields[] = {
	{ "type", FIELD_STRING, AT(device, type) },
	{ "online", FIELD_UNSIGNED, AT(device, online) },
	{ "node", FIELD_SIGNED, AT(device, node) },
	{ "removable", FIELD_STRING, AT(device, removable) },
	{ "verdict", FIELD_STRING, AT(device, verdict) },
	{ "cause", FIELD_STRING, AT(device, cause) },
};

static const struct field optional_device_fields[] = {
	{ "id", FIELD_STRING, AT(device, id) },
	{ "slot", FIELD_SIGNED, AT(device, slot) },
	{ "start", FIELD_UNSIGNED, AT(device, start) },
	{ "size", FIELD_UNSIGNED, AT(device, size) },
	{ "requested", FIELD_UNSIGNED, AT(device, requested) },
	{ "log", FIELD_STRING, AT(device, log) },
};

static const struct field probed_fields[] = {
	{ "type", FIELD_STRING, AT(probed, type) },
	{ "verdict", FIELD_STRING, AT(probed, verdict) },
	{ "reason", FIELD_STRING, AT(probed, reason) },
	{ "errno", FIELD_SIGNED, AT(probed, error) },
	{ "confirmed", FIELD_BOOLEAN, AT(probed, confirmed) },
	{ "blocks-added", FIELD_UNSIGNED, AT(probed, added) },
	{ "online", FIELD_UNSIGNED, AT(probed, online) },
};

static const struct field optional_probed_fields[] = {
	{ "id", FIELD_STRING, AT(probed, id) },
	{ "slot", FIELD_SIGNED, AT(probed, slot) },
	{ "start", FIELD_UNSIGNED, AT(probed, start) },
	{ "size", FIELD_UNSIGNED, AT(probed, size) },
};

int protocol_answer_probed(struct protocol_answer *answer, size_t i,
			   struct protocol_answer_probed *probed)
{
	struct json_object *from = element(answer->value, i);
	int r;

	memset(probed, 0, sizeof(*probed));
	probed->id = "";
	probed->slot = -1;
	r = DECODE(answer, from, probed_fields, probed);
	if (r == 0)
		r = decode_optional(answer, from, optional_probed_fields,
				    sizeof(optional_probed_fields) /
					    sizeof(optional_probed_fields[0]),
				    probed);
	probed->checks = member(from, "checks");
	return r < 0 ? r
		     : decode_list(answer, probed->checks, "checks",
				   &probed->check_count);
}

int protocol_answer_check(struct protocol_answer *answer,
			  const struct protocol_answer_probed *probed, size_t i,
			  struct protocol_answer_check *check)
{
	static const struct field fields[] = {
		{ "check", FIELD_STRING, AT(check, check) },
		{ "reason", FIELD_STRING, AT(check, reason) },
	};

	return DECODE(answer, element(probed->checks, i), fields, check);
}

int protocol_answer_devices(struct protocol_answer *answer, size_t *count)
{
	return decode_list(answer, answer->value, "return", count);
}

int protocol_answer_device(struct protocol_answer *answer, size_t i,
			   struct protocol_answer_device *device)
{
	struct json_object *from = element(answer->value, i);
	int r;

	memset(device, 0, sizeof(*device));
	device->id = device->log = "";
	device->slot = -1;
	r = DECODE(answer, from, device_fields, device);
	if (r == 0)
		r = decode_optional(answer, from, optional_device_fields,
				    sizeof(optional_device_fields) /
					    sizeof(optional_device_fields[0]),
				    device);
	if (r == 0 && device->start + device->size > INT64_MAX)
		r = fault(answer, "size");
	if (r < 0)
		return r;
	if (!member(from, "requested"))
		device->requested = device->size;
	device->zones = member(from, "zones");
	device->missing = member(from, "missing");
	device->remarks = member(from, "remarks");
	r = decode_list(answer, device->zones, "zones", &device->zone_count);
	if (r == 0)
		r = decode_list(answer, device->missing, "missing",
				&device->missing_count);
	/* Older agents make none. */
	if (r == 0 && device->remarks)
		r = decode_list(answer, device->remarks, "remarks",
				&device->remark_count);
	return r;
}

const char *protocol_answer_device_zone(const struct protocol_answer_device *device,
					size_t i)
{
	return known_word(element(device->zones, i));
}

const char *protocol_answer_device_reason(const struct protocol_answer_device *device,
					  size_t i)
{
	return known_word(member(element(device->missing, i), "reason"));
}

const char *protocol_answer_device_remark(const struct protocol_answer_device *device,
					  size_t i)
{
	return known_word(element(device->remarks, i));
}

static const struct field position_fields[] = {
	{ "instance", FIELD_STRING, AT(position, instance) },
	{ "last-seq", FIELD_UNSIGNED, AT(position, last_seq) },
	{ "lost", FIELD_UNSIGNED, AT(position, lost) },
};

int protocol_answer_position(struct protocol_answer *answer,
			     struct protocol_answer_position *position)
{
	return DECODE(answer, answer->value, position_fields, position);
}

static const struct field report_fields[] = {
	{ "instance", FIELD_STRING, AT(report, instance) },
	{ "seq", FIELD_UNSIGNED, AT(report, seq) },
	{ "elapsed-usec", FIELD_UNSIGNED, AT(report, elapsed_usec) },
};

static const struct field time_fields[] = {
	{ "seconds", FIELD_SIGNED, AT(report, time_sec) },
	{ "microseconds", FIELD_SIGNED, AT(report, time_usec) },
};

static const struct field report_range_fields[] = {
	{ "start", FIELD_UNSIGNED, AT(report_range, start) },
	{ "size", FIELD_UNSIGNED, AT(report_range, size) },
	{ "node", FIELD_SIGNED, AT(report_range, node) },
	{ "from", FIELD_STRING, AT(report_range, from) },
	{ "to", FIELD_STRING, AT(report_range, to) },
	{ "requested", FIELD_STRING, AT(report_range, requested) },
	{ "zone", FIELD_STRING, AT(report_range, zone) },
	{ "result", FIELD_STRING, AT(report_range, result) },
	{ "errno", FIELD_SIGNED, AT(report_range, error) },
	{ "reason", FIELD_STRING, AT(report_range, reason) },
};

int protocol_answer_reports(struct protocol_answer *answer, size_t *count)
{
	return decode_list(answer, member(answer->value, "reports"), "reports", count);
}

/* `stamped` holds the timestamp: an event has it in its envelope. */
static int decode_report(struct protocol_answer *answer, struct json_object *from,
			 struct json_object *stamped,
			 struct protocol_answer_report *report)
{
	int r = DECODE(answer, from, report_fields, report);

	if (r == 0)
		r = DECODE(answer, member(stamped, "timestamp"), time_fields, report);
	if (r < 0)
		return r;
	report->ranges = member(from, "ranges");
	return decode_list(answer, report->ranges, "ranges", &report->range_count);
}

int protocol_answer_report(struct protocol_answer *answer, size_t i,
			   struct protocol_answer_report *report)
{
	struct json_object *from = answer->value;
	struct json_object *stamped = answer->line;

	if (answer->kind != PROTOCOL_ANSWER_EVENT) {
		from = element(member(answer->value, "reports"), i);
		stamped = from;
	}
	return decode_report(answer, from, stamped, report);
}

int protocol_answer_report_range(struct protocol_answer *answer,
				 const struct protocol_answer_report *report, size_t i,
				 struct protocol_answer_report_range *range)
{
	int r = DECODE(answer, element(report->ranges, i), report_range_fields, range);

	return r < 0 ? r : check_extent(answer, range->start, range->size);
}
