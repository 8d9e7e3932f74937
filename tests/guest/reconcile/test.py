# SPDX-License-Identifier: GPL-2.0-or-later
"""The result for each DIMM of the host: complete, partial, absent, and why.

One is online, one has a block that was taken offline by hand, one is no multiple of a block and
one is too large for the guest's free memory: the kernel refuses the last two, and only its log says why. memonlinectl asks QEMU's monitor itself, or reads the devices from standard input.

A second guest has no driver for its virtio-mem device, knows nothing of NUMA, and has mem= on its
command line: a DIMM that is there at boot is refused, and one that comes later lands on another node
than the host gave.
"""

import json

from lab import Guest, check, equal, expect, host, hunger

CONFIG = "[memonlined]\npolicy = online_movable\n"
MIB = 1 << 20
GIB = 1 << 30
RESERVE = "/proc/sys/vm/min_free_kbytes"
RESERVE_KIB = 96 << 10
PARTLY = 64
FAILED = 1


def members(found, **wanted):
    equal({name: found.get(name) for name in wanted}, wanted, "members of %s" % found)


def ask(guest, channel):
    """What the agent says of each DIMM, by the host's name for it."""
    devices = guest.qmp.command("query-memory-devices")
    answer = channel.request("memonline-reconcile", devices=devices)
    equal([device["id"] for device in answer], [device["data"]["id"] for device in devices],
          "devices answered for")
    return {device["id"]: device for device in answer}


def is_complete(found, dimm):
    members(found, type="dimm", verdict="complete", cause="none", missing=[], remarks=[],
            start=dimm["addr"], size=dimm["size"], slot=dimm["slot"], online=dimm["size"],
            zones=["Movable"], removable="yes", node=0, log=None)


def is_absent(found, dimm, cause, line):
    members(found, verdict="absent", cause=cause, online=0, zones=[], node=-1,
            missing=[{"state": "absent", "reason": cause, "size": dimm["size"]}])
    check(line in found.get("log", ""), "not the kernel's line in %s" % found)


def plug_refused(guest, size):
    """The guest's kernel will not have it, and has said so."""
    said = guest.sh("dmesg | grep -c 'add_memory failed' || true").strip()
    dimm = guest.plug(size)
    guest.until('[ "$(dmesg | grep -c "add_memory failed")" -gt %s ]' % said)
    return dimm


def plug_huge(guest, size):
    """A reserve is what is left when the kernel has taken all else."""
    before = guest.read(RESERVE)
    guest.sh("echo %d >%s" % (RESERVE_KIB, RESERVE))
    return hunger.plug_refused(guest, size, RESERVE, before)


def offline_one(guest, channel, dimm):
    number = dimm["addr"] // guest.block_bytes()
    guest.sh("echo offline > /sys/devices/system/memory/memory%d/state" % number)
    channel.report()


def ctl(guest, *arguments, code=0, text=None, free=False):
    """`free`: the lab lets go of the monitor."""
    if free:
        guest.qmp.close()
    return host.ctl_status("--socket", guest.channel_path(), "reconcile", *arguments,
                           code=code, text=text)


def by_memonlinectl(guest, words):
    """The channel is free; the monitor has one client at a time, and so far that is the lab."""
    devices = json.dumps({"return": guest.qmp.command("query-memory-devices")})
    found = json.loads(ctl(guest, "--json", code=PARTLY, text=devices))
    equal([device["verdict"] for device in found], words, "verdicts by standard input")
    said = ctl(guest, "--timeout", "2", "--qmp", guest.qmp_path(), code=FAILED)
    check("monitor in use" in said, "nothing said about a monitor in use: %s" % said)
    table = ctl(guest, "--qmp", guest.qmp_path(), "-n", "-o", "VERDICT", code=PARTLY, free=True)
    equal(table.split(), words, "verdicts by the monitor")


def on_the_command_line(lab):
    with Guest(lab, "limited", memory="512M", dimms=["256M"], nodes=2, virtio_mem="1G",
               virtio_mem_driver=False, config=CONFIG, append="numa=off mem=512M") as guest:
        with guest.channel() as channel:
            guest.request_virtio_mem("1G")
            [cold] = guest.dimms().values()
            later = guest.plug("256M", node=1)
            expect.all_online(guest, later)
            found = ask(guest, channel)
            is_absent(found[cold["id"]], cold, "memory-limit", "add_memory failed")
            members(found[later["id"]], verdict="complete", cause="none", node=0,
                    remarks=["node-differs"])
            [virtio] = [device for device in found.values() if device["type"] == "virtio-mem"]
            members(virtio, verdict="absent", cause="no-driver", size=0, requested=GIB,
                    missing=[{"state": "absent", "reason": "no-driver", "size": GIB}])
        table = ctl(guest, "--qmp", guest.qmp_path(), "-n", "-o", "REMARKS,REQUESTED",
                    code=PARTLY, free=True)
        check("node-differs" in table and "1G" in table, table)
        first = guest.ctl("explain 0")
        check("System RAM" in first and "\ndimm" not in first, "of memory0: %s" % first)


def run(lab):
    on_the_command_line(lab)
    with Guest(lab, memory="512M", config=CONFIG) as guest:
        with guest.channel() as channel:
            equal(ask(guest, channel), {}, "no devices")
            whole = guest.plug("256M")
            part = guest.plug("256M")
            for dimm in (whole, part):
                expect.all_online(guest, dimm)
                channel.report()
            is_complete(ask(guest, channel)[part["id"]], part)
            offline_one(guest, channel, part)
            huge = plug_huge(guest, "60G")
            found = ask(guest, channel)
            is_complete(found[whole["id"]], whole)
            members(found[part["id"]], verdict="partial", cause="offlined-elsewhere",
                    online=128 * MIB, zones=["Movable"], removable="yes", missing=[
                        {"state": "offline", "reason": "offlined-elsewhere", "size": 128 * MIB}])
            is_absent(found[huge["id"]], huge, "memory-short", "vmemmap alloc failure")
            # The last one: QEMU would put the next one behind its crooked end.
            crooked = plug_refused(guest, "100M")
            found = ask(guest, channel)
            is_absent(found[crooked["id"]], crooked, "unaligned", "unaligned hotplug range")
            is_absent(found[huge["id"]], huge, "memory-short", "vmemmap alloc failure")
            is_complete(found[whole["id"]], whole)
        by_memonlinectl(guest, ["complete", "partial", "absent", "absent"])
