/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/number.h"
#include "ctl.h"
#include "options.h"
#include "print.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

#define TIMEOUT_SEC 5
#define TIMEOUT_SEC_MAX 86400
#define OFFLINE_SEC 60
#define WAIT_SEC 60
#define OFFLINE_SEC_MAX 3600 /* the limit of memonlined */

static const char *const default_sockets[] = {
	"/run/memonline/control.sock",
	"/var/run/memonline/control.sock", /* EL6 has no /run */
};

/* Options */

struct parsed {
	struct ctl ctl;
	bool help;
	bool version;
	unsigned given; /* bits of the options that only some verbs take */
};

static bool parse_number(const char *text, uint64_t least, uint64_t most,
			 uint64_t *number)
{
	uint64_t value;

	if (!number_parse(text, 10, &value) || value < least || value > most)
		return false;
	*number = value;
	return true;
}

static bool set_socket(struct parsed *parsed, const char *value)
{
	parsed->ctl.session.path = value;
	return *value != '\0';
}

static bool set_timeout(struct parsed *parsed, const char *value)
{
	uint64_t seconds;

	if (!parse_number(value, 1, TIMEOUT_SEC_MAX, &seconds))
		return false;
	parsed->ctl.session.timeout_sec = (unsigned)seconds;
	return true;
}

static bool set_timeout_offline(struct parsed *parsed, const char *value)
{
	return parse_number(value, 1, OFFLINE_SEC_MAX, &parsed->ctl.options.offline_sec);
}

static bool set_timeout_wait(struct parsed *parsed, const char *value)
{
	return parse_number(value, 1, TIMEOUT_SEC_MAX, &parsed->ctl.options.wait_sec);
}

static bool set_word(struct parsed *parsed, const char *value)
{
	static const char *const words[] = { "online", "online_kernel",
					     "online_movable" };
	size_t i;

	parsed->ctl.options.word = value;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(value, words[i]) == 0)
			return true;
	return false;
}

static bool set_qmp(struct parsed *parsed, const char *value)
{
	parsed->ctl.options.qmp = value;
	return *value != '\0';
}

static bool set_dry_run(struct parsed *parsed, const char *value)
{
	(void)value;
	parsed->ctl.options.dry_run = true;
	return true;
}

static bool set_probe(struct parsed *parsed, const char *value)
{
	(void)value;
	parsed->ctl.options.probe = true;
	return true;
}

static bool set_since(struct parsed *parsed, const char *value)
{
	parsed->ctl.options.has_since = true;
	return parse_number(value, 0, INT64_MAX, &parsed->ctl.options.since);
}

static bool set_max(struct parsed *parsed, const char *value)
{
	return parse_number(value, 0, INT64_MAX, &parsed->ctl.options.max);
}

static bool set_columns(struct parsed *parsed, const char *value)
{
	parsed->ctl.options.columns = value;
	return true;
}

#define SET_FLAG(name, member)                                     \
	static bool name(struct parsed *parsed, const char *value) \
	{                                                          \
		(void)value;                                       \
		return parsed->member = true;                      \
	}
SET_FLAG(set_json, ctl.options.json)
SET_FLAG(set_bytes, ctl.options.bytes)
SET_FLAG(set_all, ctl.options.all)
SET_FLAG(set_no_headings, ctl.options.no_headings)
SET_FLAG(set_help, help)
SET_FLAG(set_version, version)

