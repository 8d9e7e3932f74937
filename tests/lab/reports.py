# SPDX-License-Identifier: GPL-2.0-or-later
"""A host that must miss no report, as memonline-protocol(7), DELIVERY, asks for."""

import time

from .channel import REPORT
from .scenario import check, equal
from .stream import Timeout


HOSTS_BEFORE = 2


class Reader:
    """Reads what comes and keeps what is new, by (instance, seq).

    A host that follows another at once may be served as that one until the agent hears that it has
    left, and is then sent all that it subscribed to once more, from the first on.
    """

    def __init__(self):
        self.reports = []
        self._known = {}
        self._next = None  # the only number that may be pushed now; None: any may
        self._first = None  # after the one that was subscribed with
        self._again = 0  # how often all of them may begin again

    def last(self):
        return self.reports[-1]["seq"] if self.reports else 0

    def connect(self, guest):
        """A new connection on which every report after the last one comes, once and in order."""
        channel = guest.channel()
        self.subscribe(channel)
        return channel

    def subscribe(self, channel):
        """Also on a connection that another request left as it may be."""
        channel.sync()
        channel.request("memonline-subscribe", since=self.last())
        # Pushed before it was said how far we are: all of them come again.
        channel.events.clear()
        self._next = self._first = self.last() + 1
        self._again = HOSTS_BEFORE

    def unsure(self):
        """The agent or its port went: what it had sent may be lost, the next may send it again."""
        self._next = None

    def take(self, channel):
        """What has come by now."""
        while channel.events:
            event = channel.events.popleft()
            if event["event"] == REPORT:
                self._add(event["data"])

    def _add(self, data):
        equal(data["lost"], 0, "reports lost before one that was pushed")
        report = {key: value for key, value in data.items() if key != "lost"}
        if self._next is not None:
            if report["seq"] == self._first != self._next and self._again:
                self._next = self._first
                self._again -= 1
            equal(report["seq"], self._next, "number of the report that was pushed")
            self._next += 1
        elif report["seq"] > self.last() + 1:
            return  # the one before it was lost on the way: both come again
        key = (report["instance"], report["seq"])
        if key not in self._known:
            self.reports.append(report)
        equal(self._known.setdefault(key, report), report, "report %d, read again" % key[1])

    def listen(self, channel, seconds):
        until = time.monotonic() + seconds
        try:
            while True:
                channel.events.appendleft(channel.event(max(until - time.monotonic(), 0.01)))
                self.take(channel)
        except Timeout:
            pass


def whole(kept, read):
    """The journal lost nothing and numbers without a gap, and a host read the same."""
    reports = kept["reports"]
    equal(kept["lost"], 0, "reports lost")
    equal([report["seq"] for report in reports], list(range(1, len(reports) + 1)), "numbers")
    equal(kept["last-seq"], len(reports), "the newest number")
    check(len({report["instance"] for report in reports}) <= 1, "more than one instance")
    by_seq = {report["seq"]: report for report in reports}
    for report in read:
        found = {key: by_seq[report["seq"]][key] for key in report}
        equal(report, found, "report %d as pushed and as kept" % report["seq"])
