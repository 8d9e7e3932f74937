# SPDX-License-Identifier: GPL-2.0-or-later
"""virt-memonline autoscale: a guest whose load grows lives, and gives back what it was given.

Anonymous memory grows from half a GiB to three in a guest of 1 GiB. Without the loop the same load
is killed. With it, by virtio-mem and by DIMMs, nothing is killed, the guest grows in at least three
steps, each of which it has online before the next begins, and when the load has gone it shrinks to
within a step of its size before.
"""

import json
import re
import time

from lab import check, equal, hunger
from lab.libvirt import Domain, Libvirt

NEEDS = ("libvirt",)
INSTALLED = "its guest is of libvirt; cold-port and under-unit have installed ones of libvirt"
LIMIT = 3600
GUEST_CONFIG = "[memonlined]\npolicy = online_movable\n"
MIB = 1 << 20
STEP = 256
BOOT, LOAD_FIRST, LOAD_LAST = 1024, 512, 3072  # MiB
CONFIG = """\
[host]
reserve-soft = 0
reserve-hard = 0
[domain *]
model = %s
max = 8G
step = 256M
headroom = 20%%
headroom-min = 192M
shrink-cool-down = 2s
calm = 5s
keep = 10s
confirm = 60s
"""
VIRTIO_MEM = """\
    <memory model='virtio-mem'><target><size unit='GiB'>7</size><node>0</node>
    <block unit='MiB'>2</block><requested unit='MiB'>0</requested></target>
    <alias name='ua-vm'/></memory>"""
LOAD = "/lab/load"
# It takes FIRST MiB at once and another 4 for each line that is fed to it, and holds them.
FILES = {LOAD: (b"""\
#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# load FIRST LAST: mebibytes
rm -f /run/fed && mkfifo /run/fed
(while echo; do sleep 0.25; done >/run/fed) 2>/dev/null &
exec awk -v first="$1" -v last="$2" 'BEGIN {
	mebibyte = sprintf("%1048576s", "")
	while (i < last && (i < first || (getline <"/run/fed") > 0))
		for (n = 0; n < 4; n++)
			held[i++] = mebibyte i
	print "" >"/run/all-held"
	close("/run/all-held")
	while ((getline <"/run/fed") > 0)
		;
}'
""", 0o755)}


def start_load(guest):
    guest.sh("rm -f /run/all-held; setsid %s %d %d </dev/null >/dev/null 2>&1 & echo $! >/run/load"
             % (LOAD, LOAD_FIRST, LOAD_LAST))


def load_is_there(guest):
    return guest.sh("kill -0 $(cat /run/load) 2>/dev/null && echo yes || echo no").strip() == "yes"


def wait_held(guest, deadline):
    end = time.monotonic() + deadline
    while guest.sh("test -e /run/all-held && echo yes || echo no").strip() != "yes":
        check(load_is_there(guest), "the load was killed")
        check(time.monotonic() < end, "the load is not all there in time")
        time.sleep(2)


def status(libvirt, state):
    said = libvirt.virt("autoscale", "--status", "-J", "-b", "--state", state)
    [domain] = json.loads(said[said.index("{"):])["domains"]
    return domain


def wait_small(libvirt, state, deadline):
    end = time.monotonic() + deadline
    while True:
        now = status(libvirt, state)
        if now["given"] <= (BOOT + STEP) * MIB:
            return
        check(time.monotonic() < end, "it has not shrunk: %s" % now)
        time.sleep(2)


def check_steps(log, name):
    """Of the log: each growth is done, and confirmed before the next one."""
    lines = [line.split("domain %s: " % name)[1] for line in log.splitlines()
             if "domain %s: " % name in line]
    grown = 0
    for at, line in enumerate(lines):
        if not re.match(r"growing, grow ", line):
            continue
        rest = [other for other in lines[at + 1:] if not other.startswith("grow ")]
        check(rest and rest[0].startswith("confirming"), "after %r: %s" % (line, rest[:2]))
        check(len(rest) > 1 and rest[1].startswith(("steady", "calm", "growing")),
              "after %r: %s" % (line, rest[:3]))
        grown += 1
    check(grown >= 3, "it has grown %d times: %s" % (grown, log))
    check("refused" not in log and "not-confirmed" not in log, log)


def without(guest):
    """The load that follows is too much for the guest as it is."""
    before = hunger.kills(guest)
    start_load(guest)
    guest.until("! kill -0 $(cat /run/load) 2>/dev/null", 600)
    check(hunger.kills(guest) > before, "the load ended without the OOM killer")


def elastic(libvirt, guest, model):
    config = libvirt.write("autoscale-%s.conf" % model, CONFIG % model)
    state = libvirt.path("autoscale-%s" % model)
    kills = hunger.kills(guest)
    service = libvirt.virt_begin("autoscale", "--config", config, "--state", state)
    try:
        start_load(guest)
        wait_held(guest, 900)
        grown = status(libvirt, state)
        check(grown["given"] >= LOAD_LAST * MIB, "it has the load, and: %s" % grown)
        guest.sh("kill -9 $(cat /run/load)")
        wait_small(libvirt, state, 600)
    finally:
        service.terminate()
        log = service.communicate(timeout=120)[0]
        with open(guest.lab_log, "w") as out:
            out.write(log)
    equal(service.returncode, 0, "exit code of autoscale: " + log)
    equal(hunger.kills(guest), kills, "OOM kills")
    check_steps(log, guest.name)


def run(lab):
    with Libvirt(lab) as libvirt:
        for model, devices in (("virtio-mem", VIRTIO_MEM), ("dimm", "")):
            guest = Domain(libvirt, lab, name=model, config=GUEST_CONFIG, files=FILES,
                           modules=("virtio_mem",), devices=devices)
            guest.lab_log = lab.log_path("autoscale-%s.log" % model)
            without(guest)
            elastic(libvirt, guest, model)
            libvirt.virsh("destroy", guest.name)
