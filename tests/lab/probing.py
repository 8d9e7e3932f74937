# SPDX-License-Identifier: GPL-2.0-or-later
"""Two kernels with CONFIG_ARCH_MEMORY_PROBE: python3 -m lab probing

Debian has none. They are built from its linux-source, small ones, and kept by source version and
configuration: "blind" without ACPI memory hot-plug sees a DIMM of the command line no more than
EL6.0-6.6 do, "both" has that too. The second is built in the tree of the first.
"""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

from . import kernel, packages, paths

SOURCE = "linux-source"
WANTED = """
64BIT SMP PRINTK TTY SERIAL_8250 SERIAL_8250_CONSOLE BLK_DEV_INITRD RD_GZIP BINFMT_ELF
BINFMT_SCRIPT PROC_FS PROC_SYSCTL SYSFS DEVTMPFS TMPFS SHMEM PCI ACPI ACPI_NUMA NUMA
X86_64_ACPI_NUMA VIRTIO_MENU VIRTIO_PCI VIRTIO_CONSOLE SPARSEMEM_VMEMMAP MEMORY_HOTPLUG
MEMORY_HOTREMOVE MIGRATION ARCH_MEMORY_PROBE FIRMWARE_MEMMAP NET UNIX EPOLL SIGNALFD TIMERFD
EVENTFD INOTIFY_USER FUTEX POSIX_TIMERS MULTIUSER FILE_LOCKING KALLSYMS ADVISE_SYSCALLS
X86_IOPL_IOPERM
""".split()
HOTPLUG = "ACPI_HOTPLUG_MEMORY"
# The order is that of building.
VARIANTS = {"blind": (WANTED, [HOTPLUG]), "both": (WANTED + [HOTPLUG], [])}
LIMIT_SEC = 3600


def config_text(variant):
    wanted, unwanted = VARIANTS[variant]
    return ("".join("CONFIG_%s=y\n" % name for name in wanted) +
            "".join("# CONFIG_%s is not set\n" % name for name in unwanted))


def source_package():
    """The package that holds the sources: the other one only depends on it."""
    found = re.search(r"Depends: (linux-source-\S+)", kernel.output_of(
        ["apt-cache", "depends", SOURCE]))
    if not found:
        raise packages.Missing("there is no package %s" % SOURCE)
    return found.group(1)


def place(variant):
    """Where this kernel is kept: what it is made of names it."""
    digest = hashlib.sha256(config_text(variant).encode()).hexdigest()[:12]
    version = kernel.apt_version(source_package())
    return os.path.join(paths.cache(), "built", "probe-%s_%s_%s" % (variant, version, digest))


def make(tree, *arguments):
    done = subprocess.run(["nice", "make", "-s", "ARCH=x86_64"] + list(arguments), cwd=tree,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True, timeout=LIMIT_SEC)
    if done.returncode:
        raise packages.Missing("make %s: %s" % (" ".join(arguments), done.stdout[-2000:]))


def configure(tree, variant):
    make(tree, "tinyconfig")
    with open(os.path.join(tree, ".config"), "a") as config:
        config.write(config_text(variant))
    make(tree, "olddefconfig")
    with open(os.path.join(tree, ".config")) as config:
        lost = set(config_text(variant).splitlines()) - set(config.read().splitlines())
    if any(not line.startswith("#") for line in lost):
        raise packages.Missing("the kernel's configuration refuses " + " ".join(sorted(lost)))


def keep(tree, directory):
    os.makedirs(os.path.dirname(directory), exist_ok=True)
    partial = tempfile.mkdtemp(prefix=".partial-", dir=os.path.dirname(directory))
    shutil.copy(os.path.join(tree, "arch/x86/boot/bzImage"), partial)
    shutil.copy(os.path.join(tree, ".config"), os.path.join(partial, "config"))
    os.chmod(partial, 0o755)
    os.rename(partial, directory)


def build_all(say):
    name = source_package()
    # Debian's own package may be kept; the tree of 1.5 GB is not.
    archive = os.path.join(kernel.package([name], say), "usr/src", name + ".tar.xz")
    work = tempfile.mkdtemp(prefix=".build-", dir=paths.cache())
    try:
        subprocess.check_call(["tar", "-xf", archive, "-C", work, "--strip-components=1"])
        for variant in VARIANTS:
            if not os.path.isdir(place(variant)):
                say("building the kernel " + os.path.basename(place(variant)))
                configure(work, variant)
                make(work, "-j%d" % os.cpu_count(), "bzImage")
                keep(work, place(variant))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def is_warm():
    try:
        return all(os.path.isdir(place(variant)) for variant in VARIANTS)
    except packages.Missing:
        return False


def build(say=print):
    """Both kernels, unless they are there. Two callers build them once."""
    if not packages.has_apt():
        raise packages.Missing("these kernels are built from Debian's sources")
    if is_warm():
        return
    packages.install(["kernel-build"], say)
    os.makedirs(paths.cache(), exist_ok=True)
    with open(os.path.join(paths.cache(), "probing.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_warm():
            build_all(say)


def chosen(variant, say=print):
    """The kernel, built if need be in a full run; else it must be there."""
    if os.environ.get("MEMONLINE_FULL") == "1":
        build(say)
    elif not is_warm():
        raise packages.Missing("its kernel is not built yet: tests/run probe-kernels does that")
    return kernel.Kernel(place(variant))


def main(_argv):
    try:
        build()
    except (packages.Missing, OSError, subprocess.SubprocessError) as error:
        print("not built: %s" % error)
        return 1
    for variant in VARIANTS:
        print(place(variant))
    return 0
