/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifdef HAVE_CONFIG_H
#include "config.h"
#endif

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "exporter.h"
#include "io/channel.h"
#include "io/log.h"
#include "io/machine.h"
#include "io/memlock.h"
#include "io/notify.h"
#include "io/udevd.h"
#include "runtime.h"
#include "session.h"
#include "settings.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "unknown"
#endif
#define FIRST_ROUND_USEC 20000000 /* of the 90 s that systemd waits for READY=1 */
#define JOURNAL_RANGES 2 /* per report on average; one report may have many more */
#define JOURNAL_RANGES_SPARE 256
#define INTENT_BLOCKS 4096 /* at least; 64 KiB for what is remembered of blocks */
/* Writes before they are reported in parts: 1 TiB in blocks of 128 MiB. All of it is locked in memory. */
#define JOURNAL_MARKS 8192

struct options {
	const char *root;
	struct settings_options settings;
	bool foreground;
	bool dry_run;
	bool dump_config;
};

struct daemon {
	struct options options;
	struct config config;
	struct config_origins origins;
	struct loop *loop;
	struct sysfs *sysfs;
	struct root *root;
	struct source *source;
	struct source *backup_source; /* beside udevd's events; may be NULL */
	struct runtime *runtime; /* what is in /run */
	struct agent *agent;
	struct exporter *exporter; /* [stats] textfile */
	struct monitors *monitors; /* of the memory's use, for sessions */
	struct sessions *sessions;
	struct channel *channel;
	struct loop_timer *watchdog;
	bool failed;
};

static const char usage[] =
	"Usage: memonlined [OPTION]...\n"
	"Bring hot-plugged memory online according to a policy, report it to the host.\n\n"
	"  -c, --config FILE   read FILE instead of " SETTINGS_FILE " and its drop-ins\n"
	"      --sysroot DIR   use DIR in place of /\n"
	"      --listen PATH   make the control socket at PATH\n"
	"  -f, --foreground    do not go to the background\n"
	"  -n, --dry-run       print what would be written, write nothing, exit\n"
	"      --dump-config   print the active configuration, exit\n"
	"  -V, --version       print the version, exit\n"
	"  -h, --help          print this, exit\n";

enum { OPTION_SYSROOT = 256, OPTION_DUMP_CONFIG, OPTION_LISTEN };

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "sysroot", required_argument, NULL, OPTION_SYSROOT },
	{ "listen", required_argument, NULL, OPTION_LISTEN },
	{ "foreground", no_argument, NULL, 'f' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "dump-config", no_argument, NULL, OPTION_DUMP_CONFIG },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static void parse_option(int option, struct options *options)
{
	switch (option) {
	case 'c':
		options->settings.file = optarg;
		break;
	case OPTION_SYSROOT:
		options->root = optarg;
		break;
	case OPTION_LISTEN:
		options->settings.listen = optarg;
		break;
	case 'f':
		options->foreground = true;
		break;
	case 'n':
		options->dry_run = true;
		break;
	case OPTION_DUMP_CONFIG:
		options->dump_config = true;
		break;
	case 'V':
		puts("memonlined " PACKAGE_VERSION);
		exit(EXIT_SUCCESS);
	case 'h':
		fputs(usage, stdout);
		exit(EXIT_SUCCESS);
	default:
		fputs("Try 'memonlined --help'.\n", stderr);
		exit(EXIT_FAILURE);
	}
}

static bool own_root(const struct options *options)
{
	return strcmp(options->root, "/") == 0;
}

/* The daemon leaves its directory, and may read its configuration again. */
static const char *absolute(const char *path)
{
	char *real = realpath(path, NULL);

	/* A missing path is reported when it is opened. */
	return real ? real : path;
}

static void parse_options(int argc, char **argv, struct options *options)
{
	int option;

	options->root = "/";
	while ((option = getopt_long(argc, argv, "c:fnVh", long_options, NULL)) >= 0)
		parse_option(option, options);
	options->root = absolute(options->root);
	options->settings.root = own_root(options) ? "" : options->root;
	if (options->settings.file)
		options->settings.file = absolute(options->settings.file);
	if (optind < argc) {
		fprintf(stderr, "memonlined: unexpected argument '%s'\n", argv[optind]);
		exit(EXIT_FAILURE);
	}
}

