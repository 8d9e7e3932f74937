/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "file-calls.h"
#include "io/channel.h"

#undef open
#undef close
#undef read
#undef pread
#undef pwrite
#undef fstat
#undef lstat
#undef ftruncate
#undef posix_fallocate
#undef rename
#undef unlink
#undef mkdir
#undef chmod
#undef fchmod
#undef mmap
#undef munmap
#undef mlock
#undef flock
#undef fopen
#undef inotify_init1
#undef inotify_add_watch

/*
 * The tmpfs of /run, below the real io/state.c, io/runtime-files.c and io/lockfile.c, and what others
 * do to it. A write goes page by page: a SIGKILL may fall between two of them.
 */
#define INODES 12
#define FILE_BYTES (64UL * 1024)
#define OPENS 16
#define FIRST_FD 2000
#define PAGE_BYTES 4096UL
#define EVENTS 16
#define NAME_BYTES 16 /* as inotify pads it */
#define BEGIN_BYTES 64 /* damage behind them is not noticed: io/state.h */
#define FULL_USEC 90000000
#define DIRECTORY "/run/memonline"

enum name { STATE, BLOCKS, MARK, STATE_NEW, BLOCKS_NEW, LOCK, NAMES };
static const char *const paths[NAMES] = {
	DIRECTORY "/state",	DIRECTORY "/blocks",	 DIRECTORY "/agent-onlines",
	DIRECTORY "/state.new", DIRECTORY "/blocks.new", "/run/memonlined.lock"
};

struct inode {
	unsigned char bytes[FILE_BYTES];
	size_t size, room; /* bytes for which there are pages */
	uint64_t number; /* 0: free */
	unsigned opens;
	bool damaged; /* by others, since it was read or made */
	const unsigned char *memory; /* it was last written from; NULL: nothing is */
};
static struct inode inodes[INODES];

static struct {
	uint64_t numbers;
	struct inode *names[NAMES];
	struct inode *opens[OPENS];
	bool directory, watched, full;
	bool mark_wanted, mark_unknown;
	bool is_lost[NAMES]; /* not all that memonlined stores is in the file */
	bool was_lost; /* either, for the next memonlined */
	struct {
		uint32_t mask;
		enum name name; /* NAMES: the directory's own */
	} events[EVENTS];
	unsigned event_count;
} files;

/* --- names and what they stand for */

static enum name name_of(const char *path)
{
	int i;

	for (i = 0; i < NAMES; i++)
		if (strcmp(paths[i], path) == 0)
			break;
	return (enum name)i;
}

static void announce(uint32_t mask, enum name name)
{
	unsigned last = files.event_count - 1;

	/* In small worlds nobody touches them. */
	if (!files.watched || name == LOCK || sim.options.small ||
	    sim_plant("blind-files"))
		return;
	if (files.event_count && files.events[last].mask == mask &&
	    files.events[last].name == name)
		return;
	if (files.event_count == EVENTS) {
		files.events[last].mask = IN_Q_OVERFLOW;
		files.events[last].name = NAMES;
		return;
	}
	files.events[files.event_count].mask = mask;
	files.events[files.event_count++].name = name;
}

static bool has_name(const struct inode *inode)
{
	int i;

	for (i = 0; i < NAMES; i++)
		if (files.names[i] == inode)
			return true;
	return false;
}

/* No more of it was ever in use. */
static void clear(struct inode *inode)
{
	memset(inode->bytes, 0, inode->size);
	inode->size = inode->room = 0;
	inode->number = 0;
	inode->opens = 0;
	inode->damaged = false;
	inode->memory = NULL;
}

static void release(struct inode *inode)
{
	if (inode->number && !inode->opens && !has_name(inode))
		clear(inode);
}

static struct inode *make(enum name name)
{
	struct inode *inode = inodes;

	while (inode < inodes + INODES && inode->number)
		inode++;
	if (inode == inodes + INODES) {
		sim_fail("simulator", "more than %d files", INODES);
		return NULL;
	}
	inode->number = ++files.numbers;
	files.names[name] = inode;
	return inode;
}

static void drop_name(enum name name, uint32_t mask)
{
	struct inode *inode = files.names[name];

	if (!inode)
		return;
	files.names[name] = NULL;
	announce(mask, name);
	release(inode);
}

static void note_modified(const struct inode *inode)
{
	int i;

	for (i = 0; i < NAMES; i++)
		if (files.names[i] == inode)
			announce(IN_MODIFY, (enum name)i);
}

