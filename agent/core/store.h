/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_STORE_H
#define MEMONLINE_STORE_H

/*
 * Memory that outlives the process, in a file of which only its owner knows: changes are handed over
 * in the order in which they have to be there, so that the file is whole whenever the process is
 * killed. Who is killed while much is kept by one call has kept a first part of it, up to a page's end.
 */

#include <stddef.h>

struct store {
	/* Keeps these bytes of the memory before it returns. Never allocates. */
	void (*keep)(void *data, const void *start, size_t bytes);
	void *data;
};

/* `store` may be NULL: nobody keeps it. */
static inline void store_keep(const struct store *store, const void *start, size_t bytes)
{
	if (store)
		store->keep(store->data, start, bytes);
}

#endif
