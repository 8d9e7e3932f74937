/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "core/command-line.h"

#define NONE COMMAND_LINE_MEMHP_NONE
#define IGNORED COMMAND_LINE_MEMHP_IGNORED
#define IN_FORCE COMMAND_LINE_MEMHP_IN_FORCE

static const struct {
	const char *text;
	const char *found;
	enum command_line_memhp memhp;
} rows[] = {
	{ "", "offline", NONE },
	{ "quiet\n", "offline", NONE },
	{ "quiet xmemhp_default_state=offline\n", "offline", NONE },
	{ "memhp_default_states=offline\n", "offline", NONE },
	{ "memhp_default_state\n", "offline", NONE },
	{ "quiet memhp_default_state=offline\n", "offline", IN_FORCE },
	{ "memhp_default_state=online_movable quiet\n", "online_movable", IN_FORCE },
	{ "memhp-default-state=online", "online", IN_FORCE },
	{ "memhp_default_state=\"online\" x\n", "online", IN_FORCE },
	{ "\"memhp_default_state=online\" x\n", "online", IN_FORCE },
	/* EL6, EL7: there is no such parameter, and no file. */
	{ "memhp_default_state=offline\n", "", IGNORED },
	/* 4.18: a word that it does not know. */
	{ "memhp_default_state=online_movable\n", "offline", IGNORED },
	{ "memhp_default_state=online_movable\n", "online", IGNORED },
	{ "memhp_default_state=on\n", "online", IGNORED },
	{ "memhp_default_state=\n", "offline", IGNORED },
	/* The last one that the kernel knows counts, and the file shows which that is. */
	{ "memhp_default_state=online memhp_default_state=wrong\n", "online", IN_FORCE },
	{ "memhp_default_state=online memhp_default_state=offline\n", "offline",
	  IN_FORCE },
	/* What follows is the first process's. */
	{ "quiet -- memhp_default_state=offline\n", "offline", NONE },
};

static void counts_as_far_as_the_kernel_obeys(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		enum command_line_memhp memhp =
			command_line_memhp(rows[i].text, rows[i].found);

		if (memhp != rows[i].memhp)
			fail_msg("'%s', %s: %d", rows[i].text, rows[i].found, memhp);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(counts_as_far_as_the_kernel_obeys),
	};

	return cmocka_run_group_tests_name("command-line", tests, NULL, NULL);
}
