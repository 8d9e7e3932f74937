/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define STATE_BYTES_MAX (64 << 20)
#define PIECE 4096
#define BEGIN 64 /* bytes that show whether the file begins as the memory does */

struct state {
	int fd; /* -1: the memory is in no file */
	void *memory;
	size_t bytes;
	void *pinned; /* the file's pages, so that none is read from swap */
	int error; /* why the file is not the memory any more; 0: it is */
};

void *state_memory(const struct state *state)
{
	return state->memory;
}

size_t state_bytes(const struct state *state)
{
	return state->bytes;
}

static void unpin(struct state *state)
{
	if (state->pinned)
		munmap(state->pinned, state->bytes);
	state->pinned = NULL;
}

void state_close(struct state *state)
{
	if (!state)
		return;
	unpin(state);
	if (state->memory)
		munmap(state->memory, state->bytes);
	if (state->fd >= 0)
		close(state->fd);
	free(state);
}

/* Works as well without. The kernel fills a locked mapping without a signal for what is not there. */
static void pin(struct state *state)
{
	void *pages = mmap(NULL, state->bytes, PROT_READ, MAP_SHARED, state->fd, 0);

	if (pages == MAP_FAILED)
		return;
	state->pinned = pages;
	if (mlock(pages, state->bytes) < 0)
		unpin(state);
}

/*
 * Anonymous, not mapped from the file: others who change the file cause no signal here.
 */
static int make_memory(struct state *state)
{
	void *memory = mmap(NULL, state->bytes, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (!memory || memory == MAP_FAILED)
		return -ENOMEM;
	state->memory = memory;
	return 0;
}

static const char *prefix(const char *root)
{
	return strcmp(root, "/") == 0 ? "" : root;
}

static void file_path(char path[PATH_MAX], const char *root, const char *name)
{
	snprintf(path, PATH_MAX, "%s/run/memonline/%s", prefix(root), name);
}

int state_make_directory(const char *root, const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s%s", prefix(root), name);
	if (mkdir(path, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	return chmod(path, 0755) < 0 ? -errno : 0;
}

int state_open_regular(const char *path, int flags)
{
	struct stat status;
	int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode))
		return fd;
	close(fd);
	return -EEXIST;
}

static int open_file(const char *root, const char *name, int flags)
{
	char path[PATH_MAX];
	int r = state_make_directory(root, "/run");

	if (r == 0)
		r = state_make_directory(root, "/run/memonline");
	if (r < 0)
		return r;
	file_path(path, root, name);
	return state_open_regular(path, O_RDWR | flags);
}

/* The file at its size, every page of it there. */
static int allocate(struct state *state)
{
	struct stat status;
	off_t kept;
	int r;

	if (fstat(state->fd, &status) < 0)
		return -errno;
	kept = status.st_size > STATE_BYTES_MAX ? 0 : status.st_size;
	/* Nobody makes it that large: it is not ours. */
	if (status.st_size > STATE_BYTES_MAX && ftruncate(state->fd, 0) < 0)
		return -errno;
	if ((size_t)kept > state->bytes)
		state->bytes = (size_t)kept;
	r = posix_fallocate(state->fd, 0, (off_t)state->bytes);
	/* Restores the file: its contents stay, and room that was added harms nobody. */
	if (r != 0 && ftruncate(state->fd, kept) < 0)
		return -errno;
	return -r;
}

/*
 * Bytes beyond the file's end stay zero; pages of zeros are not touched, and cost
 * nothing.
 */
static int read_file(const struct state *state, int fd)
{
	static const char zeros[PIECE];
	char bytes[PIECE];
	size_t at = 0;

	while (at < state->bytes) {
		size_t left = state->bytes - at;
		ssize_t len = pread(fd, bytes, left < PIECE ? left : PIECE, (off_t)at);

		if (len < 0)
			return -errno;
		if (len == 0)
			return 0;
		if (memcmp(bytes, zeros, (size_t)len) != 0)
			memcpy((char *)state->memory + at, bytes, (size_t)len);
		at += (size_t)len;
	}
	return 0;
}

static int open_shared(struct state *state, const char *root, const char *name)
{
	int r;

	state->fd = open_file(root, name, O_CREAT);
	if (state->fd < 0)
		return state->fd;
	r = allocate(state);
	if (r == 0)
		r = make_memory(state);
	if (r == 0)
		r = read_file(state, state->fd);
	if (r == 0)
		pin(state);
	return r;
}

static struct state *state_new(size_t bytes)
{
	struct state *state = calloc(1, sizeof(*state));

	if (state) {
		state->fd = -1;
		state->bytes = bytes;
	}
	return state;
}

static struct state *finish(struct state *state, int r)
{
	if (r == 0)
		return state;
	state_close(state);
	errno = -r;
	return NULL;
}

struct state *state_open(const char *root, const char *name, size_t bytes)
{
	struct state *state = state_new(bytes);

	return state ? finish(state, open_shared(state, root, name)) : NULL;
}

struct state *state_open_copy(const char *root, const char *name, size_t bytes)
{
	char path[PATH_MAX];
	struct state *state;
	struct stat status;
	int fd;

	file_path(path, root, name);
	fd = state_open_regular(path, O_RDONLY);
	if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size <= STATE_BYTES_MAX &&
	    (size_t)status.st_size > bytes)
		bytes = (size_t)status.st_size;
	state = state_open_private(bytes);
	/* A file that is not read completely means a new start. */
	if (state && fd >= 0 && read_file(state, fd) < 0)
		memset(state->memory, 0, bytes);
	if (fd >= 0)
		close(fd);
	return state;
}

