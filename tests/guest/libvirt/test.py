# SPDX-License-Identifier: GPL-2.0-or-later
"""virsh attach-device --live: the guest grows, and the host reads so from libvirt's channel.

virt-memonline, on the host and not as root, finds that channel by itself and compares libvirt's
devices with the guest's blocks.
"""

import json

from lab import equal, expect, host
from lab.libvirt import Domain, Libvirt
from lab.machine import AGENT_PORT

NEEDS = ("libvirt",)
INSTALLED = "its guest is of libvirt; cold-port and under-unit have installed ones of libvirt"
CONFIG = "[memonlined]\npolicy = online_movable\n"
MOVABLE = {"requested": "online_movable", "zone": "Movable"}
PARTLY = 64


def verdict(libvirt, guest, code):
    devices = json.loads(libvirt.virt("show", "-J", guest.name, code=code))["devices"]
    equal(len(devices), 1, "devices: %s" % devices)
    return [devices[0][name] for name in ("verdict", "cause", "online", "removable")]


def by_domain(libvirt, guest, dimm, socket):
    size, unit = dimm["size"], guest.block_bytes()
    first = dimm["addr"] // unit
    equal(verdict(libvirt, guest, 0), ["complete", "none", size, "yes"], "all online")
    said = host.ctl("--socket", socket, "offline", str(first))
    equal(said.splitlines()[-1], "offline: done", "result of the offline")
    guest.wait_blocks(dimm["addr"], unit, "offline")
    equal(verdict(libvirt, guest, PARTLY), ["partial", "asked", size - unit, "yes"],
          "a block offline")
    said = host.ctl("--socket", socket, "online", expect.address_range(dimm), "--word",
                    "online_movable")
    equal(said.splitlines()[-1], "online: done", "result of the online")
    equal(verdict(libvirt, guest, 0), ["complete", "none", size, "yes"], "online again")
    libvirt.virt("unplug", guest.name, str(size))
    equal(json.loads(libvirt.virt("show", "-J", guest.name))["devices"], [], "devices")


def run(lab):
    with Libvirt(lab) as libvirt:
        guest = Domain(libvirt, lab, config=CONFIG)
        before = guest.memory_kib()
        with guest.channel() as channel:
            dimm = guest.plug(512)
            expect.all_online(guest, dimm)
            expect.grown(guest, before, "512M")
            expect.only_report(guest, channel, dimm, **MOVABLE)
        socket = guest.socket(AGENT_PORT)
        expect.listed(host.ctl("--socket", socket, "list", "--json", "--bytes"), dimm)
        by_domain(libvirt, guest, dimm, socket)