static void reload(struct daemon *daemon)
{
	char error[CONFIG_ERROR_SIZE];
	struct config_origins origins = daemon->origins;
	struct config config = daemon->config;

	notify_send("RELOADING=1");
	if (settings_load(&daemon->options.settings, &config, &origins, error) < 0) {
		log_error("%s; the old configuration stays active", error);
	} else {
		daemon->config = config;
		log_set_level(config.log_level);
		agent_configure(daemon->agent, &daemon->config);
		log_info("configuration read again: policy %s",
			 config_policy_text(config.policy));
	}
	runtime_restore(daemon->runtime);
	notify_send("READY=1");
}

static void on_signal(int number, void *data)
{
	struct daemon *daemon = data;

	if (number == SIGHUP) {
		reload(daemon);
		return;
	}
	log_info("%s: ending", strsignal(number));
	loop_quit(daemon->loop);
}

static void on_watchdog(void *data)
{
	struct daemon *daemon = data;

	notify_send("WATCHDOG=1");
	loop_timer_arm(daemon->watchdog, notify_watchdog_msec());
}

static void on_reported(void *data)
{
	struct daemon *daemon = data;
	char status[96];

	snprintf(status, sizeof(status), "STATUS=policy %s, %llu reports",
		 config_policy_text(daemon->config.policy),
		 (unsigned long long)journal_last(agent_journal(daemon->agent)));
	notify_send(status);
	if (daemon->sessions)
		sessions_push(daemon->sessions);
}

static void on_rested(void *data)
{
	struct daemon *daemon = data;

	if (daemon->exporter)
		exporter_write(daemon->exporter, daemon->agent);
}

static void on_sample(const struct stats *stats, void *data)
{
	struct daemon *daemon = data;

	exporter_write_sample(daemon->exporter, daemon->agent, stats);
}

static void on_broken(void *data)
{
	struct daemon *daemon = data;

	log_error("memory events have ended: ending, to be restarted");
	daemon->failed = true;
	loop_quit(daemon->loop);
}

static bool wants_udev(const struct daemon *daemon)
{
	return daemon->config.events == CONFIG_EVENTS_UDEV ||
	       (daemon->config.events == CONFIG_EVENTS_AUTO && udevd_runs(daemon->root));
}

static int open_source(struct daemon *daemon)
{
	unsigned bytes = daemon->config.receive_buffer_bytes;
	bool udev = wants_udev(daemon);

	/* This machine's events say nothing about another tree, unless asked for. */
	if (!own_root(&daemon->options) && daemon->config.events == CONFIG_EVENTS_AUTO)
		return 0;
	daemon->source = udev ? source_open_udev(bytes) : source_open_kernel(bytes);
	if (!daemon->source) {
		log_error("cannot listen for memory events: %s", strerror(errno));
		return -1;
	}
	log_info("listening for %s events", source_name(daemon->source));
	if (!udev || !own_root(&daemon->options))
		return 0;
	daemon->backup_source = source_open_kernel(bytes);
	if (!daemon->backup_source)
		log_warning("cannot listen for the kernel's events: %s; ignoring",
			    strerror(errno));
	return 0;
}

static int open_kernel_side(struct daemon *daemon)
{
	daemon->sysfs = sysfs_open(daemon->options.root);
	if (!daemon->sysfs) {
		log_error(
			"%s/sys/devices/system/memory: %s (expected a kernel with CONFIG_MEMORY_HOTPLUG)",
			own_root(&daemon->options) ? "" : daemon->options.root,
			strerror(errno));
		return -1;
	}
	daemon->root = root_open(daemon->options.root);
	if (!daemon->root) {
		log_error("%s", strerror(errno));
		return -1;
	}
	return daemon->options.dry_run ? 0 : open_source(daemon);
}

static int open_runtime(struct daemon *daemon)
{
	const struct config *config = &daemon->config;
	size_t blocks = 2 * sysfs_count_blocks(daemon->sysfs);
	char boot_id[MACHINE_BOOT_ID_SIZE];
	struct runtime_options options = {
		.root = daemon->options.root,
		.boot_id = boot_id,
		.dry_run = daemon->options.dry_run,
		.journal = { config->journal_reports,
			     config->journal_reports * JOURNAL_RANGES +
				     JOURNAL_RANGES_SPARE,
			     JOURNAL_MARKS },
		.blocks = blocks < INTENT_BLOCKS ? INTENT_BLOCKS : blocks,
	};

	machine_read_boot_id(daemon->root, boot_id);
	daemon->runtime = runtime_open(&options);
	return daemon->runtime ? 0 : -1;
}

static int port_error(const char **name, void *data)
{
	const struct daemon *daemon = data;

	return daemon->channel ? channel_port_error(daemon->channel, name) : 0;
}

