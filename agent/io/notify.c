/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "io/notify.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/number.h"

/* A service manager that has stopped, as on a frozen file system, stops nobody else. */
static const struct timeval patience = { 1, 0 };

/* A path, or an abstract name after '@'. The address length, or negative errno. */
static int socket_address(const char *name, struct sockaddr_un *address)
{
	size_t len = strlen(name);

	if ((name[0] != '/' && name[0] != '@') || len < 2)
		return -EINVAL;
	if (len >= sizeof(address->sun_path))
		return -ENAMETOOLONG;
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, name, len);
	if (name[0] == '@')
		address->sun_path[0] = '\0';
	return (int)(offsetof(struct sockaddr_un, sun_path) + len);
}

static int send_datagram(int fd, const struct sockaddr_un *address, socklen_t address_len,
			 const char *state)
{
	ssize_t sent;

	do
		sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL,
			      (const struct sockaddr *)address, address_len);
	while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

int notify_send(const char *state)
{
	const char *name = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address;
	int address_len, fd, r;

	if (!name || !*name)
		return 0;
	address_len = socket_address(name, &address);
	if (address_len < 0)
		return address_len;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	r = r < 0 ? -errno : send_datagram(fd, &address, (socklen_t)address_len, state);
	close(fd);
	return r;
}

static bool number_from_environment(const char *name, uint64_t *number)
{
	const char *text = getenv(name);

	return text && number_parse(text, 10, number);
}

uint64_t notify_watchdog_msec(void)
{
	uint64_t usec, pid;

	if (!number_from_environment("WATCHDOG_USEC", &usec) || usec == 0)
		return 0;
	/* Set, it names whom the variables are for. */
	if (getenv("WATCHDOG_PID") &&
	    (!number_from_environment("WATCHDOG_PID", &pid) || pid != (uint64_t)getpid()))
		return 0;
	return usec < 2000 ? 1 : usec / 2000;
}
