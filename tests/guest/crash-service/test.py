# SPDX-License-Identifier: GPL-2.0-or-later
"""SIGKILL amid 64 blocks: none lost, none reported twice; killed for good: rules are back.

systemd starts the daemon again, and no rule is active meanwhile; at the start limit it gives
up, and what is plugged then, or was before and is not online yet, is the rules' work.
"""

import collections
import time

from lab import check, equal, expect
from lab.distribution import CONFIG_FILE, STOCK_RULE, STOCK_RULES, Distribution
from lab.libvirt import Libvirt
from lab.stream import Timeout

NEEDS = ("libvirt", "distribution", "deb")
FULL = True
LIMIT = 1500
INSTALLED = "its guests have the package installed as it is"

MEBIBYTES = 8192
# systemd gives up after so many starts within ten seconds, and a busy machine is slower than that.
LIMITS = "/etc/systemd/system/memonlined.service.d/lab.conf"
ANY_TIME = b"[Unit]\nStartLimitIntervalSec=1h\n"
KILL = "systemctl kill --kill-who=main -s KILL memonlined"


# Nothing but what the shell does itself: an emulated processor starts no program in time.
KILLER = """\
cd /sys/devices/system/memory
while ! { read -r word <memory%d/state && [ "$word" = online ]; } 2>/dev/null; do :; done
kill -KILL %s
online=0
for block in $(seq %d %d); do
	if read -r word <memory$block/state && [ "$word" = online ]; then online=$((online + 1)); fi
done
echo $online >/run/online-when-killed
"""


def kill_within_next(guest):
    """In the middle of the first DIMM's blocks, which lie from 4 GiB on."""
    first = (4 << 30) // guest.block_bytes()
    count = (MEBIBYTES << 20) // guest.block_bytes()
    pid = guest.sh("systemctl show -p MainPID --value memonlined").strip()
    guest.put("/run/killer", (KILLER % (first + count // 4, pid, first,
                                        first + count - 1)).encode())
    guest.sh("setsid sh /run/killer >/dev/null 2>&1 </dev/null &")


def was_killed_within(guest):
    online = int(guest.until("cat /run/online-when-killed"))
    check(0 < online < (MEBIBYTES << 20) // guest.block_bytes(),
          "%d blocks were online when the daemon was killed" % online)


def each_once(guest, dimm):
    unit = guest.block_bytes()
    told = collections.Counter()
    for report in guest.ctl_json("reports --json")["reports"]:
        for found in report["ranges"]:
            equal((found["to"], found["result"]), ("online", "success"), "a range")
            for block in range(found["start"] // unit, (found["start"] + found["size"]) // unit):
                told[block] += 1
    blocks = range(dimm["addr"] // unit, (dimm["addr"] + dimm["size"]) // unit)
    equal(told, collections.Counter(blocks), "reports of each block")


def kill_for_good(guest, deadline=600):
    until = time.monotonic() + deadline
    while guest.run("systemctl is-failed memonlined").text.strip() != "failed":
        guest.run(KILL)
        if time.monotonic() >= until:
            raise Timeout("systemd starts it again and again")


def run(lab):
    files = {STOCK_RULE: STOCK_RULES,
             CONFIG_FILE: b"[memonlined]\npolicy = online_movable\n",
             LIMITS: ANY_TIME}
    with Libvirt(lab) as libvirt, Distribution(libvirt, lab, files=files) as guest:
        guest.install_agent()
        kill_within_next(guest)
        dimm = guest.plug(MEBIBYTES)
        was_killed_within(guest)
        guest.sh("[ -e /run/memonline/agent-onlines ]")
        expect.all_online(guest, dimm)
        guest.wait_daemon()
        guest.until("! systemctl is-active memonline-failed")
        each_once(guest, dimm)
        # The rule would have made them ZONE_NORMAL.
        zones = guest.sh("cat /sys/devices/system/memory/memory*/valid_zones")
        equal(zones.count("Movable"), dimm["size"] // guest.block_bytes(), "movable blocks")

        second = guest.plug(512)
        kill_for_good(guest)
        third = guest.plug(512)
        for one in (second, third):
            expect.all_online(guest, one)
        guest.sh("[ ! -e /run/memonline/agent-onlines ] && ! ls /run/udev/rules.d/*.rules")
        guest.sh("systemctl reset-failed memonlined && systemctl start memonlined")
        guest.wait_daemon()
        check(expect.address_range(third) in guest.ctl("reports"), "no report of the third")
