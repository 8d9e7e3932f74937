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
#define PLACES (WRITER_NEXT_MAX + 1)
#define LEFT 2 /* with so many left it is time to hand over more */

enum kind { WRITE_STATE, WRITE_PROBE };

struct request {
	enum kind kind;
	uint64_t index; /* or the address */
	enum online_type word;
	int result;
	struct sysfs_text after;
};

struct writer {
	struct sysfs *sysfs;
	pthread_t thread;
	pthread_mutex_t mutex; /* for all that follows, but the loop's */
	pthread_cond_t changed; /* something that either side waits for */
	struct request requests[PLACES]; /* number n is at n % PLACES */
	size_t taken, over, handed; /* so many; taken <= over <= handed */
	bool is_writing; /* the one after those that are over */
	bool stop;
	bool notify; /* the loop waits for a result */
	int event_fd;
	struct loop_watch *watch;
	writer_over_fn fn;
	void *data;
};

static struct request *place(struct writer *writer, size_t number)
{
	return &writer->requests[number % PLACES];
}

static void wake_loop(const struct writer *writer)
{
	uint64_t one = 1;

	/* It fails only where the loop is to wake already. */
	if (write(writer->event_fd, &one, sizeof(one)) < 0)
		return;
}

/* The mutex is held, also for what follows. The last one that is over failed. */
static bool has_failed(struct writer *writer)
{
	return writer->over > writer->taken &&
	       place(writer, writer->over - 1)->result < 0;
}

static bool has_work(struct writer *writer)
{
	return writer->handed > writer->over && !has_failed(writer);
}

/* Whether who waits for a result has enough of them. */
static bool is_enough(struct writer *writer)
{
	return writer->over > writer->taken &&
	       (writer->handed - writer->over <= LEFT || has_failed(writer));
}

/* But for the write itself: nobody else touches what it is about meanwhile. */
static void write_one(struct writer *writer)
{
	struct request *request = place(writer, writer->over);

	writer->is_writing = true;
	pthread_mutex_unlock(&writer->mutex);
	request->after.len = -ENODATA;
	if (request->kind == WRITE_STATE)
		request->result = sysfs_write_state(writer->sysfs, request->index,
						    request->word, &request->after);
	else
		request->result = sysfs_probe(writer->sysfs, request->index);
	pthread_mutex_lock(&writer->mutex);
	writer->is_writing = false;
	writer->over++;
	if (writer->notify)
		wake_loop(writer);
	writer->notify = false;
	if (!is_enough(writer))
		return;
	pthread_mutex_unlock(&writer->mutex);
	/* The mutex is free for the one who waits. */
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_lock(&writer->mutex);
}

static void *work(void *data)
{
	struct writer *writer = data;

	pthread_mutex_lock(&writer->mutex);
	while (!writer->stop) {
		if (has_work(writer))
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

/* The mutex is held. */
static void wait_for_results(struct writer *writer, unsigned msec)
{
	struct timespec until;
	int r = 0;

	if (!msec || is_enough(writer))
		return;
	deadline(&until, msec);
	while (r == 0 && !is_enough(writer))
		r = pthread_cond_timedwait(&writer->changed, &writer->mutex, &until);
}

/* Forgets all that have not begun, but the first so many. */
static size_t withdraw(struct writer *writer, size_t kept)
{
	size_t begun = writer->over + (writer->is_writing ? 1 : 0);
	size_t count;

	if (begun < kept)
		begun = kept;
	if (begun > writer->handed)
		begun = writer->handed;
	count = writer->handed - begun;
	writer->handed = begun;
	return count;
}

/* Whether nothing is in the kernel's hands by then. */
static bool end_writes(struct writer *writer)
{
	withdraw(writer, 0);
	writer->taken = writer->over;
	writer->notify = false;
	if (writer->is_writing)
		wait_for_results(writer, END_MSEC);
	return !writer->is_writing;
}

void writer_free(struct writer *writer)
{
	bool is_idle;

	if (!writer)
		return;
	pthread_mutex_lock(&writer->mutex);
	is_idle = end_writes(writer);
	writer->stop = true;
	pthread_cond_broadcast(&writer->changed);
	pthread_mutex_unlock(&writer->mutex);
	disconnect_loop(writer);
	if (!is_idle) {
		pthread_detach(writer->thread);
		return; /* it belongs to the thread now */
	}
	pthread_join(writer->thread, NULL);
	pthread_cond_destroy(&writer->changed);
	pthread_mutex_destroy(&writer->mutex);
	free(writer);
}

static void hand_over(struct writer *writer, enum kind kind, uint64_t index,
		      enum online_type word)
{
	struct request *request;
	bool is_waited_for;

	pthread_mutex_lock(&writer->mutex);
	request = place(writer, writer->handed);
	request->kind = kind;
	request->index = index;
	request->word = word;
	writer->handed++;
	is_waited_for = !writer->is_writing && has_work(writer);
	pthread_mutex_unlock(&writer->mutex);
	if (is_waited_for)
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

void writer_write_next(struct writer *writer, uint64_t index, enum online_type word)
{
	hand_over(writer, WRITE_STATE, index, word);
}

size_t writer_withdraw(struct writer *writer)
{
	size_t count;

	pthread_mutex_lock(&writer->mutex);
	/* The one whose result is taken next is no longer behind another. */
	count = withdraw(writer, writer->taken + 1);
	pthread_mutex_unlock(&writer->mutex);
	return count;
}

bool writer_take(struct writer *writer, unsigned msec, int *result,
		 struct sysfs_text *after)
{
	const struct request *request;
	bool is_over;

	pthread_mutex_lock(&writer->mutex);
	wait_for_results(writer, msec);
	is_over = writer->over > writer->taken;
	if (is_over) {
		request = place(writer, writer->taken);
		*result = request->result;
		*after = request->after;
		if (*result < 0)
			writer->handed = writer->over;
		writer->taken++;
	}
	pthread_mutex_unlock(&writer->mutex);
	return is_over;
}

void writer_notify(struct writer *writer)
{
	pthread_mutex_lock(&writer->mutex);
	if (writer->over > writer->taken)
		wake_loop(writer);
	else
		writer->notify = true;
	pthread_mutex_unlock(&writer->mutex);
}
