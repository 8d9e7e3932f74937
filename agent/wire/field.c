/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/field.h"

#include <string.h>

#include "core/block.h"

#define SECONDS_MAX 3600

/*
 * The JSON type that a value must have before it is read; its size in C; the error for
 * another type.
 */
static const struct {
	unsigned kinds; /* 1 << enum json_kind */
	size_t size;
	const char *expected;
} types[] = {
	/*
	 * QEMU has two forms of errors about types; those without a comma lack "Invalid …
	 * type for".
	 */
	[FIELD_STRING] = { 1u << JSON_STRING, sizeof(char *), "', expected: string" },
	[FIELD_TEXT] = { 1u << JSON_STRING, 1 /* "" */, "', expected: string" },
	[FIELD_UINT64] = { 1u << JSON_INTEGER, sizeof(uint64_t), "' expects uint64" },
	[FIELD_WRAPPED] = { 1u << JSON_INTEGER, sizeof(uint64_t), "' expects uint64" },
	[FIELD_INT64] = { 1u << JSON_INTEGER, sizeof(int64_t), "', expected: integer" },
	[FIELD_INT32] = { 1u << JSON_INTEGER, sizeof(int32_t), "', expected: integer" },
	[FIELD_BOOLEAN] = { 1u << JSON_TRUE | 1u << JSON_FALSE, sizeof(bool),
			    "', expected: boolean" },
	[FIELD_SECONDS] = { 1u << JSON_INTEGER, sizeof(uint64_t),
			    "' expects 1 to 3600 seconds" },
	[FIELD_ONLINE_TYPE] = { 1u << JSON_STRING, sizeof(enum online_type),
				"', expected: string" },
	[FIELD_OBJECT] = { 1u << JSON_OBJECT, 0 /* its shape's */,
			   "', expected: object" },
	[FIELD_LIST] = { 1u << JSON_LIST, sizeof(struct field_list),
			 "', expected: array" },
};

/* --- reading */

static bool read_text(const struct json_value *value, char *to, size_t room)
{
	size_t len = strlen(value->content);

	if (len >= room)
		return false;
	memcpy(to, value->content, len + 1);
	return true;
}

static bool read_wrapped(const struct json_value *value, uint64_t *to)
{
	int64_t negative;

	if (json_uint64(value, to))
		return true;
	if (!json_int64(value, &negative))
		return false;
	*to = (uint64_t)negative;
	return true;
}

static bool read_int32(const struct json_value *value, int32_t *to)
{
	int64_t number;

	if (!json_int64(value, &number) || number > INT32_MAX || number < -INT32_MAX)
		return false;
	*to = (int32_t)number;
	return true;
}

static bool read_seconds(const struct json_value *value, uint64_t *to)
{
	uint64_t number;

	if (!json_uint64(value, &number) || number < 1 || number > SECONDS_MAX)
		return false;
	*to = number;
	return true;
}

static bool read_online_type(const struct json_value *value, enum online_type *to)
{
	enum online_type type;

	if (!online_type_parse(value->content, &type) || type == ONLINE_TYPE_OFFLINE ||
	    type == ONLINE_TYPE_NONE)
		return false;
	*to = type;
	return true;
}

static bool read_list(const struct json_value *value, struct field_list *to)
{
	to->value = *value;
	to->count = json_count(value);
	return true;
}

/* What each byte of a member is that is not there. */
static unsigned char absent_as(enum field_need need)
{
	return need == FIELD_OR_NONE || need == FIELD_NULLABLE ? 0xff : 0;
}

static size_t size_of(const struct field *field)
{
	return field->type == FIELD_OBJECT ? field->of->size : types[field->type].size;
}

