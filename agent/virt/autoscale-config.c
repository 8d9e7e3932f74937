/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autoscale.h"

#define FILE_MAX (1024UL * 1024)
#define SUFFIX ".conf"

/* Appends the file; a FIFO would be waited for without end. */
static int read_whole(const char *path, struct text *text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;
	char bytes[4096];
	ssize_t len = 0;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0 || !S_ISREG(status.st_mode)) {
		close(fd);
		return -EBADFD;
	}
	while ((len = read(fd, bytes, sizeof(bytes))) > 0 && text->len <= FILE_MAX)
		text_append(text, bytes, (size_t)len);
	len = len < 0 ? -errno : 0;
	close(fd);
	if (text->failed)
		return -ENOMEM;
	return text->len > FILE_MAX ? -EFBIG : (int)len;
}

static int load_file(const char *path, struct scale_config *config,
		     char error[SCALE_CONFIG_ERROR_SIZE])
{
	struct text text = TEXT_INIT;
	int r = read_whole(path, &text);

	if (r == 0 && text.data && strlen(text.data) != text.len)
		r = -EILSEQ;
	if (r == 0)
		r = scale_config_add(config, path, text.data ? text.data : "", error);
	else
		snprintf(error, SCALE_CONFIG_ERROR_SIZE, "%.180s: %s", path,
			 r == -EBADFD ? "not a regular file" : strerror(-r));
	text_free(&text);
	return r;
}

static int is_drop_in(const struct dirent *entry)
{
	size_t len = strlen(entry->d_name), suffix = strlen(SUFFIX);

	return entry->d_name[0] != '.' && len > suffix &&
	       strcmp(entry->d_name + len - suffix, SUFFIX) == 0;
}

/* By the bytes of their names, whatever the locale. */
static int compare(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

static int load_drop_ins(const char *file, struct scale_config *config,
			 char error[SCALE_CONFIG_ERROR_SIZE])
{
	char path[PATH_MAX];
	struct dirent **found = NULL;
	int count, i, r = 0;

	snprintf(path, sizeof(path), "%s.d", file);
	count = scandir(path, &found, is_drop_in, compare);
	if (count < 0 && errno != ENOENT) {
		r = -errno;
		snprintf(error, SCALE_CONFIG_ERROR_SIZE, "%.180s: %s", path,
			 strerror(-r));
	}
	for (i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "%s.d/%s", file, found[i]->d_name);
		if (r == 0)
			r = load_file(path, config, error);
		free(found[i]);
	}
	free(found);
	return r;
}

int autoscale_load_config(const char *file, struct scale_config *config,
			  char error[SCALE_CONFIG_ERROR_SIZE])
{
	int r;

	scale_config_defaults(config);
	r = load_file(file, config, error);
	return r == 0 ? load_drop_ins(file, config, error) : r;
}
