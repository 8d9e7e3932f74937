/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_VIRT_CONNECTION_H
#define MEMONLINE_VIRT_CONNECTION_H

/*
 * A connection to libvirt, its events as a queue, and its calls with deadlines. Events
 * are registered before anything is read, so that none between is lost; one thread runs
 * libvirt's event loop for all of them. A lost connection is opened again: only the XML
 * shows what happened meanwhile.
 */

#include "call.h"
#include "domain.h"

enum host_event_kind {
	HOST_REMOVED, /* DEVICE_REMOVED, by the device's alias */
	HOST_REMOVAL_FAILED,
	HOST_RESIZED, /* MEMORY_DEVICE_SIZE_CHANGE */
	HOST_ADDED, /* by the alias of the backend: "mem" and the device's */
	HOST_STARTED,
	HOST_STOPPED,
	HOST_PAUSED,
	HOST_RESUMED,
	HOST_REBOOT, /* what was asked of the guest is forgotten */
	HOST_AGENT, /* qemu-ga's port was opened or closed by the guest */
	HOST_LOST, /* the connection to libvirt */
	HOST_MISSED /* so many came at once that some were dropped: read the XML */
};

struct host_event {
	enum host_event_kind kind;
	char uuid[DOMAIN_UUID_SIZE];
	char name[DOMAIN_NAME_SIZE];
	char alias[CAPACITY_ALIAS_SIZE];
	uint64_t bytes;
	int64_t sec; /* when it came, by this host's clock */
};

const char *host_event_text(enum host_event_kind kind);

struct connection;

/* `uri` lives as long as the connection; NULL: libvirt's own default. Both return negative errno:
 * -ECOMM with *error, -ETIMEDOUT, -ENOMEM, -EAGAIN. */
int connection_open(const char *uri, bool read_only, uint64_t deadline_msec,
		    struct connection **connection, struct call_error *error);
void connection_close(struct connection *connection); /* accepts NULL */
bool connection_is_lost(struct connection *connection);
/*
 * Opens a lost connection again, until the deadline; then all domains must be looked up
 * again. Of several threads one does it, and the others have its result.
 */
int connection_reopen(struct connection *connection, uint64_t deadline_msec,
		      struct call_error *error);

/* Changes each time that the connection is opened: domains of another one are dead. */
unsigned connection_generation(struct connection *connection);

/* The next event. 0 or -ETIMEDOUT. */
int connection_next(struct connection *connection, uint64_t deadline_msec,
		    struct host_event *event);
/*
 * The events of one domain and of the connection as a queue of their own, for a thread of its
 * own. 0 or -ENOMEM; connection_unfollow frees it, and accepts NULL.
 */
struct connection_queue;
int connection_follow(struct connection *connection, const char *uuid,
		      struct connection_queue **queue);
void connection_unfollow(struct connection_queue *queue);
int connection_queue_next(struct connection_queue *queue, uint64_t deadline_msec,
			  struct host_event *event);

/* Both, as those of host.h: 0; -ECOMM where libvirt says no, with *error; -ETIMEDOUT; other errno. */
int connection_lookup(struct connection *connection, const char *name,
		      uint64_t deadline_msec, virDomainPtr *domain,
		      struct call_error *error);
/* All domains that are not shut off; `domains` and what is in it is the caller's. */
int connection_list(struct connection *connection, uint64_t deadline_msec,
		    virDomainPtr **domains, size_t *count, struct call_error *error);
void connection_free_list(virDomainPtr *domains, size_t count);
/* What this host has free, caches included; CAPACITY_UNKNOWN if it is unknown. */
uint64_t connection_free_memory(struct connection *connection, uint64_t deadline_msec);
/* All of this host's. */
uint64_t connection_all_memory(struct connection *connection, uint64_t deadline_msec);

/* As call_new, with the connection as it is: another thread may open it again meanwhile. */
struct call *connection_call(struct connection *connection, int (*run)(struct call *call),
			     virDomainPtr domain, const char *text);

#endif
