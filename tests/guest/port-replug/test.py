# SPDX-License-Identifier: GPL-2.0-or-later
"""The port is unplugged and comes back, with a DIMM plugged in between: nothing is lost.

While it is away the daemon sleeps, brings the DIMM online all the same, and answers in the
guest. Back under its name the port is opened again, also by an agent that never saw it leave
and return one by one, and the report that waited is pushed.
"""

from lab import Guest, check, equal, expect
from lab.machine import AGENT_PORT

# A daemon that polls would have hundreds; a few may come from what else the guest does.
IDLE_SEC = 5
IDLE_SWITCHES = 3
PORT = "/dev/virtio-ports/" + AGENT_PORT
ROUNDS = 5


def switches(guest):
    text = guest.sh("grep -h ^voluntary_ctxt_switches /proc/$(pidof memonlined)/status")
    return int(text.split()[1])


def sleeps(guest):
    guest.settle()
    before = switches(guest)
    guest.sh("sleep %d" % IDLE_SEC)
    count = switches(guest) - before
    check(count <= IDLE_SWITCHES, "%d context switches in %d idle seconds" % (count, IDLE_SEC))


def goes(guest):
    guest.unplug_port()
    guest.until("! [ -e %s ]" % PORT)


def comes(guest):
    guest.plug_port()
    guest.until("[ -e %s ]" % PORT)


def reported(guest, dimm, since):
    """By a port that is open again: pushed without being asked for."""
    with guest.channel() as channel:
        report = channel.report()
        expect.one_range(report, dimm)
        equal(report["seq"], since + 1, "number of the report")
        channel.request("memonline-subscribe", since=report["seq"])
    return report["seq"]


def run(lab):
    with Guest(lab) as guest:
        first = guest.plug("256M")
        expect.all_online(guest, first)
        seq = reported(guest, first, 0)
        goes(guest)
        sleeps(guest)
        second = guest.plug("256M")
        expect.all_online(guest, second)
        expect.listed(guest.ctl("list --json --bytes"), second)
        sleeps(guest)
        comes(guest)
        seq = reported(guest, second, seq)
        expect.host_gone(guest)
        sleeps(guest)
        for _ in range(ROUNDS):
            goes(guest)
            comes(guest)
        third = guest.plug("256M")
        expect.all_online(guest, third)
        reported(guest, third, seq)
        # With a host in the middle of a line when it goes.
        with guest.channel() as channel:
            channel.send(b'{"execute": "guest-sync", "argum')
            goes(guest)
            comes(guest)
        with guest.channel() as channel:
            channel.sync()
            equal(channel.request("guest-ping"), {}, "a ping at the end")
        expect.host_gone(guest)
        sleeps(guest)
