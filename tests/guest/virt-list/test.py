# SPDX-License-Identifier: GPL-2.0-or-later
"""virt-memonline list, show and metrics: each domain with what it is, whether or not its agent answers.

One domain has an agent and one free slot, one has no channel, one has no agent behind its channel; then
one hangs and one is paused. What none of them can have is refused, and its XML is as it was.
"""

import json

from lab import check, equal, virt
from lab.libvirt import Domain, Libvirt
from lab.machine import AGENT_PORT
from lab.virt import GIB, MIB, NO_AGENT, PARTLY, unchanged

NEEDS = ("libvirt",)
INSTALLED = "its guest is of libvirt; cold-port and under-unit have installed ones of libvirt"


def rows(libvirt, *arguments):
    found = json.loads(libvirt.virt("list", "-J", "-b", *arguments))["domains"]
    return {row["domain"]: row for row in found}


def row_of(row, *names):
    return [row[name] for name in names]


def all_said(libvirt, one):
    """A guest that was not asked has reported nothing."""
    libvirt.virt("plug", one.name, "256M")
    found = rows(libvirt)
    equal(sorted(found), ["absent", "mute", "one"], "domains")
    equal(row_of(found["one"], "state", "agent", "boot", "given", "online", "balloon", "maximum",
                 "slots", "verdict"),
          ["running", "answers", GIB, 256 * MIB, 256 * MIB, 0, 64 * GIB, 0, "complete"], "one")
    equal(row_of(found["mute"], "agent", "boot", "given", "online", "verdict"),
          ["no-channel", GIB, 0, None, "complete"], "mute")
    equal(row_of(found["absent"], "agent", "online"), ["not-connected", None], "absent")
    equal(sorted(rows(libvirt, "one", "mute")), ["mute", "one"], "the named ones")


def refused(libvirt, one, mute, absent):
    unchanged(libvirt, one, "no-slot", "plug", "128M")
    for guest, words in ((mute, "no channel"), (absent, "memonlined does not run")):
        for verb in ("plug", "unplug", "resize"):
            unchanged(libvirt, guest, words, verb, "2G", code=NO_AGENT)


def shown(libvirt, one):
    [device] = json.loads(libvirt.virt("show", "-J", "-b", one.name))["devices"]
    equal(row_of(device, "alias", "model", "slot", "size", "online", "verdict", "removable"),
          ["ua-memonline-1", "dimm", 0, 256 * MIB, 256 * MIB, "complete", "yes"], "device")
    one.ctl("offline 32")
    said = libvirt.virt("show", "-b", one.name, code=PARTLY)
    check("partial" in said and "asked" in said, said)
    row = rows(libvirt)["one"]
    equal(row_of(row, "online", "verdict", "cause"), [128 * MIB, "partial", "asked"], "one")
    one.ctl("online 32 --word online_movable")


def measured(libvirt):
    text = libvirt.virt("metrics")
    for line in ('memonline_domain_agent_up{domain="one"} 1',
                 'memonline_domain_agent_up{domain="mute"} 0',
                 'memonline_domain_agent_up{domain="absent"} 0'):
        check(line in text.splitlines(), "no %s in %s" % (line, text))
    check(text.endswith("# EOF\n"), text)


def hung_and_paused(libvirt, one, mute, absent):
    one.sh("kill -STOP $(pidof memonlined)")
    libvirt.virsh("suspend", absent.name)
    found = rows(libvirt, "--answer-timeout", "2")
    equal(row_of(found["one"], "state", "agent", "online", "verdict"),
          ["running", "no-answer", None, "unknown"], "one")
    equal(row_of(found["absent"], "state", "agent"), ["paused", "paused"], "absent")
    equal(found["mute"]["agent"], "no-channel", "mute")
    libvirt.virsh("destroy", mute.name)
    one.sh("kill -CONT $(pidof memonlined)")
    found = rows(libvirt)
    equal(sorted(found), ["absent", "one"], "domains")
    equal(found["one"]["agent"], "answers", "one")


def run(lab):
    with Libvirt(lab) as libvirt:
        config = virt.POLICY % "online_movable"
        mute = Domain(libvirt, lab, name="mute", channels=(), udev=False, daemon=False)
        absent = Domain(libvirt, lab, name="absent", channels=(AGENT_PORT,), daemon=False)
        one = Domain(libvirt, lab, name="one", config=config, slots=1)
        all_said(libvirt, one)
        refused(libvirt, one, mute, absent)
        shown(libvirt, one)
        measured(libvirt)
        virt.untainted(libvirt, one)
        hung_and_paused(libvirt, one, mute, absent)
