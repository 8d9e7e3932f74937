# SPDX-License-Identifier: GPL-2.0-or-later
"""udevd killed during events, before them, and for good: its events are lost, no block is.

The agent learns from the kernel, a little later, what udevd did not announce. Every block comes
online, each is reported once, and the daemon sleeps afterwards.
"""

from lab import Guest, equal, expect

LIMIT = 900
INSTALLED = "systemd starts a udevd that was killed at once"
UDEVD = "/usr/lib/systemd/systemd-udevd"
KILL = "kill -KILL $(pidof systemd-udevd)"
# Nothing but what the shell does itself, so that it is in time.
KILLER = "cd /sys/devices/system/memory\nwhile [ ! -e memory%d ]; do :; done\n" + KILL + "\n"


def restart(guest):
    guest.sh(UDEVD + " --daemon")


def is_whole(guest, dimm, since):
    expect.all_online(guest, dimm)
    expect.told_once(guest, dimm, since)
    # Until what the kernel said has been read as well, which is later than what udevd said.
    guest.sh("sleep 4")
    expect.sleeps(guest)
    expect.told_once(guest, dimm, since)


def killed_in_a_burst(guest):
    """As soon as the first of its blocks is there."""
    unit = guest.block_bytes()
    first = max(guest.blocks()) + 1
    first = max(first, (4 << 30) // unit)
    guest.sh("echo '%s' >/run/killer && setsid sh /run/killer >/dev/null 2>&1 </dev/null &"
             % (KILLER % (first + 1)))
    dimm = guest.plug("4G")
    equal(dimm["addr"], first * unit, "where the DIMM lies")
    guest.wait_blocks(dimm["addr"], dimm["size"])
    guest.until("! pidof systemd-udevd")
    restart(guest)
    return dimm


def killed_with_its_queue(guest):
    """All of its events are in udevd's queue, and none is handled."""
    guest.sh("kill -STOP $(pidof systemd-udevd)")
    dimm = guest.plug("4G")
    guest.wait_blocks(dimm["addr"], dimm["size"])
    guest.sh(KILL)
    guest.until("! pidof systemd-udevd")
    restart(guest)
    return dimm


def killed_before(guest):
    """The next udevd does not learn of events in between."""
    guest.sh(KILL)
    guest.until("! pidof systemd-udevd")
    dimm = guest.plug("1G")
    guest.wait_blocks(dimm["addr"], dimm["size"])
    restart(guest)
    return dimm


def killed_for_good(guest):
    guest.sh(KILL)
    guest.until("! pidof systemd-udevd")
    return guest.plug("1G")


def run(lab):
    with Guest(lab) as guest:
        for fault in (killed_in_a_burst, killed_with_its_queue, killed_before, killed_for_good):
            print("# " + fault.__name__, flush=True)
            since = guest.ctl_json("status --json")["last-seq"]
            is_whole(guest, fault(guest), since)
