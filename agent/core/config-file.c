/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/config-private.h"

#include <errno.h>
#include <ini.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* inih cuts a line at 200 bytes and goes on: what comes near is refused before. */
#define LINE_MAX_BYTES 190
/* How much of a wrong name or value a message shows. */
#define SHOWN "%.60s"

struct parse {
	struct config config;
	struct config_origins origins;
	const char *file;
	const char *next; /* what is not read yet */
	size_t left;
	unsigned line; /* the number of the one just read */
	unsigned given[CONFIG_KEYS_MAX]; /* the line of each key, 0: not yet */
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

static void fail_overlap(struct parse *parse, size_t i)
{
	unsigned line = parse->config.overrides[i].line;

	if (parse->has_section[i])
		fail(parse, parse->line, "range overlaps the one in line %u", line);
	else
		fail(parse, parse->line, "range overlaps the one in %s:%u",
		     parse->origins.files[parse->origins.overrides[i].file - 1], line);
}

/* Begins a section: it replaces the section that another file has for the same scope. */
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

/* The override for this scope, added if it is new; NULL with the error in `parse`. */
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
		fail(parse, parse->line,
		     "too many sections for places (expected at most %d)",
		     CONFIG_OVERRIDES_MAX);
		return NULL;
	}
	config->override_count++;
	return begin_override(parse, i, scope);
}

/* false: not a section, and the error is in `parse`. */
static bool enter_section(struct parse *parse, const char *section_name, size_t len)
{
	int shown = len < 60 ? (int)len : 60;
	const char *expected;
	struct scope scope;

	parse->section = NULL;
	if (config_has_section(section_name, len))
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

/* inih reports no section without keys, and ignores what follows the bracket. */
static bool check_section(struct parse *parse, const char *line, size_t len)
{
	const char *end = memchr(line, ']', len);
	const char *rest;

	if (!end)
		return true; /* inih's to say */
	if (!enter_section(parse, line + 1, (size_t)(end - line) - 1))
		return false;
	for (rest = end + 1; rest < line + len && config_is_blank(*rest); rest++)
		;
	if (rest < line + len && *rest != ';' && *rest != '#') {
		fail(parse, parse->line, "[%.*s]: unexpected text after the bracket",
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
		fail(parse, parse->line, "line too long (expected at most %d bytes)",
		     max);
		return false;
	}
	if (memchr(line, '\0', len)) {
		fail(parse, parse->line, "NUL byte");
		return false;
	}
	return true;
}

/*
 * inih's reader: one whole line at each call, so that its count of lines is ours. White
 * space before the first word is dropped: it would mean a continued value, which no key
 * has.
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
	while (len > 0 && config_is_blank(*line))
		line++, len--;
	if (len > 0 && *line == '[' && !check_section(parse, line, len))
		return NULL;
	memcpy(buffer, line, len);
	memcpy(buffer + len, "\n", 2);
	return buffer;
}

static void fail_value(struct parse *parse, const char *section,
		       const struct config_key *key, const char *value)
{
	char words[96];

	fail(parse, parse->line, "[%s] %s = " SHOWN ": expected %s", section, key->name,
	     value, config_expectation(key, words, sizeof(words)));
}

static int assign_override(struct parse *parse, const char *section, const char *key_name,
			   const char *value)
{
	struct config_override *override = parse->section;

	if (strcmp(key_name, config_override_key.name) != 0) {
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
	if (!config_choice.parse(&config_override_key, value, &override->policy)) {
		fail_value(parse, section, &config_override_key, value);
		return 0;
	}
	return 1;
}

/* inih's handler: returns 0 for an error. */
static int assign(void *user, const char *section, const char *key_name,
		  const char *value)
{
	struct parse *parse = user;
	const struct config_key *key;
	unsigned *given;

	if (parse->failed_line || !key_name || !value)
		return 1; /* the last two: inih built to say more than usual */
	if (!*section) {
		fail(parse, parse->line, SHOWN ": key before any [section]", key_name);
		return 0;
	}
	if (parse->section)
		return assign_override(parse, section, key_name, value);
	key = config_find_key(section, key_name);
	if (!key) {
		fail(parse, parse->line, "[%s] " SHOWN ": unknown key", section,
		     key_name);
		return 0;
	}
	given = &parse->given[key - config_keys];
	if (*given) {
		fail(parse, parse->line, "[%s] %s: given twice, first in line %u",
		     section, key_name, *given);
		return 0;
	}
	*given = parse->line;
	parse->origins.keys[key - config_keys].file = (unsigned)parse->origins.file_count;
	parse->origins.keys[key - config_keys].line = parse->line;
	if (!key->type->parse(key, value, config_field(&parse->config, key))) {
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
			     "section without a policy");
}

static void read_file(struct parse *parse)
{
	int bad_line = ini_parse_stream(read_line, parse, assign, parse);

	/*
	 * inih continues after a line that it cannot read: the first error is reported.
	 */
	if (bad_line > 0 &&
	    (!parse->failed_line || (unsigned)bad_line < parse->failed_line))
		fail(parse, (unsigned)bad_line,
		     "invalid line (expected [section] or key = value)");
	else if (bad_line < 0 && !parse->failed_line)
		fail(parse, 1, "out of memory");
	check_overrides(parse);
}

int config_add(struct config *config, struct config_origins *origins, const char *file,
	       const char *text, size_t len, char error[CONFIG_ERROR_SIZE])
{
	struct parse parse;
	size_t number = origins->file_count;

	if (number == CONFIG_FILES_MAX) {
		snprintf(error, CONFIG_ERROR_SIZE,
			 "%.120s: too many files (expected at most %d)", file,
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
		r = config_check(&parsed, &origins, error);
	if (r == 0)
		*config = parsed;
	return r;
}
