# SPDX-License-Identifier: GPL-2.0-or-later
"""A host that speaks to the port itself: 48 MiB in one reply, pushed reports, hosts that leave."""

import base64
import hashlib
import json
import time

from lab import Guest, check, equal, expect, guest_agent
from lab.channel import REPORT, Channel, Refused

CONFIG = """\
[memonlined]
policy = online
[channel]
port = %s
relay = %s
""" % (guest_agent.PORT, guest_agent.RELAY)
BIG_MIB = 48
BIG = "/run/big"
RESIDENT_MAX_KIB = 12 << 10
BEGUN_BYTES = 1 << 20
LEAVES = 5


def resident_kib(guest):
    return int(guest.sh("grep VmHWM /proc/$(pidof memonlined)/status").split()[1])


def ended(guest):
    """How often qemu-ga has ended so far: by its own will, or by ours."""
    return int(guest.sh("cat /run/qga/ended 2>/dev/null | wc -l"))


def kill(guest):
    """Until another one listens."""
    before = ended(guest)
    guest.sh("kill -KILL $(pidof qemu-ga)")
    guest.until("[ $(cat /run/qga/ended | wc -l) -gt %d ] && pidof qemu-ga" % before)


def patiently(channel, command, **arguments):
    """qemu-ga may still be at work for a host that has left."""
    until = time.monotonic() + 900
    while True:
        try:
            return channel.request(command, 600, **arguments)
        except Refused as refusal:
            if "does not answer" not in str(refusal) or time.monotonic() >= until:
                raise


def read_big(channel):
    """Asks for all of the file in one reply."""
    handle = patiently(channel, "guest-file-open", path=BIG)
    channel.send(json.dumps({"execute": "guest-file-read", "id": "big", "arguments": {
        "handle": handle, "count": BIG_MIB << 20}}).encode())
    return handle


def whole_reply(guest, channel):
    """A DIMM comes while the reply is under way: its report follows the line."""
    handle = read_big(channel)
    channel.begun(BEGUN_BYTES, 600)
    dimm = guest.plug("256M")
    expect.all_online(guest, dimm)
    reply = channel.read(600)
    equal(reply.get("id"), "big", "the first line")
    equal(reply["return"]["count"], BIG_MIB << 20, "bytes that were read")
    with open(guest.lab.temp_path("big"), "wb") as copy:
        copy.write(base64.b64decode(reply["return"]["buf-b64"]))
    expect.one_range(channel.report(), dimm)
    channel.request("guest-file-close", handle=handle)
    check(resident_kib(guest) < RESIDENT_MAX_KIB, "%d KiB resident" % resident_kib(guest))


def broken_reply(guest, channel):
    read_big(channel)
    channel.begun(BEGUN_BYTES, 600)
    kill(guest)
    try:
        channel.read(600)
        check(False, "a reply that was broken off is JSON")
    except ValueError:
        pass
    answer = channel.read()
    equal(answer.get("id"), "big", "the error's id")
    check("has ended" in answer["error"]["desc"], answer)
    equal(channel.request("guest-ping"), {}, "the next request")


def leaving_hosts(guest, port):
    """Whoever leaves within a reply costs qemu-ga nothing, and the next host only its wait."""
    before = ended(guest)
    for number in range(LEAVES):
        with Channel(port) as channel:
            channel.sync(600)
            read_big(channel)
            if number % 2:
                channel.begun(BEGUN_BYTES, 600)
    with Channel(port) as channel:
        channel.sync(600)
        equal(patiently(channel, "guest-ping"), {}, "the ping of the last host")
        equal(channel.request("guest-get-memory-block-info"), {"size": guest.block_bytes()},
              "a memory command")
    equal(ended(guest), before, "how often qemu-ga ended")


def without_qemu_ga(guest, port):
    guest.sh("kill -KILL $(cat /run/qga/runner) && kill -KILL $(pidof qemu-ga) && rm %s" %
             guest_agent.RELAY)
    with Channel(port) as channel:
        channel.sync()
        try:
            channel.request("guest-ping")
            check(False, "a ping was answered")
        except Refused as refusal:
            check("not there" in refusal.args[0]["desc"], refusal)
        info = channel.request("guest-info")
        check("guest-exec" not in str(info), info)
        equal(channel.request("guest-get-memory-block-info"), {"size": guest.block_bytes()},
              "a memory command")


def run(lab):
    port = lab.temp_path("qga.sock")
    with Guest(lab, name="raw", config=CONFIG, files=guest_agent.files(),
               arguments=guest_agent.arguments(port)) as guest:
        guest.sh(guest_agent.RELAY_SCRIPT)
        guest.sh("dd if=/dev/urandom of=%s bs=1M count=%d" % (BIG, BIG_MIB), 600)
        digest = guest.sh("sha256sum <" + BIG, 600).split()[0]
        with Channel(port) as channel:
            channel.sync()
            names = {command["name"] for command in
                     channel.request("guest-info")["supported_commands"]}
            check({"guest-exec", "guest-shutdown", "memonline-status"} <= names, names)
            first = guest.plug("256M")
            expect.all_online(guest, first)
            equal(channel.reports_waiting(), 0, "reports before memonline-subscribe")
            channel.request("memonline-subscribe")
            expect.one_range(channel.report(), first)
            whole_reply(guest, channel)
            equal(digest_of(lab.temp_path("big")), digest, "the file's checksum")
            broken_reply(guest, channel)
            check(not any(event["event"] != REPORT for event in channel.events), channel.events)
        leaving_hosts(guest, port)
        check(resident_kib(guest) < RESIDENT_MAX_KIB, "%d KiB resident" % resident_kib(guest))
        without_qemu_ga(guest, port)


def digest_of(path):
    with open(path, "rb") as copy:
        return hashlib.sha256(copy.read()).hexdigest()
