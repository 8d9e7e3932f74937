# SPDX-License-Identifier: GPL-2.0-or-later
"""A movable DIMM goes offline as a whole and is unplugged; one that refuses is rolled back.

The refusal is the kernel's own: its notifier of memory events is set to fail. On each kind of
machine.
"""

from lab import Guest, check, equal, expect

CONFIG = "[memonlined]\npolicy = online_movable\n"
REFUSE = "/sys/kernel/debug/notifier-error-inject/memory/actions/MEM_GOING_OFFLINE/error"
EBUSY = 16
EINTR = 4
ETIMEDOUT = 110
MODULES = ("notifier_error_inject", "memory_notifier_error_inject")


def blocks_of(guest, dimm):
    unit = guest.block_bytes()
    return range(dimm["addr"] // unit, (dimm["addr"] + dimm["size"]) // unit)


def ask(channel, dimm, command, **more):
    return channel.request(command, start=dimm["addr"], size=dimm["size"], **more)


def goes(guest, channel, dimm, before):
    answer = ask(channel, dimm, "memonline-offline", timeout=60)
    equal(answer["result"], "done", "result of the offline: %s" % answer)
    check(all(block["state"] == "offline" for block in answer["blocks"]), answer)
    report = channel.report()
    expect.one_range(report, dimm, to="offline", zone="unknown", requested="offline",
                     **{"from": "online"})
    guest.unplug(dimm["id"])
    guest.until("! ls -d /sys/devices/system/memory/memory%d" % blocks_of(guest, dimm)[0])
    equal(guest.memory_kib(), before, "MemTotal after the unplug")
    gone = channel.report()
    equal([(part["to"], part["reason"]) for part in gone["ranges"]], [("absent", "removed")],
          "report of the removal: %s" % gone)
    ranges = channel.request("memonline-get-ranges")
    check(all(part["start"] < dimm["addr"] for part in ranges), "still listed: %s" % ranges)


def refuses(guest, channel, dimm):
    guest.sh("[ -e %s ] || mount -t debugfs debugfs /sys/kernel/debug" % REFUSE)
    guest.sh("echo -%d > %s" % (EBUSY, REFUSE))
    answer = ask(channel, dimm, "memonline-offline", timeout=60)
    equal(answer["result"], "failed", "result where none goes offline: %s" % answer)
    check(EBUSY in [block["errno"] for block in answer["blocks"]], "no errno: %s" % answer)
    guest.sh("echo 0 > %s" % REFUSE)
    guest.wait_blocks(dimm["addr"], dimm["size"], "online")


def rolls_back(guest, channel, dimm):
    """Its lowest block, the last to be asked, is in ZONE_NORMAL and full of inodes."""
    held = blocks_of(guest, dimm)[0]
    guest.sh("echo offline > /sys/devices/system/memory/memory%d/state" % held)
    channel.report()
    guest.sh("cd /sys/devices/system/memory/memory%d && echo online_kernel > state" % held)
    channel.report()
    guest.sh("mkdir -p /mnt && mount -t tmpfs -o nr_inodes=0 none /mnt && i=0 && "
             "while [ $i -lt 20000 ]; do : > /mnt/$i; i=$((i + 1)); done", deadline=300)
    answer = ask(channel, dimm, "memonline-offline", timeout=5)
    equal(answer["result"], "rolled-back", "result: %s" % answer)
    # The kernel may refuse at once or try until the time is over: EINTR is neither's answer.
    for block in answer["blocks"]:
        check(block["errno"] != EINTR, "an interrupted write: %s" % block)
        equal(block["reason"] == "timed-out", block["errno"] == ETIMEDOUT, "of %s" % block)
    guest.wait_blocks(dimm["addr"], dimm["size"], "online")
    zones = guest.sh("cd /sys/devices/system/memory && cat " + " ".join(
        "memory%d/valid_zones" % number for number in blocks_of(guest, dimm)[1:]))
    check(set(zones.split()) == {"Movable"}, "zones after the roll-back: %s" % zones)


def on_machine(lab, machine):
    with Guest(lab, name=machine, machine=machine, config=CONFIG, modules=MODULES) as guest:
        before = guest.memory_kib()
        with guest.channel() as channel:
            first = guest.plug("512M")
            expect.one_range(channel.report(), first, requested="online_movable", zone="Movable")
            goes(guest, channel, first, before)
            second = guest.plug("512M")
            expect.one_range(channel.report(), second, requested="online_movable", zone="Movable")
            refuses(guest, channel, second)
            rolls_back(guest, channel, second)
            equal(channel.request("guest-ping"), {}, "a ping at the end")


def run(lab):
    for machine in lab.machines():
        on_machine(lab, machine)
