/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/text.h"
#include "io/log.h"

#define MANY 20000 /* lines: more than a socket or a pipe holds */

struct fixture {
	int before; /* stderr */
	int reader; /* the other end of stderr, or syslog's daemon */
	char directory[64], path[80]; /* of its socket */
};

static int set_up(void **state)
{
	struct fixture *fixture = test_alloc(sizeof(*fixture));

	fixture->before = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
	fixture->reader = -1;
	strcpy(fixture->directory, "/tmp/memonline-test-XXXXXX");
	assert_non_null(mkdtemp(fixture->directory));
	snprintf(fixture->path, sizeof(fixture->path), "%s/log", fixture->directory);
	log_set_syslog(fixture->path);
	*state = fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	unsetenv("JOURNAL_STREAM");
	dup2(fixture->before, STDERR_FILENO);
	close(fixture->before);
	if (fixture->reader >= 0)
		close(fixture->reader);
	unlink(fixture->path);
	rmdir(fixture->directory);
	log_set_syslog("/dev/log");
	log_open("test", CONFIG_LOG_STDERR, CONFIG_LOG_INFO, true);
	free(fixture);
	return 0;
}

static void become_stderr(struct fixture *fixture, int reader, int writer)
{
	assert_int_equal(dup2(writer, STDERR_FILENO), STDERR_FILENO);
	close(writer);
	assert_true(fcntl(reader, F_SETFL, O_NONBLOCK) == 0);
	fixture->reader = reader;
}

/* stderr becomes a stream to the journal, as a service manager makes it. */
static void open_journal(struct fixture *fixture)
{
	struct stat status;
	char stream[64];
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	become_stderr(fixture, ends[0], ends[1]);
	assert_int_equal(fstat(STDERR_FILENO, &status), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)status.st_dev,
		 (unsigned long long)status.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_open("test", CONFIG_LOG_AUTO, CONFIG_LOG_INFO, true);
}

static void open_pipe(struct fixture *fixture)
{
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	become_stderr(fixture, ends[0], ends[1]);
	log_open("test", CONFIG_LOG_AUTO, CONFIG_LOG_INFO, true);
}

static void start_syslogd(struct fixture *fixture, int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", fixture->path);
	unlink(address.sun_path);
	if (fixture->reader >= 0)
		close(fixture->reader);
	fixture->reader = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
	assert_int_equal(
		bind(fixture->reader, (struct sockaddr *)&address, sizeof(address)), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fixture->reader, 1), 0);
}

static void open_syslog(struct fixture *fixture)
{
	start_syslogd(fixture, SOCK_DGRAM);
	log_open("test", CONFIG_LOG_AUTO, CONFIG_LOG_INFO, false);
}

/* All that was logged so far; each record of a socket ends as a line does. */
static void drain(const struct fixture *fixture, struct text *text)
{
	char bytes[4096];
	ssize_t len;

	text_clear(text);
	text_puts(text, "");
	while ((len = read(fixture->reader, bytes, sizeof(bytes))) > 0) {
		text_append(text, bytes, (size_t)len);
		if (bytes[len - 1] != '\n' && len < (ssize_t)sizeof(bytes))
			text_puts(text, "\n");
	}
}

static int lines_of(const struct text *text)
{
	const char *at = text->data;
	int lines = 0;

	for (; at && (at = strchr(at, '\n')); at++)
		lines++;
	return lines;
}

/* What follows the time of one record of syslog. */
static const char *said(const struct text *text)
{
	const char *found = strstr(text->data, " test[");
	char beginning[32];

	assert_non_null(found);
	snprintf(beginning, sizeof(beginning), " test[%d]: ", (int)getpid());
	assert_memory_equal(found, beginning, strlen(beginning));
	return found + strlen(beginning);
}

