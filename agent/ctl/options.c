/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

#define OPTIONS_MAX 48
#define FIRST 256 /* what getopt returns for a row is above any letter */

static void fill(const struct option_table *table, struct option *longs, char *shorts)
{
	size_t i;

	for (i = 0; i < table->count; i++) {
		const struct option_row *row = &table->rows[i];
		struct option option = { row->name, row->value ? 1 : 0, NULL,
					 (int)i + FIRST };

		longs[i] = option;
		if (!row->letter)
			continue;
		*shorts++ = row->letter;
		if (row->value)
			*shorts++ = ':';
	}
	memset(&longs[table->count], 0, sizeof(*longs));
	*shorts = '\0';
}

static const struct option_row *find(const struct option_table *table, int found)
{
	size_t i = 0;

	if (found >= FIRST)
		return &table->rows[found - FIRST];
	while (i < table->count && table->rows[i].letter != found)
		i++;
	return i < table->count ? &table->rows[i] : NULL;
}

bool options_parse(const struct option_table *table, int argc, char **argv,
		   struct parsed *parsed, unsigned *given,
		   const struct option_row **refused)
{
	struct option longs[OPTIONS_MAX + 1];
	char shorts[2 * OPTIONS_MAX + 1];
	int found;

	fill(table, longs, shorts);
	while ((found = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct option_row *row = find(table, found);

		*refused = row;
		if (!row || !row->set(parsed, optarg))
			return false;
		*given |= row->bit;
	}
	return true;
}

const struct option_row *options_other(const struct option_table *table, unsigned given,
				       unsigned takes)
{
	size_t i;

	for (i = 0; i < table->count; i++)
		if (table->rows[i].bit & given & ~takes)
			return &table->rows[i];
	return NULL;
}

void options_print(const struct option_table *table, unsigned takes)
{
	size_t i;

	for (i = 0; i < table->count; i++) {
		const struct option_row *row = &table->rows[i];
		char letter[] = { ' ', '-', row->letter, ',', '\0' };
		char name[40];

		if (row->bit & ~takes)
			continue;
		snprintf(name, sizeof(name), "--%s%s%s", row->name, row->value ? " " : "",
			 row->value ? row->value : "");
		printf("%4s %-26s %s\n", row->letter ? letter : "", name, row->help);
	}
}
