/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/sysfs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/number.h"
#include "core/text.h"

#define MEMORY_DIRECTORY "/sys/devices/system/memory"
#define AUTO_ONLINE "auto_online_blocks"
#define PROBE "probe"
#define BLOCK_PREFIX "memory"
#define PREFIX_LEN (sizeof(BLOCK_PREFIX) - 1)
#define TEXT_LEN (SYSFS_TEXT_SIZE - 1)
#define NAME_SIZE (sizeof(BLOCK_PREFIX) + TEXT_DIGITS_SIZE + sizeof("/valid_zones"))
#define LINE_SIZE 32 /* more than any online type */

struct sysfs {
	const struct sysfs_operations *operations;
	void *data;
	int directory; /* -1 where the operations are a test's */
	bool has_valid_zones; /* some block had one */
	bool no_valid_zones; /* before 3.18: do not try to open one per block */
};

static long file_read(void *data, const char *name, char *buffer, size_t size)
{
	const struct sysfs *sysfs = data;
	int fd = openat(sysfs->directory, name, O_RDONLY | O_CLOEXEC);
	ssize_t len;

	if (fd < 0)
		return -errno;
	len = read(fd, buffer, size);
	if (len < 0)
		len = -errno;
	close(fd);
	return len;
}

/*
 * The read after a write uses the same open file: it is opened once per block, not twice.
 */
static long file_write(void *data, const char *name, const char *bytes, size_t len,
		       struct sysfs_text *after)
{
	const struct sysfs *sysfs = data;
	int fd = openat(sysfs->directory, name, (after ? O_RDWR : O_WRONLY) | O_CLOEXEC);
	ssize_t written;

	if (fd < 0) {
		written = -errno;
		if (after) /* what cannot be written to may be read */
			after->len = file_read(data, name, after->bytes, TEXT_LEN);
		return written;
	}
	written = write(fd, bytes, len);
	if (written < 0)
		written = -errno;
	if (after) {
		after->len = pread(fd, after->bytes, TEXT_LEN, 0);
		if (after->len < 0)
			after->len = -errno;
	}
	close(fd);
	return written;
}

