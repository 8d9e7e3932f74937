# SPDX-License-Identifier: GPL-2.0-or-later
"""virt-memonline resize: up and down by DIMMs and by virtio-mem, also where it shrinks only partly.

What a virtio-mem device cannot give back it keeps, and the host asks for no less than that then.
libvirtd is restarted and the domain destroyed while it shrinks. --monitor, and no verb without it, has
libvirt mark the domain as tainted.
"""

import signal

from lab import check, equal, virt
from lab.libvirt import Domain, Libvirt
from lab.virt import FAILED, MIB, PARTLY, json_of, unchanged

NEEDS = ("libvirt",)
INSTALLED = "its guest is of libvirt; cold-port and under-unit have installed ones of libvirt"
DEVICE = """\
<memory model='virtio-mem'><target><size unit='GiB'>1</size><node>0</node>
<block unit='MiB'>2</block><requested unit='MiB'>0</requested></target>
<alias name='ua-vm'/></memory>
"""


def resize(libvirt, guest, total, code=0):
    return json_of(libvirt.virt("resize", "-J", guest.name, total, code=code))


def by_dimms(libvirt, guest):
    before = guest.memory_kib()
    unchanged(libvirt, guest, "nothing-given", "resize", "512M")
    unchanged(libvirt, guest, "unaligned", "resize", "1100M")
    unchanged(libvirt, guest, "beyond-maximum", "resize", "65G")
    unchanged(libvirt, guest, "has that much", "resize", "1G", code=0)
    equal(resize(libvirt, guest, "1536M")["done"], 512 * MIB, "resize up")
    equal(guest.memory_kib() - before, 512 << 10, "growth in KiB")
    unchanged(libvirt, guest, "no-such-sum", "resize", "1280M")
    equal(resize(libvirt, guest, "1664M")["done"], 128 * MIB, "resize up once more")
    equal(resize(libvirt, guest, "1G")["done"], 640 * MIB, "resize down")
    equal(guest.memory_kib(), before, "memory as it was")


def device(libvirt, guest):
    [found] = json_of(libvirt.virt("show", "-J", guest.name))["devices"]
    return found


def by_virtio_mem(libvirt, guest):
    libvirt.virsh("attach-device", "--live", guest.name, libvirt.write("vm.xml", DEVICE))
    equal(resize(libvirt, guest, "1536M")["done"], 512 * MIB, "resize up")
    unchanged(libvirt, guest, "unaligned", "resize", "1537M")
    equal(resize(libvirt, guest, "1280M")["done"], 256 * MIB, "resize down")
    equal(resize(libvirt, guest, "1536M")["done"], 256 * MIB, "resize up again")


def partly(libvirt, guest, said):
    """What it says is what is: pages that are pinned stay, the others are given back."""
    equal([said["result"], said["error"]["class"]], ["partly", "Partly"], "resize")
    found = device(libvirt, guest)
    check(0 < found["current"] < 512 * MIB, "current size: %s" % found)
    equal(found["current"], 512 * MIB - said["done"], "what is left")
    equal(found["requested"], found["current"], "what the host asks for then")
    equal(found["verdict"], "complete", "the device afterwards")


def shrinks_partly(libvirt, guest):
    virt.pin(guest)
    partly(libvirt, guest, resize(libvirt, guest, "1G", code=PARTLY))
    said = libvirt.virt("resize", guest.name, "1536M")
    check("done" in said, said)


def shrinking(libvirt, guest):
    process = libvirt.virt_begin("resize", "-J", guest.name, "1G")
    virt.until(lambda: "<requested unit='KiB'>0<" in virt.xml_of(libvirt, guest),
               "the size is not requested")
    return process


def restarted_in_the_middle(libvirt, guest):
    process = shrinking(libvirt, guest)
    libvirt.restart(signal.SIGKILL)
    partly(libvirt, guest, json_of(libvirt.virt_end(process, PARTLY)))
    virt.unpin(guest)
    equal(resize(libvirt, guest, "1G")["result"], "done", "the rest")
    equal(device(libvirt, guest)["current"], 0, "nothing is left")


def by_monitor(libvirt, guest):
    """QEMU knows the address, which libvirt 9.0 does not: only then is the domain tainted."""
    libvirt.virt("resize", guest.name, "1536M")
    before = device(libvirt, guest)
    virt.untainted(libvirt, guest)
    [found] = json_of(libvirt.virt("show", "-J", "--monitor", guest.name))["devices"]
    check(found["base"] >= 4 << 30, "base: %s" % found)
    equal([found["verdict"], found["online"]], ["complete", before["online"]], "by the monitor")
    check("custom monitor" in libvirt.virsh("dominfo", guest.name), "the domain is not tainted")


def destroyed_in_the_middle(libvirt, guest):
    virt.pin(guest)
    process = shrinking(libvirt, guest)
    libvirt.virsh("destroy", guest.name)
    said = json_of(libvirt.virt_end(process, FAILED))
    check("no longer runs" in said["error"]["desc"], said)


def run(lab):
    with Libvirt(lab) as libvirt:
        guest = Domain(libvirt, lab, config=virt.POLICY % "online_movable",
                       modules=("virtio_mem",))
        by_dimms(libvirt, guest)
        by_virtio_mem(libvirt, guest)
        shrinks_partly(libvirt, guest)
        restarted_in_the_middle(libvirt, guest)
        by_monitor(libvirt, guest)
        destroyed_in_the_middle(libvirt, guest)
