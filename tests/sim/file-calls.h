/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef MEMONLINE_SIM_FILE_CALLS_H
#define MEMONLINE_SIM_FILE_CALLS_H

/*
 * Included before all else where agent/io/state.c, lockfile.c and runtime-files.c are compiled for the
 * simulator: their own code, and its system calls from files.c.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

int files_open(const char *path, int flags);
int files_close(int fd);
ssize_t files_read(int fd, void *buffer, size_t size); /* of inotify */
ssize_t files_pread(int fd, void *buffer, size_t len, off_t from);
ssize_t files_pwrite(int fd, const void *bytes, size_t len, off_t start);
int files_fstat(int fd, struct stat *status);
int files_lstat(const char *path, struct stat *status);
int files_ftruncate(int fd, off_t size);
int files_fallocate(int fd, off_t from, off_t len);
int files_rename(const char *from, const char *to);
int files_unlink(const char *path);
int files_mkdir(const char *path);
void *files_mmap(size_t bytes, int flags);
int files_munmap(void *memory);
int files_inotify_init(void);
int files_inotify_add(const char *path);

#define open(path, flags, mode) files_open(path, flags)
#define close(fd) files_close(fd)
#define read(fd, buffer, size) files_read(fd, buffer, size)
#define pread(fd, buffer, len, from) files_pread(fd, buffer, len, from)
#define pwrite(fd, bytes, len, start) files_pwrite(fd, bytes, len, start)
#define fstat(fd, status) files_fstat(fd, status)
#define lstat(path, status) files_lstat(path, status)
#define ftruncate(fd, size) files_ftruncate(fd, size)
#define posix_fallocate(fd, from, len) files_fallocate(fd, from, len)
#define rename(from, to) files_rename(from, to)
#define unlink(path) files_unlink(path)
#define mkdir(path, mode) files_mkdir(path)
#define chmod(path, mode) 0
#define fchmod(fd, mode) 0
#define mmap(address, bytes, protection, flags, fd, from) files_mmap(bytes, flags)
#define munmap(memory, bytes) files_munmap(memory)
#define mlock(memory, bytes) 0
#define flock(fd, operation) 0
#define fopen(path, mode) NULL /* none of /proc */
#define inotify_init1(flags) files_inotify_init()
#define inotify_add_watch(fd, path, mask) files_inotify_add(path)

#endif
