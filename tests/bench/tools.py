# SPDX-License-Identifier: GPL-2.0-or-later
"""What the measurements share: small programs for the guest, and what /proc counts there."""

import collections
import os
import statistics
import subprocess
import sys

from lab import image, packages, paths

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAMS = ("watch-blocks", "write-blocks", "stopwatch", "make-tree")
TICKS_PER_SEC = 100  # what /proc/PID/stat counts in, on every kernel

Cpu = collections.namedtuple("Cpu", "user system")


def progress(text):
    print("... " + text, file=sys.stderr, flush=True)


def programs():
    """Files for a guest."""
    folder = os.path.join(paths.BUILD, "bench")
    os.makedirs(folder, exist_ok=True)
    found = {}
    for name in PROGRAMS:
        target = os.path.join(folder, name)
        subprocess.check_call(["gcc", "-std=gnu99", "-O2", "-Wall", "-o", target,
                               os.path.join(HERE, name + ".c")])
        found["/usr/bin/" + name] = (image.contents(target), 0o755)
    return found


def rules():
    """The rules that come with this machine's udevd: what an event costs is mostly them."""
    listing = (["dpkg", "-L", "udev"] if packages.has_apt() else ["rpm", "-ql", "systemd-udev"])
    names = subprocess.check_output(listing).decode().split()
    return {name: image.contents(name) for name in names
            if "/udev/rules.d/" in name and name.endswith(".rules")}


def config(policy="online_movable", events="auto"):
    return "[memonlined]\npolicy = %s\nevents = %s\n" % (policy, events)


def write_config(guest, **settings):
    guest.sh("cat >/etc/memonlined.conf <<'END'\n%sEND\n" % config(**settings))


def pid_of(guest, name):
    """The first process of that name: of udevd it is the main process, not a worker."""
    return min(int(pid) for pid in guest.sh("pidof " + name).split())


def cpu_seconds(guest, name):
    """Of all processes of a name, and of their children that have ended."""
    found = guest.sh("cat /proc/[0-9]*/stat 2>/dev/null; true")
    user = system = 0
    for line in found.splitlines():
        head, _, rest = line.rpartition(") ")
        fields = rest.split()
        # The kernel keeps 15 characters of a name.
        if head.partition(" (")[2] == name[:15]:
            user += int(fields[11]) + int(fields[13])
            system += int(fields[12]) + int(fields[14])
    return Cpu(user / TICKS_PER_SEC, system / TICKS_PER_SEC)


def spent_seconds(guest, pid):
    """Both modes together, exactly, of one process."""
    return int(guest.read("/proc/%d/schedstat" % pid).split()[0]) / 1e9


def stopwatch(guest, command, deadline=300):
    """(wall seconds, CPU seconds, highest resident KiB) of one run."""
    wall, cpu, resident = guest.sh("stopwatch " + command, deadline).split()
    return int(wall) / 1e9, int(cpu) / 1e6, int(resident)


median = statistics.median
