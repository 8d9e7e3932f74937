/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "connection.h"

#include <errno.h>
#include <libvirt/virterror.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "io/client.h"

#define QUEUE_MAX 1024 /* events of all domains */
#define FOLLOWED_MAX 64 /* of one */
#define KEEPALIVE_SEC 5
#define KEEPALIVE_COUNT 3
#define RETRY_FIRST_MSEC 200
#define RETRY_LAST_MSEC 5000
#define CLOSE_MSEC 1000
#define EVENT_RETRY_USEC 100000

struct connection_queue {
	struct connection_queue *next;
	struct connection *connection;
	char uuid[DOMAIN_UUID_SIZE]; /* "": the events of all domains */
	struct host_event *events;
	size_t first, count, size;
	bool missed;
};

struct connection {
	const char *uri;
	bool read_only;
	pthread_mutex_t reopening; /* one thread does it, the others wait for it */
	/* what the event loop's thread writes, and others read */
	pthread_mutex_t mutex;
	pthread_cond_t came;
	virConnectPtr connect;
	unsigned generation;
	struct host_event events[QUEUE_MAX];
	struct connection_queue queue; /* the first of all */
	bool lost;
};

static const char *const kinds[] = {
	[HOST_REMOVED] = "removed", [HOST_REMOVAL_FAILED] = "removal-failed",
	[HOST_RESIZED] = "resized", [HOST_ADDED] = "added",
	[HOST_STARTED] = "started", [HOST_STOPPED] = "stopped",
	[HOST_PAUSED] = "paused",   [HOST_RESUMED] = "resumed",
	[HOST_REBOOT] = "reboot",   [HOST_AGENT] = "agent",
	[HOST_LOST] = "lost",	    [HOST_MISSED] = "missed",
};

const char *host_event_text(enum host_event_kind kind)
{
	return kinds[kind];
}

/* --- events: in the event loop's thread */

static void put_event(struct connection_queue *queue, const struct host_event *event)
{
	if (*queue->uuid && *event->uuid && strcmp(queue->uuid, event->uuid) != 0)
		return;
	if (queue->count == queue->size) {
		queue->first = (queue->first + 1) % queue->size;
		queue->count--;
		queue->missed = true;
	}
	queue->events[(queue->first + queue->count++) % queue->size] = *event;
}

static void push(struct connection *connection, const struct host_event *event)
{
	struct connection_queue *queue;

	pthread_mutex_lock(&connection->mutex);
	if (event->kind == HOST_LOST)
		connection->lost = true;
	for (queue = &connection->queue; queue; queue = queue->next)
		put_event(queue, event);
	pthread_cond_broadcast(&connection->came);
	pthread_mutex_unlock(&connection->mutex);
}

static void push_domain(struct connection *connection, virDomainPtr domain,
			enum host_event_kind kind, const char *alias, uint64_t bytes)
{
	struct host_event event;
	const char *name = domain ? virDomainGetName(domain) : NULL;

	memset(&event, 0, sizeof(event));
	event.kind = kind;
	event.bytes = bytes;
	event.sec = (int64_t)time(NULL);
	snprintf(event.alias, sizeof(event.alias), "%s", alias ? alias : "");
	snprintf(event.name, sizeof(event.name), "%s", name ? name : "");
	if (domain && virDomainGetUUIDString(domain, event.uuid) < 0)
		event.uuid[0] = '\0';
	push(connection, &event);
}

static void on_removed(virConnectPtr connect, virDomainPtr domain, const char *alias,
		       void *data)
{
	(void)connect;
	push_domain(data, domain, HOST_REMOVED, alias, 0);
}

static void on_removal_failed(virConnectPtr connect, virDomainPtr domain,
			      const char *alias, void *data)
{
	(void)connect;
	push_domain(data, domain, HOST_REMOVAL_FAILED, alias, 0);
}

