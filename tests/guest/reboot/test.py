# SPDX-License-Identifier: GPL-2.0-or-later
"""A DIMM that is there at boot is online before multi-user.target, in the zone of the policy.

With a stock rule that would online it during udev's coldplug, into ZONE_NORMAL.
"""

from lab import equal, expect
from lab.distribution import CONFIG_FILE, STOCK_RULE, STOCK_RULES, Distribution
from lab.libvirt import Libvirt

NEEDS = ("libvirt", "distribution", "deb")
FULL = True
LIMIT = 1500
INSTALLED = "its guests have the package installed as it is"

SEEN = "/var/tmp/seen"
WITNESS = b"""\
[Unit]
After=sysinit.target
Before=multi-user.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c "cd /sys/devices/system/memory && grep -H . memory*/state >%s"
[Install]
WantedBy=multi-user.target
""" % SEEN.encode()


def run(lab):
    files = {STOCK_RULE: STOCK_RULES,
             CONFIG_FILE: b"[memonlined]\npolicy = online_movable\n",
             "/etc/systemd/system/witness.service": WITNESS}
    with Libvirt(lab) as libvirt, Distribution(libvirt, lab, files=files) as guest:
        guest.install_agent()
        guest.sh("systemctl enable witness.service 2>&1")
        dimm = guest.plug(1024)
        expect.all_online(guest, dimm)

        guest.reboot()
        guest.wait_daemon()
        first = dimm["addr"] // guest.block_bytes()
        blocks = range(first, first + dimm["size"] // guest.block_bytes())
        seen = set(guest.read(SEEN).split("\n"))
        for block in blocks:
            equal("memory%d/state:online" % block in seen, True,
                  "memory%d online before multi-user.target" % block)
            equal(guest.read("/sys/devices/system/memory/memory%d/valid_zones" % block),
                  "Movable", "zone of memory%d" % block)
        with guest.channel() as channel:
            expect.one_range(channel.report(), dimm, requested="online_movable", zone="Movable")