static void resize(struct inode *inode, size_t size)
{
	if (size < inode->size)
		memset(inode->bytes + size, 0, inode->size - size);
	inode->size = size;
	if (inode->room > size)
		inode->room = size;
}

/* --- what memonlined has lost when it ends */

static void lose(enum name name)
{
	files.was_lost = true;
	if (name == STATE) {
		oracle_new_journal();
		host_doubts();
	} else {
		kernel_forget_wishes();
		oracle_forget_blocks();
	}
}

void files_agent_gone(void)
{
	unsigned i;

	for (i = 0; i < OPENS; i++) {
		struct inode *inode = files.opens[i];

		files.opens[i] = NULL;
		if (inode && --inode->opens == 0)
			release(inode);
	}
	for (i = 0; i < INODES; i++)
		inodes[i].memory = NULL;
	files.watched = false;
	files.event_count = 0;
	if (files.is_lost[STATE])
		lose(STATE);
	if (files.is_lost[BLOCKS])
		lose(BLOCKS);
	files.is_lost[STATE] = files.is_lost[BLOCKS] = false;
}

bool files_were_lost(void)
{
	bool was_lost = files.was_lost;

	files.was_lost = false;
	return was_lost;
}

void files_lose_blocks(void)
{
	if (files.names[BLOCKS])
		resize(files.names[BLOCKS], 0);
}

/* --- what befalls them */

static void note_touched(enum name name)
{
	if (name != STATE && name != BLOCKS)
		return;
	if (files.names[name])
		files.names[name]->damaged = true;
	/* What it has read by now it still knows. */
	if (!life_has_files())
		lose(name);
	files.is_lost[name] = life_is_there();
}

static bool lock_has_mark(void)
{
	return files.names[LOCK] && files.names[LOCK]->size;
}

/* With `state` the mark goes unseen; the lock file says whether memonlined knew of it. */
static void note_state_goes(void)
{
	if (lock_has_mark() != files.mark_wanted)
		files.mark_unknown = true;
}

static void remove_all(void)
{
	int i;

	note_state_goes();
	for (i = 0; i < LOCK; i++) {
		note_touched((enum name)i);
		drop_name((enum name)i, IN_DELETE);
	}
	if (files.directory)
		announce(IN_DELETE_SELF, NAMES);
	files.directory = files.watched = false;
	sim_trace("files: " DIRECTORY " is removed");
}

static void remove_one(void)
{
	enum name name = (enum name)sim_draw(MARK + 1);

	if (!files.names[name])
		return;
	if (name == STATE)
		note_state_goes();
	if (name == MARK)
		files.mark_wanted = false;
	/* memonline-rules takes it away; where `state` is gone as well, memonlined makes it again. */
	if (name == MARK && !(files.names[STATE] && files.names[STATE]->memory))
		files.mark_unknown = true;
	note_touched(name);
	drop_name(name, IN_DELETE);
	sim_trace("files: %s is removed", paths[name]);
}

static struct inode *any_kept(enum name *name)
{
	*name = (enum name)sim_draw(BLOCKS + 1);
	return files.names[*name];
}

static void cut(void)
{
	enum name name;
	struct inode *inode = any_kept(&name);

	if (!inode)
		return;
	resize(inode, sim_one_in(3) ? 0 : sim_draw((uint32_t)inode->size + 1));
	note_touched(name);
	note_modified(inode);
	sim_trace("files: %s is cut to %zu bytes", paths[name], inode->size);
}

static void overwrite(void)
{
	enum name name;
	struct inode *inode = any_kept(&name);
	size_t at, len, i;
	bool zeros = sim_one_in(3);

	if (!inode || !inode->size)
		return;
	at = sim_one_in(2) ? 0 : sim_draw((uint32_t)inode->size);
	len = 1 + sim_draw((uint32_t)(inode->size - at));
	for (i = at; i < at + len; i++)
		inode->bytes[i] = zeros ? 0 : (unsigned char)sim_draw(256);
	/* What it says of the kernel's settings may look as if it were whole. */
	if (name == BLOCKS && at)
		kernel.found_forged = true;
	note_touched(name);
	note_modified(inode);
	sim_trace("files: %zu bytes at %zu of %s are overwritten", len, at, paths[name]);
}

static void empty(uint32_t a, uint32_t b)
{
	(void)a;
	(void)b;
	files.full = false;
	sim_trace("files: there is room again");
}

