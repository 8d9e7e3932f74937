/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/intent.h"

#include <stdlib.h>
#include <string.h>

#define INTENT_MAGIC 0x33544e4c4e4f4d4dull /* changes with every layout */
#define BOOT_ID_SIZE 37
#define REMEMBERED                                                            \
	(BLOCK_MARK_WAS_ONLINE | BLOCK_MARK_ADDED | BLOCK_MARK_PLACED_BY_US | \
	 BLOCK_MARK_REZONING)

/* In a key, where BLOCK_MARK_FAILED, which is not remembered, leaves its bit free. */
#define KEY_UNREPORTED 2
/* Stored in the bit of BLOCK_MARK_RETRYING, which is never stored itself. */
#define KEY_OFFLINE_REPORTED 4
#define KEY_NODE_MAX 0xffff
#define KEY_INDEX_MAX (UINT64_MAX >> 24)

struct value {
	char expected[INTENT_VALUE_SIZE];
	char intended[INTENT_VALUE_SIZE]; /* "": no write under way */
	char found[INTENT_VALUE_SIZE]; /* "": nothing of ours is there */
};

/*
 * Its key makes or forgets a slot: 0 where it is free. None lies in two pages: a process that is
 * killed while it stores many leaves whole ones.
 */
#define SLOT_SIZE 16
struct slot {
	uint64_t identity;
	uint64_t key; /* (index + 1) << 24 | (node + 1) << 8 | marks and KEY_… */
} __attribute__((aligned(SLOT_SIZE)));

struct header {
	uint64_t magic;
	char boot_id[BOOT_ID_SIZE];
	struct value values[INTENT_SETTINGS];
	uint64_t count; /* slots that were ever used */
} __attribute__((aligned(SLOT_SIZE)));

struct intent {
	struct header *header;
	struct slot *slots;
	size_t max;
	size_t hint; /* no free slot below */
	const struct store *store; /* NULL: nobody keeps the memory */
	/* Until intent_release stores them: slots from `first` up to `end`, and the count. */
	struct {
		bool is_on, count;
		size_t first, end;
	} hold;
};

size_t intent_size(size_t blocks)
{
	return sizeof(struct header) + blocks * sizeof(struct slot);
}

/* Text that ends, and that can be logged and written to the kernel. */
static bool is_text(const char value[INTENT_VALUE_SIZE])
{
	size_t i;

	for (i = 0; i < INTENT_VALUE_SIZE && value[i]; i++)
		if (value[i] < ' ' || value[i] > '~')
			return false;
	return i < INTENT_VALUE_SIZE;
}

static bool usable(const struct intent *intent, const char *boot_id)
{
	const struct header *header = intent->header;
	unsigned i;

	if (header->magic != INTENT_MAGIC || header->count > intent->max || !*boot_id ||
	    strncmp(header->boot_id, boot_id, BOOT_ID_SIZE) != 0)
		return false;
	for (i = 0; i < INTENT_SETTINGS; i++)
		if (!is_text(header->values[i].expected) ||
		    !is_text(header->values[i].intended) ||
		    !is_text(header->values[i].found))
			return false;
	return true;
}

struct intent *intent_attach(void *memory, size_t bytes, const char *boot_id)
{
	struct intent *intent = calloc(1, sizeof(*intent));

	if (!intent)
		return NULL;
	intent->header = memory;
	intent->slots = (struct slot *)(intent->header + 1);
	intent->max = (bytes - sizeof(struct header)) / sizeof(struct slot);
	if (usable(intent, boot_id))
		return intent;
	memset(intent->header, 0, sizeof(*intent->header));
	memcpy(intent->header->boot_id, boot_id, strnlen(boot_id, BOOT_ID_SIZE - 1));
	intent->header->magic = INTENT_MAGIC;
	return intent;
}

void intent_keep_in(struct intent *intent, const struct store *store)
{
	intent->store = store;
	store_keep(store, intent->header, sizeof(*intent->header));
}

void intent_free(struct intent *intent)
{
	free(intent);
}

