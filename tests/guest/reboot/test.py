# SPDX-License-Identifier: GPL-2.0-or-later
"""A DIMM that is there at boot is online before what is sized by memory, in the policy's zone.

That is before systemd-sysctl.service, which makes huge pages, and multi-user.target; with a stock
rule that would online it during udev's coldplug, into ZONE_NORMAL.
"""

from lab import check, equal, expect
from lab.distribution import CONFIG_FILE, STOCK_RULE, STOCK_RULES, Distribution
from lab.libvirt import Libvirt

NEEDS = ("libvirt", "distribution", "deb")
FULL = True
LIMIT = 1500
INSTALLED = "its guests have the package installed as it is"

LOOK = '/bin/sh -c "cd /sys/devices/system/memory && grep -H . memory*/state >%s"'
SEEN = "/var/tmp/seen"
WITNESS = b"""\
[Unit]
After=sysinit.target
Before=multi-user.target
[Service]
Type=oneshot
ExecStart=%s
[Install]
WantedBy=multi-user.target
""" % (LOOK % SEEN).encode()
SEEN_BY_SYSCTL = "/run/seen-by-sysctl"
SYSCTL = b"[Service]\nExecStartPre=%s\n" % (LOOK % SEEN_BY_SYSCTL).encode()


def waits_for_no_tmp(guest):
    """It starts before file systems are mounted; PrivateTmp= would wait for two of them."""
    text = guest.sh("systemctl show -p After -p RequiresMountsFor memonlined memonline-rules")
    check("tmp" not in text, "what the services wait for: " + text)


def run(lab):
    files = {STOCK_RULE: STOCK_RULES,
             CONFIG_FILE: b"[memonlined]\npolicy = online_movable\n",
             "/etc/systemd/system/witness.service": WITNESS,
             "/etc/systemd/system/systemd-sysctl.service.d/lab.conf": SYSCTL}
    with Libvirt(lab) as libvirt, Distribution(libvirt, lab, files=files) as guest:
        guest.install_agent()
        guest.sh("systemctl enable witness.service 2>&1")
        waits_for_no_tmp(guest)
        dimm = guest.plug(1024)
        expect.all_online(guest, dimm)

        guest.reboot()
        guest.wait_daemon()
        first = dimm["addr"] // guest.block_bytes()
        blocks = range(first, first + dimm["size"] // guest.block_bytes())
        seen = {what: set(guest.read(path).split("\n")) for what, path in
                (("multi-user.target", SEEN), ("systemd-sysctl.service", SEEN_BY_SYSCTL))}
        for block in blocks:
            for what, states in seen.items():
                equal("memory%d/state:online" % block in states, True,
                      "memory%d online before %s" % (block, what))
            equal(guest.read("/sys/devices/system/memory/memory%d/valid_zones" % block),
                  "Movable", "zone of memory%d" % block)
        with guest.channel() as channel:
            expect.one_range(channel.report(), dimm, requested="online_movable", zone="Movable")
