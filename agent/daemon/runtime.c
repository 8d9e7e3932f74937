/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "runtime.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/lockfile.h"
#include "io/log.h"
#include "io/runtime-files.h"
#include "io/state.h"
#include "io/uuid.h"

#define DIRECTORY "/run/memonline/"
#define MARK "agent-onlines"
/* Below the 90 s that systemd gives a start (DefaultTimeoutStartSec). */
#define HOLDER_USEC 60000000
#define HOLDER_PAUSE_USEC 50000

/* A file, and what core/ stores in it. */
struct kept {
	struct runtime *runtime;
	const char *name;
	struct state *state;
	struct store store;
};

struct runtime {
	struct runtime_options options;
	struct lockfile *lockfile; /* NULL: none could be made */
	struct kept reports, blocks;
	struct journal *journal;
	struct intent *intent;
	struct channel *channel;
	struct runtime_files *files; /* NULL: nothing is watched yet */
	bool has_mark; /* memonline-rules has set it */
};

struct journal *runtime_journal(const struct runtime *runtime)
{
	return runtime->journal;
}

struct intent *runtime_intent(const struct runtime *runtime)
{
	return runtime->intent;
}

/* --- the lock */

/* One that was killed inside a write holds the lock until the kernel lets it end. */
static struct lockfile *take_when_free(const char *root)
{
	uint64_t until = loop_now_usec() + HOLDER_USEC;
	struct lockfile *lockfile = lockfile_take(root);
	bool is_logged = false;

	while (!lockfile && errno == EWOULDBLOCK && loop_now_usec() < until) {
		if (!lockfile_holder_is_ending(root)) {
			/* Gone between the two calls, or at work. */
			return lockfile_take(root);
		}
		if (!is_logged)
			log_info("waiting for the end of the killed memonlined");
		is_logged = true;
		usleep(HOLDER_PAUSE_USEC);
		lockfile = lockfile_take(root);
	}
	return lockfile;
}

static int take_lock(struct runtime *runtime)
{
	runtime->lockfile = take_when_free(runtime->options.root);
	if (runtime->lockfile)
		return 0;
	if (errno == EWOULDBLOCK) {
		log_error("another memonlined runs here");
		return -1;
	}
	log_warning("/run/memonlined.lock: %s; ignoring", strerror(errno));
	return 0;
}

/* --- the files */

static void keep(void *data, const void *start, size_t bytes)
{
	struct kept *kept = data;
	int r = state_store(kept->state, start, bytes);

	if (r == 0)
		return;
	log_warning(DIRECTORY "%s: %s; writing it again", kept->name,
		    r == -ENODATA ? "truncated" : strerror(-r));
	if (kept->runtime->files)
		runtime_files_soon(kept->runtime->files);
}

static int open_kept(struct runtime *runtime, struct kept *kept, const char *name,
		     size_t bytes)
{
	const char *root = runtime->options.root;

	kept->runtime = runtime;
	kept->name = name;
	kept->store.keep = keep;
	kept->store.data = kept;
	if (!runtime->options.dry_run) {
		kept->state = state_open(root, name, bytes);
		if (kept->state)
			return 0;
		log_warning(
			DIRECTORY
			"%s: %s; until it can be made, its contents do not outlive this process",
			name, strerror(errno));
	}
	kept->state = state_open_copy(root, name, bytes);
	return kept->state ? 0 : -errno;
}

static int open_journal(struct runtime *runtime)
{
	const struct runtime_options *options = &runtime->options;
	char instance[JOURNAL_INSTANCE_SIZE];
	int r = open_kept(runtime, &runtime->reports, "state",
			  journal_size(&options->journal));

	if (r < 0)
		return r;
	uuid_make(instance);
	runtime->journal = journal_attach(state_memory(runtime->reports.state),
					  &options->journal, options->boot_id, instance);
	if (!runtime->journal)
		return -ENOMEM;
	if (!options->dry_run)
		journal_keep_in(runtime->journal, &runtime->reports.store);
	return 0;
}

static int open_intent(struct runtime *runtime)
{
	const struct runtime_options *options = &runtime->options;
	int r = open_kept(runtime, &runtime->blocks, "blocks",
			  intent_size(options->blocks));

	if (r < 0)
		return r;
	runtime->intent = intent_attach(state_memory(runtime->blocks.state),
					state_bytes(runtime->blocks.state),
					options->boot_id);
	if (!runtime->intent)
		return -ENOMEM;
	if (!options->dry_run)
		intent_keep_in(runtime->intent, &runtime->blocks.store);
	return 0;
}

