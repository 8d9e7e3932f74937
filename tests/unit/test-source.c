/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/source-private.h"

#define BLOCK "/devices/system/memory/memory32"

struct message {
	const char *text;
	bool passes;
};

/* As the kernel begins them; what follows the path is of no interest to the filter. */
static const struct message messages[] = {
	{ "", false },
	{ "a", false },
	{ "add@", false },
	{ "add@/devices/system/memory/", false },
	{ "add@/devices/system/cpu/cpu1/cache", false },
	{ "add@/devices/system/memory-tier/tier4", false },
	{ "add@/devices/virtual/memory_tiering/m", false },
	{ "add/devices/system/memory/memory32", false },
	{ "libudev\0@" BLOCK, false },
	{ "change@/devices/pci0000:00/0000:00:01.0", false },
	{ "offline@/devices/system/cpu/cpu1", false },
	{ "add@/devices/LNXSYSTM:00/LNXSYBUS:00/QEMUVGID:00", false },
	{ "online@/devices/LNXSYSTM:00/LNXSYBUS:00/QEMUVGID:00", false },
	{ "add@/devices/platform/vmgenid", false },
	{ "change@/devices/pci0000:00/LNXSYSTM:00", false },
	{ "change@/devices/LNXSYSTM:00/LNXSYBUS:00/QEMUVGID:00", true },
	{ "change@/devices/platform/vmgenid", true },
	{ "something@" BLOCK, false },
	{ "add@" BLOCK, true },
	{ "remove@" BLOCK, true },
	{ "online@" BLOCK, true },
	{ "change@" BLOCK, true },
	{ "offline@" BLOCK, true },
};

static void lets_only_memory_through(void **state)
{
	char bytes[256];
	int ends[2];
	size_t i;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	assert_int_equal(source_filter_memory(ends[1]), 0);
	for (i = 0; i < sizeof(messages) / sizeof(messages[0]); i++) {
		const char *text = messages[i].text;
		ssize_t len = (ssize_t)strlen(text);

		/*
		 * On a socket of this kind the sender of a filtered message gets an
		 * error.
		 */
		send(ends[0], text, (size_t)len, MSG_DONTWAIT);
		assert_int_equal(recv(ends[1], bytes, sizeof(bytes), MSG_DONTWAIT),
				 messages[i].passes ? len : -1);
	}
	close(ends[0]);
	close(ends[1]);
}

/* --- what is not wanted */

/* Begun as udevd begins its own: a name, numbers, then the properties. */
#define UDEVD "libudev\0\xfe\xed\xca\xfe(\0\0\0(\0\0\0"
#define EVENT(action, block, number) \
	"ACTION=" action "\0DEVPATH=" block "\0SUBSYSTEM=memory\0SEQNUM=" number "\0"

static bool is_new(const struct uevent *event, void *data)
{
	return event->action == UEVENT_REMOVE || !event->seqnum ||
	       event->seqnum > *(uint64_t *)data;
}

#define MESSAGE(text)                  \
	{                              \
		text, sizeof(text) - 1 \
	}

static void drops_what_is_not_wanted(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} queue[] = {
		MESSAGE(UDEVD EVENT("add", BLOCK, "7")),
		MESSAGE("no message at all"),
		MESSAGE(UDEVD "ACTION=add\0DEVPATH=" BLOCK
			      "\0SUBSYSTEM=memory\0SEQNUM=7"),
		MESSAGE(UDEVD EVENT("online", BLOCK, "9")),
		MESSAGE(UDEVD EVENT("remove", BLOCK, "8")),
		MESSAGE(UDEVD EVENT("add", BLOCK, "10")),
		MESSAGE("add@" BLOCK "\0" EVENT("add", BLOCK, "")),
		MESSAGE(UDEVD EVENT("add", "/devices/system/cpu/cpu1", "7")),
	};
	static const size_t left[] = { 1, 2, 4, 5, 6, 7 };
	struct source source = { .name = "fake" };
	uint64_t known = 9;
	char bytes[512];
	int ends[2];
	size_t i;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	source.fd = ends[1];
	source_set_wanted(&source, is_new, &known);
	assert_int_equal(source_skip_unwanted(&source), 0);
	for (i = 0; i < sizeof(queue) / sizeof(queue[0]); i++)
		assert_int_equal(send(ends[0], queue[i].bytes, queue[i].len, 0),
				 queue[i].len);
	for (i = 0; i < sizeof(left) / sizeof(left[0]); i++) {
		size_t len = queue[left[i]].len;

		assert_int_equal(source_skip_unwanted(&source), 1);
		/* Asking again takes nothing away. */
		assert_int_equal(source_skip_unwanted(&source), 1);
		assert_int_equal(recv(ends[1], bytes, sizeof(bytes), MSG_DONTWAIT), len);
		assert_memory_equal(bytes, queue[left[i]].bytes, len);
	}
	assert_int_equal(source_skip_unwanted(&source), 0);
	close(ends[0]);
	assert_int_equal(close(ends[1]), 0);
	assert_int_equal(source_skip_unwanted(&source), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drops_what_is_not_wanted),
		cmocka_unit_test(lets_only_memory_through),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
