/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SYSFS_H
#define MEMONLINE_SYSFS_H

/*
 * <root>/sys/devices/system/memory: the only opener of it. Reads the blocks, writes one
 * value to one block, reads again. No policy, no retries.
 */

#include "core/contract.h"
#include "core/snapshot.h"

#define SYSFS_TEXT_SIZE 128 /* more than any text of these files, with a NUL */

struct sysfs;

/* What was read: bytes, or a negative errno in the place of their count. */
struct sysfs_text {
	char bytes[SYSFS_TEXT_SIZE];
	long len;
};

/*
 * The file operations; tests replace them by a kernel's behaviour. `name` is relative to
 * the memory directory ("memory32/state"). Results are negative errno or a count of
 * bytes.
 */
struct sysfs_operations {
	long (*read)(void *data, const char *name, char *buffer, size_t size);
	/* One write; then, unless `after` is NULL, what the file says. */
	long (*write)(void *data, const char *name, const char *bytes, size_t len,
		      struct sysfs_text *after);
	/* Calls `entry` for every name in the directory. 0 or negative errno. */
	int (*list)(void *data, void (*entry)(const char *name, void *user), void *user);
	/* A number that two entries of one name, one after the other, do not share; 0: none. */
	uint64_t (*identify)(void *data, const char *name);
};

/* `root` "/" or a directory that stands for it. NULL with errno where the directory is missing. */
struct sysfs *sysfs_open(const char *root) _must_check_;
/* `operations` and `data` stay the caller's. */
struct sysfs *sysfs_new(const struct sysfs_operations *operations,
			void *data) _must_check_ _nonnull_(1);
void sysfs_close(struct sysfs *sysfs); /* accepts NULL */

/*
 * Replaces the snapshot's blocks by those that exist now: their states, with node
 * BLOCK_NODE_UNKNOWN (io/zones fills it) and no zones (the two below do). A block whose
 * state cannot be read is BLOCK_UNREADABLE: EL6 before 6.6 announces a block before its
 * `state` exists. 0 or negative errno; then the snapshot has no blocks.
 */
int sysfs_read_blocks(struct sysfs *sysfs, struct snapshot *snapshot) _must_check_
	_nonnull_(1);
/* Fills the zone of every online block: decisions rest on it. */
void sysfs_read_zones(struct sysfs *sysfs, struct snapshot *snapshot) _nonnull_(1);
/*
 * Fills the zones that offline blocks may go to: of every block that has a node, or of
 * all if the kernel has no `numa`. Never of an offline block without its node: between
 * the making of a block and its link to a node, reading its valid_zones dereferences NULL
 * in the kernel (valid_zones_show -> zone_for_pfn_range with node -1; seen on 6.1.192,
 * Debian 12, by a memonlined that the kernel's own add event woke). So the nodes must be
 * as new as possible.
 */
void sysfs_read_possible_zones(struct sysfs *sysfs, struct snapshot *snapshot, bool numa)
	_nonnull_(1);
/* State, and the zone once it is online; index and node stay. A block that is gone is ABSENT. */
void sysfs_read_block(struct sysfs *sysfs, struct block *block) _nonnull_(1);

/* The state alone; of a block that is gone it is UNREADABLE. */
void sysfs_read_state(struct sysfs *sysfs, struct block *block) _nonnull_(1);

/* How many blocks there are now, or 0 if that is unknown. */
size_t sysfs_count_blocks(struct sysfs *sysfs) _nonnull_(1);

/*
 * Which directory stands for the block: its inode number, which the kernel gives to another one
 * after 2^32 more (kernfs, from 3.14 on; before that the lowest free one is taken again). 0 where
 * there is none.
 */
uint64_t sysfs_identity(struct sysfs *sysfs, uint64_t index) _nonnull_(1);

/* auto_online_blocks; BLOCK_WORD_NONE if there is no such file (before 4.7). */
enum online_type sysfs_auto_online(struct sysfs *sysfs) _nonnull_(1);
/* 0 or negative errno: kernels before 5.7 take online and offline only (EINVAL). */
int sysfs_set_auto_online(struct sysfs *sysfs, enum online_type word) _must_check_
	_nonnull_(1);

/* Whether the kernel has `probe` at all. */
bool sysfs_has_probe(struct sysfs *sysfs) _nonnull_(1);
/*
 * Has the kernel add one block of memory at `address`, whether memory exists there or
 * not: no kernel checks. Returns the result of write: 0 or negative errno, neither of
 * which means that the block exists (3.10 returns EEXIST if a resource overlaps);
 * sysfs_read_block shows that.
 */
int sysfs_probe(const struct sysfs *sysfs, uint64_t address) _must_check_ _nonnull_(1);

/*
 * Writes the online type and a newline with one write(2), then reads the block again into
 * *block, which has the real state afterwards. Returns the result of write: 0 or negative
 * errno. The length written is ignored: 3.10 returns 1 for a block that is online
 * already, and a second write of the rest would be another online type (a bare "online"
 * there is online_kernel).
 */
int sysfs_write_word(struct sysfs *sysfs, struct block *block,
		     enum online_type word) _must_check_ _nonnull_(1);
/*
 * The two halves of it. The first one, like sysfs_probe, may run in a thread of its own beside all
 * other calls; `after` is what `state` says afterwards. The second one makes a block of that.
 */
int sysfs_write_state(const struct sysfs *sysfs, uint64_t index, enum online_type word,
		      struct sysfs_text *after) _nonnull_(1);
void sysfs_take_state(struct sysfs *sysfs, struct block *block,
		      const struct sysfs_text *after) _nonnull_(1);

#endif
