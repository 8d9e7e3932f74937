/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/lockfile.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/number.h"
#include "io/state.h"

#define MARK "agent-onlines\n"
#define MARK_LEN (sizeof(MARK) - 1)

struct lockfile {
	int fd;
};

static void file_path(char path[PATH_MAX], const char *root)
{
	snprintf(path, PATH_MAX, "%s/run/memonlined.lock",
		 strcmp(root, "/") == 0 ? "" : root);
}

static int take(struct lockfile *lockfile, const char *root)
{
	char path[PATH_MAX];
	int r = state_make_directory(root, "/run");

	if (r < 0)
		return r;
	file_path(path, root);
	lockfile->fd = state_open_regular(path, O_RDWR | O_CREAT);
	if (lockfile->fd < 0)
		return lockfile->fd;
	return flock(lockfile->fd, LOCK_EX | LOCK_NB) < 0 ? -errno : 0;
}

struct lockfile *lockfile_take(const char *root)
{
	struct lockfile *lockfile = calloc(1, sizeof(*lockfile));
	int r;

	if (!lockfile)
		return NULL;
	lockfile->fd = -1;
	r = take(lockfile, root);
	if (r == 0)
		return lockfile;
	lockfile_release(lockfile);
	errno = -r;
	return NULL;
}

void lockfile_release(struct lockfile *lockfile)
{
	if (!lockfile)
		return;
	if (lockfile->fd >= 0)
		close(lockfile->fd);
	free(lockfile);
}

bool lockfile_has_mark(const struct lockfile *lockfile)
{
	char bytes[MARK_LEN];

	return pread(lockfile->fd, bytes, MARK_LEN, 0) == (ssize_t)MARK_LEN &&
	       memcmp(bytes, MARK, MARK_LEN) == 0;
}

int lockfile_set_mark(const struct lockfile *lockfile, bool has_mark)
{
	if (lockfile_has_mark(lockfile) == has_mark)
		return 0;
	if (ftruncate(lockfile->fd, 0) < 0)
		return -errno;
	if (has_mark && pwrite(lockfile->fd, MARK, MARK_LEN, 0) < 0)
		return -errno;
	return 0;
}

/* --- who holds it */

/* fs/proc/array.c: State, SigPnd and ShdPnd, a mask in which bit 8 is SIGKILL. */
static bool line_says_ending(const char *line)
{
	char state = *number_skip_words(line, 1);
	uint64_t pending;

	if (strncmp(line, "State:", 6) == 0)
		return state == 'Z' || state == 'X';
	return (number_behind(line, "SigPnd", 16, &pending) ||
		number_behind(line, "ShdPnd", 16, &pending)) &&
	       (pending & 1ULL << (SIGKILL - 1)) != 0;
}

static bool process_is_ending(int pid)
{
	char path[64], line[128];
	bool is_ending = false;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	file = fopen(path, "re");
	if (!file)
		return true;
	while (!is_ending && fgets(line, sizeof(line), file))
		is_ending = line_says_ending(line);
	fclose(file);
	return is_ending;
}

/*
 * fs/locks.c, lock_get_status: "1: FLOCK  ADVISORY  WRITE 707 00:19:1234 0 EOF", with the process,
 * the device in hexadecimal and the inode.
 */
static bool line_is_of(const char *line, const struct stat *held, int *pid)
{
	const char *at = number_skip_words(line, 1), *end = line + strlen(line);
	uint64_t process, device_major, device_minor, inode;

	if (strncmp(at, "FLOCK ", 6) != 0)
		return false;
	at = number_skip_words(at, 3);
	if (!number_take(&at, end, 10, &process) || *at++ != ' ' ||
	    !number_take(&at, end, 16, &device_major) || *at++ != ':' ||
	    !number_take(&at, end, 16, &device_minor) || *at++ != ':' ||
	    !number_take(&at, end, 10, &inode) || process == 0 || process > INT_MAX)
		return false;
	*pid = (int)process;
	return inode == held->st_ino &&
	       makedev((unsigned)device_major, (unsigned)device_minor) == held->st_dev;
}

bool lockfile_holder_is_ending(const char *root)
{
	char path[PATH_MAX], line[256];
	bool is_ending = false;
	struct stat held;
	FILE *file;
	int pid;

	file_path(path, root);
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
