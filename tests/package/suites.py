#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The package for Debian in each suite: built, checked, installed and removed in many orders.

usage: suites.py [SUITE...]

Each suite is a chroot of its own (lab/chroot.py). `make deb` of the tarball runs `make check` with
that suite's compiler and libraries; the programs need no others than LIBRARIES. `make dsc` makes a
source package, that suite's lintian finds nothing in either, and autopkgtest passes. Then the
package is installed, upgraded, removed and purged in the orders of ORDERS, with and without what an
administrator has put there before: a configuration and a rule made by hand. After each step his
configuration is as it was, his rule is aside or back, and after a purge nothing of the package is
left.
"""

import glob
import os
import re
import subprocess
import sys
import traceback

from lab import check, chroot, distribution, equal, lintian, packages, suites

SUITES = ("bookworm", "trixie", "sid")
SUITES_IN_FULL = ("trixie",)
WANTED = ("autopkgtest", "build-essential", "debhelper", "libcmocka-dev", "libinih-dev",
          "libmnl-dev", "libudev-dev", "libvirt-dev", "libxml2-dev", "lintian", "pkgconf", "udev",
          "xz-utils")
LIBRARIES = {"libc.so.6", "libinih.so.1", "libmnl.so.0", "libudev.so.1"}
PROGRAMS = ("/usr/sbin/memonlined", "/usr/bin/memonlinectl")
SOURCE = "/srv/source"
PACKAGES = SOURCE + "/packages/deb"
NEWER_VERSION = "9.0"
SOME_SKIPPED = 2  # autopkgtest's status
# debhelper brings man-db, which would read all pages after each step.
NO_MAN_DB = "rm -f /var/lib/man-db/auto-update"
ENABLED = "/etc/systemd/system/sysinit.target.wants/memonlined.service"

CONFIG = "/etc/memonlined.conf"
DROP_IN = "/etc/memonlined.conf.d/50-local.conf"
BY_HAND = "/etc/udev/rules.d/99-hotplug-memory.rules"
SAVED = BY_HAND + ".memonline-saved"
# By an administrator, before there was a package.
OWN_FILES = {
    CONFIG: "# Ours.\n[memonlined]\npolicy = online_movable\n",
    DROP_IN: "[log]\nlevel = debug\n",
    BY_HAND: 'ACTION=="add", SUBSYSTEM=="memory", ATTR{state}="online"\n',
}
OTHER_RULE = 'SUBSYSTEM=="memory", ATTR{state}=="offline", ATTR{state}="online"\n'

APT = "apt-get -y -q -o APT::Sandbox::User=root -o Dpkg::Use-Pty=0 "
STEPS = {
    "install": APT + "install /srv/this.deb",
    "reinstall": APT + "install --reinstall /srv/this.deb",
    "upgrade": APT + "install /srv/newer.deb",
    "downgrade": APT + "install --allow-downgrades /srv/this.deb",
    "remove": "dpkg --remove memonline",
    "purge": "dpkg --purge memonline",
    "apt-remove": APT + "remove memonline",
    "apt-purge": APT + "purge memonline",
    "unpack": "dpkg --unpack /srv/this.deb",
    "unpack-newer": "dpkg --unpack /srv/newer.deb",
    "configure": "dpkg --configure --pending",
    "again": "dpkg -i /srv/this.deb",
    "other-rule": "printf '%%s' '%s' >%s" % (OTHER_RULE, BY_HAND),
}
REST = """\
find / -xdev \\( -path /srv -o -path /proc -o -path /dev \\) -prune -o -path '*memonline*' -print |
	sort
