# SPDX-License-Identifier: GPL-2.0-or-later
"""The reports played through, block by block: do they have what happened, once and in order?

A report begins where the one before it on that block ended, also one that a new agent makes of
what others did before it started. Only where a block went and another took its number, and no agent
could see that, one report may not join. One that was online may be reported as online again where
the kernel, which could not take all of a DIMM, brought it back into another zone.
"""

import collections

from lab import Failure

NEW = ("absent", "offline", "unreadable")


def same(known, state):
    """A block that comes is offline, and is reported with what is done with it."""
    return known == state or (known in NEW and state in NEW)


class Accounts:
    def __init__(self, unit):
        self.seq = 0
        self._unit = unit
        self._state = {}
        self._zone = {}
        self._excuses = collections.Counter()

    def unwatched(self, indices):
        """These blocks went, and it may be that no agent saw it."""
        self._excuses.update(indices)

    def settled(self):
        self._excuses.clear()

    def add(self, report):
        for found in report["ranges"]:
            first = found["start"] // self._unit
            for index in range(first, first + found["size"] // self._unit):
                self._change(index, found, report["seq"])
        self.seq = report["seq"]

    def _change(self, index, found, seq):
        known = self._state.get(index, "absent")
        joins = same(known, found["from"])
        # It may have been off and on again in a moment, which only another zone shows.
        moved = found["to"] == "online" and found["zone"] != self._zone.get(index)
        again = known == found["to"] and found["result"] == "success" and not moved
        if not joins or again:
            self._excuse(index, "report %d: memory%d %s -> %s (%s), but it was %s already" % (
                seq, index, found["from"], found["to"], found["reason"], known))
        self._state[index] = found["to"]
        self._zone[index] = found["zone"]

    def _excuse(self, index, what):
        if not self._excuses[index]:
            raise Failure(what)
        self._excuses[index] -= 1

    def missing(self, states):
        """What the reports do not account for: texts. `states` is {index: state}."""
        found = []
        for index in sorted(set(states) | set(self._state)):
            known, state = self._state.get(index, "absent"), states.get(index, "absent")
            if known != state:
                found.append("memory%d is %s, and the reports end with %s" % (index, state, known))
        return found
