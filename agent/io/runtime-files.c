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
/* A program that removes a directory file by file has finished by then. */
#define PAUSE_MSEC 1000
#define PAUSE_MAX_MSEC 60000
#define GOING                                                                     \
	(IN_DELETE | IN_DELETE_SELF | IN_MOVED_FROM | IN_MOVE_SELF | IN_UNMOUNT | \
	 IN_ONLYDIR)

/* A file with such a name is renamed over another one in the end. */
#define NEW ".new"

struct runtime_files {
	const struct runtime_files_owner *owner;
	void *data;
	char directories[PATHS_MAX][PATH_MAX];
	uint32_t masks[PATHS_MAX];
	unsigned count;
	int inotify;
	struct loop_watch *watch;
	struct loop_timer *timer;
	unsigned pause_msec;
	int last_error; /* logged once */
};

/* Added again each time: the old watch may be on a removed directory. */
static void watch_directories(const struct runtime_files *files)
{
	unsigned i;

	for (i = 0; i < files->count; i++)
		inotify_add_watch(files->inotify, files->directories[i],
				  files->masks[i] | IN_MASK_ADD);
}

static void attempt(void *data)
{
	struct runtime_files *files = data;
	int r = files->owner->restore(files->data);

	watch_directories(files);
	if (r == 0) {
		if (files->last_error)
			log_info("files in /run exist again");
		files->last_error = 0;
		return;
	}
	if (r != files->last_error)
		log_warning("cannot make the files in /run: %s; retrying later",
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

void runtime_files_soon(struct runtime_files *files)
{
	files->pause_msec = PAUSE_MSEC;
	loop_timer_arm(files->timer, files->pause_msec);
}

static bool is_of_new(const struct inotify_event *event)
{
	size_t len = event->len ? strlen(event->name) : 0;

	return len > strlen(NEW) && strcmp(event->name + len - strlen(NEW), NEW) == 0;
}

/* What has happened: GOING, IN_MODIFY, both or none of either. */
static uint32_t read_events(const struct runtime_files *files)
{
	union {
		struct inotify_event event;
		char bytes[4096];
	} buffer;
	uint32_t seen = 0;
	ssize_t len, at;

	while ((len = read(files->inotify, buffer.bytes, sizeof(buffer))) > 0) {
		const struct inotify_event *event;

		for (at = 0; at < len; at += (ssize_t)(sizeof(*event) + event->len)) {
			event = (const struct inotify_event *)(buffer.bytes + at);
			if (event->mask & IN_Q_OVERFLOW)
				seen |= GOING;
			if (!is_of_new(event))
				seen |= event->mask;
		}
	}
	return seen;
}

static void something_happened(uint32_t events, void *data)
{
	struct runtime_files *files = data;
	uint32_t seen = read_events(files);

	(void)events;
	/* Not later: the process may be killed before. */
	if ((seen & IN_MODIFY) && !files->owner->is_whole(files->data))
		runtime_files_now(files);
	if (seen & (GOING & ~(uint32_t)IN_ONLYDIR))
		runtime_files_soon(files);
}

struct runtime_files *
runtime_files_new(struct loop *loop, const struct runtime_files_owner *owner, void *data)
{
	struct runtime_files *files = calloc(1, sizeof(*files));
	int r;

	if (!files)
		return NULL;
	files->owner = owner;
	files->data = data;
	files->pause_msec = PAUSE_MSEC;
	files->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (files->inotify >= 0)
		files->timer = loop_timer_add(loop, attempt, files);
	if (files->timer)
		files->watch = loop_watch_add(loop, files->inotify, EPOLLIN,
					      something_happened, files);
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

int runtime_files_watch(struct runtime_files *files, const char *path, bool is_written)
{
	const char *slash = strrchr(path, '/');
	int len = slash ? (int)(slash - path) : 0;

	if (files->count == PATHS_MAX)
		return -ENOSPC;
	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	files->masks[files->count] = GOING | (is_written ? IN_MODIFY : 0);
	snprintf(files->directories[files->count++], PATH_MAX, "%.*s", len, path);
	return 0;
}
