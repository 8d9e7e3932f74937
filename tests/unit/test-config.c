/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "test.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/config.h"
#include "wire/protocol.h"

#define ROWS(table) (sizeof(table) / sizeof((table)[0]))

static const char *const forty = "aaaaaaaaaabbbbbbbbbbccccccccccdddddddddd";

static int parse(struct config *config, const char *text, char *error)
{
	error[0] = '\0';
	return config_parse(config, "c", text, strlen(text), error);
}

static void refused(const char *text, size_t len, const char *message)
{
	char error[CONFIG_ERROR_SIZE] = "";
	struct config config, before;

	memset(&config, 0x5a, sizeof(config));
	before = config;
	assert_int_equal(config_parse(&config, "c", text, len, error), -EINVAL);
	assert_string_equal(error, message);
	assert_memory_equal(&config, &before, sizeof(config));
}

#define WORDS_OWNER "expected [owner NAME], as in owner System RAM (kmem)"
#define WORDS_RANGE "expected [range START+SIZE], as in 0x100000000+512M"
#define WORDS_POLICY "auto, online, online_kernel, online_movable, ratio or keep"

static const struct {
	const char *text;
	const char *message;
} bad[] = {
	/* names */
	{ "[memonlined]\npolcy = online\n", "c:2: [memonlined] polcy: unknown key" },
	{ "[memonlined]\n\n# x\nPolicy = online",
	  "c:4: [memonlined] Policy: unknown key" },
	{ "[log]\npolicy = online", "c:2: [log] policy: unknown key" },
	{ "[bogus]\n", "c:1: [bogus]: unknown section" },
	{ "[log ]\n", "c:1: [log ]: unknown section" },
	{ "[]\nlevel = info", "c:1: []: unknown section" },
	{ "[log\x1b]\nlevel = info", "c:1: [log?]: unknown section" },
	{ "[log] level = info", "c:1: [log]: unexpected text after the bracket" },
	{ "policy = online", "c:1: policy: key before any [section]" },
	{ "[log]\nlevel = info\nlevel = info",
	  "c:3: [log] level: given twice, first in line 2" },
	{ "[log]\nlevel=info\n[channel]\n[log]\nlevel=debug\n",
	  "c:5: [log] level: given twice, first in line 2" },
	/* lines that are neither */
	{ "[log]\nlevel\n", "c:2: invalid line (expected [section] or key = value)" },
	{ "[log\n", "c:1: invalid line (expected [section] or key = value)" },
	{ "[log]\nlevel ; = info\n",
	  "c:2: invalid line (expected [section] or key = value)" },
	{ "[log]\n= info", "c:2: [log] : unknown key" },
	/* the first of several errors is reported, by inih or by us */
	{ "[log]\nlevel\nlevel = loud\n",
	  "c:2: invalid line (expected [section] or key = value)" },
	{ "[log]\nlevel = loud\nlevel\n",
	  "c:2: [log] level = loud: expected error, warning, info or debug" },
	{ "[log]\nlevel\n[bogus]\n",
	  "c:2: invalid line (expected [section] or key = value)" },
	/* choices */
	{ "\n\n[memonlined]\npolicy = onlin\n",
	  "c:4: [memonlined] policy = onlin: expected " WORDS_POLICY },
	{ "[memonlined]\npolicy =\n",
	  "c:2: [memonlined] policy = : expected " WORDS_POLICY },
	{ "[memonlined]\npolicy = Online\n",
	  "c:2: [memonlined] policy = Online: expected " WORDS_POLICY },
	{ "[memonlined]\npolicy = online # why\n",
	  "c:2: [memonlined] policy = online # why: expected " WORDS_POLICY },
	{ "[memonlined]\npolicy = \"online\"\n",
	  "c:2: [memonlined] policy = \"online\": expected " WORDS_POLICY },
	{ "[memonlined]\npolicy = online;x\n",
	  "c:2: [memonlined] policy = online;x: expected " WORDS_POLICY },
	{ "[memonlined]\npolicy = on\x07\x7f\n",
	  "c:2: [memonlined] policy = on\?\?: expected " WORDS_POLICY },
	{ "[memonlined]\npolicy = online\n  keep\n",
	  "c:3: invalid line (expected [section] or key = value)" },
	{ "[memonlined]\nevents = netlink\n",
	  "c:2: [memonlined] events = netlink: expected auto, udev or kernel" },
	{ "[log]\ntarget = file\n",
	  "c:2: [log] target = file: expected auto, stderr or syslog" },
	/* places */
	{ "[node]\n", "c:1: [node]: expected [node NUMBER], as in node 1" },
	{ "[node 1 ]\n", "c:1: [node 1 ]: expected [node NUMBER], as in node 1" },
	{ "[node -1]\n", "c:1: [node -1]: expected [node NUMBER], as in node 1" },
	{ "[node 32768]\n", "c:1: [node 32768]: expected [node NUMBER], as in node 1" },
	{ "[nodes 1]\n", "c:1: [nodes 1]: expected [node NUMBER], as in node 1" },
	{ "[owner PCI Bus 0000:00]\n", "c:1: [owner PCI Bus 0000:00]: " WORDS_OWNER },
	{ "[range 4G]\n", "c:1: [range 4G]: " WORDS_RANGE },
	{ "[range 4G+]\n", "c:1: [range 4G+]: " WORDS_RANGE },
	{ "[range 4G+0]\n", "c:1: [range 4G+0]: " WORDS_RANGE },
	{ "[range 0x+1G]\n", "c:1: [range 0x+1G]: " WORDS_RANGE },
	{ "[range 4G+1Q]\n", "c:1: [range 4G+1Q]: " WORDS_RANGE },
	{ "[range 4G + 1G]\n", "c:1: [range 4G + 1G]: " WORDS_RANGE },
	{ "[range -1+1G]\n", "c:1: [range -1+1G]: " WORDS_RANGE },
	{ "[range 0xffffffffffffffff+2]\n",
	  "c:1: [range 0xffffffffffffffff+2]: " WORDS_RANGE },
	{ "[range 16777216T+1]\n", "c:1: [range 16777216T+1]: " WORDS_RANGE },
	{ "[range 4G+1G]\npolicy = keep\n[range 5368709119+1]\npolicy = online\n",
	  "c:3: range overlaps the one in line 2" },
	{ "[range 4G+1G]\npolicy = keep\n[range 0+4294967297]\n",
	  "c:3: range overlaps the one in line 2" },
	{ "[node 1]\npolicy = keep\n[node 01]\npolicy = keep\n",
	  "c:4: [node 01] policy: given twice, first in line 2" },
	{ "[node 1]\n[node 2]\npolicy = keep\n", "c:1: section without a policy" },
	{ "[node 1]\nmovable-ratio = 5\n", "c:2: [node 1] movable-ratio: unknown key" },
	{ "[node 1]\npolicy = on\n",
	  "c:2: [node 1] policy = on: expected " WORDS_POLICY },
};

