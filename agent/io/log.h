/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_LOG_H
#define MEMONLINE_LOG_H

/*
 * Lines to stderr, with syslog's "<N>" prefix where a service manager reads them
 * (JOURNAL_STREAM is set), or to syslog's daemon. The one global of the program: a logger.
 *
 * Nobody is waited for longer than a second: journald and its like stop while their file system is
 * frozen, and whoever has frozen it may have to be heard by this program to thaw it. Lines that find
 * no room are lost, and the next one that finds some is behind one that counts them. Only where
 * stderr is a regular file the kernel itself waits until it can be written to.
 */

#include "core/config.h"

void log_open(const char *ident, enum config_log_target target,
	      enum config_log_level level, bool foreground);
/* Where syslog's daemon listens; /dev/log before. The path stays the caller's. */
void log_set_syslog(const char *path);
void log_set_level(enum config_log_level level);
void log_line(enum config_log_level level, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#define log_error(...) log_line(CONFIG_LOG_ERROR, __VA_ARGS__)
#define log_warning(...) log_line(CONFIG_LOG_WARNING, __VA_ARGS__)
#define log_info(...) log_line(CONFIG_LOG_INFO, __VA_ARGS__)
#define log_debug(...) log_line(CONFIG_LOG_DEBUG, __VA_ARGS__)

#endif
