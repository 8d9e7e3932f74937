/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_FIRST_SIZE 64

void text_free(struct text *text)
{
	free(text->data);
	*text = (struct text)TEXT_INIT;
}

void text_clear(struct text *text)
{
	text->len = 0;
	text->failed = false;
	if (text->data)
		text->data[0] = '\0';
}

/* Twice as much until it is enough; 0 where no size_t is. */
static size_t grown(size_t capacity, size_t wanted)
{
	if (capacity < TEXT_FIRST_SIZE)
		capacity = TEXT_FIRST_SIZE;
	while (capacity < wanted) {
		if (capacity > SIZE_MAX / 2)
			return 0;
		capacity *= 2;
	}
	return capacity;
}

static bool text_has_room(const struct text *text, size_t more)
{
	return !text->failed && more < text->capacity - text->len;
}

int text_reserve(struct text *text, size_t more)
{
	size_t capacity;
	char *data = NULL;

	if (text->failed)
		return -ENOMEM;
	if (text_has_room(text, more))
		return 0;
	/* One byte beyond is the NUL's. */
	capacity = more < SIZE_MAX - text->len
			   ? grown(text->capacity, text->len + more + 1)
			   : 0;
	if (capacity)
		data = realloc(text->data, capacity);
	if (!data) {
		text->failed = true;
		return -ENOMEM;
	}
	data[text->len] = '\0';
	text->data = data;
	text->capacity = capacity;
	return 0;
}

void text_shrink(struct text *text, size_t capacity)
{
	char *data = NULL;

	text_clear(text);
	if (text->capacity > capacity)
		data = realloc(text->data, capacity);
	if (!data)
		return;
	text->data = data;
	text->capacity = capacity;
}

char *text_extend(struct text *text, size_t len)
{
	char *at;

	if (!text_has_room(text, len) && text_reserve(text, len) < 0)
		return NULL;
	at = text->data + text->len;
	text->len += len;
	at[len] = '\0';
	return at;
}

void text_append(struct text *text, const char *bytes, size_t len)
{
	char *at = text_extend(text, len);

	if (at && len)
		memcpy(at, bytes, len);
}

void text_putc(struct text *text, char byte)
{
	char *at = text_extend(text, 1);

	if (at)
		*at = byte;
}

void text_puts(struct text *text, const char *string)
{
	text_append(text, string, strlen(string));
}

/* By hand, since printf would be most of the time that a list of blocks takes. */
size_t text_digits(char digits[TEXT_DIGITS_SIZE], uint64_t number)
{
	size_t count = 1, i;
	uint64_t rest;

	for (rest = number; rest >= 10; rest /= 10)
		count++;
	for (i = count; i-- > 0; number /= 10)
		digits[i] = (char)('0' + number % 10);
	return count;
}

void text_putu(struct text *text, uint64_t number)
{
	char digits[TEXT_DIGITS_SIZE];

	text_append(text, digits, text_digits(digits, number));
}

void text_printf(struct text *text, const char *format, ...)
{
	va_list args, again;
	int len;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, format, args);
	va_end(args);
	if (len < 0)
		text->failed = true;
	else if (text_reserve(text, (size_t)len) == 0)
		text->len += (size_t)vsnprintf(text->data + text->len, (size_t)len + 1,
					       format, again);
	va_end(again);
}

void text_consume(struct text *text, size_t len)
{
	if (len > text->len)
		len = text->len;
	if (!len)
		return;
	text->len -= len;
	memmove(text->data, text->data + len, text->len + 1);
}
