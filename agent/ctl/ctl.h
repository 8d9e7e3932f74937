/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_CTL_H
#define MEMONLINE_CTL_H

/* What the verbs of memonlinectl(1) share: the options, the conversation, the table. */

#include "session.h"
#include "table.h"

/* Exit codes; 64 is that of chmem(8) and belongs to verbs that act on several blocks. */
enum { CTL_DONE = 0, CTL_FAILED = 1, CTL_PARTLY = 64 };

struct ctl_options {
	const char *columns; /* NULL: the usual ones */
	uint64_t since;
	uint64_t max;
	uint64_t offline_sec;
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

/* Each returns an exit code, or negative errno for ctl_session_explain. */
int ctl_ping(struct ctl *ctl);
int ctl_status(struct ctl *ctl);
int ctl_stats(struct ctl *ctl);
int ctl_metrics(struct ctl *ctl);
int ctl_list(struct ctl *ctl);
int ctl_map(struct ctl *ctl);
int ctl_explain(struct ctl *ctl);
int ctl_reports(struct ctl *ctl);
int ctl_watch(struct ctl *ctl);
int ctl_online(struct ctl *ctl);
int ctl_offline(struct ctl *ctl);
int ctl_reconcile(struct ctl *ctl);
int ctl_probe(struct ctl *ctl);
/* Has the guest probe them; what is refused is said. 0, or as ctl_probe. */
int ctl_probe_devices(struct ctl *ctl, const struct text *devices);

/* Whether the text is a range of addresses or of block numbers. */
bool ctl_is_extent(const char *text);
/* Whether it names one block: "35", "memory35", or an address in it, "0x118000000". */
bool ctl_is_block(const char *text);
/*
 * --domain: where its agent is, into ctl->session. Says what is wrong and returns
 * CTL_FAILED, or negative errno for ctl_session_explain.
 */
int ctl_find_domain(struct ctl *ctl);
/* From here on a line on stderr says how many blocks are pending, if a terminal reads. */
void ctl_show_progress(struct ctl *ctl);
/* Likewise by the agent's own events; whether they are wanted. */
bool ctl_await_progress(struct ctl *ctl);
/* Takes that line away before something else is printed. */
void ctl_clear_progress(void);

/* Requests without arguments. */
int ctl_ask(struct ctl *ctl, enum protocol_command command);
/* Others. */
int ctl_send(struct ctl *ctl, const struct protocol_request *request);
/* As one line. 0 or negative errno. */
int ctl_print_event(const struct protocol_answer *event);
/*
 * Called where rows of the next answer's elements were put: prints them once there are many, so
 * that a long list costs no memory. 0 or negative errno.
 */
int ctl_flush_rows(struct ctl *ctl);
/* "memonlinectl: " and a line of stderr. */
void ctl_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

#define CTL_ACT_COLUMNS 7
#define CTL_LIST_COLUMNS 7
#define CTL_RECONCILE_COLUMNS 14
#define CTL_PROBE_COLUMNS 13
#define CTL_REPORT_COLUMNS 14
extern const struct table_column ctl_act_columns[CTL_ACT_COLUMNS];
extern const struct table_column ctl_list_columns[CTL_LIST_COLUMNS];
extern const struct table_column ctl_reconcile_columns[CTL_RECONCILE_COLUMNS];
extern const struct table_column ctl_probe_columns[CTL_PROBE_COLUMNS];
extern const struct table_column ctl_report_columns[CTL_REPORT_COLUMNS];

#endif
