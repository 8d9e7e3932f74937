/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_VIRT_CHANGE_H
#define MEMONLINE_VIRT_CHANGE_H

/*
 * One change of one memory device, made through libvirt and followed to its result. A
 * change without an answer is reported as unknown, or as pending. libvirt and QEMU cannot
 * cancel one.
 */

#include "target.h"

enum change_end {
	CHANGE_NONE, /* not begun */
	CHANGE_DONE,
	CHANGE_FAILED, /* refused, and all is as before */
	CHANGE_BUSY, /* another's job on this domain; nothing was done */
	CHANGE_PARTLY, /* virtio-mem: gone so far and no further */
	CHANGE_UNKNOWN, /* asked for and not answered: done or not */
	CHANGE_PENDING, /* accepted and not done yet: it may be at any time */
	CHANGE_FORGOTTEN, /* the guest was reset: nobody will do it any more */
	CHANGE_GONE /* the domain no longer runs */
};

struct change {
	char alias[CAPACITY_ALIAS_SIZE];
	struct capacity_step step;
	uint64_t before; /* RESIZE: what was requested before */
	enum change_end end;
	char why[CALL_MESSAGE_SIZE]; /* text of libvirt or memonlined, not escaped */
};

const char *change_end_text(enum change_end end); /* "done", "pending", ... */

/*
 * A plan's step as a change: the alias of a new DIMM is chosen here. Each of the next fills
 * change->end and, where somebody has said why, change->why.
 */
void change_init(struct target *target, const struct capacity_step *step,
		 struct change *change);
/* ATTACH, or RESIZE upwards: until libvirt has done it; the guest is another matter. */
void change_plug(struct target *target, struct change *change);
/*
 * DETACH: the guest takes it offline, libvirt asks for it, and an event or the XML has
 * the result. If refused, it is online again. RESIZE downwards: until the size is
 * reached, or the guest has stopped on the way for ten seconds.
 */
void change_unplug(struct target *target, struct change *change);
/* Takes a change_plug back. */
void change_undo(struct target *target, struct change *change);
/* RESIZE that stopped halfway: has the host ask for what is there. */
void change_settle(struct target *target, struct change *change);

#endif