static int directory_list(void *data, void (*entry)(const char *name, void *user),
			  void *user)
{
	const struct sysfs *sysfs = data;
	int fd = openat(sysfs->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *found;

	if (!directory) {
		int error = errno;

		if (fd >= 0)
			close(fd);
		return -error;
	}
	while ((found = readdir(directory)))
		entry(found->d_name, user);
	closedir(directory);
	return 0;
}

static uint64_t file_identify(void *data, const char *name)
{
	const struct sysfs *sysfs = data;
	struct stat status;

	return fstatat(sysfs->directory, name, &status, AT_SYMLINK_NOFOLLOW) < 0
		       ? 0
		       : status.st_ino;
}

static const struct sysfs_operations file_operations = { file_read, file_write,
							 directory_list, file_identify };

struct sysfs *sysfs_new(const struct sysfs_operations *operations, void *data)
{
	struct sysfs *sysfs = calloc(1, sizeof(*sysfs));

	if (!sysfs)
		return NULL;
	sysfs->operations = operations;
	sysfs->data = data;
	sysfs->directory = -1;
	return sysfs;
}

struct sysfs *sysfs_open(const char *root)
{
	struct sysfs *sysfs = sysfs_new(&file_operations, NULL);
	char path[PATH_MAX];

	if (!sysfs)
		return NULL;
	sysfs->data = sysfs;
	snprintf(path, sizeof(path), "%s%s", root, MEMORY_DIRECTORY);
	sysfs->directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (sysfs->directory < 0) {
		int error = errno;

		sysfs_close(sysfs);
		errno = error;
		return NULL;
	}
	return sysfs;
}

void sysfs_close(struct sysfs *sysfs)
{
	if (!sysfs)
		return;
	if (sysfs->directory >= 0)
		close(sysfs->directory);
	free(sysfs);
}

static long read_attribute(struct sysfs *sysfs, const char *name,
			   char text[SYSFS_TEXT_SIZE])
{
	long len = sysfs->operations->read(sysfs->data, name, text, TEXT_LEN);

	if (len >= 0)
		text[len] = '\0';
	return len;
}

/*
 * "memoryN", or "memoryN/ATTRIBUTE". Without snprintf, which was half of all instructions
 * that memonlined spent on a block.
 */
static void block_name(char name[NAME_SIZE], uint64_t index, const char *attribute)
{
	size_t len = PREFIX_LEN;

	memcpy(name, BLOCK_PREFIX, len);
	len += text_digits(name + len, index);
	if (attribute) {
		name[len++] = '/';
		memcpy(name + len, attribute, strlen(attribute));
		len += strlen(attribute);
	}
	name[len] = '\0';
}

/* The kernel prints hex without 0x. */
static int read_block_size(struct sysfs *sysfs, uint64_t *bytes)
{
	char text[SYSFS_TEXT_SIZE];
	long len = read_attribute(sysfs, "block_size_bytes", text);
	const char *at = text;
	uint64_t value;

	if (len < 0)
		return (int)len;
	if (!number_take(&at, text + len, 16, &value) || (*at && *at != '\n') || !value)
		return -EINVAL;
	*bytes = value;
	return 0;
}

static void read_zones(struct sysfs *sysfs, struct block *block)
{
	char name[NAME_SIZE], text[SYSFS_TEXT_SIZE];
	long len;

	block_zones_parse(block, "", 0);
	if (sysfs->no_valid_zones)
		return;
	block_name(name, block->index, "valid_zones");
	len = read_attribute(sysfs, name, text);
	/*
	 * If the open fails for one block, no block has the file, unless another had it:
	 * then this block was removed.
	 */
	if (len == -ENOENT)
		sysfs->no_valid_zones = !sysfs->has_valid_zones;
	if (len < 0)
		return;
	sysfs->has_valid_zones = true;
	block_zones_parse(block, text, (size_t)len);
}

/* `text` is what the file said, or `len` a negative errno. */
static void take_state(struct block *block, const char *text, long len)
{
	block->state = BLOCK_UNREADABLE;
	if (len >= 0)
		block->state = (uint8_t)block_state_parse(text, (size_t)len);
}

/* Negative errno if the state cannot be read. */
static long read_state_file(struct sysfs *sysfs, struct block *block)
{
	char name[NAME_SIZE], text[SYSFS_TEXT_SIZE];
	long len;

	block_name(name, block->index, "state");
	len = read_attribute(sysfs, name, text);
	take_state(block, text, len);
	return len;
}

/* The rest of a block whose state was just read. */
static void complete_block(struct sysfs *sysfs, struct block *block, long len)
{
	if (len == -ENOENT || len == -ENODEV)
		block->state = BLOCK_ABSENT;
	if (block->state == BLOCK_ONLINE)
		read_zones(sysfs, block);
}

void sysfs_read_state(struct sysfs *sysfs, struct block *block)
{
	read_state_file(sysfs, block);
}

void sysfs_read_block(struct sysfs *sysfs, struct block *block)
{
	complete_block(sysfs, block, read_state_file(sysfs, block));
}

struct listing {
	struct snapshot *snapshot;
	int error;
};

static void add_entry(const char *name, void *user)
{
	struct listing *listing = user;
	struct block block;

	memset(&block, 0, sizeof(block));
	if (strncmp(name, BLOCK_PREFIX, PREFIX_LEN) != 0 ||
	    !number_parse(name + PREFIX_LEN, 10, &block.index) || listing->error < 0)
		return;
	block.node = BLOCK_NODE_UNKNOWN;
	listing->error = snapshot_add_block(listing->snapshot, &block);
}

static int list_blocks(struct sysfs *sysfs, struct snapshot *snapshot)
{
	struct listing listing = { snapshot, 0 };
	int r = sysfs->operations->list(sysfs->data, add_entry, &listing);

	return r < 0 ? r : listing.error;
}

static void count_entry(const char *name, void *user)
{
	size_t *count = user;

	*count += strncmp(name, BLOCK_PREFIX, PREFIX_LEN) == 0;
}

size_t sysfs_count_blocks(struct sysfs *sysfs)
{
	size_t count = 0;

	return sysfs->operations->list(sysfs->data, count_entry, &count) < 0 ? 0 : count;
}

void sysfs_read_zones(struct sysfs *sysfs, struct snapshot *snapshot)
{
	size_t i;

	sysfs->no_valid_zones = false;
	for (i = 0; i < snapshot->count; i++)
		if (snapshot->blocks[i].state == BLOCK_ONLINE)
			read_zones(sysfs, &snapshot->blocks[i]);
}

void sysfs_read_possible_zones(struct sysfs *sysfs, struct snapshot *snapshot, bool numa)
{
	size_t i;

	for (i = 0; i < snapshot->count; i++) {
		struct block *block = &snapshot->blocks[i];

		if (block->state == BLOCK_OFFLINE &&
		    (!numa || block->node != BLOCK_NODE_UNKNOWN))
			read_zones(sysfs, block);
	}
}

int sysfs_read_blocks(struct sysfs *sysfs, struct snapshot *snapshot)
{
	size_t i;
	int r;

	snapshot->count = 0;
	r = read_block_size(sysfs, &snapshot->block_size_bytes);
	if (r == 0)
		r = list_blocks(sysfs, snapshot);
	if (r < 0) {
		snapshot->count = 0;
		return r;
	}
	snapshot_sort(snapshot);
	/* Listed, so it is there, or was a moment ago: a missing state is not yet made. */
	for (i = 0; i < snapshot->count; i++)
		read_state_file(sysfs, &snapshot->blocks[i]);
	return 0;
}

uint64_t sysfs_identity(struct sysfs *sysfs, uint64_t index)
{
	char name[NAME_SIZE];

	block_name(name, index, NULL);
	return sysfs->operations->identify(sysfs->data, name);
}

enum online_type sysfs_auto_online(struct sysfs *sysfs)
{
	char text[SYSFS_TEXT_SIZE];
	enum online_type word = ONLINE_TYPE_NONE;
	long len = read_attribute(sysfs, AUTO_ONLINE, text);

	if (len < 0)
		return ONLINE_TYPE_NONE;
	text[strcspn(text, "\n")] = '\0';
	return online_type_parse(text, &word) ? word : ONLINE_TYPE_NONE;
}

static long write_line(const struct sysfs *sysfs, const char *name, enum online_type word,
		       struct sysfs_text *after)
{
	const char *text = online_type_text(word);
	size_t len = strlen(text);
	char line[LINE_SIZE];

	/* NOLINTNEXTLINE(bugprone-not-null-terminated-result): the length goes with it */
	memcpy(line, text, len);
	line[len++] = '\n';
	return sysfs->operations->write(sysfs->data, name, line, len, after);
}

int sysfs_set_auto_online(struct sysfs *sysfs, enum online_type word)
{
	long written = write_line(sysfs, AUTO_ONLINE, word, NULL);

	return written < 0 ? (int)written : 0;
}

bool sysfs_has_probe(struct sysfs *sysfs)
{
	return sysfs->operations->identify(sysfs->data, PROBE) != 0;
}

/* Hex with 0x: without it 2.6.32 and 3.10 read decimal, and what they cannot read as 0. */
int sysfs_probe(const struct sysfs *sysfs, uint64_t address)
{
	char line[32];
	int len = snprintf(line, sizeof(line), "0x%" PRIx64 "\n", address);
	long written =
		sysfs->operations->write(sysfs->data, PROBE, line, (size_t)len, NULL);

	return written < 0 ? (int)written : 0;
}

int sysfs_write_state(const struct sysfs *sysfs, uint64_t index, enum online_type word,
		      struct sysfs_text *after)
{
	char name[NAME_SIZE];
	long written;

	block_name(name, index, "state");
	written = write_line(sysfs, name, word, after);
	return written < 0 ? (int)written : 0;
}

void sysfs_take_state(struct sysfs *sysfs, struct block *block,
		      const struct sysfs_text *after)
{
	take_state(block, after->bytes, after->len);
	complete_block(sysfs, block, after->len);
}

int sysfs_write_word(struct sysfs *sysfs, struct block *block, enum online_type word)
{
	struct sysfs_text after;
	int r = sysfs_write_state(sysfs, block->index, word, &after);

	sysfs_take_state(sysfs, block, &after);
	return r;
}
