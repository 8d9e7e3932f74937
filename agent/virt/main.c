/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/number.h"
#include "ctl/options.h"
#include "ctl/print.h"
#include "io/client.h"
#include "virt.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif

#define ANSWER_SEC 5
#define TIMEOUT_SEC 60
#define SECONDS_MAX 86400

/* Options */

struct parsed {
	struct virt virt;
	bool help;
	bool version;
	unsigned given; /* bits of the options that only some verbs take */
};

enum {
	OPTION_JSON = 1,
	OPTION_BYTES = 2,
	OPTION_COLUMNS = 4,
	OPTION_NO_HEADINGS = 8,
	OPTION_MODEL = 16,
	OPTION_DEVICE = 32,
	OPTION_NODE = 64,
	OPTION_DIMM = 128,
	OPTION_PERSISTENT = 256,
	OPTION_KEEP = 512,
	OPTION_DRY_RUN = 1024,
	OPTION_TIMEOUT = 2048,
	OPTION_UTC = 4096,
	OPTION_FORCE = 8192,
	OPTION_SERVICE = 16384, /* those of autoscale alone */
	OPTION_MONITOR = 32768,
	OPTION_STATE = 65536,
	OPTION_SVG = 131072
};
#define OPTIONS_TABLE (OPTION_JSON | OPTION_BYTES | OPTION_COLUMNS | OPTION_NO_HEADINGS)
#define OPTIONS_CHANGE                                                                \
	(OPTION_JSON | OPTION_BYTES | OPTION_MODEL | OPTION_DEVICE | OPTION_DRY_RUN | \
	 OPTION_PERSISTENT | OPTION_TIMEOUT | OPTION_MONITOR)
#define OPTIONS_PLUG \
	(OPTIONS_CHANGE | OPTION_NODE | OPTION_DIMM | OPTION_KEEP | OPTION_FORCE)

static bool parse_number(const char *text, uint64_t least, uint64_t most,
			 uint64_t *number)
{
	uint64_t value;

	if (!number_parse(text, 10, &value) || value < least || value > most)
		return false;
	*number = value;
	return true;
}

static bool set_connect(struct parsed *parsed, const char *value)
{
	parsed->virt.options.uri = value;
	return *value != '\0';
}

static bool set_columns(struct parsed *parsed, const char *value)
{
	parsed->virt.options.columns = value;
	return true;
}

static bool set_device(struct parsed *parsed, const char *value)
{
	parsed->virt.options.device = value;
	return *value != '\0';
}

static bool set_model(struct parsed *parsed, const char *value)
{
	if (strcmp(value, "dimm") == 0)
		parsed->virt.options.model = CAPACITY_DIMM;
	else if (strcmp(value, "virtio-mem") == 0)
		parsed->virt.options.model = CAPACITY_VIRTIO_MEM;
	else
		return false;
	return true;
}

static bool set_node(struct parsed *parsed, const char *value)
{
	uint64_t node;

	if (!parse_number(value, 0, 1023, &node))
		return false;
	parsed->virt.options.node = (int32_t)node;
	return true;
}

static bool set_dimm(struct parsed *parsed, const char *value)
{
	return virt_parse_size(value, &parsed->virt.options.dimm_bytes);
}

static bool set_config(struct parsed *parsed, const char *value)
{
	parsed->virt.options.config = value;
	return *value != '\0';
}

static bool set_state(struct parsed *parsed, const char *value)
{
	parsed->virt.options.state = value;
	return *value != '\0';
}

static bool set_timeout(struct parsed *parsed, const char *value)
{
	return parse_number(value, 1, SECONDS_MAX, &parsed->virt.options.timeout_sec);
}

static bool set_answer(struct parsed *parsed, const char *value)
{
	return parse_number(value, 1, SECONDS_MAX, &parsed->virt.options.answer_sec);
}

#define SET_FLAG(name, member)                                     \
	static bool name(struct parsed *parsed, const char *value) \
	{                                                          \
		(void)value;                                       \
		return parsed->member = true;                      \
	}
