/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fleet.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "io/client.h"
#include "monitor.h"
#include "survey.h"

#define THREADS_MAX 256 /* at a time */
#define GRACE_MSEC 500 /* for what has ended in time to say so */

struct fleet {
	struct virt *virt;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	struct fleet_member *members; /* owned */
	size_t count;
	size_t next; /* the first that nobody has begun with */
	size_t left; /* not done */
	unsigned users;
};

/* --- texts */

static const struct {
	int state;
	const char *text;
} states[] = {
	{ VIR_DOMAIN_RUNNING, "running" },  { VIR_DOMAIN_BLOCKED, "running" },
	{ VIR_DOMAIN_PAUSED, "paused" },    { VIR_DOMAIN_PMSUSPENDED, "suspended" },
	{ VIR_DOMAIN_SHUTDOWN, "leaving" }, { VIR_DOMAIN_SHUTOFF, "shut-off" },
	{ VIR_DOMAIN_CRASHED, "crashed" },
};

const char *fleet_state_text(int state)
{
	size_t i;

	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (states[i].state == state)
			return states[i].text;
	return "unknown";
}

const char *fleet_verdict_text(enum capacity_verdict verdict)
{
	switch (verdict) {
	case CAPACITY_COMPLETE:
		return "complete";
	case CAPACITY_PARTIAL:
		return "partial";
	case CAPACITY_ABSENT:
		return "absent";
	case CAPACITY_NOT_TOLD:
		break;
	}
	return "unknown";
}

/* --- one domain */

/* Why its guest is not asked; NULL: it is. */
static const char *why_not_asked(const struct fleet_member *member)
{
	const struct domain *domain = &member->domain;

	if (member->state == VIR_DOMAIN_PAUSED || member->state == VIR_DOMAIN_PMSUSPENDED)
		return "paused";
	if (member->state != VIR_DOMAIN_RUNNING && member->state != VIR_DOMAIN_BLOCKED)
		return "not-running";
	/* Windows onlines by itself; a domain without hot-plug has nothing to report. */
	if (domain->channel != DOMAIN_OWN && (domain->windows || !domain->capacity.max))
		return "not-needed";
	return NULL;
}

static void ask_guest(struct virt *virt, struct fleet_member *member,
		      uint64_t deadline_msec)
{
	struct guest *guest;
	int r = guest_open(virt->connection, member->pointer, &member->domain,
			   virt->options.take_channel, deadline_msec, &guest,
			   &member->fault);

	if (r == 0) {
		r = survey(guest, &member->domain, deadline_msec);
		if (r < 0)
			member->fault = *guest_fault(guest);
		member->fault.error = r;
		guest_close(guest);
	}
	member->agent = guest_state_text(r);
}

static int read_domain(struct fleet_member *member, uint64_t deadline_msec,
		       struct call_error *error)
{
	bool persistent;
	char *xml = NULL;
	int r = host_state(member->pointer, deadline_msec, &member->state, &persistent,
			   error);

	if (r == 0)
		r = host_xml(member->pointer, 0, deadline_msec, &xml, error);
	if (r < 0)
		return r;
	r = domain_parse(xml, &member->domain);
	free(xml);
	member->has_domain = r == 0;
	return r;
}

void fleet_ask_one(struct virt *virt, struct fleet_member *member, uint64_t deadline_msec)
{
	struct call_error error;
	int r;

	memset(&error, 0, sizeof(error));
	r = read_domain(member, deadline_msec, &error);
	if (r < 0) {
		member->fault.error = r;
		snprintf(member->fault.message, sizeof(member->fault.message), "%s",
			 error.message);
		member->agent = "not-asked";
		return;
	}
	member->agent = why_not_asked(member);
	if (!member->agent && virt->options.monitor)
		monitor_ask(member->pointer, &member->domain, deadline_msec, &error);
	if (!member->agent)
		ask_guest(virt, member, deadline_msec);
}

/* --- all of them */

static void unuse(struct fleet *fleet)
{
	bool last;
	size_t i;

	pthread_mutex_lock(&fleet->mutex);
	last = --fleet->users == 0;
	pthread_mutex_unlock(&fleet->mutex);
	if (!last)
		return;
	for (i = 0; i < fleet->count; i++) {
		domain_clear(&fleet->members[i].domain);
		if (fleet->members[i].pointer)
			virDomainFree(fleet->members[i].pointer);
	}
	pthread_cond_destroy(&fleet->changed);
	pthread_mutex_destroy(&fleet->mutex);
	free(fleet->members);
	free(fleet);
}

