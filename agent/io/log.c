/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include "core/number.h"

#define LOG_LINE_SIZE 1024

static struct {
	const char *ident;
	enum config_log_level level;
	bool to_syslog;
	bool numbered; /* "<N>" in front: stderr is a stream to the journal */
} logger = { "memonline", CONFIG_LOG_INFO, false, false };

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
	if (logger.to_syslog)
		openlog(ident, LOG_PID, LOG_DAEMON);
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

static void write_stderr(const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t written = write(STDERR_FILENO, bytes, len);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return; /* nowhere left to say so */
		bytes += written;
		len -= (size_t)written;
	}
}

/* In one write, so that lines of several processes do not mix. */
static void put_stderr(int priority, const char *line)
{
	char out[LOG_LINE_SIZE + 64];
	int len;

	if (logger.numbered)
		len = snprintf(out, sizeof(out), "<%d>%s\n", priority, line);
	else
		len = snprintf(out, sizeof(out), "%s: %s\n", logger.ident, line);
	if (len >= (int)sizeof(out)) {
		len = sizeof(out) - 1;
		out[len - 1] = '\n';
	}
	write_stderr(out, (size_t)len);
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
	if (logger.to_syslog)
		syslog(priorities[level], "%s", line);
	else
		put_stderr(priorities[level], line);
	errno = saved_errno;
}
