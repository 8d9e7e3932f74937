# SPDX-License-Identifier: GPL-2.0-or-later
"""virsh qemu-agent-command, a client that knows only qemu-ga, is served by memonlined.

libvirtd holds the host's end of org.qemu.guest_agent.0; memonlined is configured for that
port, stays quiet on it, and answers sync, info, get and set. memonlinectl --domain goes the same
way, request by request.
"""

import json

from lab import check, equal, expect
from lab.libvirt import Domain, Libvirt

NEEDS = ("libvirt",)
INSTALLED = "its guest is of libvirt; cold-port and under-unit have installed ones of libvirt"
PORT = "org.qemu.guest_agent.0"
PARTLY = 64
CONFIG = "[memonlined]\npolicy = keep\n[channel]\nport = %s\n" % PORT


def ask(libvirt, guest, command, **arguments):
    request = {"execute": command}
    if arguments:
        request["arguments"] = arguments
    return json.loads(libvirt.virsh("qemu-agent-command", guest.name, json.dumps(request)))


def online_by_number(libvirt, guest):
    blocks = ask(libvirt, guest, "guest-get-memory-blocks")["return"]
    return {block["phys-index"]: block["online"] for block in blocks}


def by_memonlinectl(libvirt, guest, dimm):
    """A DIMM of its own: nothing that the kernel has put there must hold it."""
    status = json.loads(libvirt.ctl(guest.name, "status", "--json"))
    equal(status["policy"], "keep", "policy in %s" % status)
    for verb, code, online in (("online", 0, dimm["size"]), ("offline", PARTLY, 0),
                               ("online", 0, dimm["size"])):
        more = ["--word", "online_movable"] if verb == "online" else []
        said = libvirt.ctl(guest.name, verb, expect.address_range(dimm), *more)
        equal(said.splitlines()[-1], verb + ": done", "result")
        guest.wait_blocks(dimm["addr"], dimm["size"], verb)
        devices = json.loads(libvirt.ctl(guest.name, "reconcile", "--json", code=code))
        equal([device["online"] for device in devices], [dimm["size"], online],
              "bytes online after " + verb)
    said = libvirt.ctl(guest.name, "watch", code=1)
    check("needs the agent's own port" in said, "watch: %s" % said)


def run(lab):
    with Libvirt(lab) as libvirt:
        guest = Domain(libvirt, lab, channels=(PORT,), config=CONFIG)
        equal(ask(libvirt, guest, "guest-sync", id=4711), {"return": 4711}, "sync")
        info = ask(libvirt, guest, "guest-info")["return"]
        check("guest-set-memory-blocks" in [command["name"]
                                            for command in info["supported_commands"]], info)
        size = ask(libvirt, guest, "guest-get-memory-block-info")["return"]["size"]
        dimm = guest.plug(512)
        wanted = [dimm["addr"] // size + number for number in range(dimm["size"] // size)]
        guest.wait_blocks(dimm["addr"], dimm["size"], "offline")
        check(not any(online_by_number(libvirt, guest)[number] for number in wanted), "not kept")
        answer = ask(libvirt, guest, "guest-set-memory-blocks", **{"mem-blks": [
            {"phys-index": number, "online": True} for number in wanted + [9999]]})["return"]
        equal([part["response"] for part in answer], ["success"] * len(wanted) + ["not-found"],
              "responses")
        expect.all_online(guest, dimm)
        check(all(online_by_number(libvirt, guest)[number] for number in wanted), "not online")
        second = guest.plug(512)
        guest.wait_blocks(second["addr"], second["size"], "offline")
        by_memonlinectl(libvirt, guest, second)
