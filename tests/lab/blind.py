# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests whose kernel does not add the DIMMs that are there at boot, and what they do with them."""

from . import probing
from .guest import Guest
from .scenario import check, equal

PROBE = "/sys/devices/system/memory/probe"
# Every page of it is written, and some read back: a guest does not survive that if the memory does not exist.
CHUNK_MIB = 16
FILL = """
mkdir -p /fill && mount -t tmpfs -o size=100%% tmpfs /fill
dd if=/dev/zero bs=1M count=%d 2>/dev/null | tr '\\0' 'm' >/fill/0
for n in $(seq %d); do cp /fill/0 /fill/$n || exit 1; done
for n in $(seq 1 8 %d); do cmp /fill/0 /fill/$n || exit 1; done
umount /fill
"""
FILL_DEADLINE = 900


def guest(lab, variant="blind", **options):
    """No udevd, and nothing onlines by itself."""
    return Guest(lab, kernel=probing.chosen(variant), udev=False, **options)


def fill(machine, spare_mib=96):
    """All free memory but a little is filled, so that what was probed is used too."""
    free = int(machine.sh("awk '/^MemFree/ { print $2 }' /proc/meminfo")) // 1024 - spare_mib
    check(free > 0, "no memory to fill: %d MiB" % free)
    chunks = free // CHUNK_MIB - 1
    machine.sh(FILL % (CHUNK_MIB, chunks, chunks), FILL_DEADLINE)
    return free


def told_online(machine):
    """[(start, size)] of all that the agent has reported as brought online."""
    return [(part["start"], part["size"]) for report in machine.ctl_json("reports --json")["reports"]
            for part in report["ranges"] if part["to"] == "online"]


def lives(machine):
    equal(machine.sh("echo alive").strip(), "alive", "the guest's answer")


def dimm(address, size, kind="dimm", **members):
    """An element of query-memory-devices."""
    return {"type": kind, "data": dict({"id": "x", "addr": address, "size": size, "slot": 0,
                                        "node": 0}, **members)}