static uint64_t key_of(const struct block *block)
{
	int64_t node = (int64_t)block->node + 1;

	if (node < 0 || node > KEY_NODE_MAX)
		node = 0;
	return (block->index + 1) << 24 | (uint64_t)node << 8 |
	       (block->marks & REMEMBERED) | (block->unreported ? KEY_UNREPORTED : 0) |
	       (block->offline_reported ? KEY_OFFLINE_REPORTED : 0);
}

static uint64_t index_of(const struct slot *slot)
{
	return (slot->key >> 24) - 1;
}

static void take_key(struct block *block, uint64_t key)
{
	block->marks = (uint8_t)key & REMEMBERED;
	block->unreported = (key & KEY_UNREPORTED) != 0;
	block->offline_reported = (key & KEY_OFFLINE_REPORTED) != 0;
}

/* --- what is stored */

void intent_hold(struct intent *intent)
{
	intent->hold.is_on = true;
	intent->hold.count = false;
	intent->hold.first = intent->max;
	intent->hold.end = 0;
}

static void keep_count(struct intent *intent)
{
	if (intent->hold.is_on)
		intent->hold.count = true;
	else
		store_keep(intent->store, &intent->header->count,
			   sizeof(intent->header->count));
}

/* The slots first: one beyond the count is nobody's. */
void intent_release(struct intent *intent)
{
	size_t first = intent->hold.first, end = intent->hold.end;

	intent->hold.is_on = false;
	if (first < end)
		store_keep(intent->store, &intent->slots[first],
			   (end - first) * sizeof(struct slot));
	if (intent->hold.count)
		keep_count(intent);
}

void intent_store_held(struct intent *intent)
{
	if (!intent->hold.is_on)
		return;
	intent_release(intent);
	intent_hold(intent);
}

/* true: `slot` is stored by intent_release, with others. */
static bool hold_slot(struct intent *intent, const struct slot *slot)
{
	size_t number = (size_t)(slot - intent->slots);

	if (!intent->hold.is_on)
		return false;
	if (number < intent->hold.first)
		intent->hold.first = number;
	if (number >= intent->hold.end)
		intent->hold.end = number + 1;
	return true;
}

static void set_key(struct intent *intent, struct slot *slot, uint64_t key)
{
	slot->key = key;
	if (!hold_slot(intent, slot))
		store_keep(intent->store, &slot->key, sizeof(slot->key));
}

static void set_identity(struct intent *intent, struct slot *slot, uint64_t identity)
{
	if (slot->identity == identity)
		return;
	/* Whoever is killed in between has stored that the slot is free. */
	if (slot->key)
		set_key(intent, slot, 0);
	slot->identity = identity;
	if (!hold_slot(intent, slot))
		store_keep(intent->store, &slot->identity, sizeof(slot->identity));
}

static void free_slot(struct intent *intent, size_t number)
{
	set_key(intent, &intent->slots[number], 0);
	if (number < intent->hint)
		intent->hint = number;
}

void intent_recall(struct intent *intent, struct snapshot *snapshot)
{
	size_t i;

	intent_hold(intent);
	for (i = 0; i < intent->header->count; i++) {
		const struct slot *slot = &intent->slots[i];
		struct block *block;

		if (!slot->key)
			continue;
		block = snapshot_find(snapshot, index_of(slot));
		if (!block) /* its removal is to be reported first */
			continue;
		if (!slot->identity || block->identity != slot->identity || block->slot) {
			free_slot(intent, i);
			continue;
		}
		take_key(block, slot->key);
		block->slot = (uint32_t)i + 1;
	}
	intent_release(intent);
}

static bool take_slot(struct intent *intent, struct block *block)
{
	size_t i = intent->hint;

	while (i < intent->header->count && intent->slots[i].key)
		i++;
	intent->hint = i;
	if (i == intent->max)
		return false;
	intent->hint++;
	if (i == intent->header->count) {
		if (intent->slots[i].key)
			set_key(intent, &intent->slots[i], 0);
		intent->header->count++;
		keep_count(intent);
	}
	block->slot = (uint32_t)i + 1;
	return true;
}

