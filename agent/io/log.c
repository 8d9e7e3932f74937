/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/log.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "core/number.h"

#define LOG_LINE_SIZE 1024
#define RECORD_SIZE (LOG_LINE_SIZE + 128) /* below PIPE_BUF */
#define ROOM_MSEC 1000 /* of waiting for room, before a line is lost */
#define SYSLOG_TRIES 2 /* its daemon may have been restarted */

static struct {
	const char *ident;
	enum config_log_level level;
	bool to_syslog;
	bool numbered; /* "<N>" in front: stderr is a stream to the journal */
	const char *syslog_path;
	int syslog_fd; /* -1: not open */
	bool syslog_is_stream; /* a null byte ends a record */
	unsigned long lost; /* lines, since the last one that found room */
} logger = { .ident = "memonline",
	     .level = CONFIG_LOG_INFO,
	     .syslog_path = "/dev/log",
	     .syslog_fd = -1 };

static const int priorities[] = {
	[CONFIG_LOG_ERROR] = LOG_ERR,
	[CONFIG_LOG_WARNING] = LOG_WARNING,
	[CONFIG_LOG_INFO] = LOG_INFO,
	[CONFIG_LOG_DEBUG] = LOG_DEBUG,
};

/* The variable is inherited by terminals too: it says which device and inode it means. */
static bool stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	const char *end = stream ? stream + strlen(stream) : NULL;
	uint64_t device, inode;
	struct stat status;

	if (!stream || !number_take(&stream, end, 10, &device) || *stream++ != ':' ||
	    !number_take(&stream, end, 10, &inode) || stream != end)
		return false;
	return fstat(STDERR_FILENO, &status) == 0 && status.st_dev == device &&
	       status.st_ino == inode;
}

void log_open(const char *ident, enum config_log_target target,
	      enum config_log_level level, bool foreground)
{
	logger.ident = ident;
	logger.level = level;
	logger.to_syslog = target == CONFIG_LOG_SYSLOG ||
			   (target == CONFIG_LOG_AUTO && !foreground);
	logger.numbered = !logger.to_syslog && stderr_is_journal();
}

void log_set_syslog(const char *path)
{
	logger.syslog_path = path;
	if (logger.syslog_fd >= 0)
		close(logger.syslog_fd);
	logger.syslog_fd = -1;
}

void log_set_level(enum config_log_level level)
{
	logger.level = level;
}

/* It may contain a peer's text, which must not begin a line of its own. */
static void neutralize(char *line)
{
	for (; *line; line++)
		if ((unsigned char)*line < ' ' || *line == 0x7f)
			*line = '?';
}

/* Once a line was lost, no other one is waited for. */
static bool waits_for_room(int fd)
{
	struct pollfd poller = { fd, POLLOUT, 0 };

	return poll(&poller, 1, logger.lost ? 0 : ROOM_MSEC) > 0;
}

/* A record is one piece, of a stream as well: all of it is sent, or nothing. */
static bool send_record(int fd, const char *record, size_t len)
{
	ssize_t sent = send(fd, record, len, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (sent < 0 && errno == EAGAIN && waits_for_room(fd))
		sent = send(fd, record, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	return sent == (ssize_t)len;
}

/* --- syslog's daemon, as syslog(3) reaches it, which would wait for it */

static int connect_syslog(int type)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int error;

	if (fd < 0)
		return -1;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", logger.syslog_path);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	error = errno;
	close(fd);
	errno = error;
	return -1;
}

static bool open_syslog(void)
{
	if (logger.syslog_fd >= 0)
		return true;
	logger.syslog_fd = connect_syslog(SOCK_DGRAM);
	logger.syslog_is_stream = logger.syslog_fd < 0 && errno == EPROTOTYPE;
	if (logger.syslog_is_stream)
		logger.syslog_fd = connect_syslog(SOCK_STREAM);
	return logger.syslog_fd >= 0;
}

static void put_time(char out[32])
{
	time_t now = time(NULL);
	struct tm parts;

	if (!localtime_r(&now, &parts) || !strftime(out, 32, "%b %e %T", &parts))
		out[0] = '\0';
}

static bool put_syslog(int priority, const char *line)
{
	char record[RECORD_SIZE], when[32];
	int len, tries;

	put_time(when);
	len = snprintf(record, sizeof(record), "<%d>%s %.32s[%d]: %s",
		       LOG_DAEMON | priority, when, logger.ident, (int)getpid(), line);
	for (tries = 0; tries < SYSLOG_TRIES && open_syslog(); tries++) {
		if (send_record(logger.syslog_fd, record,
				(size_t)len + logger.syslog_is_stream))
			return true;
		if (errno == EAGAIN)
			return false;
		log_set_syslog(logger.syslog_path);
	}
	return false;
}

/* --- stderr */

static bool put_journal(int priority, const char *line)
{
	char record[RECORD_SIZE];
	int len = snprintf(record, sizeof(record), "<%d>%s\n", priority, line);

	return send_record(STDERR_FILENO, record, (size_t)len);
}

/* In one write, so that lines of several processes do not mix; a pipe with room has it for all. */
static bool put_stderr(const char *line)
{
	char record[RECORD_SIZE];
	int len = snprintf(record, sizeof(record), "%.32s: %s\n", logger.ident, line);
	ssize_t written;

	if (!waits_for_room(STDERR_FILENO))
		return false;
	do
		written = write(STDERR_FILENO, record, (size_t)len);
	while (written < 0 && errno == EINTR);
	return true; /* where it failed there is nowhere left to say so */
}

static bool put_line(int priority, const char *line)
{
	if (logger.to_syslog)
		return put_syslog(priority, line);
	return logger.numbered ? put_journal(priority, line) : put_stderr(line);
}

static void put(int priority, const char *line)
{
	char lost[64];

	snprintf(lost, sizeof(lost), "lines lost before this one: %lu", logger.lost);
	if (logger.lost && put_line(LOG_WARNING, lost))
		logger.lost = 0;
	if (logger.lost || !put_line(priority, line))
		logger.lost++;
}

void log_line(enum config_log_level level, const char *format, ...)
{
	char line[LOG_LINE_SIZE];
	int saved_errno = errno;
	va_list arguments;

	if (level > logger.level)
		return;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	neutralize(line);
	put(priorities[level], line);
	errno = saved_errno;
}
