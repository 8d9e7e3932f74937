/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/iomem.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/number.h"

static bool take_word(const char **at, const char *end, const char *word)
{
	size_t len = strlen(word);

	if ((size_t)(end - *at) < len || memcmp(*at, word, len) != 0)
		return false;
	*at += len;
	return true;
}

int iomem_next(const char **text, size_t *len, struct iomem_line *line)
{
	const char *at = *text;
	const char *end = *len ? memchr(at, '\n', *len) : NULL;
	struct iomem_line found;

	if (!*len)
		return 0;
	if (!end)
		return -EINVAL;
	while (at < end && *at == ' ')
		at++;
	if (!number_take(&at, end, 16, &found.first) || !take_word(&at, end, "-") ||
	    !number_take(&at, end, 16, &found.last) || !take_word(&at, end, " : ") ||
	    found.last < found.first || memchr(at, '\0', (size_t)(end - at)))
		return -EINVAL;
	snprintf(found.name, sizeof(found.name), "%.*s", (int)(end - at), at);
	*len -= (size_t)(end + 1 - *text);
	*text = end + 1;
	*line = found;
	return 1;
}

static bool is_dax(const char *name)
{
	return strncmp(name, "dax", 3) == 0 && name[3] >= '0' && name[3] <= '9';
}

const char *iomem_owner(struct iomem_dax *dax, const struct iomem_line *line)
{
	if (is_dax(line->name)) {
		dax->found = true;
		dax->first = line->first;
		dax->last = line->last;
	}
	/* Zeros are what a reader without CAP_SYS_ADMIN is shown. */
	if (strncmp(line->name, "System RAM", 10) != 0 || line->last == line->first)
		return NULL;
	if (strcmp(line->name, "System RAM") == 0 && dax->found &&
	    line->first >= dax->first && line->last <= dax->last)
		return IOMEM_KMEM;
	return line->name;
}
