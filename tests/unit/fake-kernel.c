/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-kernel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Zeroed; never NULL. A fuzzer uses this file too: no cmocka here. */
static void *alloc(size_t size)
{
	void *memory = calloc(1, size);

	if (!memory)
		abort();
	return memory;
}

struct fake_kernel *fake_kernel_new(size_t blocks)
{
	struct fake_kernel *kernel = alloc(sizeof(*kernel));

	kernel->blocks = alloc(blocks * sizeof(*kernel->blocks));
	kernel->count = blocks;
	kernel->block_size_bytes = 128 << 20;
	fake_kernel_become(kernel, FAKE_6_1);
	return kernel;
}

void fake_kernel_become(struct fake_kernel *kernel, enum fake_model model)
{
	kernel->model = model;
	kernel->has_valid_zones = model >= FAKE_4_18;
	kernel->short_write = model == FAKE_EL7;
	kernel->old_auto_online = model == FAKE_4_18;
}

bool fake_kernel_self_online(struct fake_kernel *kernel)
{
	struct fake_block *block = &kernel->blocks[kernel->self_next];

	if (kernel->self_next == kernel->self_end)
		return false;
	if (!block->present || block->state == BLOCK_ONLINE) {
		kernel->self_next = kernel->self_end;
		return false;
	}
	block->state = BLOCK_ONLINE;
	kernel->self_next++;
	return true;
}

void fake_kernel_free(struct fake_kernel *kernel)
{
	free(kernel->blocks);
	free(kernel);
}

static enum block_zone zone_when_added(struct fake_kernel *kernel, size_t index)
{
	if (kernel->model != FAKE_EL7)
		return BLOCK_ZONE_NORMAL;
	if (kernel->movable_first && index >= kernel->movable_first)
		return BLOCK_ZONE_MOVABLE;
	if (index >= kernel->normal_end)
		kernel->normal_end = index + 1;
	return BLOCK_ZONE_NORMAL;
}

void fake_kernel_add(struct fake_kernel *kernel, size_t first, size_t count,
		     enum block_state state)
{
	size_t i;

	for (i = first; i < first + count; i++) {
		memset(&kernel->blocks[i], 0, sizeof(kernel->blocks[i]));
		kernel->blocks[i].present = true;
		kernel->blocks[i].state = state;
		kernel->blocks[i].zone = zone_when_added(kernel, i);
		kernel->blocks[i].identity = ++kernel->identities;
	}
}

/*
 * A zone whose first or last block is removed ends at the next block: shrink_zone_span.
 */
static void shrink_zones(struct fake_kernel *kernel)
{
	size_t i;

	while (kernel->normal_end &&
	       !(kernel->blocks[kernel->normal_end - 1].present &&
		 kernel->blocks[kernel->normal_end - 1].zone == BLOCK_ZONE_NORMAL))
		kernel->normal_end--;
	kernel->movable_first = 0;
	for (i = kernel->count; i-- > 0;)
		if (kernel->blocks[i].present &&
		    kernel->blocks[i].zone == BLOCK_ZONE_MOVABLE)
			kernel->movable_first = i;
}

void fake_kernel_remove(struct fake_kernel *kernel, size_t first, size_t count)
{
	memset(&kernel->blocks[first], 0, count * sizeof(*kernel->blocks));
	if (kernel->model == FAKE_EL7)
		shrink_zones(kernel);
}

/* The block of "memoryN/ATTRIBUTE", and where ATTRIBUTE begins. */
static struct fake_block *find(struct fake_kernel *kernel, const char *name,
			       const char **attribute)
{
	size_t index;
	int len = 0;

	/* NOLINTNEXTLINE(cert-err34-c): a test's own number */
	if (sscanf(name, "memory%zu/%n", &index, &len) < 1 || !len)
		return NULL;
	*attribute = name + len;
	if (index >= kernel->count || !kernel->blocks[index].present)
		return NULL;
	return &kernel->blocks[index];
}

static long read_block(const struct fake_kernel *kernel, const struct fake_block *block,
		       const char *attribute, char *buffer, size_t size)
{
	if (strcmp(attribute, "state") == 0 && !block->state_missing)
		return snprintf(buffer, size, "%s\n", block_state_word(block->state));
	if (strcmp(attribute, "valid_zones") != 0 || !kernel->has_valid_zones)
		return -ENOENT;
	if (block->state == BLOCK_ONLINE)
		return snprintf(buffer, size, "%s\n", block_zone_word(block->zone));
	return snprintf(buffer, size, "Normal Movable\n");
}

