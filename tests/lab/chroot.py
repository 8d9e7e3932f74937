# SPDX-License-Identifier: GPL-2.0-or-later
"""A Debian of any suite in a folder, for what a kernel has no part in: packages.

It lies in memory, mounted in a namespace of its own, so that nothing of it is left however the test
ends, and so that no disk is waited for. Its commands have no /sys, a /run of their own, and see no
process of this machine.
"""

import os
import re
import subprocess
import tempfile

from . import distribution, packages, suites

HOLD = 'mount -t tmpfs -o mode=755,size=%d tmpfs "$0" && echo mounted && exec sleep infinity'
ENTER = """\
mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/run" &&
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 \
	DEBIAN_FRONTEND=noninteractive chroot "$0" "$@"
"""
SIZE_BYTES = 3 << 30
MAKE_LIMIT_SEC = 1500


class Failed(Exception):
    """A command ended with a status other than 0."""


def available_bytes():
    with open("/proc/meminfo") as info:
        return int(re.search(r"MemAvailable: +(\d+)", info.read()).group(1)) << 10


class Chroot:
    """In a `with` statement: made on entry, gone on exit. wanted: packages beside a minimal Debian's."""

    def __init__(self, suite, wanted):
        self.suite = suite
        self._wanted = wanted
        self._temp = None
        self._holder = None

    def __enter__(self):
        if available_bytes() < SIZE_BYTES:
            raise packages.Missing("a chroot needs %d MiB of memory" % (SIZE_BYTES >> 20))
        sources = suites.sources(self.suite)
        self._temp = tempfile.mkdtemp(prefix="memonline-")
        try:
            self._hold()
            self._make(sources)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self._holder:
            subprocess.call(packages.as_root(["kill", str(self._pid)]))
            self._holder.wait()
        os.rmdir(self._temp)

    def _hold(self):
        """The namespace lives as long as this process."""
        self._holder = subprocess.Popen(
            packages.as_root(["unshare", "--mount", "sh", "-c", "echo $$; " + HOLD % SIZE_BYTES,
                              self._temp]), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            universal_newlines=True)
        self._pid = int(self._holder.stdout.readline())
        if self._holder.stdout.readline() != "mounted\n":
            raise packages.Missing("no file system can be mounted here")

    def _inside(self, argv):
        return packages.as_root(["nsenter", "--mount", "--target", str(self._pid)] + argv)

    def _make(self, sources):
        # apt's own user cannot read root's cache. How old a Release may be, suites.py has judged.
        argv = ["mmdebstrap", "--quiet", "--variant=minbase", "--dpkgopt=force-unsafe-io",
                '--aptopt=APT::Sandbox::User "root"',
                '--aptopt=Acquire::Check-Valid-Until "false"',
                "--include=" + ",".join(self._wanted), self.suite, self._temp, sources]
        done = subprocess.run(self._inside(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=MAKE_LIMIT_SEC,
                              universal_newlines=True)
        if done.returncode:
            raise packages.Missing("mmdebstrap %s: %s" % (self.suite, done.stdout[-1000:]))

    def put(self, source, target):
        """A file of this machine's."""
        subprocess.check_call(self._inside(["cp", source, self._temp + target]))

    def get(self, source, target):
        """A copy for this machine, and for whoever calls."""
        with open(target, "wb") as out:
            subprocess.check_call(self._inside(["cat", self._temp + source]), stdout=out)

    def run(self, script, deadline=300):
        """Runs a shell script as root in it: (status, text), both streams in the text."""
        done = subprocess.run(self._inside(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", ENTER,
             self._temp, "/bin/sh", "-c", script]), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=deadline,
            universal_newlines=True, errors="replace")
        return done.returncode, done.stdout

    def sh(self, script, deadline=300):
        """The output of a script that must succeed."""
        status, text = self.run(script, deadline)
        if status:
            raise Failed("%s: status %d from: %s\n%s" % (self.suite, status, script, text[-3000:]))
        return text
