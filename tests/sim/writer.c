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

#define PLACES (WRITER_NEXT_MAX + 1)

struct request {
	unsigned index;
	enum online_type word;
	uint64_t handed_usec;
	uint64_t identity; /* of the block, when it was handed over */
	bool was_there; /* then */
	int result;
	struct sysfs_text after;
};

static struct {
	struct writer *writer; /* NULL: that agent is gone */
	bool busy; /* the kernel has a write in hand: the one after those that are over */
	uint64_t due_usec;
	struct request requests[PLACES]; /* the oldest whose result was not taken first */
	unsigned over, handed;
} hand;

static void notify(void *data)
{
	const struct writer *writer = data;

	writer->fn(writer->data);
}

static bool has_failed(void)
{
	return hand.over && hand.requests[hand.over - 1].result < 0;
}

static void carry_out(uint32_t unused, uint32_t unused_too);

static void begin_next(void)
{
	if (hand.busy || hand.over == hand.handed || has_failed())
		return;
	hand.busy = true;
	hand.due_usec = sim.now_usec + WRITE_USEC;
	sim_later(WRITE_USEC, carry_out, 0, 0);
}

static void write_one(struct request *request)
{
	long r = -ENOENT; /* `probe` is not simulated */

	/* Who has seen since that it is gone did not know it then: the file cannot be opened. */
	if (request->word != ONLINE_TYPE_NONE &&
	    (kernel.blocks[request->index].present || !request->was_there))
		r = kernel_write_state(request->index, request->word,
				       request->handed_usec);
	request->result = r < 0 ? (int)r : 0;
	request->after.len = kernel_peek_state(request->index, request->after.bytes,
					       sizeof(request->after.bytes));
	/* Whoever was to know is gone, or takes it for the one that was there before. */
	if (!hand.writer || request->identity != kernel.blocks[request->index].identity)
		kernel.blocks[request->index].read_online = false;
}

static void carry_out(uint32_t unused, uint32_t unused_too)
{
	(void)unused;
	(void)unused_too;
	if (kernel.locked) {
		hand.due_usec = sim.now_usec + LOCK_USEC;
		sim_later(LOCK_USEC, carry_out, 0, 0);
		return;
	}
	write_one(&hand.requests[hand.over]);
	hand.busy = false;
	if (!hand.writer)
		return;
	hand.over++;
	begin_next();
	if (hand.writer->notify)
		loop_timer_arm(hand.writer->timer, 0);
	hand.writer->notify = false;
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

static void hand_over(uint64_t index, enum online_type word)
{
	struct request *request = &hand.requests[hand.handed];

	kernel_agent_went_on();
	memset(request, 0, sizeof(*request));
	request->index = (unsigned)index;
	request->word = word;
	request->handed_usec = sim.now_usec;
	request->identity = kernel.blocks[index].identity;
	request->was_there = kernel.blocks[index].present || kernel.blocks[index].listed;
	hand.handed++;
	begin_next();
	sim_point("hands a write over", 5);
}

void writer_write_state(struct writer *writer, uint64_t index, enum online_type word)
{
	hand.writer = writer;
	writer->notify = false;
	hand_over(index, word);
}

void writer_probe(struct writer *writer, uint64_t address)
{
	writer_write_state(writer, address / SIM_BLOCK_BYTES, ONLINE_TYPE_NONE);
}

void writer_write_next(struct writer *writer, uint64_t index, enum online_type word)
{
	(void)writer;
	hand_over(index, word);
}

size_t writer_withdraw(struct writer *writer)
{
	unsigned begun = hand.over + (hand.busy ? 1 : 0);
	size_t count = hand.handed - begun;

	(void)writer;
	hand.handed = begun;
	return count;
}

static bool is_enough(void)
{
	return hand.over && (hand.handed - hand.over <= 2 || has_failed());
}

static void wait_for_results(uint64_t usec)
{
	uint64_t until = sim.now_usec + usec;

	while (hand.busy && !is_enough() && sim.now_usec < until)
		sim_pass((hand.due_usec < until ? hand.due_usec : until) - sim.now_usec);
}

bool writer_take(struct writer *writer, unsigned msec, int *result,
		 struct sysfs_text *after)
{
	(void)writer;
	wait_for_results(msec * 1000ull);
	if (!hand.over)
		return false;
	*result = hand.requests[0].result;
	*after = hand.requests[0].after;
	if (*result < 0)
		hand.handed = hand.over;
	hand.over--;
	hand.handed--;
	memmove(&hand.requests[0], &hand.requests[1],
		hand.handed * sizeof(hand.requests[0]));
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
	uint64_t until = sim.now_usec + 1000000;

	if (!writer)
		return;
	writer_withdraw(writer);
	while (hand.busy && sim.now_usec < until)
		sim_pass((hand.due_usec < until ? hand.due_usec : until) - sim.now_usec);
	hand.writer = NULL;
	loop_timer_remove(writer->timer);
	free(writer);
}

uint64_t writer_sum(void)
{
	uint64_t sum = (uint64_t)hand.busy << 8 | (uint64_t)(hand.writer != NULL) << 9 |
		       (uint64_t)hand.over << 16 | (uint64_t)hand.handed << 24;
	unsigned i;

	for (i = 0; i < hand.handed; i++)
		sum = sum * 31 + (hand.requests[i].index << 8 | hand.requests[i].word);
	return sum;
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

/* What the kernel has in hand it finishes. */
void writer_agent_gone(void)
{
	workers++;
	working = NULL;
	hand.writer = NULL;
	if (hand.busy)
		hand.requests[0] = hand.requests[hand.over];
	hand.over = 0;
	hand.handed = hand.busy ? 1 : 0;
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
