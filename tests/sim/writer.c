/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/worker.h"
#include "io/writer.h"

/* Writes to `state` beside the loop: the thread of io/writer.h, the process of io/worker.h. */
#define WRITE_USEC 350
#define LOCK_USEC 500

/* --- io/writer.h: the present write outlives an agent that is killed */

struct writer {
	writer_over_fn fn;
	void *data;
	struct loop_timer *timer;
	bool notify;
};

static struct {
	struct writer *writer; /* NULL: that agent is gone */
	bool busy, over;
	unsigned index;
	enum online_type word;
	uint64_t handed_usec, due_usec;
	uint64_t identity; /* of the block, when it was handed over */
	int result;
	struct sysfs_text after;
} hand;

static void notify(void *data)
{
	const struct writer *writer = data;

	writer->fn(writer->data);
}

static void carry_out(uint32_t unused, uint32_t unused_too)
{
	long r;

	(void)unused;
	(void)unused_too;
	if (kernel.locked) {
		hand.due_usec = sim.now_usec + LOCK_USEC;
		sim_later(LOCK_USEC, carry_out, 0, 0);
		return;
	}
	r = -ENOENT; /* `probe` is not simulated */
	if (hand.word != ONLINE_TYPE_NONE)
		r = kernel_write_state(hand.index, hand.word, hand.handed_usec);
	hand.result = r < 0 ? (int)r : 0;
	hand.after.len =
		kernel_peek_state(hand.index, hand.after.bytes, sizeof(hand.after.bytes));
	/* Whoever was to know is gone, or takes it for the one that was there before. */
	if (!hand.writer || hand.identity != kernel.blocks[hand.index].identity)
		kernel.blocks[hand.index].read_online = false;
	hand.busy = false;
	hand.over = hand.writer != NULL;
	if (hand.over && hand.writer->notify)
		loop_timer_arm(hand.writer->timer, 0);
}

struct writer *writer_new(struct loop *loop, struct sysfs *sysfs, writer_over_fn fn,
			  void *data)
{
	struct writer *writer = calloc(1, sizeof(*writer));

	(void)sysfs;
	if (!writer)
		return NULL;
	writer->timer = loop_timer_add(loop, notify, writer);
	if (!writer->timer) {
		free(writer);
		return NULL;
	}
	writer->fn = fn;
	writer->data = data;
	memset(&hand, 0, sizeof(hand));
	hand.writer = writer;
	return writer;
}

static void hand_over(unsigned index, enum online_type word)
{
	kernel_agent_went_on();
	hand.busy = true;
	hand.over = false;
	hand.index = index;
	hand.word = word;
	hand.handed_usec = sim.now_usec;
	hand.identity = kernel.blocks[index].identity;
	hand.due_usec = sim.now_usec + WRITE_USEC;
	hand.writer->notify = false;
	sim_later(WRITE_USEC, carry_out, 0, 0);
	sim_point("hands a write over", 5);
}

void writer_write_state(struct writer *writer, uint64_t index, enum online_type word)
{
	hand.writer = writer;
	hand_over((unsigned)index, word);
}

void writer_probe(struct writer *writer, uint64_t address)
{
	hand.writer = writer;
	hand_over((unsigned)(address / SIM_BLOCK_BYTES), ONLINE_TYPE_NONE);
}

static void wait_until_over(uint64_t usec)
{
	uint64_t until = sim.now_usec + usec;

	while (hand.busy && sim.now_usec < until)
		sim_pass((hand.due_usec < until ? hand.due_usec : until) - sim.now_usec);
}

bool writer_take(struct writer *writer, unsigned msec, int *result,
		 struct sysfs_text *after)
{
	(void)writer;
	wait_until_over(msec * 1000ull);
	if (!hand.over)
		return false;
	hand.over = false;
	*result = hand.result;
	*after = hand.after;
	/* It may be killed here: the kernel has done it, nobody knows. */
	sim_point("takes the result", 10);
	return true;
}

void writer_notify(struct writer *writer)
{
	writer->notify = true;
	if (hand.over)
		loop_timer_arm(writer->timer, 0);
}

void writer_free(struct writer *writer)
{
	if (!writer)
		return;
	wait_until_over(1000000);
	hand.writer = NULL;
	hand.over = false;
	loop_timer_remove(writer->timer);
	free(writer);
}

uint64_t writer_sum(void)
{
	return (uint64_t)hand.busy << 8 | (uint64_t)hand.over << 9 | hand.index << 16 |
	       (uint64_t)hand.word << 24 | (uint64_t)(hand.writer != NULL) << 10;
}

bool writer_is_busy(void)
{
	return hand.busy;
}

/* --- io/worker.h: taking a block offline, in a process that ends with the agent */

struct worker {
	uint64_t index;
	enum online_type word;
	uint64_t since_usec, until_usec;
	struct loop_timer *timer;
	int error;
	worker_done_fn fn;
	void *data;
};
static struct worker *working;
static uint32_t workers;

static void over(void *data)
{
	struct worker *worker = data;
	worker_done_fn fn = worker->fn;
	void *user = worker->data;
	int error = worker->error;

	worker_cancel(worker);
	fn(error, user);
}

static void work(uint32_t number, uint32_t unused)
{
	long r = -EINTR;

	(void)unused;
	if (number != workers || !working)
		return;
	if (kernel.locked && sim.now_usec < working->until_usec) {
		sim_later(2000, work, number, 0);
		return;
	}
	if (!kernel.locked)
		r = kernel_write_state((unsigned)working->index, working->word,
				       working->since_usec);
	working->error = r < 0 ? (int)r : 0;
	loop_timer_arm(working->timer, 0);
}

struct worker *worker_start(struct loop *loop, struct sysfs *sysfs, uint64_t index,
			    enum online_type word, uint64_t timeout_msec,
			    worker_done_fn fn, void *data)
{
	struct worker *worker = calloc(1, sizeof(*worker));

	if (!worker)
		return NULL;
	worker->timer = loop_timer_add(loop, over, worker);
	if (!worker->timer) {
		free(worker);
		return NULL;
	}
	(void)sysfs;
	worker->since_usec = sim.now_usec;
	kernel_agent_went_on();
	worker->index = index;
	worker->word = word;
	worker->until_usec = sim.now_usec + timeout_msec * 1000;
	worker->fn = fn;
	worker->data = data;
	working = worker;
	sim_later(100 + sim_draw(3000), work, ++workers, 0);
	sim_point("starts a worker", 100);
	return worker;
}

void worker_cancel(struct worker *worker)
{
	if (!worker)
		return;
	workers++;
	working = NULL;
	loop_timer_remove(worker->timer);
	free(worker);
}

void writer_agent_gone(void)
{
	workers++;
	working = NULL;
	hand.writer = NULL;
	hand.over = false;
}

void writer_begin(void)
{
	memset(&hand, 0, sizeof(hand));
	writer_agent_gone();
}

void writer_add_to_snapshot(void)
{
	snapshot_add(&hand, sizeof(hand));
	/* NOLINTNEXTLINE(bugprone-sizeof-expression): the pointer is the guest's */
	snapshot_add((void *)&working, sizeof(working));
	snapshot_add(&workers, sizeof(workers));
}
