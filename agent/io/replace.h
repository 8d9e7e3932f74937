/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_REPLACE_H
#define MEMONLINE_REPLACE_H

#include "core/contract.h"
#include "core/text.h"

/*
 * Puts a file with `text` and mode 0644 in the place of `path`, whole or not at all, whenever the
 * process is killed. It is made as `path`.new first: a link there is not followed, and a file that
 * somebody else made there is not opened. Nothing is synced. 0 or negative errno.
 */
int replace_file(const char *path, const struct text *text) _must_check_ _nonnull_(1, 2);

#endif