dpkg-query -W -f '${Package}\\n' 'memonline*' 2>/dev/null
true
"""
PRESENT, HALF, REMOVED, GONE = "installed", "unpacked", "config-files", "none"
AFTER = {"install": PRESENT, "reinstall": PRESENT, "upgrade": PRESENT, "downgrade": PRESENT,
         "again": PRESENT, "configure": PRESENT, "unpack": HALF, "unpack-newer": HALF,
         "purge": GONE, "apt-purge": GONE}
ORDERS = (
    "install reinstall upgrade apt-remove apt-purge",
    "install upgrade downgrade again again purge purge",
    "install remove remove install purge remove",
    "upgrade downgrade remove upgrade purge",
    "unpack configure unpack-newer configure unpack remove purge",
    "unpack purge install unpack-newer purge",
    "remove purge unpack unpack configure reinstall purge",
)
# Here another rule is made by hand while the package is there.
WITH_OTHER_RULE = "install other-rule reinstall remove purge"


def build(root):
    """make deb in the chroot; what make check said in it."""
    root.sh(NO_MAN_DB)
    tarball = distribution.tarball()
    root.put(tarball, "/srv/source.tar.gz")
    root.sh("mkdir %s && tar -xzf /srv/source.tar.gz -C %s --strip-components=1" % (
        SOURCE, SOURCE))
    return root.sh("cd %s && ./configure -q --prefix=/usr --sysconfdir=/etc && make -s deb" %
                   SOURCE, 900)


def checked(text):
    """That make check was a part of it, and how many tests it had."""
    counts = dict(re.findall(r"^# (PASS|FAIL|ERROR|SKIP): +(\d+)$", text, re.M))
    check(int(counts.get("PASS", 0)) > 40, "make deb has not run make check: %r" % counts)
    equal((counts["FAIL"], counts["ERROR"]), ("0", "0"), "tests that failed in make deb")
    return counts["PASS"]


def make_newer(root):
    """The same package with a higher version."""
    root.sh("cp %s/memonline_[0-9]*.deb /srv/this.deb && cd /srv && "
            "dpkg-deb -R this.deb newer && sed -i 's/^Version: .*/Version: %s/' "
            "newer/DEBIAN/control && dpkg-deb --root-owner-group -b newer newer.deb && rm -r newer"
            % (PACKAGES, NEWER_VERSION))


def no_lintian_finding(root):
    """Of the source package, and of those of `make deb`."""
    root.sh("cd %s && make -s dsc" % SOURCE, 900)
    lintian.no_finding(root.sh("cd %s/packages && %s dsc/*.changes deb/*.changes" % (
        SOURCE, lintian.COMMAND), 900))


def autopkgtest(root):
    """Offline: all that it installs is there. The service needs a machine, which it is not here."""
    status, text = root.run(
        "mv /etc/apt/sources.list* /srv/; mkdir -p /etc/apt/sources.list.d; "
        "autopkgtest --no-built-binaries /srv/this.deb %s/virt-memonline_*.deb "
        "%s/packages/dsc/*.dsc -- null" % (PACKAGES, SOURCE), 900)
    check(status in (0, SOME_SKIPPED) and re.search(r"^recorded-guest +PASS", text, re.M),
          "autopkgtest: status %d\n%s" % (status, text[-3000:]))
    root.sh("dpkg --purge memonline virt-memonline")


def libraries_of(root):
    """What the installed programs need, by their own headers."""
    for program in PROGRAMS:
        text = root.sh("objdump -p " + program)
        needed = set(re.findall(r"^ *NEEDED +(\S+)$", text, re.M))
        check(needed <= LIBRARIES, "%s needs %s" % (program, ", ".join(needed - LIBRARIES)))
    print("%s: the programs need none but %s; libjson-c5 there has the version %s" % (
        root.suite, " ".join(sorted(LIBRARIES)), suites.version(root.suite, "libjson-c5")),
        flush=True)


class Machine:
    """What an administrator sees of one chroot, and what he should see."""

    def __init__(self, root, own):
        self._root = root
        self._own = dict(own)
        self._state = GONE
        for path, text in own.items():
            root.sh("mkdir -p %s && printf '%%s' '%s' >%s" % (os.path.dirname(path), text, path))
        self._before = self._rest()

    def _rest(self):
        """All paths that could be of the package, and what dpkg still knows."""
        return self._root.sh(REST).splitlines()

    def step(self, name):
        """Also what is there before and after it."""
        status, text = self._root.run(STEPS[name])
        equal(status, 0, "status of %s:\n%s\n" % (name, text))
        if name == "other-rule":
            self._own[SAVED + ".1"] = self._own[BY_HAND]
            self._own[BY_HAND] = OTHER_RULE
            return
        self._state = self._next_state(name)
        self._own_files_are_kept()
        if self._state == GONE:
            kept = [path for path in self._own if path.startswith(SAVED)]
            equal(self._rest(), sorted(self._before + kept), "what is left")
        elif self._state == PRESENT:
            self._works()

    def _next_state(self, name):
        if name in ("remove", "apt-remove"):
            return REMOVED if self._state in (PRESENT, HALF) else self._state
        return AFTER[name]

    def _own_files_are_kept(self):
        """What is unpacked but not configured may have the rule at either place."""
        script = "dpkg-query -W -f '${db:Status-Status}' memonline 2>/dev/null; echo\n"
        script += "".join("echo '= %s'; cat %s 2>/dev/null\n" % (path, path)
                          for path in list(self._own) + [SAVED])
        status, *files = ("\n" + self._root.sh(script + "true")).split("\n= ")
        entries = (entry.partition("\n") for entry in files)
        found = {path: text for path, _, text in entries if text}
        equal(status.strip() or GONE, self._state, "dpkg's status")
        wanted = dict(self._own)
        if self._state == PRESENT and BY_HAND in wanted:
            wanted[SAVED] = wanted.pop(BY_HAND)
        if self._state == HALF and SAVED in found:
            found[BY_HAND] = found.pop(SAVED)
        equal({path: text.rstrip() for path, text in found.items()},
              {path: text.rstrip() for path, text in wanted.items()}, "his own files")

    def _works(self):
        """The program takes the administrator's configuration, and the service is enabled."""
        text = self._root.sh("test -L %s && memonlined --dump-config" % ENABLED)
        policy = "online_movable" if CONFIG in self._own else "auto"
        check("policy = %s\n" % policy in text, "the policy is not %s:\n%s" % (policy, text))

    def clean(self):
        """So that the next order begins with nothing."""
        if self._own:
            self._root.sh("rm -f %s; rmdir %s" % (" ".join(self._own), os.path.dirname(DROP_IN)))