struct state *state_open_private(size_t bytes)
{
	struct state *state = state_new(bytes);

	return state ? finish(state, make_memory(state)) : NULL;
}

/* --- what is stored */

static bool has_size(const struct state *state)
{
	struct stat status;

	return fstat(state->fd, &status) == 0 && status.st_size >= (off_t)state->bytes;
}

/* What the file has is the past from here on: the next process begins with nothing rather than that. */
static int stop_storing(struct state *state, int error)
{
	state->error = ftruncate(state->fd, 0) < 0 ? -errno : error;
	return state->error;
}

/* Once a store is missing in the file, later ones must not be there either: their order counts. */
int state_store(struct state *state, const void *start, size_t bytes)
{
	off_t at = (const char *)start - (const char *)state->memory;
	ssize_t len;

	if (state->fd < 0 || state->error || !bytes)
		return 0;
	if (!has_size(state))
		return stop_storing(state, -ENODATA);
	len = pwrite(state->fd, start, bytes, at);
	if (len != (ssize_t)bytes)
		return stop_storing(state, len < 0 ? -errno : -EIO);
	return 0;
}

/* --- a file that went, or is not what it was */

bool state_is_whole(const struct state *state)
{
	char begin[BEGIN];
	size_t len = state->bytes < BEGIN ? state->bytes : BEGIN;

	if (state->fd < 0)
		return true;
	return !state->error && has_size(state) &&
	       pread(state->fd, begin, len, 0) == (ssize_t)len &&
	       memcmp(begin, state->memory, len) == 0;
}

bool state_in_place(const struct state *state, const char *root, const char *name)
{
	char path[PATH_MAX];
	struct stat ours, found;

	file_path(path, root, name);
	return state->fd >= 0 && fstat(state->fd, &ours) == 0 &&
	       lstat(path, &found) == 0 && ours.st_dev == found.st_dev &&
	       ours.st_ino == found.st_ino;
}

/* All of the memory. A full file system is met before a byte is written. */
static int write_file(const struct state *state, int fd)
{
	ssize_t len;
	int r = posix_fallocate(fd, 0, (off_t)state->bytes);

	if (r != 0)
		return -r;
	len = pwrite(fd, state->memory, state->bytes, 0);
	if (len < 0)
		return -errno;
	return (size_t)len == state->bytes ? 0 : -EIO;
}

/* Only a file of ours is replaced, and by a whole one, whenever the process is killed. */
static int replace(const struct state *state, const char *root, const char *name, int fd)
{
	char path[PATH_MAX], path_new[PATH_MAX + 8];
	struct stat found;
	int r;

	file_path(path, root, name);
	snprintf(path_new, sizeof(path_new), "%s.new", path);
	if (lstat(path, &found) == 0 && !S_ISREG(found.st_mode))
		r = -EEXIST;
	else
		r = write_file(state, fd);
	if (r == 0 && rename(path_new, path) < 0)
		r = -errno;
	if (r < 0)
		unlink(path_new);
	return r;
}

/* The memory's file from here on, or negative errno. */
static int make_file(const struct state *state, const char *root, const char *name)
{
	char path[PATH_MAX], name_new[NAME_MAX];
	int fd, r;

	snprintf(name_new, sizeof(name_new), "%s.new", name);
	file_path(path, root, name_new);
	unlink(path);
	fd = open_file(root, name_new, O_CREAT | O_EXCL);
	if (fd < 0)
		return fd;
	r = replace(state, root, name, fd);
	if (r == 0)
		return fd;
	close(fd);
	return r;
}

int state_keep(struct state *state, const char *root, const char *name)
{
	int fd;

	if (state_in_place(state, root, name) && state_is_whole(state))
		return 0;
	fd = make_file(state, root, name);
	if (fd < 0) {
		if (!state_is_whole(state) && !state->error)
			stop_storing(state, fd);
		return fd;
	}
	unpin(state);
	if (state->fd >= 0)
		close(state->fd);
	state->fd = fd;
	state->error = 0;
	pin(state);
	return 1;
}

/* --- a mark for others */

bool state_has_mark(const char *root, const char *name)
{
	char path[PATH_MAX];
	struct stat status;

	file_path(path, root, name);
	return lstat(path, &status) == 0 && S_ISREG(status.st_mode);
}

int state_make_mark(const char *root, const char *name)
{
	int fd = open_file(root, name, O_CREAT), r;

	if (fd < 0)
		return fd;
	r = fchmod(fd, 0644) < 0 ? -errno : 0;
	close(fd);
	return r;
}
