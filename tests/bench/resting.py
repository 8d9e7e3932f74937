# SPDX-License-Identifier: GPL-2.0-or-later
"""What each daemon holds in memory, and what it does in an idle minute."""

import re

from lab.channel import Channel

from . import tools

NAMES = ("memonlined", "qemu-ga", "systemd-udevd")
# What a daemon keeps there is memory, too, whether it is mapped or not.
FILES = {"memonlined": "/run/memonline", "qemu-ga": "/run/qemu-ga", "systemd-udevd": "/run/udev"}


def memory_kib(guest, pid):
    text = guest.read("/proc/%d/smaps_rollup" % pid)
    return {name.lower(): int(re.search(r"^%s:\s+(\d+)" % name, text, re.M).group(1))
            for name in ("Rss", "Pss")}


def unmapped_kib(guest, pid, folder):
    """Of the files below it in memory: what the daemon's resident set does not count."""
    used = guest.sh("du -sk %s 2>/dev/null || echo 0" % folder).split()[0]
    mapped = re.findall(r" %s/[^\n]*\nSize:[^\n]*\n(?:[^\n]*\n){0,2}Rss:\s+(\d+)" % folder,
                        guest.read("/proc/%d/smaps" % pid))
    return int(used) - sum(int(kib) for kib in mapped)


def switches(guest, pid):
    """Of all its threads: how often one slept, or had to make room."""
    text = guest.sh("cat /proc/%d/task/*/status" % pid)
    return sum(int(count) for count in re.findall(r"ctxt_switches:\s+(\d+)", text))


def idle(guest, pids, seconds):
    """{daemon: {"wakeups_per_min", "cpu_usec_per_min"}}"""
    guest.settle()
    # Workers of udevd end after three seconds.
    guest.sh("sleep 5")
    before = {name: (switches(guest, pid), tools.spent_seconds(guest, pid))
              for name, pid in pids.items()}
    guest.sh("sleep %d" % seconds, seconds + 60)
    found = {}
    for name, pid in pids.items():
        woken = switches(guest, pid) - before[name][0]
        spent = tools.spent_seconds(guest, pid) - before[name][1]
        found[name] = {"wakeups_per_min": woken * 60 / seconds,
                       "cpu_usec_per_min": spent * 1e6 * 60 / seconds}
    return found


# What autoscale asks for, of a guest that is far from both: bytes, and a tenth of two seconds.
THRESHOLDS = {"available": 64 << 20, "stall-usec": 200000}
# In place of the file that the kernel polls for memonlined: nothing that can be polled.
WITHOUT_PSI = "mount --bind /dev/null /proc/pressure/memory"


def subscribed(guest, path, seconds):
    """{"psi" or "timer": as idle() has it for memonlined}, while a host wants to know of pressure."""
    pids = {NAMES[0]: tools.pid_of(guest, NAMES[0])}
    found = {}
    for source, prepare, after in (("psi", "true", "true"),
                                   ("timer", WITHOUT_PSI, "umount /proc/pressure/memory")):
        guest.sh(prepare)
        with Channel(path) as channel:
            channel.sync()
            answer = channel.request("memonline-subscribe-pressure", **THRESHOLDS)
            if answer["source"] != source:
                raise AssertionError("pressure by %(source)s" % answer)
            tools.progress("idle for %d s, subscribed by %s" % (seconds, source))
            found[source] = idle(guest, pids, seconds)[NAMES[0]]
        guest.sh(after)
    return found


def measure(guest, paths, seconds):
    """{daemon: {"rss_kib", "pss_kib", "files_kib", "host", "no_host"}}.

    Each of the last two as idle() has it.

    paths: the host's ends of the agents' ports.
    """
    pids = {name: tools.pid_of(guest, name) for name in NAMES}
    channels = [Channel(path) for path in paths]
    try:
        for channel in channels:
            channel.sync()
            channel.request("guest-get-memory-blocks")
        tools.progress("idle for %d s, hosts connected" % seconds)
        with_host = idle(guest, pids, seconds)
    finally:
        for channel in channels:
            channel.close()
    tools.progress("idle for %d s, no host" % seconds)
    without = idle(guest, pids, seconds)
    found = {}
    for name, pid in pids.items():
        memory = memory_kib(guest, pid)
        found[name] = {"rss_kib": memory["rss"], "pss_kib": memory["pss"],
                       "files_kib": unmapped_kib(guest, pid, FILES[name]),
                       "host": with_host[name], "no_host": without[name]}
    return found
