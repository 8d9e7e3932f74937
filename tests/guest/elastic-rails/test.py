# SPDX-License-Identifier: GPL-2.0-or-later
"""virt-memonline autoscale within its rails, each with its reason in the log.

Two guests of 1 GiB want more than the host may give: together they never have more. autoscale is
killed and libvirtd restarted in the middle, and no memory is plugged twice. A guest that leaves its
memory offline loses it again. One that lies, and has nothing available for ever, gets no more than
its own maximum; and what it gets at a time is bounded by what its kernel's zones have free.
"""

import re
import threading
import time

from lab import check, equal
from lab.libvirt import Domain, Libvirt

NEEDS = ("libvirt",)
INSTALLED = "its guest is of libvirt; cold-port and under-unit have installed ones of libvirt"
LIMIT = 1500
GUEST_CONFIG = "/etc/memonlined.conf"
POLICY = "[memonlined]\npolicy = %s\n"
MIB = 1 << 20
STEP, BOOT, CAPACITY = 128, 1024, 2048 + 384  # MiB
CONFIG = """\
[host]
capacity = %dM
reserve-soft = 0
reserve-hard = 0
[domain *]
model = dimm
max = 2G
step = %dM
headroom = 40%%
headroom-min = 512M
keep = 1h
confirm = 15s
"""
# Its own maximum is two steps, whatever the other may have.
LIAR = "[domain first]\nmodel = dimm\nmax = %dM\n"
LIE = """\
awk '/^MemAvailable:/ { $2 = 0 } { print }' /run/true-meminfo >/run/meminfo
awk -v pages=%d '
	/^Node/ { zone = $4 }
	zone == "Movable" { print; next }
	$1 == "pages" && $2 == "free" { $0 = "  pages free " (zone == "DMA32" ? pages : 0) }
	$1 ~ /^nr_zone_(in)?active_file$/ { $2 = 0 }
	{ print }' /run/true-zoneinfo >/run/zoneinfo
"""
PAGE = 4096
HELD = 600  # MiB, so that too little is available
FILES = {"/lab/hold": (b"""\
#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hold MEBIBYTES: takes them, and holds them
mkfifo /run/held
exec awk -v n="$1" 'BEGIN {
	mebibyte = sprintf("%1048576s", "")
	while (i < n)
		held[i++] = mebibyte i
	getline <"/run/held"
}'
""", 0o755)}


def until(holds, what, deadline=240):
    end = time.monotonic() + deadline
    while not holds():
        check(time.monotonic() < end, what() if callable(what) else what)
        time.sleep(0.5)


class Service:
    """virt-memonline autoscale, and what it has logged."""

    def __init__(self, libvirt, config, name):
        self.libvirt = libvirt
        self.config = libvirt.write(name + ".conf", config)
        self.state = libvirt.path(name + ".state")
        self.lines = []
        self.process = None

    def start(self, *domains):
        self.process = self.libvirt.virt_begin("autoscale", "--config", self.config, "--state",
                                               self.state, *domains)
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()

    def _read(self, process):
        for line in process.stdout:
            self.lines.append(line)

    def log(self):
        return "".join(self.lines)

    def wait_log(self, pattern, since=0, deadline=240):
        """In what came after so many lines."""
        until(lambda: re.search(pattern, "".join(self.lines[since:])),
              lambda: "no %r in: %s" % (pattern, self.log()), deadline)

    def end(self, kill=False):
        if self.process.poll() is None:
            if kill:
                self.process.kill()
            else:
                self.process.terminate()
        code = self.process.wait(120)
        check(kill or code == 0, "exit code %s: %s" % (code, self.log()))


def given(libvirt, guest):
    """In MiB, by libvirt's account."""
    xml = libvirt.virsh("dumpxml", guest.name)
    return int(re.search(r"<memory unit='KiB'>(\d+)</memory>", xml).group(1)) >> 10


def hold(guest):
    guest.sh("setsid /lab/hold %d </dev/null >/dev/null 2>&1 & echo $! >/run/holder" % HELD)


