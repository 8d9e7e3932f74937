# SPDX-License-Identifier: GPL-2.0-or-later
"""A DIMM that is present when the guest boots is brought online by the scan at start.

Unless the kernel does that by itself: then there is nothing left to do. On each kind of machine.
"""

from lab import Guest, equal, expect


def on_machine(lab, machine):
    with Guest(lab, name=machine, machine=machine, dimms=["512M"]) as guest, \
            guest.channel() as channel:
        dimm = guest.dimms()["dimm1"]
        expect.all_online(guest, dimm)
        if guest.onlines_itself():
            expect.no_report(guest, channel)
            equal(expect.reason_of(channel, dimm), "already-online", "reason")
        else:
            expect.only_report(guest, channel, dimm)
        equal(set(guest.blocks().values()), {"online"}, "states of all blocks")


def run(lab):
    for machine in lab.machines():
        on_machine(lab, machine)
