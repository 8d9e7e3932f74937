#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Takes repairs of the daemon back, one at a time: the simulator has to find each fault again.

    repairs.py            builds each in a copy of the tree, in .build/repairs, and runs it
    repairs.py --check    only whether the text of each is there, once

A repair is a piece of agent/: whoever rewrites it rewrites its row, too.
"""

import glob
import os
import re
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STEPS_MAX = "1000000"

# (name, what goes wrong without it, the repair's text, what takes its place). White space of any
# kind is as good as any other.
REPAIRS = (
    ("follows-at-once", "requests of a host that follows another at once are lost",
     "if (!port->waited && !unplugged(port)) { wait_for_next(port); return; }",
     "(void)wait_for_next;"),
    ("pushed-twice", "reports are pushed twice to a host that follows another at once",
     "if (!peer->leaving) peer->leaving = host_is_away(peer);",
     ""),
    ("wish-of-a-job", "what an operator took offline beside a job that failed comes online",
     "item->response == JOB_FAILED && item->state == BLOCK_OFFLINE",
     "item->response == JOB_FAILED"),
    ("killed-twice", "a block that two killed agents wrote to is reported twice",
     "if (newer) after.state = newer->from;",
     "(void)newer;"),
)


def pattern(text):
    return re.compile(r"\s+".join(re.escape(word) for word in text.split()))


def read(path):
    with open(path) as source:
        return source.read()


def find(text):
    """The one file that has it, once; None where that is not so."""
    found = [path for path in glob.glob(os.path.join(TOP, "agent", "*", "*.c"))
             for _ in pattern(text).findall(read(path))]
    return found[0] if len(found) == 1 else None


def check():
    missing = [(name, text) for name, _, text, _ in REPAIRS if not find(text)]
    for name, text in missing:
        print("tests/sim/repairs.py, %s: not there, or more than once: %s" % (name, text))
    return 1 if missing else 0


def take_back(source, text, instead):
    """In the copy of the tree."""
    path = os.path.join(source, os.path.relpath(find(text), TOP))
    changed = pattern(text).sub(lambda match: instead, read(path))
    with open(path, "w") as target:
        target.write(changed)


def build(source, target):
    """The simulator of that tree; config.h is that of the normal build."""
    def pkg_config(what, *names):
        return subprocess.check_output(["pkg-config", what] + list(names)).decode().split()

    def sources(*folders):
        return sorted(os.path.relpath(name, source) for folder in folders
                      for name in glob.glob(os.path.join(source, folder, "*.c")))
    gcc = ["gcc", "-std=gnu99", "-O1", "-w", "-D_GNU_SOURCE", "-DHAVE_CONFIG_H",
           '-DSYSCONFDIR="/etc"', "-Iagent", "-I" + os.path.join(TOP, ".build", "normal")]
    gcc += pkg_config("--cflags", "inih", "libudev", "libmnl")
    port = [os.path.join("agent", "io", name) for name in ("channel.c", "channel-port.c")]
    daemon = [name for name in sources("agent/core", "agent/wire", "agent/daemon")
              if name != "agent/daemon/main.c"]
    subprocess.check_call(gcc + ["-include", "tests/sim/system-calls.h", "-c"] + port, cwd=source)
    subprocess.check_call(gcc + ["-c"] + daemon, cwd=source)
    subprocess.check_call(["ar", "rcs", "agent.a"] +
                          [os.path.basename(name)[:-1] + "o" for name in port + daemon],
                          cwd=source)
    subprocess.check_call(gcc + ["-o", target] + sources("tests/sim") + ["agent/io/sysfs.c"] +
                          ["agent.a"] + pkg_config("--libs", "inih"), cwd=source)


def search(name, about, text, instead):
    """Whether the simulator finds the fault."""
    source = os.path.join(TOP, ".build", "repairs", name)
    shutil.rmtree(source, ignore_errors=True)
    for folder in ("agent", os.path.join("tests", "sim")):
        shutil.copytree(os.path.join(TOP, folder), os.path.join(source, folder))
    take_back(source, text, instead)
    target = os.path.join(source, "sim")
    build(source, target)
    done = subprocess.run([target, "--steps", STEPS_MAX], stdout=subprocess.PIPE, check=False)
    first = done.stdout.decode().splitlines()[0]
    found = first.startswith("seed ")
    print("%s %s (%s): %s" % ("found" if found else "not found:", name, about, first), flush=True)
    return found


def main(argv):
    if check():
        return 1
    if argv == ["--check"]:
        return 0
    found = sum(search(*repair) for repair in REPAIRS)
    print("%d of %d repairs that were taken back are found" % (found, len(REPAIRS)))
    return 0 if found == len(REPAIRS) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
