/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/place.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define NUMBER_MAX_LEN 32

static const struct {
	const char *word;
	const char *expected;
} kinds[PLACE_KINDS] = {
	[PLACE_RANGE] = { "range", "[range START+SIZE], as in 0x100000000+512M" },
	[PLACE_OWNER] = { "owner", "[owner NAME], as in owner System RAM (kmem)" },
	[PLACE_NODE] = { "node", "[node NUMBER], as in node 1" },
};

static const struct {
	char letter;
	unsigned shift;
} units[] = { { 'K', 10 }, { 'M', 20 }, { 'G', 30 }, { 'T', 40 } };

static bool shift_of(const char *suffix, unsigned *shift)
{
	size_t i;

	*shift = 0;
	if (!*suffix)
		return true;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].letter == suffix[0])
			*shift = units[i].shift;
	return *shift && !suffix[1];
}

static bool parse_number(const char *text, size_t len, uint64_t *number)
{
	char copy[NUMBER_MAX_LEN];
	unsigned long long value;
	unsigned shift;
	char *end;

	if (!len || len >= sizeof(copy) || text[0] < '0' || text[0] > '9')
		return false;
	memcpy(copy, text, len);
	copy[len] = '\0';
	errno = 0;
	/* No octal: a leading zero is one. */
	value = strtoull(copy, &end, copy[1] == 'x' ? 16 : 10);
	if (errno || !shift_of(end, &shift) || value > UINT64_MAX >> shift)
		return false;
	*number = value << shift;
	return true;
}

static bool parse_range(struct place *place, const char *text, size_t len)
{
	const char *plus = memchr(text, '+', len);
	size_t start_len = plus ? (size_t)(plus - text) : len;

	return plus && parse_number(text, start_len, &place->start) &&
	       parse_number(plus + 1, len - start_len - 1, &place->size) && place->size &&
	       place->start <= UINT64_MAX - (place->size - 1);
}

static bool parse_owner(struct place *place, const char *text, size_t len)
{
	if (len >= sizeof(place->owner) || len < 10 ||
	    memcmp(text, "System RAM", 10) != 0)
		return false;
	memcpy(place->owner, text, len);
	return true;
}

static bool parse_node(struct place *place, const char *text, size_t len)
{
	uint64_t number;

	if (!parse_number(text, len, &number) || number > INT16_MAX)
		return false;
	place->node = (int)number;
	return true;
}

static bool parse_value(struct place *place, const char *text, size_t len)
{
	switch (place->kind) {
	case PLACE_RANGE:
		return parse_range(place, text, len);
	case PLACE_OWNER:
		return parse_owner(place, text, len);
	case PLACE_NODE:
		return parse_node(place, text, len);
	case PLACE_KINDS:
		break;
	}
	return false;
}

const char *place_parse(struct place *place, const char *name, size_t len)
{
	unsigned i;

	for (i = 0; i < PLACE_KINDS; i++) {
		size_t word_len = strlen(kinds[i].word);
		struct place found;

		memset(&found, 0, sizeof(found));
		found.kind = (enum place_kind)i;
		if (len < word_len || memcmp(name, kinds[i].word, word_len) != 0)
			continue;
		if (len <= word_len + 1 || name[word_len] != ' ' ||
		    !parse_value(&found, name + word_len + 1, len - word_len - 1))
			return kinds[i].expected;
		*place = found;
		return NULL;
	}
	return "";
}

void place_put(const struct place *place, struct text *text)
{
	text_printf(text, "%s ", kinds[place->kind].word);
	switch (place->kind) {
	case PLACE_RANGE:
		text_printf(text, "0x%" PRIx64 "+0x%" PRIx64, place->start, place->size);
		break;
	case PLACE_OWNER:
		text_puts(text, place->owner);
		break;
	case PLACE_NODE:
		text_printf(text, "%d", place->node);
		break;
	case PLACE_KINDS:
		break;
	}
}

bool place_collides(const struct place *a, const struct place *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case PLACE_RANGE:
		return a->start <= b->start + (b->size - 1) &&
		       b->start <= a->start + (a->size - 1);
	case PLACE_OWNER:
		return strcmp(a->owner, b->owner) == 0;
	case PLACE_NODE:
		return a->node == b->node;
	case PLACE_KINDS:
		break;
	}
	return false;
}

bool place_holds(const struct place *place, const struct snapshot *snapshot,
		 const struct block *block)
{
	const struct snapshot_resource *resource;
	uint64_t address = block->index * snapshot->block_size_bytes;

	switch (place->kind) {
	case PLACE_RANGE:
		return address >= place->start && address - place->start < place->size;
	case PLACE_OWNER:
		resource = snapshot_resource_of(snapshot, block);
		return resource && strcmp(resource->owner, place->owner) == 0;
	case PLACE_NODE:
		return block->node == place->node;
	case PLACE_KINDS:
		break;
	}
	return false;
}
