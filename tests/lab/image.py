# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's root: busybox, udevd, lsmem, the programs under test, their libraries."""

import os
import subprocess

from . import cpio, packages, paths
from .platform import X86, found_program as host_program

MODULES = ("virtio_pci", "virtio_console", "virtio_blk")
TOOLS = ("lsmem", "chmem", "prlimit", "udevadm")
PROGRAMS = {"memonlined": "/usr/sbin/memonlined", "memonlinectl": "/usr/bin/memonlinectl"}
# What systemd's 50-udev-default.rules says about them.
RULES = """\
SUBSYSTEM=="virtio-ports", KERNEL=="vport*", ATTR{name}=="?*", \
SYMLINK+="virtio-ports/$attr{name}"
"""
MERGED = ("bin", "sbin", "lib", "lib64")


def contents(path):
    with open(path, "rb") as source:
        return source.read()


def merged(path):
    """Where a host's path lies in a root with a merged /usr."""
    return "/usr" + path if path.split("/")[1] in MERGED else path


class Root(cpio.Archive):
    def __init__(self, platform=X86()):
        super().__init__()
        self._platform = platform
        for name in ("dev", "proc", "sys", "run", "tmp", "etc", "target", "var"):
            self.directory("/" + name)
        for name in MERGED:
            self.directory("/usr/" + name)
            self.link("/" + name, "usr/" + name)
        self.link("/var/run", "/run")

    def program(self, source, target):
        """A program of the distribution or of the build, with all it needs to start."""
        self.file(target, contents(source), 0o755)
        for path, library in self._platform.libraries(source).items():
            if merged(path) not in self:
                self.file(merged(path), contents(library), 0o755)

    def busybox(self):
        """Every busybox of a distribution has the applets of this machine's."""
        self.program(self._platform.program("busybox"), "/usr/bin/busybox")
        listed = subprocess.check_output([host_program("busybox"), "--list"]).decode()
        for applet in listed.split():
            if "/usr/bin/" + applet not in self:
                self.link("/usr/bin/" + applet, "busybox")

    def modules(self, kernel, wanted, later=()):
        """later: those that are not loaded with the others but lie in /lab/later, in order."""
        found = kernel.modules(wanted)
        order = [(name, data) for name, data in found if name not in later]
        for name, data in order:
            self.file("/lab/modules/%s.ko" % name, data)
        for number, (name, data) in enumerate(found):
            if name in later:
                self.file("/lab/later/%02d-%s.ko" % (number, name), data)
        self.file("/lab/modules/order", "".join(name + "\n" for name, _ in order).encode())


def base(kernel, modules=(), platform=X86()):
    """The archive that every guest of this kernel and build starts from."""
    root = Root(platform)
    for name in TOOLS:
        root.program(platform.program(name), "/usr/bin/" + name)
    root.program(platform.udevd(), packages.UDEVD[0])
    for name, target in PROGRAMS.items():
        root.program(platform.built(name), target)
    root.busybox()
    root.modules(kernel, MODULES + tuple(modules))
    root.file("/usr/lib/udev/rules.d/50-virtio-ports.rules", RULES.encode())
    root.file("/init", contents(os.path.join(paths.LAB, "init")), 0o755)
    for name in ("start-daemon", "shell"):
        root.file("/lab/" + name, contents(os.path.join(paths.LAB, name)), 0o755)
    return root.data()


def overlay(files):
    """A second archive, unpacked over the first: {path: bytes, or (bytes, mode)}."""
    archive = cpio.Archive()
    for path, value in files.items():
        data, mode = value if isinstance(value, tuple) else (value, 0o644)
        archive.file(merged(path), data, mode)
    return archive.data()


def write(path, kernel, files, modules=(), platform=X86()):
    # Not compressed: an emulated processor takes longer to unpack it than to load it.
    with open(path, "wb") as image:
        image.write(base(kernel, modules, platform))
        image.write(overlay(files))
