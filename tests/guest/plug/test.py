# SPDX-License-Identifier: GPL-2.0-or-later
"""512 MiB plugged while the guest runs are online and reported once (udev events).

Guest and host see the same: the guest's own MemTotal, one report that covers the DIMM,
memonlinectl in the guest and over the host's socket.
"""

from lab import Guest, check, equal, expect, host

INSTALLED = True


def run(lab):
    with Guest(lab) as guest:
        before = guest.memory_kib()
        with guest.channel() as channel:
            dimm = guest.plug("512M")
            equal(dimm["addr"], 0x100000000, "address of the DIMM")
            expect.all_online(guest, dimm)
            expect.grown(guest, before, "512M")
            expect.only_report(guest, channel, dimm)
            expect.source(channel, "udev")
        expect.listed(guest.ctl("list --json --bytes"), dimm)
        text = guest.ctl("list")
        check(expect.address_range(dimm) in text and "512M" in text,
              "memonlinectl list in the guest:\n" + text)
        socket = guest.channel_path()
        expect.listed(host.ctl("--socket", socket, "list", "--json", "--bytes"), dimm)
