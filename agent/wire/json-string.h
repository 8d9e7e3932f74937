/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_JSON_STRING_H
#define MEMONLINE_JSON_STRING_H

/* A string as JSON has it, with its quotes and escapes, to its content: for json-grammar only. */

#include "core/contract.h"
#include "core/text.h"

/*
 * The content replaces the token, with a NUL behind it; no escape is shorter than what it stands
 * for. false, with QEMU's message in `error`, where an escape or a sequence of UTF-8 is none.
 */
bool json_decode_string(struct text *token, struct text *error) _nonnull_(1);

#endif
