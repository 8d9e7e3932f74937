/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_VIRT_FLEET_H
#define MEMONLINE_VIRT_FLEET_H

/* Many domains at a time: each asked in a thread of its own, all within one time limit. */

#include "virt.h"

struct fleet_member {
	char name[DOMAIN_NAME_SIZE];
	virDomainPtr pointer;
	bool done; /* all below is filled */
	int state; /* virDomainState */
	bool has_domain;
	struct domain domain;
	const char *agent; /* guest_state_text, "paused", "not-needed", "not-asked" */
	struct guest_fault fault;
};

struct fleet;

/*
 * Asks the domains of virt->words, or all that are not shut off. 0, or the exit code of
 * an error that was printed. A domain that is late is abandoned: its member is not
 * `done`.
 */
int fleet_ask(struct virt *virt, struct fleet **fleet);
size_t fleet_count(const struct fleet *fleet);
/* Sorted by name. */
const struct fleet_member *fleet_member(const struct fleet *fleet, size_t index);
/* An abandoned thread keeps what it needs. */
void fleet_free(struct fleet *fleet);

/* Of virDomainState: "running", "paused", "shut-off". */
const char *fleet_state_text(int state);
/* "complete", "partial", "absent"; "unknown" if the guest has not answered. */
const char *fleet_verdict_text(enum capacity_verdict verdict);
/*
 * Asks one domain: state, XML, guest. Fills all of the member but its name and pointer;
 * `agent` and `fault` have the failure.
 */
void fleet_ask_one(struct virt *virt, struct fleet_member *member,
		   uint64_t deadline_msec);

#endif
