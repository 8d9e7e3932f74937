# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest of tests/run --installed: Debian 12 with systemd, where the package is installed.

memonlined runs under its own unit, started by the boot. What the initramfs of a distribution may
leave out is loaded later: the driver of the ports, too. The disk is made once of each package, by a
guest in which apt installs it, and no guest after that changes it.

A scenario that ends memonlined says when it starts again: from its first stop_daemon() on systemd
does not do that by itself, and udev's rules stay aside, as in a guest of the lab. Until then all is
as it is shipped.
"""

import fcntl
import glob
import hashlib
import os
import tempfile

from . import distribution, guest, image, paths
from .scenario import Failure, Skip
from .stream import without_daemon

LATER = ("virtio_console",)
BEFORE_SYSTEMD = "/lab/before-systemd"  # a script among a guest's files, run in its root
PACKAGE = "/srv/memonline.deb"
INSTALL = ("DEBIAN_FRONTEND=noninteractive apt-get install -y -q -o "
           "Dpkg::Options::=--force-confold %s 2>&1 && rm %s" % (PACKAGE, PACKAGE))
# Asked again until the deadline: one answer may take as long as a slow boot.
IS_UP = "timeout 60 systemctl is-system-running --wait | grep -E 'running|degraded'"
# memonline-rules is needed by somebody else, too: it stays when memonlined ends.
BY_HAND_UNIT = """\
[Unit]
DefaultDependencies=no
Wants=memonline-rules.service
After=memonline-rules.service
Conflicts=shutdown.target
Before=shutdown.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
"""
# What is stopped by a signal for a while must not meet the watchdog.
BY_HAND = """\
mkdir -p /run/systemd/system/memonlined.service.d
printf '[Service]\\nRestart=no\\nWatchdogSec=0\\n' \\
	>/run/systemd/system/memonlined.service.d/lab.conf
systemctl mask --runtime memonline-failed.service
systemctl daemon-reload
systemctl start lab-by-hand.service
"""
# Deadlines are made for a guest of the lab; here more runs beside what is tested.
TIMES = 3
UDEVD_UNITS = "systemd-udevd-control.socket systemd-udevd-kernel.socket systemd-udevd.service"


class Guest(guest.Guest):
    """As guest.Guest, but for udev=False; daemon=False is a boot without the service."""

    append = guest.KERNEL_WORDS + " rw systemd.show_status=no systemd.journald.forward_to_console=1"
    first_deadline = distribution.BOOT_DEADLINE

    def __init__(self, lab, *arguments, udev=True, daemon=True, **options):
        if not udev:
            raise Skip("an installed system has a udevd")
        self._by_hand = not daemon
        self._path = self._root_disk(lab)
        super().__init__(lab, *arguments, daemon=daemon, **options)

    def _root_disk(self, lab):
        return disk(lab)

    def _write_initramfs(self, path, kernel, files, modules):
        files = dict(files)
        own = {name: files.pop(name) for name in ("/lab/options", BEFORE_SYSTEMD) if name in files}
        files["/etc/systemd/system/lab-by-hand.service"] = BY_HAND_UNIT.encode()
        for name, data in files.items():
            own["/lab/files" + image.merged(name)] = data
        distribution.initramfs(path, kernel, LATER + tuple(modules), own)

    def _disk(self, snapshot="on"):
        return ["-drive", "if=none,id=root,format=raw,cache=unsafe,snapshot=%s,file=%s" %
                (snapshot, self._path), "-device", "virtio-blk-pci,drive=root"]

    def _boot(self, deadline):
        super()._boot(deadline)
        self.until(IS_UP, deadline)

    def run(self, script, deadline=120):
        return super().run(script, TIMES * deadline)

    def until(self, script, deadline=120):
        return super().until(script, TIMES * deadline)

    def unplug(self, name, deadline=120):
        super().unplug(name, TIMES * deadline)

    def let_go(self, name, deadline=120):
        return super().let_go(name, TIMES * deadline)

    # --- the agent

    def wait_daemon(self, deadline=120):
        super().wait_daemon(deadline)
        self.sh("systemctl show -p MainPID --value memonlined >/run/memonlined.pid")

    def by_hand(self):
        if not self._by_hand:
            self.sh(BY_HAND)
        self._by_hand = True

    def leave_to_rules(self):
        """What the package's rules do where nothing needs memonlined."""
        self.sh("systemctl stop lab-by-hand.service")
        self.until("systemctl show -p ActiveState --value memonline-rules | grep inactive")

    def start_daemon(self, arguments="", deadline=120):
        if arguments:
            raise Failure("a service takes no arguments")
        if not without_daemon():
            self.sh("systemctl reset-failed memonlined; systemctl start memonlined", deadline)
            self.wait_daemon(deadline)

    def stop_daemon(self, signal="TERM", deadline=60):
        self.by_hand()
        super().stop_daemon(signal, deadline)
        self.until("systemctl show -p ActiveState --value memonlined | grep -E 'inactive|failed'",
                   deadline)

    def signal_daemon(self, signal):
        self.by_hand()
        super().signal_daemon(signal)

    # --- udevd

    def kill_udevd(self):
        super().kill_udevd()
        self.sh("systemctl stop " + UDEVD_UNITS)

    def start_udevd(self):
        self.sh("systemctl reset-failed %s; systemctl start %s" % (UDEVD_UNITS, UDEVD_UNITS))


class Copy(Guest):
    """Boots from another disk, and leaves that as it is."""

    def __init__(self, lab, path, **options):
        self._made = path
        super().__init__(lab, **options)

    def _root_disk(self, lab):
        return self._made


class Writer(Copy):
    """What it writes stays on its disk."""

    def _disk(self, snapshot="off"):
        return super()._disk(snapshot)

    def power_off(self):
        self.sh("setsid sh -c 'sleep 1; systemctl poweroff' >/dev/null 2>&1 </dev/null &")
        self._process.wait(300)


class Installer(Writer):
    """Writes to the disk that is being made."""

    def __init__(self, lab, path):
        super().__init__(lab, path, name="install",
                         files={PACKAGE: image.contents(distribution.deb())})
        self._daemon = False

    def install(self):
        self.sh(INSTALL, 900)
        self.power_off()


def make_disk(lab, target):
    """Renamed when complete."""
    handle, partial = tempfile.mkstemp(prefix=".partial-", dir=os.path.dirname(target))
    os.close(handle)
    try:
        distribution.as_root(["cp", "--sparse=always", distribution.disk(), partial])
        with Installer(lab, partial) as installer:
            installer.install()
        os.rename(partial, target)
    finally:
        if os.path.exists(partial):
            os.unlink(partial)


def disk(lab):
    """The path of the disk with the package of this tree, made now if there is none."""
    key = hashlib.sha256(image.contents(distribution.deb()))
    key.update((distribution.key() + INSTALL).encode())
    store = os.path.join(paths.BUILD, "installed")
    target = os.path.join(store, key.hexdigest()[:16] + ".img")
    os.makedirs(store, exist_ok=True)
    with open(os.path.join(store, "lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not os.path.exists(target):
            for old in glob.glob(os.path.join(store, "*.img")):
                os.unlink(old)
            make_disk(lab, target)
    return target
