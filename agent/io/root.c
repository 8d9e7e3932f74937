/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/text.h"

#define PATH_SIZE 3072 /* leaves room in PATH_MAX for what follows */
#define READ_STEP 16384

struct root {
	char path[PATH_SIZE];
	struct text
		buffer; /* kept, so that reading when memory is short needs no new one */
};

struct root *root_open(const char *path)
{
	struct root *root = calloc(1, sizeof(*root));

	if (!root)
		return NULL;
	if (strlen(path) >= sizeof(root->path)) {
		free(root);
		errno = ENAMETOOLONG;
		return NULL;
	}
	if (strcmp(path, "/") != 0)
		memcpy(root->path, path, strlen(path) + 1);
	return root;
}

void root_close(struct root *root)
{
	if (!root)
		return;
	text_free(&root->buffer);
	free(root);
}

const char *root_path(const struct root *root)
{
	return root->path;
}

bool root_has(const struct root *root, const char *path)
{
	char full[PATH_MAX];

	snprintf(full, sizeof(full), "%s%s", root->path, path);
	return access(full, F_OK) == 0;
}

/*
 * The whole file into the buffer; below /proc and /sys its size is not known in advance.
 */
static int read_file(struct root *root, const char *path)
{
	char full[PATH_MAX];
	ssize_t len = 0;
	int fd, r = 0;

	snprintf(full, sizeof(full), "%s%s", root->path, path);
	fd = open(full, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	text_clear(&root->buffer);
	do {
		r = text_reserve(&root->buffer, READ_STEP + 1);
		if (r < 0)
			break;
		len = read(fd, root->buffer.data + root->buffer.len, READ_STEP);
		if (len < 0)
			r = -errno;
		else
			root->buffer.len += (size_t)len;
	} while (r == 0 && len > 0);
	close(fd);
	if (r == 0)
		root->buffer.data[root->buffer.len] = '\0';
	return r;
}

int root_read_file(struct root *root, const char *path, const char **text, size_t *len)
{
	int r = read_file(root, path);

	if (r < 0)
		return r;
	*text = root->buffer.data;
	*len = root->buffer.len;
	return 0;
}

int root_read_line(struct root *root, const char *path, char *line, size_t size)
{
	int r = read_file(root, path);

	if (r == 0)
		snprintf(line, size, "%.*s", (int)strcspn(root->buffer.data, "\n"),
			 root->buffer.data);
	return r;
}
