# SPDX-License-Identifier: GPL-2.0-or-later
"""Builds with warnings as errors and runs the tests.

usage: tests/run [OPTION...] [NAME...]

  --full        everything, also what takes longer
  --kernel DIR  run the guests with the kernel of this unpacked package or build
  --seed N      seed of the tests that draw at random; 1 where it is missing
  --seeds N     each test named, which has to draw at random, with N seeds from --seed on
  --installed   the scenarios named, which have guests, in Debian 12 with systemd, where the
                package is installed and memonlined runs under its own unit
  --keep        keep the logs of tests that passed
  --list        list the names and what each is
  --help        this text

Names choose tests; a number behind `mutants` says how many. The last line says how many passed, failed and were skipped.
"""

import argparse
import ast
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from . import kernel, packages, paths, scenario, tree

JOBS_AT_A_TIME = 2
TAIL_LINES = 60
GUEST_LIMIT_SEC = 900
INSTALLED_TIMES = 3
INSTALLED_NEEDS = ("distribution", "deb")
RESULT = re.compile(r"(ok|not ok|skip) (\S+)(?: (.*))?$")
# As automake prints them.
CHECKED = re.compile(r"(PASS|FAIL|ERROR|XPASS|SKIP|XFAIL): (\S+)()$")
KINDS = {"PASS": "ok", "XFAIL": "ok", "SKIP": "skip"}


class Test:
    """One program to run; it may print the results of many tests."""

    def __init__(self, name, command, about, limit, full=False, needs=(), single=False,
                 table=False, seeds=0, named=False, batch=False, installed=None):
        self.name = name
        self.command = command
        self.about = about
        self.limit = limit
        self.full = full
        self.needs = tuple(needs)
        self.single = single  # its output has tests that others count
        self.table = table  # its lines that begin with "| " are for the reader
        self.named = named  # runs by its name only
        self.seeds = seeds  # how many --full takes; 0: it draws nothing at random
        self.batch = batch  # all seeds in one go
        # Whether --full has it in an installed guest, too; a text: why it cannot be there.
        self.installed = installed
        self.log = os.path.join(paths.LOGS, name + ".log")

    def with_seed(self, seed):
        """The same as a test of its own, with its own log."""
        return Test("%s/seed-%d" % (self.name, seed), self.command + [str(seed)], self.about,
                    self.limit, self.full, self.needs, self.single)

    def with_seeds(self, first, count):
        return Test(self.name, self.command + [str(first), str(count)], self.about, self.limit,
                    self.full, self.needs, self.single)

    def as_installed(self, needs):
        """The same in guests of lab/installed.py: a distribution boots longer."""
        name = self.command[-1]
        return Test(scenario.label_of(name, installed=True),
                    ["scenario", scenario.INSTALLED_OPTION, name], self.about,
                    INSTALLED_TIMES * self.limit, self.full,
                    set(self.needs) | set(needs), seeds=self.seeds)


def own_tests():
    def job(name, about, limit, **options):
        return Test(name, ["jobs", name], about, limit, **options)
    return [
        job("unit", "make check", 300),
        job("policy", "the plan for every recorded guest under every policy", 300),
        job("kernel-models", "every policy on models of old and new kernels", 300),
        job("sim", "100 simulated worlds with the daemon in them", 600, seeds=100,
            batch=True),
        job("sim-long", "simulated worlds of 10^7 steps, planted faults, all small worlds", 1800,
            full=True),
        job("sim-scale", "guests with their load: core/scale beside other policies, and its rails",
            600, table=True, seeds=200, batch=True),
        job("sim-repairs", "the simulator finds each fault whose repair is taken back", 1800,
            full=True),
        job("process", "whole programs over fake trees and sockets", 600),
        job("style", "clang-format, cppcheck, shellcheck, manual pages, licence lines", 300, needs=["style"]),
        job("sanitizers", "unit and process tests with sanitizers", 1200, full=True,
            needs=["sanitizers"]),
        job("tools", "gcc -fanalyzer, clang-tidy, and valgrind on the unit and process tests",
            1500, full=True, needs=["tools"]),
        job("coverage", "how much of core/ the tests reach; at least 95 % of its lines", 900,
            full=True, needs=["coverage"], table=True),
        job("fuzz", "each fuzzer for a minute (MEMONLINE_FUZZ_SEC) with sanitizers", 900,
            full=True, needs=["fuzz"]),
        job("example", "tests/example: a patch that adds a command applies, builds and answers", 900,
            full=True),
        job("probe-kernels", "two kernels with ARCH_MEMORY_PROBE, built from Debian's sources",
            3600, full=True),
        job("bench", "a little of everything that tests/bench/run measures", 900, full=True,
            needs=["guest", "libvirt", "distribution", "deb"]),
        job("distcheck", "make distcheck", 900, full=True, single=True),
        job("suites", "the package for Debian, built, checked, installed and removed in each suite",
            2400, full=True, needs=["distribution", "deb"]),
        Test("no-daemon", ["unattended"], "each scenario without a daemon: it has to fail", 3600,
             full=True, needs=["guest", "libvirt", "distribution", "deb"]),
        Test("mutants", ["mutants"], "N small changes of the code, by --seed: does a test see each",
             14400, full=True, named=True, table=True, needs=["leaks"]),
        job("oldest", "pedantic, without what the oldest libraries lack", 300, full=True),
    ]


