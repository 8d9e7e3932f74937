/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * What a host reads of a domain: libvirt's XML, up to the first newline, and behind it what the guest
 * answers. Each device that is found is found again by its alias, what is written for a device is XML
 * of one element, the alias for a new one is nobody's; and a guest never has more memory online
 * than it was given.
 */

#include <errno.h>
#include <libxml/parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virt/survey.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

/* Entities of the text's own are not declared in a part of it; libvirt writes none. */
static bool has_entities(const char *xml)
{
	return strchr(xml, '&') != NULL;
}

static void is_xml(const struct text *text)
{
	xmlDoc *document =
		xmlReadMemory(text->data, (int)text->len, NULL, NULL,
			      XML_PARSE_NONET | XML_PARSE_NOERROR | XML_PARSE_NOWARNING);

	must(document != NULL);
	must(strcmp((const char *)xmlDocGetRootElement(document)->name, "memory") == 0);
	xmlFreeDoc(document);
}

static void check_device(const struct domain *domain, const char *xml,
			 const struct capacity_device *device)
{
	const struct capacity_device *found = domain_device(domain, device->alias);
	struct text text = TEXT_INIT;

	must(memchr(device->alias, '\0', sizeof(device->alias)) != NULL);
	must(device->slot >= -1 && device->node >= -1);
	must(found && found <= device && strcmp(found->alias, device->alias) == 0);
	must(domain_has_alias(xml, device->alias));
	if (domain_put_request(&text, xml, device->alias, UINT64_C(1) << 30) == 0 &&
	    !has_entities(xml))
		is_xml(&text);
	text_free(&text);
}

static void check_domain(const struct domain *domain, const char *xml)
{
	const struct capacity *capacity = &domain->capacity;
	const char *cause;
	size_t i;

	must(capacity->count <= CAPACITY_DEVICES_MAX);
	must(memchr(domain->name, '\0', sizeof(domain->name)) != NULL);
	must(memchr(domain->uuid, '\0', sizeof(domain->uuid)) != NULL);
	for (i = 0; i < capacity->count && i < 8; i++)
		check_device(domain, xml, &capacity->devices[i]);
	capacity_boot(capacity);
	capacity_given(capacity);
	capacity_ballooned(capacity);
	must(capacity_free_slots(capacity) <= capacity->slots);
	capacity_verdict(capacity, &cause);
}

static void check_new_alias(const char *xml)
{
	struct text text = TEXT_INIT;
	char alias[32];
	unsigned number = domain_free_alias(xml, NULL);

	must(number > 0);
	snprintf(alias, sizeof(alias), "ua-memonline-%u", number);
	must(has_entities(xml) || !domain_has_alias(xml, alias));
	domain_put_dimm(&text, alias, UINT64_C(1) << 30, 0);
	is_xml(&text);
	text_free(&text);
}

/* --- a guest that answers what the input says, whatever it is asked */

struct guest {
	struct protocol_reader *reader;
	struct protocol_answer answer;
	const char *bytes;
	size_t len;
};

int guest_ask(struct guest *guest, struct text *line, protocol_element_fn on_element,
	      void *data, uint64_t deadline_msec)
{
	int r;

	(void)deadline_msec;
	must(!line->failed && line->len > 0 && line->data[line->len - 1] == '\n');
	text_free(line);
	protocol_reader_watch(guest->reader, on_element, data);
	r = protocol_reader_feed(guest->reader, &guest->bytes, &guest->len,
				 &guest->answer);
	protocol_reader_watch(guest->reader, NULL, NULL);
	if (r == 0 && guest->answer.kind != PROTOCOL_ANSWER_RETURN)
		return guest->answer.kind == PROTOCOL_ANSWER_ERROR ? -EREMOTEIO
								   : -EBADMSG;
	return r;
}

int guest_request(struct guest *guest, const struct protocol_request *request,
		  protocol_element_fn on_element, void *data, uint64_t deadline_msec)
{
	struct text line = TEXT_INIT;

	protocol_ask(&line, request);
	return guest_ask(guest, &line, on_element, data, deadline_msec);
}

struct protocol_answer *guest_answer(struct guest *guest)
{
	return &guest->answer;
}

static void check_answers(struct domain *domain, const char *bytes, size_t len)
{
	struct capacity *capacity = &domain->capacity;
	struct guest guest = { .bytes = bytes, .len = len };
	size_t i;
	int r;

	guest.reader = protocol_reader_new();
	must(guest.reader != NULL);
	protocol_reader_bound(guest.reader, PROTOCOL_BOUNDS_ANSWER);
	r = survey(&guest, domain, 0);
	protocol_reader_free(guest.reader);
	must(r <= 0);
	must(r < 0 || (capacity->block >= 1u << 20 &&
		       (capacity->block & (capacity->block - 1)) == 0));
	for (i = 0; i < capacity->count; i++) {
		const struct capacity_device *device = &capacity->devices[i];

		must(device->online <= device->current);
		must(memchr(device->cause, '\0', sizeof(device->cause)) != NULL);
		must(r == 0 || device->online == 0);
		must(device->verdict != CAPACITY_COMPLETE ||
		     device->online == device->current);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *bytes = (const char *)data;
	const char *newline = memchr(data, '\n', size);
	size_t len = newline ? (size_t)(newline - bytes) : size;
	struct text xml = TEXT_INIT;
	struct domain domain;

	text_append(&xml, bytes, len);
	text_puts(&xml, "");
	memset(&domain, 0, sizeof(domain));
	if (domain_parse(xml.data, &domain) == 0) {
		check_domain(&domain, xml.data);
		if (newline)
			check_answers(&domain, newline + 1, size - len - 1);
	}
	check_new_alias(xml.data);
	domain_clear(&domain);
	text_free(&xml);
	return 0;
}
