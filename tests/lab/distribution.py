# SPDX-License-Identifier: GPL-2.0-or-later
"""A whole Debian 12 with systemd, below libvirt: what packages are installed into.

Its root disk is made once and kept in the cache; every guest works on a copy.
"""

import base64
import fcntl
import glob
import hashlib
import os
import shutil
import subprocess
import tempfile
import time

from . import image, kernel, packages, paths, suites, tree
from .libvirt import Domain
from .machine import AGENT_PORT
from .scenario import Failure
from .stream import Timeout, without_daemon

SUITE = "bookworm"
PACKAGES = ("systemd", "systemd-sysv", "udev", "libinih1", "libmnl0", "libudev1")
DISK_BYTES = 1 << 30
BOOT_DEADLINE = 600
APPEND = "rw systemd.show_status=yes"
# The boot id is kept by udevd and systemd; nothing else asks for anything at boot.
MASKED = ("serial-getty@ttyS0.service", "getty.target", "systemd-timesyncd.service",
          "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer",
          "e2scrub_all.timer", "e2scrub_reap.service", "fstrim.timer", "systemd-networkd.service")
CONFIG_FILE = "/etc/memonlined.conf"
# In the manner of RHEL: a section for memory in a file with other things, the value a variable.
STOCK_RULE = "/lib/udev/rules.d/40-vendor.rules"
STOCK_RULES = b"""\
SUBSYSTEM=="cpu", ACTION=="add", ATTR{online}=="0", ATTR{online}="1"

SUBSYSTEM!="memory", GOTO="vendor_memory_end"
ACTION!="add", GOTO="vendor_memory_end"
ENV{.word}="online"
ATTR{state}=="offline", \\
  ATTR{state}="$env{.word}"
LABEL="vendor_memory_end"
"""
SHELL_SERVICE = """\
[Unit]
DefaultDependencies=no
After=systemd-udevd.service
Conflicts=shutdown.target
Before=shutdown.target
[Service]
ExecStart=/lab/shell
Restart=always
[Install]
WantedBy=sysinit.target
"""
DISK = """
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw' cache='unsafe'/>
      <source file='%s'/><target dev='vda' bus='virtio'/>
    </disk>"""


def as_root(argv, **options):
    done = subprocess.run(packages.as_root(argv), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True, **options)
    if done.returncode:
        raise packages.Missing("%s: status %d: %s" % (argv[0], done.returncode,
                                                      done.stdout[-1000:]))


def customize():
    """Commands in the new root, $1."""
    yield 'mkdir -p "$1/lab" && cp "%s" "$1/lab/shell" && chmod 755 "$1/lab/shell"' % (
        os.path.join(paths.LAB, "shell"))
    yield "printf '%s' > \"$1/etc/systemd/system/lab.service\"" % SHELL_SERVICE.replace(
        "\n", "\\n")
    yield 'chroot "$1" systemctl enable lab.service'
    yield 'chroot "$1" systemctl mask ' + " ".join(MASKED)
    yield 'echo guest >"$1/etc/hostname"; : >"$1/etc/machine-id"'
    yield 'rm -rf "$1/var/lib/apt/lists"/* "$1/usr/share/doc" "$1/usr/share/locale"'


def make_root(directory, more):
    keyring = os.path.join(kernel.package(["debian-archive-keyring"]), suites.KEYRING)
    sources = os.path.join(directory, "sources.list")
    suites.write(sources, "".join(suites.source_lines(SUITE, keyring)))
    root = os.path.join(directory, "root")
    as_root(["mmdebstrap", "--quiet", "--variant=minbase",
             "--include=" + ",".join(PACKAGES + more)] +
            ["--customize-hook=" + command for command in customize()] +
            [SUITE, root, sources], timeout=1200)
    return root