/* A reader that is stopped stops nobody who logs. */
static void logs_to_one_that_is_stopped(const struct fixture *fixture, const char *warned,
					const char *informed)
{
	struct text text = TEXT_INIT;
	char expected[64];
	int i, lines;

	for (i = 0; i < MANY; i++)
		log_info("line %d of many, each of them long enough to fill a pipe", i);
	drain(fixture, &text);
	lines = lines_of(&text);
	assert_true(lines > 0 && lines < MANY);
	log_info("heard again");
	drain(fixture, &text);
	snprintf(expected, sizeof(expected), "lines lost before this one: %d\n",
		 MANY - lines);
	assert_int_equal(lines_of(&text), 2);
	assert_non_null(strstr(text.data, expected));
	assert_memory_equal(text.data, warned, strlen(warned));
	assert_memory_equal(strchr(text.data, '\n') + 1, informed, strlen(informed));
	assert_non_null(strstr(text.data, "heard again\n"));
	log_info("nothing was lost since");
	drain(fixture, &text);
	assert_int_equal(lines_of(&text), 1);
	text_free(&text);
}

static void waits_for_no_journal(void **state)
{
	open_journal(*state);
	logs_to_one_that_is_stopped(*state, "<4>", "<6>");
}

static void waits_for_no_pipe(void **state)
{
	open_pipe(*state);
	logs_to_one_that_is_stopped(*state, "test: ", "test: ");
}

static void waits_for_no_syslogd(void **state)
{
	open_syslog(*state);
	logs_to_one_that_is_stopped(*state, "<28>", "<30>");
}

static void says_how_urgent_a_line_is(void **state)
{
	struct text text = TEXT_INIT;

	open_journal(*state);
	log_error("an error\n<0>of two lines");
	log_debug("nothing");
	drain(*state, &text);
	assert_string_equal(text.data, "<3>an error?<0>of two lines\n");
	text_free(&text);
}

static void speaks_as_syslog_does(void **state)
{
	struct text text = TEXT_INIT;
	char *end;

	open_syslog(*state);
	log_warning("a\tb");
	drain(*state, &text);
	assert_memory_equal(text.data, "<28>", 4);
	/* Mmm dd hh:mm:ss */
	assert_true(text.data[7] == ' ' && text.data[10] == ' ' && text.data[13] == ':');
	assert_in_range(strtol(text.data + 11, &end, 10), 0, 23);
	assert_ptr_equal(end, text.data + 13);
	assert_ptr_equal(strstr(text.data, " test["), text.data + 19);
	assert_string_equal(said(&text), "a?b\n");
	text_free(&text);
}

static void finds_a_syslogd_that_was_restarted(void **state)
{
	struct fixture *fixture = *state;
	struct text text = TEXT_INIT;

	log_open("test", CONFIG_LOG_SYSLOG, CONFIG_LOG_INFO, true);
	log_info("nobody is there");
	start_syslogd(fixture, SOCK_DGRAM);
	log_info("somebody is there");
	drain(fixture, &text);
	assert_int_equal(lines_of(&text), 2);
	assert_non_null(strstr(text.data, ": lines lost before this one: 1\n"));
	start_syslogd(fixture, SOCK_DGRAM);
	log_info("another one");
	drain(fixture, &text);
	assert_string_equal(said(&text), "another one\n");
	text_free(&text);
}

static void speaks_to_a_syslogd_with_a_stream(void **state)
{
	struct fixture *fixture = *state;
	char bytes[256];
	ssize_t len;
	int fd;

	start_syslogd(fixture, SOCK_STREAM);
	log_open("test", CONFIG_LOG_SYSLOG, CONFIG_LOG_INFO, true);
	log_info("one");
	log_info("two");
	fd = accept(fixture->reader, NULL, NULL);
	assert_true(fd >= 0);
	len = read(fd, bytes, sizeof(bytes));
	assert_true(len > 10);
	assert_memory_equal(bytes + len - 6, ": two", 6);
	assert_ptr_equal(memchr(bytes, 0, (size_t)len), strstr(bytes, ": one") + 5);
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(says_how_urgent_a_line_is),
		TEST(waits_for_no_journal),
		TEST(waits_for_no_pipe),
		TEST(speaks_as_syslog_does),
		TEST(waits_for_no_syslogd),
		TEST(finds_a_syslogd_that_was_restarted),
		TEST(speaks_to_a_syslogd_with_a_stream),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
