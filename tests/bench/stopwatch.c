/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * stopwatch [ready] COMMAND...: runs it with its output thrown away and prints nanoseconds of wall
 * time, microseconds of processor time (both modes: their sum is exact, each alone is sampled by
 * the tick) and its highest resident set in KiB. With "ready" the time is up to READY=1 in the way
 * of sd_notify(3), and the command is ended then.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NOTIFY_PATH "/tmp/stopwatch.notify"
#define DEADLINE_SEC 300

static long long now_nsec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void fail(const char *what)
{
	fprintf(stderr, "stopwatch: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int open_notify(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = NOTIFY_PATH };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	unlink(NOTIFY_PATH);
	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		fail("socket");
	setenv("NOTIFY_SOCKET", NOTIFY_PATH, 1);
	return fd;
}

static void wait_ready(int fd)
{
	char text[4096] = "";

	while (!strstr(text, "READY=1")) {
		ssize_t len = recv(fd, text, sizeof(text) - 1, 0);

		if (len < 0)
			fail("notify socket");
		text[len] = '\0';
	}
}

static pid_t start(char **command)
{
	pid_t pid = fork();
	int null;

	if (pid < 0)
		fail("fork");
	if (pid > 0)
		return pid;
	null = open("/dev/null", O_RDWR);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	execvp(command[0], command);
	_exit(127);
}

/* What the scheduler has counted so far, in nanoseconds. */
static long long spent_nsec(pid_t pid)
{
	char path[64];
	long long spent = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	file = fopen(path, "r");
	/* NOLINTNEXTLINE(cert-err34-c): the kernel's own number */
	if (!file || fscanf(file, "%lld", &spent) != 1)
		fail(path);
	fclose(file);
	return spent;
}

static long long usec(struct timeval time)
{
	return time.tv_sec * 1000000LL + time.tv_usec;
}

int main(int argc, char **argv)
{
	int until_ready = argc > 1 && strcmp(argv[1], "ready") == 0;
	long long begun, wall = 0, cpu = 0;
	struct rusage usage;
	int notify = -1, status;
	pid_t pid;

	if (argc < 2 + until_ready)
		return 2;
	alarm(DEADLINE_SEC);
	if (until_ready)
		notify = open_notify();
	begun = now_nsec();
	pid = start(argv + 1 + until_ready);
	if (until_ready) {
		wait_ready(notify);
		wall = now_nsec() - begun;
		cpu = spent_nsec(pid) / 1000;
		kill(pid, SIGTERM);
	}
	if (wait4(pid, &status, 0, &usage) < 0)
		fail("wait4");
	if (!until_ready) {
		wall = now_nsec() - begun;
		cpu = usec(usage.ru_utime) + usec(usage.ru_stime);
	}
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		fprintf(stderr, "stopwatch: status 0x%x from %s\n", status,
			argv[1 + until_ready]);
		return 1;
	}
	printf("%lld %lld %ld\n", wall, cpu, usage.ru_maxrss);
	return 0;
}
