/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "autoscale.h"
#include "io/replace.h"

/* --- one program at a time: the file itself is replaced, so that another one is locked */

static int open_lock(const char *file, int flags)
{
	char path[PATH_MAX];
	int len = snprintf(path, sizeof(path), "%s.lock", file);

	if (len < 0 || (size_t)len >= sizeof(path))
		return -ENAMETOOLONG;
	len = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	return len < 0 ? -errno : len;
}

int autoscale_lock_state(const char *file)
{
	int fd = open_lock(file, O_RDWR | O_CREAT), r;

	if (fd < 0)
		return fd;
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return 0; /* as long as the process lives */
	r = -errno;
	close(fd);
	return r;
}

bool autoscale_state_is_locked(const char *file)
{
	int fd = open_lock(file, O_RDONLY);
	bool locked;

	if (fd < 0)
		return false;
	locked = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	close(fd);
	return locked;
}

/* --- reading */

int autoscale_read_state(const char *file, autoscale_record_fn fn, void *data)
{
	static char line[SCALE_RECORD_LINE_MAX];
	FILE *in = fopen(file, "re");
	bool whole = true;
	int bad = 0, error;

	if (!in)
		return errno == ENOENT ? 0 : -errno;
	while (fgets(line, sizeof(line), in)) {
		size_t len = strcspn(line, "\n");
		bool ends = line[len] == '\n';
		struct scale_record record;

		/* The rest of a line that is too long is none. */
		if (whole && ends && scale_record_take(line, len, &record) == 0)
			fn(&record, data);
		else if (whole)
			bad++;
		whole = ends;
	}
	error = ferror(in) ? -EIO : bad;
	fclose(in);
	return error;
}

/* --- writing */

static void put_records(const struct scaler *scaler, struct text *out)
{
	size_t i;

	for (i = 0; i < scaler->count; i++) {
		struct scale_record record = scaler->keepers[i]->record;

		record.memory = scaler->guests[i].memory;
		scale_record_put(out, &record);
	}
}

/* It is not synced: where the host goes down, so do its guests and what was in flight. */
int autoscale_write_state(const struct scaler *scaler)
{
	struct text text = TEXT_INIT;
	int r;

	put_records(scaler, &text);
	r = text.failed ? -ENOMEM : replace_file(scaler->state, &text);
	text_free(&text);
	return r;
}
