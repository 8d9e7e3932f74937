/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_VIRT_GUEST_H
#define MEMONLINE_VIRT_GUEST_H

/*
 * The conversation with memonlined in one domain, through libvirt: a stream to its own
 * channel, or qemu-ga's commands one by one if memonlined uses that port.
 *
 * An open stream proves nothing: while another program holds QEMU's socket, this one is
 * in its backlog, and the guest executes what it sent there when the other has left, long
 * after this program gave up. So only guest-sync-delimited is sent before it is answered.
 * The guest is not trusted: what it sends costs bounded memory, and all its text is
 * escaped before it is printed.
 */

#include "host.h"
#include "wire/protocol-client.h"

struct guest;

/*
 * All return 0 or negative errno, which guest_explain explains: -ENXIO      no channel;
 * -ENOTCONN: the guest has not opened it -EBUSY      another client of libvirt's has the
 * channel -ETIMEDOUT  no answer; -EPIPE: the stream has ended (guest, QEMU or libvirtd is
 * gone) -EBADMSG, -EMSGSIZE    no answer of this protocol, or too much in one piece
 * -EREMOTEIO  the agent refused; -ECOMM: libvirt did
 */
struct guest_fault {
	int error;
	char message[CALL_MESSAGE_SIZE]; /* text of libvirt or memonlined, not escaped */
};

/* Opens and syncs. `force` takes the channel from another client of libvirt's. */
int guest_open(struct connection *connection, virDomainPtr pointer,
	       const struct domain *domain, bool force, uint64_t deadline_msec,
	       struct guest **guest, struct guest_fault *fault);
void guest_close(struct guest *guest); /* accepts NULL */
/* Whether events come: they do not by qemu-ga's commands. */
bool guest_has_events(const struct guest *guest);

/*
 * Sends a line, frees it and reads until its answer; `on_element` as protocol_reader_watch has it,
 * NULL: lists are passed over. Events that come before the answer are passed over, too.
 */
int guest_ask(struct guest *guest, struct text *line, protocol_element_fn on_element,
	      void *data, uint64_t deadline_msec);
/* A request without lists. */
int guest_request(struct guest *guest, const struct protocol_request *request,
		  protocol_element_fn on_element, void *data, uint64_t deadline_msec);
/* What was returned last, until the next call. */
struct protocol_answer *guest_answer(struct guest *guest);
/* The next event, in guest_answer. */
int guest_next_event(struct guest *guest, uint64_t deadline_msec);
/* What went wrong last. */
const struct guest_fault *guest_fault(const struct guest *guest);

/*
 * For tables: "answers", "no-channel", "not-connected", "busy", "no-answer",
 * "bad-answer".
 */
const char *guest_state_text(int error);
/* A sentence, with the other side's text as it came. */
void guest_explain(struct text *out, const struct guest_fault *fault);

#endif