#define BUFFER(value)                                       \
	"[memonlined]\nreceive-buffer = " value,            \
		"c:2: [memonlined] receive-buffer = " value \
		": expected a size from 4096 to 1G"
#define RATIO(value)                                       \
	"[memonlined]\nmovable-ratio = " value,            \
		"c:2: [memonlined] movable-ratio = " value \
		": expected percent from 0 to 100000"
#define RETRY(value)                                                               \
	"[memonlined]\nretry-for = " value, "c:2: [memonlined] retry-for = " value \
					    ": expected seconds from 0 to 86400"
#define REPORTS(value)                                       \
	"[memonlined]\njournal-reports = " value,            \
		"c:2: [memonlined] journal-reports = " value \
		": expected a number from 16 to 65536"
#define MODE(value)                 \
	"[control]\nmode = " value, \
		"c:2: [control] mode = " value ": expected an octal mode from 0 to 0777"
#define SOCKET(value)                            \
	"[control]\nsocket = " value,            \
		"c:2: [control] socket = " value \
		": expected an absolute path without blanks, at most 103 bytes"
#define PORT(value)                            \
	"[channel]\nport = " value,            \
		"c:2: [channel] port = " value \
		": expected the name of a port, at most 63 bytes, or nothing"

static const struct {
	const char *text;
	const char *message;
} bad_values[] = {
	{ BUFFER("4095") },
	{ BUFFER("0") },
	{ BUFFER("2G") },
	{ BUFFER("1025M") },
	{ BUFFER("128MB") },
	{ BUFFER("128m") },
	{ BUFFER("1 G") },
	{ BUFFER("-1") },
	{ BUFFER("+4096") },
	{ BUFFER("0x1000") },
	{ BUFFER("4096.5") },
	{ BUFFER("M") },
	{ BUFFER("") },
	{ BUFFER("18446744073709555712") },
	{ BUFFER("4294971392") },
	{ BUFFER("17179869185G") },
	{ RATIO("-1") },
	{ RATIO("100001") },
	{ RATIO("301%") },
	{ RATIO("") },
	{ RETRY("86401") },
	{ RETRY("10m") },
	{ REPORTS("15") },
	{ REPORTS("65537") },
	{ REPORTS("1K") },
	{ REPORTS("") },
	{ REPORTS("ten") },
	{ MODE("1000") },
	{ MODE("0800") },
	{ MODE("rw-------") },
	{ MODE("-1") },
	{ MODE("") },
	{ SOCKET("") },
	{ SOCKET("/") },
	{ SOCKET("control.sock") },
	{ SOCKET("/run/a b") },
	{ SOCKET("/run/a # b") },
	{ PORT("../../etc/passwd") },
	{ PORT("..") },
	{ PORT("a b") },
	{ "[channel]\nport=;x",
	  "c:2: [channel] port = ;x"
	  ": expected the name of a port, at most 63 bytes, or nothing" },
};

