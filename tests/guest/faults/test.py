# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel that refuses blocks, for a while or for good; an agent stopped while DIMMs come and go.

Errors that may pass end with every block online, also when the clock is set meanwhile; those that
stay are reported as failed, and the daemon sleeps afterwards. Events lost while it was stopped
cost no block, and a DIMM that came and went meanwhile costs nothing.
"""

import time

from lab import Guest, check, equal, expect

LIMIT = 900
MODULES = ("notifier_error_inject", "memory_notifier_error_inject")
REFUSE = "/sys/kernel/debug/notifier-error-inject/memory/actions/MEM_GOING_ONLINE/error"
EAGAIN, ENOMEM, EBUSY, EINVAL = 11, 12, 16, 22
# Room for a few tries before the error goes.
HELD_SEC = 2
# Settings for errors that stay, and for events that do not fit into the buffer.
IMPATIENT = "[memonlined]\nretry-for = 2\nreceive-buffer = 4096\n"
DAY_SEC = 86400
# No elapsed time of these is longer, whatever the clock says, and none is that of the clock.
ELAPSED_MAX_USEC = 600 * 1000000


def refuse(guest, error):
    guest.sh("echo %d > %s" % (-error, REFUSE))


def passes(guest, channel, error):
    refuse(guest, error)
    dimm = guest.plug("256M")
    guest.wait_blocks(dimm["addr"], dimm["size"])
    time.sleep(HELD_SEC)
    equal(set(guest.blocks(dimm["addr"], dimm["size"]).values()), {"offline"},
          "states under error %d" % error)
    refuse(guest, 0)
    expect.all_online(guest, dimm)
    expect.one_range(channel.report(), dimm)


def stays(guest, channel, error):
    refuse(guest, error)
    dimm = guest.plug("256M")
    expect.one_range(channel.report(), dimm, to="offline", result="failed", errno=error,
                     zone="unknown")
    expect.sleeps(guest)
    refuse(guest, 0)
    # Given up is not lost: else the next DIMM's events would retry these blocks, too.
    channel.request("memonline-online", start=dimm["addr"], size=dimm["size"], word="online")
    expect.all_online(guest, dimm)
    equal(channel.report()["ranges"][0]["to"], "online", "state reported after the command")


def drops(guest):
    """Messages that the kernel found no room for, on any netlink socket."""
    lines = guest.sh("cat /proc/net/netlink").splitlines()
    column = lines[0].split().index("Drops")
    return sum(int(line.split()[column]) for line in lines[1:])


def overflows(guest, channel):
    before = drops(guest)
    guest.sh("kill -STOP $(pidof memonlined)")
    dimm = guest.plug("4G")
    guest.wait_blocks(dimm["addr"], dimm["size"])
    guest.settle()
    guest.sh("kill -CONT $(pidof memonlined)")
    expect.all_online(guest, dimm)
    expect.one_range(channel.report(), dimm)
    check(drops(guest) > before, "no event was lost: the buffer was not full")


def set_clock(guest, seconds):
    guest.sh("date -s @$(($(date +%%s) + %d))" % seconds)


def clock_set(guest, channel, seconds, busy):
    """During retries, and during events: `busy` is the error, or 0 for none."""
    refuse(guest, busy)
    dimm = guest.plug("256M" if busy else "4G")
    guest.wait_blocks(dimm["addr"], guest.block_bytes())
    set_clock(guest, seconds)
    time.sleep(HELD_SEC if busy else 0)
    refuse(guest, 0)
    expect.all_online(guest, dimm)
    report = channel.report()
    expect.one_range(report, dimm)
    check(0 < report["elapsed-usec"] < ELAPSED_MAX_USEC, "elapsed: %d" % report["elapsed-usec"])
    expect.sleeps(guest)


def came_and_went(guest, channel):
    """Both while the agent is stopped, and another DIMM takes its numbers before it goes on."""
    guest.sh("kill -STOP $(pidof memonlined)")
    gone = guest.plug("256M")
    guest.wait_blocks(gone["addr"], gone["size"])
    guest.settle()
    guest.unplug(gone["id"])
    guest.until("[ ! -e /sys/devices/system/memory/memory%d ]"
                % (gone["addr"] // guest.block_bytes()))
    guest.sh("kill -CONT $(pidof memonlined)")
    expect.sleeps(guest)
    expect.no_report(guest, channel)
    guest.sh("kill -STOP $(pidof memonlined)")
    gone = guest.plug("256M")
    guest.wait_blocks(gone["addr"], gone["size"])
    guest.unplug(gone["id"])
    stays = guest.plug("512M")
    equal(stays["addr"], gone["addr"], "where the second DIMM lies")
    guest.wait_blocks(stays["addr"], stays["size"])
    guest.sh("kill -CONT $(pidof memonlined)")
    expect.all_online(guest, stays)
    expect.one_range(channel.report(), stays)
    expect.no_report(guest, channel)


def run(lab):
    with Guest(lab, modules=MODULES, slots=32) as guest:
        guest.sh("[ -e %s ] || mount -t debugfs debugfs /sys/kernel/debug" % REFUSE)
        with guest.channel() as channel:
            for error in (ENOMEM, EBUSY, EAGAIN):
                passes(guest, channel, error)
            for seconds in (-DAY_SEC, DAY_SEC):
                for error in (EBUSY, 0):
                    clock_set(guest, channel, seconds, error)
            came_and_went(guest, channel)
        guest.stop_daemon()
        guest.sh("printf '%s' > /etc/memonlined.conf" % IMPATIENT.replace("\n", "\\n"))
        guest.start_daemon()
        with guest.channel() as channel:
            seq = channel.request("memonline-status")["last-seq"]
            channel.request("memonline-subscribe", since=seq)
            channel.events.clear()
            overflows(guest, channel)
            for error in (ENOMEM, EBUSY, EAGAIN, EINVAL):
                stays(guest, channel, error)
