/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fleet.h"
#include "io/client.h"
#include "monitor.h"

#define PORT_NEWS_MSEC 1100
#define LEAST_MSEC 1000 /* for an answer when the verb's own time is up */

uint64_t target_answer_until(const struct target *target)
{
	uint64_t until = virt_answer_until(target->virt);
	uint64_t least = client_now_msec() + LEAST_MSEC;
	uint64_t end = target->until_msec > least ? target->until_msec : least;

	return until < end ? until : end;
}

const struct capacity_device *target_device(const struct target *target,
					    const char *alias)
{
	return domain_device(&target->domain, alias);
}

/* --- reading */

bool target_is_cut_off(const struct target *target)
{
	struct connection *connection = target->virt->connection;

	return connection_is_lost(connection) ||
	       target->generation != connection_generation(connection);
}

void target_forget_guest(struct target *target)
{
	guest_close(target->guest);
	target->guest = NULL;
	target->told = false;
}

/* Domains are known by UUID: a name may be another one's by then. */
static int find_again(struct target *target)
{
	uint64_t until = target_answer_until(target);
	virDomainPtr pointer = NULL;
	unsigned generation;
	int r;

	target_forget_guest(target);
	r = connection_reopen(target->virt->connection, until, &target->error);
	generation = connection_generation(target->virt->connection);
	if (r == 0)
		r = connection_lookup(target->virt->connection, target->domain.uuid,
				      until, &pointer, &target->error);
	if (r < 0 || !pointer)
		return r;
	virDomainFree(target->pointer);
	target->pointer = pointer;
	target->generation = generation;
	return 0;
}

static bool is_over(int code)
{
	return code == VIR_ERR_NO_DOMAIN || code == VIR_ERR_OPERATION_INVALID;
}

static int read_xml(struct target *target)
{
	uint64_t until = target_answer_until(target);
	char *xml = NULL;
	int state = 0;
	int r = host_state(target->pointer, until, &state, &target->persistent,
			   &target->error);

	if (r == 0 && (state == VIR_DOMAIN_SHUTOFF || state == VIR_DOMAIN_CRASHED))
		return -ENOENT;
	if (r == 0)
		r = host_xml(target->pointer, 0, until, &xml, &target->error);
	if (r == -ECOMM && is_over(target->error.code))
		return -ENOENT;
	if (r != 0 || !xml)
		return r;
	free(target->xml);
	target->xml = xml;
	return 0;
}

int target_reread(struct target *target)
{
	struct domain domain;
	int r = 0;

	if (target_is_cut_off(target))
		r = find_again(target);
	if (r == -ECOMM && is_over(target->error.code))
		r = -ENOENT;
	if (r == 0)
		r = read_xml(target);
	if (r == 0)
		r = domain_parse(target->xml, &domain);
	if (r < 0)
		return r;
	/* What the guest has said of itself still holds. */
	domain.capacity.block = target->domain.capacity.block;
	domain.capacity.guest_free = target->domain.capacity.guest_free;
	domain_clear(&target->domain);
	target->domain = domain;
	target->told = false;
	return 0;
}

void target_ask(struct target *target)
{
	uint64_t until = target_answer_until(target);
	int r = 0;

	/* If QEMU does not answer, the guest's ranges do. */
	if (target->virt->options.monitor)
		monitor_ask(target->pointer, &target->domain, until, &target->error);
	if (!target->guest) {
		r = guest_open(target->virt->connection, target->pointer, &target->domain,
			       target->virt->options.take_channel, until, &target->guest,
			       &target->fault);
		target->sessions += r == 0;
	}
	if (r == 0) {
		r = survey(target->guest, &target->domain, until);
		if (r < 0)
			target->fault = *guest_fault(target->guest);
	}
	target->told = r == 0;
	if (r < 0)
		target_forget_guest(target);
}

int target_refresh(struct target *target)
{
	int r = target_reread(target);

	if (r == 0)
		target_ask(target);
	return r;
}

void target_show_progress(const struct target *target)
{
	const struct capacity *capacity = &target->domain.capacity;
	char sizes[2][VIRT_SIZE_MAX];

	virt_size(target->virt, capacity_given(capacity), sizes[0]);
	virt_size(target->virt, capacity_online(capacity), sizes[1]);
	if (target->told)
		virt_show_progress(target->virt, "domain %s: %s plugged, %s online",
				   target->name, sizes[0], sizes[1]);
	else
		virt_show_progress(target->virt, "domain %s: %s plugged", target->name,
				   sizes[0]);
}

/* --- opening */

static int say_host(const struct target *target, int r)
{
	if (r == -ENOENT)
		return virt_fail(target->virt, VIRT_FAILED, "domain %s is not running",
				 target->name);
	return virt_fail_host(target->virt, target->name, r, &target->error);
}

static int find(struct target *target, const char *name)
{
	const char *found;
	int r = connection_lookup(target->virt->connection, name,
				  target_answer_until(target), &target->pointer,
				  &target->error);

	if (r < 0)
		return virt_fail_host(target->virt, name, r, &target->error);
	found = virDomainGetName(target->pointer);
	snprintf(target->name, sizeof(target->name), "%s", found ? found : name);
	return 0;
}

/* QEMU says once a second at most that an agent has closed or opened the port. */
static int look_again(struct target *target)
{
	uint64_t now = client_now_msec();

	if (now + PORT_NEWS_MSEC >= target->until_msec)
		return 0;
	usleep(PORT_NEWS_MSEC * 1000);
	return target_refresh(target);
}

int target_open(struct virt *virt, const char *name, bool patient, struct target *target)
{
	int r;

	memset(target, 0, sizeof(*target));
	target->virt = virt;
	target->until_msec = client_now_msec() + virt->options.timeout_sec * 1000;
	target->generation = connection_generation(virt->connection);
	snprintf(target->name, sizeof(target->name), "%s", name);
	r = find(target, name);
	if (r != 0)
		return r;
	r = target_refresh(target);
	if (r == 0 && !patient && !target->told && target->fault.error == -ENOTCONN)
		r = look_again(target);
	if (r < 0)
		return say_host(target, r);
	if (!target->told && !patient)
		return virt_fail_guest(virt, target->name, &target->fault);
	return 0;
}

void target_close(struct target *target)
{
	guest_close(target->guest);
	if (target->pointer)
		virDomainFree(target->pointer);
	domain_clear(&target->domain);
	free(target->xml);
	memset(target, 0, sizeof(*target));
}

/* --- aliases */

/* NULL if there is no configuration, or libvirt does not return it. */
static char *configuration(struct target *target)
{
	char *xml = NULL;

	if (target->persistent &&
	    host_xml(target->pointer, VIR_DOMAIN_XML_INACTIVE,
		     target_answer_until(target), &xml, &target->error) < 0)
		return NULL;
	return xml;
}

bool target_is_configured(struct target *target, const char *alias)
{
	char *xml = configuration(target);
	bool found = xml && domain_has_alias(xml, alias);

	free(xml);
	return found;
}

unsigned target_free_alias(struct target *target)
{
	char *xml = configuration(target);
	unsigned number = domain_free_alias(target->xml, xml);

	free(xml);
	return number;
}

/* --- events */

int target_next_event(struct target *target, uint64_t deadline_msec,
		      struct host_event *event)
{
	int r;

	do {
		r = target->events
			    ? connection_queue_next(target->events, deadline_msec, event)
			    : connection_next(target->virt->connection, deadline_msec,
					      event);
	} while (r == 0 && *event->uuid && strcmp(event->uuid, target->domain.uuid) != 0);
	return r;
}
