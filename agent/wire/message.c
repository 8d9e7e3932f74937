/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "wire/message.h"

/* The rows of message.h as tables. */

#define AS_STRING FIELD_STRING, NULL
#define AS_UINT64 FIELD_UINT64, NULL
#define AS_INT64 FIELD_INT64, NULL
#define AS_BOOLEAN FIELD_BOOLEAN, NULL
#define AS_SECONDS FIELD_SECONDS, NULL
#define AS_ONLINE_TYPE FIELD_ONLINE_TYPE, NULL
#define AS_ELEMENTS FIELD_LIST, NULL
#define AS_STRINGS FIELD_LIST, NULL
#define AS_LIST(message) FIELD_LIST, &message_##message
#define AS_OBJECT(message) FIELD_OBJECT, &message_##message
#define AS_CORE(message) FIELD_OBJECT, &message_##message

#define ROW(M, need, kind, member, name) \
	{ FIELD_NAME(name), AS_##kind, FIELD_##need, offsetof(struct M, member), 0 },
#define ARGUMENTS(id, text) \
	[PROTOCOL_##id] = { { ARGUMENTS_##id(ROW, protocol_request){ .name = NULL } } },
static const struct arguments {
	struct field fields[5];
} arguments_of[PROTOCOL_COMMANDS] = { PROTOCOL_COMMAND_LIST(ARGUMENTS) };

const struct field *message_arguments(enum protocol_command command)
{
	return arguments_of[command].fields;
}

#define TABLE_OF(message, M)                                                          \
	static const struct field message##_fields[] = { MESSAGE_##message(ROW, M) }; \
	const struct field_shape message_##message =                                  \
		FIELD_SHAPE(message##_fields, struct M);
#define TABLE(message) TABLE_OF(message, message_##message)
#define TABLE_OF_CORE(message) TABLE_OF(message, message)
MESSAGES(TABLE)
MESSAGES_OF_CORE(TABLE_OF_CORE)