static void test_bad_lines(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(bad); i++)
		refused(bad[i].text, strlen(bad[i].text), bad[i].message);
}

static void test_bad_values(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(bad_values); i++)
		refused(bad_values[i].text, strlen(bad_values[i].text),
			bad_values[i].message);
}

static void test_nul_byte(void **state)
{
	static const char inside[] = "[log]\nlevel = in\0fo\n";
	static const char at_end[] = "[log]\nlevel = info\n\0";

	(void)state;
	refused(inside, sizeof(inside) - 1, "c:2: NUL byte");
	refused(at_end, sizeof(at_end) - 1, "c:3: NUL byte");
}

/* A line with a comment of exactly `len` bytes in all. */
static void make_line(char *text, size_t len)
{
	memset(text, 'x', len);
	text[0] = '#';
	text[len] = '\0';
}

static void test_line_length(void **state)
{
	char text[600], error[CONFIG_ERROR_SIZE];
	struct config config;
	size_t len;

	(void)state;
	make_line(text, 190);
	assert_int_equal(parse(&config, text, error), 0);
	snprintf(text + 190, sizeof(text) - 190, "\r\n[bogus]\n");
	refused(text, strlen(text), "c:1: line too long (expected at most 190 bytes)");
	for (len = 191; len < 500; len++) {
		make_line(text, len);
		refused(text, len, "c:1: line too long (expected at most 190 bytes)");
	}
}

static void test_long_words(void **state)
{
	char text[512], message[512];

	(void)state;
	/* longer than inih's own buffers for names; cut at 60 bytes in the message */
	snprintf(text, sizeof(text), "[%s%s]\n", forty, forty);
	snprintf(message, sizeof(message), "c:1: [%s%.20s]: unknown section", forty,
		 forty);
	refused(text, strlen(text), message);
	snprintf(text, sizeof(text), "[log]\n%s%s = x\n", forty, forty);
	snprintf(message, sizeof(message), "c:2: [log] %s%.20s: unknown key", forty,
		 forty);
	refused(text, strlen(text), message);
}

static void test_string_bounds(void **state)
{
	char text[512], error[CONFIG_ERROR_SIZE];
	struct config config;

	(void)state;
	snprintf(text, sizeof(text), "[channel]\nport = %s%.23s\n", forty, forty);
	assert_int_equal(parse(&config, text, error), 0);
	assert_int_equal(strlen(config.port), 63);
	snprintf(text, sizeof(text), "[channel]\nport = %s%.24s\n", forty, forty);
	assert_int_equal(parse(&config, text, error), -EINVAL);
	snprintf(text, sizeof(text), "[control]\nsocket = /%s%s%.22s\n", forty, forty,
		 forty);
	assert_int_equal(parse(&config, text, error), 0);
	assert_int_equal(strlen(config.control_socket), 103);
	snprintf(text, sizeof(text), "[control]\nsocket = /%s%s%.23s\n", forty, forty,
		 forty);
	assert_int_equal(parse(&config, text, error), -EINVAL);
}