static int open_agent(struct daemon *daemon)
{
	struct agent_edges edges;

	memset(&edges, 0, sizeof(edges));
	edges.loop = daemon->loop;
	edges.sysfs = daemon->sysfs;
	edges.root = daemon->root;
	edges.source = daemon->source;
	edges.backup_source = daemon->backup_source;
	edges.journal = runtime_journal(daemon->runtime);
	edges.intent = runtime_intent(daemon->runtime);
	edges.reported = on_reported;
	edges.rested = on_rested;
	edges.port_error = port_error;
	edges.broken = on_broken;
	edges.data = daemon;
	daemon->agent = agent_new(&daemon->config, &edges, daemon->options.dry_run);
	if (daemon->agent)
		return 0;
	log_error("cannot start: %s", strerror(errno));
	return -1;
}

static int open_channel(struct daemon *daemon)
{
	const struct config *config = &daemon->config;
	int r;

	daemon->monitors = monitors_new(daemon->loop, daemon->root);
	daemon->exporter = exporter_new(daemon->loop);
	if (daemon->monitors && daemon->exporter) {
		monitors_on_sample(daemon->monitors, on_sample, daemon);
		daemon->sessions = sessions_new(daemon->agent, daemon->monitors);
	}
	if (daemon->sessions &&
	    sessions_relay(daemon->sessions, daemon->loop, daemon->options.root) == 0)
		daemon->channel =
			channel_new(daemon->loop, &sessions_handler, daemon->sessions);
	if (!daemon->channel) {
		log_error("%s", strerror(ENOMEM));
		return -1;
	}
	r = channel_listen(daemon->channel, daemon->options.root, config->control_socket,
			   config->control_mode);
	/* Memory is brought online without it, and there may be room for it later. */
	if (r < 0 && r != -EROFS && r != -ENOSPC) {
		log_error("%s: %s", config->control_socket,
			  r == -EADDRINUSE ? "another memonlined listens there"
					   : strerror(-r));
		return -1;
	}
	if (r < 0)
		log_warning("%s: %s; no control socket until that changes",
			    config->control_socket, strerror(-r));
	r = 0;
	if (config->port[0])
		r = channel_open_port(daemon->channel, daemon->options.root,
				      config->port);
	if (r < 0)
		log_error("channel %s: %s", config->port, strerror(-r));
	return r < 0 ? -1 : 0;
}

static int watch_runtime(struct daemon *daemon)
{
	int r = runtime_watch(daemon->runtime, daemon->loop, daemon->channel,
			      daemon->config.control_socket);

	if (r < 0)
		log_error("cannot watch /run: %s", strerror(-r));
	return r;
}

static int open_loop(struct daemon *daemon)
{
	static const int signals[] = { SIGTERM, SIGINT, SIGHUP, 0 };

	daemon->loop = loop_new();
	if (!daemon->loop || loop_signals(daemon->loop, signals, on_signal, daemon) < 0) {
		log_error("cannot make the event loop: %s", strerror(errno));
		return -1;
	}
	signal(SIGPIPE, SIG_IGN);
	if (!notify_watchdog_msec())
		return 0;
	daemon->watchdog = loop_timer_add(daemon->loop, on_watchdog, daemon);
	if (!daemon->watchdog)
		return -1;
	on_watchdog(daemon);
	return 0;
}

/* 1: in a kernel that saves the memory of a crashed one there is nothing to do. */
static int open_edges(struct daemon *daemon)
{
	if (open_loop(daemon) < 0 || open_kernel_side(daemon) < 0)
		return -1;
	if (machine_is_capture_kernel(daemon->root)) {
		log_info("this is a kdump capture kernel: ending");
		return 1;
	}
	if (open_runtime(daemon) < 0 || open_agent(daemon) < 0)
		return -1;
	if (daemon->options.dry_run)
		return 0;
	return open_channel(daemon) < 0 ? -1 : watch_runtime(daemon);
}

static void close_edges(struct daemon *daemon)
{
	channel_free(daemon->channel);
	sessions_free(daemon->sessions);
	monitors_free(daemon->monitors);
	exporter_free(daemon->exporter);
	agent_free(daemon->agent);
	runtime_close(daemon->runtime);
	source_close(daemon->source);
	source_close(daemon->backup_source);
	root_close(daemon->root);
	sysfs_close(daemon->sysfs);
	loop_timer_remove(daemon->watchdog);
	loop_free(daemon->loop);
}

