/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/textfile.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "io/log.h"
#include "io/replace.h"
#include "io/thread.h"

#define END_SEC 1

struct writing {
	char path[PATH_MAX];
	struct text text;
};

struct textfile {
	struct writing now; /* the thread's, while it runs */
	struct writing next; /* no text: none waits */
	pthread_t thread;
	bool runs; /* it has not been joined yet */
	int result; /* the thread's: 0 or negative errno */
	int last_error; /* logged once */
	int event_fd; /* the thread has ended, or nearly */
	struct loop_watch *watch;
};

/* --- in the thread */

static void *work(void *data)
{
	struct textfile *textfile = data;
	uint64_t one = 1;

	/* It is not synced: the next start writes it anew. */
	textfile->result = replace_file(textfile->now.path, &textfile->now.text);
	/* It cannot fail: nobody has written to it since it was read. */
	if (write(textfile->event_fd, &one, sizeof(one)) < 0)
		return NULL;
	return NULL;
}

/* --- in the loop */

static void log_result(struct textfile *textfile, int result)
{
	if (result != textfile->last_error && result < 0)
		log_warning("cannot write %s: %s", textfile->now.path, strerror(-result));
	else if (result != textfile->last_error)
		log_info("%s is written again", textfile->now.path);
	textfile->last_error = result;
}

static void start(struct textfile *textfile)
{
	struct writing swap = textfile->now;
	int r;

	textfile->now = textfile->next;
	textfile->next = swap;
	text_clear(&textfile->next.text);
	r = thread_start(&textfile->thread, work, textfile);
	textfile->runs = r == 0;
	if (r < 0)
		log_result(textfile, r);
}

static void on_event(uint32_t events, void *data)
{
	struct textfile *textfile = data;
	uint64_t count;

	(void)events;
	if (read(textfile->event_fd, &count, sizeof(count)) < 0 || !textfile->runs)
		return;
	pthread_join(textfile->thread, NULL);
	textfile->runs = false;
	log_result(textfile, textfile->result);
	if (textfile->next.text.len)
		start(textfile);
}

void textfile_write(struct textfile *textfile, const char *path, struct text *text)
{
	struct text swap = textfile->next.text;

	textfile->next.text = *text;
	*text = swap;
	text_clear(text);
	snprintf(textfile->next.path, sizeof(textfile->next.path), "%s", path);
	if (!textfile->runs)
		start(textfile);
}

struct textfile *textfile_new(struct loop *loop)
{
	struct textfile *textfile = calloc(1, sizeof(*textfile));
	int r;

	if (!textfile)
		return NULL;
	textfile->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (textfile->event_fd >= 0)
		textfile->watch = loop_watch_add(loop, textfile->event_fd, EPOLLIN,
						 on_event, textfile);
	if (textfile->watch)
		return textfile;
	r = errno;
	if (textfile->event_fd >= 0)
		close(textfile->event_fd);
	free(textfile);
	errno = r;
	return NULL;
}

/* Whether no thread uses it any more. */
static bool wait_for_thread(struct textfile *textfile)
{
	struct timespec until;

	if (!textfile->runs)
		return true;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += END_SEC;
	return pthread_timedjoin_np(textfile->thread, NULL, &until) == 0;
}

void textfile_free(struct textfile *textfile)
{
	if (!textfile)
		return;
	loop_watch_remove(textfile->watch);
	if (!wait_for_thread(textfile)) {
		pthread_detach(textfile->thread);
		return; /* it belongs to the thread now */
	}
	close(textfile->event_fd);
	text_free(&textfile->now.text);
	text_free(&textfile->next.text);
	free(textfile);
}
