/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define STATE_BYTES_MAX (64 << 20)

struct state {
	int fd; /* holds the lock; -1: private */
	void *memory;
	size_t bytes;
};

void *state_memory(const struct state *state)
{
	return state->memory;
}

size_t state_bytes(const struct state *state)
{
	return state->bytes;
}

void state_close(struct state *state)
{
	if (!state)
		return;
	if (state->memory)
		munmap(state->memory, state->bytes);
	if (state->fd >= 0)
		close(state->fd);
	free(state);
}

static int map(struct state *state, int flags)
{
	void *memory =
		mmap(NULL, state->bytes, PROT_READ | PROT_WRITE, flags, state->fd, 0);

	if (memory == MAP_FAILED)
		return -errno;
	state->memory = memory;
	return 0;
}

static void file_path(char path[PATH_MAX], const char *root, const char *name)
{
	snprintf(path, PATH_MAX, "%s/run/memonline/%s",
		 strcmp(root, "/") == 0 ? "" : root, name);
}

/* Whatever the umask: udevd and others look into it. One that is there stays as it is. */
static int make_directory(const char *path)
{
	if (mkdir(path, 0755) < 0)
		return errno == EEXIST ? 0 : -errno;
	return chmod(path, 0755) < 0 ? -errno : 0;
}

/* Never waits: a FIFO or a device in the file's place is refused. */
static int open_regular(const char *path, int flags)
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

static int open_file(const char *root, const char *name)
{
	char path[PATH_MAX];
	const char *prefix = strcmp(root, "/") == 0 ? "" : root;
	int r;

	snprintf(path, sizeof(path), "%s/run", prefix);
	r = make_directory(path);
	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "%s/run/memonline", prefix);
	r = make_directory(path);
	if (r < 0)
		return r;
	file_path(path, root, name);
	return open_regular(path, O_RDWR | O_CREAT);
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
	if (status.st_size <= STATE_BYTES_MAX && (size_t)status.st_size > state->bytes)
		state->bytes = (size_t)status.st_size;
	r = posix_fallocate(state->fd, 0, (off_t)state->bytes);
	/* As it was: what is in it stays, and what was not is in nobody's way. */
	if (r != 0 && ftruncate(state->fd, kept) < 0)
		return -errno;
	return -r;
}

static int open_shared(struct state *state, const char *root, const char *name)
{
	int r;

	state->fd = open_file(root, name);
	if (state->fd < 0)
		return state->fd;
	if (flock(state->fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	r = allocate(state);
	return r < 0 ? r : map(state, MAP_SHARED);
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
	if (state->memory)
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
	fd = open_regular(path, O_RDONLY);
	if (fd >= 0 && fstat(fd, &status) == 0 && status.st_size <= STATE_BYTES_MAX &&
	    (size_t)status.st_size > bytes)
		bytes = (size_t)status.st_size;
	state = state_open_private(bytes);
	/* What is not read whole is no more than a new start. */
	if (state && fd >= 0 && read(fd, state->memory, bytes) < 0)
		memset(state->memory, 0, bytes);
	if (fd >= 0)
		close(fd);
	return state;
}

struct state *state_open_private(size_t bytes)
{
	struct state *state = state_new(bytes);

	return state ? finish(state, map(state, MAP_PRIVATE | MAP_ANONYMOUS)) : NULL;
}

/* --- a file that went */

bool state_in_place(const struct state *state, const char *root, const char *name)
{
	char path[PATH_MAX];
	struct stat ours, found;

	file_path(path, root, name);
	return state->fd >= 0 && fstat(state->fd, &ours) == 0 &&
	       lstat(path, &found) == 0 && ours.st_dev == found.st_dev &&
	       ours.st_ino == found.st_ino;
}

/* What is in memory, in this file. A full file system is met before a byte of it is changed. */
static int copy(const struct state *state, int fd)
{
	ssize_t len;
	int r;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	r = posix_fallocate(fd, 0, (off_t)state->bytes);
	if (r != 0)
		return -r;
	len = pwrite(fd, state->memory, state->bytes, 0);
	if (len < 0)
		return -errno;
	return (size_t)len == state->bytes ? 0 : -EIO;
}

/* Takes the place of the memory, all at once: others point into it. */
static int map_over(const struct state *state, int fd)
{
	void *memory =
		mmap(NULL, state->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	int r;

	if (memory == MAP_FAILED)
		return -errno;
	if (mremap(memory, state->bytes, state->bytes, MREMAP_MAYMOVE | MREMAP_FIXED,
		   state->memory) != MAP_FAILED)
		return 0;
	r = -errno;
	munmap(memory, state->bytes);
	return r;
}

/* --- who holds it */

/* fs/proc/array.c: State, SigPnd and ShdPnd, a mask in which bit 8 is SIGKILL. */
static bool process_is_ending(int pid)
{
	char path[64], line[128];
	unsigned long long pending = 0;
	bool is_ending = false;
	char letter = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return true;
	while (!is_ending && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "State: %c", &letter) == 1)
			is_ending = letter == 'Z' || letter == 'X';
		else if (/* The kernel's own numbers: NOLINTNEXTLINE(cert-err34-c) */
			 sscanf(line, "SigPnd: %llx", &pending) == 1 ||
			 /* NOLINTNEXTLINE(cert-err34-c) */
			 sscanf(line, "ShdPnd: %llx", &pending) == 1)
			is_ending = (pending & 1ULL << (SIGKILL - 1)) != 0;
	}
	fclose(file);
	return is_ending;
}

/* fs/locks.c, lock_get_status. */
static bool line_is_of(const char *line, const struct stat *held, int *pid)
{
	unsigned device_major, device_minor;
	unsigned long long inode;

	/* The kernel's own numbers: NOLINTNEXTLINE(cert-err34-c) */
	return sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%llu", pid, &device_major,
		      &device_minor, &inode) == 4 &&
	       *pid > 0 && inode == held->st_ino &&
	       makedev(device_major, device_minor) == held->st_dev;
}

bool state_holder_is_ending(const char *root, const char *name)
{
	char path[PATH_MAX], line[256];
	bool is_ending = false;
	struct stat held;
	FILE *file;
	int pid;

	file_path(path, root, name);
	if (lstat(path, &held) < 0)
		return false;
	file = fopen("/proc/locks", "re");
	if (!file)
		return false;
	while (!is_ending && fgets(line, sizeof(line), file))
		is_ending = line_is_of(line, &held, &pid) && process_is_ending(pid);
	fclose(file);
	return is_ending;
}

bool state_has_mark(const char *root, const char *name)
{
	char path[PATH_MAX];
	struct stat status;

	file_path(path, root, name);
	return lstat(path, &status) == 0 && S_ISREG(status.st_mode);
}

int state_make_mark(const char *root, const char *name)
{
	int fd = open_file(root, name), r;

	if (fd < 0)
		return fd;
	r = fchmod(fd, 0644) < 0 ? -errno : 0;
	close(fd);
	return r;
}

int state_keep(struct state *state, const char *root, const char *name)
{
	int fd, r;

	if (state_in_place(state, root, name))
		return 0;
	fd = open_file(root, name);
	if (fd < 0)
		return fd;
	r = copy(state, fd);
	if (r == 0)
		r = map_over(state, fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	if (state->fd >= 0)
		close(state->fd);
	state->fd = fd;
	return 0;
}