static void test_message_always_fits(void **state)
{
	char file[600], error[CONFIG_ERROR_SIZE];
	struct config config;
	char text[200] = "[memonlined]\npolicy = ";

	(void)state;
	memset(file, 'f', sizeof(file));
	file[sizeof(file) - 1] = '\0';
	memset(text + strlen(text), 'v', 150);
	memset(error, 'e', sizeof(error));
	assert_int_equal(config_parse(&config, file, text, strlen(text), error), -EINVAL);
	assert_true(strlen(error) < CONFIG_ERROR_SIZE);
	assert_non_null(strstr(error, ":2: [memonlined] policy = v"));
}

static void is_default(const char *text, size_t len)
{
	struct config config, defaults;
	char error[CONFIG_ERROR_SIZE] = "";

	config_defaults(&defaults);
	if (config_parse(&config, "c", text, len, error) != 0)
		fail_msg("%s", error);
	assert_memory_equal(&config, &defaults, sizeof(config));
}

static void test_nothing_said(void **state)
{
	static const char *const empty[] = {
		"",
		"\n",
		"\r\n",
		"# x",
		"; x\n",
		"[log]",
		"[log]\n[log]\n",
		"  [log]  ; x\n",
		"\xef\xbb\xbf[log]\n",
		"\xef\xbb\xbf",
		" \t\n\f\n",
		"[log] # level = debug\n",
		"[log]\n\t# level = debug\n",
	};
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(empty); i++)
		is_default(empty[i], strlen(empty[i]));
	is_default(NULL, 0);
	/* a len of its own, not a string */
	is_default("[log]\nlevel = loud", 6);
}

static void test_defaults(void **state)
{
	struct config config;

	(void)state;
	memset(&config, 0x5a, sizeof(config));
	config_defaults(&config);
	assert_int_equal(config.policy, CONFIG_POLICY_AUTO);
	assert_int_equal(config.movable_ratio, 301);
	assert_true(config.ratio_per_node);
	assert_int_equal(config.carry_out, CONFIG_CARRY_OUT_AGENT);
	assert_false(config.fallback);
	assert_false(config.rezone);
	assert_int_equal(config.retry_sec, 600);
	assert_int_equal(config.override_count, 0);
	assert_int_equal(config.events, CONFIG_EVENTS_AUTO);
	assert_int_equal(config.receive_buffer_bytes, 128 << 20);
	assert_int_equal(config.journal_reports, 1024);
	assert_int_equal(config.probe_mode, CONFIG_PROBE_HOST);
	assert_int_equal(config.probe_confirm, CONFIG_PROBE_CONFIRM_CONTROLLER);
	assert_int_equal(config.probe_ranges.count, 0);
	assert_string_equal(config.port, "org.memonline.agent.0");
	assert_string_equal(config.control_socket, "/run/memonline/control.sock");
	assert_int_equal(config.control_mode, 0600);
	assert_int_equal(config.log_level, CONFIG_LOG_INFO);
	assert_int_equal(config.log_target, CONFIG_LOG_AUTO);
}

