/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "agent-private.h"

#include <errno.h>
#include <string.h>

#include "io/log.h"

#define BACKUP_MSEC 3000 /* what udevd needs for a block, many times over */

/* Asleep between two bursts, and within one: it wakes for the first event and for all of them. */
#define ONCE (EPOLLIN | EPOLLONESHOT)

static void backup(void *data)
{
	struct agent *agent = data;
	bool wanted = agent->look_wanted;
	int r = agent_take_events(agent, agent->edges.backup_source);

	if (r < 0 && r != -ENOBUFS) {
		loop_watch_remove(agent->backup_watch);
		agent->backup_watch = NULL;
		return;
	}
	/* Lost ones say nothing of the others, and are told of. */
	if (r == 0 && agent->look_wanted && !wanted)
		log_warning("%s events are late or lost, those of the kernel are not: "
			    "looking at all blocks",
			    source_name(agent->edges.source));
	loop_watch_change(agent->backup_watch, ONCE);
}

static void heard(uint32_t events, void *data)
{
	struct agent *agent = data;
	unsigned msec = agent->edges.backup_msec ? agent->edges.backup_msec : BACKUP_MSEC;

	(void)events;
	loop_timer_arm(agent->backup, msec);
}

int agent_backup_open(struct agent *agent)
{
	if (!agent->edges.backup_source)
		return 0;
	agent->backup = loop_timer_add(agent->edges.loop, backup, agent);
	if (agent->backup)
		agent->backup_watch = loop_watch_add(
			agent->edges.loop, source_fd(agent->edges.backup_source), ONCE,
			heard, agent);
	return agent->backup_watch ? 0 : -errno;
}

void agent_backup_close(struct agent *agent)
{
	loop_watch_remove(agent->backup_watch);
	loop_timer_remove(agent->backup);
}
