# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody takes a block offline whose pages are pinned: no other write comes back until he ends.

The pages of a file in tmpfs that a full pipe holds can neither move nor be given up, so the kernel
tries for ever, and holds the lock that every write to a `state` needs. Meanwhile the agent, the
one that was there and one that is started, answers, and says what it waits for. Once the pipe is
gone, all other memory comes online, each block reported once, and the operator's block stays off.
"""

import time

from lab import Guest, check, equal, expect

MOVABLE = "[memonlined]\npolicy = online_movable\n"
PINNED = "/mnt/pinned"
# For longer than the agent needs to see that its write does not come back.
PATIENCE_SEC = 60


def state_of(block):
    return "/sys/devices/system/memory/memory%d/state" % block


def pin(guest, block):
    """Nobody reads the pipe. ZONE_MOVABLE, which is this block, is where the file's pages are."""
    guest.sh("mkdir -p /mnt && mount -t tmpfs none /mnt && "
             "dd if=/dev/zero of=%s bs=64k count=64 2>/dev/null" % PINNED)
    guest.sh("(cat %s | sleep 100000) </dev/null >/dev/null 2>&1 & "
             "until pidof sleep >/run/pin; do :; done" % PINNED)
    time.sleep(1)
    guest.sh("echo offline >%s 2>/dev/null & echo $! >/run/operator" % state_of(block))
    guest.until("grep going-offline " + state_of(block))


def still_going(guest, block):
    equal(guest.read(state_of(block)), "going-offline", "state of the pinned block")


def held_up(guest, channel, block, dimm):
    """Answers come all the while; soon they say what the agent waits for."""
    end = time.monotonic() + PATIENCE_SEC
    found = None
    while not found:
        check(time.monotonic() < end, "no answer shows a write that is held up")
        found = channel.request("memonline-status", deadline=PATIENCE_SEC).get("held-up")
        time.sleep(0.2)
    unit = guest.block_bytes()
    first = dimm["addr"] // unit
    check(first <= found["phys-index"] < first + dimm["size"] // unit, found)
    equal(found["word"], "online_movable", "word that is held up: %s" % found)
    equal(found["going-offline"], block, "block that it waits for: %s" % found)
    facts = channel.request("memonline-explain", **{"phys-index": found["phys-index"]})["facts"]
    check(any(fact["name"] == "held-up" for fact in facts), "facts: %s" % facts)
    check("memory%d is being taken offline" % block in guest.ctl("status"), "status of ctl")
    still_going(guest, block)


def reported_once(guest, dimm):
    """Other reports of the operator's block."""
    end = time.monotonic() + PATIENCE_SEC
    size = 0
    while not size:
        check(time.monotonic() < end, "the DIMM that waited is not reported")
        reports = guest.ctl_json("reports --json")["reports"]
        ranges = [part for report in reports for part in report["ranges"]
                  if part["start"] >= dimm["addr"]]
        size = sum(part["size"] for part in ranges)
        time.sleep(0.2)
    equal({(part["to"], part["result"], part["zone"]) for part in ranges},
          {("online", "success", "Movable")}, "reports: %s" % ranges)
    equal(size, dimm["size"], "bytes reported: %s" % ranges)


def plug_unseen(guest, size):
    """Its blocks are there before the lock is taken, and nobody has written to them."""
    guest.sh("kill -STOP $(pidof memonlined)")
    dimm = guest.plug(size)
    guest.wait_blocks(dimm["addr"], dimm["size"], "offline")
    return dimm


def run(lab):
    with Guest(lab, config=MOVABLE) as guest:
        with guest.channel() as channel:
            first = guest.plug(guest.block_bytes())
            block = first["addr"] // guest.block_bytes()
            expect.one_range(channel.report(), first, requested="online_movable", zone="Movable")
            second = plug_unseen(guest, "512M")
            pin(guest, block)
            guest.sh("kill -CONT $(pidof memonlined)")
            held_up(guest, channel, block, second)
        # Killed in its write, and started while the lock is still held.
        guest.stop_daemon("KILL")
        guest.start_daemon()
        with guest.channel() as channel:
            held_up(guest, channel, block, second)
            guest.sh("kill $(cat /run/pin)")
            expect.all_online(guest, second)
            guest.wait_blocks(first["addr"], first["size"], "offline")
            reported_once(guest, second)
            status = channel.request("memonline-status")
            check("held-up" not in status, "held up for ever: %s" % status)
            equal(guest.read(state_of(block)), "offline", "the operator's block")