static void on_added(virConnectPtr connect, virDomainPtr domain, const char *alias,
		     void *data)
{
	(void)connect;
	push_domain(data, domain, HOST_ADDED, alias, 0);
}

static void on_reboot(virConnectPtr connect, virDomainPtr domain, void *data)
{
	(void)connect;
	push_domain(data, domain, HOST_REBOOT, NULL, 0);
}

static void on_agent(virConnectPtr connect, virDomainPtr domain, int state, int reason,
		     void *data)
{
	(void)connect;
	(void)reason;
	push_domain(data, domain, HOST_AGENT,
		    state == VIR_CONNECT_DOMAIN_EVENT_AGENT_LIFECYCLE_STATE_CONNECTED
			    ? "connected"
			    : "disconnected",
		    0);
}

#if LIBVIR_CHECK_VERSION(7, 9, 0)
static void on_resized(virConnectPtr connect, virDomainPtr domain, const char *alias,
		       unsigned long long kib, void *data)
{
	(void)connect;
	push_domain(data, domain, HOST_RESIZED, alias, kib * 1024);
}
#endif

static int on_lifecycle(virConnectPtr connect, virDomainPtr domain, int event, int detail,
			void *data)
{
	static const struct {
		int event;
		enum host_event_kind kind;
	} known[] = {
		{ VIR_DOMAIN_EVENT_STARTED, HOST_STARTED },
		{ VIR_DOMAIN_EVENT_STOPPED, HOST_STOPPED },
		{ VIR_DOMAIN_EVENT_CRASHED, HOST_STOPPED },
		{ VIR_DOMAIN_EVENT_SUSPENDED, HOST_PAUSED },
		{ VIR_DOMAIN_EVENT_RESUMED, HOST_RESUMED },
	};
	size_t i;

	(void)connect;
	(void)detail;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (known[i].event == event)
			push_domain(data, domain, known[i].kind, NULL, 0);
	return 0;
}

static void on_close(virConnectPtr connect, int reason, void *data)
{
	(void)connect;
	(void)reason;
	push_domain(data, NULL, HOST_LOST, NULL, 0);
}

static const struct {
	int id;
	virConnectDomainEventGenericCallback callback;
} wanted[] = {
	{ VIR_DOMAIN_EVENT_ID_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_lifecycle) },
	{ VIR_DOMAIN_EVENT_ID_REBOOT, VIR_DOMAIN_EVENT_CALLBACK(on_reboot) },
	{ VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, VIR_DOMAIN_EVENT_CALLBACK(on_removed) },
	{ VIR_DOMAIN_EVENT_ID_DEVICE_REMOVAL_FAILED,
	  VIR_DOMAIN_EVENT_CALLBACK(on_removal_failed) },
	{ VIR_DOMAIN_EVENT_ID_DEVICE_ADDED, VIR_DOMAIN_EVENT_CALLBACK(on_added) },
	{ VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, VIR_DOMAIN_EVENT_CALLBACK(on_agent) },
#if LIBVIR_CHECK_VERSION(7, 9, 0)
	{ VIR_DOMAIN_EVENT_ID_MEMORY_DEVICE_SIZE_CHANGE,
	  VIR_DOMAIN_EVENT_CALLBACK(on_resized) },
#endif
};

int connection_queue_next(struct connection_queue *queue, uint64_t deadline_msec,
			  struct host_event *event)
{
	struct connection *connection = queue->connection;
	int r = 0;

	pthread_mutex_lock(&connection->mutex);
	while (queue->count == 0 && !queue->missed && r == 0)
		if (!call_cond_wait(&connection->came, &connection->mutex, deadline_msec))
			r = queue->count ? 0 : -ETIMEDOUT;
	if (r == 0 && queue->missed) {
		memset(event, 0, sizeof(*event));
		event->kind = HOST_MISSED;
		queue->missed = false;
	} else if (r == 0) {
		*event = queue->events[queue->first];
		queue->first = (queue->first + 1) % queue->size;
		queue->count--;
	}
	pthread_mutex_unlock(&connection->mutex);
	return r;
}

