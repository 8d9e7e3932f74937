# SPDX-License-Identifier: GPL-2.0-or-later
"""Small changes of the code, each built and judged by the tests: python3 -m lab mutants [N]

A seed chooses N changes of core/, wire/ and daemon/, the same ones as long as their lines stay the
same. One that some test sees is killed. One that none sees survives: either a test is missing, or
the change means nothing and stands in tests/data/mutants.txt with the reason.

The judges are asked until one sees the change: the unit test of the file; then, the quickest
first, the other unit tests, the fuzzers' corpora, the simulators and the golden plans; then the
process tests. One whose programs are byte for byte those of the tree itself has nothing to see.
"""

import collections
import concurrent.futures
import glob
import hashlib
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time

from . import paths, tree

COUNT = 50
AT_A_TIME = 2
FOLDERS = ("core", "wire", "daemon")
AIMS = {"core": 90, "wire": 90, "daemon": 85}  # percent
# A busy machine makes a judge slow. So what never ends shows by the processor time that it takes,
# or that it takes none; these are for the rest.
BUILD_SEC = 900
TEST_SEC = 900
PROCESS_SEC = 900
IDLE_SEC = 20
SPIN_SEC = 10
SPIN_TIMES = 4  # what the judge takes on the tree itself
MEMORY_MAX = 4 << 30
SIM_SEEDS = "100"
SCALE_SEEDS = "200"
EQUIVALENT = os.path.join(paths.TESTS, "data", "mutants.txt")
# What is no longer reachable at the end is seen, as by the job `sanitizers`; by the name of the
# directory the process tests know that memory in use is not the program's alone.
OPTIONS = ["--prefix=/usr", "--sysconfdir=/etc", "CFLAGS=-O0 -fsanitize=leak"]

TOKEN = re.compile(r"""
    (?P<skip>/\*.*?\*/ | //[^\n]* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\])*'
           | ^[ \t]*\#(?:[^\n\\]|\\\n|\\.)*)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<number>0[xX][0-9a-fA-F]+[uUlL]* | [0-9]+[uUlL]*)
  | (?P<mark><<=?|>>=?|->|\+\+|--|&&|\|\||[<>=!+*/%&|^-]=|[<>!+-])
  | (?P<other>.)
""", re.X | re.S | re.M)
SWAPS = {"<": ("<=", ">"), "<=": ("<",), ">": (">=", "<"), ">=": (">",), "==": ("!=",),
         "!=": ("==",), "&&": ("||",), "||": ("&&",), "+=": ("-=",), "-=": ("+=",)}
WORDS = {"true": "false", "false": "true"}
# One statement, on lines of its own, that calls, assigns, or goes on to the next turn.
STATEMENT = re.compile(r"^\t+(?!return|goto|break|static|const|struct|enum|unsigned|int|bool|size_t"
                       r"|uint|char|long|double|else|case|default|void|typedef|extern)"
                       r"(?:\*?[a-z_][\w.>\[\]-]*(?: [|&+-]?=|\(|\+\+|--)[^{};]*;|continue;)$", re.M)
CONDITION = re.compile(r"^(\t+(?:} else )?(?:if|while) \()(.*)(\)(?: \{)?)$", re.M)

FUNCTION = re.compile(r"^\w[^;=\n]*?(\w+)\(", re.M)

Mutant = collections.namedtuple("Mutant", "path line function before after start end text")


def folder_of(path):
    return path.split("/")[1]


def inside_function(code):
    """For each offset whether it lies within braces that begin at the start of a line."""
    spans, start = [], None
    for match in re.finditer(r"^[{}]", code, re.M):
        if match.group() == "{":
            start = match.start()
        elif start is not None:
            spans.append((start, match.start()))
            start = None
    return lambda at: any(first < at < last for first, last in spans)


def one_more(number):
    """In decimal, with its suffix."""
    digits = number.rstrip("uUlL")
    base = 8 if re.match("0[0-7]+$", digits) else 0
    return str(int(digits, base) + 1) + number[len(digits):]


