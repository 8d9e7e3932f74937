/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_UUID_H
#define MEMONLINE_UUID_H

#define UUID_SIZE 37 /* with the NUL */
/*
 * Another one with each call: /proc/sys/kernel/random/uuid of this machine, or, where that cannot
 * be read, process and time.
 */
void uuid_make(char id[UUID_SIZE]);

#endif
