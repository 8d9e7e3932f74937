# SPDX-License-Identifier: GPL-2.0-or-later
"""Every wrong address is refused with its reason, and the kernel is never asked.

Then the guest fills its memory and lives. With `confirm = none` only holes inside of the window
are no longer refused. The control: the test's own shell writes one of the addresses to `probe`,
and that guest crashes.
"""

import pathlib
import time

from lab import Timeout, blind, check, equal
from lab.stream import Closed

LIMIT = 3600
INSTALLED = "its kernel is too small for systemd"
MIB = 1 << 20
GIB = 1 << 30
UNIT = 128 * MIB
CONFIRM_NONE = "[probe]\nconfirm = none\n"
NVDIMM = ("-machine", "nvdimm=on", "-object",
          "memory-backend-ram,id=nv,size=128M", "-device", "nvdimm,id=nv1,memdev=nv,slot=5,addr=0x480000000")
HOLE = "hole"  # refused by the controller only


def wrong_ranges(dimm):
    """(start, size, reason); the DIMM is the only one, the window ends far above it."""
    start, end = dimm["addr"], dimm["addr"] + dimm["size"]
    yield 0, UNIT, "below-4g"
    yield start, 0, "bad-range"
    yield (1 << 64) - 1, 1, "unaligned"
    yield (1 << 64) - 1, UNIT, "bad-range"
    yield (1 << 64) - UNIT, UNIT, "beyond-address-bits"
    yield GIB, UNIT, "below-4g"
    yield 0xe0000000, UNIT, "below-4g"
    yield start + 1, UNIT, "unaligned"
    yield start, dimm["size"] + 1, "unaligned"
    yield start - UNIT, 2 * UNIT, "below-4g"
    yield 1 << 40, UNIT, "beyond-address-bits"
    yield 1 << 46, UNIT, "beyond-address-bits"
    yield (1 << 46) - UNIT, 2 * UNIT, "beyond-address-bits"
    yield 200 * GIB, UNIT, "outside-srat-window"
    yield start + 8 * GIB, UNIT, HOLE
    yield 0x200000000, 2 * UNIT, HOLE


def beside(dimm):
    start, end = dimm["addr"], dimm["addr"] + dimm["size"]
    return [(end, UNIT), (start, dimm["size"] + UNIT), (end - UNIT, 2 * UNIT)]


def probe(channel, *devices, **arguments):
    return channel.request("memonline-probe", devices=list(devices), **arguments)


def is_refused(channel, device, reason):
    (found,) = probe(channel, device)
    equal((found["verdict"], found["reason"], found["blocks-added"]), ("refused", reason, 0),
          "answer for %s" % device["data"])


def untouched(guest, blocks):
    equal(guest.blocks(), blocks, "memory blocks")


def dry_run_shows(channel, start):
    (found,) = probe(channel, blind.dimm(start, UNIT), **{"dry-run": True})
    passed = {check["check"]: check["passed"] for check in found["checks"]}
    equal([name for name, holds in sorted(passed.items()) if not holds], ["not-in-controller"],
          "checks that refuse")


def refused_by_default(lab):
    with blind.guest(lab, dimms=["512M"], arguments=NVDIMM) as guest:
        (dimm,) = guest.dimms().values()
        blocks = guest.blocks()
        with guest.channel() as channel:
            for start, size, reason in wrong_ranges(dimm):
                wanted = "not-in-controller" if reason == HOLE else reason
                is_refused(channel, blind.dimm(start, size), wanted)
            nvdimm = next(device for device in guest.qmp.command("query-memory-devices")
                          if device["type"] == "nvdimm")
            is_refused(channel, nvdimm, "not-a-dimm")
            is_refused(channel, dict(nvdimm, type="dimm"), "non-volatile")
            for start, size in beside(dimm):
                is_refused(channel, blind.dimm(start, size), "not-in-controller")
            found = probe(channel, blind.dimm(dimm["addr"], UNIT),
                          blind.dimm(dimm["addr"] + UNIT, UNIT),
                          blind.dimm(dimm["addr"] + 2 * UNIT, UNIT))
            equal({one["reason"] for one in found}, {"more-than-populated"}, "three for one")
            found = probe(channel, blind.dimm(dimm["addr"], UNIT),
                          blind.dimm(dimm["addr"], UNIT))
            equal({one["reason"] for one in found}, {"claimed-twice"}, "one twice")
            dry_run_shows(channel, 0x200000000)
        untouched(guest, blocks)
        blind.fill(guest)
        blind.lives(guest)


def refused_without_controller(lab):
    with blind.guest(lab, name="trusting", dimms=["512M"], config=CONFIRM_NONE,
                     arguments=NVDIMM) as guest:
        (dimm,) = guest.dimms().values()
        blocks = guest.blocks()
        with guest.channel() as channel:
            for start, size, reason in wrong_ranges(dimm):
                if reason != HOLE:
                    is_refused(channel, blind.dimm(start, size), reason)
                else:
                    (found,) = probe(channel, blind.dimm(start, size), **{"dry-run": True})
                    equal((found["verdict"], found["confirmed"]), ("would-probe", False), "hole")
        untouched(guest, blocks)
        blind.lives(guest)


def shell_crashes_it(lab):
    """What all this guards against: else the refusals above prove nothing."""
    with blind.guest(lab, name="control", dimms=["512M"], daemon=False) as guest:
        guest.sh("[ -w %s ]" % blind.PROBE)
        try:
            guest.sh("echo 0x200000000 >%s && echo online >"
                     "/sys/devices/system/memory/memory64/state" % blind.PROBE)
            blind.fill(guest)
        except (Closed, Timeout) as error:
            print("the control: %s" % error)
        end = time.monotonic() + 60
        while guest.is_running() and time.monotonic() < end:
            time.sleep(0.5)
        check(not guest.is_running(), "a wrong address does not crash this guest")
        said = pathlib.Path(guest.log).read_text(errors="replace")
        check("panic" in said, "it ended, and not by a panic:\n" + said[-2000:])


def run(lab):
    refused_by_default(lab)
    refused_without_controller(lab)
    shell_crashes_it(lab)
