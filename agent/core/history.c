/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/history.h"

#include <string.h>

static void set(struct block *block, uint8_t marks)
{
	block->marks |= marks;
}

static void clear(struct block *block, uint8_t marks)
{
	block->marks &= (uint8_t)~marks;
}

static bool has(const struct block *block, uint8_t marks)
{
	return (block->marks & marks) == marks;
}

/* Also one that somebody has begun to take offline. */
static bool is_online(const struct block *block)
{
	return block_state_reported((enum block_state)block->state) == BLOCK_ONLINE;
}

static void store(struct history *history, struct block *block)
{
	if (!history->intent || history->is_dry_run ||
	    intent_remember(history->intent, block))
		return;
	history->is_full = true;
}

/* What changes of many blocks is stored by one write. */
void history_hold(struct history *history)
{
	if (history->intent)
		intent_hold(history->intent);
}

void history_release(struct history *history)
{
	if (history->intent)
		intent_release(history->intent);
}

void history_store_held(struct history *history)
{
	if (history->intent)
		intent_store_held(history->intent);
}

struct block history_known(const struct block *block)
{
	struct block known;

	memset(&known, 0, sizeof(known));
	if (!block)
		return known;
	known = *block;
	if (block->state == BLOCK_UNREADABLE)
		known.state = block->known;
	return known;
}

/* --- a new snapshot */

/* Its valid_zones says by now where it could go; it is still where it was. */
static void keep_zone(struct block *block, const struct block *before)
{
	block->zone_count = before->zone_count;
	memcpy(block->zones, before->zones, sizeof(block->zones));
}

static void inherit(struct block *block, const struct block *before)
{
	if (block->state == BLOCK_GOING_OFFLINE && is_online(before))
		keep_zone(block, before);
	block->marks = before->marks;
	block->reason = before->reason;
	block->retry_since_sec = before->retry_since_sec;
	block->known_seqnum = before->known_seqnum;
	block->identity = before->identity;
	block->identity_seqnum = before->identity_seqnum;
	block->is_doubted = before->is_doubted;
	block->is_told = before->is_told;
	block->slot = before->slot;
	block->unreported = before->unreported;
	block->offline_reported = before->offline_reported;
	if (block->state == BLOCK_UNREADABLE)
		block->known = history_known(before).state;
}

void history_inherit(struct snapshot *snapshot, const struct snapshot *before)
{
	size_t i, old = 0;

	for (i = 0; i < snapshot->count; i++) {
		struct block *block = &snapshot->blocks[i];

		while (old < before->count && before->blocks[old].index < block->index)
			old++;
		if (old == before->count)
			break;
		if (before->blocks[old].index == block->index)
			inherit(block, &before->blocks[old]);
	}
}

bool history_in_doubt(const struct block *block, const struct block *old, bool is_first)
{
	if (block->state == BLOCK_UNREADABLE)
		return is_first;
	return !block->identity || block->is_doubted || block->state == BLOCK_OFFLINE ||
	       (old && old->state != block->state);
}

bool history_identify(struct history *history, struct block *block, uint64_t identity,
		      uint64_t seqnum)
{
	bool is_another = block->identity != 0;

	if (!identity)
		return false;
	block->identity_seqnum = seqnum;
	block->is_doubted = false;
	if (identity == block->identity)
		return false;
	if (is_another)
		history_forget(history, block);
	block->identity = identity;
	return is_another;
}

void history_doubt(struct block *block)
{
	block->is_doubted = true;
}

void history_doubt_all(struct snapshot *snapshot)
{
	size_t i;

	for (i = 0; i < snapshot->count; i++)
		if (snapshot->blocks[i].state == BLOCK_ONLINE)
			history_doubt(&snapshot->blocks[i]);
}

/* The agent before this one ended while it moved a DIMM: nobody else took these offline. */
static void resume_move(struct block *block)
{
	if (!has(block, BLOCK_MARK_REZONING))
		return;
	if (block->state == BLOCK_OFFLINE) {
		clear(block, BLOCK_MARK_WAS_ONLINE);
		set(block, BLOCK_MARK_PLACED_BY_US);
	}
	clear(block, BLOCK_MARK_REZONING);
}

void history_recall(struct history *history, struct snapshot *snapshot)
{
	size_t i;

	if (!history->intent)
		return;
	intent_recall(history->intent, snapshot);
	for (i = 0; i < snapshot->count; i++) {
		struct block *block = &snapshot->blocks[i];

		resume_move(block);
		/* The journal may know better. */
		if (block->state == BLOCK_UNREADABLE && block->slot)
			block->known = has(block, BLOCK_MARK_WAS_ONLINE) ? BLOCK_ONLINE
									 : BLOCK_OFFLINE;
	}
}

