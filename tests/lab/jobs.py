# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests that need no guest: python3 -m lab jobs NAME"""

import glob
import os
import re
import shutil
import subprocess
import sys

from . import analyze, example, manual, packages, paths, probing, tree

PROCESS_LIMIT_SEC = 300
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "abort_on_error=1:detect_leaks=1:strict_string_checks=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
}
CPPCHECK = ("cppcheck", "--quiet", "--enable=warning,style,performance,portability",
            "--std=c99", "--inline-suppr", "--error-exitcode=1", "--force",
            "--suppress=missingIncludeSystem", "-D_GNU_SOURCE",
            # libvirt's header declares these structs, and cppcheck does not read it.
            "--suppress=unusedStructMember:tests/process/fake-libvirt.c")
CHANGELOG_COLUMNS = 80
SPDX = "SPDX-License-Identifier: GPL-2.0-or-later"
SPDX_FILES = re.compile(r"(\.(c|h|py|sh|ac|am|service\.in|[1578])|/(run|demo|init|shell))$")


def call(argv, directory=paths.TOP, **options):
    print("+ " + " ".join(argv[:12]) + (" ..." if len(argv) > 12 else ""), flush=True)
    return subprocess.call(argv, cwd=directory, stdin=subprocess.DEVNULL, **options)


def make(directory, *arguments):
    with tree.make_lock(directory):
        return call(["make"] + list(arguments), directory)


def make_check(directory):
    return make(directory, "check", "VERBOSE=1")


def unit():
    """The simulator, too: a change of io/ shows at once that its twin must follow."""
    return make_check(paths.NORMAL) or sim_build()


def policy():
    return call([sys.executable, "-m", "lab", "supervise", str(PROCESS_LIMIT_SEC),
                 os.path.join(paths.TESTS, "policy", "plans.py")],
                env=dict(os.environ, MEMONLINE_BUILD=paths.NORMAL))


def kernel_models():
    return make(paths.NORMAL, "check", "VERBOSE=1", "TESTS=tests/unit/test-kernel-models")


def run_process_tests(directory, environment):
    """Each prints its own result lines."""
    status = make(directory, "-s", "process-programs")
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


def suites(*names):
    return call([sys.executable, os.path.join(paths.TESTS, "package", "suites.py")] + list(names))


def distcheck():
    return make(paths.NORMAL, "distcheck")


# --- as on the oldest distributions

# As the toolchain of EL6, and no later function can be named.
OLDEST_FLAGS = ("-O1 -std=gnu99 -Wpedantic -Werror -Wno-error=pragmas -include " +
                os.path.join(paths.LAB, "oldest.h"))
OLDEST_PROGRAMS = ("memonlined", "memonlinectl")


def poisoned():
    """The names that oldest.h forbids."""
    with open(os.path.join(paths.LAB, "oldest.h")) as header:
        return set(re.sub(r"#pragma GCC poison", "", "".join(
            line for line in header if line.startswith("#pragma"))).split())


def undefined(program):
    """The functions that a program takes from its libraries, without their versions."""
    text = subprocess.check_output(["nm", "-D", "--undefined-only", program]).decode()
    return {line.split()[-1].split("@")[0] for line in text.splitlines()}


def oldest():
    """The programs alone, with bundled inih and upstart; then what their symbols say."""
    directory = os.path.join(paths.BUILD, "oldest")
    tree.configure(directory, ["--prefix=/usr", "--sysconfdir=/etc", "--with-bundled-inih",
                               "--enable-upstart", "--with-systemdsystemunitdir=no"])
    programs = [os.path.join("agent", name) for name in OLDEST_PROGRAMS]
    flags = OLDEST_FLAGS
    status = call(["make", "-s", "-j2", "CFLAGS=" + flags] + programs, directory)
    if status:
        return status
    for name in programs:
        used = undefined(os.path.join(directory, name))
        late = sorted(used & poisoned())
        if late or any(symbol.startswith("ini_") for symbol in used):
            print("not ok oldest %s needs %s" % (name, late or "an installed inih"))
            status = 1
    return status


# --- fuzz

FUZZ_FLAGS = ("-std=gnu99", "-g", "-O1", "-D_GNU_SOURCE",
              "-I" + os.path.join(paths.TOP, "agent"),
              "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all")
