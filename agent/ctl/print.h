/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CTL_PRINT_H
#define MEMONLINE_CTL_PRINT_H

/*
 * Values to text for people and for JSON. What a peer sent passes here before a terminal
 * sees it.
 */

#include "core/contract.h"
#include "core/text.h"

/*
 * Prints characters that are not printable ASCII as \n, \t, \xNN, and doubles a
 * backslash, so that the text can be read back.
 */
void print_escaped(struct text *out, const char *raw) _nonnull_(1);
/* Sizes as lsmem(1) writes them: "512M", "1.5G"; digits alone where `bytes_only`. */
void print_size(struct text *out, uint64_t bytes, bool bytes_only) _nonnull_(1);
/* UTC, since guest and host need not agree on anything else: "2025-01-31T12:00:00Z". */
void print_time(struct text *out, int64_t seconds) _nonnull_(1);
/* "EBUSY", or the number where the name is not known here. */
void print_errno(struct text *out, int64_t number) _nonnull_(1);

#endif
