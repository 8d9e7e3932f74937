# SPDX-License-Identifier: GPL-2.0-or-later
"""A stock rule that onlines memory is inactive while memonlined runs, one in /etc is named.

20 DIMMs, policy online_movable, a rule below /usr/lib that would make each of them ZONE_NORMAL:
every block is movable, and every report is about our own write.
"""

from lab import check, equal, expect
from lab.distribution import CONFIG_FILE, STOCK_RULE, STOCK_RULES, Distribution
from lab.libvirt import Libvirt

NEEDS = ("libvirt", "distribution", "deb")
FULL = True
LIMIT = 1500
INSTALLED = "its guests have the package installed as it is"

DIMMS = 20
IN_ETC = "/etc/udev/rules.d/70-mine.rules"
RULE = b'SUBSYSTEM=="memory", ACTION=="add", ATTR{state}="online"\n'


def all_movable(guest, dimms):
    unit = guest.block_bytes()
    for dimm in dimms:
        for block in range(dimm["addr"] // unit, (dimm["addr"] + dimm["size"]) // unit):
            path = "/sys/devices/system/memory/memory%d/" % block
            equal(guest.read(path + "valid_zones"), "Movable", "zone of block %d" % block)


def run(lab):
    files = {STOCK_RULE: STOCK_RULES,
             CONFIG_FILE: b"[memonlined]\npolicy = online_movable\n"}
    with Libvirt(lab) as libvirt, Distribution(libvirt, lab, files=files) as guest:
        guest.install_agent()
        check("Racing rule" not in guest.ctl("status"), "an inactive rule is named")
        with guest.channel() as channel:
            dimms = [guest.plug(128) for _ in range(DIMMS)]
            for dimm in dimms:
                expect.all_online(guest, dimm)
            reports = guest.ctl_json("reports --json")["reports"]
            ranges = [found for report in reports for found in report["ranges"]]
            equal(sum(found["size"] for found in ranges), DIMMS << 27, "bytes reported")
            for found in ranges:
                equal((found["from"], found["requested"], found["result"], found["zone"]),
                      ("offline", "online_movable", "success", "Movable"), "a range")
        all_movable(guest, dimms)

        guest.put(IN_ETC, RULE)
        guest.sh("systemctl restart memonline-rules memonlined")
        guest.wait_daemon()
        check("Racing rule:      %s\n" % IN_ETC in guest.ctl("status"), guest.ctl("status"))
        guest.sh("rm " + IN_ETC)

        # Out of the way, the rules are as they were.
        guest.sh("systemctl stop memonlined")
        guest.until("[ ! -e /run/udev/rules.d/%s ]" % STOCK_RULE.rpartition("/")[2])
        expect.all_online(guest, guest.plug(128))