def edits(code):
    """(start, end, text) of each change of one place."""
    for match in TOKEN.finditer(code):
        kind, text = match.lastgroup, match.group()
        if kind == "mark":
            for other in SWAPS.get(text, ()):
                yield match.start(), match.end(), other
        elif kind == "name" and text in WORDS:
            yield match.start(), match.end(), WORDS[text]
        elif kind == "number" and code[match.start() - 1] not in "[.":
            yield match.start(), match.end(), one_more(text)
    for match in STATEMENT.finditer(code):
        yield match.start(), match.end(), ";"
    for match in CONDITION.finditer(code):
        if match.group(2).count("(") == match.group(2).count(")"):
            yield match.start(2), match.end(2), "!(%s)" % match.group(2)


def whole_lines(code, start, end):
    first = code.rfind("\n", 0, start) + 1
    last = code.find("\n", end)
    return first, last if last >= 0 else len(code)


def one_line(code):
    return " ".join(code.split())


def skipped(code):
    """Comments, strings and preprocessor lines."""
    return [(match.start(), match.end()) for match in TOKEN.finditer(code)
            if match.lastgroup == "skip"]


def mutants_of(path):
    with open(os.path.join(paths.TOP, path)) as source:
        code = source.read()
    is_inside, out = inside_function(code), skipped(code)
    for start, end, text in edits(code):
        if not is_inside(start) or any(a <= start < b for a, b in out):
            continue
        first, last = whole_lines(code, start, end)
        yield Mutant(path, code.count("\n", 0, start) + 1,
                     FUNCTION.findall(code, 0, start)[-1], one_line(code[first:last]),
                     one_line(code[first:start] + text + code[end:last]), start, end, text)


def all_mutants():
    for folder in FOLDERS:
        for path in sorted(glob.glob(os.path.join(paths.TOP, "agent", folder, "*.c"))):
            yield from mutants_of(os.path.relpath(path, paths.TOP))


def choose(count, seed):
    """By a hash of each change: an edit elsewhere chooses no others."""
    ranked, seen = [], collections.Counter()
    for mutant in all_mutants():
        key = (mutant.path, mutant.before, mutant.after)
        seen[key] += 1
        text = "\n".join(key + (str(seed), str(seen[key])))
        ranked.append((hashlib.sha256(text.encode()).digest(), mutant))
    ranked.sort(key=lambda pair: pair[0])
    return [mutant for _, mutant in ranked[:count]], len(ranked)


def key_of(mutant):
    return mutant.path + " " + mutant.function, mutant.before, mutant.after


def equivalent():
    """{key: reason}; lines `@ file function`, `- before`, `+ after`, `= reason`."""
    found, part = {}, {}
    with open(EQUIVALENT) as lines:
        for line in lines:
            mark, text = line[:2], line[2:].strip()
            if mark in ("@ ", "- ", "+ ", "= "):
                part[mark[0]] = text
            if mark == "= ":
                found[part["@"], part["-"], part["+"]] = text
    return found


# --- who judges

# A name, a command, and the programs on which alone its verdict depends.
Judge = collections.namedtuple("Judge", "name argv programs limit")

DAEMON, CONTROL = "agent/memonlined", "agent/memonlinectl"
HOST = ("agent/virt-memonline", "tests/process/fake-virt-memonline")


def program_judge(build, path, *options):
    return Judge(os.path.basename(path), [os.path.join(build, path)] + list(options), [path],
                 TEST_SEC)


def script_text(path):
    """Of a script and of those beside it that it imports."""
    with open(path) as script:
        text = script.read()
    for name in re.findall(r"^(?:import|from) (\w+)", text, re.M):
        beside = os.path.join(os.path.dirname(path), name + ".py")
        if os.path.exists(beside):
            text += script_text(beside)
    return text


