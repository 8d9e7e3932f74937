/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "domain.h"

#include <errno.h>
#include <inttypes.h>
#include <libxml/parser.h>
#include <libxml/tree.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/number.h"

#define ALIAS_NUMBERS 4096

/* --- elements */

static bool is_named(const xmlNode *node, const char *name)
{
	return node->type == XML_ELEMENT_NODE &&
	       strcmp((const char *)node->name, name) == 0;
}

/* The next element of that name from `node` on among its siblings, or NULL. */
static xmlNode *named(xmlNode *node, const char *name)
{
	while (node && !is_named(node, name))
		node = node->next;
	return node;
}

static xmlNode *child(const xmlNode *node, const char *name)
{
	return node ? named(node->children, name) : NULL;
}

/* Cut where it is longer; "" where there is none. */
static void attribute(xmlNode *node, const char *name, char *to, size_t size)
{
	xmlChar *value = node ? xmlGetProp(node, (const xmlChar *)name) : NULL;

	snprintf(to, size, "%s", value ? (const char *)value : "");
	xmlFree(value);
}

static void content(xmlNode *node, char *to, size_t size)
{
	xmlChar *value = node ? xmlNodeGetContent(node) : NULL;
	const char *from = value ? (const char *)value : "";

	from += strspn(from, " \t\r\n");
	snprintf(to, size, "%.*s", (int)strcspn(from, "\t\r\n"), from);
	xmlFree(value);
}

static uint64_t number_of(xmlNode *node, const char *name, uint64_t otherwise)
{
	char text[32];
	const char *at = text;
	uint64_t number;

	attribute(node, name, text, sizeof(text));
	return number_take_any(&at, text + strlen(text), &number) ? number : otherwise;
}

/* libvirt's units; what it prints is in KiB. */
static const struct {
	const char *name;
	uint64_t bytes;
} units[] = {
	{ "", 1024 },	     { "KiB", 1024 },	    { "k", 1024 },
	{ "b", 1 },	     { "bytes", 1 },	    { "KB", 1000 },
	{ "M", 1u << 20 },   { "MiB", 1u << 20 },   { "MB", 1000000 },
	{ "G", 1u << 30 },   { "GiB", 1u << 30 },   { "GB", 1000000000 },
	{ "T", 1ULL << 40 }, { "TiB", 1ULL << 40 }, { "TB", 1000000000000 },
};

/* Bytes; 0 if there is no such element, or it is not a number. */
static uint64_t size_of(xmlNode *node)
{
	char text[32], unit[8];
	uint64_t number;
	size_t i;

	content(node, text, sizeof(text));
	attribute(node, "unit", unit, sizeof(unit));
	text[strcspn(text, " ")] = '\0';
	if (!number_parse(text, 10, &number))
		return 0;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(unit, units[i].name) == 0)
			return number < INT64_MAX / units[i].bytes
				       ? number * units[i].bytes
				       : 0;
	return 0;
}

static xmlDoc *read_xml(const char *xml)
{
	size_t len = strlen(xml);

	if (len > DOMAIN_XML_MAX)
		return NULL;
	return xmlReadMemory(xml, (int)len, NULL, NULL,
			     XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);
}

/* --- memory devices */

static const struct {
	const char *name;
	enum capacity_model model;
} models[] = {
	{ "dimm", CAPACITY_DIMM },
	{ "virtio-mem", CAPACITY_VIRTIO_MEM },
};

static enum capacity_model model_of(xmlNode *memory)
{
	char name[32];
	size_t i;

	attribute(memory, "model", name, sizeof(name));
	for (i = 0; i < sizeof(models) / sizeof(models[0]); i++)
		if (strcmp(name, models[i].name) == 0)
			return models[i].model;
	return CAPACITY_OTHER;
}

/* Of a DIMM in <address>, of a virtio-mem device in its <target>. */
static uint64_t base_of(xmlNode *memory, xmlNode *target)
{
	uint64_t base = number_of(child(memory, "address"), "base", CAPACITY_UNKNOWN);

	return base != CAPACITY_UNKNOWN
		       ? base
		       : number_of(child(target, "address"), "base", CAPACITY_UNKNOWN);
}

