# SPDX-License-Identifier: GPL-2.0-or-later
"""What several scenarios expect of one DIMM and its report."""

import collections
import json
import re
import time

from .machine import size_bytes
from .scenario import check, equal

RANGE_MEMBERS = {"start", "size", "node", "from", "to", "requested", "zone", "result", "errno",
                 "reason"}
REPORT_MEMBERS = {"instance", "seq", "ranges", "elapsed-usec"}

# On the console, by itself or by way of the journal.
LOGGED = re.compile(r"memonlined(\[\d+\])?: ")


def one_range(report, dimm, **wanted):
    """The report has this whole DIMM in one range, brought online."""
    check(REPORT_MEMBERS <= set(report), "members of the report: %s" % sorted(report))
    check(report["elapsed-usec"] > 0, "elapsed-usec is %r" % report["elapsed-usec"])
    equal(len(report["ranges"]), 1, "ranges in the report")
    found = report["ranges"][0]
    check(RANGE_MEMBERS <= set(found), "members of the range: %s" % sorted(found))
    wanted = dict({"start": dimm["addr"], "size": dimm["size"], "node": dimm["node"],
                   "from": "offline", "to": "online", "requested": "online", "zone": "Normal",
                   "result": "success", "errno": 0}, **wanted)
    for member, value in wanted.items():
        equal(found[member], value, "the range's " + member)
    check(found["reason"], "the range has no reason")


def by_kernel(report, dimm, zone="Normal"):
    """The kernel brought this DIMM online; the agent may have scanned when it was half done."""
    ranges = report["ranges"]
    equal(sum(part["size"] for part in ranges), dimm["size"], "bytes reported: %s" % ranges)
    equal({(part["to"], part["zone"], part["requested"], part["result"], part["reason"])
           for part in ranges}, {("online", zone, "none", "success", "onlined-by-kernel")},
          "what the kernel did: %s" % ranges)


def told_once(guest, dimm, since, deadline=60):
    """Reports after this number have every block of the DIMM, each once, as brought online."""
    unit = guest.block_bytes()
    blocks = range(dimm["addr"] // unit, (dimm["addr"] + dimm["size"]) // unit)
    until = time.monotonic() + deadline
    while True:
        told = collections.Counter()
        for report in guest.ctl_json("reports --json --since %d" % since)["reports"]:
            for found in report["ranges"]:
                equal((found["to"], found["result"]), ("online", "success"), "a range")
                first = found["start"] // unit
                told.update(range(first, first + found["size"] // unit))
        # The blocks may be online before the last event, and before its report is made.
        if set(told) >= set(blocks) or time.monotonic() >= until:
            return equal(told, collections.Counter(blocks), "reports of each block")
        time.sleep(0.2)


def spent(guest):
    """(context switches, ticks of processor time, lines of log) of the agent so far."""
    text = guest.sh("pid=$(pidof memonlined) && grep -h ctxt_switches /proc/$pid/status && "
                    "cat /proc/$pid/stat")
    lines = text.splitlines()
    ticks = lines[2].rpartition(")")[2].split()
    with open(guest.log, errors="replace") as log:
        logged = sum(bool(LOGGED.search(line)) for line in log)
    return sum(int(line.split()[1]) for line in lines[:2]), int(ticks[11]) + int(ticks[12]), logged


def sleeps(guest, seconds=5, switches=3, lines=1):
    """In that time it wakes no more than so often, and writes no more than so many lines.

    One that polls has hundreds of context switches; a few may come from what else the guest does.
    """
    guest.settle()
    before = spent(guest)
    guest.sh("sleep %d" % seconds)
    woken, ticks, logged = (after - old for after, old in zip(spent(guest), before))
    check(woken <= switches, "%d context switches in %d idle seconds" % (woken, seconds))
    check(ticks <= switches, "%d ticks of processor time in %d idle seconds" % (ticks, seconds))
    check(logged <= lines, "%d lines of log in %d idle seconds" % (logged, seconds))


def host_gone(guest):
    """Until the guest's kernel knows that the host has left, and the agent waits for none."""
    guest.until("port=$(basename $(readlink -f /dev/virtio-ports/org.memonline.agent.0)) && "
                "grep -q 'host_connected: 0' /sys/kernel/debug/virtio-ports/$port")
    guest.sh("sleep 2")


def no_report(guest, channel):
    guest.settle()
    equal(channel.reports_waiting(), 0, "reports where nothing was to be done")


def in_zone(guest, dimm, zone, before):
    """Blocks and zone totals agree; `before` is guest.present_bytes() without the DIMM."""
    equal(set(guest.zones(dimm)), {zone}, "zones of the DIMM's blocks")
    grown_by = guest.present_bytes().get(zone, 0) - before.get(zone, 0)
    equal(grown_by, dimm["size"], "bytes that zone %s grew by" % zone)


def reason_of(channel, dimm):
    """The one reason that all blocks of a DIMM have."""
    found = {part["reason"] for part in channel.request("memonline-get-ranges")
             if dimm["addr"] <= part["start"] < dimm["addr"] + dimm["size"]}
    equal(len(found), 1, "reasons of the DIMM's blocks: %s" % sorted(found))
    return found.pop()


def only_report(guest, channel, dimm, **wanted):
    """Takes the one report of this DIMM from the channel; there is no other.

    Where the kernel has what the policy says as its own default, it was the kernel's work.
    """
    report = channel.report()
    if guest.auto_online() == "offline":
        one_range(report, dimm, **wanted)
    else:
        by_kernel(report, dimm, wanted.get("zone", "Normal"))
    guest.settle()
    equal(channel.reports_waiting(), 0, "reports beside the one expected")
    kept = channel.request("memonline-get-reports", since=0)
    equal([old["seq"] for old in kept["reports"]], [report["seq"]], "reports in the journal")
    equal(kept["lost"], 0, "reports lost")
    return report


def all_online(guest, dimm):
    guest.wait_blocks(dimm["addr"], dimm["size"], "online")


def grown(guest, before_kib, size):
    equal(guest.memory_kib() - before_kib, size_bytes(size) // 1024, "KiB that MemTotal grew by")


def source(channel, name):
    equal(channel.request("memonline-status")["source"], name, "source of events")


def address_range(dimm):
    """As memonlinectl and lsmem write it."""
    return "0x%016x-0x%016x" % (dimm["addr"], dimm["addr"] + dimm["size"] - 1)


def listed(text, dimm):
    """memonlinectl list --json --bytes shows the DIMM as one online range."""
    rows = [row for row in json.loads(text)["memory"] if row["range"] == address_range(dimm)]
    equal(len(rows), 1, "rows for the DIMM in %s" % text)
    equal((rows[0]["size"], rows[0]["state"]), (dimm["size"], "online"), "the DIMM's row")
