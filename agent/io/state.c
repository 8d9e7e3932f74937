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
#define END \
	"memonend" /* behind the owner's bytes: a file without it was cut, or is not ours */
#define END_SIZE strlen(END)

struct state {
	int fd; /* -1: the memory is in no file */
	void *memory;
	size_t bytes; /* with the end */
	void *pinned; /* the file's pages, so that none is read from swap */
	int error; /* why the file is not the memory any more; 0: it is */
};

void *state_memory(const struct state *state)
{
	return state->memory;
}

size_t state_bytes(const struct state *state)
{
	return state->bytes - END_SIZE;
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
	memcpy((char *)memory + state->bytes - END_SIZE, END, END_SIZE);
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

/* Bytes of the file, with its end; 0: it is empty, was cut, or is larger than anybody makes it. */
static int whole_size(int fd, off_t *size)
{
	char end[BEGIN];
	struct stat status;

	*size = 0;
	if (fstat(fd, &status) < 0)
		return -errno;
	if (status.st_size > STATE_BYTES_MAX || status.st_size < (off_t)END_SIZE)
		return 0;
	if (pread(fd, end, END_SIZE, status.st_size - (off_t)END_SIZE) ==
		    (ssize_t)END_SIZE &&
	    memcmp(end, END, END_SIZE) == 0)
		*size = status.st_size;
	return 0;
}

/* The new end before the room up to it: a process that is killed in between leaves a whole file. */
static int extend(const struct state *state)
{
	off_t end = (off_t)(state->bytes - END_SIZE);
	ssize_t len = pwrite(state->fd, END, END_SIZE, end);

	if (len != (ssize_t)END_SIZE)
		return len < 0 ? -errno : -EIO;
	return -posix_fallocate(state->fd, 0, (off_t)state->bytes);
}

/* The file at its size, every page of it there; *kept: bytes that it had. */
static int allocate(struct state *state, off_t *kept)
{
	int r = whole_size(state->fd, kept);

	if (r < 0)
		return r;
	if (!*kept && ftruncate(state->fd, 0) < 0)
		return -errno;
	if ((size_t)*kept > state->bytes)
		state->bytes = (size_t)*kept;
	r = extend(state);
	/* Restores the file: its contents stay, and room that was added harms nobody. */
	if (r < 0 && ftruncate(state->fd, *kept) < 0)
		return -errno;
	return r;
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

/* Of a file that has grown the old end is the owner's now. */
static void clear_end(const struct state *state, off_t kept)
{
	if (kept && (size_t)kept < state->bytes)
		memset((char *)state->memory + kept - END_SIZE, 0, END_SIZE);
}

static int store_clear_end(struct state *state, off_t kept)
{
	clear_end(state, kept);
	if (!kept || (size_t)kept == state->bytes)
		return 0;
	return state_store(state, (char *)state->memory + kept - END_SIZE, END_SIZE);
}

static int open_shared(struct state *state, const char *root, const char *name)
{
	off_t kept;
	int r;

	state->fd = open_file(root, name, O_CREAT);
	if (state->fd < 0)
		return state->fd;
	r = allocate(state, &kept);
	if (r == 0)
		r = make_memory(state);
	if (r == 0)
		r = read_file(state, state->fd);
	if (r == 0)
		r = store_clear_end(state, kept);
	if (r == 0)
		pin(state);
	return r;
}

static struct state *state_new(size_t bytes)
{
	struct state *state = calloc(1, sizeof(*state));

	if (state) {
		state->fd = -1;
		state->bytes = bytes + END_SIZE;
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
	off_t kept = 0;
	int fd;

	file_path(path, root, name);
	fd = state_open_regular(path, O_RDONLY);
	if (fd >= 0 && whole_size(fd, &kept) == 0 && (size_t)kept > bytes + END_SIZE)
		bytes = (size_t)kept - END_SIZE;
	state = state_open_private(bytes);
	/* A file that is not read completely means a new start. */
	if (state && kept && read_file(state, fd) < 0)
		memset(state->memory, 0, bytes);
	else if (state)
		clear_end(state, kept);
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
