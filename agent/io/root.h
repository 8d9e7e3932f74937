/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_ROOT_H
#define MEMONLINE_ROOT_H

/* Files by their absolute paths, below a root directory: this machine's or a recorded tree. */

#include <stdbool.h>
#include <stddef.h>

#include "core/contract.h"

struct root;

/* NULL with errno: ENOMEM, ENAMETOOLONG. "/" is this machine; the directory need not be there. */
struct root *root_open(const char *path) _must_check_;
void root_close(struct root *root); /* accepts NULL */

/* What paths begin with: "" is this machine. */
const char *root_path(const struct root *root) _nonnull_(1);
/* Whether the path is there; errno says why not. */
bool root_has(const struct root *root, const char *path) _nonnull_(1);
/*
 * A whole file, with a NUL behind it. 0 or negative errno; the text is the root's, and stays until
 * the next call that reads a file below it.
 */
int root_read_file(struct root *root, const char *path, const char **text,
		   size_t *len) _must_check_ _nonnull_(1);
/* The file's first line, as far as it fits; `line` is untouched if there is no file. */
int root_read_line(struct root *root, const char *path, char *line, size_t size)
	_nonnull_(1);

#endif