int history_recall_gone(struct history *history, const struct snapshot *snapshot,
			struct snapshot *gone)
{
	size_t i;
	int r = history->intent ? intent_gone(history->intent, snapshot, gone) : 0;

	for (i = 0; i < gone->count; i++) {
		struct block *block = &gone->blocks[i];
		bool was_online = has(block, BLOCK_MARK_WAS_ONLINE) &&
				  !block->offline_reported;

		block->state = was_online ? BLOCK_ONLINE : BLOCK_OFFLINE;
	}
	/* Where it fails there is another try: nothing is forgotten before that. */
	if (r == 0 && gone->count)
		history->any_gone = true;
	snapshot_sort(gone);
	return r;
}

void history_set_unreported(struct block *block, bool unreported)
{
	block->unreported = unreported;
}

void history_set_known(struct block *block, enum block_state state)
{
	block->known = (uint8_t)state;
}

/* It came, or this is the first that could be read of it, and it is offline. */
static bool is_added(const struct block *block, const struct block *old, bool is_first)
{
	if (is_first)
		return block->state == BLOCK_OFFLINE;
	return !old || old->state == BLOCK_ABSENT ||
	       (block->state == BLOCK_OFFLINE &&
		history_known(old).state == BLOCK_ABSENT);
}

/*
 * Not by a write of ours. The report about it is written when the events have ended, and until then
 * the next memonlined must know that it is missing.
 */
static void note_onlined(struct block *block, const struct block *before)
{
	struct block known = history_known(before);

	if (is_online(block) && !is_online(&known))
		block->unreported = true;
}

static void update(struct history *history, struct block *block, const struct block *old,
		   bool is_first, uint64_t seqnum)
{
	if (is_online(block)) {
		set(block, BLOCK_MARK_WAS_ONLINE);
		block->offline_reported = false;
	}
	if (is_added(block, old, is_first))
		set(block, BLOCK_MARK_ADDED);
	if (is_first || block->state != BLOCK_OFFLINE || is_added(block, old, is_first))
		block->known_seqnum = seqnum;
	/* Those of a write of ours are in `before` already. */
	if (!is_first)
		note_onlined(block, old);
	/* Its identity may be known only now; what is stored already costs nothing. */
	if (block->marks || block->slot)
		store(history, block);
}

void history_update(struct history *history, struct snapshot *next,
		    const struct snapshot *before)
{
	size_t i;

	history_hold(history);
	for (i = 0; i < next->count; i++) {
		struct block *block = &next->blocks[i];
		const struct block *old = before ? snapshot_find(before, block->index)
						 : NULL;

		update(history, block, old, !before, next->uevent_seqnum);
	}
	history_release(history);
}

void history_seen(struct block *block, uint64_t seqnum)
{
	block->known_seqnum = seqnum;
}

void history_reported(struct history *history, struct snapshot *snapshot,
		      const struct report_builder *held)
{
	uint64_t unit = snapshot->block_size_bytes;
	size_t i;

	history_hold(history);
	for (i = 0; i < snapshot->count; i++) {
		struct block *block = &snapshot->blocks[i];
		bool is_off = block->state == BLOCK_OFFLINE &&
			      (block->marks & BLOCK_MARK_WAS_ONLINE);

		if ((!block->unreported && block->offline_reported == is_off) ||
		    report_builder_has(held, block->index * unit))
			continue;
		block->unreported = false;
		block->offline_reported = is_off;
		store(history, block);
	}
	history_release(history);
	if (history->any_gone && !held->count && history->intent &&
	    !history->is_dry_run) {
		intent_forget_gone(history->intent, snapshot);
		history->any_gone = false;
	}
}

/* --- one block */

static void forget(struct block *block)
{
	block->slot = 0;
	block->identity = 0;
	block->marks = 0;
	block->unreported = false;
	block->offline_reported = false;
	block->is_told = false;
	block->reason = REASON_NONE;
}

void history_forget(struct history *history, struct block *block)
{
	forget(block);
	history->any_gone = true;
}

void history_note_online(struct history *history, struct block *block)
{
	block->marks &= BLOCK_MARK_ADDED | BLOCK_MARK_PLACED_BY_US | BLOCK_MARK_REZONING |
			BLOCK_MARK_ZONE_LOST;
	set(block, BLOCK_MARK_WAS_ONLINE);
	store(history, block);
}