static long fake_read(void *data, const char *name, char *buffer, size_t size)
{
	struct fake_kernel *kernel = data;
	const struct fake_block *block;
	const char *attribute;

	kernel->reads++;
	if (strcmp(name, "block_size_bytes") == 0)
		return snprintf(buffer, size, "%" PRIx64 "\n", kernel->block_size_bytes);
	if (strcmp(name, "auto_online_blocks") == 0 && kernel->auto_online)
		return snprintf(buffer, size, "%s\n",
				online_type_text(kernel->auto_online));
	block = find(kernel, name, &attribute);
	return block ? read_block(kernel, block, attribute, buffer, size) : -ENOENT;
}

static void note_write(struct fake_kernel *kernel, const char *name, const char *bytes,
		       size_t len)
{
	char *at = kernel->written + kernel->written_len;
	size_t room = sizeof(kernel->written) - kernel->written_len;
	int written = snprintf(at, room, "%s=%.*s;", name, (int)len, bytes);

	if (written > 0 && (size_t)written < room)
		kernel->written_len += (size_t)written;
	kernel->writes++;
}

/*
 * 2.6.32 and 3.10 compare what both have; later ones the whole value, with a newline or
 * without.
 */
static bool is_word(enum fake_model model, const char *word, const char *bytes,
		    size_t len)
{
	size_t word_len = strlen(word);

	if (model <= FAKE_EL7)
		return strncmp(word, bytes, len < word_len ? len : word_len) == 0;
	if (len && bytes[len - 1] == '\n')
		len--;
	return len == word_len && strncmp(word, bytes, len) == 0;
}

static enum online_type understand(enum fake_model model, const char *bytes, size_t len)
{
	static const enum online_type words[] = { ONLINE_TYPE_ONLINE_KERNEL,
						  ONLINE_TYPE_ONLINE_MOVABLE,
						  ONLINE_TYPE_ONLINE,
						  ONLINE_TYPE_OFFLINE };
	size_t i = model == FAKE_EL6 ? 2 : 0;

	for (; len && i < sizeof(words) / sizeof(words[0]); i++)
		if (is_word(model, online_type_text(words[i]), bytes, len))
			return words[i];
	return ONLINE_TYPE_NONE;
}

/* 3.10: only what lies at the border of two zones moves over it. */
static bool move_between_zones(struct fake_kernel *kernel, struct fake_block *block,
			       enum online_type word)
{
	size_t index = (size_t)(block - kernel->blocks);

	if (word == ONLINE_TYPE_ONLINE_MOVABLE && block->zone == BLOCK_ZONE_NORMAL) {
		if (index + 1 != kernel->normal_end)
			return false;
		kernel->normal_end = kernel->movable_first = index;
		block->zone = BLOCK_ZONE_MOVABLE;
	} else if (word == ONLINE_TYPE_ONLINE_KERNEL &&
		   block->zone == BLOCK_ZONE_MOVABLE) {
		if (index != kernel->movable_first)
			return false;
		block->zone = BLOCK_ZONE_NORMAL;
		shrink_zones(kernel);
		kernel->normal_end = index + 1;
	}
	return true;
}

static long bring_online(struct fake_kernel *kernel, struct fake_block *block,
			 enum online_type word, size_t len)
{
	if (block->state == BLOCK_ONLINE)
		return kernel->short_write ? 1 : -EINVAL;
	if (kernel->model == FAKE_EL7) {
		if (!move_between_zones(kernel, block, word))
			return -EINVAL;
	} else {
		block->zone = word == ONLINE_TYPE_ONLINE_MOVABLE ? BLOCK_ZONE_MOVABLE
								 : BLOCK_ZONE_NORMAL;
	}
	block->state = BLOCK_ONLINE;
	return (long)len;
}

