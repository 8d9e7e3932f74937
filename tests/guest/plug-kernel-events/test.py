# SPDX-License-Identifier: GPL-2.0-or-later
"""Without udevd the agent hears of new memory from the kernel itself."""

from lab import Guest, equal, expect

INSTALLED = "an installed system has a udevd"


def run(lab):
    with Guest(lab, udev=False) as guest:
        before = guest.memory_kib()
        equal(guest.run("pidof systemd-udevd").status, 1, "status of looking for udevd")
        with guest.channel() as channel:
            dimm = guest.plug("512M")
            expect.all_online(guest, dimm)
            expect.grown(guest, before, "512M")
            expect.only_report(guest, channel, dimm)
            expect.source(channel, "kernel")
