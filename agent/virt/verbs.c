/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "io/client.h"
#include "plug.h"

#define ASK_MSEC 500

/* --- verbs about many domains */

bool virt_is_named(const struct virt *virt, const char *name, const char *uuid)
{
	size_t i;

	for (i = 0; i < virt->word_count; i++)
		if (strcmp(virt->words[i], name) == 0 ||
		    strcmp(virt->words[i], uuid) == 0)
			return true;
	return virt->word_count == 0;
}

int virt_each_domain(const struct virt *virt,
		     void (*begin)(const char *name, const char *uuid, void *data),
		     void *data)
{
	virDomainPtr *domains = NULL;
	struct call_error error;
	size_t count = 0, i;
	int r;

	memset(&error, 0, sizeof(error));
	r = connection_list(virt->connection, virt_answer_until(virt), &domains, &count,
			    &error);
	if (r < 0)
		return virt_fail_host(virt, "list the domains", r, &error);
	for (i = 0; i < count; i++) {
		char uuid[DOMAIN_UUID_SIZE];
		const char *name = virDomainGetName(domains[i]);

		if (name && virDomainGetUUIDString(domains[i], uuid) == 0)
			begin(name, uuid, data);
	}
	connection_free_list(domains, count);
	return 0;
}

/* --- plug, unplug, resize */

static int bad_size(const struct virt *virt, const char *text)
{
	return virt_fail(virt, VIRT_USAGE,
			 "%s: invalid SIZE '%s' (expected a number with K, M, G or T)",
			 virt->verb, text);
}

int virt_plug(struct virt *virt)
{
	struct target target;
	uint64_t size;
	int r;

	if (!virt_parse_size(virt->words[1], &size))
		return bad_size(virt, virt->words[1]);
	r = target_open(virt, virt->words[0], false, &target);
	if (r == 0)
		r = plug_bytes(&target, size);
	target_close(&target);
	return r;
}

/* A size, or the alias of a device. */
int virt_unplug(struct virt *virt)
{
	struct target target;
	uint64_t size = 0;
	bool by_size = virt_parse_size(virt->words[1], &size);
	int r = target_open(virt, virt->words[0], false, &target);

	if (r == 0)
		r = by_size ? unplug_bytes(&target, size)
			    : unplug_device(&target, virt->words[1]);
	target_close(&target);
	return r;
}

static int resize(struct target *target, uint64_t total)
{
	const struct capacity *capacity = &target->domain.capacity;
	uint64_t now = capacity_boot(capacity) + capacity_given(capacity);

	if (total > now)
		return plug_bytes(target, total - now);
	if (total < now)
		return unplug_bytes(target, now - total);
	if (!target->virt->options.json)
		puts("resize: done, the domain has that much");
	else
		puts("{\"verb\": \"resize\", \"result\": \"done\", \"asked\": 0, "
		     "\"done\": 0, \"changes\": []}");
	return VIRT_DONE;
}

int virt_resize(struct virt *virt)
{
	struct target target;
	uint64_t total;
	int r;

	if (!virt_parse_size(virt->words[1], &total))
		return bad_size(virt, virt->words[1]);
	r = target_open(virt, virt->words[0], false, &target);
	if (r == 0)
		r = resize(&target, total);
	target_close(&target);
	return r;
}

/* --- wait */

static int say_waited(struct target *target, enum virt_code code, const char *cause)
{
	const struct virt *virt = target->virt;
	const struct capacity *capacity = &target->domain.capacity;
	char online[VIRT_SIZE_MAX], given[VIRT_SIZE_MAX];

	if (code != VIRT_DONE)
		return virt_fail(virt, code,
				 "domain %s: not all online in time, %s of %s: %s",
				 target->name,
				 virt_size(virt, capacity_online(capacity), online),
				 virt_size(virt, capacity_given(capacity), given), cause);
	virt_clear_progress();
	if (virt->options.json)
		puts("{\"verb\": \"wait\", \"result\": \"done\"}");
	else
		printf("wait: done, %s of %s online\n",
		       virt_size(virt, capacity_online(capacity), online),
		       virt_size(virt, capacity_given(capacity), given));
	return VIRT_DONE;
}

/* A moment's answer that says complete is an end; all else may still come. */
static int wait_complete(struct target *target)
{
	for (;;) {
		const char *cause;
		struct host_event event;
		uint64_t now;

		if (target->told && capacity_verdict(&target->domain.capacity, &cause) ==
					    CAPACITY_COMPLETE)
			return say_waited(target, VIRT_DONE, cause);
		now = client_now_msec();
		if (now >= target->until_msec && !target->told)
			return virt_fail_guest(target->virt, target->name,
					       &target->fault);
		if (now >= target->until_msec) {
			capacity_verdict(&target->domain.capacity, &cause);
			return say_waited(target, VIRT_UNKNOWN, cause);
		}
		target_show_progress(target);
		target_next_event(target, now + ASK_MSEC, &event);
		if (target_refresh(target) == -ENOENT)
			return virt_fail(target->virt, VIRT_FAILED,
					 "domain %s no longer runs", target->name);
	}
}

int virt_wait(struct virt *virt)
{
	struct target target;
	int r = target_open(virt, virt->words[0], true, &target);

	if (r == 0)
		r = wait_complete(&target);
	target_close(&target);
	return r;
}