/* NOLINTBEGIN(misc-no-recursion): as deep as the tables are nested, which is constant */
static bool read_value(const struct field *field, const struct json_value *value,
		       void *to, struct field_fault *fault)
{
	switch (field->type) {
	case FIELD_STRING:
		*(const char **)to = value->content;
		return true;
	case FIELD_TEXT:
		fault->kind = FIELD_IS_LONG;
		return read_text(value, to, field->room);
	case FIELD_UINT64:
		return json_uint64(value, to);
	case FIELD_WRAPPED:
		return read_wrapped(value, to);
	case FIELD_INT64:
		return json_int64(value, to);
	case FIELD_INT32:
		return read_int32(value, to);
	case FIELD_BOOLEAN:
		return json_boolean(value, to);
	case FIELD_SECONDS:
		return read_seconds(value, to);
	case FIELD_ONLINE_TYPE:
		fault->kind = FIELD_IS_OTHER;
		return read_online_type(value, to);
	case FIELD_OBJECT:
		return !field->of || field_read(field->of, value, to, fault);
	case FIELD_LIST:
		return read_list(value, to);
	}
	return false;
}

bool field_read_one(const struct field *field, const struct json_value *object, void *to,
		    struct field_fault *fault)
{
	struct json_value value = json_member(object, field->name);
	struct field_fault found = { field->name, field->type, FIELD_IS_WRONG };
	bool good;

	if (value.kind == JSON_NONE) {
		found.kind = FIELD_IS_MISSING;
		good = field->need != FIELD_REQUIRED && field->need != FIELD_NULLABLE;
	} else if (value.kind == JSON_NULL && field->need == FIELD_NULLABLE) {
		good = true;
	} else {
		good = (types[field->type].kinds >> value.kind & 1) &&
		       read_value(field, &value, (char *)to + field->offset, &found);
	}
	if (!good)
		*fault = found;
	return good;
}

bool field_read(const struct field_shape *shape, const struct json_value *object,
		void *to, struct field_fault *fault)
{
	const struct field *field = shape->fields;

	memset(to, 0, shape->size);
	for (; field < shape->fields + shape->count; field++) {
		if (absent_as(field->need))
			memset((char *)to + field->offset, 0xff, size_of(field));
		if (!field_read_one(field, object, to, fault))
			return false;
	}
	return true;
}
/* NOLINTEND(misc-no-recursion) */

bool field_knows_all(const struct field *fields, size_t count,
		     const struct json_value *object, struct field_fault *fault)
{
	struct json_cursor cursor = json_content(object);
	struct json_value key, value;
	size_t i;

	while (json_next(&cursor, &key) && json_next(&cursor, &value)) {
		for (i = 0; i < count; i++)
			if (fields[i].name && strcmp(fields[i].name, key.content) == 0)
				break;
		if (i < count)
			continue;
		fault->name = key.content;
		fault->type = FIELD_OBJECT;
		fault->kind = FIELD_IS_UNEXPECTED;
		return false;
	}
	return true;
}

/* --- errors */

void field_explain(struct text *out, const char *path, const struct field_fault *fault)
{
	const char *after = types[fault->type].expected;

	if (fault->kind == FIELD_IS_MISSING)
		after = "' is missing";
	else if (fault->kind == FIELD_IS_LONG)
		after = "' is too long";
	else if (fault->kind == FIELD_IS_UNEXPECTED)
		after = "' is unexpected";
	else if (fault->kind == FIELD_IS_OTHER)
		after = "' expects online, online_kernel or online_movable";
	text_puts(out, after[1] == ',' ? "Invalid parameter type for '" : "Parameter '");
	text_puts(out, path);
	text_puts(out, fault->name ? fault->name : "");
	text_puts(out, after);
}

/* --- writing */

/* NOLINTBEGIN(misc-no-recursion): as deep as the tables are nested, which is constant */
static void put_list(struct text *out, const struct field *field,
		     const struct field_list *list)
{
	const char *item = list->items;
	size_t i;

	text_putc(out, '[');
	for (i = 0; i < list->count; i++, item += list->stride) {
		json_put_separator(out);
		if (list->put)
			list->put(out, item);
		else if (field->of)
			field_put(out, field->of, item);
		else
			json_put_string(out, *(const char *const *)item,
					strlen(*(const char *const *)item));
	}
	text_putc(out, ']');
}

