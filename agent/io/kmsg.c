/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/kernel-log.h"

#define KMSG_DEVICE makedev(1, 11) /* admin-guide/devices.txt */
#define RECORD_SIZE 8192 /* the kernel makes none longer */
#define RECORDS_MAX 65536 /* what is written meanwhile is read, too */

bool kmsg_is_open(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == KMSG_DEVICE;
}

/* From the oldest record on, and no waiting at the end. */
static int rewind_log(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
		return -errno;
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

int kmsg_read(int fd, struct text *out, size_t max)
{
	char record[RECORD_SIZE];
	int i, r = rewind_log(fd);

	if (r < 0)
		return r;
	text_clear(out);
	if (text_reserve(out, max + sizeof(record)) < 0)
		return -ENOMEM;
	for (i = 0; i < RECORDS_MAX; i++) {
		ssize_t len = read(fd, record, sizeof(record));

		if (len < 0 && errno == EPIPE)
			continue; /* overwritten meanwhile: the next one is the oldest now */
		if (len <= 0)
			return len < 0 && errno != EAGAIN ? -errno : 0;
		kernel_log_add_record(out, record, (size_t)len);
		if (out->len > max)
			text_consume(out, out->len - max / 2);
	}
	return 0;
}
