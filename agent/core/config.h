/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CONFIG_H
#define MEMONLINE_CONFIG_H

/* memonlined.conf(5): its text to a struct, by one table of keys, and back. */

#include <stdbool.h>
#include <stddef.h>

#include "core/command.h"
#include "core/contract.h"
#include "core/scope.h"
#include "core/text.h"

enum config_policy {
	CONFIG_POLICY_AUTO,
	CONFIG_POLICY_ONLINE,
	CONFIG_POLICY_ONLINE_KERNEL,
	CONFIG_POLICY_ONLINE_MOVABLE,
	CONFIG_POLICY_RATIO,
	CONFIG_POLICY_KEEP
};
enum config_carry_out {
	CONFIG_CARRY_OUT_AGENT,
	CONFIG_CARRY_OUT_KERNEL,
	CONFIG_CARRY_OUT_AUTO
};
/* Who names the ranges that are probed. */
enum config_probe_mode {
	CONFIG_PROBE_HOST,
	CONFIG_PROBE_STATIC,
	CONFIG_PROBE_CONTROLLER,
	CONFIG_PROBE_OFF
};
enum config_probe_confirm { CONFIG_PROBE_CONFIRM_CONTROLLER, CONFIG_PROBE_CONFIRM_NONE };
enum config_events { CONFIG_EVENTS_AUTO, CONFIG_EVENTS_UDEV, CONFIG_EVENTS_KERNEL };
enum config_log_target { CONFIG_LOG_AUTO, CONFIG_LOG_STDERR, CONFIG_LOG_SYSLOG };
/* In the order of syslog's own levels. */
enum config_log_level {
	CONFIG_LOG_ERROR,
	CONFIG_LOG_WARNING,
	CONFIG_LOG_INFO,
	CONFIG_LOG_DEBUG
};

#define CONFIG_NAME_SIZE 64
#define CONFIG_PATH_SIZE 104 /* what fits into sun_path, with its NUL */
#define CONFIG_ERROR_SIZE 256

#define CONFIG_OVERRIDES_MAX 64

/* [node N], [range START+SIZE] or [owner NAME]: another policy there. */
struct config_override {
	struct scope scope;
	enum config_policy policy;
	bool is_given; /* always, in a configuration that was read without an error */
	unsigned line; /* in the file it came from */
};

#define CONFIG_RANGES_MAX 8
struct config_ranges {
	struct {
		uint64_t start, size; /* bytes */
	} ranges[CONFIG_RANGES_MAX];
	size_t count;
};

struct config {
	/* [memonlined] */
	enum config_policy policy; /* policy = auto */
	unsigned movable_ratio; /* movable-ratio = 301; percent of kernel memory */
	unsigned ratio_per_node; /* ratio-per-node = yes */
	enum config_carry_out carry_out; /* carry-out = agent */
	unsigned fallback; /* fallback = no */
	unsigned rezone; /* rezone = no */
	unsigned retry_sec; /* retry-for = 600 */
	struct config_override overrides[CONFIG_OVERRIDES_MAX];
	size_t override_count;
	enum config_events events; /* events = auto */
	unsigned receive_buffer_bytes; /* receive-buffer = 128M; of the event socket */
	unsigned journal_reports; /* journal-reports = 1024; 16 to 65536 */
	/* [probe] */
	enum config_probe_mode probe_mode; /* mode = host */
	enum config_probe_confirm probe_confirm; /* confirm = controller */
	struct config_ranges
		probe_ranges; /* ranges = , as 0x100000000+512M, commas between */
	/* [channel] */
	char port[CONFIG_NAME_SIZE]; /* port = org.memonline.agent.0; empty: no port */
	char relay[CONFIG_PATH_SIZE]; /* relay = , the socket of a qemu-ga; empty: none */
	/* allow-rpcs = : all of them; block-rpcs = : none */
	struct command_list port_allowed, port_blocked;
	/* [control] */
	char control_socket[CONFIG_PATH_SIZE]; /* socket = /run/memonline/control.sock */
	unsigned control_mode; /* mode = 0600, octal */
	struct command_list control_allowed, control_blocked; /* none of qemu-ga's */
	/* [stats] */
	char textfile[CONFIG_PATH_SIZE]; /* textfile = , for node_exporter; empty: none */
	/* [log] */
	enum config_log_level log_level; /* level = info */
	enum config_log_target log_target; /* target = auto: stderr in the foreground */
};

#define CONFIG_FILES_MAX 64
#define CONFIG_KEYS_MAX 32
#define CONFIG_FILE_SIZE 128

/* Where each key was given: a file, by its number, and a line. All zero: nowhere yet. */
struct config_origins {
	char files[CONFIG_FILES_MAX][CONFIG_FILE_SIZE]; /* cut where it is too long */
	size_t file_count;
	struct config_origin {
		unsigned file; /* from 1 on; 0: the default */
		unsigned line;
	} keys[CONFIG_KEYS_MAX], overrides[CONFIG_OVERRIDES_MAX];
};

void config_defaults(struct config *config) _nonnull_(1);
/*
 * Defaults, then what `text` says, checked. 0, or -EINVAL with `error` saying "FILE:LINE: …" and
 * naming the section and key; *config is untouched then. An unknown section or key, one
 * given twice, a bad value and a line that is not an assignment are errors. `file` is
 * only for the message.
 */
int config_parse(struct config *config, const char *file, const char *text, size_t len,
		 char error[CONFIG_ERROR_SIZE]) _must_check_ _nonnull_(1);
/*
 * What `text` says, over what *config has from the files before it: a key that it gives
 * replaces theirs, and so does a section for the same scope. -EINVAL as above, -ENOSPC
 * beyond CONFIG_FILES_MAX files; *config and *origins are untouched then.
 */
int config_add(struct config *config, struct config_origins *origins, const char *file,
	       const char *text, size_t len, char error[CONFIG_ERROR_SIZE]) _must_check_
	_nonnull_(1);
/*
 * After the last file: whether what the files say fits together. 0, or -EINVAL with `error` as
 * above.
 */
int config_check(const struct config *config, const struct config_origins *origins,
		 char error[CONFIG_ERROR_SIZE]) _must_check_ _nonnull_(1);
/*
 * The configuration in force as a file that config_parse reads back to the same. Where `origins`
 * is not NULL, a comment above each key that a file gave names the file and line.
 */
void config_dump(const struct config *config, const struct config_origins *origins,
		 struct text *text) _nonnull_(1);

const char *config_policy_text(enum config_policy policy);

#endif