int connection_next(struct connection *connection, uint64_t deadline_msec,
		    struct host_event *event)
{
	return connection_queue_next(&connection->queue, deadline_msec, event);
}

int connection_follow(struct connection *connection, const char *uuid,
		      struct connection_queue **queue)
{
	struct connection_queue *made = calloc(1, sizeof(*made));

	if (!made)
		return -ENOMEM;
	made->events = calloc(FOLLOWED_MAX, sizeof(*made->events));
	if (!made->events) {
		free(made);
		return -ENOMEM;
	}
	made->size = FOLLOWED_MAX;
	made->connection = connection;
	snprintf(made->uuid, sizeof(made->uuid), "%s", uuid);
	pthread_mutex_lock(&connection->mutex);
	made->next = connection->queue.next;
	connection->queue.next = made;
	pthread_mutex_unlock(&connection->mutex);
	*queue = made;
	return 0;
}

void connection_unfollow(struct connection_queue *queue)
{
	struct connection_queue *before;

	if (!queue)
		return;
	pthread_mutex_lock(&queue->connection->mutex);
	for (before = &queue->connection->queue; before->next != queue;)
		before = before->next;
	before->next = queue->next;
	pthread_mutex_unlock(&queue->connection->mutex);
	free(queue->events);
	free(queue);
}

/* --- the event loop, which ends with the process */

static void *run_events(void *data)
{
	(void)data;
	for (;;)
		if (virEventRunDefaultImpl() < 0)
			usleep(EVENT_RETRY_USEC);
	return NULL;
}

static void ignore_error(void *data, virErrorPtr error)
{
	(void)data;
	(void)error; /* each caller asks for it */
}

static int start_events(void)
{
	static bool started;

	if (started)
		return 0;
	started = true;
	virSetErrorFunc(NULL, ignore_error);
	if (virInitialize() < 0 || virEventRegisterDefaultImpl() < 0)
		return -ENOMEM;
	return call_start_thread(run_events, NULL);
}

/* --- opening */

static void drop_connect(struct call *call)
{
	virConnectClose(call->object);
}

static int run_open(struct call *call)
{
	const char *uri = call->text && *call->text ? call->text : NULL;

	call->object = call->flags ? virConnectOpenReadOnly(uri) : virConnectOpen(uri);
	return call->object ? 0 : -1;
}