bool intent_remember(struct intent *intent, struct block *block)
{
	uint64_t key = key_of(block);
	struct slot *slot;

	if (block->index >= KEY_INDEX_MAX || (!block->slot && !take_slot(intent, block)))
		return false;
	slot = &intent->slots[block->slot - 1];
	if (slot->key == key && slot->identity == block->identity)
		return true;
	set_identity(intent, slot, block->identity);
	set_key(intent, slot, key);
	return true;
}

void intent_forget(struct intent *intent, struct block *block)
{
	if (block->slot)
		free_slot(intent, block->slot - 1);
	block->slot = 0;
}

int intent_gone(const struct intent *intent, const struct snapshot *snapshot,
		struct snapshot *gone)
{
	size_t i;
	int r = 0;

	for (i = 0; i < intent->header->count && r == 0; i++) {
		const struct slot *slot = &intent->slots[i];
		struct block block;

		if (!slot->key || snapshot_find(snapshot, index_of(slot)))
			continue;
		memset(&block, 0, sizeof(block));
		block.index = index_of(slot);
		block.node = (int32_t)(slot->key >> 8 & KEY_NODE_MAX) - 1;
		take_key(&block, slot->key);
		r = snapshot_add_block(gone, &block);
	}
	return r;
}

void intent_forget_gone(struct intent *intent, const struct snapshot *snapshot)
{
	size_t i;

	intent_hold(intent);
	for (i = 0; i < intent->header->count; i++) {
		const struct slot *slot = &intent->slots[i];
		const struct block *block;

		if (!slot->key)
			continue;
		block = snapshot_find(snapshot, index_of(slot));
		if (!block || block->slot != i + 1)
			free_slot(intent, i);
	}
	intent_release(intent);
}

/* --- the kernel's settings */

/* By one write, within the file's first page: whole or not at all. */
static void set(const struct intent *intent, char target[INTENT_VALUE_SIZE],
		const char *text)
{
	size_t len = strnlen(text, INTENT_VALUE_SIZE - 1);

	memset(target, 0, INTENT_VALUE_SIZE);
	memcpy(target, text, len);
	store_keep(intent->store, target, INTENT_VALUE_SIZE);
}

const char *intent_expected(const struct intent *intent, enum intent_setting setting)
{
	return intent->header->values[setting].expected;
}

const char *intent_found(const struct intent *intent, enum intent_setting setting)
{
	const char *found = intent->header->values[setting].found;

	return *found ? found : NULL;
}

bool intent_setting_changed(struct intent *intent, enum intent_setting setting,
			    const char *text)
{
	struct value *value = &intent->header->values[setting];

	if (!*value->expected)
		set(intent, value->expected, text);
	return strcmp(text, value->expected) != 0 &&
	       (!*value->intended || strcmp(text, value->intended) != 0);
}

void intent_change_begin(struct intent *intent, enum intent_setting setting,
			 const char *found, const char *text)
{
	struct value *value = &intent->header->values[setting];

	set(intent, value->intended, text);
	if (!*value->found)
		set(intent, value->found, found);
}

void intent_change_done(struct intent *intent, enum intent_setting setting)
{
	struct value *value = &intent->header->values[setting];

	if (!*value->intended)
		return;
	set(intent, value->expected, value->intended);
	set(intent, value->intended, "");
}

void intent_change_seen(struct intent *intent, enum intent_setting setting,
			const char *text)
{
	if (strcmp(intent->header->values[setting].intended, text) == 0)
		intent_change_done(intent, setting);
}

void intent_change_failed(struct intent *intent, enum intent_setting setting)
{
	struct value *value = &intent->header->values[setting];

	set(intent, value->intended, "");
	/* memonlined wrote nothing else there: the value found is the expected one. */
	if (strcmp(value->expected, value->found) == 0 || !*value->expected)
		set(intent, value->found, "");
}

void intent_change_over(struct intent *intent, enum intent_setting setting,
			const char *text)
{
	struct value *value = &intent->header->values[setting];

	set(intent, value->expected, text);
	set(intent, value->intended, "");
	set(intent, value->found, "");
}
