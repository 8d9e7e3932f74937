# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists of 128 to 32768 memory blocks, asked of agents and programs that see the same tree.

The tree lies in the guest's memory. It is bound over /sys/devices/system/memory in a mount
namespace of each agent's own: nothing else in the guest sees it.
"""

import time

from lab import guest_agent
from lab.channel import Channel

from . import tools

TREE = "/tmp/tree"
MEMORY = "/sys/devices/system/memory"
COMMAND = "guest-get-memory-blocks"
DEADLINE = 600
# Each with one setting of its own, so that none of them sees the other's events.
INSIDE = "unshare -m sh -c 'mount --bind %s%s %s && exec \"$0\" \"$@\"' " % (TREE, MEMORY, MEMORY)


def start_agents(guest):
    tools.write_config(guest, policy="keep")
    guest.sh(INSIDE + "/lab/start-daemon")
    guest.wait_daemon()
    guest.sh(INSIDE + "sh -c '%s'" % guest_agent.start_script().replace("'", "'\\''"))


def stop_agents(guest):
    guest.stop_daemon()
    guest.sh("kill $(pidof qemu-ga); while pidof qemu-ga; do sleep 0.1; done")


def ask(guest, channel, pid):
    """(wall seconds as the host sees them, the agent's CPU seconds, count of blocks)"""
    spent = tools.spent_seconds(guest, pid)
    begun = time.monotonic()
    blocks = channel.request(COMMAND, DEADLINE)
    wall = time.monotonic() - begun
    return wall, tools.spent_seconds(guest, pid) - spent, len(blocks)


class Runs:
    """What was measured, by name."""

    def __init__(self):
        self.wall, self.cpu, self.resident = {}, {}, {}

    def add(self, name, wall, cpu, resident=None):
        self.wall.setdefault(name, []).append(wall)
        self.cpu.setdefault(name, []).append(cpu)
        if resident:
            self.resident[name] = max(resident, self.resident.get(name, 0))

    def summary(self):
        found = {name: {"wall_sec": tools.median(wall),
                        "cpu_sec": tools.median(self.cpu[name])}
                 for name, wall in self.wall.items()}
        for name, resident in self.resident.items():
            found[name]["peak_kib"] = resident
        return found


def ask_agents(guest, runs, rounds, count, port):
    start_agents(guest)
    peers = {"memonlined": guest.channel_path(), "qemu-ga": port}
    channels = {name: Channel(path, DEADLINE) for name, path in peers.items()}
    try:
        pids = {name: tools.pid_of(guest, name) for name in peers}
        for name, channel in channels.items():
            channel.sync(DEADLINE)
        for _ in range(rounds):
            for name, channel in channels.items():
                wall, cpu, found = ask(guest, channel, pids[name])
                if found != count:
                    raise ValueError("%s lists %d of %d blocks" % (name, found, count))
                runs.add("%s: %s" % (name, COMMAND), wall, cpu)
            for name, command in (("memonlinectl list", "memonlinectl list"),
                                  ("lsmem --sysroot", "lsmem --sysroot " + TREE)):
                runs.add(name, *tools.stopwatch(guest, command))
    finally:
        for channel in channels.values():
            channel.close()
    stop_agents(guest)


def start_up(guest, runs, rounds):
    """Up to READY=1; without a port to open and reports of an earlier one to read."""
    for _ in range(rounds):
        guest.sh("rm -rf /run/memonline")
        runs.add("memonlined: start-up", *tools.stopwatch(
            guest, "ready %smemonlined --foreground" % INSIDE))


def measure(guest, counts, rounds, port):
    """{count of blocks: {what was asked: summary}}"""
    found = {}
    for count in counts:
        tools.progress("lists of %d blocks" % count)
        guest.sh("rm -rf %s && make-tree %s %d" % (TREE, TREE, count), DEADLINE)
        runs = Runs()
        ask_agents(guest, runs, rounds, count, port)
        start_up(guest, runs, rounds)
        found[count] = runs.summary()
    guest.sh("rm -rf " + TREE, DEADLINE)
    return found
