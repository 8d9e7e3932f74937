# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel that refuses blocks, for a while or for good, and a stopped agent whose buffer overflows.

Errors that may pass end with every block online; those that stay are reported as failed, and the
daemon sleeps afterwards. Events lost while it was stopped cost no block.
"""

import time

from lab import Guest, check, equal, expect

LIMIT = 900
MODULES = ("notifier_error_inject", "memory_notifier_error_inject")
REFUSE = "/sys/kernel/debug/notifier-error-inject/memory/actions/MEM_GOING_ONLINE/error"
EAGAIN, ENOMEM, EBUSY, EINVAL = 11, 12, 16, 22
# Room for a few tries before the error goes.
HELD_SEC = 2
# Settings for errors that stay, and for a burst that does not fit into the buffer.
IMPATIENT = "[memonlined]\nretry-for = 2\nreceive-buffer = 4096\n"
IDLE_SEC = 5
IDLE_SWITCHES = 3


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


def switches(guest):
    text = guest.sh("grep -h ^voluntary_ctxt_switches /proc/$(pidof memonlined)/status")
    return int(text.split()[1])


def stays(guest, channel, error):
    refuse(guest, error)
    dimm = guest.plug("256M")
    expect.one_range(channel.report(), dimm, to="offline", result="failed", errno=error,
                     zone="unknown")
    guest.settle()
    before = switches(guest)
    guest.sh("sleep %d" % IDLE_SEC)
    count = switches(guest) - before
    check(count <= IDLE_SWITCHES, "%d context switches in %d idle seconds" % (count, IDLE_SEC))
    refuse(guest, 0)
    # Given up is not lost: else the next DIMM's burst would try these blocks too.
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


def run(lab):
    with Guest(lab, modules=MODULES) as guest:
        guest.sh("[ -e %s ] || mount -t debugfs debugfs /sys/kernel/debug" % REFUSE)
        with guest.channel() as channel:
            for error in (ENOMEM, EBUSY, EAGAIN):
                passes(guest, channel, error)
        guest.stop_daemon()
        guest.sh("printf '%s' > /etc/memonlined.conf" % IMPATIENT.replace("\n", "\\n"))
        guest.start_daemon()
        with guest.channel() as channel:
            seq = channel.request("memonline-status")["last-seq"]
            channel.request("memonline-subscribe", since=seq)
            channel.events.clear()
            overflows(guest, channel)
            for error in (ENOMEM, EINVAL):
                stays(guest, channel, error)
