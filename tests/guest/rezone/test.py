# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory that somebody else brought into another zone than the policy's is moved, all or nothing.

By a udev rule, by the kernel itself before the agent came; reported only where rezone = no; a
DIMM of which one block refuses stays where it was, all of it.
"""

from lab import Guest, check, equal, expect

CONFIG = "[memonlined]\npolicy = online_movable\n"
REZONE = CONFIG + "rezone = yes\n"
RULE = {"/etc/udev/rules.d/99-hotplug-memory.rules":
        b'ACTION=="add", SUBSYSTEM=="memory", ATTR{state}=="offline", '
        b'ATTR{state}="online_kernel"\n'}
MODULES = ("notifier_error_inject", "memory_notifier_error_inject")
REFUSE = "/sys/kernel/debug/notifier-error-inject/memory/actions/MEM_GOING_OFFLINE/error"


def wait_zone(guest, dimm, zone):
    unit = guest.block_bytes()
    first, count = dimm["addr"] // unit, dimm["size"] // unit
    # Not valid_zones of an offline block: 6.1 oopses where it is not linked to its node yet.
    guest.until("cd /sys/devices/system/memory && for n in $(seq %d %d); do "
                "[ \"$(cat memory$n/state)\" = online ] && "
                "[ \"$(cat memory$n/valid_zones)\" = %s ] || "
                "exit 1; done" % (first, first + count - 1, zone))


def by_others(guest, size):
    """The rule alone: the agent, woken by the first of its events, would race with it."""
    guest.sh("kill -STOP $(pidof memonlined)")
    dimm = guest.plug(size)
    wait_zone(guest, dimm, "Normal")
    guest.sh("kill -CONT $(pidof memonlined)")
    return dimm


def ranges(channel, dimm, reason):
    """What the next report that has this reason says of the DIMM."""
    while True:
        found = [part for part in channel.report()["ranges"] if part["reason"] == reason]
        if found:
            check(all(dimm["addr"] <= part["start"] < dimm["addr"] + dimm["size"]
                      for part in found), found)
            return found


def moved(guest, channel, dimm):
    wait_zone(guest, dimm, "Movable")
    found = ranges(channel, dimm, "rezoned")
    equal({part["zone"] for part in found if part["to"] == "online"}, {"Movable"},
          "zones in the report: %s" % found)


def by_rule(lab):
    with Guest(lab, name="rule", memory="4G", config=REZONE, files=RULE) as guest:
        with guest.channel() as channel:
            before = guest.present_bytes()
            dimm = by_others(guest, "512M")
            moved(guest, channel, dimm)
            expect.in_zone(guest, dimm, "Movable", before)


def only_reported(lab):
    with Guest(lab, name="no", config=CONFIG, files=RULE) as guest, guest.channel() as channel:
        dimm = by_others(guest, "512M")
        found = ranges(channel, dimm, "zone-differs")
        equal({(part["to"], part["zone"]) for part in found}, {("online", "Normal")},
              "report: %s" % found)
        guest.settle()
        expect.all_online(guest, guest.plug("128M"))
        wait_zone(guest, dimm, "Normal")


def after_the_kernel(lab):
    """Memory that came while a distribution's auto_online_blocks was active and no agent ran."""
    with Guest(lab, name="kernel", memory="4G", config=REZONE, auto_online="online") as guest:
        with guest.channel() as channel:
            guest.stop_daemon()
            dimm = guest.plug("512M")
            wait_zone(guest, dimm, "Normal")
            guest.start_daemon()
            moved(guest, channel, dimm)


def refused(lab):
    with Guest(lab, name="refused", config=REZONE, files=RULE, modules=MODULES) as guest:
        guest.sh("[ -e %s ] || mount -t debugfs debugfs /sys/kernel/debug" % REFUSE)
        guest.sh("echo -16 > " + REFUSE)
        with guest.channel() as channel:
            dimm = by_others(guest, "512M")
            found = ranges(channel, dimm, "refused")
            equal({part["errno"] for part in found}, {16}, "errno: %s" % found)
            guest.settle()
            wait_zone(guest, dimm, "Normal")
            equal(channel.request("guest-ping"), {}, "a ping at the end")


def run(lab):
    by_rule(lab)
    only_reported(lab)
    after_the_kernel(lab)
    refused(lab)
