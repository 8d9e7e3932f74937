# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs under test, and how they are started.

MEMONLINE_BUILD    the build directory they are in
MEMONLINE_WRAPPER  a command that starts them, such as valgrind; it is put before them
MEMONLINE_SLOWER   how many times longer they may then take
MEMONLINE_PART     2/4: only every fourth test, from the second on
"""

import os
import pathlib
import shlex
import sys
import time
import traceback

BUILD = pathlib.Path(os.environ.get("MEMONLINE_BUILD", ".")).resolve()
WRAPPER = shlex.split(os.environ.get("MEMONLINE_WRAPPER", ""))
SLOWER = int(os.environ.get("MEMONLINE_SLOWER", "1"))


def path(name):
    """None where it is not built."""
    for folder in (BUILD / "agent", BUILD):
        if os.access(folder / name, os.X_OK) and (folder / name).is_file():
            return str(folder / name)
    return None


def command(name, *arguments):
    return WRAPPER + [path(name) or name] + [str(argument) for argument in arguments]


def part_of(tests):
    first, step = os.environ.get("MEMONLINE_PART", "1/1").split("/")
    return tests[int(first) - 1::int(step)]


def some_of(variants):
    """All of many that go the same way; under a wrapper, which is slow, one of eight."""
    return list(variants)[::8 if WRAPPER else 1]


def patience(seconds):
    """A deadline, which is never a measure."""
    return seconds * SLOWER


def is_itself():
    """Whether memory in use is the program's own, not that of a tool around or within it."""
    return not WRAPPER and "sanitiz" not in str(BUILD)


def most_resident(process, limit):
    """VmHWM of a child in KiB, read until it ends; what it prints, if much, another has to read."""
    most, until = 0, time.monotonic() + limit
    while process.poll() is None:
        if time.monotonic() > until:
            process.kill()
            process.wait()
            raise AssertionError("%s does not end by itself" % process.args)
        try:
            with open("/proc/%d/status" % process.pid) as status:
                sizes = [text.split()[1] for text in status if text.startswith("VmHWM:")]
        except OSError:
            sizes = []
        most = max([most] + [int(size) for size in sizes])
        time.sleep(0.002)
    return most


def run_test(prefix, test):
    name = "-".join([prefix] * bool(prefix) + [test.__name__.replace("_", "-")])
    try:
        skipped = test()
    except Exception as reason:  # a test that breaks is one that fails
        if os.environ.get("MEMONLINE_TEST_TRACE"):
            traceback.print_exc()
        place = traceback.extract_tb(reason.__traceback__)[-1]
        print("not ok %s %s: %s (%s, line %d)" % (
            name, type(reason).__name__, " ".join(str(reason).split())[:2000], place.name,
            place.lineno), flush=True)
        return False
    if skipped:
        print("skip", name, skipped, flush=True)
    else:
        print("ok", name, flush=True)
    return True


def run_tests(prefix, tests):
    """Those that the command line names, or all; the exit code. A test returns why it was skipped."""
    wanted = sys.argv[1:]
    chosen = [test for test in tests if not wanted or test.__name__ in wanted]
    return 0 if all([run_test(prefix, test) for test in chosen]) else 1
