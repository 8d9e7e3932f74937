# SPDX-License-Identifier: GPL-2.0-or-later
"""In the kernel that saves the memory of a crashed one (kdump) the agent does nothing.

A guest crashes into such a kernel, which has a DIMM's blocks before it and an agent that is
started; and one that has only the command line of such a kernel.
"""

import os
import time

from lab import Guest, Timeout, check, equal, host, image, machine
from lab.guest import APPEND, FIRST_PROCESS

LIMIT = 600
CRASH = "crashkernel=384M"
# As distributions boot it: Documentation/admin-guide/kdump/kdump.rst, and Debian's kdump-tools.
CAPTURE = APPEND + " nr_cpus=1 irqpoll reset_devices"
UP_DEADLINE = 180
SAID = "capture kernel"


def log_of(guest):
    with open(guest.log, errors="replace") as log:
        return log.read()


def wait_log(guest, text, deadline=180, times=1):
    until = time.monotonic() + deadline
    while log_of(guest).count(text) < times:
        if time.monotonic() >= until:
            raise Timeout("not in the guest's log: " + text)
        time.sleep(0.2)


def does_nothing(guest, dimm):
    """The agent is gone and has written nothing; also when it is started again."""
    before = guest.blocks(dimm["addr"])
    equal(set(before.values()), {"offline"}, "states")
    equal(guest.run("memonlined --foreground").status, 0, "status of one more agent")
    check(guest.run("memonlinectl ping").status != 0, "an agent answers")
    equal(guest.blocks(dimm["addr"]), before, "states after one more agent")


def loader(lab):
    source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "kexec-load.c")
    target = lab.temp_path("kexec-load")
    host.call(["gcc", "-o", target, source])
    return image.contents(target)


def second_image(lab):
    """The root of the capture kernel: as any guest's, and the agent is started."""
    path = lab.temp_path("capture.img")
    image.write(path, lab.kernel, machine.guest_files(True, True, None, "offline", None))
    return image.contents(path)


def crash(guest):
    """A DIMM, then a crash. None: the capture kernel hung, as any may under emulation."""
    guest.sh("/lab/kexec-load /lab/vmlinuz /lab/capture.img '%s'" % CAPTURE)
    dimm = guest.plug("512M")
    guest.wait_blocks(dimm["addr"], dimm["size"], "offline")
    guest.sh("(sleep 1; echo c > /proc/sysrq-trigger) >/dev/null 2>&1 &")
    try:
        wait_log(guest, FIRST_PROCESS.decode(), UP_DEADLINE, times=2)
    except Timeout:
        return None
    return dimm


def crashed(lab):
    files = {"/lab/kexec-load": (loader(lab), 0o755),
             "/lab/vmlinuz": image.contents(lab.kernel.image),
             "/lab/capture.img": second_image(lab)}
    for name in ("crashed", "crashed-again"):
        with Guest(lab, name=name, memory="2G", daemon=False, append=CRASH, files=files) as guest:
            dimm = crash(guest)
            if dimm:
                wait_log(guest, SAID)
                guest.sh("[ -e /proc/vmcore ]")
                return does_nothing(guest, dimm)
        print("the capture kernel of %s did not come up" % name, flush=True)
    raise Timeout("no capture kernel came up")


def told(lab):
    """/proc/vmcore is not there, since nothing has crashed."""
    with Guest(lab, name="told", daemon=False, append="elfcorehdr=0x30000000") as guest:
        guest.sh("/lab/start-daemon")
        wait_log(guest, SAID)
        dimm = guest.plug("512M")
        guest.wait_blocks(dimm["addr"], dimm["size"])
        guest.settle()
        does_nothing(guest, dimm)


def run(lab):
    told(lab)
    crashed(lab)
