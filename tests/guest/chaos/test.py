# SPDX-License-Identifier: GPL-2.0-or-later
"""200 steps drawn from a seed: killed, stopped, plugged, unplugged, refused, disconnected.

In the end, and on the way, every block is what the policy or an operator wanted; the reports are
numbered without a gap, pushed in order, and account for each change. The seed makes the same steps, as in the log, again.
"""

import random
import time

from accounts import Accounts
from lab import Failure, Guest, check, equal
from lab.reports import Reader, whole
from model import NODES, ONLINE, Model, choose_step
from steps import Steps

FULL = True
LIMIT = 1800
SEEDS = 3
STEP_COUNT = 200
CHECK_EVERY = 50
CONFIG = "[memonlined]\npolicy = online_movable\n"
MODULES = ("notifier_error_inject", "memory_notifier_error_inject")
PLUGGED_FROM = 1 << 32
OPERATORS = {"offlined-elsewhere", "asked"}
TELL_SEC = 60


def hot_plugged(states, unit):
    return {index: state for index, state in states.items() if index * unit >= PLUGGED_FROM}


def ranges_states(ranges, unit):
    return {index: found["state"] for found in ranges
            for index in range(found["start"] // unit, (found["start"] + found["size"]) // unit)}


def same_states(found, model, what):
    """Only what differs is printed."""
    wanted = {block.index: block.want for block in model.blocks()}
    found = hot_plugged(found, model.unit)
    wrong = ["memory%d is %s, not %s" % (index, found.get(index), wanted.get(index))
             for index in sorted(set(found) | set(wanted))
             if found.get(index) != wanted.get(index)]
    check(not wrong, "%s: %s" % (what, "; ".join(wrong)))


def check_states(guest, model, ranges):
    same_states(guest.blocks(), model, "blocks")
    same_states(ranges_states(ranges, model.unit), model, "ranges")
    for found in ranges:
        if found["state"] != ONLINE:
            check(found["reason"] in OPERATORS, "reason why it is offline: %s" % found)


def check_zones(guest, model):
    for dimm in model.dimms.values():
        for block, zone in zip(dimm.blocks, guest.zones({"addr": dimm.addr, "size": dimm.size})):
            check(block.want != ONLINE or zone in block.zones,
                  "memory%d is in zone %s, not in %s" % (block.index, zone, set(block.zones)))


def reports_since(channel, seq):
    return channel.request("memonline-get-reports", since=seq)["reports"]


def check_accounts(channel, accounts, states):
    """The last change is reported a moment later."""
    until = time.monotonic() + TELL_SEC
    while True:
        for report in reports_since(channel, accounts.seq):
            accounts.add(report)
        missing = accounts.missing(states)
        if not missing:
            return accounts.settled()
        check(time.monotonic() < until, "; ".join(missing))
        time.sleep(0.2)


def check_all(steps):
    """Everything settles, and is as it must be."""
    guest, model, reader = steps.guest, steps.model, steps.reader
    steps.settle()
    ranges = steps.channel.request("memonline-get-ranges")
    check_states(guest, model, ranges)
    check_zones(guest, model)
    check_accounts(steps.channel, steps.accounts,
                   {block.index: block.want for block in model.blocks()})
    steps.left.clear()
    steps.listen()
    kept = steps.channel.request("memonline-get-reports", since=0)
    reader.take(steps.channel)
    whole(kept, reader.reports)
    equal(len(reader.reports), len(kept["reports"]), "reports that were pushed")
    print("settled: %d DIMMs, %d blocks, %d reports" % (
        len(model.dimms), len(model.blocks()), len(kept["reports"])), flush=True)


def one_step(steps, seed, number):
    # Its own, so that the kernel's refusal of one step does not turn those after it.
    draw = random.Random("%d-%d" % (seed, number))
    kind = choose_step(draw, steps.model)
    print("step %d: %s" % (number, kind), flush=True)
    try:
        steps.make(kind, draw)
        if number % CHECK_EVERY == 0:
            check_all(steps)
    except Exception as error:
        raise Failure("seed %d, step %d, %s: %s: %s" % (
            seed, number, kind, type(error).__name__, error)) from error


def run(lab):
    seed = lab.seed()
    print("seed %d" % seed, flush=True)
    with Guest(lab, slots=64, nodes=NODES, config=CONFIG, modules=MODULES) as guest:
        model = Model(guest.block_bytes())
        steps = Steps(guest, model, Accounts(model.unit), Reader())
        steps.listen()
        for number in range(1, STEP_COUNT + 1):
            one_step(steps, seed, number)
