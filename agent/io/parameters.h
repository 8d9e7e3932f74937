/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_PARAMETERS_H
#define MEMONLINE_PARAMETERS_H

/* The parameters of the kernel module memory_hotplug (from 5.15 on), by their names. */

#include <stddef.h>

#include "core/contract.h"
#include "io/root.h"

/* The parameter's line goes into `value`, "" where there is none. */
void parameters_read(struct root *root, const char *name, char *value, size_t size)
	_nonnull_(1);
/* 0 or negative errno. */
int parameters_write(struct root *root, const char *name, const char *value) _must_check_
	_nonnull_(1);

#endif
