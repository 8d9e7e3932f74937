# SPDX-License-Identifier: GPL-2.0-or-later
"""Much memory: 64 GiB in one DIMM, 64 DIMMs in a row, 32768 blocks, four NUMA nodes.

Every block is online, the reports account for each, and the agent stays small.
"""

import os
import re
import subprocess
import sys

from lab import Guest, check, equal, expect, host, paths

FULL = True
LIMIT = 1500
PATIENCE = 600
MIB, GIB = 1 << 20, 1 << 30
ROW = 64
# The rest of its pages are the libraries'; blocks are 40 bytes each, answers go out in pieces.
RESIDENT_KIB = 12 << 10
NODES = """\
[memonlined]
policy = online
[node 1]
policy = online_movable
[node 2]
policy = keep
[node 3]
policy = online_kernel
"""
# Node, its policy's online type, zone and state; the last node has no memory at boot.
PLACES = ((0, "online", "Normal", "online"), (1, "online_movable", "Movable", "online"),
          (2, "none", None, "offline"), (3, "online_kernel", "Normal", "online"))


def resident_kib(guest):
    """At its highest."""
    found = int(re.search(r"VmHWM:\s+(\d+)", guest.sh(
        "cat /proc/$(cat /run/memonlined.pid)/status")).group(1))
    print("resident at its highest: %d KiB" % found)
    check(found < RESIDENT_KIB, "%d KiB resident at its highest" % found)


def has_blocks(channel, dimm):
    """guest-get-memory-blocks has each block of the DIMM, online."""
    blocks = channel.request("guest-get-memory-blocks", PATIENCE)
    print("guest-get-memory-blocks: %d blocks, %d bytes" % (len(blocks), len(channel.raw)))
    first, count = dimm["addr"] >> 27, dimm["size"] >> 27
    online = {block["phys-index"] for block in blocks if block["online"]}
    equal(online & set(range(first, first + count)), set(range(first, first + count)),
          "blocks online")


def huge(lab):
    """512 blocks of one DIMM; as many bytes of the host's are touched as describe them."""
    with Guest(lab, name="huge", memory="4G", maxmem="128G") as guest:
        before = guest.memory_kib()
        with guest.channel() as channel:
            dimm = guest.plug("64G")
            expect.one_range(channel.report(PATIENCE), dimm)
            expect.all_online(guest, dimm)
            expect.grown(guest, before, "64G")
            equal(channel.reports_waiting(), 0, "reports beside one")
            has_blocks(channel, dimm)
            expect.listed(guest.ctl("list --json --bytes"), dimm)
        expect.listed(host.ctl("--socket", guest.channel_path(), "list", "--json", "--bytes"),
                      dimm)
        equal(len(guest.ctl("list --all").splitlines()) > 512, True, "a line for each block")
        resident_kib(guest)


def take_reports(channel, wanted_bytes):
    """Reports until they cover so many bytes; none of them twice."""
    ranges, last = [], 0
    while sum(part["size"] for part in ranges) < wanted_bytes:
        report = channel.report(PATIENCE)
        check(report["seq"] > last, "report %d after %d" % (report["seq"], last))
        last = report["seq"]
        ranges += report["ranges"]
    return ranges


def row(lab):
    """Plugged as fast as QEMU takes them."""
    with Guest(lab, name="row", slots=ROW, maxmem="64G") as guest:
        before = guest.memory_kib()
        with guest.channel() as channel:
            dimms = [guest.plug("128M") for _ in range(ROW)]
            ranges = take_reports(channel, ROW * 128 * MIB)
            for part in ranges:
                equal((part["from"], part["to"], part["result"]), ("offline", "online", "success"),
                      "a range of %s" % part)
            told = sorted(address for part in ranges for address in
                          range(part["start"], part["start"] + part["size"], 128 * MIB))
            equal(told, sorted(dimm["addr"] for dimm in dimms), "addresses reported")
            guest.settle()
            equal(channel.reports_waiting(), 0, "reports of something else")
        guest.wait_blocks(dimms[0]["addr"], ROW * 128 * MIB, "online")
        expect.grown(guest, before, ROW * 128 * MIB)
        resident_kib(guest)


def node_arguments():
    """The guest's memory is of nodes 0 to 2, the last one is empty at boot."""
    arguments = []
    for node in range(3):
        arguments += ["-object", "memory-backend-ram,id=mem-node%d,size=512M" % node,
                      "-numa", "node,nodeid=%d,memdev=mem-node%d" % (node, node)]
    return arguments + ["-numa", "node,nodeid=3"]


def place(guest, channel, node, word, zone, state):
    dimm = guest.plug("256M", node=node)
    wanted = {"to": state, "requested": word, "node": node}
    if zone:
        wanted["zone"] = zone
    else:
        wanted.update({"from": "absent", "zone": "unknown", "reason": "policy-keep"})
    expect.one_range(channel.report(PATIENCE), dimm, **wanted)
    guest.wait_blocks(dimm["addr"], dimm["size"], state)
    if zone:
        equal(set(guest.zones(dimm)), {zone}, "zones of node %d" % node)
    found = [part for part in channel.request("memonline-get-ranges")
             if part["start"] == dimm["addr"]]
    equal([(part["node"], part["state"]) for part in found], [(node, state)], "its range")


def nodes(lab):
    with Guest(lab, name="nodes", memory="1536M", config=NODES, slots=8,
               arguments=node_arguments()) as guest:
        equal(guest.read("/sys/devices/system/node/has_memory"), "0-2", "nodes with memory at boot")
        with guest.channel() as channel:
            expect.source(channel, "udev")
            for node, word, zone, state in PLACES:
                place(guest, channel, node, word, zone, state)
        equal(guest.read("/sys/devices/system/node/has_memory"), "0-3", "nodes with memory")


def many_blocks():
    """On this machine, below a tree in /tmp."""
    program = os.path.join(paths.PROCESS, "large.py")
    status = subprocess.call([sys.executable, program], stdin=subprocess.DEVNULL,
                             env=dict(os.environ, MEMONLINE_BUILD=paths.programs()))
    equal(status, 0, "exit status of " + os.path.basename(program))


def run(lab):
    many_blocks()
    nodes(lab)
    row(lab)
    huge(lab)
