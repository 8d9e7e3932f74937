# SPDX-License-Identifier: GPL-2.0-or-later
"""An initramfs with a racing rule: the package's hook takes the rule out, and the DIMM is movable.

Debian's initramfs-tools makes the image in a chroot (lab/chroot.py) where the package is installed
and a hook of somebody else's brings a rule that onlines memory. The guest boots from it and from a
root disk with the package, a DIMM there at boot, policy `online_movable`. Without the hook the same
rule is first, or this would show nothing. dracut's image is made in the same chroot, with a rule
of its distributions' name, and looked at.
"""

import shutil

from lab import check, chroot, distribution, equal, expect, installed
from lab.distribution import CONFIG_FILE
from lab.stream import without_daemon

NEEDS = ("distribution", "deb")
FULL = True
LIMIT = 1800
INSTALLED = "its guests have the package installed as it is"

WANTED = ("busybox", "dracut-core", "initramfs-tools", "kmod", "libinih1", "libmnl0", "libudev1",
          "udev")
MODULES = ("virtio_pci", "virtio_blk", "virtio_console", "ext4")
CONFIG = b"[memonlined]\npolicy = online_movable\n"
RULE = 'ACTION=="add", SUBSYSTEM=="memory", ATTR{state}=="offline", ATTR{state}="online"\n'
HOOKS = "/usr/share/initramfs-tools/hooks/"
# As those that bring rules do it. 40-redhat.rules is on dracut's own list.
VENDOR_HOOK = """\
#!/bin/sh
case $1 in prereqs) exit 0 ;; esac
mkdir -p "$DESTDIR/usr/lib/udev/rules.d"
cp /srv/40-redhat.rules "$DESTDIR/usr/lib/udev/rules.d/40-vendor.rules"
"""
SETUP = """\
printf '%%s' '%s' >/srv/40-redhat.rules
printf '%%s' '%s' >%svendor
chmod 755 %svendor
printf 'MODULES=list\\nCOMPRESS=gzip\\nBUSYBOX=y\\n' >/etc/initramfs-tools/conf.d/lab
printf '%s\\n' >/etc/initramfs-tools/modules
dpkg -i /srv/this.deb
cp /srv/40-redhat.rules /usr/lib/udev/rules.d/
""" % (RULE, VENDOR_HOOK, HOOKS, HOOKS, "\\n".join(MODULES))
APPEND = installed.Guest.append + " root=/dev/vda rootfstype=ext4"


class Booted(installed.Copy):
    """From an initramfs of its own."""

    append = APPEND
    first_process = b"systemd"  # it has no line of the lab's

    def __init__(self, lab, path, initrd, **options):
        self._initrd = initrd
        super().__init__(lab, path, **options)

    def _write_initramfs(self, path, kernel, files, modules):
        shutil.copyfile(self._initrd, path)


def put_kernel(root, kernel, temp):
    """The modules that the guest needs, and what mkinitramfs looks at beside them."""
    target = "/lib/modules/" + kernel.release
    root.sh("mkdir -p %s/kernel /boot" % target)
    for name, data in kernel.modules(MODULES):
        with open(temp, "wb") as out:
            out.write(data)
        root.put(temp, "%s/kernel/%s.ko" % (target, name))
    for name in ("modules.builtin", "modules.builtin.modinfo", "modules.order"):
        root.put(kernel.beside(name), target)
    root.put(kernel.config(), "/boot/config-" + kernel.release)
    root.sh("depmod -a " + kernel.release)


def make_image(root, kernel, target):
    text = root.sh("mkinitramfs -o /srv/initrd %s 2>&1; lsinitramfs /srv/initrd" % kernel.release,
                   600)
    check("rules.d/40-vendor.rules" in text, "the image lacks the vendor's rule:\n" + text)
    root.get("/srv/initrd", target)


def dracut_leaves_it_out(root, kernel):
    root.sh("dracut --no-kernel --no-hostonly --force --modules 'base udev-rules memonline' "
            "--kver %s /srv/dracut.img >/srv/dracut.log 2>&1 || { cat /srv/dracut.log; exit 1; }"
            % kernel.release, 600)
    text = root.sh("lsinitrd -f usr/lib/udev/rules.d/40-redhat.rules /srv/dracut.img")
    equal(text.splitlines()[1:], ["# " + RULE.strip()], "the rule in dracut's image")


def images(lab):
    """(with the hook, without it)"""
    made = lab.temp_path("hook.img"), lab.temp_path("no-hook.img")
    with chroot.Chroot(distribution.SUITE, WANTED) as root:
        root.put(distribution.deb(), "/srv/this.deb")
        put_kernel(root, lab.kernel, lab.temp_path("module"))
        root.sh(SETUP)
        make_image(root, lab.kernel, made[0])
        dracut_leaves_it_out(root, lab.kernel)
        root.sh("rm %szz-memonline" % HOOKS)
        make_image(root, lab.kernel, made[1])
    return made


def root_disk(lab):
    path = lab.temp_path("root.img")
    distribution.as_root(["cp", "--sparse=always", installed.disk(lab), path])
    with installed.Writer(lab, path, name="configure", files={CONFIG_FILE: CONFIG}) as writer:
        if without_daemon():
            writer.sh("systemctl mask memonlined")
        writer.power_off()
    return path


def run(lab):
    with_hook, without_hook = images(lab)
    disk = root_disk(lab)
    with Booted(lab, disk, with_hook, name="with", dimms=["512M"]) as booted:
        booted.sh("systemctl -q is-active memonlined")
        dimm = booted.dimms()["dimm1"]
        expect.all_online(booted, dimm)
        equal(set(booted.zones(dimm)), {"Movable"}, "zones of the DIMM")
        with booted.channel() as channel:
            expect.one_range(channel.report(), dimm, requested="online_movable", zone="Movable")
    with Booted(lab, disk, without_hook, name="without", dimms=["512M"]) as booted:
        equal(set(booted.zones(booted.dimms()["dimm1"])), {"Normal"}, "zones without the hook")
