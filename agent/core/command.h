/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_COMMAND_H
#define MEMONLINE_COMMAND_H

/* The commands of memonline-protocol(7): here the configuration can name them too. */

#include <stdbool.h>

/* At most 32: they are bits of a mask. */
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
/* false, and *command untouched, where there is no such name */
bool protocol_command_parse(const char *name, enum protocol_command *command);

#endif