static int open_all(struct runtime *runtime)
{
	const char *root = runtime->options.root;
	int r;

	if (!runtime->options.dry_run && take_lock(runtime) < 0)
		return -EWOULDBLOCK;
	/* Removed with all else, and the daemon was killed before it could make it again. */
	if (runtime->lockfile && !state_has_mark(root, "state"))
		runtime->has_mark = lockfile_has_mark(runtime->lockfile);
	r = open_journal(runtime);
	if (r == 0)
		r = open_intent(runtime);
	if (r < 0)
		log_error("cannot start: %s", strerror(-r));
	else if (runtime->has_mark)
		state_make_mark(root, MARK);
	return r;
}

struct runtime *runtime_open(const struct runtime_options *options)
{
	struct runtime *runtime = calloc(1, sizeof(*runtime));

	if (!runtime) {
		log_error("cannot start: %s", strerror(ENOMEM));
		return NULL;
	}
	runtime->options = *options;
	if (open_all(runtime) == 0)
		return runtime;
	runtime_close(runtime);
	return NULL;
}

void runtime_close(struct runtime *runtime)
{
	if (!runtime)
		return;
	runtime_files_free(runtime->files);
	/* Who takes the mark away from here on is not seen. */
	if (runtime->lockfile && runtime->files)
		lockfile_set_mark(runtime->lockfile, false);
	journal_free(runtime->journal);
	state_close(runtime->reports.state);
	intent_free(runtime->intent);
	state_close(runtime->blocks.state);
	lockfile_release(runtime->lockfile);
	free(runtime);
}

/* --- what goes */

/*
 * The mark of memonline-rules, which 99-memonline.rules asks for: gone with the whole directory, it
 * comes back; gone alone, memonline-rules has taken it away.
 */
static int restore_mark(struct runtime *runtime)
{
	const char *root = runtime->options.root;
	int r = 0;

	if (state_has_mark(root, MARK))
		runtime->has_mark = true;
	else if (state_in_place(runtime->reports.state, root, "state"))
		runtime->has_mark = false;
	else if (runtime->has_mark)
		r = state_make_mark(root, MARK);
	return r;
}

static int restore_kept(const struct kept *kept)
{
	bool is_damaged =
		state_in_place(kept->state, kept->runtime->options.root, kept->name) &&
		!state_is_whole(kept->state);
	int r = state_keep(kept->state, kept->runtime->options.root, kept->name);

	if (r > 0 && is_damaged)
		log_warning(DIRECTORY "%s was damaged: written again", kept->name);
	return r < 0 ? r : 0;
}

/* 0, or why something is missing still. */
static int restore(void *data)
{
	struct runtime *runtime = data;
	int mark = restore_mark(runtime);
	int reports = restore_kept(&runtime->reports);
	int blocks = restore_kept(&runtime->blocks);
	int channel = channel_listen_again(runtime->channel);

	if (runtime->lockfile)
		lockfile_set_mark(runtime->lockfile, runtime->has_mark);
	if (mark < 0 || reports < 0)
		return mark < 0 ? mark : reports;
	return blocks < 0 ? blocks : channel;
}

/* A file that was written to, most often by this process. */
static bool is_whole(void *data)
{
	const struct runtime *runtime = data;

	return state_is_whole(runtime->reports.state) &&
	       state_is_whole(runtime->blocks.state);
}

static const struct runtime_files_owner owner = { restore, is_whole };

int runtime_watch(struct runtime *runtime, struct loop *loop, struct channel *channel,
		  const char *socket_path)
{
	const char *root =
		strcmp(runtime->options.root, "/") == 0 ? "" : runtime->options.root;
	char path[PATH_MAX];
	int r;

	runtime->channel = channel;
	runtime->files = runtime_files_new(loop, &owner, runtime);
	if (!runtime->files)
		return -errno;
	snprintf(path, sizeof(path), "%s" DIRECTORY "state", root);
	r = runtime_files_watch(runtime->files, path, true);
	snprintf(path, sizeof(path), "%s%s", root, socket_path);
	if (r == 0)
		r = runtime_files_watch(runtime->files, path, false);
	if (r < 0)
		log_warning("cannot watch /run: %s; ignoring", strerror(-r));
	runtime_files_now(runtime->files);
	return 0;
}

void runtime_restore(struct runtime *runtime)
{
	runtime_files_now(runtime->files);
}