static long write_state(struct fake_kernel *kernel, struct fake_block *block,
			const char *bytes, size_t len)
{
	if (block->raced)
		block->state = BLOCK_ONLINE;
	if (block->refuse && block->refuse_times) {
		if (block->refuse_times > 0)
			block->refuse_times--;
		return -block->refuse;
	}
	if (block->ignore)
		return (long)len;
	block->meant = understand(kernel->model, bytes, len);
	if (block->meant == ONLINE_TYPE_NONE)
		return -EINVAL;
	if (block->meant != ONLINE_TYPE_OFFLINE && block->refuse_online) {
		int error = block->refuse_online;

		block->refuse_online = 0;
		return -error;
	}
	if (block->meant != ONLINE_TYPE_OFFLINE)
		return bring_online(kernel, block, block->meant, len);
	if (block->state == BLOCK_OFFLINE)
		return kernel->short_write ? 1 : -EINVAL;
	if (kernel->model == FAKE_EL6)
		return -EINVAL;
	block->state = BLOCK_OFFLINE;
	return (long)len;
}

static long write_auto_online(struct fake_kernel *kernel, const char *bytes, size_t len)
{
	char word[32];

	if (!kernel->auto_online)
		return -ENOENT;
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(bytes, "\n"), bytes);
	if (kernel->old_auto_online && strchr(word, '_'))
		return -EINVAL;
	return online_type_parse(word, &kernel->auto_online) ? (long)len : -EINVAL;
}

static long write_probe(struct fake_kernel *kernel, const char *bytes, size_t len)
{
	uint64_t address;

	if (!kernel->has_probe)
		return -ENOENT;
	/* NOLINTNEXTLINE(cert-err34-c): a test's own number */
	if (sscanf(bytes, "0x%" SCNx64, &address) != 1)
		address = 0;
	/* 2.6.32 makes a crooked block of it. */
	if (kernel->model != FAKE_EL6 && address % kernel->block_size_bytes)
		return -EINVAL;
	address /= kernel->block_size_bytes;
	if (kernel->probe_eexist || address >= kernel->count ||
	    kernel->blocks[address].present)
		return -EEXIST;
	if (!kernel->probe_lies)
		fake_kernel_add(kernel, (size_t)address, 1, BLOCK_OFFLINE);
	return kernel->probe_raced ? -EEXIST : (long)len;
}

static long write_any(struct fake_kernel *kernel, const char *name, const char *bytes,
		      size_t len)
{
	const char *attribute = "";
	struct fake_block *block = find(kernel, name, &attribute);

	if (kernel->deaf)
		return (long)len;
	note_write(kernel, name, bytes, len);
	if (strcmp(name, "auto_online_blocks") == 0)
		return write_auto_online(kernel, bytes, len);
	if (strcmp(name, "probe") == 0)
		return write_probe(kernel, bytes, len);
	if (!block || strcmp(attribute, "state") != 0)
		return -ENOENT;
	return write_state(kernel, block, bytes, len);
}

static long fake_write(void *data, const char *name, const char *bytes, size_t len,
		       struct sysfs_text *after)
{
	long written = write_any(data, name, bytes, len);

	if (after)
		after->len = fake_read(data, name, after->bytes, sizeof(after->bytes));
	return written;
}

/* As readdir does, in no order: from the end, with the other names in between. */
static int fake_list(void *data, void (*entry)(const char *name, void *user), void *user)
{
	struct fake_kernel *kernel = data;
	int error = kernel->list_error;
	char name[32];
	size_t i;

	kernel->lists++;
	kernel->list_error = 0;
	if (error)
		return -error;
	entry(".", user);
	for (i = kernel->count; i-- > 0;) {
		if (!kernel->blocks[i].present)
			continue;
		snprintf(name, sizeof(name), "memory%zu", i);
		entry(name, user);
	}
	entry("block_size_bytes", user);
	entry("memory", user);
	entry("memoryX", user);
	entry("power", user);
	return 0;
}

/* As kernfs: no two blocks ever had the same. */
static uint64_t fake_identify(void *data, const char *name)
{
	const struct fake_kernel *kernel = data;
	size_t index;

	if (strcmp(name, "probe") == 0)
		return kernel->has_probe;
	/* NOLINTNEXTLINE(cert-err34-c): a test's own number */
	if (sscanf(name, "memory%zu", &index) != 1 || index >= kernel->count ||
	    !kernel->blocks[index].present)
		return 0;
	return kernel->blocks[index].identity;
}

const struct sysfs_operations fake_kernel_operations = { fake_read, fake_write, fake_list,
							 fake_identify };
