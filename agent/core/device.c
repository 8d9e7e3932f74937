/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/device.h"

#include <stdlib.h>
#include <string.h>

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))

enum field_state { FIELD_MISSING, FIELD_BAD, FIELD_LONG, FIELD_GOOD };
enum field_type { FIELD_OBJECT, FIELD_STRING, FIELD_UINT64, FIELD_INT32, FIELD_BOOLEAN };

enum field {
	TYPE,
	DATA,
	ADDR,
	SIZE,
	MEMADDR,
	REQUESTED,
	MAX_SIZE,
	SLOT,
	NODE,
	ID,
	HOTPLUGGED,
	FIELDS
};

/* Members of the element, then of its data. */
static const struct {
	const char *name;
	enum field_type type;
	size_t offset; /* in struct device_list */
	size_t room; /* of a string */
} fields[FIELDS] = {
#define MEMBER(name, type, member, room)                               \
	{                                                              \
		name, type, offsetof(struct device_list, member), room \
	}
	[TYPE] = MEMBER("type", FIELD_STRING, device.type, DEVICE_TYPE_SIZE),
	[DATA] = MEMBER("data", FIELD_OBJECT, device, 0),
	[ADDR] = MEMBER("addr", FIELD_UINT64, device.start, 0),
	[SIZE] = MEMBER("size", FIELD_UINT64, device.size, 0),
	[MEMADDR] = MEMBER("memaddr", FIELD_UINT64, memaddr, 0),
	[REQUESTED] = MEMBER("requested-size", FIELD_UINT64, device.requested, 0),
	[MAX_SIZE] = MEMBER("max-size", FIELD_UINT64, device.span, 0),
	[SLOT] = MEMBER("slot", FIELD_INT32, device.slot, 0),
	[NODE] = MEMBER("node", FIELD_INT32, device.node, 0),
	[ID] = MEMBER("id", FIELD_STRING, device.id, DEVICE_ID_SIZE),
	[HOTPLUGGED] = MEMBER("hotplugged", FIELD_BOOLEAN, device.hotplugged, 0),
#undef MEMBER
};

bool device_is_dimm(const struct device *device)
{
	return strcmp(device->type, DEVICE_DIMM) == 0;
}

void device_list_clear(struct device_list *list)
{
	free(list->devices);
	text_free(&list->error);
	memset(list, 0, sizeof(*list));
}

/* PATH[INDEX], and .data and the name of the field where they are meant. */
static void list_error(struct device_list *list, const char *path, size_t index,
		       const char *before, const char *name, const char *after)
{
	text_printf(&list->error, "%s'%s[%zu]%s%s", before, path, index, *name ? "." : "",
		    name);
	text_puts(&list->error, after);
}

static void field_error(struct device_list *list, const char *path, size_t index,
			enum field field)
{
	static const char *const expected[] = {
		[FIELD_OBJECT] = "', expected: object",
		[FIELD_STRING] = "', expected: string",
		[FIELD_UINT64] = "' expects uint64",
		[FIELD_INT32] = "', expected: integer",
		[FIELD_BOOLEAN] = "', expected: boolean",
	};
	static const char parameter[] = "Parameter ",
			  type[] = "Invalid parameter type for ";
	bool is_uint64 = fields[field].type == FIELD_UINT64;
	struct text name = TEXT_INIT;

	text_puts(&name, field > DATA ? "data." : "");
	text_puts(&name, fields[field].name);
	if (name.failed)
		list->no_memory = true;
	else if (list->fields[field] == FIELD_MISSING)
		list_error(list, path, index, parameter, name.data, "' is missing");
	else if (list->fields[field] == FIELD_LONG)
		list_error(list, path, index, parameter, name.data, "' is too long");
	else
		list_error(list, path, index, is_uint64 ? parameter : type, name.data,
			   expected[fields[field].type]);
	text_free(&name);
}

/* --- one member */

static enum field_state read_string(const char *text, char *to, size_t room)
{
	size_t len = strlen(text);

	if (len >= room)
		return FIELD_LONG;
	memcpy(to, text, len + 1);
	return FIELD_GOOD;
}

static enum field_state read_int32(const char *text, int32_t *to)
{
	bool negative = *text == '-';
	uint64_t number;

	if (!json_scan_uint64(text + negative, &number) || number > INT32_MAX)
		return FIELD_BAD;
	*to = negative ? -(int32_t)number : (int32_t)number;
	return FIELD_GOOD;
}

