/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SETTINGS_H
#define MEMONLINE_SETTINGS_H

/* The configuration from its files, with the precedence of memonlined.conf(5). */

#include "core/config.h"
#include "core/contract.h"

#ifndef SYSCONFDIR
#define SYSCONFDIR "/etc"
#endif
#define SETTINGS_FILE SYSCONFDIR "/memonlined.conf"
/* A file in the second one takes the place of one of its name in the first one. */
#define SETTINGS_VENDOR_DIR "/usr/lib/memonlined.conf.d"
#define SETTINGS_LOCAL_DIR SYSCONFDIR "/memonlined.conf.d"

struct settings_options {
	const char
		*file; /* this one alone, which must be there; NULL: all that are there */
	const char *root; /* before all other paths; "": none */
	const char *listen; /* instead of the socket of the configuration; NULL: not so */
};

/*
 * Defaults, then the files. 0, or negative errno with the reason in `error`; *config and *origins
 * are undefined then.
 */
int settings_load(const struct settings_options *options, struct config *config,
		  struct config_origins *origins,
		  char error[CONFIG_ERROR_SIZE]) _must_check_ _nonnull_(1);

#endif
