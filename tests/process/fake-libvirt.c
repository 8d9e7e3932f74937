/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * libvirt as virt-memonline sees it, for tests: fake:///DIR is a host. DIR/NAME.xml is a running
 * domain's XML; once it was asked for, DIR/NAME.next takes its place. DIR/NAME.sock is QEMU's end of
 * its channel, where a process plays the guest. Nothing can be plugged, and there are no events. As
 * libvirt's library does, the event loop's thread calls a stream's callback while there is something
 * to read.
 */

#include <dirent.h>
#include <errno.h>
#include <libvirt/libvirt-qemu.h>
#include <libvirt/libvirt.h>
#include <libvirt/virterror.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define SCHEME "fake://"
#define NAME_SIZE 64
#define DIRECTORY_SIZE 64
#define PATH_SIZE (DIRECTORY_SIZE + NAME_SIZE + 8)
#define XML_SIZE 65536
#define STREAMS_MAX 4096

/*
 * NOLINTBEGIN(readability-inconsistent-declaration-parameter-name,readability-non-const-parameter):
 * the prototypes are libvirt's
 */

struct _virConnect {
	unsigned users;
	char directory[DIRECTORY_SIZE];
};

struct _virDomain {
	unsigned users;
	virConnectPtr connect;
	char name[NAME_SIZE];
	char uuid[VIR_UUID_STRING_BUFLEN];
};

struct _virStream {
	unsigned users;
	int fd; /* -1: not open */
	int events; /* wanted */
	bool removed; /* the loop drops its callback */
	virStreamEventCallback callback;
	virFreeCallback drop;
	void *data;
};

/* Of all that is above. */
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct _virStream *streams[STREAMS_MAX]; /* with a callback */
static size_t stream_count;
static int wake[2];

static __thread virError last_error;

static int fail(int code, const char *message)
{
	last_error.code = code;
	/* NOLINTNEXTLINE(performance-no-int-to-ptr): libvirt's structure has no const */
	last_error.message = (char *)(uintptr_t)message;
	return -1;
}

virErrorPtr virGetLastError(void)
{
	return last_error.code ? &last_error : NULL;
}

void virSetErrorFunc(void *data, virErrorFunc handler)
{
	(void)data;
	(void)handler;
}

int virInitialize(void)
{
	return 0;
}

/* --- reference counts */

static int hold(unsigned *users)
{
	pthread_mutex_lock(&mutex);
	++*users;
	pthread_mutex_unlock(&mutex);
	return 0;
}

static bool let_go(unsigned *users)
{
	bool last;

	pthread_mutex_lock(&mutex);
	last = --*users == 0;
	pthread_mutex_unlock(&mutex);
	return last;
}

/* --- connection */

virConnectPtr virConnectOpen(const char *name)
{
	virConnectPtr connect;

	if (!name || strncmp(name, SCHEME, strlen(SCHEME)) != 0) {
		fail(VIR_ERR_NO_CONNECT, "no fake:// URI");
		return NULL;
	}
	connect = calloc(1, sizeof(*connect));
	if (!connect)
		return NULL;
	connect->users = 1;
	snprintf(connect->directory, sizeof(connect->directory), "%s",
		 name + strlen(SCHEME));
	return connect;
}

virConnectPtr virConnectOpenReadOnly(const char *name)
{
	return virConnectOpen(name);
}

int virConnectRef(virConnectPtr connect)
{
	return hold(&connect->users);
}

int virConnectClose(virConnectPtr connect)
{
	if (let_go(&connect->users))
		free(connect);
	return 0;
}

int virConnectSetKeepAlive(virConnectPtr connect, int interval, unsigned count)
{
	(void)connect;
	(void)interval;
	(void)count;
	return 0;
}

int virConnectRegisterCloseCallback(virConnectPtr connect, virConnectCloseFunc callback,
				    void *data, virFreeCallback drop)
{
	(void)connect;
	(void)callback;
	(void)data;
	(void)drop;
	return 0;
}

