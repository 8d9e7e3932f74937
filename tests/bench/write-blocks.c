/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * write-blocks FIRST COUNT WORD [wait]: writes WORD to the state of each of these memory
 * blocks and nothing else. With "wait" it begins when the kernel announces a block, and
 * waits for the next announcement where a block is not there yet: the least that onlining
 * can cost.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESSAGE_SIZE 8192
#define BUFFER_BYTES (64 << 20)

static int open_socket(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	int bytes = BUFFER_BYTES;

	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes));
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror("write-blocks");
		exit(1);
	}
	return fd;
}

static void wait_for_event(int fd)
{
	char message[MESSAGE_SIZE];

	do {
		if (recv(fd, message, sizeof(message) - 1, 0) < 0 && errno != ENOBUFS) {
			perror("write-blocks");
			exit(1);
		}
	} while (!strstr(message, "/memory/memory"));
}

static int write_word(long index, const char *word)
{
	char path[128];
	int fd, failed;

	snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%ld/state", index);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	failed = write(fd, word, strlen(word)) < 0 ? -errno : 0;
	close(fd);
	return failed;
}

/* fd: where a missing block will be announced, or negative. */
static void write_when_there(int fd, long index, const char *word)
{
	int r = write_word(index, word);

	while (r == -ENOENT && fd >= 0) {
		wait_for_event(fd);
		r = write_word(index, word);
	}
	if (r < 0) {
		fprintf(stderr, "write-blocks: memory%ld: %s\n", index, strerror(-r));
		exit(1);
	}
}

int main(int argc, char **argv)
{
	long first, count, i;
	int fd = -1;

	if (argc < 4)
		return 2;
	first = strtol(argv[1], NULL, 10);
	count = strtol(argv[2], NULL, 10);
	if (argc > 4) {
		fd = open_socket();
		puts("ready");
		fflush(stdout);
		wait_for_event(fd);
	}
	for (i = 0; i < count; i++)
		write_when_there(fd, first + i, argv[3]);
	return 0;
}
