# SPDX-License-Identifier: GPL-2.0-or-later
"""virt-memonline plug, unplug, resize and wait: what the guest has, or the domain as it was before.

Each refusal and each failure has its exit code and its words, and leaves the domain's XML as it
was. A virtio-mem device is grown and shrunk; a DIMM in a kernel zone stays; libvirt marks the
domain as tainted at no time.
"""

from lab import equal, virt
from lab.libvirt import Domain, Libvirt
from lab.virt import MIB, PARTLY, UNKNOWN, json_of, set_policy, unchanged

NEEDS = ("libvirt",)
INSTALLED = "its guest is of libvirt; cold-port and under-unit have installed ones of libvirt"
VIRTIO_MEM = """\
<memory model='virtio-mem'><target><size unit='GiB'>1</size><node>0</node>
<block unit='MiB'>2</block><requested unit='MiB'>0</requested></target>
<alias name='ua-vm'/></memory>
"""


def refusals(libvirt, guest):
    for words, size, more in (
            ("unaligned", "100M", []), ("beyond-maximum", "64G", []),
            ("no-slot", "8G", ["--dimm-size", "128M"]), ("no-such-node", "1G", ["--node", "1"]),
            ("guest-memory-short", "62G", []), ("no-such-device", "1G", ["--device", "nobody"])):
        unchanged(libvirt, guest, words, "plug", size, *more)
    unchanged(libvirt, guest, "nothing-given", "unplug", "1G")
    unchanged(libvirt, guest, "no-such-device", "unplug", "nobody")
    unchanged(libvirt, guest, "no persistent configuration", "plug", "1G", "--persistent")
    unchanged(libvirt, guest, "would attach", "plug", "1G", "--dry-run", code=0)


def plugged(libvirt, guest):
    before = guest.memory_kib()
    said = json_of(libvirt.virt("plug", "-J", guest.name, "512M"))
    equal([said["result"], said["done"]], ["done", 512 * MIB], "plug")
    equal(guest.memory_kib() - before, 512 << 10, "growth of the guest in KiB")
    said = json_of(libvirt.virt("plug", "-J", guest.name, "384M", "--dimm-size", "256M"))
    equal([change["device"]["size"] for change in said["changes"]], [256 * MIB, 128 * MIB],
          "sizes of the DIMMs")
    libvirt.virt("wait", guest.name)
    # The fewest that make exactly the size, and of those the highest.
    said = json_of(libvirt.virt("unplug", "-J", guest.name, "640M"))
    equal([change["alias"] for change in said["changes"]],
          ["ua-memonline-3", "ua-memonline-1"], "what was taken out")
    unchanged(libvirt, guest, "no-such-sum", "unplug", "128M")
    libvirt.virt("resize", guest.name, "1G")
    equal(guest.memory_kib(), before, "the guest's memory as it was")


def not_online_in_time(libvirt, guest):
    set_policy(guest, "keep")
    unchanged(libvirt, guest, "policy-keep", "plug", "256M", "--timeout", "3")
    said = json_of(libvirt.virt("plug", "-J", guest.name, "256M", "--timeout", "3", "--keep",
                                code=PARTLY))
    equal([said["result"], said["done"], said["error"]["class"]], ["partly", 0, "Partly"],
          "plug --keep")
    unchanged(libvirt, guest, "policy-keep", "wait", "--timeout", "2", code=UNKNOWN)
    set_policy(guest, "online_kernel")
    libvirt.virt("wait", guest.name)
    unchanged(libvirt, guest, "kernel-zone", "unplug", "256M")
    set_policy(guest, "online_movable")


def virtio_mem(libvirt, guest):
    libvirt.virsh("attach-device", "--live", guest.name, libvirt.write("vm.xml", VIRTIO_MEM))
    said = json_of(libvirt.virt("plug", "-J", guest.name, "256M"))
    [change] = said["changes"]
    equal([change["alias"], change["device"]["current"], change["device"]["online"]],
          ["ua-vm", 256 * MIB, 256 * MIB], "the virtio-mem device")
    unchanged(libvirt, guest, "device-full", "plug", "1G", "--model", "virtio-mem")
    unchanged(libvirt, guest, "unaligned", "plug", "3M")
    said = json_of(libvirt.virt("unplug", "-J", guest.name, "ua-vm"))
    equal([said["done"], said["changes"][0]["device"]["current"]], [256 * MIB, 0], "unplug")


def run(lab):
    with Libvirt(lab) as libvirt:
        guest = Domain(libvirt, lab, config=virt.POLICY % "online_movable", modules=("virtio_mem",))
        refusals(libvirt, guest)
        plugged(libvirt, guest)
        not_online_in_time(libvirt, guest)
        virtio_mem(libvirt, guest)
        virt.untainted(libvirt, guest)
