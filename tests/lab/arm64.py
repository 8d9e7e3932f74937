# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests of arm64 on another machine: QEMU's virt with EDK2, emulated.

The programs are cross-built against Debian's libraries for arm64, which an apt configuration of
its own unpacks into the cache with udev, busybox and qemu-ga, beside Debian's cloud kernel.
"""

import functools
import glob
import os
import re
import subprocess

from . import kernel, packages, paths, suites, tree
from .platform import found_program

SUITE = "bookworm"
ARCHITECTURE = "arm64"
TRIPLET = "aarch64-linux-gnu"
KERNEL = "linux-image-cloud-arm64"
WANTED = ("busybox-static", "kmod", "libc6-dev", "libinih-dev", "libmnl-dev", "libudev-dev",
          "qemu-guest-agent", "udev", "util-linux")
BUILD = os.path.join(paths.BUILD, ARCHITECTURE)
FIRMWARE = "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"
LIBRARY_FOLDERS = ("lib/" + TRIPLET, "usr/lib/" + TRIPLET, "usr/lib/%s/systemd" % TRIPLET,
                   "lib/systemd", "usr/lib/systemd", "lib")


def unpack_with_dependencies(names, directory, env):
    """What apt would install with nothing there yet."""
    subprocess.check_call(
        ["apt-get", "install", "--download-only", "--no-install-recommends", "-qq", "-y",
         "-o", "Debug::NoLocking=1", "-o", "Dir::Cache::archives=" + directory] + names,
        env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    for package in glob.glob(os.path.join(directory, "*.deb")):
        subprocess.check_call(["dpkg", "-x", package, directory])
        os.unlink(package)


def fetched():
    """(folder of the distribution's files, folder of the kernel package)"""
    with suites.locked(SUITE):
        env = suites.configure(SUITE, ARCHITECTURE)
        failed = suites.update(env)
        concrete = kernel.apt_concrete(KERNEL, env)
        version = kernel.apt_version("udev", env)
        if failed or not concrete:
            raise packages.Missing("no packages for arm64: %s" % (failed or "no kernel"))
        root = kernel.fetch("root_" + version, functools.partial(unpack_with_dependencies, env=env),
                            list(WANTED), print, ARCHITECTURE)
        image = kernel.fetch(
            "%s_%s" % (concrete[0], kernel.apt_version(concrete[0], env)),
            functools.partial(kernel.unpack_debs, env=env), concrete, print, ARCHITECTURE)
        return root, image


def configure_options(root):
    folder = os.path.join(root, "usr/lib", TRIPLET)
    return tree.COMMON + [
        "--host=" + TRIPLET, "--without-virt", "CC=%s-gcc --sysroot=%s" % (TRIPLET, root),
        "PKG_CONFIG_LIBDIR=%s/pkgconfig" % folder, "PKG_CONFIG_SYSROOT_DIR=" + root,
        "LDFLAGS=-Wl,-rpath-link,%s:%s/lib/%s" % (folder, root, TRIPLET)]


def cross_build(root):
    with tree.make_lock(BUILD):
        tree.build(BUILD, configure_options(root))


def needed(program):
    """The libraries that a program names, and its loader's path."""
    text = subprocess.check_output(["readelf", "-dl", program], env=dict(os.environ, LC_ALL="C"),
                                   universal_newlines=True)
    names = re.findall(r"\(NEEDED\) +Shared library: \[(.*?)\]", text)
    return names, re.findall(r"program interpreter: (/.*?)\]", text)


class Arm64:
    """As platform.X86."""

    name = ARCHITECTURE
    machines = ("virt",)
    console = "console=ttyAMA0"
    firmware_reads_ports = True  # EDK2 drives virtio-serial
    # EDK2 of 2022, Debian 12's, has flash outside of all nodes: the kernel then drops every node.
    has_nodes = False

    def __init__(self):
        packages.install([ARCHITECTURE])
        self._root, self._kernel = fetched()
        cross_build(self._root)

    def emulator(self):
        return found_program("qemu-system-aarch64")

    def qemu(self, machine):
        # Without the firmware there is no ACPI, and no DIMM. "max" takes three times as long.
        return [self.emulator(), "-accel", "tcg", "-machine", machine + ",gic-version=3",
                "-cpu", "cortex-a72", "-bios", FIRMWARE]

    def kernel(self):
        return kernel.Kernel(self._kernel)

    def built(self, name):
        return os.path.join(BUILD, "agent", name)

    def _file(self, *names):
        for name in names:
            path = os.path.join(self._root, name)
            if os.path.isfile(path):
                return path
        raise packages.Missing("no %s among the packages for arm64" % names[0])

    def program(self, name):
        return self._file("usr/bin/" + name, "bin/" + name, "usr/sbin/" + name, "sbin/" + name)

    def udevd(self):
        # In Debian 12 a link to udevadm.
        return self.program("udevadm")

    def packaged(self, _names, path):
        return self._file(path)

    def libraries(self, program):
        found = {}
        names, loaders = needed(program)
        for loader in loaders:
            found[loader] = self._file(loader.lstrip("/"), "lib/%s/%s" % (
                TRIPLET, os.path.basename(loader)))
        for name in names:
            path = self._file(*(os.path.join(folder, name) for folder in LIBRARY_FOLDERS))
            found["/" + os.path.relpath(path, self._root)] = path
            found.update(self.libraries(path))
        return found
