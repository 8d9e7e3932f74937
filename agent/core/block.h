/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_BLOCK_H
#define MEMONLINE_BLOCK_H

/*
 * A memory block: the unit the kernel brings online and takes offline, one directory
 * memoryN below /sys/devices/system/memory, and the values in its files. N = address /
 * block size (kernel: Documentation/admin-guide/mm/memory-hotplug.rst).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/contract.h"

#define BLOCK_NODE_UNKNOWN (-1)
#define BLOCK_ZONES_MAX 3

enum block_state {
	BLOCK_ABSENT, /* no such directory */
	BLOCK_OFFLINE,
	BLOCK_GOING_OFFLINE,
	BLOCK_ONLINE,
	BLOCK_UNREADABLE, /* the directory is there, its state cannot be read (yet) */
	BLOCK_STATES
};

/* The online type: the value written to `state`. */
enum online_type {
	ONLINE_TYPE_NONE,
	ONLINE_TYPE_ONLINE,
	ONLINE_TYPE_ONLINE_KERNEL,
	ONLINE_TYPE_ONLINE_MOVABLE,
	ONLINE_TYPE_OFFLINE,
	ONLINE_TYPES
};

enum block_zone {
	BLOCK_ZONE_UNKNOWN, /* no valid_zones (before 3.18), or a block that spans zones */
	BLOCK_ZONE_DMA,
	BLOCK_ZONE_DMA32,
	BLOCK_ZONE_NORMAL,
	BLOCK_ZONE_HIGHMEM,
	BLOCK_ZONE_MOVABLE,
	BLOCK_ZONE_DEVICE,
	BLOCK_ZONES
};

struct block {
	uint64_t index; /* the N of memoryN */
	/* uevent number up to which a removal is of an earlier block with this number. */
	uint64_t known_seqnum;
	uint64_t
		identity_seqnum; /* uevent number of the snapshot in which `identity` was read */
	uint64_t identity; /* of its directory (sysfs_identity), 0: not read or none */
	uint32_t slot; /* where core/intent remembers it, 0: nowhere */
	int32_t node; /* NUMA node or BLOCK_NODE_UNKNOWN */
	uint32_t
		retry_since_sec; /* with BLOCK_MARK_RETRY: when it was refused first, monotonic */
	uint8_t state; /* enum block_state */
	uint8_t zone_count;
	/*
	 * enum block_zone in the order of valid_zones. Online: the one zone it is in.
	 * Offline: the zones it could go to, what plain `online` would choose first.
	 */
	uint8_t zones[BLOCK_ZONES_MAX];
	uint8_t marks; /* BLOCK_MARK_…: remembered from earlier snapshots */
	uint8_t reason; /* enum reason: the latest verdict or result */
	uint8_t known; /* enum block_state, of an unreadable one: as last read, else ABSENT */
	bool is_doubted : 1; /* another may have taken its place: `identity` is to be read anew */
	bool offline_reported : 1; /* offline since it was online, and that needs no report any more */
	bool is_told : 1; /* since it came there was a report of it, or will be with the next flush */
	/* It came, or is online by others' hand, and no report in the journal says so. */
	bool unreported : 1;
};

#define BLOCK_MARK_WAS_ONLINE 1 /* in this boot: offline now means somebody wanted that */
#define BLOCK_MARK_FAILED 2 /* the kernel refused it, and nothing has happened since */
#define BLOCK_MARK_RETRYING \
	4 /* with FAILED: for a cause that may pass, so it is tried again */
#define BLOCK_MARK_ADDED 8 /* added, or still offline, while a memonlined ran */
#define BLOCK_MARK_FALLBACK 16 /* the zone asked for was refused: any will do */
#define BLOCK_MARK_PLACED_BY_US \
	32 /* memonlined put it into its zone, or it must not be moved */

#define BLOCK_MARK_ZONE_LOST 128 /* others were faster with a zone of theirs, once */
#define BLOCK_MARK_REZONING 64 /* memonlined is moving it: offline, then online */

/* The text in sysfs and in the protocol; never NULL. */
const char *block_state_word(enum block_state state);
const char *online_type_text(enum online_type word);
const char *block_zone_word(enum block_zone zone);

/* What reports say of it: one that is going offline is online until it is off, and may stay so. */
enum block_state block_state_reported(enum block_state state);

/* A state, online type or zone from its text; surrounding white space is ignored. */
enum block_state block_state_parse(const char *text, size_t len);
/* false, and *word untouched, if the text is not an online type */
bool online_type_parse(const char *text, enum online_type *word);
bool block_zone_parse(const char *text, enum block_zone *zone);
/* Fills zones and zone_count from the text of valid_zones. Unknown names are skipped. */
void block_zones_parse(struct block *block, const char *text, size_t len) _nonnull_(1);

/* The zone an online block is in; for all others BLOCK_ZONE_UNKNOWN. */
enum block_zone block_zone_now(const struct block *block) _nonnull_(1);
/*
 * Whether both are in one zone, as far as is known: a zone that cannot be read, for example while
 * a neighbour goes offline, has not changed; one that is going offline is where it was.
 */
bool block_same_zone(const struct block *a, const struct block *b) _nonnull_(1, 2);
/*
 * Whether the online type leads to that zone: an unknown zone, and plain `online`, match.
 */
bool block_zone_suits(enum online_type word, enum block_zone zone);

#endif