def constants(name):
    """A scenario's settings, read without running it."""
    with open(os.path.join(paths.SCENARIOS, name, "test.py")) as source:
        parsed = ast.parse(source.read())
    found = {node.targets[0].id: ast.literal_eval(node.value) for node in parsed.body
             if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") in
             ("LIMIT", "NEEDS", "FULL", "SEEDS", "INSTALLED")}
    found["about"] = (ast.get_docstring(parsed) or "").split("\n")[0]
    return found


def guest_tests():
    for name in scenario.names():
        settings = constants(name)
        yield Test(name, ["scenario", name], settings["about"],
                   settings.get("LIMIT", GUEST_LIMIT_SEC), settings.get("FULL", False),
                   ["guest"] + list(settings.get("NEEDS", ())),
                   seeds=settings.get("SEEDS", 0), installed=settings.get("INSTALLED", False))


class Results:
    def __init__(self):
        self.count = {"ok": 0, "not ok": 0, "skip": 0}

    def add(self, kind, name, seconds, reason=""):
        self.count[kind] += 1
        print("%s %s (%d s)%s" % (kind, name, round(seconds), ": " + reason if reason else ""),
              flush=True)

    def totals(self):
        text = "%d passed, %d failed" % (self.count["ok"], self.count["not ok"])
        return text + (", %d skipped" % self.count["skip"] if self.count["skip"] else "")

    def status(self):
        return 1 if self.count["not ok"] or not self.count["ok"] else 0


class Running:
    """A test under way: its output goes to its log, and results are read from there."""

    def __init__(self, test, results):
        self.test = test
        self._results = results
        self._since = time.monotonic()
        self._seen = self._failed = 0
        os.makedirs(os.path.dirname(test.log), exist_ok=True)
        self._log = open(test.log, "w")
        self._reader = open(test.log, errors="replace")
        self._partial = ""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lab", "supervise", str(test.limit), sys.executable, "-m",
             "lab"] + test.command, stdin=subprocess.DEVNULL, stdout=self._log,
            stderr=subprocess.STDOUT, cwd=paths.TOP, start_new_session=True)

    def _result(self, kind, name, reason=""):
        now = time.monotonic()
        full = name if name == self.test.name else "%s/%s" % (self.test.name, name)
        self._results.add(kind, full, now - self._since, reason or "")
        self._since = now
        self._seen += 1
        self._failed += kind == "not ok"

    def read(self):
        text = self._partial + self._reader.read()
        lines = text.split("\n")
        self._partial = lines.pop()
        for line in lines:
            if self.test.table and line.startswith("| "):
                print(line, flush=True)
            match = RESULT.match(line) or CHECKED.match(line)
            if match and not self.test.single:
                kind, name, reason = match.groups()
                kind = kind if kind in self._results.count else KINDS.get(kind, "not ok")
                if kind == "skip" and not reason:
                    reason = self._check_log(name) or "see " + self.test.log
                self._result(kind, name if name == self.test.name else os.path.basename(name),
                             reason)

    def _check_log(self, name):
        """What automake's test said, which make check keeps to itself."""
        directory = paths.SANITIZERS if self.test.name == "sanitizers" else paths.NORMAL
        try:
            with open(os.path.join(directory, name + ".log"), errors="replace") as log:
                return " ".join(log.read().splitlines()[0:1])
        except OSError:
            return ""

    def ended(self):
        """Whether it is over; if so, all that it has to say has been said."""
        status = self.process.poll()
        self.read()
        if status is None:
            return False
        self.read()
        if status and not self._failed:
            reason = "time limit" if status == 124 else "exit status %d" % status
            self._result("not ok", self.test.name, reason)
        elif not self._seen:
            self._result("ok", self.test.name)
        if self._failed:
            self._print_tail()
        self._log.close()
        self._reader.close()
        return True

    def _print_tail(self):
        with open(self.test.log, errors="replace") as log:
            lines = log.read().splitlines()[-TAIL_LINES:]
        print("--- the end of %s" % self.test.log)
        print("\n".join("    " + line for line in lines), flush=True)

    def end(self):
        """Its supervisor ends all that it started."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait()


def run_all(tests, results, at_a_time=JOBS_AT_A_TIME):
    waiting, running = list(tests), []
    try:
        while waiting or running:
            while waiting and len(running) < at_a_time:
                running.append(Running(waiting.pop(0), results))
            time.sleep(0.1)
            running = [test for test in running if not test.ended()]
    finally:
        for test in running:
            test.end()


def skip_without_packages(tests, results):
    """Those that can run; the others are reported as skipped, with the reason."""
    able, lacking = [], {}
    for group in sorted({group for test in tests for group in test.needs}):
        try:
            packages.install([group])
        except packages.Missing as reason:
            lacking[group] = " ".join(str(reason).split())[:300]
    for test in tests:
        reasons = [lacking[group] for group in test.needs if group in lacking]
        if reasons:
            results.add("skip", test.name, 0, reasons[0])
        else:
            able.append(test)
    return able


def fetch_kernel(tests, results):
    """Before the tests, so that a download is not part of any test's time."""
    try:
        os.environ["MEMONLINE_KERNEL"] = (os.environ.get("MEMONLINE_KERNEL") or
                                          kernel.download())
        return tests
    except packages.Missing as reason:
        for test in tests:
            if "guest" in test.needs:
                results.add("skip", test.name, 0, str(reason))
        return [test for test in tests if "guest" not in test.needs]


