/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_COMMAND_H
#define MEMONLINE_COMMAND_H

/*
 * The commands of memonline-protocol(7): here the configuration can name them too. Those of
 * qemu-ga that memonlined does not serve itself are known by their names alone.
 */

#include <stdbool.h>
#include <stddef.h>

#include "core/contract.h"

/* At most 31: they are bits of a mask, and one more is that of all others. */
#define PROTOCOL_COMMAND_LIST(X)                                      \
	X(GUEST_SYNC, "guest-sync")                                   \
	X(GUEST_SYNC_DELIMITED, "guest-sync-delimited")               \
	X(GUEST_PING, "guest-ping")                                   \
	X(GUEST_INFO, "guest-info")                                   \
	X(GUEST_GET_MEMORY_BLOCKS, "guest-get-memory-blocks")         \
	X(GUEST_SET_MEMORY_BLOCKS, "guest-set-memory-blocks")         \
	X(GUEST_GET_MEMORY_BLOCK_INFO, "guest-get-memory-block-info") \
	X(STATUS, "memonline-status")                                 \
	X(GET_RANGES, "memonline-get-ranges")                         \
	X(GET_REPORTS, "memonline-get-reports")                       \
	X(SUBSCRIBE, "memonline-subscribe")                           \
	X(ONLINE, "memonline-online")                                 \
	X(OFFLINE, "memonline-offline")                               \
	X(RECONCILE, "memonline-reconcile")                           \
	X(PROBE, "memonline-probe")                                   \
	X(EXPLAIN, "memonline-explain")                               \
	X(STATS, "memonline-stats")                                   \
	X(SUBSCRIBE_PRESSURE, "memonline-subscribe-pressure")

enum protocol_command {
#define PROTOCOL_COMMAND_ENUM(id, name) PROTOCOL_##id,
	PROTOCOL_COMMAND_LIST(PROTOCOL_COMMAND_ENUM)
#undef PROTOCOL_COMMAND_ENUM
		PROTOCOL_COMMANDS
};

/* The wire name, "guest-ping". */
const char *protocol_command_name(enum protocol_command command);
/* false, and *command untouched, if no command has that name */
bool protocol_command_parse(const char *name, enum protocol_command *command);

/*
 * Whether a relay passes it to qemu-ga: all but memonlined's own and the memory commands.
 * guest-ping is one of them: its reply says that what a host is about to ask for, a shutdown for
 * instance, will be heard.
 */
bool command_is_relayed(const char *name);
/*
 * Whether qemu-ga replies only where it fails: 'success-response': false in QEMU's
 * qga/qapi-schema.json.
 */
bool command_is_silent(const char *name);

#define COMMAND_LIST_LEN_MAX \
	170 /* of a list's text: what fits into a line of memonlined.conf */

/* A list of memonlined.conf(5). All zero: nothing was given. Equal lists are equal bytes. */
struct command_list {
	unsigned known; /* 1 << enum protocol_command */
	char relayed[COMMAND_LIST_LEN_MAX +
		     1]; /* names of qemu-ga's, a comma between two */
};

/* false, and *list untouched: no such command, or no room. `len` bytes of `name`. */
bool command_list_add(struct command_list *list, const char *name, size_t len)
	_nonnull_(1);
bool command_list_is_empty(const struct command_list *list) _nonnull_(1);
/*
 * What two lists forbid: a command that is blocked, and where any is allowed, one that is not.
 * 1 << enum protocol_command for each of memonlined's.
 */
unsigned command_lists_disable(const struct command_list *allowed,
			       const struct command_list *blocked) _nonnull_(1);
/* Whether they forbid this one, be it memonlined's or qemu-ga's. */
bool command_lists_forbid(const struct command_list *allowed,
			  const struct command_list *blocked, const char *name)
	_nonnull_(1);

#endif
