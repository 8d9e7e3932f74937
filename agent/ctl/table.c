/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "table.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/text.h"
#include "print.h"

#define NOTHING "-"
#define ROWS_MAX 1024
#define BYTES_MAX (1024UL * 1024)

void table_init(struct table *table, const struct table_column *columns, size_t count,
		bool json)
{
	size_t i;

	memset(table, 0, sizeof(*table));
	table->columns = columns;
	table->column_count = count;
	table->json = json;
	for (i = 0; i < count; i++)
		if (!columns[i].optional)
			table->shown[table->shown_count++] = (unsigned char)i;
}

static void drop_rows(struct table *table)
{
	size_t i;

	for (i = 0; i < table->row_count * table->column_count; i++)
		free(table->cells[i]);
	table->row_count = 0;
	table->bytes = 0;
}

void table_free(struct table *table)
{
	drop_rows(table);
	free(table->cells);
	table->cells = NULL;
}

static bool show_column(struct table *table, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < table->column_count; i++) {
		const char *known = table->columns[i].name;

		if (strlen(known) != len || strncasecmp(known, name, len) != 0)
			continue;
		if (!memchr(table->shown, (int)i, table->shown_count))
			table->shown[table->shown_count++] = (unsigned char)i;
		return true;
	}
	return false;
}

int table_select(struct table *table, const char *list, const char **unknown,
		 size_t *unknown_len)
{
	size_t len;

	if (*list == '+')
		list++;
	else
		table->shown_count = 0;
	for (;; list += len + 1) {
		len = strcspn(list, ",");
		if (!show_column(table, list, len)) {
			*unknown = list;
			*unknown_len = len;
			return -EINVAL;
		}
		if (!list[len])
			return 0;
	}
}

void table_row(struct table *table)
{
	size_t capacity = table->row_capacity ? table->row_capacity * 2 : 16;
	size_t columns = table->column_count;
	char **cells;

	if (table->failed)
		return;
	if (table->row_count == table->row_capacity) {
		cells = realloc(table->cells, capacity * columns * sizeof(*cells));
		if (!cells) {
			table->failed = true;
			return;
		}
		table->cells = cells;
		table->row_capacity = capacity;
	}
	memset(&table->cells[table->row_count * columns], 0,
	       columns * sizeof(*table->cells));
	table->row_count++;
}

static char **cell_at(const struct table *table, size_t row, size_t column)
{
	return &table->cells[row * table->column_count + column];
}

/* Takes over what `text` holds as the cell of the last row. */
static void set_cell(struct table *table, size_t column, struct text *text)
{
	char **cell;

	if (text->failed || table->failed || table->row_count == 0) {
		table->failed = true;
		text_free(text);
		return;
	}
	cell = cell_at(table, table->row_count - 1, column);
	free(*cell);
	table->bytes += text->capacity;
	*cell = text->data; /* NULL where the text is empty */
}

void table_put(struct table *table, size_t column, const char *raw)
{
	struct text text = TEXT_INIT;
	char cut[TABLE_CELL_MAX + sizeof("...")];

	if (strlen(raw) > TABLE_CELL_MAX) {
		snprintf(cut, sizeof(cut), "%.*s...", TABLE_CELL_MAX, raw);
		raw = cut;
	}
	if (table->json)
		json_put_escaped(&text, raw, strlen(raw));
	else
		print_escaped(&text, raw);
	set_cell(table, column, &text);
}

void table_put_words(struct table *table, size_t column, const struct json_value *list,
		     const char *name)
{
	struct json_cursor cursor = json_content(list);
	struct text words = TEXT_INIT;
	struct json_value item;
	const char *lead = "";

	while (words.len <= TABLE_CELL_MAX && json_next(&cursor, &item)) {
		if (name)
			item = json_member(&item, name);
		text_puts(&words, lead);
		text_puts(&words, item.kind == JSON_STRING ? item.content : "unknown");
		lead = "/";
	}
	if (words.failed)
		table->failed = true;
	else if (words.len)
		table_put(table, column, words.data);
	text_free(&words);
}

void table_printf(struct table *table, size_t column, const char *format, ...)
{
	char buffer[128];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(buffer, sizeof(buffer), format, arguments);
	va_end(arguments);
	table_put(table, column, buffer);
}

