# SPDX-License-Identifier: GPL-2.0-or-later
"""In the kernel that saves the memory of a crashed one (kdump) the agent does nothing.

A guest crashes into such a kernel, which has a DIMM's blocks before it and an agent that is
started; and one that has only the command line of such a kernel.
"""

import os
import time

from lab import Guest, Timeout, check, equal, host, image, machine
from lab.guest import APPEND

LIMIT = 600
CRASH = "crashkernel=384M"
SAID = "capture kernel"


def log_of(guest):
    with open(guest.log, errors="replace") as log:
        return log.read()


def wait_log(guest, text, deadline=180):
    until = time.monotonic() + deadline
    while text not in log_of(guest):
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


def crashed(lab):
    files = {"/lab/kexec-load": (loader(lab), 0o755),
             "/lab/vmlinuz": image.contents(lab.kernel.image),
             "/lab/capture.img": second_image(lab)}
    with Guest(lab, name="crashed", memory="2G", daemon=False, append=CRASH,
               files=files) as guest:
        guest.sh("/lab/kexec-load /lab/vmlinuz /lab/capture.img '%s'" % APPEND)
        dimm = guest.plug("512M")
        guest.wait_blocks(dimm["addr"], dimm["size"], "offline")
        guest.sh("(sleep 1; echo c > /proc/sysrq-trigger) >/dev/null 2>&1 &")
        wait_log(guest, SAID)
        guest.sh("[ -e /proc/vmcore ]")
        does_nothing(guest, dimm)


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