/* Everything another than its default, and every way to lay it out. */
static void test_everything(void **state)
{
	static const char text[] = "\xef\xbb\xbf  [memonlined] ; first\r\n"
				   "policy=keep\r\n"
				   "movable-ratio = 0\n"
				   "ratio-per-node = no\n"
				   "carry-out = kernel\n"
				   "fallback = yes\n"
				   "rezone = yes\n"
				   "retry-for = 86400\n"
				   "\tevents : kernel ; inline\r\n"
				   "  receive-buffer = 64K\n"
				   "[probe]\n"
				   "mode = static\n"
				   "confirm = none\n"
				   "ranges = 4G+512M , 0x200000000+1G\n"
				   "[channel]\n"
				   "port =\n"
				   "[node 1]\n"
				   "policy = ratio ; here\n"
				   "[range 4G+0x20000000]\n"
				   "policy = auto\n"
				   "[range 4831838208+512M] # beside it\n"
				   "policy = online\n"
				   "[owner System RAM (kmem)]\n"
				   "policy = online_movable\n"
				   "[control]\n"
				   "socket = /tmp/a;b=c:d\n"
				   "mode=660\n"
				   "[log]\n"
				   "level\t=\tdebug\n"
				   "target = syslog\n"
				   "[memonlined]\n"
				   "journal-reports = 16";
	char error[CONFIG_ERROR_SIZE];
	struct config config;

	(void)state;
	if (parse(&config, text, error) != 0)
		fail_msg("%s", error);
	assert_int_equal(config.policy, CONFIG_POLICY_KEEP);
	assert_int_equal(config.movable_ratio, 0);
	assert_false(config.ratio_per_node);
	assert_int_equal(config.carry_out, CONFIG_CARRY_OUT_KERNEL);
	assert_true(config.fallback);
	assert_true(config.rezone);
	assert_int_equal(config.retry_sec, 86400);
	assert_int_equal(config.override_count, 4);
	assert_int_equal(config.overrides[0].scope.kind, SCOPE_NODE);
	assert_int_equal(config.overrides[0].scope.node, 1);
	assert_int_equal(config.overrides[0].policy, CONFIG_POLICY_RATIO);
	assert_int_equal(config.overrides[1].scope.start, 1ull << 32);
	assert_int_equal(config.overrides[1].scope.size, 512 << 20);
	assert_int_equal(config.overrides[2].scope.start, 0x120000000);
	assert_string_equal(config.overrides[3].scope.owner, "System RAM (kmem)");
	assert_int_equal(config.events, CONFIG_EVENTS_KERNEL);
	assert_int_equal(config.receive_buffer_bytes, 65536);
	assert_int_equal(config.journal_reports, 16);
	assert_int_equal(config.probe_mode, CONFIG_PROBE_STATIC);
	assert_int_equal(config.probe_confirm, CONFIG_PROBE_CONFIRM_NONE);
	assert_int_equal(config.probe_ranges.count, 2);
	assert_int_equal(config.probe_ranges.ranges[0].start, 1ull << 32);
	assert_int_equal(config.probe_ranges.ranges[0].size, 512 << 20);
	assert_int_equal(config.probe_ranges.ranges[1].start, 0x200000000);
	assert_string_equal(config.port, "");
	assert_string_equal(config.control_socket, "/tmp/a;b=c:d");
	assert_int_equal(config.control_mode, 0660);
	assert_int_equal(config.log_level, CONFIG_LOG_DEBUG);
	assert_int_equal(config.log_target, CONFIG_LOG_SYSLOG);
}

static void test_sizes(void **state)
{
	static const struct {
		const char *value;
		unsigned bytes;
	} sizes[] = {
		{ "4096", 4096 },	    { "4K", 4096 },
		{ "128M", 128u << 20 },	    { "1G", 1u << 30 },
		{ "1024M", 1u << 30 },	    { "1048576K", 1u << 30 },
		{ "1073741824", 1u << 30 }, { "004096", 4096 },
	};
	char text[100], error[CONFIG_ERROR_SIZE];
	struct config config;
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(sizes); i++) {
		snprintf(text, sizeof(text), "[memonlined]\nreceive-buffer = %s\n",
			 sizes[i].value);
		assert_int_equal(parse(&config, text, error), 0);
		assert_int_equal(config.receive_buffer_bytes, sizes[i].bytes);
	}
}

static void survives_dump(const struct config *config)
{
	char error[CONFIG_ERROR_SIZE] = "";
	struct text text = TEXT_INIT;
	struct config again;

	config_dump(config, NULL, &text);
	assert_false(text.failed);
	if (config_parse(&again, "c", text.data, text.len, error) != 0)
		fail_msg("%s\n%s", error, text.data);
	assert_memory_equal(config, &again, sizeof(again));
	text_free(&text);
}

