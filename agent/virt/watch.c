/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/client.h"
#include "virt.h"

#define WATCHERS_MAX 4096
#define LOOK_MSEC 1000 /* how soon a watcher sees that it is to end */
#define RETRY_MSEC 2000 /* for a channel that another client has, or a missing agent */
#define REOPEN_MSEC 10000
#define INSTANCE_SIZE 64 /* cut where it is longer */

enum { TIME, DOMAIN, EVENT, DEVICE, SIZE, RESULT, ZONE, REASON };

/* The widths keep the lines below each other. */
const struct table_column virt_watch_columns[VIRT_WATCH_COLUMNS] = {
	[TIME] = { .name = "TIME", .help = "by this host's clock", .width = 24 },
	[DOMAIN] = { .name = "DOMAIN", .help = "its name", .width = 12 },
	[EVENT] = { .name = "EVENT",
		    .help = "report, of the guest; or libvirt's: removed, resized, ...",
		    .width = 14 },
	[DEVICE] = { .name = "DEVICE",
		     .help = "libvirt's alias, or the range of a report",
		     .width = 37 },
	[SIZE] = { .name = "SIZE", .help = "its size", .width = 5, .right = true },
	[RESULT] = { .name = "RESULT", .help = "what became of it", .width = 8 },
	[ZONE] = { .name = "ZONE", .help = "the zone it is in", .width = 7 },
	[REASON] = { .name = "REASON", .help = "why", .width = 8 },
};

struct watcher {
	struct watch *watch;
	char uuid[DOMAIN_UUID_SIZE];
	char name[DOMAIN_NAME_SIZE];
	bool runs; /* its thread does */
	bool began; /* seq and instance hold; of no instance: all reports are wanted */
	uint64_t seq; /* of the last report that was printed */
	char instance[INSTANCE_SIZE];
};

struct watch {
	struct virt *virt;
	pthread_mutex_t mutex; /* of all that follows, and of standard output */
	unsigned generation; /* of the connection: watchers of another one end */
	struct watcher *watchers[WATCHERS_MAX];
	size_t count;
	bool listed; /* the domains that ran at first; others have started since */
};

/* --- printing, with the mutex */

static void put_time(struct virt *virt)
{
	time_t now = time(NULL);
	struct tm broken;
	char text[40];

	if ((virt->options.utc ? gmtime_r(&now, &broken) : localtime_r(&now, &broken)) &&
	    strftime(text, sizeof(text),
		     virt->options.utc ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%dT%H:%M:%S%z",
		     &broken) > 0)
		table_put(&virt->table, TIME, text);
}

/* Ends when the reader of the output has gone. */
static void flush_line(void)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		_exit(VIRT_FAILED);
}

static void print_host_event(struct virt *virt, const struct host_event *event)
{
	struct text line = TEXT_INIT;

	if (!virt->options.json) {
		table_row(&virt->table);
		put_time(virt);
		table_put(&virt->table, DOMAIN, event->name);
		table_put(&virt->table, EVENT, host_event_text(event->kind));
		table_put(&virt->table, DEVICE, event->alias);
		if (event->bytes)
			table_put_size(&virt->table, SIZE, event->bytes,
				       virt->options.bytes);
		table_print(&virt->table, stdout, false);
		flush_line();
		return;
	}
	text_printf(&line, "{\"event\": \"%s\", \"time\": %" PRId64 ", \"domain\": ",
		    host_event_text(event->kind), event->sec);
	json_put_string(&line, event->name, strlen(event->name));
	text_puts(&line, ", \"device\": ");
	json_put_string(&line, event->alias, strlen(event->alias));
	text_printf(&line, ", \"size\": %" PRIu64 "}", event->bytes);
	if (!line.failed)
		puts(line.data);
	text_free(&line);
	flush_line();
}

static void put_range(struct virt *virt, const struct watcher *watcher,
		      const struct message_report_range *range)
{
	struct table *table = &virt->table;

	table_row(table);
	put_time(virt);
	table_put(table, DOMAIN, watcher->name);
	table_put(table, EVENT, "report");
	table_printf(table, DEVICE, "0x%016" PRIx64 "-0x%016" PRIx64, range->start,
		     range->start + range->size - 1);
	table_put_size(table, SIZE, range->size, virt->options.bytes);
	table_put(table, RESULT,
		  strcmp(range->result, "success") == 0 ? range->to : range->result);
	table_put(table, ZONE, range->zone);
	table_put(table, REASON, range->reason);
}

static void print_report(struct virt *virt, const struct watcher *watcher,
			 struct protocol_answer *answer, struct message_report *report)
{
	struct json_cursor ranges = json_content(&report->ranges.value);
	struct message_report_range range;
	struct json_value item;
	struct text line = TEXT_INIT;