SET_FLAG(set_json, virt.options.json)
SET_FLAG(set_bytes, virt.options.bytes)
SET_FLAG(set_no_headings, virt.options.no_headings)
SET_FLAG(set_persistent, virt.options.persistent)
SET_FLAG(set_keep, virt.options.keep)
SET_FLAG(set_dry_run, virt.options.dry_run)
SET_FLAG(set_force, virt.options.force)
SET_FLAG(set_monitor, virt.options.monitor)
SET_FLAG(set_take_channel, virt.options.take_channel)
SET_FLAG(set_utc, virt.options.utc)
SET_FLAG(set_once, virt.options.once)
SET_FLAG(set_status, virt.options.status)
SET_FLAG(set_svg, virt.options.svg)
SET_FLAG(set_help, help)
SET_FLAG(set_version, version)

static const struct option_row rows[] = {
	{ "connect", 'c', 0, "URI", set_connect, "libvirt's URI", "a URI" },
	{ "answer-timeout", 0, 0, "SECONDS", set_answer,
	  "wait that long for libvirt or a guest to answer (5)", "1 to 86400" },
	{ "take-channel", 0, 0, NULL, set_take_channel,
	  "take the channel from another client", NULL },
	{ "monitor", 0, OPTION_MONITOR, NULL, set_monitor,
	  "ask QEMU's monitor as well, which taints the domain", NULL },
	{ "json", 'J', OPTION_JSON, NULL, set_json, "write JSON, errors as well", NULL },
	{ "bytes", 'b', OPTION_BYTES, NULL, set_bytes, "sizes in bytes", NULL },
	{ "output", 'o', OPTION_COLUMNS, "COLUMNS", set_columns,
	  "these columns, or +these too", NULL },
	{ "noheadings", 'n', OPTION_NO_HEADINGS, NULL, set_no_headings,
	  "no line of headings", NULL },
	{ "model", 0, OPTION_MODEL, "MODEL", set_model, "dimm or virtio-mem",
	  "dimm or virtio-mem" },
	{ "device", 0, OPTION_DEVICE, "ALIAS", set_device, "this virtio-mem device",
	  "an alias" },
	{ "node", 0, OPTION_NODE, "NUMBER", set_node, "into this NUMA cell (0)",
	  "the number of a cell" },
	{ "dimm-size", 0, OPTION_DIMM, "SIZE", set_dimm, "in DIMMs of that size",
	  "a size, such as 512M" },
	{ "force", 0, OPTION_FORCE, NULL, set_force,
	  "even if guest or host are short of memory for it", NULL },
	{ "persistent", 0, OPTION_PERSISTENT, NULL, set_persistent,
	  "in the configuration as well", NULL },
	{ "keep", 0, OPTION_KEEP, NULL, set_keep, "keep what is not online in time",
	  NULL },
	{ "dry-run", 0, OPTION_DRY_RUN, NULL, set_dry_run,
	  "show what would be done, and why", NULL },
	{ "timeout", 0, OPTION_TIMEOUT, "SECONDS", set_timeout,
	  "wait that long for the guest (60)", "1 to 86400" },
	{ "utc", 0, OPTION_UTC, NULL, set_utc, "times in UTC", NULL },
	{ "config", 0, OPTION_SERVICE, "FILE", set_config, "the rules of domains",
	  "a path" },
	{ "state", 0, OPTION_STATE, "FILE", set_state, "what is remembered of domains",
	  "a path" },
	{ "once", 0, OPTION_SERVICE, NULL, set_once,
	  "decide once about each domain, then end", NULL },
	{ "status", 0, OPTION_SERVICE, NULL, set_status, "show what is remembered",
	  NULL },
	{ "svg", 0, OPTION_SVG, NULL, set_svg, "write an SVG image", NULL },
	{ "help", 'h', 0, NULL, set_help, "this help", NULL },
	{ "version", 'V', 0, NULL, set_version, "the version", NULL },
};
static const struct option_table options = { rows, sizeof(rows) / sizeof(rows[0]) };

