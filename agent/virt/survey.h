/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_VIRT_SURVEY_H
#define MEMONLINE_VIRT_SURVEY_H

/* What the guest says of the memory that its host has given it, into the domain's capacity. */

#include "guest.h"

/*
 * Fills block, guest_free and each device's verdict, online, removable and cause. Return and
 * fault as of guest_ask; on failure no device has a verdict.
 */
int survey(struct guest *guest, struct domain *domain, uint64_t deadline_msec);

#endif
