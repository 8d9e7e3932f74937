/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_IOMEM_H
#define MEMONLINE_IOMEM_H

/* /proc/iomem, line by line: "  100000000-11fffffff : System RAM (kmem)". */

#include <stddef.h>
#include <stdint.h>

#define IOMEM_NAME_SIZE 64

struct iomem_line {
	uint64_t first, last; /* first <= last */
	char name[IOMEM_NAME_SIZE]; /* cut where it is longer */
};

/*
 * The next line, with *text and *len behind it: 1, 0 at the end, or -EINVAL where it is not whole
 * or says something else.
 */
int iomem_next(const char **text, size_t *len, struct iomem_line *line);

#endif