static void register_events(struct connection *connection)
{
	virConnectPtr connect = connection->connect;
	size_t i;

	virConnectSetKeepAlive(connect, KEEPALIVE_SEC, KEEPALIVE_COUNT);
	virConnectRegisterCloseCallback(connect, on_close, connection, NULL);
	/* If this libvirt lacks an event, the XML must show the change. */
	for (i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		virConnectDomainEventRegisterAny(connect, NULL, wanted[i].id,
						 wanted[i].callback, connection, NULL);
}

/* Events are registered by a call as well: it may hang as the other. */
static int run_register(struct call *call)
{
	register_events(call->object);
	return 0;
}

struct call *connection_call(struct connection *connection, int (*run)(struct call *call),
			     virDomainPtr domain, const char *text)
{
	struct call *call;

	pthread_mutex_lock(&connection->mutex);
	call = call_new(run, connection->connect, domain, text);
	pthread_mutex_unlock(&connection->mutex);
	return call;
}

static int open_once(struct connection *connection, uint64_t deadline_msec,
		     struct call_error *error)
{
	struct call *call =
		call_new(run_open, NULL, NULL, connection->uri ? connection->uri : "");
	int r;

	if (!call)
		return -ENOMEM;
	call->flags = connection->read_only;
	call->drop = drop_connect;
	r = call_end(call, call_run(call, deadline_msec), error);
	if (r == 0) {
		pthread_mutex_lock(&connection->mutex);
		connection->connect = call->object;
		connection->generation++;
		pthread_mutex_unlock(&connection->mutex);
		call->object = NULL;
	}
	call_free(call);
	if (r < 0)
		return r;
	call = connection_call(connection, run_register, NULL, NULL);
	if (!call)
		return -ENOMEM;
	call->object = connection;
	r = call_run(call, deadline_msec);
	call_free(call);
	return r;
}

int connection_open(const char *uri, bool read_only, uint64_t deadline_msec,
		    struct connection **connection, struct call_error *error)
{
	struct connection *made;
	int r = start_events();

	if (r < 0)
		return r;
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	made->uri = uri;
	made->read_only = read_only;
	made->queue.connection = made;
	made->queue.events = made->events;
	made->queue.size = QUEUE_MAX;
	if (pthread_mutex_init(&made->mutex, NULL) != 0 ||
	    pthread_mutex_init(&made->reopening, NULL) != 0 ||
	    call_cond_init(&made->came) < 0) {
		free(made);
		return -ENOMEM;
	}
	r = open_once(made, deadline_msec, error);
	if (r == 0) {
		*connection = made;
	} else if (made->connect) {
		connection_close(made);
	} else { /* nobody was told of it */
		pthread_cond_destroy(&made->came);
		free(made);
	}
	return r;
}

static int run_close(struct call *call)
{
	virConnectClose(call->object);
	return 0;
}

/*
 * The callbacks point to the connection: it stays where it is, and so does what hangs in libvirt
 * for good. Both are for the end of the process.
 */
void connection_close(struct connection *connection)
{
	struct call *call;

	if (!connection || !connection->connect)
		return;
	call = call_new(run_close, NULL, NULL, NULL);
	if (!call)
		return;
	call->object = connection->connect;
	connection->connect = NULL;
	call_run(call, client_now_msec() + CLOSE_MSEC);
	call_free(call);
}

bool connection_is_lost(struct connection *connection)
{
	bool lost;

	pthread_mutex_lock(&connection->mutex);
	lost = connection->lost;
	pthread_mutex_unlock(&connection->mutex);
	return lost;
}

unsigned connection_generation(struct connection *connection)
{
	unsigned generation;

	pthread_mutex_lock(&connection->mutex);
	generation = connection->generation;
	pthread_mutex_unlock(&connection->mutex);
	return generation;
}

static int reopen(struct connection *connection, uint64_t deadline_msec,
		  struct call_error *error)
{
	unsigned wait_msec = RETRY_FIRST_MSEC;
	virConnectPtr old;
	int r = -ETIMEDOUT;

	pthread_mutex_lock(&connection->mutex);
	old = connection->connect;
	connection->connect = NULL;
	pthread_mutex_unlock(&connection->mutex);
	if (old)
		virConnectClose(old);
	while (client_now_msec() < deadline_msec) {
		pthread_mutex_lock(&connection->mutex);
		connection->lost = false;
		pthread_mutex_unlock(&connection->mutex);
		r = open_once(connection, deadline_msec, error);
		if (r != -ECOMM)
			return r;
		usleep(wait_msec * 1000);
		wait_msec *= 2;
		if (wait_msec > RETRY_LAST_MSEC)
			wait_msec = RETRY_LAST_MSEC;
	}
	return r;
}

static bool is_open(struct connection *connection)
{
	bool open;

	pthread_mutex_lock(&connection->mutex);
	open = connection->connect && !connection->lost;
	pthread_mutex_unlock(&connection->mutex);
	return open;
}

int connection_reopen(struct connection *connection, uint64_t deadline_msec,
		      struct call_error *error)
{
	int r = 0;

	pthread_mutex_lock(&connection->reopening);
	if (!is_open(connection))
		r = reopen(connection, deadline_msec, error);
	pthread_mutex_unlock(&connection->reopening);
	return r;
}
