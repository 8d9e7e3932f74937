/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/loop.h"

/* One pipe that is watched, and what the test wants to happen when it wakes. */
struct end {
	struct loop *loop;
	struct loop_watch *watch;
	struct end *victim; /* its watch is removed by this one's callback */
	int fds[2];
	int calls;
	bool quits;
};

static void end_open(struct end *end, struct loop *loop)
{
	memset(end, 0, sizeof(*end));
	end->loop = loop;
	assert_int_equal(pipe(end->fds), 0);
}

static void end_close(struct end *end)
{
	close(end->fds[0]);
	close(end->fds[1]);
}

static void end_wake(struct end *end)
{
	assert_int_equal(write(end->fds[1], "x", 1), 1);
}

static void on_end(uint32_t events, void *data)
{
	struct end *end = data;

	(void)events;
	end->calls++;
	if (end->victim) {
		loop_watch_remove(end->victim->watch);
		end->victim->watch = NULL;
	}
	if (end->quits)
		loop_quit(end->loop);
}

static void end_watch(struct end *end, uint32_t events)
{
	end->watch = loop_watch_add(end->loop, end->fds[0], events, on_end, end);
	assert_non_null(end->watch);
}

static void quit(void *data)
{
	loop_quit(data);
}

/* Runs for some rounds' time. */
static void run_for(struct loop *loop, uint64_t msec)
{
	struct loop_timer *timer = loop_timer_add(loop, quit, loop);

	assert_non_null(timer);
	assert_int_equal(loop_timer_arm(timer, msec), 0);
	assert_int_equal(loop_run(loop), 0);
	loop_timer_remove(timer);
}

/* --- removal */

/* Both are ready in one round: whichever comes first removes the other. */
static void test_remove_other_in_same_round(void **state)
{
	struct loop *loop = loop_new();
	struct end a, b;

	(void)state;
	end_open(&a, loop);
	end_open(&b, loop);
	a.victim = &b;
	b.victim = &a;
	end_watch(&a, EPOLLIN | EPOLLET);
	end_watch(&b, EPOLLIN | EPOLLET);
	end_wake(&a);
	end_wake(&b);
	run_for(loop, 5);
	assert_int_equal(a.calls + b.calls, 1);
	loop_free(loop);
	end_close(&a);
	end_close(&b);
}

static void test_remove_itself(void **state)
{
	struct loop *loop = loop_new();
	struct end a;

	(void)state;
	end_open(&a, loop);
	a.victim = &a;
	end_watch(&a, EPOLLIN);
	end_wake(&a);
	run_for(loop, 5);
	assert_int_equal(a.calls, 1);
	assert_null(a.watch);
	loop_free(loop);
	end_close(&a);
}

static void remove_and_reuse(uint32_t events, void *data)
{
	struct end *ends = data;

	(void)events;
	ends[0].calls++;
	loop_watch_remove(ends[1].watch);
	close(ends[1].fds[0]);
	/* the same number again, for something that is not ready */
	assert_int_equal(dup2(ends[2].fds[0], ends[1].fds[0]), ends[1].fds[0]);
	ends[1].watch =
		loop_watch_add(ends[0].loop, ends[1].fds[0], EPOLLIN, on_end, &ends[1]);
	assert_non_null(ends[1].watch);
	loop_watch_remove(ends[0].watch);
}

/* An event of the removed watch must not reach the new one on the same descriptor. */
static void test_descriptor_reused_in_same_round(void **state)
{
	struct loop *loop = loop_new();
	struct end ends[3];
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++)
		end_open(&ends[i], loop);
	end_wake(&ends[0]);
	end_wake(&ends[1]);
	/* epoll reports in the order of getting ready */
	ends[0].watch =
		loop_watch_add(loop, ends[0].fds[0], EPOLLIN, remove_and_reuse, ends);
	assert_non_null(ends[0].watch);
	end_watch(&ends[1], EPOLLIN | EPOLLET);
	run_for(loop, 5);
	assert_int_equal(ends[0].calls, 1);
	assert_int_equal(ends[1].calls, 0);
	loop_free(loop);
	for (i = 0; i < 3; i++)
		end_close(&ends[i]);
}

static void test_free_with_everything_still_there(void **state)
{
	static const int signals[] = { SIGUSR2, 0 };
	struct loop *loop = loop_new();
	struct loop_timer *timer;
	struct end a;

	(void)state;
	end_open(&a, loop);
	end_watch(&a, EPOLLIN);
	timer = loop_timer_add(loop, quit, loop);
	assert_int_equal(loop_timer_arm(timer, 100000), 0);
	assert_int_equal(loop_signals(loop, signals, NULL, NULL), 0);
	loop_watch_remove(NULL);
	loop_timer_remove(NULL);
	loop_free(loop);
	loop_free(NULL);
	/* the caller's descriptor is still open */
	assert_true(fcntl(a.fds[0], F_GETFD) >= 0);
	end_close(&a);
}

