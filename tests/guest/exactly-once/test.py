# SPDX-License-Identifier: GPL-2.0-or-later
"""30 DIMMs, a host that leaves and comes back at random, an agent that is killed: each report once.

What a host drops are reports it had already, by (instance, seq). What is left must be one
report for each DIMM, numbered without a gap.
"""

import random
import time

from lab import Guest, Timeout, check, equal

LIMIT = 1200
SEEDS = 1
ROUNDS = 30
KILL_EVERY = 7
SIZE = "128M"


class Host:
    """Reads what comes and keeps what is new."""

    def __init__(self):
        self.reports = []
        self.seen = set()

    def last(self):
        return self.reports[-1]["seq"] if self.reports else 0

    def take(self, channel):
        while channel.events:
            self.add(channel.events.popleft()["data"])

    def add(self, report):
        key = (report["instance"], report["seq"])
        if key not in self.seen:
            self.seen.add(key)
            self.reports.append(report)

    def connect(self, guest):
        channel = guest.channel()
        channel.sync()
        channel.request("memonline-subscribe", since=self.last())
        return channel

    def listen(self, channel, seconds):
        until = time.monotonic() + seconds
        try:
            while True:
                self.add(channel.report(max(until - time.monotonic(), 0.01)))
        except Timeout:
            pass


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
    host = Host()
    with Guest(lab, slots=ROUNDS + 2) as guest:
        dimms = [one_round(guest, host, draw, number) for number in range(ROUNDS)]
        for dimm in dimms:
            guest.wait_blocks(dimm["addr"], dimm["size"], "online")
        kept = drain(guest, host, ROUNDS)
    equal(kept["lost"], 0, "reports lost")
    equal(len({report["instance"] for report in host.reports}), 1, "instances")
    equal([report["seq"] for report in host.reports], list(range(1, len(host.reports) + 1)),
          "numbers")
    starts = sorted(part["start"] for report in host.reports for part in report["ranges"])
    equal(starts, sorted(dimm["addr"] for dimm in dimms), "DIMMs reported")
    check(all(part["to"] == "online" for report in host.reports for part in report["ranges"]),
          "states: %s" % host.reports)
