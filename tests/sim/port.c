/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "io/channel-private.h"
#include "system-calls.h"

#undef open
#undef read
#undef write
#undef close
#undef poll

/*
 * The virtio port as the guest's driver has it: data comes by interrupt, the news that a host came
 * or left by a work queue behind it (drivers/char/virtio_console.c, measured on 3.10 and 6.1). A
 * poll that is before the interrupt takes the data, and then the interrupt wakes nobody (6.1).
 */
#define PORT_BYTES 65536
#define WRITE_MAX 32768
#define NEWS_USEC 3000
#define INTERRUPT_USEC 20000 /* at most, where the processor that gets it does not run */

static struct {
	bool plugged, open, host; /* the guest's view of a host */
	bool edge;
	bool interrupt; /* of data: no poll was before it */
	uint64_t data_usec; /* when data came */
	bool told; /* the agent knows that no host is there */
	bool greeted; /* it knows that the host is */
	bool made; /* its node was, and inotify has not reported it */
	unsigned opened; /* which one the agent has opened, by its number */
	unsigned plugs; /* so far: news of an earlier one is nobody's */
	unsigned news; /* under way */
	uint64_t news_usec; /* when the last of them is done */
	char in[PORT_BYTES];
	size_t in_len;
} port;

void port_begin(void)
{
	memset(&port, 0, sizeof(port));
	port.plugged = true;
}

void port_add_to_snapshot(void)
{
	snapshot_add(&port, sizeof(port));
}

bool port_is_open(void)
{
	return port.open && port.opened == port.plugs;
}

/* An open port that was unplugged stays open for its holder, also when it is back. */
static bool is_stale(void)
{
	return !port.plugged || (port.open && port.opened != port.plugs);
}

bool port_calm(void)
{
	return port.news == 0;
}

void port_agent_gone(void)
{
	port.open = false;
	port.in_len = 0;
	port.made = false;
}

void port_rearm(void)
{
	port.edge = true;
}

static void news(uint32_t here, uint32_t plugs)
{
	port.news--;
	if (plugs != port.plugs || !port.plugged)
		return;
	port.host = here != 0;
	port.edge = true;
	port.greeted = false;
	if (here)
		port.told = false;
	sim_trace("port: the guest hears that a host %s", here ? "came" : "left");
}

void port_host(bool here)
{
	if (!port.plugged)
		return;
	if (port.news_usec < sim.now_usec)
		port.news_usec = sim.now_usec;
	port.news_usec += 20 + sim_draw(NEWS_USEC);
	port.news++;
	sim_later(port.news_usec - sim.now_usec, news, here, port.plugs);
}

bool port_deliver(const char *bytes, size_t len)
{
	if (!port.plugged || !port_is_open() || port.in_len + len > PORT_BYTES)
		return false;
	if (sim_plant("deaf-port") && sim_one_in(10))
		return true;
	memcpy(port.in + port.in_len, bytes, len);
	port.in_len += len;
	port.interrupt = true;
	port.data_usec = sim.now_usec;
	return true;
}

static void give_back(uint32_t unused, uint32_t unused_too)
{
	(void)unused;
	(void)unused_too;
	port.plugged = port.made = true;
	sim_trace("port: plugged");
	if (host_port_is_held())
		port_host(true);
}

void port_plug(void)
{
	if (!port.plugged)
		return;
	port.plugged = port.host = false;
	port.in_len = 0;
	port.edge = true;
	port.plugs++;
	host_excuse();
	sim_trace("port: unplugged");
	sim_later(1000 + sim_draw(5000000), give_back, 0, 0);
}

static uint32_t ready(void)
{
	uint32_t mask = 0;

	if (is_stale())
		return EPOLLHUP;
	if (port.in_len || !port.host)
		mask |= EPOLLIN;
	if (port.host && host_has_room())
		mask |= EPOLLOUT;
	return port.host ? mask : mask | EPOLLHUP;
}

/* With the edge the agent knows whether a host is there. */
static void note_edge(void)
{
	if (!port.host)
		port.told = true;
	else if (!port.greeted)
		host_greeted();
	port.greeted = port.greeted || port.host;
}

uint32_t port_ready(int fd, bool *edge)
{
	if (fd == SIM_FD_INOTIFY)
		return port.made ? EPOLLIN : 0;
	*edge = port.edge || port.interrupt || sim_plant("level-port");
	port.edge = port.interrupt = false;
	if (*edge)
		note_edge();
	return ready();
}

/* --- system calls of channel*.c */

int sim_open(const char *path, int flags)
{
	(void)path;
	(void)flags;
	sim_point("opens the port", 20);
	if (!port.plugged || port_is_open()) {
		errno = port.plugged ? EBUSY : ENOENT;
		return -1;
	}
	port.open = true;
	port.opened = port.plugs;
	port.made = false;
	host_port_opened();
	return SIM_FD_PORT;
}

ssize_t sim_read(int fd, void *buffer, size_t size)
{
	if (fd == SIM_FD_INOTIFY) {
		port.made = false;
		errno = EAGAIN;
		return -1;
	}
	sim_point("reads the port", 5);
	if (is_stale()) {
		errno = ENODEV;
		return -1;
	}
	if (!port.in_len && !port.host)
		return 0;
	if (!port.in_len) {
		errno = EAGAIN;
		return -1;
	}
	if (size > port.in_len)
		size = port.in_len;
	/* The second without a host is over, and the news of one is still to come. */
	if (!port.host && port.told)
		host_excuse_open();
	memcpy(buffer, port.in, size);
	port.in_len -= size;
	memmove(port.in, port.in + size, port.in_len);
	return (ssize_t)size;
}

ssize_t sim_write(int fd, const void *bytes, size_t len)
{
	size_t taken;

	(void)fd;
	sim_point("writes to the port", 20);
	if (is_stale()) {
		errno = ENODEV;
		return -1;
	}
	taken = port.host ? host_hears(bytes, len < WRITE_MAX ? len : WRITE_MAX) : 0;
	if (taken)
		return (ssize_t)taken;
	errno = EAGAIN;
	return -1;
}

int sim_close(int fd)
{
	if (fd != SIM_FD_PORT)
		return 0;
	if (port_is_open())
		port.in_len = 0;
	port.open = false;
	return 0;
}

int sim_poll(struct pollfd *fds, nfds_t count, int msec)
{
	uint32_t mask = ready();

	(void)msec;
	if (sim.now_usec - port.data_usec < INTERRUPT_USEC)
		port.interrupt = false;
	fds->revents = (short)(mask & ((uint32_t)fds->events | EPOLLHUP | EPOLLERR));
	return count && fds->revents ? 1 : 0;
}

DIR *sim_opendir(const char *path)
{
	(void)path;
	errno = ENOENT;
	return NULL;
}

int sim_inotify_init(int flags)
{
	(void)flags;
	return SIM_FD_INOTIFY;
}

int sim_inotify_add(int fd, const char *path, uint32_t mask)
{
	(void)fd;
	(void)path;
	(void)mask;
	return 0;
}