static void test_dump_round_trip(void **state)
{
	static const unsigned bytes[] = {
		4096, 4097, 65536, 1u << 20, 3u << 28, 1u << 30
	};
	struct config config;
	size_t i;

	(void)state;
	config_defaults(&config);
	survives_dump(&config);
	for (i = 0; i < ROWS(bytes); i++) {
		config.receive_buffer_bytes = bytes[i];
		config.policy = (enum config_policy)(i % 4);
		config.events = (enum config_events)(i % 3);
		config.log_level = (enum config_log_level)(i % 4);
		config.log_target = (enum config_log_target)(i % 3);
		config.control_mode = (unsigned)(i * 0111);
		config.journal_reports = (unsigned)(16 + i * 13000);
		config.probe_mode = (enum config_probe_mode)(i % 4);
		config.probe_ranges.count = 1;
		config.probe_ranges.ranges[0].start = i << 32;
		config.probe_ranges.ranges[0].size = i + 1;
		survives_dump(&config);
	}
	memset(config.port, 0, sizeof(config.port));
	survives_dump(&config);
}

static void test_dump(void **state)
{
	static const char expected[] = "[memonlined]\n"
				       "policy = auto\n"
				       "movable-ratio = 301\n"
				       "ratio-per-node = yes\n"
				       "carry-out = agent\n"
				       "fallback = no\n"
				       "rezone = no\n"
				       "retry-for = 600\n"
				       "events = auto\n"
				       "receive-buffer = 128M\n"
				       "journal-reports = 1024\n"
				       "\n"
				       "[probe]\n"
				       "mode = host\n"
				       "confirm = controller\n"
				       "ranges =\n"
				       "\n"
				       "[channel]\n"
				       "port = org.memonline.agent.0\n"
				       "relay =\n"
				       "allow-rpcs =\n"
				       "block-rpcs =\n"
				       "\n"
				       "[control]\n"
				       "socket = /run/memonline/control.sock\n"
				       "mode = 0600\n"
				       "allow-rpcs =\n"
				       "block-rpcs =\n"
				       "\n"
				       "[stats]\n"
				       "textfile =\n"
				       "\n"
				       "[log]\n"
				       "level = info\n"
				       "target = auto\n";
	struct text text = TEXT_INIT;
	struct config config;

	(void)state;
	config_defaults(&config);
	config_dump(&config, NULL, &text);
	assert_string_equal(text.data, expected);
	text_free(&text);
}

static void test_commands(void **state)
{
	static const char *const wrong[] = { "guest-pin",
					     "guest-ping,",
					     ",guest-ping",
					     "guest-ping,,guest-info",
					     "guest-ping guest-info",
					     "all",
					     "Guest-ping" };
	static const char good[] =
		"[channel]\nallow-rpcs = guest-ping , guest-info,guest-ping\n"
		"[control]\nblock-rpcs=memonline-offline\n";
	char error[CONFIG_ERROR_SIZE], text[128];
	struct config config;
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(wrong); i++) {
		snprintf(text, sizeof(text), "[control]\nallow-rpcs = %s\n", wrong[i]);
		assert_int_equal(parse(&config, text, error), -EINVAL);
		assert_non_null(strstr(error, ":2: [control] allow-rpcs"));
	}
	assert_int_equal(parse(&config, good, error), 0);
	assert_int_equal(config.port_allowed.known,
			 1u << PROTOCOL_GUEST_PING | 1u << PROTOCOL_GUEST_INFO);
	assert_true(command_list_is_empty(&config.port_blocked));
	assert_true(command_list_is_empty(&config.control_allowed));
	assert_int_equal(config.control_blocked.known, 1u << PROTOCOL_OFFLINE);
	survives_dump(&config);
}

/* node_exporter reads nothing else. */
static void test_textfile(void **state)
{
	static const char *const wrong[] = {
		"memonline.prom", "/a b.prom", "/x.txt",      "/.prom",
		"/dir/.prom",	  "/x.prom/y", "/x.prom.new",
	};
	char error[CONFIG_ERROR_SIZE], text[64];
	struct config config;
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(wrong); i++) {
		snprintf(text, sizeof(text), "[stats]\ntextfile = %s\n", wrong[i]);
		assert_int_equal(parse(&config, text, error), -EINVAL);
		assert_non_null(strstr(error, ":2: [stats] textfile"));
	}
	assert_int_equal(parse(&config, "[stats]\ntextfile = /a/b.prom\n", error), 0);
	assert_string_equal(config.textfile, "/a/b.prom");
	survives_dump(&config);
	assert_int_equal(parse(&config, "[stats]\ntextfile =\n", error), 0);
	assert_string_equal(config.textfile, "");
}