static const struct option_row rows[] = {
	{ "socket", 0, 0, "PATH", set_socket, "connect to this socket", "a path" },
	{ "timeout", 0, 0, "SECONDS", set_timeout,
	  "wait this long for an answer (default 5)", "1 to 86400" },
	{ "json", 'J', CTL_JSON, NULL, set_json, "print JSON", NULL },
	{ "bytes", 'b', CTL_BYTES, NULL, set_bytes, "print sizes in bytes", NULL },
	{ "output", 'o', CTL_COLUMNS, "COLUMNS", set_columns,
	  "print these columns, +COLUMNS: these too", NULL },
	{ "noheadings", 'n', CTL_NO_HEADINGS, NULL, set_no_headings, "print no headings",
	  NULL },
	{ "all", 'a', CTL_ALL, NULL, set_all, "print one line for each block", NULL },
	{ "since", 0, CTL_SINCE, "NUMBER", set_since,
	  "print only reports after this number", "the number of a report" },
	{ "max", 0, CTL_MAX, "COUNT", set_max, "print at most this many reports",
	  "a number" },
	{ "word", 0, CTL_WORD, "WORD", set_word, "write this value to state",
	  "online, online_kernel or online_movable" },
	{ "timeout-offline", 0, CTL_TIMEOUT_OFFLINE, "SECONDS", set_timeout_offline,
	  "roll back after this time (default 60)", "1 to 3600" },
	{ "timeout-wait", 0, CTL_TIMEOUT_WAIT, "SECONDS", set_timeout_wait,
	  "give up after this time (default 60)", "1 to 86400" },
	{ "qmp", 0, CTL_QMP, "PATH", set_qmp, "read the devices from this QEMU monitor",
	  "a path" },
	{ "probe", 0, CTL_PROBE, NULL, set_probe,
	  "first have the guest probe absent devices", NULL },
	{ "dry-run", 0, CTL_DRY_RUN, NULL, set_dry_run, "print each check, write nothing",
	  NULL },
	{ "help", 'h', 0, NULL, set_help, "print this help", NULL },
	{ "version", 'V', 0, NULL, set_version, "print the version", NULL },
};
static const struct option_table options = { rows, sizeof(rows) / sizeof(rows[0]) };

/* Verbs */

#define VERB(name) &ctl_verb_##name,
static const struct ctl_verb *const verbs[] = { CTL_VERBS(VERB) };
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static const struct ctl_verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < VERB_COUNT; i++)
		if (strcmp(verbs[i]->name, name) == 0)
			return verbs[i];
	return NULL;
}

/* Usage */

static int bad_usage(void)
{
	fputs("Try 'memonlinectl --help' for more information.\n", stderr);
	return CTL_FAILED;
}

static void print_argument(const struct ctl_argument *argument)
{
	printf("%s is %s.\n", argument->name, argument->expected);
}

static int print_help(void)
{
	size_t i;

	puts("Usage: memonlinectl [OPTION]... VERB [RANGE|BLOCK]\n\n"
	     "Query memonlined, bring memory online or offline: in this guest, or\n"
	     "from the host through its end of the channel.\n\n"
	     "Verbs:");
	for (i = 0; i < VERB_COUNT; i++)
		printf(" %-9s %-5s %s\n", verbs[i]->name,
		       verbs[i]->argument ? verbs[i]->argument->name : "",
		       verbs[i]->help);
	printf(" %-9s %-5s %s\n\n", "help", "VERB", "print the options of a verb");
	print_argument(&ctl_range_argument);
	print_argument(&ctl_block_argument);
	puts("\nOptions:");
	options_print(&options, 0);
	puts("\nExit codes: 0 done, 1 failed, 64 partly done.\n"
	     "For more see memonlinectl(1).");
	return CTL_DONE;
}

static int print_verb_help(const struct ctl_verb *verb)
{
	size_t i;

	printf("Usage: memonlinectl %s [OPTION]...%s%s\n\n%s: %s.\n", verb->name,
	       verb->argument ? " " : "", verb->argument ? verb->argument->name : "",
	       verb->name, verb->help);
	if (verb->argument)
		print_argument(verb->argument);
	puts("\nOptions:");
	options_print(&options, verb->takes);
	if (!(verb->takes & CTL_COLUMNS))
		return CTL_DONE;
	puts("\nColumns:");
	for (i = 0; i < verb->column_count; i++)
		printf(" %9s  %s%s\n", verb->columns[i].name, verb->columns[i].help,
		       verb->columns[i].optional ? " (only with -o)" : "");
	return CTL_DONE;
}

/* Running */

static int explain(const struct ctl_session *session, int error)
{
	struct text text = TEXT_INIT;

	ctl_session_explain(session, error, &text);
	ctl_say("%s", text.failed ? strerror(-error) : text.data);
	text_free(&text);
	return CTL_FAILED;
}

static bool select_columns(struct ctl *ctl, const struct ctl_verb *verb)
{
	const char *unknown;
	size_t len;

	table_init(&ctl->table, verb->columns, verb->column_count, ctl->options.json);
	if (!ctl->options.columns ||
	    table_select(&ctl->table, ctl->options.columns, &unknown, &len) == 0)
		return true;
	ctl_say("unknown column '%.*s' (expected those in memonlinectl help %s)",
		(int)len, unknown, verb->name);
	return false;
}

