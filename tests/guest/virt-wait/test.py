# SPDX-License-Identifier: GPL-2.0-or-later
"""virt-memonline wait: until all that was plugged is online, or not in time, and why.

The agent is not there at first, is killed, refuses by its policy; libvirtd is restarted and the domain
destroyed meanwhile. memonlinectl wait agrees in the guest.
"""

import signal

from lab import check, equal, virt
from lab.libvirt import Domain, Libvirt
from lab.virt import DEADLINE_SEC, FAILED, NO_AGENT, UNKNOWN, unchanged

NEEDS = ("libvirt",)
INSTALLED = "its guest is of libvirt; cold-port and under-unit have installed ones of libvirt"


def wait(libvirt, guest, answers=True):
    """It is under way: it has the channel, where there is an agent."""
    process = libvirt.virt_begin("wait", guest.name, "--timeout", str(DEADLINE_SEC))
    if answers:
        virt.until(lambda: "busy" in libvirt.virt("list"), "wait has no channel")
    return process


def at_once(libvirt, guest):
    check("wait: done" in libvirt.virt("wait", guest.name), "wait where nothing was plugged")
    guest.plug(256)
    check("done, 256M of 256M" in libvirt.virt("wait", guest.name), "wait")


def not_in_time(libvirt, guest):
    virt.set_policy(guest, "keep")
    guest.plug(128)
    unchanged(libvirt, guest, "256M of 384M: policy-keep", "wait", "--timeout", "2", code=UNKNOWN)


def online_later(libvirt, guest):
    process = wait(libvirt, guest)
    virt.set_policy(guest, "online_movable")
    check("384M of 384M" in libvirt.virt_end(process), "wait")
    guest.ctl("wait")


def agent_comes_later(libvirt, guest):
    """Killed with a DIMM that it has not seen."""
    guest.stop_daemon("KILL")
    guest.plug(128)
    unchanged(libvirt, guest, "memonlined does not run", "wait", "--timeout", "2", code=NO_AGENT)
    unchanged(libvirt, guest, "memonlined does not run", "plug", "128M", code=NO_AGENT)
    unchanged(libvirt, guest, "memonlined does not run", "unplug", "128M", code=NO_AGENT)
    process = wait(libvirt, guest, answers=False)
    guest.start_daemon()
    check("512M of 512M" in libvirt.virt_end(process), "wait")


def in_the_middle(libvirt, guest, happens, code):
    virt.set_policy(guest, "keep")
    guest.plug(128)
    process = wait(libvirt, guest)
    happens()
    return libvirt.virt_end(process, code)


def restarted(libvirt, guest):
    libvirt.restart(signal.SIGKILL)
    virt.set_policy(guest, "online_movable")


def run(lab):
    with Libvirt(lab) as libvirt:
        guest = Domain(libvirt, lab, config=virt.POLICY % "online_movable")
        at_once(libvirt, guest)
        not_in_time(libvirt, guest)
        online_later(libvirt, guest)
        agent_comes_later(libvirt, guest)
        said = in_the_middle(libvirt, guest, lambda: restarted(libvirt, guest), 0)
        check("640M of 640M" in said, said)
        virt.untainted(libvirt, guest)
        said = in_the_middle(libvirt, guest, lambda: libvirt.virsh("destroy", guest.name), FAILED)
        check("no longer runs" in said, said)
        equal(libvirt.virsh("list", "--name").split(), [], "domains")
