/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_FRAME_H
#define MEMONLINE_FRAME_H

/*
 * Where the requests in a host's bytes begin and end, and which command each names, by the rules
 * of json-scan.h: so that the bytes of one can go elsewhere, as they are, while they come. Nothing
 * is kept but the beginning of a request, up to its command's name, and its id.
 */

#include "core/contract.h"
#include "core/text.h"
#include "wire/json-lex.h"

#define FRAME_HELD_MAX (1024UL * 1024) /* bytes of a request before its command's name */
#define FRAME_NAME_MAX \
	64 /* bytes of a command's name; a longer one is passed to nobody */
#define FRAME_ID_MAX 4096 /* bytes of an id, white space included */
/*
 * Of a request that is passed on: fewer than those of QEMU's own parser (qobject/json-streamer.c:
 * 64 MiB, 2^21 tokens, 1024 levels), which begins anew in the middle of a longer one.
 */
#define FRAME_BYTES_MAX (16UL * 1024 * 1024)
#define FRAME_TOKENS_MAX (1024UL * 1024)
#define FRAME_DEPTH_MAX 512

struct frame;

enum frame_event {
	FRAME_MORE, /* all bytes taken */
	/*
	 * frame_command has the name. NULL: a request without one, or none at all; such a one is
	 * over, FRAME_ENDED follows, or it is too long to be held.
	 */
	FRAME_NAMED,
	FRAME_ENDED /* the request is over with the last byte taken */
};

struct frame *frame_new(void) _must_check_; /* NULL on lack of memory */
void frame_free(struct frame *frame); /* accepts NULL */

/*
 * Takes bytes from *bytes / *len and advances both; stops at each event. Between two requests it
 * passes over white space, and over what follows a stray byte.
 */
enum frame_event frame_feed(struct frame *frame, const char **bytes, size_t *len)
	_nonnull_(1);
/* After FRAME_NAMED, until the next request: UTF-8, U+0000 as C0 80. */
const char *frame_command(const struct frame *frame) _nonnull_(1);
/*
 * Moves the bytes of the request up to FRAME_NAMED to `out`, which is empty; its `failed` is set
 * where memory was short. From there on the caller has the bytes that frame_feed takes.
 */
void frame_take_held(struct frame *frame, struct text *out) _nonnull_(1);
/* After FRAME_ENDED: a stray byte, a limit or a second command ended it, not its last brace. */
bool frame_is_broken(const struct frame *frame) _nonnull_(1);
/*
 * The request's id as JSON in ASCII, appended to `out`; false: it has none, or one that is
 * longer than FRAME_ID_MAX or no JSON.
 */
bool frame_put_id(const struct frame *frame, struct text *out) _nonnull_(1);
/*
 * After FRAME_NAMED: the request is passed on. The limits above hold, and one that names a second
 * command ends there, whichever of the two an old qemu-ga would take.
 */
void frame_pass(struct frame *frame) _nonnull_(1);
/* Forgets what there is of a request: what comes next begins one. */
void frame_reset(struct frame *frame) _nonnull_(1);
/* Gives the request up: all up to the next newline or 0xFF is passed over. */
void frame_drop(struct frame *frame) _nonnull_(1);

#endif
