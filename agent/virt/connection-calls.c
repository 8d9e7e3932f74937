/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"

#define STATS_MAX 16

static void drop_domain(struct call *call)
{
	virDomainFree(call->object);
}

static int run_lookup(struct call *call)
{
	virDomainPtr domain = virDomainLookupByName(call->connect, call->text);

	if (!domain)
		domain = virDomainLookupByUUIDString(call->connect, call->text);
	if (!domain) /* once more, for its error */
		domain = virDomainLookupByName(call->connect, call->text);
	call->object = domain;
	return domain ? 0 : -1;
}

int connection_lookup(struct connection *connection, const char *name,
		      uint64_t deadline_msec, virDomainPtr *domain,
		      struct call_error *error)
{
	struct call *call = connection_call(connection, run_lookup, NULL, name);
	int r;

	if (!call)
		return -ENOMEM;
	call->drop = drop_domain;
	r = call_end(call, call_run(call, deadline_msec), error);
	if (r == 0) {
		*domain = call->object;
		call->object = NULL;
	}
	call_free(call);
	return r;
}

void connection_free_list(virDomainPtr *domains, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		virDomainFree(domains[i]);
	free(domains);
}

static void drop_list(struct call *call)
{
	connection_free_list(call->object, (size_t)call->result);
}

static int run_list(struct call *call)
{
	virDomainPtr *domains = NULL;
	int count = virConnectListAllDomains(call->connect, &domains,
					     VIR_CONNECT_LIST_DOMAINS_ACTIVE);

	call->object = domains;
	return count;
}

int connection_list(struct connection *connection, uint64_t deadline_msec,
		    virDomainPtr **domains, size_t *count, struct call_error *error)
{
	struct call *call = connection_call(connection, run_list, NULL, NULL);
	int r;

	if (!call)
		return -ENOMEM;
	call->drop = drop_list;
	r = call_end(call, call_run(call, deadline_msec), error);
	if (r == 0) {
		*domains = call->object;
		*count = (size_t)call->result;
		call->object = NULL;
	}
	call_free(call);
	return r;
}

/* In KiB, as virNodeGetMemoryStats has it. */
static int run_free_memory(struct call *call)
{
	static const char *const fields[] = { VIR_NODE_MEMORY_STATS_FREE,
					      VIR_NODE_MEMORY_STATS_BUFFERS,
					      VIR_NODE_MEMORY_STATS_CACHED };
	virNodeMemoryStats stats[STATS_MAX];
	int count = 0, i;
	uint64_t *sum = call->object;
	size_t field;

	/* It takes exactly as many as it says itself. */
	if (virNodeGetMemoryStats(call->connect, VIR_NODE_MEMORY_STATS_ALL_CELLS, NULL,
				  &count, 0) < 0 ||
	    count > STATS_MAX ||
	    virNodeGetMemoryStats(call->connect, VIR_NODE_MEMORY_STATS_ALL_CELLS, stats,
				  &count, 0) < 0)
		return -1;
	*sum = 0;
	for (i = 0; i < count; i++)
		for (field = 0; field < sizeof(fields) / sizeof(fields[0]); field++)
			if (strcmp(stats[i].field, fields[field]) == 0)
				*sum += stats[i].value * 1024;
	return 0;
}

static void drop_number(struct call *call)
{
	free(call->object);
}

static int run_all_memory(struct call *call)
{
	virNodeInfo info;
	uint64_t *bytes = call->object;

	if (virNodeGetInfo(call->connect, &info) < 0)
		return -1;
	*bytes = (uint64_t)info.memory * 1024;
	return 0;
}

/* A number of bytes that is asked of libvirt. */
static uint64_t ask_number(struct connection *connection, int (*run)(struct call *call),
			   uint64_t deadline_msec)
{
	struct call *call = connection_call(connection, run, NULL, NULL);
	uint64_t bytes = CAPACITY_UNKNOWN;

	if (!call)
		return bytes;
	call->object = calloc(1, sizeof(uint64_t));
	call->drop = drop_number;
	if (call->object && call_run(call, deadline_msec) == 0 && call->result == 0)
		bytes = *(uint64_t *)call->object;
	call_free(call);
	return bytes;
}

uint64_t connection_free_memory(struct connection *connection, uint64_t deadline_msec)
{
	return ask_number(connection, run_free_memory, deadline_msec);
}

uint64_t connection_all_memory(struct connection *connection, uint64_t deadline_msec)
{
	return ask_number(connection, run_all_memory, deadline_msec);
}
