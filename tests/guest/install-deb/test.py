# SPDX-License-Identifier: GPL-2.0-or-later
"""apt install, stop, start, purge in Debian 12: plugged memory is online, with and without the service.

A rule made by hand is set aside by the installation and back after the purge. The unit's
exposure as systemd-analyze has it, and what lintian says of the package, are checked, too.
"""

import glob
import os

from lab import check, distribution, equal, expect, host, lintian
from lab.distribution import Distribution
from lab.libvirt import Libvirt

NEEDS = ("libvirt", "distribution", "deb")
FULL = True
LIMIT = 1500
INSTALLED = "its guests have the package installed as it is"

BY_HAND = "/etc/udev/rules.d/99-hotplug-memory.rules"
RULE = b'ACTION=="add", SUBSYSTEM=="memory", ATTR{state}="online"\n'
EXPOSURE_MAX = 1.9  # with a port whose driver comes later


def no_lintian_finding():
    changes = glob.glob(os.path.join(os.path.dirname(distribution.deb()), "*.changes"))[0]
    lintian.no_finding(host.call(lintian.COMMAND.split() + [changes], 300))


def exposure(guest):
    text = guest.sh("systemd-analyze security --no-pager memonlined.service")
    level = float(text.split("memonlined.service: ")[1].split()[0])
    check(level <= EXPOSURE_MAX, "exposure %.1f\n%s" % (level, text))


def verified(guest):
    units = ("memonlined.service memonline-rules.service memonline-failed.service "
             "memonline-follow.path memonline-follow.service")
    equal(guest.sh("cd /lib/systemd/system && for unit in %s; do "
                   "systemd-analyze verify --man=no $PWD/$unit; done" % units), "",
          "what systemd-analyze verify says")


def stopped(guest):
    guest.sh("systemctl stop memonlined")
    guest.until("! systemctl -q is-active memonline-rules")
    guest.sh("[ ! -e /run/memonline/agent-onlines ]")


def taken_by_hand_stays(guest, dimm):
    """One block offline on purpose is nobody's business, neither at the stop nor at the start."""
    last = (dimm["addr"] + dimm["size"]) // guest.block_bytes() - 1
    guest.sh("echo offline >/sys/devices/system/memory/memory%d/state" % last)
    guest.settle()
    stopped(guest)
    guest.settle()
    equal(guest.read("/sys/devices/system/memory/memory%d/state" % last), "offline",
          "the block taken offline by hand, after the stop")
    return last


def run(lab):
    no_lintian_finding()
    with Libvirt(lab) as libvirt, Distribution(libvirt, lab, files={BY_HAND: RULE}) as guest:
        text = guest.install_agent()
        check("is kept as" in text, "nothing is said of the rule made by hand:\n" + text)
        guest.sh("[ ! -e %s ] && [ -e %s.memonline-saved ]" % (BY_HAND, BY_HAND))
        verified(guest)
        exposure(guest)
        with guest.channel() as channel:
            first = guest.plug(1024)
            expect.all_online(guest, first)
            expect.only_report(guest, channel, first)

            block = taken_by_hand_stays(guest, first)
            second = guest.plug(512)
            expect.all_online(guest, second)
            guest.sh("systemctl start memonlined")
            guest.wait_daemon()
            reports = guest.ctl("reports")
            check(expect.address_range(second) in reports,
                  "nothing of what came meanwhile in " + reports)
            guest.sh("echo online >/sys/devices/system/memory/memory%d/state" % block)
        guest.sh("DEBIAN_FRONTEND=noninteractive apt-get purge -y -q memonline 2>&1", 300)
        equal(guest.read(BY_HAND).encode() + b"\n", RULE, "the rule made by hand")
        guest.sh("! ls /run/udev/rules.d/*.rules %s.memonline-saved /etc/memonlined.conf "
                 "/run/memonline 2>/dev/null" % BY_HAND)
        third = guest.plug(512)
        expect.all_online(guest, third)