# To follow each comparison takes as long as all the rest; in texts, strcmp and memcmp are enough.
FUZZ_TEXT_FLAGS = FUZZ_FLAGS + ("-fno-sanitize-coverage=trace-cmp",)
FUZZ_DAEMON = ("fuzz_passing", "fuzz_session")
FUZZ_BINARY = ("fuzz_firmware", "fuzz_runtime")
# So does the allocator, where it keeps what was freed for long, with where that was.
FUZZ_ASAN = "malloc_context_size=1:quarantine_size_mb=8"
FUZZ_LIBRARIES = ("inih", "libudev", "libmnl", "libxml-2.0", "libvirt")
# What is not in an archive.
FUZZ_MORE = {"fuzz_session": ["tests/unit/fake-kernel.c"],
             "fuzz_domain": ["agent/virt/domain.c", "agent/virt/survey.c"]}


def pkg_config(what, *libraries):
    return subprocess.check_output(["pkg-config", what] + list(libraries)).decode().split()


def fuzz_archive(folder, part, flags):
    """agent/PART without main; what a fuzzer has of its own is not taken from there."""
    directory = os.path.join(folder, "%s-%d" % (part, len(flags)))
    shutil.rmtree(directory, ignore_errors=True)
    os.makedirs(directory)
    sources = [path for path in glob.glob(os.path.join(paths.TOP, "agent", part, "*.c"))
               if os.path.basename(path) != "main.c"]
    if call(["clang", "-c"] + list(flags) + pkg_config("--cflags", *FUZZ_LIBRARIES) +
            sorted(sources), directory):
        return None
    archive = directory + ".a"
    objects = glob.glob(os.path.join(directory, "*.o"))
    if os.path.exists(archive):
        os.unlink(archive)
    return None if call(["ar", "cr", archive] + sorted(objects)) else archive


def fuzz_program(name, folder, archives):
    """Its path, or None where it does not compile."""
    program = os.path.join(folder, name)
    flags = FUZZ_FLAGS if name in FUZZ_BINARY else FUZZ_TEXT_FLAGS
    parts = ("wire", "core")
    if name in FUZZ_DAEMON:
        parts = ("daemon", "io") + parts
    for part in parts:
        if (part, flags) not in archives:
            archives[part, flags] = fuzz_archive(folder, part, flags)
    found = [archives[part, flags] for part in parts]
    if None in found or call(["clang"] + list(flags) +
                             ["-o", program, "tests/fuzz/%s.c" % name] +
                             pkg_config("--cflags", *FUZZ_LIBRARIES) + FUZZ_MORE.get(name, []) +
                             found + pkg_config("--libs", *FUZZ_LIBRARIES)):
        return None
    return program


def fuzz_one(name, folder, archives):
    """Starts one fuzzer on a copy of its corpus: nothing is written into the tree."""
    program = fuzz_program(name, folder, archives)
    if not program:
        return None
    corpus = os.path.join(folder, name + ".corpus")
    shutil.rmtree(corpus, ignore_errors=True)
    shutil.copytree(os.path.join(paths.TESTS, "data", "fuzz", name.split("_")[1]), corpus)
    seconds = os.environ.get("MEMONLINE_FUZZ_SEC", "60")
    with open(program + ".log", "w") as log:
        return subprocess.Popen(
            [program, "-max_total_time=" + seconds, "-rss_limit_mb=1024", "-print_final_stats=1",
             "-artifact_prefix=%s." % program, corpus],
            stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
            env=dict(os.environ, ASAN_OPTIONS=FUZZ_ASAN))


def fuzz_result(name, folder, process):
    with open(os.path.join(folder, name + ".log"), errors="replace") as log:
        lines = log.read().splitlines()
    if process.wait():
        print("\n".join(lines[-30:]))
        print("not ok %s exit status %d" % (name, process.returncode), flush=True)
        return 1
    print("\n".join(line for line in lines if "stat::number_of_executed_units" in line))
    print("ok " + name, flush=True)
    return 0


def fuzz():
    folder = os.path.join(paths.BUILD, "fuzz")
    os.makedirs(folder, exist_ok=True)
    names = [os.path.basename(path)[:-2]
             for path in sorted(glob.glob(os.path.join(paths.TESTS, "fuzz", "fuzz_*.c")))]
    archives = {}
    running = [(name, fuzz_one(name, folder, archives)) for name in names]
    unbuilt = [name for name, process in running if process is None]
    for name in unbuilt:
        print("not ok %s it does not compile" % name, flush=True)
    results = [fuzz_result(name, folder, process) for name, process in running if process]
    return 1 if unbuilt or any(results) else 0


