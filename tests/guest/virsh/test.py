# SPDX-License-Identifier: GPL-2.0-or-later
"""virsh qemu-agent-command, a client that knows only qemu-ga, is served by memonlined.

libvirtd holds the host's end of org.qemu.guest_agent.0; memonlined is configured for that
port, stays quiet on it, and answers sync, info, get and set. virt-memonline goes the same
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


def by_virt_memonline(libvirt, guest):
    """A DIMM of its own: nothing that the kernel has put there must hold it."""
    said = json.loads(libvirt.virt("plug", "-J", guest.name, "512M", "--keep", "--timeout", "5",
                                   code=PARTLY))
    [change] = said["changes"]
    device = change["device"]
    equal([device["online"], device["cause"]], [0, "policy-keep"], "the new DIMM")
    guest.ctl("online %d-%d --word online_movable" % (
        device["base"] // guest.block_bytes(),
        (device["base"] + device["size"]) // guest.block_bytes() - 1))
    said = json.loads(libvirt.virt("unplug", "-J", guest.name, device["alias"]))
    equal([said["result"], said["done"]], ["done", device["size"]], "unplug")
    [row] = json.loads(libvirt.virt("list", "-J", "-b"))["domains"]
    equal([row["domain"], row["agent"]], [guest.name, "answers"], "list")


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
        by_virt_memonline(libvirt, guest)
