/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CTL_TABLE_H
#define MEMONLINE_CTL_TABLE_H

/* Rows and columns to a terminal or to JSON, with the habits of lsmem(1). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/contract.h"
#include "wire/json.h"

#define TABLE_COLUMNS_MAX 32

struct table_column {
	const char *name; /* upper case; in JSON it is lower case */
	const char *help;
	unsigned width; /* at least; rows that come one by one should not jump */
	bool right; /* aligned to the right */
	bool number; /* without quotes in JSON where it is an integer */
	bool optional; /* shown only when asked for */
};

struct table {
	const struct table_column *columns;
	size_t column_count;
	bool json;
	unsigned char shown[TABLE_COLUMNS_MAX]; /* columns in the order of output */
	size_t shown_count;
	unsigned widths[TABLE_COLUMNS_MAX]; /* by column; only ever grow */
	char **cells; /* owned; rows * column_count, escaped, NULL: nothing to say */
	size_t row_count;
	size_t row_capacity;
	size_t bytes; /* in the cells */
	unsigned line_max; /* where lines are cut; 0: nowhere */
	bool began; /* something was printed: no more headings */
	bool failed; /* memory ran out */
};

void table_init(struct table *table, const struct table_column *columns, size_t count,
		bool json) _nonnull_(1);
void table_free(struct table *table);

/*
 * Which columns, in that order: "A,B", or "+A,B" beside what is shown already; case does
 * not matter. 0, or -EINVAL with *unknown at the name that is none and its length in
 * *unknown_len.
 */
int table_select(struct table *table, const char *list, const char **unknown,
		 size_t *unknown_len) _must_check_ _nonnull_(1);

/* A new row, empty. */
void table_row(struct table *table) _nonnull_(1);
/*
 * Its cells. `raw` may come from a peer: it is escaped here, and cut where it is longer than
 * TABLE_CELL_MAX.
 */
#define TABLE_CELL_MAX 512
void table_put(struct table *table, size_t column, const char *raw) _nonnull_(1);
void table_printf(struct table *table, size_t column, const char *format, ...)
	__attribute__((format(printf, 3, 4))) _nonnull_(1);
/*
 * The texts of a list with slashes between, or the member `name` of each element that is
 * an object; "unknown" for other elements.
 */
void table_put_words(struct table *table, size_t column, const struct json_value *list,
		     const char *name) _nonnull_(1);
void table_put_size(struct table *table, size_t column, uint64_t bytes, bool bytes_only)
	_nonnull_(1);

/* The rows, then the table is empty again. 0 or -ENOMEM. */
int table_print(struct table *table, FILE *out, bool headings) _nonnull_(1);
/* {"name": [{…}, …]}; unless it is the `last` part, more rows are to follow. */
int table_print_json(struct table *table, FILE *out, const char *name, bool last)
	_nonnull_(1);
/* Whether there is so much in it that it had better be printed. */
bool table_is_large(const struct table *table) _nonnull_(1);

/* The errno's name, or its number where it has none; nothing for 0. */
void table_put_errno(struct table *table, int column, int64_t error) _nonnull_(1);

#endif