def release(guest):
    guest.sh("kill -9 $(cat /run/holder); rm /run/held")


def set_policy(guest, policy):
    guest.sh("printf '%s' >%s && kill -HUP $(pidof memonlined)" % (
        POLICY.replace("\n", "\\n") % policy, GUEST_CONFIG))
    guest.until("memonlinectl status | grep -q %s" % policy)


def too_little_for_both(libvirt, service, first, second):
    """Also killed and started again, and with libvirtd gone for a while."""
    sums = []
    hold(first)
    hold(second)
    service.start()
    service.wait_log(r"growing, grow")
    service.end(kill=True)
    started = len(service.lines)
    service.start()
    service.wait_log(r"domain first: ", started)
    libvirt.restart()
    service.wait_log(r"connected to libvirt again", started)

    def is_shared():
        sums.append(given(libvirt, first) + given(libvirt, second))
        return sums[-1] == CAPACITY

    until(is_shared, lambda: "the host's memory is not shared: %s: %s" % (sums, service.log()))
    service.wait_log(r"host-short")
    time.sleep(5)
    is_shared()
    check(max(sums) <= CAPACITY, "more than the host may give: %s" % sums)
    service.end()
    for guest in (first, second):
        aliases = re.findall(r"ua-memonline-\d+", libvirt.virsh("dumpxml", guest.name))
        equal(len(aliases) * STEP, given(libvirt, guest) - BOOT, "DIMMs of a step each")
        release(guest)
        libvirt.virt("resize", guest.name, "%dM" % BOOT)


def stays_offline(libvirt, service, guest):
    set_policy(guest, "keep")
    hold(guest)
    service.start(guest.name)
    service.wait_log(r"shrinking, take-out \d+M: not-confirmed")
    service.wait_log(r"backing-off: not-confirmed|backing-off: cool-down")
    equal(given(libvirt, guest), BOOT, "MiB after what stayed offline was taken out")
    service.end()
    release(guest)
    set_policy(guest, "online_movable")


def lie(guest, free):
    """From now on its kernel's zones have so many MiB free, in memonlined's eyes as well."""
    guest.sh(LIE % (free * MIB // PAGE))


def lies(libvirt, service, guest):
    """The description of a step takes a 64th of it: with less in the kernel's zones there is none."""
    guest.sh("for name in meminfo zoneinfo; do cat /proc/$name >/run/true-$name; done")
    lie(guest, STEP / 64 / 2)
    guest.sh("for name in meminfo zoneinfo; do mount --bind /run/$name /proc/$name; done")
    service.start(guest.name)
    service.wait_log(r"kernel-short")
    equal(given(libvirt, guest), BOOT, "MiB where the kernel's zones are short")
    # One step, and not another at the same time.
    lie(guest, STEP / 64 * 3 / 2)
    service.wait_log(r"steady: at-maximum")
    time.sleep(5)
    equal(given(libvirt, guest), BOOT + 2 * STEP, "MiB of a guest that lies: its maximum")
    equal(re.findall(r"growing, grow (\d+)M", service.log()), [str(STEP)] * 2, "growths")
    service.end()
    guest.sh("umount /proc/meminfo /proc/zoneinfo")
    libvirt.virt("resize", guest.name, "%dM" % BOOT)


def run(lab):
    with Libvirt(lab) as libvirt:
        guests = [Domain(libvirt, lab, name=name, config=POLICY % "online_movable", files=FILES)
                  for name in ("first", "second")]
        services = []
        try:
            for name, test, wanted, more in (
                    ("shared", too_little_for_both, guests, ""),
                    ("offline", stays_offline, guests[:1], ""),
                    ("lies", lies, guests[:1], LIAR % (BOOT + 2 * STEP))):
                service = Service(libvirt, CONFIG % (CAPACITY, STEP) + more, name)
                services.append(service)
                test(libvirt, service, *wanted)
        finally:
            for service in services:
                if service.process and service.process.poll() is None:
                    service.end(kill=True)
                with open(lab.log_path(service.config.split("/")[-1] + ".log"), "w") as out:
                    out.write(service.log())
