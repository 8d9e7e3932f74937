/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_TEXTFILE_H
#define MEMONLINE_TEXTFILE_H

/*
 * A file that is replaced as a whole: written beside it as PATH.new and renamed, with mode 0644. Its
 * file system may be frozen or slow, so a thread does that, which lives for as long as it takes,
 * and the loop goes on. A text that comes meanwhile waits; a newer one takes its place.
 */

#include "core/contract.h"
#include "core/text.h"
#include "io/loop.h"

struct textfile;

/* `loop` stays the caller's and outlives it. NULL with errno on failure. */
struct textfile *textfile_new(struct loop *loop) _must_check_ _nonnull_(1);
/*
 * Waits a second at most for what is being written; a thread that hangs is left to the end of the
 * process, with what it needs. Accepts NULL.
 */
void textfile_free(struct textfile *textfile);
/* Takes what `text` has, and empties it. What fails is logged, once for each error. */
void textfile_write(struct textfile *textfile, const char *path, struct text *text)
	_nonnull_(1, 2, 3);

#endif