def choose(tests, options):
    unknown = set(options.names) - {test.name for test in tests}
    if unknown:
        sys.exit("tests/run: no test is called %s; --list names them" % ", ".join(sorted(unknown)))
    return [test for test in tests
            if test.name in options.names or
            (not options.names and not test.named and (options.full or not test.full))]


def in_installed_guests(tests, options, results):
    """With --installed all that can be, in the place of the others; with --full some beside them."""
    if options.installed and not options.names:
        sys.exit("tests/run: --installed needs the names of scenarios")
    for test in tests:
        if not options.installed:
            yield test
        elif test.installed is None:
            sys.exit("tests/run: --installed: %s has no guest" % test.name)
        elif isinstance(test.installed, str):
            results.add("skip", scenario.label_of(test.name, installed=True), 0, test.installed)
        if options.installed and not isinstance(test.installed, str) or (
                options.full and not options.names and test.installed is True):
            yield test.as_installed(INSTALLED_NEEDS)


def refuse_seeds(tests, options):
    """What --seeds cannot be done with ends here, with its reason."""
    if options.seeds < 1:
        sys.exit("tests/run: --seeds %d: at least 1 is needed" % options.seeds)
    if not options.names:
        sys.exit("tests/run: --seeds needs the names of tests")
    steady = sorted(test.name for test in tests if not test.seeds)
    if steady:
        sys.exit("tests/run: --seeds: nothing is drawn at random by %s" % ", ".join(steady))


def each_seed(tests, options):
    """In the place of a test one for each seed, where more than one is wanted."""
    if options.seeds is not None:
        refuse_seeds(tests, options)
    first = 1 if options.seed is None else options.seed
    for test in tests:
        count = options.seeds or (test.seeds if options.full else 0)
        if test.batch and options.seeds:
            yield test.with_seeds(first, count)
        elif not test.batch and (count > 1 or options.seeds):
            yield from (test.with_seed(seed) for seed in range(first, first + count))
        else:
            yield test


def parse(argv):
    parser = argparse.ArgumentParser(prog="tests/run", usage=argparse.SUPPRESS, add_help=False)
    for flag in ("--full", "--installed", "--keep", "--list", "--help"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--kernel")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--seeds", type=int)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args(argv)
    take_number(options)
    return options


def take_number(options):
    """`mutants 200`: the number is not a name."""
    for at, name in enumerate(options.names):
        if name.isdigit() and at and options.names[at - 1] == "mutants":
            os.environ["MEMONLINE_MUTANTS"] = options.names.pop(at)


def settings(options):
    os.environ.setdefault("MEMONLINE_BUILD", paths.NORMAL)
    if options.full:
        os.environ["MEMONLINE_FULL"] = "1"
    if options.kernel:
        os.environ["MEMONLINE_KERNEL"] = os.path.abspath(options.kernel)
    if options.seed is not None:
        os.environ["MEMONLINE_SEED"] = str(options.seed)


def run(tests, options, results):
    packages.install(["build"])
    build = Test("build", ["tree"], "", 600)
    run_all([build], results)
    if not results.status():
        tests = skip_without_packages(tests, results)
        if any("guest" in test.needs for test in tests):
            tests = fetch_kernel(tests, results)
        run_all(tests, results)
    if not options.keep and not results.status():
        shutil.rmtree(paths.LOGS, ignore_errors=True)
    print(results.totals(), flush=True)
    return results.status()


def on_signal(number, _frame):
    raise KeyboardInterrupt(number)


def main(argv):
    options = parse(argv)
    tests = own_tests() + list(guest_tests())
    if options.help:
        print(__doc__.strip())
        return 0
    if options.list:
        for test in tests:
            print("%-20s %s%s" % (test.name, test.about, " (by name only)" if test.named else
                                      " (--full)" if test.full else ""))
        return 0
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, on_signal)
    settings(options)
    results = Results()
    chosen = in_installed_guests(choose(tests, options), options, results)
    chosen = list(each_seed(list(chosen), options))
    try:
        with tree.lock():
            return run(chosen, options, results)
    except packages.Missing as reason:
        print("tests/run: %s" % reason)
        return 1
    except KeyboardInterrupt:
        print("tests/run: interrupted")
        return 130