def make_image(directory, more):
    """root.img in the directory."""
    root = make_root(directory, more)
    target = os.path.join(directory, "root.img")
    with open(target, "wb") as disk:
        disk.truncate(DISK_BYTES)
    as_root(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", root, target], timeout=600)
    as_root(["rm", "-rf", root])


def key(more=()):
    inputs = hashlib.sha256(image.contents(os.path.join(paths.LAB, "shell")))
    inputs.update(repr((PACKAGES + more, MASKED, SHELL_SERVICE, DISK_BYTES)).encode())
    return "%s-%s" % (SUITE, inputs.hexdigest()[:16])


def disk(more=()):
    """The path of the root disk, made now if it is not in the cache; more: packages beside PACKAGES."""
    store = os.path.join(paths.cache(), "disks")
    directory = os.path.join(store, key(more))
    os.makedirs(store, exist_ok=True)
    with open(os.path.join(store, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.isdir(directory):
            make_in(store, directory, more)
    return os.path.join(directory, "root.img")


def make_in(store, directory, more):
    """Renamed when complete."""
    partial = tempfile.mkdtemp(prefix=".partial-", dir=store)
    try:
        os.chmod(partial, 0o755)
        make_image(partial, more)
        os.rename(partial, directory)
    except subprocess.TimeoutExpired as error:
        raise packages.Missing(str(error))
    finally:
        if os.path.isdir(partial):
            as_root(["rm", "-rf", partial])


def initramfs(path, guest_kernel, later=(), files=None):
    """later: modules that are left to the lab's shell; files: {path: (bytes, mode)} of its own."""
    root = image.Root()
    root.busybox()
    root.modules(guest_kernel, image.MODULES + tuple(later), later)
    root.file("/init", image.contents(os.path.join(paths.LAB, "switch-root")), 0o755)
    with open(path, "wb") as out:
        out.write(root.data())
        out.write(image.overlay(files or {}))


def make(target, flags=""):
    """One at a time."""
    with tree.make_lock(paths.programs()):
        done = subprocess.run(["make", target, "RPM_FLAGS=" + flags], cwd=paths.programs(),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, universal_newlines=True)
    if done.returncode:
        # Indented: lines of make check are not results of this test.
        raise Failure("make %s:\n  %s" % (target, done.stdout[-3000:].replace("\n", "\n  ")))


def make_target(target, flags=""):
    """make deb or make rpm; the folder with the packages."""
    make(target, flags)
    return os.path.join(paths.programs(), "packages", target)


def tarball():
    """What make dist-gzip makes of this tree."""
    make("dist-gzip")
    return glob.glob(os.path.join(paths.programs(), "memonline-*.tar.gz"))[0]


class Distribution(Domain):
    """In a `with` statement, inside of one of Libvirt; files as in Guest go over its root.

    later: modules that the initramfs leaves out, as a stock one does; the lab's shell loads them.
    """

    def __init__(self, libvirt, lab, name="guest", channels=(AGENT_PORT,), files=None, later=()):
        super(Domain, self).__init__()
        self._lab_log = lab.log_path(name + "-journal.log")
        source, copy = disk(), libvirt.path(name + ".disk")
        as_root(["cp", "--sparse=always", source, copy])
        initrd = libvirt.path(name + ".img")
        initramfs(initrd, lab.kernel, later)
        libvirt.give(copy)
        self._start(libvirt, lab, name, channels, initrd, APPEND, DISK % copy, "restart")
        self.until("systemctl is-system-running --wait | grep -E 'running|degraded'",
                   BOOT_DEADLINE)
        for path, data in (files or {}).items():
            self.put(path, data)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            with open(self._lab_log, "w") as log:
                log.write(self.run("journalctl -b --no-pager -o short-monotonic").text)

    def put(self, path, data):
        """A file of the host, or bytes, written into the guest piece by piece."""
        data = image.contents(data) if isinstance(data, str) else data
        self.sh("mkdir -p $(dirname '%s') && : >'%s'" % (path, path))
        for start in range(0, len(data), 48 << 10):
            piece = base64.b64encode(data[start:start + (48 << 10)]).decode()
            self.sh("base64 -d >>'%s' <<'END'\n%s\nEND\n" % (path, piece))

    def install(self, path):
        """apt install of a package of the host's."""
        target = "/srv/" + os.path.basename(path)
        self.put(target, path)
        return self.sh("DEBIAN_FRONTEND=noninteractive apt-get install -y -q "
                       "-o Dpkg::Options::=--force-confold %s 2>&1" % target,
                       600)

    def install_agent(self):
        """The package of this tree, and the daemon answers."""
        text = self.install(deb())
        if without_daemon():
            self.sh("systemctl mask --now memonlined")
        self.wait_daemon()
        return text

    def boot_id(self, deadline=120):
        return self.run("cat /proc/sys/kernel/random/boot_id", deadline).text.strip()

    def reboot(self, deadline=BOOT_DEADLINE):
        """Until the guest is up again."""
        before = self.boot_id()
        # Later, so that the answer to this is not lost with the port.
        self.sh("setsid sh -c 'sleep 1; systemctl reboot' >/dev/null 2>&1 </dev/null &")
        end = time.monotonic() + deadline
        while True:
            try:
                if self.boot_id(10) not in ("", before):
                    break
            except Timeout:
                if time.monotonic() >= end:
                    raise
            time.sleep(1)
        self.until("systemctl is-system-running --wait | grep -E 'running|degraded'", deadline)


def newest_source():
    """When the build tree was last changed."""
    with open(tree.listing()) as names:
        return max(os.path.getmtime(os.path.join(paths.SOURCE, name))
                   for name in names.read().splitlines())


def deb():
    """The package of this tree, built once for all scenarios."""
    if not os.path.exists("/etc/debian_version"):
        raise packages.Missing("packages for Debian are built on Debian")
    pattern = os.path.join(paths.programs(), "packages", "deb", "memonline_*.deb")
    with open(os.path.join(paths.BUILD, "deb.lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        found = glob.glob(pattern)
        if not found or os.path.getmtime(found[0]) < newest_source():
            make_target("deb")
        return glob.glob(pattern)[0]