/* Verbs */

static const struct verb {
	const char *name;
	const char *arguments; /* for people */
	size_t least, most; /* of them */
	const char *help;
	unsigned takes; /* bits of options */
	bool connects; /* by itself */
	int (*run)(struct virt *virt);
	const struct table_column *columns;
	size_t column_count;
} verbs[] = {
	{ "list", "[DOMAIN]...", 0, SIZE_MAX,
	  "all domains: their memory, what is online of it",
	  OPTIONS_TABLE | OPTION_MONITOR, false, virt_list, virt_list_columns,
	  VIRT_LIST_COLUMNS },
	{ "show", "DOMAIN", 1, 1, "each memory device, and why not all of it is online",
	  OPTIONS_TABLE | OPTION_MONITOR, false, virt_show, virt_device_columns,
	  VIRT_DEVICE_COLUMNS },
	{ "plug", "DOMAIN SIZE", 2, 2, "give memory, and wait until the guest can use it",
	  OPTIONS_PLUG, false, virt_plug, virt_device_columns, VIRT_DEVICE_COLUMNS },
	{ "unplug", "DOMAIN SIZE|DEVICE", 2, 2,
	  "take memory out: whole DIMMs, or of virtio-mem", OPTIONS_CHANGE, false,
	  virt_unplug, virt_device_columns, VIRT_DEVICE_COLUMNS },
	{ "resize", "DOMAIN TOTAL", 2, 2,
	  "plug or unplug, so that it has that much in all", OPTIONS_PLUG, false,
	  virt_resize, virt_device_columns, VIRT_DEVICE_COLUMNS },
	{ "wait", "DOMAIN", 1, 1, "until all that was given is online",
	  OPTION_JSON | OPTION_BYTES | OPTION_TIMEOUT | OPTION_MONITOR, false, virt_wait,
	  NULL, 0 },
	{ "watch", "[DOMAIN]...", 0, SIZE_MAX,
	  "reports of the guests and libvirt's events, as they come",
	  OPTIONS_TABLE | OPTION_UTC, false, virt_watch, virt_watch_columns,
	  VIRT_WATCH_COLUMNS },
	{ "metrics", "[DOMAIN]...", 0, SIZE_MAX, "all domains as OpenMetrics text",
	  OPTION_MONITOR, false, virt_metrics, NULL, 0 },
	{ "autoscale", "[DOMAIN]...", 0, SIZE_MAX,
	  "give memory to guests that need it, and take it back",
	  OPTIONS_TABLE | OPTION_DRY_RUN | OPTION_TIMEOUT | OPTION_SERVICE | OPTION_STATE,
	  true, virt_autoscale, virt_autoscale_columns, VIRT_AUTOSCALE_COLUMNS },
	{ "plot", "DOMAIN", 1, 1, "size, use and pressure over time, as autoscale saw it",
	  OPTION_STATE | OPTION_SVG, true, virt_plot, NULL, 0 },
};
#define VERB_COUNT (sizeof(verbs) / sizeof(verbs[0]))

static const struct verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < VERB_COUNT; i++)
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	return NULL;
}

/* Help */

static int bad_usage(const struct virt *virt)
{
	if (!virt->options.json)
		fputs("Try 'virt-memonline --help' for more information.\n", stderr);
	return VIRT_USAGE;
}

static int print_help(void)
{
	size_t i;

	puts("Usage: virt-memonline [OPTION]... VERB\n\n"
	     "Give memory to the guests of libvirt, and know that they have it.\n\n"
	     "Verbs:");
	for (i = 0; i < VERB_COUNT; i++)
		printf(" %-9s %s\n", verbs[i].name, verbs[i].help);
	puts(" help      this, or with the name of a verb about that\n\nOptions:");
	options_print(&options, 0);
	puts("\nExit codes: 0 done, 1 failed, 2 usage, 3 no agent, 4 busy or not in time,\n"
	     "64 partly done. For more see virt-memonline(1).");
	return VIRT_DONE;
}

