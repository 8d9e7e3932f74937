# SPDX-License-Identifier: GPL-2.0-or-later
"""Installs what is missing, by package name, with the machine's own package manager."""

import glob
import os
import shutil
import subprocess

UDEVD = ("/usr/lib/systemd/systemd-udevd", "/lib/systemd/systemd-udevd")
QEMU = ("qemu-system-x86_64", "/usr/libexec/qemu-kvm")


class Missing(Exception):
    """Something cannot be had on this machine; the text says what."""


def command(*names):
    return lambda: any(shutil.which(name) for name in names)


def library(name):
    def found():
        return shutil.which("pkg-config") is not None and not subprocess.call(
            ["pkg-config", "--exists", name])
    return found


def path(*patterns):
    return lambda: any(glob.glob(pattern) for pattern in patterns)


# group: (how to find out that it is there, Debian's package, RHEL's and Fedora's)
NEEDS = {
    "build": (
        (command("git"), "git", "git"),
        (command("gcc"), "gcc", "gcc"),
        (path("/usr/include/stdlib.h"), "libc6-dev", "glibc-devel"),
        (command("make"), "make", "make"),
        (command("autoconf"), "autoconf", "autoconf"),
        (command("automake"), "automake", "automake"),
        (command("pkg-config"), "pkg-config", "pkgconf-pkg-config"),
        (library("libudev"), "libudev-dev", "systemd-devel"),
        (library("libmnl"), "libmnl-dev", "libmnl-devel"),
        (library("inih"), "libinih-dev", "inih-devel"),
        (library("cmocka"), "libcmocka-dev", "libcmocka-devel"),
        (library("libvirt"), "libvirt-dev", "libvirt-devel"),
        (library("libxml-2.0"), "libxml2-dev", "libxml2-devel"),
    ),
    "sanitizers": (
        (path("/usr/lib/gcc/*/*/libasan.so", "/usr/lib64/libasan.so*"), "gcc", "libasan"),
        (path("/usr/lib/gcc/*/*/libubsan.so", "/usr/lib64/libubsan.so*"), "gcc", "libubsan"),
    ),
    "leaks": (
        (path("/usr/lib/gcc/*/*/liblsan.so", "/usr/lib64/liblsan.so*"), "gcc", "liblsan"),
    ),
    "fuzz": (
        (command("clang"), "clang", "clang"),
        (path("/usr/lib/llvm-*/lib/clang/*/lib/*/libclang_rt.fuzzer-x86_64.a",
              "/usr/lib/clang/*/lib/*/libclang_rt.fuzzer*.a",
              "/usr/lib/llvm-*/lib/clang/*/lib/*/libclang_rt.fuzzer*.a"),
         "libclang-rt-dev", "compiler-rt"),
    ),
    "tools": (
        (command("clang-tidy"), "clang-tidy", "clang-tools-extra"),
        (command("valgrind"), "valgrind", "valgrind"),
    ),
    "coverage": (
        (command("gcovr"), "gcovr", "gcovr"),
    ),
    "style": (
        (command("clang-format"), "clang-format", "clang-tools-extra"),
        (command("cppcheck"), "cppcheck", "cppcheck"),
        (command("shellcheck"), "shellcheck", "ShellCheck"),
        (command("groff"), "groff-base", "groff-base"),
        (command("mandoc"), "mandoc", "mandoc"),
    ),
    "guest": (
        (command(*QEMU), "qemu-system-x86", "qemu-kvm"),
        (path(*UDEVD), "udev", "systemd-udev"),
        (command("busybox"), "busybox-static", "busybox"),
        (command("lsmem"), "util-linux", "util-linux"),
    ),
    "kernel-build": (
        (command("gcc"), "gcc", "gcc"),
        (command("make"), "make", "make"),
        (command("flex"), "flex", "flex"),
        (command("bison"), "bison", "bison"),
        (command("bc"), "bc", "bc"),
        (command("xz"), "xz-utils", "xz"),
        (command("cpio"), "cpio", "cpio"),
        (path("/usr/include/libelf.h"), "libelf-dev", "elfutils-libelf-devel"),
        (path("/usr/include/openssl/opensslv.h"), "libssl-dev", "openssl-devel"),
    ),
    "libvirt": (
        (command("libvirtd"), "libvirt-daemon", "libvirt-daemon"),
        (path("/usr/lib/*/libvirt/connection-driver/libvirt_driver_qemu.so",
              "/usr/lib64/libvirt/connection-driver/libvirt_driver_qemu.so"),
         "libvirt-daemon-driver-qemu", "libvirt-daemon-driver-qemu"),
        (command("virsh"), "libvirt-clients", "libvirt-client"),
        (command("setpriv"), "util-linux", "util-linux"),
    ),
    "distribution": (
        (command("mmdebstrap"), "mmdebstrap", "mmdebstrap"),
        (command("mke2fs"), "e2fsprogs", "e2fsprogs"),
        (command("xz"), "xz-utils", "xz"),
    ),
    "deb": (
        (path("/var/lib/dpkg/info/build-essential.list"), "build-essential", "gcc"),
        (command("dh"), "debhelper", "debhelper"),
        (command("dpkg-buildpackage"), "dpkg-dev", "dpkg-dev"),
        (command("lintian"), "lintian", "lintian"),
    ),
    "arm64": (
        (command("aarch64-linux-gnu-gcc"), "crossbuild-essential-arm64", "gcc-aarch64-linux-gnu"),
        (command("qemu-system-aarch64"), "qemu-system-arm", "qemu-system-aarch64"),
        (path("/usr/share/qemu-efi-aarch64/QEMU_EFI.fd"), "qemu-efi-aarch64", "edk2-aarch64"),
        (command("readelf"), "binutils", "binutils"),
    ),
    "rpm": (
        (command("rpmbuild"), "rpm", "rpm-build"),
        (command("rpmlint"), "rpmlint", "rpmlint"),
    ),
}


def as_root(argv):
    return argv if os.geteuid() == 0 else ["sudo"] + argv


def has_apt():
    return shutil.which("apt-get") is not None


def update():
    """Package lists; a machine that cannot fetch new ones may still have good ones."""
    if has_apt():
        subprocess.call(as_root(["apt-get", "update", "-qq"]), stdout=subprocess.DEVNULL)


def install_command(names):
    if has_apt():
        return as_root(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install",
                        "-qq", "-y", "--no-install-recommends"] + names)
    if shutil.which("dnf"):
        return as_root(["dnf", "install", "-q", "-y"] + names)
    raise Missing("neither apt-get nor dnf is here to install " + " ".join(names))


def missing(groups):
    column = 1 if has_apt() else 2
    names = []
    for group in groups:
        for need in NEEDS[group]:
            if not need[0]() and need[column] not in names:
                names.append(need[column])
    return names


def install(groups, say=print):
    """Installs what these groups lack; raises Missing when that fails."""
    names = missing(groups)
    if not names:
        return
    say("installing " + " ".join(names))
    argv = install_command(names)
    update()
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True)
    left = missing(groups)
    if left:
        raise Missing("could not install %s\n%s" % (" ".join(left), done.stdout[-2000:]))
