# SPDX-License-Identifier: GPL-2.0-or-later
"""A DIMM that the kernel ignores at boot: the host reconciles with --probe, and it is all there.

It is as on EL6.0-6.6 after a reboot. MemTotal grows by the DIMM, and the guest fills that memory
and lives.
"""

import json

from lab import blind, check, equal, expect, host

LIMIT = 1800
INSTALLED = "its kernel is too small for systemd"
SIZE = 512 << 20
PARTLY = 64


def reconcile(guest, *arguments, code=0):
    devices = json.dumps({"return": guest.qmp.command("query-memory-devices")})
    return host.ctl_status("--socket", guest.channel_path(), "reconcile", *arguments, code=code,
                           text=devices)


def run(lab):
    with blind.guest(lab, dimms=["512M"]) as guest:
        (dimm,) = guest.dimms().values()
        equal(guest.blocks(dimm["addr"], dimm["size"]), {}, "blocks before")
        before = guest.memory_kib()
        found = json.loads(reconcile(guest, "--json", code=PARTLY))
        equal([device["verdict"] for device in found], ["absent"], "verdicts before")
        table = reconcile(guest, "--probe")
        check("complete" in table, "not complete: " + table)
        expect.all_online(guest, dimm)
        expect.grown(guest, before, SIZE)
        equal(guest.ctl_json("reports --json")["reports"] != [], True, "something was reported")
        check(blind.fill(guest) > SIZE >> 20, "less filled than the DIMM")
        blind.lives(guest)
        reconcile(guest, "--probe")
        expect.grown(guest, before, SIZE)
