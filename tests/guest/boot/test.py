# SPDX-License-Identifier: GPL-2.0-or-later
"""A DIMM that is present when the guest boots is brought online by the scan at start."""

from lab import Guest, equal, expect


def run(lab):
    with Guest(lab, dimms=["512M"]) as guest, guest.channel() as channel:
        dimm = guest.dimms()["dimm1"]
        expect.all_online(guest, dimm)
        expect.only_report(guest, channel, dimm)
        equal(set(guest.blocks().values()), {"online"}, "states of all blocks")
