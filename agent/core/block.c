/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/block.h"

#include <string.h>

static const char *const states[BLOCK_STATES] = { "absent", "offline", "going-offline",
						  "online", "unreadable" };
static const char *const words[ONLINE_TYPES] = { "none", "online", "online_kernel",
						 "online_movable", "offline" };
static const char *const zones[BLOCK_ZONES] = { "unknown", "DMA",     "DMA32", "Normal",
						"HighMem", "Movable", "Device" };

const char *block_state_word(enum block_state state)
{
	return state < BLOCK_STATES ? states[state] : states[BLOCK_UNREADABLE];
}

const char *online_type_text(enum online_type word)
{
	return word < ONLINE_TYPES ? words[word] : words[ONLINE_TYPE_NONE];
}

const char *block_zone_word(enum block_zone zone)
{
	return zone < BLOCK_ZONES ? zones[zone] : zones[BLOCK_ZONE_UNKNOWN];
}

enum block_state block_state_reported(enum block_state state)
{
	return state == BLOCK_GOING_OFFLINE ? BLOCK_ONLINE : state;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t' || c == '\r';
}

/* The next word from *text on; returns its length, 0 at the end. */
static size_t next_word(const char **text, const char *end)
{
	const char *word = *text;
	size_t len = 0;

	while (word < end && is_space(*word))
		word++;
	while (word + len < end && word[len] && !is_space(word[len]))
		len++;
	*text = word;
	return len;
}

/* The index of the word in `table` from `first` on, or -1. */
static int find_word(const char *const *table, int first, int count, const char *word,
		     size_t len)
{
	int i;

	for (i = first; i < count; i++)
		if (strlen(table[i]) == len && memcmp(table[i], word, len) == 0)
			return i;
	return -1;
}

enum block_state block_state_parse(const char *text, size_t len)
{
	const char *end = text + len;
	size_t size = next_word(&text, end);
	/* "absent" and "unreadable" are ours, no kernel writes them */
	int found = find_word(states, BLOCK_OFFLINE, BLOCK_ONLINE + 1, text, size);

	return found < 0 ? BLOCK_UNREADABLE : (enum block_state)found;
}

bool online_type_parse(const char *text, enum online_type *word)
{
	int found =
		find_word(words, ONLINE_TYPE_ONLINE, ONLINE_TYPES, text, strlen(text));

	if (found < 0)
		return false;
	*word = (enum online_type)found;
	return true;
}

bool block_zone_parse(const char *text, enum block_zone *zone)
{
	int found = find_word(zones, BLOCK_ZONE_DMA, BLOCK_ZONES, text, strlen(text));

	if (found < 0)
		return false;
	*zone = (enum block_zone)found;
	return true;
}

void block_zones_parse(struct block *block, const char *text, size_t len)
{
	const char *end = text + len;
	size_t size;

	block->zone_count = 0;
	memset(block->zones, BLOCK_ZONE_UNKNOWN, sizeof(block->zones));
	while ((size = next_word(&text, end)) > 0 &&
	       block->zone_count < BLOCK_ZONES_MAX) {
		int found = find_word(zones, BLOCK_ZONE_DMA, BLOCK_ZONES, text, size);

		if (found >= 0)
			block->zones[block->zone_count++] = (uint8_t)found;
		text += size;
	}
}

enum block_zone block_zone_now(const struct block *block)
{
	/*
	 * While a block goes offline, valid_zones is out of date; more than one zone is
	 * not an answer.
	 */
	if (block->state != BLOCK_ONLINE || block->zone_count != 1)
		return BLOCK_ZONE_UNKNOWN;
	return (enum block_zone)block->zones[0];
}

static enum block_zone zone_known(const struct block *block)
{
	if (block->state != BLOCK_GOING_OFFLINE || block->zone_count != 1)
		return block_zone_now(block);
	return (enum block_zone)block->zones[0];
}

bool block_same_zone(const struct block *a, const struct block *b)
{
	enum block_zone zone_a = zone_known(a), zone_b = zone_known(b);

	return zone_a == zone_b || zone_a == BLOCK_ZONE_UNKNOWN ||
	       zone_b == BLOCK_ZONE_UNKNOWN;
}

bool block_zone_suits(enum online_type word, enum block_zone zone)
{
	if (zone == BLOCK_ZONE_UNKNOWN)
		return true;
	switch (word) {
	case ONLINE_TYPE_ONLINE_MOVABLE:
		return zone == BLOCK_ZONE_MOVABLE;
	case ONLINE_TYPE_ONLINE_KERNEL:
		return zone != BLOCK_ZONE_MOVABLE;
	case ONLINE_TYPE_NONE:
	case ONLINE_TYPE_ONLINE:
	case ONLINE_TYPE_OFFLINE:
	case ONLINE_TYPES:
		break;
	}
	return true;
}
