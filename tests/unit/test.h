/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_TEST_H
#define MEMONLINE_TEST_H

/* cmocka wants these before its own header. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

/* Zeroed; never NULL. */
static inline void *test_alloc(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		abort();
	return memory;
}

#endif