static int32_t node_of(xmlNode *target)
{
	char text[16];
	uint64_t number;

	content(child(target, "node"), text, sizeof(text));
	return number_parse(text, 10, &number) && number < INT32_MAX ? (int32_t)number
								     : -1;
}

static void read_device(xmlNode *memory, struct capacity_device *device)
{
	xmlNode *target = child(memory, "target");
	uint64_t slot = number_of(child(memory, "address"), "slot", UINT64_MAX);

	memset(device, 0, sizeof(*device));
	device->model = model_of(memory);
	attribute(child(memory, "alias"), "name", device->alias, sizeof(device->alias));
	device->base = base_of(memory, target);
	/* That of a PCI address is something else. */
	device->slot = device->model != CAPACITY_VIRTIO_MEM && slot < 256 ? (int32_t)slot
									  : -1;
	device->node = node_of(target);
	device->size = size_of(child(target, "size"));
	device->block = size_of(child(target, "block"));
	device->requested = device->current = device->size;
	if (device->model == CAPACITY_VIRTIO_MEM) {
		device->requested = size_of(child(target, "requested"));
		device->current = size_of(child(target, "current"));
	}
	snprintf(device->cause, sizeof(device->cause), "none");
}

static int read_devices(xmlNode *devices, struct domain *domain)
{
	struct capacity *capacity = &domain->capacity;
	xmlNode *memory;
	size_t count = 0;

	for (memory = child(devices, "memory"); memory;
	     memory = named(memory->next, "memory"))
		count++;
	if (count > CAPACITY_DEVICES_MAX)
		return -E2BIG;
	capacity->devices = calloc(count + 1, sizeof(*capacity->devices));
	if (!capacity->devices)
		return -ENOMEM;
	domain->has_vmem_base = true;
	for (memory = child(devices, "memory"); memory;
	     memory = named(memory->next, "memory")) {
		struct capacity_device *device = &capacity->devices[capacity->count++];

		read_device(memory, device);
		if (device->model == CAPACITY_VIRTIO_MEM &&
		    device->base == CAPACITY_UNKNOWN)
			domain->has_vmem_base = false;
	}
	return 0;
}

/* --- the channel */

static void read_channel(xmlNode *channel, struct domain *domain)
{
	xmlNode *target = child(channel, "target");
	char name[64], state[16];
	enum domain_channel found = DOMAIN_NO_CHANNEL;

	attribute(target, "name", name, sizeof(name));
	attribute(target, "state", state, sizeof(state));
	if (strcmp(name, DOMAIN_OWN_PORT) == 0)
		found = DOMAIN_OWN;
	else if (strcmp(name, DOMAIN_GUEST_AGENT_PORT) == 0)
		found = DOMAIN_GUEST_AGENT;
	if (found <= domain->channel)
		return;
	domain->channel = found;
	domain->disconnected = strcmp(state, "disconnected") == 0;
}

static void read_channels(xmlNode *devices, struct domain *domain)
{
	xmlNode *channel;

	for (channel = child(devices, "channel"); channel;
	     channel = named(channel->next, "channel"))
		read_channel(channel, domain);
}

/* --- the domain */

static void read_cells(xmlNode *root, struct capacity *capacity)
{
	xmlNode *numa = child(child(root, "cpu"), "numa"), *cell;

	for (cell = child(numa, "cell"); cell && capacity->cells < INT32_MAX;
	     cell = named(cell->next, "cell"))
		capacity->cells++;
}

static bool is_windows(xmlNode *root)
{
	xmlNode *metadata = child(root, "metadata");
	char id[128];

	attribute(child(child(metadata, "libosinfo"), "os"), "id", id, sizeof(id));
	return strstr(id, "microsoft.com/") != NULL;
}

static int read_domain(xmlNode *root, struct domain *domain)
{
	struct capacity *capacity = &domain->capacity;
	xmlNode *devices = child(root, "devices");

	content(child(root, "name"), domain->name, sizeof(domain->name));
	content(child(root, "uuid"), domain->uuid, sizeof(domain->uuid));
	capacity->memory = size_of(child(root, "memory"));
	capacity->current = size_of(child(root, "currentMemory"));
	capacity->max = size_of(child(root, "maxMemory"));
	capacity->slots =
		(unsigned)(number_of(child(root, "maxMemory"), "slots", 0) & 0xffff);
	capacity->guest_free = capacity->host_free = CAPACITY_UNKNOWN;
	read_cells(root, capacity);
	domain->windows = is_windows(root);
	read_channels(devices, domain);
	return read_devices(devices, domain);
}

