# SPDX-License-Identifier: GPL-2.0-or-later
"""Who brings a DIMM online, how long after its first block was seen, at what cost.

In one guest; every round goes through all contenders, each time beginning with another one.
"""

import os

from lab import image, platform
from lab.machine import size_bytes

from . import tools

WORD = "online_movable"
RULE = "/run/udev/rules.d/99-bench.rules"
UDEV_RULE = ('SUBSYSTEM=="memory", ACTION=="add", ATTR{state}=="offline", '
             'ATTR{state}="%s"' % WORD)
AUTO = "/sys/devices/system/memory/auto_online_blocks"
AGENT, UDEVD = "memonlined", "systemd-udevd"
BESIDE = "/opt/beside/"


class Kernel:
    name = "kernel (auto_online_blocks)"
    spends = None

    def start(self, guest, first, count):
        guest.sh("echo %s >%s" % (WORD, AUTO))

    def stop(self, guest):
        guest.sh("echo offline >" + AUTO)


class Floor:
    name = "bare loop of writes"
    spends = "write-blocks"

    def start(self, guest, first, count):
        guest.sh("write-blocks %d %d %s wait >/tmp/floor.out 2>&1 </dev/null &" %
                 (first, count, WORD))
        guest.until("grep -q ready /tmp/floor.out")

    def stop(self, guest):
        pass


class Rule:
    name = "udev rule"
    spends = UDEVD

    def start(self, guest, first, count):
        guest.sh("mkdir -p /run/udev/rules.d; echo '%s' >%s; udevadm control --reload" %
                 (UDEV_RULE, RULE))

    def stop(self, guest):
        guest.sh("rm %s; udevadm control --reload" % RULE)


class Agent:
    spends = AGENT

    def __init__(self, events):
        self.name = "memonlined, events of " + ("udevd" if events == "udev" else events)
        self._events = events

    def start(self, guest, first, count):
        tools.write_config(guest, policy=WORD, events=self._events)
        guest.start_daemon()

    def stop(self, guest):
        guest.stop_daemon()


class Beside(Agent):
    """Another build's, in the place of this one's while it runs; neither reads what the other kept."""

    def __init__(self, events):
        super().__init__(events)
        self.name += ", beside"

    def start(self, guest, first, count):
        guest.sh("rm -rf /run/memonline")
        for name, target in image.PROGRAMS.items():
            guest.sh("mount -o bind %s %s" % (BESIDE + name, target))
        super().start(guest, first, count)

    def stop(self, guest):
        super().stop(guest)
        for target in image.PROGRAMS.values():
            guest.sh("umount " + target)
        guest.sh("rm -rf /run/memonline")


CONTENDERS = (Kernel(), Floor(), Rule(), Agent("udev"), Agent("kernel"))


def contenders(beside):
    return CONTENDERS + ((Beside("udev"), Beside("kernel")) if beside else ())


def files_beside(directory):
    """Of another build, and its libraries."""
    found = {}
    for name in image.PROGRAMS if directory else ():
        program = os.path.join(directory, name)
        found[BESIDE + name] = (image.contents(program), 0o755)
        for path, library in platform.X86().libraries(program).items():
            found[path] = (image.contents(library), 0o755)
    return found


def take_out(guest, dimm, first, count):
    """From the top: a zone shrinks fastest so."""
    for index in range(first + count - 1, first - 1, -32):
        low = max(first, index - 31)
        guest.sh("write-blocks %d %d offline" % (low, index - low + 1), 600)
    guest.unplug(dimm["id"], 600)
    guest.qmp.command("object-del", id="mem-" + dimm["id"])


def one(guest, contender, size, first):
    """In seconds: the last block "added", the first and the last online ("begun", "wall"), CPU."""
    count = size_bytes(size) // guest.unit
    guest.sh("rm -f /tmp/fifo; mkfifo /tmp/fifo; watch-blocks %d /tmp/fifo >/tmp/watch.out 2>&1 "
             "</dev/null &" % count)
    guest.until("grep -q ready /tmp/watch.out")
    contender.start(guest, first, count)
    guest.settle()
    before = {name: tools.cpu_seconds(guest, name) for name in (AGENT, UDEVD)}
    dimm = guest.plug(size)
    times = guest.sh("cat /tmp/fifo", 900).split()
    guest.settle()
    # What the last event makes of it is part of the cost.
    guest.sh("sleep 1")
    after = {name: tools.cpu_seconds(guest, name) for name in (AGENT, UDEVD)}
    contender.stop(guest)
    take_out(guest, dimm, first, count)
    found = {name: int(time) / 1e9 for name, time in zip(("added", "begun", "wall"), times)}
    for name in before:
        found[name] = after[name].user - before[name].user
    return found


def first_block(guest):
    """Where QEMU puts a DIMM: the same address each time, as there is one at a time."""
    dimm = guest.plug("128M")
    guest.wait_blocks(dimm["addr"], dimm["size"])
    guest.unplug(dimm["id"])
    guest.qmp.command("object-del", id="mem-" + dimm["id"])
    return dimm["addr"] // guest.unit


def summary(runs, count):
    """Processor time is sampled by the tick: only its sum over all rounds says something."""
    rounds = len(runs)
    return {"wall_sec": tools.median([run["wall"] for run in runs]),
            "wall_sec_all": [run["wall"] for run in runs],
            "added_sec": tools.median([run["added"] for run in runs]),
            "begun_sec": tools.median([run["begun"] for run in runs]),
            "user_usec_per_block": {
                name: sum(run[name] for run in runs) * 1e6 / (count * rounds)
                for name in (AGENT, UDEVD)}}


def measure(guest, sizes, rounds, taking_part=CONTENDERS):
    """{size: {contender: summary}}"""
    guest.unit = guest.block_bytes()
    first = first_block(guest)
    found = {}
    for size in sizes:
        count = size_bytes(size) // guest.unit
        runs = {contender.name: [] for contender in taking_part}
        for number in range(rounds):
            turn = number % len(taking_part)
            for contender in taking_part[turn:] + taking_part[:turn]:
                tools.progress("%s DIMM, round %d: %s" % (size, number + 1, contender.name))
                runs[contender.name].append(one(guest, contender, size, first))
        found[size] = {name: summary(of, count) for name, of in runs.items()}
        found[size]["blocks"] = count
    return found
