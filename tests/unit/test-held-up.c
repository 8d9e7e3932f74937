/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A kernel that does not come back from a write: the loop goes on, and all is well once it does. */
#include "agent-fixture.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/agent-private.h"
#include "daemon/commands.h"
#include "io/log.h"
#include "io/worker.h"

#define FIRST 32
#define BLOCKS 4
#define HELD "memory33/state"
#define OFFLINING 40 /* somebody takes it offline meanwhile */
#define OFTEN_MSEC 10
#define PATIENCE_MSEC 60000

struct slow_kernel {
	struct fixture fixture;
	const char *held; /* the file that writes wait at */
	int gate[2]; /* a byte in it lets one write pass */
	bool ran_out; /* nobody read the result: the one who should have waited for it */
	unsigned rounds; /* of the loop, while the write was held up */
	struct agent_held_up seen;
	size_t marks, pending; /* meanwhile: in the journal, in the plan */
	struct text explained; /* meanwhile */
	struct loop_timer *often;
	bool open;
};

static long slow_write(void *data, const char *name, const char *bytes, size_t len,
		       struct sysfs_text *after)
{
	struct slow_kernel *slow = data;
	struct pollfd gate = { .fd = slow->gate[0], .events = POLLIN };
	char byte;

	if (strcmp(name, slow->held) == 0 &&
	    (poll(&gate, 1, PATIENCE_MSEC) != 1 || read(gate.fd, &byte, 1) != 1))
		slow->ran_out = true;
	return fake_kernel_operations.write(slow->fixture.kernel, name, bytes, len,
					    after);
}

static long slow_read(void *data, const char *name, char *buffer, size_t size)
{
	struct slow_kernel *slow = data;

	return fake_kernel_operations.read(slow->fixture.kernel, name, buffer, size);
}

static int slow_list(void *data, void (*entry)(const char *name, void *user), void *user)
{
	struct slow_kernel *slow = data;

	return fake_kernel_operations.list(slow->fixture.kernel, entry, user);
}

static uint64_t slow_identify(void *data, const char *name)
{
	struct slow_kernel *slow = data;

	return fake_kernel_operations.identify(slow->fixture.kernel, name);
}

static const struct sysfs_operations slow_operations = { slow_read, slow_write, slow_list,
							 slow_identify };

/* What a host would do while the write is held up; then the kernel comes back. */
static void meanwhile(void *data)
{
	struct slow_kernel *slow = data;
	struct agent *agent = slow->fixture.agent;
	const struct uevent own = { UEVENT_ONLINE, FIRST + 1, 0 };
	const struct uevent others = { UEVENT_ONLINE, FIRST + 2, 0 };
	const struct protocol_request why = { .command = PROTOCOL_EXPLAIN,
					      .index = FIRST };

	loop_timer_arm(slow->often, OFTEN_MSEC);
	if (slow->open)
		return;
	slow->rounds++;
	assert_int_equal(agent_look(agent)->count, BLOCKS + 1);
	agent_wake(agent);
	if (!agent_held_up(agent, &slow->seen))
		return;
	commands_run(agent, &why, &slow->explained, NULL, NULL);
	/* What is in hand is read again anyway. */
	assert_false(events_wanted(&own, agent));
	assert_true(events_wanted(&others, agent));
	slow->marks = journal_mark_count(slow->fixture.edges.journal);
	slow->pending = agent_pending(agent);
	slow->open = true;
	assert_int_equal(write(slow->gate[1], "x", 1), 1);
}

static void on_reported(void *data)
{
	struct slow_kernel *slow = data;

	loop_quit(slow->fixture.edges.loop);
}

static void open_slow(struct slow_kernel *slow, const char *held)
{
	struct fixture *fixture = &slow->fixture;

	memset(slow, 0, sizeof(*slow));
	log_open("test", CONFIG_LOG_STDERR, CONFIG_LOG_ERROR, true);
	slow->held = held;
	assert_int_equal(pipe(slow->gate), 0);
	fixture->kernel = fake_kernel_new(64);
	config_defaults(&fixture->config);
	fixture->config.policy = CONFIG_POLICY_ONLINE;
	fixture->edges.loop = loop_new();
	fixture->edges.sysfs = sysfs_new(&slow_operations, slow);
	fixture->edges.root = root_open("/nonexistent");
	fixture->edges.journal = journal_new("test", 64, 4096);
	fixture->edges.reported = on_reported;
	fixture->edges.data = slow;
	slow->often = loop_timer_add(fixture->edges.loop, meanwhile, slow);
	loop_timer_arm(slow->often, OFTEN_MSEC);
	fake_kernel_add(fixture->kernel, OFFLINING, 1, BLOCK_GOING_OFFLINE);
}

static void close_slow(struct slow_kernel *slow)
{
	struct fixture *fixture = &slow->fixture;

	agent_free(fixture->agent);
	loop_timer_remove(slow->often);
	loop_free(fixture->edges.loop);
	journal_free(fixture->edges.journal);
	sysfs_close(fixture->edges.sysfs);
	root_close(fixture->edges.root);
	fake_kernel_free(fixture->kernel);
	close(slow->gate[0]);
	close(slow->gate[1]);
	text_free(&slow->explained);
}

