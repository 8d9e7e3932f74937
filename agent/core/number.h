/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_NUMBER_H
#define MEMONLINE_NUMBER_H

/*
 * Numbers in texts: of people, of files below /proc and /sys, of the environment. Only digits are
 * taken, no sign and no white space before them, which strtoull takes too; what does not fit into
 * 64 bits is refused. Where a function returns false its arguments are as they were.
 *
 * A text ends at `end`, or before it at a character that does not belong to the number: *at is
 * then there.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* At least one digit of `base`, which is 8, 10 or 16; hexadecimal ones in either case, without 0x. */
bool number_take(const char **at, const char *end, unsigned base, uint64_t *number);
/* "0x1f" or "31". A zero in front means nothing. */
bool number_take_any(const char **at, const char *end, uint64_t *number);

/* The same of a whole text that ends with NUL. */
bool number_parse(const char *text, unsigned base, uint64_t *number);
/* All of "512M": a decimal number of bytes, with K, M, G or T for powers of 1024. */
bool number_parse_size(const char *text, uint64_t *bytes);
/*
 * All of the `len` bytes "0x100000000+512M", either number in hexadecimal or decimal and with a
 * unit: a range that is not empty and ends within 64 bits.
 */
bool number_parse_range(const char *text, size_t len, uint64_t *start, uint64_t *size);

/*
 * The number behind a label at the beginning of a line: "SigPnd:\t0f", "present   4095". Blanks
 * before the label, and blanks and colons before the number are skipped; what follows is not read.
 */
bool number_behind(const char *line, const char *label, unsigned base, uint64_t *number);

/* The text after the first `count` words of a line and blanks; "" if it has no more. */
const char *number_skip_words(const char *line, unsigned count);

/* B, K, M, G, T, P or E: the letter of 1024 to this power. */
#define NUMBER_UNITS 7
char number_unit(unsigned power);

#endif