/* The parent leaves once the child is at work, or fails with it. Returns the child's end. */
static int go_to_background(void)
{
	int ends[2];
	char byte;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid > 0) {
		bool is_ready;

		close(ends[1]);
		is_ready = read(ends[0], &byte, 1) == 1;
		close(ends[0]);
		_exit(is_ready ? EXIT_SUCCESS : EXIT_FAILURE);
	}
	close(ends[0]);
	setsid();
	return ends[1];
}

static void leave_terminal(const struct daemon *daemon, int ready_fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	log_open("memonlined", daemon->config.log_target, daemon->config.log_level,
		 false);
	if (chdir("/") < 0 || null < 0)
		log_warning("cannot leave the terminal: %s; ignoring", strerror(errno));
	if (write(ready_fd, "", 1) < 0)
		log_warning("no process waits for the start; ignoring");
	close(ready_fd);
	if (null < 0)
		return;
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	if (null > STDERR_FILENO)
		close(null);
}

static int decide_only(struct daemon *daemon)
{
	agent_wake(daemon->agent);
	while (agent_step(daemon->agent))
		;
	return agent_has_looked(daemon->agent) ? 0 : -1;
}

/* Bringing memory online is the way out of a shortage: it must work within one. */
static void prepare_for_shortage(void)
{
	int r = memlock_against_oom();

	if (r < 0)
		log_info("the OOM killer may choose this process: %s; ignoring",
			 strerror(-r));
	r = memlock_enable();
	if (r < 0)
		log_info("cannot lock memory: %s; ignoring", strerror(-r));
}

/*
 * Memory that exists at the start is online before memonlined reports that it is ready:
 * at boot, services that need the memory wait for that. For a limited time, since a host
 * may plug faster than the kernel onlines.
 */
static void first_round(struct daemon *daemon)
{
	uint64_t until = loop_now_usec() + FIRST_ROUND_USEC;

	if (own_root(&daemon->options))
		prepare_for_shortage();
	log_info("memonlined " PACKAGE_VERSION ", kernel %s, policy %s",
		 agent_kernel_release(daemon->agent),
		 config_policy_text(daemon->config.policy));
	agent_wake(daemon->agent);
	agent_probe_at_start(daemon->agent);
	agent_steps(daemon->agent, until);
}

static int serve(struct daemon *daemon)
{
	int r = loop_run(daemon->loop);

	if (r < 0)
		log_error("event loop: %s", strerror(-r));
	return daemon->failed ? -1 : r;
}

/* A start that is not told ends with this process. */
static void notify_ready(void)
{
	int r;

	do
		r = notify_send("READY=1");
	while (r == -EAGAIN);
}

static int run(struct daemon *daemon, int ready_fd)
{
	int r = open_edges(daemon);

	if (r >= 0 && ready_fd >= 0)
		leave_terminal(daemon, ready_fd);
	if (r == 0 && !daemon->options.dry_run)
		first_round(daemon);
	if (r >= 0)
		notify_ready();
	if (r == 0)
		r = daemon->options.dry_run ? decide_only(daemon) : serve(daemon);
	notify_send("STOPPING=1");
	close_edges(daemon);
	return r;
}

static int dump_config(const struct config *config, const struct config_origins *origins)
{
	struct text text = TEXT_INIT;
	int r = EXIT_FAILURE;

	config_dump(config, origins, &text);
	if (!text.failed && text.data && fputs(text.data, stdout) >= 0 &&
	    fflush(stdout) == 0)
		r = EXIT_SUCCESS;
	text_free(&text);
	return r;
}

int main(int argc, char **argv)
{
	static struct daemon daemon;
	const struct options *options = &daemon.options;
	char error[CONFIG_ERROR_SIZE];
	int ready_fd = -1;

	parse_options(argc, argv, &daemon.options);
	if (settings_load(&options->settings, &daemon.config, &daemon.origins, error) <
	    0) {
		fprintf(stderr, "memonlined: %s\n", error);
		return EXIT_FAILURE;
	}
	if (options->dump_config)
		return dump_config(&daemon.config, &daemon.origins);
	if (!options->foreground && !options->dry_run) {
		ready_fd = go_to_background();
		if (ready_fd < 0) {
			fprintf(stderr, "memonlined: %s\n", strerror(-ready_fd));
			return EXIT_FAILURE;
		}
	}
	/* To the terminal while there is one: who started it sees why it did not. */
	log_open("memonlined", daemon.config.log_target, daemon.config.log_level, true);
	return run(&daemon, ready_fd) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