static void check_all_online(const struct slow_kernel *slow)
{
	size_t i;

	assert_false(slow->ran_out);
	assert_true(slow->rounds > 1);
	assert_int_equal(slow->seen.index, FIRST + 1);
	assert_true(slow->seen.elapsed_usec > 0);
	/* The two behind it wait in the plan: who is killed now has not begun them. */
	assert_int_equal(slow->marks, 2);
	assert_int_equal(slow->pending, BLOCKS - 2);
	for (i = FIRST; i < FIRST + BLOCKS; i++)
		assert_int_equal(slow->fixture.kernel->blocks[i].state, BLOCK_ONLINE);
}

static void the_loop_goes_on_while_a_write_is_held_up(void **state)
{
	static struct slow_kernel slow;
	struct agent_held_up none;

	(void)state;
	open_slow(&slow, HELD);
	fake_kernel_add(slow.fixture.kernel, FIRST, BLOCKS, BLOCK_OFFLINE);
	start(&slow.fixture, false);
	agent_wake(slow.fixture.agent);
	assert_int_equal(loop_run(slow.fixture.edges.loop), 0);
	check_all_online(&slow);
	assert_int_equal(slow.seen.going_offline, OFFLINING);
	assert_string_equal(slow.seen.word, "online");
	assert_non_null(
		strstr(slow.explained.data, "the kernel has held online of memory"));
	assert_non_null(strstr(slow.explained.data, " is being taken offline"));
	assert_false(agent_held_up(slow.fixture.agent, &none));
	/* Each block once, however often the agent was woken meanwhile. */
	assert_int_equal(slow.fixture.kernel->writes, BLOCKS);
	assert_int_equal(first_range(&slow.fixture, 1)->size,
			 BLOCKS * slow.fixture.kernel->block_size_bytes);
	close_slow(&slow);
}

static void nothing_is_said_to_hold_it_up_where_nothing_does(void **state)
{
	static struct slow_kernel slow;
	FILE *log = tmpfile();
	int before = dup(STDERR_FILENO);
	char said[4096];

	(void)state;
	assert_non_null(log);
	open_slow(&slow, HELD);
	log_open("test", CONFIG_LOG_STDERR, CONFIG_LOG_WARNING, true);
	slow.fixture.kernel->blocks[OFFLINING].state = BLOCK_ONLINE;
	fake_kernel_add(slow.fixture.kernel, FIRST, BLOCKS, BLOCK_OFFLINE);
	start(&slow.fixture, false);
	agent_wake(slow.fixture.agent);
	dup2(fileno(log), STDERR_FILENO);
	assert_int_equal(loop_run(slow.fixture.edges.loop), 0);
	dup2(before, STDERR_FILENO);
	close(before);
	rewind(log);
	said[fread(said, 1, sizeof(said) - 1, log)] = '\0';
	fclose(log);
	assert_non_null(strstr(said, "the kernel holds online up"));
	assert_true(slow.seen.going_offline == UINT64_MAX);
	assert_non_null(
		strstr(slow.explained.data, "the kernel has held online of memory"));
	assert_null(strstr(slow.explained.data, " is being taken offline"));
	close_slow(&slow);
}

/* It gets SIGTERM while the kernel holds a write up, and ends in time. */
static void an_end_waits_for_the_write(void **state)
{
	static struct slow_kernel slow;

	(void)state;
	open_slow(&slow, HELD);
	fake_kernel_add(slow.fixture.kernel, FIRST, BLOCKS, BLOCK_OFFLINE);
	start(&slow.fixture, false);
	agent_wake(slow.fixture.agent);
	while (slow.fixture.kernel->writes < 1)
		assert_true(agent_step(slow.fixture.agent));
	assert_true(agent_step(slow.fixture.agent));
	assert_int_equal(write(slow.gate[1], "x", 1), 1);
	agent_free(slow.fixture.agent);
	slow.fixture.agent = NULL;
	assert_false(slow.ran_out);
	assert_int_equal(slow.fixture.kernel->writes, 2);
	close_slow(&slow);
}

struct given_up {
	struct loop *loop;
	int error;
};

static void on_given_up(int error, void *data)
{
	struct given_up *given_up = data;

	given_up->error = error;
	loop_quit(given_up->loop);
}

/* Our own signal ended it, which is not the kernel's answer. */
static void a_write_whose_time_is_over_is_given_up(void **state)
{
	static struct slow_kernel slow;
	struct given_up given_up = { .error = 0 };

	(void)state;
	open_slow(&slow, HELD);
	loop_timer_disarm(slow.often);
	fake_kernel_add(slow.fixture.kernel, FIRST, BLOCKS, BLOCK_ONLINE);
	given_up.loop = slow.fixture.edges.loop;
	assert_non_null(worker_start(given_up.loop, slow.fixture.edges.sysfs, FIRST + 1,
				     ONLINE_TYPE_OFFLINE, 1, on_given_up, &given_up));
	assert_int_equal(loop_run(given_up.loop), 0);
	assert_int_equal(given_up.error, -ETIMEDOUT);
	close_slow(&slow);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_loop_goes_on_while_a_write_is_held_up),
		cmocka_unit_test(nothing_is_said_to_hold_it_up_where_nothing_does),
		cmocka_unit_test(an_end_waits_for_the_write),
		cmocka_unit_test(a_write_whose_time_is_over_is_given_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