/* One thread goes from member to member; a member is published whole or not at all. */
static void *work(void *data)
{
	struct fleet *fleet = data;

	pthread_mutex_lock(&fleet->mutex);
	while (fleet->next < fleet->count) {
		struct fleet_member *member = &fleet->members[fleet->next++];
		struct fleet_member asked = *member;

		pthread_mutex_unlock(&fleet->mutex);
		fleet_ask_one(fleet->virt, &asked,
			      client_now_msec() + fleet->virt->options.answer_sec * 1000);
		pthread_mutex_lock(&fleet->mutex);
		asked.done = true;
		*member = asked;
		fleet->left--;
		pthread_cond_signal(&fleet->changed);
	}
	pthread_mutex_unlock(&fleet->mutex);
	unuse(fleet);
	return NULL;
}

static struct fleet *make(struct virt *virt, size_t count)
{
	struct fleet *fleet = calloc(1, sizeof(*fleet));

	if (!fleet)
		return NULL;
	fleet->virt = virt;
	fleet->users = 1;
	fleet->members = calloc(count + 1, sizeof(*fleet->members));
	if (!fleet->members || pthread_mutex_init(&fleet->mutex, NULL) != 0) {
		free(fleet->members);
		free(fleet);
		return NULL;
	}
	if (call_cond_init(&fleet->changed) < 0) {
		unuse(fleet);
		return NULL;
	}
	return fleet;
}

/* Takes the pointer over. */
static void add(struct fleet *fleet, virDomainPtr pointer)
{
	struct fleet_member *member = &fleet->members[fleet->count++];
	const char *name = virDomainGetName(pointer);

	member->pointer = pointer;
	member->agent = "no-answer";
	member->state = -1;
	snprintf(member->name, sizeof(member->name), "%s", name ? name : "");
}

static int find_named(struct virt *virt, struct fleet *fleet)
{
	struct call_error error;
	size_t i;

	for (i = 0; i < virt->word_count; i++) {
		virDomainPtr pointer;
		int r = connection_lookup(virt->connection, virt->words[i],
					  virt_answer_until(virt), &pointer, &error);

		if (r < 0)
			return virt_fail_host(virt, virt->words[i], r, &error);
		add(fleet, pointer);
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct fleet_member *one = a, *other = b;

	return strcmp(one->name, other->name);
}

static int find_all(struct virt *virt, struct fleet **fleet)
{
	virDomainPtr *pointers = NULL;
	struct call_error error;
	size_t count = 0, i;
	int r = connection_list(virt->connection, virt_answer_until(virt), &pointers,
				&count, &error);

	if (r < 0)
		return virt_fail_host(virt, "list the domains", r, &error);
	*fleet = make(virt, count);
	if (!*fleet) {
		connection_free_list(pointers, count);
		return virt_fail(virt, VIRT_FAILED, "out of memory");
	}
	for (i = 0; i < count; i++)
		add(*fleet, pointers[i]);
	free(pointers);
	qsort((*fleet)->members, count, sizeof(*(*fleet)->members), compare);
	return 0;
}

static int find(struct virt *virt, struct fleet **fleet)
{
	int r;

	if (virt->word_count == 0)
		return find_all(virt, fleet);
	*fleet = make(virt, virt->word_count);
	if (!*fleet)
		return virt_fail(virt, VIRT_FAILED, "out of memory");
	r = find_named(virt, *fleet);
	if (r != 0)
		fleet_free(*fleet);
	return r;
}

static void start(struct fleet *fleet)
{
	size_t threads = fleet->count < THREADS_MAX ? fleet->count : THREADS_MAX;

	fleet->left = fleet->count;
	for (; threads > 0; threads--) {
		pthread_mutex_lock(&fleet->mutex);
		/* It begins with the mutex. */
		if (call_start_thread(work, fleet) == 0)
			fleet->users++;
		pthread_mutex_unlock(&fleet->mutex);
	}
}

int fleet_ask(struct virt *virt, struct fleet **fleet)
{
	struct fleet *made = NULL;
	uint64_t rounds, until;
	int r = find(virt, &made);

	if (r != 0 || !made)
		return r;
	/* More than there are threads for take their turn. */
	rounds = made->count / THREADS_MAX + 1;
	until = client_now_msec() + rounds * virt->options.answer_sec * 1000 + GRACE_MSEC;
	start(made);
	pthread_mutex_lock(&made->mutex);
	while (made->left > 0)
		if (!call_cond_wait(&made->changed, &made->mutex, until))
			break;
	made->next = made->count; /* nobody begins any more */
	pthread_mutex_unlock(&made->mutex);
	*fleet = made;
	return 0;
}

size_t fleet_count(const struct fleet *fleet)
{
	return fleet->count;
}

const struct fleet_member *fleet_member(const struct fleet *fleet, size_t index)
{
	return &fleet->members[index];
}

void fleet_free(struct fleet *fleet)
{
	unuse(fleet);
}
