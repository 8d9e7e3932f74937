/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_INTENT_H
#define MEMONLINE_INTENT_H

/*
 * What must be known of this boot after a restart, to leave alone what somebody wanted: which
 * blocks were online, and what the kernel's own settings were before they were changed. It lives
 * in one piece of memory, kept in a file in /run, which is whole whenever the process ends.
 */

#include "core/block.h"
#include "core/contract.h"
#include "core/snapshot.h"
#include "core/store.h"

struct intent;

#define INTENT_VALUE_SIZE 32

/* Settings of the kernel about who brings memory online. */
enum intent_setting {
	INTENT_AUTO_ONLINE, /* auto_online_blocks */
	INTENT_ONLINE_POLICY, /* memory_hotplug.online_policy, from 5.15 on */
	INTENT_MOVABLE_RATIO, /* memory_hotplug.auto_movable_ratio */
	INTENT_NUMA_AWARE, /* memory_hotplug.auto_movable_numa_aware */
	INTENT_SETTINGS
};

/* Bytes of memory for so many blocks. */
size_t intent_size(size_t blocks);
/*
 * Continues with what a memonlined of the same boot left in `memory`; starts from nothing
 * otherwise, and also if the kernel does not identify boots (an empty boot_id). The
 * memory stays the caller's and outlives the intent. NULL on lack of memory.
 */
struct intent *intent_attach(void *memory, size_t bytes,
			     const char *boot_id) _must_check_;
/*
 * From here on `store`, the caller's, keeps the memory. It has what intent_attach was given; what
 * that changed is handed over now.
 */
void intent_keep_in(struct intent *intent, const struct store *store) _nonnull_(1);
void intent_free(struct intent *intent); /* accepts NULL */

/*
 * Between the two the changes of blocks are only in memory; intent_release stores all of them by two
 * stores at most. No effect, and no other pair, comes between.
 */
void intent_hold(struct intent *intent) _nonnull_(1);
void intent_release(struct intent *intent) _nonnull_(1);
/* Between the two: stores what there is so far, for an effect that comes between. */
void intent_store_held(struct intent *intent) _nonnull_(1);

/*
 * Restores what is remembered of the blocks (BLOCK_MARK_WAS_ONLINE, _ADDED, _PLACED_BY_US
 * and _REZONING) and what is reported of them, if the directory is the same:
 * block->identity must be read. If it is another one, all that is dropped. For the first
 * snapshot only.
 */
void intent_recall(struct intent *intent, struct snapshot *snapshot) _nonnull_(1);
/* Remembers the block's marks, node, identity and what of it is reported. false: no room. */
bool intent_remember(struct intent *intent, struct block *block) _nonnull_(1);
void intent_forget(struct intent *intent, struct block *block) _nonnull_(1);
/*
 * Adds to `gone`, in no order, what is remembered of blocks that `snapshot` has not: one number may
 * come twice. 0, or -ENOMEM, and then some are missing.
 */
int intent_gone(const struct intent *intent, const struct snapshot *snapshot,
		struct snapshot *gone) _must_check_ _nonnull_(1);
/* Forgets all that is not remembered of a block in `snapshot`. */
void intent_forget_gone(struct intent *intent, const struct snapshot *snapshot)
	_nonnull_(1);

/* The value that is expected there; "" if it was never read. */
const char *intent_expected(const struct intent *intent, enum intent_setting setting)
	_nonnull_(1);
/* What was there before the first change, or NULL where nothing is changed. */
const char *intent_found(const struct intent *intent, enum intent_setting setting)
	_nonnull_(1);
/*
 * Whether another program changed it. The first read of a setting sets the expected
 * value.
 */
bool intent_setting_changed(struct intent *intent, enum intent_setting setting,
			    const char *text) _nonnull_(1);
/*
 * Around a write: begin before it, done after it. If memonlined ended in between, either
 * value is accepted. `found` is what was read before.
 */
void intent_change_begin(struct intent *intent, enum intent_setting setting,
			 const char *found, const char *text) _nonnull_(1);
void intent_change_done(struct intent *intent, enum intent_setting setting) _nonnull_(1);
/* The write was refused: what an earlier one found stays. */
void intent_change_failed(struct intent *intent, enum intent_setting setting)
	_nonnull_(1);
/* The value is already there: a memonlined that ended in between wrote it. */
void intent_change_seen(struct intent *intent, enum intent_setting setting,
			const char *text) _nonnull_(1);
/* It was written back, or somebody else took it over: nothing of ours is there any more. */
void intent_change_over(struct intent *intent, enum intent_setting setting,
			const char *text) _nonnull_(1);

#endif