def ordered(root, order, own):
    machine = Machine(root, own)
    done = []
    for name in order.split():
        done.append(name)
        try:
            machine.step(name)
        except Exception as error:
            raise type(error)("%s: after %s with %s: %s" % (
                root.suite, " ".join(done), "files of his own" if own else "nothing", error))
    machine.clean()


def in_suite(suite):
    with chroot.Chroot(suite, WANTED) as root:
        count = checked(build(root))
        print("%s: make deb, %s tests of make check" % (suite, count), flush=True)
        make_newer(root)
        no_lintian_finding(root)
        autopkgtest(root)
        root.sh(STEPS["install"])
        libraries_of(root)
        root.sh(STEPS["purge"])
        for _ in range(2):
            for order in ORDERS:
                ordered(root, order, OWN_FILES)
        ordered(root, WITH_OTHER_RULE, OWN_FILES)
        ordered(root, ORDERS[0], {})


def result(suite):
    try:
        in_suite(suite)
    except (packages.Missing, subprocess.TimeoutExpired) as reason:
        print("skip %s %s" % (suite, " ".join(str(reason).split())[:300]), flush=True)
        return 0
    except Exception as error:
        traceback.print_exc(file=sys.stdout)
        print("not ok %s %s" % (suite, " ".join(str(error).split())[:300]), flush=True)
        return 1
    print("ok " + suite, flush=True)
    return 0


def main(argv):
    if not os.path.exists("/etc/debian_version"):
        print("skip suites packages for Debian are built on Debian")
        return 0
    chosen = argv or (SUITES_IN_FULL if os.environ.get("MEMONLINE_FULL") else SUITES)
    return 1 if sum([result(suite) for suite in chosen]) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
