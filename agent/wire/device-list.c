/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/device-list.h"

#include <stdlib.h>
#include <string.h>

#include "wire/field.h"

/* An element, and what its data hold. */
struct element {
	struct device device;
	uint64_t memaddr;
	bool has_addr, has_memaddr, has_size, has_requested;
};

#define AT(member) offsetof(struct element, member)
static const struct field outer[] = {
	{ "type", FIELD_TEXT, FIELD_REQUIRED, AT(device.type), NULL, DEVICE_TYPE_SIZE },
	{ "data", FIELD_OBJECT, FIELD_REQUIRED, 0, NULL, 0 },
};

/* The first two are those that a dimm cannot be without; nvdimm has the same members. */
static const struct field inner[] = {
	{ "addr", FIELD_UINT64, FIELD_REQUIRED, AT(device.start), NULL, 0 },
	{ "size", FIELD_UINT64, FIELD_REQUIRED, AT(device.size), NULL, 0 },
	{ "memaddr", FIELD_UINT64, FIELD_OPTIONAL, AT(memaddr), NULL, 0 },
	{ "requested-size", FIELD_UINT64, FIELD_OPTIONAL, AT(device.requested), NULL, 0 },
	{ "max-size", FIELD_UINT64, FIELD_OPTIONAL, AT(device.span), NULL, 0 },
	{ "slot", FIELD_INT32, FIELD_OPTIONAL, AT(device.slot), NULL, 0 },
	{ "node", FIELD_INT32, FIELD_OPTIONAL, AT(device.node), NULL, 0 },
	{ "id", FIELD_TEXT, FIELD_OPTIONAL, AT(device.id), NULL, DEVICE_ID_SIZE },
	{ "hotplugged", FIELD_BOOLEAN, FIELD_OPTIONAL, AT(device.hotplugged), NULL, 0 },
};
#undef AT

void device_list_clear(struct device_list *list)
{
	free(list->devices);
	text_free(&list->error);
	memset(list, 0, sizeof(*list));
}

/* Of other types all may be otherwise: what cannot be used is passed over. */
static bool read_data(struct element *element, const struct json_value *data,
		      bool is_dimm, struct field_fault *fault)
{
	bool there[FIELD_COUNT(inner)];
	size_t i;

	for (i = 0; i < FIELD_COUNT(inner); i++) {
		bool good = field_read_one(&inner[i], data, element, fault);

		if (!good && is_dimm)
			return false;
		there[i] = good && json_member(data, inner[i].name).kind != JSON_NONE;
	}
	element->has_addr = there[0];
	element->has_size = there[1];
	element->has_memaddr = there[2];
	element->has_requested = there[3];
	return true;
}

static void complete_device(struct element *element, bool is_dimm)
{
	struct device *device = &element->device;

	if (!element->has_addr && element->has_memaddr) {
		device->start = element->memaddr;
		element->has_addr = true;
	}
	device->has_range = element->has_addr && element->has_size;
	if (is_dimm || !element->has_requested)
		device->requested = device->size;
	if (is_dimm || device->span < device->size)
		device->span = device->size;
}

static void add_device(struct device_list *list, const struct device *device)
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
	list->devices[list->count++] = *device;
}

static bool read_element(struct element *element, const struct json_value *value,
			 struct field_fault *fault)
{
	struct json_value data = json_member(value, "data");
	const char *type = element->device.type;
	bool is_dimm;

	if (!field_read_one(&outer[0], value, element, fault) ||
	    !field_read_one(&outer[1], value, element, fault))
		return false;
	is_dimm = strcmp(type, DEVICE_DIMM) == 0 || strcmp(type, "nvdimm") == 0;
	if (!read_data(element, &data, is_dimm, fault))
		return false;
	complete_device(element, is_dimm);
	return true;
}

void device_list_take(struct device_list *list, const char *path, size_t index,
		      const struct json_value *value)
{
	struct element element;
	struct field_fault fault;
	struct text name = TEXT_INIT;

	if (list->error.len || list->error.failed || list->no_memory)
		return;
	memset(&element, 0, sizeof(element));
	element.device.slot = element.device.node = -1;
	if (value->kind != JSON_OBJECT) {
		text_printf(&list->error,
			    "Invalid parameter type for '%s[%zu]', expected: object",
			    path, index);
	} else if (read_element(&element, value, &fault)) {
		add_device(list, &element.device);
	} else {
		bool within = fault.field != &outer[0] && fault.field != &outer[1];

		text_printf(&name, "%s[%zu].%s", path, index, within ? "data." : "");
		list->no_memory = name.failed;
		if (!name.failed)
			field_explain(&list->error, name.data, &fault);
	}
	text_free(&name);
}
