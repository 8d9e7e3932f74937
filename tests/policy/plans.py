#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""memonlined --dry-run on every recorded guest under every policy, against golden plans.

usage: plans.py [--update]

The golden text of a guest is plans/GUEST.txt: what was decided and what would be written. Read it
before --update takes what is printed now for right.
"""

import difflib
import os
import pathlib
import shutil
import subprocess
import sys
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SYSROOTS = HERE.parent / "data" / "sysroots"
LIMIT = 60

POLICIES = [
    ("auto", ""),
    ("online", "[memonlined]\npolicy = online\n"),
    ("online_kernel", "[memonlined]\npolicy = online_kernel\n"),
    ("online_movable", "[memonlined]\npolicy = online_movable\n"),
    ("ratio 301", "[memonlined]\npolicy = ratio\n"),
    ("ratio 30", "[memonlined]\npolicy = ratio\nmovable-ratio = 30\n"),
    ("ratio 60, not per node",
     "[memonlined]\npolicy = ratio\nmovable-ratio = 60\nratio-per-node = no\n"),
    ("keep", "[memonlined]\npolicy = keep\n"),
    ("sections", "[memonlined]\npolicy = online\n"
                 "[node 1]\npolicy = online_movable\n"
                 "[range 4G+256M]\npolicy = online_kernel\n"
                 "[owner System RAM (virtio_mem)]\npolicy = keep\n"),
]


def dry_run(daemon, tree, config):
    path = tree.parent / "memonlined.conf"
    path.write_text(config)
    done = subprocess.run([daemon, "--dry-run", "--sysroot", tree, "--config", path],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, timeout=LIMIT)
    if done.returncode or done.stderr:
        return f"exit status {done.returncode}\n{done.stderr}{done.stdout}"
    return done.stdout


def unpack(archive, folder):
    tree = folder / "tree"
    with tarfile.open(archive) as content:
        content.extractall(tree)
    if tree == pathlib.Path("/"):
        raise SystemExit("refusing to run against /")
    return tree


def plans_of(daemon, archive):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="memonline-", dir="/tmp"))
    try:
        tree = unpack(archive, folder)
        return "\n".join(f"== {name}\n{dry_run(daemon, tree, config)}"
                         for name, config in POLICIES)
    finally:
        for path in folder.rglob("*"):
            if path.is_dir() and not path.is_symlink():
                path.chmod(0o700)
        shutil.rmtree(folder, ignore_errors=True)


def check(name, text, golden):
    expected = golden.read_text() if golden.exists() else ""
    if text == expected:
        print(f"ok {name}", flush=True)
        return 0
    diff = difflib.unified_diff(expected.splitlines(), text.splitlines(),
                                str(golden.relative_to(HERE)), "now", lineterm="")
    print("\n".join(diff))
    print(f"not ok {name} another plan", flush=True)
    return 1


def main(argv):
    daemon = pathlib.Path(os.environ["MEMONLINE_BUILD"]).resolve() / "agent" / "memonlined"
    failures = 0
    for archive in sorted(SYSROOTS.glob("*.tar.xz")):
        name = archive.name[:-len(".tar.xz")]
        golden = HERE / "plans" / f"{name}.txt"
        text = plans_of(daemon, archive)
        if "--update" in argv:
            golden.write_text(text)
        failures += check(name, text, golden)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
