/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * watch-blocks COUNT FIFO: says "ready", then waits until the kernel has announced COUNT
 * memory blocks as online, and writes to FIFO: nanoseconds from the first "add" to the
 * last "add", to the first and to the last "online". The kernel sends both from
 * device_add and device_online, for every program that asks.
 */
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define MESSAGE_SIZE 8192
#define BUFFER_BYTES (64 << 20)
#define MEMORY "/devices/system/memory/memory"

static long long now_nsec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int open_socket(void)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);
	int bytes = BUFFER_BYTES;

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)) < 0 ||
	    bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		perror("watch-blocks");
		exit(1);
	}
	return fd;
}

/* Whether the message is "ACTION@/devices/system/memory/memoryN". */
static int is_event(const char *message, const char *action)
{
	size_t len = strlen(action);

	return strncmp(message, action, len) == 0 &&
	       strncmp(message + len, "@" MEMORY, strlen("@" MEMORY)) == 0;
}

int main(int argc, char **argv)
{
	char message[MESSAGE_SIZE];
	long long first = 0, added = 0, begun = 0, online = 0;
	long left = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
	int fd = open_socket();
	FILE *out;

	if (left <= 0)
		return 2;
	puts("ready");
	fflush(stdout);
	while (left > 0) {
		ssize_t len = recv(fd, message, sizeof(message) - 1, 0);

		if (len < 0) {
			perror("watch-blocks");
			return 1;
		}
		message[len] = '\0';
		if (is_event(message, "add")) {
			added = now_nsec();
			first = first ? first : added;
		} else if (is_event(message, "online")) {
			online = now_nsec();
			begun = begun ? begun : online;
			left--;
		}
	}
	close(fd);
	out = fopen(argv[2], "w");
	if (!out)
		return 1;
	fprintf(out, "%lld %lld %lld\n", added - first, begun - first, online - first);
	return fclose(out) ? 1 : 0;
}
