/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CTL_H
#define MEMONLINE_CTL_H

/* What the verbs of memonlinectl(1) share: the options, the conversation, the table. */

#include "core/contract.h"
#include "session.h"
#include "table.h"

/* Exit codes; 64 is that of chmem(8) and belongs to verbs that act on several blocks. */
enum { CTL_DONE = 0, CTL_FAILED = 1, CTL_PARTLY = 64 };

struct ctl_options {
	const char *columns; /* NULL: the usual ones */
	uint64_t since;
	uint64_t max;
	uint64_t offline_sec;
	uint64_t wait_sec;
	const char *word; /* NULL: the policy's */
	const char *qmp; /* QEMU's monitor; NULL: none */
	bool has_since;
	bool dry_run;
	bool probe; /* reconcile: first */
	bool json;
	bool bytes;
	bool all;
	bool no_headings;
};

struct ctl {
	struct ctl_options options;
	const char *verb;
	const char *argument; /* NULL where the verb takes none */
	struct ctl_session session;
	struct table table; /* of the verb's columns */
};

/* What a verb acts on. */
struct ctl_argument {
	const char *name;
	bool (*is)(const char *text);
	const char *expected;
};
extern const struct ctl_argument ctl_range_argument, ctl_block_argument;

/* The options that only some verbs take. */
enum {
	CTL_JSON = 1 << 0,
	CTL_BYTES = 1 << 1,
	CTL_COLUMNS = 1 << 2,
	CTL_NO_HEADINGS = 1 << 3,
	CTL_ALL = 1 << 4,
	CTL_SINCE = 1 << 5,
	CTL_MAX = 1 << 6,
	CTL_WORD = 1 << 7,
	CTL_TIMEOUT_OFFLINE = 1 << 8,
	CTL_QMP = 1 << 9,
	CTL_DRY_RUN = 1 << 10,
	CTL_PROBE = 1 << 11,
	CTL_TIMEOUT_WAIT = 1 << 12,
	CTL_TABLE = CTL_JSON | CTL_BYTES | CTL_COLUMNS | CTL_NO_HEADINGS
};

struct ctl_verb {
	const char *name;
	const char *help;
	const struct ctl_argument *argument; /* NULL: it takes none */
	unsigned takes; /* bits of options */
	/* Returns an exit code, or negative errno for ctl_session_explain. */
	int (*run)(struct ctl *ctl);
	const struct table_column *columns;
	size_t column_count;
};
/* Each is ctl_verb_NAME in its own file; in the order of --help. */
/* clang-format off */
#define CTL_VERBS(X) \
	X(status) X(stats) X(metrics) X(list) X(map) X(explain) X(reports) X(watch) \
	X(wait) X(online) X(offline) X(reconcile) X(probe) X(ping)
/* clang-format on */
#define CTL_VERB(name) extern const struct ctl_verb ctl_verb_##name;
CTL_VERBS(CTL_VERB)

/* Has the guest probe them; what is refused is said. 0, or an exit code, or negative errno. */
int ctl_probe_devices(struct ctl *ctl, const struct text *devices) _must_check_
	_nonnull_(1);

/* From here on a line on stderr says how many blocks are pending, if a terminal reads. */
void ctl_show_progress(struct ctl *ctl) _nonnull_(1);
/* The same, by memonlined's own events; returns whether they are wanted. */
bool ctl_await_progress(struct ctl *ctl) _nonnull_(1);
/* Takes that line away before something else is printed. */
void ctl_clear_progress(void);

/* Requests without arguments. */
int ctl_ask(struct ctl *ctl, enum protocol_command command) _nonnull_(1);
/* Others. */
int ctl_send(struct ctl *ctl, const struct protocol_request *request) _nonnull_(1);
/* As one line. 0 or negative errno. */
int ctl_print_event(const struct protocol_answer *event) _must_check_ _nonnull_(1);
/*
 * Called where rows of the next answer's elements were put: prints them once there are many, so
 * that a long list costs no memory. 0 or negative errno.
 */
int ctl_flush_rows(struct ctl *ctl) _must_check_ _nonnull_(1);
/* "memonlinectl: " and a line of stderr. */
void ctl_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define CTL_LIST_COLUMNS 7
extern const struct table_column ctl_list_columns[CTL_LIST_COLUMNS];

#endif
