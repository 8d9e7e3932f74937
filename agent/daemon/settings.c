/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "settings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIZE_MAX_BYTES (1024UL * 1024)
#define SUFFIX ".conf"
#define DROP_INS_MAX 128UL /* in both directories */
#define NOT_REGULAR (-EBADFD) /* a FIFO would be waited for without end */
#define MASKED (-ENODEV) /* a link to /dev/null */

struct loading {
	const struct settings_options *options;
	struct config *config;
	struct config_origins *origins;
	char *error; /* CONFIG_ERROR_SIZE bytes */
};

struct drop_in {
	const char *directory;
	char name[NAME_MAX + 1];
};

struct drop_ins {
	struct drop_in *items;
	size_t count;
};

/* --- one file */

static const char *error_text(int r)
{
	return r == NOT_REGULAR || r == MASKED ? "not a regular file" : strerror(-r);
}

static int check_kind(int fd)
{
	struct stat status;

	if (fstat(fd, &status) < 0 || S_ISREG(status.st_mode) || S_ISDIR(status.st_mode))
		return 0;
	return S_ISCHR(status.st_mode) ? MASKED : NOT_REGULAR;
}

/* Appends the file. 0 or negative errno; NOT_REGULAR, MASKED, or -EFBIG beyond 1 MiB. */
static int read_whole(const char *path, struct text *text)
{
	char bytes[4096];
	ssize_t len;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int r;

	if (fd < 0)
		return -errno;
	r = check_kind(fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	while ((len = read(fd, bytes, sizeof(bytes))) > 0 && text->len <= SIZE_MAX_BYTES)
		text_append(text, bytes, (size_t)len);
	len = len < 0 ? -errno : 0;
	close(fd);
	if (text->failed)
		return -ENOMEM;
	return text->len > SIZE_MAX_BYTES ? -EFBIG : (int)len;
}

/* `passed_over`: what read_whole may return without harm. */
static int load_file(const struct loading *loading, const char *path, int passed_over)
{
	struct text text = TEXT_INIT;
	int r = read_whole(path, &text);

	if (r == 0)
		r = config_add(loading->config, loading->origins, path,
			       text.data ? text.data : "", text.len, loading->error);
	else if (r == passed_over)
		r = 0;
	else
		snprintf(loading->error, CONFIG_ERROR_SIZE, "%.180s: %s", path,
			 error_text(r));
	text_free(&text);
	return r;
}

/* --- drop-ins */

static bool is_drop_in(const char *name)
{
	size_t len = strlen(name), suffix = strlen(SUFFIX);

	return name[0] != '.' && len > suffix && strcmp(name + len - suffix, SUFFIX) == 0;
}

static int fail(const struct loading *loading, const char *path, int r)
{
	snprintf(loading->error, CONFIG_ERROR_SIZE, "%.180s: %s", path, strerror(-r));
	return r;
}

/* A file of the same name that was read before is replaced. */
static int put_drop_in(struct drop_ins *found, const char *directory, const char *name)
{
	size_t i;

	for (i = 0; i < found->count && strcmp(found->items[i].name, name) != 0; i++)
		;
	if (i == DROP_INS_MAX)
		return -ENOSPC;
	if (i == found->count)
		found->count++;
	found->items[i].directory = directory;
	snprintf(found->items[i].name, sizeof(found->items[i].name), "%s", name);
	return 0;
}

static int list_drop_ins(const struct loading *loading, const char *directory,
			 struct drop_ins *found)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	DIR *stream;
	int r = 0;

	snprintf(path, sizeof(path), "%s%s", loading->options->root, directory);
	stream = opendir(path);
	if (!stream)
		return errno == ENOENT ? 0 : fail(loading, path, -errno);
	while (r == 0 && (entry = readdir(stream)))
		if (is_drop_in(entry->d_name))
			r = put_drop_in(found, directory, entry->d_name);
	closedir(stream);
	if (r == -ENOSPC)
		snprintf(loading->error, CONFIG_ERROR_SIZE,
			 "%.180s: too many files (expected at most %lu)", path,
			 DROP_INS_MAX);
	return r;
}

static int compare(const void *left, const void *right)
{
	const struct drop_in *one = left, *other = right;

	return strcmp(one->name, other->name);
}

static int load_listed(const struct loading *loading, struct drop_ins *found)
{
	char path[PATH_MAX];
	size_t i;
	int r = list_drop_ins(loading, SETTINGS_VENDOR_DIR, found);

	if (r == 0)
		r = list_drop_ins(loading, SETTINGS_LOCAL_DIR, found);
	if (r == 0 && found->count)
		qsort(found->items, found->count, sizeof(*found->items), compare);
	for (i = 0; r == 0 && i < found->count; i++) {
		snprintf(path, sizeof(path), "%s%s/%s", loading->options->root,
			 found->items[i].directory, found->items[i].name);
		r = load_file(loading, path, MASKED);
	}
	return r;
}

static int load_drop_ins(const struct loading *loading)
{
	struct drop_ins found = { .count = 0 };
	int r;

	found.items = calloc(DROP_INS_MAX, sizeof(*found.items));
	if (!found.items)
		return fail(loading, SETTINGS_LOCAL_DIR, -ENOMEM);
	r = load_listed(loading, &found);
	free(found.items);
	return r;
}

static int load_all(const struct loading *loading)
{
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), "%s%s", loading->options->root, SETTINGS_FILE);
	r = load_file(loading, path, -ENOENT);
	return r == 0 ? load_drop_ins(loading) : r;
}

/* --- the whole */

static int set_listen(const char *listen, struct config *config,
		      char error[CONFIG_ERROR_SIZE])
{
	size_t len = strlen(listen);

	if (listen[0] != '/' || len >= CONFIG_PATH_SIZE) {
		snprintf(error, CONFIG_ERROR_SIZE,
			 "--listen %.60s: expected an absolute path of at most 103 bytes",
			 listen);
		return -EINVAL;
	}
	memset(config->control_socket, 0, CONFIG_PATH_SIZE);
	memcpy(config->control_socket, listen, len);
	return 0;
}

int settings_load(const struct settings_options *options, struct config *config,
		  struct config_origins *origins, char error[CONFIG_ERROR_SIZE])
{
	const struct loading loading = { options, config, origins, error };
	int r;

	config_defaults(config);
	memset(origins, 0, sizeof(*origins));
	r = options->file ? load_file(&loading, options->file, 0) : load_all(&loading);
	if (r == 0)
		r = config_check(config, origins, error);
	if (r == 0 && options->listen)
		r = set_listen(options->listen, config, error);
	return r;
}
