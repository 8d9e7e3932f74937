/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "io/kmsg.h"

#define RECORD                                                 \
	"3,912,5140900,-;acpi PNP0C80:00: add_memory failed\n" \
	" SUBSYSTEM=acpi\n DEVICE=+acpi:PNP0C80:00\n"
#define MESSAGE "acpi PNP0C80:00: add_memory failed\n"
#define MAX 4096

/* A file in the place of the device: all of it is one record. */
static void reads_from_the_oldest_each_time(void **state)
{
	FILE *file = tmpfile();
	struct text text = TEXT_INIT;
	int i;

	(void)state;
	assert_non_null(file);
	assert_int_not_equal(fputs(RECORD, file), EOF);
	assert_int_equal(fflush(file), 0);
	for (i = 0; i < 2; i++) {
		assert_int_equal(kmsg_read(fileno(file), &text, MAX), 0);
		assert_string_equal(text.data, MESSAGE);
	}
	assert_true(fcntl(fileno(file), F_GETFL) & O_NONBLOCK);
	/* The newest half of what is allowed. */
	assert_int_equal(kmsg_read(fileno(file), &text, 16), 0);
	assert_string_equal(text.data, " failed\n");
	text_free(&text);
	fclose(file);
}

static void knows_the_device_and_what_cannot_be_read(void **state)
{
	struct text text = TEXT_INIT;
	int fd = open("/dev/null", O_WRONLY | O_CLOEXEC), pipes[2];

	(void)state;
	assert_true(fd >= 0);
	assert_false(kmsg_is_open(fd));
	assert_false(kmsg_is_open(-1));
	assert_int_equal(kmsg_read(fd, &text, MAX), -EBADF);
	assert_int_equal(kmsg_read(-1, &text, MAX), -EBADF);
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(kmsg_read(pipes[0], &text, MAX), -ESPIPE);
	close(pipes[0]);
	close(pipes[1]);
	close(fd);
	text_free(&text);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_from_the_oldest_each_time),
		cmocka_unit_test(knows_the_device_and_what_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
