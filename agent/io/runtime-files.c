/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/runtime-files.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "io/log.h"

#define PATHS_MAX 4
/* Whoever removes a directory file by file is done by then. */
#define PAUSE_MSEC 1000
#define PAUSE_MAX_MSEC 60000
#define GOING                                                                     \
	(IN_DELETE | IN_DELETE_SELF | IN_MOVED_FROM | IN_MOVE_SELF | IN_UNMOUNT | \
	 IN_ONLYDIR)

struct runtime_files {
	runtime_files_fn fn;
	void *data;
	char directories[PATHS_MAX][PATH_MAX];
	unsigned count;
	int inotify;
	struct loop_watch *watch;
	struct loop_timer *timer;
	unsigned pause_msec;
	int last_error; /* logged once */
};

/* Anew each time: the one before may be of a directory that is gone. */
static void watch_directories(const struct runtime_files *files)
{
	unsigned i;

	for (i = 0; i < files->count; i++)
		inotify_add_watch(files->inotify, files->directories[i], GOING);
}

static void attempt(void *data)
{
	struct runtime_files *files = data;
	int r = files->fn(files->data);

	watch_directories(files);
	if (r == 0) {
		if (files->last_error)
			log_info("files in /run are there again");
		files->last_error = 0;
		return;
	}
	if (r != files->last_error)
		log_warning("files in /run cannot be made: %s; it will be tried again",
			    strerror(-r));
	files->last_error = r;
	loop_timer_arm(files->timer, files->pause_msec);
	files->pause_msec *= 2;
	if (files->pause_msec > PAUSE_MAX_MSEC)
		files->pause_msec = PAUSE_MAX_MSEC;
}

void runtime_files_now(struct runtime_files *files)
{
	files->pause_msec = PAUSE_MSEC;
	attempt(files);
}

static void something_went(uint32_t events, void *data)
{
	char bytes[4096];
	struct runtime_files *files = data;

	(void)events;
	while (read(files->inotify, bytes, sizeof(bytes)) > 0)
		;
	files->pause_msec = PAUSE_MSEC;
	loop_timer_arm(files->timer, files->pause_msec);
}

struct runtime_files *runtime_files_new(struct loop *loop, runtime_files_fn fn,
					void *data)
{
	struct runtime_files *files = calloc(1, sizeof(*files));
	int r;

	if (!files)
		return NULL;
	files->fn = fn;
	files->data = data;
	files->pause_msec = PAUSE_MSEC;
	files->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (files->inotify >= 0)
		files->timer = loop_timer_add(loop, attempt, files);
	if (files->timer)
		files->watch = loop_watch_add(loop, files->inotify, EPOLLIN,
					      something_went, files);
	if (files->watch)
		return files;
	r = errno;
	runtime_files_free(files);
	errno = r;
	return NULL;
}

void runtime_files_free(struct runtime_files *files)
{
	if (!files)
		return;
	loop_watch_remove(files->watch);
	loop_timer_remove(files->timer);
	if (files->inotify >= 0)
		close(files->inotify);
	free(files);
}

int runtime_files_watch(struct runtime_files *files, const char *path)
{
	const char *slash = strrchr(path, '/');
	int len = slash ? (int)(slash - path) : 0;

	if (files->count == PATHS_MAX)
		return -ENOSPC;
	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	snprintf(files->directories[files->count++], PATH_MAX, "%.*s", len, path);
	return 0;
}
