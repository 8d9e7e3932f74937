/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/lists.h"

#include <stdlib.h>
#include <string.h>

#include "wire/field.h"

struct lists_kind {
	size_t size; /* of an element */
	size_t max;
	/* `within` is what lies between the element and the member at fault: "" or "data.". */
	bool (*read)(const struct json_value *value, void *element,
		     struct field_fault *fault, const char **within);
};

/* --- blocks: 16 bytes for each */

#define AT(member) offsetof(struct protocol_block, member)
static const struct field block_fields[] = {
	{ FIELD_NAME("phys-index"), FIELD_WRAPPED, NULL, FIELD_REQUIRED, AT(index), 0 },
	{ FIELD_NAME("online"), FIELD_BOOLEAN, NULL, FIELD_REQUIRED, AT(online), 0 },
	{ FIELD_NAME("can-offline"), FIELD_BOOLEAN, NULL, FIELD_OPTIONAL, AT(can_offline),
	  0 },
};
#undef AT
static const struct field_shape block_shape =
	FIELD_SHAPE(block_fields, struct protocol_block);

static bool read_block(const struct json_value *value, void *element,
		       struct field_fault *fault, const char **within)
{
	(void)within;
	return field_read(&block_shape, value, element, fault) &&
	       field_knows_all(block_fields, FIELD_COUNT(block_fields), value, fault);
}

const struct lists_kind lists_blocks = { sizeof(struct protocol_block), SIZE_MAX,
					 read_block };

/* --- devices */

/* An element, and what its data hold. */
struct described {
	struct device device;
	uint64_t memaddr;
	bool has_addr, has_memaddr, has_size, has_requested;
};

#define AT(member) offsetof(struct described, member)
static const struct field outer[] = {
	{ FIELD_NAME("type"), FIELD_TEXT, NULL, FIELD_REQUIRED, AT(device.type),
	  DEVICE_TYPE_SIZE },
	{ FIELD_NAME("data"), FIELD_OBJECT, NULL, FIELD_REQUIRED, 0, 0 },
};

/* The first two are those that a dimm cannot be without; nvdimm has the same members. */
static const struct field inner[] = {
	{ FIELD_NAME("addr"), FIELD_UINT64, NULL, FIELD_REQUIRED, AT(device.start), 0 },
	{ FIELD_NAME("size"), FIELD_UINT64, NULL, FIELD_REQUIRED, AT(device.size), 0 },
	{ FIELD_NAME("memaddr"), FIELD_UINT64, NULL, FIELD_OPTIONAL, AT(memaddr), 0 },
	{ FIELD_NAME("requested-size"), FIELD_UINT64, NULL, FIELD_OPTIONAL,
	  AT(device.requested), 0 },
	{ FIELD_NAME("max-size"), FIELD_UINT64, NULL, FIELD_OPTIONAL, AT(device.span),
	  0 },
	{ FIELD_NAME("slot"), FIELD_INT32, NULL, FIELD_OPTIONAL, AT(device.slot), 0 },
	{ FIELD_NAME("node"), FIELD_INT32, NULL, FIELD_OPTIONAL, AT(device.node), 0 },
	{ FIELD_NAME("id"), FIELD_TEXT, NULL, FIELD_OPTIONAL, AT(device.id),
	  DEVICE_ID_SIZE },
	{ FIELD_NAME("hotplugged"), FIELD_BOOLEAN, NULL, FIELD_OPTIONAL,
	  AT(device.hotplugged), 0 },
};
#undef AT

/* Of other types all may be otherwise: what cannot be used is passed over. */
static bool read_data(struct described *described, const struct json_value *data,
		      bool is_dimm, struct field_fault *fault)
{
	bool there[FIELD_COUNT(inner)];
	size_t i;

	for (i = 0; i < FIELD_COUNT(inner); i++) {
		bool good = field_read_one(&inner[i], data, described, fault);

		if (!good && is_dimm)
			return false;
		there[i] = good && json_member(data, inner[i].name).kind != JSON_NONE;
	}
	described->has_addr = there[0];
	described->has_size = there[1];
	described->has_memaddr = there[2];
	described->has_requested = there[3];
	return true;
}

static void complete_device(struct described *described, bool is_dimm)
{
	struct device *device = &described->device;

	if (!described->has_addr && described->has_memaddr) {
		device->start = described->memaddr;
		described->has_addr = true;
	}
	device->has_range = described->has_addr && described->has_size;
	if (is_dimm || !described->has_requested)
		device->requested = device->size;
	if (is_dimm || device->span < device->size)
		device->span = device->size;
}

static bool read_device(const struct json_value *value, void *element,
			struct field_fault *fault, const char **within)
{
	struct json_value data = json_member(value, "data");
	struct described described;
	const char *type;
	bool is_dimm;

	memset(&described, 0, sizeof(described));
	described.device.slot = described.device.node = -1;
	if (!field_read_one(&outer[0], value, &described, fault) ||
	    !field_read_one(&outer[1], value, &described, fault))
		return false;
	type = described.device.type;
	is_dimm = strcmp(type, DEVICE_DIMM) == 0 || strcmp(type, "nvdimm") == 0;
	*within = "data.";
	if (!read_data(&described, &data, is_dimm, fault))
		return false;
	complete_device(&described, is_dimm);
	memcpy(element, &described.device, sizeof(described.device));
	return true;
}

const struct lists_kind lists_devices = { sizeof(struct device), LISTS_DEVICES_MAX,
					  read_device };

/* --- the list */

void lists_clear(struct lists_list *list)
{
	free(list->elements);
	text_free(&list->error);
	memset(list, 0, sizeof(*list));
}

/* The room for the next element; NULL if there is none, with the reason in the list. */
static void *make_room(struct lists_list *list, const struct lists_kind *kind)
{
	if (list->count == kind->max) {
		text_puts(&list->error, "JSON list element limit exceeded");
		return NULL;
	}
	if (list->count == list->capacity) {
		size_t capacity = list->capacity ? list->capacity * 2 : 16;
		void *elements = realloc(list->elements, capacity * kind->size);

		list->no_memory = !elements;
		if (!elements)
			return NULL;
		list->elements = elements;
		list->capacity = capacity;
	}
	return (char *)list->elements + list->count * kind->size;
}

void lists_take(struct lists_list *list, const struct lists_kind *kind, const char *path,
		size_t index, const struct json_value *value)
{
	struct field_fault fault = { NULL, FIELD_OBJECT, FIELD_IS_WRONG };
	struct text name = TEXT_INIT;
	const char *within = "";
	void *element;

	if (list->error.len || list->error.failed || list->no_memory)
		return;
	element = make_room(list, kind);
	if (!element)
		return;
	if (value->kind == JSON_OBJECT && kind->read(value, element, &fault, &within)) {
		list->count++;
		return;
	}
	text_printf(&name, "%s[%zu]%s%s", path, index, fault.name ? "." : "", within);
	list->no_memory = name.failed;
	if (!name.failed)
		field_explain(&list->error, name.data, &fault);
	text_free(&name);
}
