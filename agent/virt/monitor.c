/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "monitor.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/protocol-client.h"

#define QUERY "{\"execute\": \"query-memory-devices\"}"

static void fill(struct capacity *capacity, const char *alias, uint64_t base)
{
	size_t i;

	for (i = 0; i < capacity->count; i++)
		if (capacity->devices[i].base == CAPACITY_UNKNOWN &&
		    strcmp(capacity->devices[i].alias, alias) == 0)
			capacity->devices[i].base = base;
}

/* {"type": "virtio-mem", "data": {"id": "ua-1", "memaddr": 4294967296, ...}} */
static int take_device(struct protocol_answer *element, void *data)
{
	struct json_value device = json_member(&element->value, "data");
	struct json_value id = json_member(&device, "id");
	struct json_value address = json_member(&device, "memaddr");
	uint64_t base;

	if (!*element->list && json_string(&id) && json_uint64(&address, &base) &&
	    base <= INT64_MAX)
		fill(data, json_string(&id), base);
	return 0;
}

static bool has_all_bases(const struct capacity *capacity)
{
	size_t i;

	for (i = 0; i < capacity->count; i++)
		if (capacity->devices[i].model == CAPACITY_VIRTIO_MEM &&
		    capacity->devices[i].base == CAPACITY_UNKNOWN)
			return false;
	return true;
}

int monitor_take(struct domain *domain, const char *reply)
{
	struct protocol_reader *reader = protocol_reader_new();
	struct protocol_answer answer;
	struct text line = TEXT_INIT;
	const char *bytes;
	size_t len;
	int r = -ENOMEM;

	text_printf(&line, "%s\n", reply);
	if (reader && !line.failed) {
		bytes = line.data;
		len = line.len;
		protocol_reader_bound(reader, PROTOCOL_BOUNDS_ANSWER);
		protocol_reader_watch(reader, take_device, &domain->capacity);
		r = protocol_reader_feed(reader, &bytes, &len, &answer);
		if (r == -EAGAIN || (r == 0 && answer.kind != PROTOCOL_ANSWER_RETURN))
			r = -EBADMSG;
	}
	protocol_reader_free(reader);
	text_free(&line);
	domain->has_vmem_base = has_all_bases(&domain->capacity);
	return r;
}

int monitor_ask(virDomainPtr pointer, struct domain *domain, uint64_t deadline_msec,
		struct call_error *error)
{
	char *reply = NULL;
	int r;

	if (domain->has_vmem_base)
		return 0;
	r = host_monitor_command(pointer, QUERY, deadline_msec, &reply, error);
	if (r == 0)
		r = monitor_take(domain, reply);
	free(reply);
	return r;
}
