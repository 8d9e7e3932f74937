/* SPDX-License-Identifier: GPL-2.0-or-later */

/*
 * A configuration file: refused with a message, or taken, and then what config_dump
 * writes is read back to the same.
 */

#include <stdlib.h>
#include <string.h>

#include "core/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void refused(const char *error)
{
	const char *c;

	must(strncmp(error, "c:", 2) == 0);
	must(strlen(error) < CONFIG_ERROR_SIZE);
	for (c = error; *c; c++)
		must((unsigned char)*c >= ' ' && *c != 0x7f);
}

/* They are positions, not contents. */
static void forget_lines(struct config *config)
{
	size_t i;

	for (i = 0; i < config->override_count; i++)
		config->overrides[i].line = 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char error[CONFIG_ERROR_SIZE] = "";
	struct config config, again;
	struct text text = TEXT_INIT;

	/* What lies between the members is compared as well. */
	memset(&config, 0, sizeof(config));
	memset(&again, 0, sizeof(again));
	if (config_parse(&config, "c", (const char *)data, size, error) != 0) {
		refused(error);
		return 0;
	}
	config_dump(&config, NULL, &text);
	must(!text.failed);
	must(config_parse(&again, "c", text.data, text.len, error) == 0);
	forget_lines(&config);
	forget_lines(&again);
	/* NOLINTNEXTLINE(bugprone-suspicious-memory-comparison,cert-exp42-c,cert-flp37-c): zeroed */
	must(memcmp(&config, &again, sizeof(config)) == 0);
	text_free(&text);
	return 0;
}
