# SPDX-License-Identifier: GPL-2.0-or-later
"""Tools that read the code or watch it run, and how much of core/ the tests reach.

A finding is fixed, or suppressed where it is: by NOLINT in the source for clang-tidy, in
MISTAKEN below for gcc.
"""

import concurrent.futures
import glob
import json
import os
import re
import shutil
import subprocess
import sys

from . import paths, tree

# Others' code keeps its own style.
FOREIGN = "agent/inih/"
FOLDER = os.path.join(paths.BUILD, "tools")
TEST_LIMIT_SEC = 600
# Far more than valgrind needs: a deadline is never a measure.
SLOWER = 10
PARTS = 6


def at_once(function, items):
    """The results in order; as many at a time as there are processors."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(function, items))


def output_of(argv, **options):
    done = subprocess.run(argv, cwd=paths.TOP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, **options)
    return done.returncode, done.stdout.decode(errors="replace")


def tell(name, problems, said=""):
    """The result line of a tool, after what it found. No line of that is taken for a result."""
    for problem in problems:
        print("\n".join("  " + line for line in problem.splitlines()))
    if problems:
        said = "%d findings" % len(problems)
    print(("not ok " if problems else "ok ") + name + (" " + said if said else ""), flush=True)
    return 1 if problems else 0


# --- tools that read

def sources():
    return [name for name in tree.source_files()
            if name.endswith(".c") and not name.startswith(FOREIGN)]


def compiler_flags():
    """As make has them; config.h is that of the normal build."""
    libraries = ["libudev", "libmnl", "inih", "cmocka", "libvirt", "libxml-2.0"]
    return ["-std=gnu99", "-D_GNU_SOURCE", "-DHAVE_CONFIG_H", '-DSYSCONFDIR="/etc"', "-Iagent",
            "-I" + paths.NORMAL] + subprocess.check_output(
                ["pkg-config", "--cflags"] + libraries).decode().split()


# (file, function, warning): why it is none. Where gcc 12 has left a loop it no longer knows what
# the fields of a structure hold that it has met by a pointer only, and takes them for lost.
LOST_BY_A_LOOP = "what is stored in *probe is freed by probe_free"
LISTED = "what is stored in **domains is freed by whom the list is given to"
MISTAKEN = {
    ("agent/daemon/probing.c", "name_static", "-Wanalyzer-malloc-leak"): LOST_BY_A_LOOP,
    ("agent/daemon/probing.c", "name_controller", "-Wanalyzer-malloc-leak"): LOST_BY_A_LOOP,
    ("agent/daemon/probing.c", "decide", "-Wanalyzer-malloc-leak"): LOST_BY_A_LOOP,
    ("tests/process/fake-libvirt.c", "list", "-Wanalyzer-malloc-leak"): LISTED,
}
IN_FUNCTION = re.compile(r"\S+: In function '(\w+)'")
WARNING = re.compile(r"(\S+?):\d+:\d+: (?:warning|error|fatal error): .*?(?:\[(-W[^\]]*)\])?$")


def gcc_findings(text):
    """Each warning with all that gcc says of it."""
    function, lines, found = "", [], []
    for line in text.splitlines():
        place, match = IN_FUNCTION.match(line), WARNING.match(line)
        if place:
            function, lines = place.group(1), []
        elif match:
            lines = [line]
            if (match.group(1), function, match.group(2)) not in MISTAKEN:
                found.append(lines)
        else:
            lines.append(line)
    return ["\n".join(lines) for lines in found]


def gcc_analyzer():
    folder = os.path.join(FOLDER, "gcc")
    os.makedirs(folder, exist_ok=True)
    gcc = ["gcc", "-O2", "-Wall", "-Wextra", "-fanalyzer", "-fdiagnostics-plain-output"]
    nothing = os.path.join(folder, "nothing.c")
    with open(nothing, "w") as source:
        source.write("extern int nothing;\n")
    status, text = output_of(gcc + ["-c", "-o", nothing[:-1] + "o", nothing])
    if status and "-fanalyzer" in text:
        print("skip gcc-analyzer this gcc has none: " + " ".join(text.split())[:200])
        return 0
    flags = compiler_flags()

    def check(name):
        target = os.path.join(folder, name.replace("/", "-")[:-2] + ".o")
        status, text = output_of(gcc + flags + ["-c", "-o", target, name],
                                 env=dict(os.environ, LC_ALL="C"))
        return gcc_findings(text) or ([name + ":\n" + text] if status else [])
    names = sources()
    return tell("gcc-analyzer", [one for found in at_once(check, names) for one in found],
                "%d files" % len(names))


def clang_tidy():
    """One file a time: of several, clang-tidy 14 takes the va_lists of the later ones for unset."""
    flags = compiler_flags()

    def check(name):
        status, text = output_of(["clang-tidy", "--quiet", name, "--"] + flags)
        return name + ":\n" + text if status else ""
    names = sources()
    return tell("clang-tidy", [found for found in at_once(check, names) if found],
                "%d files" % len(names))


# --- valgrind

def valgrind(logs):
    return [shutil.which("valgrind"), "--leak-check=full", "--num-callers=25",
            "--show-leak-kinds=definite,indirect", "--errors-for-leak-kinds=definite,indirect",
            "--track-fds=yes", "--trace-children=no", "--log-file=" + os.path.join(logs, "%p.log")]


def open_files(lines):
    """What was open at the end and not before the beginning, with where it was opened."""
    found = []
    for number, line in enumerate(lines):
        if line.startswith("Open ") and "<inherited from parent>" not in lines[number + 1]:
            end = lines.index("", number)
            found.append("\n".join(lines[number:end]))
    return found


# Where the account of a process that ends begins; what is in front of it was wrong.
ENDS = ("Process terminating", "FILE DESCRIPTORS:", "HEAP SUMMARY:")
# A test leaves no room for it, and it is refused as the kernel does.
NO_ROOM = re.compile(r"Warning: invalid file descriptor \d+ in syscall fcntl\(DUPFD_CLOEXEC\)")
# Commands that leave in the middle, by _exit in the handler of SIGINT.
LEAVES = re.compile(r"Command: .* watch\b")


def log_findings(path):
    """
    Of one process. One that was killed has no summary. A fork ends by _exit or exec: what it has
    is its parent's, and only what it does with it counts. A signal closes nothing.
    """
    with open(path, errors="replace") as log:
        lines = [re.sub(r"^==\d+== ?", "", line) for line in log.read().splitlines()]
    head = [number for number, line in enumerate(lines) if line.startswith("Parent PID: ")][0]
    parent = lines[head].split()[-1]
    body = [line for line in lines[head + 1:] if not NO_ROOM.match(line)]
    ends = [number for number, line in enumerate(body) if line.startswith(ENDS)]
    bad = any(body[:ends[0]] if ends else body)
    found = []
    if not os.path.exists(os.path.join(os.path.dirname(path), parent + ".log")):
        bad = bad or any(re.match(r"ERROR SUMMARY: [1-9]", line) for line in body)
        if ends and not body[ends[0]].startswith("Process") and not LEAVES.match(lines[head - 1]):
            found = open_files(body + [""])
    return ["%s\n%s" % (os.path.basename(path), "\n".join(lines))] if bad else found


def logs_findings(logs):
    return [one for path in sorted(glob.glob(os.path.join(logs, "*.log")))
            for one in log_findings(path)]


def fresh_folder(name):
    """Open to all: one test runs a program as somebody else."""
    path = os.path.join(FOLDER, name)
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(path)
    os.chmod(path, 0o1777)
    return path


def unit_programs():
    """Below a build directory; fuzzers replay their corpora."""
    names = [os.path.relpath(path, paths.TOP)[:-2] for folder in ("unit/test-*", "fuzz/fuzz_*")
             for path in glob.glob(os.path.join(paths.TESTS, folder + ".c"))]
    return sorted(names)


def supervised(argv, **environment):
    status, text = output_of([sys.executable, "-m", "lab", "supervise", str(TEST_LIMIT_SEC)] + argv,
                             env=dict(os.environ, PYTHONPATH=paths.TESTS, **environment))
    return status, text


def make_check(directory, *arguments):
    """What it said where it failed, in a list."""
    with tree.make_lock(directory):
        status, text = output_of(["make", "-s", "-j%d" % (os.cpu_count() or 1), "-C", directory,
                                  "check", "VERBOSE=1"] + list(arguments))
    return [text] if status else []


def valgrind_unit():
    logs = fresh_folder("valgrind-unit")
    problems = make_check(paths.NORMAL, "TESTS=")
    if problems:
        return tell("valgrind-unit", problems)

    def check(name):
        status, text = supervised(valgrind(logs) + [os.path.join(paths.NORMAL, name)],
                                  srcdir=paths.SOURCE)
        return [] if status == 0 else ["%s: exit status %d\n%s" % (name, status, text)]
    names = unit_programs()
    problems = [one for found in at_once(check, names) for one in found]
    return tell("valgrind-unit", problems + logs_findings(logs), "%d programs" % len(names))


def process_tests():
    """(script, part): what takes longest comes first, in parts that run side by side."""
    scripts = sorted(path for path in glob.glob(os.path.join(paths.PROCESS, "*.py"))
                     if os.access(path, os.X_OK))
    for path in sorted(scripts, key=os.path.getsize, reverse=True):
        with open(path) as source:
            parts = PARTS if "part_of(" in source.read() else 1
        for part in range(parts):
            yield path, "%d/%d" % (part + 1, parts)


def failed_tests(path, status, text):
    """The job that runs them all by themselves reports the skipped ones."""
    lines = text.splitlines()
    found = [line for line in lines if line.startswith("not ok ")]
    if status and not found:
        found = ["%s: exit status %d\n%s" % (os.path.basename(path), status, text[-2000:])]
    return found


def run_process_tests(directory, **environment):
    """What failed."""
    def check(test):
        path, part = test
        status, text = supervised([path], MEMONLINE_BUILD=directory, MEMONLINE_PART=part,
                                  **environment)
        return failed_tests(path, status, text)
    return [one for found in at_once(check, list(process_tests())) for one in found]


def valgrind_process():
    logs = fresh_folder("valgrind-process")
    problems = run_process_tests(paths.NORMAL, MEMONLINE_WRAPPER=" ".join(valgrind(logs)),
                                 MEMONLINE_SLOWER=str(SLOWER))
    count = len(glob.glob(os.path.join(logs, "*.log")))
    if not count:
        problems.append("nothing ran under valgrind")
    print("skip valgrind-spoilt-answers seven of eight: memonlinectl refuses all in the same way")
    return tell("valgrind-process", problems + logs_findings(logs), "%d processes" % count)


def tools():
    results = [gcc_analyzer(), clang_tidy(), valgrind_unit(), valgrind_process()]
    return 1 if any(results) else 0


# --- coverage

COVERAGE = os.path.join(paths.BUILD, "coverage")
# Without optimization a line is a line. A program writes its counts where it ends by itself, also
# on SIGTERM; gcov's own lock keeps those of processes that end side by side apart.
COVERAGE_OPTIONS = tree.COMMON + ["CFLAGS=-g -O0 --coverage"]
LINES_PERCENT_MIN = 95.0


def forget_counts():
    for path in glob.glob(os.path.join(COVERAGE, "**", "*.gcda"), recursive=True):
        os.unlink(path)


def covered():
    """
    gcovr's summary of core/; lines.txt has the lines that no test reached. gcovr unlinks the files
    that it is to write before it writes them: never name a device, /dev/null least of all.
    """
    summary = os.path.join(COVERAGE, "summary.json")
    status, text = output_of(
        ["gcovr", "--root", paths.SOURCE, "--filter", ".*/agent/(core|wire)/", "--object-directory",
         COVERAGE, "--json-summary", summary, "--txt", os.path.join(COVERAGE, "lines.txt"),
         os.path.join(COVERAGE, "agent")])
    if status:
        print(text)
        return None
    with open(summary) as file:
        return json.load(file)


def row(name, counts):
    def cells(what):
        covered_, total = counts[what + "_covered"], counts[what + "_total"]
        return "%5d of %5d  %5.1f %%" % (covered_, total, 100.0 * covered_ / (total or 1))
    return "| %-28s %s  %s" % (name, cells("line"), cells("branch"))


def print_table(summary):
    print("| %-28s %-23s  %s" % ("core/", "lines", "branches"))
    for counts in summary["files"]:
        print(row(os.path.basename(counts["filename"]), counts))
    print(row("total", summary))


def coverage():
    """No check of core's purity: what counts is not pure."""
    tree.build(COVERAGE, COVERAGE_OPTIONS)
    forget_counts()
    problems = make_check(COVERAGE, "TESTS=" + " ".join(unit_programs()))
    status, text = supervised([os.path.join(paths.TESTS, "policy", "plans.py")],
                              MEMONLINE_BUILD=COVERAGE)
    problems += failed_tests("plans.py", status, text) + run_process_tests(COVERAGE)
    summary = None if problems else covered()
    if not summary:
        return tell("coverage", problems or ["gcovr failed"])
    print_table(summary)
    percent = 100.0 * summary["line_covered"] / summary["line_total"]
    said = "%.1f %% of the lines of core/, %.1f %% of its branches" % (
        percent, 100.0 * summary["branch_covered"] / summary["branch_total"])
    if percent < LINES_PERCENT_MIN:
        return tell("coverage", ["%s: below %.0f %% of lines" % (said, LINES_PERCENT_MIN)])
    return tell("coverage", [], said)
