# SPDX-License-Identifier: GPL-2.0-or-later
"""What the scenarios of virt-memonline share."""

import json
import re
import time

from .scenario import check, equal

# Exit codes of virt-memonline(1).
FAILED, NO_AGENT, UNKNOWN, PARTLY = 1, 3, 4, 64
MIB = 1 << 20
GIB = 1 << 30
CONFIG = "/etc/memonlined.conf"
POLICY = "[memonlined]\npolicy = %s\n"
DEADLINE_SEC = 60
ERROR = "/sys/kernel/debug/notifier-error-inject/memory/actions/%s/error"
REFUSING_MODULES = ("notifier_error_inject", "memory_notifier_error_inject")
EBUSY = 16


def until(holds, what, deadline=DEADLINE_SEC):
    """Asks again and again; what `holds` gave in the end."""
    end = time.monotonic() + deadline
    while True:
        found = holds()
        if found:
            return found
        check(time.monotonic() < end, what)
        time.sleep(0.2)


def json_of(text):
    """The last line: messages of libvirt's library may stand before it."""
    return json.loads(text.strip().splitlines()[-1])


def xml_of(libvirt, guest):
    """Without what follows the agent in the guest: whether it has opened the channel."""
    return re.sub(r" state='(dis)?connected'", "", libvirt.virsh("dumpxml", guest.name))


def has_dimm(libvirt, guest):
    return "ua-memonline-" in xml_of(libvirt, guest)


def set_policy(guest, policy):
    guest.sh("sed -i 's/^policy = .*/policy = %s/' %s && kill -HUP $(pidof memonlined)" % (
        policy, CONFIG))
    guest.until("memonlinectl status | grep -q %s" % policy)


def refuse(guest, action, error):
    """Has the guest's kernel refuse each block; 0 ends it."""
    guest.sh("echo %d >%s" % (-error, ERROR % action))


def pin(guest):
    """Pages that can neither move nor be given up: a full pipe holds those of a file in tmpfs.

    They are where the kernel puts movable memory first.
    """
    guest.sh("dmesg -n 1; mkdir -p /mnt; mount -t tmpfs none /mnt && "
             "dd if=/dev/zero of=/mnt/pinned bs=64k count=64 2>/dev/null")
    guest.sh("(cat /mnt/pinned | sleep 100000) </dev/null >/dev/null 2>&1 & "
             "until pidof sleep >/run/pin; do :; done")
    # Until the pipe is full, cat runs.
    guest.until("grep -q '(cat) S' /proc/$(pidof cat)/stat")


def unpin(guest):
    guest.sh("kill $(cat /run/pin); umount -l /mnt")


def same(libvirt, guest, before, what):
    equal(xml_of(libvirt, guest), before, "the domain's XML after " + what)


def unchanged(libvirt, guest, words, verb, *arguments, code=FAILED):
    """A verb that fails: its exit code, its words, and the domain's XML as it was."""
    before = xml_of(libvirt, guest)
    said = libvirt.virt(verb, guest.name, *arguments, code=code)
    check(words in said, "nothing of %r in: %s" % (words, said))
    same(libvirt, guest, before, " ".join((verb,) + arguments))
    return said


def begun(libvirt, guest, verb, *arguments, seconds=DEADLINE_SEC):
    """A plug that waits for its guest: its DIMM is there, and nobody brings it online."""
    process = libvirt.virt_begin(verb, guest.name, *arguments, "--timeout", str(seconds))
    until(lambda: has_dimm(libvirt, guest), "no DIMM")
    return process


def untainted(libvirt, guest):
    equal(libvirt.virsh("dominfo", guest.name).count("tainted"), 0, "taints")