static void fill(void)
{
	if (files.full)
		return;
	files.full = true;
	sim_trace("files: no room is left");
	sim_later(sim_draw(FULL_USEC), empty, 0, 0);
}

void files_befall(void)
{
	static void (*const faults[])(void) = { remove_all, remove_all, remove_one,
						remove_one, cut,	overwrite };

	if (sim_one_in(3))
		fill();
	faults[sim_draw(6)]();
}

/* --- at rest */

static void check_file(enum name name)
{
	const struct inode *inode = files.names[name];
	size_t bytes;

	if (!inode || !inode->memory) {
		sim_fail("files", "%s is not there, or not memonlined's", paths[name]);
		return;
	}
	bytes = inode->damaged ? BEGIN_BYTES : inode->size;
	if (inode->size < bytes || memcmp(inode->bytes, inode->memory, bytes) != 0)
		sim_fail("files", "%s is not what memonlined knows", paths[name]);
}

void files_check(void)
{
	check_file(STATE);
	check_file(BLOCKS);
	if (!files.mark_unknown && files.mark_wanted != (files.names[MARK] != NULL))
		sim_fail("files", "%s is %s", paths[MARK],
			 files.mark_wanted ? "gone" : "back");
}

void files_begin(void)
{
	unsigned i;

	for (i = 0; i < INODES; i++)
		clear(&inodes[i]);
	memset(&files, 0, sizeof(files));
	files.mark_wanted = !sim.options.small;
	files.directory = files.mark_wanted;
	if (files.mark_wanted)
		make(MARK);
}

void files_add_to_snapshot(void)
{
	snapshot_add(inodes, sizeof(inodes));
	snapshot_add(&files, sizeof(files));
}

uint32_t files_ready(void)
{
	return files.event_count ? EPOLLIN : 0;
}

/* --- system calls of io/state.c, io/lockfile.c and io/runtime-files.c */

static struct inode *at_fd(int fd)
{
	return files.opens[fd - FIRST_FD];
}

static int fail(int error)
{
	errno = error;
	return -1;
}

int files_open(const char *path, int flags)
{
	enum name name = name_of(path);
	struct inode *inode;
	int i;

	if (name != NAMES && !files.names[name] && (flags & O_CREAT))
		sim_point("makes a file", 5);
	/* memonlined works from a copy. */
	if ((name == STATE || name == BLOCKS) && (flags & O_ACCMODE) == O_RDONLY)
		files.is_lost[name] = true;
	if (name == NAMES || (name != LOCK && !files.directory))
		return fail(ENOENT);
	if (files.names[name] && (flags & O_EXCL))
		return fail(EEXIST);
	if (!files.names[name] && !(flags & O_CREAT))
		return fail(ENOENT);
	/* One that has ended in good order, not killed, does not know of the mark. */
	if (name == STATE && !files.names[name])
		note_state_goes();
	inode = files.names[name] ? files.names[name] : make(name);
	for (i = 0; i < OPENS && files.opens[i]; i++)
		;
	if (!inode || i == OPENS)
		return fail(EMFILE);
	files.opens[i] = inode;
	inode->opens++;
	inode->damaged = false;
	return FIRST_FD + i;
}

int files_close(int fd)
{
	struct inode *inode;

	if (fd == SIM_FD_RUN)
		return 0;
	inode = at_fd(fd);
	files.opens[fd - FIRST_FD] = NULL;
	inode->opens--;
	release(inode);
	return 0;
}

static int fill_status(const struct inode *inode, struct stat *status)
{
	memset(status, 0, sizeof(*status));
	status->st_mode = S_IFREG | 0600;
	status->st_ino = inode->number;
	status->st_size = (off_t)inode->size;
	return 0;
}

int files_fstat(int fd, struct stat *status)
{
	return fill_status(at_fd(fd), status);
}

int files_lstat(const char *path, struct stat *status)
{
	enum name name = name_of(path);

	if (name == NAMES || !files.names[name])
		return fail(ENOENT);
	return fill_status(files.names[name], status);
}

ssize_t files_pread(int fd, void *buffer, size_t len, off_t from)
{
	const struct inode *inode = at_fd(fd);
	size_t at = (size_t)from;

	if (at >= inode->size)
		return 0;
	if (len > inode->size - at)
		len = inode->size - at;
	memcpy(buffer, inode->bytes + at, len);
	return (ssize_t)len;
}

