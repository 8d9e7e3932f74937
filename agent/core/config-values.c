/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/config-private.h"

#include <inttypes.h>
#include <string.h>

#include "core/command.h"
#include "core/number.h"

/* --- a choice of names, stored as an enum */

static bool parse_choice(const struct config_key *key, const char *value, void *field)
{
	unsigned i;

	for (i = 0; key->words[i]; i++) {
		if (strcmp(value, key->words[i]) == 0) {
			memcpy(field, &i, sizeof(i));
			return true;
		}
	}
	return false;
}

static void dump_choice(const void *field, const struct config_key *key,
			struct text *text)
{
	unsigned i;

	memcpy(&i, field, sizeof(i));
	text_puts(text, key->words[i]);
}

const struct config_type config_choice = { parse_choice, dump_choice };

/* --- numbers */

static bool put_number(const struct config_key *key, uint64_t number, void *field)
{
	unsigned stored = (unsigned)number;

	if (number < key->min || number > key->max)
		return false;
	memcpy(field, &stored, sizeof(stored));
	return true;
}

static bool parse_count(const struct config_key *key, const char *value, void *field)
{
	uint64_t number;

	return number_parse(value, 10, &number) && put_number(key, number, field);
}

static void dump_count(const void *field, const struct config_key *key, struct text *text)
{
	unsigned number;

	(void)key;
	memcpy(&number, field, sizeof(number));
	text_putu(text, number);
}

const struct config_type config_count = { parse_count, dump_count };

static bool parse_octal(const struct config_key *key, const char *value, void *field)
{
	uint64_t number;

	return number_parse(value, 8, &number) && put_number(key, number, field);
}

static void dump_octal(const void *field, const struct config_key *key, struct text *text)
{
	unsigned number;

	(void)key;
	memcpy(&number, field, sizeof(number));
	text_printf(text, "%04o", number);
}

const struct config_type config_octal = { parse_octal, dump_octal };

static bool parse_size(const struct config_key *key, const char *value, void *field)
{
	uint64_t bytes;

	return number_parse_size(value, &bytes) && put_number(key, bytes, field);
}

static void dump_size(const void *field, const struct config_key *key, struct text *text)
{
	unsigned number, power = 0;

	(void)key;
	memcpy(&number, field, sizeof(number));
	while (number && number % 1024 == 0) {
		number /= 1024;
		power++;
	}
	text_putu(text, number);
	if (power)
		text_printf(text, "%c", number_unit(power));
}

const struct config_type config_size = { parse_size, dump_size };

/* --- strings */

static bool is_clean(const char *value)
{
	for (; *value; value++)
		if ((unsigned char)*value <= ' ' || *value == 0x7f)
			return false;
	return true;
}

static bool put_string(const struct config_key *key, const char *value, void *field)
{
	size_t len = strlen(value);

	if (len >= key->max || !is_clean(value))
		return false;
	/* All of it, so that equal settings are equal bytes. */
	memset(field, 0, key->max);
	memcpy(field, value, len);
	return true;
}

static void dump_string(const void *field, const struct config_key *key,
			struct text *text)
{
	(void)key;
	text_puts(text, field);
}

static bool parse_name(const struct config_key *key, const char *value, void *field)
{
	/* It becomes a file name below /dev/virtio-ports. */
	if (strpbrk(value, "/;") || strcmp(value, ".") == 0 || strcmp(value, "..") == 0)
		return false;
	return put_string(key, value, field);
}

const struct config_type config_name = { parse_name, dump_string };

static bool parse_path(const struct config_key *key, const char *value, void *field)
{
	return value[0] == '/' && value[1] && put_string(key, value, field);
}

const struct config_type config_path = { parse_path, dump_string };

static bool parse_path_or_none(const struct config_key *key, const char *value,
			       void *field)
{
	return value[0] ? parse_path(key, value, field) : put_string(key, value, field);
}

const struct config_type config_path_or_none = { parse_path_or_none, dump_string };