static bool check_options(const struct ctl_verb *verb, unsigned given)
{
	const struct option_row *other = options_other(&options, given, verb->takes);

	if (other)
		ctl_say("%s: unexpected option --%s", verb->name, other->name);
	return !other;
}

static const char *default_socket(void)
{
	size_t i;

	for (i = 0; i < sizeof(default_sockets) / sizeof(default_sockets[0]); i++)
		if (access(default_sockets[i], F_OK) == 0)
			return default_sockets[i];
	return default_sockets[0];
}

static int run_verb(struct parsed *parsed, const struct ctl_verb *verb)
{
	struct ctl *ctl = &parsed->ctl;
	int r;

	if (!check_options(verb, parsed->given) || !select_columns(ctl, verb))
		return bad_usage();
	ctl->verb = verb->name;
	if (!ctl->session.path)
		ctl->session.path = default_socket();
	r = ctl_session_open(&ctl->session);
	if (r == 0)
		r = verb->run(ctl);
	if (r == -ERANGE) {
		ctl_say("invalid RANGE '%s': no address is that high", ctl->argument);
		r = CTL_FAILED;
	}
	if (r < 0)
		r = explain(&ctl->session, r);
	ctl_session_close(&ctl->session);
	table_free(&ctl->table);
	return r;
}

static int run_help(int count, char **names)
{
	const struct ctl_verb *verb;

	if (count == 0)
		return print_help();
	verb = find_verb(names[0]);
	if (verb && count == 1)
		return print_verb_help(verb);
	ctl_say("help: unknown verb '%s'", names[count - 1]);
	return bad_usage();
}

/* The arguments after the verb. */
static bool take_argument(struct ctl *ctl, const struct ctl_verb *verb, int count,
			  char **words)
{
	if (verb->argument && count == 0) {
		ctl_say("%s: missing %s (expected %s)", verb->name, verb->argument->name,
			verb->argument->expected);
		return false;
	}
	if (count > (verb->argument ? 1 : 0)) {
		ctl_say("%s: unexpected argument '%s'", verb->name,
			words[verb->argument ? 1 : 0]);
		return false;
	}
	if (verb->argument && !verb->argument->is(words[0])) {
		ctl_say("invalid %s '%s' (expected %s)", verb->argument->name, words[0],
			verb->argument->expected);
		return false;
	}
	ctl->argument = verb->argument ? words[0] : NULL;
	return true;
}

static int run(struct parsed *parsed, int count, char **words)
{
	const struct ctl_verb *verb = count ? find_verb(words[0]) : NULL;

	if (parsed->version) {
		puts("memonlinectl " PACKAGE_VERSION);
		return CTL_DONE;
	}
	if (count && strcmp(words[0], "help") == 0)
		return run_help(count - 1, words + 1);
	if (parsed->help)
		return run_help(count, words);
	if (verb)
		return take_argument(&parsed->ctl, verb, count - 1, words + 1)
			       ? run_verb(parsed, verb)
			       : bad_usage();
	if (count)
		ctl_say("unknown verb '%s'", words[0]);
	else
		ctl_say("missing VERB");
	return bad_usage();
}

/* false: the command line is wrong, and the error is printed. */
static bool parse_options(int argc, char **argv, struct parsed *parsed)
{
	const struct option_row *refused;

	if (options_parse(&options, argc, argv, parsed, &parsed->given, &refused))
		return true;
	if (refused)
		ctl_say("invalid value '%s' for --%s (expected %s)", optarg,
			refused->name, refused->expected);
	return false;
}

int main(int argc, char **argv)
{
	struct parsed parsed;
	int r;

	memset(&parsed, 0, sizeof(parsed));
	parsed.ctl.session.timeout_sec = TIMEOUT_SEC;
	parsed.ctl.options.max = INT64_MAX;
	parsed.ctl.options.offline_sec = OFFLINE_SEC;
	parsed.ctl.options.wait_sec = WAIT_SEC;
	if (!parse_options(argc, argv, &parsed))
		return bad_usage();
	r = run(&parsed, argc - optind, argv + optind);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		ctl_say("cannot write the output: %s", strerror(errno));
		return CTL_FAILED;
	}
	return r;
}
