# SPDX-License-Identifier: GPL-2.0-or-later
"""Small changes of the code, each built and judged by the tests: python3 -m lab mutants [N]

A seed chooses N changes of core/, wire/ and daemon/. One that some test sees is killed. One that
none sees survives: either a test is missing, or the change means nothing and stands in
tests/data/mutants.txt with the reason.
"""

import collections
import concurrent.futures
import glob
import os
import random
import re
import shutil
import signal
import subprocess
import sys

from . import paths, tree

COUNT = 50
AT_A_TIME = 2
FOLDERS = ("core", "wire", "daemon")
AIMS = {"core": 90, "wire": 90, "daemon": 85}  # percent
BUILD_SEC = 300
TEST_SEC = 120
PROCESS_SEC = 300
SIM_SEEDS = "20"
EQUIVALENT = os.path.join(paths.TESTS, "data", "mutants.txt")
OPTIONS = ["--prefix=/usr", "--sysconfdir=/etc", "CFLAGS=-O0"]

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
# One statement on one line that calls, assigns, or goes on to the next turn.
STATEMENT = re.compile(r"^\t+(?!return|goto|break|static|const|struct|enum|unsigned|int|bool|size_t"
                       r"|uint|char|long|double|else|case|default|void|typedef|extern)"
                       r"(?:\*?[a-z_][\w.>\[\]-]*(?: [|&+-]?=|\(|\+\+|--)[^{}]*;|continue;)$", re.M)
CONDITION = re.compile(r"^(\t+(?:} else )?(?:if|while) \()(.*)(\)(?: \{)?)$", re.M)

Mutant = collections.namedtuple("Mutant", "path line before after start end text")


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
        yield Mutant(path, code.count("\n", 0, start) + 1, code[first:last].strip(),
                     (code[first:start] + text + code[end:last]).strip(), start, end, text)


def all_mutants():
    for folder in FOLDERS:
        for path in sorted(glob.glob(os.path.join(paths.TOP, "agent", folder, "*.c"))):
            yield from mutants_of(os.path.relpath(path, paths.TOP))


def equivalent():
    """{(file, line before, line after): reason}; `file`, `- before`, `+ after`, `= reason`."""
    found, part = {}, {}
    with open(EQUIVALENT) as lines:
        for line in lines:
            mark, text = line[:2], line[2:].strip()
            if mark in ("@ ", "- ", "+ ", "= "):
                part[mark[0]] = text
            if mark == "= ":
                found[part["@"], part["-"], part["+"]] = text
    return found


# --- one build after the other


class Bench:
    """A copy of the tree with a build of its own, in which one mutant at a time is judged."""

    def __init__(self, number):
        self.source = os.path.join(paths.BUILD, "mutants", "src%d" % number)
        self.build = os.path.join(paths.BUILD, "mutants", "build%d" % number)

    def prepare(self):
        shutil.rmtree(self.source, ignore_errors=True)
        shutil.copytree(paths.SOURCE, self.source, symlinks=True)
        if not os.path.exists(os.path.join(self.build, "Makefile")):
            shutil.rmtree(self.build, ignore_errors=True)
            os.makedirs(self.build)
            subprocess.check_call([os.path.join(self.source, "configure"), "-q"] + OPTIONS,
                                  cwd=self.build, stdin=subprocess.DEVNULL)
        failed = self.judge()
        if failed:
            raise RuntimeError("the tree itself fails: " + failed)

    def _run(self, argv, seconds, **more):
        """Whether it ends well and in time; all that it started is ended."""
        env = dict(os.environ, srcdir=self.source, MEMONLINE_BUILD=self.build, **more)
        process = subprocess.Popen(argv, cwd=self.build, env=env, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   start_new_session=True)
        try:
            return process.wait(seconds) == 0
        except subprocess.TimeoutExpired:
            return False
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()

    def _make(self):
        with open(os.path.join(self.source, "Makefile.am")) as makefile:
            names = re.findall(r"^\t(tests/(?:unit/test-|sim/)[\w-]+)(?: \\)?$",
                               makefile.read(), re.M)
        self._units = sorted(set(names))
        return self._run(["make", "-s", "agent/memonlined", "agent/memonlinectl"] + self._units,
                         BUILD_SEC)

    def judge(self, path=""):
        """The name of the first test that fails; None where all pass."""
        if not self._make():
            return "build"
        own = "test-" + os.path.basename(path)[:-2]
        for name in sorted(self._units, key=lambda name: not name.endswith(own)):
            if "/sim/" in name:
                continue
            if not self._run([os.path.join(self.build, name)], TEST_SEC):
                return os.path.basename(name)
        if not self._run([sys.executable, os.path.join(paths.TESTS, "policy", "plans.py")],
                         PROCESS_SEC):
            return "policy"
        for name in self._units:
            if "/sim/" in name and not self._run(
                    [os.path.join(self.build, name), "--seeds", SIM_SEEDS], PROCESS_SEC):
                return "sim"
        for script in sorted(glob.glob(os.path.join(paths.PROCESS, "*.py"))):
            if os.access(script, os.X_OK) and not self._run([sys.executable, script],
                                                            PROCESS_SEC):
                return os.path.basename(script)
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
    sites, known = list(all_mutants()), equivalent()
    chosen = [mutant for mutant in random.Random(seed).sample(sites, min(count, len(sites)))]
    killed, total = collections.Counter(), collections.Counter()
    print("%d of %d changes, seed %d" % (len(chosen), len(sites), seed), flush=True)
    for mutant, killer in judge_all(chosen, benches):
        reason = known.get((mutant.path, mutant.before, mutant.after))
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
