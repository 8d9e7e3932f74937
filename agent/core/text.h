/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_TEXT_H
#define MEMONLINE_TEXT_H

/*
 * A growing byte string. An allocation that fails sets `failed` and leaves the content as it was;
 * every later append is then a no-op, so that a writer checks once, at its end.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/contract.h"

struct text {
	char *data; /* NUL-terminated once anything was appended; owned */
	size_t len;
	size_t capacity;
	bool failed;
};

#define TEXT_DIGITS_SIZE 20 /* of 2^64 - 1 */

#define TEXT_INIT                 \
	{                         \
		NULL, 0, 0, false \
	}

void text_free(struct text *text);
/* Empties it, keeps the memory, forgets a failure. */
void text_clear(struct text *text);
/* Makes room for `more` bytes beyond what is there. 0 or -ENOMEM. */
int text_reserve(struct text *text, size_t more) _must_check_ _nonnull_(1);
/*
 * Empties it and keeps at most `capacity` bytes of its memory, if any: that much it has still where
 * memory is short by then.
 */
void text_shrink(struct text *text, size_t capacity) _nonnull_(1);
/* Makes it `len` bytes longer: where the caller is to write them, or NULL. */
char *text_extend(struct text *text, size_t len) _must_check_ _nonnull_(1);
void text_append(struct text *text, const char *bytes, size_t len) _nonnull_(1);
void text_putc(struct text *text, char byte) _nonnull_(1);
void text_puts(struct text *text, const char *string) _nonnull_(1);
void text_putu(struct text *text, uint64_t number) _nonnull_(1);
/* The decimal digits of a number, without a NUL, for paths that are made by the thousand; their count. */
size_t text_digits(char digits[TEXT_DIGITS_SIZE], uint64_t number);
void text_printf(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3))) _nonnull_(1);
/* Drops the first `len` bytes. */
void text_consume(struct text *text, size_t len) _nonnull_(1);

#endif
