/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/scope.h"

#include <inttypes.h>
#include <string.h>

#include "core/number.h"

static const struct {
	const char *word;
	const char *expected;
} kinds[SCOPE_KINDS] = {
	[SCOPE_RANGE] = { "range", "[range START+SIZE], as in 0x100000000+512M" },
	[SCOPE_OWNER] = { "owner", "[owner NAME], as in owner System RAM (kmem)" },
	[SCOPE_NODE] = { "node", "[node NUMBER], as in node 1" },
};

static bool parse_range(struct scope *scope, const char *text, size_t len)
{
	return number_parse_range(text, len, &scope->start, &scope->size);
}

static bool parse_owner(struct scope *scope, const char *text, size_t len)
{
	if (len >= sizeof(scope->owner) || len < 10 ||
	    memcmp(text, "System RAM", 10) != 0)
		return false;
	memcpy(scope->owner, text, len);
	return true;
}

static bool parse_node(struct scope *scope, const char *text, size_t len)
{
	const char *end = text + len;
	uint64_t number;

	if (!number_take_any(&text, end, &number) || text != end || number > INT16_MAX)
		return false;
	scope->node = (int)number;
	return true;
}

static bool parse_value(struct scope *scope, const char *text, size_t len)
{
	switch (scope->kind) {
	case SCOPE_RANGE:
		return parse_range(scope, text, len);
	case SCOPE_OWNER:
		return parse_owner(scope, text, len);
	case SCOPE_NODE:
		return parse_node(scope, text, len);
	case SCOPE_KINDS:
		break;
	}
	return false;
}

const char *scope_parse(struct scope *scope, const char *name, size_t len)
{
	unsigned i;

	for (i = 0; i < SCOPE_KINDS; i++) {
		size_t word_len = strlen(kinds[i].word);
		struct scope found;

		memset(&found, 0, sizeof(found));
		found.kind = (enum scope_kind)i;
		if (len < word_len || memcmp(name, kinds[i].word, word_len) != 0)
			continue;
		if (len <= word_len + 1 || name[word_len] != ' ' ||
		    !parse_value(&found, name + word_len + 1, len - word_len - 1))
			return kinds[i].expected;
		*scope = found;
		return NULL;
	}
	return "";
}

void scope_put(const struct scope *scope, struct text *text)
{
	text_printf(text, "%s ", kinds[scope->kind].word);
	switch (scope->kind) {
	case SCOPE_RANGE:
		text_printf(text, "0x%" PRIx64 "+0x%" PRIx64, scope->start, scope->size);
		break;
	case SCOPE_OWNER:
		text_puts(text, scope->owner);
		break;
	case SCOPE_NODE:
		text_printf(text, "%d", scope->node);
		break;
	case SCOPE_KINDS:
		break;
	}
}

bool scope_collides(const struct scope *a, const struct scope *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case SCOPE_RANGE:
		return a->start <= b->start + (b->size - 1) &&
		       b->start <= a->start + (a->size - 1);
	case SCOPE_OWNER:
		return strcmp(a->owner, b->owner) == 0;
	case SCOPE_NODE:
		return a->node == b->node;
	case SCOPE_KINDS:
		break;
	}
	return false;
}

bool scope_holds(const struct scope *scope, const struct snapshot *snapshot,
		 const struct block *block)
{
	const struct snapshot_resource *resource;
	uint64_t address = block->index * snapshot->block_size_bytes;

	switch (scope->kind) {
	case SCOPE_RANGE:
		return address >= scope->start && address - scope->start < scope->size;
	case SCOPE_OWNER:
		resource = snapshot_resource_of(snapshot, block);
		return resource && strcmp(resource->owner, scope->owner) == 0;
	case SCOPE_NODE:
		return block->node == scope->node;
	case SCOPE_KINDS:
		break;
	}
	return false;
}
