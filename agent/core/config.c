/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/config.h"

#include <errno.h>
#include <ini.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "core/command.h"
#include "core/number.h"

/* inih cuts a line at 200 bytes and goes on: what comes near is refused before. */
#define LINE_MAX_BYTES 190
/* How much of a wrong word goes into a message. */
#define SHOWN "%.60s"

struct config_key {
	const char *section;
	const char *name;
	const char *standard; /* the default, in the words of the file */
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

/* --- a choice of words, kept as an enum */

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

static const struct config_type choice = { parse_choice, dump_choice };

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

static const struct config_type count = { parse_count, dump_count };

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

static const struct config_type octal = { parse_octal, dump_octal };

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

static const struct config_type size = { parse_size, dump_size };

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

static const struct config_type name = { parse_name, dump_string };

static bool parse_path(const struct config_key *key, const char *value, void *field)
{
	return value[0] == '/' && value[1] && put_string(key, value, field);
}

static const struct config_type path = { parse_path, dump_string };

/* --- lists of commands, kept as a mask of bits */

/* So that what dump_commands makes of it fits into a line. */
#define COMMANDS_LEN_MAX 170

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static bool parse_command(const char *name_start, size_t len, unsigned *mask)
{
	char command_name[64];
	enum protocol_command command;

	while (len && is_blank(*name_start))
		name_start++, len--;
	while (len && is_blank(name_start[len - 1]))
		len--;
	if (len >= sizeof(command_name))
		return false;
	memcpy(command_name, name_start, len);
	command_name[len] = '\0';
	if (!protocol_command_parse(command_name, &command))
		return false;
	*mask |= 1u << command;
	return true;
}

static bool parse_commands(const struct config_key *key, const char *value, void *field)
{
	unsigned mask = 0;

	(void)key;
	if (strlen(value) > COMMANDS_LEN_MAX)
		return false;
	while (*value) {
		size_t len = strcspn(value, ",");

		if (!parse_command(value, len, &mask))
			return false;
		value += len;
		/* a comma stands between two names */
		if (*value && !*++value)
			return false;
	}
	memcpy(field, &mask, sizeof(mask));
	return true;
}

static void dump_commands(const void *field, const struct config_key *key,
			  struct text *text)
{
	const char *lead = "";
	unsigned mask, i;

