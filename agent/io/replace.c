/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/replace.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int write_all(int fd, const struct text *text)
{
	size_t done = 0;

	while (done < text->len) {
		ssize_t len = write(fd, text->data + done, text->len - done);

		if (len < 0 && errno != EINTR)
			return -errno;
		done += len > 0 ? (size_t)len : 0;
	}
	return 0;
}

static int open_new(const char *path)
{
	int fd;

	if (unlink(path) < 0 && errno != ENOENT)
		return -errno;
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? -errno : fd;
}

int replace_file(const char *path, const struct text *text)
{
	char path_new[PATH_MAX];
	int len = snprintf(path_new, sizeof(path_new), "%s.new", path), fd, r;

	if (len < 0 || (size_t)len >= sizeof(path_new))
		return -ENAMETOOLONG;
	fd = open_new(path_new);
	if (fd < 0)
		return fd;
	r = write_all(fd, text);
	if (r == 0 && fchmod(fd, 0644) < 0)
		r = -errno;
	if (close(fd) < 0 && r == 0)
		r = -errno;
	if (r == 0 && rename(path_new, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(path_new);
	return r;
}
