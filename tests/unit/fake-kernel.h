/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_FAKE_KERNEL_H
#define MEMONLINE_FAKE_KERNEL_H

/*
 * A memory directory in memory: what sysfs_new takes in place of files. It answers writes as the
 * kernel of its generation does, and fails where a test tells it to.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/block.h"
#include "io/sysfs.h"

#define FAKE_BLOCKS_MAX 65536

struct fake_block {
	bool present;
	bool state_missing; /* EL6 before 6.6: the directory comes before its files */
	enum block_state state;
	enum block_zone zone; /* once online */
	uint64_t identity;
	int refuse; /* errno that every write gets, 0: none */
	int refuse_times; /* how often; -1: always */
	bool ignore; /* writes succeed and change nothing */
	bool raced; /* somebody else brings it online just before the write */
};

struct fake_kernel {
	bool has_valid_zones;
	enum block_word auto_online; /* NONE: no such file */
	bool old_auto_online; /* before 5.7: it takes online and offline only */
	uint64_t identities; /* given out so far */
	bool deaf; /* writes go nowhere: whoever writes is dead already */
	bool short_write; /* 3.10: write returns 1 for a block that is online already */
	uint64_t block_size_bytes;
	struct fake_block *blocks;
	size_t count;
	/* What was written, in order: "memory32/state=online\n;…" */
	char written[65536];
	size_t written_len;
	unsigned writes;
	unsigned reads;
	unsigned lists;
};

struct fake_kernel *fake_kernel_new(size_t blocks);
void fake_kernel_free(struct fake_kernel *kernel);
/* Blocks [first, first + count) appear with this state (in ZONE_NORMAL where online). */
void fake_kernel_add(struct fake_kernel *kernel, size_t first, size_t count,
		     enum block_state state);
void fake_kernel_remove(struct fake_kernel *kernel, size_t first, size_t count);

extern const struct sysfs_operations fake_kernel_operations;

#endif
