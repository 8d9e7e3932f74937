/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_IOMEM_H
#define MEMONLINE_IOMEM_H

/* /proc/iomem, line by line: "  100000000-11fffffff : System RAM (kmem)". */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/contract.h"

#define IOMEM_NAME_SIZE 64

struct iomem_line {
	uint64_t first, last; /* first <= last */
	char name[IOMEM_NAME_SIZE]; /* cut where it is longer */
};

/*
 * The next line, with *text and *len behind it: 1, 0 at the end, or -EINVAL where it is not whole
 * or says something else.
 */
int iomem_next(const char **text, size_t *len, struct iomem_line *line) _must_check_;

/* The owner of memory that a DAX or CXL device became: drivers/dax/kmem.c, from 5.8 on. */
#define IOMEM_KMEM "System RAM (kmem)"

/* The last DAX device among the lines so far; zeroed before the first line. */
struct iomem_dax {
	bool found;
	uint64_t first, last;
};

/*
 * Takes the lines in their order. Returns the owner of memory blocks that this line names
 * ("System RAM", "System RAM (virtio_mem)", ...), or NULL where it names none. Kernels 5.1 to 5.7
 * call memory of the kmem driver "System RAM" and put it below "dax0.0", itself below "Persistent
 * Memory": a line inside of another one that came before lies below it. The text is the line's own
 * or constant.
 */
const char *iomem_owner(struct iomem_dax *dax, const struct iomem_line *line)
	_nonnull_(1);

#endif
