/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/kmsg.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/klog.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "core/kernel-log.h"

#define KMSG_DEVICE makedev(1, 11) /* admin-guide/devices.txt */
#define RECORD_SIZE 8192 /* the kernel makes none longer */
#define RECORDS_MAX 65536 /* lines that the kernel writes meanwhile are read, too */
#define SYSLOG_READ_ALL 3 /* syslog(2): SYSLOG_ACTION_READ_ALL */

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

static int read_ring(struct text *out)
{
	int len;

	text_clear(out);
	if (text_reserve(out, KMSG_LOG_MAX + 1) < 0)
		return -ENOMEM;
	len = klogctl(SYSLOG_READ_ALL, out->data, (int)KMSG_LOG_MAX);
	if (len < 0)
		return -errno;
	out->len = (size_t)len;
	out->data[len] = '\0';
	return 0;
}

static int read_recorded(struct root *root, struct text *out)
{
	const char *text;
	size_t len;
	int r = root_read_file(root, "/proc/kmsg", &text, &len);

	if (r < 0)
		return r;
	text_clear(out);
	text_append(out, text, len);
	return out->failed ? -ENOMEM : 0;
}

int kmsg_read_log(struct root *root, struct text *out)
{
	if (*root_path(root))
		return read_recorded(root, out);
	if (kmsg_is_open(STDIN_FILENO))
		return kmsg_read(STDIN_FILENO, out, KMSG_LOG_MAX);
	return read_ring(out);
}
