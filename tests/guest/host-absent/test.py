# SPDX-License-Identifier: GPL-2.0-or-later
"""With no host connected the agent works and sleeps; the report waits and comes once.

A host that leaves in the middle of a line and comes back gets a clean answer. Where it is back
before the guest has run at all, no guest can distinguish two hosts from one: then the 0xFF that a
client sends first ends the half line. One that asks and leaves at once is obeyed. While nobody
is connected the daemon does not wake: the port would poll as ready for ever.
"""

import json

from lab import Guest, equal, expect

CONNECTIONS = 30
MOVABLE = "[memonlined]\npolicy = online_movable\n"  # so that a block can be taken off again


def delivered_once(guest, dimm):
    with guest.channel() as channel:
        seq = expect.only_report(guest, channel, dimm)["seq"]
        # Saying how far it has read is what ends the delivery.
        channel.request("memonline-subscribe", since=seq)
        equal(channel.reports_waiting(), 0, "reports after subscribing")
    expect.host_gone(guest)
    with guest.channel() as channel:
        equal(channel.reports_waiting(), 0, "reports for a host that comes back")
    expect.host_gone(guest)
    return seq


def leaves_in_a_line(guest):
    """A plain request after a host that was gone; a sync first after one that was not."""
    half = b'{"execute": "guest-sync", "argum'
    with guest.channel() as channel:
        channel.sync()
        channel.send(half)
    expect.host_gone(guest)
    with guest.channel() as channel:
        equal(channel.request("guest-sync", id=4711), 4711, "first answer after half a line")
        channel.send(half)
    with guest.channel() as channel:
        channel.sync()
        equal(channel.request("guest-sync", id=4712), 4712, "answer after a sync")


def leaves_in_an_answer(guest):
    """The agent may be writing when the host goes: the next one can still find its answer."""
    with guest.channel() as channel:
        channel.send(b'{"execute": "memonline-get-ranges"}\n' * 50)
    with guest.channel() as channel:
        channel.sync()


def leaves_requests(guest, *requests):
    """By a host that the agent never sees."""
    guest.sh("kill -STOP $(pidof memonlined)")
    with guest.channel() as channel:
        for request in requests:
            channel.send(b"\xff" + json.dumps(request).encode() + b"\n")
            # QEMU passes on what the guest takes, and drops the rest with the host.
            guest.sh("sleep 1")
    expect.host_gone(guest)
    guest.sh("kill -CONT $(pidof memonlined)")


def asks_and_leaves(guest):
    """What it asked is done; what could not be begun is not done for the host that comes next."""
    dimm = guest.plug("256M")
    expect.all_online(guest, dimm)
    index = dimm["addr"] // guest.block_bytes()
    state = "grep -qx %%s /sys/devices/system/memory/memory%d/state" % index
    off, on = ({"execute": "guest-set-memory-blocks", "arguments": {
        "mem-blks": [{"phys-index": index, "online": online}]}} for online in (False, True))
    leaves_requests(guest, off)
    guest.until(state % "offline")
    leaves_requests(guest, on)
    guest.until(state % "online")
    leaves_requests(guest, off, {"execute": "guest-ping"}, on)
    guest.until(state % "offline")
    with guest.channel() as channel:
        channel.sync()
    guest.sh("sleep 1; " + state % "offline")


def comes_and_goes(guest):
    for _ in range(CONNECTIONS):
        with guest.channel() as channel:
            channel.sync()
    expect.host_gone(guest)
    with guest.channel() as channel:
        equal(channel.request("guest-sync", id=815), 815, "answer to a host that came later")
    expect.host_gone(guest)


def run(lab):
    with Guest(lab, name="obeys", config=MOVABLE) as guest:
        asks_and_leaves(guest)
    with Guest(lab) as guest:
        before = guest.memory_kib()
        expect.sleeps(guest)
        dimm = guest.plug("512M")
        expect.all_online(guest, dimm)
        expect.grown(guest, before, "512M")
        expect.sleeps(guest)
        seq = delivered_once(guest, dimm)
        expect.host_gone(guest)
        expect.sleeps(guest)
        leaves_in_a_line(guest)
        leaves_in_an_answer(guest)
        comes_and_goes(guest)
        expect.host_gone(guest)
        expect.sleeps(guest)
        second = guest.plug("256M")
        expect.all_online(guest, second)
        with guest.channel() as channel:
            report = channel.report()
            expect.one_range(report, second)
            equal(report["seq"], seq + 1, "number of the second report")
