# SPDX-License-Identifier: GPL-2.0-or-later
"""The same requests to Debian's qemu-ga and to memonlined, in one guest: the same replies.

Each *.txt is a group of requests, a line each. What may differ is written in differences.txt,
with its reason; none of that is in a memory command's data.
"""

import glob
import json
import os
import re

from lab import Guest, check, equal, guest_agent
from lab.channel import Channel
from lab.stream import Closed, Timeout

LIMIT = 600
CONFIG = "[memonlined]\npolicy = keep\n"
# So that the "online" of either can be undone, also if the guest has used the memory meanwhile.
APPEND = "memory_hotplug.online_policy=auto-movable memory_hotplug.auto_movable_ratio=1000"
REQUESTS_MIN = 120
DIFFERENCES_MAX = 12
HERE = os.path.dirname(os.path.abspath(__file__))


def raw(line):
    """The bytes that a line of a group stands for."""
    return line.encode().decode("unicode_escape").encode("latin-1")


def lines_of(path):
    with open(path) as group:
        return [line for line in group.read().splitlines() if line and line[0] != "#"]


def differences():
    """{request: reason}"""
    rows = (line.split("\t", 1) for line in lines_of(os.path.join(HERE, "differences.txt")))
    return {request: reason for request, reason in rows}


class Peer:
    """One agent at the other end of its port."""

    def __init__(self, name, path):
        self.name = name
        self.channel = Channel(path)
        self.number = 1 << 40
        self.channel.sync()

    def ask(self, line):
        """All that it answers to a line of a group."""
        try:
            return self._ask(raw(line))
        except (Timeout, Closed) as error:
            raise type(error)("%s, asked %s: %s" % (self.name, line, error))

    def _ask(self, data):
        """Up to the answer of a sync that follows."""
        self.number += 1
        sync = {"execute": "guest-sync-delimited", "arguments": {"id": self.number}}
        self.channel.send(data + b"\xff" + json.dumps(sync).encode() + b"\n")
        answers = []
        while True:
            answer = self._read()
            if answer.get("return") == self.number:
                return answers
            if "event" not in answer:
                answers.append(comparable(answer))

    def _read(self):
        try:
            return self.channel.read()
        except ValueError:  # qemu-ga echoes 1E400 as inf, which is not JSON
            return {"no JSON": self.channel.raw.decode("latin-1")}


def comparable(answer):
    """Lists of blocks come in no order; an agent names itself and its own commands."""
    value = answer.get("return")
    if isinstance(value, list) and value and "online" in value[0]:
        answer["return"] = sorted(value, key=lambda block: block["phys-index"])
    if isinstance(value, dict) and "supported_commands" in value:
        answer["return"] = sorted(value)
    return answer


def offline(guest, dimm):
    """As it was before either of them was asked."""
    unit = guest.block_bytes()
    for number in range(dimm["addr"] // unit, (dimm["addr"] + dimm["size"]) // unit):
        guest.sh("cd /sys/devices/system/memory/memory%d && "
                 "{ grep -q offline state || echo offline > state; }" % number)


def compare(guest, dimm, peers):
    allowed, used, count, wrong = differences(), set(), 0, []
    for path in sorted(glob.glob(os.path.join(HERE, "*.txt"))):
        if path.endswith("differences.txt"):
            continue
        answers = []
        for peer in peers:
            offline(guest, dimm)
            answers.append([peer.ask(line) for line in lines_of(path)])
        for line, theirs, ours in zip(lines_of(path), *answers):
            count += 1
            if theirs != ours:
                used.add(line)
                if line not in allowed:
                    wrong.append("%s\n  qemu-ga:    %s\n  memonlined: %s" % (line, theirs, ours))
    check(not wrong, "%d of %d differ:\n%s" % (len(wrong), count, "\n".join(wrong)))
    equal(sorted(set(allowed) - used), [], "differences that are none any more")
    check(count >= REQUESTS_MIN, "only %d requests" % count)
    check(len(allowed) <= DIFFERENCES_MAX, "%d intended differences" % len(allowed))
    check(not [line for line in allowed if re.search("memory-blocks", line)],
          "a memory command differs")


def run(lab):
    port = lab.temp_path("qga.sock")
    with Guest(lab, config=CONFIG, files=guest_agent.files(lab.platform), append=APPEND,
               arguments=guest_agent.arguments(port)) as guest:
        dimm = guest.plug("256M")
        guest.wait_blocks(dimm["addr"], dimm["size"], "offline")
        guest.sh(guest_agent.start_script())
        compare(guest, dimm, [Peer("qemu-ga", port),
                              Peer("memonlined", guest.channel_path())])
