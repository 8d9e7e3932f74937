# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtio-mem device grows online, shrinks back, and grows again: its driver is not an operator.

Its driver takes blocks offline and removes them when the device shrinks, and plugs parts of
blocks. A block that an operator took offline stays so while the device grows past it.
"""

import time

from lab import Guest, Timeout, check, equal, expect

CONFIG = "[memonlined]\npolicy = online_movable\n"
OWNER = CONFIG + "[owner System RAM (virtio_mem)]\npolicy = online_kernel\n"
MIB = 1 << 20


def wait_size(guest, size, deadline=120):
    """Until the driver has made of the request what was asked for."""
    until = time.monotonic() + deadline
    while guest.virtio_mem()["size"] != size:
        if time.monotonic() >= until:
            raise Timeout("the device stays at %d bytes" % guest.virtio_mem()["size"])
        time.sleep(0.2)


def request(guest, mebibytes):
    guest.request_virtio_mem(mebibytes * MIB)
    wait_size(guest, mebibytes * MIB)


def plugged(guest, mebibytes):
    """The blocks that the device's memory takes, as if it was a DIMM of whole blocks."""
    unit = guest.block_bytes()
    return {"addr": guest.virtio_mem()["memaddr"], "size": -(-mebibytes * MIB // unit) * unit}


def numbers(guest):
    return sorted(guest.blocks(guest.virtio_mem()["memaddr"], 2 << 30))


def grow(guest, mebibytes, zone="Movable"):
    request(guest, mebibytes)
    memory = plugged(guest, mebibytes)
    expect.all_online(guest, memory)
    equal(set(guest.zones(memory)), {zone}, "zones at %d MiB" % mebibytes)
    equal(len(numbers(guest)), memory["size"] // guest.block_bytes(), "blocks")


def wait_count(guest, count, deadline=60):
    """The driver gives the memory back first, and takes the blocks away then."""
    until = time.monotonic() + deadline
    while len(numbers(guest)) > count:
        if time.monotonic() >= until:
            raise Timeout("%d blocks stay, of which %d should" % (len(numbers(guest)), count))
        time.sleep(0.2)


def shrink(guest, mebibytes):
    request(guest, mebibytes)
    memory = plugged(guest, mebibytes)
    wait_count(guest, memory["size"] // guest.block_bytes())
    equal(len(numbers(guest)), memory["size"] // guest.block_bytes(),
          "blocks at %d MiB" % mebibytes)
    equal(set(guest.blocks(memory["addr"], 2 << 30).values()) - {"online"}, set(), "states")


def offline_reasons(channel):
    return [part["reason"] for part in channel.request("memonline-get-ranges")
            if part["state"] != "online"]


def grows_and_shrinks(guest):
    before = guest.memory_kib()
    with guest.channel() as channel:
        grow(guest, 512)
        equal(guest.memory_kib() - before, 512 << 10, "KiB that MemTotal grew by")
        report = channel.report()
        check(all((part["from"], part["to"], part["zone"]) == ("offline", "online", "Movable")
                  for part in report["ranges"]), "report: %s" % report)
        grow(guest, 1000)
        shrink(guest, 200)
        equal(offline_reasons(channel), [], "what is offline after the device shrank")
        grow(guest, 768)
        shrink(guest, 0)
        equal(guest.memory_kib(), before, "MemTotal without the device's memory")
        grow(guest, 300)
        equal(offline_reasons(channel), [], "what is offline at the end")
        while channel.reports_waiting():
            report = channel.report()
            check(all(part["result"] == "success" for part in report["ranges"]), report)


def shrinks_unseen(guest):
    """While no agent runs."""
    grow(guest, 1024)
    guest.stop_daemon("KILL")
    shrink(guest, 256)
    request(guest, 1024)
    guest.start_daemon()
    grow(guest, 1024)


def operator(guest):
    held = numbers(guest)[3]
    guest.write_word(held, "offline")
    request(guest, 1280)
    guest.wait_blocks(guest.virtio_mem()["memaddr"] + 1024 * MIB, 256 * MIB, "online")
    equal(guest.blocks()[held], "offline", "the block that was taken offline by hand")
    shrink(guest, 256)
    grow(guest, 512)


def run(lab):
    with Guest(lab, config=CONFIG, virtio_mem="2G") as guest:
        grows_and_shrinks(guest)
        shrinks_unseen(guest)
        operator(guest)
    with Guest(lab, name="owner", config=OWNER, virtio_mem="2G") as guest:
        grow(guest, 256, "Normal")
        dimm = guest.plug("256M")
        expect.all_online(guest, dimm)
        equal(set(guest.zones(dimm)), {"Movable"}, "zones of a DIMM beside it")
