/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_VIRT_TARGET_H
#define MEMONLINE_VIRT_TARGET_H

/*
 * The one domain of a verb: its XML and its guest's answers, read repeatedly, also after
 * a lost connection or channel.
 */

#include "survey.h"
#include "virt.h"

struct target {
	struct virt *virt;
	char name[DOMAIN_NAME_SIZE];
	virDomainPtr pointer;
	bool persistent;
	char *xml; /* of the running domain, as read last */
	struct domain domain; /* from it, with the guest's answers if `told` */
	struct guest *guest; /* NULL: none has answered, or it is lost */
	bool told;
	struct guest_fault fault; /* why not */
	struct call_error error; /* of libvirt */
	uint64_t until_msec; /* when the verb gives up */
	unsigned generation; /* of the connection that `pointer` is of */
	unsigned sessions; /* how often a guest has answered anew */
	struct connection_queue *events; /* NULL: the connection's own */
};

/*
 * Finds the domain, which must run, and asks its guest. 0, or the exit code of an error
 * that was printed; with `patient` a guest that does not answer is not an error.
 * target_close is needed in both cases.
 */
int target_open(struct virt *virt, const char *name, bool patient, struct target *target);
void target_close(struct target *target);

/*
 * Reads all again; lost connections are opened again. 0: see `told`. -ENOENT: the domain
 * no longer runs; -ETIMEDOUT or -ECOMM: libvirt does not answer.
 */
int target_refresh(struct target *target);
/* The XML and the devices alone: as target_refresh, without the guest. */
int target_reread(struct target *target);
/* The connection that it was found by is lost, be it that another thread has opened it again. */
bool target_is_cut_off(const struct target *target);
/* The guest alone, about the devices as read last: see `told`. */
void target_ask(struct target *target);
/* Its channel is opened anew when it is asked next: a late answer is none to a later question. */
void target_forget_guest(struct target *target);
/* How much of its memory is online, for who waits at a terminal. */
void target_show_progress(const struct target *target);
/* Whether the persistent configuration has such a device. */
bool target_is_configured(struct target *target, const char *alias);
/* A number for a new alias that neither the running domain nor its configuration has. */
unsigned target_free_alias(struct target *target);
const struct capacity_device *target_device(const struct target *target,
					    const char *alias);
/* When a question that is asked now has gone on for too long. */
uint64_t target_answer_until(const struct target *target);
/* The next event about this domain or the connection, until then. 0 or -ETIMEDOUT. */
int target_next_event(struct target *target, uint64_t deadline_msec,
		      struct host_event *event);

#endif
