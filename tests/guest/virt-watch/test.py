# SPDX-License-Identifier: GPL-2.0-or-later
"""virt-memonline watch: reports of all guests and libvirt's events, as they come, none missed.

A domain that starts joins. Another verb takes the channel and libvirtd is restarted in between: what was
reported meanwhile comes once. libvirt is reached by TCP, by a user who is neither root nor libvirtd's.
"""

import json
import signal
import threading

from lab import check, equal, virt
from lab.libvirt import Domain, Libvirt
from lab.virt import FAILED, MIB, json_of

NEEDS = ("libvirt",)
INSTALLED = "its guest is of libvirt; cold-port and under-unit have installed ones of libvirt"
CONFIG = virt.POLICY % "online_movable"


class Watch:
    """Its lines, as they come."""

    def __init__(self, libvirt, *arguments):
        self.lines = []
        self._process = libvirt.virt_begin("watch", "-J", *arguments, remote=True)
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        for line in self._process.stdout:
            if line.startswith("{"):
                said = json.loads(line)
                # An error is the last of it.
                self.lines.append(said if "event" in said else {"event": "ended", "domain": "", **said})

    def has(self, event, **wanted):
        return [line for line in self.lines if line["event"] == event and
                all(line.get(name) == value for name, value in wanted.items())]

    def wait(self, event, **wanted):
        return virt.until(lambda: self.has(event, **wanted),
                          "no %s %s in %s" % (event, wanted, self.lines))[0]

    def ranges(self, domain):
        """(start, to) of all that the domain's guest has reported."""
        return [(part["start"], part["to"]) for line in self.has("report", domain=domain)
                for part in line["data"]["ranges"]]

    def wait_range(self, domain, start, word):
        virt.until(lambda: (start, word) in self.ranges(domain),
                   "no report of %#x %s in %s" % (start, word, self.lines))

    def end(self):
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)
        equal(self._process.returncode, 0, "exit code of watch")


def plugged(libvirt, guest, watch):
    """The watch holds the channel; who plugs takes it, and gives it back."""
    virt.until(lambda: "busy" in libvirt.virt("list", remote=True), "the watch has no channel")
    said = json_of(libvirt.virt("plug", "-J", guest.name, "128M", "--take-channel", remote=True))
    base = said["changes"][0]["device"]["base"]
    equal(said["done"], 128 * MIB, "plug")
    watch.wait("added", domain=guest.name)
    watch.wait_range(guest.name, base, "online")
    libvirt.virt("unplug", guest.name, "128M", "--take-channel", remote=True)
    watch.wait("removed", domain=guest.name, device="ua-memonline-1")
    watch.wait_range(guest.name, base, "offline")


def joined(libvirt, lab, watch):
    guest = Domain(libvirt, lab, name="second", config=CONFIG)
    watch.wait("started", domain=guest.name)
    dimm = guest.plug(256)
    watch.wait_range(guest.name, dimm["addr"], "online")
    return guest


def of_one(libvirt, guest):
    """A watch of one domain; it has the events since it is connected."""
    watch = Watch(libvirt, guest.name)

    def paused():
        libvirt.virsh("suspend", guest.name)
        libvirt.virsh("resume", guest.name)
        return watch.has("paused", domain=guest.name)

    virt.until(paused, "no paused in %s" % watch.lines)
    return watch


def restarted(libvirt, guest, watch):
    """What happens meanwhile is reported afterwards."""
    before = len(watch.ranges(guest.name))
    libvirt.restart(signal.SIGKILL)
    watch.wait("lost")
    dimm = guest.plug(128)
    virt.until(lambda: (dimm["addr"], "online") in watch.ranges(guest.name)[before:],
               "no report of %s after the restart in %s" % (dimm, watch.lines))


def once(watch, *names):
    """No report came twice, none is missing."""
    for name in names:
        found = [line["data"]["seq"] for line in watch.has("report", domain=name)]
        equal(found, list(range(1, len(found) + 1)), "numbers of the reports of " + name)


def named_only(watch):
    equal({line["domain"] for line in watch.lines} - {""}, {"second"}, "domains of the other watch")


def run(lab):
    with Libvirt(lab, tcp=True) as libvirt:
        guest = Domain(libvirt, lab, config=CONFIG)
        watch = Watch(libvirt)
        plugged(libvirt, guest, watch)
        second = joined(libvirt, lab, watch)
        # After the first one has the channel: there is one for both.
        other = of_one(libvirt, second)
        restarted(libvirt, guest, watch)
        virt.untainted(libvirt, guest)
        libvirt.virsh("destroy", second.name)
        watch.wait("stopped", domain=second.name)
        other.wait("stopped")
        once(watch, guest.name, second.name)
        named_only(other)
        for one in (watch, other):
            one.end()
        said = libvirt.virt("show", second.name, code=FAILED, remote=True)
        check("not found" in said, said)
