# SPDX-License-Identifier: GPL-2.0-or-later
"""What a guest is made of: QEMU's machine, and programs of its architecture with their libraries.

X86 is that of the machine that runs the tests; lab/arm64.py has another.
"""

import os
import re
import shutil
import subprocess

from . import kernel, packages, paths


def has_virtualisation():
    """/dev/kvm alone is no proof: it may open where the processor cannot do it."""
    with open("/proc/cpuinfo") as info:
        flags = set(info.read().split())
    return bool(flags & {"vmx", "svm"}) and os.access("/dev/kvm", os.R_OK | os.W_OK)


def accelerator():
    return os.environ.get("ACCEL") or ("kvm" if has_virtualisation() else "tcg")


def found_program(*names):
    for name in names:
        found = shutil.which(name) or shutil.which(name, path="/usr/sbin:/sbin")
        if found:
            return found
    raise packages.Missing(names[0] + " is not installed")


class X86:
    """What a platform has.

    machines: what a scenario goes through that tries each; all others have the first.
    firmware_reads_ports: what a host sends before the kernel runs may be lost.
    has_nodes: guests have the NUMA nodes that QEMU describes.
    """

    name = "x86"
    machines = ("pc", "q35")
    firmware_reads_ports = False
    has_nodes = True
    # An emulated timer may be too late for the kernel to believe that it works.
    console = "console=ttyS0 no_timer_check"

    def emulator(self):
        return found_program(*packages.QEMU)

    def qemu(self, machine):
        return [self.emulator(), "-accel", accelerator(), "-machine", machine, "-cpu", "max"]

    def kernel(self):
        return kernel.chosen()

    def built(self, name):
        """A program of this tree."""
        return os.path.join(paths.programs(), "agent", name)

    def program(self, name):
        """A program of the distribution."""
        return found_program(name)

    def udevd(self):
        return next(path for path in packages.UDEVD if os.path.exists(path))

    def packaged(self, names, path):
        """A file of a package that is unpacked, not installed."""
        return os.path.join(kernel.package(names), path)

    def libraries(self, program):
        """{path in the guest: path here} of what ldd names, the loader included."""
        done = subprocess.run(["ldd", program], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              universal_newlines=True)
        if "not found" in done.stdout:
            raise packages.Missing("%s lacks a library:\n%s" % (program, done.stdout))
        return {path: path for path in re.findall(r"(/\S+) \(0x", done.stdout)}
