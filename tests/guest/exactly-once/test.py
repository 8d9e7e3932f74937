# SPDX-License-Identifier: GPL-2.0-or-later
"""30 DIMMs, a host that leaves and comes back at random, an agent that is killed: each report once.

What a host drops are reports it had already, by (instance, seq). What is left must be one
report for each DIMM, numbered without a gap.
"""

import random
import time

from lab import Guest, check, equal
from lab.reports import Reader, whole

LIMIT = 1200
SEEDS = 1
INSTALLED = True
ROUNDS = 30
KILL_EVERY = 7
SIZE = "128M"


def one_round(guest, host, draw, number):
    channel = host.connect(guest)
    dimm = guest.plug(SIZE)
    host.listen(channel, draw.random() * 0.4)
    host.take(channel)
    channel.close()
    if number % KILL_EVERY == KILL_EVERY - 1:
        guest.stop_daemon("KILL")
        guest.start_daemon()
    return dimm


def drain(guest, host, count):
    """Until there are as many reports as the journal has."""
    channel = host.connect(guest)
    until = time.monotonic() + 120
    while len(host.reports) < count and time.monotonic() < until:
        host.listen(channel, 1)
    host.take(channel)
    kept = channel.request("memonline-get-reports", since=0)
    channel.close()
    return kept


def run(lab):
    draw = random.Random(lab.seed())
    host = Reader()
    with Guest(lab, slots=ROUNDS + 2) as guest:
        dimms = [one_round(guest, host, draw, number) for number in range(ROUNDS)]
        for dimm in dimms:
            guest.wait_blocks(dimm["addr"], dimm["size"], "online")
        kept = drain(guest, host, ROUNDS)
    whole(kept, host.reports)
    equal(len(host.reports), len(kept["reports"]), "reports read")
    starts = sorted(part["start"] for report in host.reports for part in report["ranges"])
    equal(starts, sorted(dimm["addr"] for dimm in dimms), "DIMMs reported")
    check(all(part["to"] == "online" for report in host.reports for part in report["ranges"]),
          "states: %s" % host.reports)
