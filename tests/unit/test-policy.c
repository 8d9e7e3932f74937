/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include "core/policy.h"

/* The table of memonlined.conf(5), row by row. */
static const struct {
	enum config_policy policy;
	enum block_state state;
	uint8_t marks;
	enum block_word word;
	enum reason reason;
} rows[] = {
	/* What no policy touches comes first. */
	{ CONFIG_POLICY_ONLINE, BLOCK_ABSENT, 0, BLOCK_WORD_NONE,
	  REASON_STATE_UNREADABLE },
	{ CONFIG_POLICY_ONLINE, BLOCK_UNREADABLE, 0, BLOCK_WORD_NONE,
	  REASON_STATE_UNREADABLE },
	{ CONFIG_POLICY_ONLINE, BLOCK_GOING_OFFLINE, 0, BLOCK_WORD_NONE,
	  REASON_GOING_OFFLINE },
	{ CONFIG_POLICY_ONLINE, BLOCK_ONLINE, 0, BLOCK_WORD_NONE, REASON_ALREADY_ONLINE },
	{ CONFIG_POLICY_KEEP, BLOCK_ONLINE, 0, BLOCK_WORD_NONE, REASON_ALREADY_ONLINE },
	{ CONFIG_POLICY_ONLINE, BLOCK_OFFLINE, BLOCK_MARK_WAS_ONLINE, BLOCK_WORD_NONE,
	  REASON_OFFLINED_ELSEWHERE },
	{ CONFIG_POLICY_ONLINE, BLOCK_OFFLINE, BLOCK_MARK_WAS_ONLINE | BLOCK_MARK_FAILED,
	  BLOCK_WORD_NONE, REASON_OFFLINED_ELSEWHERE },
	{ CONFIG_POLICY_KEEP, BLOCK_OFFLINE, 0, BLOCK_WORD_NONE, REASON_POLICY_KEEP },
	{ CONFIG_POLICY_ONLINE, BLOCK_OFFLINE, 0, BLOCK_WORD_ONLINE, REASON_POLICY },
	{ CONFIG_POLICY_ONLINE_KERNEL, BLOCK_OFFLINE, 0, BLOCK_WORD_ONLINE_KERNEL,
	  REASON_POLICY },
	{ CONFIG_POLICY_ONLINE_MOVABLE, BLOCK_OFFLINE, 0, BLOCK_WORD_ONLINE_MOVABLE,
	  REASON_POLICY },
};

static void decides_as_the_table_says(void **state)
{
	struct snapshot snapshot = SNAPSHOT_INIT;
	struct config config;
	size_t i;

	(void)state;
	config_defaults(&config);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct policy_verdict verdict = { BLOCK_WORD_OFFLINE, REASONS };
		struct block block = { .index = 32,
				       .state = (uint8_t)rows[i].state,
				       .marks = rows[i].marks };

		config.policy = rows[i].policy;
		policy_decide(&config, &snapshot, &block, &verdict);
		assert_int_equal(verdict.word, rows[i].word);
		assert_int_equal(verdict.reason, rows[i].reason);
	}
}

static void keeps_the_reason_of_a_refusal(void **state)
{
	struct block block = { .state = BLOCK_OFFLINE,
			       .marks = BLOCK_MARK_FAILED,
			       .reason = REASON_UNCHANGED };
	struct snapshot snapshot = SNAPSHOT_INIT;
	struct policy_verdict verdict;
	struct config config;

	(void)state;
	config_defaults(&config);
	policy_decide(&config, &snapshot, &block, &verdict);
	assert_int_equal(verdict.word, BLOCK_WORD_NONE);
	assert_int_equal(verdict.reason, REASON_UNCHANGED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decides_as_the_table_says),
		cmocka_unit_test(keeps_the_reason_of_a_refusal),
	};

	return cmocka_run_group_tests_name("policy", tests, NULL, NULL);
}
