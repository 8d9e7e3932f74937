/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

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

		/* What is filtered out is refused to a sender on a socket of this kind. */
		send(ends[0], text, (size_t)len, MSG_DONTWAIT);
		assert_int_equal(recv(ends[1], bytes, sizeof(bytes), MSG_DONTWAIT),
				 messages[i].passes ? len : -1);
	}
	close(ends[0]);
	close(ends[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lets_only_memory_through),
	};

	return cmocka_run_group_tests_name("source", tests, NULL, NULL);
}
