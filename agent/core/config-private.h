/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CONFIG_PRIVATE_H
#define MEMONLINE_CONFIG_PRIVATE_H

/* What config*.c share: the table of keys, and the types that their values have. */

#include "core/config.h"

struct config_key {
	const char *section;
	const char *name;
	const char *standard; /* the default, as text in the file */
	const struct config_type *type;
	size_t offset; /* in struct config */
	unsigned min, max; /* of a number; max: the room of a string, with its NUL */
	const char *const *words; /* of a choice, in the order of its enum */
	const char *expected; /* of all but a choice */
};

struct config_type {
	bool (*parse)(const struct config_key *key, const char *value, void *field);
	void (*dump)(const void *field, const struct config_key *key, struct text *text);
};

/* config-values.c: parse returns false, and the field is untouched, where the value is not one. */
extern const struct config_type config_choice, config_count, config_octal, config_size,
	config_name, config_path, config_path_or_none, config_textfile,
	config_command_list, config_relayed_command_list, config_range_list;

static inline bool config_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

/* config.c */
extern const struct config_key config_keys[];
extern const size_t config_key_count; /* at most CONFIG_KEYS_MAX */
/* The one key in [node …], [range …] and [owner …]. */
extern const struct config_key config_override_key;
bool config_has_section(const char *section, size_t len);
/* NULL where there is none. */
const struct config_key *config_find_key(const char *section, const char *key_name);
void *config_field(struct config *config, const struct config_key *key);
/* "online, online_kernel, online_movable or keep", in `buffer` where it is put together. */
const char *config_expectation(const struct config_key *key, char *buffer, size_t size);

#endif