static int open_descriptors(void)
{
	int fd, count = 0;

	for (fd = 0; fd < 256; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void test_no_descriptor_is_lost(void **state)
{
	static const int signals[] = { SIGUSR2, 0 };
	int before = open_descriptors();
	struct loop *loop = loop_new();
	struct loop_timer *timer = loop_timer_add(loop, quit, loop);

	(void)state;
	assert_non_null(loop_timer_add(loop, quit, loop));
	assert_int_equal(loop_signals(loop, signals, NULL, NULL), 0);
	loop_timer_remove(timer);
	loop_free(loop);
	assert_int_equal(open_descriptors(), before);
}

/* --- watches */

static void test_add_fails(void **state)
{
	struct loop *loop = loop_new();

	(void)state;
	errno = 0;
	assert_null(loop_watch_add(loop, -1, EPOLLIN, on_end, NULL));
	assert_int_equal(errno, EBADF);
	loop_free(loop);
}

static void test_edge_triggered_wakes_once(void **state)
{
	struct loop *loop = loop_new();
	struct end a;

	(void)state;
	end_open(&a, loop);
	end_watch(&a, EPOLLIN | EPOLLET);
	end_wake(&a);
	run_for(loop, 5);
	assert_int_equal(a.calls, 1);
	end_wake(&a);
	run_for(loop, 5);
	assert_int_equal(a.calls, 2);
	loop_free(loop);
	end_close(&a);
}

static void test_change(void **state)
{
	struct loop *loop = loop_new();
	struct end a;

	(void)state;
	end_open(&a, loop);
	end_watch(&a, 0);
	end_wake(&a);
	run_for(loop, 5);
	assert_int_equal(a.calls, 0);
	a.quits = true;
	assert_int_equal(loop_watch_change(a.watch, EPOLLIN), 0);
	assert_int_equal(loop_run(loop), 0);
	assert_int_equal(a.calls, 1);
	loop_free(loop);
	end_close(&a);
}

static void test_quit_before_run(void **state)
{
	struct loop *loop = loop_new();

	(void)state;
	loop_quit(loop);
	assert_int_equal(loop_run(loop), 0);
	loop_free(loop);
}

/* --- timers */

static void count_up(void *data)
{
	++*(int *)data;
}

static void test_timer_is_one_shot(void **state)
{
	struct loop *loop = loop_new();
	struct loop_timer *timer;
	int fired = 0;

	(void)state;
	timer = loop_timer_add(loop, count_up, &fired);
	run_for(loop, 5);
	assert_int_equal(fired, 0); /* not armed yet */
	assert_int_equal(loop_timer_arm(timer, 0), 0);
	run_for(loop, 5);
	assert_int_equal(fired, 1);
	run_for(loop, 5);
	assert_int_equal(fired, 1);
	loop_free(loop);
}

static void test_timer_rearmed_and_disarmed(void **state)
{
	struct loop *loop = loop_new();
	struct loop_timer *timer;
	int fired = 0;

	(void)state;
	timer = loop_timer_add(loop, count_up, &fired);
	loop_timer_arm(timer, 1);
	loop_timer_arm(timer, UINT64_MAX);
	run_for(loop, 10);
	assert_int_equal(fired, 0);
	loop_timer_arm(timer, 1);
	loop_timer_disarm(timer);
	run_for(loop, 10);
	assert_int_equal(fired, 0);
	loop_free(loop);
}

struct pair {
	struct loop_timer *timers[2];
	int fired;
	void (*hush)(struct loop_timer *timer);
};

static void on_pair(void *data)
{
	struct pair *pair = data;

	pair->fired++;
	pair->hush(pair->timers[0]);
	pair->hush(pair->timers[1]);
}

static void postpone(struct loop_timer *timer)
{
	assert_int_equal(loop_timer_arm(timer, 100000), 0);
}

/* Both have expired before the round begins: what the first does to the second holds. */
static void hush_in_same_round(void (*hush)(struct loop_timer *timer))
{
	struct loop *loop = loop_new();
	struct pair pair = { { NULL, NULL }, 0, hush };
	int i;

	for (i = 0; i < 2; i++) {
		pair.timers[i] = loop_timer_add(loop, on_pair, &pair);
		assert_int_equal(loop_timer_arm(pair.timers[i], 0), 0);
	}
	usleep(1000);
	run_for(loop, 5);
	assert_int_equal(pair.fired, 1);
	loop_free(loop);
}

static void test_timer_hushed_in_same_round(void **state)
{
	(void)state;
	hush_in_same_round(loop_timer_disarm);
	hush_in_same_round(loop_timer_remove);
	hush_in_same_round(postpone);
}

static void test_clock(void **state)
{
	uint64_t before = loop_now_usec();

	(void)state;
	usleep(2000);
	assert_in_range(loop_now_usec() - before, 2000, 10000000);
}

/* --- signals */

struct heard {
	struct loop *loop;
	int signals[4];
	int count;
};

static void on_signal(int signal, void *data)
{
	struct heard *heard = data;

	heard->signals[heard->count++] = signal;
	loop_quit(heard->loop);
}

static void test_signals(void **state)
{
	static const int signals[] = { SIGUSR1, SIGTERM, 0 };
	struct heard heard = { loop_new(), { 0 }, 0 };

	(void)state;
	assert_int_equal(loop_signals(heard.loop, signals, on_signal, &heard), 0);
	assert_int_equal(loop_signals(heard.loop, signals, on_signal, &heard), -EBUSY);
	kill(getpid(), SIGTERM);
	kill(getpid(), SIGUSR1);
	/* one each: the first quits, the second waits for the next run */
	assert_int_equal(loop_run(heard.loop), 0);
	assert_int_equal(heard.count, 1);
	assert_int_equal(loop_run(heard.loop), 0);
	assert_int_equal(heard.count, 2);
	assert_int_equal(heard.signals[0] + heard.signals[1], SIGTERM + SIGUSR1);
	loop_free(heard.loop);
}

/* --- work */

struct work {
	struct loop *loop;
	int left;
	int done;
	struct end *end; /* how often it was called in between */
	int end_calls_at_last;
	loop_work_fn next;
};

static bool do_work(void *data)
{
	struct work *work = data;

	work->done++;
	if (work->end)
		work->end_calls_at_last = work->end->calls;
	return --work->left > 0;
}

/* Descriptors are served between two pieces of work, and it ends when it says so. */
static void test_work_between_descriptors(void **state)
{
	struct loop *loop = loop_new();
	struct end a;
	struct work work = { loop, 5, 0, &a, 0, NULL };

	(void)state;
	end_open(&a, loop);
	end_watch(&a, EPOLLIN);
	end_wake(&a);
	loop_set_work(loop, do_work, &work);
	run_for(loop, 5);
	assert_int_equal(work.done, 5);
	assert_int_equal(work.end_calls_at_last, 5);
	loop_free(loop);
	end_close(&a);
}

static bool never(void *data)
{
	(void)data;
	fail();
	return false;
}

static void test_work_cleared(void **state)
{
	struct loop *loop = loop_new();

	(void)state;
	loop_set_work(loop, never, NULL);
	loop_set_work(loop, NULL, NULL);
	run_for(loop, 5);
	loop_free(loop);
}

static bool hand_over(void *data)
{
	struct work *work = data;

	loop_set_work(work->loop, work->next, work);
	return !work->next; /* either answer: what it set counts */
}

static void test_work_replaces_itself(void **state)
{
	struct work work = { loop_new(), 3, 0, NULL, 0, do_work };

	(void)state;
	loop_set_work(work.loop, hand_over, &work);
	run_for(work.loop, 5);
	assert_int_equal(work.done, 3);
	work.next = NULL;
	loop_set_work(work.loop, hand_over, &work);
	run_for(work.loop, 5);
	assert_int_equal(work.done, 3);
	loop_free(work.loop);
}

static bool quit_work(void *data)
{
	struct work *work = data;

	work->done++;
	loop_quit(work->loop);
	return true;
}

static void test_quit_from_work(void **state)
{
	struct work work = { loop_new(), 0, 0, NULL, 0, NULL };

	(void)state;
	loop_set_work(work.loop, quit_work, &work);
	assert_int_equal(loop_run(work.loop), 0);
	assert_int_equal(work.done, 1);
	loop_free(work.loop);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remove_other_in_same_round),
		cmocka_unit_test(test_remove_itself),
		cmocka_unit_test(test_descriptor_reused_in_same_round),
		cmocka_unit_test(test_free_with_everything_still_there),
		cmocka_unit_test(test_no_descriptor_is_lost),
		cmocka_unit_test(test_add_fails),
		cmocka_unit_test(test_edge_triggered_wakes_once),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_quit_before_run),
		cmocka_unit_test(test_timer_is_one_shot),
		cmocka_unit_test(test_timer_rearmed_and_disarmed),
		cmocka_unit_test(test_timer_hushed_in_same_round),
		cmocka_unit_test(test_clock),
		cmocka_unit_test(test_signals),
		cmocka_unit_test(test_work_between_descriptors),
		cmocka_unit_test(test_work_cleared),
		cmocka_unit_test(test_work_replaces_itself),
		cmocka_unit_test(test_quit_from_work),
	};

	/* A lost wake-up shall be a failure, not a wait for ever. */
	alarm(20);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
