# SPDX-License-Identifier: GPL-2.0-or-later
"""Memory plugged before the agent starts is brought online when it does, and is reported."""

from lab import Guest, equal, expect


def run(lab):
    with Guest(lab, daemon=False) as guest:
        before = guest.memory_kib()
        dimm = guest.plug("512M")
        blocks = guest.wait_blocks(dimm["addr"], dimm["size"])
        guest.settle()
        equal(guest.blocks(dimm["addr"]), dict.fromkeys(blocks, "offline"),
              "blocks before the agent starts")
        guest.start_daemon()
        with guest.channel() as channel:
            expect.all_online(guest, dimm)
            expect.grown(guest, before, "512M")
            expect.only_report(guest, channel, dimm)
