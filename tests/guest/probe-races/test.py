# SPDX-License-Identifier: GPL-2.0-or-later
"""A DIMM that ACPI adds while it is being probed: no failure, and nothing twice."""

import threading

from lab import blind, check, equal, expect

LIMIT = 1800
INSTALLED = "its kernel is too small for systemd"
ROUNDS = 4
SIZE = "256M"
# Too early, in between, and at the end: what was refused is there when it is asked again.
HARMLESS = {("refused", "more-than-populated"), ("refused", "not-in-controller"),
            ("refused", "controller-unreadable"), ("refused", "overlaps-resource"),
            ("refused", "block-exists"), ("present", "block-exists"), ("probed", "none")}


class Asking(threading.Thread):
    """Probes all that QEMU has, as fast as answers come, until it must stop."""

    def __init__(self, guest, channel):
        super().__init__()
        self._channel = channel
        self.devices = []
        self.answers = []
        self.error = None
        self.stopping = False
        self.start()

    def run(self):
        try:
            while not self.stopping:
                self.answers += self._channel.request("memonline-probe", devices=self.devices)
        except Exception as error:
            self.error = error


def plugged(guest, asking):
    """The address is known before: named at once, while ACPI is at it."""
    dimms = guest.dimms().values()
    start = max([dimm["addr"] + dimm["size"] for dimm in dimms] or [4 << 30])
    coming = blind.dimm(start, 256 << 20, id="coming")
    asking.devices = asking.devices + [coming]
    dimm = guest.plug(SIZE)
    equal(dimm["addr"], start, "where QEMU put it")
    return dimm


def run(lab):
    with blind.guest(lab, variant="both") as guest:
        with guest.channel() as channel:
            before = guest.memory_kib()
            asking = Asking(guest, channel)
            dimms = []
            for _ in range(ROUNDS):
                dimms.append(plugged(guest, asking))
                expect.all_online(guest, dimms[-1])
            asking.stopping = True
            asking.join(120)
            last = channel.request("memonline-probe", devices=asking.devices)
            equal({answer["verdict"] for answer in last}, {"present"}, "verdicts at the end")
            check(asking.error is None, "asking failed: %r" % asking.error)
        verdicts = {(answer["verdict"], answer["reason"]) for answer in asking.answers}
        print("answers: %d, %s" % (len(asking.answers), sorted(verdicts)))
        equal(verdicts - HARMLESS, set(), "answers")
        expect.grown(guest, before, ROUNDS * (256 << 20))
        told = blind.told_online(guest)
        equal(len(told), len(set(told)), "parts reported: %s" % told)
        equal(sum(size for _, size in told), ROUNDS * (256 << 20), "bytes reported")
        blind.lives(guest)
