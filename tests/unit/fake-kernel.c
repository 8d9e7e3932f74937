/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "fake-kernel.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fake_kernel *fake_kernel_new(size_t blocks)
{
	struct fake_kernel *kernel = calloc(1, sizeof(*kernel));

	kernel->blocks = calloc(blocks, sizeof(*kernel->blocks));
	kernel->count = blocks;
	kernel->block_size_bytes = 128 << 20;
	kernel->has_valid_zones = true;
	return kernel;
}

void fake_kernel_free(struct fake_kernel *kernel)
{
	free(kernel->blocks);
	free(kernel);
}

void fake_kernel_add(struct fake_kernel *kernel, size_t first, size_t count,
		     enum block_state state)
{
	size_t i;

	for (i = first; i < first + count; i++) {
		memset(&kernel->blocks[i], 0, sizeof(kernel->blocks[i]));
		kernel->blocks[i].present = true;
		kernel->blocks[i].state = state;
		kernel->blocks[i].zone = BLOCK_ZONE_NORMAL;
		kernel->blocks[i].identity = ++kernel->identities;
	}
}

void fake_kernel_remove(struct fake_kernel *kernel, size_t first, size_t count)
{
	memset(&kernel->blocks[first], 0, count * sizeof(*kernel->blocks));
}

/* The block of "memoryN/ATTRIBUTE", and where ATTRIBUTE begins. */
static struct fake_block *find(struct fake_kernel *kernel, const char *name,
			       const char **attribute)
{
	size_t index;
	int len = 0;

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
				block_word_text(kernel->auto_online));
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

static long write_state(const struct fake_kernel *kernel, struct fake_block *block,
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
	if (strncmp(bytes, "offline\n", len) == 0) {
		if (block->state == BLOCK_OFFLINE)
			return -EINVAL;
		block->state = BLOCK_OFFLINE;
		return (long)len;
	}
	if (block->state == BLOCK_ONLINE)
		return kernel->short_write ? 1 : -EINVAL;
	if (strncmp(bytes, "online_movable\n", len) == 0)
		block->zone = BLOCK_ZONE_MOVABLE;
	else if (strncmp(bytes, "online\n", len) == 0 ||
		 strncmp(bytes, "online_kernel\n", len) == 0)
		block->zone = BLOCK_ZONE_NORMAL;
	else
		return -EINVAL;
	block->state = BLOCK_ONLINE;
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
	return block_word_parse(word, &kernel->auto_online) ? (long)len : -EINVAL;
}

static long fake_write(void *data, const char *name, const char *bytes, size_t len)
{
	struct fake_kernel *kernel = data;
	const char *attribute = "";
	struct fake_block *block = find(kernel, name, &attribute);

	if (kernel->deaf)
		return (long)len;
	note_write(kernel, name, bytes, len);
	if (strcmp(name, "auto_online_blocks") == 0)
		return write_auto_online(kernel, bytes, len);
	if (!block || strcmp(attribute, "state") != 0)
		return -ENOENT;
	return write_state(kernel, block, bytes, len);
}

/* As readdir does, in no order: from the end, with the other names in between. */
static int fake_list(void *data, void (*entry)(const char *name, void *user), void *user)
{
	struct fake_kernel *kernel = data;
	char name[32];
	size_t i;

	kernel->lists++;
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

	if (sscanf(name, "memory%zu", &index) != 1 || index >= kernel->count ||
	    !kernel->blocks[index].present)
		return 0;
	return kernel->blocks[index].identity;
}

const struct sysfs_operations fake_kernel_operations = { fake_read, fake_write, fake_list,
							 fake_identify };