static int print_verb_help(const struct verb *verb)
{
	size_t i;

	printf("Usage: virt-memonline %s [OPTION]... %s\n\n%s: %s.\n\nOptions:\n",
	       verb->name, verb->arguments, verb->name, verb->help);
	options_print(&options, verb->takes);
	if (!(verb->takes & OPTION_COLUMNS))
		return VIRT_DONE;
	puts("\nColumns:");
	for (i = 0; i < verb->column_count; i++)
		printf(" %10s  %s%s\n", verb->columns[i].name, verb->columns[i].help,
		       verb->columns[i].optional ? " (only by -o)" : "");
	return VIRT_DONE;
}

/* The completions call: `words verbs`, `words options VERB`, `words columns VERB` */

static void list_options(const struct verb *verb)
{
	size_t i;

	for (i = 0; i < options.count; i++)
		if (!(rows[i].bit & ~(verb ? verb->takes : 0)))
			printf("--%s\n", rows[i].name);
}

static void list_columns(const struct verb *verb)
{
	size_t i;

	for (i = 0; verb && (verb->takes & OPTION_COLUMNS) && i < verb->column_count; i++)
		puts(verb->columns[i].name);
}

static void list_verbs(const struct verb *verb)
{
	size_t i;

	(void)verb;
	for (i = 0; i < VERB_COUNT; i++)
		puts(verbs[i].name);
	puts("help");
}

static const struct {
	const char *name;
	void (*list)(const struct verb *verb);
} word_lists[] = {
	{ "verbs", list_verbs },
	{ "options", list_options },
	{ "columns", list_columns },
};

static int run_words(const struct virt *virt)
{
	const char *verb = virt->word_count > 1 ? virt->words[1] : "";
	size_t i;

	for (i = 0; i < sizeof(word_lists) / sizeof(word_lists[0]); i++) {
		if (!virt->word_count || strcmp(virt->words[0], word_lists[i].name) != 0)
			continue;
		word_lists[i].list(find_verb(verb));
		return VIRT_DONE;
	}
	return VIRT_USAGE;
}

static int list_domains(struct virt *virt)
{
	virDomainPtr *domains = NULL;
	struct call_error error;
	size_t count = 0, i;

	memset(&error, 0, sizeof(error));
	if (connection_open(virt->options.uri, true, virt_answer_until(virt),
			    &virt->connection, &error) < 0 ||
	    connection_list(virt->connection, virt_answer_until(virt), &domains, &count,
			    &error) < 0)
		return VIRT_FAILED;
	for (i = 0; i < count; i++) {
		struct text name = TEXT_INIT;

		print_escaped(&name, virDomainGetName(domains[i]));
		puts(name.failed || !name.data ? "" : name.data);
		text_free(&name);
	}
	connection_free_list(domains, count);
	return VIRT_DONE;
}

/* Running */

static bool check_options(const struct virt *virt, const struct verb *verb,
			  unsigned given)
{
	const struct option_row *other = options_other(&options, given, verb->takes);

	if (other)
		virt_fail(virt, VIRT_USAGE, "%s does not take --%s", verb->name,
			  other->name);
	return !other;
}

/* As wide as the terminal is; a pipe or a file gets all. */
static unsigned line_width(void)
{
	struct winsize size;

	return isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0
		       ? size.ws_col
		       : 0;
}

static bool select_columns(struct virt *virt, const struct verb *verb)
{
	const char *unknown;
	size_t len;

	table_init(&virt->table, verb->columns, verb->column_count, virt->options.json);
	virt->table.line_max = line_width();
	if (!virt->options.columns ||
	    table_select(&virt->table, virt->options.columns, &unknown, &len) == 0)
		return true;
	virt_fail(virt, VIRT_USAGE, "unknown column: '%.*s'", (int)len, unknown);
	return false;
}

