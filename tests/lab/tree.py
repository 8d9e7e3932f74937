# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds the tree in .build, from a copy: the checkout stays as it is, configured or not.

usage: python3 -m lab tree DIRECTORY [CONFIGURE-OPTION...]
"""

import fcntl
import os
import shutil
import subprocess
import sys

from . import paths

# As the packages are configured: programs in a guest read /etc/memonlined.conf.
COMMON = ["--prefix=/usr", "--sysconfdir=/etc", "--enable-werror"]
OPTIONS = {paths.NORMAL: COMMON,
           paths.SANITIZERS: COMMON + ["--enable-sanitizers"]}
LEFT_OUT = {".git", ".build", "autom4te.cache"}


def call(argv, directory):
    print("+ " + " ".join(argv), flush=True)
    subprocess.check_call(argv, cwd=directory, stdin=subprocess.DEVNULL)


def walked():
    for root, folders, names in os.walk(paths.TOP):
        folders[:] = [name for name in folders if name not in LEFT_OUT]
        for name in names:
            yield os.path.relpath(os.path.join(root, name), paths.TOP)


def source_files():
    """What git would take, new files too; in an unpacked tarball all there is."""
    if not os.path.exists(os.path.join(paths.TOP, ".git")):
        return sorted(walked())
    listed = subprocess.check_output(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "-co", "--exclude-standard"],
        cwd=paths.TOP).decode()
    return sorted(name for name in set(listed.split("\0"))
                  if os.path.isfile(os.path.join(paths.TOP, name)))


def same(source, target):
    try:
        with open(source, "rb") as one, open(target, "rb") as other:
            return (one.read() == other.read() and
                    os.stat(source).st_mode == os.stat(target).st_mode)
    except OSError:
        return False


def listing():
    return os.path.join(paths.BUILD, "src.list")


def copied_before():
    try:
        with open(listing()) as names:
            return set(names.read().splitlines())
    except OSError:
        return set()


def sync():
    """Copies what differs, with a new time: a checkout of an old commit must rebuild."""
    names = source_files()
    for name in copied_before() - set(names):
        if os.path.exists(os.path.join(paths.SOURCE, name)):
            os.unlink(os.path.join(paths.SOURCE, name))
    for name in names:
        source, target = os.path.join(paths.TOP, name), os.path.join(paths.SOURCE, name)
        if not same(source, target):
            os.makedirs(os.path.dirname(target), exist_ok=True)
            shutil.copy(source, target)
    with open(listing(), "w") as out:
        out.write("\n".join(names))


def lock(say=print, path=os.path.join(paths.BUILD, "lock"), what="run in this checkout"):
    """One run at a time in one checkout; held until the file that is returned is closed."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    held = open(path, "w")
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("waiting for another %s to end" % what)
        fcntl.flock(held, fcntl.LOCK_EX)
    return held


def make_lock(directory):
    """Jobs run side by side, but not two makes in one build directory."""
    return lock(path=directory + ".lock", what="make")


def prepare():
    os.makedirs(paths.SOURCE, exist_ok=True)
    sync()
    if not os.path.exists(os.path.join(paths.SOURCE, "configure")):
        call(["autoreconf", "-fi"], paths.SOURCE)


def configured(directory):
    try:
        with open(os.path.join(directory, "configured-with")) as options:
            return options.read().split("\n")
    except OSError:
        return None


def configure(directory, options):
    """From nothing: what was compiled with other options knows nothing of these."""
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    call([os.path.join(paths.SOURCE, "configure"), "-q"] + options, directory)
    with open(os.path.join(directory, "configured-with"), "w") as out:
        out.write("\n".join(options))


def build(directory, options=()):
    """make does the rest: it runs autoconf and configure again when they are stale."""
    if configured(directory) != list(options):
        configure(directory, list(options))
    call(["make", "-s", "-j%d" % (os.cpu_count() or 1)], directory)


def main(argv):
    directory = os.path.abspath(argv[0]) if argv else paths.NORMAL
    try:
        prepare()
        build(directory, argv[1:] or OPTIONS.get(directory, ()))
    except subprocess.CalledProcessError as error:
        print("failed: " + " ".join(error.cmd))
        return 1
    return 0