def script_judge(path, built):
    text = script_text(path)
    return Judge(os.path.basename(path), [sys.executable, path],
                 [name for name in built if os.path.basename(name) in text], PROCESS_SEC)


def process_scripts():
    return [path for path in sorted(glob.glob(os.path.join(paths.PROCESS, "*.py")))
            if os.access(path, os.X_OK)]


# --- one build after the other


def limited(argv, seconds):
    return ["prlimit", "--cpu=%d" % seconds, "--data=%d" % MEMORY_MAX, "--core=0"] + argv


def ticks(pid):
    """Of processor time that the process itself has taken; None once it has ended."""
    try:
        with open("/proc/%d/stat" % pid) as stat:
            fields = stat.read().rpartition(")")[2].split()
    except OSError:
        return None
    return int(fields[11]) + int(fields[12])


def ends_well(process, seconds, idle_seconds):
    begin = since = time.monotonic()
    used = None
    while True:
        try:
            return process.wait(1) == 0
        except subprocess.TimeoutExpired:
            pass
        now, used_now = time.monotonic(), ticks(process.pid)
        if used_now != used:
            used, since = used_now, now
        if now - begin > seconds or now - since > idle_seconds:
            return False


class Bench:
    """A copy of the tree with a build of its own, in which one mutant at a time is judged."""

    def __init__(self, number):
        self.source = os.path.join(paths.BUILD, "mutants", "src%d" % number)
        self.build = os.path.join(paths.BUILD, "mutants", "sanitizers%d" % number)
        self._tiers, self._seconds, self._clean = [], {}, {}

    def prepare(self):
        """From nothing: a run that was ended leaves a change behind."""
        for directory in (self.source, self.build):
            shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(paths.SOURCE, self.source, symlinks=True)
        os.makedirs(self.build)
        subprocess.check_call([os.path.join(self.source, "configure"), "-q"] + OPTIONS,
                              cwd=self.build, stdin=subprocess.DEVNULL)
        self._gather()
        failed = self.judge()
        if failed:
            raise RuntimeError("the tree itself fails: " + failed)
        self._clean = {name: self._bytes(name) for name in self._programs()}
        for tier in self._tiers:
            tier.sort(key=lambda judge: self._seconds[judge.name])

    def _variable(self, name):
        """What the Makefile's variable says."""
        return subprocess.check_output(
            ["make", "-s", "--eval", "said:;@echo $(%s)" % name, "said"], cwd=self.build,
            stdin=subprocess.DEVNULL).decode().split()

    def _gather(self):
        self._built = [DAEMON, CONTROL] + [name for name in HOST if name in self._variable(
            "bin_PROGRAMS") + self._variable("process_programs")]
        self._tiers = [
            [program_judge(self.build, path) for path in self._variable("check_PROGRAMS")] +
            [Judge("policy", [sys.executable, os.path.join(paths.TESTS, "policy", "plans.py")],
                   [DAEMON], PROCESS_SEC),
             program_judge(self.build, "tests/sim/sim", "--seeds", SIM_SEEDS),
             program_judge(self.build, "tests/sim/scale", "--seeds", SCALE_SEEDS)],
            [judge for judge in (script_judge(path, self._built) for path in process_scripts())
             if judge.programs]]

    def _programs(self):
        return sorted({path for tier in self._tiers for judge in tier for path in judge.programs})

    def _bytes(self, path):
        with open(os.path.join(self.build, path), "rb") as program:
            return program.read()

    def _run(self, argv, seconds, spin_seconds, idle_seconds=math.inf):
        """Whether it ends well and in time; all that it started is ended."""
        env = dict(os.environ, srcdir=self.source, MEMONLINE_BUILD=self.build)
        process = subprocess.Popen(limited(argv, spin_seconds), cwd=self.build, env=env,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            return ends_well(process, seconds, idle_seconds)
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()

    def _make(self, programs):
        return self._run(["make", "-s"] + list(programs), BUILD_SEC, BUILD_SEC)

    def _sees(self, judge):
        """Whether it fails where it passes on the tree itself."""
        before, begin = self._seconds.get(judge.name), time.monotonic()
        spin = BUILD_SEC if before is None else SPIN_SEC + int(SPIN_TIMES * before)
        # A script waits for what it has started.
        idle = IDLE_SEC if judge.argv[0] != sys.executable else math.inf
        failed = not self._run(judge.argv, judge.limit, spin, idle)
        if before is None:
            self._seconds[judge.name] = time.monotonic() - begin
        return failed

    def _own(self, path):
        """The judges that are named for the file, or else for the first word of its name."""
        name = "test-" + os.path.basename(path)[:-2]
        word = "-".join(name.split("-")[:2])
        return ([judge for judge in self._tiers[0] if judge.name == name] or
                [judge for judge in self._tiers[0] if (judge.name + "-").startswith(word + "-")])

    def _changed(self, judge):
        return any(self._bytes(path) != self._clean.get(path) for path in judge.programs)

    def judge(self, path=""):
        """The name of the first judge that fails; None where all pass."""
        own = self._own(path) if path else []
        for judge in own:
            if not self._make(judge.programs):
                return "build"
            if self._sees(judge):
                return judge.name
        if not self._make(self._programs()):
            return "build"
        for tier in self._tiers:
            for judge in tier:
                if judge not in own and self._changed(judge) and self._sees(judge):
                    return judge.name
        return None

    def try_mutant(self, mutant):
        target = os.path.join(self.source, mutant.path)
        with open(target) as source:
            code = source.read()
        with open(target, "w") as source:
            source.write(code[:mutant.start] + mutant.text + code[mutant.end:])
        try:
            return self.judge(mutant.path)
        finally:
            with open(target, "w") as source:
                source.write(code)


# --- the count


def told(mutant):
    return "%s:%d\n    - %s\n    + %s" % (mutant.path, mutant.line, mutant.before, mutant.after)


def judge_all(chosen, benches):
    """(mutant, what killed it or None), as they come."""
    free = list(benches)

    def one(mutant):
        bench = free.pop()
        try:
            return mutant, bench.try_mutant(mutant)
        finally:
            free.append(bench)

    with concurrent.futures.ThreadPoolExecutor(len(benches)) as pool:
        yield from pool.map(one, chosen)


def summary(killed, total):
    """The table, and whether every folder reaches its aim."""
    met = True
    for folder in FOLDERS:
        if not total[folder]:
            continue
        percent = 100.0 * killed[folder] / total[folder]
        met = met and percent >= AIMS[folder]
        print("| %-8s %4d of %4d killed, %5.1f %% (at least %d)" %
              (folder, killed[folder], total[folder], percent, AIMS[folder]), flush=True)
    return met


def run(count, seed):
    tree.prepare()
    benches = [Bench(number) for number in range(AT_A_TIME)]
    with concurrent.futures.ThreadPoolExecutor(AT_A_TIME) as pool:
        list(pool.map(Bench.prepare, benches))
    known = equivalent()
    chosen, sites = choose(count, seed)
    killed, total = collections.Counter(), collections.Counter()
    print("%d of %d changes, seed %d" % (len(chosen), sites, seed), flush=True)
    for mutant, killer in judge_all(chosen, benches):
        reason = known.get(key_of(mutant))
        if killer == "build" or (killer is None and reason):
            print("left out (%s) %s" % (reason or "does not compile", told(mutant)), flush=True)
            continue
        total[folder_of(mutant.path)] += 1
        killed[folder_of(mutant.path)] += killer is not None
        print("%s %s" % ("killed by " + killer if killer else "SURVIVED", told(mutant)),
              flush=True)
    return 0 if summary(killed, total) else 1


def main(argv):
    count = int(argv[0]) if argv else int(os.environ.get("MEMONLINE_MUTANTS", COUNT))
    return run(count, int(os.environ.get("MEMONLINE_SEED", "1")))
