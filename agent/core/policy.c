/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/policy.h"

static const enum block_word policy_words[] = {
	[CONFIG_POLICY_ONLINE] = BLOCK_WORD_ONLINE,
	[CONFIG_POLICY_ONLINE_KERNEL] = BLOCK_WORD_ONLINE_KERNEL,
	[CONFIG_POLICY_ONLINE_MOVABLE] = BLOCK_WORD_ONLINE_MOVABLE,
	[CONFIG_POLICY_KEEP] = BLOCK_WORD_NONE,
};

/* Why a block is left alone whatever the policy says, or REASON_NONE. */
static enum reason settled(const struct block *block)
{
	switch ((enum block_state)block->state) {
	case BLOCK_ONLINE:
		return REASON_ALREADY_ONLINE;
	case BLOCK_GOING_OFFLINE:
		return REASON_GOING_OFFLINE;
	case BLOCK_OFFLINE:
		break;
	case BLOCK_ABSENT:
	case BLOCK_UNREADABLE:
	case BLOCK_STATES:
		return REASON_STATE_UNREADABLE;
	}
	if (block->marks & BLOCK_MARK_WAS_ONLINE)
		return REASON_OFFLINED_ELSEWHERE;
	/* Its reason is the refusal's, and stays. */
	return block->marks & BLOCK_MARK_FAILED ? (enum reason)block->reason
						: REASON_NONE;
}

void policy_decide(const struct config *config, const struct snapshot *snapshot,
		   const struct block *block, struct policy_verdict *verdict)
{
	(void)snapshot;
	verdict->word = BLOCK_WORD_NONE;
	verdict->reason = settled(block);
	if (verdict->reason != REASON_NONE)
		return;
	verdict->reason = REASON_POLICY_KEEP;
	if (config->policy == CONFIG_POLICY_KEEP)
		return;
	verdict->word = policy_words[config->policy];
	verdict->reason = REASON_POLICY;
}
