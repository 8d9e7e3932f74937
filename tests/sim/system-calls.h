/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SIM_SYSTEM_CALLS_H
#define MEMONLINE_SIM_SYSTEM_CALLS_H

/*
 * Included before all else where agent/io/channel*.c is compiled for the simulator: the port's
 * own code, and its system calls from port.c.
 */

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <unistd.h>

int sim_open(const char *path, int flags);
ssize_t sim_read(int fd, void *buffer, size_t size);
ssize_t sim_write(int fd, const void *bytes, size_t len);
int sim_close(int fd);
int sim_poll(struct pollfd *fds, nfds_t count, int msec);
DIR *sim_opendir(const char *path);
int sim_inotify_init(int flags);
int sim_inotify_add(int fd, const char *path, uint32_t mask);

#define open(path, flags) sim_open(path, flags)
#define read(fd, buffer, size) sim_read(fd, buffer, size)
#define write(fd, bytes, len) sim_write(fd, bytes, len)
#define close(fd) sim_close(fd)
#define poll(fds, count, msec) sim_poll(fds, count, msec)
#define opendir(path) sim_opendir(path)
#define inotify_init1(flags) sim_inotify_init(flags)
#define inotify_add_watch(fd, path, mask) sim_inotify_add(fd, path, mask)

#endif
