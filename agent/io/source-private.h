/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SOURCE_PRIVATE_H
#define MEMONLINE_SOURCE_PRIVATE_H

/* What an event source is made of; for the files named source*.c only. */

#include "io/source.h"

#define SOURCE_MESSAGE_SIZE \
	8192 /* the kernel's own bound is 2048 and a header, udevd's is this */

struct source {
	const char *name;
	int fd;
	int (*receive)(struct source *source,
		       struct uevent *event); /* as source_receive */
	void (*close)(struct source *source); /* closes the fd and frees the source */
	bool (*wanted)(const struct uevent *event, void *data); /* may be NULL */
	void *wanted_data;
};

/*
 * Makes fd non-blocking and its receive buffer large: with the default one, 256 events were held
 * of a DIMM's 1024 and the rest of it stayed offline. 0 or negative errno.
 */
int source_prepare(int fd, unsigned receive_buffer_bytes);
/*
 * Drops what is not wanted from the head of the queue. 1: a message waits that may be, 0: none does,
 * -ENOBUFS: some were lost, or another negative errno. Properties are found in udevd's messages as in
 * the kernel's, as "KEY=value" between NULs; a message in which they are not is left to libudev.
 */
int source_skip_unwanted(struct source *source);
/*
 * Lets only messages that seem to be the kernel's about memory blocks into the queue of
 * fd: others do not wake the process. 0 or negative errno; then all of them come.
 */
int source_filter_memory(int fd);

#endif
