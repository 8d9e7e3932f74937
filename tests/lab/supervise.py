# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs one command with a time limit and leaves no process behind.

usage: python3 -m lab supervise SECONDS COMMAND [ARGUMENT...]

Exits with the command's status, or 124 when the time was up. Everything that the command started, also what detached itself, is ended with it: orphans come to this
process, since it is their subreaper.
"""

import ctypes
import os
import signal
import subprocess
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
TIME_IS_UP = 124
GRACE_SEC = 15
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM)


class Ended(Exception):
    """A signal asked us to end."""


def prctl(option, value):
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def die_with_parent():
    prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def children_of(parent):
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open("/proc/%s/stat" % entry) as stat:
                fields = stat.read().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            yield int(entry)


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def send(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def end_children():
    """The children of a child that we end become ours: go on until there is none."""
    kill_at = time.monotonic() + GRACE_SEC
    asked = set()
    while True:
        reap()
        left = set(children_of(os.getpid()))
        if not left:
            return
        late = time.monotonic() >= kill_at
        for pid in left if late else left - asked:
            send(pid, signal.SIGKILL if late else signal.SIGTERM)
        asked |= left
        time.sleep(0.05)


def on_signal(number, _frame):
    raise Ended(number)


def start(command):
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True,
                            preexec_fn=die_with_parent).pid


def wait_for(wanted):
    """Its exit status. Orphans are reaped on the way: someone may wait for their end."""
    while True:
        pid, status = os.waitpid(-1, 0)
        if pid == wanted:
            return os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)


def run(limit, command):
    try:
        signal.setitimer(signal.ITIMER_REAL, limit)
        return wait_for(start(command))
    except Ended as ended:
        number = ended.args[0]
        if number != signal.SIGALRM:
            return 128 + number
        print("time limit of %d s is up: %s" % (limit, " ".join(command)), flush=True)
        return TIME_IS_UP


def main(argv):
    prctl(PR_SET_CHILD_SUBREAPER, 1)
    die_with_parent()
    for number in SIGNALS:
        signal.signal(number, on_signal)
    status = run(float(argv[0]), argv[1:])
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    end_children()
    return status
