# SPDX-License-Identifier: GPL-2.0-or-later
"""DAX memory used as ordinary memory is the kernel's and daxctl's, not the policy's.

Where the kernel onlines by itself and the policy needs that switched off, the agent does for such
memory what the kernel would have done; where the kernel does nothing, neither does the agent.
The command line makes 1 GiB at 4 GiB "Soft Reserved", and sysfs hands that to the kmem driver,
as daxctl reconfigure-device --mode=system-ram --no-online does.
"""

from lab import Guest, equal, expect

CONFIG = "[memonlined]\npolicy = online_movable\n"
DAX = {"addr": 4 << 30, "size": 1 << 30}
# E820 type 1, System RAM, becomes 0xefffffff, Soft Reserved.
RESERVED = "memmap=1G%4G-1+0xefffffff"
MODULES = ("dax_hmem", "device_dax", "kmem")
AS_MEMORY = """
cd /sys/bus/dax/drivers
[ -e device_dax/dax0.0 ] && echo dax0.0 >device_dax/unbind
echo dax0.0 >kmem/new_id
[ -e kmem/dax0.0 ] && grep 'System RAM (kmem)' /proc/iomem
"""


def start(lab, name, auto_online):
    return Guest(lab, name=name, memory="4G", config=CONFIG, auto_online=auto_online,
                 modules=MODULES, append=RESERVED)


def dimm_is_movable(guest):
    dimm = guest.plug("256M")
    expect.all_online(guest, dimm)
    equal(set(guest.zones(dimm)), {"Movable"}, "zones of the DIMM")


def dax_is(guest, channel, state, reason):
    guest.sh(AS_MEMORY)
    guest.wait_blocks(DAX["addr"], DAX["size"], state)
    # What comes now is online: the agent has scanned since.
    dimm_is_movable(guest)
    equal(set(guest.blocks(DAX["addr"], DAX["size"]).values()), {state}, "states of DAX memory")
    equal(expect.reason_of(channel, DAX), reason, "reason")


def switched_off(lab):
    with start(lab, "switched-off", "online") as guest, guest.channel() as channel:
        dimm_is_movable(guest)
        equal(guest.auto_online(), "offline", "auto_online_blocks while the agent runs")
        dax_is(guest, channel, "online", "kernel-default")
        equal(set(guest.zones(DAX)), {"Normal"}, "zones of DAX memory")


def left_alone(lab):
    with start(lab, "left-alone", "offline") as guest, guest.channel() as channel:
        dax_is(guest, channel, "offline", "policy-keep")


def run(lab):
    switched_off(lab)
    left_alone(lab)
