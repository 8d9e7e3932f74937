# SPDX-License-Identifier: GPL-2.0-or-later
"""Three DIMMs of different sizes at boot, nobody on the channel: all their memory is back.

QEMU's controller names them. An empty slot is not touched; a DIMM plugged while the registers are
read is found by the next `memonlinectl probe`, and is online once.
"""

import threading

from lab import blind, equal, expect

LIMIT = 1800
INSTALLED = "its kernel is too small for systemd"
CONFIG = "[probe]\nmode = controller\n"
SIZES = ("128M", "512M", "256M")


def online_once(guest, dimm):
    """All of it was reported, and no part twice."""
    told = [part for part in blind.told_online(guest)
            if dimm["addr"] <= part[0] < dimm["addr"] + dimm["size"]]
    equal(len(told), len(set(told)), "parts reported: %s" % told)
    equal(sum(size for _, size in told), dimm["size"], "bytes reported")


def run(lab):
    with blind.guest(lab, dimms=SIZES, config=CONFIG) as guest:
        dimms = list(guest.dimms().values())
        for dimm in dimms:
            expect.all_online(guest, dimm)
        guest.until("memonlinectl probe </dev/null")
        for dimm in dimms:
            online_once(guest, dimm)
        high = guest.blocks(4 << 30)
        equal(len(high), sum(dimm["size"] for dimm in dimms) // (128 << 20), "blocks above 4 GiB")
        guest.sh("while :; do memonlinectl probe </dev/null >/dev/null; "
                 "[ -e /tmp/enough ] && break; done >/dev/null 2>&1 &")
        plugged = []
        plugger = threading.Thread(target=lambda: plugged.append(guest.plug("128M")))
        plugger.start()
        plugger.join()
        guest.sh("touch /tmp/enough")
        (late,) = plugged
        guest.until("memonlinectl probe </dev/null")
        expect.all_online(guest, late)
        online_once(guest, late)
        equal(len(guest.blocks(4 << 30)), len(high) + 1, "blocks in the end")
        blind.lives(guest)
