# SPDX-License-Identifier: GPL-2.0-or-later
"""tests/example/command.patch adds a command with an argument and a verb: it applies to the tree,
builds, answers, and touches just the files that agent/README.md names, at most eight."""

import os
import re
import shutil
import subprocess
import sys

from . import paths, tree

FOLDER = os.path.join(paths.TESTS, "example")
PATCH = os.path.join(FOLDER, "command.patch")
MOST_FILES = 8
PROGRAMS = ("agent/memonlined", "agent/memonlinectl", "tests/unit/test-schema")
ROW = re.compile(r"^\| command with arguments and a verb \| (\d+) \| (.*) \|$", re.M)


def touched():
    with open(PATCH) as patch:
        return re.findall(r"^\+\+\+ b/(\S+)", patch.read(), re.M)


def said():
    """The count, the files and the folders of that row."""
    with open(os.path.join(paths.TOP, "agent", "README.md")) as readme:
        count, names = ROW.search(readme.read()).groups()
    names = ["agent/" + name for name in re.findall(r"`([a-z/.7-9\d-]+)`", names)]
    return (int(count), {name for name in names if not name.endswith("/")},
            tuple(name for name in names if name.endswith("/")))


def is_true_to_the_count():
    files = touched()
    count, named, folders = said()
    others = [name for name in files if name not in named]
    wrong = (len(files) != count or count > MOST_FILES or named - set(files) or
             not all(name.startswith(folders) for name in others))
    if wrong:
        print("agent/README.md names %d: %s; the example touches %d: %s" %
              (count, sorted(named), len(files), files))
    return not wrong


def call(argv, directory, **options):
    print("+ " + " ".join(argv), flush=True)
    return subprocess.call(argv, cwd=directory, stdin=subprocess.DEVNULL, **options)


def build(source, directory):
    """In a copy: a configure script that is there already need not be made."""
    shutil.rmtree(os.path.dirname(source), ignore_errors=True)
    shutil.copytree(paths.SOURCE, source, symlinks=True)
    os.makedirs(directory)
    return (call(["patch", "-p1", "--no-backup-if-mismatch", "-i", PATCH], source) or
            call([os.path.join(source, "configure"), "-q"] + tree.COMMON, directory) or
            call(["make", "-s", "-j%d" % (os.cpu_count() or 1)] + list(PROGRAMS), directory))


def main():
    if not shutil.which("patch"):
        print("skip example no patch(1)")
        return 0
    source = os.path.join(paths.BUILD, "example", "src")
    directory = os.path.join(paths.BUILD, "example", "build")
    status = 0 if is_true_to_the_count() else 1
    if build(source, directory):
        print("tests/example/command.patch is out of date: write it again, with one line of context")
        return 1
    env = dict(os.environ, MEMONLINE_BUILD=directory, srcdir=source)
    tests = os.path.join(source, "tests")
    for argv in (["tests/unit/test-schema"],
                 [sys.executable, os.path.join(tests, "process", "protocol.py")],
                 [sys.executable, os.path.join(tests, "example", "answers.py")]):
        status = call(argv, directory, env=env) or status
    return status
