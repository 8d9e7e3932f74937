/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_FAKE_KERNEL_H
#define MEMONLINE_FAKE_KERNEL_H

/*
 * A memory directory in memory, which sysfs_new uses instead of files. It answers writes
 * as the kernel of its generation does, and fails where a test asks for that.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/block.h"
#include "io/sysfs.h"

#define FAKE_BLOCKS_MAX 65536

/*
 * The facts in comments were measured in guests with these kernels. The numbers are those
 * of the system's release.
 */
enum fake_model {
	/*
	 * 2.6.32: any prefix of online and offline is accepted, online_movable means
	 * online, nothing goes offline; ACPI's blocks are onlined by the kernel itself,
	 * in order, until one of them is online already.
	 */
	FAKE_EL6,
	/*
	 * 3.10: the first of online_kernel, online_movable, online, offline that begins with what
	 * was written (less a newline); a block that is in the state asked for already makes a write
	 * of 1 byte. A block is in a zone from the start, Movable where that begins below it, and
	 * stays in it while offline: online takes that zone, online_movable moves the last block of
	 * Normal and online_kernel the first one of Movable, any other gets EINVAL (move_pfn_range_left
	 * and _right in mm/memory_hotplug.c).
	 */
	FAKE_EL7,
	FAKE_4_18, /* whole values, any order, valid_zones; auto_online_blocks lacks zones */
	FAKE_6_1, /* the same, and auto_online_blocks with zones */
	FAKE_MODELS
};

struct fake_block {
	bool present;
	bool state_missing; /* EL6 before 6.6: the directory comes before its files */
	enum block_state state;
	enum block_zone zone; /* once online; EL7: always */
	uint64_t identity;
	int refuse; /* errno that every write gets, 0: none */
	int refuse_times; /* how often; -1: always */
	int refuse_online; /* errno that the next write that would bring it online gets */
	bool ignore; /* writes succeed and change nothing */
	enum online_type meant; /* what the kernel understood, NONE: none yet */
	bool raced; /* somebody else brings it online just before the write */
};

struct fake_kernel {
	enum fake_model model;
	/* EL6: what it still wants to online by itself, [self_next, self_end). */
	size_t self_next, self_end;
	bool has_valid_zones;
	enum online_type auto_online; /* NONE: no such file */
	bool old_auto_online; /* before 5.7: it takes online and offline only */
	uint64_t identities; /* given out so far */
	bool deaf; /* writes have no effect: the writer is already dead */
	/* `probe` is there, and takes any address, as every kernel's does. */
	bool has_probe;
	bool probe_eexist; /* a resource holds the addresses: EEXIST, and no block comes */
	bool probe_lies; /* it succeeds, and no block comes */
	bool probe_raced; /* ACPI adds the block just before: EEXIST, and the block is there */
	bool short_write; /* 3.10: write returns 1 for a block that is so already */
	/* EL7: ZONE_NORMAL ends before this block, ZONE_MOVABLE begins with that one (0: empty). */
	size_t normal_end, movable_first;
	uint64_t block_size_bytes;
	struct fake_block *blocks;
	size_t count;
	/* What was written, in order: "memory32/state=online\n;…" */
	char written[65536];
	size_t written_len;
	unsigned writes;
	unsigned reads;
	unsigned lists;
	int list_error; /* errno that the next one gets */
};

struct fake_kernel *fake_kernel_new(size_t blocks);
void fake_kernel_free(struct fake_kernel *kernel);
/* FAKE_6_1 is what fake_kernel_new makes. */
void fake_kernel_become(struct fake_kernel *kernel, enum fake_model model);
/* ACPI's driver of that kernel onlines one more block by itself, or gives up. false: nothing left. */
bool fake_kernel_self_online(struct fake_kernel *kernel);
/* Blocks [first, first + count) appear with this state (in ZONE_NORMAL, but for EL7's above Movable). */
void fake_kernel_add(struct fake_kernel *kernel, size_t first, size_t count,
		     enum block_state state);
void fake_kernel_remove(struct fake_kernel *kernel, size_t first, size_t count);

extern const struct sysfs_operations fake_kernel_operations;

#endif