/* qemu-ga's commands may stand in the lists of the port, where there is a relay. */
static void test_relay(void **state)
{
	static const struct {
		const char *text, *error;
	} wrong[] = {
		{ "[channel]\nrelay = run/qga\n", ":2: [channel] relay" },
		{ "[channel]\nrelay = /run/q ga\n", ":2: [channel] relay" },
		{ "[channel]\nrelay = /\n", ":2: [channel] relay" },
		{ "[channel]\n\nblock-rpcs = guest-exec\n",
		  ":3: [channel] block-rpcs: expected commands" },
		{ "[channel]\nallow-rpcs = guest-ping,guest-exec\nrelay =\n",
		  ":2: [channel] allow-rpcs: expected commands" },
		{ "[channel]\nrelay = /run/qga\nblock-rpcs = memonline-x\n",
		  ":3: [channel] block-rpcs" },
		{ "[channel]\nrelay = /run/qga\nblock-rpcs = exec\n",
		  ":3: [channel] block-rpcs" },
		{ "[channel]\nrelay = /run/qga\n[control]\nblock-rpcs = guest-exec\n",
		  ":4: [control] block-rpcs" },
	};
	static const char good[] =
		"[channel]\nblock-rpcs = guest-exec,guest-sync,guest-exec\n"
		"relay = /run/qga/sock\n";
	char error[CONFIG_ERROR_SIZE];
	struct config config;
	size_t i;

	(void)state;
	for (i = 0; i < ROWS(wrong); i++) {
		assert_int_equal(parse(&config, wrong[i].text, error), -EINVAL);
		assert_non_null(strstr(error, wrong[i].error));
	}
	assert_int_equal(parse(&config, good, error), 0);
	assert_string_equal(config.relay, "/run/qga/sock");
	assert_string_equal(config.port_blocked.relayed, "guest-exec");
	assert_int_equal(config.port_blocked.known, 1u << PROTOCOL_GUEST_SYNC);
	survives_dump(&config);
}

static void test_policy_text(void **state)
{
	(void)state;
	assert_string_equal(config_policy_text(CONFIG_POLICY_ONLINE), "online");
	assert_string_equal(config_policy_text(CONFIG_POLICY_ONLINE_KERNEL),
			    "online_kernel");
	assert_string_equal(config_policy_text(CONFIG_POLICY_ONLINE_MOVABLE),
			    "online_movable");
	assert_string_equal(config_policy_text(CONFIG_POLICY_KEEP), "keep");
}

/* --- the file that is installed */

static size_t read_installed(char *text, size_t size)
{
	const char *srcdir = getenv("srcdir");
	char path[4096];
	size_t len;
	FILE *file;

	snprintf(path, sizeof(path), "%s/agent/daemon/memonlined.conf",
		 srcdir ? srcdir : ".");
	text[0] = '\0';
	file = fopen(path, "r");
	if (!file) {
		fail_msg("%s: %s", path, strerror(errno));
		return 0;
	}
	len = fread(text, 1, size - 1, file);
	fclose(file);
	text[len] = '\0';
	return len;
}

/* "#key" is a setting that is not used yet, "# text" is prose. */
static void uncomment(char *text)
{
	char *to = text;
	bool at_start = true;

	for (; *text; text++) {
		if (!(at_start && text[0] == '#' && text[1] >= 'a' && text[1] <= 'z'))
			*to++ = *text;
		at_start = *text == '\n';
	}
	*to = '\0';
}

static void test_installed_file(void **state)
{
	struct text dump = TEXT_INIT;
	struct config config;
	char text[8192], *line;

	(void)state;
	is_default(text, read_installed(text, sizeof(text)));
	uncomment(text);
	is_default(text, strlen(text));
	/* and no key is left out of it */
	config_defaults(&config);
	config_dump(&config, NULL, &dump);
	for (line = strtok(dump.data, "\n"); line; line = strtok(NULL, "\n"))
		if (!strstr(text, line))
			fail_msg("agent/daemon/memonlined.conf lacks: %s", line);
	text_free(&dump);
}

