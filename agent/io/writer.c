/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/writer.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "io/thread.h"

#define END_MSEC 1000

enum stage { IDLE, WRITE_STATE, WRITE_PROBE, OVER, STOP };

struct writer {
	struct sysfs *sysfs;
	pthread_t thread;
	pthread_mutex_t mutex; /* for all that follows, but the loop's */
	pthread_cond_t changed; /* the stage */
	enum stage stage;
	uint64_t index; /* or the address */
	enum online_type word;
	int result;
	struct sysfs_text after;
	bool notify; /* the loop waits for it */
	int event_fd;
	struct loop_watch *watch;
	writer_over_fn fn;
	void *data;
};

static void wake_loop(const struct writer *writer)
{
	uint64_t one = 1;

	/* It fails only where the loop is to wake already. */
	if (write(writer->event_fd, &one, sizeof(one)) < 0)
		return;
}

/* The mutex is held, but for the write itself: nobody else touches what it is about meanwhile. */
static void write_one(struct writer *writer)
{
	enum stage stage = writer->stage;
	struct sysfs_text after;
	int result;

	pthread_mutex_unlock(&writer->mutex);
	after.len = -ENODATA;
	if (stage == WRITE_STATE)
		result = sysfs_write_state(writer->sysfs, writer->index, writer->word,
					   &after);
	else
		result = sysfs_probe(writer->sysfs, writer->index);
	pthread_mutex_lock(&writer->mutex);
	writer->result = result;
	writer->after = after;
	if (writer->stage != STOP)
		writer->stage = OVER;
	if (writer->notify)
		wake_loop(writer);
	writer->notify = false;
	pthread_mutex_unlock(&writer->mutex);
	/* The mutex is free for the one who waits. */
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_lock(&writer->mutex);
}

static void *work(void *data)
{
	struct writer *writer = data;

	pthread_mutex_lock(&writer->mutex);
	while (writer->stage != STOP) {
		if (writer->stage == WRITE_STATE || writer->stage == WRITE_PROBE)
			write_one(writer);
		else
			pthread_cond_wait(&writer->changed, &writer->mutex);
	}
	pthread_mutex_unlock(&writer->mutex);
	return NULL;
}

static void on_event(uint32_t events, void *data)
{
	struct writer *writer = data;
	uint64_t count;

	(void)events;
	if (read(writer->event_fd, &count, sizeof(count)) > 0)
		writer->fn(writer->data);
}

static int prepare(struct writer *writer)
{
	pthread_condattr_t attributes;
	int r = pthread_mutex_init(&writer->mutex, NULL);

	if (r == 0)
		r = pthread_condattr_init(&attributes);
	if (r)
		return -r;
	/* Clocks that people set are not waited for. */
	r = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	if (r == 0)
		r = pthread_cond_init(&writer->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	return -r;
}

static int connect_loop(struct writer *writer, struct loop *loop)
{
	writer->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (writer->event_fd < 0)
		return -errno;
	writer->watch = loop_watch_add(loop, writer->event_fd, EPOLLIN, on_event, writer);
	return writer->watch ? 0 : -errno;
}

static void disconnect_loop(struct writer *writer)
{
	loop_watch_remove(writer->watch);
	writer->watch = NULL;
	if (writer->event_fd >= 0)
		close(writer->event_fd);
	writer->event_fd = -1;
}

struct writer *writer_new(struct loop *loop, struct sysfs *sysfs, writer_over_fn fn,
			  void *data)
{
	struct writer *writer = calloc(1, sizeof(*writer));
	int r;

	if (!writer)
		return NULL;
	writer->sysfs = sysfs;
	writer->fn = fn;
	writer->data = data;
	r = connect_loop(writer, loop);
	if (r == 0)
		r = prepare(writer);
	if (r == 0)
		r = thread_start(&writer->thread, work, writer);
	if (r == 0)
		return writer;
	disconnect_loop(writer);
	free(writer);
	errno = -r;
	return NULL;
}

static void deadline(struct timespec *until, unsigned msec)
{
	clock_gettime(CLOCK_MONOTONIC, until);
	until->tv_sec += (time_t)(msec / 1000);
	until->tv_nsec += (long)(msec % 1000) * 1000000;
	if (until->tv_nsec >= 1000000000) {
		until->tv_nsec -= 1000000000;
		until->tv_sec++;
	}
}

/* The mutex is held. true: nothing is in hand. */
static bool wait_until_over(struct writer *writer, unsigned msec)
{
	struct timespec until;
	int r = 0;

	deadline(&until, msec);
	while (writer->stage != OVER && writer->stage != IDLE && r == 0)
		r = pthread_cond_timedwait(&writer->changed, &writer->mutex, &until);
	return writer->stage == OVER || writer->stage == IDLE;
}

void writer_free(struct writer *writer)
{
	bool over;

	if (!writer)
		return;
	pthread_mutex_lock(&writer->mutex);
	writer->notify = false;
	over = wait_until_over(writer, END_MSEC);
	writer->stage = STOP;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->mutex);
	disconnect_loop(writer);
	if (!over) {
		pthread_detach(writer->thread);
		return; /* it belongs to the thread now */
	}
	pthread_join(writer->thread, NULL);
	pthread_cond_destroy(&writer->changed);
	pthread_mutex_destroy(&writer->mutex);
	free(writer);
}

static void hand_over(struct writer *writer, enum stage stage, uint64_t index,
		      enum online_type word)
{
	pthread_mutex_lock(&writer->mutex);
	writer->stage = stage;
	writer->index = index;
	writer->word = word;
	pthread_mutex_unlock(&writer->mutex);
	pthread_cond_broadcast(&writer->changed);
}

void writer_write_state(struct writer *writer, uint64_t index, enum online_type word)
{
	hand_over(writer, WRITE_STATE, index, word);
}

void writer_probe(struct writer *writer, uint64_t address)
{
	hand_over(writer, WRITE_PROBE, address, ONLINE_TYPE_NONE);
}

bool writer_take(struct writer *writer, unsigned msec, int *result,
		 struct sysfs_text *after)
{
	bool over;

	pthread_mutex_lock(&writer->mutex);
	over = wait_until_over(writer, msec) && writer->stage == OVER;
	if (over) {
		*result = writer->result;
		*after = writer->after;
		writer->stage = IDLE;
	}
	pthread_mutex_unlock(&writer->mutex);
	return over;
}

void writer_notify(struct writer *writer)
{
	pthread_mutex_lock(&writer->mutex);
	if (writer->stage == OVER)
		wake_loop(writer);
	else
		writer->notify = true;
	pthread_mutex_unlock(&writer->mutex);
}