static bool check_words(const struct virt *virt, const struct verb *verb)
{
	if (virt->word_count < verb->least)
		virt_fail(virt, VIRT_USAGE, "%s: missing argument (expected %s)",
			  verb->name, verb->arguments);
	else if (virt->word_count > verb->most)
		virt_fail(virt, VIRT_USAGE, "%s: unexpected argument '%s'", verb->name,
			  virt->words[verb->most]);
	else
		return true;
	return false;
}

static int run_verb(struct parsed *parsed, const struct verb *verb)
{
	struct virt *virt = &parsed->virt;
	struct call_error error;
	int r;

	virt->verb = verb->name;
	virt->service = verb->takes & OPTION_SERVICE;
	if (!check_options(virt, verb, parsed->given) || !check_words(virt, verb) ||
	    !select_columns(virt, verb))
		return bad_usage(virt);
	memset(&error, 0, sizeof(error));
	r = verb->connects
		    ? 0
		    : connection_open(virt->options.uri, false, virt_answer_until(virt),
				      &virt->connection, &error);
	r = r < 0 ? virt_fail_host(virt, "connect to libvirt", r, &error)
		  : verb->run(virt);
	connection_close(virt->connection);
	table_free(&virt->table);
	return r;
}

static int run_help(const struct virt *virt)
{
	const struct verb *verb;

	if (virt->word_count == 0)
		return print_help();
	verb = find_verb(virt->words[0]);
	if (verb && virt->word_count == 1)
		return print_verb_help(verb);
	virt_fail(virt, VIRT_USAGE, "no help about '%s'",
		  virt->words[virt->word_count - 1]);
	return bad_usage(virt);
}

static int run(struct parsed *parsed, int count, char **words)
{
	struct virt *virt = &parsed->virt;
	const struct verb *verb = count ? find_verb(words[0]) : NULL;

	virt->words = (const char *const *)words;
	virt->word_count = (size_t)count;
	if (parsed->version) {
		puts("virt-memonline " PACKAGE_VERSION);
		return VIRT_DONE;
	}
	if (parsed->help)
		return run_help(virt);
	if (count > 0) {
		virt->words++;
		virt->word_count--;
	}
	if (count && strcmp(words[0], "help") == 0)
		return run_help(virt);
	if (count && strcmp(words[0], "words") == 0)
		return virt->word_count == 1 && strcmp(virt->words[0], "domains") == 0
			       ? list_domains(virt)
			       : run_words(virt);
	if (verb)
		return run_verb(parsed, verb);
	if (count)
		virt_fail(virt, VIRT_USAGE, "unknown verb: '%s'", words[0]);
	else
		virt_fail(virt, VIRT_USAGE, "a verb is missing");
	return bad_usage(virt);
}

/* false where the command line is wrong; what is wrong was said. */
static bool parse_options(int argc, char **argv, struct parsed *parsed)
{
	const struct option_row *refused;

	if (options_parse(&options, argc, argv, parsed, &parsed->given, &refused))
		return true;
	if (refused)
		virt_fail(&parsed->virt, VIRT_USAGE,
			  "invalid value '%s' for --%s (expected %s)", optarg,
			  refused->name, refused->expected);
	return false;
}

int main(int argc, char **argv)
{
	static struct parsed parsed;
	int r;

	parsed.virt.options.answer_sec = ANSWER_SEC;
	parsed.virt.options.timeout_sec = TIMEOUT_SEC;
	parsed.virt.options.node = -1;
	if (!parse_options(argc, argv, &parsed))
		return bad_usage(&parsed.virt);
	r = run(&parsed, argc - optind, argv + optind);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		virt_say(&parsed.virt, "cannot write the output: %s", strerror(errno));
		r = VIRT_FAILED;
	}
	/* Threads of libvirt's may still be there. */
	_Exit(r);
}
