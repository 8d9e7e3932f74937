# SPDX-License-Identifier: GPL-2.0-or-later
"""Records what the files of real guests say: python3 -m lab record DIRECTORY [NAME...]

Writes NAME.tar.xz for data/sysroots/ of the guests in RECIPES. MEMONLINE_KERNEL names another
kernel than the machine's own.
"""

import base64
import os
import subprocess
import tarfile
import tempfile

from . import packages
from .guest import Guest
from .scenario import Lab

# Regular files are read one by one; links among them stay links.
SCRIPT = r"""
rm -rf /tmp/tree && mkdir /tmp/tree
for file in /proc/buddyinfo /proc/cmdline /proc/cpuinfo /proc/iomem /proc/meminfo \
    /proc/pagetypeinfo /proc/version /proc/zoneinfo /sys/bus/acpi/devices/PNP0C80:*/hid \
    /sys/bus/acpi/devices/PNP0C80:*/modalias /sys/bus/acpi/devices/PNP0C80:*/path \
    /sys/bus/acpi/devices/PNP0C80:*/status /sys/bus/acpi/devices/PNP0C80:*/uid \
    /sys/bus/pnp/devices/*/id /sys/bus/pnp/devices/*/resources /sys/firmware/acpi/tables/SRAT \
    /sys/firmware/memmap/*/* /sys/module/memory_hotplug/parameters/* \
    /sys/devices/system/memory/block_size_bytes /sys/devices/system/memory/auto_online_blocks \
    /sys/devices/system/memory/memory*/online /sys/devices/system/memory/memory*/phys_device \
    /sys/devices/system/memory/memory*/phys_index /sys/devices/system/memory/memory*/removable \
    /sys/devices/system/memory/memory*/state /sys/devices/system/memory/memory*/valid_zones \
    /sys/devices/system/memory/uevent /sys/devices/system/memory/memory*/uevent \
    /sys/devices/system/node/node*/meminfo; do
	[ -f "$file" ] || continue
	mkdir -p "/tmp/tree${file%/*}"
	cat "$file" >"/tmp/tree$file" 2>/dev/null || [ "${file##*/}" = uevent ] || exit 1
done
for link in /sys/devices/system/node/node*/memory[0-9]*; do
	ln -s "../../memory/${link##*/}" "/tmp/tree$link"
done
tar -C /tmp/tree -cf - . | gzip | base64 -w 0
"""


def write_word(guest, word, first, count):
    guest.sh("cd /sys/devices/system/memory && for n in $(seq %d %d); do "
             "echo %s > memory$n/state; done" % (first, first + count - 1, word))


def plugged(guest, size, word=None, part=None, **where):
    """A DIMM of which the first `part` blocks (all) were brought online with this online type."""
    dimm = guest.plug(size, **where)
    blocks = guest.wait_blocks(dimm["addr"], dimm["size"])
    if word:
        write_word(guest, word, blocks[0], part or len(blocks))
    return blocks


def several_dimms(guest):
    plugged(guest, "512M", "online_movable")
    plugged(guest, "1G", "online_kernel", 3)
    plugged(guest, "256M")


def hole(guest):
    plugged(guest, "512M", addr=0x100000000)
    plugged(guest, "256M", addr=0x140000000)
    plugged(guest, "512M", "online_movable", addr=0x180000000)


def virtio_mem(guest):
    plugged(guest, "512M", "online_movable")
    guest.request_virtio_mem("1000M")
    device = guest.virtio_mem()
    blocks = guest.wait_blocks(device["memaddr"], 1 << 30)
    write_word(guest, "online_movable", blocks[0], 3)


def nodes(guest):
    plugged(guest, "512M", "online_movable", node=1)
    plugged(guest, "512M", "online_kernel", node=1)
    plugged(guest, "512M", node=0)


def large_blocks(guest):
    plugged(guest, "4G")


# name: (what Guest is given, what is done in it)
RECIPES = {
    "several-dimms": ({}, several_dimms),
    "hole": ({}, hole),
    "virtio-mem": ({"virtio_mem": "2G"}, virtio_mem),
    "numa2-mixed": ({"memory": "2G", "nodes": 2}, nodes),
    # Memory that ends at a multiple of 2 GiB: the kernel takes the largest block that fits.
    "2g-blocks": ({"memory": "65G", "maxmem": "128G", "append": "transparent_hugepage=never"},
                  large_blocks),
    "self-online": ({"dimms": ["512M"], "auto_online": ""}, lambda guest: None),
}


def save(guest, path):
    text = guest.sh(SCRIPT, deadline=600)
    with tempfile.TemporaryDirectory() as folder:
        packed = os.path.join(folder, "tree.tar.gz")
        with open(packed, "wb") as out:
            out.write(base64.b64decode(text))
        with tarfile.open(packed) as tree:
            tree.extractall(folder + "/tree")
        subprocess.check_call(["tar", "-C", folder + "/tree", "--owner=0", "--group=0",
                               "--sort=name", "-cJf", path, "."])


def main(argv):
    packages.install(["guest"])
    for name in argv[1:] or RECIPES:
        settings, prepare = RECIPES[name]
        lab = Lab("record-" + name)
        try:
            with Guest(lab, daemon=False, udev=False, **settings) as guest:
                prepare(guest)
                path = os.path.join(argv[0], name + ".tar.xz")
                save(guest, path)
                print("%s: kernel %s" % (path, lab.kernel.release), flush=True)
        finally:
            lab.close()
    return 0
