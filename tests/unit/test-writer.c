/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Several writes handed over at once: in their order, and none behind one that failed. */
#include "test.h"

#include "io/writer.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MSEC 60000
#define FIRST 32
#define ROUNDS 2000

struct slow {
	struct loop *loop;
	struct sysfs *sysfs;
	struct writer *writer;
	int gate[2]; /* a byte in it lets one write pass */
	bool is_open; /* all pass */
	uint64_t refused; /* this block's */
	char written[256]; /* "memory32/state memory33/state ", by the writer's thread */
	unsigned called;
};

static long slow_write(void *data, const char *name, const char *bytes, size_t len,
		       struct sysfs_text *after)
{
	struct slow *slow = data;
	struct pollfd gate = { .fd = slow->gate[0], .events = POLLIN };
	char byte, refused[64];
	size_t at = strlen(slow->written);

	(void)bytes;
	if (!slow->is_open &&
	    (poll(&gate, 1, PATIENCE_MSEC) != 1 || read(gate.fd, &byte, 1) != 1))
		abort();
	if (at + 32 < sizeof(slow->written))
		snprintf(slow->written + at, sizeof(slow->written) - at, "%s ", name);
	snprintf(refused, sizeof(refused), "memory%u/state", (unsigned)slow->refused);
	after->len = snprintf(after->bytes, sizeof(after->bytes), "%s", name);
	return strcmp(name, refused) == 0 ? -EBUSY : (long)len;
}

static const struct sysfs_operations slow_operations = { .write = slow_write };

static void on_over(void *data)
{
	struct slow *slow = data;

	slow->called++;
	loop_quit(slow->loop);
}

static int setup(void **state)
{
	struct slow *slow = test_alloc(sizeof(*slow));

	assert_int_equal(pipe(slow->gate), 0);
	slow->loop = loop_new();
	slow->sysfs = sysfs_new(&slow_operations, slow);
	slow->writer = writer_new(slow->loop, slow->sysfs, on_over, slow);
	assert_non_null(slow->writer);
	*state = slow;
	return 0;
}

static int teardown(void **state)
{
	struct slow *slow = *state;

	writer_free(slow->writer);
	sysfs_close(slow->sysfs);
	loop_free(slow->loop);
	close(slow->gate[0]);
	close(slow->gate[1]);
	free(slow);
	return 0;
}

static void let_pass(const struct slow *slow, size_t count)
{
	while (count--)
		assert_int_equal(write(slow->gate[1], "x", 1), 1);
}

static void hand_over(struct slow *slow, unsigned count)
{
	unsigned i;

	writer_write_state(slow->writer, FIRST, ONLINE_TYPE_ONLINE);
	for (i = 1; i < count; i++)
		writer_write_next(slow->writer, FIRST + i, ONLINE_TYPE_ONLINE);
}

/* Whether the next result is of this block. */
static int take(struct slow *slow, unsigned index)
{
	struct sysfs_text after;
	char name[64];
	int result = 1;

	assert_true(writer_take(slow->writer, PATIENCE_MSEC, &result, &after));
	snprintf(name, sizeof(name), "memory%u/state", index);
	assert_string_equal(after.bytes, name);
	return result;
}

static void assert_nothing_is_left(struct slow *slow)
{
	struct sysfs_text after;
	int result;

	assert_false(writer_take(slow->writer, 0, &result, &after));
}

static void those_behind_follow_in_their_order(void **state)
{
	struct slow *slow = *state;
	unsigned i;

	hand_over(slow, 1 + WRITER_NEXT_MAX);
	assert_nothing_is_left(slow);
	let_pass(slow, 1 + WRITER_NEXT_MAX);
	for (i = 0; i <= WRITER_NEXT_MAX; i++)
		assert_int_equal(take(slow, FIRST + i), 0);
	assert_nothing_is_left(slow);
	assert_string_equal(slow->written, "memory32/state memory33/state memory34/state "
					   "memory35/state memory36/state ");
}

static void none_follows_one_that_failed(void **state)
{
	struct slow *slow = *state;

	slow->refused = FIRST + 1;
	hand_over(slow, 4);
	let_pass(slow, 2);
	assert_int_equal(take(slow, FIRST), 0);
	assert_int_equal(take(slow, FIRST + 1), -EBUSY);
	assert_nothing_is_left(slow);
	/* They are forgotten: what is handed over now is the next. */
	writer_write_state(slow->writer, FIRST + 8, ONLINE_TYPE_ONLINE);
	let_pass(slow, 1);
	assert_int_equal(take(slow, FIRST + 8), 0);
	assert_string_equal(slow->written,
			    "memory32/state memory33/state memory40/state ");
}

/* Also where the thread has not begun it: who waits for it would wait for ever. */
static void the_oldest_is_never_withdrawn(void **state)
{
	struct slow *slow = *state;
	unsigned round;

	slow->is_open = true;
	for (round = 0; round < ROUNDS; round++) {
		size_t withdrawn, i;

		hand_over(slow, 3);
		withdrawn = writer_withdraw(slow->writer);
		assert_true(withdrawn <= 2);
		for (i = 0; i < 3 - withdrawn; i++)
			assert_int_equal(take(slow, FIRST + (unsigned)i), 0);
		assert_nothing_is_left(slow);
	}
}

static void what_has_begun_is_not_withdrawn(void **state)
{
	struct slow *slow = *state;

	/* With two left a result is given. */
	hand_over(slow, 3);
	let_pass(slow, 1);
	assert_int_equal(take(slow, FIRST), 0);
	assert_int_equal(writer_withdraw(slow->writer), 1);
	let_pass(slow, 1);
	assert_int_equal(take(slow, FIRST + 1), 0);
	assert_nothing_is_left(slow);
}

static void the_loop_is_called_for_a_result(void **state)
{
	struct slow *slow = *state;

	hand_over(slow, 2);
	writer_notify(slow->writer);
	let_pass(slow, 1);
	assert_int_equal(loop_run(slow->loop), 0);
	assert_int_equal(take(slow, FIRST), 0);
	let_pass(slow, 1);
	assert_int_equal(take(slow, FIRST + 1), 0);
	/* It has no result to be called for but those that follow. */
	assert_int_equal(slow->called, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(those_behind_follow_in_their_order),
		TEST(none_follows_one_that_failed),
		TEST(the_oldest_is_never_withdrawn),
		TEST(what_has_begun_is_not_withdrawn),
		TEST(the_loop_is_called_for_a_result),
	};

	return cmocka_run_group_tests_name("writer", tests, NULL, NULL);
}
