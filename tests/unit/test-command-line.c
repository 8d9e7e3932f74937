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
	/* EL6 and EL7 have neither the parameter nor the file. */
	{ "memhp_default_state=offline\n", "", IGNORED },
	/* 4.18: a value that it does not know. */
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

static void finds_where_memory_ends(void **state)
{
	static const struct {
		const char *text;
		uint64_t limit;
	} limits[] = {
		{ "", UINT64_MAX },
		{ " \n", UINT64_MAX },
		{ "ro quiet", UINT64_MAX },
		{ "mem=2G", 2ull << 30 },
		{ "ro mem=2g quiet\n", 2ull << 30 },
		{ "ro\tmem=4096M\n", 4ull << 30 },
		{ "mem=524288k", 512ull << 20 },
		{ "mem=0x80000000", 2ull << 30 },
		{ "mem=1T", 1ull << 40 },
		{ "mem=1073741824", 1ull << 30 },
		/* the last one counts */
		{ "mem=2G mem=3G", 3ull << 30 },
		{ "mem=2G mem=0 mem=nopentium", 2ull << 30 },
		/* other words, and what is not a size */
		{ "hugemem=2G mem2=1G xmem=1G memmap=2G$4G", UINT64_MAX },
		{ "mem=nopentium", UINT64_MAX },
		{ "mem=", UINT64_MAX },
		{ "mem=-1G", UINT64_MAX },
		{ "mem", UINT64_MAX },
		{ "mem=99999999999999999999999", UINT64_MAX },
		{ "mem=18446744073709551615E", UINT64_MAX },
		/* for the first process */
		{ "ro -- mem=2G", UINT64_MAX },
		{ "mem=2G -- mem=3G", 2ull << 30 },
		{ "--x mem=2G", 2ull << 30 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		if (command_line_memory_limit(limits[i].text) != limits[i].limit)
			fail_msg("'%s': 0x%llx", limits[i].text,
				 (unsigned long long)command_line_memory_limit(
					 limits[i].text));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_where_memory_ends),
		cmocka_unit_test(counts_as_far_as_the_kernel_obeys),
	};

	return cmocka_run_group_tests_name("command-line", tests, NULL, NULL);
}
