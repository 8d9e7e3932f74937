/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "core/config-private.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

const struct config_key config_keys[] = {
	{ "memonlined", "policy", "auto", &config_choice,
	  FIELD(policy), .words = policy_words },
	{ "memonlined", "movable-ratio", "301", &config_count,
	  FIELD(movable_ratio), .max = RATIO_MAX,
	  .expected = "percent from 0 to 100000" },
	{ "memonlined", "ratio-per-node", "yes", &config_choice,
	  FIELD(ratio_per_node), .words = yes_words },
	{ "memonlined", "carry-out", "agent", &config_choice,
	  FIELD(carry_out), .words = carry_out_words },
	{ "memonlined", "fallback", "no", &config_choice,
	  FIELD(fallback), .words = yes_words },
	{ "memonlined", "rezone", "no", &config_choice,
	  FIELD(rezone), .words = yes_words },
	{ "memonlined", "retry-for", "600", &config_count,
	  FIELD(retry_sec), .max = 86400,
	  .expected = "seconds from 0 to 86400" },
	{ "memonlined", "events", "auto", &config_choice,
	  FIELD(events), .words = events_words },
	{ "memonlined", "receive-buffer", "128M", &config_size,
	  FIELD(receive_buffer_bytes), .min = 4096, .max = 1u << 30,
	  .expected = "a size from 4096 to 1G" },
	{ "memonlined", "journal-reports", "1024", &config_count,
	  FIELD(journal_reports), .min = 16, .max = 65536,
	  .expected = "a number from 16 to 65536" },
	{ "probe", "mode", "host", &config_choice,
	  FIELD(probe_mode), .words = probe_mode_words },
	{ "probe", "confirm", "controller", &config_choice,
	  FIELD(probe_confirm), .words = probe_confirm_words },
	{ "probe", "ranges", "", &config_range_list,
	  FIELD(probe_ranges),
	  .expected = "at most 8 ranges as in 0x100000000+512M, commas between" },
	{ "channel", "port", "org.memonline.agent.0", &config_name,
	  FIELD(port), .max = CONFIG_NAME_SIZE,
	  .expected = "the name of a port, at most 63 bytes, or nothing" },
	{ "channel", "relay", "", &config_path_or_none,
	  FIELD(relay), .max = CONFIG_PATH_SIZE,
	  .expected = "an absolute path without blanks, at most 103 bytes, or nothing" },
	{ "channel", "allow-rpcs", "", &config_relayed_command_list,
	  FIELD(port_allowed), .expected = COMMANDS_EXPECTED },
	{ "channel", "block-rpcs", "", &config_relayed_command_list,
	  FIELD(port_blocked), .expected = COMMANDS_EXPECTED },
	{ "control", "socket", "/run/memonline/control.sock", &config_path,
	  FIELD(control_socket), .max = CONFIG_PATH_SIZE,
	  .expected = "an absolute path without blanks, at most 103 bytes" },
	{ "control", "mode", "0600", &config_octal,
	  FIELD(control_mode), .max = 0777,
	  .expected = "an octal mode from 0 to 0777" },
	{ "control", "allow-rpcs", "", &config_command_list,
	  FIELD(control_allowed), .expected = COMMANDS_EXPECTED },
	{ "control", "block-rpcs", "", &config_command_list,
	  FIELD(control_blocked), .expected = COMMANDS_EXPECTED },
	{ "stats", "textfile", "", &config_textfile,
	  FIELD(textfile), .max = CONFIG_PATH_SIZE,
	  .expected = "an absolute path without blanks that ends in .prom, at most 103 bytes, or nothing" },
	{ "log", "level", "info", &config_choice,
	  FIELD(log_level), .words = level_words },
	{ "log", "target", "auto", &config_choice,
	  FIELD(log_target), .words = target_words },
};
/* clang-format on */

const size_t config_key_count = sizeof(config_keys) / sizeof(config_keys[0]);
typedef char keys_have_origins
	[sizeof(config_keys) / sizeof(config_keys[0]) <= CONFIG_KEYS_MAX ? 1 : -1];

const struct config_key config_override_key = { "",  "policy", "", &config_choice,
						0,   0,	       0,  policy_words,
						NULL };

bool config_has_section(const char *section, size_t len)
{
	size_t i;

	for (i = 0; i < config_key_count; i++)
		if (strlen(config_keys[i].section) == len &&
		    memcmp(config_keys[i].section, section, len) == 0)
			return true;
	return false;
}

const struct config_key *config_find_key(const char *section, const char *key_name)
{
	size_t i;

	for (i = 0; i < config_key_count; i++)
		if (strcmp(config_keys[i].section, section) == 0 &&
		    strcmp(config_keys[i].name, key_name) == 0)
			return &config_keys[i];
	return NULL;
}

void *config_field(struct config *config, const struct config_key *key)
{
	return (char *)config + key->offset;
}

const char *config_expectation(const struct config_key *key, char *buffer,
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

void config_defaults(struct config *config)
{
	size_t i;

	memset(config, 0, sizeof(*config));
	for (i = 0; i < config_key_count; i++)
		config_keys[i].type->parse(&config_keys[i], config_keys[i].standard,
					   config_field(config, &config_keys[i]));
}

/* --- what must fit together */

/* Commands of qemu-ga in a list are a mistake where there is none. */
static bool names_relayed(const struct config *config, const struct config_key *key)
{
	return key->type == &config_relayed_command_list &&
	       ((const struct command_list *)((const char *)config + key->offset))
		       ->relayed[0];
}

int config_check(const struct config *config, const struct config_origins *origins,
		 char error[CONFIG_ERROR_SIZE])
{
	size_t i;

	for (i = 0; i < config_key_count && !config->relay[0]; i++) {
		const struct config_origin *origin = &origins->keys[i];

		if (!names_relayed(config, &config_keys[i]))
			continue;
		snprintf(error, CONFIG_ERROR_SIZE,
			 "%.120s:%u: [%s] %s: expected " COMMANDS_EXPECTED
			 ", or [channel] relay",
			 origins->files[origin->file - 1], origin->line,
			 config_keys[i].section, config_keys[i].name);
		return -EINVAL;
	}
	return 0;
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
	/* no blank at the end if there is no value */
	if (text->len && text->data[text->len - 1] == ' ')
		text->data[--text->len] = '\0';
	text_puts(text, "\n");
}

void config_dump(const struct config *config, const struct config_origins *origins,
		 struct text *text)
{
	const char *section = "";
	size_t i;

	for (i = 0; i < config_key_count; i++) {
		if (strcmp(section, config_keys[i].section) != 0)
			text_printf(text, "%s[%s]\n", *section ? "\n" : "",
				    config_keys[i].section);
		section = config_keys[i].section;
		if (origins)
			dump_origin(origins, &origins->keys[i], origins->keys[i].line,
				    text);
		dump_key(config, &config_keys[i], text);
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