void table_put_size(struct table *table, size_t column, uint64_t bytes, bool bytes_only)
{
	struct text text = TEXT_INIT;

	print_size(&text, bytes, bytes_only);
	set_cell(table, column, &text);
}

static const char *shown_text(const struct table *table, size_t row, size_t column)
{
	const char *text = *cell_at(table, row, column);

	return text && *text ? text : NOTHING;
}

static void widen(unsigned *width, size_t len)
{
	if (*width < len)
		*width = (unsigned)len;
}

static void measure(struct table *table, bool headings)
{
	size_t i, row;

	for (i = 0; i < table->shown_count; i++) {
		size_t column = table->shown[i];
		unsigned *width = &table->widths[column];

		widen(width, table->columns[column].width);
		if (headings)
			widen(width, strlen(table->columns[column].name));
		for (row = 0; row < table->row_count; row++)
			widen(width, strlen(shown_text(table, row, column)));
	}
}

/* `used`: of the line. What does not fit into it is cut. */
static size_t print_cell(const struct table *table, FILE *out, size_t i, const char *text,
			 size_t used)
{
	size_t column = table->shown[i], len, room;
	bool last = i + 1 == table->shown_count;
	int width = (int)table->widths[column];
	char cell[TABLE_CELL_MAX + 1];

	snprintf(cell, sizeof(cell), table->columns[column].right ? "%*s" : "%-*s",
		 last && !table->columns[column].right ? 0 : width, text);
	len = strlen(cell);
	room = !table->line_max		? len + 1
	       : table->line_max > used ? table->line_max - used
					: 0;
	fprintf(out, "%.*s", (int)(len < room ? len : room), cell);
	if (last)
		putc('\n', out);
	else if (room > len)
		putc(' ', out);
	return used + len + 1;
}

int table_print(struct table *table, FILE *out, bool headings)
{
	size_t i, row, used = 0;

	if (table->failed)
		return -ENOMEM;
	headings = headings && !table->began;
	table->began = true;
	measure(table, headings);
	for (i = 0; headings && i < table->shown_count; i++)
		used = print_cell(table, out, i, table->columns[table->shown[i]].name,
				  used);
	for (row = 0; row < table->row_count; row++)
		for (i = 0, used = 0; i < table->shown_count; i++)
			used = print_cell(table, out, i,
					  shown_text(table, row, table->shown[i]), used);
	drop_rows(table);
	return 0;
}

static bool is_integer(const char *text)
{
	size_t sign = *text == '-' ? 1 : 0;
	size_t digits = strspn(text + sign, "0123456789");

	return digits > 0 && text[sign + digits] == '\0';
}

static void print_member(const struct table *table, FILE *out, size_t row, size_t i)
{
	const struct table_column *column = &table->columns[table->shown[i]];
	const char *text = *cell_at(table, row, table->shown[i]);
	const char *quote = column->number && text && is_integer(text) ? "" : "\"";
	const char *name;

	fputs("         \"", out);
	for (name = column->name; *name; name++)
		putc(tolower((unsigned char)*name), out);
	if (text)
		fprintf(out, "\": %s%s%s", quote, text, quote);
	else
		fputs("\": null", out);
	fputs(i + 1 < table->shown_count ? ",\n" : "\n", out);
}

int table_print_json(struct table *table, FILE *out, const char *name, bool last)
{
	bool any = table->began;
	size_t i, row;

	if (table->failed)
		return -ENOMEM;
	if (!any)
		fprintf(out, "{\n   \"%s\": [", name);
	table->began = true;
	for (row = 0; row < table->row_count; row++) {
		fputs(any ? ",{\n" : "\n      {\n", out);
		any = true;
		for (i = 0; i < table->shown_count; i++)
			print_member(table, out, row, i);
		fputs("      }", out);
	}
	if (last)
		fputs(any ? "\n   ]\n}\n" : "]\n}\n", out);
	drop_rows(table);
	return 0;
}

bool table_is_large(const struct table *table)
{
	return table->row_count >= ROWS_MAX || table->bytes >= BYTES_MAX;
}

void table_put_errno(struct table *table, int column, int64_t error)
{
	struct text name = TEXT_INIT;

	if (error == 0)
		return;
	print_errno(&name, error);
	if (name.failed)
		table->failed = true;
	else
		table_put(table, column, name.data);
	text_free(&name);
}