static int add(struct config *config, struct config_origins *origins, const char *file,
	       const char *text, char error[CONFIG_ERROR_SIZE])
{
	return config_add(config, origins, file, text, strlen(text), error);
}

static void test_files_replace_keys(void **state)
{
	struct config_origins origins = { .file_count = 0 };
	char error[CONFIG_ERROR_SIZE] = "";
	struct text text = TEXT_INIT;
	struct config config;

	(void)state;
	config_defaults(&config);
	assert_int_equal(add(&config, &origins, "a",
			     "[memonlined]\npolicy = keep\nrezone = yes\n"
			     "[node 1]\npolicy = keep\n[range 4G+1G]\npolicy = keep\n",
			     error),
			 0);
	assert_int_equal(
		add(&config, &origins, "b\n",
		    "[node 1]\npolicy = online\n[memonlined]\n\npolicy = online\n",
		    error),
		0);
	assert_int_equal(config.policy, CONFIG_POLICY_ONLINE);
	assert_int_equal(config.rezone, 1);
	assert_int_equal(config.override_count, 2);
	assert_int_equal(config.overrides[0].policy, CONFIG_POLICY_ONLINE);
	config_dump(&config, &origins, &text);
	assert_non_null(
		strstr(text.data, "[memonlined]\n# b?:5\npolicy = online\nmovable"));
	assert_non_null(strstr(text.data, "# a:3\nrezone = yes\nretry-for"));
	assert_non_null(strstr(text.data, "[node 1]\n# b?:2\npolicy = online\n"));
	text_free(&text);
}

static void test_a_bad_file_changes_nothing(void **state)
{
	static const struct {
		const char *text, *message;
	} rows[] = {
		{ "[memonlined]\nrezone = yes\npolicy = onlin",
		  "b:3: [memonlined] policy" },
		{ "[memonlined]\nrezone = yes\nrezone = no",
		  "b:3: [memonlined] rezone: given" },
		{ "[range 4G+2G]\npolicy = keep", "b:1: range overlaps the one in a:2" },
		{ "[node 1]\npolicy = keep\n[range 4G+1G]\n", "b:3: section without" },
	};
	struct config_origins origins = { .file_count = 0 }, before;
	char error[CONFIG_ERROR_SIZE] = "";
	struct config config, same;
	size_t i;

	(void)state;
	config_defaults(&config);
	assert_int_equal(
		add(&config, &origins, "a", "[range 4G+1G]\npolicy = keep\n", error), 0);
	same = config;
	before = origins;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(add(&config, &origins, "b", rows[i].text, error),
				 -EINVAL);
		if (strncmp(error, rows[i].message, strlen(rows[i].message)) != 0)
			fail_msg("%s", error);
		assert_memory_equal(&config, &same, sizeof(same));
		assert_memory_equal(&origins, &before, sizeof(before));
	}
}

static void test_so_many_files(void **state)
{
	struct config_origins origins = { .file_count = 0 };
	char error[CONFIG_ERROR_SIZE] = "";
	struct config config;
	size_t i;

	(void)state;
	config_defaults(&config);
	for (i = 0; i < CONFIG_FILES_MAX; i++)
		assert_int_equal(add(&config, &origins, "c", "", error), 0);
	assert_int_equal(add(&config, &origins, "c", "", error), -ENOSPC);
	assert_string_equal(error, "c: too many files (expected at most 64)");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bad_lines),
		cmocka_unit_test(test_bad_values),
		cmocka_unit_test(test_nul_byte),
		cmocka_unit_test(test_line_length),
		cmocka_unit_test(test_long_words),
		cmocka_unit_test(test_string_bounds),
		cmocka_unit_test(test_message_always_fits),
		cmocka_unit_test(test_nothing_said),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_everything),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_dump),
		cmocka_unit_test(test_files_replace_keys),
		cmocka_unit_test(test_a_bad_file_changes_nothing),
		cmocka_unit_test(test_so_many_files),
		cmocka_unit_test(test_dump_round_trip),
		cmocka_unit_test(test_commands),
		cmocka_unit_test(test_textfile),
		cmocka_unit_test(test_relay),
		cmocka_unit_test(test_policy_text),
		cmocka_unit_test(test_installed_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
