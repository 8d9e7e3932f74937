# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests that need no guest: python3 -m lab jobs unit|process|sanitizers|distcheck|style"""

import glob
import os
import re
import shutil
import subprocess
import sys

from . import packages, paths, tree

PROCESS_LIMIT_SEC = 300
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}
CPPCHECK = ("cppcheck", "--quiet", "--enable=warning,style,performance,portability",
            "--std=c99", "--inline-suppr", "--error-exitcode=1", "--force",
            "--suppress=missingIncludeSystem", "-D_GNU_SOURCE")
# Somebody else's code keeps its own looks.
FOREIGN = "agent/inih/"
SPDX = "SPDX-License-Identifier: GPL-2.0-or-later"
SPDX_FILES = re.compile(r"(\.(c|h|py|sh|ac|am|service\.in|[1578])|/(run|demo|init|shell))$")


def call(argv, directory=paths.TOP, **options):
    print("+ " + " ".join(argv[:12]) + (" ..." if len(argv) > 12 else ""), flush=True)
    return subprocess.call(argv, cwd=directory, stdin=subprocess.DEVNULL, **options)


def make_check(directory):
    return call(["make", "check", "VERBOSE=1"], directory)


def unit():
    return make_check(paths.NORMAL)


def run_process_tests(directory, environment):
    """Each prints its own result lines."""
    status = 0
    env = dict(os.environ, MEMONLINE_BUILD=directory, **environment)
    for path in sorted(glob.glob(os.path.join(paths.PROCESS, "*.py"))):
        if not os.access(path, os.X_OK):
            continue
        one = call([sys.executable, "-m", "lab", "supervise", str(PROCESS_LIMIT_SEC), path],
                   env=env)
        if one:
            print("not ok %s exit status %d" % (os.path.basename(path), one), flush=True)
        status = status or one
    return status


def process():
    return run_process_tests(paths.NORMAL, {})


def sanitizers():
    os.environ.update(SANITIZER_OPTIONS)
    tree.build(paths.SANITIZERS, tree.OPTIONS[paths.SANITIZERS])
    status = make_check(paths.SANITIZERS)
    return run_process_tests(paths.SANITIZERS, SANITIZER_OPTIONS) or status


def distcheck():
    return call(["make", "distcheck"], paths.NORMAL)


# --- style

def is_shell(name):
    with open(os.path.join(paths.TOP, name), "rb") as script:
        return re.match(rb"#!.*\b(ba|da|)sh\b", script.readline()) is not None


def style_commands(names):
    ours = [name for name in names if not name.startswith(FOREIGN)]
    code = [name for name in ours if name.endswith((".c", ".h"))]
    sources = [name for name in code if name.endswith(".c")]
    config = os.path.join(paths.NORMAL, "config.h")
    scripts = [name for name in ours if name.endswith(".sh") or is_shell(name)]
    yield ["clang-format", "--dry-run", "-Werror"] + code
    yield list(CPPCHECK) + ["--include=" + config, "-Iagent"] + sources
    if shutil.which("shellcheck"):
        yield ["shellcheck"] + scripts


def without_spdx(names):
    for name in names:
        if SPDX_FILES.search(name) and not name.startswith(FOREIGN):
            with open(os.path.join(paths.TOP, name), errors="replace") as source:
                if SPDX not in source.read(400):
                    yield name


def style():
    names = tree.source_files()
    status = 0
    for argv in style_commands(names):
        status = call(argv) or status
    for name in without_spdx(names):
        print("no SPDX line: " + name)
        status = 1
    return status


JOBS = {job.__name__: job for job in (unit, process, sanitizers, distcheck, style)}


def main(argv):
    try:
        return JOBS[argv[0]]()
    except (packages.Missing, subprocess.CalledProcessError) as error:
        print(error)
        return 1