static const char *string_of(const struct field *field, const void *from)
{
	if (field->type == FIELD_TEXT)
		return from;
	return field->type == FIELD_ONLINE_TYPE
		       ? online_type_text(*(const enum online_type *)from)
		       : *(const char *const *)from;
}

static void put_field(struct text *out, const struct field *field, const void *from)
{
	const char *string;

	switch (field->type) {
	case FIELD_STRING:
	case FIELD_TEXT:
	case FIELD_ONLINE_TYPE:
		string = string_of(field, from);
		json_put_string(out, string, strlen(string));
		break;
	case FIELD_INT64:
		json_put_int64(out, *(const int64_t *)from);
		break;
	case FIELD_INT32:
		json_put_int64(out, *(const int32_t *)from);
		break;
	case FIELD_UINT64:
	case FIELD_WRAPPED:
	case FIELD_SECONDS:
	case FIELD_BOOLEAN:
		break; /* plain_value */
	case FIELD_OBJECT:
		field_put(out, field->of, from);
		break;
	case FIELD_LIST:
		put_list(out, field, from);
		break;
	}
}

static bool is_absent(const struct field *field, const unsigned char *from)
{
	size_t i, size = size_of(field);

	if (field->need == FIELD_REQUIRED || field->need == FIELD_LENIENT)
		return false;
	for (i = 0; i < size && from[i] == absent_as(field->need); i++)
		;
	return i == size;
}

/* What needs no quotes, `*len` bytes; 0 of them for all other values. */
static const char *plain_value(const struct field *field, const void *from,
			       char digits[TEXT_DIGITS_SIZE], size_t *len)
{
	bool is_true;

	*len = 0;
	switch (field->type) {
	case FIELD_UINT64:
	case FIELD_WRAPPED:
	case FIELD_SECONDS:
		*len = text_digits(digits, *(const uint64_t *)from);
		return digits;
	case FIELD_BOOLEAN:
		is_true = *(const bool *)from;
		*len = is_true ? strlen("true") : strlen("false");
		return is_true ? "true" : "false";
	case FIELD_STRING:
	case FIELD_TEXT:
	case FIELD_INT64:
	case FIELD_INT32:
	case FIELD_ONLINE_TYPE:
	case FIELD_OBJECT:
	case FIELD_LIST:
		break;
	}
	return "";
}

/* In one step: a list has a hundred thousand of them. */
static void put_head(struct text *out, const struct field *field, const char *value,
		     size_t len)
{
	size_t skipped = json_wants_separator(out) ? 0 : strlen(", ");
	size_t head = field->head_len - skipped;
	char *at = text_extend(out, head + len);

	if (!at)
		return;
	memcpy(at, field->head + skipped, head);
	memcpy(at + head, value, len);
}

static void put_member(struct text *out, const struct field *field, const void *from)
{
	char digits[TEXT_DIGITS_SIZE];
	size_t len;
	const char *value = plain_value(field, from, digits, &len);

	put_head(out, field, value, len);
	if (!len)
		put_field(out, field, from);
}

void field_put_members(struct text *out, const struct field_shape *shape,
		       const void *from)
{
	size_t i;

	for (i = 0; i < shape->count; i++) {
		const struct field *field = &shape->fields[i];
		const unsigned char *at = (const unsigned char *)from + field->offset;

		if (!is_absent(field, at))
			put_member(out, field, at);
		else if (field->need == FIELD_NULLABLE)
			put_head(out, field, "null", 4);
	}
}

void field_put(struct text *out, const struct field_shape *shape, const void *from)
{
	text_putc(out, '{');
	field_put_members(out, shape, from);
	text_putc(out, '}');
}
/* NOLINTEND(misc-no-recursion) */