	if (!virt->options.json) {
		while (json_next(&ranges, &item)) {
			if (protocol_answer_report_range(answer, &item, &range) < 0)
				break;
			put_range(virt, watcher, &range);
			if (table_is_large(&virt->table))
				table_print(&virt->table, stdout, false);
		}
		table_print(&virt->table, stdout, false);
		flush_line();
		return;
	}
	text_printf(&line, "{\"event\": \"report\", \"time\": %" PRId64 ", \"domain\": ",
		    (int64_t)time(NULL));
	json_put_string(&line, watcher->name, strlen(watcher->name));
	text_puts(&line, ", \"data\": ");
	json_put_value(&line, &answer->value);
	text_puts(&line, "}");
	if (!line.failed)
		puts(line.data);
	text_free(&line);
	flush_line();
}

/* --- one guest, in a thread of its own */

static bool is_wanted(struct watcher *watcher, unsigned generation)
{
	bool wanted;

	pthread_mutex_lock(&watcher->watch->mutex);
	wanted = watcher->watch->generation == generation;
	pthread_mutex_unlock(&watcher->watch->mutex);
	return wanted;
}

/* A number of another instance says nothing about this one. */
static void set_position(struct watcher *watcher, const char *instance, uint64_t seq)
{
	watcher->began = true;
	watcher->seq = seq;
	snprintf(watcher->instance, sizeof(watcher->instance), "%s", instance);
}

static void take_event(struct watcher *watcher, struct protocol_answer *answer)
{
	const char *name = protocol_answer_event(answer);
	struct message_report report;

	if (!name || strcmp(name, PROTOCOL_REPORT) != 0 ||
	    protocol_answer_report(answer, &report) < 0)
		return;
	if (strncmp(watcher->instance, report.instance, INSTANCE_SIZE - 1) == 0 &&
	    report.seq <= watcher->seq)
		return;
	pthread_mutex_lock(&watcher->watch->mutex);
	print_report(watcher->watch->virt, watcher, answer, &report);
	set_position(watcher, report.instance, report.seq);
	pthread_mutex_unlock(&watcher->watch->mutex);
}

/* From now on; or from where it was when the channel was lost, or from the domain's start. */
static int find_position(struct watcher *watcher, struct guest *guest)
{
	struct message_status status;
	struct protocol_request request;
	int r;

	protocol_request_init(&request, PROTOCOL_STATUS);
	r = guest_request(guest, &request, NULL, NULL,
			  virt_answer_until(watcher->watch->virt));
	memset(&status, 0, sizeof(status));
	if (r == 0)
		r = protocol_answer_read(guest_answer(guest), &message_status, &status);
	if (r < 0)
		return r;
	if (!status.instance)
		return -EBADMSG;
	if (!watcher->began)
		set_position(watcher, status.instance, status.last_seq);
	else if (strncmp(watcher->instance, status.instance, INSTANCE_SIZE - 1) != 0)
		set_position(watcher, status.instance, 0);
	return 0;
}

static int subscribe(struct watcher *watcher, struct guest *guest)
{
	struct protocol_request request;
	int r = find_position(watcher, guest);

	if (r < 0)
		return r;
	protocol_request_init(&request, PROTOCOL_SUBSCRIBE);
	request.since = watcher->seq;
	return guest_request(guest, &request, NULL, NULL,
			     virt_answer_until(watcher->watch->virt));
}

static void follow(struct watcher *watcher, struct guest *guest, unsigned generation)
{
	int r = guest_has_events(guest) ? subscribe(watcher, guest) : -ENOTSUP;

	while (r == 0 && is_wanted(watcher, generation)) {
		r = guest_next_event(guest, client_now_msec() + LOOK_MSEC);
		if (r == 0)
			take_event(watcher, guest_answer(guest));
		else if (r == -ETIMEDOUT || r == -EBADMSG || r == -EMSGSIZE)
			r = 0;
	}
}

/* 0: it runs, and was followed as long as its channel lasted; negative: no more of it. */
static int follow_once(struct watcher *watcher, unsigned generation)
{
	struct virt *virt = watcher->watch->virt;
	uint64_t until = virt_answer_until(virt);
	virDomainPtr pointer = NULL;
	struct guest_fault fault;
	struct call_error error;
	struct domain domain;
	struct guest *guest;
	char *xml = NULL;
	int r = connection_lookup(virt->connection, watcher->uuid, until, &pointer,
				  &error);

	if (r < 0 || !pointer)
		return r;
	r = host_xml(pointer, 0, until, &xml, &error);
	if (r == 0 && xml)
		r = domain_parse(xml, &domain);
	free(xml);
	if (r == 0) {
		if (guest_open(virt->connection, pointer, &domain, false, until, &guest,
			       &fault) == 0) {
			follow(watcher, guest, generation);
			guest_close(guest);
		}
		domain_clear(&domain);
	}
	virDomainFree(pointer);
	return r;
}

