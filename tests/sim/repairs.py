#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Takes repairs of the daemon back, one at a time: the simulator must find each fault again.

    repairs.py            builds each in a copy of .build/src, in .build/repairs, and runs it
    repairs.py --check    only whether the text of each is there, once

A repair is a piece of agent/: rewrite its row with it.
"""

import glob
import os
import re
import shutil
import subprocess
import sys

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
FOLDER = os.path.join(TOP, ".build", "repairs")
SOURCE = os.path.join(FOLDER, "src")
BUILD = os.path.join(FOLDER, "build")
STEPS_MAX = "1000000"

# (name, what goes wrong without it, [(the repair's text, its replacement)]). White space of
# any kind is as good as any other.
REPAIRS = (
    ("follows-at-once", "requests of a host that follows another at once are lost",
     [("if (!port->waited && !unplugged(port)) { wait_for_next(port); return; }",
       "(void)wait_for_next;")]),
    ("polled-before", "a request that a poll takes from its interrupt is not answered",
     [("if ((port.revents & POLLIN) || channel_queued(peer))"
       " loop_watch_change(peer->watch, CHANNEL_PORT_EVENTS);", "")]),
    ("pushed-twice", "reports are pushed twice to a host that follows another at once",
     [("if (!peer->leaving) peer->leaving = host_is_away(peer);", ""),
      ("if (r == 0 && channel_queued(peer) >= len && host_is_away(peer)) {"
       " peer->out.len -= len; return -EPIPE; }", ""),
      ("if (peer->unheard < queued) peer->sent += queued - peer->unheard;",
       "(void)queued;")]),
    ("wish-of-a-job", "what an operator took offline beside a job that failed comes online",
     [("item->response == JOB_FAILED && item->state == BLOCK_OFFLINE",
       "item->response == JOB_FAILED")]),
    ("failed-scan", "what was still to be written is forgotten behind a scan that failed",
     [("if (!scan_beside_write(agent)) return; decide_blocks(agent);",
       "plan_clear(&agent->plan); if (!scan_beside_write(agent)) return; decide_blocks(agent);"),
      ("agent->scan_error = r; schedule_scan_failed(&agent->schedule, loop_now_usec()); return r;",
       "agent->scan_error = r; return r;")]),
    ("going-offline", "what is going offline when it is seen is left out of the reports",
     [("return state == BLOCK_GOING_OFFLINE ? BLOCK_ONLINE : state;", "return state;")]),
    ("put-back", "numbers that a host knows are given again, as the same instance's",
     [("if (request->since > journal_last(agent_journal(agent)))"
       " agent_begin_instance(agent, \"a host knows later reports\");", "")]),
    ("gives-up", "where memory is short for a minute, scans end and memory stays offline",
     [("agent->scan_error = r; schedule_scan_failed(&agent->schedule, loop_now_usec()); return r;",
       "agent->scan_error = r; schedule_rescan(&agent->schedule, loop_now_usec()); return r;")]),
    ("killed-twice", "a block that two killed agents wrote to is reported twice",
     [("if (newer) after.state = newer->from;", "(void)newer;")]),
)


def pattern(text):
    return re.compile(r"\s+".join(re.escape(word) for word in text.split()))


def read(path):
    with open(path) as source:
        return source.read()


def write(path, text):
    with open(path, "w") as target:
        target.write(text)


def find(text):
    """The one file that has it, once; None where that is not so."""
    found = [path for path in glob.glob(os.path.join(TOP, "agent", "*", "*.c"))
             for _ in pattern(text).findall(read(path))]
    return found[0] if len(found) == 1 else None


def check():
    missing = [(name, text) for name, _, edits in REPAIRS for text, _ in edits if not find(text)]
    for name, text in missing:
        print("tests/sim/repairs.py, %s: not there, or more than once: %s" % (name, text))
    return 1 if missing else 0


def prepare():
    """A copy of the configured tree, with a build directory of its own."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.copytree(os.path.join(TOP, ".build", "src"), SOURCE, symlinks=True)
    os.mkdir(BUILD)
    subprocess.check_call([os.path.join(SOURCE, "configure"), "--quiet", "CFLAGS=-O1 -w"],
                          cwd=BUILD)


def simulate():
    """What the simulator of the copy says first."""
    program = os.path.join("tests", "sim", "sim")
    subprocess.check_call(["make", "-s", "-j2", program], cwd=BUILD)
    done = subprocess.run([os.path.join(BUILD, program), "--steps", STEPS_MAX],
                          stdout=subprocess.PIPE, check=False)
    return done.stdout.decode().splitlines()[0]


def search(name, about, edits):
    """Whether the simulator finds the fault."""
    paths = [os.path.join(SOURCE, os.path.relpath(find(text), TOP)) for text, _ in edits]
    whole = {path: read(path) for path in paths}
    for path, (text, instead) in zip(paths, edits):
        write(path, pattern(text).sub(lambda match, instead=instead: instead, read(path)))
    first = simulate()
    for path, text in whole.items():
        write(path, text)
    found = first.startswith("seed ")
    print("%s %s (%s): %s" % ("found" if found else "not found:", name, about, first), flush=True)
    return found


def main(argv):
    if check():
        return 1
    if argv == ["--check"]:
        return 0
    prepare()
    found = sum(search(*repair) for repair in REPAIRS)
    print("%d of %d repairs that were taken back are found" % (found, len(REPAIRS)))
    return 0 if found == len(REPAIRS) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