static enum field_state read_field(struct device_list *list, enum field field,
				   const struct json_scan_item *item)
{
	static const enum json_scan_kind kinds[] = {
		[FIELD_OBJECT] = JSON_SCAN_OPEN_OBJECT, [FIELD_STRING] = JSON_SCAN_STRING,
		[FIELD_UINT64] = JSON_SCAN_INTEGER,	[FIELD_INT32] = JSON_SCAN_INTEGER,
		[FIELD_BOOLEAN] = JSON_SCAN_BOOLEAN,
	};
	void *to = (char *)list + fields[field].offset;

	if (item->kind != kinds[fields[field].type])
		return FIELD_BAD;
	switch (fields[field].type) {
	case FIELD_OBJECT:
		break;
	case FIELD_STRING:
		return read_string(item->text, to, fields[field].room);
	case FIELD_UINT64:
		return json_scan_uint64(item->text, to) ? FIELD_GOOD : FIELD_BAD;
	case FIELD_INT32:
		return read_int32(item->text, to);
	case FIELD_BOOLEAN:
		*(bool *)to = item->text[0] == 't';
		break;
	}
	return FIELD_GOOD;
}

static void take_member(struct device_list *list, const struct json_scan_item *item)
{
	const char *name = item->sub ? item->sub : item->key;
	size_t len = item->sub ? item->sub_len : item->key_len;
	size_t i = item->sub ? ADDR : TYPE, end = item->sub ? FIELDS : ADDR;

	if (item->sub && !json_scan_is(item->key, item->key_len, fields[DATA].name))
		return;
	while (i < end && !json_scan_is(name, len, fields[i].name))
		i++;
	if (i < end)
		list->fields[i] = (unsigned char)read_field(list, (enum field)i, item);
}

/* --- one element */

static void begin_device(struct device_list *list)
{
	memset(&list->device, 0, sizeof(list->device));
	memset(list->fields, FIELD_MISSING, sizeof(list->fields));
	list->device.slot = list->device.node = -1;
}

/* nvdimm has the same members. */
static bool has_dimm_members(const struct device *device)
{
	return device_is_dimm(device) || strcmp(device->type, "nvdimm") == 0;
}

/* The first field that is not as it must be, or FIELDS. Of other types all may be otherwise. */
static enum field find_fault(const struct device_list *list)
{
	bool is_dimm = list->fields[TYPE] == FIELD_GOOD &&
		       has_dimm_members(&list->device);
	size_t required = is_dimm ? SIZE : DATA;
	size_t end = is_dimm ? FIELDS : DATA + 1, i;

	for (i = 0; i < end; i++) {
		enum field_state state = (enum field_state)list->fields[i];

		if (state != FIELD_GOOD && (i <= required || state != FIELD_MISSING))
			return (enum field)i;
	}
	return FIELDS;
}

static void complete_device(struct device_list *list)
{
	bool has_addr = list->fields[ADDR] == FIELD_GOOD;
	struct device *device = &list->device;

	if (!has_addr && list->fields[MEMADDR] == FIELD_GOOD) {
		device->start = list->memaddr;
		has_addr = true;
	}
	device->has_range = has_addr && list->fields[SIZE] == FIELD_GOOD;
	if (has_dimm_members(device) || device->span < device->size)
		device->span = device->size;
	if (has_dimm_members(device) || list->fields[REQUESTED] != FIELD_GOOD)
		device->requested = device->size;
}

static void add_device(struct device_list *list)
{
	if (list->count == DEVICE_LIST_MAX) {
		text_puts(&list->error, "JSON list element limit exceeded");
		return;
	}
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 16;
		struct device *devices =
			realloc(list->devices, capacity * sizeof(*devices));

		list->no_memory = !devices;
		if (!devices)
			return;
		list->devices = devices;
		list->capacity = capacity;
	}
	list->devices[list->count++] = list->device;
}

static void end_device(struct device_list *list, const char *path, size_t index)
{
	enum field fault = find_fault(list);

	if (fault != FIELDS) {
		field_error(list, path, index, fault);
		return;
	}
	complete_device(list);
	add_device(list);
}

void device_list_take(struct device_list *list, const char *path,
		      const struct json_scan_item *item)
{
	if (list->error.len || list->error.failed || list->no_memory)
		return;
	if (item->key)
		take_member(list, item);
	else if (item->kind == JSON_SCAN_OPEN_OBJECT)
		begin_device(list);
	else if (item->kind == JSON_SCAN_CLOSE)
		end_device(list, path, item->index);
	else
		list_error(list, path, item->index, "Invalid parameter type for ", "",
			   "', expected: object");
}
