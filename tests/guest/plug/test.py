# SPDX-License-Identifier: GPL-2.0-or-later
"""512 MiB plugged while the guest runs are online and reported once (udev events).

Guest and host see the same: the guest's own MemTotal, one report that covers the DIMM,
memonlinectl in the guest and over the host's socket. On each kind of machine.
"""

from lab import Guest, check, expect, host

INSTALLED = True


def on_machine(lab, machine):
    with Guest(lab, name=machine, machine=machine) as guest:
        before = guest.memory_kib()
        with guest.channel() as channel:
            dimm = guest.plug("512M")
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


def run(lab):
    for machine in lab.machines():
        on_machine(lab, machine)
