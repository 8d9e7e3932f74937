# SPDX-License-Identifier: GPL-2.0-or-later
"""With no host connected the agent works and sleeps; the report waits and comes once.

A host that leaves in the middle of a line and comes back gets a clean answer. Where it is back
before the guest has run at all, no guest can tell two hosts from one: then the 0xFF that a
client sends first ends the half line. While nobody is connected the daemon does not wake: the
port would poll as ready for ever.
"""

import json

from lab import Guest, check, equal, expect

# A daemon that polls would have hundreds; a few may come from what else the guest does.
IDLE_SEC = 10
IDLE_SWITCHES = 3
CONNECTIONS = 30


def switches(guest):
    text = guest.sh("grep -h ctxt_switches /proc/$(pidof memonlined)/status")
    return sum(int(line.split()[1]) for line in text.splitlines())


def sleeps(guest):
    guest.settle()
    before = switches(guest)
    guest.sh("sleep %d" % IDLE_SEC)
    count = switches(guest) - before
    check(count <= IDLE_SWITCHES, "%d context switches in %d idle seconds" % (count, IDLE_SEC))


def delivered_once(guest, dimm):
    with guest.channel() as channel:
        seq = expect.only_report(guest, channel, dimm)["seq"]
        # Saying how far it has read is what ends the delivery.
        channel.request("memonline-subscribe", since=seq)
        equal(channel.reports_waiting(), 0, "reports after subscribing")
    with guest.channel() as channel:
        equal(channel.reports_waiting(), 0, "reports for a host that comes back")
    return seq


def noticed(guest):
    """Until the guest's kernel knows that the host has left, and the agent has been woken."""
    guest.sh("mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug")
    guest.until("port=$(basename $(readlink -f /dev/virtio-ports/org.memonline.agent.0)) && "
                "grep -q 'host_connected: 0' /sys/kernel/debug/virtio-ports/$port")
    guest.sh("sleep 1")


def leaves_in_a_line(guest):
    """A plain request after a host that was gone; qemu-ga's way to begin after one that was not."""
    half = b'{"execute": "guest-sync", "argum'
    with guest.channel() as channel:
        channel.request("guest-ping")
        channel.send(half)
    noticed(guest)
    with guest.channel() as channel:
        equal(channel.request("guest-sync", id=4711), 4711, "first answer after half a line")
        channel.send(half)
    with guest.channel() as channel:
        equal(synced(channel, 4712), 4712, "answer to a delimited sync")
        equal(channel.request("guest-sync", id=4713), 4713, "answer after a delimited sync")


def synced(channel, number):
    """guest-sync-delimited: 0xFF ends what another host left, and marks the answer."""
    channel.send(b'\xff' + json.dumps({"execute": "guest-sync-delimited",
                                       "arguments": {"id": number}}).encode() + b"\n")
    answer = {}
    while not (channel.raw.startswith(b"\xff") and "return" in answer):
        answer = channel.read()
    return answer["return"]


def leaves_in_an_answer(guest):
    """The agent may be writing when the host goes: the next one can still tell its answer."""
    with guest.channel() as channel:
        channel.send(b'{"execute": "memonline-get-ranges"}\n' * 50)
    with guest.channel() as channel:
        equal(synced(channel, 815), 815, "answer to a delimited sync")


def comes_and_goes(guest):
    """A request that is sent with the connection is answered, every time."""
    for number in range(CONNECTIONS):
        with guest.channel() as channel:
            equal(channel.request("guest-sync", id=number), number, "answer after connecting")


def run(lab):
    with Guest(lab) as guest:
        before = guest.memory_kib()
        sleeps(guest)
        dimm = guest.plug("512M")
        expect.all_online(guest, dimm)
        expect.grown(guest, before, "512M")
        sleeps(guest)
        seq = delivered_once(guest, dimm)
        sleeps(guest)
        comes_and_goes(guest)
        leaves_in_a_line(guest)
        leaves_in_an_answer(guest)
        sleeps(guest)
        second = guest.plug("256M")
        expect.all_online(guest, second)
        with guest.channel() as channel:
            report = channel.report()
            expect.one_range(report, second)
            equal(report["seq"], seq + 1, "number of the second report")
