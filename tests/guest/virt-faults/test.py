# SPDX-License-Identifier: GPL-2.0-or-later
"""virt-memonline with what goes wrong in the middle: each verb ends, with a true answer.

An agent that does not answer, a channel that another client has, a libvirtd that is restarted
while a DIMM is waited for, a domain that is destroyed meanwhile.
"""

import json
import time

from lab import check, equal
from lab.libvirt import Domain, Libvirt

NEEDS = ("libvirt",)
INSTALLED = "its guest is of libvirt; cold-port and under-unit have installed ones of libvirt"
CONFIG = "/etc/memonlined.conf"
KEEP = "[memonlined]\npolicy = keep\n"
FAILED, NO_AGENT, UNKNOWN = 1, 3, 4
DEADLINE = 60


def until(holds, what):
    end = time.monotonic() + DEADLINE
    while not holds():
        check(time.monotonic() < end, what)
        time.sleep(0.2)


def has_dimm(libvirt, guest):
    return "ua-memonline-" in libvirt.virsh("dumpxml", guest.name)


def unchanged(libvirt, guest, words, *arguments, code):
    before = libvirt.virsh("dumpxml", guest.name)
    said = libvirt.virt(*arguments, code=code)
    check(words in said, "nothing of %r in: %s" % (words, said))
    equal(libvirt.virsh("dumpxml", guest.name), before, "the domain's XML")


def agent_hangs(libvirt, guest):
    guest.sh("kill -STOP $(pidof memonlined)")
    unchanged(libvirt, guest, "no agent answers", "plug", guest.name, "128M", code=NO_AGENT)
    [row] = json.loads(libvirt.virt("list", "-J"))["domains"]
    equal([row["agent"], row["online"], row["state"]], ["no-answer", None, "running"], "list")
    guest.sh("kill -CONT $(pidof memonlined)")


def channel_in_use(libvirt, guest):
    watch = libvirt.virt_begin("watch", "-J")
    try:
        until(lambda: "busy" in libvirt.virt("list"), "the watch does not hold the channel")
        unchanged(libvirt, guest, "another client", "plug", guest.name, "128M", code=UNKNOWN)
        libvirt.virt("show", "--take-channel", guest.name)
    finally:
        watch.terminate()
        watch.communicate()


def paused(libvirt, guest):
    libvirt.virsh("suspend", guest.name)
    [row] = json.loads(libvirt.virt("list", "-J"))["domains"]
    equal([row["state"], row["agent"]], ["paused", "paused"], "list")
    unchanged(libvirt, guest, "no agent answers", "plug", guest.name, "128M", code=NO_AGENT)
    libvirt.virsh("resume", guest.name)


def restarted_in_the_middle(libvirt, guest):
    plug = libvirt.virt_begin("plug", "-J", guest.name, "128M", "--timeout", str(DEADLINE))
    until(lambda: has_dimm(libvirt, guest), "no DIMM")
    libvirt.restart()
    guest.sh("sed -i s/keep/online_movable/ %s && kill -HUP $(pidof memonlined)" % CONFIG)
    said = json.loads(libvirt.virt_end(plug))
    equal([said["result"], said["done"]], ["done", 128 << 20], "plug")
    libvirt.virt("unplug", guest.name, "128M")
    guest.sh("sed -i s/online_movable/keep/ %s && kill -HUP $(pidof memonlined)" % CONFIG)


def destroyed_in_the_middle(libvirt, guest):
    plug = libvirt.virt_begin("plug", guest.name, "128M", "--timeout", str(DEADLINE))
    until(lambda: has_dimm(libvirt, guest), "no DIMM")
    libvirt.virsh("destroy", guest.name)
    said = libvirt.virt_end(plug, FAILED)
    check("no longer runs" in said, said)
    said = libvirt.virt("show", guest.name, code=FAILED)
    check("not found" in said, said)


def run(lab):
    with Libvirt(lab) as libvirt:
        guest = Domain(libvirt, lab, config=KEEP)
        agent_hangs(libvirt, guest)
        paused(libvirt, guest)
        channel_in_use(libvirt, guest)
        restarted_in_the_middle(libvirt, guest)
        destroyed_in_the_middle(libvirt, guest)