int virConnectDomainEventRegisterAny(virConnectPtr connect, virDomainPtr domain, int id,
				     virConnectDomainEventGenericCallback callback,
				     void *data, virFreeCallback drop)
{
	(void)connect;
	(void)domain;
	(void)callback;
	(void)data;
	(void)drop;
	return id;
}

int virNodeGetMemoryStats(virConnectPtr connect, int cell, virNodeMemoryStatsPtr stats,
			  int *count, unsigned flags)
{
	(void)connect;
	(void)cell;
	(void)stats;
	(void)count;
	(void)flags;
	return fail(VIR_ERR_NO_SUPPORT, "not supported");
}

int virNodeGetInfo(virConnectPtr connect, virNodeInfoPtr info)
{
	(void)connect;
	(void)info;
	return fail(VIR_ERR_NO_SUPPORT, "not supported");
}

/* --- domains */

int virDomainGetJobStats(virDomainPtr domain, int *type, virTypedParameterPtr *values,
			 int *count, unsigned flags)
{
	(void)domain;
	(void)type;
	(void)values;
	(void)count;
	(void)flags;
	return fail(VIR_ERR_NO_SUPPORT, "not supported");
}

int virTypedParamsGetInt(virTypedParameterPtr values, int count, const char *name,
			 int *value)
{
	(void)values;
	(void)count;
	(void)name;
	(void)value;
	return 0;
}

void virTypedParamsFree(virTypedParameterPtr values, int count)
{
	(void)values;
	(void)count;
}

static void xml_path(virConnectPtr connect, const char *name, const char *end, char *path)
{
	snprintf(path, PATH_SIZE, "%s/%s%s", connect->directory, name, end);
}

static char *read_xml(virConnectPtr connect, const char *name)
{
	char path[PATH_SIZE];
	char *xml = calloc(1, XML_SIZE);
	FILE *file;

	xml_path(connect, name, ".xml", path);
	file = xml ? fopen(path, "r") : NULL;
	if (!file) {
		free(xml);
		fail(VIR_ERR_NO_DOMAIN, "Domain not found");
		return NULL;
	}
	xml[fread(xml, 1, XML_SIZE - 1, file)] = '\0';
	fclose(file);
	return xml;
}

virDomainPtr virDomainLookupByName(virConnectPtr connect, const char *name)
{
	virDomainPtr domain;
	char *xml = read_xml(connect, name);
	const char *uuid = xml ? strstr(xml, "<uuid>") : NULL;

	domain = xml ? calloc(1, sizeof(*domain)) : NULL;
	if (domain) {
		domain->users = 1;
		domain->connect = connect;
		hold(&connect->users);
		snprintf(domain->name, sizeof(domain->name), "%s", name);
		snprintf(domain->uuid, sizeof(domain->uuid), "%.36s",
			 uuid ? uuid + strlen("<uuid>") : "");
	}
	free(xml);
	return domain;
}

virDomainPtr virDomainLookupByUUIDString(virConnectPtr connect, const char *uuid)
{
	(void)connect;
	(void)uuid;
	fail(VIR_ERR_NO_DOMAIN, "Domain not found");
	return NULL;
}

static int list(virConnectPtr connect, DIR *directory, virDomainPtr **domains)
{
	struct dirent *entry;
	int count = 0;

	while ((entry = readdir(directory)) != NULL) {
		size_t len = strlen(entry->d_name);
		virDomainPtr *more;

		if (len < 5 || len >= NAME_SIZE ||
		    strcmp(entry->d_name + len - 4, ".xml") != 0)
			continue;
		entry->d_name[len - 4] = '\0';
		/* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers */
		more = realloc(*domains, ((size_t)count + 1) * sizeof(**domains));
		if (!more)
			return -1;
		*domains = more;
		more[count] = virDomainLookupByName(connect, entry->d_name);
		if (!more[count])
			return -1;
		count++;
	}
	return count;
}