# --- style

def is_shell(name):
    with open(os.path.join(paths.TOP, name), "rb") as script:
        return re.match(rb"#!.*\b(ba|da|)sh\b", script.readline()) is not None


def style_commands(names):
    ours = [name for name in names if not name.startswith(analyze.FOREIGN)]
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
        if SPDX_FILES.search(name) and not name.startswith(analyze.FOREIGN):
            with open(os.path.join(paths.TOP, name), errors="replace") as source:
                if SPDX not in source.read(400):
                    yield name


def long_changes():
    """Lines of the changelog that lintian would warn of, which install-deb runs."""
    with open(os.path.join(paths.TOP, "deb", "changelog")) as changelog:
        for number, line in enumerate(changelog, 1):
            if line.startswith("  ") and len(line.rstrip("\n")) > CHANGELOG_COLUMNS:
                yield number


# What each package's recipe calls the version, beside configure's.
VERSIONS = {"configure.ac": r"^AC_INIT\(\[memonline\], \[(.*?)\]",
            "deb/changelog": r"^memonline \((.*?)-\d+\)",
            "rpm/memonline.spec": r"^Version: +(\S+)$"}


def version_of(name):
    with open(os.path.join(paths.TOP, name)) as source:
        found = re.search(VERSIONS[name], source.read(), re.M)
    return found.group(1) if found else "none"


def style():
    names = tree.source_files()
    status = 0
    for argv in style_commands(names):
        status = call(argv) or status
    for name in without_spdx(names):
        print("no SPDX line: " + name)
        status = 1
    for problem in manual.problems(names):
        print("style: " + problem)
        status = 1
    for number in long_changes():
        print("style: deb/changelog:%d is longer than %d" % (number, CHANGELOG_COLUMNS))
        status = 1
    versions = {name: version_of(name) for name in VERSIONS}
    if len(set(versions.values())) > 1:
        print("style: the versions differ: %s" % versions)
        status = 1
    return sim_repairs("--check") or status


# --- the simulator

SIM_SEEDS = "100"
SIM_STEPS = "10000000"
SIM_EVENTS = "6"  # of small worlds


def sim_build():
    return make(paths.NORMAL, "-s", "tests/sim/sim")


def sim_run(*options):
    return sim_build() or call([os.path.join(paths.NORMAL, "tests", "sim", "sim")] + list(options))


def sim(first=None, count=SIM_SEEDS):
    return sim_run("--seed", first or os.environ.get("MEMONLINE_SEED", "1"), "--seeds", count,
                   "--shrink")


def sim_long():
    return (sim_run("--seed", os.environ.get("MEMONLINE_SEED", "1"), "--steps", SIM_STEPS,
                    "--shrink") or sim_run("--plants") or sim_run("--small", SIM_EVENTS))


def sim_scale(first=None, count="200"):
    program = os.path.join(paths.NORMAL, "tests", "sim", "scale")
    seed = first or os.environ.get("MEMONLINE_SEED", "1")
    return (make(paths.NORMAL, "-s", "tests/sim/scale") or
            call([program, "--seed", seed, "--seeds", count]) or call([program, "--plants"]))


def sim_repairs(*options):
    return call([sys.executable, os.path.join(paths.TESTS, "sim", "repairs.py")] + list(options))


def bench():
    return call([sys.executable, "-m", "bench", "--quick"])


def probe_kernels():
    try:
        probing.build()
    except packages.Missing as reason:
        print("skip probe-kernels " + " ".join(str(reason).split()))
    return 0


JOBS = {job.__name__.replace("_", "-"): job for job in (
    unit, policy, kernel_models, process, sanitizers, analyze.tools, analyze.coverage, fuzz,
    bench, sim, sim_long, sim_scale, sim_repairs, probe_kernels, distcheck, oldest, style,
    suites)}
JOBS["example"] = example.main


def main(argv):
    try:
        return JOBS[argv[0]](*argv[1:])
    except (packages.Missing, subprocess.CalledProcessError) as error:
        print(error)
        return 1