static void *run_watcher(void *data)
{
	struct watcher *watcher = data;
	struct watch *watch = watcher->watch;
	unsigned generation;

	pthread_mutex_lock(&watch->mutex);
	generation = watch->generation;
	pthread_mutex_unlock(&watch->mutex);
	while (is_wanted(watcher, generation) && follow_once(watcher, generation) == 0)
		usleep(RETRY_MSEC * 1000);
	pthread_mutex_lock(&watch->mutex);
	watcher->runs = false;
	pthread_mutex_unlock(&watch->mutex);
	return NULL;
}

/* --- all of them */

static struct watcher *find_watcher(struct watch *watch, const char *uuid)
{
	size_t i;

	for (i = 0; i < watch->count; i++)
		if (strcmp(watch->watchers[i]->uuid, uuid) == 0)
			return watch->watchers[i];
	return NULL;
}

static void begin(const char *name, const char *uuid, void *data)
{
	struct watch *watch = data;
	struct watcher *watcher;

	if (!virt_is_named(watch->virt, name, uuid))
		return;
	pthread_mutex_lock(&watch->mutex);
	watcher = find_watcher(watch, uuid);
	if (!watcher && watch->count < WATCHERS_MAX) {
		watcher = calloc(1, sizeof(*watcher));
		if (watcher) {
			watcher->watch = watch;
			watcher->began = watch->listed;
			snprintf(watcher->uuid, sizeof(watcher->uuid), "%s", uuid);
			watch->watchers[watch->count++] = watcher;
		}
	}
	if (watcher && !watcher->runs) {
		snprintf(watcher->name, sizeof(watcher->name), "%s", name);
		watcher->runs = call_start_thread(run_watcher, watcher) == 0;
	}
	pthread_mutex_unlock(&watch->mutex);
}

static bool all_ended(struct watch *watch)
{
	bool ended = true;
	size_t i;

	pthread_mutex_lock(&watch->mutex);
	for (i = 0; i < watch->count; i++)
		ended = ended && !watch->watchers[i]->runs;
	pthread_mutex_unlock(&watch->mutex);
	return ended;
}

/*
 * The watchers end by themselves, because their connection is lost; new ones replace
 * them.
 */
static int reopen(struct watch *watch)
{
	struct call_error error;
	int r;

	pthread_mutex_lock(&watch->mutex);
	watch->generation++;
	pthread_mutex_unlock(&watch->mutex);
	while (!all_ended(watch))
		usleep(LOOK_MSEC * 100);
	do {
		r = connection_reopen(watch->virt->connection,
				      client_now_msec() + REOPEN_MSEC, &error);
	} while (r == -ECOMM || r == -ETIMEDOUT);
	if (r < 0)
		return virt_fail_host(watch->virt, "connect to libvirt", r, &error);
	return 0;
}

static int take_host_event(struct watch *watch, const struct host_event *event)
{
	int r = 0;

	if (*event->name && !virt_is_named(watch->virt, event->name, event->uuid))
		return 0;
	pthread_mutex_lock(&watch->mutex);
	print_host_event(watch->virt, event);
	pthread_mutex_unlock(&watch->mutex);
	if (event->kind == HOST_STARTED)
		begin(event->name, event->uuid, watch);
	if (event->kind == HOST_MISSED)
		return virt_each_domain(watch->virt, begin, watch);
	if (event->kind != HOST_LOST)
		return 0;
	r = reopen(watch);
	return r == 0 ? virt_each_domain(watch->virt, begin, watch) : r;
}

static void stop(int number)
{
	(void)number;
	_exit(VIRT_DONE); /* every line is flushed when it is whole */
}

int virt_watch(struct virt *virt)
{
	static struct watch watch;
	struct host_event event;
	int r;

	watch.virt = virt;
	if (pthread_mutex_init(&watch.mutex, NULL) != 0)
		return virt_fail(virt, VIRT_FAILED, "out of memory");
	signal(SIGINT, stop);
	signal(SIGTERM, stop);
	if (!virt->options.json) {
		table_print(&virt->table, stdout, !virt->options.no_headings);
		flush_line();
	}
	r = virt_each_domain(virt, begin, &watch);
	watch.listed = true;
	while (r == 0)
		if (connection_next(virt->connection, CLIENT_FOREVER, &event) == 0)
			r = take_host_event(&watch, &event);
	return r;
}