int virConnectListAllDomains(virConnectPtr connect, virDomainPtr **domains,
			     unsigned flags)
{
	DIR *directory = opendir(connect->directory);
	int count;

	(void)flags;
	if (!directory)
		return fail(VIR_ERR_INTERNAL_ERROR, "no such directory");
	count = list(connect, directory, domains);
	closedir(directory);
	return count;
}

int virDomainRef(virDomainPtr domain)
{
	return hold(&domain->users);
}

int virDomainFree(virDomainPtr domain)
{
	if (let_go(&domain->users)) {
		virConnectClose(domain->connect);
		free(domain);
	}
	return 0;
}

const char *virDomainGetName(virDomainPtr domain)
{
	return domain->name;
}

int virDomainGetUUIDString(virDomainPtr domain, char *uuid)
{
	memcpy(uuid, domain->uuid, sizeof(domain->uuid));
	return 0;
}

int virDomainGetState(virDomainPtr domain, int *state, int *reason, unsigned flags)
{
	(void)domain;
	(void)flags;
	*state = VIR_DOMAIN_RUNNING;
	*reason = 0;
	return 0;
}

int virDomainIsPersistent(virDomainPtr domain)
{
	(void)domain;
	return 0;
}

char *virDomainGetXMLDesc(virDomainPtr domain, unsigned flags)
{
	char path[PATH_SIZE], next[PATH_SIZE];
	char *xml = read_xml(domain->connect, domain->name);

	(void)flags;
	xml_path(domain->connect, domain->name, ".xml", path);
	xml_path(domain->connect, domain->name, ".next", next);
	if (rename(next, path) < 0 && errno != ENOENT) {
		free(xml);
		xml = NULL;
	}
	return xml;
}

int virDomainAttachDeviceFlags(virDomainPtr domain, const char *xml, unsigned flags)
{
	(void)domain;
	(void)xml;
	(void)flags;
	return fail(VIR_ERR_NO_SUPPORT, "not supported");
}

int virDomainUpdateDeviceFlags(virDomainPtr domain, const char *xml, unsigned flags)
{
	return virDomainAttachDeviceFlags(domain, xml, flags);
}

int virDomainDetachDeviceAlias(virDomainPtr domain, const char *alias, unsigned flags)
{
	return virDomainAttachDeviceFlags(domain, alias, flags);
}

char *virDomainQemuAgentCommand(virDomainPtr domain, const char *command, int timeout,
				unsigned flags)
{
	(void)timeout;
	virDomainAttachDeviceFlags(domain, command, flags);
	return NULL;
}

int virDomainQemuMonitorCommand(virDomainPtr domain, const char *command, char **result,
				unsigned flags)
{
	(void)result;
	return virDomainAttachDeviceFlags(domain, command, flags);
}

/* --- streams */

virStreamPtr virStreamNew(virConnectPtr connect, unsigned flags)
{
	virStreamPtr stream = calloc(1, sizeof(*stream));

	(void)connect;
	(void)flags;
	if (stream) {
		stream->users = 1;
		stream->fd = -1;
	}
	return stream;
}

static void stream_close(virStreamPtr stream)
{
	pthread_mutex_lock(&mutex);
	if (stream->fd >= 0)
		close(stream->fd);
	stream->fd = -1;
	pthread_mutex_unlock(&mutex);
}

int virStreamFree(virStreamPtr stream)
{
	if (let_go(&stream->users)) {
		stream_close(stream);
		free(stream);
	}
	return 0;
}

int virStreamFinish(virStreamPtr stream)
{
	stream_close(stream);
	return 0;
}

int virStreamAbort(virStreamPtr stream)
{
	return virStreamFinish(stream);
}

int virDomainOpenChannel(virDomainPtr domain, const char *name, virStreamPtr stream,
			 unsigned flags)
{
	struct sockaddr_un address;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)name;
	(void)flags;
	memset(&address, 0, sizeof(address));
	address.sun_family = AF_UNIX;
	snprintf(address.sun_path, sizeof(address.sun_path), "%.60s/%.40s.sock",
		 domain->connect->directory, domain->name);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		if (fd >= 0)
			close(fd);
		return fail(VIR_ERR_INTERNAL_ERROR, "cannot connect to the channel");
	}
	stream->fd = fd;
	return 0;
}