void history_lose_zone(struct block *block)
{
	if (!has(block, BLOCK_MARK_PLACED_BY_US) || has(block, BLOCK_MARK_ZONE_LOST))
		return;
	clear(block, BLOCK_MARK_PLACED_BY_US);
	set(block, BLOCK_MARK_ZONE_LOST);
}

/* --- writes */

void history_read_back(struct block *block, const struct block *before,
		       enum online_type word)
{
	/* What a write has brought online has its mark in the journal. */
	if (word == ONLINE_TYPE_OFFLINE)
		note_onlined(block, before);
}

void history_written(struct history *history, struct block *block, enum online_type word,
		     int error, const struct report_range *result)
{
	clear(block, BLOCK_MARK_RETRYING);
	if (is_online(block)) {
		if (error == 0)
			set(block, BLOCK_MARK_PLACED_BY_US);
		else if (result->reason == REASON_ZONE_DIFFERS)
			history_lose_zone(block);
		history_note_online(history, block);
	} else if (result->result == REPORT_FAILED && word != ONLINE_TYPE_OFFLINE &&
		   block->state != BLOCK_ABSENT) {
		set(block, BLOCK_MARK_FAILED);
	}
}

void history_put_off(struct block *block, uint32_t now_sec)
{
	if (!has(block, BLOCK_MARK_RETRYING))
		block->retry_since_sec = now_sec;
	set(block, BLOCK_MARK_FAILED | BLOCK_MARK_RETRYING);
}

void history_stop_retry(struct block *block)
{
	clear(block, BLOCK_MARK_RETRYING);
}

void history_fall_back(struct block *block)
{
	set(block, BLOCK_MARK_FALLBACK);
}

void history_forgive(struct snapshot *snapshot)
{
	size_t i;

	for (i = 0; i < snapshot->count; i++)
		clear(&snapshot->blocks[i], BLOCK_MARK_FAILED);
}

void history_retry(struct snapshot *snapshot)
{
	size_t i;

	for (i = 0; i < snapshot->count; i++)
		if (has(&snapshot->blocks[i], BLOCK_MARK_RETRYING))
			clear(&snapshot->blocks[i], BLOCK_MARK_FAILED);
}

void history_new_policy(struct snapshot *snapshot)
{
	size_t i;

	for (i = 0; i < snapshot->count; i++)
		clear(&snapshot->blocks[i], BLOCK_MARK_FALLBACK | BLOCK_MARK_FAILED);
}

void history_told(struct block *block)
{
	block->is_told = true;
}

void history_told_offline(struct block *block)
{
	/* Until the journal has it: whoever finds the block online later is to report that it came. */
	if (!block->is_told)
		block->unreported = true;
	history_told(block);
}

bool history_any(const struct snapshot *snapshot, uint8_t marks)
{
	size_t i;

	for (i = 0; i < snapshot->count; i++)
		if (has(&snapshot->blocks[i], marks))
			return true;
	return false;
}

/* --- somebody's wishes */

void history_wanted_offline(struct history *history, struct block *block)
{
	set(block, BLOCK_MARK_WAS_ONLINE);
	clear(block, BLOCK_MARK_RETRYING | BLOCK_MARK_FAILED);
	/* It may never have been online: whoever finds it so later is to report that it came. */
	if (!block->is_told)
		block->unreported = true;
	store(history, block);
}

void history_left_offline(struct history *history, struct block *block)
{
	clear(block, BLOCK_MARK_WAS_ONLINE | BLOCK_MARK_FAILED | BLOCK_MARK_PLACED_BY_US);
	store(history, block);
}

void history_begin_move(struct history *history, struct block *block)
{
	set(block, BLOCK_MARK_REZONING);
	store(history, block);
}

void history_end_move(struct history *history, struct block *block, bool written,
		      bool moved)
{
	clear(block, BLOCK_MARK_REZONING);
	/* Also one that could not be brought back: nobody took it off on purpose. */
	if (written && block->state == BLOCK_OFFLINE)
		clear(block, BLOCK_MARK_WAS_ONLINE | BLOCK_MARK_FAILED);
	/* A DIMM that refused is not asked again, also not by way of its other blocks. */
	if (written || (!moved && block->state == BLOCK_ONLINE))
		set(block, BLOCK_MARK_PLACED_BY_US);
	store(history, block);
}
