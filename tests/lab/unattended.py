# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs every scenario in guests without a daemon: one that passes then proves nothing.

usage: python3 -m lab unattended [NAME...]
"""

import concurrent.futures
import os
import re
import subprocess
import sys
import time

from . import paths, scenario

AT_A_TIME = 2
LIMIT_SEC = 600
# Those without a daemon in a guest, or whose parts are run here by themselves.
LEFT_OUT = {
    "arm64": "is made of scenarios that are here by themselves",
    "cloud-init": "starts no guest",
    "kernel-matrix": "is made of scenarios that are here by themselves",
    "rpm": "starts no guest",
}
RESULT = re.compile(r"^(ok|not ok|skip) (\S+)(.*)$", re.M)


def run_one(name):
    """(kind, text) of the scenario's own result; kind "" where it had none."""
    log = os.path.join(paths.LOGS, "no-daemon", name + ".log")
    os.makedirs(os.path.dirname(log), exist_ok=True)
    environment = dict(os.environ, MEMONLINE_TEST_NO_DAEMON="1")
    with open(log, "w") as out:
        subprocess.call([sys.executable, "-m", "lab", "supervise", str(LIMIT_SEC), sys.executable,
                         "-m", "lab", "scenario", name], stdin=subprocess.DEVNULL, stdout=out,
                        stderr=subprocess.STDOUT, cwd=paths.TOP, env=environment)
    with open(log, errors="replace") as text:
        found = RESULT.findall(text.read())
    kind, _, text = found[-1] if found else ("", name, "see " + log)
    return kind, text.strip()


def judge(name):
    """Prints one result line; whether it is a good one."""
    since = time.monotonic()
    kind, text = run_one(name)
    seconds = round(time.monotonic() - since)
    if kind == "skip":
        print("skip %s %s" % (name, text), flush=True)
    elif kind == "ok":
        print("not ok %s passes without a daemon (%d s)" % (name, seconds), flush=True)
    elif not kind:
        print("not ok %s has no result after %d s: %s" % (name, seconds, text), flush=True)
    else:
        print("ok %s fails in %d s: %s" % (name, seconds, text[:120]), flush=True)
    return kind not in ("", "ok")


def main(argv):
    for name, reason in sorted(LEFT_OUT.items()):
        if not argv:
            print("%s is left out: %s" % (name, reason), flush=True)
    names = argv or [name for name in scenario.names() if name not in LEFT_OUT]
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        return 0 if all(list(pool.map(judge, names))) else 1
