/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_VIRT_HOST_H
#define MEMONLINE_VIRT_HOST_H

/*
 * The calls of libvirt about one domain, each with a deadline. All return 0; -ECOMM if
 * libvirt refuses, with *error; -ETIMEDOUT; other negative errno.
 */

#include "connection.h"

/* `flags`: VIR_DOMAIN_XML_INACTIVE or 0. *xml is the caller's. */
int host_xml(virDomainPtr domain, unsigned flags, uint64_t deadline_msec, char **xml,
	     struct call_error *error);
/* virDomainState; whether it is persistent. */
int host_state(virDomainPtr domain, uint64_t deadline_msec, int *state, bool *persistent,
	       struct call_error *error);
/* What goes on with the whole domain: no time for changes, but when it runs. */
enum host_activity {
	HOST_RUNS,
	HOST_IS_PAUSED,
	HOST_MIGRATES,
	HOST_IS_COPIED, /* saved, dumped, a snapshot, a backup */
	HOST_LEAVES
};
int host_activity(virDomainPtr domain, uint64_t deadline_msec,
		  enum host_activity *activity, struct call_error *error);
/* `flags`: VIR_DOMAIN_AFFECT_LIVE and _CONFIG. -ETIMEDOUT: done or not, nobody knows. */
int host_attach(virDomainPtr domain, const char *xml, unsigned flags,
		uint64_t deadline_msec, struct call_error *error);
int host_update(virDomainPtr domain, const char *xml, unsigned flags,
		uint64_t deadline_msec, struct call_error *error);
/* 0: the guest was asked; an event says what it did. */
int host_detach(virDomainPtr domain, const char *alias, unsigned flags,
		uint64_t deadline_msec, struct call_error *error);
/* qemu-ga's command; *reply is the caller's. */
int host_agent_command(virDomainPtr domain, const char *command, uint64_t deadline_msec,
		       char **reply, struct call_error *error);
/* A command of QEMU's monitor: libvirt marks the domain as tainted. *reply is the caller's. */
int host_monitor_command(virDomainPtr domain, const char *command, uint64_t deadline_msec,
			 char **reply, struct call_error *error);
/* A stream to the channel, with VIR_STREAM_NONBLOCK. `force`: take it from whom libvirt gave it. */
int host_open_channel(struct connection *connection, virDomainPtr domain,
		      const char *name, bool force, uint64_t deadline_msec,
		      virStreamPtr *stream, struct call_error *error);
/* Ends it, and frees it. */
void host_close_channel(virStreamPtr stream, uint64_t deadline_msec);

#endif