int domain_parse(const char *xml, struct domain *domain)
{
	xmlDoc *document = read_xml(xml);
	xmlNode *root = document ? xmlDocGetRootElement(document) : NULL;
	struct domain made;
	int r = -EBADMSG;

	memset(&made, 0, sizeof(made));
	if (root && is_named(root, "domain"))
		r = read_domain(root, &made);
	xmlFreeDoc(document);
	if (r == 0)
		*domain = made;
	return r;
}

void domain_clear(struct domain *domain)
{
	free(domain->capacity.devices);
	memset(domain, 0, sizeof(*domain));
}

const struct capacity_device *domain_device(const struct domain *domain,
					    const char *alias)
{
	size_t i;

	for (i = 0; i < domain->capacity.count; i++)
		if (strcmp(domain->capacity.devices[i].alias, alias) == 0)
			return &domain->capacity.devices[i];
	return NULL;
}

/* --- aliases */

/* The element of that alias; `document` is for the caller to free. */
static xmlNode *find_memory(const char *xml, const char *alias, xmlDoc **document)
{
	char name[CAPACITY_ALIAS_SIZE];
	xmlNode *memory;

	*document = read_xml(xml);
	memory = *document ? child(child(xmlDocGetRootElement(*document), "devices"),
				   "memory")
			   : NULL;
	for (; memory; memory = named(memory->next, "memory")) {
		attribute(child(memory, "alias"), "name", name, sizeof(name));
		if (strcmp(name, alias) == 0)
			return memory;
	}
	return NULL;
}

bool domain_has_alias(const char *xml, const char *alias)
{
	xmlDoc *document;
	bool found = find_memory(xml, alias, &document) != NULL;

	xmlFreeDoc(document);
	return found;
}

static void mark_aliases(const char *xml, unsigned char *used)
{
	const char *at = xml;

	while (at && (at = strstr(at, CAPACITY_ALIAS)) != NULL) {
		uint64_t number;

		at += strlen(CAPACITY_ALIAS);
		if (number_take(&at, at + strcspn(at, "'\""), 10, &number) &&
		    number < ALIAS_NUMBERS)
			used[number] = 1;
	}
}

unsigned domain_free_alias(const char *xml, const char *other_xml)
{
	unsigned char used[ALIAS_NUMBERS];
	unsigned number = 1;

	memset(used, 0, sizeof(used));
	mark_aliases(xml, used);
	mark_aliases(other_xml, used);
	while (number < ALIAS_NUMBERS && used[number])
		number++;
	return number;
}

/* --- what libvirt is given */

void domain_put_dimm(struct text *out, const char *alias, uint64_t bytes, int32_t node)
{
	text_printf(out,
		    "<memory model='dimm'><alias name='%s'/><target>"
		    "<size unit='KiB'>%" PRIu64
		    "</size><node>%d</node></target></memory>",
		    alias, bytes / 1024, (int)node);
}

static int dump(xmlDoc *document, xmlNode *memory, struct text *out)
{
	xmlBuffer *buffer = xmlBufferCreate();
	int r = -ENOMEM;

	if (buffer && xmlNodeDump(buffer, document, memory, 0, 0) >= 0) {
		text_puts(out, (const char *)xmlBufferContent(buffer));
		r = out->failed ? -ENOMEM : 0;
	}
	xmlBufferFree(buffer);
	return r;
}

int domain_put_request(struct text *out, const char *xml, const char *alias,
		       uint64_t bytes)
{
	xmlDoc *document;
	xmlNode *memory = find_memory(xml, alias, &document);
	xmlNode *requested = child(child(memory, "target"), "requested");
	int r = -ENODEV;

	if (requested) {
		char digits[TEXT_DIGITS_SIZE + 1];

		snprintf(digits, sizeof(digits), "%" PRIu64, bytes / 1024);
		xmlNodeSetContent(requested, (const xmlChar *)digits);
		xmlSetProp(requested, (const xmlChar *)"unit", (const xmlChar *)"KiB");
		r = dump(document, memory, out);
	}
	xmlFreeDoc(document);
	return r;
}
