/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "virsh.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "io/client.h"

#define READ_BYTES 65536
#define ERRORS_MAX 4096
#define EXIT_POLL_MSEC 5
#define CANNOT_RUN 127 /* as a shell has it */
#define ARGUMENTS_MAX 12

struct child {
	pid_t pid;
	int fds[2]; /* its standard output and error; -1: at the end */
};

/* Where its standard output goes: to `take`, or into `text`. */
struct output {
	struct text text; /* owned by who made it */
	virsh_bytes_fn take;
	void *data;
};

static void close_pair(int *pair)
{
	close(pair[0]);
	close(pair[1]);
}

static void exec_child(char *const *arguments, int out, int err)
{
	int null = open("/dev/null", O_RDONLY);

	/* Its messages are shown as they are: one language, and no question for a password. */
	setenv("LC_ALL", "C", 1);
	if (null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(out, STDOUT_FILENO) >= 0 &&
	    dup2(err, STDERR_FILENO) >= 0)
		execvp(arguments[0], arguments);
	_exit(CANNOT_RUN);
}

static int start(struct child *child, char *const *arguments)
{
	int out[2], err[2];

	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(err, O_CLOEXEC) < 0) {
		int r = -errno;

		close_pair(out);
		return r;
	}
	fflush(NULL);
	child->pid = fork();
	if (child->pid == 0)
		exec_child(arguments, out[1], err[1]);
	if (child->pid < 0) {
		int r = -errno;

		close_pair(out);
		close_pair(err);
		return r;
	}
	close(out[1]);
	close(err[1]);
	child->fds[0] = out[0];
	child->fds[1] = err[0];
	return 0;
}

/* Reads once from fds[i]; at the end it is closed. */
static int read_some(struct child *child, int i, struct text *to)
{
	ssize_t got;

	if (text_reserve(to, READ_BYTES + 1) < 0)
		return -ENOMEM;
	got = read(child->fds[i], to->data + to->len, READ_BYTES);
	if (got < 0)
		return errno == EINTR ? 0 : -errno;
	if (got == 0) {
		close(child->fds[i]);
		child->fds[i] = -1;
	}
	to->len += (size_t)got;
	to->data[to->len] = '\0';
	return 0;
}

static int read_output(struct child *child, struct output *out)
{
	struct text *text = &out->text;
	int r = read_some(child, 0, text);

	if (r == 0 && out->take) {
		r = text->len ? out->take(text->data, text->len, out->data) : 0;
		text_clear(text);
	}
	return r == 0 && text->len > VIRSH_OUTPUT_MAX ? -EMSGSIZE : r;
}

static int read_ready(struct child *child, const struct pollfd *pollers,
		      struct output *out, struct text *err)
{
	int r = 0;

	if (pollers[0].revents)
		r = read_output(child, out);
	if (r == 0 && pollers[1].revents)
		r = read_some(child, 1, err);
	if (r == 0 && err->len > ERRORS_MAX) /* the first lines say it */
		err->len = ERRORS_MAX;
	return r;
}

static int read_all(struct child *child, uint64_t deadline_msec, struct output *out,
		    struct text *err)
{
	int r = 0;

	while (r == 0 && (child->fds[0] >= 0 || child->fds[1] >= 0)) {
		struct pollfd pollers[] = { { child->fds[0], POLLIN, 0 },
					    { child->fds[1], POLLIN, 0 } };
		uint64_t now = client_now_msec();

		if (now >= deadline_msec)
			return -ETIMEDOUT;
		r = poll(pollers, 2, (int)(deadline_msec - now));
		if (r > 0)
			r = read_ready(child, pollers, out, err);
		else if (r < 0)
			r = errno == EINTR ? 0 : -errno;
	}
	return r;
}

static int exit_error(int status)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	if (WIFEXITED(status) && WEXITSTATUS(status) == CANNOT_RUN)
		return -ENOPKG;
	return -ECOMM;
}

/* It may close its output and go on: that is not waited for beyond the deadline. */
static int wait_until(pid_t pid, uint64_t deadline_msec, int *status)
{
	pid_t ended;

	while ((ended = waitpid(pid, status, WNOHANG)) == 0) {
		if (client_now_msec() >= deadline_msec)
			return -ETIMEDOUT;
		poll(NULL, 0, EXIT_POLL_MSEC);
	}
	return ended < 0 ? -errno : 0;
}

static int finish(struct child *child, int error, uint64_t deadline_msec)
{
	int status = 0, i;
	int r = error ? error : wait_until(child->pid, deadline_msec, &status);

	for (i = 0; i < 2; i++)
		if (child->fds[i] >= 0)
			close(child->fds[i]);
	if (r == 0)
		return exit_error(status);
	kill(child->pid, SIGKILL);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	return r;
}

static int run_into(struct virsh *virsh, const char *const *command,
		    uint64_t deadline_msec, struct output *out)
{
	const char *arguments[ARGUMENTS_MAX + 4] = { "virsh" };
	struct child child = { -1, { -1, -1 } };
	size_t count = 1;
	int r;

	if (virsh->uri) {
		arguments[count++] = "-c";
		arguments[count++] = virsh->uri;
	}
	while (*command && count < ARGUMENTS_MAX + 3)
		arguments[count++] = *command++;
	text_clear(&virsh->errors);
	r = start(&child, (char *const *)arguments);
	if (r < 0)
		return r;
	r = read_all(&child, deadline_msec, out, &virsh->errors);
	return finish(&child, r, deadline_msec);
}

static int run(struct virsh *virsh, const char *const *command, uint64_t deadline_msec,
	       struct text *out)
{
	struct output output = { *out, NULL, NULL };
	int r = run_into(virsh, command, deadline_msec, &output);

	*out = output.text;
	return r;
}

int virsh_dumpxml(struct virsh *virsh, uint64_t deadline_msec, struct text *out)
{
	const char *const command[] = { "dumpxml", "--domain", virsh->domain, NULL };

	return run(virsh, command, deadline_msec, out);
}

int virsh_agent_command(struct virsh *virsh, const char *request, uint64_t deadline_msec,
			virsh_bytes_fn take, void *data)
{
	struct output output = { TEXT_INIT, take, data };
	uint64_t now = client_now_msec();
	char seconds[24];
	const char *const command[] = { "qemu-agent-command",
					"--domain",
					virsh->domain,
					"--timeout",
					seconds,
					request,
					NULL };
	int r;

	snprintf(seconds, sizeof(seconds), "%u",
		 deadline_msec > now + 1000 ? (unsigned)((deadline_msec - now) / 1000)
					    : 1);
	/* libvirtd ends it first, and says why. */
	r = run_into(virsh, command, deadline_msec + 1000, &output);
	text_free(&output.text);
	return r;
}

int virsh_monitor_command(struct virsh *virsh, const char *request,
			  uint64_t deadline_msec, struct text *out)
{
	const char *const command[] = { "qemu-monitor-command", "--domain", virsh->domain,
					request, NULL };

	return run(virsh, command, deadline_msec, out);
}

void virsh_free(struct virsh *virsh)
{
	text_free(&virsh->errors);
}
