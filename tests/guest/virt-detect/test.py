# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest whose processor hides the hypervisor is a virtual machine by what its firmware says.

Policy auto: `online` where the maker's name or SMBIOS type 0 says "virtual machine", and
`online_movable` where neither does, as on bare metal. systemd-detect-virt(1) says the same.
"""

from lab import Guest, equal, expect

HIDDEN = ["-cpu", "max,-hypervisor"]
MAKER = ["-smbios", "type=1,manufacturer=ACME,product=Server,version=1"]
# QEMU's own type 0 has the bit, SeaBIOS's has it not.
BIT = ["-smbios", "type=0,vendor=ACME"]
# name: (QEMU's arguments, machine, zone, online type)
GUESTS = {
    "shown": ([], "virtual", "Normal", "online"),
    "maker": (HIDDEN, "virtual", "Normal", "online"),
    "firmware": (HIDDEN + MAKER + BIT, "virtual", "Normal", "online"),
    "nothing": (HIDDEN + MAKER, "bare metal", "Movable", "online_movable"),
}


def one(lab, name):
    arguments, machine, zone, word = GUESTS[name]
    with Guest(lab, name=name, config="[memonlined]\npolicy = auto\n", auto_online="offline",
               arguments=arguments) as guest:
        equal("hypervisor" in guest.read("/proc/cpuinfo").split(), not arguments,
              "the processor's flag")
        with guest.channel() as channel:
            dimm = guest.plug("256M")
            expect.all_online(guest, dimm)
            expect.only_report(guest, channel, dimm, zone=zone, requested=word, reason="policy")
        facts = dict(line.split(None, 1) for line in
                     guest.ctl("explain %#x" % dimm["addr"]).splitlines() if " " in line.strip())
        equal(facts.get("machine", facts.get("machine:", "")).strip(), machine,
              "machine of " + name)


def run(lab):
    for name in GUESTS:
        one(lab, name)
