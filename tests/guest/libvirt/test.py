# SPDX-License-Identifier: GPL-2.0-or-later
"""virsh attach-device --live: the guest grows, and the host reads so from libvirt's channel."""

from lab import expect, host
from lab.libvirt import Domain, Libvirt
from lab.machine import AGENT_PORT

NEEDS = ("libvirt",)


def run(lab):
    with Libvirt(lab) as libvirt:
        guest = Domain(libvirt, lab)
        before = guest.memory_kib()
        with guest.channel() as channel:
            dimm = guest.plug(512)
            expect.all_online(guest, dimm)
            expect.grown(guest, before, "512M")
            expect.only_report(guest, channel, dimm)
        socket = guest.socket(AGENT_PORT)
        expect.listed(host.ctl("--socket", socket, "list", "--json", "--bytes"), dimm)
