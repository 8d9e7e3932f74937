/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_OPTIONS_H
#define MEMONLINE_OPTIONS_H

/* A program's options: getopt's tables, and the help, come from one table of it. */

#include <stdbool.h>
#include <stddef.h>

#include "core/contract.h"

struct parsed; /* the program's own: what its options say */

struct option_row {
	const char *name;
	char letter; /* 0: none */
	unsigned bit; /* 0: every verb takes it */
	const char *value; /* for people; NULL: it takes none */
	/* false: the value is wrong. `value` is NULL where it takes none. */
	bool (*set)(struct parsed *parsed, const char *value);
	const char *help;
	const char *expected; /* where `set` may refuse a value: what it takes */
};

struct option_table {
	const struct option_row *rows;
	size_t count; /* 48 at most */
};

/*
 * Sets what the options of the command line say; *given gets their bits, and optind is that of the
 * first word. false: it is wrong. Then *refused is the option whose value (in optarg) was refused,
 * or NULL where getopt has printed what is wrong.
 */
bool options_parse(const struct option_table *table, int argc, char **argv,
		   struct parsed *parsed, unsigned *given,
		   const struct option_row **refused) _must_check_
	_nonnull_(1, 3, 4, 5, 6);
/* The first of the options `given` that a verb with these bits does not take, or NULL. */
const struct option_row *options_other(const struct option_table *table, unsigned given,
				       unsigned takes) _nonnull_(1);
/* One line to standard output for each option that a verb with these bits takes. */
void options_print(const struct option_table *table, unsigned takes) _nonnull_(1);

#endif
