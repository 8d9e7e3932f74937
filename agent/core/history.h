/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_HISTORY_H
#define MEMONLINE_HISTORY_H

/*
 * What is remembered of a memory block from one snapshot to the next: its marks, its
 * identity, when it was refused first and seen online last, and whether a report about it
 * is missing. No other file writes these members of struct block (`make check` compares);
 * core/intent keeps those that the next memonlined of this boot needs.
 */

#include "core/contract.h"
#include "core/intent.h"
#include "core/report.h"
#include "core/snapshot.h"

struct history {
	struct intent *intent; /* the caller's; NULL: nothing outlives this process */
	bool is_dry_run; /* nothing is stored */
	bool is_full; /* a block could not be stored for lack of room */
	bool any_gone; /* what is stored about removed blocks is kept for their reports */
};

/*
 * Between the two nothing is stored, and then all of it at once (intent_hold). For the results of
 * writes: while the journal has marks of them, and before somebody is answered.
 */
void history_hold(struct history *history) _nonnull_(1);
void history_release(struct history *history) _nonnull_(1);
/* Where nothing is stored now: stores what there is so far. */
void history_store_held(struct history *history) _nonnull_(1);

/* The block as it was when it was last read; ABSENT where it never was. Accepts NULL. */
struct block history_known(const struct block *block);

/* --- a new snapshot, in this order */

/* Gives each block what is remembered of it in `before`; time grows as count. */
void history_inherit(struct snapshot *snapshot, const struct snapshot *before)
	_nonnull_(1);
/*
 * Whether the block's identity has to be read. Another block may stand under its number, the removal
 * unheard: it is offline now, or online by others' hand, and its directory is another. What cannot be
 * read yet is known again by its directory alone. `old`: the block in the snapshot before, or NULL;
 * `is_first`: there is no snapshot before.
 */
bool history_in_doubt(const struct block *block, const struct block *old, bool is_first)
	_nonnull_(1);
/*
 * Takes what sysfs_identity says; 0 is no answer. true: another block than the one before, of
 * which nothing is remembered any more. `seqnum` is that of its snapshot.
 */
bool history_identify(struct history *history, struct block *block, uint64_t identity,
		      uint64_t seqnum) _nonnull_(1);
/*
 * Another block may have taken its place and been brought online, all between two snapshots: its
 * identity is in doubt until it is read.
 */
void history_doubt(struct block *block) _nonnull_(1);
/* The same for all that are online: news of any of them may be lost. */
void history_doubt_all(struct snapshot *snapshot) _nonnull_(1);
/* The first snapshot of this process: what the agent before it stored, where there is an intent. */
void history_recall(struct history *history, struct snapshot *snapshot) _nonnull_(1);
/*
 * Fills `gone`, which is empty before, with the blocks that the previous memonlined knew
 * and that are not in `snapshot`: number, node, last known state, and what is reported of
 * them. 0 or -ENOMEM.
 */
int history_recall_gone(struct history *history, const struct snapshot *snapshot,
			struct snapshot *gone) _must_check_ _nonnull_(1);
/* Online by somebody else's hand, and the journal says nothing of that; false: it does now. */
void history_set_unreported(struct block *block, bool unreported) _nonnull_(1);
/* What an unreadable block was when the journal was written. */
void history_set_known(struct block *block, enum block_state state) _nonnull_(1);
/* Brings what is remembered up to date with the states of `next`; `before` is NULL at first. */
void history_update(struct history *history, struct snapshot *next,
		    const struct snapshot *before) _nonnull_(1);
/* The block alone was read, after the event `seqnum`: removals up to it are of an earlier block. */
void history_seen(struct block *block, uint64_t seqnum) _nonnull_(1);
/* A report is in the journal about all blocks but those that are in `held`. */
void history_reported(struct history *history, struct snapshot *snapshot,
		      const struct report_builder *held) _nonnull_(1);

/* --- one block */

/* It is gone; what is stored of it stays until its removal is reported (history_reported). */
void history_forget(struct history *history, struct block *block) _nonnull_(1);
/* It is online: refusals on the way no longer count. */
void history_note_online(struct history *history, struct block *block) _nonnull_(1);
/*
 * Another program put it into another zone after memonlined did: memonlined may move it
 * once more, and then never again, so that the two do not take turns for ever.
 */
void history_lose_zone(struct block *block) _nonnull_(1);

/* --- writes */

/*
 * The write of `word` has returned, and the block was read: others may have brought online what was
 * to go offline. `before`: as it was. The first of these calls.
 */
void history_read_back(struct block *block, const struct block *before,
		       enum online_type word) _nonnull_(1, 2);
/*
 * The write of `word` is over, without a retry; `error` is what it returned. That it failed since the
 * block was removed says nothing of the next one with its number.
 */
void history_written(struct history *history, struct block *block, enum online_type word,
		     int error, const struct report_range *result) _nonnull_(1);
/* It was refused, and will be tried again. `now_sec` is monotonic, never 0. */
void history_put_off(struct block *block, uint32_t now_sec) _nonnull_(1);
/* Nobody wants it any longer. */
void history_stop_retry(struct block *block) _nonnull_(1);
/* The zone was refused: any will do. */
void history_fall_back(struct block *block) _nonnull_(1);
/* Something has happened: every refused block gets another chance. */
void history_forgive(struct snapshot *snapshot) _nonnull_(1);
/* The pause is over for those that were put off. Since when they are waited for is kept. */
void history_retry(struct snapshot *snapshot) _nonnull_(1);
/* Another policy: forgives, and asks for its zones again. */
void history_new_policy(struct snapshot *snapshot) _nonnull_(1);
/* A report says how it came to be as it is, or did when it was so the last time. */
void history_told(struct block *block) _nonnull_(1);
/* The same of one that is offline and stays so; that report may be the first of it. */
void history_told_offline(struct block *block) _nonnull_(1);
/* Whether any block has all these marks. */
bool history_any(const struct snapshot *snapshot, uint8_t marks) _nonnull_(1);

/* --- somebody's wishes */

/* It is offline as somebody asked by name. */
void history_wanted_offline(struct history *history, struct block *block) _nonnull_(1);
/* It is offline though nobody wants that: the policy is to try from now on. */
void history_left_offline(struct history *history, struct block *block) _nonnull_(1);
/* memonlined begins to move it to another zone: offline, then online. */
void history_begin_move(struct history *history, struct block *block) _nonnull_(1);
/* The move is over. `written`: to this block; `moved`: all of the DIMM is off. */
void history_end_move(struct history *history, struct block *block, bool written,
		      bool moved) _nonnull_(1);

#endif