int virStreamSend(virStreamPtr stream, const char *bytes, size_t len)
{
	ssize_t sent = send(stream->fd, bytes, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	return sent >= 0 ? (int)sent : errno == EAGAIN ? -2 : -1;
}

int virStreamRecv(virStreamPtr stream, char *bytes, size_t len)
{
	ssize_t got = recv(stream->fd, bytes, len, MSG_DONTWAIT);

	return got >= 0 ? (int)got : errno == EAGAIN ? -2 : -1;
}

/* --- the event loop */

static void wake_up(void)
{
	if (write(wake[1], "", 1) < 0)
		abort();
}

int virEventRegisterDefaultImpl(void)
{
	return pipe(wake);
}

int virStreamEventAddCallback(virStreamPtr stream, int events,
			      virStreamEventCallback callback, void *data,
			      virFreeCallback drop)
{
	int r = -1;

	pthread_mutex_lock(&mutex);
	if (stream_count < STREAMS_MAX) {
		stream->users++;
		stream->events = events;
		stream->callback = callback;
		stream->data = data;
		stream->drop = drop;
		streams[stream_count++] = stream;
		r = 0;
	}
	pthread_mutex_unlock(&mutex);
	wake_up();
	return r;
}

int virStreamEventUpdateCallback(virStreamPtr stream, int events)
{
	pthread_mutex_lock(&mutex);
	stream->events = events;
	pthread_mutex_unlock(&mutex);
	return 0;
}

int virStreamEventRemoveCallback(virStreamPtr stream)
{
	pthread_mutex_lock(&mutex);
	stream->removed = true;
	pthread_mutex_unlock(&mutex);
	wake_up();
	return 0;
}

/* One whose callback is to go; it is no longer in the list. NULL: none. */
static virStreamPtr take_removed(void)
{
	virStreamPtr found = NULL;
	size_t i;

	pthread_mutex_lock(&mutex);
	for (i = 0; i < stream_count && !found; i++)
		if (streams[i]->removed) {
			found = streams[i];
			streams[i] = streams[--stream_count];
		}
	pthread_mutex_unlock(&mutex);
	return found;
}

static size_t fill(struct pollfd *polled, virStreamPtr *of)
{
	size_t i, count = 0;

	pthread_mutex_lock(&mutex);
	for (i = 0; i < stream_count; i++) {
		if (streams[i]->fd < 0 || !streams[i]->events)
			continue;
		polled[count].fd = streams[i]->fd;
		polled[count].events = POLLIN;
		polled[count].revents = 0;
		of[count++] = streams[i];
	}
	pthread_mutex_unlock(&mutex);
	return count;
}

static bool is_wanted(const struct _virStream *stream)
{
	bool wanted;

	pthread_mutex_lock(&mutex);
	wanted = !stream->removed && stream->events && stream->fd >= 0;
	pthread_mutex_unlock(&mutex);
	return wanted;
}

int virEventRunDefaultImpl(void)
{
	static struct pollfd polled[STREAMS_MAX + 1];
	static virStreamPtr of[STREAMS_MAX + 1];
	virStreamPtr removed;
	size_t count, i;
	char bytes[64];

	while ((removed = take_removed()) != NULL) {
		if (removed->drop)
			removed->drop(removed->data);
		virStreamFree(removed);
	}
	count = fill(polled, of);
	polled[count].fd = wake[0];
	polled[count].events = POLLIN;
	polled[count].revents = 0;
	if (poll(polled, count + 1, -1) < 0)
		return errno == EINTR ? 0 : -1;
	if (polled[count].revents && read(wake[0], bytes, sizeof(bytes)) < 0)
		return -1;
	for (i = 0; i < count; i++)
		if (polled[i].revents && is_wanted(of[i]))
			of[i]->callback(of[i], VIR_STREAM_EVENT_READABLE, of[i]->data);
	return 0;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name,readability-non-const-parameter) */
