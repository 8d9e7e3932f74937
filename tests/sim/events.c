/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sim.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>

#include "io/source.h"

/* udevd, its queue and its delays; both sockets of the agent, which overflow. */
#define ROOM 24 /* events in a socket; real ones hold more, and DIMMs have more blocks */

struct source {
	const char *name;
	int fd;
	bool open, lost;
	struct uevent queue[ROOM];
	unsigned head, count;
	bool (*wanted)(const struct uevent *event, void *data);
	void *data;
};

static struct source udev = { .name = "udev", .fd = SIM_FD_UDEV };
static struct source netlink = { .name = "kernel", .fd = SIM_FD_KERNEL };
static bool udevd_up;
static unsigned udevd_life;
static uint64_t udevd_usec; /* when it is done with what it has */

static void reset(struct source *source)
{
	source->open = source->lost = false;
	source->head = source->count = 0;
	source->wanted = NULL;
}

void events_close(void)
{
	reset(&udev);
	reset(&netlink);
}

/* A plant: something is always announced. */
static void restless(uint32_t a, uint32_t b)
{
	kernel_uevent(UEVENT_OTHER, 0);
	sim_later(1000000, restless, a, b);
}

void events_begin(void)
{
	if (sim_plant("restless"))
		restless(0, 0);
	events_close();
	udevd_up = !sim_one_in(8) && !sim.options.small;
	udevd_life = 0;
	udevd_usec = 0;
}

void events_add_to_snapshot(void)
{
	snapshot_add(&udev, sizeof(udev));
	snapshot_add(&netlink, sizeof(netlink));
	snapshot_add(&udevd_up, sizeof(udevd_up));
	snapshot_add(&udevd_life, sizeof(udevd_life));
	snapshot_add(&udevd_usec, sizeof(udevd_usec));
}

static void push(struct source *source, const struct uevent *event)
{
	if (!source->open)
		return;
	if (source->count == ROOM) {
		source->lost = true;
		return;
	}
	source->queue[(source->head + source->count++) % ROOM] = *event;
}

/* `a`: action, index and which udevd it was. */
static void forward(uint32_t a, uint32_t seqnum)
{
	struct uevent event = { (enum uevent_action)(a & 0xff), (a >> 8) & 0xff, seqnum };

	if (udevd_up && (a >> 16) == udevd_life && !sim_plant("events"))
		push(&udev, &event);
}

void events_emit(enum uevent_action action, unsigned index, uint64_t seqnum)
{
	struct uevent event = { action, index, seqnum };

	oracle_event();
	if (!sim_plant("events"))
		push(&netlink, &event);
	/* Of memory alone, as the agent has asked for. */
	if (!udevd_up || action == UEVENT_NEW_GENERATION)
		return;
	if (udevd_usec < sim.now_usec)
		udevd_usec = sim.now_usec;
	udevd_usec += 100 + (sim_one_in(20) ? sim_draw(200000) : sim_draw(1500));
	sim_later(udevd_usec - sim.now_usec, forward,
		  (uint32_t)action | index << 8 | udevd_life << 16, (uint32_t)seqnum);
}

/* As the kernel's socket has them. */
uint64_t events_sum(void)
{
	uint64_t sum = netlink.lost;
	unsigned i;

	for (i = 0; i < netlink.count; i++) {
		const struct uevent *event = &netlink.queue[(netlink.head + i) % ROOM];

		sum = (sum + event->action + 8 * event->index) * 0x100000001b3ull;
	}
	return sum << 1;
}

bool events_any_removal(void)
{
	unsigned i;

	for (i = 0; i < netlink.count; i++)
		if (netlink.queue[(netlink.head + i) % ROOM].action == UEVENT_REMOVE)
			return true;
	return false;
}

bool events_udevd_runs(void)
{
	return udevd_up;
}

void events_udevd(void)
{
	udevd_up = !udevd_up;
	udevd_life++;
	udevd_usec = 0;
	sim_trace("udevd %s", udevd_up ? "started" : "killed");
}

uint32_t events_ready(int fd)
{
	const struct source *source = fd == SIM_FD_UDEV ? &udev : &netlink;

	return source->count || source->lost ? EPOLLIN : 0;
}

/* --- io/source.h */

static struct source *open_source(struct source *source)
{
	reset(source);
	source->open = true;
	return source;
}

struct source *source_open_udev(unsigned receive_buffer_bytes)
{
	(void)receive_buffer_bytes;
	return open_source(&udev);
}

struct source *source_open_kernel(unsigned receive_buffer_bytes)
{
	(void)receive_buffer_bytes;
	return open_source(&netlink);
}

void source_close(struct source *source)
{
	if (source)
		reset(source);
}

int source_fd(const struct source *source)
{
	return source->fd;
}

const char *source_name(const struct source *source)
{
	return source->name;
}

void source_set_wanted(struct source *source,
		       bool (*wanted)(const struct uevent *event, void *data), void *data)
{
	source->wanted = wanted;
	source->data = data;
}

int source_receive(struct source *source, struct uevent *event)
{
	sim_point("receives", 3);
	if (source->lost) {
		source->lost = false;
		return -ENOBUFS;
	}
	while (source->count) {
		*event = source->queue[source->head];
		source->head = (source->head + 1) % ROOM;
		source->count--;
		if (event->action == UEVENT_NEW_GENERATION)
			oracle_generation();
		if (!source->wanted || source->wanted(event, source->data))
			return 1;
	}
	return 0;
}