	(void)key;
	memcpy(&mask, field, sizeof(mask));
	for (i = 0; i < PROTOCOL_COMMANDS; i++) {
		if (!(mask >> i & 1))
			continue;
		text_puts(text, lead);
		text_puts(text, protocol_command_name((enum protocol_command)i));
		lead = ",";
	}
}

static const struct config_type command_list = { parse_commands, dump_commands };

/* --- a list of ranges */

static bool parse_one_range(const char *value, size_t len, struct config_ranges *ranges)
{
	static const char word[] = "range ";
	char text[64];
	struct scope scope;

	while (len && is_blank(*value))
		value++, len--;
	while (len && is_blank(value[len - 1]))
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

static const struct config_type range_list = { parse_ranges, dump_ranges };
#define RATIO_MAX 100000
#define COMMANDS_EXPECTED "commands of memonline-protocol(7), at most 170 bytes"

/* --- the keys */

static const char *const policy_words[] = {
	"auto", "online", "online_kernel", "online_movable", "ratio", "keep", NULL
};
static const char *const carry_out_words[] = { "agent", "kernel", "auto", NULL };
static const char *const yes_words[] = { "no", "yes", NULL };
static const char *const probe_mode_words[] = { "host", "static", "controller", "off",
						NULL };
static const char *const probe_confirm_words[] = { "controller", "none", NULL };
static const char *const events_words[] = { "auto", "udev", "kernel", NULL };
static const char *const level_words[] = { "error", "warning", "info", "debug", NULL };
static const char *const target_words[] = { "auto", "stderr", "syslog", NULL };

/* clang-format off */
#define FIELD(field) .offset = offsetof(struct config, field)

static const struct config_key keys[] = {
	{ "memonlined", "policy", "auto", &choice,
	  FIELD(policy), .words = policy_words },
	{ "memonlined", "movable-ratio", "301", &count,
	  FIELD(movable_ratio), .max = RATIO_MAX,
	  .expected = "percent from 0 to 100000" },
	{ "memonlined", "ratio-per-node", "yes", &choice,
	  FIELD(ratio_per_node), .words = yes_words },
	{ "memonlined", "carry-out", "agent", &choice,
	  FIELD(carry_out), .words = carry_out_words },
	{ "memonlined", "fallback", "no", &choice,
	  FIELD(fallback), .words = yes_words },
	{ "memonlined", "rezone", "no", &choice,
	  FIELD(rezone), .words = yes_words },
	{ "memonlined", "retry-for", "600", &count,
	  FIELD(retry_sec), .max = 86400,
	  .expected = "seconds from 0 to 86400" },
	{ "memonlined", "events", "auto", &choice,
	  FIELD(events), .words = events_words },
	{ "memonlined", "receive-buffer", "128M", &size,
	  FIELD(receive_buffer_bytes), .min = 4096, .max = 1u << 30,
	  .expected = "a size from 4096 to 1G" },
	{ "memonlined", "journal-reports", "1024", &count,
	  FIELD(journal_reports), .min = 16, .max = 65536,
	  .expected = "a number from 16 to 65536" },
	{ "probe", "mode", "host", &choice,
	  FIELD(probe_mode), .words = probe_mode_words },
	{ "probe", "confirm", "controller", &choice,
	  FIELD(probe_confirm), .words = probe_confirm_words },
	{ "probe", "ranges", "", &range_list,
	  FIELD(probe_ranges),
	  .expected = "at most 8 ranges as in 0x100000000+512M, commas between" },
	{ "channel", "port", "org.memonline.agent.0", &name,
	  FIELD(port), .max = CONFIG_NAME_SIZE,
	  .expected = "the name of a port, at most 63 bytes, or nothing" },
	{ "channel", "allow-rpcs", "", &command_list,
	  FIELD(port_allowed), .expected = COMMANDS_EXPECTED },
	{ "channel", "block-rpcs", "", &command_list,
	  FIELD(port_blocked), .expected = COMMANDS_EXPECTED },
	{ "control", "socket", "/run/memonline/control.sock", &path,
	  FIELD(control_socket), .max = CONFIG_PATH_SIZE,
	  .expected = "an absolute path without blanks, at most 103 bytes" },
	{ "control", "mode", "0600", &octal,
	  FIELD(control_mode), .max = 0777,
	  .expected = "an octal mode from 0 to 0777" },
	{ "control", "allow-rpcs", "", &command_list,
	  FIELD(control_allowed), .expected = COMMANDS_EXPECTED },
	{ "control", "block-rpcs", "", &command_list,
	  FIELD(control_blocked), .expected = COMMANDS_EXPECTED },
	{ "log", "level", "info", &choice,
	  FIELD(log_level), .words = level_words },
	{ "log", "target", "auto", &choice,
	  FIELD(log_target), .words = target_words },
};
/* clang-format on */

#define KEYS (sizeof(keys) / sizeof(keys[0]))
typedef char keys_have_origins[KEYS <= CONFIG_KEYS_MAX ? 1 : -1];

/* --- reading */

struct parse {
	struct config config;
	struct config_origins origins;
	const char *file;
	const char *next; /* what is not read yet */
	size_t left;
	unsigned line; /* the number of the one just read */
	unsigned given[KEYS]; /* the line of each key, 0: not yet */
	bool has_section[CONFIG_OVERRIDES_MAX]; /* in this file */
	/* The section that lines belong to now, where it is an override; else NULL. */
	struct config_override *section;
	unsigned failed_line; /* 0: no error yet */
	char *error;
};

/* The message goes to terminals and logs, and the file may hold anything. */
static void neutralize(char *message)
{
	for (; *message; message++)
		if ((unsigned char)*message < ' ' || *message == 0x7f)
			*message = '?';
}

static void fail(struct parse *parse, unsigned line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void fail(struct parse *parse, unsigned line, const char *format, ...)
{
	va_list arguments;
	int len;

	parse->failed_line = line;
	len = snprintf(parse->error, CONFIG_ERROR_SIZE, "%.120s:%u: ", parse->file, line);
	va_start(arguments, format);
	vsnprintf(parse->error + len, CONFIG_ERROR_SIZE - (size_t)len, format, arguments);
	va_end(arguments);
	neutralize(parse->error);
}

static bool section_is_known(const char *section, size_t len)
{
	size_t i;

	for (i = 0; i < KEYS; i++)
		if (strlen(keys[i].section) == len &&
		    memcmp(keys[i].section, section, len) == 0)
			return true;
	return false;
}

static void fail_overlap(struct parse *parse, size_t i)
{
	unsigned line = parse->config.overrides[i].line;

	if (parse->has_section[i])
		fail(parse, parse->line, "a range that overlaps the one in line %u",
		     line);
	else
		fail(parse, parse->line, "a range that overlaps the one in %s:%u",
		     parse->origins.files[parse->origins.overrides[i].file - 1], line);
}

/* A section that begins: what another file has said of this place counts no longer. */
static struct config_override *begin_override(struct parse *parse, size_t i,
					      const struct scope *scope)
{
	struct config_override *override = &parse->config.overrides[i];

	if (parse->has_section[i])
		return override;
	memset(override, 0, sizeof(*override));
	override->scope = *scope;
	override->line = parse->line;
	parse->has_section[i] = true;
	parse->origins.overrides[i].file = (unsigned)parse->origins.file_count;
	return override;
}

/* The override of this place, made where it is new; NULL with the error told. */
static struct config_override *find_override(struct parse *parse,
					     const struct scope *scope)
{
	struct config *config = &parse->config;
	size_t i;

	for (i = 0; i < config->override_count; i++) {
		const struct scope *other = &config->overrides[i].scope;

		if (!scope_collides(other, scope))
			continue;
		/* Nodes and owners collide with their like only. */
		if (other->start == scope->start && other->size == scope->size)
			return begin_override(parse, i, scope);
		fail_overlap(parse, i);
		return NULL;
	}
	if (i == CONFIG_OVERRIDES_MAX) {
		fail(parse, parse->line, "more than %d sections for places",
		     CONFIG_OVERRIDES_MAX);
		return NULL;
	}
	config->override_count++;
	return begin_override(parse, i, scope);
}

/* false: not a section at all, and the error is told. */
static bool enter_section(struct parse *parse, const char *section_name, size_t len)
{
	int shown = len < 60 ? (int)len : 60;
	const char *expected;
	struct scope scope;

	parse->section = NULL;
	if (section_is_known(section_name, len))
		return true;
	memset(&scope, 0, sizeof(scope));
	expected = scope_parse(&scope, section_name, len);
	if (!expected) {
		parse->section = find_override(parse, &scope);
		return parse->section != NULL;
	}
	if (*expected)
		fail(parse, parse->line, "[%.*s]: expected %s", shown, section_name,
		     expected);
	else
		fail(parse, parse->line, "[%.*s]: unknown section", shown, section_name);
	return false;
}

/* inih reports no section without keys, and does not look at what follows the bracket. */
static bool check_section(struct parse *parse, const char *line, size_t len)
{
	const char *end = memchr(line, ']', len);
	const char *rest;

	if (!end)
		return true; /* inih's to say */
	if (!enter_section(parse, line + 1, (size_t)(end - line) - 1))
		return false;
	for (rest = end + 1; rest < line + len && is_blank(*rest); rest++)
		;
	if (rest < line + len && *rest != ';' && *rest != '#') {
		fail(parse, parse->line, "[%.*s]: something follows the bracket",
		     (int)(end - line) - 1, line + 1);
		return false;
	}
	return true;
}

/* One line, without its newline, or NULL at the end. */
static const char *take_line(struct parse *parse, size_t *len)
{
	const char *line = parse->next;
	const char *newline;

	if (parse->left == 0)
		return NULL;
	newline = memchr(line, '\n', parse->left);
	*len = newline ? (size_t)(newline - line) : parse->left;
	parse->next += *len + (newline ? 1 : 0);
	parse->left -= *len + (newline ? 1 : 0);
	parse->line++;
	return line;
}

static bool check_line(struct parse *parse, const char *line, size_t len, int buffer_size)
{
	int max = buffer_size - 2 < LINE_MAX_BYTES ? buffer_size - 2 : LINE_MAX_BYTES;

	if (max < 0 || len > (size_t)max) {
		fail(parse, parse->line, "a line of more than %d bytes", max);
		return false;
	}
	if (memchr(line, '\0', len)) {
		fail(parse, parse->line, "a NUL byte");
		return false;
	}
	return true;
}

/*
 * inih's reader: one whole line at each call, so that its count of lines is ours. What
 * precedes the first word goes: white space there would mean a continued value, which no
 * key has.
 */
static char *read_line(char *buffer, int buffer_size, void *stream)
{
	struct parse *parse = stream;
	const char *line;
	size_t len;

	if (parse->failed_line)
		return NULL;
	line = take_line(parse, &len);
	if (!line || !check_line(parse, line, len, buffer_size))
		return NULL;
	if (parse->line == 1 && len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
		line += 3, len -= 3;
	while (len > 0 && is_blank(*line))
		line++, len--;
	if (len > 0 && *line == '[' && !check_section(parse, line, len))
		return NULL;
	memcpy(buffer, line, len);
	memcpy(buffer + len, "\n", 2);
	return buffer;
}

static const struct config_key *find_key(const char *section, const char *key_name)
{
	size_t i;

	for (i = 0; i < KEYS; i++)
		if (strcmp(keys[i].section, section) == 0 &&
		    strcmp(keys[i].name, key_name) == 0)
			return &keys[i];
	return NULL;
}

static void *field_of(struct config *config, const struct config_key *key)
{
	return (char *)config + key->offset;
}

/* "online, online_kernel, online_movable or keep" */
static const char *expectation(const struct config_key *key, char *buffer,
			       size_t buffer_size)
{
	size_t i, len = 0;

	if (!key->words)
		return key->expected;
	for (i = 0; key->words[i] && len < buffer_size; i++)
		len += (size_t)snprintf(buffer + len, buffer_size - len, "%s%s",
					i == 0		    ? ""
					: key->words[i + 1] ? ", "
							    : " or ",
					key->words[i]);
	return buffer;
}

static void fail_value(struct parse *parse, const char *section,
		       const struct config_key *key, const char *value)
{
	char words[96];

	fail(parse, parse->line, "[%s] %s = " SHOWN ": expected %s", section, key->name,
	     value, expectation(key, words, sizeof(words)));
}

/* In [node …], [range …] and [owner …]. */
static const struct config_key override_key = { "", "policy", "",	    &choice, 0,
						0,  0,	      policy_words, NULL };

static int assign_override(struct parse *parse, const char *section, const char *key_name,
			   const char *value)
{
	struct config_override *override = parse->section;

	if (strcmp(key_name, override_key.name) != 0) {
		fail(parse, parse->line, "[%s] " SHOWN ": unknown key", section,
		     key_name);
		return 0;
	}
	if (override->is_given) {
		fail(parse, parse->line, "[%s] %s: given twice, first in line %u",
		     section, key_name, override->line);
		return 0;
	}
	override->is_given = true;
	override->line = parse->line;
	if (!choice.parse(&override_key, value, &override->policy)) {
		fail_value(parse, section, &override_key, value);
		return 0;
	}
	return 1;
}

/* inih's handler: 0 is its word for an error. */
static int assign(void *user, const char *section, const char *key_name,
		  const char *value)
{
	struct parse *parse = user;
	const struct config_key *key;
	unsigned *given;

	if (parse->failed_line || !key_name || !value)
		return 1; /* the last two: inih built to say more than usual */
	if (!*section) {
		fail(parse, parse->line, SHOWN ": stands before any [section]", key_name);
		return 0;
	}
	if (parse->section)
		return assign_override(parse, section, key_name, value);
	key = find_key(section, key_name);
	if (!key) {
		fail(parse, parse->line, "[%s] " SHOWN ": unknown key", section,
		     key_name);
		return 0;
	}
	given = &parse->given[key - keys];
	if (*given) {
		fail(parse, parse->line, "[%s] %s: given twice, first in line %u",
		     section, key_name, *given);
		return 0;
	}
	*given = parse->line;
	parse->origins.keys[key - keys].file = (unsigned)parse->origins.file_count;
	parse->origins.keys[key - keys].line = parse->line;
	if (!key->type->parse(key, value, field_of(&parse->config, key))) {
		fail_value(parse, section, key, value);
		return 0;
	}
	return 1;
}

/* A section that says nothing is a mistake, not a wish. */
static void check_overrides(struct parse *parse)
{
	size_t i;

	for (i = 0; !parse->failed_line && i < parse->config.override_count; i++)
		if (!parse->config.overrides[i].is_given)
			fail(parse, parse->config.overrides[i].line,
			     "a section without a policy");
}

void config_defaults(struct config *config)
{
	size_t i;

	memset(config, 0, sizeof(*config));
	for (i = 0; i < KEYS; i++)
		keys[i].type->parse(&keys[i], keys[i].standard,
				    field_of(config, &keys[i]));
}

static void read_file(struct parse *parse)
{
	int bad_line = ini_parse_stream(read_line, parse, assign, parse);

	/* inih goes on after a line that it cannot read: the first error is told. */
	if (bad_line > 0 &&
	    (!parse->failed_line || (unsigned)bad_line < parse->failed_line))
		fail(parse, (unsigned)bad_line, "neither [section] nor key = value");
	else if (bad_line < 0 && !parse->failed_line)
		fail(parse, 1, "no memory to read it");
	check_overrides(parse);
}

int config_add(struct config *config, struct config_origins *origins, const char *file,
	       const char *text, size_t len, char error[CONFIG_ERROR_SIZE])
{
	struct parse parse;
	size_t number = origins->file_count;

	if (number == CONFIG_FILES_MAX) {
		snprintf(error, CONFIG_ERROR_SIZE, "%.120s: more than %d files", file,
			 CONFIG_FILES_MAX);
		return -ENOSPC;
	}
	memset(&parse, 0, sizeof(parse));
	parse.config = *config;
	parse.origins = *origins;
	snprintf(parse.origins.files[number], CONFIG_FILE_SIZE, "%.127s", file);
	neutralize(parse.origins.files[number]);
	parse.origins.file_count++;
	parse.file = file;
	parse.next = text;
	parse.left = len;
	parse.error = error;
	read_file(&parse);
	if (parse.failed_line)
		return -EINVAL;
	*config = parse.config;
	*origins = parse.origins;
	return 0;
}

int config_parse(struct config *config, const char *file, const char *text, size_t len,
		 char error[CONFIG_ERROR_SIZE])
{
	struct config_origins origins;
	struct config parsed;
	int r;

	memset(&origins, 0, sizeof(origins));
	config_defaults(&parsed);
	r = config_add(&parsed, &origins, file, text, len, error);
	if (r == 0)
		*config = parsed;
	return r;
}

/* --- writing */

static void dump_origin(const struct config_origins *origins,
			const struct config_origin *origin, unsigned line,
			struct text *text)
{
	if (origin->file)
		text_printf(text, "# %s:%u\n", origins->files[origin->file - 1], line);
}

static void dump_key(const struct config *config, const struct config_key *key,
		     struct text *text)
{
	text_printf(text, "%s = ", key->name);
	key->type->dump((const char *)config + key->offset, key, text);
	/* no blank at the end where there is no value */
	if (text->len && text->data[text->len - 1] == ' ')
		text->data[--text->len] = '\0';
	text_puts(text, "\n");
}

void config_dump(const struct config *config, const struct config_origins *origins,
		 struct text *text)
{
	const char *section = "";
	size_t i;

	for (i = 0; i < KEYS; i++) {
		if (strcmp(section, keys[i].section) != 0)
			text_printf(text, "%s[%s]\n", *section ? "\n" : "",
				    keys[i].section);
		section = keys[i].section;
		if (origins)
			dump_origin(origins, &origins->keys[i], origins->keys[i].line,
				    text);
		dump_key(config, &keys[i], text);
	}
	for (i = 0; i < config->override_count; i++) {
		const struct config_override *override = &config->overrides[i];

		text_puts(text, "\n[");
		scope_put(&override->scope, text);
		text_puts(text, "]\n");
		if (origins)
			dump_origin(origins, &origins->overrides[i], override->line,
				    text);
		text_printf(text, "policy = %s\n", policy_words[override->policy]);
	}
}

const char *config_policy_text(enum config_policy policy)
{
	return policy_words[policy];
}
