/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/keep.h"

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

struct keep {
	keep_fn fn;
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
static void watch_directories(const struct keep *keep)
{
	unsigned i;

	for (i = 0; i < keep->count; i++)
		inotify_add_watch(keep->inotify, keep->directories[i], GOING);
}

static void attempt(void *data)
{
	struct keep *keep = data;
	int r = keep->fn(keep->data);

	watch_directories(keep);
	if (r == 0) {
		if (keep->last_error)
			log_info("files in /run are there again");
		keep->last_error = 0;
		return;
	}
	if (r != keep->last_error)
		log_warning("files in /run cannot be made: %s; it will be tried again",
			    strerror(-r));
	keep->last_error = r;
	loop_timer_arm(keep->timer, keep->pause_msec);
	keep->pause_msec *= 2;
	if (keep->pause_msec > PAUSE_MAX_MSEC)
		keep->pause_msec = PAUSE_MAX_MSEC;
}

void keep_now(struct keep *keep)
{
	keep->pause_msec = PAUSE_MSEC;
	attempt(keep);
}

static void something_went(uint32_t events, void *data)
{
	char bytes[4096];
	struct keep *keep = data;

	(void)events;
	while (read(keep->inotify, bytes, sizeof(bytes)) > 0)
		;
	keep->pause_msec = PAUSE_MSEC;
	loop_timer_arm(keep->timer, keep->pause_msec);
}

struct keep *keep_new(struct loop *loop, keep_fn fn, void *data)
{
	struct keep *keep = calloc(1, sizeof(*keep));
	int r;

	if (!keep)
		return NULL;
	keep->fn = fn;
	keep->data = data;
	keep->pause_msec = PAUSE_MSEC;
	keep->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (keep->inotify >= 0)
		keep->timer = loop_timer_add(loop, attempt, keep);
	if (keep->timer)
		keep->watch = loop_watch_add(loop, keep->inotify, EPOLLIN, something_went,
					     keep);
	if (keep->watch)
		return keep;
	r = errno;
	keep_free(keep);
	errno = r;
	return NULL;
}

void keep_free(struct keep *keep)
{
	if (!keep)
		return;
	loop_watch_remove(keep->watch);
	loop_timer_remove(keep->timer);
	if (keep->inotify >= 0)
		close(keep->inotify);
	free(keep);
}

int keep_watch(struct keep *keep, const char *path)
{
	const char *slash = strrchr(path, '/');
	int len = slash ? (int)(slash - path) : 0;

	if (keep->count == PATHS_MAX)
		return -ENOSPC;
	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	snprintf(keep->directories[keep->count++], PATH_MAX, "%.*s", len, path);
	return 0;
}
