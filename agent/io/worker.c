/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define REAP_MSEC 1000

struct worker {
	pid_t pid;
	int pipe;
	struct loop_watch *watch;
	struct loop_timer *timer;
	worker_done_fn fn;
	void *data;
	bool timed_out;
};

/*
 * A signal ends what the kernel is retrying, so the process is gone soon. One that is not is left to
 * init: the kernel lets it write nothing more.
 */
static void reap(const struct worker *worker)
{
	struct pollfd end = { .fd = worker->pipe, .events = POLLIN };

	kill(worker->pid, SIGKILL);
	while (poll(&end, 1, REAP_MSEC) < 0 && errno == EINTR)
		;
	while (waitpid(worker->pid, NULL, end.revents ? 0 : WNOHANG) < 0 &&
	       errno == EINTR)
		;
}

static void worker_free(struct worker *worker)
{
	loop_watch_remove(worker->watch);
	loop_timer_remove(worker->timer);
	if (worker->pid > 0)
		reap(worker);
	if (worker->pipe >= 0)
		close(worker->pipe);
	free(worker);
}

void worker_cancel(struct worker *worker)
{
	if (worker)
		worker_free(worker);
}

static void finish(struct worker *worker, int error)
{
	worker_done_fn fn = worker->fn;
	void *data = worker->data;

	worker_free(worker);
	fn(error, data);
}

static void on_result(uint32_t events, void *data)
{
	struct worker *worker = data;
	int error;

	(void)events;
	/* A process that ended without a result was killed. */
	if (read(worker->pipe, &error, sizeof(error)) != (ssize_t)sizeof(error))
		error = worker->timed_out ? -ETIMEDOUT : -EINTR;
	finish(worker, error);
}

/* The loop does not wait for its end: that shows at the pipe. */
static void on_timeout(void *data)
{
	struct worker *worker = data;

	worker->timed_out = true;
	kill(worker->pid, SIGKILL);
}

static void __attribute__((noreturn))
work(struct sysfs *sysfs, uint64_t index, enum online_type word, int pipe, pid_t agent)
{
	struct block block;
	int error;

	/* Without memonlined this process must end. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != agent) /* it ended before that was said */
		_exit(1);
	memset(&block, 0, sizeof(block));
	block.index = index;
	error = sysfs_write_word(sysfs, &block, word);
	_exit(write(pipe, &error, sizeof(error)) == (ssize_t)sizeof(error) ? 0 : 1);
}

static int start(struct worker *worker, struct loop *loop, struct sysfs *sysfs,
		 uint64_t index, enum online_type word, uint64_t timeout_msec)
{
	pid_t agent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	worker->pipe = ends[0];
	worker->pid = fork();
	if (worker->pid == 0)
		work(sysfs, index, word, ends[1], agent);
	close(ends[1]);
	if (worker->pid < 0)
		return -errno;
	worker->watch = loop_watch_add(loop, worker->pipe, EPOLLIN, on_result, worker);
	worker->timer = loop_timer_add(loop, on_timeout, worker);
	if (!worker->watch || !worker->timer)
		return -ENOMEM;
	return loop_timer_arm(worker->timer, timeout_msec);
}

struct worker *worker_start(struct loop *loop, struct sysfs *sysfs, uint64_t index,
			    enum online_type word, uint64_t timeout_msec,
			    worker_done_fn fn, void *data)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int r;

	if (!worker)
		return NULL;
	worker->pipe = -1;
	worker->fn = fn;
	worker->data = data;
	r = start(worker, loop, sysfs, index, word, timeout_msec);
	if (r == 0)
		return worker;
	worker_free(worker);
	errno = -r;
	return NULL;
}