/* node_exporter reads only such names: the file that is written first has another one. */
static bool parse_textfile(const struct config_key *key, const char *value, void *field)
{
	static const char ending[] = ".prom";
	size_t len = strlen(value), tail = sizeof(ending) - 1;

	if (len && (len <= tail + 1 || strcmp(value + len - tail, ending) != 0 ||
		    value[len - tail - 1] == '/'))
		return false;
	return parse_path_or_none(key, value, field);
}

const struct config_type config_textfile = { parse_textfile, dump_string };

/* --- lists of commands */

static bool parse_command(const char *start, size_t len, struct command_list *list)
{
	while (len && config_is_blank(*start))
		start++, len--;
	while (len && config_is_blank(start[len - 1]))
		len--;
	return command_list_add(list, start, len);
}

static bool parse_relayed_commands(const struct config_key *key, const char *value,
				   void *field)
{
	struct command_list list;

	(void)key;
	memset(&list, 0, sizeof(list));
	if (strlen(value) > COMMAND_LIST_LEN_MAX)
		return false;
	while (*value) {
		size_t len = strcspn(value, ",");

		if (!parse_command(value, len, &list))
			return false;
		value += len;
		/* a comma stands between two names */
		if (*value && !*++value)
			return false;
	}
	memcpy(field, &list, sizeof(list));
	return true;
}

/* Those of memonlined alone. */
static bool parse_commands(const struct config_key *key, const char *value, void *field)
{
	struct command_list list;

	if (!parse_relayed_commands(key, value, &list) || list.relayed[0])
		return false;
	memcpy(field, &list, sizeof(list));
	return true;
}

static void dump_commands(const void *field, const struct config_key *key,
			  struct text *text)
{
	const struct command_list *list = field;
	const char *lead = "";
	unsigned i;

	(void)key;
	for (i = 0; i < PROTOCOL_COMMANDS; i++) {
		if (!(list->known >> i & 1))
			continue;
		text_puts(text, lead);
		text_puts(text, protocol_command_name((enum protocol_command)i));
		lead = ",";
	}
	if (list->relayed[0])
		text_printf(text, "%s%s", lead, list->relayed);
}

const struct config_type config_relayed_command_list = { parse_relayed_commands,
							 dump_commands };
const struct config_type config_command_list = { parse_commands, dump_commands };

/* --- a list of ranges */

static bool parse_one_range(const char *value, size_t len, struct config_ranges *ranges)
{
	static const char word[] = "range ";
	char text[64];
	struct scope scope;

	while (len && config_is_blank(*value))
		value++, len--;
	while (len && config_is_blank(value[len - 1]))
		len--;
	if (len + sizeof(word) > sizeof(text) || ranges->count == CONFIG_RANGES_MAX)
		return false;
	memcpy(text, word, sizeof(word));
	memcpy(text + sizeof(word) - 1, value, len);
	if (scope_parse(&scope, text, sizeof(word) - 1 + len))
		return false;
	ranges->ranges[ranges->count].start = scope.start;
	ranges->ranges[ranges->count++].size = scope.size;
	return true;
}

static bool parse_ranges(const struct config_key *key, const char *value, void *field)
{
	struct config_ranges ranges;

	(void)key;
	memset(&ranges, 0, sizeof(ranges));
	while (*value) {
		size_t len = strcspn(value, ",");

		if (!parse_one_range(value, len, &ranges))
			return false;
		value += len;
		/* a comma stands between two */
		if (*value && !*++value)
			return false;
	}
	memcpy(field, &ranges, sizeof(ranges));
	return true;
}

static void dump_ranges(const void *field, const struct config_key *key,
			struct text *text)
{
	struct config_ranges ranges;
	size_t i;

	(void)key;
	memcpy(&ranges, field, sizeof(ranges));
	for (i = 0; i < ranges.count; i++)
		text_printf(text, "%s0x%" PRIx64 "+%" PRIu64, i ? "," : "",
			    ranges.ranges[i].start, ranges.ranges[i].size);
}

const struct config_type config_range_list = { parse_ranges, dump_ranges };
