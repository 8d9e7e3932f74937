/* SPDX-License-Identifier: GPL-2.0-or-later */

/* What a command answers. */

#include "agent-fixture.h"

#include <string.h>

#include "daemon/commands.h"

/* How many memonline-get-ranges lists. */
static int count_ranges(struct fixture *fixture)
{
	const struct protocol_request request = { .command = PROTOCOL_GET_RANGES };
	struct text out = TEXT_INIT;
	const char *at;
	int count = 0;

	assert_int_equal(commands_run(fixture->agent, &request, &out, NULL, NULL),
			 COMMANDS_ANSWERED);
	assert_false(out.failed);
	for (at = out.data; (at = strstr(at, "\"start\"")); at++)
		count++;
	text_free(&out);
	return count;
}

static void ranges_end_where_blocks_differ(void **state)
{
	struct fixture *fixture = *state;

	fake_kernel_add(fixture->kernel, 32, 4, BLOCK_OFFLINE);
	start(fixture, false);
	settle(fixture);
	assert_int_equal(count_ranges(fixture), 1);
	fixture->kernel->blocks[33].state = BLOCK_OFFLINE;
	settle(fixture);
	assert_int_equal(count_ranges(fixture), 3);
	fake_kernel_add(fixture->kernel, 40, 1, BLOCK_ONLINE);
	settle(fixture);
	assert_int_equal(count_ranges(fixture), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ranges_end_where_blocks_differ),
	};

	return cmocka_run_group_tests_name("commands", tests, NULL, NULL);
}