/* Up to the end of a page. */
static size_t piece(size_t at, size_t left)
{
	size_t len = PAGE_BYTES - at % PAGE_BYTES;

	return len < left ? len : left;
}

static bool has_room(const struct inode *inode, size_t end)
{
	return !files.full || end <= inode->room;
}

static void put(struct inode *inode, size_t at, const unsigned char *bytes, size_t len)
{
	size_t page_end = (at + len + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;

	memcpy(inode->bytes + at, bytes, len);
	if (inode->size < at + len)
		inode->size = at + len;
	if (inode->room < page_end)
		inode->room = page_end;
}

ssize_t files_pwrite(int fd, const void *bytes, size_t len, off_t start)
{
	struct inode *inode = at_fd(fd);
	size_t at = (size_t)start, done = 0;

	if (at + len > FILE_BYTES)
		sim_fail("simulator", "%zu bytes at %zu are stored", len, at);
	while (done < len) {
		size_t part = piece(at + done, len - done);

		sim_point("stores", 2);
		if (!has_room(inode, at + done + part))
			break;
		put(inode, at + done, (const unsigned char *)bytes + done, part);
		done += part;
	}
	inode->memory = (const unsigned char *)bytes - at;
	note_modified(inode);
	return done || !len ? (ssize_t)done : fail(ENOSPC);
}

int files_ftruncate(int fd, off_t size)
{
	resize(at_fd(fd), (size_t)size);
	return 0;
}

int files_fallocate(int fd, off_t from, off_t len)
{
	struct inode *inode = at_fd(fd);
	size_t end = (size_t)(from + len);

	if (inode->size < end)
		sim_point("makes room", 5);
	if (end > FILE_BYTES)
		sim_fail("simulator", "a file of %zu bytes", end);
	if (!has_room(inode, end))
		return ENOSPC;
	if (inode->room < end)
		inode->room = end;
	if (inode->size < end)
		inode->size = end;
	return 0;
}

int files_rename(const char *from, const char *to)
{
	enum name old = name_of(from), new = name_of(to);
	struct inode *replaced;

	sim_point("renames a file", 5);
	if (!files.names[old])
		return fail(ENOENT);
	replaced = files.names[new];
	files.names[new] = files.names[old];
	files.names[old] = NULL;
	if (replaced)
		release(replaced);
	announce(IN_MOVED_FROM, old);
	files.is_lost[new] = false;
	return 0;
}

int files_unlink(const char *path)
{
	enum name name = name_of(path);

	if (name == NAMES || !files.names[name])
		return fail(ENOENT);
	sim_point("removes a file", 5);
	drop_name(name, IN_DELETE);
	return 0;
}

int files_mkdir(const char *path)
{
	if (files.directory || strcmp(path, DIRECTORY) != 0)
		return fail(EEXIST);
	sim_point("makes a directory", 5);
	files.directory = true;
	return 0;
}

void *files_mmap(size_t bytes, int flags)
{
	void *memory = (flags & MAP_ANONYMOUS) ? calloc(1, bytes) : NULL;

	return memory ? memory : MAP_FAILED;
}

int files_munmap(void *memory)
{
	free(memory);
	return 0;
}

int files_inotify_init(void)
{
	files.watched = false;
	files.event_count = 0;
	return SIM_FD_RUN;
}

int files_inotify_add(const char *path)
{
	if (!files.directory || strcmp(path, DIRECTORY) != 0)
		return fail(ENOENT);
	files.watched = true;
	return 1;
}

ssize_t files_read(int fd, void *buffer, size_t size)
{
	size_t one = sizeof(struct inotify_event) + NAME_BYTES, done = 0;
	unsigned i;

	(void)fd;
	if (!files.event_count)
		return fail(EAGAIN);
	sim_point("reads what befell the files", 3);
	for (i = 0; i < files.event_count && done + one <= size; i++, done += one) {
		struct inotify_event *event =
			(struct inotify_event *)((char *)buffer + done);

		memset(event, 0, one);
		event->mask = files.events[i].mask;
		event->len = NAME_BYTES;
		if (files.events[i].name != NAMES)
			strncpy(event->name,
				paths[files.events[i].name] + sizeof(DIRECTORY),
				NAME_BYTES - 1);
	}
	files.event_count = 0;
	return (ssize_t)done;
}

/* No world has a control socket. */
int channel_listen_again(struct channel *channel)
{
	(void)channel;
	return 0;
}
