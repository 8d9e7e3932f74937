# SPDX-License-Identifier: GPL-2.0-or-later
"""virt-memonline unplug: the fewest and highest DIMMs, or the domain as it was and all online.

A DIMM in a kernel zone stays, and so does one that the guest's kernel does not take offline. libvirtd
is restarted, the agent killed and the domain destroyed while the guest tries.
"""

import json
import signal

from lab import check, equal, virt
from lab.libvirt import Domain, Libvirt
from lab.virt import DEADLINE_SEC, FAILED, MIB, UNKNOWN, json_of, unchanged

NEEDS = ("libvirt",)
INSTALLED = "its guest is of libvirt; cold-port and under-unit have installed ones of libvirt"
OFFLINE = "MEM_GOING_OFFLINE"


def devices(libvirt, guest):
    return json_of(libvirt.virt("show", "-J", guest.name))["devices"]


def aliases(said):
    return [change["alias"] for change in json_of(said)["changes"]]


def chosen(libvirt, guest):
    """ua-memonline-1 to 4 have 128, 128, 128 and 256 MiB."""
    unchanged(libvirt, guest, "nothing-given", "unplug", "128M")
    libvirt.virt("plug", guest.name, "384M", "--dimm-size", "128M")
    libvirt.virt("plug", guest.name, "256M")
    unchanged(libvirt, guest, "no-such-device", "unplug", "nobody")
    unchanged(libvirt, guest, "no-such-sum", "unplug", "192M")
    unchanged(libvirt, guest, "at most 640M", "unplug", "1G")
    unchanged(libvirt, guest, "would detach ua-memonline-4", "unplug", "256M", "--dry-run", code=0)
    before = guest.memory_kib()
    equal(aliases(libvirt.virt("unplug", "-J", guest.name, "384M")),
          ["ua-memonline-4", "ua-memonline-3"], "the fewest, and of those the highest")
    equal(before - guest.memory_kib(), 384 << 10, "KiB that the guest has given back")
    equal(aliases(libvirt.virt("unplug", "-J", guest.name, "ua-memonline-1")), ["ua-memonline-1"],
          "by alias")
    equal([device["alias"] for device in devices(libvirt, guest)], ["ua-memonline-2"], "what stays")


def kernel_zone(libvirt, guest):
    virt.set_policy(guest, "online_kernel")
    libvirt.virt("plug", guest.name, "256M")
    virt.set_policy(guest, "online_movable")
    unchanged(libvirt, guest, "kernel-zone", "unplug", "ua-memonline-1")
    unchanged(libvirt, guest, "at most 128M", "unplug", "256M")


def all_online(libvirt, guest, what):
    for device in devices(libvirt, guest):
        equal([device["verdict"], device["online"]], ["complete", device["size"]], what)


def refused(libvirt, guest):
    virt.refuse(guest, OFFLINE, virt.EBUSY)
    said = unchanged(libvirt, guest, "cannot take it offline", "unplug", "-J", "128M", "--timeout",
                     "3")
    equal(json.loads(said)["changes"][0]["end"], "failed", "unplug")
    all_online(libvirt, guest, "after a refusal")
    virt.refuse(guest, OFFLINE, 0)


def begin(libvirt, guest, seconds=DEADLINE_SEC):
    """The guest is at it: its kernel tries for ever, since pages of the block are pinned."""
    virt.pin(guest)
    process = libvirt.virt_begin("unplug", "-J", guest.name, "128M", "--timeout", str(seconds))
    guest.until("grep going-offline /sys/devices/system/memory/memory*/state")
    return process


def restarted_in_the_middle(libvirt, guest):
    process = begin(libvirt, guest)
    libvirt.restart(signal.SIGKILL)
    virt.unpin(guest)
    equal(json_of(libvirt.virt_end(process))["done"], 128 * MIB, "unplug")


def killed_in_the_middle(libvirt, guest):
    libvirt.virt("plug", guest.name, "128M")
    process = begin(libvirt, guest)
    guest.stop_daemon("KILL")
    virt.unpin(guest)
    guest.start_daemon()
    equal(json_of(libvirt.virt_end(process))["done"], 128 * MIB, "unplug")


def hangs_in_the_middle(libvirt, guest):
    """The agent has been asked and does not answer: whether it still does it, nobody knows."""
    libvirt.virt("plug", guest.name, "128M")
    before = virt.xml_of(libvirt, guest)
    process = begin(libvirt, guest, 5)
    guest.sh("kill -STOP $(pidof memonlined)")
    said = json_of(libvirt.virt_end(process, UNKNOWN))
    check("the agent has not answered" in said["error"]["desc"], said)
    virt.same(libvirt, guest, before, "an unplug that was not answered")
    virt.unpin(guest)
    guest.sh("kill -CONT $(pidof memonlined)")
    libvirt.virt("unplug", guest.name, "128M")


def destroyed_in_the_middle(libvirt, guest):
    libvirt.virt("plug", guest.name, "128M")
    process = begin(libvirt, guest)
    libvirt.virsh("destroy", guest.name)
    said = json_of(libvirt.virt_end(process, FAILED))
    check("no longer runs" in said["error"]["desc"], said)


def run(lab):
    with Libvirt(lab) as libvirt:
        guest = Domain(libvirt, lab, config=virt.POLICY % "online_movable",
                       modules=virt.REFUSING_MODULES)
        chosen(libvirt, guest)
        kernel_zone(libvirt, guest)
        refused(libvirt, guest)
        restarted_in_the_middle(libvirt, guest)
        killed_in_the_middle(libvirt, guest)
        hangs_in_the_middle(libvirt, guest)
        unchanged(libvirt, guest, "kernel-zone", "unplug", "128M")
        virt.untainted(libvirt, guest)
        destroyed_in_the_middle(libvirt, guest)
