# SPDX-License-Identifier: GPL-2.0-or-later
"""virt-memonline with what goes wrong in the middle: each verb ends, with a true answer.

A guest that lacks the memory for the map of what is plugged, an agent that hangs or is killed, a channel
that another client has, a libvirtd that is restarted while a DIMM is waited for, a domain that is
destroyed meanwhile.
"""

import json

from lab import check, equal, hunger, virt
from lab.libvirt import Domain, Libvirt
from lab.virt import FAILED, NO_AGENT, UNKNOWN, begun, unchanged, until

NEEDS = ("libvirt",)
INSTALLED = "its guest is of libvirt; cold-port and under-unit have installed ones of libvirt"
KEEP = virt.POLICY % "keep"
# The map of it, 1/64, is more than the guest has left.
LARGE, LEFT_MIB = "14G", 160


def memory_short(libvirt, guest):
    """The kernel refuses it, and needs all memory again for what comes then."""
    hunger.leave_free(guest, LEFT_MIB)
    unchanged(libvirt, guest, "guest-memory-short", "plug", LARGE)
    before = virt.xml_of(libvirt, guest)
    hunger.give_back_when_refused(guest, hunger.POOL, 0)
    said = libvirt.virt("plug", guest.name, LARGE, "--force", code=FAILED)
    check("the guest's kernel refused it: memory-short" in said, said)
    virt.same(libvirt, guest, before, "a plug that the kernel refused")


def agent_hangs(libvirt, guest):
    guest.sh("kill -STOP $(pidof memonlined)")
    unchanged(libvirt, guest, "no agent answers", "plug", "128M", code=NO_AGENT)
    [row] = json.loads(libvirt.virt("list", "-J"))["domains"]
    equal([row["agent"], row["online"], row["state"]], ["no-answer", None, "running"], "list")
    guest.sh("kill -CONT $(pidof memonlined)")


def channel_in_use(libvirt, guest):
    watch = libvirt.virt_begin("watch", "-J")
    try:
        until(lambda: "busy" in libvirt.virt("list"), "the watch does not hold the channel")
        unchanged(libvirt, guest, "another client", "plug", "128M", code=UNKNOWN)
        libvirt.virt("show", "--take-channel", guest.name)
    finally:
        watch.terminate()
        watch.communicate()


def paused(libvirt, guest):
    libvirt.virsh("suspend", guest.name)
    [row] = json.loads(libvirt.virt("list", "-J"))["domains"]
    equal([row["state"], row["agent"]], ["paused", "paused"], "list")
    unchanged(libvirt, guest, "no agent answers", "plug", "128M", code=NO_AGENT)
    libvirt.virsh("resume", guest.name)


def done(libvirt, guest, plug):
    """It is; then all is as before."""
    said = json.loads(libvirt.virt_end(plug))
    equal([said["result"], said["done"]], ["done", 128 << 20], "plug")
    libvirt.virt("unplug", guest.name, "128M")
    virt.set_policy(guest, "keep")


def restarted_in_the_middle(libvirt, guest):
    plug = begun(libvirt, guest, "plug", "-J", "128M")
    libvirt.restart()
    virt.set_policy(guest, "online_movable")
    done(libvirt, guest, plug)


def killed_in_the_middle(libvirt, guest):
    plug = begun(libvirt, guest, "plug", "-J", "128M")
    guest.stop_daemon("KILL")
    guest.start_daemon()
    virt.set_policy(guest, "online_movable")
    done(libvirt, guest, plug)


def killed_for_good(libvirt, guest):
    """What was plugged is taken out again: that needs no agent."""
    before = virt.xml_of(libvirt, guest)
    plug = begun(libvirt, guest, "plug", "128M", seconds=5)
    guest.stop_daemon("KILL")
    said = libvirt.virt_end(plug, FAILED)
    check("not online in time: n" in said, said)
    virt.same(libvirt, guest, before, "a plug whose agent was killed")
    guest.start_daemon()
    until(lambda: "answers" in libvirt.virt("list"), "libvirt knows of no agent")


def destroyed_in_the_middle(libvirt, guest):
    plug = begun(libvirt, guest, "plug", "128M")
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
        killed_in_the_middle(libvirt, guest)
        killed_for_good(libvirt, guest)
        memory_short(libvirt, guest)
        virt.untainted(libvirt, guest)
        destroyed_in_the_middle(libvirt, guest)
